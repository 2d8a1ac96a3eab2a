"""Kernels over lines of arrays: elementwise operations on arrays whose rows need not lie one behind the other.

A kernel of `generate` walks contiguous columns. Here it is called for each line of arrays of shape (lines, width): of
each array the address of its first line is known, and the bytes from one line to the next (0 for what all lines share).
"""

from __future__ import annotations

from ctypes import c_int64, c_void_p
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from cgcli.engines.native import ENGINE
from cgcli.engines.native.generate import PARAMETERS, generate
from cgcli.engines.native.host import DOUBLE
from cgcli.engines.native.spelling import defined, native_spelling
from cgcli.passes.scalars import NotScalarError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from cgcli.graph.store import Graph
    from cgcli.ops import Operation


def is_spelled(row: Operation) -> bool:
    """Whether an operation can be part of a kernel."""
    return row.elementwise and (native_spelling(row, ENGINE.host) is not None or defined(row))


@cache
def least_width() -> int:
    """Elements of a line at least."""
    return ENGINE.host.lanes(DOUBLE)


class LineKernel:
    """A graph of scalars for all elements of arrays.

    arrays, scalars: names of its inputs, in the order in which they are given; wanted: its results.
    """

    def __init__(self, graph: Graph, wanted: Sequence[int], arrays: Sequence[str], scalars: Sequence[str]) -> None:
        """NotScalarError where an operation has no native spelling, or the kernel would have several functions."""
        inputs = graph.inputs()
        taken = ENGINE._scalars(graph, wanted)
        nodes = {name: taken.inputs[name][0] for name in inputs if name in taken.inputs}
        columns = {nodes[name] for name in arrays if name in nodes}
        elements = [taken.elements[node][0] for node in wanted]
        text, layout = generate(taken.graph, elements, columns, ENGINE.host, DOUBLE)
        if layout.slots or len(layout.results) < len(elements):
            raise NotScalarError([])
        names = {node: name for name, node in nodes.items()}
        self._columns = [arrays.index(names[node]) for node in layout.columns]
        self._scalars = [scalars.index(names[node]) for node in layout.scalars]
        self._results = [elements.index(node) for node in layout.results]
        self._code = ENGINE._machine.load(_by_lines(text, len(self._columns), len(self._results)))
        self._pointers = c_void_p * max(1, len(self._columns))
        self._outs = c_void_p * len(self._results)
        self._strides = c_int64 * (len(self._columns) + len(self._results))

    def __call__(
        self, arrays: Sequence[tuple[int, int]], scalars: Sequence[Any], results: Sequence[tuple[int, int]],
        lines: int, width: int,
    ) -> None:  # fmt: skip
        """Compute all lines. arrays, results: address and bytes from line to line of each; width: at least
        `least_width`.
        """
        columns = [arrays[place] for place in self._columns]
        outs = [results[place] for place in self._results]
        numbers = np.array([scalars[place] for place in self._scalars], dtype=np.float64) if self._scalars else None
        self._code.call(
            self._pointers(*[address for address, _ in columns]), None if numbers is None else numbers.ctypes.data,
            self._outs(*[address for address, _ in outs]),
            self._strides(*[step for _, step in columns], *[step for _, step in outs]), lines, width,
        )  # fmt: skip


def _by_lines(text: str, columns: int, results: int) -> str:
    """The text of a kernel for lines: it keeps tables of pointers of its own and moves them on."""
    lines = [
        text.replace("define void @kernel(", "define internal void @line("),
        f"define void @kernel({PARAMETERS}) {{",
        "entry:",
        f"%from = alloca ptr, i64 {max(1, columns)}",
        f"%to = alloca ptr, i64 {results}",
    ]
    moved: list[str] = []
    for table, given, count, begin in (("from", "columns", columns, 0), ("to", "results", results, columns)):
        for place in range(count):
            name = f"{table}{place}"
            lines += [
                f"%{name}.given = getelementptr ptr, ptr %{given}, i64 {place}",
                f"%{name}.first = load ptr, ptr %{name}.given, align 8",
                f"%{name}.own = getelementptr ptr, ptr %{table}, i64 {place}",
                f"store ptr %{name}.first, ptr %{name}.own, align 8",
                f"%{name}.at = getelementptr i64, ptr %scratch, i64 {begin + place}",
                f"%{name}.step = load i64, ptr %{name}.at, align 8",
            ]
            moved += [
                f"%{name}.now = load ptr, ptr %{name}.own, align 8",
                f"%{name}.next = getelementptr i8, ptr %{name}.now, i64 %{name}.step",
                f"store ptr %{name}.next, ptr %{name}.own, align 8",
            ]
    return "\n".join([
        *lines, "br label %loop", "loop:",
        "%count = phi i64 [0, %entry], [%following, %loop]",
        "call void @line(ptr %from, ptr %scalars, ptr %to, ptr null, i64 0, i64 %last)",
        *moved,
        "%following = add i64 %count, 1",
        "%more = icmp slt i64 %following, %first",
        "br i1 %more, label %loop, label %done",
        "done:",
        "ret void",
        "}",
    ])  # fmt: skip
