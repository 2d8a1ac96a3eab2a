"""The graph that a text grows into, with the stack of values and the stack of frames that the walk works on.

A frame is a range of rows: the body of a function, of a comprehension or of a fold, walked once for each call, so
nothing recurses. What must be known while the graph is built (an index, the length of a range, an axis) is computed
on the spot; where that needs the value of an input, the program is special to that value and says so.
"""

from __future__ import annotations

from contextlib import contextmanager

from cgcli.errors import CgError, FormulaError, NeedsValues, ShapeError
from cgcli.graph.store import Graph
from cgcli.graph.walk import ancestors
from cgcli.language.aliases import behind
from cgcli.language.limits import MOST_BODIES, MOST_NODES, WRITE_LESS
from cgcli.language.program import EVERYTHING, Program
from cgcli.language.statics import StaticValues
from cgcli.language.values import FunctionName, ListValue, TupleValue, exact_text
from cgcli.ops import shaping, structure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, MutableMapping, Sequence
    from typing import Any

    from cgcli.language.syntax import Syntax
    from cgcli.ops import Operation


NOWHERE = -1
"""The row at which a frame ends that has no rows of its own."""


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


class Building:
    """One graph under way.

    globals: the names of the text that have a value by now. targets: names that the text differentiates by, which
    stand behind an alias (`aliases`). terms: inputs that stand for the one value of a term. varying: inputs that have
    another value in each row of a table. handlers: by rule what does the work of a row: it takes the row, works on the
    stack, and returns the next row. within: begins the lowering of a function in a graph of its own (`inner`), where
    there is one. is_inner: whether this is such a one; is_item: and that of a list item. not_kept: calls, by their
    rows, of which it is known that they are written out. by_item: arrays that stand for a list, and what makes the node
    of one item of it by itself. spared: nodes that these saved.
    """

    def __init__(self, table: Syntax, values: Mapping[str, float], targets: Collection[str]) -> None:
        self.table = table
        self.word, self.span, self.callee = table.word, table.span, table.callee
        self.first = table.first()
        self.graph = Graph()
        self.program = Program(self.graph)
        self.statics = StaticValues(self.graph, values)
        self.stack: list[Any] = []
        self.frames: list[Frame] = []
        self.globals: MutableMapping[str, Any] = {}
        self.targets = targets
        self.varying: Collection[str] = ()
        self.aliases = 0
        self.bodies = 0
        self.by_item: dict[int, Callable[[int], int]] = {}
        self.spared = 0
        self.terms: set[str] = set()
        self.handlers: list[Callable[[int], int]] = []
        self.within: Callable[[], Any] | None = None
        self.is_inner = False
        self.is_item = False
        self.not_kept: set[int] = set()
        self._sources: list[int] = []

    # ---- the loop ----------------------------------------------------------------------------------------------

    def evaluate(self, first: int, end: int) -> Any:
        """The value of the expression in rows first … end - 1."""
        done = object()
        self.frames.append(Frame(end, None, None, -1, done))
        return self._walk(first, done)

    def of_call(self, enter: Callable[[Any], None], first: int, call: int) -> Any:
        """The value of a call that `enter` begins, given what its frame does in the end; its body begins at a row.

        call: the call around it.
        """
        done = object()
        self.frames.append(Frame(NOWHERE, None, None, call, done))
        enter(self._leave)
        return self._walk(first, done)

    def _leave(self, frame: Frame) -> int:
        self.frames.pop()
        return NOWHERE

    def _walk(self, row: int, done: object) -> Any:
        """The loop over rows, until the frame with this mark is done."""
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
            raise self.located(error, min(row, len(rules) - 1))  # noqa: B904 - it is the same error

    def located(self, error: CgError, row: int) -> CgError:
        """An error that came without a place, at this row."""
        if error.span is None:
            error.span = self.span(row)
        error.source = error.source or self.table.source
        return error

    # ---- nodes -------------------------------------------------------------------------------------------------

    def apply(self, operation: Operation, operands: Sequence[int], static: Sequence[Any], row: int) -> int:
        """A node, with its place in the text and the call that it was written in."""
        graph = self.graph
        before = len(graph)
        if before >= MOST_NODES:
            self.check_size(row)
        node = graph.apply(operation, operands, static)
        if node == before:
            graph.spans[node] = self.span(row)
            call = self.frames[-1].call
            if call >= 0:
                graph.scopes[node] = call
        return node

    def check_size(self, row: int) -> None:
        """FormulaError where the graph has more nodes than are allowed."""
        if len(self.graph) >= MOST_NODES and self.table.characters is None:
            raise self.error(f"the formula makes more than the {MOST_NODES:,} nodes that are allowed", row, WRITE_LESS)

    def enter_body(self, row: int) -> None:
        """Count one more walk of a body. FormulaError where there are more than are allowed."""
        self.bodies += 1
        if self.bodies > MOST_BODIES:
            what = f"calls and loops repeat more than the {MOST_BODIES:,} times that are allowed"
            raise self.error(what, row, WRITE_LESS)

    def number(self, row: int, *, own: bool = False) -> int:
        """The constant of a literal; `own` keeps it apart from equal ones."""
        text = self.word(row).replace("_", "")
        value = float(text)
        before = len(self.graph)
        node = self.graph.constant(value, exact_text(text, value), own=own)
        if node == before:
            self.graph.spans[node] = self.span(row)
        return node

    def alias(self, value: Any) -> Any:
        """A node of its own for a name that has this value, of a list as one array; functions and `[]` have none."""
        if isinstance(value, FunctionName) or (isinstance(value, ListValue) and not value.items):
            return value
        self.aliases += 1
        return self.graph.apply(structure.alias, [self.materialise(value)], [self.aliases])

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
        if isinstance(value, float):  # the default of an operand
            return self.graph.constant(value, getattr(value, "text", None))
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
            if isinstance(current, TupleValue):
                raise _not_one(current)
            nodes = [self.materialise(item) for item in current.items]
            current.node = self.graph.apply(shaping.stack, nodes)
            pending.pop()
        assert value.node is not None
        return value.node

    def named(self, name: str, value: Any) -> Any:
        """What a local name stands for."""
        return self.alias(value) if name in self.targets else value

    def taken(self, count: int) -> list[Any]:
        """The last values of the stack, taken from it."""
        place = len(self.stack) - count
        values = self.stack[place:]
        del self.stack[place:]
        return values

    # ---- what must be known now --------------------------------------------------------------------------------

    def whole(self, value: Any, what: str, row: int) -> int:
        """A whole number that must be known now."""
        known = self.static(value, row)
        if isinstance(known, list):
            raise self.error(f"{what} is a number, not a list", row)
        self.decide(what)
        with self.placed(row):
            return shaping.whole(known, what)

    def varies(self, value: Any) -> bool:
        """Whether a value follows from a name that has another one in each row (see `reading.lower`)."""
        if not self.varying or isinstance(value, ListValue):
            return False
        node = self.materialise(value)
        if self.statics.value(node) is not None:
            return False
        needed, inputs = ancestors(self.graph, [node]), self.graph.inputs(hidden=True)
        return any(needed[inputs[name]] for name in self.varying if name in inputs)

    def decide(self, what: str, *, user: int = EVERYTHING, whole: bool = True) -> None:
        """Enter what was asked for as `static` since the last time: see `Decision`."""
        for source in self._sources:
            self.program.decide(source, user, what, whole)
        self._sources.clear()

    def static(self, value: Any, row: int) -> Any:
        """A number (or nested lists of numbers) that must be known now; `decide` says afterwards what for."""
        if isinstance(value, ListValue):
            return [self._static_number(self.materialise(item), row) for item in value.items]
        node = self.materialise(value)
        listed = behind(self.graph, node)
        if self.graph.row(listed) is shaping.stack:
            return [self._static_number(item, row) for item in self.graph.operands_of(listed)]
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
        if not self.graph.is_constant(node) or self.graph.is_own_constant(node):  # a literal is nobody's variable
            self._sources.append(node)
        return int(known) if known.is_integer() else known

    # ---- errors ------------------------------------------------------------------------------------------------

    def error(self, message: str, row: int, hint: str | None = None) -> FormulaError:
        """An error at a row."""
        return self.error_at(message, self.span(row), hint)

    def error_at(self, message: str, span: tuple[int, int], hint: str | None) -> FormulaError:
        """An error at a place in the text."""
        return FormulaError(message, span=span, source=self.table.source, hint=hint)

    def shape_error(self, message: str, row: int, hint: str) -> ShapeError:
        """An error that may be gone when inputs have values, and with them other shapes."""
        return ShapeError(message, span=self.span(row), source=self.table.source, hint=hint)

    @contextmanager
    def placed(self, row: int) -> Iterator[None]:
        """A ValueError of a row's own checks becomes an error at a place in the text."""
        try:
            yield
        except ValueError as error:
            raise self.error(str(error), row) from None


def _not_one(value: TupleValue) -> FormulaError:
    """The error for several values where one is needed."""
    names = ", ".join("abcdefgh"[: len(value.items)]) if len(value.items) <= 8 else "a, b, …"
    return FormulaError(
        f"these are {len(value.items)} values side by side, and one is needed here",
        hint=f"take them apart, `{names} = …`; `[ ]` makes a list, and `.` stands before decimals",
    )
