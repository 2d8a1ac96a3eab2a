"""One point of a large graph of scalars: a loop over runs of equal operations.

The text that LLVM compiles depends on the kinds of operations only, not on the graph: one function a kind, and a
loop that calls them. Values lie in the order of the schedule, so a function gathers its operands from anywhere and
writes its results one behind the other:

    void run(double *results, double *values, int32 *operands, int64 length)

A function works in vectors of the host's width and may write past the end of its run, into results that a later run
computes; there is room for one vector behind the last run. In a deep and narrow graph every node is a run; there the
loop computes each node by itself, without a call.
"""

from __future__ import annotations

import numpy as np

from cgcli.engines.native.host import DOUBLE
from cgcli.engines.native.lanes import Lanes, Value
from cgcli.engines.native.spelling import native_spelling, spelled_on
from cgcli.errors import UsageError
from cgcli.graph.walk import ancestors
from cgcli.passes.expand import expansion
from cgcli.passes.scalars import to_scalars
from cgcli.passes.schedule import schedule

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from cgcli.engines.native.compile import Kernel, Machine
    from cgcli.engines.native.host import Host
    from cgcli.graph.store import Graph
    from cgcli.ops import Operation
    from cgcli.passes.schedule import Schedule

RUN = "ptr %results, ptr %values, ptr %operands, i64 %length"


class Computed:
    """Values by node, as every engine answers: None for nodes that were not needed."""

    __slots__ = ("_place", "_values")

    def __init__(self, values: Any, place: Any) -> None:
        self._values = values
        self._place = place

    def __len__(self) -> int:
        return len(self._place)

    def __getitem__(self, node: int) -> float | None:
        place = self._place[node]
        return float(self._values[place]) if place >= 0 else None


class Program:
    """A schedule and its kernel: what it takes to compute the wanted nodes again and again."""

    def __init__(self, graph: Graph, wanted: Sequence[int], host: Host, machine: Machine) -> None:
        """`wanted` and all that they need are scalars, and every operation has a native spelling or a definition.

        NotScalarError where a definition leads to an operation that has neither.
        """
        plan = self.schedule = schedule(graph, wanted)
        self.kernel: Kernel = machine.load(generate(plan.kinds, host, node_by_node=plan.node_by_node))
        vector = host.lanes(DOUBLE)
        self._operands = np.concatenate([plan.operands, np.zeros(vector, dtype=np.int32)])
        self._values = np.zeros(len(plan.order) + vector)
        self._inputs = _fill_leaves(graph, plan, self._values)

    def evaluate(self, inputs: Mapping[str, Any]) -> Computed:
        """The values for these inputs. UsageError where one is missing."""
        values, plan = self._values.copy(), self.schedule
        for name, place in self._inputs.items():
            if name not in inputs:
                raise UsageError(f"no value for the input `{name}`", hint=f"give one: {name}=…")
            values[place] = inputs[name]
        tables = (values, self._operands, plan.runs)
        self.kernel.call(*(table.ctypes.data for table in tables), None, plan.leaves, len(plan.runs))
        return Computed(values, plan.place)


def _fill_leaves(graph: Graph, plan: Schedule, values: Any) -> dict[str, int]:
    """Write the constants; the places of the inputs by name."""
    leaves = plan.order[: plan.leaves]
    constant = np.fromiter((graph.is_constant(node) for node in leaves), dtype=bool, count=plan.leaves)
    numbers = np.array(graph.payload, dtype=np.int64)[leaves[constant]]
    values[: plan.leaves][constant] = np.array(graph.constants)[numbers]
    return {graph.input_name(node): int(plan.place[node]) for node in leaves[~constant]}


def generate(kinds: Sequence[tuple[Operation, tuple[Any, ...]]], host: Host, *, node_by_node: bool = False) -> str:
    """The text of a kernel for runs of these kinds; for runs of one node each, of a loop without inner loops."""
    helpers: dict[str, str] = {}
    cases: list[list[str]] = []
    functions: list[str] = []
    for number, (row, attributes) in enumerate(kinds):
        if node_by_node:
            lanes = Lanes(host, DOUBLE, helpers, count=1, prefix=f"kind{number}.")
            cases.append(_node(number, row, attributes, lanes))
        else:
            lanes = Lanes(host, DOUBLE, helpers)
            functions.append(_run(number, row, attributes, lanes))
            cases.append([f"call void @run{number}(ptr %to, ptr %values, ptr %from, i64 %length)"])
    return "\n".join([*helpers.values(), *functions, _driver(kinds, cases)])


def _node(number: int, row: Operation, attributes: tuple[Any, ...], lanes: Lanes) -> list[str]:
    """The instructions for one node of a kind, inside the driver."""
    value, reading = _computed(row, attributes, lanes, "%from", "1", f"%kind{number}.x")
    return [*reading, *lanes.entry, *lanes.loop, f"store {lanes.vector} {value.text}, ptr %to, align 8"]


def _run(number: int, row: Operation, attributes: tuple[Any, ...], lanes: Lanes) -> str:
    """The function of a kind: a loop over a run, a vector at a time."""
    value, reading = _computed(row, attributes, lanes, "%here", "%length", "%x")
    return "\n".join([
        f"define internal void @run{number}({RUN}) {{",
        "entry:",
        *lanes.entry,
        "br label %loop",
        "loop:",
        "%at = phi i64 [0, %entry], [%next, %loop]",
        "%here = getelementptr i32, ptr %operands, i64 %at",
        *reading, *lanes.loop,
        "%to = getelementptr double, ptr %results, i64 %at",
        f"store {lanes.vector} {value.text}, ptr %to, align 8",
        f"%next = add i64 %at, {lanes.count}",
        "%more = icmp slt i64 %next, %length",
        "br i1 %more, label %loop, label %done",
        "done:",
        "ret void",
        "}",
    ])  # fmt: skip


