"""Reductions of whole columns of a table as a pass: graph in, graph out, and derivatives through them.

The graph of a formula over a table is that of one row. Its nodes are of two kinds: a *row's number* differs from row to
row; what is *of the whole table* does not. A reduction of a row's number means the column. It becomes a *total*, an
input of the graph whose value is made by a pass over all rows of its operand; whatever follows from it is an ordinary
node. So every engine computes rows as ever, and a table is read once for each total that follows from another one.

Derivatives are totals again. The adjoint of a total is of the whole table; what comes to its operand differs from row
to row; and what the rows hand to something of the whole table is their sum.
"""

from __future__ import annotations

from itertools import compress

from cgcli.errors import ShapeError
from cgcli.graph.copying import carry
from cgcli.graph.store import Graph
from cgcli.graph.walk import between
from cgcli.ops import REGISTRY, shaping, structure
from cgcli.ops.decisions import Taken
from cgcli.passes.adjoints import Adjoint, Mask, indicator_of, narrowed, put_together, scaled, total_of
from cgcli.passes.backward import filled
from cgcli.passes.differentiate import backward
from cgcli.passes.folding import FoldingRef

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from cgcli.graph.ref import Ref
    from cgcli.ops import Operation

    Shape = tuple[int, ...]

ROWS = -1
"""Stands in a shape for the length of a column, which nobody knows before the table is read."""

AXIS = (-1,)
"""The axes of a column, as the attributes of reductions hold them."""


class Total:
    """A reduction of a column. node: the input that holds its value; operand: the number that each row has; row: how
    they are put together, by its spelling `rows`; asked: the name of the operation for which it was made first.
    """

    __slots__ = ("asked", "node", "operand", "row")

    def __init__(self, node: int, operand: int, row: Operation, asked: str) -> None:
        self.node = node
        self.operand = operand
        self.row = row
        self.asked = asked


class Columns:
    """The totals of a graph. names: its inputs that are columns. totals: in an order in which they can be computed.

    asked: of each reduction in the text the name of its operation, and its node.
    repeated: nodes that are a row's number although it is the same in all of them.
    """

    def __init__(
        self, graph: Graph, names: Sequence[str], totals: Sequence[Total] = (), repeated: Sequence[int] = ()
    ) -> None:
        self.graph = graph
        self.names = frozenset(names)
        self._repeated = set(repeated)
        self.totals = list(totals)
        self._made = {(total.row, total.operand): total.node for total in totals}
        self._varies = bytearray()
        self._follows = bytearray()
        self._asked: str | None = None
        self.asked: list[tuple[str, int]] = []

    def over(self, graph: Graph) -> Columns:
        """The same for a graph that begins as this one."""
        found = Columns(graph, tuple(self.names), self.totals, tuple(self._repeated))
        found.asked = list(self.asked)
        return found

    def also(self, names: Sequence[str]) -> Columns:
        """The same with more inputs that are columns."""
        found = self.over(self.graph)
        found.names |= set(names)
        return found

    def varies(self, node: int) -> bool:
        """Whether a node is a row's number."""
        graph, known = self.graph, self._varies
        for each in range(len(known), node + 1):
            if graph.is_input(each):
                known.append(graph.input_name(each) in self.names)
            else:
                known.append(each in self._repeated or any(known[operand] for operand in graph.operands_of(each)))
        return bool(known[node])

    def in_each_row(self, node: int) -> int:
        """A node with the same value that is a row's number."""
        if not self.varies(node):
            node = self.graph.apply(structure.alias, [node])
            self._repeated.add(node)
        return node

    def is_whole(self, node: int) -> bool:
        """Whether a node is of the whole table, and follows from a total."""
        graph, known = self.graph, self._follows
        totals = {total.node for total in self.totals}
        for each in range(len(known), node + 1):
            known.append(each in totals or any(known[operand] for operand in graph.operands_of(each)))
        return bool(known[node]) and not self.varies(node)

    def needed(self, nodes: Sequence[int]) -> list[Total]:
        """The totals that nodes need, and those that these need."""
        return [total for level in self.levels(nodes) for total in level]

    def levels(self, nodes: Sequence[int]) -> list[list[Total]]:
        """The needed totals by the pass over the rows that makes them; each pass needs those before it."""
        graph, found = self.graph, []
        needed = bytearray(len(graph))
        for node in nodes:
            needed[node] = 1
        for total in reversed(self.totals):
            _mark_needed(graph, needed, total.node)
            if needed[total.node]:
                needed[total.operand] = 1
                found.append(total)
        depth = [0] * len(graph)
        by_node = {total.node: total for total in found}
        for node in compress(range(len(graph)), needed):
            made = by_node.get(node)
            below = graph.operands_of(node) if made is None else [made.operand]
            depth[node] = max((depth[operand] for operand in below), default=0) + (made is not None)
        levels: list[list[Total]] = [[] for _ in range(max((depth[total.node] for total in found), default=0))]
        for total in reversed(found):
            levels[depth[total.node] - 1].append(total)
        return levels

    def total(self, row: Operation, operand: int) -> int:
        """The node of the total that a row with a spelling for rows makes of a number in each row."""
        node = self._made.get((row, operand))
        if node is None:
            name = f"{row.name} of column {len(self.totals)}"
            node = self.graph.input(name, self.graph.shape_of(operand), hidden=True)
            self.totals.append(Total(node, operand, row, self._asked or row.name))
            self._made[row, operand] = node
        return node

    def ref(self, node: int, *, column: bool = False) -> ColumnRef:
        """A handle on a node that understands reductions of columns."""
        return ColumnRef(self, node, column=column)

    def reduced(self, row: Operation, operands: Sequence[int], attributes: tuple[Any, ...]) -> int:
        """What a reduction means whose first operand is a row's number."""
        column, *others = operands
        along = tuple(AXIS if entry == () else entry for entry in attributes)
        self._asked = row.name
        found = self.ref(column, column=True).reduce(row, [self.ref(other) for other in others], along).node
        self._asked = None
        return found


