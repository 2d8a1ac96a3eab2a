"""Partial derivatives of one node as nodes: what its rule multiplies the adjoint by."""

from __future__ import annotations

from cgcli.ops.decisions import Taken
from cgcli.passes.adjoints import selected
from cgcli.passes.backward import contributions, filled
from cgcli.passes.folding import FoldingRef

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from cgcli.graph.ref import Ref
    from cgcli.graph.store import Graph


def local_partials(graph: Graph, node: int, places: Sequence[int]) -> list[int | None]:
    """Nodes that hold the partial derivatives of an elementwise node with respect to the operands at some places.

    None where the rule of the row makes no such thing (a definition on operands that are stretched). The graph is
    extended.
    """
    row = graph.row(node)
    operands = [FoldingRef(graph, operand) for operand in graph.operands_of(node)]
    result = FoldingRef(graph, node)
    one = FoldingRef(graph, graph.constant(1.0))
    if row.partials is not None:
        found = [row.partials[place] for place in places]
        slopes = [None if partial is None else partial(*operands, result) for partial in found]
        return [None if slope is None else _plain(result, slope) for slope in slopes]
    if row.pullback is not None:
        pulled = row.pullback(one, tuple(operands), result, graph.attributes_of(node))
        return [None if pulled[place] is None else _plain(result, pulled[place]) for place in places]
    if any(operand.shape != result.shape for operand in operands):
        return [None for _ in places]
    wanted = [place in places for place in range(len(operands))]
    parts = contributions(graph, node, filled(one, result.shape), wanted)
    return [None if part is None else part.node for part in (parts[place] for place in places)]


def _plain(like: Ref, slope: Any) -> int:
    """A partial derivative as one node: that of an operand that was not taken is 0."""
    if isinstance(slope, Taken):
        return selected(like.coerce(slope.condition), like.coerce(slope.value)).node
    return like.coerce(slope).node
