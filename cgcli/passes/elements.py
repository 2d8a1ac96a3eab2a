"""What is done to each element of arrays by itself, as a formula of scalars whose rows are the elements.

Engines compute such a formula block by block, with what stands between in the cache, or as one fused kernel.
"""

from __future__ import annotations

from itertools import compress

from cgcli.graph.store import Graph
from cgcli.graph.walk import ancestors

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


class PerElement:
    """A formula for the elements of some nodes of one shape.

    graph, wanted: the formula, and its nodes in the order of the wanted ones. sources: name of an input of it -> node
    of the whole graph, an array of the same shape (its elements are the rows) or a scalar.
    """

    __slots__ = ("graph", "sources", "wanted")

    def __init__(self, graph: Graph, wanted: list[int], sources: dict[str, int]) -> None:
        self.graph = graph
        self.wanted = wanted
        self.sources = sources


def per_element(graph: Graph, wanted: Sequence[int]) -> PerElement:
    """The formula for the elements of nodes of one shape; what is no elementwise operation on it is a source."""
    shape = graph.shape_of(wanted[0])
    needed = ancestors(graph, wanted)
    inside = bytearray(len(graph))
    for node in wanted:
        inside[node] = 1
    for node in range(max(wanted), -1, -1):
        if not inside[node]:
            continue
        used = graph.operands_of(node)
        fits = graph.row(node).elementwise and not graph.is_leaf(node) and graph.shape_of(node) == shape
        if not fits or any(graph.shape_of(operand) not in (shape, ()) for operand in used):
            inside[node] = 2
            continue
        for operand in used:
            inside[operand] = inside[operand] or 1
    target, found = Graph(), dict[int, int]()
    sources: dict[str, int] = {}
    for node in compress(range(len(needed)), inside):
        if graph.is_constant(node):
            found[node] = target.copy_node(graph, node, ())
        elif inside[node] == 2:
            name = f"source {len(sources)}"
            sources[name] = node
            found[node] = target.input(name)
        else:
            operands = [found[operand] for operand in graph.operands_of(node)]
            found[node] = target.repeat(graph.row(node), operands, graph.attributes_of(node))
    return PerElement(target, [found[node] for node in wanted], sources)
