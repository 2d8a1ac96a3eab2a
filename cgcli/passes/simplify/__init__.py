"""Symbolic simplification: graph in, graph out, so that a derivative reads as a person would have written it.

One loop walks the nodes in their order (here). Sums, products and powers are collected in normal forms (`collect`,
`forms`), rewritten (`sums`, `products`) and written (`writing`); all other operations meet the table of rules
(`rules`, `tables`); equal results are one node. The pass is repeated until nothing changes, and nothing recurses on
the depth of a formula. No polynomial is factored and no product of sums is multiplied out, so the text never
explodes; where it would become longer than it was, it stays as it was.

What may change. The new formula equals the old one as a real function, wherever both are defined: x/x is 1 and x - x
is 0 also where x is infinite or 0; rounding may differ, and a result in between may overflow where none did. The
conditions of a `where` all stay, and what stands in a branch stays there: what a decision made 0 remains 0.
Coefficients of like terms are added and multiplied exactly, decimals as the decimals that they are: 0.1*x + 0.2*x is
0.3*x. A calculation among numbers alone is done only where a double gives the same digits: 1 + 2 is 3, but 0.1 + 0.2
stays, since in doubles it is not 0.3.
"""

from __future__ import annotations

from fractions import Fraction

from cgcli.graph.copying import GONE, carry, copied
from cgcli.graph.store import Graph
from cgcli.graph.walk import ancestors
from cgcli.ops import shaping
from cgcli.passes.simplify.arrays import in_scalars
from cgcli.passes.simplify.collect import combined, seal, simplified, stretched
from cgcli.passes.simplify.graph import NormalGraph, extend_lengths
from cgcli.passes.simplify.numbers import number_in
from cgcli.passes.simplify.tables import COLLECTED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from cgcli.passes.simplify.forms import Product, Sum

    Formulas = tuple[Graph, list[int]]

MOST_PASSES = 6
"""One pass does nearly all; further ones see what the first one made."""

REPEATED_BELOW = 20_000
"""A larger graph gets one pass."""


def simplify(graph: Graph, outputs: Sequence[int]) -> tuple[Graph, list[int]]:
    """A new graph that holds the outputs in simpler form, and their positions in it; shapes are the same.

    Inputs, and the names and places in the text of what is left, are kept; what no output needs is gone. An output
    whose text would become longer is taken over as it is; one of small arrays is written element by element where
    that is shorter. Simplifying the result again changes nothing.
    """
    candidates = [_repeated(graph, outputs)]
    scalars = in_scalars(graph, outputs)
    if scalars is not None:
        candidates.append(_repeated(*scalars))
    return _shortest([*candidates, (graph, list(outputs))])


def _repeated(graph: Graph, nodes: Sequence[int]) -> Formulas:
    """Pass after pass until nothing changes."""
    seen: tuple[object, ...] = ()
    for _ in range(MOST_PASSES):
        graph, nodes = extracted(*_simplified(graph, nodes))
        if len(graph) > REPEATED_BELOW:
            break
        before, seen = seen, _columns(graph, nodes)
        if before == seen:
            break
    return graph, list(nodes)


def extracted(graph: Graph, outputs: Sequence[int]) -> tuple[Graph, list[int]]:
    """A copy of what the outputs need, with names and places, and the outputs' positions in it."""
    copy = Graph()
    moved = _copied(graph, outputs, copy)
    return copy, [moved[output] for output in outputs]


def _copied(graph: Graph, outputs: Sequence[int], target: Graph) -> Sequence[int]:
    """Copy what the outputs need into a graph: old position -> new one."""
    moved = copied(graph, target, outputs)
    _carry(graph, target, moved)
    return moved


def _carry(graph: Graph, target: Graph, moved: Sequence[int]) -> None:
    """Names and places in the text to the new positions. A number loses its name: it may be many numbers now."""
    kept = [GONE if place == GONE or target.is_constant(place) else place for place in moved]
    carry(graph, target, kept, calls=False)


