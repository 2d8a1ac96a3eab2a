"""What the text of a cell means: a number, a missing value, or neither."""

from __future__ import annotations

from math import nan

MISSING_WORDS = (
    "", "#N/A", "#NA", "-", "-nan", "-NaN", "<NA>", "?", "N/A", "NA", "NULL", "NaN", "None", "n/a", "na", "nan", "null",
)  # fmt: skip
"""Texts that stand for a value that is not there (R, pandas, Arrow, SQL and spreadsheets write these)."""

POLICIES = ("nan", "skip", "error")
"""What may become of a row with a cell that is missing or no number; the first one holds where nothing is said."""

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""Characters with which a spreadsheet takes a text for a formula (OWASP, "CSV Injection")."""

LONGEST_CELL = 2**26
"""Characters of a cell of CSV; more are taken for a quote that is never closed, and memory stays bounded."""

BLANKS = " \t\r\n\f\v"


def number_of(text: str) -> float | None:
    """The number that a cell's text is, nan for a missing one, None for what is neither.

    Blanks around it do not count. A thousands separator or a decimal comma is no part of a number: `1,234` means
    two numbers, depending on the country, and a wrong guess would go unnoticed.
    """
    text = text.strip(BLANKS)
    if text in MISSING_WORDS:
        return nan
    if "_" in text or not text.isascii():
        return None
    try:
        return float(text)
    except ValueError:
        return None


def escaped(text: str) -> str:
    """A text cell as CSV may hold it: an apostrophe stands before what a spreadsheet would run as a formula."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) and number_of(text) is None else text
