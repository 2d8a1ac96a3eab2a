"""Long folds are kept as one node, a loop (`ops.calling.scan`), whose step is walked once (`repeated`).

Values and derivatives are the same as of one that is written out.
"""

from __future__ import annotations

from cgcli.errors import CgError
from cgcli.language.layouts import array_layout, laid_out, layout_of
from cgcli.language.lifting import NotKeptError, TooLongError
from cgcli.language.limits import MOST_ITEMS, MOST_STEPS_IN_ALL
from cgcli.language.repeated import Repeated, items_of
from cgcli.language.values import FunctionName
from cgcli.ops import calling
from cgcli.passes.inlining import steps_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cgcli.language.calls import Calls
    from cgcli.language.repeated import Items

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
    items = items_of(building, over, begin)
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
    return loop.value() if loop.pays() else None


class _OtherShapeError(NotKeptError):
    """A state that has another shape after a step."""


class _Loop(Repeated):
    """A fold whose step was walked once. CgError where that cannot be, NotKeptError where it is no loop of one step."""

    def __init__(self, calls: Calls, step: str, state: Any, items: Items, row: int) -> None:
        super().__init__(calls.building, items, row)
        self.calls, self.step, self.state = calls, step, state
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
        definition = self.calls.functions.get(self.step)
        return ("state", "item") if definition is None else definition.parameters

    def _called(self, state: Any, item: Any) -> Any:
        inner = self.inner
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
        body, items, shared = self.body(self.step)
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
        self.place(before)
        return found
