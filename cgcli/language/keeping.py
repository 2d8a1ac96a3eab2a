"""Which loops are kept as one node, and which are written out: decided here and nowhere else.

What is written out can be read, simplified and explained node by node, so that is what small formulas get. A long fold
is kept (`ops.calling.scan`): its step is walked once, in a graph of its own (`inner`), and what does not change from
step to step moves out of it. Values and derivatives are the same both ways.
"""

from __future__ import annotations

from cgcli.errors import CgError
from cgcli.graph.bodies import closed
from cgcli.graph.copying import copy_missing
from cgcli.graph.walk import ancestors, descendants
from cgcli.language.layouts import Layout, array_layout, laid_out, layout_of
from cgcli.language.lifting import NotKeptError, TooLongError, lifted
from cgcli.language.limits import MOST_ITEMS, MOST_STEPS_IN_ALL
from cgcli.language.values import FunctionName, ListValue, RangeValue
from cgcli.ops import calling, shaping
from cgcli.passes.inlining import steps_of, written_out_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from cgcli.graph.bodies import Body
    from cgcli.language.building import Building
    from cgcli.language.calls import Calls

    Inner = Any  # `inner.Inner`, which holds the calls that ask this module

KEPT_NODES = 20_000
"""Nodes of a fold written out from which on it is kept: lowering takes a tenth of a second for so many."""

OVERHEAD = 5
"""Nodes in whose time a step is walked beside its own."""

MOST_UNSETTLED = 2
"""First steps that are written out until the state keeps its shape: a number that becomes a vector, two lists that
become vectors one after the other."""


UNSETTLED = object()
"""What `kept_fold` says where the state has another shape after a step: the next steps may be a loop."""


def kept_fold(calls: Calls, step: str, state: Any, over: Any, begin: int, row: int) -> Any:
    """The value of `fold(step, state, over[begin:])` as a kept loop; None where it is to be written out.

    UNSETTLED where only its first step is to be written out. An error of the step comes out where the fold is too long
    to be written out, else when it is written out.
    """
    building = calls.building
    items = _items_of(building, over, begin)
    if items is None or row in building.not_kept or building.within is None:
        return None
    try:
        loop = _Loop(calls, step, state, items, row)
    except TooLongError:
        raise
    except CgError as error:
        if isinstance(error, _OtherShapeError) and begin < MOST_UNSETTLED:
            return UNSETTLED
        if items.count > MOST_ITEMS and not isinstance(error, NotKeptError):
            raise
        if items.count > MOST_ITEMS:
            what = f"a fold of {items.count:,} steps must be a loop of equal steps, but {error.message}"
            raise building.error(what, row) from None
        building.not_kept.add(row)
        return None
    if items.count <= MOST_ITEMS and items.count * (loop.size + OVERHEAD) < KEPT_NODES:
        return None
    return loop.value()


# ---- items -----------------------------------------------------------------------------------------------------------


class _Items:
    """What a fold runs over: how many, how each of them lies in an array, and the array of all of them."""

    def __init__(self, count: int, layout: Layout, numbers: range | None, node: Callable[[], int]) -> None:
        self.count = count
        self.layout = layout
        self.numbers = numbers
        self.node = node


def _items_of(building: Building, over: Any, begin: int) -> _Items | None:
    """The items from `begin` on; None where they are not alike, or none."""
    graph = building.graph
    if isinstance(over, RangeValue):
        numbers = over.numbers[begin:]
        static = [numbers.start, numbers.step, len(numbers)]
        return _Items(len(numbers), Layout((None, ())), numbers, lambda: graph.apply(shaping.progression, [], static))
    if not isinstance(over, ListValue):
        node = building.materialise(over)
        shape = graph.shape_of(node)
        if not shape or not shape[0]:
            return None

        def the_others() -> int:
            return graph.apply(shaping.index, [node], [(slice(begin, None, 1),)]) if begin else node

        return _Items(shape[0] - begin, Layout((None, shape[1:])), None, the_others)
    items = over.items[begin:]
    layout = layout_of(building, items[0]) if items else None
    if layout is None or any(layout_of(building, item) != layout for item in items[1:]):
        return None
    alike = layout

    def stacked() -> int:
        return graph.apply(shaping.stack, [laid_out(building, item, alike) for item in items])

    return _Items(len(items), layout, None, stacked)


# ---- the loop --------------------------------------------------------------------------------------------------------


class _OtherShapeError(NotKeptError):
    """A state that has another shape after a step."""


