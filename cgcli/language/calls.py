"""Calls: of the text's own functions, of forms, and of the operations of the table."""

from __future__ import annotations

from cgcli.errors import closest
from cgcli.graph.balanced import balanced
from cgcli.graph.store import Call
from cgcli.graph.walk import ancestors
from cgcli.language import syntax
from cgcli.language.building import Frame
from cgcli.language.forms import FORMS, WITH_A_FUNCTION
from cgcli.language.initial import kind_of
from cgcli.language.values import UNASSIGNED, FunctionName, ListValue
from cgcli.numerals import counted
from cgcli.ops import REGISTRY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from cgcli.errors import FormulaError
    from cgcli.language.building import Building
    from cgcli.language.functions import Definition
    from cgcli.language.lists import Lists
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
        """A call opens: that of a generator, or of a form whose first argument is a function by its name."""
        name = self.building.callee(row)
        if name not in WITH_A_FUNCTION or name in self.functions or row in self.lists.openings:
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
        self.building.enter_body(row)
        calls = self.graph.calls
        calls.append(Call(definition.name, self.frames[-1].call, self.building.span(row)))
        local = {
            parameter: self.building.named(parameter, value)
            for parameter, value in zip(definition.parameters, arguments, strict=True)
        }
        for name in definition.locals:
            local[name] = UNASSIGNED
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
        operation = self._resolved(name, arguments)
        if operation is None:
            raise self._unknown_call(name, len(arguments), row)
        whole = self._combined(operation, arguments, row)
        if whole is not None:
            return whole
        if len(arguments) > len(operation.parameters) and not operation.variadic:
            return self._folded(operation, arguments, row)
        building = self.building
        operands, static = operation.split(arguments)
        nodes = [building.materialise(operand) for operand in operands]
        known = [value if value is None or isinstance(value, float) else building.static(value, row)
                 for value in static]  # fmt: skip
        node = building.apply(operation, nodes, known, row)
        names = " and ".join(f"`{parameter.name}`" for parameter in operation.parameters if parameter.static)
        whole = "order_without_rule" not in operation.traits
        building.decide(f"the argument {names} of `{operation.name}`", user=node, whole=whole)
        return node

    def _resolved(self, name: str, arguments: list[Any]) -> Operation | None:
        """The operation that a call means.

        Where an argument would be static but follows from a name, a row of the same name that takes it as an operand
        is meant: `norm(v, 3)` and `norm(v, p)`.
        """
        found = REGISTRY.resolve(name, len(arguments))
        if found is None or not any(parameter.static for parameter in found.parameters[: len(arguments)]):
            return found
        for other in REGISTRY.callable_as[name]:
            if other.accepts(len(arguments)) and not any(parameter.static for parameter in other.parameters):
                _, static = found.split(arguments)
                return other if any(map(self._is_open, static)) else found
        return found

    def _is_open(self, value: Any) -> bool:
        """Whether a value is more than a calculation with literals."""
        graph = self.graph
        needed = ancestors(graph, [self.building.materialise(value)])
        leaves = [node for node, need in enumerate(needed) if need and graph.is_leaf(node)]
        return not all(graph.is_constant(leaf) and not graph.is_own_constant(leaf) for leaf in leaves)

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
        combine = operation.combine
        return balanced(lambda left, right: self.building.apply(combine, [left, right], (), row), items)

    def _unknown_call(self, name: str, count: int, row: int) -> FormulaError:
        from cgcli.language.messages import RESERVED  # what only wrong texts need is loaded with them
        from cgcli.language.notations import foreign_call

        candidates = REGISTRY.callable_as.get(name)
        callee = (self.table.start[row], self.table.start[row] + len(name))
        told = foreign_call(self.table.source.text, callee[0], name)
        if told is not None and name not in self.building.globals:
            return self.building.error_at(told.message, told.span, told.hint)
        if kind_of(name) is not None:
            return self.building.error_at(
                f"`{name}` draws the initial value of a parameter, and is the whole of it",
                callee,
                f"param w[64, 128] = {name}(…)",
            )
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
