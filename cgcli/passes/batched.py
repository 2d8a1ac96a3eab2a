"""Many rows of data at once as a pass: graph in, graph out, with one more axis in front of what differs by row.

Elementwise rows need no rule, only axes of length 1 where operands have unlike ranks; a structural row states one
(`Operation.batch`), or that its axes count from the end; any other is served by its definition. What is differentiated
afterwards has the derivatives by what all rows share as products of matrices, where the other order would make one
array a row and add them up (M. Looks et al., "Deep learning with dynamic computation graphs", 2017; DyNet, 2017).
"""

from __future__ import annotations

from cgcli.graph.store import Graph
from cgcli.graph.walk import ancestors, descendants
from cgcli.ops.shaping import is_batch, stack, with_rank
from cgcli.passes.expand import expansion
from cgcli.passes.folding import FoldingRef

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from cgcli.graph.ref import Ref
    from cgcli.ops import Operation

    Shape = tuple[int, ...]


class NotBatchedError(Exception):
    """A row of data has an operation for which no batch is known."""


def batched(
    graph: Graph, wanted: Sequence[int], columns: Sequence[int], rows: int, *, one_by_one: bool = True
) -> tuple[Graph, dict[int, int]]:
    """What the wanted nodes need, for a number of rows at once, and where the nodes are.

    columns: the inputs that differ from row to row; their shapes, and those of all that depends on them, get the rows
    in front. one_by_one: whether an operation for which nothing better is known may be done row by row; if not, it is a
    NotBatchedError.
    """
    work = _Batching(rows, one_by_one=one_by_one)
    needed, varies = ancestors(graph, wanted), descendants(graph, columns)
    found: dict[int, Ref] = {}
    for node in range(len(needed)):
        if not needed[node]:
            continue
        if varies[node] and graph.is_leaf(node):
            name, shape = graph.input_name(node), (rows, *graph.shape_of(node))
            found[node] = FoldingRef(work.graph, work.graph.input(name, shape, hidden=graph.is_hidden(node)))
        else:
            found[node] = work.node(graph, node, found)
    return work.graph, {node: ref.node for node, ref in found.items()}


class _Batching:
    """One batch under way."""

    def __init__(self, rows: int, *, one_by_one: bool) -> None:
        self.graph = Graph()
        self.rows = rows
        self.one_by_one = one_by_one
        self._definitions: dict[Any, tuple[Graph, list[int], int]] = {}

    def node(self, graph: Graph, node: int, found: Mapping[int, Ref]) -> Ref:
        """A node for all rows, from its operands."""
        operands = [found[operand] for operand in graph.operands_of(node)]
        shapes = [graph.shape_of(operand) for operand in graph.operands_of(node)]
        if not any(map(is_batch, operands, shapes)):
            return FoldingRef(self.graph, self.graph.copy_node(graph, node, [operand.node for operand in operands]))
        row, attributes = graph.row(node), graph.attributes_of(node)
        made = self._made(row, operands, shapes, attributes, graph.shape_of(node))
        if made is None and row.definition is not None:
            made = self._defined(row, operands, tuple(shapes), attributes)
        return self._one_by_one(row, operands, shapes, attributes) if made is None else made

    def _one_by_one(
        self, row: Operation, operands: Sequence[Ref], shapes: Sequence[Shape], attributes: tuple[Any, ...]
    ) -> Ref:
        """Each row by itself, where nothing better is known (systems of equations, determinants)."""
        if not self.one_by_one:
            raise NotBatchedError(row.name)
        graph = self.graph
        each = []
        for number in range(self.rows):
            own = [operand[number] if is_batch(operand, shape) else operand
                   for operand, shape in zip(operands, shapes, strict=True)]  # fmt: skip
            each.append(FoldingRef(graph, graph.repeat(row, [operand.node for operand in own], attributes)))
        return each[0].build(stack, each)

    def _made(
        self, row: Operation, operands: Sequence[Any], shapes: Sequence[Shape], attributes: tuple[Any, ...], own: Shape
    ) -> Any:
        """The row itself, or what it states for batches; None where it says nothing."""
        if row.elementwise:
            aligned = [with_rank(operand, shape, len(own)) for operand, shape in zip(operands, shapes, strict=True)]
        elif "along_axes" in row.traits:
            aligned = list(operands)
        else:
            return row.batch(operands, shapes, attributes, self.rows) if row.batch is not None else None
        return FoldingRef(self.graph, self.graph.repeat(row, [operand.node for operand in aligned], attributes))

    def _defined(
        self, row: Operation, operands: Sequence[Ref], shapes: tuple[Shape, ...], attributes: tuple[Any, ...]
    ) -> Ref:
        """The definition of a row on these operands; definitions nest only as deep as the table of rows."""
        key = (row, shapes, attributes)
        if key not in self._definitions:
            self._definitions[key] = expansion(row, shapes, attributes)
        template, places, output = self._definitions[key]
        found = dict(zip(places, operands, strict=True))
        needed = ancestors(template, [output])
        for node in range(len(needed)):
            if needed[node] and node not in found:
                found[node] = self.node(template, node, found)
        return found[output]
