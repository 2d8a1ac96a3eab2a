"""Reverse-mode differentiation as a pass: graph in, graph out.

One loop walks the nodes backwards. The adjoint of a node is the (balanced) sum of what its users contribute; each
user's contribution follows from its operation's row. The new nodes are ordinary nodes, so derivatives of
derivatives, drawing and exporting need nothing more. See A. Griewank and A. Walther, Evaluating Derivatives, 2nd
ed., SIAM 2008, chapter 3. How the zeros of operands that were not taken stay zero: see `passes.adjoints`.
"""

from __future__ import annotations

from array import array
from itertools import compress

from cgcli.errors import CalculationError
from cgcli.graph.ref import Ref
from cgcli.graph.store import Graph
from cgcli.graph.walk import between
from cgcli.ops import REGISTRY, shaping
from cgcli.ops.decisions import Placed, Taken
from cgcli.passes.adjoints import (
    Adjoint,
    Mask,
    any_taken,
    condition_of,
    indicator_of,
    narrowed,
    put_together,
    scaled,
    summed_to,
    total_of,
)
from cgcli.passes.expand import expansion, transplant
from cgcli.passes.folding import FoldingRef

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, Protocol

    from cgcli.ops import Operation
    from cgcli.passes.conventions import Conventions

    class Masks(Protocol):
        """The masks of nodes or of edges."""

        def get(self, key: int, /) -> Mask | None:
            """The mask of one of them, None where it counts everywhere."""


LARGE = (250_000, 50_000, 2_000)
"""Nodes from which on rules are worked out by patterns and not node by node; see `graph.loops.pays`."""

NONE = -1
"""Stands in the maps where there is no adjoint or no contribution."""


class Derivatives:
    """What one reverse pass added to a graph, for the nodes that stood in it before.

    adjoint: node -> node that holds the derivative of the (seeded) outputs with respect to it, or -1.
    contribution: position in the column `operands` (that is, an edge) -> node that holds what the user of that
        edge adds to the adjoint of the operand, or -1.
    masks, edge_masks: where such a node counts; elsewhere a decision made the number 0. `adjoint_of` and
        `contribution_of` give the whole numbers.
    """

    __slots__ = ("_put_together", "adjoint", "contribution", "edge_masks", "graph", "masks")

    def __init__(
        self, graph: Graph, adjoint: array[int], contribution: array[int], masks: Masks, edge_masks: Masks
    ) -> None:
        self.graph = graph
        self.adjoint = adjoint
        self.contribution = contribution
        self.masks = masks
        self.edge_masks = edge_masks
        self._put_together: dict[tuple[int, bool], int] = {}

    def adjoint_of(self, node: int) -> int:
        """The node that holds the derivative with respect to a node, or -1. The graph may be extended."""
        return self._whole((node, True), self.adjoint[node], self.masks.get(node))

    def contribution_of(self, edge: int) -> int:
        """The node that holds what an edge adds to the adjoint of its operand, or -1. The graph may be extended."""
        return self._whole((edge, False), self.contribution[edge], self.edge_masks.get(edge))

    def wrt(self, node: int) -> int:
        """The node that holds the derivative with respect to a node; a zero of its shape where there is none."""
        found = self.adjoint_of(node)
        if found != NONE:
            return found
        with self.graph.lock:
            zero = FoldingRef(self.graph, self.graph.constant(0.0))
            return filled(zero, self.graph.shape_of(node)).node

    def _whole(self, key: tuple[int, bool], node: int, mask: Mask | None) -> int:
        if node == NONE or mask is None:
            return node
        with self.graph.lock:
            if key not in self._put_together:
                self._put_together[key] = Adjoint(FoldingRef(self.graph, node), mask).given_out().node
            return self._put_together[key]


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
        size = len(graph)
        reach = max(outputs, default=0) - min(wrt, default=0)
        meets = has_conventions(graph, outputs, wrt)
        if reach >= LARGE[-1] and not meets and _patterns_pay(reach):
            found = _stamped(graph, outputs, wrt, seeds)
            if found is not None:
                return found
        starts = [
            (output, Adjoint(_seed(graph, output, seeds[position] if seeds else None)))
            for position, output in enumerate(outputs)
        ]
        adjoint, contribution = array("i", [NONE]) * size, array("i", [NONE]) * len(graph.operands)
        adjoints, sent = walked(graph, starts, wrt, _conventions(graph) if meets else None)
        return Derivatives(graph, adjoint, contribution, _noted(adjoints, adjoint), _noted(sent, contribution))


