"""A function of the text walked once in a graph of its own, with stand-ins for its arguments.

That is how a loop that is kept gets its body, and a call in a term its own. Names of the text that the function uses
are *captured*: they become operands of the body, and their values stay where they are. What must be known while the
graph is built (a length, an index) is known here as far as it is outside.
"""

from __future__ import annotations

from cgcli.graph.bodies import MOST_DEPTH
from cgcli.graph.store import Call
from cgcli.graph.walk import ancestors
from cgcli.language.building import NOWHERE, Building, Frame
from cgcli.language.calls import Calls
from cgcli.language.lifting import NotKeptError
from cgcli.language.lists import Lists
from cgcli.language.lowering import Lowering
from cgcli.language.statics import StaticValues
from cgcli.language.values import ListValue, RangeValue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from cgcli.language.functions import Definition

    Shape = tuple[int, ...]

LONGEST_LIST = 16
"""Items of a list that are captured one by one; a longer one is captured as an array, where it is one."""


class Inner(Lowering):
    """The lowering of a function within that of its text.

    outer: the lowering of the text, or of the function around. captured: node -> the node outside that it stands for.
    """

    def __init__(self, outer: Lowering) -> None:  # it takes over what does not change, and has its own graph
        self.outer = outer
        self.depth: int = getattr(outer, "depth", 0) + 1
        if self.depth >= MOST_DEPTH // 2:
            raise NotKeptError("functions are kept within functions too deep")
        self.table, self.shapes, self.bound, self.show = outer.table, outer.shapes, outer.bound, ()
        self.asked, self.labels, self.inputs = {}, (), outer.inputs
        self.word, self.span, self.first = outer.word, outer.span, outer.first
        self.functions, self.defined = outer.functions, outer.defined
        self.building = Building(outer.table, {}, outer.building.targets)
        self.graph, self.program, self.stack = self.building.graph, self.building.program, self.building.stack
        self.building.statics = _InnerStatics(self)
        self.building.within = lambda: Inner(self)
        self.building.is_inner = True
        self.building.not_kept, self.building.bodies = outer.building.not_kept, outer.building.bodies
        self.lists = Lists(self.building, outer.lists.openings)
        self.calls = Calls(self.building, self.lists, outer.functions)
        self.declared_outputs = []
        self.building.handlers = self._handlers()
        self.captured: dict[int, int] = {}
        self._stand_ins: dict[int, int] = {}
        self._known: dict[str, Any] = {}
        self._call = self._calls_around()

    def _calls_around(self) -> int:
        """The calls around this one, by which a function is seen to call itself."""
        outer = self.outer.building
        around: list[Call] = []
        call = outer.frames[-1].call if outer.frames else -1
        while call >= 0:
            around.append(outer.graph.calls[call])
            call = outer.graph.calls[call].parent
        for parent, each in enumerate(reversed(around), -1):
            self.graph.calls.append(Call(each.name, parent, each.span))
        return len(around) - 1

    def stand_in(self, label: str, shape: Shape) -> int:
        """A new input of the body."""
        taken = self.graph.inputs()
        while label in taken:
            label += "'"
        return self.graph.input(label, shape)

    def walked(self, definition: Definition, arguments: Sequence[Any], row: int) -> Any:
        """The value of a call of a function of the text."""
        call = self._call
        enter = self.calls.enter
        return self.building.of_call(
            lambda leave: enter(definition, list(arguments), row, leave, None), definition.first, call
        )

    def stretch(self, rows: range, local: dict[str, Any]) -> Any:
        """The value of an expression in rows of the text, with local names."""
        call, building = self._call, self.building
        return building.of_call(
            lambda leave: building.frames.append(Frame(rows.stop, leave, local, call)), rows.start, call
        )

    def operated(self, name: str, arguments: Sequence[Any], row: int) -> Any:
        """The value of a call of an operation."""
        self.building.frames.append(Frame(NOWHERE, None, None, self._call))
        value = self.calls.call_operation(name, list(arguments), row)
        self.building.frames.pop()
        return value

    def global_value(self, name: str, row: int) -> Any:
        """As outside, with stand-ins for its nodes."""
        if name not in self._known:
            self._known[name] = self.capture(self.outer.global_value(name, row), name)
        return self._known[name]

    def capture(self, value: Any, label: str) -> Any:
        """A value from outside, in which nodes that are no plain numbers are inputs of the body."""
        outer = self.outer.building
        if isinstance(value, RangeValue):
            return RangeValue(value.numbers, lambda numbers: [self.capture(node, label) for node in value.items])
        if isinstance(value, ListValue):
            if len(value.items) > LONGEST_LIST and value.flat:
                return self.capture(outer.materialise(value), label)
            return type(value)([self.capture(item, label) for item in value.items])
        if not isinstance(value, int):
            return value
        graph = outer.graph
        if graph.is_constant(value) and not graph.is_own_constant(value):
            number = graph.payload[value]
            return self.graph.constant(graph.constants[number], graph.exact.get(number))
        if value not in self._stand_ins:
            node = self._stand_ins[value] = self.stand_in(label, graph.shape_of(value))
            self.captured[node] = value
        return self._stand_ins[value]

    def hand_out(self, user: int) -> None:
        """Tell the lowering around what decided the body; user: the node outside that the body is for."""
        outer = self.outer.building
        outer.program.specialised.update(self.program.specialised)
        for each in self.program.decisions.values():
            needed = ancestors(self.graph, [each.source])
            for node, there in self.captured.items():
                if needed[node]:
                    outer.program.decide(there, user, each.what, each.whole)


class _InnerStatics(StaticValues):
    """Numbers that are known while a body is built: what is known outside is known here."""

    def __init__(self, inner: Inner) -> None:
        super().__init__(inner.graph, {})
        self.inner = inner
        self.outside = inner.outer.building.statics
        self.used = self.outside.used

    def _compute(self, node: int) -> float | None:
        there = self.inner.captured.get(node)
        return super()._compute(node) if there is None else self.outside.value(there)
