"""The rows of a table as points of a formula, for commands that explain them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from cgcli.cli.rows import tell_notes
from cgcli.errors import UsageError
from cgcli.rows.matching import match_columns
from cgcli.rows.sources import Source, WholeRows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cgcli.api.formula import Formula
    from cgcli.data.table import Place


class Points(NamedTuple):
    """Rows as points. columns: by input. numbers: of the rows in the table, from 1. located: where one stands."""

    columns: dict[str, Any]
    numbers: Any
    located: Callable[[int], Place]


def read_rows(
    parsed: Formula, path: str, values: Mapping[str, Any], *, most: int | None = None
) -> Points:  # fmt: skip
    """The rows without a gap.

    most: of a longer table about so many rows, taken evenly. UsageError where no column is an input.
    """
    source = Source(path)
    table = source.open()
    try:
        columns, notes = match_columns(parsed, table, values, {})
    finally:
        table.close()
    tell_notes(notes)
    if not columns:
        raise UsageError(f"`{path}` has no column for an input", hint=f"the inputs are {', '.join(parsed.inputs)}")
    names = {name: str(column) for name, column in columns.items()}
    rows = WholeRows(source, list(names.values()))
    if most is not None:
        rows = rows.thinned(most)
    whole = rows.joined()
    if not whole.rows:
        raise UsageError(f"`{path}` has no row without a gap")
    columns = {name: whole.columns[column] for name, column in names.items()}
    return Points(columns, whole.numbers(), source.located)
