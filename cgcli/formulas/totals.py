"""Reductions of whole columns in a formula over a table: the program that has them, and their values.

    over_columns(bound)           the same formula, whose reductions of a row's number mean the column
    levels(bound, nodes)          the totals that nodes need, by the pass over the rows that makes them
    Pass(bound, totals, engine)   takes in the rows of a pass, and gives the totals

A table is read once for each level, so memory does not grow with the rows.
"""

from __future__ import annotations

from cgcli.errors import DataError, ShapeError
from cgcli.formulas.derivatives import Derived
from cgcli.graph.copying import GONE
from cgcli.graph.shapes import size
from cgcli.graph.walk import ancestors
from cgcli.language.program import Program
from cgcli.numerals import finite, shape_of
from cgcli.ops.reductions import mean
from cgcli.ops.shaping import sum_of
from cgcli.passes.affine import slopes_and_affine
from cgcli.passes.columns import reductions_of_columns, refuse_inner_slopes, with_totals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from cgcli.engines.base import Engine
    from cgcli.explain.births import Birth
    from cgcli.formulas.bound import Bound
    from cgcli.passes.columns import Total

BATCH = 1 << 18
"""Numbers of the operands of totals that are in memory at once, of columns that are there already."""


SAME_MINIMUM = "the mean has its minimum at the same place: mean((y - f)^2) for sum((y - f)^2)"


def over_columns(bound: Bound) -> Bound:
    """The formula whose reductions of a number in each row mean the column of these numbers.

    Columns are the inputs without a value, and those whose value has an axis more than one row. A formula without such
    reductions stays as it is. ShapeError for one that cannot be of a column, and for a `diff` through one.
    """
    graph, names = bound.graph, _columns_of(bound)
    found = graph.once(("columns", names), [], lambda: reductions_of_columns(graph, names))
    if not found:
        return bound
    kept, question = bound.program.derived, ("columns", names)
    made: Derived | None = kept.get(question)
    if made is None:
        with graph.lock:
            try:
                made = Derived(_made(bound.program, names, found), None)
            except ShapeError as error:
                error.source = error.source or bound.source
                raise
            kept.put(question, made)
    return bound.over(made.program)


def _made(program: Program, names: Sequence[str], found: Sequence[int]) -> Program:
    """The program with totals. The one that it is made of stays as it is."""
    _refuse_defaults(program, names, found)
    refuse_inner_slopes(program.graph, program.slopes, found)
    moved, columns = with_totals(program.graph, names, found)
    new = Program(columns.graph)
    new.columns = columns
    new.outputs = {name: moved[node] for name, node in program.outputs.items()}
    new.defaults = {name: moved[node] for name, node in program.defaults.items()}
    new.inputs, new.params, new.specialised = program.inputs, program.params, program.specialised
    new.initialisers = program.initialisers
    new.take_decisions(program, moved, GONE)
    new.slopes = [(moved[y], moved[x]) for y, x in program.slopes]
    new.graph.intern.drop()
    return new


def _refuse_defaults(program: Program, names: Sequence[str], found: Sequence[int]) -> None:
    """ShapeError for the default of an input without a value that is a reduction of a column: inputs come first."""
    for name in names:
        if name in program.defaults:
            needed = ancestors(program.graph, [program.defaults[name]])
            for node in found:
                if needed[node]:
                    raise ShapeError(
                        f"the default of `{name}` is `{program.graph.row(node).name}` of a column",
                        span=program.graph.spans.get(node),
                        hint=f"without `input`, it is a definition: {name} = …",
                    )


def is_whole(bound: Bound, node: int) -> bool:
    """Whether a node is one value of the whole table, made of a column."""
    columns = bound.program.columns
    return columns is not None and columns.is_whole(node)


def whole_values(bound: Bound, nodes: Sequence[int]) -> list[Any]:
    """The values of nodes that are of the whole table. Why a total is no finite number was told with it."""
    over = bound.program.columns
    totals = [] if over is None else [bound.values[bound.graph.input_name(each.node)] for each in over.needed(nodes)]
    if not all(map(finite, totals)):
        bound = bound.over(bound.program)
        bound.on_births = lambda births: None
    return bound.evaluate(nodes)


def refuse_but_means(bound: Bound, node: int) -> None:
    """ShapeError for a loss over a table that is no mean over its rows, if it has reductions of columns.

    A sum of such means, each times what all rows share, and of what they share is one: in a graph in which a reduction
    of a row's number is that number, it is the loss of a row. Others are none: the mean of roots is no root of a mean.
    """
    needed = ancestors(bound.graph, [node])
    found = [each for each in reductions_of_columns(bound.graph, _columns_of(bound)) if needed[each]]
    if found and not _is_mean(over_columns(bound), bound, node, found):
        raise ShapeError(
            f"the loss has `{bound.graph.row(found[0]).name}` of a column, and is no mean over the rows",
            span=bound.graph.spans.get(found[0]), source=bound.source,
            hint=SAME_MINIMUM if bound.graph.row(found[0]) is sum_of else
            "write the loss of one row, or its mean, such as mean((y - f)^2) + 0.1*sum(w^2)",
        )  # fmt: skip


