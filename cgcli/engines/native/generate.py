"""From a graph of scalars to the text of a kernel in LLVM's language.

A kernel walks rows `first` to `last` in vectors of the host's width:

    void kernel(double **columns, double *scalars, double **results, double *scratch, int64 first, int64 last)

The last vector is moved back so that it ends at `last`; its first rows are computed twice, with equal results, and
no row is computed alone. There must be at least one vector of rows.

LLVM takes more than linear time for long functions. So a large graph becomes several functions ("segments") that
each do a block of rows; a value that a later segment needs goes through the scratch memory, which stays in the cache.
"""

from __future__ import annotations

from cgcli.engines.native.lanes import Lanes, Value
from cgcli.engines.native.spelling import native_spelling
from cgcli.graph.walk import ancestors

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from cgcli.engines.native.host import Host, Real
    from cgcli.graph.store import Graph

SEGMENT = 1000
"""Nodes in one function. Measured: the time to compile a node is lowest and flat between 200 and 2,000."""

CALL = 16
"""The cost of a mathematical function, in instructions: about 0.5 and 0.03 ns a row, measured."""

BLOCK = 64
"""Rows that one segment does before the next takes over."""

PARAMETERS = "ptr %columns, ptr %scalars, ptr %results, ptr %scratch, i64 %first, i64 %last"
ARGUMENTS = "ptr %columns, ptr %scalars, ptr %results, ptr %scratch"


class Layout:
    """What a kernel expects: the input nodes that are columns, those that are single values, and its results.

    work: the cost of a row, in instructions. slots: how many stretches of `BLOCK` rows, with one more vector in front,
    the scratch memory holds.
    """

    __slots__ = ("columns", "results", "scalars", "slots", "work")

    def __init__(self, columns: Sequence[int], scalars: Sequence[int], results: Sequence[int]) -> None:
        self.columns = columns
        self.scalars = scalars
        self.results = results
        self.work = 0
        self.slots = 0


def generate(
    graph: Graph, wanted: Sequence[int], varying: Collection[int], host: Host, real: Real
) -> tuple[str, Layout]:
    """The text of a kernel and its layout.

    wanted: the nodes to compute. varying: the input nodes that are columns. Every operation that is needed has a
    native spelling. LookupError where a spelling names a function that the C library lacks.
    """
    needed = ancestors(graph, wanted)
    inputs = [node for node in graph.inputs(hidden=True).values() if needed[node]]
    layout = Layout(
        [node for node in inputs if node in varying], [node for node in inputs if node not in varying],
        list(dict.fromkeys(wanted)),
    )  # fmt: skip
    steps = [node for node in range(len(needed)) if needed[node] and not graph.is_leaf(node)]
    parts = [steps[first : first + SEGMENT] for first in range(0, len(steps), SEGMENT)] or [[]]
    slots = _Slots(graph, parts)
    layout.slots = slots.count
    helpers: dict[str, str] = {}
    names = [f"segment{number}" for number in range(len(parts))] if len(parts) > 1 else ["kernel"]
    functions = []
    for number, (name, part) in enumerate(zip(names, parts, strict=True)):
        lanes = Lanes(host, real, helpers)
        segment = _Segment(graph, layout, slots, lanes)
        functions.append(segment.function(name, part, number, leaves=number == len(parts) - 1))
        layout.work += sum(CALL if " call " in line and "@llvm." not in line else 1 for line in lanes.loop)
    if len(parts) > 1:
        functions.append(_driver(names))
    return "\n".join([*helpers.values(), *functions]), layout


class _Slots:
    """The place in the scratch memory of each value that is made in one segment and used in a later one."""

    def __init__(self, graph: Graph, parts: Sequence[Sequence[int]]) -> None:
        home = {node: number for number, part in enumerate(parts) for node in part}
        last_use: dict[int, int] = {}
        for number, part in enumerate(parts):
            for node in part:
                for operand in graph.operands_of(node):
                    if home.get(operand, number) != number:
                        last_use[operand] = number
        self.place: dict[int, int] = {}
        self.count = 0
        self._assign(parts, last_use)

    def _assign(self, parts: Sequence[Sequence[int]], last_use: dict[int, int]) -> None:
        """Places are used again once the last segment that reads them is done."""
        free: list[int] = []
        released: dict[int, list[int]] = {}
        for number, part in enumerate(parts):
            free.extend(released.pop(number - 1, ()))
            for node in part:
                if node in last_use:
                    if not free:
                        free.append(self.count)
                        self.count += 1
                    self.place[node] = free.pop()
                    released.setdefault(last_use[node], []).append(self.place[node])