def _mark_needed(graph: Graph, needed: bytearray, first: int) -> None:
    """Mark what the marked nodes behind a node need."""
    node = len(needed)
    while (node := needed.rfind(1, first, node)) >= 0:
        for operand in graph.operands_of(node):
            needed[operand] = 1


class ColumnRef(FoldingRef):
    """A node as the definition or the pullback of a reduction sees it. column: whether it stands for all rows.

    A column has one axis of a length that is not known; its reductions are totals, and stretching to it costs nothing.
    """

    __slots__ = ("column", "columns")

    def __init__(self, columns: Columns, node: int, *, column: bool) -> None:
        super().__init__(columns.graph, node)
        self.columns = columns
        self.column = column

    @property
    def shape(self) -> Shape:
        """(ROWS,) of a column."""
        return (ROWS,) if self.column else super().shape

    @property
    def rows(self) -> Ref | None:
        """How many rows there are, of a column; see `ops.reductions.count_along`."""
        if not self.column:
            return None
        one = self.graph.constant(1.0)
        return self.columns.ref(self.columns.total(shaping.sum_of, one))

    def coerce(self, value: Any) -> ColumnRef:
        """As every reference."""
        return value if isinstance(value, ColumnRef) else self.columns.ref(self.plain.coerce(value).node)

    @property
    def plain(self) -> FoldingRef:
        """The node as everybody else sees it."""
        return FoldingRef(self.graph, self.node)

    def build(self, row: Operation, operands: Sequence[Any], static: Sequence[Any] = ()) -> ColumnRef:
        """As every reference: elementwise in each row, reductions over all of them."""
        first = operands[0]
        if row in (shaping.broadcast_to, shaping.reshape):
            return self.columns.ref(first.node, column=ROWS in static[0])
        if row.elementwise or not first.column:
            plain = [operand.plain for operand in operands]
            column = any(operand.column for operand in operands)
            return self.columns.ref(FoldingRef.build(plain[0], row, plain, static).node, column=column)
        attributes = row.prepare([operand.shape for operand in operands], *static) if row.prepare else ()
        return first.reduce(row, operands[1:], attributes)

    def reduce(self, row: Operation, others: Sequence[ColumnRef], attributes: tuple[Any, ...]) -> ColumnRef:
        """An operation on a whole column: a total, or what its definition makes of totals."""
        if "rows" in row.spell:
            return self.columns.ref(self.columns.total(row, self.node))
        assert row.definition is not None
        return self.coerce(row.definition(self, *others, *attributes))


