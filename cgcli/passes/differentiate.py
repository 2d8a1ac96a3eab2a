"""Reverse-mode differentiation as a pass: graph in, graph out.

One loop walks the nodes backwards. The adjoint of a node is the (balanced) sum of what its users contribute; each
user's contribution follows from its operation's row. The new nodes are ordinary nodes, so derivatives of
derivatives, drawing and exporting need nothing more. See A. Griewank and A. Walther, Evaluating Derivatives, 2nd
ed., SIAM 2008, chapter 3.
"""

from __future__ import annotations

from array import array

from cgcli.errors import CalculationError
from cgcli.graph.ref import Ref
from cgcli.graph.store import Graph
from cgcli.graph.walk import ancestors, descendants
from cgcli.ops import arithmetic, shaping
from cgcli.passes.expand import expansion, transplant
from cgcli.passes.folding import FoldingRef

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from cgcli.ops import Operation

LARGE = (250_000, 50_000, 2_000)
"""Nodes from which on rules are worked out by patterns and not node by node; see `loops.pays`."""

NONE = -1
"""Stands in the maps where there is no adjoint or no contribution."""


class Derivatives:
    """What one reverse pass added to a graph.

    adjoint: node -> node that holds the derivative of the (seeded) outputs with respect to it, or -1.
    contribution: position in the column `operands` (that is, an edge) -> node that holds what the user of that
        edge adds to the adjoint of the operand, or -1. Both cover the nodes that stood in the graph before.
    """

    __slots__ = ("adjoint", "contribution", "graph")

    def __init__(self, graph: Graph, adjoint: array[int], contribution: array[int]) -> None:
        self.graph = graph
        self.adjoint = adjoint
        self.contribution = contribution

    def adjoint_of(self, node: int) -> int:
        """The node that holds the derivative with respect to a node, or -1."""
        return self.adjoint[node]

    def contribution_of(self, edge: int) -> int:
        """The node that holds what an edge adds to the adjoint of its operand, or -1."""
        return self.contribution[edge]

    def wrt(self, node: int) -> int:
        """The node that holds the derivative with respect to a node; a zero of its shape where there is none."""
        found = self.adjoint[node]
        if found != NONE:
            return found
        zero = FoldingRef(self.graph, self.graph.constant(0.0))
        return filled(zero, self.graph.shape_of(node)).node


def differentiate(
    graph: Graph, outputs: Sequence[int], wrt: Sequence[int], seeds: Sequence[int] | None = None
) -> Derivatives:
    """Extend the graph by the derivatives of the outputs with respect to the given nodes.

    seeds: one node an output, of its shape: the adjoint that the output starts with. Without seeds each output
    starts with ones, so a scalar output gives its gradient and several outputs the gradient of their sum.
    Only nodes on a path from `wrt` to an output get an adjoint. CalculationError where an operation on such a
    path has no derivative rule.
    """
    with graph.lock:
        return _differentiated(graph, outputs, wrt, seeds)


def _differentiated(
    graph: Graph, outputs: Sequence[int], wrt: Sequence[int], seeds: Sequence[int] | None
) -> Derivatives:  # fmt: skip
    size, edges = len(graph), len(graph.operands)
    if size >= LARGE[-1] and _patterns_pay(size):
        found = _stamped(graph, outputs, wrt, seeds)
        if found is not None:
            return found
    active = bytes(a & b for a, b in zip(ancestors(graph, outputs), descendants(graph, wrt), strict=True))
    received: dict[int, list[Ref]] = {}
    for position, output in enumerate(outputs):
        if active[output]:
            received.setdefault(output, []).append(_seed(graph, output, seeds[position] if seeds else None))
    adjoint = array("i", [NONE]) * size
    contribution = array("i", [NONE]) * edges
    for node in range(size - 1, -1, -1):
        parts = received.pop(node, None)
        if parts is None:
            continue
        begin = len(graph)
        total = balanced_sum(parts)
        adjoint[node] = total.node
        first = graph.start[node]
        wanted = [bool(active[operand]) for operand in graph.operands_of(node)]
        if any(wanted):
            for place, part in enumerate(contributions(graph, node, total, wanted)):
                if part is not None:
                    contribution[first + place] = part.node
                    received.setdefault(graph.operands[first + place], []).append(part)
        graph.origins.note(begin, len(graph), node)
    return Derivatives(graph, adjoint, contribution)


