"""Values as short text and as plain data: floats, mpmath numbers and arrays alike, without loading NumPy."""

from __future__ import annotations

from itertools import product
from math import isfinite

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

DIGITS = 6
"""Significant digits of a number in a table."""

MOST_ITEMS = 6
"""A longer axis of an array shows its first and last items."""

WIDEST = 60
"""Characters of an array in a table; a longer one is named by its shape."""

FEW_ITEMS = 100
"""Items up to which the numbers of an array are looked at one by one; that is quicker than NumPy's reductions."""

WHOLE_BELOW = 1e9
"""Whole numbers below this are written out, not rounded to six digits."""


def shape_of(value: Any) -> tuple[int, ...]:
    """The shape of a value, () for a number."""
    return tuple(getattr(value, "shape", ()))


def element_names(name: str, shape: tuple[int, ...]) -> list[str]:
    """What the elements of a value are called in tables, the last axis first to change: `x`, `w[0]`, `A[1,2]`."""
    if not shape:
        return [name]
    return [f"{name}[{','.join(map(str, index))}]" for index in product(*map(range, shape))]


def counted(count: int, noun: str) -> str:
    """`1 argument`, `2 arguments`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def shortened(text: str, most: int = 60) -> str:
    """The beginning of a text of more than so many characters, with an ellipsis."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def short(value: Any, digits: int = DIGITS, *, whole: bool = False) -> str:
    """A value for people: a few significant digits, one line; long arrays with their middle left out, unless whole."""
    shape = shape_of(value)
    if not shape:
        return short_number(value, digits)
    if whole or shape[0] <= MOST_ITEMS:
        items = [short(item, digits, whole=whole) for item in value]
    else:
        items = [*(short(item, digits) for item in value[: MOST_ITEMS - 3]), "…", short(value[-1], digits)]
    return f"[{', '.join(items)}]"


def compact(value: Any, width: int = WIDEST, digits: int = DIGITS) -> str:
    """As `short`, or where that is wider than `width` the kind of the array: `vector of 20`, `3×4 matrix`."""
    text = short(value, digits)
    shape = shape_of(value)
    if len(text) <= width or not shape:
        return text
    return f"vector of {shape[0]}" if len(shape) == 1 else f"{'×'.join(map(str, shape))} matrix"


def short_number(value: Any, digits: int = DIGITS) -> str:
    """A number with so many significant digits; whole numbers are written out."""
    if hasattr(value, "_mpf_"):
        from mpmath import nstr

        text: str = nstr(value, digits, strip_zeros=True)
        return text.removesuffix(".0").replace(".0e", "e").replace("+inf", "inf")
    number = float(value)
    if abs(number) < WHOLE_BELOW and number.is_integer():
        return f"{number:.0f}"
    return f"{number:.{digits}g}"


def plain(value: Any) -> Any:
    """A value as JSON takes it: floats, nested lists of floats; numbers beyond doubles and None stay what they are."""
    if value is None or hasattr(value, "_mpf_"):
        return value
    return [plain(item) for item in value] if shape_of(value) else float(value)


def finite(value: Any) -> bool:
    """Whether a number, or every element of an array, is neither nan nor infinite."""
    if not shape_of(value):
        return finite_number(value)
    if value.dtype.kind == "O":
        return all(finite_number(item) for item in value.flat)
    if value.size <= FEW_ITEMS:
        return all(map(isfinite, value.ravel().tolist()))
    import numpy as np

    return bool(np.isfinite(value).all())


def finite_number(value: Any) -> bool:
    """Whether a number is neither nan nor infinite."""
    if hasattr(value, "_mpf_"):
        return bool(value - value == 0)
    return isfinite(value)


ERROR_DIGITS = 3
"""Significant digits of a standard error; the value beside it ends at the same place."""

PLAIN_FROM, PLAIN_BELOW = 1e-4, 1e7
"""Numbers of this size are written without an exponent."""


def rounded(value: float, error: float, digits: int = ERROR_DIGITS) -> str:
    """A value that ends where the digits of its standard error do, 2.5034 beside 0.0213; without one, six digits."""
    if not isfinite(value):
        return short_number(value)
    if not isfinite(error) or error <= 0:
        return short_number(value)
    last = last_place(error, digits)
    size = max(abs(value), error)
    if PLAIN_FROM <= size < PLAIN_BELOW and last <= 0:
        text = f"{value:.{-last}f}"
        return text if float(text) else text.removeprefix("-")
    if size < PLAIN_BELOW and last > 0:
        return f"{round(value, -last):.0f}"
    shown = max(last_place(value, 1) - last, 0) if value else 0
    return f"{value:.{min(shown, 16)}e}"


def with_error(value: float, error: float, digits: int = ERROR_DIGITS) -> tuple[str, str]:
    """A value and its standard error as texts that end at the same place, both with an exponent or none."""
    text = rounded(value, error, digits)
    if not isfinite(error) or error <= 0:
        return text, short_number(error)
    last = last_place(error, digits)
    if "e" not in text and last <= 0:
        return text, f"{error:.{-last}f}"
    return text, rounded(error, error, digits)


def last_place(number: float, digits: int) -> int:
    """The power of ten of the last of so many significant digits, after rounding to them: -4 for 0.0213 and three."""
    return int(f"{abs(number):.{digits - 1}e}".partition("e")[2]) - digits + 1