# ---- from rows to columns ------------------------------------------------------------------------------------------


def reductions_of_columns(graph: Graph, names: Sequence[str]) -> list[int]:
    """The reductions of numbers that differ from row to row, where the inputs of these names are columns."""
    codes = {code for code in set(graph.op) if "reduction" in REGISTRY.rows[code].traits}
    if not codes:
        return []
    columns = Columns(graph, names)
    return [
        node for node, code in enumerate(graph.op)
        if code in codes and not graph.shape_of(graph.operands_of(node)[0]) and not graph.origins.has(node)
        and columns.varies(node)
    ]  # fmt: skip


def with_totals(graph: Graph, names: Sequence[str], reductions: Sequence[int]) -> tuple[list[int], Columns]:
    """(new position of every node, the totals of the new graph): the graph with reductions that mean columns.

    ShapeError for one that cannot: a norm whose order differs from row to row.
    """
    chosen, moved, new = frozenset(reductions), [0] * len(graph), Graph()
    columns = Columns(new, names)
    for node in range(len(graph)):
        used = [moved[operand] for operand in graph.operands_of(node)]
        if node not in chosen or not columns.varies(used[0]):  # `max(mean(x))` is that of one number
            moved[node] = new.copy_node(graph, node, used)
            continue
        if any(map(columns.varies, used[1:])):
            raise ShapeError(
                f"`{graph.row(node).name}` of a column needs an order that is the same for all rows",
                span=graph.spans.get(node),
            )
        begin = len(columns.totals)
        moved[node] = columns.reduced(graph.row(node), used, graph.attributes_of(node))
        columns.asked.append((graph.row(node).name, moved[node]))
        if node in graph.spans:
            new.spans.update({total.node: graph.spans[node] for total in columns.totals[begin:]})
    carry(graph, new, moved)
    return moved, columns


def refuse_inner_slopes(graph: Graph, slopes: Sequence[tuple[int, int]], reductions: Sequence[int]) -> None:
    """ShapeError for a derivative in the text that goes through a reduction of a column.

    slopes: what is differentiated by what. The text was lowered for one row, of which the reduction is that number.
    """
    for target, variable in slopes:
        active = between(graph, [variable], [target])
        for node in reductions:
            if node < len(active) and active[node]:
                raise ShapeError(
                    f"`diff` cannot go through `{graph.row(node).name}` of a column",
                    span=graph.spans.get(node),
                    hint="differentiate the whole formula: cg grad FORMULA --data FILE --wrt a, or f.grad_rows",
                )


# ---- derivatives ---------------------------------------------------------------------------------------------------


def column_slopes(columns: Columns, output: int, wrt: Sequence[int]) -> list[int]:
    """The nodes of the derivatives of a number by nodes; the graph and its totals are extended.

    Of a row's number they differ from row to row: by what is of the whole table, all that follows from it counts; by
    what differs from row to row, what the same row has. Of what is of the whole table, the derivative by a row's number
    differs from row to row, and every other one is of the whole table.
    """
    return _Slopes(columns, wrt).of(output)


