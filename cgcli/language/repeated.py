"""What the text repeats for each of some items, walked once: a step of a fold, the body of a comprehension.

Whether it stays so or is written out is decided here and nowhere else. What is written out can be read, simplified and
explained node by node, so that is what small formulas get. Otherwise it is walked once, in a graph of its own
(`inner`); what does not change from item to item moves out of it, and `lifting` says what it reads of arrays. A fold
then is a loop that is one node (`keeping`), a comprehension one array (`mapping`).
"""

from __future__ import annotations

from cgcli.errors import CgError
from cgcli.graph.bodies import closed
from cgcli.graph.copying import copy_missing
from cgcli.graph.walk import ancestors, descendants
from cgcli.language.layouts import Layout, laid_out, layout_of
from cgcli.language.lifting import NotKeptError, TooLongError, lifted
from cgcli.language.limits import MOST_ITEMS
from cgcli.language.values import ListValue, RangeValue
from cgcli.ops import calling, shaping
from cgcli.passes.inlining import written_out_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from cgcli.graph.bodies import Body
    from cgcli.language.building import Building

    Inner = Any  # `inner.Inner`, which holds the calls that ask this module

KEPT_NODES = 20_000
"""Nodes of a repetition written out from which on it is kept: lowering takes a tenth of a second for so many."""

OVERHEAD = 5
"""Nodes in whose time an item is walked beside its own."""


def kept_or_none(building: Building, row: int, count: int, what: str, attempt: Callable[[], Any]) -> Any:
    """What an attempt to keep a repetition gives; None where it is to be written out.

    An error comes out where there are too many items to write them out. what: what must be, for its message.
    """
    try:
        return attempt()
    except TooLongError:
        raise
    except CgError as error:
        if count <= MOST_ITEMS:
            building.not_kept.add(row)
            return None
        if not isinstance(error, NotKeptError):
            raise
        raise building.error(f"{what}, but {error.message}", row) from None


class Items:
    """What is run over: how many, how each of them lies in an array, and the array of all of them."""

    def __init__(self, count: int, layout: Layout, numbers: range | None, node: Callable[[], int]) -> None:
        self.count = count
        self.layout = layout
        self.numbers = numbers
        self.node = node


def items_of(building: Building, over: Any, begin: int) -> Items | None:
    """The items from `begin` on; None where they are not alike, or none."""
    graph = building.graph
    if isinstance(over, RangeValue):
        numbers = over.numbers[begin:]
        static = [numbers.start, numbers.step, len(numbers)]
        return Items(len(numbers), Layout((None, ())), numbers, lambda: graph.apply(shaping.progression, [], static))
    if not isinstance(over, ListValue):
        node = building.materialise(over)
        shape = graph.shape_of(node)
        if not shape or not shape[0]:
            return None

        def the_others() -> int:
            return graph.apply(shaping.index, [node], [(slice(begin, None, 1),)]) if begin else node

        return Items(shape[0] - begin, Layout((None, shape[1:])), None, the_others)
    items = over.items[begin:]
    layout = layout_of(building, items[0]) if items else None
    if layout is None or any(layout_of(building, item) != layout for item in items[1:]):
        return None
    alike = layout

    def stacked() -> int:
        return graph.apply(shaping.stack, [laid_out(building, item, alike) for item in items])

    return Items(len(items), layout, None, stacked)


