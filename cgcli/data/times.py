"""NumPy's dates and durations in the units that other formats have, and their texts."""

from __future__ import annotations

from typing import Any

import numpy as np

from cgcli.data.cells import duration_text

DIGITS_OF_UNITS = {"s": 0, "ms": 3, "us": 6, "ns": 9}
"""Decimal digits of a second that a unit stands for."""

COARSE = {"m": "W D h m", "M": "Y M W h m"}
"""Units of durations and of dates that are whole seconds, or whole days."""


def standard(column: Any) -> Any:
    """Dates and durations in days (dates alone), seconds, or 10^-3, 10^-6, 10^-9 of one; others as they are.

    TypeError for durations of months, whose length differs, for finer units, and for times that do not fit.
    """
    kind = column.dtype.kind
    if kind not in "mM":
        return column
    unit, _ = np.datetime_data(column.dtype)
    if unit in COARSE[kind].split():
        unit = "D" if kind == "M" and unit in "Y M W" else "s"
    elif unit not in DIGITS_OF_UNITS and not (kind == "M" and unit == "D"):
        raise TypeError(f"{column.dtype} has no counterpart")
    found = column.astype(f"{kind}8[{unit}]")
    missing = np.isnat(column)
    if not ((found.astype(column.dtype) == column) | missing).all() or (np.isnat(found) != missing).any():
        raise TypeError(f"a {column.dtype} does not fit")
    return found


def texts_of(column: Any) -> list[str]:
    """Dates as `2020-01-31 12:30:00`, durations as `PT5S`; nothing for what is missing. TypeError as `standard`."""
    column = standard(column)
    missing = np.isnat(column).tolist()
    if column.dtype.kind == "M":
        found = [text.replace("T", " ") for text in np.datetime_as_string(column).tolist()]
    else:
        digits = DIGITS_OF_UNITS[np.datetime_data(column.dtype)[0]]
        found = [duration_text(ticks, digits) for ticks in column.astype(np.int64).tolist()]
    return ["" if gap else text for gap, text in zip(missing, found, strict=True)]
