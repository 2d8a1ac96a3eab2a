"""The derivative of one node with respect to another as a node: what `diff(y, x)` means, for every pair of shapes."""

from __future__ import annotations

from cgcli.ops import shaping
from cgcli.passes.differentiate import differentiate
from cgcli.passes.folding import FoldingRef

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from cgcli.graph.store import Graph


def derivative_of(graph: Graph, y: int, x: int) -> int:
    """A node that holds dy/dx, of shape y.shape + x.shape; zeros where y does not depend on x.

    Where x is an element or a part of an array, the derivative is taken with respect to the array and the part is
    cut out of it, so that uses of the array as a whole count.
    """
    with graph.lock:
        if graph.row(x) is shaping.index:
            return _wrt_part(graph, y, x)
        y_shape, x_shape = graph.shape_of(y), graph.shape_of(x)
        if not y_shape:
            return differentiate(graph, [y], [x]).wrt(x)
        if not x_shape:
            return _forward(graph, y, x)
        rows = [derivative_of(graph, component.node, x) for component in FoldingRef(graph, y)]
        return graph.apply(shaping.stack, rows)


def derivatives_of(graph: Graph, y: int, wanted: Sequence[int]) -> list[int]:
    """As `derivative_of`, for several nodes at once: one reverse pass for each element of y."""
    with graph.lock:
        if not graph.shape_of(y) and not any(graph.row(x) is shaping.index for x in wanted):
            found = differentiate(graph, [y], wanted)
            return [found.wrt(x) for x in wanted]
        return [derivative_of(graph, y, x) for x in wanted]


def _wrt_part(graph: Graph, y: int, x: int) -> int:
    """Derivative with respect to an indexed part: whole derivative, same index behind y's own axes."""
    key, _ = graph.attributes_of(x)
    whole = graph.operands_of(x)[0]
    derivative = derivative_of(graph, y, whole)
    own = tuple((0, length, 1) for length in graph.shape_of(y))
    return graph.apply(shaping.index, [derivative], [own + key])


def _forward(graph: Graph, y: int, x: int) -> int:
    """dy/dx of an array y by a scalar x: the pullback of the pullback, which is the product of the Jacobian with 1."""
    weights = graph.input(f"weights of node {y}", graph.shape_of(y), hidden=True)
    pulled = differentiate(graph, [y], [x], [weights]).wrt(x)
    return differentiate(graph, [pulled], [weights]).wrt(weights)


def directional(graph: Graph, y: int, variables: Sequence[int], directions: Sequence[int]) -> int:
    """J·v as a node of y's shape, for one direction a variable: the pullback of the pullback needs no forward rules."""
    with graph.lock:
        weights = graph.input(f"weights of node {y}", graph.shape_of(y), hidden=True)
        pulled = differentiate(graph, [y], variables, [weights])
        slopes = [pulled.wrt(variable) for variable in variables]
        return differentiate(graph, slopes, [weights], directions).wrt(weights)