class Repeated:
    """A piece of the text under way: walked with stand-ins, then a body, and the nodes that are its operands.

    item_in: the stand-in of an item; result: what an item makes; state_in: stand-ins of what else changes from item to
    item. moving: by node of the inner graph, whether it does; needed: whether the result needs it. size: nodes that
    each item has to compute.
    """

    inner: Inner
    item_in: int
    result: int

    def __init__(self, building: Building, items: Items, row: int) -> None:
        self.building, self.items, self.row = building, items, row
        self.state_in: list[int] = []

    def begun(self, item: str, states: Sequence[tuple[str, Layout]] = ()) -> tuple[list[Any], Any]:
        """Begin to walk: the values of the states and of the item within; item, states: what they are called."""
        assert self.building.within is not None
        inner: Inner = self.building.within()
        self.inner = inner
        self.state_in = [inner.stand_in(name, layout.shape) for name, layout in states]
        self.item_in = inner.stand_in(item, self.items.layout.shape)
        if self.items.numbers is not None:
            inner.building.varying = (inner.graph.input_name(self.item_in),)
        values = [layout.value(inner.graph, node) for node, (_, layout) in zip(self.state_in, states, strict=True)]
        return values, self.items.layout.value(inner.graph, self.item_in)

    def ended(self, result: int) -> None:
        """The walk is over. NotKeptError where an item reads what does not exist."""
        self.result = result
        graph = self.inner.graph
        self.moving = descendants(graph, [*self.state_in, self.item_in])
        self.needed = ancestors(graph, [result])
        own = [node for node in range(len(graph)) if self.moving[node] and self.needed[node]]
        loops = [node for node in own if graph.row(node) is calling.scan]
        within = sum(graph.attributes_of(node)[1] * written_out_size(graph, node) for node in loops)
        self.size = len(own) + within + self.inner.building.spared
        self.lifts = lifted(graph, self.item_in, self.items.numbers, self.moving, self.needed)

    def pays(self) -> bool:
        """Whether it is kept."""
        count = self.items.count
        return count > MOST_ITEMS or count * (self.size + OVERHEAD) >= KEPT_NODES

    def body(self, name: str, *, results: int = 1) -> tuple[Body, list[int], list[int]]:
        """The body for one item, and the nodes of all items and of what they share.

        results: how often the body gives what an item makes.
        """
        inner, building = self.inner.graph, self.building
        lifts = self.lifts
        taken = {lift.node for lift in lifts}
        edge = self._edge(taken)
        copies = dict(self.inner.captured)
        outside = [*edge, *(lift.array for lift in lifts if not inner.is_constant(lift.array))]
        copy_missing(inner, building.graph, outside, copies)
        items, item_ins = [], []
        if self._reads_item(taken):
            items, item_ins = [self.items.node()], [self.item_in]
        for lift in lifts:
            items.append(lift.items(building.graph, copies[lift.array]))
            item_ins.append(lift.node)
        operands = [*self.state_in, *item_ins, *edge]
        body = closed(name, inner, operands, [self.result] * results, [self._label(node) for node in operands])
        return body, items, [copies[node] for node in edge]

    def place(self, before: int) -> None:
        """Let nodes of the graph outside, from a position on, stand where the repetition is written."""
        building = self.building
        span, call = building.span(self.row), building.frames[-1].call
        for each in range(before, len(building.graph)):
            building.graph.spans.setdefault(each, span)
            if call >= 0:
                building.graph.scopes.setdefault(each, call)

    def _label(self, node: int) -> str:
        """What an operand of the body is called: `v_i` is what it reads of `v`."""
        inner = self.inner.graph
        if inner.is_input(node):
            return inner.input_name(node)
        read = next((lift.array for lift in self.lifts if lift.node == node and inner.is_input(lift.array)), None)
        item = inner.input_name(self.item_in)
        return inner.row(node).name if read is None else f"{inner.input_name(read)}_{item}"

    def _edge(self, taken: set[int]) -> list[int]:
        """What all items share: nodes that do not change from item to item, and that something which does needs."""
        inner = self.inner.graph
        edge: dict[int, None] = {}
        pending, seen = [self.result], set[int]()
        while pending:
            node = pending.pop()
            if node in seen or node in taken:
                continue
            seen.add(node)
            if self.moving[node]:
                pending.extend(inner.operands_of(node))
            elif not inner.is_constant(node):
                edge[node] = None
        return sorted(edge)

    def _reads_item(self, taken: set[int]) -> bool:
        """Whether the item itself is needed, beside the positions that it gives."""
        inner = self.inner.graph
        pending, seen = [self.result], set[int]()
        while pending:
            node = pending.pop()
            if node == self.item_in:
                return True
            if node not in seen and node not in taken:
                seen.add(node)
                pending.extend(inner.operands_of(node))
        return False
