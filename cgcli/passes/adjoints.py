"""Adjoints on their way back: a node of the graph, and where decisions let it through.

The zero of an operand that was not taken must stay 0 whatever the slopes below it are, and a zero that arithmetic made
must not. Telling them apart by looking at numbers is impossible, and costs a comparison in each product. So an adjoint
carries a *mask*: the condition under which it counts, known while the graph is built. Products go on as if there were
none; only where such an adjoint is added to another one, or given out, is it put together as `where(mask, value, 0)`.
A graph without decisions has no masks and pays nothing.

Masks of elements that are read by an index are known while the graph is built, too; they are kept as bits, so that a
loop over all elements of an array leaves none.
"""

from __future__ import annotations

from cgcli.graph.balanced import balanced
from cgcli.graph.shapes import size
from cgcli.ops import arithmetic, logic, shaping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from cgcli.graph.ref import Ref

    Shape = tuple[int, ...]


class Mask:
    """Where an adjoint counts.

    condition: a reference that is not 0 there, of the adjoint's shape or one that stretches to it; None: everywhere.
    elements: the positions of the elements that count, as bits; None: all of them. Both must hold.
    """

    __slots__ = ("condition", "elements")

    def __init__(self, condition: Ref | None, elements: int | None = None) -> None:
        self.condition = condition
        self.elements = elements

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Mask) or self.elements != other.elements:
            return False
        ours, theirs = self.condition, other.condition
        return (ours is None) == (theirs is None) and (ours is None or theirs is None or ours.node == theirs.node)

    __hash__ = None  # type: ignore[assignment]

    @property
    def whole(self) -> bool:
        """Whether all elements count, or none."""
        return self.elements is None and self.condition is not None and self.condition.shape == ()


class Adjoint:
    """What a node received, or what it hands to an operand.

    value: a reference; what it is where the mask does not hold does not matter. mask: None where it counts
    everywhere. clean: whether the value is 0 already where the mask does not hold.
    """

    __slots__ = ("clean", "mask", "value")

    def __init__(self, value: Ref, mask: Mask | None = None, *, clean: bool = False) -> None:
        self.value = value
        self.mask = mask
        self.clean = clean

    def given_out(self) -> Ref:
        """One node that holds it: the value where the mask holds, elsewhere exactly 0."""
        if self.mask is None or self.clean:
            return self.value
        return selected(condition_of(self.mask, self.value), self.value)


def put_together(adjoint: Adjoint) -> Adjoint:
    """The same with a value that is 0 where the mask does not hold."""
    return adjoint if adjoint.mask is None else Adjoint(adjoint.given_out(), adjoint.mask, clean=True)


def selected(condition: Ref, value: Ref) -> Ref:
    """`where(condition, value, 0)`; a condition with `not` in front takes the other place."""
    graph = condition.graph
    if graph.row(condition.node) is logic.negation:
        inner = type(condition)(graph, graph.operands_of(condition.node)[0])
        return logic.where(inner, 0.0, value)
    return logic.where(condition, value, 0.0)


def condition_of(mask: Mask, like: Ref) -> Ref:
    """A mask for an adjoint as one reference that is not 0 where the adjoint counts."""
    if mask.elements is None:
        assert mask.condition is not None
        return mask.condition
    numbers: list[Any] = [float(mask.elements >> place & 1) for place in range(size(like.shape))]
    for length in reversed(like.shape[1:]):
        numbers = [numbers[start : start + length] for start in range(0, len(numbers), length)]
    chosen = like.coerce(numbers)
    return chosen if mask.condition is None else mask.condition & chosen


def indicator_of(mask: Mask, like: Ref) -> Ref:
    """The same as 1 and 0, which can be added up."""
    condition = condition_of(mask, like)
    return condition if mask.condition is None else condition != 0


def narrowed(mask: Mask | None, condition: Ref) -> Mask:
    """A mask under one condition more."""
    if mask is None:
        return Mask(condition)
    return Mask(condition if mask.condition is None else mask.condition & condition, mask.elements)


def united(left: Mask | None, right: Mask | None, like: Ref) -> Mask | None:
    """Where one of two adjoints of the same shape counts; None where that is everywhere."""
    if left is None or right is None or left == right:
        return left if left == right else None
    bits = None if left.elements is None or right.elements is None else left.elements | right.elements
    if bits is not None and Mask(left.condition) == Mask(right.condition):
        if bits == (1 << size(like.shape)) - 1:
            return None if left.condition is None else Mask(left.condition)
        return Mask(left.condition, bits)
    return Mask(condition_of(left, like) | condition_of(right, like))


def added(left: Adjoint, right: Adjoint, *, goes_on: bool) -> Adjoint:
    """The sum of two contributions to a node. goes_on: whether the mask of the sum is asked for later."""
    if left.mask == right.mask:
        return Adjoint(left.value + right.value, left.mask, clean=left.clean and right.clean)
    total = left.given_out() + right.given_out()
    mask = united(left.mask, right.mask, total) if goes_on else None
    return Adjoint(total, mask, clean=True)


def total_of(parts: Sequence[Adjoint], seeds: Sequence[Adjoint], *, goes_on: bool) -> Adjoint:
    """The sum of what a node received, as a tree of logarithmic depth, which also rounds less than a chain; seeds last.

    A node has a part or a seed at least.
    """
    parts = _by_elements(_side_by_side(parts)) if len(parts) > 1 else parts
    received = [balanced(lambda left, right: added(left, right, goes_on=goes_on), parts)] if parts else []
    total, *others = [*received, *seeds]
    for seed in others:
        total = added(seed, total, goes_on=goes_on)
    return total