def _computed(
    row: Operation, attributes: tuple[Any, ...], lanes: Lanes, place: str, stride: str, name: str
) -> tuple[Value, list[str]]:
    """The value of a row on gathered operands, and the instructions that gather them.

    place: where the places of the first operand lie; those of the next operand lie `stride` behind.
    """
    reading: list[str] = []
    operands: list[Value] = []
    for position in range(row.arity):
        own = f"{name}{position}"
        if position:
            reading.append(f"{own}.from = getelementptr i32, ptr {place}, i64 {stride}")
            place = f"{own}.from"
        reading.extend(_gather(own, place, lanes))
        operands.append(Value(lanes, own, False))
    return _spelled(row, attributes, operands, lanes), reading


def _spelled(row: Operation, attributes: tuple[Any, ...], operands: Sequence[Value], lanes: Lanes) -> Value:
    """The value of a row: by its native spelling, or by its definition, written out in its place.

    NotScalarError where the definition does not end in rows that have native spellings.
    """
    spelling = native_spelling(row)
    if spelling is not None and spelled_on(lanes.host, row):
        return lanes.spelled(spelling, operands, attributes)
    template, places, output = expansion(row, [()] * len(operands), attributes)
    scalars = to_scalars(template, [output], lambda inner: spelled_on(lanes.host, inner))
    graph, (result,) = scalars.graph, scalars.elements[output]
    needed = ancestors(graph, [result])
    values: dict[int, Value] = {}
    for place, operand in zip(places, operands, strict=True):
        for node in scalars.inputs.get(template.input_name(place), ()):
            values[node] = operand
    for node in range(len(needed)):
        if not needed[node] or node in values:
            continue
        number = graph.constant_value(node)
        if number is None:
            inner = [values[operand] for operand in graph.operands_of(node)]
            values[node] = _spelled(graph.row(node), graph.attributes_of(node), inner, lanes)
        else:
            values[node] = lanes.constant(number)
    return values[result]


def defined(row: Operation) -> bool:
    """Whether a row without a native spelling can be written out: it works on scalars and has a definition."""
    return row.elementwise and not row.variadic and row.definition is not None


def _gather(own: str, place: str, lanes: Lanes) -> list[str]:
    """Instructions that read values from the places that a stretch of the operands names."""
    count = lanes.count
    wide = [
        f"{own}.place = load <{count} x i32>, ptr {place}, align 4",
        f"{own}.wide = sext <{count} x i32> {own}.place to <{count} x i64>",
    ]
    if count == 1:
        return [
            *wide,
            f"{own}.only = extractelement <1 x i64> {own}.wide, i32 0",
            f"{own}.address = getelementptr double, ptr %values, i64 {own}.only",
            f"{own} = load <1 x double>, ptr {own}.address, align 8",
        ]
    gather = f"llvm.masked.gather.v{count}f64.v{count}p0"
    kinds = f"<{count} x ptr>, i32, {lanes.truths}, {lanes.vector}"
    lanes.helpers.setdefault(gather, f"declare {lanes.vector} @{gather}({kinds})")
    return [
        *wide,
        f"{own}.address = getelementptr double, ptr %values, <{count} x i64> {own}.wide",
        f"{own} = call {lanes.vector} @{gather}(<{count} x ptr> {own}.address, i32 8, "
        f"{lanes.truths} {lanes.always.text}, {lanes.vector} poison)",
    ]


def _driver(kinds: Sequence[tuple[Operation, tuple[Any, ...]]], cases: Sequence[Sequence[str]]) -> str:
    """The loop over runs; the first one writes behind the leaves, of which there are %first."""
    labels = " ".join(f"i32 {number}, label %kind{number}" for number in range(len(kinds)))
    blocks: list[str] = []
    read = ["[0, %loop]"]
    for number, ((row, _), case) in enumerate(zip(kinds, cases, strict=True)):
        read.append(f"[{row.arity}, %kind{number}]")
        blocks += [f"kind{number}:", *case, "br label %next"]
    return "\n".join([
        "define void @kernel(ptr %values, ptr %operands, ptr %runs, ptr %unused, i64 %first, i64 %last) {",
        "entry:",
        "%some = icmp sgt i64 %last, 0",
        "br i1 %some, label %loop, label %done",
        "loop:",
        "%run = phi i64 [0, %entry], [%run.next, %next]",
        "%at = phi i64 [%first, %entry], [%at.next, %next]",
        "%from = phi ptr [%operands, %entry], [%from.next, %next]",
        "%head = getelementptr [2 x i32], ptr %runs, i64 %run",
        "%kind = load i32, ptr %head, align 4",
        "%length.place = getelementptr i32, ptr %head, i64 1",
        "%length.short = load i32, ptr %length.place, align 4",
        "%length = zext i32 %length.short to i64",
        "%to = getelementptr double, ptr %values, i64 %at",
        f"switch i32 %kind, label %next [{labels}]",
        *blocks,
        "next:",
        f"%arity = phi i64 {', '.join(read)}",
        "%read = mul i64 %length, %arity",
        "%from.next = getelementptr i32, ptr %from, i64 %read",
        "%at.next = add i64 %at, %length",
        "%run.next = add i64 %run, 1",
        "%more = icmp slt i64 %run.next, %last",
        "br i1 %more, label %loop, label %done",
        "done:",
        "ret void",
        "}",
    ])  # fmt: skip
