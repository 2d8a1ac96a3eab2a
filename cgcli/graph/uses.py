"""Who uses a node: the edges of a graph as doubly linked lists through columns.

An edge is a position in the column `operands`. The list of a node holds the edges that lead to it; taking an edge
out and putting it into another list costs the same however many users a node has.
"""

from __future__ import annotations

from array import array

from cgcli.loops import swept

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from cgcli.graph.store import Graph

END = -1


class Uses:
    """The edges to each node, newest first.

    first: node -> the first edge of its list, or END. after: edge -> the next one of the list that it is in.
    owner: edge -> the node that it belongs to. Whoever walks in haste reads these columns himself.
    """

    __slots__ = ("_previous", "after", "first", "owner")

    def __init__(self, graph: Graph) -> None:
        edges = len(graph.operands)
        self.first = array("i", [END]) * len(graph)
        self.after = array("i", [END]) * edges
        self._previous = array("i", [END]) * edges
        self.owner = array("i", [END]) * edges
        columns = graph.start, graph.operands, self.first, self.after, self._previous, self.owner
        swept(link_all, len(graph), *columns)

    def fork(self) -> Uses:
        """An independent copy."""
        twin = Uses.__new__(Uses)
        for column in self.__slots__:
            setattr(twin, column, getattr(self, column)[:])
        return twin

    def grow(self, graph: Graph, known: int) -> None:
        """Learn the nodes of a graph that are not among the first `known` ones."""
        first = graph.start[known]
        edges = len(graph.operands) - first
        self.first.extend([END] * (len(graph) - known))
        for column in (self.after, self._previous, self.owner):
            column.extend([END] * edges)
        for node in range(known, len(graph)):
            for edge in range(graph.start[node], graph.start[node + 1]):
                self.owner[edge] = node
                self.link(edge, graph.operands[edge])

    def shrink(self, nodes: int, edges: int) -> None:
        """Keep room for so many nodes and edges; what goes is in no list."""
        del self.first[nodes:], self.after[edges:], self._previous[edges:], self.owner[edges:]

    def link(self, edge: int, node: int) -> None:
        """Put an edge that is in no list at the front of a node's list."""
        head = self.first[node]
        self.after[edge] = head
        self._previous[edge] = END
        if head != END:
            self._previous[head] = edge
        self.first[node] = edge

    def unlink(self, edge: int, node: int) -> None:
        """Take an edge out of the list of the node that it leads to."""
        before, after = self._previous[edge], self.after[edge]
        if before == END:
            self.first[node] = after
        else:
            self.after[before] = after
        if after != END:
            self._previous[after] = before

    def any(self, node: int) -> bool:
        """Whether an edge leads to a node."""
        return self.first[node] != END

    def of(self, node: int) -> Iterator[int]:
        """The edges to a node; they may be moved while they are gone through."""
        edge = self.first[node]
        while edge != END:
            after = self.after[edge]
            yield edge
            edge = after


def link_all(start: Any, operands: Any, first: Any, after: Any, previous: Any, owner: Any) -> None:
    """Enter all edges of a graph into empty lists, in the order of their positions."""
    for node in range(len(start) - 1):
        for edge in range(start[node], start[node + 1]):
            owner[edge] = node
            operand = operands[edge]
            head = first[operand]
            after[edge] = head
            if head >= 0:
                previous[head] = edge
            first[operand] = edge
