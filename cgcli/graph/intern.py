"""The intern table: which (op, payload, operands) the graph holds already.

It is a container of its own, so that a graph that is finished can drop it and a graph that was edited can refill it.
Each operation has a table of its own, whose keys for the common nodes are single small integers: they take half
the memory of tuples, the garbage collector never looks at them, and whole columns of them can be made by NumPy.
"""

from __future__ import annotations

from collections import defaultdict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from array import array
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
        self.tables = defaultdict(dict)

    def learn(self, graph: Graph, first: int) -> None:
        """Learn the nodes from `first` on, which the columns were given in bulk and which are like no other node.

        From then on the table of an operation is made from the columns when it is asked for: most never are.
        """
        if not isinstance(self.tables, LateTables):
            self.tables = LateTables(graph)
        for op, table in self.tables.items():
            table.update(keys_of_many(graph.op, graph.payload, graph.start, graph.operands, op, first))

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
        if isinstance(self.tables, LateTables):
            self.tables.fill()
        twin.tables.update((op, dict(table)) for op, table in self.tables.items())
        return twin

    def refill(self, graph: Graph) -> None:
        """Learn all nodes of a graph anew; of equal nodes the first counts."""
        self.drop()
        op, payload, start, operands = graph.op, graph.payload, graph.start, graph.operands
        for node in range(len(graph)):
            key = key_of(payload[node], operands[start[node] : start[node + 1]])
            self.remember(op[node], key, node)


class LateTables(defaultdict[int, "dict[Key, int]"]):
    """Tables by operation, each of which is made from the columns of a graph when it is first asked for."""

    __slots__ = ("columns",)

    def __init__(self, graph: Graph) -> None:
        super().__init__(dict)
        self.columns = graph.op, graph.payload, graph.start, graph.operands

    def __missing__(self, op: int) -> dict[Key, int]:
        table = self[op] = keys_of_many(*self.columns, op, 0)
        return table

    def fill(self) -> None:
        """Make the tables of all operations that the graph has."""
        for op in set(self.columns[0]):
            self[op]


def keys_of_many(
    op: array[int], payload: array[int], start: array[int], operands: array[int], wanted: int, first: int
) -> dict[Key, int]:  # fmt: skip
    """Key -> node of the nodes of one operation from `first` on; of equal nodes the first counts."""
    import numpy as np

    column = np.frombuffer(op, dtype=np.uint16)
    nodes = np.flatnonzero(column[first:] == wanted)[::-1] + first
    if not len(nodes):
        return {}
    begin = np.frombuffer(start, dtype=np.int32)
    counts = begin[nodes + 1] - begin[nodes]
    payloads = np.frombuffer(payload, dtype=np.int32)[nodes]
    count = int(counts[0])
    if count > 2 or (counts != count).any() or (count and (payloads >= 0).any()):
        keys = [key_of(payload[node], operands[start[node] : start[node + 1]]) for node in nodes.tolist()]
    elif count == 0:
        keys = payloads.tolist()
    else:
        used = np.frombuffer(operands, dtype=np.int32)
        left = used[begin[nodes]].astype(np.int64)
        keys = (left << NODE_BITS | used[begin[nodes] + 1] if count == 2 else ~left).tolist()
    return dict(zip(keys, nodes.tolist(), strict=True))
