"""Long folds and scans are kept as one node, a loop (`ops.calling.scan`), whose step is walked once (`repeated`).

Values and derivatives are the same as of one that is written out.
"""

from __future__ import annotations

from cgcli.graph.shapes import size
from cgcli.language.layouts import array_layout, laid_out, layout_of
from cgcli.language.lifting import NotKeptError, TooLongError
from cgcli.language.limits import MOST_STEPS_IN_ALL
from cgcli.language.repeated import Repeated, items_of, kept_or_none
from cgcli.language.values import FunctionName, TupleValue
from cgcli.ops import calling, shaping
from cgcli.passes.folding import FoldingRef
from cgcli.passes.inlining import steps_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cgcli.graph.ref import Ref
    from cgcli.language.recurrences import Recurrence
    from cgcli.language.repeated import Items

    Shape = tuple[int, ...]

MOST_UNSETTLED = 2
"""First steps that are written out until the state keeps its shape: a number that becomes a vector, two lists that
become vectors one after the other."""


UNSETTLED = object()
"""What `kept_fold` says where the state has another shape after a step: the next steps may be a loop."""


def kept(one: Recurrence, state: Any) -> Any:
    """What a recurrence gives from a state on, as a kept loop; None where it is to be written out.

    UNSETTLED where only its first step is to be written out. An error of the step comes out where there are too many to
    be written out, else when it is written out.
    """
    building, row = one.calls.building, one.row
    items = items_of(building, one.over, one.begin)
    if items is None or row in building.not_kept or building.within is None:
        return None

    def attempt() -> Any:
        try:
            loop = _Loop(one, state, items)
        except _OtherShapeError:
            if one.begin < MOST_UNSETTLED:
                return UNSETTLED
            raise
        return loop.value() if loop.pays() else None

    what = f"a fold of {items.count:,} steps must be a loop of equal steps"
    return kept_or_none(building, row, items.count, what, attempt)


class _OtherShapeError(NotKeptError):
    """A state that has another shape after a step."""


class _Loop(Repeated):
    """A fold whose step was walked once. CgError where that cannot be, NotKeptError where it is no loop of one step."""

    def __init__(self, one: Recurrence, state: Any, items: Items) -> None:
        super().__init__(one.calls.building, items, one.row)
        self.one, self.step, self.state = one, one.step, state
        layout = layout_of(self.building, state)
        if layout is None:
            raise NotKeptError("this state lies in no array")
        self.layout = layout
        result = self._walked()
        as_array = array_layout(self.building, state) if result is None else None
        if as_array is not None:  # a list that becomes an array, of as many numbers
            self.layout = as_array
            result = self._walked()
        if result is None:
            raise _OtherShapeError("the state has another shape after a step")
        self.ended(result)
        self.parts = self._parts(state) if one.states is not None else []
        for before in one.states or ():
            if self._parts(before) != self.parts:
                raise NotKeptError("the first states have other shapes than those behind them")

    def _parts(self, state: Any) -> list[Shape]:
        """The shapes of the arrays whose lists all states are. NotKeptError where one is no array."""
        found = []
        for value in state.items if isinstance(state, TupleValue) else [state]:
            array = array_layout(self.building, value)
            if array is None:
                raise NotKeptError("a state is no array")
            found.append(array.shape)
        return found

    def _walked(self) -> int | None:
        """The node of the next state in the inner graph; None where that lies otherwise."""
        names = self._parameters()
        (state,), item = self.begun(names[-1], [(names[0] if len(names) == 2 else "state", self.layout)])
        building = self.inner.building
        try:
            value = self._called(state, item)
        finally:
            self.building.bodies = building.bodies
        if isinstance(value, FunctionName):
            raise NotKeptError("a function is no state")
        if self.layout.form[0] is None:
            fits = array_layout(building, value) == self.layout
        else:
            fits = layout_of(building, value) == self.layout
        return laid_out(building, value, self.layout) if fits else None

    def _parameters(self) -> tuple[str, ...]:
        definition = self.one.definition
        return ("state", "item") if definition is None else definition.parameters

    def _called(self, state: Any, item: Any) -> Any:
        inner, definition = self.inner, self.one.definition
        if definition is None:
            return inner.operated(self.step, [state, item], self.row)
        return inner.walked(definition, [*self.one.arguments(state, inner.lists), item], self.row)

    # ---- into the graph ----------------------------------------------------------------------------------------------

    def value(self) -> Any:
        """The last state, or the list of all: one node, and what takes its elements apart."""
        building, graph = self.building, self.building.graph
        before = len(graph)
        every = self.one.states is not None
        body, items, shared = self.body(self.step, results=2 if every else 1)
        steps = self.items.count * steps_of(body)
        if steps > MOST_STEPS_IN_ALL:
            what = f"loops within loops make {steps:,} steps here, more than the {MOST_STEPS_IN_ALL:,} that are allowed"
            span, source = building.span(self.row), building.table.source
            raise TooLongError(what, span=span, source=source, hint="repeat less often")
        start = laid_out(building, self.state, self.layout)
        static = [body, self.items.count, len(items), False]
        node = building.apply(calling.scan, [start, *items, *shared], static, self.row)
        self.inner.hand_out(node)
        found = self._every_state(FoldingRef(graph, node)) if every else self.layout.value(graph, node)
        self.place(before)
        return found

    def _every_state(self, node: Ref) -> Any:
        """All states: those that were written out before, and those that a loop emits behind the last one."""
        count, width = self.items.count, size(self.layout.shape)
        rows = node[width:] if self.parts == [()] else shaping.reshape(node[width:], (count, *self.layout.shape))
        lists, begin = [], 0
        for place, shape in enumerate(self.parts):
            part = rows
            if len(self.parts) > 1:
                part = rows[:, begin : begin + size(shape)] if shape else rows[:, begin]
            if part.shape != (count, *shape):
                part = shaping.reshape(part, (count, *shape))
            begin += size(shape)
            before = [each.items[place] if isinstance(each, TupleValue) else each for each in self.one.states or ()]
            if before:
                first = [FoldingRef(node.graph, self.building.materialise(each)) for each in before]
                part = shaping.concat(shaping.stack(*first), part)
            lists.append(part.node)
        return TupleValue(lists) if isinstance(self.state, TupleValue) else lists[0]
