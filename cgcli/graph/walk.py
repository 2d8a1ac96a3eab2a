"""Which nodes need which: sweeps over the columns, forwards and backwards, each one loop."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from cgcli.graph.store import Graph


def ancestors(graph: Graph, nodes: Iterable[int]) -> bytearray:
    """1 for every node that one of the given nodes needs (themselves included), 0 for the others."""
    graph.require_order()
    needed = bytearray(len(graph))
    last = -1
    for node in nodes:
        needed[node] = 1
        last = max(last, node)
    start, operands = graph.start, graph.operands
    for node in range(last, -1, -1):
        if needed[node]:
            for operand in operands[start[node] : start[node + 1]]:
                needed[operand] = 1
    return needed


def descendants(graph: Graph, nodes: Iterable[int]) -> bytearray:
    """1 for every node that depends on one of the given nodes (themselves included), 0 for the others."""
    graph.require_order()
    reached = bytearray(len(graph))
    first = len(graph)
    for node in nodes:
        reached[node] = 1
        first = min(first, node)
    start, operands = graph.start, graph.operands
    for node in range(first, len(graph)):
        if not reached[node]:
            for operand in operands[start[node] : start[node + 1]]:
                if reached[operand]:
                    reached[node] = 1
                    break
    return reached


def depths(graph: Graph) -> list[int]:
    """Length of the longest path from a leaf to each node."""
    graph.require_order()
    depth = [0] * len(graph)
    start, operands = graph.start, graph.operands
    for node in range(len(graph)):
        used = operands[start[node] : start[node + 1]]
        if used:
            depth[node] = 1 + max([depth[operand] for operand in used])
    return depth
