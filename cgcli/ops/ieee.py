"""Scalar functions made total: what `math` refuses by an exception, IEEE 754 answers with inf or nan."""

from __future__ import annotations

import math
from math import copysign, inf, isnan, nan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def total(
    function: Callable[..., float],
    poles: dict[float, float] | None = None,
    overflow: Callable[..., float] | float = inf,
) -> Callable[..., float]:
    """A `math` function that answers everywhere.

    Outside the domain the value is nan, at a pole (first operand) the given one; an overflow gives inf, a given
    constant, or what a given function makes of the operands.
    """

    def answer(*operands: float) -> float:
        try:
            return function(*operands)
        except ValueError:
            return poles.get(operands[0], nan) if poles else nan
        except OverflowError:
            return overflow(*operands) if callable(overflow) else overflow
        except ZeroDivisionError:
            return nan

    return answer


def signed_overflow(x: float) -> float:
    """Overflow of an odd, increasing function: inf with the operand's sign."""
    return copysign(inf, x)


def divide(x: float, y: float) -> float:
    """Quotient x / y; x/0 is inf with the sign of both, 0/0 is nan."""
    try:
        return x / y
    except ZeroDivisionError:
        if x == 0 or isnan(x):
            return nan
        return copysign(inf, x) * copysign(1.0, y)


def floor_divide(x: float, y: float) -> float:
    """Largest integer not above x / y, as Python's `//`; x // 0 as x / 0."""
    try:
        return x // y
    except ZeroDivisionError:
        return divide(x, y)


def modulo(x: float, y: float) -> float:
    """Remainder with the sign of the divisor, as Python's `%`; x % 0 is nan."""
    try:
        return x % y
    except ZeroDivisionError:
        return nan


def power(x: float, y: float) -> float:
    """Real power as C's `pow`: nan for a negative base with a broken exponent, inf at 0 with a negative one."""
    try:
        return math.pow(x, y)
    except OverflowError:
        return -inf if x < 0 and y % 2 == 1 else inf
    except ValueError:
        if x == 0 and y < 0:
            return copysign(inf, x) if y % 2 == 1 else inf
        return nan
