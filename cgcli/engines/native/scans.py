"""A scan as a loop in machine code: the body once, its state in registers.

    void kernel(double **tables, …, int64 first, int64 last)

takes the steps from `first` up to but without `last` (down to it, where the scan goes in reverse). The tables are the
state, which is read and written, the items, the shared operands, and the emitted rows. What depends on no step, such
as a function of the shared operands, is computed before the loop.

Many steps go in stretches of a tenth of a second, so that Ctrl-C is heard in between.
"""

from __future__ import annotations

from functools import cache
from math import prod
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from cgcli.engines.native.compile import Machine
from cgcli.engines.native.host import detect
from cgcli.engines.native.lanes import Value
from cgcli.engines.native.straight import NotStraightError, Straight
from cgcli.engines.native.vectors import Elements, Memory, mask
from cgcli.kept import Kept

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from cgcli.engines.native.compile import MachineCode
    from cgcli.engines.native.host import Host
    from cgcli.graph.bodies import Body

FIRST_STRETCH, LONGEST = 256, 0.05
"""Steps of the first stretch, and the seconds of one below which the next is twice as long."""

LOOPS = 256
"""Compiled loops that are kept."""


class Loop:
    """The machine code of a scan over a body, for any number of steps."""

    __slots__ = ("body", "kernel", "number_of_items", "reverse", "sizes")

    def __init__(self, body: Body, number_of_items: int, reverse: bool, kernel: MachineCode) -> None:
        self.body = body
        self.number_of_items = number_of_items
        self.reverse = reverse
        self.kernel = kernel
        self.sizes = [prod(shape) for shape in body.result_shapes]

    def run(self, steps: int, operands: Sequence[Any]) -> Any:
        """The elements of the final state, and behind them those of the emitted rows; a fresh vector.

        operands: state, items, shared operands, as doubles.
        """
        state = self.sizes[0]
        found = np.empty(state + steps * sum(self.sizes[1:]))
        found[:state] = np.ravel(operands[0])
        kept = [np.ascontiguousarray(operand, dtype=np.float64) for operand in operands[1:]]
        begins = [found[state:]] if len(self.sizes) > 1 else []
        tables = np.array([array.ctypes.data for array in (found, *kept, *begins)], dtype=np.uintp)
        done, stretch = 0, FIRST_STRETCH
        while done < steps:
            until, begin = min(done + stretch, steps), perf_counter()
            first, last = (steps - 1 - done, steps - 1 - until) if self.reverse else (done, until)
            self.kernel.call(tables.ctypes.data, None, None, None, first, last)
            if perf_counter() - begin < LONGEST:
                stretch *= 2
            done = until
        return found


class Loops:
    """Compiled loops of one host, made when they are asked for and kept."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self._machine = Machine(host)
        self._kept = Kept(LOOPS)

    def find(self, body: Body, number_of_items: int, reverse: bool) -> Loop | None:
        """The compiled loop of a scan; None where the body has what cannot be compiled so.

        body: its operands are a state, items and what all steps share; its results the next state, and what a step
        emits where there is a second one.
        """
        key = (body, number_of_items, reverse)
        found: tuple[Loop | None] | None = self._kept.get(key)
        if found is None:
            try:
                text = text_of(body, number_of_items, reverse, self.host)
                found = (Loop(body, number_of_items, reverse, self._machine.load(text)),)
            except NotStraightError:
                found = (None,)
            self._kept.put(key, found)
        return found[0]


@cache
def loops() -> Loops:
    """Those of this machine."""
    return Loops(detect())


# ---- the text --------------------------------------------------------------------------------------------------


def text_of(body: Body, number_of_items: int, reverse: bool, host: Host) -> str:
    """The kernel in LLVM's language. NotStraightError where the body cannot be written as straight-line code."""
    sizes, results = (tuple(map(prod, shapes)) for shapes in (body.operand_shapes, body.result_shapes))
    if not all((*sizes, *results)):
        raise NotStraightError("an array without elements")
    elements = Elements(host)
    tables = [f"%table{number}" for number in range(len(sizes) + len(results) - 1)]
    heads: list[str] = []
    state = elements.computed(sizes[0])
    before, phis = _state(elements, state, tables[0])
    given = [state]
    for number, (size, table) in enumerate(zip(sizes[1:], tables[1:], strict=False)):
        item = number < number_of_items
        if item:
            heads += _row(f"%item{number}", table, size)
        given.append(elements.in_memory(Memory(f"%item{number}" if item else table, not item), size))
    bound = {
        node: np.array(numbers, dtype=np.int64).reshape(shape)
        for node, numbers, shape in zip(body.operands, given, body.operand_shapes, strict=True)
    }
    values = Straight(elements).walk(body.graph, body.results, bound)
    after, *emitted = (values[node].ravel().tolist() for node in body.results)
    stores: list[str] = []
    if emitted:
        heads += _row("%emitted", tables[-1], results[1])
        stores = elements.store(emitted[0], "%emitted")
    following = [elements.vector(after[first : first + length], count)
                 for first, length, count in elements.stretches(sizes[0])]  # fmt: skip
    return "\n".join([
        *elements.helpers.values(),
        "define void @kernel(ptr %tables, ptr %none1, ptr %none2, ptr %none3, i64 %first, i64 %last) {",
        "entry:",
        *_pointers(tables), *before, *elements.entry,
        "br label %ready",
        "ready:",
        "br label %loop",
        "loop:",
        "%step = phi i64 [%first, %ready], [%step.next, %again]",
        *[f"{phi} [{value.text}, %again]" for phi, value in zip(phis, following, strict=True)],
        *heads, *elements.loop, *stores,
        "br label %again",
        "again:",
        f"%step.next = add i64 %step, {-1 if reverse else 1}",
        "%more = icmp ne i64 %step.next, %last",
        "br i1 %more, label %loop, label %done",
        "done:",
        *elements.store(after, tables[0]),
        "ret void",
        "}",
    ])  # fmt: skip


def _pointers(tables: Sequence[str]) -> list[str]:
    lines: list[str] = []
    for number, table in enumerate(tables):
        lines.append(f"{table}.at = getelementptr ptr, ptr %tables, i64 {number}")
        lines.append(f"{table} = load ptr, ptr {table}.at, align 8")
    return lines


def _row(name: str, table: str, size: int) -> list[str]:
    """Where the row of the current step begins."""
    return [f"{name}.begin = mul i64 %step, {size}", f"{name} = getelementptr double, ptr {table}, i64 {name}.begin"]


def _state(elements: Elements, state: Sequence[int], table: str) -> tuple[list[str], list[str]]:
    """What reads the state before the loop, and how its vectors begin in the loop."""
    entry: list[str] = []
    phis: list[str] = []
    for number, (first, length, count) in enumerate(elements.stretches(len(state))):
        begin, own, kind, part = f"%begin{number}", f"%state{number}", f"<{count} x double>", f"<{length} x double>"
        lanes = mask([min(lane, length - 1) for lane in range(count)], count)
        entry += [
            f"{begin}.at = getelementptr double, ptr {table}, i64 {first}",
            f"{begin}.part = load {part}, ptr {begin}.at, align 8",
            f"{begin} = shufflevector {part} {begin}.part, {part} poison, {lanes}",
        ]
        phis.append(f"{own} = phi {kind} [{begin}, %ready],")
        elements.enter(Value(elements.lanes(count), own, False), state[first : first + length])
    return entry, phis
