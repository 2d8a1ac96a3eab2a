"""What a part of a table's run found, as plain data that crosses processes and files, and all of them put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cgcli.data.stream import Cell, Gap, Report, numberless
from cgcli.data.summary import Summary
from cgcli.data.table import Place

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


def as_data(report: Report) -> dict[str, Any]:
    """A report without its first rows."""
    return {
        "read": report.read, "skipped": report.skipped, "numberless": sorted(report.numberless),
        "outputs": {name: summary.as_list() for name, summary in report.outputs.items()},
        "first_nans": report.first_nans,
        "gaps": {name: [gap.missing, gap.bad, gap.first, gap.first_bad] for name, gap in report.gaps.items()},
    }  # fmt: skip


def add(report: Report, found: dict[str, Any], columns: Sequence[str]) -> None:
    """Take what was found in the rows that come next into a report. columns: those that are read as numbers."""
    before = report.read
    if not before:
        report.numberless = set(columns)
    report.numberless &= set(found["numberless"])
    report.read += found["read"]
    report.skipped += found["skipped"]
    for name, held in found["outputs"].items():
        report.outputs.setdefault(name, Summary()).merge(Summary.from_list(held), before)
    for name, place in found["first_nans"].items():
        report.first_nans.setdefault(name, Place(*place))
    for name, (missing, bad, first, first_bad) in found["gaps"].items():
        gap = report.gaps.setdefault(name, Gap())
        gap.missing += missing
        gap.bad += bad
        gap.first = gap.first or moved(first, before)
        gap.first_bad = gap.first_bad or moved(first_bad, before)


def moved(cell: Any, before: int) -> Cell | None:
    """A cell of rows that come behind `before` others."""
    if cell is None:
        return None
    row, text, place = cell
    return Cell(row + before, text, Place(*place))


def require_numbers(report: Report, path: str, columns: Sequence[str]) -> None:
    """DataError for a column of texts without one number in the whole table."""
    for name in columns:
        if name in report.numberless and name in report.gaps and report.gaps[name].bad:
            raise numberless(path, name, report.gaps[name])
