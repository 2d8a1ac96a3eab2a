"""Scans in machine code (`scans`): compiled when they are asked for, kept, and run.

Many steps go in stretches of less than a tenth of a second, so that Ctrl-C is heard in between.
"""

from __future__ import annotations

from functools import cache
from math import prod
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from cgcli.engines.native.compile import Machine
from cgcli.engines.native.host import DOUBLE, detect
from cgcli.engines.native.scans import ScanKernel
from cgcli.engines.native.straight import NotStraightError
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
    """The machine code of a scan over a body, for any number of steps.

    reverse: as of the scan. varying: for each operand whether it has one more axis in front, of rows. lanes: the rows
    of a vector.
    """

    __slots__ = ("body", "kernel", "lanes", "reverse", "sizes", "varying")

    def __init__(self, body: Body, reverse: bool, varying: Sequence[bool], kernel: MachineCode, lanes: int) -> None:
        self.body = body
        self.reverse = reverse
        self.varying = varying
        self.kernel = kernel
        self.lanes = lanes
        self.sizes = [prod(shape) for shape in body.result_shapes]

    def run(self, steps: int, operands: Sequence[Any]) -> Any:
        """The elements of the final state, and behind them what the steps emitted; of each row, where there are rows.

        operands: state, items, shared operands, as doubles.
        """
        if any(self.varying):
            return self._over_rows(steps, operands)
        state = self.sizes[0]
        found = np.empty(state + steps * sum(self.sizes[1:]))
        found[:state] = np.ravel(operands[0])
        self._take(steps, found, [np.ascontiguousarray(operand, dtype=np.float64) for operand in operands[1:]], 0)
        return found

    def _over_rows(self, steps: int, operands: Sequence[Any]) -> Any:
        rows = next(len(operand) for operand, varies in zip(operands, self.varying, strict=True) if varies)
        stride = -(-rows // self.lanes) * self.lanes
        state = self.sizes[0]
        found = np.empty((state + steps * sum(self.sizes[1:]), stride))
        start = operands[0] if self.varying[0] else np.broadcast_to(operands[0], (rows, *self.body.result_shapes[0]))
        found[:state] = _columns(start, stride)
        given = [
            _columns(operand, stride) if varies else np.ascontiguousarray(operand, dtype=np.float64)
            for operand, varies in zip(operands[1:], self.varying[1:], strict=True)
        ]
        if rows:
            self._take(steps, found, given, stride)
        return np.ascontiguousarray(found[:, :rows].T)

    def _take(self, steps: int, found: Any, others: Sequence[Any], stride: int) -> None:
        """All steps; `found` begins with the state, and what is emitted follows."""
        emitted = [found[self.sizes[0] :]] if len(self.sizes) > 1 else []
        tables = np.array([table.ctypes.data for table in (found, *others, *emitted)], dtype=np.uintp)
        strides = np.array([stride], dtype=np.int64)
        done, stretch = 0, FIRST_STRETCH
        while done < steps:
            until, begin = min(done + stretch, steps), perf_counter()
            first, last = (steps - 1 - done, steps - 1 - until) if self.reverse else (done, until)
            self.kernel.call(tables.ctypes.data, strides.ctypes.data, None, None, first, last)
            if perf_counter() - begin < LONGEST:
                stretch *= 2
            done = until


def _columns(rows: Any, stride: int) -> Any:
    """A column for each number of a row, so long that vectors fit; the last row is repeated."""
    flat = np.reshape(rows, (len(rows), -1)).T
    found = np.empty((len(flat), stride))
    found[:, : flat.shape[1]] = flat
    found[:, flat.shape[1] :] = flat[:, -1:]
    return found


class Loops:
    """Compiled loops of one host, made when they are asked for and kept."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self._machine = Machine(host)
        self._kept = Kept(LOOPS)

    def find(self, body: Body, items: int, reverse: bool, varying: Sequence[bool] = ()) -> Loop | None:
        """The compiled loop of a scan; None where the body has what cannot be compiled so.

        body: its operands are a state, items and what all steps share; its results the next state, and what a step
        emits where there is a second one. items: how many there are. varying: as of `Loop`, by default none.
        """
        varying = tuple(varying) or (False,) * len(body.operands)
        key = (body, items, reverse, varying)
        found: tuple[Loop | None] | None = self._kept.get(key)
        if found is None:
            try:
                text = ScanKernel(body, items, reverse, self.host, varying).text()
                loop = Loop(body, reverse, varying, self._machine.load(text), self.host.lanes(DOUBLE))
                found = (loop,)
            except NotStraightError:
                found = (None,)
            self._kept.put(key, found)
        return found[0]


@cache
def loops() -> Loops:
    """Those of this machine."""
    return Loops(detect())
