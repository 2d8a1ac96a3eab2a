"""Rows of a table that have no number where a fit needs one: left out and told of, or refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cgcli.data.stream import gap_text, refusal
from cgcli.errors import UsageError

if TYPE_CHECKING:
    from cgcli.data.stream import Report
    from cgcli.fitting.fit import FitResult
    from cgcli.fitting.question import Question
    from cgcli.fitting.trained import Trained
    from cgcli.fitting.training import TrainingResult

WAYS = ("skip", "error")
"""What may become of rows with a gap."""


def refuse_gaps(question: Question | Trained, report: Report | None, missing: str) -> None:
    """DataError for the first gap, where gaps are to be errors; UsageError for another way than there is."""
    if missing not in WAYS:
        raise UsageError(
            f"a fit cannot do `{missing}` with rows that have a gap",
            hint="`skip` leaves them out (as it does by default), `error` stops",
        )
    if missing == "error" and report is not None and report.gaps:
        firsts = {name: gap.first for name, gap in report.gaps.items() if gap.first is not None}
        name = min(firsts, key=lambda name: firsts[name][0])
        row, text = firsts[name]
        raise refusal(question.source.name, row, name, text)


def tell_gaps(result: FitResult | TrainingResult, report: Report | None) -> None:
    """Say in a result which rows were left out, and why."""
    if report is None or not report.skipped:
        return
    result.left_out = report.skipped
    told = "; ".join(f"column `{name}`: {gap_text(gap)}" for name, gap in report.gaps.items())
    rows = "1 row is" if report.skipped == 1 else f"{report.skipped:,} rows are"
    result.warnings.append(f"{rows} left out: {told}")
