"""Nodes for blocks of rows with NumPy: what depends on no column is computed once, the rest block by block."""

from __future__ import annotations

import numpy as np

from cgcli.engines.base import Blocks, BlocksAt, BlocksOver
from cgcli.engines.plan import ALONE, operands_of
from cgcli.engines.planned import PlannedEngine
from cgcli.graph.shapes import size
from cgcli.graph.walk import descendants
from cgcli.ops import calling

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from cgcli.engines.plan import Kernel, Step
    from cgcli.graph.store import Graph

    FreeingStep = tuple[int, Kernel, Any, int, tuple[int, ...]]

BLOCK = 16384
"""Elements of the largest value of a block of rows: its temporaries (128 KiB each) stay in a core's cache."""

LOOPED, MOST_LOOPED = 64, 4_000_000
"""Rows of a block of loops, which take some rows at once, and elements that their states may have then (32 MB)."""


class RowPlan:
    """The steps towards some nodes for blocks of rows.

    varying: the wanted nodes that differ from row to row. height: rows of a block, so that its values stay in the
    cache. shapes: those of the wanted nodes.
    """

    def __init__(self, engine: PlannedEngine, graph: Graph, wanted: Sequence[int], columns: Sequence[int]) -> None:
        self.wanted = list(wanted)
        self.shapes = [graph.shape_of(node) for node in wanted]
        self._engine = engine
        varies = descendants(graph, columns)
        steps = [step for step in PlannedEngine.planned(engine, graph, wanted).steps() if varies[step[0]]]
        used = {operand for _, _, first, second in steps for operand in operands_of(first, second)}
        once = {operand for operand in used if not varies[operand]}
        self.varying = {node for node in wanted if varies[node]}
        self._fixed = engine.planned(graph, [*once, *(node for node in wanted if not varies[node])])
        self._size = len(graph)
        self._steps = with_last_uses(steps, self.varying | once)
        largest = max((size(graph.shape_of(node)) for node in [*columns, *(step[0] for step in steps)]), default=1)
        loops = any(graph.row(step[0]) is calling.scan for step in steps)
        self.height = max(1, BLOCK // largest, min(LOOPED, MOST_LOOPED // largest) if loops else 1)

    def fixed(self, values: Mapping[str, Any]) -> list[Any]:
        """The values of nodes that depend on no column, by node."""
        found = self._engine.run_plan(self._fixed, values)
        return found + [None] * (self._size - len(found))

    def compute(self, fixed: Sequence[Any], columns: Mapping[int, Any]) -> list[Any]:
        """The values of the wanted nodes for a block, by node; columns: those of the block, by node."""
        current = list(fixed)
        for node, column in columns.items():
            current[node] = column
        compute(self._steps, current)
        return current


class NumpyBlocks(Blocks):
    """What `NumpyEngine.blocks` gives."""

    def __init__(self, plan: RowPlan, columns: Mapping[str, int]) -> None:
        """columns: the nodes of inputs that vary, by name."""
        self.plan = plan
        self.columns = columns
        self.width = sum(map(size, plan.shapes))

    def at(self, values: Mapping[str, Any]) -> NumpyBlocksAt:
        """As of all engines."""
        with np.errstate(all="ignore"):
            return NumpyBlocksAt(self, self.plan.fixed(values))


class NumpyBlocksAt(BlocksAt):
    """A plan and the values of the nodes that all rows share."""

    def __init__(self, blocks: NumpyBlocks, fixed: list[Any]) -> None:
        self._blocks = blocks
        self._fixed = fixed

    def over(self, columns: Mapping[str, Any]) -> NumpyBlocksOver:
        """As of all engines."""
        given = {node: np.ascontiguousarray(columns[name], np.float64) for name, node in self._blocks.columns.items()}
        return NumpyBlocksOver(self._blocks.plan, self._fixed, given)


class NumpyBlocksOver(BlocksOver):
    """A plan, the values that rows share, and columns."""

    def __init__(self, plan: RowPlan, fixed: list[Any], columns: Mapping[int, Any]) -> None:
        self._plan = plan
        self._fixed = fixed
        self._columns = columns

    def fill(self, first: int, last: int, out: Any) -> None:
        """As of all engines; what is larger than the cache is done in smaller blocks."""
        plan = self._plan
        with np.errstate(all="ignore"):
            for begin in range(first, last, plan.height):
                end = min(begin + plan.height, last)
                found = plan.compute(self._fixed, {node: c[begin:end] for node, c in self._columns.items()})
                line = 0
                for node, shape in zip(plan.wanted, plan.shapes, strict=True):
                    count, value = size(shape), found[node]
                    if not shape:
                        out[line, begin - first : end - first] = value
                    else:
                        varies = node in plan.varying
                        flat = value.reshape(end - begin, count).T if varies else value.reshape(count, 1)
                        out[line : line + count, begin - first : end - first] = flat
                    line += count


def compute(steps: Iterable[FreeingStep], values: list[Any]) -> None:
    """Take steps, from the values of the nodes that they need to those of the nodes that are kept."""
    for node, kernel, first, second, dead in steps:
        if second >= 0:
            values[node] = kernel(values[first], values[second])
        elif second == ALONE:
            values[node] = kernel(values[first])
        else:
            values[node] = kernel(*[values[operand] for operand in first])
        for finished in dead:
            values[finished] = None


def with_last_uses(steps: Sequence[Step], kept: set[int]) -> list[FreeingStep]:
    """The steps with the nodes that no later step needs and that need not be kept."""
    plan = []
    seen = set(kept)
    for node, kernel, first, second in reversed(steps):
        dead = tuple({*operands_of(first, second)} - seen)
        seen.update(dead)
        plan.append((node, kernel, first, second, dead))
    return plan[::-1]
