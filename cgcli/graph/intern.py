"""The intern table: which (op, payload, operands) the graph holds already.

It is a container of its own, so that a graph that is finished can drop it and a graph that was edited can refill it.
Each operation has a table of its own, whose keys for the common nodes are single small integers: they take half
the memory of tuples, the garbage collector never looks at them, and whole columns of them can be made by NumPy.
"""

from __future__ import annotations

from collections import defaultdict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from cgcli.graph.store import Graph

    Key = int | tuple[int, ...]

NODE_BITS = 32
"""A pair of operands is one integer: the first one shifted by this, and the second one."""


def key_of(payload: int, operands: Sequence[int]) -> Key:
    """What tells nodes of one operation apart. Keys of different forms never meet: they differ in sign or type."""
    count = len(operands)
    if count == 0:
        return payload
    if payload >= 0 or count > 2:
        return (payload, *operands)
    if count == 2:
        return operands[0] << NODE_BITS | operands[1]
    return ~operands[0]


class InternTable:
    """Operation code and key of a node -> its position."""

    __slots__ = ("tables",)

    def __init__(self) -> None:
        self.tables: defaultdict[int, dict[Key, int]] = defaultdict(dict)
        """Operation code -> key -> node."""

    def __len__(self) -> int:
        return sum(map(len, self.tables.values()))

    def drop(self) -> None:
        """Forget everything; later nodes are then shared among themselves only."""
        self.tables.clear()

    def forget(self, op: int, key: Key, node: int) -> None:
        """Forget a node that is about to change, where it is the one that its key stands for."""
        table = self.tables[op]
        if table.get(key) == node:
            del table[key]

    def remember(self, op: int, key: Key, node: int) -> None:
        """Learn a node, unless its key stands for another one."""
        self.tables[op].setdefault(key, node)

    def __copy__(self) -> InternTable:
        twin = InternTable()
        twin.tables.update((op, dict(table)) for op, table in self.tables.items())
        return twin

    def refill(self, graph: Graph) -> None:
        """Learn all nodes of a graph anew; of equal nodes the first counts."""
        self.tables.clear()
        op, payload, start, operands = graph.op, graph.payload, graph.start, graph.operands
        for node in range(len(graph)):
            key = key_of(payload[node], operands[start[node] : start[node + 1]])
            self.remember(op[node], key, node)
