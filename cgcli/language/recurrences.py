"""Recurrences: `fold` is the last state, `scan` the list of all; written out step by step, or kept (`keeping`)."""

from __future__ import annotations

from cgcli.language.limits import LEAST_STEPS
from cgcli.language.values import FunctionName, ListValue, RangeValue, TupleValue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from cgcli.language.building import Frame
    from cgcli.language.calls import Calls
    from cgcli.language.lists import Lists


def recurrence(calls: Calls, form: str, arguments: list[Any], row: int) -> int:
    """`fold(step, start, items)` or `scan(step, start, items)`.

    A step of more than two parameters gets a state of several values one by one: step(h, c, item).
    """
    building = calls.building
    usage = f"write {form}(step, start, items) with step(state, item)"
    if len(arguments) != 3 or not isinstance(arguments[0], FunctionName):
        raise building.error(f"`{form}` takes a function, a start value and a list", row, usage)
    step, state, over = arguments
    definition = calls.functions.get(step.name)
    if definition is not None and len(definition.parameters) < 2:
        raise building.error(
            f"`{form}` calls `{step.name}` with 2 arguments (state, item), but it takes {len(definition.parameters)}",
            row, usage,
        )  # fmt: skip
    return Recurrence(calls, step.name, over, row, every=form == "scan").go_on(state)


class Recurrence:
    """A recurrence under way. begin: how many items are done; states: those behind their steps, where they are asked
    for, else None.
    """

    __slots__ = ("_remaining", "begin", "calls", "definition", "over", "row", "states", "step")

    def __init__(self, calls: Calls, step: str, over: Any, row: int, *, every: bool) -> None:
        self.calls, self.step, self.over, self.row = calls, step, over, row
        self.definition = calls.functions.get(step)
        self.begin = 0
        self.states: list[Any] | None = [] if every else None
        self._remaining: Iterator[Any] = iter(())

    def go_on(self, state: Any) -> int:
        """Do the items that are left, by a loop if that can be; the next row."""
        calls, count = self.calls, self.calls.lists.count_of(self.over)
        if count - self.begin >= LEAST_STEPS:
            from cgcli.language.keeping import UNSETTLED, kept  # start-up: short ones do without

            found = kept(self, state)
            if found is UNSETTLED:
                self._remaining = iter([self._item(self.begin)])
                self.begin += 1
                return self._next(state)
            if found is not None:
                calls.stack.append(found)
                return self.row + 1
        self._remaining = iter(calls.lists.items_of(self.over, self.row)[self.begin :])
        self.begin = count
        return self._next(state)

    def arguments(self, state: Any, lists: Lists) -> list[Any]:
        """What a step takes for a state; lists: of the graph in which that lies."""
        count = 1 if self.definition is None else len(self.definition.parameters) - 1
        what = f"`{self.step}` takes a state of {count} values and an item"
        return [state] if count == 1 else lists.taken_apart(state, count, self.row, what)

    def _item(self, position: int) -> Any:
        if isinstance(self.over, RangeValue):
            return self.calls.graph.constant(self.over.numbers[position])
        if isinstance(self.over, ListValue):
            return self.over.items[position]
        return self.calls.lists.item_of(self.calls.building.materialise(self.over), position)

    def _next(self, state: Any) -> int:
        """Begin the step of the next item; where there is none left to write out, go on, or end."""
        calls = self.calls
        for item in self._remaining:
            if self.definition is not None:
                calls.enter(self.definition, [*self.arguments(state, calls.lists), item], self.row, _step_done, self)
                return self.definition.first
            state = self._reached(calls.call_operation(self.step, [state, item], self.row))
        if self.begin < calls.lists.count_of(self.over):
            return self.go_on(state)
        calls.stack.append(state if self.states is None else listed(self.states))
        return self.row + 1

    def _reached(self, state: Any) -> Any:
        if self.states is not None:
            self.states.append(state)
        return state


def _step_done(frame: Frame) -> int:
    """A step is done: its value is the state of the next."""
    one: Recurrence = frame.data
    one.calls.frames.pop()
    return one._next(one._reached(one.calls.stack.pop()))


def listed(states: list[Any]) -> Any:
    """A list of states; of states of several values, the lists of each side by side."""
    if states and all(isinstance(state, TupleValue) for state in states):
        return TupleValue([ListValue(list(each)) for each in zip(*(state.items for state in states), strict=True)])
    return ListValue(states)
