"""From the syntax table to the graph: one loop over postfix rows with a stack of values and a stack of frames.

The body of a function, of a comprehension or of a fold is a range of rows that a frame walks once per call, so
nothing recurses. What must be known while the graph is built (an index, the length of a range, an axis) is computed
on the spot; where that needs the value of an input, the program is special to that value and says so.
"""

from __future__ import annotations

from contextlib import contextmanager

from cgcli.errors import CgError, FormulaError, NeedsValues, ShapeError, closest, did_you_mean
from cgcli.graph.copying import GONE, carry, copy_nodes
from cgcli.graph.store import Call, Graph
from cgcli.language import syntax
from cgcli.language.messages import RESERVED
from cgcli.language.names import survey
from cgcli.language.statics import StaticValues
from cgcli.language.values import FunctionName, ListValue, exact_text, named_constant
from cgcli.ops import REGISTRY, arithmetic, linear, logic, powers, shaping, structure
from cgcli.ops.constants import ALIASES, CONSTANTS
from cgcli.passes.derivative import derivative_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, MutableMapping, Sequence
    from typing import Any

    from cgcli.language.bulk_lowering import BulkLowering
    from cgcli.language.names import Definition
    from cgcli.language.syntax import Syntax
    from cgcli.ops import Operation

    Shape = tuple[int, ...]

MOST_ITEMS = 10_000_000
"""A range or a comprehension with more items is refused: it is a slip far more often than a wish."""

BINARY = {
    syntax.ADD: arithmetic.add,
    syntax.SUB: arithmetic.sub,
    syntax.MUL: arithmetic.mul,
    syntax.DIV: arithmetic.div,
    syntax.FLOORDIV: arithmetic.floordiv,
    syntax.MOD: arithmetic.mod,
    syntax.POW: powers.power,
    syntax.MATMUL: linear.matmul,
    syntax.AND: logic.conjunction,
    syntax.OR: logic.disjunction,
}
UNARY = {syntax.NEG: arithmetic.neg, syntax.NOT: logic.negation, syntax.TRANSPOSE: shaping.transpose}
COMPARISONS = {
    syntax.LT: logic.less,
    syntax.LE: logic.less_equal,
    syntax.GT: logic.greater,
    syntax.GE: logic.greater_equal,
    syntax.EQ: logic.equal,
    syntax.NE: logic.not_equal,
}


class Program:
    """A lowered text.

    outputs: name -> node, in the order of the text. inputs: names of the inputs in the order of their first use;
    params: those declared with `param`. defaults: input -> node of its default value, a constant part of the graph.
    specialised: inputs whose value shaped the graph (a length, an index), with that value.
    """

    __slots__ = ("defaults", "graph", "inputs", "outputs", "params", "specialised")

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.outputs: dict[str, int] = {}
        self.inputs: list[str] = []
        self.params: list[str] = []
        self.defaults: dict[str, int] = {}
        self.specialised: dict[str, float] = {}


class Frame:
    """A range of rows being walked: where it ends, what then happens, and the local names inside.

    `finish` gets the frame when its last row is done; it leaves what the construct is worth on the stack and
    returns the row to go on with.
    """

    __slots__ = ("call", "data", "end", "finish", "locals")

    def __init__(self, end: int, finish: Any, locals_: dict[str, Any] | None, call: int, data: Any = None) -> None:
        self.end = end
        self.finish = finish
        self.locals = locals_
        self.call = call
        self.data = data


def lower(
    table: Syntax, *, shapes: Mapping[str, Shape] | None = None, values: Mapping[str, float] | None = None,
    bound: Collection[str] = (), show: Collection[str] = (),
) -> Program:  # fmt: skip
    """Build the graph of a parsed text.

    shapes: shapes of inputs whose values are not scalars; values: numbers of scalar inputs, for what must be known
    while building; bound: names that the caller gives values for, which win over constants and definitions of the
    same name; show: further names that the caller will look at. FormulaError or ShapeError with the place in the text.
    """
    return Lowering(table, shapes or {}, values or {}, bound, show).run()


