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

    def blocks(self, graph: Graph, wanted: Sequence[int], columns: Sequence[str]) -> Blocks:
        """The wanted nodes for blocks of rows, again and again: a reduction over rows needs no column in full.

        columns: the inputs that differ from row to row. Errors as of `evaluate_rows`.
        """
        raise UsageError(f"the engine `{self.name}` computes one point at a time")

    def walks(
        self, graph: Graph, wanted: Sequence[int], columns: Sequence[str], parameters: Sequence[str], steps: Any
    ) -> Any:  # fmt: skip
        """Walks of groups of rows in machine code (`native.walks`); None where this engine has none.

        wanted: the derivatives by the parameters, which are scalars, and the residual. columns: the inputs that differ
        from row to row. steps: what walks do (`native.walks.Steps`).
        """
        return None

    def lacks(self, graph: Graph, wanted: Iterable[int]) -> list[Operation]:
        """The operations below the wanted nodes that this engine cannot compute, also not by their definitions."""
        raise NotImplementedError


class Blocks:
    """Nodes for blocks of rows, again and again with other values: what can be prepared once is.

    width: how many numbers a row has, the elements of all wanted nodes one after the other. Safe for threads.
    """

    width = 0

    def at(self, values: Mapping[str, Any]) -> BlocksAt:
        """The same for values that all rows share, by input."""
        raise NotImplementedError


class BlocksAt:
    """Blocks of rows at values that all rows share."""

    def over(self, columns: Mapping[str, Any]) -> BlocksOver:
        """The same for columns by input, arrays of shape (rows,) + the input's shape."""
        raise NotImplementedError


class BlocksOver:
    """Blocks of rows of some columns."""

    def fill(self, first: int, last: int, out: Any) -> None:
        """Compute the rows from `first` up to but without `last`: element by element into the lines of `out`.

        out: an array of `width` contiguous lines of at least so many numbers.
        """
        raise NotImplementedError