def _columns(graph: Graph, outputs: Sequence[int]) -> tuple[object, ...]:
    """What makes two graphs the same."""
    constants = [(value, graph.exact.get(number)) for number, value in enumerate(graph.constants)]
    return (graph.op, graph.operands, graph.payload, graph.shape, constants, graph.input_names, graph.attributes,
            list(outputs))  # fmt: skip


# ---- one pass --------------------------------------------------------------------------------------------------------


def _simplified(graph: Graph, outputs: Sequence[int]) -> tuple[NormalGraph, list[int]]:
    """Every node of a graph anew, operands first."""
    uses = _uses(graph, outputs)
    target = NormalGraph(decimals=_in_decimals(graph, uses))
    values: dict[int, int | Sum | Product] = {}
    for node in range(len(graph)):
        if not uses[node]:
            continue
        value = _value(graph, node, target, values)
        if not isinstance(value, int):
            if node in graph.spans:
                target.remember(value, graph.spans[node])
            if uses[node] > 1 or value.large:
                value = seal(target, value)
        values[node] = stretched(target, value, graph.shape_of(node)) if isinstance(value, int) else value
    written = [values.get(node) for node in range(len(graph))]
    _carry(graph, target, [value if isinstance(value, int) else GONE for value in written])
    return target, [_sealed(graph, output, target, values[output]) for output in outputs]


def _value(graph: Graph, node: int, target: NormalGraph, values: dict[int, int | Sum | Product]) -> int | Sum | Product:
    """A node as a form that its only user may use up, or as a node of the target."""
    operands = graph.operands_of(node)
    if not operands:
        return target.copy_node(graph, node, [])
    row = graph.row(node)
    if row is shaping.broadcast_to:
        return values[operands[0]]
    if row in COLLECTED:
        read = [values[operand] for operand in operands]
        forms = [(target.form_of(value), False) if isinstance(value, int) else (value, True) for value in read]
        form = None if all(form.number is not None for form, _ in forms) else combined(target, row, forms)
        if form is not None:
            return form
    sealed = [_sealed(graph, operand, target, values[operand]) for operand in operands]
    return simplified(target, row, sealed, graph.attributes_of(node))


def _sealed(graph: Graph, node: int, target: NormalGraph, value: int | Sum | Product) -> int:
    """The node of a value, of the shape that it had."""
    return stretched(target, value if isinstance(value, int) else seal(target, value), graph.shape_of(node))


def _uses(graph: Graph, outputs: Sequence[int]) -> list[int]:
    """How often the outputs, or nodes that they need, read each node."""
    needed = ancestors(graph, outputs)
    uses = [0] * len(graph)
    for node in range(len(graph)):
        if needed[node]:
            for operand in graph.operands_of(node):
                uses[operand] += 1
    for output in outputs:
        uses[output] += 1
    return uses


def _in_decimals(graph: Graph, uses: Sequence[int]) -> bool:
    """Whether the formula has a number that only decimals write: then its fractions are written as decimals."""
    numbers = (number_in(graph, node) for node, used in enumerate(uses) if used and graph.is_constant(node))
    return any(number is not None and Fraction(float(number)) != number for number in numbers)


# ---- the shortest text -----------------------------------------------------------------------------------------------


def _shortest(candidates: Sequence[Formulas]) -> Formulas:
    """For each output the shortest of its texts; of equally long ones the first."""
    sizes = [lengths(graph, nodes) for graph, nodes in candidates]
    best = [
        min(range(len(candidates)), key=lambda choice: sizes[choice][candidates[choice][1][place]])
        for place in range(len(candidates[0][1]))
    ]
    if not any(best):
        return candidates[0]
    both = Graph()
    found = [0] * len(best)
    for choice, (graph, nodes) in enumerate(candidates):
        chosen = [place for place, number in enumerate(best) if number == choice]
        moved = _copied(graph, [nodes[place] for place in chosen], both)
        for place in chosen:
            found[place] = moved[nodes[place]]
    return both, found


def lengths(graph: Graph, outputs: Sequence[int]) -> list[float]:
    """The lengths of the texts of all nodes up to the outputs."""
    found: list[float] = []
    extend_lengths(graph, found, max(outputs, default=-1) + 1)
    return found


__all__ = ["simplify"]
