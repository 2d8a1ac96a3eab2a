"""Rows of a table that have no number where a fit needs one: left out and told of, or refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cgcli.data.cells import advice
from cgcli.data.stream import gaps_text, refusal
from cgcli.errors import DataError, UsageError

if TYPE_CHECKING:
    from typing import Protocol

    from cgcli.data.stream import Report
    from cgcli.rows.sources import Source

    class Asking(Protocol):
        """What is fitted, or trained, to the rows of a source."""

        @property
        def source(self) -> Source: ...  # noqa: D102

    class Telling(Protocol):
        """A result that tells of rows that were left out."""

        left_out: int
        warnings: list[str]


WAYS = (None, "skip", "error")
"""What may become of rows with a gap; by default a missing cell is left out, a text that is no number an error."""


def refuse_gaps(question: Asking, report: Report | None, missing: str | None) -> None:
    """DataError for the first gap that is not to be left out; UsageError for another way than there is."""
    if missing not in WAYS:
        raise UsageError(
            f"a fit cannot do `{missing}` with rows that have a gap",
            hint="`skip` leaves them out, `error` stops at the first one",
        )
    if missing == "skip" or report is None:
        return
    gaps = {name: gap.first if missing == "error" else gap.first_bad for name, gap in report.gaps.items()}
    firsts = [(name, found) for name, found in gaps.items() if found is not None]
    if firsts:
        name, cell = min(firsts, key=lambda found: found[1].row)
        told = refusal(name, cell)
        cure = None if cell.text is None else advice(cell.text)
        raise DataError(told.message, hint=cure or '--missing skip (missing="skip") leaves such rows out')


def tell_gaps(result: Telling, report: Report | None) -> None:
    """Say in a result which rows were left out, and why."""
    if report is None or not report.skipped:
        return
    result.left_out = report.skipped
    rows = "1 row is" if report.skipped == 1 else f"{report.skipped:,} rows are"
    result.warnings.append(f"{rows} left out: {gaps_text(report)}")
