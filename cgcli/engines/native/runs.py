"""One point of a large graph of scalars: a loop over runs of equal operations.

The text that LLVM compiles depends on the kinds of operations only, not on the graph: one function a kind, and a
loop that calls them. Values lie in the order of the schedule, so a function gathers its operands from anywhere and
writes its results one behind the other:

    void run(double *results, double *values, int32 *operands, int64 length)

A function works in vectors of the host's width and may write past the end of its run, into results that a later run
computes; there is room for one vector behind the last run. Gathering is done number by number, since the processor's
own instruction for it takes longer on many machines (measured: 1.3 to 1.5 times on Zen 4).

In a deep and narrow graph every node is a run; that is computed node by node (`tape`).
"""

from __future__ import annotations

import numpy as np

from cgcli.engines.native.host import DOUBLE
from cgcli.engines.native.lanes import Lanes, Value
from cgcli.engines.native.spelling import spelled_out
from cgcli.engines.native.tape import Tape, load
from cgcli.errors import UsageError
from cgcli.passes.schedule import schedule

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from cgcli.engines.native.compile import Machine, MachineCode
    from cgcli.engines.native.host import Host
    from cgcli.graph.store import Graph
    from cgcli.passes.schedule import Kind, Schedule

RUN = "ptr %results, ptr %values, ptr %operands, i64 %length"


class Computed:
    """Values by node, as every engine answers: None for nodes that were not needed.

    The memory goes back to the program for the next evaluation when nobody looks at the values any more.
    """

    __slots__ = ("_place", "_spare", "_values")

    def __init__(self, values: Any, place: Any, spare: list[Any]) -> None:
        self._values = values
        self._place = place
        self._spare = spare

    def __del__(self) -> None:
        if not self._spare:
            self._spare.append(self._values)

    def __len__(self) -> int:
        return len(self._place)

    def __getitem__(self, node: int) -> float | None:
        place = self._place[node]
        return float(self._values[place]) if place >= 0 else None


class Runs:
    """A schedule and its kernel: what it takes to compute the wanted nodes again and again."""

    def __init__(self, graph: Graph, wanted: Sequence[int], host: Host, machine: Machine) -> None:
        """`wanted` and all that they need are scalars, and every operation has a native spelling or a definition.

        NotScalarError where a definition leads to an operation that has neither.
        """
        plan = schedule(graph, wanted)
        vector = host.lanes(DOUBLE)
        self._place, self._leaves = plan.place, plan.leaves
        self.nodes = len(plan.order)
        self._room = self.nodes + vector
        if plan.node_by_node:
            tape = Tape(plan)
            text, self._tables = tape.text(host), (tape.stream, tape.stream)
            self._count = 0
        else:
            text = generate(plan.kinds, host)
            self._tables = (np.concatenate([plan.operands, np.zeros(vector, dtype=np.int32)]), plan.runs)
            self._count = len(plan.runs)
        self.kernel: MachineCode = machine.load(text)
        self._constants, self._inputs = _leaves(graph, plan)
        self._input_places = np.array(list(self._inputs.values()), dtype=np.int64)
        self._spare: list[Any] = []

    def evaluate(self, inputs: Mapping[str, Any]) -> Computed:
        """The values for these inputs. UsageError where one is missing."""
        for name in self._inputs:
            if name not in inputs:
                raise UsageError(f"no value for the input `{name}`", hint=f"give one: {name}=…")
        try:
            values = self._spare.pop()
        except IndexError:
            values = np.empty(self._room)
            values[: self._leaves] = self._constants
        values[self._input_places] = [inputs[name] for name in self._inputs]
        tables = (values, *self._tables)
        self.kernel.call(*(table.ctypes.data for table in tables), None, self._leaves, self._count)
        return Computed(values, self._place, self._spare)


def _leaves(graph: Graph, plan: Schedule) -> tuple[Any, dict[str, int]]:
    """The values of the leaves, nan for the inputs, and the places of the inputs by name."""
    leaves = plan.order[: plan.leaves]
    constant = np.fromiter((graph.is_constant(node) for node in leaves), dtype=bool, count=plan.leaves)
    values = np.full(plan.leaves, np.nan)
    if constant.any():
        values[constant] = np.array(graph.constants)[np.array(graph.payload, dtype=np.int64)[leaves[constant]]]
    return values, {graph.input_name(node): int(plan.place[node]) for node in leaves[~constant]}


# ---- runs ----------------------------------------------------------------------------------------------------------


def generate(kinds: Sequence[Kind], host: Host) -> str:
    """The text of a kernel for runs of these kinds."""
    helpers: dict[str, str] = {}
    functions = [_run(number, kind, Lanes(host, DOUBLE, helpers)) for number, kind in enumerate(kinds)]
    return "\n".join([*helpers.values(), *functions, _driver(kinds)])


def _run(number: int, kind: Kind, lanes: Lanes) -> str:
    """The function of a kind: a loop over a run, a vector at a time."""
    row, attributes = kind
    reading: list[str] = []
    place = "%here"
    for position in range(row.arity):
        if position:
            reading.append(f"%from{position} = getelementptr i32, ptr {place}, i64 %length")
            place = f"%from{position}"
        reading += _gather(f"%x{position}", place, lanes)
    value = spelled_out(row, attributes, [Value(lanes, f"%x{position}", False) for position in range(row.arity)], lanes)
    return "\n".join([
        f"define internal void @run{number}({RUN}) {{",
        "entry:",
        *lanes.entry,
        "br label %ready",
        "ready:",
        "br label %loop",
        "loop:",
        "%at = phi i64 [0, %ready], [%next, %again]",
        "%here = getelementptr i32, ptr %operands, i64 %at",
        *reading, *lanes.loop,
        "br label %again",
        "again:",
        "%to = getelementptr double, ptr %results, i64 %at",
        f"store {lanes.vector} {value.text}, ptr %to, align 8",
        f"%next = add i64 %at, {lanes.count}",
        "%more = icmp slt i64 %next, %length",
        "br i1 %more, label %loop, label %done",
        "done:",
        "ret void",
        "}",
    ])  # fmt: skip


def _gather(own: str, place: str, lanes: Lanes) -> list[str]:
    """Instructions that read a vector of values from the places that a stretch of the operands names."""
    lines: list[str] = []
    vector = "poison"
    for lane in range(lanes.count):
        number = f"{own}.{lane}"
        filled = own if lane == lanes.count - 1 else f"{number}.vector"
        lines += [
            f"{number}.from = getelementptr i32, ptr {place}, i64 {lane}",
            *load(number, f"{number}.from"),
            f"{filled} = insertelement {lanes.vector} {vector}, double {number}, i32 {lane}",
        ]
        vector = filled
    return lines


def _driver(kinds: Sequence[Kind]) -> str:
    """The loop over runs; the first one writes behind the leaves, of which there are %first."""
    labels = " ".join(f"i32 {number}, label %kind{number}" for number in range(len(kinds)))
    blocks: list[str] = []
    read = ["[0, %loop]"]
    for number, (row, _) in enumerate(kinds):
        read.append(f"[{row.arity}, %kind{number}]")
        call = f"call void @run{number}(ptr %to, ptr %values, ptr %from, i64 %length)"
        blocks += [f"kind{number}:", call, "br label %next"]
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
