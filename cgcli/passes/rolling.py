"""Rolling: the scalars of a loop as arrays, so that what is done to each of them is done once for all.

A loop in a formula (`[f(x[k]) for k in range(n)]`) is written out as scalars, n of each kind. Nodes of the same
depth, operation and static arguments need no node of each other; here they become the elements of one array, and what
they read becomes an index or a gathering. So the graph, and every pass over it, is as long as the body of the loop. The
numbers are the same but for the order in which a long sum is added. That is the dynamic batching of M. Looks et al.,
Deep Learning with Dynamic Computation Graphs, ICLR 2017, as a pass (see `passes.schedule`, where it is an order of
evaluation).
"""

from __future__ import annotations

from cgcli.graph.store import Graph
from cgcli.ops import shaping, structure
from cgcli.passes.alike import Columns, LongSums, runs_alike
from cgcli.passes.static_positions import picked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

FEWEST_SCALARS, SHORTEST = 400, 8
"""Scalars of a graph from which on it is rolled, and of a run from which on they are an array."""

GONE = -1


def rolled(graph: Graph, wanted: Iterable[int]) -> tuple[Graph, dict[int, int]] | None:
    """The same graph with arrays in place of many scalars, and where the wanted nodes are in it.

    Inputs stay what they are. None where there are few scalars, or few that are done alike.
    """
    wanted = list(wanted)
    if len(graph) < FEWEST_SCALARS:
        return None
    import numpy as np

    with graph.lock:
        columns = Columns(graph, wanted)
        count = int(columns.scalar.sum())
        if count < FEWEST_SCALARS:
            return None
        sums = LongSums(columns)
        nodes, begins = runs_alike(columns, sums)
        lengths = np.diff(np.append(begins, len(nodes)))
        if 2 * lengths[lengths >= SHORTEST].sum() < count - sums.inside.sum():
            return None
        work = _Rolling(graph, columns, sums)
        for run in np.split(nodes, begins[1:]):
            for part in work.apart(run):
                work.add(part)
        found = {node: work.single(node) for node in wanted}
        work.carry()
        return work.target, found


