"""A formula for every row of a table: which inputs are columns, and what follows from them."""

from __future__ import annotations

from contextlib import suppress

from cgcli.engines.results import own_columns
from cgcli.errors import DataError, FormulaError, NeedsValues, ShapeError, UsageError
from cgcli.formulas import given
from cgcli.formulas.bound import Bound
from cgcli.formulas.totals import is_whole, over_columns, whole_values, with_values
from cgcli.graph.walk import ancestors, descendants
from cgcli.numerals import finite, shape_of
from cgcli.ops import REGISTRY
from cgcli.ops.positions import scatter_add, take, wrong_position

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from cgcli.formulas.base import FormulaBase
    from cgcli.graph.store import Graph

    Shape = tuple[int, ...]


def bind_rows(
    formula: FormulaBase, columns: Mapping[str, Shape] | Sequence[str], mapping: Mapping[str, Any] | None = None, *,
    show: Sequence[str] = (), wrt: Sequence[str] | None = None, complete: bool = True,
) -> Bound:  # fmt: skip
    """The program for columns with these names, and the values that are the same for all rows.

    columns: the shape of what each has in one row; names alone are those of columns of numbers.

    UsageError as `Formula.bind`, and for a column of lengths or indices: they decide the graph, which all rows share.
    """
    single = given.given_values(mapping, {})
    shapes = columns if hasattr(columns, "items") else dict.fromkeys(columns, ())
    one_row = {**single, **{name: ones(shape) for name, shape in shapes.items()}}
    return _bound_for_rows(formula, one_row, list(columns), show=show, wrt=wrt, complete=complete)


def _bound_for_rows(
    formula: FormulaBase, one_row: Mapping[str, Any], columns: Sequence[str], **asked: Any
) -> Bound:  # fmt: skip
    """What is bound for one row, without the values of columns; a column of indices is one of values (see `take`)."""
    told: FormulaError | None = None
    try:
        bound = formula.bind(one_row, engine="numpy", **asked)
    except FormulaError as error:  # the index of the first row may be none
        told = error
    if told is not None or any(name in bound.program.specialised for name in columns):
        try:
            bound = formula.bind(one_row, engine="numpy", varying=columns, **asked)
        except FormulaError as error:
            if told is not None:
                raise told from None
            if not isinstance(error, NeedsValues):  # a length, which all rows share, is told of below
                raise
    return varying(bound, columns)


def ones(shape: Shape) -> Any:
    """A number, or an array, that stands for those of a column where only the shape counts."""
    if not shape:
        return 1.0
    import numpy as np

    return np.ones(shape)


def declared_shapes(formula: FormulaBase, values: Mapping[str, Any]) -> dict[str, Shape]:
    """The shapes of the inputs as the text declares them, () for the others; {} where values have to decide them.

    values: single numbers that may be lengths.
    """
    numbers = {name: value for name, value in values.items() if not shape_of(value)}
    for varying in ((), tuple(name for name in formula.inputs if name not in numbers)):  # an index may be a column
        with suppress(ShapeError, NeedsValues):
            plain = formula.programs.made_for(numbers, varying=varying)
            return {name: plain.graph.shape_of(node) for name, node in plain.graph.inputs().items()}
    return {}


def bind_columns(
    formula: FormulaBase, found: Mapping[str, Any], wrt: Sequence[str] | None = None
) -> tuple[Bound, int]:  # fmt: skip
    """The program and the columns of a call on rows, and how many rows those have.

    A column's own shape is what is behind its first axis. There may be no row; what is missing in one is nan.
    """
    values = {name: given.normalised(name, value, gaps=True) for name, value in found.items()}
    declared = declared_shapes(formula, values)  # {} where values decide the graph: every array is a column then
    columns = {
        name: value for name, value in values.items()
        if shape_of(value) and shape_of(value) != declared.get(name, ())
    }  # fmt: skip
    single = {name: given.normalised(name, found[name]) for name in values if name not in columns}
    first = {name: column[0] if len(column) else column.sum(axis=0) + 1.0 for name, column in columns.items()}
    bound = _bound_for_rows(formula, {**single, **first}, list(columns), wrt=wrt)
    bound = over_columns(bound)
    bound.values = row_values(bound, columns)
    return bound, max(map(len, columns.values()), default=1)


def varying(bound: Bound, columns: Sequence[str]) -> Bound:
    """What was bound for one row, without the values that differ from row to row."""
    inputs = bound.graph.inputs()
    fixed_by = [name for name in columns if name in bound.program.specialised]
    if fixed_by:
        node = inputs.get(fixed_by[0])
        why = None if node is None else bound.program.decided([node], list(bound.program.outputs.values())).get(node)
        what = "it is a length or an index" if why is None or why.whole else f"it decides {why.what}"
        raise UsageError(
            f"`{fixed_by[0]}` cannot be a column: {what}, the same for all rows",
            hint=f"give it one value: {fixed_by[0]}=3",
        )
    dropped: set[str] = set()
    found = set(columns)
    while found:  # a default may follow from another default that follows from a column
        dropped |= found
        reached = descendants(bound.graph, [inputs[name] for name in dropped if name in inputs])
        found = {name for name, node in bound.program.defaults.items() if reached[node]} - dropped
    values = {name: value for name, value in bound.values.items() if name not in dropped}
    return Bound(bound.program, values, bound.choice, bound.source, bound.on_births)