def walked(
    graph: Graph, starts: Sequence[tuple[int, Adjoint]], wrt: Sequence[int], conventions: Conventions | None = None
) -> tuple[dict[int, Adjoint], dict[int, Adjoint]]:
    """The backward loop: the adjoint of each node, and what each edge contributes to its operand.

    starts: outputs with the adjoints that they start with, which are added last to what they receive. conventions:
    what looks after products of them, where the outputs are derivatives themselves.
    """
    outputs = [output for output, _ in starts]
    active = between(graph, wrt, outputs)
    received: dict[int, list[Adjoint]] = {}
    seeds: dict[int, list[Adjoint]] = {}
    for output, adjoint in starts:
        if active[output]:
            seeds.setdefault(output, []).append(adjoint)
    asked_for = frozenset(wrt)
    adjoints: dict[int, Adjoint] = {}
    sent: dict[int, Adjoint] = {}
    node = len(active)
    while (node := active.rfind(1, 0, node)) >= 0:  # a pass over a small part of a large graph is quick
        if node not in received and node not in seeds:
            continue
        begin = len(graph)
        wanted = [bool(active[operand]) for operand in graph.operands_of(node)]
        goes_on = any(wanted)
        adjoints[node] = total = total_of(received.pop(node, []), seeds.get(node, []), goes_on=goes_on)
        if node in asked_for:
            adjoints[node] = total = put_together(total)
        if goes_on:
            first = graph.start[node]
            parts: Sequence[Adjoint | None] = handed_on(graph, node, total, wanted)
            if conventions is not None:
                parts = conventions.settled(node, total, parts, adjoints)
            for place, part in enumerate(parts):
                if part is not None:
                    sent[first + place] = part
                    received.setdefault(graph.operands[first + place], []).append(part)
        graph.origins.note(begin, len(graph), node)
    return adjoints, sent


def _noted(found: Mapping[int, Adjoint], column: array[int]) -> dict[int, Mask]:
    """Write the nodes of adjoints into a column, and return the masks under which they count."""
    masks: dict[int, Mask] = {}
    for key, adjoint in found.items():
        column[key] = adjoint.value.node
        if adjoint.mask is not None and not adjoint.clean:
            masks[key] = adjoint.mask
    return masks


def has_conventions(graph: Graph, outputs: Sequence[int], wrt: Sequence[int]) -> bool:
    """Whether outputs are derivatives, and have kinks on the way to what they are differentiated by.

    Then nodes are done one by one, and a pullback is no linear function of its weights: a nan is decided by them.
    """
    if not graph.origins and not graph.is_derivative:
        return False
    active = between(graph, wrt, outputs)
    on_the_way = list(compress(range(len(active)), active))
    if not any(_has_kink(REGISTRY.rows[code]) for code in {graph.op[node] for node in on_the_way}):
        return False
    return graph.is_derivative or any(map(graph.origins.has, reversed(on_the_way)))


def _has_kink(row: Operation) -> bool:
    return row.kink is not None and "piecewise_constant" not in row.traits


def _conventions(graph: Graph) -> Conventions:
    from cgcli.passes.conventions import Conventions

    return Conventions(graph, differentiate)


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
    found = stamped(graph, outputs, wrt, start_with, handed_on)
    return None if found is None else Derivatives(graph, *found)


# ---- what one node hands on ------------------------------------------------------------------------------------------


