"""Bodies: a function as a small closed graph, which a kept call holds as its static argument.

What a function takes from outside (a `param`, an outer name) is an operand of its body like any other, so a body can
stand anywhere: in a graph as the static argument of the rows of `ops.calling`, in a file, in another process. Compare
the closed functions of JAX (`closed_call`, `scan`).
"""

from __future__ import annotations

import hashlib
from math import prod

from cgcli.errors import GraphError
from cgcli.graph.copying import copy_missing
from cgcli.graph.shapes import describe
from cgcli.ops import REGISTRY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from cgcli.graph.store import Graph

    Shape = tuple[int, ...]


class Body:
    """A function as a closed graph, special to the shapes of its operands.

    name: what the text calls it. graph: finished, nothing is added to it any more. operands: its inputs, in the order
    of the arguments; nothing else in it is an input that the results need. results: the nodes that it computes.

    A call of it is one node: that of the only result, or a vector of the elements of all results, one after the other
    (`shape`; `begins` has where each result begins in it). Two bodies are equal where their names and graphs are, node
    for node; what a table of static arguments knows it by is its `repr`.
    """

    __slots__ = ("digest", "graph", "name", "operands", "results")

    def __init__(self, name: str, graph: Graph, operands: Sequence[int], results: Sequence[int]) -> None:
        graph.require_order()
        self.name = name
        self.graph = graph
        self.operands = tuple(operands)
        self.results = tuple(results)
        self.digest = self._digest()

    def __repr__(self) -> str:
        return f"<body {self.name} {self.digest}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Body) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __reduce__(self) -> tuple[object, ...]:
        return Body, (self.name, self.graph, self.operands, self.results)

    @property
    def operand_shapes(self) -> tuple[Shape, ...]:
        """The shape of each argument."""
        return tuple(map(self.graph.shape_of, self.operands))

    @property
    def result_shapes(self) -> tuple[Shape, ...]:
        """The shape of each result."""
        return tuple(map(self.graph.shape_of, self.results))

    @property
    def shape(self) -> Shape:
        """The shape of the node of a call."""
        shapes = self.result_shapes
        return shapes[0] if len(shapes) == 1 else (sum(map(prod, shapes)),)

    @property
    def begins(self) -> tuple[int, ...]:
        """Where each result begins among the elements of a call, and where the last one ends."""
        places = [0]
        for shape in self.result_shapes:
            places.append(places[-1] + prod(shape))
        return tuple(places)

    def onto(self, graph: Graph, operands: Sequence[int]) -> list[int]:
        """The body written out in another graph: the nodes of its results for these arguments.

        GraphError where the arguments are too few, too many or of other shapes.
        """
        given = [graph.shape_of(operand) for operand in operands]
        if tuple(given) != self.operand_shapes:
            needed, here = (", ".join(map(describe, shapes)) for shapes in (self.operand_shapes, given))
            raise GraphError(f"`{self.name}` takes {needed}, not {here}")
        copies = dict(zip(self.operands, operands, strict=True))
        copy_missing(self.graph, graph, self.results, copies)
        return [copies[node] for node in self.results]

    def _digest(self) -> str:
        """What tells bodies apart: name, columns and tables, in which operations stand by name."""
        graph = self.graph
        digest = hashlib.blake2b(digest_size=16)
        for column in (graph.start, graph.operands, graph.payload, graph.shape, graph.constants):
            digest.update(bytes(memoryview(column).cast("B")) if len(column) else b"-")
        for array in graph.arrays:
            digest.update(array.tobytes())
        rows = [REGISTRY.rows[code].name for code in graph.op]
        told = (self.name, rows, graph.shapes, graph.input_names, graph.attributes, dict(graph.exact),
                self.operands, self.results)  # fmt: skip
        digest.update(repr(told).encode())
        return digest.hexdigest()
