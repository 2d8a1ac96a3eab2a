"""Products of conventions: what a second derivative is at a kink.

At a kink the slope of an operation is a convention: that of |x| at 0 is 0, the mean of both sides. One convention is
as good as another as long as it is a factor by itself. But the product of two is the product of nothing: (-1)*(-1)
and 1*1 are both 1, and 0*0 is 0. Such products arise where a derivative is differentiated again: the adjoint that
comes back to an operation holds the slope that the same operation contributed before. |x|^2 has the second derivative
2 at 0.

So in every pass over a derivative, what an operation hands on is looked at where its adjoint follows from such slopes:
- Of |x| the slope is s = sign(x), and s^2 = 1 on both sides. The adjoint is taken apart as even + odd*s, and the
  contribution even*s + odd is right everywhere, and at every order.
- Of a length r = sqrt(x^2 + …) the slopes are the parts x/r of a direction. At the origin the contribution is what the
  adjoint changes by them, which is the same in all directions where there is a second derivative.
- All others contribute nan at their kink.
"""

from __future__ import annotations

from cgcli.graph.ref import Ref
from cgcli.graph.store import Graph
from cgcli.graph.walk import between
from cgcli.ops import arithmetic, logic, powers, reductions, shaping
from cgcli.passes.adjoints import Adjoint, Mask
from cgcli.passes.folding import FoldingRef

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    Differentiate = Callable[[Graph, Sequence[int], Sequence[int]], Any]

MOST_VISITS = 200_000
"""Nodes that a pass looks at for the sake of conventions; what is left then is nan at its kinks."""


