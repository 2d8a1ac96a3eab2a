"""Rolling: the scalars of a loop as arrays, so that what is done to each of them is done once for all.

A loop in a formula (`[f(x[k]) for k in range(n)]`) is written out as scalars, n of each kind. Nodes of the same
depth, operation and static arguments need no node of each other; here they become the elements of one array, and what
they read becomes an index or a gathering. So the graph, and every pass over it, is as long as the body of the loop. The
numbers are the same but for the order in which a long sum is added. That is the dynamic batching of M. Looks et al.,
Deep Learning with Dynamic Computation Graphs, ICLR 2017, as a pass (see `passes.schedule`, where it is an order of
evaluation).
"""

from __future__ import annotations

from collections import Counter
from itertools import compress

from cgcli.graph.copying import carry
from cgcli.graph.store import Graph
from cgcli.graph.walk import ancestors
from cgcli.ops import REGISTRY, arithmetic, shaping, structure
from cgcli.ops import positions as at_positions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

FEWEST_SCALARS, SHORTEST, LONG_SUM = 400, 8, 32
"""Scalars of a graph from which on it is rolled, of a run from which on they are an array, and terms of a long sum."""

GONE = -1


def rolled(graph: Graph, wanted: Iterable[int]) -> tuple[Graph, dict[int, int]] | None:
    """The same graph with arrays in place of many scalars, and where the wanted nodes are in it.

    Inputs stay what they are. None where there are few scalars, or few that are done alike.
    """
    wanted = list(wanted)
    with graph.lock:
        needed = ancestors(graph, wanted)
        nodes = list(compress(range(len(needed)), needed))
        scalar = [node for node in nodes if graph.shape[node] == 0 and not graph.is_leaf(node)]
        if len(scalar) < FEWEST_SCALARS:
            return None
        sums, inside = _sums(graph, nodes, frozenset(wanted))
        runs = _runs(graph, [node for node in nodes if node not in inside], frozenset(wanted), sums)
        if 2 * sum(len(run) for run in runs if len(run) >= SHORTEST) < len(scalar) - len(inside):
            return None
        work = _Rolling(graph, frozenset(wanted), sums)
        for run in runs:
            work.add(run)
        found = {node: work.single(node) for node in wanted}
        moved = [GONE] * len(graph)
        for node, place in work.nodes.items():
            moved[node] = place
        carry(graph, work.target, moved, calls=False)
        return work.target, found


def _sums(
    graph: Graph, nodes: Sequence[int], kept: frozenset[int]
) -> tuple[dict[int, list[int]], set[int]]:  # fmt: skip
    """The sums of many scalars, each with what it adds up, and the nodes within them that nothing else uses."""
    code, start, operands, shape = arithmetic.add.code, graph.start, graph.operands, graph.shape
    uses: Counter[int] = Counter()
    for node in nodes:
        uses.update(operands[start[node] : start[node + 1]])
    sums: dict[int, list[int]] = {}
    inside: set[int] = set()
    for node in reversed(nodes):
        if graph.op[node] != code or shape[node] or node in inside:
            continue
        terms, added, pending = [], [], [node]
        while pending:
            each = pending.pop()
            if each == node or (graph.op[each] == code and uses[each] == 1 and each not in kept and not shape[each]):
                added.append(each)
                pending += reversed(operands[start[each] : start[each + 1]])
            else:
                terms.append(each)
        if len(terms) >= LONG_SUM:
            sums[node] = terms
            inside.update(added[1:])
    return sums, inside


def _runs(
    graph: Graph, nodes: Sequence[int], kept: frozenset[int], sums: Mapping[int, Sequence[int]]
) -> list[list[int]]:  # fmt: skip
    """The nodes in an order of evaluation, those together that may become one array."""
    op, start, operands, shape, payload = graph.op, graph.start, graph.operands, graph.shape, graph.payload
    elementwise = {code for code in set(op) if REGISTRY.rows[code].elementwise} - structure.LEAVES
    index = shaping.index.code
    depth: dict[int, int] = {}
    runs: dict[tuple[Any, ...], list[int]] = {}
    for node in nodes:
        used: Sequence[int] = sums.get(node) or operands[start[node] : start[node + 1]]
        depth[node] = own = 1 + max((depth[operand] for operand in used), default=0)
        code = op[node]
        if shape[node] or node in kept or node in sums or code in structure.LEAVES:
            key: tuple[Any, ...] = (own, -1, node)
        elif code in elementwise:
            key = (own, code, payload[node], len(used))
        elif code == index:
            key = (own, code, used[0])
        else:
            key = (own, -1, node)
        runs.setdefault(key, []).append(node)
    return [run for _, run in sorted(runs.items(), key=lambda item: item[0][0])]


