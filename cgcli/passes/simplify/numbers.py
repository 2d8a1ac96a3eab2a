"""Exact numbers: the coefficients and exponents of normal forms, read from constants and written as decimals."""

from __future__ import annotations

from fractions import Fraction
from math import isfinite, isqrt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cgcli.graph.store import Graph

    Number = int | Fraction

LARGEST = 10**30
"""Numerators and denominators stay below this; what would grow beyond stays written as it is."""

LARGEST_EXPONENT = 64
"""A number to a whole power beyond this is not multiplied out."""

MOST_PLACES = 20
"""A fraction with more decimal places than these is written as a quotient."""


def bounded(value: Number) -> bool:
    """Whether a fraction is short enough to be kept."""
    return -LARGEST < value.numerator < LARGEST and value.denominator < LARGEST


def is_whole(value: Number) -> bool:
    """Whether a fraction is an integer."""
    return value.denominator == 1


def number_power(base: Number, exponent: Number) -> Number | None:
    """base^exponent where that is a fraction of moderate size, else None."""
    if base == 1:
        return 1
    if exponent.denominator == 2 and base > 0:
        numerator, denominator = isqrt(base.numerator), isqrt(base.denominator)
        if (numerator**2, denominator**2) != (base.numerator, base.denominator):
            return None
        base, exponent = Fraction(numerator, denominator), exponent.numerator
    if not is_whole(exponent) or not -LARGEST_EXPONENT <= exponent <= LARGEST_EXPONENT or base == 0 >= exponent:
        return None
    power: Number = Fraction(base) ** int(exponent)
    return power if bounded(power) else None


def number_in(graph: Graph, node: int) -> Number | None:
    """The exact number that a constant stands for: a whole number, a decimal, or a double with few binary digits.

    None for names such as pi, for numbers beyond `LARGEST`, and for every other node.
    """
    value = graph.constant_value(node)
    if value is None or not isfinite(value) or (value != 0 and not 1 / LARGEST < abs(value) < LARGEST):
        return None
    text = graph.exact.get(graph.payload[node])
    try:
        number = Fraction(value) if text is None else Fraction(text)
    except ValueError:
        return None
    if is_whole(number):
        return int(number)
    return number if bounded(number) else None


def decimal_text(number: Number) -> str | None:
    """A fraction in decimals where it has at most `MOST_PLACES` of them, else None."""
    rest, places = number.denominator, 0
    for step in (10, 5, 2):
        while rest % step == 0:
            rest, places = rest // step, places + 1
    if rest != 1 or places > MOST_PLACES:
        return None
    digits = str(abs(number.numerator) * 10**places // number.denominator).rjust(places + 1, "0")
    text = f"{digits[:-places]}.{digits[-places:]}".rstrip("0")
    return f"-{text}" if number < 0 else text