class Conventions:
    """The conventions of one pass over a derivative. differentiate: the pass itself, for the change by a direction."""

    def __init__(self, graph: Graph, differentiate: Differentiate) -> None:
        self.graph = graph
        self.differentiate = differentiate
        self.visits = 0

    def settled(
        self, node: int, adjoint: Adjoint, parts: Sequence[Adjoint | None], adjoints: Mapping[int, Adjoint]
    ) -> Sequence[Adjoint | None]:  # fmt: skip
        """What a node hands on, where the product of two conventions is the true one or nan.

        adjoints: those of the nodes behind it.
        """
        row = self.graph.row(node)
        if row.kink is None or "piecewise_constant" in row.traits or row in DIRECTIONS or not any(parts):
            return parts
        decided_by = adjoint.mask.condition if adjoint.mask is not None else None
        conditions = [] if decided_by is None else self._carriers([decided_by.node])
        carriers = self._carriers([adjoint.value.node, *([] if decided_by is None else [decided_by.node])])
        if carriers is not None and not carriers:
            return parts
        operands = [FoldingRef(self.graph, operand) for operand in self.graph.operands_of(node)]
        decided = conditions is None or self._follow(conditions, [operand.node for operand in operands])
        if carriers is not None and conditions is not None and row in SIGNED and not decided:
            own = [carrier for carrier in carriers if carrier not in conditions]
            found = self._by_sides(operands, adjoint, own, SIGNED[row], adjoints)
            if found is not None:
                return [found, *parts[1:]]
        condition = operands[0].coerce(row.kink(*operands, *self.graph.attributes_of(node)))
        at_kink = condition & self._hit(carriers, condition)
        directed = None if carriers is None else self._by_directions(node, operands, adjoint)
        settled: list[Adjoint | None] = []
        for part, instead in zip(parts, directed or [None] * len(parts), strict=True):
            if part is not None:  # a convention of this operation counts no more; what decided before it does
                stretched = row.elementwise and part.value.shape != adjoint.value.shape
                mask = None if decided or stretched else adjoint.mask if row.elementwise else part.mask
                part = self._replaced(part, at_kink, instead, mask)
            settled.append(part)
        return settled

    # ---- where conventions come from ---------------------------------------------------------------------------

    def _carriers(self, nodes: Sequence[int]) -> list[int] | None:
        """The nodes that some nodes follow from and that jump at a kink; None where there are too many to look for."""
        graph = self.graph
        pending = list(nodes)
        seen = set(pending)
        found: list[int] = []
        while pending:
            current = pending.pop()
            row = graph.row(current)
            if "piecewise_constant" in row.traits and row.kink is not None:
                found.append(current)
                continue
            if row in DIRECTIONS:
                found.append(current)
            for operand in self._followed(current):
                if operand not in seen:
                    seen.add(operand)
                    pending.append(operand)
            self.visits += 1
            if self.visits > MOST_VISITS:
                return None
        return sorted(found)

    def _followed(self, node: int) -> Sequence[int]:
        """The operands that a node follows from; a condition that gives nan is a verdict, and no convention."""
        operands = self.graph.operands_of(node)
        return operands[1:] if self.graph.row(node) is logic.unless else operands

    def _follow(self, nodes: Sequence[int], first: Sequence[int]) -> bool:
        """Whether one of some nodes follows from one of the first ones, numbers aside."""
        wanted = [node for node in first if not self.graph.is_constant(node)]
        active = between(self.graph, wanted, nodes) if nodes and wanted else b""
        return any(active[node] for node in wanted) if active else False

    def _hit(self, carriers: Sequence[int] | None, like: Ref) -> Any:
        """Whether one of the carriers jumps here."""
        if carriers is None:
            return like.coerce(1.0)
        hits: list[Any] = []
        for carrier in carriers:
            row = self.graph.row(carrier)
            operands = [FoldingRef(self.graph, operand) for operand in self.graph.operands_of(carrier)]
            assert row.kink is not None
            hit = like.coerce(row.kink(*operands, *self.graph.attributes_of(carrier)))
            if hit.node == like.node:
                return like.coerce(1.0)  # the operation's own slope
            hits.append(shaping.sum_of(hit, None) > 0 if hit.shape not in ((), like.shape) else hit)
        total = hits[0]
        for hit in hits[1:]:
            total = total | hit
        return total

    # ---- what is handed on -------------------------------------------------------------------------------------

    def _replaced(self, part: Adjoint, at_kink: Any, instead: Any, mask: Mask | None) -> Adjoint:
        """A contribution that is another one at the kink: nan where none is known. mask: what decided before counts."""
        value = part.given_out()
        if at_kink.shape not in ((), value.shape):
            at_kink = shaping.sum_of(at_kink, None) > 0
        if instead is not None and instead.shape != value.shape:
            instead = None  # a sum over what was stretched, of which some elements are at the kink
        if mask is not None and not mask.whole and mask.condition is not None and mask.condition.shape != value.shape:
            mask = None
        return Adjoint(logic.unless(at_kink, value) if instead is None else logic.where(at_kink, instead, value), mask)

    def _by_sides(
        self, operands: Sequence[Ref], adjoint: Adjoint, carriers: Sequence[int], factor: Callable[..., Any],
        adjoints: Mapping[int, Adjoint],
    ) -> Adjoint | None:  # fmt: skip
        """(A(1)*(1 + s) - A(-1)*(1 - s))/2 for the adjoint A of the sign s; None where it follows from others, too.

        Where the sign itself counts at the kink, the derivative jumps there, and has none: nan.
        """
        graph, sign = self.graph, logic.sign(operands[0])
        if list(carriers) != [sign.node] or sign.node not in adjoints:
            return None
        between = self._between(sign.node, adjoint.value.node)
        if not all(graph.row(each).elementwise and graph.shape_of(each) == sign.shape for each in between):
            return None
        right, left = (self._with(adjoint.value, sign, side, between) for side in (1.0, -1.0))
        if (-right).node == left.node or (-left).node == right.node:
            value = right
        else:
            value = (right * (1 + sign) - left * (1 - sign)) * 0.5
        jumps = (operands[0] == 0) & (adjoints[sign.node].given_out() != 0)
        return Adjoint(logic.unless(jumps, value * factor(*operands)), adjoint.mask)

    def _with(self, value: Ref, sign: Ref, side: float, between: Sequence[int]) -> Ref:
        """A value in which a sign is a number."""
        graph = self.graph
        constant = FoldingRef(graph, graph.constant(side))
        number = shaping.broadcast_to(constant, sign.shape) if sign.shape else constant
        copies: dict[int, Ref] = {sign.node: number}
        for node in between:
            row = graph.row(node)
            operands = [copies.get(operand, FoldingRef(graph, operand)) for operand in graph.operands_of(node)]
            copies[node] = _built(graph, row, operands, graph.attributes_of(node))
        return copies[value.node]

    def _between(self, first: int, last: int) -> list[int]:
        """The nodes that follow from one node and that another one follows from, that one included."""
        graph, needed, pending = self.graph, {last}, [last]
        while pending:
            for operand in graph.operands_of(pending.pop()):
                if operand > first and operand not in needed:
                    needed.add(operand)
                    pending.append(operand)
        follows = {first}
        for node in sorted(needed):
            if any(operand in follows for operand in graph.operands_of(node)):
                follows.add(node)
        return sorted(follows - {first})

    def _by_directions(self, node: int, operands: Sequence[Ref], adjoint: Adjoint) -> list[Any] | None:
        """How the adjoint changes by each part of the direction of a length; None for what is no length."""
        found = LENGTHS.get(self.graph.row(node))
        parts, finished = (None, None) if found is None else found(operands, self.graph.attributes_of(node))
        if parts is None or finished is None:
            return None
        value = adjoint.given_out()
        changes = self.differentiate(self.graph, [value.node], [part.node for part in parts])
        return finished([powers.only_here(FoldingRef(self.graph, changes.wrt(part.node))) for part in parts])


