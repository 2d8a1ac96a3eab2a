"""Runs: the nodes that a calculation needs, sorted so that equal operations stand together.

A run is one operation applied to many operand tuples at once. Nodes are sorted by depth and operation, so that no
node of a run needs another one of it; a run reads by gather and writes one contiguous stretch. This is the dynamic
batching of M. Looks et al., Deep Learning with Dynamic Computation Graphs, ICLR 2017 (TensorFlow Fold).
"""

from __future__ import annotations

from cgcli.graph.loops import sort_by_counting, swept
from cgcli.graph.walk import ancestors
from cgcli.ops import REGISTRY, structure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from numpy.typing import NDArray

    from cgcli.graph.store import Graph
    from cgcli.ops import Operation

    Column = NDArray[Any]

LEAVES = (structure.constant.code, structure.array.code, structure.variable.code)

SHORT = 3
"""Runs that are shorter than this on average are given up: every node is a run, in the order of the graph."""


class Schedule:
    """The order of a calculation on scalars.

    order: the needed nodes, leaves first, then run after run. place: node -> its position in `order`, -1 for others.
    leaves: how many leaves there are. kinds: the distinct operations with their static arguments.
    runs: (kind, length) of each run. operands: for each run one stretch of places an operand.
    """

    __slots__ = ("kinds", "leaves", "operands", "order", "place", "runs")

    def __init__(
        self, order: Column, place: Column, leaves: int, kinds: list[tuple[Operation, tuple[Any, ...]]], runs: Column,
        operands: Column,
    ) -> None:  # fmt: skip
        self.order = order
        self.place = place
        self.leaves = leaves
        self.kinds = kinds
        self.runs = runs
        self.operands = operands

    @property
    def node_by_node(self) -> bool:
        """Whether every node is a run of its own."""
        return len(self.runs) == len(self.order) - self.leaves


def schedule(graph: Graph, wanted: Sequence[int]) -> Schedule:
    """The runs that compute the wanted nodes of a graph of scalars."""
    import numpy as np

    size, width = len(graph), len(graph.attributes) + 1
    needed = ancestors(graph, wanted)
    count = needed.count(1)
    is_leaf, met = np.zeros(len(REGISTRY.rows), dtype=np.uint8), np.zeros(len(REGISTRY.rows) * width, dtype=np.uint8)
    is_leaf[list(LEAVES)] = 1
    depth, leaves, steps, code = (np.empty(length, dtype=np.int32) for length in (size, count, count, count))
    first, edges, deepest = swept(
        survey, size, needed, is_leaf, graph.op, graph.payload, graph.start, graph.operands, width, depth, leaves,
        steps, code, met,
    )  # fmt: skip
    leaves, steps, code = leaves[:first], steps[: count - first], code[: count - first]
    kind, kinds = _kinds(graph, code, np.flatnonzero(met))
    steps, runs = _in_runs(steps, depth, kind, len(kinds), deepest)
    order = np.concatenate([leaves, steps])
    place = np.full(size, -1, dtype=np.int32)
    place[order] = np.arange(count, dtype=np.int32)
    gathered = np.empty(edges, dtype=np.int32)
    swept(lay_out, count, steps, runs, graph.start, graph.operands, place, gathered)
    return Schedule(order, place, first, kinds, runs, gathered)


def survey(
    needed: Any, is_leaf: Any, op: Any, payload: Any, start: Any, operands: Any, width: int, depth: Any, leaves: Any,
    steps: Any, code: Any, met: Any,
) -> tuple[int, int, int]:  # fmt: skip
    """Tell leaves from steps, and write the depth of each node and the code of each step.

    A code is an operation with its static arguments; `met` marks the codes that there are. Returns how many leaves
    there are, how many operands the steps have, and the depth of the deepest node.
    """
    first, count, edges, deepest = 0, 0, 0, 0
    for node in range(len(needed)):
        if not needed[node]:
            continue
        if is_leaf[op[node]]:
            depth[node] = 0
            leaves[first] = node
            first += 1
            continue
        below = 0
        for edge in range(start[node], start[node + 1]):
            below = max(below, depth[operands[edge]])
        depth[node] = below + 1
        deepest = max(deepest, below + 1)
        edges += start[node + 1] - start[node]
        steps[count] = node
        code[count] = op[node] * width + payload[node] + 1
        met[code[count]] = 1
        count += 1
    return first, edges, deepest


def _kinds(graph: Graph, code: Column, present: Column) -> tuple[Column, list[tuple[Operation, tuple[Any, ...]]]]:
    """The kind of each step, and the kinds: an operation with its static arguments."""
    import numpy as np

    width = len(graph.attributes) + 1
    number = np.zeros(int(present.max(initial=0)) + 1, dtype=np.int32)
    number[present] = np.arange(len(present))
    kinds: list[tuple[Operation, tuple[Any, ...]]] = []
    for each in present.tolist():
        op, attributes = divmod(each, width)
        kinds.append((REGISTRY.rows[op], graph.attributes[attributes - 1] if attributes else ()))
    return number[code], kinds


def _in_runs(steps: Column, depth: Column, kind: Column, kinds: int, deepest: int) -> tuple[Column, Column]:
    """The steps in the order in which they are computed, and the runs."""
    import numpy as np

    if len(steps) >= SHORT * deepest:  # there is a run of each depth at least
        keys = depth[steps].astype(np.int64) * kinds + kind
        lengths = np.bincount(keys, minlength=1)
        present = np.flatnonzero(lengths)
        if len(steps) >= SHORT * len(present):
            first = np.cumsum(lengths) - lengths
            order = np.empty(len(steps), dtype=np.int32)
            swept(sort_by_counting, len(steps), keys, first, order)
            return steps[order], np.stack([present % max(kinds, 1), lengths[present]], axis=1).astype(np.int32)
    return steps, np.stack([kind, np.ones(len(steps), dtype=np.int32)], axis=1)


def lay_out(steps: Any, runs: Any, start: Any, operands: Any, place: Any, gathered: Any) -> None:
    """Write the places of all operands: of each run first all first operands, then all second ones, and so on."""
    begin = 0
    target = 0
    for run in range(len(runs)):
        length = runs[run, 1]
        arity = start[steps[begin] + 1] - start[steps[begin]]
        for position in range(length):
            edges = start[steps[begin + position]]
            for operand in range(arity):
                gathered[target + operand * length + position] = place[operands[edges + operand]]
        begin += length
        target += length * arity
