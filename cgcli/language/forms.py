"""Forms: calls that the language itself understands; every other function is a row of the operation table."""

from __future__ import annotations

from cgcli.language.values import FunctionName
from cgcli.passes.derivative import derivative_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cgcli.language.building import Frame
    from cgcli.language.calls import Calls

MOST_ITEMS = 10_000_000
"""A range or a comprehension with more items is refused: it is a slip far more often than a wish."""


def diff(calls: Calls, arguments: list[Any], row: int) -> int:
    """`diff(y, x)`, `diff(y, x, order)`: the exact derivative as an expression."""
    building, graph = calls.building, calls.graph
    if len(arguments) not in (2, 3):
        raise building.error("`diff` takes 2 or 3 arguments", row, "write diff(y, x) or diff(y, x, order)")
    y, x = building.materialise(arguments[0]), building.materialise(arguments[1])
    order = building.static(arguments[2], row) if len(arguments) == 3 else 1
    if not isinstance(order, int) or order < 0:
        raise building.error("the order of a derivative is a whole number from 0", row)
    if graph.is_constant(x) and not graph.is_own_constant(x):
        raise building.error("a derivative is taken with respect to a name, not a number", row, "write diff(y, x)")
    before = len(graph)
    for _ in range(order):
        y = derivative_of(graph, y, x)
    place, call = building.span(row), calls.frames[-1].call
    for node in range(before, len(graph)):
        graph.spans[node] = place
        if call >= 0:
            graph.scopes[node] = call
    calls.stack.append(y)
    return row + 1


def range_of(calls: Calls, arguments: list[Any], row: int) -> int:
    """`range(n)`, `range(start, stop)`, `range(start, stop, step)` as Python's; the limits must be known."""
    building = calls.building
    if not 1 <= len(arguments) <= 3:
        raise building.error("`range` takes 1 to 3 arguments", row, "write range(n) or range(start, stop)")
    limits = [building.whole(argument, "a limit of a range", row) for argument in arguments]
    if len(limits) == 3 and limits[2] == 0:
        raise building.error("the step of a range cannot be 0", row)
    numbers = range(*limits)
    if len(numbers) > MOST_ITEMS:
        what = f"a range of {len(numbers):,} items is more than the {MOST_ITEMS:,} that are allowed"
        raise building.error(what, row)
    calls.lists.push_list([calls.graph.constant(number) for number in numbers])
    return row + 1


def fold(calls: Calls, arguments: list[Any], row: int) -> int:
    """`fold(step, start, items)`: step(step(step(start, items[0]), items[1]), …), unrolled."""
    building = calls.building
    usage = "write fold(step, start, items) with step(state, item)"
    if len(arguments) != 3 or not isinstance(arguments[0], FunctionName):
        raise building.error("`fold` takes a function, a start value and a list", row, usage)
    step, state, over = arguments
    items = calls.lists.items_of(over, row)
    definition = calls.functions.get(step.name)
    if definition is None:
        for item in items:
            state = calls.call_operation(step.name, [state, item], row)
        calls.stack.append(state)
        return row + 1
    if len(definition.parameters) != 2:
        raise building.error(
            f"`fold` calls `{step.name}` with 2 arguments (state, item), but it takes {len(definition.parameters)}",
            row, usage,
        )  # fmt: skip
    calls.stack.append(state)
    if not items:
        return row + 1
    remaining = iter(items)
    step_data = (calls, definition, remaining, row)
    calls.enter(definition, [calls.stack.pop(), next(remaining)], row, fold_step, step_data)
    return definition.first


def fold_step(frame: Frame) -> int:
    """One step is done: its value is the state of the next."""
    calls, definition, remaining, row = frame.data
    calls.frames.pop()
    for item in remaining:
        calls.enter(definition, [calls.stack.pop(), item], row, fold_step, frame.data)
        return int(definition.first)
    return int(row) + 1


FORMS = {"diff": diff, "fold": fold, "range": range_of}
"""Form -> what does its work: it takes the arguments and the row, and returns the next row."""
