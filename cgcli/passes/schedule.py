"""Runs: the nodes that a calculation needs, sorted so that equal operations stand together.

A run is one operation applied to many operand tuples at once. Nodes are sorted by depth and operation, so that no
node of a run needs another one of it; a run reads by gather and writes one contiguous stretch. This is the dynamic
batching of M. Looks et al., Deep Learning with Dynamic Computation Graphs, ICLR 2017 (TensorFlow Fold).
"""

from __future__ import annotations

from cgcli.graph.loops import sort_by_counting, swept
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
    leaves, steps = nodes[leaf], nodes[~leaf]
    kind, kinds = _kinds(graph, steps)
    depth = np.array(depths(graph), dtype=np.int64)[steps]
    keys = depth * len(kinds) + kind
    sorting = _sorted(keys)
    ends = np.flatnonzero(np.diff(keys[sorting])) + 1
    if len(steps) >= SHORT * (len(ends) + 1):
        steps, kind = steps[sorting], kind[sorting]
    else:
        ends = np.arange(1, len(steps))
    begins = np.concatenate([[0], ends, [len(steps)]]).astype(np.int64) if len(steps) else np.zeros(1, dtype=np.int64)
    place = np.full(len(graph), -1, dtype=np.int32)
    order = np.concatenate([leaves, steps])
    place[order] = np.arange(len(order), dtype=np.int32)
    runs = np.stack([kind[begins[:-1]], np.diff(begins)], axis=1).astype(np.int32)
    gathered = np.zeros(int(count[~leaf].sum()), dtype=np.int32)
    swept(lay_out, len(steps), steps, runs, start, np.array(graph.operands), place, gathered)
    return Schedule(order, place, len(leaves), kinds, runs, gathered)


def _kinds(graph: Graph, steps: Column) -> tuple[Column, list[tuple[Operation, tuple[Any, ...]]]]:
    """The kind of each node, and the kinds: an operation with its static arguments."""
    import numpy as np

    width = len(graph.attributes) + 1
    code = np.array(graph.op, dtype=np.int64)[steps] * width + np.array(graph.payload, dtype=np.int64)[steps] + 1
    present = np.flatnonzero(np.bincount(code, minlength=1))
    number = np.zeros(int(present.max(initial=0)) + 1, dtype=np.int64)
    number[present] = np.arange(len(present))
    kinds: list[tuple[Operation, tuple[Any, ...]]] = []
    for each in present.tolist():
        op, attributes = divmod(each, width)
        kinds.append((REGISTRY.rows[op], graph.attributes[attributes - 1] if attributes else ()))
    return number[code], kinds


def _sorted(keys: Column) -> Column:
    """The positions of the keys in their order; there are not many more different keys than keys."""
    import numpy as np

    first = np.concatenate([[0], np.cumsum(np.bincount(keys, minlength=1))])
    order = np.empty(len(keys), dtype=np.int64)
    swept(sort_by_counting, len(keys), keys, first, order)
    return order


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
