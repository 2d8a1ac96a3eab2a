"""Masks that follow from nothing but constants: which elements of an adjoint count is known when the graph is built."""

from __future__ import annotations

from cgcli.graph.walk import ancestors
from cgcli.passes.adjoints import Adjoint, Mask

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cgcli.graph.store import Graph


def with_known_mask(adjoint: Adjoint) -> Adjoint | None:
    """The same adjoint; the elements that count as bits, where that can be; None where none does."""
    mask = adjoint.mask
    if mask is None or mask.condition is None:
        return adjoint
    condition = _constant(mask.condition.graph, mask.condition.node)
    if condition is None:
        return adjoint
    import numpy as np

    taken = np.broadcast_to(np.asarray(condition) != 0, adjoint.value.shape).ravel()
    bits = int.from_bytes(np.packbits(taken, bitorder="little").tobytes(), "little")
    if mask.elements is not None:
        bits &= mask.elements
    if bits == (1 << len(taken)) - 1:
        return Adjoint(adjoint.value)
    if bits == 0:
        return None
    return Adjoint(adjoint.value, Mask(None, bits), clean=adjoint.clean)


def known_places(adjoint: Adjoint, shape: tuple[int, ...]) -> Any:
    """Which elements of an array of this shape the adjoint counts for, as booleans, as far as constants say it.

    None where they say nothing.
    """
    mask = adjoint.mask
    if mask is None:
        return None
    import numpy as np

    taken = np.ones(shape, dtype=bool)
    if mask.condition is not None:
        condition = _constant(mask.condition.graph, mask.condition.node)
        if condition is not None:
            taken &= np.asarray(condition) != 0
    if mask.elements is not None and adjoint.value.shape == shape:
        bits = mask.elements.to_bytes((taken.size + 7) // 8, "little")
        taken &= np.unpackbits(np.frombuffer(bits, np.uint8), bitorder="little")[: taken.size].reshape(shape) != 0
    return None if taken.all() else taken.ravel()


def _constant(graph: Graph, wanted: int) -> Any:
    """The value of a node that follows from constants alone; None for every other one."""
    values: dict[int, Any] = {}
    needed = ancestors(graph, [wanted])
    for node in range(wanted + 1):
        if not needed[node]:
            continue
        if graph.is_input(node):
            return None
        if graph.is_leaf(node):
            values[node] = graph.constant_value(node) if graph.is_constant(node) else graph.array_value(node)
            continue
        values[node] = _applied(graph, node, [values[operand] for operand in graph.operands_of(node)])
        if values[node] is None:
            return None
    return values[wanted]


def _applied(graph: Graph, node: int, operands: list[Any]) -> Any:
    """An operation on numbers and arrays; None where it is not known how."""
    import numpy as np

    row, attributes = graph.row(node), graph.attributes_of(node)
    spelling = row.spell.get("numpy")
    if row.elementwise:
        if row.compute is None:
            return None
        compute = row.compute
        each = np.frompyfunc(lambda *numbers: float(compute(*map(float, numbers), *attributes)), len(operands), 1)
        return np.asarray(each(*operands), dtype=float)
    return spelling(np, *map(np.asarray, operands), *attributes) if callable(spelling) else None
