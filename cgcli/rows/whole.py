"""All rows of a table in memory, as the columns of a call on arrays."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING
from warnings import warn

import numpy as np

from cgcli.data.stream import Report, Request, gaps_text, note_gaps, numberless
from cgcli.data.table import rows_of_a_batch, values_of
from cgcli.errors import GapWarning
from cgcli.rows.matching import match_columns
from cgcli.rows.sources import source_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from cgcli.formulas.base import FormulaBase


def table_values(formula: FormulaBase, data: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    """The given values, and for the other inputs the columns of their names, with nan for what is missing.

    A GapWarning tells of cells that are missing or no number. DataError for a column of texts without a number, and as
    of `Source.open`.
    """
    with closing(source_of(data).open()) as table:
        columns, _ = match_columns(formula, table, values, {})
        if not columns:
            return dict(values)
        request = Request(columns)
        report = Report(request.numbers)
        parts: dict[str, list[Any]] = {name: [] for name in request.numbers}
        for batch in table.batches(request.numbers, [], rows_of_a_batch(len(request.numbers))):
            note_gaps(batch, table, request, report)
            report.read += batch.rows
            for name, column in batch.numbers.items():
                parts[name].append(column)
        for name in report.numberless:
            if name in report.gaps and report.gaps[name].bad:
                raise numberless(table.path, name, report.gaps[name])
    if report.gaps:
        warn(GapWarning(gaps_text(report)), stacklevel=4)
    found = {name: np.concatenate(pieces) for name, pieces in parts.items()}
    return {**values, **{name: values_of(column, found) for name, column in columns.items()}}
