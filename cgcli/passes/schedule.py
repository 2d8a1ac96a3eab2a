"""Runs: the nodes that a calculation needs, sorted so that equal operations stand together.

A run is one operation applied to many operand tuples at once. Nodes are sorted by depth and operation, so that no
node of a run needs another one of it; a run reads by gather and writes one contiguous stretch. This is the dynamic
batching of M. Looks et al., Deep Learning with Dynamic Computation Graphs, ICLR 2017 (TensorFlow Fold).
"""

from __future__ import annotations

from cgcli.graph.walk import ancestors, depths
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

    needed = np.frombuffer(ancestors(graph, wanted), dtype=np.uint8)
    nodes = np.flatnonzero(needed)
    start = np.array(graph.start, dtype=np.int64)
    count = (start[1:] - start[:-1])[nodes]
    leaf = np.isin(np.array(graph.op)[nodes], LEAVES)
    leaves, steps, arity = nodes[leaf], nodes[~leaf], count[~leaf]
    kind, kinds = _kinds(graph, steps)
    depth = np.array(depths(graph), dtype=np.int64)[steps]
    sorting = np.argsort(depth * len(kinds) + kind, kind="stable")
    ends = np.flatnonzero((np.diff(kind[sorting]) != 0) | (np.diff(depth[sorting]) != 0)) + 1
    if len(steps) >= SHORT * (len(ends) + 1):
        steps, arity, kind = steps[sorting], arity[sorting], kind[sorting]
    else:
        ends = np.arange(1, len(steps))
    begins = np.concatenate([[0], ends, [len(steps)]]).astype(np.int64) if len(steps) else np.zeros(1, dtype=np.int64)
    place = np.full(len(graph), -1, dtype=np.int32)
    order = np.concatenate([leaves, steps])
    place[order] = np.arange(len(order), dtype=np.int32)
    runs = np.stack([kind[begins[:-1]], np.diff(begins)], axis=1).astype(np.int32)
    operands = _gathered(graph, steps, arity, begins, start, place)
    return Schedule(order, place, len(leaves), kinds, runs, operands)


def _kinds(graph: Graph, steps: Column) -> tuple[Column, list[tuple[Operation, tuple[Any, ...]]]]:
    """The kind of each node, and the kinds: an operation with its static arguments."""
    import numpy as np

    op = np.array(graph.op, dtype=np.int64)[steps]
    payload = np.array(graph.payload, dtype=np.int64)[steps]
    codes, kind = np.unique(op << 32 | (payload + 1), return_inverse=True)
    kinds: list[tuple[Operation, tuple[Any, ...]]] = []
    for code in codes.tolist():
        attributes = graph.attributes[(code & 0xFFFFFFFF) - 1] if code & 0xFFFFFFFF else ()
        kinds.append((REGISTRY.rows[code >> 32], attributes))
    return kind.ravel(), kinds


def _gathered(graph: Graph, steps: Column, arity: Column, begins: Column, start: Column, place: Column) -> Column:
    """The places of all operands: of each run first all first operands, then all second ones, and so on."""
    import numpy as np

    lengths = np.diff(begins)
    ends = np.cumsum(arity)
    run_first = np.concatenate([[0], ends])[begins[:-1]] if len(steps) else begins[:0]
    within = np.arange(len(steps)) - np.repeat(begins[:-1], lengths)
    target = np.repeat(run_first, lengths) + within
    stride = np.repeat(lengths, lengths)
    operands = np.array(graph.operands, dtype=np.int32)
    gathered = np.zeros(int(ends[-1]) if len(steps) else 0, dtype=np.int32)
    for position in range(int(arity.max(initial=0))):
        has = arity > position
        gathered[(target + position * stride)[has]] = place[operands[start[steps[has]] + position]]
    return gathered