class _Rolling:
    """One graph under way into another one.

    nodes: old node -> new one of the same value. array, position: of each old scalar the array of the new graph that
    holds it (or GONE), and where.
    """

    def __init__(self, graph: Graph, columns: Columns, sums: LongSums) -> None:
        import numpy as np

        self.graph = graph
        self.columns = columns
        self.sums = sums
        self.target = Graph()
        self.target.is_derivative = graph.is_derivative
        self.nodes: dict[int, int] = {}
        self.array = np.full(columns.count, GONE)
        self.position = np.zeros(columns.count, dtype=np.int64)

    def apart(self, run: Any) -> list[Any]:
        """A run by the arrays and constants that its nodes read: so that `2*u[k]` and `4*v[k]` lie in arrays each.

        What is read by few (at the ends of a loop) stays with the most.
        """
        import numpy as np

        graph, columns = self.graph, self.columns
        if len(run) < 2 * SHORTEST or graph.row(int(run[0])) is shaping.index:
            return [run]
        kind = np.zeros(len(run), dtype=np.int64)
        for place in range(len(graph.operands_of(int(run[0])))):
            operands = columns.operands[columns.start[run] + place]
            read = self.array[operands]
            read = np.where(read == GONE, -2 - operands, read)
            _, number, count = np.unique(read, return_inverse=True, return_counts=True)
            kind = kind * (len(run) + 1) + np.where(count[number] < SHORTEST, 0, number + 1)
            kind = np.unique(kind, return_inverse=True)[1]
        count = np.bincount(kind)
        kind[count[kind] < SHORTEST] = np.argmax(count)
        return [run[kind == each] for each in np.unique(kind)]

    def add(self, run: Any) -> None:
        """Take a run over: as one array where it is long."""
        import numpy as np

        graph, columns, first = self.graph, self.columns, int(run[0])
        if len(run) < SHORTEST:
            for node in run.tolist():
                if not graph.is_constant(node):
                    self.nodes[node] = self._copied(node)
            return
        row = graph.row(first)
        if row is shaping.index:
            (source,) = graph.operands_of(first)
            positions = _positions([graph.attributes[number] for number in columns.payload[run].tolist()])
            order = np.argsort(positions, kind="stable")
            run = run[order]
            array = picked(self.target, self.single(source), positions[order])
        else:
            begins = columns.start[run]
            parts = [self.column(columns.operands[begins + place]) for place in range(len(graph.operands_of(first)))]
            if not any(self.target.shape_of(part) for part in parts):
                parts[0] = self.target.apply(shaping.broadcast_to, [parts[0]], [(len(run),)])
            array = self.target.repeat(row, parts, graph.attributes_of(first))
        self.array[run] = array
        self.position[run] = np.arange(len(run))

    def _copied(self, node: int) -> int:
        graph = self.graph
        if node in self.sums.terms:
            return self.target.apply(shaping.sum_of, [self.stacked(self.sums.terms[node])], [None])
        if graph.row(node) is shaping.stack and not graph.shape_of(graph.operands_of(node)[0]):
            columns = self.columns
            return self.stacked(columns.operands[columns.start[node] : columns.start[node + 1]])
        return self.target.copy_node(graph, node, [self.single(operand) for operand in graph.operands_of(node)])

    def single(self, node: int) -> int:
        """The new node of an old one, taken out of its array where it is in one."""
        found = self.nodes.get(node)
        if found is None and self.graph.is_constant(node):
            found = self.nodes[node] = self.target.copy_node(self.graph, node, [])
        elif found is None:
            array, position = int(self.array[node]), int(self.position[node])
            found = self.nodes[node] = self.target.apply(shaping.index, [array], [(position,)])
        return found

    def column(self, operands: Any) -> int:
        """Old scalars as one new node: a scalar where all are the same one, else an array."""
        return self.single(int(operands[0])) if (operands == operands[0]).all() else self.stacked(operands)

    def stacked(self, operands: Any) -> int:
        """Old scalars as one new array: picked from the arrays that hold them."""
        import numpy as np

        array = self.array[operands]
        parts = [(part, array == part) for part in _in_order(array[array != GONE])]
        nodes = [part for part, _ in parts]
        begin, positions = 0, self.position[operands]
        for part, own in parts:
            positions[own] += begin
            begin += self.target.shape_of(part)[0]
        left = array == GONE
        constant = left & (self.columns.op[operands] == structure.constant.code) & ~self.columns.kept[operands]
        for own, made in ((constant, self._constants), (left & ~constant, self._stack)):
            if own.any():
                singles = _in_order(operands[own])
                place = np.zeros(self.columns.count, dtype=np.int64)
                place[singles] = np.arange(begin, begin + len(singles))
                positions[own] = place[operands[own]]
                nodes.append(made(singles))
                begin += len(singles)
        pool = nodes[0] if len(nodes) == 1 else self.target.apply(shaping.concat, nodes)
        return picked(self.target, pool, positions)

    def _constants(self, nodes: list[int]) -> int:
        """Old constants as a new array."""
        return self.target.array_constant(self.columns.constants[self.columns.payload[nodes]])

    def _stack(self, nodes: list[int]) -> int:
        """Old scalars that are in no array as a new one."""
        return self.target.apply(shaping.stack, [self.single(node) for node in nodes])

    def carry(self) -> None:
        """Let the names and the places in the text follow the nodes that have one of their own in the new graph."""
        names = {name: self.nodes.get(node) for name, node in self.graph.names.items()}
        known = {name: node for name, node in names.items() if node is not None}
        self.target.names = {**known, **self.target.names}
        for node, place in self.nodes.items():
            span = self.graph.spans.get(node)
            if span is not None:
                self.target.spans.setdefault(place, span)


def _in_order(numbers: Any) -> list[int]:
    """Different numbers in the order in which they are met."""
    import numpy as np

    found, first = np.unique(numbers, return_index=True)
    ordered: list[int] = found[np.argsort(first)].tolist()
    return ordered


def _positions(attributes: list[tuple[Any, ...]]) -> Any:
    """The positions of elements of one array, rows first, from the static arguments of indices."""
    import numpy as np

    shape = attributes[0][1]
    if len(shape) == 1:
        return np.array([key[0] for key, _ in attributes], dtype=np.int64)
    return np.ravel_multi_index(tuple(np.array([key for key, _ in attributes], dtype=np.int64).T), shape)
