"""What is said of nodes that do not fit together; loaded on the way to an error message only."""

from __future__ import annotations

from cgcli.graph.shapes import describe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from cgcli.graph.store import Graph
    from cgcli.ops import Operation


def sign(row: Operation) -> str:
    """An operation as its user writes it, in quotes: `+`, `sin`."""
    return f"`{row.spell.get('infix', row.name)}`"


def misfit(graph: Graph, row: Operation, operands: Sequence[int], reason: str) -> str:
    """Why an operation cannot take these nodes: the shape of each, by its name in the formula or by its place.

    An elementwise operation without static arguments has one reason, broadcasting; any other has given its own.
    """
    names = graph.name_of()
    if not row.elementwise or row.prepare is not None:
        told = [f"`{names[node]}` is {describe(graph.shape_of(node))}" for node in operands if node in names]
        return f"{sign(row)}: {reason}" + (f" ({', '.join(dict.fromkeys(told))})" if told else "")
    sides = ["the left side", "the right side"] if "infix" in row.spell and len(operands) == 2 else None
    told = []
    for place, node in enumerate(operands):
        called = f"`{names[node]}`" if node in names else sides[place] if sides else f"argument {place + 1}"
        told.append(f"{called} is {describe(graph.shape_of(node))}")
    return f"{sign(row)} cannot combine shapes: {', '.join(told)}"
