"""Walks of many groups of rows (`walks`): compiled once, run on all processors."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from cgcli.engines.threads import in_order, processors

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from cgcli.engines.native.blocks import Places
    from cgcli.engines.native.compile import MachineCode
    from cgcli.engines.native.walks import Areas

PIECES = 4
"""Pieces of work for a thread, so that one that is held up does not hold up the others."""

LONG = 20_000_000
"""Rows times evaluations of a piece at most (some tenths of a second), so that Ctrl-C is heard in between."""

LINE = 64
"""Bytes of a cache line."""


class Walks:
    """The walks of groups of rows: a kernel, and what it expects.

    columns: the elements of inputs that it reads of each row. scalars: the elements that all rows of a group share;
    parameters: places of those among them that walk.
    """

    def __init__(
        self, kernel: MachineCode, areas: Areas, columns: Places, scalars: Places, parameters: Sequence[int], told: int
    ) -> None:  # fmt: skip
        self._kernel = kernel
        self._areas = areas
        self._columns = columns
        self._scalars = scalars
        self._parameters = parameters
        self._told = told

    def over(self, columns: Mapping[str, Any], fixed: Mapping[str, Any]) -> WalksOver:
        """The same for columns by input, arrays of shape (rows,) + the input's shape. fixed: values of all rows."""
        shared = np.zeros(len(self._scalars))
        for place, (name, element) in enumerate(self._scalars):
            if place not in self._parameters:
                shared[place] = np.ravel(np.asarray(fixed[name], dtype=np.float64))[element]
        return WalksOver(self, [self._padded(columns[name], element) for name, element in self._columns], shared)

    def _padded(self, column: Any, element: int) -> Any:
        """One element of a column's rows, contiguous, of one vector at least."""
        table = np.asarray(column, dtype=np.float64)
        rows = np.ascontiguousarray(table if table.ndim == 1 else table.reshape(len(table), -1)[:, element])
        missing = self._areas.lanes - len(rows)
        return np.pad(rows, (0, missing), mode="edge") if missing > 0 and len(rows) else rows


class WalksOver:
    """Walks over some columns."""

    def __init__(self, walks: Walks, columns: Sequence[Any], shared: Any) -> None:
        self._walks = walks
        self._columns = columns  # which owns the memory
        self._addresses = np.array([column.ctypes.data for column in columns], dtype=np.uintp)
        self._shared = shared

    def run(self, begins: Any, counts: Any, points: Any, evaluations: int) -> Any:
        """Walk with groups of rows from points (p, groups): (told + 2, groups), the numbers that the steps tell, the
        evaluations, and 1 for a walk that ended at a solution.

        begins, counts: the first row of each group, and how many there are. evaluations: of a walk at most.
        """
        lanes = self._walks._areas.lanes
        size, groups = points.shape
        width = -(-groups // lanes) * lanes
        table = np.zeros((max(size, self._walks._told + 2), width))
        table[:size, :groups] = points
        first, rows = np.zeros((2, width), dtype=np.int64)
        first[:groups], rows[:groups] = begins, counts
        sizes = np.array([width, evaluations], dtype=np.int64)
        tables = np.array([each.ctypes.data for each in (first, rows, table, sizes)], dtype=np.uintp)
        threads = processors()
        step = self._step(rows, width, threads, evaluations)
        jobs = (partial(self._piece, tables, begin, min(begin + step, width)) for begin in range(0, width, step))
        for _ in in_order(jobs, threads):
            pass
        return table[:, :groups]

    def _step(self, rows: Any, width: int, threads: int, evaluations: int) -> int:
        """Groups of a piece, whole vectors of them. Results do not depend on it."""
        lanes = self._walks._areas.lanes
        total = max(int(rows.sum()) * evaluations, 1)
        pieces = max(threads * PIECES, total // LONG)
        return max(-(-width // pieces // lanes) * lanes, lanes)

    def _piece(self, tables: Any, first: int, last: int) -> None:
        """The walks of some groups; the call lets other threads go on."""
        walks = self._walks
        areas = walks._areas
        memory = np.empty(areas.total + LINE // 8)
        scratch = memory[(-memory.ctypes.data % LINE) // 8 :]
        begin = areas.at["scalars"]
        scratch[begin : begin + len(self._shared)] = self._shared
        walks._kernel.call(self._addresses.ctypes.data, tables.ctypes.data, None, scratch.ctypes.data, first, last)
