"""Which nodes need which: sweeps over the columns, forwards and backwards, each one loop (see `loops.swept`)."""

from __future__ import annotations

from array import array

from cgcli.loops import swept

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from cgcli.graph.store import Graph


def ancestors(graph: Graph, nodes: Iterable[int]) -> bytearray:
    """1 for every node that one of the given nodes needs (themselves included), 0 for the others."""
    graph.require_order()
    needed = bytearray(len(graph))
    last = -1
    for node in nodes:
        needed[node] = 1
        last = max(last, node)
    with graph.lock:
        swept(mark_ancestors, last, needed, graph.start, graph.operands, last)
    return needed


def descendants(graph: Graph, nodes: Iterable[int]) -> bytearray:
    """1 for every node that depends on one of the given nodes (themselves included), 0 for the others."""
    graph.require_order()
    with graph.lock:
        reached = bytearray(len(graph))
        first = len(graph)
        for node in nodes:
            reached[node] = 1
            first = min(first, node)
        swept(mark_descendants, len(graph) - first, reached, graph.start, graph.operands, first)
    return reached


def between(graph: Graph, sources: Iterable[int], targets: Iterable[int]) -> bytearray:
    """1 for every node that depends on one of the sources and that one of the targets needs, 0 for the others.

    Only the nodes from the first source to the last target are looked at.
    """
    graph.require_order()
    with graph.lock:
        found, needed = bytearray(len(graph)), bytearray(len(graph))
        first, last = len(graph), -1
        for node in sources:
            found[node] = 1
            first = min(first, node)
        for node in targets:
            needed[node] = 1
            last = max(last, node)
        swept(mark_between, last - first, found, needed, graph.start, graph.operands, first, last)
    return found


def depths(graph: Graph) -> array[int]:
    """Length of the longest path from a leaf to each node."""
    graph.require_order()
    with graph.lock:
        depth = array("i", bytes(4 * len(graph)))
        swept(measure_depths, len(graph), depth, graph.start, graph.operands)
    return depth


# ---- the loops over columns ------------------------------------------------------------------------------------------


def mark_ancestors(needed: Any, start: Any, operands: Any, last: int) -> None:
    """Mark all that the marked nodes up to `last` need."""
    for node in range(last, -1, -1):
        if needed[node]:
            for edge in range(start[node], start[node + 1]):
                needed[operands[edge]] = 1


def mark_descendants(reached: Any, start: Any, operands: Any, first: int) -> None:
    """Mark all from `first` on that need a marked node."""
    for node in range(first, len(reached)):
        if not reached[node]:
            for edge in range(start[node], start[node + 1]):
                if reached[operands[edge]]:
                    reached[node] = 1
                    break


def mark_between(found: Any, needed: Any, start: Any, operands: Any, first: int, last: int) -> None:
    """Mark all from `first` to `last` that need a marked node, and keep of these what a needed node needs."""
    for node in range(first, last + 1):
        if not found[node]:
            for edge in range(start[node], start[node + 1]):
                if found[operands[edge]]:
                    found[node] = 1
                    break
    for node in range(last + 1, len(found)):
        found[node] = 0
    for node in range(last, first - 1, -1):
        if not needed[node]:
            found[node] = 0
        elif found[node]:
            for edge in range(start[node], start[node + 1]):
                needed[operands[edge]] = 1


def measure_depths(depth: Any, start: Any, operands: Any) -> None:
    """Write the length of the longest path from a leaf to each node."""
    for node in range(len(depth)):
        deepest = 0
        for edge in range(start[node], start[node + 1]):
            below = depth[operands[edge]] + 1
            if below > deepest:
                deepest = below
        depth[node] = deepest
