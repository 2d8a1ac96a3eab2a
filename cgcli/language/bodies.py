"""The functions of a text as closed graphs, each for operands of any shapes: what a call in a term means.

What a function takes from outside (parameters, inputs, definitions) becomes operands of its body; a graph of those
(`Outside`) has the nodes that give them, and nothing of the text that no function needs.
"""

from __future__ import annotations

from cgcli.errors import CgError, ShapeError
from cgcli.graph.bodies import Body
from cgcli.graph.walk import ancestors, descendants
from cgcli.language import syntax
from cgcli.language.lowering import Lowering
from cgcli.language.values import TupleValue
from cgcli.numerals import counted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from typing import Any

    from cgcli.graph.store import Graph
    from cgcli.language.names import Names
    from cgcli.language.syntax import Syntax

    Shape = tuple[int, ...]


class Function(Body):
    """The body of a function of a text.

    outside: names that it takes from outside; their values are its last operands, behind those of its parameters.
    several: whether it returns values side by side.
    """

    __slots__ = ("outside", "several")

    outside: tuple[str, ...]
    several: bool


class Functions:
    """The functions of a text for values of certain shapes.

    graph: what functions take from outside, and nodes: the node of each such name in it. columns: inputs that have a
    value in each row.
    """

    def __init__(
        self, table: Syntax, names: Names, shapes: Mapping[str, Shape], values: Mapping[str, float],
        bound: Collection[str], varying: Collection[str] = (), more: Iterable[str] = (), *, alone: bool = False,
    ) -> None:  # fmt: skip
        """shapes, values, bound, varying: as of `reading.lower`. more: names that are needed beside what functions
        need; alone: nothing but these.
        """
        self.table, self.names = table, names
        self._values, self._bound, self._shapes = dict(values), bound, shapes
        self.columns = self._varying = varying
        self._outside = Lowering(table, names, shapes, values, bound, ())
        self._outside.building.varying = varying
        used = self._used([*(() if alone else names.functions), *more])
        for row in self._statements(used):
            self._outside._statement(row)
        self.graph: Graph = self._outside.graph
        self.program = self._outside.program
        self.nodes: dict[str, int] = {}
        for name in used:
            self.node_of(name)

    def node_of(self, name: str) -> int | None:
        """The node of a name outside of functions; None where a name is none of a value."""
        building = self._outside.building
        if name not in self.nodes and name in building.globals:
            value = building.globals[name]
            self.nodes[name] = building.materialise(value)
        return self.nodes.get(name)

    def body(self, name: str, parts: Sequence[Sequence[Shape]], several: Sequence[bool]) -> Function:
        """The body of a function for arguments of these shapes, all of which differ from row to row.

        parts: of each argument the shapes of its values; `several`, whether it is several values side by side, as a
        function returns them, each of which is an operand of the body. Errors have their place in the text of the
        function. ShapeError for a wrong number of arguments.
        """
        definition = self.names.functions[name]
        if len(parts) != len(definition.parameters):
            takes = counted(len(definition.parameters), "argument")
            form = f"{name}({', '.join(definition.parameters)})"
            raise ShapeError(f"`{name}` takes {takes}, not {len(parts)}", hint=f"it is defined as {form}")
        inner = Lowering(self.table, self.names, self._shapes, self._known(), self._bound, ())
        building, graph = inner.building, inner.graph
        operands = [graph.input(f"argument {place}.{part}", shape, hidden=True)
                    for place, shapes in enumerate(parts) for part, shape in enumerate(shapes)]  # fmt: skip
        building.varying = [*graph.inputs(hidden=True), *self._varying]
        waiting = iter(operands)
        arguments: list[Any] = []
        for shapes, beside in zip(parts, several, strict=True):
            values: list[Any] = [next(waiting) for _ in shapes]
            arguments.append(TupleValue(values) if beside else values[0])
        for outer, node in self.nodes.items():
            building.globals[outer] = self._stand_in(graph, outer, node)
        value = building.of_call(
            lambda leave: inner.calls.enter(definition, arguments, definition.first, leave, None), definition.first, -1
        )
        try:
            items = value.items if isinstance(value, TupleValue) else [value]
            results = [building.materialise(item) for item in items]
        except CgError as error:
            raise building.located(error, definition.first)  # noqa: B904 - it is the same error
        needed = ancestors(graph, results)
        outside = [outer for outer, node in graph.inputs().items()
                   if needed[node] and (outer in self.nodes or self._new(graph, outer))]  # fmt: skip
        found = Function(name, graph, [*operands, *(graph.inputs()[outer] for outer in outside)], results)
        found.outside = tuple(outside)
        found.several = isinstance(value, TupleValue)
        return found

    def _stand_in(self, graph: Graph, name: str, node: int) -> int:
        """What a name from outside is within a body: an input; of a number that the text knows, that number."""
        known = self.graph.constant_value(node)
        if known is not None and not self.graph.shape_of(node):
            return graph.constant(known)
        return graph.input(name, self.graph.shape_of(node))

    def _new(self, graph: Graph, name: str) -> bool:
        """Enter an input that only this function needs; True."""
        self.nodes[name] = self._outside._input(name, graph.shape_of(graph.inputs()[name]))
        return True

    def _known(self) -> dict[str, float]:
        """The numbers of names outside, for what must be known while a body is built."""
        statics, found = self._outside.building.statics, dict(self._values)
        for name, node in self.nodes.items():
            known = statics.value(node) if not self.graph.shape_of(node) else None
            if known is not None:
                found.setdefault(name, known)
        return found

    def varies(self) -> set[str]:
        """The names outside that have another value in each row."""
        inputs = self.graph.inputs()
        reached = descendants(self.graph, [inputs[name] for name in self._varying if name in inputs])
        return {name for name, node in self.nodes.items() if reached[node]}

    # ---- what functions need of the text ---------------------------------------------------------------------------

    def _used(self, names: Iterable[str]) -> list[str]:
        """The names outside that functions and other names need, directly or through others."""
        table, found, pending = self.table, dict[str, None](), list(dict.fromkeys(names))
        seen = set(pending)
        rows = self._rows_by_name()
        while pending:
            name = pending.pop()
            definition = self.names.functions.get(name)
            if definition is None:
                found[name] = None
            stretch = range(definition.first, definition.end) if definition else rows.get(name, range(0))
            own = {*definition.parameters, *definition.locals} if definition else set()
            for row in stretch:
                rule = table.rule[row]
                word = table.word(row) if rule == syntax.NAME else table.callee(row) if rule == syntax.CALLEE else ""
                if (
                    word
                    and word not in own
                    and word not in seen
                    and (word in self.names.functions or word in self._all)
                ):
                    seen.add(word)
                    pending.append(word)
        return list(found)

    @property
    def _all(self) -> Collection[str]:
        return self.names.defined

    def _rows_by_name(self) -> dict[str, range]:
        """The rows of the statement that defines each name."""
        first = self.table.first()
        begins = [(self.table.start[first[row]], row) for row in self.table.statements]
        found = {}
        for name, (start, _) in self.names.defined.items():
            row = next((row for begin, row in reversed(begins) if begin <= start), None)
            if row is not None:
                found[name] = range(first[row], row + 1)
        return found

    def _statements(self, names: Sequence[str]) -> list[int]:
        """The statements that define names, in the order of the text."""
        rows = self._rows_by_name()
        return sorted({rows[name].stop - 1 for name in names if name in rows})