def _patterns_pay(size: int) -> bool:
    """Whether a graph of so many nodes is done first by patterns."""
    from pathlib import Path

    from cgcli.loops import pays

    return pays(size, LARGE, Path(__file__).with_name("stamping.py"), "stamp")


def _stamped(
    graph: Graph, outputs: Sequence[int], wrt: Sequence[int], seeds: Sequence[int] | None
) -> Derivatives | None:
    """The same for a large graph of scalars, by patterns; None where that is not possible."""
    from cgcli.passes.stamping import stamped

    if len(set(outputs)) < len(outputs) or any(graph.shape_of(output) for output in outputs):
        return None
    start_with = seeds or [graph.constant(1.0)] * len(outputs)
    found = stamped(graph, outputs, wrt, start_with, contributions)
    if found is None:
        return None
    return Derivatives(graph, *found)


def contributions(graph: Graph, node: int, adjoint: Ref, wanted: Sequence[bool]) -> list[Ref | None]:
    """What a node with this adjoint adds to the adjoint of each operand; None where that is zero or not wanted."""
    row = graph.row(node)
    operands = [FoldingRef(graph, operand) for operand in graph.operands_of(node)]
    result = FoldingRef(graph, node)
    if row.partials is not None:
        found = _by_partials(row, operands, result, adjoint, wanted)
    elif row.pullback is not None:
        found = list(row.pullback(adjoint, tuple(operands), result, graph.attributes_of(node)))
    elif row.definition is not None:
        found = _by_definition(graph, node, operands, adjoint, wanted)
    else:
        raise CalculationError(f"`{row.name}` has no derivative rule", span=graph.spans.get(node))
    return [
        shaping.sum_to(adjoint.coerce(part), operand.shape) if part is not None and want else None
        for part, operand, want in zip(found, operands, wanted, strict=True)
    ]


def _by_partials(
    row: Operation, operands: Sequence[Ref], result: Ref, adjoint: Ref, wanted: Sequence[bool]
) -> list[Ref | None]:
    """Adjoint times partial derivative, for each operand that is wanted."""
    assert row.partials is not None
    return [
        arithmetic.scale(adjoint, result.coerce(partial(*operands, result))) if partial is not None and want else None
        for partial, want in zip(row.partials, wanted, strict=True)
    ]


def _by_definition(
    graph: Graph, node: int, operands: Sequence[Ref], adjoint: Ref, wanted: Sequence[bool]
) -> list[Ref | None]:
    """Differentiate the definition on stand-ins, then put the operands and the adjoint in their place."""
    template, places, output = expansion(graph.row(node), [operand.shape for operand in operands],
                                         graph.attributes_of(node))  # fmt: skip
    seed = template.input("adjoint of the result", template.shape_of(output))
    derivatives = differentiate(template, [output], places, [seed])
    copy = transplant(template, graph, {**dict(zip(places, operands, strict=True)), seed: adjoint})
    return [
        copy(derivatives.adjoint[place]) if want and derivatives.adjoint[place] != NONE else None
        for place, want in zip(places, wanted, strict=True)
    ]


def balanced_sum(parts: Sequence[Any]) -> Any:
    """The sum as a tree of logarithmic depth, which also rounds less than a chain."""
    while len(parts) > 1:
        pairs = [parts[position] + parts[position + 1] for position in range(0, len(parts) - 1, 2)]
        parts = pairs + list(parts[len(parts) - len(parts) % 2 :])
    return parts[0]


def filled(value: Any, shape: Any) -> Any:
    """A scalar reference repeated to a shape."""
    return shaping.broadcast_to(value, shape) if shape else value


def _seed(graph: Graph, output: int, seed: int | None) -> Ref:
    if seed is not None:
        return FoldingRef(graph, seed)
    return filled(FoldingRef(graph, graph.constant(1.0)), graph.shape_of(output))
