"""Where a formula is looked at: points in ranges, around a point, or like the rows of a table."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    Range = tuple[float, float]
    Columns = dict[str, Any]

REACHES, REACH_SHARES = (2.0, 8.0, 30.0, 300.0), (0.4, 0.35, 0.15, 0.1)
"""Exponents of ten up to which numbers of every size lie, and how many of them."""

EVERY, NEAR, CLOSE = 0.4, 0.35, 0.25
"""Of points around a given one: those of every size, those within a few powers of ten, and those that share its
digits, so that inputs that are nearly equal stay so."""

EVEN, BY_SIZE, DOUBLES = 0.5, 0.3, 0.2
"""Of points in a range: those that lie evenly, evenly by their logarithm, and evenly among all doubles."""

WIDE_SHARES = 0.1, 0.3, 0.6
"""The same, of a range with more than twenty powers of ten."""

POWERS = 1e20
"""Of numbers that are drawn by their logarithm in a range with 0, the largest one by the smallest."""

LARGEST = float(np.finfo(float).max)

JITTER = 0.1
"""Relative distance of points from the row of a table beside which they lie."""


@dataclass(frozen=True)
class Region:
    """Points of the inputs by name. ranges: two ends. at: a value around which to look, where there is no range. rows:
    columns of a table, which come first and are all that is looked at, themselves and what is near them."""

    ranges: Mapping[str, Range] = field(default_factory=dict)
    at: Mapping[str, float] = field(default_factory=dict)
    rows: Mapping[str, Any] = field(default_factory=dict)

    def is_point(self, names: Sequence[str]) -> bool:
        """Whether these inputs have one value each, around which others lie."""
        return not self.rows and all(name in self.at and name not in self.ranges for name in names)

    def drawn(self, names: Sequence[str], count: int, generator: Any) -> Columns:
        """About so many points, a column an input; the given point, or the given rows, in front."""
        if self.rows:
            return self._like_rows(names, count, generator)
        columns: Columns = {}
        kinds = generator.choice(3, count, p=(EVERY, NEAR, CLOSE))
        factor, distance = 10.0 ** generator.normal(0.0, 1.0, count), 10.0 ** generator.uniform(-8.0, -0.5, count)
        for name in names:
            if name in self.ranges:
                columns[name] = in_range(*self.ranges[name], count, generator)
                continue
            every, here = of_every_size(count, generator), self.at.get(name, 0.0)
            near = here * 10.0 ** generator.normal(0.0, 1.0, count)
            close = here * factor * (1.0 + distance * generator.normal(0.0, 1.0, count))
            columns[name] = np.choose(kinds, [every, near, close]) if here else every
        if self.is_point(names):
            columns = {name: np.concatenate([[self.at[name]], column]) for name, column in columns.items()}
        return columns

    def ends(self, name: str) -> Range:
        """Between which numbers an input lies: its range, those of its rows, or all doubles."""
        if name in self.rows:
            column = np.asarray(self.rows[name], dtype=float)
            column = column[np.isfinite(column)]
            return (float(column.min()), float(column.max())) if len(column) else (0.0, 0.0)
        return self.ranges.get(name, (-LARGEST, LARGEST))

    def covered(self, names: Sequence[str], count: int, generator: Any) -> Columns:
        """Points everywhere between the ends: half of them as `drawn`, of the others half with all inputs anywhere, and
        half with one input anywhere and the others as drawn. Anywhere: evenly among all doubles, or of every size."""
        drawn = self.drawn(names, count, generator)
        if not names:
            return drawn
        count = len(drawn[names[0]])
        kinds = generator.integers(0, 4 * len(names), count)
        columns = {}
        for number, name in enumerate(names):
            low, high = self.ends(name)
            every = double_at(generator.integers(place_of(low), place_of(high), count, endpoint=True))
            sized = of_every_size(count, generator)
            every = np.where((generator.random(count) < 0.5) & (sized >= low) & (sized <= high), sized, every)
            moves = (kinds < len(names)) | (kinds == len(names) + number)
            columns[name] = np.where(moves, every, drawn[name])
        return columns

    def _like_rows(self, names: Sequence[str], count: int, generator: Any) -> Columns:
        """The rows, if there are more than wanted some of them, and for the rest points beside them."""
        total = len(next(iter(self.rows.values())))
        first = generator.permutation(total)[: max(count // 2, 1)]
        beside = generator.integers(0, total, max(count - len(first), 0))
        columns = {}
        for name in names:
            if name in self.rows:
                column = np.asarray(self.rows[name], dtype=float)
                moved = column[beside] * (1.0 + JITTER * generator.uniform(-1.0, 1.0, len(beside)))
                columns[name] = np.concatenate([column[first], np.clip(moved, np.min(column), np.max(column))])
            else:
                low, high = self.ranges.get(name, (self.at.get(name, 0.0),) * 2)
                columns[name] = in_range(low, high, len(first) + len(beside), generator)
        return columns


def of_every_size(count: int, generator: Any) -> Any:
    """Numbers of both signs and of every size, most of them ordinary."""
    sign = generator.choice((-1.0, 1.0), count)
    sizes = [generator.uniform(-reach, reach, count) for reach in REACHES]
    return sign * 10.0 ** np.choose(generator.choice(len(REACHES), count, p=REACH_SHARES), sizes)


def in_range(low: float, high: float, count: int, generator: Any) -> Any:
    """Numbers in a range: evenly, evenly by their logarithm, and evenly among all doubles there."""
    if low == high:
        return np.full(count, low)
    fraction = generator.random(count)
    even = low * (1.0 - fraction) + high * fraction  # no difference of the ends, which may be too large
    largest = max(abs(low), abs(high))
    apart = low * high <= 0
    smallest = min(largest / POWERS, 1.0 / largest) if apart else min(abs(low), abs(high))
    smallest = max(smallest, 5e-324)
    sizes = np.exp(generator.uniform(np.log(smallest), np.log(largest), count))
    signed = np.where(even < 0, -sizes, sizes)
    signed = np.where((signed >= low) & (signed <= high), signed, even)
    by_bits = double_at(generator.integers(place_of(low), place_of(high), count, endpoint=True))
    shares = WIDE_SHARES if is_wide(low, high) else (EVEN, BY_SIZE, DOUBLES)
    return np.choose(generator.choice(3, count, p=shares), [even, signed, by_bits])


def is_wide(low: float, high: float) -> bool:
    """Whether a range goes over so many powers of ten that hardly any of them is met evenly."""
    largest, smallest = max(abs(low), abs(high)), min(abs(low), abs(high))
    return largest > POWERS if low * high <= 0 else largest / POWERS > smallest


def place_of(value: float) -> int:
    """The place of a double among all of them in order, 0 for 0."""
    return int(places_of(np.float64(value)))


def places_of(values: Any) -> Any:
    """The places of doubles among all of them in order, 0 for 0."""
    bits = np.asarray(values, dtype=float).view(np.int64)
    return np.where(bits >= 0, bits, -(bits & 0x7FFFFFFFFFFFFFFF))


def double_at(places: Any) -> Any:
    """The doubles at such places."""
    sizes = np.abs(places).view(np.float64)
    return np.where(places < 0, -sizes, sizes)
