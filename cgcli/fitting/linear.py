"""Which parameters the graph says the residuals are affine in: no second derivative among them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cgcli.graph.walk import descendants

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cgcli.graph.store import Graph


def jointly_affine(graph: Graph, slopes: Mapping[str, int]) -> list[str]:
    """The names of inputs in which a node is jointly affine, by the nodes of its derivatives with respect to them.

    A set as large as a greedy choice finds it: of `a*b*x` it is one of both. A derivative that is the constant 0
    says nothing: the node may still jump (`floor(a)`, `x < a`).
    """
    inputs = graph.inputs()
    reached = {name: descendants(graph, [inputs[name]]) for name in slopes}
    conflicts = {name: {other for other in slopes if reached[other][node]} for name, node in slopes.items()}
    candidates = [name for name, node in slopes.items() if name not in conflicts[name] and not is_zero(graph, node)]
    candidates.sort(key=lambda name: len(conflicts[name].intersection(candidates)))
    found: list[str] = []
    for name in candidates:
        if not any(other in conflicts[name] or name in conflicts[other] for other in found):
            found.append(name)
    return [name for name in slopes if name in found]


def is_zero(graph: Graph, node: int) -> bool:
    """Whether a node is the constant 0."""
    return graph.is_constant(node) and not graph.constant_value(node)
