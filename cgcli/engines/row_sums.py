"""Sums over the rows of a batch with NumPy: a loss of each row, and its gradient by what all rows share.

The sum goes inwards through whatever is linear, so a gradient by a matrix of weights, `outer(adjoint, x)` in one row,
is one product of two matrices for all rows, and no matrix a row is ever made. What is worked out once a graph is the
plan: values that are the same in all rows, values of a row (with an axis of rows in front), and sums. A batch that is
too high for the cache is taken in blocks of rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cgcli.engines.numpy import NumpyEngine
from cgcli.engines.plan import ALONE, MANY, operands_of, take
from cgcli.engines.planned import PlannedEngine
from cgcli.graph.shapes import size
from cgcli.graph.walk import ancestors, descendants

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from cgcli.engines.plan import Kernel, Plan, Shape, Step
    from cgcli.graph.store import Graph
    from cgcli.ops import Operation

BLOCK = 1 << 18
"""Elements of the largest value of a block of rows (2 MiB), as far as that is more than FEWEST rows."""

FEWEST = 128
"""Rows of a block at least: products of matrices are slow on fewer."""


class BatchEngine(NumpyEngine):
    """NumPy, with the spelling of a row for batches where it has one."""

    def planned(self, graph: Graph, wanted: Sequence[int]) -> Plan:
        """As every engine that goes node by node; nothing is let go of."""
        return PlannedEngine.planned(self, graph, wanted)

    def own_kernel(self, row: Operation, shapes: tuple[Shape, ...], attributes: tuple[Any, ...]) -> Kernel | None:
        """As `NumpyEngine`."""
        batched = row.spell.get("numpy_batch")
        if batched is not None:
            return lambda *operands: batched(np, *operands, *attributes)
        return super().own_kernel(row, shapes, attributes)


ENGINE = BatchEngine()


class RowSums:
    """Sums over the rows of some nodes. The graph is finished; a plan may serve one thread at a time.

    Values and sums are kept in one list: those of node n (with rows in front where it varies) in place n, its sum over
    the rows in place n + the number of nodes.
    """

    def __init__(self, graph: Graph, wanted: Sequence[int], columns: Sequence[str]) -> None:
        """columns: the inputs that differ from row to row. CalculationError for what NumPy cannot compute."""
        self.wanted = list(wanted)
        self._graph, self._size = graph, len(graph)
        inputs = graph.inputs(hidden=True)
        self._varying = descendants(graph, [inputs[name] for name in columns if name in inputs])
        self._needed = bytearray(len(graph))
        self._sums = self._push_sums()
        self._products = self._split_products()
        self._needed = bytearray(ancestors(graph, [node for node, need in enumerate(self._needed) if need]))
        plan = ENGINE.planned(graph, [node for node, need in enumerate(self._needed) if need])
        self._inputs = [(node, name, bool(self._varying[node])) for node, name in plan.inputs]
        self._first = [*plan.values, *[None] * self._size]
        steps = list(plan.steps())
        self._rows = [step for step in steps if self._varying[step[0]]]
        self._prepare([step for step in steps if not self._varying[step[0]]])
        widest = [node for node, *_ in self._rows] + [node for node, _, varies in self._inputs if varies]
        largest = max((size(graph.shape_of(node)) for node in widest), default=1)
        self._height = max(FEWEST, BLOCK // largest)

    @property
    def inputs(self) -> list[str]:
        """Names of the inputs that have to be given."""
        return [name for _, name, _ in self._inputs]

    def _prepare(self, steps: Sequence[Step]) -> None:
        """Compute what follows from constants alone; the other steps that no row changes are taken once a batch."""
        free = descendants(self._graph, [node for node, _, _ in self._inputs])
        with np.errstate(all="ignore"):
            take([step for step in steps if not free[step[0]]], self._first)
        self._fixed = [step for step in steps if free[step[0]]]

    # ---- the plan of the sums ----------------------------------------------------------------------------------

    def _push_sums(self) -> list[Step]:
        """The steps that make the sums, from the innermost outwards; notes which values of rows they need."""
        asked = bytearray(self._size)
        for node in self.wanted:
            asked[node] = 1
        steps: list[Step] = []
        for node in range(max(self.wanted, default=-1), -1, -1):
            if asked[node]:
                kernel, operands = self._sum_of(node)
                for operand in operands:
                    if operand >= self._size:
                        asked[operand - self._size] = 1
                    else:
                        self._needed[operand] = 1
                alone = len(operands) == 1
                pair = len(operands) == 2
                steps.append((node + self._size, kernel, operands if not (alone or pair) else operands[0],
                              operands[1] if pair else ALONE if alone else MANY))  # fmt: skip
        return steps[::-1]

    def _split_products(self) -> list[tuple[int, int, Kernel, int, int]]:
        """Take out of the steps those sums of products that are wanted and that no other sum needs.

        Each with its place among the wanted ones: such a product can be written where it is to be.
        """
        used = {operand for _, _, first, second in self._sums for operand in operands_of(first, second)}
        places = {node + self._size: place for place, node in enumerate(self.wanted)}
        found = [step for step in self._sums if step[0] in places and step[0] not in used and step[3] >= 0
                 and max(step[2], step[3]) < self._size and all(self._varying[each] for each in step[2:])]  # fmt: skip
        self._sums = [step for step in self._sums if step not in found]
        return [(places[node], node, kernel, left, right) for node, kernel, left, right in found]

    def _sum_of(self, node: int) -> tuple[Kernel, tuple[int, ...]]:
        """How the sum of a node is computed, and from what: places of values and of sums."""
        graph, varying = self._graph, self._varying
        if not varying[node]:
            return self._repeated, (node,)
        if graph.is_input(node):
            return _over_rows, (node,)
        row, operands = graph.row(node), tuple(graph.operands_of(node))
        kernel = ENGINE.kernel_of(graph, node)
        if "linear" in row.traits or "moves" in row.traits:
            return kernel, tuple(operand + self._size for operand in operands)
        if "linear_in_first" in row.traits and not varying[operands[1]]:
            return kernel, (operands[0] + self._size, operands[1])
        everywhere = all(varying[operand] for operand in operands)
        if "bilinear" in row.traits and not everywhere:
            return kernel, tuple(operand + self._size if varying[operand] else operand for operand in operands)
        summed = row.spell.get("numpy_summed")
        if summed is not None and everywhere:
            attributes = graph.attributes_of(node)
            return (lambda a, b, out=None: summed(np, a, b, *attributes, out=out)), operands
        return _over_rows, (node,)

    def _repeated(self, value: Any) -> Any:
        """The sum of a value that is the same in all rows."""
        return value * self._height_now

    # ---- a batch -----------------------------------------------------------------------------------------------

    def __call__(self, given: Mapping[str, Any], rows: int, places: Sequence[Any] | None = None) -> list[Any]:
        """The sums of the wanted nodes, in their order: float64 scalars and arrays of the nodes' shapes.

        places: for each wanted node an array that its sum may be written to, or None; the sum is that array where that
        saves a copy. given: float64 arrays (and numbers) by input; columns have so many rows in front. Sums may be read
        only, and are the values themselves where a batch of one row is summed: whoever keeps them copies them.
        """
        with np.errstate(all="ignore"):
            values = self._first.copy()
            for node, name, varies in self._inputs:
                if not varies:
                    value = given[name]
                    values[node] = value if isinstance(value, np.ndarray) else np.float64(value)
            take(self._fixed, values)
            totals: list[Any] | None = None
            if 0 < rows <= self._height:
                return self._block(values, given, 0, rows, places)
            for first in range(0, rows, self._height):
                found = self._block(values.copy(), given, first, min(first + self._height, rows))
                totals = found if totals is None else [total + part for total, part in zip(totals, found, strict=True)]
            return totals if totals is not None else [np.zeros(self._graph.shape_of(node)) for node in self.wanted]

    def _block(
        self, values: list[Any], given: Mapping[str, Any], first: int, last: int, places: Sequence[Any] | None = None
    ) -> list[Any]:
        """The sums over some rows. values: those that are the same in all rows, by node; the others are entered."""
        self._height_now = float(last - first)
        for node, name, varies in self._inputs:
            if varies:
                values[node] = given[name][first:last]
        take(self._rows, values)
        take(self._sums, values)
        for place, node, product, left, right in self._products:
            values[node] = product(values[left], values[right], None if places is None else places[place])
        return [values[node + self._size] for node in self.wanted]


def _over_rows(values: Any) -> Any:
    """The sum over the rows."""
    return values.sum(axis=0)
