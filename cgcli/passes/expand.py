"""Operations in terms of others: a row's definition as a small graph, and copying such a graph into another one.

Whoever meets a row that it has no function or no rule for asks here: the derivative pass, the engines, and printing.
"""

from __future__ import annotations

from cgcli.graph.copying import copy_missing
from cgcli.graph.ref import Ref
from cgcli.graph.store import Graph
from cgcli.passes.folding import FoldingRef

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from cgcli.ops import Operation

    Shape = tuple[int, ...]


def expansion(
    row: Operation, shapes: Sequence[Shape], attributes: tuple[Any, ...], definition: Callable[..., Any] | None = None
) -> tuple[Graph, list[int], int]:  # fmt: skip
    """The definition of a row as a small graph of its own: the graph, its stand-ins for the operands, its output.

    definition: another one than that of the row.
    """
    definition = definition or row.definition
    assert definition is not None
    template = Graph()
    places = [template.input(f"operand {position}", shape) for position, shape in enumerate(shapes)]
    result = definition(*(FoldingRef(template, place) for place in places), *attributes)
    output = result if isinstance(result, Ref) else template.ref(places[0]).coerce(result)
    return template, places, output.node


def transplant(source: Graph, target: Graph, bound: dict[int, Ref]) -> Callable[[int], Ref]:
    """A function that copies a node of one graph, with what it needs, into another, where some nodes are replaced."""
    copies = {node: ref.node for node, ref in bound.items()}

    def copy(wanted: int) -> Ref:
        copy_missing(source, target, [wanted], copies)
        return FoldingRef(target, copies[wanted])

    return copy