def _built(graph: Graph, row: Any, operands: Sequence[Ref], attributes: tuple[Any, ...]) -> Ref:
    """An operation on other operands; factors of -1 become signs, so that what differs by a sign can be told."""
    if attributes:
        return FoldingRef(graph, graph.repeat(row, [operand.node for operand in operands], attributes))
    if row is arithmetic.mul:
        for one, other in (operands, reversed(operands)):
            if one.constant_value == -1:
                return -other
        negated = [graph.row(operand.node) is arithmetic.neg for operand in operands]
        if any(negated):
            bare = [FoldingRef(graph, graph.operands_of(operand.node)[0]) if minus else operand
                    for operand, minus in zip(operands, negated, strict=True)]  # fmt: skip
            product = bare[0] * bare[1]
            return -product if sum(negated) == 1 else product
    return operands[0].build(row, list(operands))


SIGNED: dict[Any, Callable[..., Any]] = {
    logic.absolute: lambda x: 1.0,
    logic.copy_sign: lambda x, y: logic.copy_sign(1.0, y),
}
"""Operations whose slope is the sign of their first operand, and what else is a factor of it."""

DIRECTIONS = frozenset({powers.hypot_slope, reductions.unit_vector})
"""Parts of a direction: slopes of lengths, which jump at the origin."""


def _of_hypot(operands: Sequence[Ref], attributes: tuple[Any, ...]) -> Any:
    x, y = operands
    return [powers.hypot_slope(x, y), powers.hypot_slope(y, x)], lambda changes: changes


def _of_norm(operands: Sequence[Ref], attributes: tuple[Any, ...]) -> Any:
    return (
        ([reductions.unit_vector(operands[0], None)], lambda changes: changes) if attributes == (2.0,) else (None, None)
    )


def _of_length(operands: Sequence[Ref], attributes: tuple[Any, ...]) -> Any:
    return [reductions.unit_vector(operands[0], *attributes)], lambda changes: changes


def _of_deviation(operands: Sequence[Ref], attributes: tuple[Any, ...]) -> Any:
    (axes,), x = attributes, operands[0]
    root = powers.sqrt(x.coerce(reductions.count_along(x, axes)))
    direction = reductions.unit_vector(reductions.centred(x, axes), axes)
    return [direction], lambda changes: [reductions.centred(changes[0], axes) / root]


LENGTHS: dict[Any, Callable[..., Any]] = {
    powers.hypot: _of_hypot, reductions.norm: _of_norm, reductions.root_sum_square: _of_length,
    reductions.std: _of_deviation,
}  # fmt: skip
"""Length -> (operands, attributes) -> the parts of its direction, and what it contributes by the changes by them."""