class Lowering:
    """One lowering under way."""

    def __init__(
        self, table: Syntax, shapes: Mapping[str, Shape], values: Mapping[str, float], bound: Collection[str],
        show: Collection[str],
    ) -> None:  # fmt: skip
        self.table = table
        self.word, self.span, self.callee = table.word, table.span, table.callee
        self.first = table.first()
        self.shapes = shapes
        self.bound = bound
        self.show = show
        self.graph = Graph()
        self.program = Program(self.graph)
        self.inputs: set[str] = set()
        self.statics = StaticValues(self.graph, values)
        self.stack: list[Any] = []
        self.frames: list[Frame] = []
        self.globals: MutableMapping[str, Any] = {}
        names = survey(table)
        self.functions = names.functions
        self.defined = names.defined
        self.calls_made: dict[Any, Any] = {}
        self.declared_outputs: list[tuple[str, int]] = []
        self.openings = comprehension_openings(table)
        self.keeps_names_apart = has_word(table, "diff") and any(
            self.callee(row) == "diff" for row in table.rows_of(syntax.CALLEE)
        )
        self.aliases = 0
        self.handlers = self._handlers()

    # ---- statements --------------------------------------------------------------------------------------------

    def run(self) -> Program:
        """Lower every statement, then settle the outputs."""
        last: tuple[str, Any] | None = None
        statements = self.table.statements
        bulk = self._in_bulk()
        position = 0
        while position < len(statements):
            if bulk is not None:
                position, value = bulk.advance(position)
                last = value or last
            if position < len(statements):
                last = self._statement(statements[position]) or last
                position += 1
        self._settle_outputs(last)
        if self.aliases:
            drop_aliases(self.program)
        return self.program

    def _in_bulk(self) -> BulkLowering | None:
        """What lowers the plain statements of a text that machine code has read, where names may share nodes."""
        if self.table.characters is None or self.keeps_names_apart:
            return None
        from cgcli.language.bulk_lowering import BulkLowering

        return BulkLowering(self)

    def _statement(self, row: int) -> tuple[str, Any] | None:
        rule = self.table.rule[row]
        if rule == syntax.ASSIGN:
            return self._assignment(row)
        if rule in (syntax.INPUT, syntax.PARAM):
            self._declaration(row, rule == syntax.PARAM)
            return None
        if rule == syntax.OUTPUT:
            for place in range(self.first[row], row):
                self.declared_outputs.append((self.word(place), place))
            return None
        last = row - 1 if rule == syntax.EXPRESSION else row
        return "result", self._evaluate(self.first[last], last + 1)

    def _assignment(self, row: int) -> tuple[str, Any] | None:
        first = self.first[row - 1]
        target = first - 1
        if self.table.rule[target] == syntax.CALL:
            return None
        name = self.word(target)
        if name in self.bound:
            value: Any = self._input(name)
        else:
            value = self._own_number(first, row)
            if value is None:
                value = self._evaluate(first, row)
            value = self._known_as(name, value)
        self.globals[name] = value
        return name, value

    def _own_number(self, first: int, end: int) -> int | None:
        """`name = 2` makes a constant of its own, so that derivatives with respect to the name count only its uses."""
        if end == first + 1 and self.table.rule[first] == syntax.NUMBER:
            return self._number(first, own=True)
        return None

    def _known_as(self, name: str, value: Any) -> Any:
        """Give a value its name; where the text differentiates, behind an alias that tells it from equal values."""
        if isinstance(value, ListValue):
            if value.node is not None:
                self.graph.names.setdefault(name, value.node)
            elif name in self.show:
                self.graph.names.setdefault(name, self.materialise(value))
            return value
        if self.keeps_names_apart and not isinstance(value, FunctionName):
            value = self._alias(value)
        self.graph.names.setdefault(name, value)
        return value

    def _alias(self, node: int) -> int:
        self.aliases += 1
        return self.graph.apply(structure.alias, [node], [self.aliases])

    def _declaration(self, row: int, trainable: bool) -> None:
        name_row = self.first[row]
        default_last = row - 1
        default_first = self.first[default_last]
        shape_row = default_first - 1
        name = self.word(name_row)
        default: Any = None
        if self.table.rule[default_last] != syntax.EMPTY:
            default = self.materialise(self._evaluate(default_first, row))
        shape: Shape | None = None
        if self.table.rule[shape_row] != syntax.EMPTY:
            lengths = self._evaluate(self.first[shape_row], shape_row + 1)
            with self._placed(shape_row):
                shape = shaping.whole_shape(self._static(lengths, shape_row))
        self._declare(row, name, shape, default)
        if trainable:
            self.program.params.append(name)

    def _declare(self, row: int, name: str, shape: Shape | None, default: int | None) -> None:
        graph = self.graph
        given = self.shapes.get(name, () if name in self.bound else None)
        default_shape = graph.shape_of(default) if default is not None else None
        if shape is not None and default is not None and default_shape != shape:
            if default_shape != ():
                raise self._error(
                    f"the default of `{name}` has shape {list(default_shape or ())}, but {list(shape)} is declared",
                    self.span(row), None,
                )  # fmt: skip
            default = graph.apply(shaping.broadcast_to, [default], [shape])
        actual = shape if shape is not None else given if given is not None else default_shape or ()
        self.globals[name] = self._input(name, actual)
        if default is not None and name not in self.bound:
            self.program.defaults[name] = default
            known = self.statics.value(default) if graph.shape_of(default) == () else None
            if known is not None:
                self.statics.given = {**self.statics.given, name: known}

    def _settle_outputs(self, last: tuple[str, Any] | None) -> None:
        if self.declared_outputs:
            for name, place in self.declared_outputs:
                if name not in self.globals:
                    raise self._error(
                        f"the output `{name}` is not defined", self.span(place), did_you_mean(name, self.globals)
                    )
                self._settle_output(name, self.globals[name], place)
            return
        if last is None:
            raise FormulaError(
                "there is nothing to compute here", source=self.table.source, span=(0, len(self.table.source.text)),
                hint="end with an expression, for example `x + y`",
            )  # fmt: skip
        name, value = last
        if isinstance(value, FunctionName):
            raise FormulaError(
                f"`{value.name}` is a function; call it", source=self.table.source, hint=f"{value.name}(…)"
            )
        self._settle_output(name, value, self.table.statements[-1])

    def _settle_output(self, name: str, value: Any, row: int) -> None:
        """Enter an output; a list gets its node only now, and with it the name that all other values have already."""
        try:
            node = self.program.outputs[name] = self.materialise(value)
        except CgError as error:
            raise self._located(error, row)  # noqa: B904 - it is the same error
        if isinstance(value, ListValue) and name != "result":
            self.graph.names.setdefault(name, node)

    # ---- the loop ----------------------------------------------------------------------------------------------

    def _evaluate(self, first: int, end: int) -> Any:
        """The value of the expression in rows first … end - 1."""
        done = object()
        self.frames.append(Frame(end, None, None, -1, done))
        row = first
        rules, handlers = self.table.rule, self.handlers
        try:
            while True:
                frame = self.frames[-1]
                while row == frame.end:
                    if frame.data is done:
                        self.frames.pop()
                        return self.stack.pop()
                    row = frame.finish(frame)
                    frame = self.frames[-1]
                row = handlers[rules[row]](row)
        except CgError as error:
            raise self._located(error, min(row, len(rules) - 1))  # noqa: B904 - it is the same error

    def _located(self, error: CgError, row: int) -> CgError:
        """An error that came without a place, at this row."""
        if error.span is None:
            error.span = self.span(row)
        error.source = error.source or self.table.source
        return error

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
        handlers[syntax.CALLEE] = self._on_opening
        handlers[syntax.OPEN] = self._on_opening
        handlers[syntax.CALL] = self._on_call
        handlers[syntax.GENERATOR] = self._on_call
        handlers[syntax.LIST] = self._on_list
        handlers[syntax.INDEX] = self._on_index
        handlers[syntax.SLICE] = self._on_slice
        return handlers

    def _unexpected(self, row: int) -> int:
        raise self._error("this does not belong here", self.span(row), None)

    def _skip(self, row: int) -> int:
        return row + 1

    def _operator(self, operation: Operation, count: int) -> Any:
        stack = self.stack

        def handle(row: int) -> int:
            operands = stack[-count:]
            del stack[-count:]
            stack.append(self._apply(operation, [self.materialise(operand) for operand in operands], (), row))
            return row + 1

        return handle

    def _apply(self, operation: Operation, operands: Sequence[int], static: Sequence[Any], row: int) -> int:
        """A node, with its place in the text and the call that it was written in."""
        graph = self.graph
        before = len(graph)
        node = graph.apply(operation, operands, static)
        if node == before:
            graph.spans[node] = self.span(row)
            call = self.frames[-1].call
            if call >= 0:
                graph.scopes[node] = call
        return node

    # ---- leaves ------------------------------------------------------------------------------------------------

    def _number(self, row: int, *, own: bool = False) -> int:
        text = self.word(row).replace("_", "")
        value = float(text)
        before = len(self.graph)
        node = self.graph.constant(value, exact_text(text, value), own=own)
        if node == before:
            self.graph.spans[node] = self.span(row)
        return node

    def _on_number(self, row: int) -> int:
        self.stack.append(self._number(row))
        return row + 1

    def _on_empty(self, row: int) -> int:
        self.stack.append(None)
        return row + 1

    def _on_name(self, row: int) -> int:
        self.stack.append(self._look_up(self.word(row), row))
        return row + 1

    def _look_up(self, name: str, row: int) -> Any:
        local = self.frames[-1].locals
        if local is not None and name in local:
            return local[name]
        if name in self.globals:
            return self.globals[name]
        if name in self.defined:
            line = self.table.source.locate(self.defined[name][0])[0]
            raise self._error(
                f"`{name}` is used before it is defined", self.span(row), f"line {line} defines it; move that line up"
            )
        if name in self.functions:
            return FunctionName(name)
        if name not in self.bound:
            known = ALIASES.get(name, name)
            if known in CONSTANTS:
                return self.graph.constant(*named_constant(known))
        value = self._input(name)
        self.globals[name] = value
        self.graph.spans.setdefault(value, self.span(row))
        return value

    def _input(self, name: str, shape: Shape | None = None) -> int:
        if name not in self.inputs:
            self.inputs.add(name)
            self.program.inputs.append(name)
        return self.graph.input(name, self.shapes.get(name, ()) if shape is None else shape)

    # ---- lists, comprehensions, indices ------------------------------------------------------------------------

    def materialise(self, value: Any) -> int:
        """The node of a value; a list becomes a `stack` (without recursion: a list knows its depth, which is small)."""
        if isinstance(value, ListValue):
            if value.node is None:
                value.node = self._stacked(value)
            return value.node
        if isinstance(value, FunctionName):
            raise FormulaError(f"`{value.name}` is a function; call it with arguments", hint=f"{value.name}(…)")
        if value is None:
            raise FormulaError("a value is missing here")
        return int(value)

    def _stacked(self, value: ListValue) -> int:
        if not value.items:
            raise FormulaError(
                "an empty list has no value", hint="`sum([])` is 0 and `prod([])` is 1; other uses need items"
            )
        pending = [value]
        while pending:
            current = pending[-1]
            inner = [item for item in current.items if isinstance(item, ListValue) and item.node is None]
            if inner:
                pending.extend(inner)
                continue
            nodes = [self.materialise(item) for item in current.items]
            current.node = self.graph.apply(shaping.stack, nodes)
            pending.pop()
        assert value.node is not None
        return value.node

    def _on_opening(self, row: int) -> int:
        """A bracket opens. Before the body of a comprehension its items come first; `fold` takes a function's name."""
        close = self.openings.get(row)
        if close is not None:
            items_first = self.first[close - 1]
            outer = self.frames[-1]
            self.frames.append(Frame(close, self._items_ready, outer.locals, outer.call, (row, close, items_first - 1)))
            return items_first
        if self.table.rule[row] == syntax.CALLEE and self.callee(row) == "fold":
            return self._function_argument(row + 1)
        return row + 1

    def _items_ready(self, frame: Frame) -> int:
        """The items of a comprehension are on the stack: walk the body once for each."""
        opening, close, variable = frame.data
        items = self._items_of(self.stack.pop(), close - 1)
        self.frames.pop()
        if not items:
            return self._comprehended([], close)
        local = dict(frame.locals or {})
        progress: tuple[Any, ...] = (opening, close, self.word(variable), iter(items), [])
        body = Frame(variable, self._item_done, local, frame.call, progress)
        self.frames.append(body)
        self._bind_next(body)
        return opening + 1

    def _bind_next(self, frame: Frame) -> bool:
        _, _, name, remaining, _ = frame.data
        for item in remaining:
            local = dict(frame.locals or {})
            local[name] = self._alias(item) if self.keeps_names_apart and isinstance(item, int) else item
            frame.locals = local
            return True
        return False

    def _item_done(self, frame: Frame) -> int:
        opening, close, _, _, results = frame.data
        results.append(self.stack.pop())
        if self._bind_next(frame):
            return int(opening) + 1
        self.frames.pop()
        return self._comprehended(results, close)

    def _comprehended(self, results: list[Any], close: int) -> int:
        """The list is complete; a generator's bracket then still makes the call that it is the argument of."""
        self._push_list(results)
        return close if self.table.rule[close] == syntax.GENERATOR else close + 1

    def _items_of(self, value: Any, row: int) -> list[Any]:
        """What a comprehension or a fold runs over: the items of a list, or the elements along the first axis."""
        if isinstance(value, ListValue):
            return value.items
        node = self.materialise(value)
        if self.graph.row(node) is shaping.stack:
            return list(self.graph.operands_of(node))
        shape = self.graph.shape_of(node)
        if not shape:
            hint = "write `range(n)` or `[a, b, c]`"
            raise self._shape_error("this runs over a list, but here is a single number", self.span(row), hint)
        return [self.graph.apply(shaping.index, [node], [(position,)]) for position in range(shape[0])]

    def _on_list(self, row: int) -> int:
        count = self.table.count[row] - 1
        items = self.stack[len(self.stack) - count :] if count else []
        del self.stack[len(self.stack) - count :]
        self._push_list(items)
        return row + 1

    def _push_list(self, items: list[Any]) -> None:
        value = ListValue(items)
        if value.depth > 32:
            raise FormulaError("lists are nested more than 32 deep", hint="use parentheses ( ) to group")
        self.stack.append(value)

    def _on_slice(self, row: int) -> int:
        bounds = self.stack[-3:]
        del self.stack[-3:]
        limits = [None if bound is None else self._whole(bound, "a limit of a slice", row) for bound in bounds]
        if limits[2] == 0:
            raise self._error("the step of a slice cannot be 0", self.span(row), None)
        self.stack.append(slice(*limits))
        return row + 1

    def _on_index(self, row: int) -> int:
        count = self.table.count[row] - 1
        raw = self.stack[-count:]
        del self.stack[-count:]
        base = self.stack.pop()
        key = tuple(item if isinstance(item, slice) else self._whole(item, "an index", row) for item in raw)
        self.stack.append(self._indexed(base, key, row))
        return row + 1

    def _indexed(self, base: Any, key: tuple[Any, ...], row: int) -> Any:
        """An element or a part; of a list, or of a node that is a list, without a node of its own where possible."""
        if isinstance(base, ListValue) and len(key) == 1:
            items = base.items
            if isinstance(key[0], slice):
                return ListValue(items[key[0]])
            position = key[0]
            if not -len(items) <= position < len(items):
                hint = f"indices count from 0; the last one is {len(items) - 1}" if items else None
                has = counted(len(items), "item")
                raise self._error(f"index {position} does not exist; the list has {has}", self.span(row), hint)
            return items[position]
        node = self.materialise(base)
        if not self.graph.shape_of(node):
            hint = "only lists and arrays take an index"
            raise self._shape_error("a single number has no elements", self.span(row), hint)
        return self._apply(shaping.index, [node], [key], row)

    def _whole(self, value: Any, what: str, row: int) -> int:
        """A whole number that must be known now."""
        known = self._static(value, row)
        if isinstance(known, list):
            raise self._error(f"{what} is a number, not a list", self.span(row), None)
        with self._placed(row):
            return shaping.whole(known, what)

    @contextmanager
    def _placed(self, row: int) -> Iterator[None]:
        """A ValueError of a row's own checks becomes an error at a place in the text."""
        try:
            yield
        except ValueError as error:
            raise self._error(str(error), self.span(row), None) from None

    def _static(self, value: Any, row: int) -> Any:
        """A number (or nested lists of numbers) that must be known now."""
        if isinstance(value, ListValue):
            return [self._static_number(self.materialise(item), row) for item in value.items]
        node = self.materialise(value)
        if self.graph.row(node) is shaping.stack:
            return [self._static_number(item, row) for item in self.graph.operands_of(node)]
        return self._static_number(node, row)

    def _static_number(self, node: int, row: int) -> float:
        known = self.statics.value(node)
        if known is None:
            names = self.statics.unknown_inputs(node)
            what = " and ".join(f"`{name}`" for name in names)
            rule = "indices, lengths and axes cannot be computed from arrays"
            raise NeedsValues(
                "this must be a number that is known before the calculation starts",
                span=self.span(row), source=self.table.source,
                hint=f"give a value for {what}, for example {names[0]}=3" if names else rule,
            )  # fmt: skip
        self.program.specialised.update(self.statics.used)
        return int(known) if known.is_integer() else known

    # ---- conditions --------------------------------------------------------------------------------------------

    def _comparison_sign(self, row: int) -> int:
        self.stack.append(COMPARISONS[self.table.rule[row]])
        return row + 1

    def _on_compare(self, row: int) -> int:
        """a < b <= c: each neighbouring pair compared, all of them joined by `and`."""
        count = self.table.count[row]
        parts = self.stack[-count:]
        del self.stack[-count:]
        values = [self.materialise(part) for part in parts[::2]]
        pairs = [
            self._apply(sign, [values[place], values[place + 1]], (), row) for place, sign in enumerate(parts[1::2])
        ]
        result = pairs[0]
        for pair in pairs[1:]:
            result = self._apply(logic.conjunction, [result, pair], (), row)
        self.stack.append(result)
        return row + 1

    def _on_conditional(self, row: int) -> int:
        yes, condition, no = (self.materialise(value) for value in self.stack[-3:])
        del self.stack[-3:]
        self.stack.append(self._apply(logic.where, [condition, yes, no], (), row))
        return row + 1

    # ---- calls -------------------------------------------------------------------------------------------------

    def _function_argument(self, row: int) -> int:
        """The first argument of `fold`: a function by its name."""
        name = self.word(row)
        if self.table.rule[row] == syntax.NAME and (name in self.functions or REGISTRY.resolve(name, 2)):
            self.stack.append(FunctionName(name))
            return row + 1
        return row

    def _on_call(self, row: int) -> int:
        count = 1 if self.table.rule[row] == syntax.GENERATOR else self.table.count[row] - 1
        arguments = self.stack[len(self.stack) - count :] if count else []
        del self.stack[len(self.stack) - count :]
        name = self.callee(row)
        definition = self.functions.get(name)
        if definition is not None:
            return self._call_user(definition, arguments, row)
        form = FORMS.get(name)
        if form is not None:
            return form(self, arguments, row)
        self.stack.append(self._call_operation(name, arguments, row))
        return row + 1

    def _call_user(self, definition: Definition, arguments: list[Any], row: int) -> int:
        self._check_count(definition, len(arguments), row)
        key = (definition.name, *arguments) if all(isinstance(value, int) for value in arguments) else None
        if key is not None and key in self.calls_made:
            self.stack.append(self.calls_made[key])
            return row + 1
        self._enter(definition, arguments, row, self._call_done, (key, row + 1))
        return definition.first

    def _enter(self, definition: Definition, arguments: list[Any], row: int, finish: Any, data: Any) -> None:
        """Start to walk the body of a function with its parameters bound."""
        self._refuse_recursion(definition, row)
        calls = self.graph.calls
        calls.append(Call(definition.name, self.frames[-1].call, self.span(row)))
        local = {
            parameter: self._alias(value) if self.keeps_names_apart and isinstance(value, int) else value
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
            raise self._error(
                f"`{definition.name}` takes {counted(expected, 'argument')}, {here}",
                self.span(row), f"it is defined as {form}",
            )  # fmt: skip

    def _refuse_recursion(self, definition: Definition, row: int) -> None:
        call = self.frames[-1].call
        while call >= 0:
            if self.graph.calls[call].name == definition.name:
                hint = "use `fold(step, start, range(n))` to repeat a step"
                raise self._error(f"`{definition.name}` calls itself", self.span(row), hint)
            call = self.graph.calls[call].parent

    def _call_operation(self, name: str, arguments: list[Any], row: int) -> Any:
        operation = REGISTRY.resolve(name, len(arguments))
        if operation is None:
            raise self._unknown_call(name, len(arguments), row)
        whole = self._combined(operation, arguments, row)
        if whole is not None:
            return whole
        if len(arguments) > len(operation.parameters) and not operation.variadic:
            return self._folded(operation, arguments, row)
        operands, static = operation.split(arguments)
        nodes = [self.materialise(operand) for operand in operands]
        fixed = [value if value is None or isinstance(value, float) else self._static(value, row) for value in static]
        return self._apply(operation, nodes, fixed, row)

    def _folded(self, operation: Operation, arguments: list[Any], row: int) -> int:
        """`max(a, b, c)`: an associative operation on more operands than two."""
        result = self.materialise(arguments[0])
        for argument in arguments[1:]:
            result = self._apply(operation, [result, self.materialise(argument)], (), row)
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
                self._apply(operation.combine, parts[place : place + 2], (), row)
                for place in range(0, len(parts) - 1, 2)
            ]
            parts = pairs + parts[len(parts) - len(parts) % 2 :]
        return parts[0]

    def _unknown_call(self, name: str, count: int, row: int) -> FormulaError:
        candidates = REGISTRY.callable_as.get(name)
        callee = (self.table.start[row], self.table.start[row] + len(name))
        if candidates:
            forms = " or ".join(f"{name}({candidate.signature})" for candidate in candidates)
            return self._error(f"`{name}` does not take {counted(count, 'argument')}", self.span(row), f"it is {forms}")
        if name in self.globals or name in (self.frames[-1].locals or {}):
            return self._error(f"`{name}` is a value, not a function", callee, f"to multiply, write {name}*(…)")
        callable_here = (known for known in REGISTRY.callable_as if known not in RESERVED)
        known = [*callable_here, *self.functions, *FORMS]
        near = closest(name, known)
        hint = f"did you mean {' or '.join(f'`{match}`' for match in near)}?" if near else None
        return self._error(f"unknown function `{name}`", callee, hint or "`cg ops` lists all functions")

    # ---- small helpers -----------------------------------------------------------------------------------------

    def _error(self, message: str, span: tuple[int, int], hint: str | None) -> FormulaError:
        return FormulaError(message, span=span, source=self.table.source, hint=hint)

    def _shape_error(self, message: str, span: tuple[int, int], hint: str) -> ShapeError:
        """An error that may be gone when inputs have values, and with them other shapes."""
        return ShapeError(message, span=span, source=self.table.source, hint=hint)

    # ---- forms: calls that the language itself understands -----------------------------------------------------

    def _diff(self, arguments: list[Any], row: int) -> int:
        """`diff(y, x)`, `diff(y, x, order)`: the exact derivative as an expression."""
        if len(arguments) not in (2, 3):
            raise self._error("`diff` takes 2 or 3 arguments", self.span(row), "write diff(y, x) or diff(y, x, order)")
        y, x = self.materialise(arguments[0]), self.materialise(arguments[1])
        order = self._static(arguments[2], row) if len(arguments) == 3 else 1
        if not isinstance(order, int) or order < 0:
            raise self._error("the order of a derivative is a whole number from 0", self.span(row), None)
        if self.graph.is_constant(x) and not self.graph.is_own_constant(x):
            raise self._error(
                "a derivative is taken with respect to a name, not a number", self.span(row), "write diff(y, x)"
            )
        before = len(self.graph)
        for _ in range(order):
            y = derivative_of(self.graph, y, x)
        place, call = self.span(row), self.frames[-1].call
        for node in range(before, len(self.graph)):
            self.graph.spans[node] = place
            if call >= 0:
                self.graph.scopes[node] = call
        self.stack.append(y)
        return row + 1

    def _range(self, arguments: list[Any], row: int) -> int:
        """`range(n)`, `range(start, stop)`, `range(start, stop, step)` as Python's; the limits must be known."""
        if not 1 <= len(arguments) <= 3:
            raise self._error("`range` takes 1 to 3 arguments", self.span(row), "write range(n) or range(start, stop)")
        limits = [self._whole(argument, "a limit of a range", row) for argument in arguments]
        if len(limits) == 3 and limits[2] == 0:
            raise self._error("the step of a range cannot be 0", self.span(row), None)
        numbers = range(*limits)
        if len(numbers) > MOST_ITEMS:
            what = f"a range of {len(numbers):,} items is more than the {MOST_ITEMS:,} that are allowed"
            raise self._error(what, self.span(row), None)
        self._push_list([self.graph.constant(number) for number in numbers])
        return row + 1

    def _fold(self, arguments: list[Any], row: int) -> int:
        """`fold(step, start, items)`: step(step(step(start, items[0]), items[1]), …), unrolled."""
        usage = "write fold(step, start, items) with step(state, item)"
        if len(arguments) != 3 or not isinstance(arguments[0], FunctionName):
            raise self._error("`fold` takes a function, a start value and a list", self.span(row), usage)
        step, state, over = arguments
        items = self._items_of(over, row)
        definition = self.functions.get(step.name)
        if definition is None:
            for item in items:
                state = self._call_operation(step.name, [state, item], row)
            self.stack.append(state)
            return row + 1
        if len(definition.parameters) != 2:
            raise self._error(
                f"`fold` calls `{step.name}` with 2 arguments (state, item), but it takes {len(definition.parameters)}",
                self.span(row), usage,
            )  # fmt: skip
        self.stack.append(state)
        if not items:
            return row + 1
        remaining = iter(items)
        self._enter(definition, [self.stack.pop(), next(remaining)], row, self._fold_step, (definition, remaining, row))
        return definition.first

    def _fold_step(self, frame: Frame) -> int:
        """One step is done: its value is the state of the next."""
        definition, remaining, row = frame.data
        self.frames.pop()
        for item in remaining:
            self._enter(definition, [self.stack.pop(), item], row, self._fold_step, frame.data)
            return int(definition.first)
        return int(row) + 1


