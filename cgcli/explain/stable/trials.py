"""Points at which forms of one formula are tried, the exact value at each, and what each form loses there."""

from __future__ import annotations

from copy import copy
from time import process_time
from typing import TYPE_CHECKING

import numpy as np

from cgcli.engines.numpy import NumpyEngine
from cgcli.explain.digits import ALL, ROUNDING, Exact
from cgcli.graph.copying import copied
from cgcli.graph.store import Graph
from cgcli.graph.walk import ancestors

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from cgcli.engines.plan import Kernel, Shape
    from cgcli.ops import Operation

    Columns = dict[str, Any]

MOST_BITS, FEWEST = 2500, 12
"""Of an exact value, and points for which there is twice the time."""


class Trials:
    """Points with the exact values of one node, as pairs of doubles whose sum they are to thirty digits."""

    def __init__(self, graph: Graph, node: int, columns: Columns, most: int, *, seconds: float = 60.0) -> None:
        """The first `most` of the points at which the node is a number that a double can be; fewer where time ends."""
        self.graph = graph
        own, exact, until = Graph(), Exact(MOST_BITS), process_time() + seconds
        (place,) = [copied(graph, own, [node])[node]]
        kept: list[int] = []
        high, low = [], []
        rows = len(next(iter(columns.values()))) if columns else 1
        for row in range(rows):
            late = process_time() - until
            if len(kept) >= most or late > (0.0 if row >= FEWEST else seconds):
                break
            point = {name: float(column[row]) for name, column in columns.items()}
            number = exact.values(own, point, [place])[place]
            if number is None:
                continue
            mp, true = number.home.mp, number.samples[0]
            near = float(true)
            if not np.isfinite(near) or (near == 0.0 and true != 0):
                continue
            kept.append(row)
            high.append(near)
            low.append(float(true - mp.mpf(near)))
        self.rows = np.array(kept, dtype=int)
        self.columns = {name: column[kept] for name, column in columns.items()}
        self.high, self.low = np.array(high), np.array(low)

    def __len__(self) -> int:
        return len(self.high)

    def joined(self, other: Trials) -> Trials:
        """The points of both."""
        found = copy(self)
        found.rows = np.concatenate([self.rows, other.rows])
        found.columns = {name: np.concatenate([column, other.columns[name]]) for name, column in self.columns.items()}
        found.high, found.low = np.append(self.high, other.high), np.append(self.low, other.low)
        return found

    def values(self, node: int) -> Any:
        """A form in doubles, at all points."""
        return computed(self.graph, [node], self.columns, len(self))[node]

    def lost(self, nodes: Sequence[int]) -> dict[int, Any]:
        """Digits that forms lose, one an point, by node."""
        values = computed(self.graph, nodes, self.columns, len(self))
        return {node: lost_of(values[node], self.high, self.low) for node in nodes}


def lost_of(values: Any, high: Any, low: Any) -> Any:
    """Digits that doubles have lost, beside exact values."""
    with np.errstate(all="ignore"):
        error = np.abs((values - high) - low)
        units = np.where(np.abs(high) < 2.0**-1022, error / 2.0**-1074, error / (np.abs(high) * ROUNDING))
        lost = np.clip(np.log10(np.maximum(units, 1.0)), 0.0, ALL)
        lost = np.where(values == high, 0.0, lost)
        return np.where(np.isfinite(values), lost, ALL)


def computed(graph: Graph, nodes: Sequence[int], columns: Columns, rows: int, engine: NumpyEngine | None = None) -> Any:
    """Values of nodes at points, a column each."""
    needed = ancestors(graph, nodes)
    inputs = {name: columns[name] for name, node in graph.inputs().items() if needed[node]}
    found = (engine or NumpyEngine()).evaluate_rows(graph, inputs, list(nodes))
    return {node: np.broadcast_to(found[node], (rows,)) for node in nodes}


class RoughEngine(NumpyEngine):
    """Every operation with a rounding error drawn at random, so that two runs show how many digits rounding leaves.

    Monte Carlo arithmetic: D. S. Parker, UCLA CSD-970002 (1997).
    """

    least_compiled = None

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._random = np.random.default_rng(seed)

    def own_kernel(self, row: Operation, shapes: tuple[Shape, ...], attributes: tuple[Any, ...]) -> Kernel | None:
        """NumPy's function of the row, its result moved by up to half a unit in the last place."""
        plain = super().own_kernel(row, shapes, attributes)
        if plain is None or not row.elementwise or "piecewise_constant" in row.traits:
            return plain

        def moved(*operands: Any) -> Any:
            result = plain(*operands)
            return result * (1.0 + ROUNDING * self._random.uniform(-1.0, 1.0, np.shape(result)))

        return moved


RUNS = 4
"""With rounding errors at random."""


def roughly_lost(graph: Graph, node: int, columns: Columns, rows: int) -> Any:
    """An estimate of the digits that a form loses at points, without exact values: cheap, and seldom far off."""
    runs = [computed(graph, [node], columns, rows, RoughEngine(seed))[node] for seed in range(RUNS)]
    with np.errstate(all="ignore"):
        spread = np.max(runs, axis=0) - np.min(runs, axis=0)
        units = spread / (np.abs(runs[0]) * ROUNDING)
        return np.where(np.isfinite(spread), np.clip(np.log10(np.maximum(units, 1.0)), 0.0, ALL), ALL)
