"""An order of evaluation that survives edits: every node has a rank above the ranks of its operands.

A new edge that goes against the ranks is allowed if a search from its lower end, among the nodes of ranks between,
does not meet its upper end; what the search has seen is then ranked anew. After D. J. Pearce and P. H. J. Kelly, A
dynamic topological sort algorithm for directed acyclic graphs, ACM J. Exp. Algorithmics 11, 2006; with real numbers
for ranks, so that only one side is searched and moved.
"""

from __future__ import annotations

from array import array
from math import ulp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from cgcli.graph.store import Graph


class Ranks:
    """Rank of each node of a graph whose positions were an order of evaluation when this was made."""

    __slots__ = ("_graph", "_highest", "of")

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self.of = array("d", range(len(graph)))
        self._highest = float(len(graph))

    def fork(self, graph: Graph) -> Ranks:
        """The same for a copy of the graph."""
        twin = Ranks.__new__(Ranks)
        twin._graph, twin._highest, twin.of = graph, self._highest, self.of[:]
        return twin

    def __len__(self) -> int:
        return len(self.of)

    def grow(self, nodes: int) -> None:
        """Rank so many further nodes above all others, in the order of their positions."""
        for _ in range(nodes):
            self._highest += 1
            self.of.append(self._highest)

    def shrink(self, nodes: int) -> None:
        """Keep the ranks of so many nodes."""
        del self.of[nodes:]

    def order(self) -> list[int]:
        """All nodes in an order of evaluation."""
        return sorted(range(len(self.of)), key=self.of.__getitem__)

    def put_below(self, node: int, users: Collection[int]) -> int | None:
        """Rank a node below those that are to use it.

        None where that is done; where it cannot be, because the node needs one of them, that one.
        """
        rank, operands_of = self.of, self._graph.operands_of
        floor = min([rank[user] for user in users])
        if rank[node] < floor:
            return None
        between = {node}
        pending = [node]
        while pending:
            place = pending.pop()
            if place in users:
                return place
            for operand in operands_of(place):
                if rank[operand] >= floor and operand not in between:
                    between.add(operand)
                    pending.append(operand)
        if not self._squeeze(between, floor):
            self._renumber()
            self._squeeze(between, min([rank[user] for user in users]))
        return None

    def _squeeze(self, nodes: set[int], ceiling: float) -> bool:
        """Rank nodes, in their order, between what they need and a ceiling; False where numbers are too close."""
        rank, operands_of = self.of, self._graph.operands_of
        needed = [rank[operand] for node in nodes for operand in operands_of(node) if operand not in nodes]
        floor = max(needed, default=ceiling - 1)
        step = (ceiling - floor) / (len(nodes) + 1)
        if step < 4 * ulp(max(abs(floor), abs(ceiling))):
            return False
        for place, node in enumerate(sorted(nodes, key=rank.__getitem__), 1):
            rank[node] = floor + place * step
        return True

    def _renumber(self) -> None:
        """Whole numbers again, in the same order."""
        for place, node in enumerate(self.order()):
            self.of[node] = place
        self._highest = float(len(self.of))
