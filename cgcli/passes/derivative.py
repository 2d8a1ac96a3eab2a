"""The derivative of one node with respect to another as a node: what `diff(y, x)` means, for every pair of shapes."""

from __future__ import annotations

from cgcli.errors import CalculationError
from cgcli.graph.balanced import balanced
from cgcli.ops import arithmetic, shaping
from cgcli.passes.differentiate import differentiate, has_conventions
from cgcli.passes.folding import FoldingRef

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from cgcli.graph.ref import Ref
    from cgcli.graph.store import Graph

MOST_ADDED = 5_000_000
"""Nodes that the passes for one matrix of derivatives may add: some minutes, and a gigabyte or two."""


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
        if not x_shape and not has_conventions(graph, [y], [x]):
            return _forward(graph, y, x)
        return _by_components(graph, y, [x])[0]


def derivatives_of(graph: Graph, y: int, wanted: Sequence[int]) -> list[int]:
    """As `derivative_of`, for several nodes at once: one reverse pass for each element of y."""
    with graph.lock:
        y_shape = graph.shape_of(y)
        together = [x for x in wanted if (graph.shape_of(x) or not y_shape) and graph.row(x) is not shaping.index]
        found: dict[int, int] = {}
        if not y_shape:
            pass_back = differentiate(graph, [y], together)
            found = {x: pass_back.wrt(x) for x in together}
        elif together:
            found = dict(zip(together, _by_components(graph, y, together), strict=True))
        return [found[x] if x in found else derivative_of(graph, y, x) for x in wanted]


def check_growth(graph: Graph, begin: int) -> None:
    """CalculationError where passes one after the other have added more nodes than anybody wants to wait for."""
    if len(graph) - begin > MOST_ADDED:
        raise CalculationError(
            f"these derivatives need more than {MOST_ADDED:,} nodes",
            hint="differentiate by fewer names (wrt), or take products with directions (`f.jvp`, `f.hvp`)",
        )


def _by_components(graph: Graph, y: int, wanted: Sequence[int]) -> list[int]:
    """dy/dx of an array y by several arrays x: a reverse pass for each row of y, put together.

    All rows are taken out first: a pass looks at what stands between its ends, and the passes before it do not.
    """
    components = [component.node for component in list(FoldingRef(graph, y))]
    begin, rows = len(graph), []
    for component in components:
        rows.append(derivatives_of(graph, component, wanted))
        check_growth(graph, begin)
    return [graph.apply(shaping.stack, list(column)) for column in zip(*rows, strict=True)]


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
        if has_conventions(graph, [y], variables):
            return _by_gradients(graph, y, variables, directions)
        weights = graph.input(f"weights of node {y}", graph.shape_of(y), hidden=True)
        pulled = differentiate(graph, [y], variables, [weights])
        slopes = [pulled.wrt(variable) for variable in variables]
        return differentiate(graph, slopes, [weights], directions).wrt(weights)


def products_with_hessian(
    graph: Graph, slopes: Sequence[int], variables: Sequence[int], directions: Sequence[int]
) -> list[int]:
    """H·v, one node a variable: the gradient of the slopes' product with the directions, since a Hessian is symmetric.

    slopes: the nodes of the gradient, one of each variable's shape.
    """
    with graph.lock:
        along = _product(graph, slopes, directions)
        found = differentiate(graph, [along], variables)
        return [found.wrt(variable) for variable in variables]


def _product(graph: Graph, slopes: Sequence[int], directions: Sequence[int]) -> int:
    """The sum of all slopes times their directions."""
    products = [FoldingRef(graph, a) * FoldingRef(graph, b) for a, b in zip(slopes, directions, strict=True)]
    terms: list[Ref] = [shaping.sum_of(each, None) if each.shape else each for each in products]
    return balanced(arithmetic.add, terms).node


def _by_gradients(graph: Graph, y: int, variables: Sequence[int], directions: Sequence[int]) -> int:
    """J·v by the gradients of the elements of y."""
    if graph.shape_of(y):
        rows = [_by_gradients(graph, component.node, variables, directions) for component in FoldingRef(graph, y)]
        return graph.apply(shaping.stack, rows)
    slopes = differentiate(graph, [y], variables)
    return _product(graph, [slopes.wrt(variable) for variable in variables], directions)
