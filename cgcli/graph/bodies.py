"""Bodies: a function as a small closed graph, which a kept call holds as its static argument.

What a function takes from outside (a `param`, an outer name) is an operand of its body like any other, so a body can
stand anywhere: in a graph as the static argument of the rows of `ops.calling`, in a file, in another process. Compare
the closed functions of JAX (`closed_call`, `scan`).
"""

from __future__ import annotations

import hashlib
from math import prod

from cgcli.errors import GraphError
from cgcli.graph.copying import GONE, copy_missing
from cgcli.graph.shapes import describe
from cgcli.graph.store import Graph
from cgcli.ops import REGISTRY, shaping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from typing import Any

    Shape = tuple[int, ...]

MOST_DEPTH = 32
"""How deep bodies may lie within bodies: whoever works on them goes from one into the next."""


class Body:
    """A function as a closed graph, special to the shapes of its operands.

    name: what the text calls it. graph: finished, nothing is added to it any more. operands: its inputs, in the order
    of the arguments; nothing else in it is an input that the results need. results: the nodes that it computes.

    A call of it is one node: that of the only result, or a vector of the elements of all results, one after the other
    (`shape`; `begins` has where each result begins in it). Two bodies are equal where their names and graphs are, node
    for node; what a table of static arguments knows it by is its `repr`. depth: how deep bodies lie in it, itself
    counted. GraphError where that is more than `MOST_DEPTH`.
    """

    __slots__ = ("depth", "digest", "graph", "name", "operands", "results")

    def __init__(self, name: str, graph: Graph, operands: Sequence[int], results: Sequence[int]) -> None:
        graph.require_order()
        self.name = name
        self.graph = graph
        self.operands = tuple(operands)
        self.results = tuple(results)
        self.depth: int = 1 + max((each.depth for each in bodies_in(graph)), default=0)
        if self.depth > MOST_DEPTH:
            raise GraphError(f"functions are kept within functions more than {MOST_DEPTH} deep")
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
        follow(self.graph, graph, copies, self.operands)
        return [copies[node] for node in self.results]

    def written_out(self, operands: Sequence[Any]) -> Any:
        """The same as references: what a call of the body is, several results as one vector."""
        graph = operands[0].graph
        results = self.onto(graph, [operand.node for operand in operands])
        return packed([type(operands[0])(graph, node) for node in results])

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


def bodies_in(graph: Graph) -> list[Body]:
    """The bodies that a graph holds, not those that they hold in turn."""
    return [first for first, *_ in graph.attributes if isinstance(first, Body)]


def bodies_below(graph: Graph) -> list[Body]:
    """The bodies that a graph holds, and those that they hold in turn."""
    found: list[Body] = []
    pending = [graph]
    while pending:
        within = bodies_in(pending.pop())
        found += within
        pending.extend(body.graph for body in within)
    return found


def closed(
    name: str, graph: Graph, operands: Sequence[int], results: Sequence[int], labels: Sequence[str] = ()
) -> Body:
    """The body of what some nodes make of others, copied out of a graph that may hold and need more.

    operands: distinct nodes, which become the inputs; all that the results need beside them are constants and arrays.
    labels: what the inputs are called, for whoever reads the body.
    """
    target = Graph()
    taken: set[str] = set()
    copies: dict[int, int] = {}
    for place, operand in enumerate(operands):
        label = labels[place] if place < len(labels) else f"operand {place}"
        while label in taken:
            label += "'"
        taken.add(label)
        copies[operand] = target.input(label, graph.shape_of(operand))
    copy_missing(graph, target, results, copies)
    follow(graph, target, copies)
    target.scopes = {new: graph.scopes[old] for old, new in copies.items() if graph.calls and old in graph.scopes}
    if target.scopes:
        target.calls = list(graph.calls)
    return Body(name, target, [copies[operand] for operand in operands], [copies[node] for node in results])


def follow(source: Graph, target: Graph, copies: Mapping[int, int], given: Collection[int] = ()) -> None:
    """Let places in the text, and whose derivative rules made what, follow copies of nodes, but for those given."""
    for old, new in copies.items():
        if old in source.spans and old not in given:
            target.spans.setdefault(new, source.spans[old])
    target.is_derivative = target.is_derivative or source.is_derivative
    if source.origins and not target.origins:
        moved = [GONE] * len(source)
        for old, new in copies.items():
            moved[old] = new
        target.origins = source.origins.moved(moved, GONE)


# ---- several arrays as one vector ------------------------------------------------------------------------------------


def packed(parts: Sequence[Any]) -> Any:
    """References to arrays and numbers as one: the only one itself, of several a vector of all their elements."""
    if len(parts) == 1:
        return parts[0]
    if not any(part.shape for part in parts):
        return shaping.stack(*parts)
    return shaping.concat(*(flat(part) for part in parts))


def flat(part: Any) -> Any:
    """A reference as a vector of its elements."""
    return part if len(part.shape) == 1 else shaping.reshape(part, (shaping.size_of(part.shape),))


def unpacked(whole: Any, shapes: Sequence[Shape]) -> list[Any]:
    """References to the parts of what `packed` made."""
    if len(shapes) == 1:
        return [whole]
    parts, begin = [], 0
    for shape in shapes:
        count = shaping.size_of(shape)
        part = whole[begin : begin + count] if shape else whole[begin]
        parts.append(part if len(shape) < 2 else shaping.reshape(part, shape))
        begin += count
    return parts