class _Segment:
    """Writes the function of one segment."""

    def __init__(self, graph: Graph, layout: Layout, slots: _Slots, lanes: Lanes) -> None:
        self.graph = graph
        self.layout = layout
        self.slots = slots
        self.lanes = lanes
        self.values: dict[int, Value] = {}
        self.column_places = {node: place for place, node in enumerate(layout.columns)}
        self.scalar_places = {node: place for place, node in enumerate(layout.scalars)}
        self.result_places = {node: place for place, node in enumerate(layout.results)}

    def function(self, name: str, part: Sequence[int], number: int, *, leaves: bool) -> str:
        """The function that computes the nodes of a part; `leaves`: also stores the wanted inputs and constants."""
        for node in part:
            self._step(node)
        if leaves:
            for node in self.layout.results:
                if self.graph.is_leaf(node):
                    self._store(self._value(node), "%results", self.result_places[node])
        return self._with_loop(name)

    def _step(self, node: int) -> None:
        graph, lanes = self.graph, self.lanes
        operands = [self._value(operand) for operand in graph.operands_of(node)]
        spelling = native_spelling(graph.row(node), lanes.host, lanes.real)
        assert spelling is not None
        value = self.values[node] = lanes.spelled(spelling, operands, graph.attributes_of(node))
        if node in self.result_places:
            self._store(value, "%results", self.result_places[node])
        if node in self.slots.place:
            address = self._scratch_address(node)
            lanes.loop.append(f"store {lanes.vector} {value.text}, ptr {address}, align {self._alignment}")

    def _value(self, node: int) -> Value:
        found = self.values.get(node)
        if found is None:
            found = self.values[node] = self._outer_value(node)
        return found

    def _outer_value(self, node: int) -> Value:
        """A value from outside this segment: a constant, a column, a single value, or an earlier segment's."""
        lanes = self.lanes
        constant = self.graph.constant_value(node)
        if constant is not None:
            return lanes.constant(constant)
        if node in self.scalar_places:
            return self._broadcast(self.scalar_places[node])
        if node in self.column_places:
            address = self._row_address("%columns", self.column_places[node])
        else:
            address = self._scratch_address(node)
        return Value(lanes, lanes.write(f"load {lanes.vector}, ptr {address}, align {self._alignment}", False), False)

    @property
    def _alignment(self) -> int:
        return self.lanes.real.bits // 8

    def _broadcast(self, place: int) -> Value:
        lanes = self.lanes
        real, vector = lanes.real.name, lanes.vector
        address = lanes.write(f"getelementptr {real}, ptr %scalars, i64 {place}", True)
        single = lanes.write(f"load {real}, ptr {address}, align {self._alignment}", True)
        first = lanes.write(f"insertelement {vector} poison, {real} {single}, i32 0", True)
        text = f"shufflevector {vector} {first}, {vector} poison, <{lanes.count} x i32> zeroinitializer"
        return Value(lanes, lanes.write(text, True), True)

    def _row_address(self, table: str, place: int) -> str:
        """Where the current rows of a column begin."""
        lanes = self.lanes
        entry = lanes.write(f"getelementptr ptr, ptr {table}, i64 {place}", True)
        column = lanes.write(f"load ptr, ptr {entry}, align 8", True)
        return lanes.write(f"getelementptr {lanes.real.name}, ptr {column}, i64 %at", False)

    def _scratch_address(self, node: int) -> str:
        """Where a value that crosses segments has its rows; the block has one vector of rows in front of it."""
        lanes = self.lanes
        stretch = BLOCK + lanes.count
        begin = self.slots.place[node] * stretch + lanes.count
        base = lanes.write(f"getelementptr {lanes.real.name}, ptr %scratch, i64 {begin}", True)
        return lanes.write(f"getelementptr {lanes.real.name}, ptr {base}, i64 %inner", False)

    def _store(self, value: Value, table: str, place: int) -> None:
        address = self._row_address(table, place)
        self.lanes.loop.append(f"store {self.lanes.vector} {value.text}, ptr {address}, align {self._alignment}")

    def _with_loop(self, name: str) -> str:
        count = self.lanes.count
        return "\n".join([
            f"define void @{name}({PARAMETERS}) {{",
            "entry:",
            f"%latest = sub i64 %last, {count}",
            *self.lanes.entry,
            "br label %ready",
            "ready:",
            "br label %loop",
            "loop:",
            "%row = phi i64 [%first, %ready], [%next, %again]",
            "%over = icmp sgt i64 %row, %latest",
            "%at = select i1 %over, i64 %latest, i64 %row",
            "%inner = sub i64 %at, %first",
            *self.lanes.loop,
            "br label %again",
            "again:",
            f"%next = add i64 %row, {count}",
            "%more = icmp slt i64 %next, %last",
            "br i1 %more, label %loop, label %done",
            "done:",
            "ret void",
            "}",
        ])  # fmt: skip


def _driver(names: Sequence[str]) -> str:
    """The kernel of several segments: each does a block of rows in turn."""
    declared = f"{ARGUMENTS}, i64 %row, i64 %end"
    return "\n".join([
        f"define void @kernel({PARAMETERS}) {{",
        "entry:",
        "br label %loop",
        "loop:",
        "%row = phi i64 [%first, %entry], [%next, %loop]",
        f"%next = add i64 %row, {BLOCK}",
        "%over = icmp sgt i64 %next, %last",
        "%end = select i1 %over, i64 %last, i64 %next",
        *[f"call void @{name}({declared})" for name in names],
        "%more = icmp slt i64 %next, %last",
        "br i1 %more, label %loop, label %done",
        "done:",
        "ret void",
        "}",
    ])  # fmt: skip
