"""What is the same number in all elements of an array is computed once: the same bits with less work.

A reverse pass begins with arrays of ones, and multiplies them by constants on its way. Here a scalar stands for such an
array as long as what uses it stretches it anyway.
"""

from __future__ import annotations

from itertools import compress

from cgcli.graph.walk import ancestors, descendants
from cgcli.ops import shaping
from cgcli.passes.folding import FoldingRef

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from cgcli.graph.ref import Ref
    from cgcli.graph.store import Graph

    Shape = tuple[int, ...]

KEEPING = frozenset({shaping.index, shaping.reshape, shaping.transpose, shaping.broadcast_to})
"""Operations that give the same number again where all elements of their operand are one number."""


def unvarying(graph: Graph, wanted: Sequence[int]) -> list[int]:
    """The nodes that follow from no input although they are no leaves, of those that another node uses or is wanted."""
    varies = descendants(graph, graph.inputs(hidden=True).values())
    needed = ancestors(graph, wanted)
    used = set(wanted)
    for node in compress(range(len(needed)), needed):
        if varies[node]:
            used.update(graph.operands_of(node))
    return sorted(node for node in used if not varies[node] and not graph.is_leaf(node))


def shrunk(graph: Graph, wanted: Sequence[int], known: Mapping[int, Any]) -> list[int]:
    """Nodes with the values of the wanted ones; a scalar, where all elements are the same number and that is known.

    known: values of nodes that are numbers for all inputs. The graph is extended.
    """
    with graph.lock:
        needed = ancestors(graph, wanted)
        found: dict[int, Ref] = {}
        for node in compress(range(len(needed)), needed):
            found[node] = _number(graph, known[node]) if node in known else _smaller(graph, node, found)
        return [found[node].node for node in wanted]


def _number(graph: Graph, value: Any) -> Ref:
    """A value that is known: a scalar where all elements are the same."""
    import numpy as np

    flat = np.ravel(value)
    alike = len(flat) and (flat == flat[0]).all() and (np.signbit(flat) == np.signbit(flat[0])).all()
    return FoldingRef(graph, graph.constant(float(flat[0])) if alike else graph.array_constant(value))


def _smaller(graph: Graph, node: int, found: dict[int, Ref]) -> Ref:
    """A node on the smaller operands: of its shape, or a scalar that stands for it."""
    if graph.is_leaf(node):
        return FoldingRef(graph, node)
    row, shape, attributes = graph.row(node), graph.shape_of(node), graph.attributes_of(node)
    operands = [found[operand] for operand in graph.operands_of(node)]
    if row in KEEPING and not operands[0].shape:
        return operands[0]
    if not row.elementwise or (shape and any(each.shape for each in operands) and not _reaches(shape, operands)):
        operands = [
            _stretched(each, graph.shape_of(operand))
            for each, operand in zip(operands, graph.operands_of(node), strict=True)
        ]
    if [each.node for each in operands] == graph.operands_of(node).tolist():
        return FoldingRef(graph, node)
    if attributes or not row.elementwise:
        return FoldingRef(graph, graph.repeat(row, [each.node for each in operands], attributes))
    result: Ref = row(*operands)
    return result if result.shape in ((), shape) else _stretched(result, shape)


def _reaches(shape: Shape, operands: Sequence[Ref]) -> bool:
    """Whether the operands have the shape of the result still."""
    return any(each.shape == shape for each in operands)


def _stretched(value: Ref, shape: Shape) -> Ref:
    return value if value.shape == shape else shaping.broadcast_to(value, shape)