def contributions(graph: Graph, node: int, adjoint: Ref, wanted: Sequence[bool]) -> list[Ref | None]:
    """What a node with this adjoint adds to the adjoint of each operand; None where that is zero or not wanted."""
    found = handed_on(graph, node, Adjoint(adjoint), wanted)
    return [None if part is None else part.given_out() for part in found]


def handed_on(graph: Graph, node: int, adjoint: Adjoint, wanted: Sequence[bool]) -> list[Adjoint | None]:
    """What a node with this adjoint contributes to each operand; None where that is zero or not wanted."""
    row = graph.row(node)
    operands = [FoldingRef(graph, operand) for operand in graph.operands_of(node)]
    result = FoldingRef(graph, node)
    if row.partials is not None:
        found = _by_partials(row, operands, result, adjoint, wanted)
    elif row.pullback is not None and row.elementwise:
        pulled = row.pullback(adjoint.value, tuple(operands), result, graph.attributes_of(node))
        found = [_decided(result, part, adjoint.mask) for part in pulled]
    elif row.pullback is not None:
        found = _pulled_back(row, operands, result, adjoint, graph.attributes_of(node))
    elif row.definition is not None:
        found = _by_definition(graph, node, operands, adjoint)
    else:
        raise CalculationError(f"`{row.name}` has no derivative rule", span=graph.spans.get(node))
    return [
        summed_to(part, operand.shape) if part is not None and want else None
        for part, operand, want in zip(found, operands, wanted, strict=True)
    ]


def _by_partials(
    row: Operation, operands: Sequence[Ref], result: Ref, adjoint: Adjoint, wanted: Sequence[bool]
) -> list[Adjoint | None]:
    """Adjoint times partial derivative, for each operand that is wanted."""
    assert row.partials is not None
    found: list[Adjoint | None] = []
    for partial, want in zip(row.partials, wanted, strict=True):
        slope = partial(*operands, result) if partial is not None and want else None
        if isinstance(slope, Taken):
            under = _narrowed_by(result, slope, adjoint)
            found.append(None if under is None else scaled(under, result.coerce(slope.value)))
        else:
            found.append(None if slope is None else scaled(adjoint, result.coerce(slope)))
    return found


def _narrowed_by(like: Ref, decision: Taken, adjoint: Adjoint) -> Adjoint | None:
    """An adjoint under the condition of a decision; None where that never holds."""
    condition = like.coerce(decision.condition)
    known = condition.constant_value
    if known is not None:
        return adjoint if known != 0 else None
    return Adjoint(adjoint.value, narrowed(adjoint.mask, condition), clean=decision.clean and adjoint.mask is None)


def _decided(like: Ref, part: Any, mask: Mask | None) -> Adjoint | None:
    """A contribution as the rule of a row states it, under the mask of the adjoint that it was made of."""
    if part is None:
        return None
    if isinstance(part, Taken):
        return _narrowed_by(like, part, Adjoint(like.coerce(part.value), mask))
    if isinstance(part, Placed):
        return _placed(like.coerce(part.value), part.positions, mask)
    return Adjoint(like.coerce(part), mask)


def _placed(value: Ref, positions: Sequence[int], mask: Mask | None) -> Adjoint:
    """A contribution to the elements that were read; the mask of an adjoint says which of those count."""
    bits = 0
    for place, position in enumerate(positions):
        if mask is None or mask.elements is None or mask.elements >> place & 1:
            bits |= 1 << position
    condition = None if mask is None else mask.condition
    every = bits == (1 << shaping.size_of(value.shape)) - 1
    if every:
        return Adjoint(value, None if condition is None else Mask(condition))
    return Adjoint(value, Mask(condition, bits), clean=condition is None)


