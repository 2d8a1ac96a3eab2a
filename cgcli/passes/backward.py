"""The backward loop over a graph, and what one node hands on to its operands by the rule of its row."""

from __future__ import annotations

from cgcli.errors import CalculationError
from cgcli.graph.ref import Ref
from cgcli.graph.store import Graph
from cgcli.graph.walk import between
from cgcli.ops import calling, shaping
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
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any, Protocol

    from cgcli.ops import Operation

    class Conventions(Protocol):
        """What looks after products of conventions: see `passes.conventions`."""

        def settled(
            self, node: int, adjoint: Adjoint, parts: Sequence[Adjoint | None], adjoints: dict[int, Adjoint], /
        ) -> Sequence[Adjoint | None]:
            """What a node hands on, where the product of two conventions is the true one or nan."""


def walked(
    graph: Graph, starts: Sequence[tuple[int, Adjoint]], wrt: Sequence[int], conventions: Conventions | None = None,
    way: Sequence[int] | None = None,
) -> tuple[dict[int, Adjoint], dict[int, Adjoint]]:  # fmt: skip
    """The backward loop: the adjoint of each node, and what each edge contributes to its operand.

    starts: outputs with the adjoints that they start with, which are added last to what they receive. conventions:
    what looks after products of them, where the outputs are derivatives themselves. way: all nodes that depend on those
    of `wrt` and that the outputs need, and perhaps others, in an order of evaluation; those by position by default.
    """
    outputs = [output for output, _ in starts]
    backwards: Iterator[int]
    is_active: Callable[[int], object]
    if way is None:
        marks = between(graph, wrt, outputs)
        backwards, is_active = _marked(marks), marks.__getitem__
    else:
        backwards, is_active = reversed(way), frozenset(way).__contains__
    received: dict[int, list[Adjoint]] = {}
    seeds: dict[int, list[Adjoint]] = {}
    for output, adjoint in starts:
        if is_active(output):
            seeds.setdefault(output, []).append(adjoint)
    asked_for = frozenset(wrt)
    adjoints: dict[int, Adjoint] = {}
    sent: dict[int, Adjoint] = {}
    for node in backwards:
        if node not in received and node not in seeds:
            continue
        begin = len(graph)
        wanted = [bool(is_active(operand)) for operand in graph.operands_of(node)]
        goes_on = any(wanted)
        adjoints[node] = total = total_of(received.pop(node, []), seeds.get(node, []), goes_on=goes_on)
        if node in asked_for:
            adjoints[node] = total = put_together(total)
        if goes_on:
            first = graph.start[node]
            parts: Sequence[Adjoint | None] = handed_on(
                graph, node, total, wanted, again=conventions is not None
            )  # fmt: skip
            if conventions is not None:
                parts = conventions.settled(node, total, parts, adjoints)
            for place, part in enumerate(parts):
                if part is not None:
                    sent[first + place] = part
                    received.setdefault(graph.operands[first + place], []).append(part)
        graph.origins.note(begin, len(graph), node)
    return adjoints, sent


def _marked(marks: bytearray) -> Iterator[int]:
    """The marked nodes, the last one first; a small part of a large graph is gone through quickly."""
    node = len(marks)
    while (node := marks.rfind(1, 0, node)) >= 0:
        yield node


# ---- what one node hands on ------------------------------------------------------------------------------------------


def contributions(graph: Graph, node: int, adjoint: Ref, wanted: Sequence[bool]) -> list[Ref | None]:
    """What a node with this adjoint adds to the adjoint of each operand; None where that is zero or not wanted."""
    found = handed_on(graph, node, Adjoint(adjoint), wanted)
    return [None if part is None else part.given_out() for part in found]


def handed_on(
    graph: Graph, node: int, adjoint: Adjoint, wanted: Sequence[bool], *, again: bool = False
) -> list[Adjoint | None]:  # fmt: skip
    """What a node with this adjoint contributes to each operand; None where that is zero or not wanted.

    again: whether the pass goes over a derivative that has kinks, which matters within kept calls.
    """
    shapes = [graph.shape_of(operand) for operand in graph.operands_of(node)]
    parts = element_by_element(graph, node, adjoint, wanted, again=again)
    return [
        summed_to(part, shape) if part is not None and want else None
        for part, shape, want in zip(parts, shapes, wanted, strict=True)
    ]


def element_by_element(
    graph: Graph, node: int, adjoint: Adjoint, wanted: Sequence[bool], *, again: bool = False
) -> Sequence[Adjoint | None]:  # fmt: skip
    """The same before the contributions to an operand that was stretched are added up."""
    row = graph.row(node)
    if "kept" in row.traits:
        return _by_body(graph, node, adjoint, wanted, again)
    operands = [FoldingRef(graph, operand) for operand in graph.operands_of(node)]
    result = FoldingRef(graph, node)
    if row.partials is not None:
        return _by_partials(row, operands, result, adjoint, wanted)
    if row.pullback is not None and row.elementwise:
        pulled = row.pullback(adjoint.value, tuple(operands), result, graph.attributes_of(node))
        return [_decided(result, part, adjoint.mask) for part in pulled]
    if row.pullback is not None:
        return _pulled_back(row, operands, result, adjoint, graph.attributes_of(node))
    if row.definition is not None:
        return _by_definition(graph, node, operands, adjoint)
    raise CalculationError(f"`{row.name}` has no derivative rule", span=graph.spans.get(node))


def _by_body(
    graph: Graph, node: int, adjoint: Adjoint, wanted: Sequence[bool], again: bool
) -> list[Adjoint | None]:  # fmt: skip
    """What a kept call hands on; bodies are differentiated by this same loop."""
    from cgcli.passes.kept_calls import AtKinks, handed_by_call
    from cgcli.passes.kept_loops import handed_by_scan

    def pull(graph: Graph, starts: Sequence[tuple[int, Adjoint]], wrt: Sequence[int]) -> dict[int, Adjoint]:
        return walked(graph, starts, wrt, AtKinks(graph) if again else None)[0]

    handed = handed_by_call if graph.row(node) is calling.call else handed_by_scan
    return handed(graph, node, adjoint, wanted, pull, again=again)


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
        taken = any_taken(mask, result)
        found = [_decided(result, part, taken) for part in pulled]
    elif any(isinstance(part, Placed) for part in pulled) and mask.condition is None:
        found = [_decided(result, part, mask) for part in pulled]
    else:
        indicator = shaping.broadcast_to(indicator_of(mask, result), result.shape)
        moved = row.pullback(indicator, tuple(operands), result, attributes)
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
