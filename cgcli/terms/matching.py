"""Which columns of a table are terms, and a whole table as the values of a call."""

from __future__ import annotations

from contextlib import closing
from itertools import chain
from typing import TYPE_CHECKING, Any
from warnings import warn

import numpy as np

from cgcli.data import stream
from cgcli.data.memory import columns_of
from cgcli.data.table import Table, Texts, rows_of_a_batch
from cgcli.errors import GapWarning, UsageError
from cgcli.formulas import given
from cgcli.rows.matching import hidden_column, list_columns, match_columns
from cgcli.rows.sources import Source, paths_of, source_of

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

    from cgcli.data.table import Named
    from cgcli.formulas.base import FormulaBase
    from cgcli.rows.matching import Note


def matched(
    formula: FormulaBase, table: Table, values: Mapping[str, Any], chosen: Mapping[str, str]
) -> tuple[dict[str, Named], dict[str, str], list[Note]]:
    """Which columns inputs of numbers and terms come from, and notes; see `rows.matching.match_columns`."""
    numbers = {name: value for name, value in values.items() if name not in formula.terms}
    columns, notes = match_columns(formula, table, numbers, chosen)
    texts = {name: str(columns.pop(name)) for name in formula.terms if name in columns}
    for name in values.keys() & texts.keys():
        notes.append(hidden_column(name, texts.pop(name), "has a value"))
    return columns, texts, notes


def given_columns(formula: FormulaBase, data: Any, named: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a call on rows: by name, or the columns of a table, read whole.

    A GapWarning tells of cells that are missing or no number, which are nan.
    """
    if paths_of(data) is None:
        return given.given_values(data, named)
    values = given.given_values(None, named)
    with closing(source_of(data).open()) as table:
        columns, texts, _ = matched(formula, table, values, {})
        numbers, terms, report = whole_columns(table, stream.Request(columns, texts=texts))
    if report.gaps:
        warn(GapWarning(stream.gaps_text(report)), stacklevel=4)
    return {**values, **numbers, **terms}


def source_with_terms(
    formula: FormulaBase, data: Any, chosen: Mapping[str, str]
) -> tuple[Source, dict[str, list[Any]]]:
    """Data of every kind as a source, and the terms that are columns in memory, by input.

    Those are objects, which no table has: in the source the numbers of their rows, from 0, stand for them.
    """
    if isinstance(data, (Source, Table)) or paths_of(data) is not None:
        return source_of(data), {}
    columns = columns_of(data)
    cells: dict[str, list[Any]] = {}
    for name in formula.terms:
        column = chosen.get(name, name)
        if column in columns:
            held = columns[column]
            cells[name] = held.to_pylist() if hasattr(held, "to_pylist") else list(held)
            columns[column] = np.arange(len(cells[name]), dtype=float)
    return Source(columns), cells


def row_of_table(formula: FormulaBase, path: str, row: int, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of one row of a table, from 1, by name. UsageError where it has no such row."""
    whole = given_columns(formula, path, values)
    columns = {name: column for name, column in whole.items() if name not in values}
    count = len(next(iter(columns.values()), ()))
    if not 0 < row <= count:
        raise UsageError(f"there is no row {row:,}", hint=f"the table has {count:,} rows")
    return {name: column[row - 1] for name, column in columns.items()}


def whole_columns(
    table: Table, request: stream.Request, cells: Mapping[str, Sequence[Any]] | None = None
) -> tuple[dict[str, Any], dict[str, Texts], stream.Report]:
    """All rows that a request wants, in memory: numbers and terms by input, and what was left out.

    cells: as of `source_with_terms`.
    """
    apart = {name: request.texts[name] for name in cells or {} if name in request.texts}
    request = request.with_numbers(apart)
    parts: dict[str, list[Any]] = {name: [] for name in (*request.inputs, *request.texts)}

    def keep(found: Mapping[str, Any], rows: int) -> Mapping[str, Any]:
        for name, column in found.items():
            parts[name].append(column)
        return {}

    report = stream.run(table, request, keep, batch_rows=rows_of_a_batch(len(parts)))
    numbers = {name: np.concatenate(parts[name]) for name in request.inputs}
    texts = {name: Texts(chain.from_iterable(parts[name]), np.concatenate([part.numbers for part in parts[name]]))
             for name in request.texts}  # fmt: skip
    for name in apart:
        places = numbers.pop(name).astype(np.int64)
        texts[name] = Texts([(cells or {})[name][place] for place in places.tolist()], places + 1)
    return numbers, texts, report


def require_inputs(formula: FormulaBase, table: Table, known: Container[str]) -> None:
    """UsageError for inputs that have neither a column nor a value nor a default."""
    missing = [name for name in formula.inputs if name not in known and name not in formula.programs.names.with_default]
    if missing:
        told = f"input{'s' if len(missing) > 1 else ''} " + ", ".join(f"`{name}`" for name in missing)
        raise UsageError(
            f"no column and no value for the {told}",
            hint=f"give --bind {missing[0]}=COLUMN or {missing[0]}=VALUE; the columns are {list_columns(table)}",
        )