class _Slopes:
    """Derivatives of one graph by the same nodes; those of totals are worked out once."""

    def __init__(self, columns: Columns, wrt: Sequence[int]) -> None:
        self.columns = columns
        self.graph = columns.graph
        self.wrt = list(dict.fromkeys(wrt))
        self.asked = list(wrt)
        self.totals = list(columns.totals)
        self.targets = list(dict.fromkeys([*self.wrt, *(total.node for total in self.totals)]))
        self._of_totals: dict[int, dict[int, Adjoint]] = {}

    def of(self, output: int) -> list[int]:
        """The nodes by the variables that were asked for."""
        one = Adjoint(filled(FoldingRef(self.graph, self.graph.constant(1.0)), self.graph.shape_of(output)))
        found = self._of_row(output, one) if self.columns.varies(output) else self._of_whole(output, one)
        nodes = {}
        for target in self.wrt:
            zero = FoldingRef(self.graph, self.graph.constant(0.0))
            shape = self.graph.shape_of(target)
            node = (found[target].given_out() if target in found else filled(zero, shape)).node
            nodes[target] = self.columns.in_each_row(node) if self.columns.varies(target) else node
        return [nodes[target] for target in self.asked]

    def _of_row(self, output: int, start: Adjoint) -> dict[int, Adjoint]:
        """What a row's number hands on directly, and through each total what this hands on."""
        parts: dict[int, list[Adjoint]] = {}
        direct = self._walk(output, start)
        for target, adjoint in direct.items():
            parts.setdefault(target, []).append(adjoint)
        for total in self.totals:
            if total.node not in direct:
                continue
            if total.node not in self._of_totals:
                one = Adjoint(FoldingRef(self.graph, self.graph.constant(1.0)))
                self._of_totals[total.node] = self._of_whole(total.node, one)
            for target, slope in self._of_totals[total.node].items():
                part = scaled(direct[total.node], slope.given_out())
                if part is not None and target != total.node:
                    parts.setdefault(target, []).append(part)
        return {target: total_of(found, [], goes_on=False) for target, found in parts.items()}

    def _of_whole(self, output: int, start: Adjoint) -> dict[int, Adjoint]:
        """What is of the whole table hands on to totals, and these, the last one first, to the rows."""
        parts = {target: [adjoint] for target, adjoint in self._walk(output, start).items()}
        for total in reversed(self.totals):
            if total.node not in parts:
                continue
            adjoint = total_of(parts[total.node], [], goes_on=True)
            into = self._into_rows(total, adjoint)
            if into is None:
                continue
            for target, found in self._walk(total.operand, into).items():
                parts.setdefault(target, []).append(found if self.columns.varies(target) else self._summed(found))
        return {target: total_of(found, [], goes_on=False) for target, found in parts.items()}

    def _walk(self, output: int, start: Adjoint) -> dict[int, Adjoint]:
        """The adjoints of the targets that a node reaches without a total between."""
        adjoints, _ = backward(self.graph, [(output, start)], self.targets)
        return {target: put_together(adjoints[target]) for target in self.targets if target in adjoints}

    def _summed(self, part: Adjoint) -> Adjoint:
        """What all rows hand on together."""
        value = FoldingRef(self.graph, self.columns.total(shaping.sum_of, part.given_out().node))
        if part.mask is None:
            return Adjoint(value)
        taken = shaping.broadcast_to(indicator_of(part.mask, part.value), part.value.shape)
        counted = self.columns.total(shaping.sum_of, taken.node)
        return Adjoint(value, Mask(FoldingRef(self.graph, counted)), clean=True)

    def _into_rows(self, total: Total, adjoint: Adjoint) -> Adjoint | None:
        """What a total with this adjoint hands to the number of each row."""
        if total.row is shaping.sum_of:
            return adjoint
        begin = len(self.graph)
        pullback = total.row.spell.get("rows_pullback", total.row.pullback)
        columns = self.columns
        operands = (columns.ref(total.operand, column=True),)
        (part,) = pullback(columns.ref(adjoint.value.node), operands, columns.ref(total.node), (AXIS,))
        mask = adjoint.mask
        if isinstance(part, Taken):
            mask, part = narrowed(mask, operands[0].coerce(part.condition).plain), part.value
        found = None if part is None else Adjoint(operands[0].coerce(part).plain, mask)
        self.graph.origins.note(begin, len(self.graph), total.node)
        return found


__all__ = ["Columns", "Total", "column_slopes", "reductions_of_columns", "refuse_inner_slopes", "with_totals"]