FORMS = {"diff": Lowering._diff, "fold": Lowering._fold, "range": Lowering._range}
"""Calls that the language itself understands; every other function is a row of the operation table."""


def counted(count: int, noun: str) -> str:
    """`1 argument`, `2 arguments`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def comprehension_openings(table: Syntax) -> dict[int, int]:
    """Row of the bracket that opens a comprehension -> row that closes it."""
    first = table.first()
    return {first[row]: row for closing in (syntax.COMPREHENSION, syntax.GENERATOR) for row in table.rows_of(closing)}


def has_word(table: Syntax, word: str) -> bool:
    """Whether a word may be in the text; a large text is not searched for it, since its words are known."""
    if table.characters is None:
        return word in table.source.text
    from cgcli.language.words import words_of

    return words_of(table).find(word) >= 0


def drop_aliases(program: Program) -> None:
    """Rebuild the graph without the aliases that told named values apart while derivatives were taken."""
    old, new = program.graph, Graph()
    moved = [GONE] * len(old)
    copy_nodes(old, new, range(len(old)), moved, without=structure.alias)
    carry(old, new, moved)
    program.graph = new
    program.outputs = {name: moved[node] for name, node in program.outputs.items()}
    program.defaults = {name: moved[node] for name, node in program.defaults.items()}
