"""Calls: of the text's own functions, of forms, and of the operations of the table."""

from __future__ import annotations

from cgcli.errors import closest
from cgcli.graph.store import Call
from cgcli.language import syntax
from cgcli.language.building import Frame
from cgcli.language.forms import FORMS
from cgcli.language.messages import RESERVED, counted
from cgcli.language.values import FunctionName, ListValue
from cgcli.ops import REGISTRY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from cgcli.errors import FormulaError
    from cgcli.language.building import Building
    from cgcli.language.lists import Lists
    from cgcli.language.names import Definition
    from cgcli.ops import Operation


class Calls:
    """The rows that call something. A call that was made with the same nodes before is not walked again."""

    def __init__(self, building: Building, lists: Lists, functions: Mapping[str, Definition]) -> None:
        self.building = building
        self.lists = lists
        self.functions = functions
        self.table, self.graph, self.stack, self.frames = (
            building.table, building.graph, building.stack, building.frames,
        )  # fmt: skip
        self.calls_made: dict[Any, Any] = {}

    def on_callee(self, row: int) -> int:
        """A call opens: that of a generator, or of `fold`, whose first argument is a function by its name."""
        if self.building.callee(row) != "fold" or row in self.lists.openings:
            return self.lists.on_opening(row)
        return self._function_argument(row + 1)

    def _function_argument(self, row: int) -> int:
        name = self.building.word(row)
        if self.table.rule[row] == syntax.NAME and (name in self.functions or REGISTRY.resolve(name, 2)):
            self.stack.append(FunctionName(name))
            return row + 1
        return row

    def on_call(self, row: int) -> int:
        """A call closes: its arguments are on the stack."""
        count = 1 if self.table.rule[row] == syntax.GENERATOR else self.table.count[row] - 1
        arguments = self.building.taken(count)
        name = self.building.callee(row)
        definition = self.functions.get(name)
        if definition is not None:
            return self._call_user(definition, arguments, row)
        form = FORMS.get(name)
        if form is not None:
            return form(self, arguments, row)
        self.stack.append(self.call_operation(name, arguments, row))
        return row + 1

    def _call_user(self, definition: Definition, arguments: list[Any], row: int) -> int:
        self._check_count(definition, len(arguments), row)
        key = (definition.name, *arguments) if all(isinstance(value, int) for value in arguments) else None
        if key is not None and key in self.calls_made:
            self.stack.append(self.calls_made[key])
            return row + 1
        self.enter(definition, arguments, row, self._call_done, (key, row + 1))
        return definition.first

    def enter(self, definition: Definition, arguments: list[Any], row: int, finish: Any, data: Any) -> None:
        """Start to walk the body of a function with its parameters bound."""
        self._refuse_recursion(definition, row)
        calls = self.graph.calls
        calls.append(Call(definition.name, self.frames[-1].call, self.building.span(row)))
        local = {
            parameter: self.building.named(value)
            for parameter, value in zip(definition.parameters, arguments, strict=True)
        }
        self.frames.append(Frame(definition.end, finish, local, len(calls) - 1, data))

    def _call_done(self, frame: Frame) -> int:
        self.frames.pop()
        key, following = frame.data
        if key is not None:
            self.calls_made[key] = self.stack[-1]
        return int(following)

    def _check_count(self, definition: Definition, count: int, row: int) -> None:
        expected = len(definition.parameters)
        if count != expected:
            form = f"{definition.name}({', '.join(definition.parameters)})"
            here = f"here {'is' if count == 1 else 'are'} {count}"
            raise self.building.error(
                f"`{definition.name}` takes {counted(expected, 'argument')}, {here}",
                row, f"it is defined as {form}",
            )  # fmt: skip

    def _refuse_recursion(self, definition: Definition, row: int) -> None:
        call = self.frames[-1].call
        while call >= 0:
            if self.graph.calls[call].name == definition.name:
                hint = "use `fold(step, start, range(n))` to repeat a step"
                raise self.building.error(f"`{definition.name}` calls itself", row, hint)
            call = self.graph.calls[call].parent

    def call_operation(self, name: str, arguments: list[Any], row: int) -> Any:
        """The value of a call of an operation."""
        operation = REGISTRY.resolve(name, len(arguments))
        if operation is None:
            raise self._unknown_call(name, len(arguments), row)
        whole = self._combined(operation, arguments, row)
        if whole is not None:
            return whole
        if len(arguments) > len(operation.parameters) and not operation.variadic:
            return self._folded(operation, arguments, row)
        operands, static = operation.split(arguments)
        nodes = [self.building.materialise(operand) for operand in operands]
        fixed = [
            value if value is None or isinstance(value, float) else self.building.static(value, row) for value in static
        ]
        return self.building.apply(operation, nodes, fixed, row)

    def _folded(self, operation: Operation, arguments: list[Any], row: int) -> int:
        """`max(a, b, c)`: an associative operation on more operands than two."""
        result = self.building.materialise(arguments[0])
        for argument in arguments[1:]:
            result = self.building.apply(operation, [result, self.building.materialise(argument)], (), row)
        return result

    def _combined(self, operation: Operation, arguments: list[Any], row: int) -> int | None:
        """A reduction of a list of numbers as a balanced tree of its binary operation, so that it stays scalar."""
        if operation.combine is None or len(arguments) != 1 or not isinstance(arguments[0], ListValue):
            return None
        items = arguments[0].items
        if not items:
            neutral = operation.combine.identities[0]
            return None if neutral is None else self.graph.constant(neutral)
        if not arguments[0].flat or any(not isinstance(item, int) or self.graph.shape_of(item) for item in items):
            return None
        parts: list[int] = list(items)
        while len(parts) > 1:
            pairs = [
                self.building.apply(operation.combine, parts[place : place + 2], (), row)
                for place in range(0, len(parts) - 1, 2)
            ]
            parts = pairs + parts[len(parts) - len(parts) % 2 :]
        return parts[0]

    def _unknown_call(self, name: str, count: int, row: int) -> FormulaError:
        candidates = REGISTRY.callable_as.get(name)
        callee = (self.table.start[row], self.table.start[row] + len(name))
        if candidates:
            forms = " or ".join(f"{name}({candidate.signature})" for candidate in candidates)
            return self.building.error(f"`{name}` does not take {counted(count, 'argument')}", row, f"it is {forms}")
        if name in self.building.globals or name in (self.frames[-1].locals or {}):
            return self.building.error_at(
                f"`{name}` is a value, not a function", callee, f"to multiply, write {name}*(…)"
            )
        callable_here = (known for known in REGISTRY.callable_as if known not in RESERVED)
        known = [*callable_here, *self.functions, *FORMS]
        near = closest(name, known)
        hint = f"did you mean {' or '.join(f'`{match}`' for match in near)}?" if near else None
        return self.building.error_at(f"unknown function `{name}`", callee, hint or "`cg ops` lists all functions")