class _Rolling:
    """One graph under way into another one.

    nodes: old node -> new one of the same value. places: old scalar -> (array of the new graph, position).
    """

    def __init__(self, graph: Graph, kept: frozenset[int], sums: Mapping[int, list[int]]) -> None:
        self.graph = graph
        self.sums = sums
        self.kept = kept
        self.target = Graph()
        self.target.is_derivative = graph.is_derivative
        self.nodes: dict[int, int] = {}
        self.places: dict[int, tuple[int, int]] = {}

    def add(self, run: Sequence[int]) -> None:
        """Take a run over: as one array where it is long."""
        graph, first = self.graph, run[0]
        if len(run) < SHORTEST:
            for node in run:
                self.nodes[node] = self._copied(node)
            return
        row = graph.row(first)
        if row is shaping.index:
            (source,) = graph.operands_of(first)
            place = {node: _position(*graph.attributes_of(node)) for node in run}
            run = sorted(run, key=place.__getitem__)
            positions = list(map(place.__getitem__, run))
            array = self.picked(self.single(source), positions)
        else:
            columns = [self.column([graph.operands[graph.start[node] + place] for node in run])
                       for place in range(len(graph.operands_of(first)))]  # fmt: skip
            if not any(self.target.shape_of(column) for column in columns):
                columns[0] = self.target.apply(shaping.broadcast_to, [columns[0]], [(len(run),)])
            array = self.target.repeat(row, columns, graph.attributes_of(first))
        for position, node in enumerate(run):
            self.places[node] = (array, position)

    def _copied(self, node: int) -> int:
        graph = self.graph
        if node in self.sums:
            return self.target.apply(shaping.sum_of, [self.stacked(self.sums[node])], [None])
        if graph.row(node) is shaping.stack and not graph.shape_of(graph.operands_of(node)[0]):
            return self.stacked(graph.operands_of(node).tolist())
        return self.target.copy_node(graph, node, [self.single(operand) for operand in graph.operands_of(node)])

    def single(self, node: int) -> int:
        """The new node of an old one, taken out of its array where it is in one."""
        found = self.nodes.get(node)
        if found is None:
            array, position = self.places[node]
            found = self.nodes[node] = self.target.apply(shaping.index, [array], [(position,)])
        return found

    def column(self, operands: list[int]) -> int:
        """Old scalars as one new node: a scalar where all are the same one, else an array."""
        first = operands[0]
        if operands.count(first) == len(operands):
            return self.single(first)
        return self.stacked(operands)

    def stacked(self, operands: list[int]) -> int:
        """Old scalars as one new array: picked from the arrays that hold them."""
        if all(map(self.graph.is_constant, operands)) and self.kept.isdisjoint(operands):
            return self.target.array_constant([self.graph.constant_value(node) for node in operands])
        begins: dict[int, int] = {}
        singles: dict[int, int] = {}
        parts: list[int] = []
        length = 0
        for node in operands:
            array, _ = self.places.get(node, (GONE, 0))
            if array == GONE:
                singles.setdefault(node, len(singles))
            elif array not in begins:
                begins[array] = length
                parts.append(array)
                length += self.target.shape_of(array)[0]
        if singles:
            parts.append(self.target.apply(shaping.stack, [self.single(node) for node in singles]))
        pool = parts[0] if len(parts) == 1 else self.target.apply(shaping.concat, parts)
        positions = []
        for node in operands:
            array, position = self.places.get(node, (GONE, 0))
            positions.append(length + singles[node] if array == GONE else begins[array] + position)
        return self.picked(pool, positions)

    def picked(self, array: int, positions: Sequence[int]) -> int:
        """Elements of an array as a vector: itself, a part at equal distances, or a gathering."""
        shape = self.target.shape_of(array)
        step = positions[1] - positions[0] if len(positions) > 1 else 1
        last = positions[-1]
        if len(shape) == 1 and step and list(range(positions[0], last + (1 if step > 0 else -1), step)) == positions:
            if step == 1 and len(positions) == shape[0]:
                return array
            stop = last + 1 if step > 0 else last - 1
            return self.target.apply(shaping.index, [array], [((positions[0], stop, step),)])
        import numpy as np

        return self.target.apply(
            at_positions.gather, [array], [at_positions.Positions(np.array(positions, dtype=np.int64))]
        )


def _position(entries: tuple[int, ...], shape: tuple[int, ...]) -> int:
    """The position of one element."""
    position = 0
    for entry, length in zip(entries, shape, strict=True):
        position = position * length + entry
    return position
