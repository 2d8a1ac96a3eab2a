"""What was worked out about a graph and some of its nodes, kept with the graph for the next time."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, TypeVar

    from cgcli.graph.store import Graph

    Found = TypeVar("Found")

ROOM = 8
"""Entries of a graph, of all kinds together; the one that was made first goes first."""


def kept(graph: Graph, kind: Any, nodes: Sequence[int], make: Callable[[], Found]) -> Found:
    """What `make` makes of a graph and some of its nodes, from the last time or made now.

    kind: tells apart what is made of the same nodes; hashable. Nodes that were built stay as they are, so an entry
    holds good while the graph only grows; it must not refer to the graph. GraphError between edits and the rebuild.
    """
    graph.require_order()
    key = (kind, graph.edition, *nodes)
    found: Found | None = graph.kept.get(key)
    if found is None:
        found = graph.kept[key] = make()
        for old in list(graph.kept)[:-ROOM]:  # of a copy: another thread may be here, too
            graph.kept.pop(old, None)
    return found
