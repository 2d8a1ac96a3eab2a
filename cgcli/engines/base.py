"""What an engine is: it computes nodes of a graph from the values of its inputs.

Most engines go node by node (`planned`); the native one compiles the graph. Whoever calls an engine needs no more than
what stands here: an engine says itself what it cannot do.
"""

from __future__ import annotations

from cgcli.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from cgcli.graph.store import Graph
    from cgcli.ops import Operation


class Engine:
    """Evaluates graphs.

    name: what people call it. arrays: whether it computes arrays too, or scalars only. rows: whether it computes all
    rows of a table at once.
    """

    name = ""
    arrays = True
    rows = False

    def evaluate(self, graph: Graph, inputs: Mapping[str, Any], wanted: Iterable[int]) -> Sequence[Any]:
        """Values by node: those of the wanted nodes; what stands in other places is not said.

        inputs: value of every input that is needed; others may be there too. UsageError where one is missing.
        CalculationError where there is an operation that this engine cannot compute.
        """
        raise NotImplementedError

    def evaluate_rows(self, graph: Graph, inputs: Mapping[str, Any], wanted: Iterable[int]) -> dict[int, Any]:
        """Each wanted node for every row: node -> array of shape (rows,) + the node's shape.

        inputs: for each needed input a column of shape (rows,) + the input's shape, or one value of the input's
        shape for all rows; without any column there is one row. DataError where lengths differ or a shape does not
        fit. UsageError where an input is missing, and where this engine computes one point at a time.
        """
        raise UsageError(f"the engine `{self.name}` computes one point at a time")

    def lacks(self, graph: Graph, wanted: Iterable[int]) -> list[Operation]:
        """The operations below the wanted nodes that this engine cannot compute, also not by their definitions."""
        raise NotImplementedError
