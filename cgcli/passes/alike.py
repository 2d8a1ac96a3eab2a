"""Scalars that are done alike: nodes of the same depth, operation and static arguments, which need none of each other.

A long sum counts as one node that reads all of its terms, however its additions are nested. All of it is arithmetic on
the columns of the graph, since the loops that are looked for have as many nodes as a formula can have.
"""

from __future__ import annotations

from itertools import pairwise

from cgcli.graph.codes import NO_PAYLOAD
from cgcli.graph.walk import ancestors
from cgcli.ops import REGISTRY, arithmetic, shaping, structure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from cgcli.graph.store import Graph

LONG_SUM, MOST_LEVELS, MOST_ROUNDS, MOST_OPERANDS = 32, 32, 8, 3
"""Terms of a long sum; depth up to which all nodes are looked at for each level; times that unused nodes are left out;
operands of what is done alike."""

ALONE = 1023
"""Stands for the operation of a node that is done by itself."""


class Columns:
    """The columns of a graph as NumPy arrays, and the nodes that are looked at.

    needed, kept, scalar: masks of nodes: those that are needed, those that are wanted by themselves, and of the
    needed ones the scalars that are no leaves. owner, operand: the edges of needed nodes, in order.
    """

    def __init__(self, graph: Graph, wanted: Sequence[int]) -> None:
        import numpy as np

        self.op, self.payload = np.array(graph.op), np.array(graph.payload)
        self.shape, self.start = np.array(graph.shape), np.array(graph.start)
        self.operands, self.constants = np.array(graph.operands), np.array(graph.constants)
        self.count = len(self.op)
        self.kept = np.zeros(self.count, dtype=bool)
        self.kept[wanted] = True
        self.needed = self._needed(graph, wanted)
        self.scalar = self.needed & (self.shape == 0) & ~np.isin(self.op, list(structure.LEAVES))
        counts = np.diff(self.start)
        edges = np.repeat(self.needed, counts)
        self.owner = np.repeat(np.arange(self.count), counts)[edges]
        self.operand = self.operands[edges]

    def _needed(self, graph: Graph, wanted: Sequence[int]) -> Any:
        """What the wanted nodes need: all that somebody uses, where that is soon found out."""
        import numpy as np

        counts = np.diff(self.start)
        needed = np.ones(self.count, dtype=bool)
        for _ in range(MOST_ROUNDS):
            used = self.kept.copy()
            used[self.operands[np.repeat(needed, counts)]] = True
            if used[needed].all():
                return needed
            needed &= used
        return np.frombuffer(ancestors(graph, wanted), dtype=np.uint8).astype(bool)


class LongSums:
    """The sums of many scalars.

    terms: of each of them what it adds up, in the order of the additions. inside: a mask of the nodes within them that
    nothing else uses. of: of each node the long sum that it belongs to, else itself.
    """

    def __init__(self, columns: Columns) -> None:
        import numpy as np

        own = np.arange(columns.count)
        adds = columns.scalar & (columns.op == arithmetic.add.code)
        uses = np.bincount(columns.operand, minlength=columns.count)
        user = np.zeros(columns.count, dtype=np.int64)
        user[columns.operand] = columns.owner
        inner = adds & (uses == 1) & ~columns.kept & adds[user]
        root = np.where(inner, user, own)
        while (further := root[root]).tobytes() != root.tobytes():
            root = further
        edges = np.flatnonzero(adds[columns.owner] & ~inner[columns.operand])
        is_long = np.bincount(root[columns.owner[edges]], minlength=columns.count) >= LONG_SUM
        self.of = np.where(adds & is_long[root], root, own)
        self.inside = inner & is_long[root]
        edges = edges[is_long[root[columns.owner[edges]]]]
        sums = root[columns.owner[edges]]
        order = np.argsort(sums, kind="stable")
        found, begins = np.unique(sums[order], return_index=True)
        ends = [*begins[1:].tolist(), len(order)][: len(begins)]
        terms = columns.operand[edges[order]]
        self.terms: dict[int, Any] = {
            node: terms[begin:end] for node, begin, end in zip(found.tolist(), begins.tolist(), ends, strict=True)
        }


def runs_alike(columns: Columns, sums: LongSums) -> tuple[Any, Any]:
    """The needed nodes in an order of evaluation, and where in it each run of nodes that are done alike begins."""
    import numpy as np

    nodes = np.flatnonzero(columns.needed & ~sums.inside)
    code = columns.op[nodes].astype(np.int64)
    counts = np.diff(columns.start)[nodes]
    kinds = [row.elementwise and row.code not in structure.LEAVES for row in REGISTRY.rows]
    elementwise, index = np.array(kinds)[code], code == shaping.index.code
    apart = ~columns.scalar[nodes] | columns.kept[nodes] | (counts > MOST_OPERANDS) | ~(elementwise | index)
    if sums.terms:
        apart |= np.isin(nodes, list(sums.terms))
    first = columns.operands[np.minimum(columns.start[nodes], max(len(columns.operands) - 1, 0))]
    which = np.where(index, first, columns.payload[nodes] - NO_PAYLOAD)
    which = np.where(apart, nodes, which)
    kind = np.where(apart, ALONE, code * (MOST_OPERANDS + 1) + np.minimum(counts, MOST_OPERANDS))
    key = (_depths(columns, sums)[nodes] << 41) + (kind << 31) + which  # 22, 10 and 31 bits
    order = np.argsort(key, kind="stable")
    key = key[order]
    return nodes[order], np.concatenate([[0], np.flatnonzero(key[1:] != key[:-1]) + 1])


def _depths(columns: Columns, sums: LongSums) -> Any:
    """The length of the longest path from a leaf to each node, long sums in one step."""
    import numpy as np

    edges = ~sums.inside[columns.operand]
    owner, operand = sums.of[columns.owner[edges]], columns.operand[edges]
    order = np.argsort(owner, kind="stable")
    owner, operand = owner[order], operand[order]
    depth = np.zeros(columns.count, dtype=np.int64)
    if not len(owner):
        return depth
    begins = np.concatenate([[0], np.flatnonzero(owner[1:] != owner[:-1]) + 1])
    users = owner[begins]
    for _ in range(MOST_LEVELS):
        found = np.maximum.reduceat(depth[operand], begins) + 1
        if np.array_equal(found, depth[users]):
            return depth
        depth[users] = found
    lengths, below = depth.tolist(), operand.tolist()
    for node, (begin, end) in zip(users.tolist(), pairwise([*begins.tolist(), len(below)]), strict=True):
        lengths[node] = 1 + max(map(lengths.__getitem__, below[begin:end]))
    return np.array(lengths)
