"""Values that are computed when they are needed, to the precision of who needs them."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from cgcli.engines.base import Engine
    from cgcli.engines.planned import PlannedEngine
    from cgcli.graph.store import Graph


class Deferred:
    """A node of a graph with the values of its inputs, in the place of a value for another calculation.

    `x=pi/6` on a command line has as many digits as the calculation turns out to need. engine: computes it where a
    double is asked for (a length, an index).
    """

    __slots__ = ("engine", "graph", "inputs", "node")

    def __init__(self, graph: Graph, inputs: Mapping[str, Any], node: int, engine: Engine) -> None:
        self.engine = engine
        self.graph = graph
        self.inputs = dict(inputs)
        self.node = node

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the value, () for a number."""
        return self.graph.shape_of(self.node)

    def by(self, engine: PlannedEngine) -> Any:
        """The value, as one of an engine's own."""
        return engine.run(self.graph, self.inputs, [self.node])[self.node]

    def __float__(self) -> float:
        return float(self._rounded())

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        import numpy as np

        return np.asarray(self._rounded(), dtype=float if dtype is None else dtype)

    def _rounded(self) -> Any:
        return self.engine.evaluate(self.graph, self.inputs, [self.node])[self.node]
