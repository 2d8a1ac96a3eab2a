"""What the text of a cell means: a number, a missing value, or neither."""

from __future__ import annotations

import re
from math import nan

MISSING_WORDS = (
    "", "#N/A", "#NA", "-", "-nan", "-NaN", "<NA>", "?", "N/A", "NA", "NULL", "NaN", "None", "n/a", "na", "nan", "null",
)  # fmt: skip
"""Texts that stand for a value that is not there (R, pandas, Arrow, SQL and spreadsheets write these)."""

TRUTH_WORDS = {"true": 1.0, "True": 1.0, "TRUE": 1.0, "false": 0.0, "False": 0.0, "FALSE": 0.0}
"""Texts that are truth values, as cg, pandas, R and spreadsheets write them; `true` is 1 in the language too."""

NAN_WITH_PAYLOAD = re.compile(r"[+-]?nan\(\w*\)", re.ASCII | re.IGNORECASE)
"""What C's printf makes of some nan: `-nan(ind)`."""

POLICIES = ("nan", "skip", "error")
"""What may become of a row with a cell that is missing or no number; the first one holds where nothing is said."""

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""Characters with which a spreadsheet takes a text for a formula (OWASP, "CSV Injection"), full-width too."""

LONGEST_CELL = 2**26
"""Characters of a cell of CSV; more are taken for a quote that is never closed, and memory stays bounded."""

CURES = (
    (
        re.compile(r"\d{4}-\d\d?-\d\d?([T ].*)?|\d{1,4}([/.])\d\d?\2\d{1,4}([T ].*)?|\d\d?:\d\d(:\d\d([.,]\d+)?)?"),
        "it seems to be a date or a time: convert it before, for example to seconds",
    ),
    (re.compile(r"-?P[\dT].*|\d+ days?\b.*"), "it seems to be a duration: convert it before, for example to seconds"),
    (re.compile(r'".*"', re.DOTALL), "a blank stands before the quote: take it out"),
    (re.compile(r"[+-]?\d+,(\d{1,2}|\d{4,})([eE][+-]?\d+)?"), "--decimal , reads decimal commas"),
    (
        re.compile(r"[+-]?\d+,\d+([eE][+-]?\d+)?"),
        "write numbers with a decimal point and without thousands separators, or read them with --decimal ,",
    ),
    (
        re.compile(r"[+-]?\d{1,3}([ ,.'’\u00a0\u202f]\d{3})+([.,]\d+)?"),
        "write numbers with a decimal point and without thousands separators",
    ),
    (
        re.compile(r"[^\d\s]{1,3}\s*[+-]?[\d.,]*\d|[+-]?\d[\d.,]*\s*[^\d\s]{1,3}"),
        "write numbers without units and signs",
    ),
)
"""Texts that are meant as numbers or times, and what a person can do about each; the first that fits counts."""

BLANKS = " \t\r\n\f\v"


def number_of(text: str, decimal: str = ".") -> float | None:
    """The number that a cell's text is, nan for a missing one, None for what is neither.

    Blanks around it do not count. A thousands separator or a decimal comma is no part of a number: `1,234` means
    two numbers, depending on the country, and a wrong guess would go unnoticed. `decimal` says which mark stands before
    the decimals; the other one is part of no number.
    """
    text = text.strip(BLANKS)
    if text in MISSING_WORDS:
        return nan
    if text in TRUTH_WORDS:
        return TRUTH_WORDS[text]
    if "_" in text or not text.isascii():
        return None
    if decimal != ".":
        if "." in text:
            return None
        text = text.replace(decimal, ".")
    try:
        return float(text)
    except ValueError:
        return nan if NAN_WITH_PAYLOAD.fullmatch(text) else None


def advice(text: str) -> str | None:
    """What to do about a cell that is no number, as far as its text says it."""
    text = text.strip(BLANKS)
    for pattern, cure in CURES:
        if pattern.fullmatch(text):
            return cure
    return None


def duration_text(ticks: int, digits: int) -> str:
    """A duration of so many ticks, each 10^-digits of a second, as ISO 8601 writes it: `PT5S`, `-PT0.25S`."""
    whole, rest = divmod(abs(ticks), 10**digits)
    fraction = f".{rest:0{digits}d}".rstrip("0") if rest else ""
    return f"{'-' if ticks < 0 else ''}PT{whole}{fraction}S"


def escaped(text: str) -> str:
    """A text cell as CSV may hold it: an apostrophe stands before what a spreadsheet would run as a formula."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) and number_of(text) is None else text
