"""Predictions of a fit for whole tables: as arrays, or streamed into a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cgcli.data.stream import Request, limited
from cgcli.data.table import names_of, rows_of_a_batch
from cgcli.errors import UsageError
from cgcli.fitting.predicting import Predictor
from cgcli.rows import files
from cgcli.rows.matching import require_columns
from cgcli.rows.sources import source_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from cgcli.data.table import Table
    from cgcli.fitting.predicting import Fitted


def predicted(fitted: Fitted, data: Any = None) -> dict[str, Any]:
    """The columns of a prediction for all rows of a table, by default of the one that was fitted.

    UsageError where a column of the formula is missing, and where the table came through a pipe and is gone.
    """
    source = source_of(fitted.question.source if data is None else data)
    if data is None and not source.again:
        raise UsageError("the rows came once and are gone", hint="give the data: predict(data)")
    limit = fitted.question.limit if data is None else None
    table = source.open()
    try:
        predictor = predictor_for(fitted, table)
        parts: dict[str, list[Any]] = {name: [] for name in predictor.names}
        for batch in limited(table.batches(predictor.columns, [], rows_of_a_batch(len(predictor.columns))), limit):
            for name, column in predictor(batch.numbers, batch.rows).items():
                parts[name].append(column)
    finally:
        table.close()
    predictor.tell_births()
    return {name: np.concatenate(columns) for name, columns in parts.items()}


def write_predictions(
    fitted: Fitted, path: str, *, progress: Callable[[int, int], None] = lambda read, rows: None
) -> int:  # fmt: skip
    """Write the rows of the table that was fitted, each with its prediction, and return how many there are.

    The columns that the fit has read stand in front. A row with a gap stays in its place, with nan. UsageError where
    one of these columns is called like one of the predictions, DataError for what cannot be read or written.
    """
    question = fitted.question
    table = question.source.open()
    try:
        predictor = predictor_for(fitted, table)
        needed = set(question.needed())
        kept = [name for name in table.columns if name in needed]
        refuse_twins(kept, predictor.names)
        request = Request({name: name for name in predictor.columns}, kept=kept, limit=question.limit)
        report = files.run(table, predictor, request, output=path, progress=progress)
    finally:
        table.close()
    predictor.tell_births()
    return report.rows


def refuse_twins(kept: Sequence[str], names: Sequence[str]) -> None:
    """UsageError where a column of the table is called like one of a prediction."""
    for name in kept:
        if name in names:
            raise UsageError(f"the column `{name}` and a column of the prediction have the same name",
                             hint="rename the column of the table")  # fmt: skip


def predictor_for(fitted: Fitted, table: Table) -> Predictor:
    """The predictor for a table. UsageError where it lacks a column of the formula."""
    require_columns(table, names_of(fitted.question.columns.values()))
    return Predictor(fitted, table.columns, rows=table.rows)
