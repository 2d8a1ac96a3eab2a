"""Reverse-mode differentiation as a pass: graph in, graph out.

One loop walks the nodes backwards (`passes.backward`). The adjoint of a node is the (balanced) sum of what its users
contribute; each user's contribution follows from its operation's row. The new nodes are ordinary nodes, so
derivatives of derivatives, drawing and exporting need nothing more. See A. Griewank and A. Walther, Evaluating
Derivatives, 2nd ed., SIAM 2008, chapter 3. How the zeros of operands that were not taken stay zero: see
`passes.adjoints`.
"""

from __future__ import annotations

from array import array
from itertools import compress

from cgcli.graph.store import Graph
from cgcli.graph.walk import between
from cgcli.ops import REGISTRY
from cgcli.passes.adjoints import Adjoint, Mask
from cgcli.passes.backward import filled, handed_on, walked
from cgcli.passes.folding import FoldingRef

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from typing import Protocol

    from cgcli.graph.ref import Ref
    from cgcli.ops import Operation
    from cgcli.passes.conventions import Conventions

    class Masks(Protocol):
        """The masks of nodes or of edges."""

        def get(self, key: int, /) -> Mask | None:
            """The mask of one of them, None where it counts everywhere."""


LARGE = (250_000, 50_000, 2_000)
"""Nodes from which on rules are worked out by patterns and not node by node; see `loops.pays`."""

NONE = -1
"""Stands in the maps where there is no adjoint or no contribution."""


class Derivatives:
    """What one reverse pass added to a graph, for the nodes that stood in it before.

    adjoint: node -> node that holds the derivative of the (seeded) outputs with respect to it, or -1.
    contribution: position in the column `operands` (that is, an edge) -> node that holds what the user of that
        edge adds to the adjoint of the operand, or -1.
    masks, edge_masks: where such a node counts; elsewhere a decision made the number 0. `adjoint_of` and
        `contribution_of` give the whole numbers.
    """

    __slots__ = ("_put_together", "adjoint", "contribution", "edge_masks", "graph", "masks")

    def __init__(
        self, graph: Graph, adjoint: array[int], contribution: array[int], masks: Masks, edge_masks: Masks
    ) -> None:
        self.graph = graph
        self.adjoint = adjoint
        self.contribution = contribution
        self.masks = masks
        self.edge_masks = edge_masks
        self._put_together: dict[tuple[int, bool], int] = {}

    def adjoint_of(self, node: int) -> int:
        """The node that holds the derivative with respect to a node, or -1. The graph may be extended."""
        return self._whole((node, True), self.adjoint[node], self.masks.get(node))

    def contribution_of(self, edge: int) -> int:
        """The node that holds what an edge adds to the adjoint of its operand, or -1. The graph may be extended."""
        return self._whole((edge, False), self.contribution[edge], self.edge_masks.get(edge))

    def wrt(self, node: int) -> int:
        """The node that holds the derivative with respect to a node; a zero of its shape where there is none."""
        found = self.adjoint_of(node)
        if found != NONE:
            return found
        with self.graph.lock:
            zero = FoldingRef(self.graph, self.graph.constant(0.0))
            return filled(zero, self.graph.shape_of(node)).node

    def _whole(self, key: tuple[int, bool], node: int, mask: Mask | None) -> int:
        if node == NONE or mask is None:
            return node
        with self.graph.lock:
            if key not in self._put_together:
                self._put_together[key] = Adjoint(FoldingRef(self.graph, node), mask).given_out().node
            return self._put_together[key]