def require_positions(
    bound: Bound, wanted: Sequence[int], values: Mapping[str, Any], number: Callable[[int], int] | None
) -> None:  # fmt: skip
    """DataError where an array is asked for an element that it does not have, by a position that is a column.

    values: of the inputs, columns among them. number: from the place of a row to its number, for the message.
    """
    graph = bound.graph
    if take.code not in graph.op:
        return
    needed = ancestors(graph, wanted)
    for node in [node for node, code in enumerate(graph.op) if code in (take.code, scatter_add.code) and needed[node]]:
        array, position = graph.operands_of(node)
        length = graph.shape_of(array)[0] if graph.row(node) is take else graph.attributes_of(node)[0]
        found = rows_engine(bound, "numpy", [position]).evaluate_rows(graph, values, [position])[position]
        wrong = wrong_position(found, length)
        if wrong is not None:
            place, told = wrong
            row = "a row" if number is None else f"row {number(place):,}"
            raise DataError(f"{row}: {told}", span=graph.spans.get(node), source=bound.source)


def refuse_reductions(bound: Bound, wanted: Sequence[int]) -> None:
    """ShapeError for a reduction among what wanted nodes need whose operand is one number in each row.

    It would be that number: `y - mean(y)` would be 0 in every row, while a reader takes it for the column's mean.
    """
    graph = bound.graph
    columns = [
        name for name, node in graph.inputs().items()
        if name not in bound.values or len(shape_of(bound.values[name])) > len(graph.shape_of(node))
    ]  # fmt: skip
    found = graph.once(("reductions", *columns), wanted, lambda: _reductions(graph, columns, wanted))
    if found:
        raise ShapeError(
            f"`{graph.row(found[0]).name}` of a column stands where rows are taken one by one",
            span=graph.spans.get(found[0]),
            source=bound.source,
            hint="cg eval and cg grad take whole columns; here its value is given as a number, such as m=2.5",
        )


def _reductions(graph: Graph, columns: Sequence[str], wanted: Sequence[int]) -> list[int]:
    """Reductions of numbers that differ from row to row."""
    inputs = graph.inputs()
    codes = {code for code in set(graph.op) if "reduction" in REGISTRY.rows[code].traits}
    candidates = [node for node, code in enumerate(graph.op)
                  if code in codes and not graph.shape_of(graph.operands_of(node)[0])] if codes else []  # fmt: skip
    if not candidates:
        return []
    needed, reached = ancestors(graph, wanted), descendants(graph, [inputs[name] for name in columns])
    return [node for node in candidates if needed[node] and reached[node]]


def rows_engine(bound: Bound, name: str, wanted: Sequence[int]) -> Any:
    """The engine for a table."""
    from cgcli.engines import choose_for_rows

    return choose_for_rows(bound.graph, wanted, name, bound.values)


def evaluate_rows(
    bound: Bound, engine: str, wanted: Sequence[int], rows: int, dtype: str = "float64"
) -> list[Any]:  # fmt: skip
    """The values of nodes for every row, by position; one that is the same for all rows is repeated, but one that is
    made of a column (see `formulas.totals`) is a single value.

    UsageError for a dtype, DataError for a reduction of no rows.
    """
    if dtype == "float32" and engine in ("auto", "native"):
        engine, precision = "native", {"dtype": dtype}
    elif dtype == "float64":
        precision = {}
    else:
        raise UsageError(f"rows cannot be computed in `{dtype}` here", hint="dtype is float64, or float32 on native")
    if bound.program.columns is None:
        return _evaluate_rows(bound, engine, wanted, rows, precision)
    bound = with_values(bound, wanted, engine, rows, dtype)
    single = [node for node in wanted if is_whole(bound, node)]
    each = [node for node in wanted if node not in single]
    found = dict(zip(each, _evaluate_rows(bound, engine, each, rows, precision) if each else [], strict=True))
    found.update(zip(single, whole_values(bound, single), strict=True))
    return [found[node] for node in wanted]


def _evaluate_rows(
    bound: Bound, engine: str, wanted: Sequence[int], rows: int, precision: Mapping[str, str]
) -> list[Any]:  # fmt: skip
    require_positions(bound, wanted, bound.values, lambda place: place + 1)
    found = rows_engine(bound, engine, wanted).evaluate_rows(bound.graph, bound.values, wanted, **precision)
    columns = {node: found[node] if len(found[node]) == rows else found[node].repeat(rows, axis=0) for node in wanted}
    results = own_columns(columns, wanted)
    if not all(map(finite, results)):
        tell_births(bound, wanted, results)
    return results


def tell_births(bound: Bound, wanted: Sequence[int], results: Sequence[Any]) -> None:
    """Say where a nan or an infinity of the results was born, in rows without one among their inputs."""
    if not bound.is_heard(wanted):
        return
    from cgcli.explain.row_births import RowBirths

    found = RowBirths(bound.graph, wanted)
    found.look(bound.values, results)
    bound.tell(found.births(bound.values, bound.source))


def row_values(bound: Bound, columns: Mapping[str, Any]) -> dict[str, Any]:
    """The values of all inputs for a batch of rows: columns, single values, and defaults that follow from columns."""
    values = {**bound.values, **columns}
    for name, node in bound.program.defaults.items():
        if name not in values:
            engine = rows_engine(bound, "numpy", [node])
            values[name] = engine.evaluate_rows(bound.graph, values, [node])[node]
    return values
