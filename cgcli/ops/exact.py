"""Numbers of rows that a double holds only roughly, such as pi and the decimals of a fitted formula."""

from __future__ import annotations

import math

SHORT_DENOMINATOR = 1024
"""Fractions of powers of two up to here are exact as decimals of a few digits and as doubles."""


class ExactNumber(float):
    """A double that knows the number it stands for, so that an engine of more digits has them all.

    text: the name of a constant of the language, or decimals.
    """

    __slots__ = ("text",)

    text: str

    def __new__(cls, value: float, text: str) -> ExactNumber:
        """The double and its exact text."""
        number = super().__new__(cls, value)
        number.text = text
        return number


PI = ExactNumber(math.pi, "pi")


def number_of(text: str) -> float:
    """The number that a text says, with its digits where a double does not hold it exactly."""
    value = float(text)
    return value if value.as_integer_ratio()[1] <= SHORT_DENOMINATOR else decimal(text)


def decimal(value: float | str) -> ExactNumber:
    """The decimal number that a person wrote, or that the shortest text of a double says: 0.1 is one tenth."""
    return ExactNumber(float(value), value if isinstance(value, str) else repr(value))
