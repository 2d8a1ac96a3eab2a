"""Kinks: the points at which the derivative of an operation is a convention, as conditions in the graph."""

from __future__ import annotations

from cgcli.passes.folding import FoldingRef

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from cgcli.graph.store import Graph


def kink_conditions(graph: Graph, nodes: Iterable[int]) -> dict[int, int]:
    """Nodes that tell, for each of the given nodes whose row has kinks, whether it is evaluated at one."""
    found: dict[int, int] = {}
    for node in nodes:
        kink = graph.row(node).kink
        if kink is not None:
            operands = [FoldingRef(graph, operand) for operand in graph.operands_of(node)]
            condition = kink(*operands, *graph.attributes_of(node))
            found[node] = FoldingRef(graph, node).coerce(condition).node
    return found


def holds(value: Any) -> bool:
    """Whether the value of a condition says yes, for an array at one element at least."""
    return bool(value.any()) if getattr(value, "shape", ()) else bool(value)
