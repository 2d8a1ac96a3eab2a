"""Running totals: reductions over all rows of a table, which come in batches of any length.

Rows are gathered into blocks whose borders do not depend on the batches, so a total has the same bits however the rows
came. Sums carry the rounding errors of every addition along, in halves of a block and then from block to block, and are
right to the last digit of a double wherever the terms do not cancel beyond twice its precision (T. Ogita, S. Rump and
S. Oishi, Accurate sum and dot product, SIAM J. Sci. Comput. 26, 2005, algorithm 4.4; in pairs instead of a chain).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

BLOCK, FEWEST, NUMBERS = 4096, 16, 1 << 20
"""Rows of a block at most and at least, powers of two, and the numbers that it has if a row has many."""


class Blocks:
    """Values that come in batches, given on in whole blocks. A value is a number a row, or an array a row."""

    def __init__(self, shape: tuple[int, ...] = ()) -> None:
        fitting = NUMBERS // max(math.prod(shape), 1)
        self._block = min(BLOCK, max(FEWEST, 1 << max(fitting.bit_length() - 1, 0)))
        self._waiting = np.empty((self._block, *shape))
        self._filled = 0

    def add(self, values: Any, rows: int | None = None) -> None:
        """Take in the values of some rows, of shape (rows,) + the shape of one; one row stands for as many as said."""
        if rows is not None and len(values) != rows:
            values = np.broadcast_to(values, (rows, *values.shape[1:]))
        if self._filled:
            head = min(len(values), self._block - self._filled)
            self._waiting[self._filled : self._filled + head] = values[:head]
            self._filled += head
            values = values[head:]
            if self._filled < self._block:
                return
            self._take(self._waiting[None])
            self._filled = 0
        whole = len(values) // self._block
        if whole:
            part = np.ascontiguousarray(values[: whole * self._block], dtype=np.float64)
            self._take(part.reshape(whole, self._block, *part.shape[1:]))
        rest = values[whole * self._block :]
        self._waiting[: len(rest)] = rest
        self._filled = len(rest)

    def _take(self, blocks: Any) -> None:
        """Take in whole blocks: shape (blocks, rows of a block) + the shape of a value."""
        raise NotImplementedError

    def result(self) -> Any:
        """The total of all that came."""
        raise NotImplementedError

    def _fill(self, neutral: float) -> None:
        """Complete the last block by what changes nothing."""
        if self._filled:
            self._waiting[self._filled :] = neutral
            self._take(self._waiting[None])
            self._filled = 0


class Sum(Blocks):
    """The sum, as two numbers that are added last; an infinity or a nan is what plain additions make it."""

    def __init__(self, shape: tuple[int, ...] = ()) -> None:
        super().__init__(shape)
        self._high = np.zeros(shape)
        self._low = np.zeros(shape)

    def _take(self, blocks: Any) -> None:
        with np.errstate(all="ignore"):
            highs, lows = sums(blocks)
            for high, low in zip(highs, lows, strict=True):
                self._high, error = two_sum(self._high, high)
                self._low = self._low + (error + low)

    def result(self) -> Any:
        """The sum, rounded once."""
        self._fill(0.0)
        with np.errstate(all="ignore"):
            total = self._high + self._low
        return np.where(np.isfinite(self._high), total, self._high)


def two_sum(a: Any, b: Any) -> tuple[Any, Any]:
    """The rounded sum, and what rounding left over, exactly (D. Knuth, The Art of Computer Programming 2, 4.2.2)."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def sums(blocks: Any) -> tuple[Any, Any]:
    """The sum of each block by halves, and the sum of what the additions left over."""
    left_over: Any = 0.0
    while (half := blocks.shape[1] // 2) >= 1:
        blocks, error = two_sum(blocks[:, :half], blocks[:, half:])
        left_over = error if isinstance(left_over, float) else left_over[:, :half] + left_over[:, half:] + error
    return blocks[:, 0], left_over[:, 0]


class Largest(Blocks):
    """The largest value; nan where there is one."""

    _choose: Any = staticmethod(np.maximum)
    _neutral = -np.inf

    def __init__(self, shape: tuple[int, ...] = ()) -> None:
        super().__init__(shape)
        self._found = np.full(shape, self._neutral)

    def _take(self, blocks: Any) -> None:
        self._found = self._choose(self._found, self._choose.reduce(blocks, axis=(0, 1)))

    def result(self) -> Any:
        """The value."""
        self._fill(self._neutral)
        return self._found


class Smallest(Largest):
    """The smallest value; nan where there is one."""

    _choose = staticmethod(np.minimum)
    _neutral = np.inf


class Length(Sum):
    """sqrt(sum(x^2)) without overflow or underflow: squares of x over a power of two near the largest so far."""

    def __init__(self, shape: tuple[int, ...] = ()) -> None:
        super().__init__(shape)
        self._exponent = np.full(shape, -2000)
        self._broken = np.zeros(shape)

    def _take(self, blocks: Any) -> None:
        for block in blocks:
            with np.errstate(all="ignore"):
                largest = np.abs(block).max(axis=0)
                fine = np.isfinite(largest)
                self._broken = self._broken + np.where(fine, 0.0, largest)
                exponent = np.where(fine & (largest > 0), np.frexp(largest)[1], -2000)
                grown = np.maximum(self._exponent, exponent)
                shift = 2 * (self._exponent - grown)
                self._high, self._low = np.ldexp(self._high, shift), np.ldexp(self._low, shift)
                self._exponent = grown
                super()._take(np.square(np.ldexp(np.where(fine, block, 0.0), -grown))[None])

    def result(self) -> Any:
        """The length."""
        with np.errstate(all="ignore"):
            found = np.ldexp(np.sqrt(super().result()), self._exponent)
        return np.where(self._broken == 0, found, self._broken)


class Product(Blocks):
    """The product, as a fraction and an exponent, so that nothing overflows on the way."""

    def __init__(self, shape: tuple[int, ...] = ()) -> None:
        super().__init__(shape)
        self._fraction = np.ones(shape)
        self._exponent = np.zeros(shape, dtype=np.int64)

    def _take(self, blocks: Any) -> None:
        with np.errstate(all="ignore"):
            fraction, exponent = np.frexp(blocks)
            powers = exponent.sum(axis=1, dtype=np.int64)
            while (half := fraction.shape[1] // 2) >= 1:
                fraction, exponent = np.frexp(fraction[:, :half] * fraction[:, half:])
                powers = powers + exponent.sum(axis=1, dtype=np.int64)
            for each, power in zip(fraction[:, 0], powers, strict=True):
                self._fraction, exponent = np.frexp(self._fraction * each)
                self._exponent = self._exponent + power + exponent

    def result(self) -> Any:
        """The product, rounded to a double last."""
        self._fill(1.0)
        with np.errstate(all="ignore"):
            return np.ldexp(self._fraction, np.clip(self._exponent, -4000, 4000).astype(np.int32))


def running(name: str, shape: tuple[int, ...] = ()) -> Blocks:
    """A running total by the name that rows spell it with. KeyError where there is none."""
    kinds: dict[str, type[Blocks]] = {
        "Sum": Sum, "Largest": Largest, "Smallest": Smallest, "Length": Length, "Product": Product,
    }  # fmt: skip
    return kinds[name](shape)