def differentiate(
    graph: Graph, outputs: Sequence[int], wrt: Sequence[int], seeds: Sequence[int] | None = None
) -> Derivatives:
    """Extend the graph by the derivatives of the outputs with respect to the given nodes.

    seeds: one node an output, of its shape: the adjoint that the output starts with. Without seeds each output
    starts with ones, so a scalar output gives its gradient and several outputs the gradient of their sum.
    Only nodes on a path from `wrt` to an output get an adjoint. CalculationError where an operation on such a
    path has no derivative rule.
    """
    with graph.lock:
        size = len(graph)
        reach = max(outputs, default=0) - min(wrt, default=0)
        if reach >= LARGE[-1] and not has_conventions(graph, outputs, wrt) and _patterns_pay(reach):
            found = _stamped(graph, outputs, wrt, seeds)
            if found is not None:
                return found
        starts = [
            (output, Adjoint(_seed(graph, output, seeds[position] if seeds else None)))
            for position, output in enumerate(outputs)
        ]
        adjoint, contribution = array("i", [NONE]) * size, array("i", [NONE]) * len(graph.operands)
        adjoints, sent = backward(graph, starts, wrt)
        return Derivatives(graph, adjoint, contribution, _noted(adjoints, adjoint), _noted(sent, contribution))


def backward(
    graph: Graph, starts: Sequence[tuple[int, Adjoint]], wrt: Sequence[int]
) -> tuple[dict[int, Adjoint], dict[int, Adjoint]]:
    """The adjoint of each node on the way from outputs with theirs (which may have masks) and of each edge, node by
    node; what meets at a kink, where the outputs are derivatives, follows the conventions of `passes.conventions`.
    """
    meets = has_conventions(graph, [output for output, _ in starts], wrt)
    return walked(graph, starts, wrt, _conventions(graph) if meets else None)


def _noted(found: Mapping[int, Adjoint], column: array[int]) -> dict[int, Mask]:
    """Write the nodes of adjoints into a column, and return the masks under which they count."""
    masks: dict[int, Mask] = {}
    for key, adjoint in found.items():
        column[key] = adjoint.value.node
        if adjoint.mask is not None and not adjoint.clean:
            masks[key] = adjoint.mask
    return masks


def has_conventions(graph: Graph, outputs: Sequence[int], wrt: Sequence[int]) -> bool:
    """Whether outputs are derivatives, and have kinks on the way to what they are differentiated by.

    Then nodes are done one by one, and a pullback is no linear function of its weights: a nan is decided by them.
    """
    if not graph.origins and not graph.is_derivative:
        return False
    active = between(graph, wrt, outputs)
    on_the_way = list(compress(range(len(active)), active))
    rows = {REGISTRY.rows[code] for code in {graph.op[node] for node in on_the_way}}
    if not any(map(_has_kink, rows)) and not _kept_kinks(graph, on_the_way, rows):
        return False
    return graph.is_derivative or any(map(graph.origins.has, reversed(on_the_way)))


def _kept_kinks(graph: Graph, nodes: Iterable[int], rows: Collection[Operation]) -> bool:
    """Whether one of some nodes is a kept call with a kink in it."""
    if not any("kept" in row.traits for row in rows):
        return False
    from cgcli.passes.kept_calls import kinked

    return any(kinked(graph.attributes_of(node)[0]) for node in nodes if "kept" in graph.row(node).traits)


def _has_kink(row: Operation) -> bool:
    return row.kink is not None and "piecewise_constant" not in row.traits


def _conventions(graph: Graph) -> Conventions:
    from cgcli.passes.conventions import Conventions

    return Conventions(graph, differentiate)


def _patterns_pay(size: int) -> bool:
    """Whether a graph of so many nodes is done first by patterns."""
    from pathlib import Path

    from cgcli.loops import pays

    return pays(size, LARGE, Path(__file__).with_name("stamping.py"), "stamp")


def _stamped(
    graph: Graph, outputs: Sequence[int], wrt: Sequence[int], seeds: Sequence[int] | None
) -> Derivatives | None:
    """The same for a large graph of scalars, by patterns; None where that is not possible."""
    from cgcli.passes.stamping import stamped

    if len(set(outputs)) < len(outputs) or any(graph.shape_of(output) for output in outputs):
        return None
    start_with = seeds or [graph.constant(1.0)] * len(outputs)
    found = stamped(graph, outputs, wrt, start_with, handed_on)
    return None if found is None else Derivatives(graph, *found)


def _seed(graph: Graph, output: int, seed: int | None) -> Ref:
    if seed is not None:
        return FoldingRef(graph, seed)
    return filled(FoldingRef(graph, graph.constant(1.0)), graph.shape_of(output))
