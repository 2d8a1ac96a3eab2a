"""Forms: calls that the language itself understands; every other function is a row of the operation table."""

from __future__ import annotations

from cgcli.graph.shapes import size
from cgcli.language import syntax
from cgcli.language.aliases import children, target_names
from cgcli.language.limits import LEAST_STEPS, MOST_DERIVATIVES, MOST_ITEMS, MOST_ORDER, MOST_STEPS
from cgcli.language.program import OWN_NAME
from cgcli.language.recurrences import recurrence
from cgcli.language.values import ListValue, RangeValue
from cgcli.numerals import shortened
from cgcli.ops import shaping
from cgcli.passes.folding import FoldingRef

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cgcli.language.building import Building
    from cgcli.language.calls import Calls


def diff(calls: Calls, arguments: list[Any], row: int) -> int:
    """`diff(y, x)`, `diff(y, x, order)`: the exact derivative as an expression."""
    building, graph = calls.building, calls.graph
    if building.is_inner:  # what it differentiates by may lie outside, and what that depends on, in other steps
        raise building.error("a derivative is not taken within a loop that is kept", row)
    if len(arguments) not in (2, 3):
        raise building.error("`diff` takes 2 or 3 arguments", row, "write diff(y, x) or diff(y, x, order)")
    y, x = building.materialise(arguments[0]), _target(building, arguments[1], row)
    order = building.static(arguments[2], row) if len(arguments) == 3 else 1
    building.decide("the order of a derivative")
    if not isinstance(order, int) or order < 0:
        raise building.error("the order of a derivative is a whole number from 0", row)
    if order > MOST_ORDER:
        raise building.error(f"a derivative of order {order:g} is beyond the {MOST_ORDER:,} that are allowed", row)
    for target in _nodes(x):
        decided = building.program.decided([target], [y]) if order else {}
        if decided:
            reason = decided[target].reason
            raise building.error(f"there is no derivative with respect to this: {reason}", row, OWN_NAME)
    before = len(graph)
    for _ in range(order):
        if graph.constant_value(y) == 0.0 and isinstance(x, int) and not graph.shape_of(x):
            break  # and so are all further ones
        _check_elements(building, y, x, row)
        y = _derivative(building, y, x)
        building.check_size(row)
    place, call = building.span(row), calls.frames[-1].call
    for node in range(before, len(graph)):
        graph.spans[node] = place
        if call >= 0:
            graph.scopes[node] = call
    calls.stack.append(y)
    return row + 1


def _target(building: Building, x: Any, row: int) -> Any:
    """What a derivative is taken by: the node of a name or of an element, or a list of these."""
    table = building.table
    written = children(table, row)[2]
    if target_names(table, written) is None:
        if table.rule[written] == syntax.NUMBER:
            raise building.error("a derivative is taken with respect to a name, not a number", row, "write diff(y, x)")
        raise building.error(
            "a derivative is taken with respect to a name, or an element of one", written,
            f"name it, use the name, and differentiate by that: u = {shortened(table.word(written))}",
        )  # fmt: skip
    if isinstance(x, ListValue):
        return x
    node = building.materialise(x)
    if building.graph.is_constant(node) and not building.graph.is_own_constant(node):
        raise building.error("a derivative is taken with respect to a name, not a number", row, "write diff(y, x)")
    return node


def _nodes(x: Any) -> list[int]:
    """The nodes in what a derivative is taken by."""
    found, pending = [], [x]
    while pending:
        value = pending.pop()
        if isinstance(value, ListValue):
            pending.extend(value.items)
        else:
            found.append(value)
    return found


def _check_elements(building: Building, y: int, x: Any, row: int) -> None:
    """FormulaError for a derivative with more elements than are allowed."""
    count = size(building.graph.shape_of(y)) * size(building.graph.shape_of(building.materialise(x)))
    if count > MOST_DERIVATIVES:
        what = f"this derivative has {count:,} elements, more than the {MOST_DERIVATIVES:,} that are allowed"
        raise building.error(what, row, "differentiate fewer elements, or their sum")


def _derivative(building: Building, y: int, x: Any) -> int:
    """A node that holds dy/dx, of shape y.shape + x.shape."""
    graph = building.graph
    if not isinstance(x, ListValue):
        building.program.slopes.append((y, x))
        from cgcli.passes.derivative import derivative_of  # the passes are loaded where a derivative is asked for

        return derivative_of(graph, y, x)
    if graph.shape_of(y):
        rows = [_derivative(building, component.node, x) for component in FoldingRef(graph, y)]
    else:
        rows = [_derivative(building, y, item) for item in x.items]
    return graph.apply(shaping.stack, rows)


def range_of(calls: Calls, arguments: list[Any], row: int) -> int:
    """`range(n)`, `range(start, stop)`, `range(start, stop, step)` as Python's; the limits must be known."""
    building = calls.building
    if not 1 <= len(arguments) <= 3:
        raise building.error("`range` takes 1 to 3 arguments", row, "write range(n) or range(start, stop)")
    limits = [building.whole(argument, "a limit of a range", row) for argument in arguments]
    if len(limits) == 3 and limits[2] == 0:
        raise building.error("the step of a range cannot be 0", row)
    numbers = range(*limits)

    def constants(numbers: range) -> list[int]:
        if (count := count_of(numbers)) > MOST_ITEMS:
            most = MOST_STEPS if count > MOST_STEPS else MOST_ITEMS
            what = f"a range of {count:,} items is more than the {most:,} that are allowed"
            raise building.error(what, row)
        return [calls.graph.constant(number) for number in numbers]

    if LEAST_STEPS <= count_of(numbers) <= MOST_STEPS:  # a fold over so many may ask for none of them
        calls.stack.append(RangeValue(numbers, constants))
    else:
        calls.lists.push_list(constants(numbers))
    return row + 1


def count_of(numbers: range) -> int:
    """As `len`, which takes no ranges of more than 2^63 items."""
    return max(0, -((numbers.start - numbers.stop) // numbers.step))


def fold(calls: Calls, arguments: list[Any], row: int) -> int:
    """`fold(step, start, items)`: step(step(step(start, items[0]), items[1]), …)."""
    return recurrence(calls, "fold", arguments, row)


def scan(calls: Calls, arguments: list[Any], row: int) -> int:
    """`scan(step, start, items)`: the list of the states that the fold goes through, without the start."""
    return recurrence(calls, "scan", arguments, row)


FORMS = {"diff": diff, "fold": fold, "range": range_of, "scan": scan}
"""Form -> what does its work: it takes the arguments and the row, and returns the next row."""

WITH_A_FUNCTION = ("fold", "scan")
"""Forms whose first argument is a function by its name."""
