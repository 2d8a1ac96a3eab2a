"""A node with others in the place of some of what it is made of."""

from __future__ import annotations

from cgcli.graph.walk import ancestors

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from cgcli.graph.store import Graph


def replaced(graph: Graph, root: int, instead: Mapping[int, int]) -> int:
    """The node that a root becomes where some nodes are replaced; the graph is extended, what is there stays.

    instead: node -> the one in its place, of the same shape. What stands in a place may need the node that it replaces.
    """
    if root in instead:
        return instead[root]
    moved = dict(instead)
    for node, need in enumerate(ancestors(graph, [root])):
        if not need or node in moved:
            continue
        operands = graph.operands_of(node)
        if any(operand in moved for operand in operands):
            used = [moved.get(operand, operand) for operand in operands]
            moved[node] = graph.repeat(graph.row(node), used, graph.attributes_of(node))
    return moved.get(root, root)
