"""Nodes for blocks of rows again and again: a kernel that is found once and called with addresses only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cgcli.engines.base import Blocks, BlocksAt, BlocksOver
from cgcli.engines.native.generate import BLOCK

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from cgcli.engines.native.compile import MachineCode
    from cgcli.engines.native.generate import Layout
    from cgcli.passes.scalars import Scalars

    Places = list[tuple[str, int]]

BYTES = 8


class Compiled:
    """A kernel, what it expects, and the scalars that a graph was taken apart into."""

    __slots__ = ("kernel", "layout", "scalars")

    def __init__(self, scalars: Scalars, layout: Layout, kernel: MachineCode) -> None:
        self.scalars = scalars
        self.layout = layout
        self.kernel = kernel


class NativeBlocks(Blocks):
    """What `NativeEngine.blocks` gives."""

    def __init__(self, compiled: Compiled, elements: Sequence[int], lanes: int) -> None:
        """elements: the nodes of scalars, one for each line of results, of the graph that was taken apart."""
        layout, scalars = compiled.layout, compiled.scalars
        home = {node: (name, place) for name, nodes in scalars.inputs.items() for place, node in enumerate(nodes)}
        first = {node: line for line, node in reversed(list(enumerate(elements)))}
        self.width = len(elements)
        self.least = lanes
        self.kernel = compiled.kernel
        self.slots = layout.slots * (BLOCK + lanes)
        self.scalars: Places = [home[node] for node in layout.scalars]
        self.columns: Places = [home[node] for node in layout.columns]
        self.lines = np.array([first[node] for node in layout.results], dtype=np.uintp)
        self.twins = [(line, first[node]) for line, node in enumerate(elements) if first[node] != line]

    def at(self, values: Mapping[str, Any]) -> NativeBlocksAt:
        """As of all engines."""
        flat = {name: np.ravel(np.asarray(values[name], dtype=np.float64)) for name, _ in self.scalars}
        return NativeBlocksAt(self, np.array([flat[name][place] for name, place in self.scalars], dtype=np.float64))


class NativeBlocksAt(BlocksAt):
    """A kernel and the values that all rows share."""

    def __init__(self, blocks: NativeBlocks, scalars: Any) -> None:
        self._blocks = blocks
        self._scalars = scalars

    def over(self, columns: Mapping[str, Any]) -> NativeBlocksOver:
        """As of all engines."""
        elements = [_element(columns[name], place) for name, place in self._blocks.columns]
        return NativeBlocksOver(self._blocks, self._scalars, elements)


class NativeBlocksOver(BlocksOver):
    """A kernel, the shared values and the addresses of columns."""

    def __init__(self, blocks: NativeBlocks, scalars: Any, columns: Sequence[Any]) -> None:
        """columns: one contiguous array for each element that the kernel reads."""
        self._blocks = blocks
        self._scalars = scalars
        self._columns = columns
        self._addresses = np.array([column.ctypes.data for column in columns], dtype=np.uintp)

    def fill(self, first: int, last: int, out: Any) -> None:
        """As of all engines."""
        blocks = self._blocks
        if last - first < blocks.least:
            self._fill_few(first, last, out)
            return
        lines = blocks.lines * np.uintp(out.strides[0]) + np.uintp(out.ctypes.data)
        scratch = np.empty(blocks.slots)
        # the kernel counts rows from the beginning of the columns, and results begin at the block's first row
        lines -= np.uintp(BYTES * first)
        blocks.kernel.call(
            self._addresses.ctypes.data, self._scalars.ctypes.data, lines.ctypes.data, scratch.ctypes.data, first, last
        )
        for line, twin in blocks.twins:
            out[line, : last - first] = out[twin, : last - first]

    def _fill_few(self, first: int, last: int, out: Any) -> None:
        """Fewer rows than a vector holds: the last one is repeated."""
        height = self._blocks.least
        places = np.minimum(np.arange(first, first + height), last - 1)
        few = NativeBlocksOver(self._blocks, self._scalars, [column[places] for column in self._columns])
        found = np.empty((self._blocks.width, height))
        few.fill(0, height, found)
        out[:, : last - first] = found[:, : last - first]


def _element(column: Any, place: int) -> Any:
    """One element of a column's rows, contiguous."""
    table = np.asarray(column, dtype=np.float64)
    return np.ascontiguousarray(table if table.ndim == 1 else table.reshape(len(table), -1)[:, place])
