"""A formula for every row of a table: which inputs are columns, and what follows from them."""

from __future__ import annotations

from contextlib import suppress

from cgcli.engines.results import own_columns
from cgcli.errors import NeedsValues, ShapeError, UsageError
from cgcli.formulas import given
from cgcli.formulas.bound import Bound
from cgcli.graph.walk import descendants
from cgcli.numerals import shape_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from cgcli.formulas.formula import Formula

    Shape = tuple[int, ...]


def bind_rows(
    formula: Formula, columns: Sequence[str], mapping: Mapping[str, Any] | None = None, *, show: Sequence[str] = (),
    complete: bool = True,
) -> Bound:  # fmt: skip
    """The program for columns of scalars with these names, and the values that are the same for all rows.

    UsageError as `Formula.bind`, and for a column of lengths or indices: they decide the graph, which all rows share.
    """
    single = given.given_values(mapping, {})
    bound = formula.bind({**single, **dict.fromkeys(columns, 1.0)}, engine="numpy", show=show, complete=complete)
    return varying(bound, columns)


def bind_columns(
    formula: Formula, mapping: Mapping[str, Any] | None, inputs: Mapping[str, Any]
) -> tuple[Bound, int]:  # fmt: skip
    """The program and the columns of a call on rows, and how many rows those have.

    A column's own shape is what is behind its first axis.
    """
    values = {name: given.normalised(name, value) for name, value in
              given.given_values(mapping, inputs).items()}  # fmt: skip
    declared: dict[str, Shape] = {}
    with suppress(ShapeError, NeedsValues):  # the values decide the graph: every array is a column
        plain = formula.programs.made_for({name: value for name, value in values.items() if not shape_of(value)})
        declared = {name: plain.graph.shape_of(node) for name, node in plain.graph.inputs().items()}
    columns = {
        name: value for name, value in values.items()
        if shape_of(value) and shape_of(value) != declared.get(name, ())
    }  # fmt: skip
    one_row = {**values, **{name: column[0] for name, column in columns.items()}}
    bound = varying(formula.bind(one_row, engine="numpy"), list(columns))
    bound.values = row_values(bound, columns)
    return bound, max(map(len, columns.values()), default=1)


def varying(bound: Bound, columns: Sequence[str]) -> Bound:
    """What was bound for one row, without the values that differ from row to row."""
    fixed_by = [name for name in columns if name in bound.program.specialised]
    if fixed_by:
        raise UsageError(
            f"`{fixed_by[0]}` cannot be a column: it is a length or an index, the same for all rows",
            hint=f"give it one value: {fixed_by[0]}=3",
        )
    inputs = bound.graph.inputs()
    dropped: set[str] = set()
    found = set(columns)
    while found:  # a default may follow from another default that follows from a column
        dropped |= found
        reached = descendants(bound.graph, [inputs[name] for name in dropped if name in inputs])
        found = {name for name, node in bound.program.defaults.items() if reached[node]} - dropped
    values = {name: value for name, value in bound.values.items() if name not in dropped}
    return Bound(bound.program, values, bound.engine, bound.source)


def rows_engine(bound: Bound, name: str, wanted: Sequence[int]) -> Any:
    """The engine for a table."""
    from cgcli.engines import choose_for_rows

    return choose_for_rows(bound.graph, wanted, name, bound.values)


def evaluate_rows(
    bound: Bound, engine: str, wanted: Sequence[int], rows: int, dtype: str = "float64"
) -> list[Any]:  # fmt: skip
    """The values of nodes for every row, by position; one that is the same for all rows is repeated. UsageError for a
    dtype."""
    if dtype == "float64":
        found = rows_engine(bound, engine, wanted).evaluate_rows(bound.graph, bound.values, wanted)
    elif dtype == "float32" and engine in ("auto", "native"):
        found = rows_engine(bound, "native", wanted).evaluate_rows(bound.graph, bound.values, wanted, dtype=dtype)
    else:
        raise UsageError(f"rows cannot be computed in `{dtype}` here", hint="dtype is float64, or float32 on native")
    columns = {node: found[node] if len(found[node]) == rows else found[node].repeat(rows, axis=0) for node in wanted}
    return own_columns(columns, wanted)


def row_values(bound: Bound, columns: Mapping[str, Any]) -> dict[str, Any]:
    """The values of all inputs for a batch of rows: columns, single values, and defaults that follow from columns."""
    values = {**bound.values, **columns}
    for name, node in bound.program.defaults.items():
        if name not in values:
            engine = rows_engine(bound, "numpy", [node])
            values[name] = engine.evaluate_rows(bound.graph, values, [node])[node]
    return values
