"""Runs: the nodes that a calculation needs, sorted so that equal operations stand together.

A run is one operation applied to many operand tuples at once. Nodes are sorted by depth and operation, so that no
node of a run needs another one of it; a run reads by gather and writes one contiguous stretch. This is the dynamic
batching of M. Looks et al., Deep Learning with Dynamic Computation Graphs, ICLR 2017 (TensorFlow Fold).
"""

from __future__ import annotations

from cgcli.graph.walk import ancestors
from cgcli.loops import swept
from cgcli.ops import REGISTRY, structure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from numpy.typing import NDArray

    from cgcli.graph.store import Graph
    from cgcli.ops import Operation

    Column = NDArray[Any]
    Kind = tuple[Operation, tuple[Any, ...]]

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
        self, order: Column, place: Column, leaves: int, kinds: list[Kind], runs: Column,
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
    is_leaf[list(structure.LEAVES)] = 1
    place = np.full(size, -1, dtype=np.int32)
    depth, order, steps, code = (np.empty(length, dtype=np.int32) for length in (size, count, count, count))
    leaves, deepest = swept(
        survey, size, needed, is_leaf, graph.op, graph.payload, graph.start, graph.operands, width, depth, order,
        place, steps, code, met,
    )  # fmt: skip
    steps, code = steps[: count - leaves], code[: count - leaves]
    kind, kinds = _kinds(graph, code, np.flatnonzero(met))
    arity = np.array([row.arity for row, _ in kinds], dtype=np.int32)
    lengths = _lengths(steps, depth, kind, len(kinds), deepest)
    if lengths is None:
        gathered = np.empty(int(np.bincount(kind, minlength=len(arity)) @ arity), dtype=np.int32)
        swept(lay_out, size, steps, graph.start, graph.operands, order, place, leaves, gathered)
        return Schedule(order, place, leaves, kinds, np.stack([kind, np.ones_like(kind)], axis=1), gathered)
    runs = np.flatnonzero(lengths)
    stretches = lengths * np.resize(arity, len(lengths))
    gathered = np.empty(int(stretches.sum()), dtype=np.int32)
    swept(
        lay_out_runs, size, steps, depth, kind, len(kinds), lengths, leaves + np.cumsum(lengths) - lengths,
        np.cumsum(stretches) - stretches, graph.start, graph.operands, order, place, gathered,
    )  # fmt: skip
    runs = np.stack([runs % max(len(kinds), 1), lengths[runs]], axis=1).astype(np.int32)
    return Schedule(order, place, leaves, kinds, runs, gathered)


def survey(
    needed: Any, is_leaf: Any, op: Any, payload: Any, start: Any, operands: Any, width: int, depth: Any, order: Any,
    place: Any, steps: Any, code: Any, met: Any,
) -> tuple[int, int]:  # fmt: skip
    """Put the leaves first in the order, list the other nodes as steps, and write the depth of each.

    code: of each step its operation with its static arguments, as one number; `met` marks the codes that there are.
    Returns how many leaves there are, and the depth of the deepest node.
    """
    leaves, count, deepest = 0, 0, 0
    for node in range(len(needed)):
        if not needed[node]:
            continue
        if is_leaf[op[node]]:
            depth[node] = 0
            order[leaves] = node
            place[node] = leaves
            leaves += 1
            continue
        below = 0
        for edge in range(start[node], start[node + 1]):
            below = max(below, depth[operands[edge]])
        depth[node] = below + 1
        deepest = max(deepest, below + 1)
        steps[count] = node
        code[count] = op[node] * width + payload[node] + 1
        met[code[count]] = 1
        count += 1
    return leaves, deepest


def _kinds(graph: Graph, code: Column, present: Column) -> tuple[Column, list[Kind]]:
    """The kind of each step, and the kinds: an operation with its static arguments."""
    import numpy as np

    width = len(graph.attributes) + 1
    number = np.zeros(int(present.max(initial=0)) + 1, dtype=np.int32)
    number[present] = np.arange(len(present))
    kinds: list[Kind] = []
    for each in present.tolist():
        op, attributes = divmod(each, width)
        kinds.append((REGISTRY.rows[op], graph.attributes[attributes - 1] if attributes else ()))
    return number[code], kinds


def _lengths(steps: Column, depth: Column, kind: Column, kinds: int, deepest: int) -> Column | None:
    """How many steps there are of each depth and kind (0 where there is no run); None where runs would be too short."""
    import numpy as np

    if len(steps) < SHORT * deepest:  # there is a run of each depth at least
        return None
    lengths = np.zeros((deepest + 1) * kinds, dtype=np.int64)
    swept(count_keys, len(steps), steps, depth, kind, kinds, lengths)
    return lengths if len(steps) >= SHORT * np.count_nonzero(lengths) else None


def count_keys(steps: Any, depth: Any, kind: Any, kinds: int, lengths: Any) -> None:
    """Count the steps of each depth and kind."""
    for step in range(len(steps)):
        lengths[depth[steps[step]] * kinds + kind[step]] += 1


def lay_out(steps: Any, start: Any, operands: Any, order: Any, place: Any, leaves: int, gathered: Any) -> None:
    """Write steps behind the leaves in the order of the graph, and the places of their operands."""
    target = 0
    for step in range(len(steps)):
        node = steps[step]
        order[leaves + step] = node
        place[node] = leaves + step
        for edge in range(start[node], start[node + 1]):
            gathered[target] = place[operands[edge]]
            target += 1


def lay_out_runs(
    steps: Any, depth: Any, kind: Any, kinds: int, lengths: Any, position: Any, target: Any, start: Any, operands: Any,
    order: Any, place: Any, gathered: Any,
) -> None:  # fmt: skip
    """Write steps into their runs, and the places of their operands: of a run first all first operands, and so on.

    lengths, position, target: of each depth and kind the length of the run, its place in the order, and that of its
    operands; the last two are used up. The graph is walked in its own order, in which operands come first; each run
    is then written from its beginning to its end.
    """
    for step in range(len(steps)):
        node = steps[step]
        run = depth[node] * kinds + kind[step]
        order[position[run]] = node
        place[node] = position[run]
        position[run] += 1
        at = target[run]
        target[run] += 1
        for edge in range(start[node], start[node + 1]):
            gathered[at] = place[operands[edge]]
            at += lengths[run]
