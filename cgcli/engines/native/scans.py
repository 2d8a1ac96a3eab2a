"""The text of a scan in LLVM's language: the body once, its state in registers, in a loop over the steps.

    void kernel(double **tables, int64 *stride, …, int64 first, int64 last)

takes the steps from `first` up to but without `last` (down to it, where the scan goes in reverse). The tables are the
state, which is read and written, the items, the shared operands, and what the steps emit. What depends on no step, such
as a function of the shared operands, is computed before the loop.

At one point vectors go along the arrays of the body. Where operands have a number a row, they go along the rows: the
loop over the steps is run for one vector of rows after the other, and tables with rows hold columns that are `stride`
numbers long.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import numpy as np

from cgcli.engines.native.lanes import Value
from cgcli.engines.native.straight import NotStraightError, Straight
from cgcli.engines.native.vectors import Elements, Memory, RowElements

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cgcli.engines.native.host import Host
    from cgcli.graph.bodies import Body


class ScanKernel:
    """Writes the kernel of a scan in LLVM's language.

    varying: for each operand whether it has a number a row; without one there is one point, and vectors along arrays.
    """

    def __init__(self, body: Body, number_of_items: int, reverse: bool, host: Host, varying: Sequence[bool]) -> None:
        self.body = body
        self.number_of_items = number_of_items
        self.reverse = reverse
        self.varying = varying
        self.sizes = [prod(shape) for shape in body.operand_shapes]
        self.results = [prod(shape) for shape in body.result_shapes]
        self.elements = RowElements(host) if any(varying) else Elements(host)
        self.tables = [f"%table{number}" for number in range(len(self.sizes) + len(self.results) - 1)]
        self.heads: list[str] = []

    def text(self) -> str:
        """The text. NotStraightError where the body cannot be written as straight-line code."""
        if not all((*self.sizes, *self.results)):
            raise NotStraightError("an array without elements")
        elements = self.elements
        before, phis, state = self._state()
        given = [state, *(self._operand(number) for number in range(1, len(self.sizes)))]
        bound = {
            node: np.array(numbers, dtype=np.int64).reshape(shape)
            for node, numbers, shape in zip(self.body.operands, given, self.body.operand_shapes, strict=True)
        }
        values = Straight(elements).walk(self.body.graph, self.body.results, bound)
        after, *emitted = (values[node].ravel().tolist() for node in self.body.results)
        stores: list[str] = []
        if emitted:
            self._row("%emitted", self.tables[-1], self.results[1], any(self.varying))
            stores = elements.store(emitted[0], "%emitted")
        following = [
            elements.vector(after[first : first + length], count)
            for first, length, count in elements.stretches(len(after))
        ]
        loop = [
            *(f"{phi} [{value.text}, %again]" for phi, value in zip(phis, following, strict=True)),
            *self.heads, *elements.loop, *stores,
        ]  # fmt: skip
        return self._around([*before, *elements.entry], loop, elements.store(after, self.tables[0]))

    def _state(self) -> tuple[list[str], list[str], list[int]]:
        """What reads the state before the loop, how its vectors begin in the loop, and its elements."""
        elements, before, phis = self.elements, [], []
        state = elements.computed(self.sizes[0])
        for number, (first, length, count) in enumerate(elements.stretches(len(state))):
            begin, own, lanes = f"%begin{number}", f"%state{number}", elements.lanes(count)
            before += elements.read(begin, self.tables[0], first, length, count)
            phis.append(f"{own} = phi {lanes.vector} [{begin}, %ready],")
            elements.enter(Value(lanes, own, False), state[first : first + length])
        return before, phis, state

    def _operand(self, number: int) -> list[int]:
        """The elements of an item or a shared operand."""
        table, size, rows = self.tables[number], self.sizes[number], self.varying[number]
        item = number <= self.number_of_items
        if item:
            self._row(f"%item{number}", table, size, rows)
        return self.elements.in_memory(Memory(f"%item{number}" if item else table, not item, rows), size)

    def _row(self, name: str, table: str, size: int, rows: bool) -> None:
        """Where the numbers of the current step begin."""
        self.heads += [
            f"{name}.step = mul i64 %step, {size}",
            f"{name}.begin = mul i64 {name}.step, {'%stride' if rows else 1}",
            f"{name} = getelementptr double, ptr {table}, i64 {name}.begin",
        ]

    def _around(self, before: Sequence[str], loop: Sequence[str], finish: Sequence[str]) -> str:
        """The loop over the steps, and around it that over vectors of rows, of which one point has a single one."""
        return "\n".join([
            *self.elements.helpers.values(),
            "define void @kernel(ptr %tables, ptr %sizes, ptr %none1, ptr %none2, i64 %first, i64 %last) {",
            "entry:",
            "%stride = load i64, ptr %sizes, align 8",
            *_pointers(self.tables),
            "br label %rows",
            "rows:",
            "%row = phi i64 [0, %entry], [%row.next, %done]",
            *before,
            "br label %ready",
            "ready:",
            "br label %loop",
            "loop:",
            "%step = phi i64 [%first, %ready], [%step.next, %again]",
            *loop,
            "br label %again",
            "again:",
            f"%step.next = add i64 %step, {-1 if self.reverse else 1}",
            "%more = icmp ne i64 %step.next, %last",
            "br i1 %more, label %loop, label %done",
            "done:",
            *finish,
            f"%row.next = add i64 %row, {self.elements.width}",
            "%more.rows = icmp slt i64 %row.next, %stride",
            "br i1 %more.rows, label %rows, label %end",
            "end:",
            "ret void",
            "}",
        ])  # fmt: skip


def _pointers(tables: Sequence[str]) -> list[str]:
    lines: list[str] = []
    for number, table in enumerate(tables):
        lines.append(f"{table}.at = getelementptr ptr, ptr %tables, i64 {number}")
        lines.append(f"{table} = load ptr, ptr {table}.at, align 8")
    return lines