class _Loop:
    """A fold whose step was walked once. CgError where that cannot be, NotKeptError where it is no loop of one step.

    size: nodes that each step has to compute.
    """

    def __init__(self, calls: Calls, step: str, state: Any, items: _Items, row: int) -> None:
        self.calls, self.building, self.step, self.state, self.items, self.row = (
            calls, calls.building, step, state, items, row
        )  # fmt: skip
        layout = layout_of(self.building, state)
        if layout is None:
            raise NotKeptError("this state lies in no array")
        self.layout = layout
        self.inner, result = self._walked()
        as_array = array_layout(self.building, state) if result is None else None
        if as_array is not None:  # a list that becomes an array, of as many numbers
            self.layout = as_array
            self.inner, result = self._walked()
        if result is None:
            raise _OtherShapeError("the state has another shape after a step")
        self.result = result
        graph = self.inner.graph
        self.moving = descendants(graph, [self.state_in, self.item_in])
        self.needed = ancestors(graph, [self.result])
        own = [node for node in range(len(graph)) if self.moving[node] and self.needed[node]]
        loops = [node for node in own if graph.row(node) is calling.scan]
        within = sum(graph.attributes_of(node)[1] * written_out_size(graph, node) for node in loops)
        self.size = len(own) + within  # what holds a kept loop is as long as that written out
        self.lifts = lifted(graph, self.item_in, items.numbers, self.moving, self.needed)

    def _walked(self) -> tuple[Inner, int | None]:
        """The step in a graph of its own, and the node of the next state; None where that lies otherwise."""
        assert self.building.within is not None
        inner: Inner = self.building.within()
        names = self._parameters()
        self.state_in = inner.stand_in(names[0] if len(names) == 2 else "state", self.layout.shape)
        self.item_in = inner.stand_in(names[-1], self.items.layout.shape)
        if self.items.numbers is not None:
            inner.building.varying = (inner.graph.input_name(self.item_in),)
        state = self.layout.value(inner.graph, self.state_in)
        item = self.items.layout.value(inner.graph, self.item_in)
        try:
            value = self._called(inner, state, item)
        finally:
            self.building.bodies = inner.building.bodies
        building = inner.building
        if isinstance(value, FunctionName):
            raise NotKeptError("a function is no state")
        if self.layout.form[0] is None:
            fits = array_layout(building, value) == self.layout
        else:
            fits = layout_of(building, value) == self.layout
        return inner, laid_out(building, value, self.layout) if fits else None

    def _parameters(self) -> tuple[str, ...]:
        definition = self.calls.functions.get(self.step)
        return ("state", "item") if definition is None else definition.parameters

    def _called(self, inner: Inner, state: Any, item: Any) -> Any:
        definition = self.calls.functions.get(self.step)
        if definition is None:
            return inner.operated(self.step, [state, item], self.row)
        count = len(definition.parameters) - 1
        what = f"`{self.step}` takes a state of {count} values and an item"
        states = [state] if count == 1 else inner.lists.taken_apart(state, count, self.row, what)
        return inner.walked(definition, [*states, item], self.row)

    # ---- into the graph ----------------------------------------------------------------------------------------------

    def value(self) -> Any:
        """The value of the fold, as one node and what takes its elements apart."""
        building, graph = self.building, self.building.graph
        before = len(graph)
        body, items, shared = self._body()
        steps = self.items.count * steps_of(body)
        if steps > MOST_STEPS_IN_ALL:
            what = f"loops within loops make {steps:,} steps here, more than the {MOST_STEPS_IN_ALL:,} that are allowed"
            span, source = building.span(self.row), building.table.source
            raise TooLongError(what, span=span, source=source, hint="repeat less often")
        start = laid_out(building, self.state, self.layout)
        static = [body, self.items.count, len(items), False]
        node = building.apply(calling.scan, [start, *items, *shared], static, self.row)
        self.inner.hand_out(node)
        found = self.layout.value(graph, node)
        place, call = building.span(self.row), building.frames[-1].call
        for each in range(before, len(graph)):
            graph.spans.setdefault(each, place)
            if call >= 0:
                graph.scopes.setdefault(each, call)
        return found

    def _body(self) -> tuple[Body, list[int], list[int]]:
        """The body of a step, and the nodes of its items and of what all steps share."""
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
        labels = [self._label(node) for node in (self.state_in, *item_ins, *edge)]
        body = closed(self.step, inner, [self.state_in, *item_ins, *edge], [self.result], labels)
        return body, items, [copies[node] for node in edge]

    def _label(self, node: int) -> str:
        """What an operand of the body is called: `v_i` is what it reads of `v`."""
        inner = self.inner.graph
        if inner.is_input(node):
            return inner.input_name(node)
        read = next((lift.array for lift in self.lifts if lift.node == node and inner.is_input(lift.array)), None)
        item = inner.input_name(self.item_in)
        return inner.row(node).name if read is None else f"{inner.input_name(read)}_{item}"

    def _edge(self, taken: set[int]) -> list[int]:
        """What all steps share: nodes that do not change from step to step, and that something which does needs."""
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
        """Whether a step needs its item, beside the positions that it gives."""
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