SPARSEST = 4
"""Elements of a vector for each contribution to one of them, up to which these are summed element by element."""


def _side_by_side(parts: Sequence[Adjoint]) -> Sequence[Adjoint]:
    """Contributions to stretches along one axis of an array, which all of them together cover, as one array.

    So the parts of a large array cost what they hold, and not each as much as the whole.
    """
    stretches: dict[int, list[tuple[int, int, Adjoint]]] = {}
    for part in parts:
        found = _stretch_of(part)
        if found is not None:
            axis, start, stop = found
            stretches.setdefault(axis, []).append((start, stop, part))
    for axis, some in stretches.items():
        some.sort(key=lambda stretch: stretch[:2])
        ends = [0, *(stop for _, stop, _ in some)]
        if len(some) < 2 or [start for start, _, _ in some] != ends[:-1] or ends[-1] != parts[0].value.shape[axis]:
            continue
        values = [type(part.value)(part.value.graph, part.value.graph.operands_of(part.value.node)[0])
                  for _, _, part in some]  # fmt: skip
        taken = [id(part) for _, _, part in some]
        return [Adjoint(values[0].build(shaping.join, values, (axis,))),
                *(part for part in parts if id(part) not in taken)]  # fmt: skip
    return parts


def _stretch_of(part: Adjoint) -> tuple[int, int, int] | None:
    """The axis (from the end) and the stretch along it that a contribution is to, where that is all of it."""
    graph, node, mask = part.value.graph, part.value.node, part.mask
    if not part.clean or mask is None or mask.condition is None or graph.row(node) is not shaping.place:
        return None
    where = mask.condition.node
    if graph.row(where) is not shaping.place or graph.attributes_of(where) != graph.attributes_of(node):
        return None
    (ones,) = graph.operands_of(where)
    if graph.row(ones) is shaping.broadcast_to:
        (ones,) = graph.operands_of(ones)
    entries, shape = graph.attributes_of(node)
    cut = [place for place, (entry, length) in enumerate(zip(entries, shape, strict=True)) if entry != (0, length, 1)]
    if graph.constant_value(ones) != 1 or len(cut) != 1 or not isinstance(entries[cut[0]], tuple):
        return None
    start, stop, step = entries[cut[0]]
    return (cut[0] - len(shape), start, stop) if step == 1 else None


def _by_elements(parts: Sequence[Adjoint]) -> Sequence[Adjoint]:
    """Contributions to single elements of a vector put together in one vector; each would be as long as that.

    So a loop over all elements has a gradient of as many nodes, and each of them can be differentiated by itself.
    """
    single: dict[int, list[Ref]] = {}
    others: list[Adjoint] = []
    for part in parts:
        place = _place_of(part)
        if place is None:
            others.append(part)
        else:
            graph = part.value.graph
            single.setdefault(place, []).append(type(part.value)(graph, graph.operands_of(part.value.node)[0]))
    count = len(parts) - len(others)
    length = parts[0].value.shape[0] if single else 0
    if count < 2 or length > SPARSEST * count:
        return parts
    zero = parts[0].value.coerce(0.0)
    items = [balanced(arithmetic.add, single[place]) if place in single else zero for place in range(length)]
    mask = None if len(single) == length else Mask(None, sum(1 << place for place in single))
    return [*others, Adjoint(shaping.stack(*items), mask, clean=True)]


def _place_of(part: Adjoint) -> int | None:
    """Which element of a vector a contribution is to, where that is the only one, and under no condition."""
    graph, node = part.value.graph, part.value.node
    if not part.clean or part.mask is None or part.mask.condition is not None or graph.row(node) is not shaping.place:
        return None
    (entry, *more), _ = graph.attributes_of(node)
    return entry if not more and isinstance(entry, int) else None


def scaled(adjoint: Adjoint, slope: Ref) -> Adjoint | None:
    """An adjoint times a partial derivative; None where that is the number 0, which hands nothing on."""
    if slope.constant_value == 0:
        return None
    value = adjoint.value
    if slope.constant_value == 1:
        return adjoint
    if slope.constant_value == -1:
        return Adjoint(-value, adjoint.mask, clean=adjoint.clean)
    product = slope if value.constant_value == 1 and value.shape == () else arithmetic.mul(value, slope)
    return Adjoint(product, adjoint.mask)


def summed_to(adjoint: Adjoint, shape: Shape) -> Adjoint:
    """Undo broadcasting: the sum over the axes along which an operand of this shape was repeated."""
    if adjoint.value.shape == shape:
        return adjoint
    mask = adjoint.mask
    if mask is None or mask.whole:
        return Adjoint(shaping.sum_to(adjoint.value, shape), mask, clean=adjoint.clean)
    taken = shaping.broadcast_to(indicator_of(mask, adjoint.value), adjoint.value.shape)
    counted = shaping.sum_to(taken, shape)
    return Adjoint(shaping.sum_to(adjoint.given_out(), shape), Mask(counted), clean=True)


def any_taken(mask: Mask, like: Ref) -> Mask:
    """One condition for a whole array: whether any of its elements counts."""
    return mask if mask.whole else Mask(shaping.sum_of(indicator_of(mask, like), None))
