"""The intern table: which (op, payload, operands) the graph holds already.

It is a container of its own, so that a graph that is finished can drop it and a graph that was edited can refill it.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cgcli.graph.store import Graph

Key = tuple[int, ...]


class InternTable:
    """Key of a node -> its position."""

    __slots__ = ("_nodes", "get")

    def __init__(self) -> None:
        self._nodes: dict[Key, int] = {}
        self.get = self._nodes.get

    def __len__(self) -> int:
        return len(self._nodes)

    def put(self, key: Key, node: int) -> None:
        """Remember a new node."""
        self._nodes[key] = node

    def drop(self) -> None:
        """Forget everything; later nodes are then shared among themselves only."""
        self._nodes.clear()

    def refill(self, graph: Graph) -> None:
        """Learn all nodes of a graph anew; of equal nodes the first counts."""
        self._nodes.clear()
        op, payload, start, operands = graph.op, graph.payload, graph.start, graph.operands
        for node in range(len(graph)):
            self._nodes.setdefault((op[node], payload[node], *operands[start[node] : start[node + 1]]), node)