def _is_mean(over: Bound, bound: Bound, node: int, found: Sequence[int]) -> bool:
    """Whether a node of a formula for rows is, over columns, an affine function of means of single rows."""
    called = next((name for name, each in {**bound.graph.names, **bound.program.outputs}.items() if each == node), None)
    if called is None or any(bound.graph.row(each) is not mean for each in found):
        return False
    program = over.program.begun()
    assert program.columns is not None
    loss = {**program.graph.names, **program.outputs}[called]
    totals = [total for total in program.columns.needed([loss]) if not program.graph.is_constant(total.operand)]
    if program.columns.varies(loss) or len(program.columns.levels([loss])) > 1:
        return False
    by_name = {program.graph.input_name(total.node): total.node for total in totals}
    return len(slopes_and_affine(program.graph, loss, by_name)[1]) == len(by_name)


def _columns_of(bound: Bound) -> tuple[str, ...]:
    """The inputs that differ from row to row."""
    return tuple(
        name for name, node in bound.graph.inputs().items()
        if name not in bound.values or len(shape_of(bound.values[name])) > len(bound.graph.shape_of(node))
    )  # fmt: skip


def levels(bound: Bound, nodes: Sequence[int]) -> list[list[Total]]:
    """The totals that nodes need, by the pass that makes them; [] where they need none."""
    columns = bound.program.columns
    return [] if columns is None else columns.levels(nodes)


class Pass:
    """One pass over the rows for some totals, whose operands need those of earlier passes at most."""

    def __init__(self, bound: Bound, totals: Sequence[Total]) -> None:
        """bound: with the values of earlier totals; columns, or none where they come in batches."""
        from cgcli.engines.running import running
        from cgcli.explain.row_births import RowBirths

        self.bound = bound
        self.rows = 0
        graph = bound.graph
        self._totals = [total for total in totals if not graph.is_constant(total.operand)]
        self._counts = [total for total in totals if graph.is_constant(total.operand)]
        self.operands = list(dict.fromkeys(total.operand for total in self._totals))
        self._running = [
            running(total.row.spell["rows"], graph.shape_of(total.operand)) for total in self._totals
        ]  # fmt: skip
        self._births = RowBirths(graph, self.operands)
        self._finite = True

    def add(self, values: Mapping[str, Any], rows: int, engine: Engine, dtype: str = "float64") -> None:
        """Take in some rows: the values of all inputs for them, columns among them."""
        self.rows += rows
        if not rows or not self.operands:
            return
        precision = {} if dtype == "float64" else {"dtype": dtype}
        found = engine.evaluate_rows(self.bound.graph, values, self.operands, **precision)
        self._births.look(values, [found[node] for node in self.operands])
        self._finite = self._finite and all(finite(column) for column in found.values())
        for total, running in zip(self._totals, self._running, strict=True):
            running.add(found[total.operand], rows)

    def values(self) -> dict[str, Any]:
        """The totals by the names of their inputs. DataError where there was no row."""
        graph = self.bound.graph
        if not self.rows:
            first = [*self._totals, *self._counts][0]
            raise DataError(f"there is no row to take `{first.asked}` of")
        found = {graph.input_name(total.node): graph.constants[graph.payload[total.operand]] * self.rows
                 for total in self._counts}  # fmt: skip
        for total, running in zip(self._totals, self._running, strict=True):
            value = running.result()
            found[graph.input_name(total.node)] = value if value.ndim else float(value)
        if not all(map(finite, found.values())) and self.bound.is_heard(self.operands):
            self.bound.tell(self._births.births(dict(self.bound.values), self.bound.source) or self._too_large(found))
        return found

    def _too_large(self, found: Mapping[str, Any]) -> list[Birth]:
        """What is said of totals that are infinite although each row is finite."""
        from cgcli.explain.births import Birth

        graph = self.bound.graph
        return [
            Birth(f"`{total.asked}` of a column of finite numbers is too large for a double",
                  graph.spans.get(total.node), self.bound.source)
            for total in self._totals if self._finite and not finite(found[graph.input_name(total.node)])
        ]  # fmt: skip


def with_values(bound: Bound, nodes: Sequence[int], engine: str, rows: int, dtype: str = "float64") -> Bound:
    """The formula with the values of the totals that nodes need, of columns that are in memory."""
    from cgcli.engines import choose_for_rows

    for totals in levels(bound, nodes):
        taken = Pass(bound, totals)
        chosen = choose_for_rows(bound.graph, taken.operands, engine, bound.values, rows)
        for values, count in _parts(bound, taken.operands, rows):
            taken.add(values, count, chosen, dtype)
        bound = bound.over(bound.program, taken.values())
    return bound


def _parts(bound: Bound, operands: Sequence[int], rows: int) -> Iterator[tuple[dict[str, Any], int]]:
    """The values of all inputs for some rows after the other, and how many those are; columns of unlike length at once,
    so that they are refused.
    """
    graph, inputs = bound.graph, bound.graph.inputs()
    columns = [
        name for name, value in bound.values.items()
        if name in inputs and len(shape_of(value)) > len(graph.shape_of(inputs[name]))
    ]  # fmt: skip
    width = sum(size(graph.shape_of(node)) for node in operands)
    step = max(BATCH // max(width, 1), 1)
    if any(len(bound.values[name]) != rows for name in columns):
        step = rows
    for first in range(0, rows, step):
        part = {name: bound.values[name][first : first + step] for name in columns}
        yield {**bound.values, **part}, min(step, rows - first)
