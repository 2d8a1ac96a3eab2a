"""From the syntax table to the graph: statements, names, and one loop over postfix rows (`building`)."""

from __future__ import annotations

from cgcli.errors import CgError, FormulaError, did_you_mean
from cgcli.language import syntax
from cgcli.language.aliases import asked_parts, differentiated_by, put_back, settle_aliases
from cgcli.language.building import Building
from cgcli.language.calls import Calls
from cgcli.language.functions import UNWANTED
from cgcli.language.initial import Initialiser, kind_of
from cgcli.language.lists import Lists
from cgcli.language.names import declared_rows
from cgcli.language.operators import BINARY, COMPARISONS, UNARY
from cgcli.language.values import UNASSIGNED, FunctionName, ListValue, TupleValue, named_constant
from cgcli.ops import logic, shaping
from cgcli.ops.constants import ALIASES, CONSTANTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from typing import Any

    from cgcli.language.bulk.lowering import BulkLowering
    from cgcli.language.names import Names
    from cgcli.language.program import Program
    from cgcli.language.syntax import Syntax
    from cgcli.ops import Operation

    Shape = tuple[int, ...]


class Lowering:
    """One lowering under way. The arguments are those of `reading.lower`, and what `survey` found."""

    def __init__(
        self, table: Syntax, names: Names, shapes: Mapping[str, Shape], values: Mapping[str, float],
        bound: Collection[str], show: Collection[str], apart: Collection[str] = (),
    ) -> None:  # fmt: skip
        self.table = table
        self.shapes = shapes
        self.bound = bound
        self.show = show
        self.asked = {
            name: parts for name, parts in asked_parts(apart).items()
            if parts or (name in names.defined and name not in names.declared and name not in bound)
        }  # fmt: skip
        self.labels = apart
        self.building = Building(table, values, differentiated_by(table))
        self.graph, self.program, self.stack = self.building.graph, self.building.program, self.building.stack
        self.word, self.span, self.first = table.word, table.span, table.first()
        self.inputs: set[str] = set()
        self.functions = names.functions
        self.defined = names.defined
        self.lists = Lists(self.building)
        self.calls = Calls(self.building, self.lists, names.functions)
        self.declared_outputs: list[tuple[str, int]] = []
        self.building.handlers = self._handlers()

    # ---- statements --------------------------------------------------------------------------------------------

    def run(self, bulk: BulkLowering | None = None) -> Program:
        """Lower every statement, the plain ones in bulk where there is something for it, then settle the outputs."""
        last: list[tuple[str, Any]] = []
        statements = self.table.statements
        position = 0
        while position < len(statements):
            if bulk is not None:
                position, value = bulk.advance(position)
                last = [value] if value else last
            if position < len(statements):
                last = self._statement(statements[position]) or last
                position += 1
        self._settle_outputs(last)
        if self.building.aliases and (bulk is None or self.building.targets):
            return settle_aliases(self.program, self.labels)
        return self.program

    def _statement(self, row: int) -> list[tuple[str, Any]]:
        """What a statement computes, by name; nothing for a declaration or the definition of a function."""
        rule = self.table.rule[row]
        if rule == syntax.ASSIGN:
            return self._assignment(row)
        if rule == syntax.UNPACK:
            return self._taken_apart(row)
        if rule in (syntax.INPUT, syntax.PARAM):
            self._declaration(row, rule == syntax.PARAM)
        if rule == syntax.TERM:
            for place in declared_rows(self.table, row):
                self._term(row, self.word(place))
        if rule == syntax.OUTPUT:
            for place in range(self.first[row], row):
                self.declared_outputs.append((self.word(place), place))
        if rule != syntax.EXPRESSION:
            return []
        return [("result", self.building.evaluate(self.first[row - 1], row))]

    def _taken_apart(self, row: int) -> list[tuple[str, Any]]:
        """`a, b = value`: a name that the caller gives a value for is that, as in a definition of its own."""
        first = self.first[row - 1]
        names = list(map(self.word, declared_rows(self.table, row)))
        values: list[Any] = [None] * len(names)
        if not all(name in self.bound for name in names):
            try:
                values = self.lists.taken_apart(self.building.evaluate(first, row), len(names), row)
            except CgError as error:
                raise self.building.located(error, row)  # noqa: B904 - it is the same error
        found = []
        for name, value in zip(names, values, strict=True):
            if name == UNWANTED:
                continue
            if name in self.bound:
                value = self._input(name)
            else:
                value = self._told_apart(name, value)
                self._known_as(name, value)
            value = self.building.globals[name] = self._with_parts(name, value, row)
            found.append((name, value))
        return found

    def _assignment(self, row: int) -> list[tuple[str, Any]]:
        first = self.first[row - 1]
        target = first - 1
        if self.table.rule[target] == syntax.CALL:
            return []
        name = self.word(target)
        if name in self.bound:
            value: Any = self._input(name)
        else:
            value = self._own_number(first, row)
            if value is None:
                value = self._told_apart(name, self.building.evaluate(first, row))
            self._known_as(name, value)
        value = self.building.globals[name] = self._with_parts(name, value, row)
        return [(name, value)]

    def _own_number(self, first: int, end: int) -> int | None:
        """`name = 2` makes a constant of its own, so that derivatives with respect to the name count only its uses."""
        if end == first + 1 and self.table.rule[first] == syntax.NUMBER:
            return self.building.number(first, own=True)
        return None

    def _told_apart(self, name: str, value: Any) -> Any:
        """A value, behind an alias where somebody differentiates by the name that it gets."""
        return self.building.alias(value) if name in self.asked or name in self.building.targets else value

    def _known_as(self, name: str, value: Any) -> None:
        """Give a value its name; a list has one only where it is an array already, or where that is asked for."""
        if isinstance(value, ListValue) and value.items and name in self.show:
            self.building.materialise(value)
        node = value.node if isinstance(value, ListValue) else value
        if node is not None:
            self.graph.names.setdefault(name, node)

    def _with_parts(self, name: str, value: Any, row: int) -> Any:
        """A value in which the parts that are asked for by the caller have nodes and names of their own."""
        for label, key in self.asked.get(name, ()):
            part = self.graph.apply(shaping.index, [value], [key])
            self.graph.spans.setdefault(part, self.span(row))
            target = self.graph.attributes_of(part)
            part = self.graph.names[label] = self.building.alias(part)
            value = put_back(self.graph, value, part, target)
        return value

    def _declaration(self, row: int, trainable: bool) -> None:
        name_row = self.first[row]
        default_last = row - 1
        default_first = self.first[default_last]
        shape_row = default_first - 1
        name = self.word(name_row)
        default: Any = None
        drawn = self._initialiser(default_last) if trainable else None
        if drawn is None and self.table.rule[default_last] != syntax.EMPTY:
            default = self.building.materialise(self.building.evaluate(default_first, row))
        shape: Shape | None = None
        if self.table.rule[shape_row] != syntax.EMPTY:
            lengths = self.building.evaluate(self.first[shape_row], shape_row + 1)
            with self.building.placed(shape_row):
                shape = shaping.whole_shape(self.building.static(lengths, shape_row))
            self.building.decide("a length")
        if drawn is not None and name not in self.bound:
            with self.building.placed(default_last):
                default = self._drawn(name, drawn, shape or ())
        self._declare(row, name, shape, default)
        if trainable:
            self.program.params.append(name)

    def _initialiser(self, row: int) -> Initialiser | None:
        """How the default of a parameter is drawn, where its row is the call of a kind (`language.initial`)."""
        if self.table.rule[row] != syntax.CALL:
            return None
        name = self.table.callee(row)
        if kind_of(name) is None or name in self.functions:
            return None
        starts, last = [], row - 1
        for _ in range(self.table.count[row] - 1):
            starts.append((self.first[last], last + 1))
            last = self.first[last] - 1
        numbers = [self.building.static(self.building.evaluate(*place), place[1] - 1) for place in reversed(starts)]
        self.building.decide("how an initial value is drawn", whole=False)
        with self.building.placed(row):
            if any(isinstance(number, list) for number in numbers):
                raise ValueError("an initial value is drawn by numbers, not by a list")
            return Initialiser(name, numbers)

    def _drawn(self, name: str, initialiser: Initialiser, shape: Shape) -> int:
        """The node of what is drawn without a seed. ValueError where the shape does not fit."""
        try:
            value = initialiser.drawn(name, shape)
        except ValueError as error:
            hint = f": param {name}[64, 128] = {initialiser.kind.name}()" if not shape else ""
            raise ValueError(f"`{initialiser.kind.name}` {error}{hint}") from None
        self.program.initialisers[name] = initialiser
        return self.graph.array_constant(value) if shape else self.graph.constant(value)

    def _declare(self, row: int, name: str, shape: Shape | None, default: int | None) -> None:
        graph = self.graph
        given = self.shapes.get(name, () if name in self.bound else None)
        default_shape = graph.shape_of(default) if default is not None else None
        if shape is not None and default is not None and default_shape != shape:
            if default_shape != ():
                raise self.building.error(
                    f"the default of `{name}` has shape {list(default_shape or ())}, but {list(shape)} is declared",
                    row, None,
                )  # fmt: skip
            default = graph.apply(shaping.broadcast_to, [default], [shape])
        actual = shape if shape is not None else given if given is not None else default_shape or ()
        self.building.globals[name] = self._with_parts(name, self._input(name, actual), row)
        if default is not None and name not in self.bound:
            self.program.defaults[name] = default
            known = self.building.statics.value(default) if graph.shape_of(default) == () else None
            if known is not None:
                self.building.statics.given = {**self.building.statics.given, name: known}

    def _term(self, row: int, name: str) -> None:
        """`term name`: the value of the term is an input; one of several values is `name.0`, `name.1`, …, bound so."""
        parts = [part for part in (f"{name}.{place}" for place in range(len(self.bound))) if part in self.bound]
        if parts:
            self.building.globals[name] = TupleValue([self._input(part) for part in parts])
        else:
            self._declare(row, name, None, None)
            self.building.terms.add(name)

    def _settle_outputs(self, last: list[tuple[str, Any]]) -> None:
        if self.declared_outputs:
            for name, place in self.declared_outputs:
                if name not in self.building.globals:
                    raise self.building.error(
                        f"the output `{name}` is not defined",
                        place,
                        did_you_mean(name, self.building.globals),
                    )
                self._settle_output(name, self.building.globals[name], place)
            return
        if not last:
            raise FormulaError(
                "there is nothing to compute here", source=self.table.source, span=(0, len(self.table.source.text)),
                hint="end with an expression, for example `x + y`",
            )  # fmt: skip
        for name, value in last:
            if isinstance(value, FunctionName):
                raise FormulaError(
                    f"`{value.name}` is a function; call it", source=self.table.source, hint=f"{value.name}(…)"
                )
            self._settle_output(name, value, self.table.statements[-1])

    def _settle_output(self, name: str, value: Any, row: int) -> None:
        """Enter an output; a list gets its node only now, and with it the name that all other values have already.

        Several values are shown as a list, where they are alike.
        """
        if isinstance(value, TupleValue):
            value = ListValue(value.items)
        try:
            node = self.program.outputs[name] = self.building.materialise(value)
        except CgError as error:
            raise self.building.located(error, row)  # noqa: B904 - it is the same error
        if isinstance(value, ListValue) and name != "result":
            self.graph.names.setdefault(name, node)

    # ---- rows --------------------------------------------------------------------------------------------------

    def _handlers(self) -> list[Any]:
        """Row handler by rule: takes the row, works on the stack, returns the next row."""
        handlers: list[Any] = [self._unexpected] * syntax.RULES
        for rule, operation in BINARY.items():
            handlers[rule] = self._operator(operation, 2)
        for rule, operation in UNARY.items():
            handlers[rule] = self._operator(operation, 1)
        for rule in COMPARISONS:
            handlers[rule] = self._comparison_sign
        handlers[syntax.NUMBER] = self._on_number
        handlers[syntax.NAME] = self._on_name
        handlers[syntax.POS] = self._skip
        handlers[syntax.EMPTY] = self._on_empty
        handlers[syntax.COMPARE] = self._on_compare
        handlers[syntax.CONDITIONAL] = self._on_conditional
        handlers[syntax.CALLEE] = self.calls.on_callee
        handlers[syntax.OPEN] = self.lists.on_opening
        handlers[syntax.CALL] = self.calls.on_call
        handlers[syntax.GENERATOR] = self.calls.on_call
        handlers[syntax.LIST] = self.lists.on_list
        handlers[syntax.INDEX] = self.lists.on_index
        handlers[syntax.SLICE] = self.lists.on_slice
        handlers[syntax.TUPLE] = self.lists.on_tuple
        handlers[syntax.TARGET] = self._skip
        handlers[syntax.LOCAL] = self.lists.on_local
        return handlers

    def _unexpected(self, row: int) -> int:
        raise self.building.error("this does not belong here", row)

    def _skip(self, row: int) -> int:
        return row + 1

    def _operator(self, operation: Operation, count: int) -> Any:
        building, stack, materialise = self.building, self.stack, self.building.materialise

        def handle(row: int) -> int:
            operands = stack[-count:]
            del stack[-count:]
            stack.append(building.apply(operation, [materialise(operand) for operand in operands], (), row))
            return row + 1

        return handle

    def _on_number(self, row: int) -> int:
        self.stack.append(self.building.number(row))
        return row + 1

    def _on_empty(self, row: int) -> int:
        self.stack.append(None)
        return row + 1

    def _comparison_sign(self, row: int) -> int:
        self.stack.append(COMPARISONS[self.table.rule[row]])
        return row + 1

    def _on_compare(self, row: int) -> int:
        """a < b <= c: each neighbouring pair compared, all of them joined by `and`."""
        parts = self.building.taken(self.table.count[row])
        values = [self.building.materialise(part) for part in parts[::2]]
        pairs = [
            self.building.apply(sign, values[place : place + 2], (), row) for place, sign in enumerate(parts[1::2])
        ]
        result = pairs[0]
        for pair in pairs[1:]:
            result = self.building.apply(logic.conjunction, [result, pair], (), row)
        self.stack.append(result)
        return row + 1

    def _on_conditional(self, row: int) -> int:
        yes, condition, no = map(self.building.materialise, self.building.taken(3))
        self.stack.append(self.building.apply(logic.where, [condition, yes, no], (), row))
        return row + 1

    # ---- names -------------------------------------------------------------------------------------------------

    def _on_name(self, row: int) -> int:
        self.stack.append(self._look_up(self.word(row), row))
        return row + 1

    def _look_up(self, name: str, row: int) -> Any:
        local = self.building.frames[-1].locals
        if local is not None and name in local:
            value = local[name]
            if value is UNASSIGNED:
                raise self._unassigned(name, row)
            return value
        return self.global_value(name, row)

    def global_value(self, name: str, row: int) -> Any:
        """What a name stands for that is not local in a function. FormulaError where it has no value yet."""
        if name in self.building.globals:
            return self.building.globals[name]
        if name in self.defined:
            line = self.table.source.locate(self.defined[name][0])[0]
            raise self.building.error(
                f"`{name}` is used before it is defined", row, f"line {line} defines it; move that line up"
            )
        if name in self.functions:
            return FunctionName(name)
        if name not in self.bound:
            known = ALIASES.get(name, name)
            if known in CONSTANTS:
                return self.graph.constant(*named_constant(known))
        value = self._input(name)
        self.graph.spans.setdefault(value, self.span(row))
        value = self.building.globals[name] = self._with_parts(name, value, row)
        return value

    def _unassigned(self, name: str, row: int) -> FormulaError:
        """The error for a local name that has no value yet."""
        function = self.graph.calls[self.building.frames[-1].call].name
        hint = f"a name that `{function}` assigns is its own in all of its lines; call this one otherwise"
        return self.building.error(f"`{name}` is used before `{function}` assigns it", row, hint)

    def _input(self, name: str, shape: Shape | None = None) -> int:
        if name not in self.inputs:
            self.inputs.add(name)
            self.program.inputs.append(name)
        return self.graph.input(name, self.shapes.get(name, ()) if shape is None else shape)
