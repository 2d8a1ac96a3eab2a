"""A graph written anew after edits: positions in an order of evaluation again, equal nodes one, the unneeded gone."""

from __future__ import annotations

from array import array

from cgcli.graph.store import Graph

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

GONE = -1
"""Stands in the map for a node that is no more."""


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
    start, operands = graph.start, graph.operands
    op, payload, shape = graph.op, graph.payload, graph.shape
    for node in order:
        if not kept[node]:
            continue
        used = [moved[operand] for operand in operands[start[node] : start[node + 1]]]
        if payload[node] >= 0:
            moved[node] = new.copy_node(graph, node, used)
        else:
            moved[node] = new._node(op[node], used, payload[node], new.shape_number(graph.shapes[shape[node]]))
    for node, by in reversed(list(replaced.items())):
        moved[node] = moved[by] if by != GONE else GONE
    new.names = {name: moved[node] for name, node in graph.names.items() if moved[node] != GONE}
    new.calls = graph.calls
    new.spans = _followed(graph.spans, moved, replaced)
    new.scopes = _followed(graph.scopes, moved, replaced)
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


def _followed(table: Mapping[int, Any], moved: array[int], replaced: Mapping[int, int]) -> dict[int, Any]:
    """A table by node at the new positions; what a node has itself goes before what it inherits."""
    own: dict[int, Any] = {}
    inherited: dict[int, Any] = {}
    for node, value in table.items():
        if moved[node] != GONE:
            (inherited if node in replaced else own).setdefault(moved[node], value)
    return inherited | own
