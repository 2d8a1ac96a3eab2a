"""Who uses a node: the edges of a graph as doubly linked lists through columns.

An edge is a position in the column `operands`. The list of a node holds the edges that lead to it; taking an edge
out and putting it into another list costs the same however many users a node has.
"""

from __future__ import annotations

from array import array

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from cgcli.graph.store import Graph

END = -1


class Uses:
    """The edges to each node, newest first."""

    __slots__ = ("_first", "_next", "_previous")

    def __init__(self, graph: Graph) -> None:
        edges = len(graph.operands)
        self._first = array("i", [END]) * len(graph)
        self._next = array("i", [END]) * edges
        self._previous = array("i", [END]) * edges
        for edge, operand in enumerate(graph.operands):
            self.link(edge, operand)

    def grow(self, nodes: int, edges: int) -> None:
        """Make room for so many further nodes and edges."""
        self._first.extend([END] * nodes)
        self._next.extend([END] * edges)
        self._previous.extend([END] * edges)

    def shrink(self, nodes: int, edges: int) -> None:
        """Keep room for so many nodes and edges; what goes is in no list."""
        del self._first[nodes:], self._next[edges:], self._previous[edges:]

    def link(self, edge: int, node: int) -> None:
        """Put an edge that is in no list at the front of a node's list."""
        head = self._first[node]
        self._next[edge] = head
        self._previous[edge] = END
        if head != END:
            self._previous[head] = edge
        self._first[node] = edge

    def unlink(self, edge: int, node: int) -> None:
        """Take an edge out of the list of the node that it leads to."""
        before, after = self._previous[edge], self._next[edge]
        if before == END:
            self._first[node] = after
        else:
            self._next[before] = after
        if after != END:
            self._previous[after] = before

    def any(self, node: int) -> bool:
        """Whether an edge leads to a node."""
        return self._first[node] != END

    def of(self, node: int) -> Iterator[int]:
        """The edges to a node; they may be moved while they are gone through."""
        edge = self._first[node]
        while edge != END:
            after = self._next[edge]
            yield edge
            edge = after
