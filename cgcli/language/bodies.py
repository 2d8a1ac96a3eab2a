"""The functions of a text as closed graphs, each for operands of any shapes: what a call in a term means.

A function is walked in a graph of its own (`inner`). What it takes from outside (parameters, inputs, definitions)
becomes operands of its body; one more graph has the nodes that give them, and nothing of the text that no function
needs.
"""

from __future__ import annotations

from cgcli.errors import CgError, ShapeError
from cgcli.graph.bodies import Body
from cgcli.graph.walk import ancestors, descendants
from cgcli.language import syntax
from cgcli.language.inner import Inner
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
        self.columns = varying
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
        inner = Inner(self._outside)
        building, graph = inner.building, inner.graph
        building.within = None  # loops are written out, since there is no batch of a loop that is one node
        operands = [graph.input(f"argument {place}.{part}", shape, hidden=True)
                    for place, shapes in enumerate(parts) for part, shape in enumerate(shapes)]  # fmt: skip
        building.varying = [*graph.inputs(hidden=True), *self.columns]
        waiting = iter(operands)
        arguments: list[Any] = []
        for shapes, beside in zip(parts, several, strict=True):
            values: list[Any] = [next(waiting) for _ in shapes]
            arguments.append(TupleValue(values) if beside else values[0])
        value = inner.walked(definition, arguments, definition.first)
        try:
            items = value.items if isinstance(value, TupleValue) else [value]
            results = [building.materialise(item) for item in items]
        except CgError as error:
            raise building.located(error, definition.first)  # noqa: B904 - it is the same error
        needed = ancestors(graph, results)
        captured = [node for node in inner.captured if needed[node]]
        found = Function(name, graph, [*operands, *captured], results)
        found.outside = tuple(self._name_of(inner.captured[node], graph.input_name(node)) for node in captured)
        found.several = isinstance(value, TupleValue)
        return found

    def _name_of(self, node: int, label: str) -> str:
        """The name of a node outside; an item of a list, and an input that only this function needs, get one."""
        known = next((name for name, each in self.nodes.items() if each == node), None)
        if known is not None:
            return known
        while label in self.nodes:
            label += "'"
        self.nodes[label] = node
        return label

    def varies(self) -> set[str]:
        """The names outside that have another value in each row."""
        inputs = self.graph.inputs()
        reached = descendants(self.graph, [inputs[name] for name in self.columns if name in inputs])
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
