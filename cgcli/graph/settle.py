"""A graph written anew after edits: positions in an order of evaluation again, equal nodes one, the unneeded gone."""

from __future__ import annotations

from array import array

from cgcli.graph.copying import GONE, carry, copy_nodes
from cgcli.graph.store import Graph

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def settled(
    graph: Graph, order: Iterable[int], kept: bytearray, replaced: Mapping[int, int]
) -> tuple[Graph, array[int]]:
    """A new graph of the kept nodes, and the map from old positions to new ones.

    order: all nodes in an order of evaluation. replaced: node -> what stands for it (or GONE), older edits first;
    such a node is found at what replaced it. Names, places in the text and calls follow the nodes; a replacement
    without a place of its own takes that of the node that it replaced.
    """
    new = Graph()
    moved = array("i", [GONE]) * len(graph)
    copy_nodes(graph, new, (node for node in order if kept[node]), moved)
    for node, by in reversed(list(replaced.items())):
        moved[node] = moved[by] if by != GONE else GONE
    carry(graph, new, moved, heirs=replaced)
    return new, moved


def needed_by(graph: Graph, roots: Iterable[int]) -> bytearray:
    """1 for every node that one of the roots needs, whatever the order of positions (see `walk.ancestors`)."""
    needed = bytearray(len(graph))
    pending = list(roots)
    while pending:
        node = pending.pop()
        if not needed[node]:
            needed[node] = 1
            pending.extend(graph.operands_of(node))
    return needed