def _pulled_back(
    row: Operation, operands: Sequence[Ref], result: Ref, adjoint: Adjoint, attributes: tuple[Any, ...]
) -> list[Adjoint | None]:
    """The pullback of an operation on arrays, and where its contributions count.

    A row that only moves elements moves the mask as it moves the adjoint; of any other one a contribution counts where
    any element of the adjoint does.
    """
    assert row.pullback is not None
    mask = adjoint.mask
    if mask is None or mask.whole:
        pulled = row.pullback(adjoint.value, tuple(operands), result, attributes)
        return [_decided(result, part, mask) for part in pulled]
    pulled = row.pullback(adjoint.given_out(), tuple(operands), result, attributes)
    if "moves" not in row.traits:
        found = [_decided(result, part, any_taken(mask, result)) for part in pulled]
    elif any(isinstance(part, Placed) for part in pulled) and mask.condition is None:
        found = [_decided(result, part, mask) for part in pulled]
    else:
        taken = shaping.broadcast_to(indicator_of(mask, result), result.shape)
        moved = row.pullback(taken, tuple(operands), result, attributes)
        found = [
            _decided(result, part, None) if part is None else _under(result, part, condition)
            for part, condition in zip(pulled, moved, strict=True)
        ]
    kept = [not isinstance(part, Taken) or part.clean for part in pulled]
    return [
        None if part is None else Adjoint(part.value, part.mask, clean=clean)
        for part, clean in zip(found, kept, strict=True)
    ]


def _under(like: Ref, part: Any, moved: Any) -> Adjoint | None:
    """A contribution that counts where the mask, moved as the contribution was, is not 0."""
    condition = like.coerce(getattr(moved, "value", moved))
    found = _decided(like, getattr(part, "value", part), None)
    known = condition.constant_value
    if found is None or known is not None:
        return found if known != 0 else None
    if isinstance(part, Taken):
        condition = condition & like.coerce(part.condition)
    return Adjoint(found.value, Mask(condition))


def _by_definition(graph: Graph, node: int, operands: Sequence[Ref], adjoint: Adjoint) -> list[Adjoint | None]:
    """Differentiate the definition on stand-ins, then put the operands and the adjoint in their place."""
    row, shape = graph.row(node), graph.shape_of(node)
    shapes = [operand.shape for operand in operands]
    template, places, output = expansion(row, shapes, graph.attributes_of(node))
    seed = template.input("adjoint of the result", template.shape_of(output))
    stand_ins: dict[int, Ref] = {**dict(zip(places, operands, strict=True)), seed: adjoint.value}
    outer, start = adjoint.mask, Adjoint(FoldingRef(template, seed))
    if outer is not None and not outer.whole and not (row.elementwise and all(each == shape for each in shapes)):
        condition = condition_of(outer, adjoint.value)
        label = template.input("mask of the adjoint", condition.shape)
        stand_ins[label] = condition
        start, outer = Adjoint(FoldingRef(template, seed), Mask(FoldingRef(template, label))), None
    found, _ = walked(template, [(output, start)], places)
    copy = transplant(template, graph, stand_ins)

    def brought(part: Adjoint | None) -> Adjoint | None:
        if part is None:
            return None
        value, inner = copy(part.value.node), part.mask
        if inner is None:
            return Adjoint(value, outer, clean=part.clean and outer is None)
        condition = None if inner.condition is None else copy(inner.condition.node)
        mask = Mask(condition, inner.elements)
        if outer is not None:
            mask = _both(outer, mask, value)
        return Adjoint(value, mask, clean=part.clean and outer is None)

    return [brought(found.get(place)) for place in places]


def _both(outer: Mask, inner: Mask, like: Ref) -> Mask:
    """Where both masks hold."""
    if outer.condition is None or (inner.elements is not None and outer.elements is not None):
        return narrowed(outer, condition_of(inner, like))
    if inner.condition is None:
        return Mask(outer.condition, inner.elements)
    return Mask(outer.condition & inner.condition, inner.elements if outer.elements is None else outer.elements)


def filled(value: Any, shape: Any) -> Any:
    """A scalar reference repeated to a shape."""
    return shaping.broadcast_to(value, shape) if shape else value


def _seed(graph: Graph, output: int, seed: int | None) -> Ref:
    if seed is not None:
        return FoldingRef(graph, seed)
    return filled(FoldingRef(graph, graph.constant(1.0)), graph.shape_of(output))
