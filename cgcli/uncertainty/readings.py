"""Repeated readings: means, their standard uncertainties and correlations (GUM 4.2, 5.2.3, H.2), and two ways on.

Several quantities that are read together, a row a reading, go into a formula in one of two ways (GUM 4.1.4, note;
H.4.3): their means go in, with their correlations; or the formula, or a part of it, is computed for each row, and the
mean of that goes on. For what is not linear the second way is to be preferred.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cgcli.errors import DataError, UsageError
from cgcli.formulas.bound import needed_inputs
from cgcli.formulas.rows import bind_rows, evaluate_rows, refuse_reductions, row_values
from cgcli.rows.sources import WholeRows, source_of
from cgcli.uncertainty.asking import Question
from cgcli.uncertainty.propagating import plain
from cgcli.uncertainty.quantities import Quantity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from cgcli.formulas.base import FormulaBase

FEWEST = 2
"""Readings from which a standard deviation follows."""


def with_readings(formula: FormulaBase, asked: Question, data: Any, average: Sequence[str] = ()) -> Question:
    """A question with what repeated readings say of the inputs that have a column and no value otherwise.

    data: a path, a frame, an Arrow table or a mapping of columns, or a list of such tables, each one read by
    itself. average: inner names that are computed for each
    reading; their means go on. UsageError where no column has the name of an input, where an averaged name depends on
    something with an error of its own, DataError for less than two readings.
    """
    tables = data if isinstance(data, list) else [data]
    if average and len(tables) != 1:
        raise UsageError("an average needs its readings in one table", hint="give one table of what was read together")
    for table in tables:
        known = asked.values.keys() | asked.quantities.keys()
        columns = columns_of(formula, table, [name for name in formula.inputs if name not in known])
        if average:
            columns = averaged(formula, asked, columns, average)
        quantities, correlations = of_columns(columns)
        asked = Question(asked.values, {**asked.quantities, **quantities}, {**correlations, **asked.correlations})
    return asked


def columns_of(formula: FormulaBase, data: Any, wanted: Sequence[str]) -> dict[str, Any]:
    """The columns that have names of inputs without a value. DataError for a gap: readings go together row by row."""
    source = source_of(data)
    table = source.open()
    names = [name for name in wanted if name in table.columns]
    if not names:
        table.close()
        listed = ", ".join(f"`{name}`" for name in table.columns[:10])
        raise UsageError(
            f"no column of `{source.name}` has the name of an input without a value", hint=f"its columns are {listed}"
        )
    rows = WholeRows(source_of(table), names)  # opened once: it may be a pipe
    found = rows.in_memory()
    table.close()
    for name, gap in rows.report.gaps.items():
        cell = gap.first_bad or gap.first
        assert cell is not None
        what = f"no number but `{cell.text}`" if gap.bad and cell.text else "missing"
        raise DataError(
            f"a reading of `{name}` is {what} in row {cell.place.row:,} of `{cell.place.path}`",
            hint="leave such rows out, or put readings that do not go together into tables of their own",
        )
    if found is None:
        raise DataError(f"`{source.name}` has more readings than fit into memory")
    return found


def of_columns(columns: Mapping[str, Any]) -> tuple[dict[str, Quantity], dict[tuple[str, str], float]]:
    """Means with s/√n and n − 1 degrees of freedom, and their correlations, which are those of the readings."""
    rows = len(next(iter(columns.values())))
    if rows < FEWEST:
        raise DataError(
            f"{'one reading says' if rows else 'no reading says'} nothing of an error", hint="give at least two"
        )
    quantities = {
        name: Quantity(name, float(np.mean(column)), float(np.std(column, ddof=1)) / rows**0.5, rows - 1)
        for name, column in columns.items()
    }
    moving = [name for name, quantity in quantities.items() if not quantity.is_exact]
    if len(moving) < FEWEST:
        return quantities, {}
    matrix = np.corrcoef([columns[name] for name in moving])
    return quantities, {
        (first, second): float(matrix[i, j])
        for i, first in enumerate(moving) for j, second in enumerate(moving) if i < j
    }  # fmt: skip


def averaged(
    formula: FormulaBase, asked: Question, columns: Mapping[str, Any], names: Sequence[str]
) -> dict[str, Any]:  # fmt: skip
    """Named inner values for each reading, and the columns that are still needed beside them."""
    single = {**asked.values, **{name: plain(quantity) for name, quantity in asked.quantities.items()}}
    bound = bind_rows(formula, list(columns), single, show=names)
    nodes = bound.chosen(names)
    needed = needed_inputs(bound.graph, list(nodes.values()), bound.program.defaults)
    for name, quantity in asked.quantities.items():
        if name in needed and not quantity.is_exact:
            raise UsageError(
                f"an averaged name needs `{name}`, which has an error of its own",
                hint="average what follows from readings alone, and combine it with the others afterwards",
            )
    for name, node in nodes.items():
        if bound.graph.shape_of(node):
            raise UsageError(f"`{name}` is an array, and a reading is a number", hint="average its elements by name")
    refuse_reductions(bound, list(nodes.values()))
    rows = len(next(iter(columns.values())))
    bound.values = row_values(bound, columns)
    found = dict(zip(nodes, evaluate_rows(bound, "auto", list(nodes.values()), rows), strict=True))
    rest = formula.bind({**single, **{name: float(np.mean(column)) for name, column in {**columns, **found}.items()}})
    after = needed_inputs(rest.graph, list(rest.program.outputs.values()), rest.program.defaults)
    return {**{name: column for name, column in columns.items() if name in after}, **found}
