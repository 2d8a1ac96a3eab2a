"""How a sparse Jacobian or Hessian is computed: by products with a vector a colour, or by entries that are nodes.

A plan follows from the graph alone. Entries that are nodes (`passes.entries`) come in one run, whatever the number of
colours is; where they cannot be had, columns or rows that share no entry share a product (`passes.colouring`).
"""

from __future__ import annotations

from cgcli.formulas.derivatives import direction_of, hidden_inputs
from cgcli.formulas.sparse_parts import Parts, smaller
from cgcli.graph.shapes import size
from cgcli.ops import shaping
from cgcli.passes.colouring import column_colouring, mirrored, star_colouring
from cgcli.passes.derivative import directional, products_with_hessian
from cgcli.passes.differentiate import differentiate, has_conventions
from cgcli.passes.entries import entries
from cgcli.passes.sparsity import pattern

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from cgcli.formulas.bound import Bound
    from cgcli.graph.store import Graph
    from cgcli.passes.colouring import Colouring

    Shape = tuple[int, ...]

MOST_AT_ONCE = 4_000_000
"""Numbers of all directions that are run together (32 MB)."""


class Layout:
    """How the variables lie in the columns of a matrix.

    wholes: the nodes by which is differentiated, a part of an array by the array. shapes: theirs. columns: of each name
    the columns that it means; count: how many there are. pieces: what was made for the parts of the matrix by name.
    """

    __slots__ = ("columns", "count", "pieces", "shapes", "wholes")

    def __init__(self, graph: Graph, chosen: Mapping[str, int]) -> None:
        import numpy as np

        self.wholes: list[int] = []
        self.pieces: dict[Any, Any] = {}
        self.columns: dict[str, Any] = {}
        first: dict[int, int] = {}
        self.count = 0
        for name, node in chosen.items():
            whole, places = node, None
            while graph.row(whole) is shaping.index:
                key, shape = graph.attributes_of(whole)
                own = np.array(shaping.positions_of(key, shape), dtype=np.int64)
                places = own if places is None else own[places]
                (whole,) = graph.operands_of(whole)
            if whole not in first:
                first[whole] = self.count
                self.wholes.append(whole)
                self.count += size(graph.shape_of(whole))
            begin = first[whole]
            self.columns[name] = slice(begin, begin + size(graph.shape_of(node))) if places is None else begin + places
        self.shapes = [graph.shape_of(whole) for whole in self.wholes]


class Products:
    """A sparse matrix of derivatives, read off its products with one vector a colour.

    nodes, shapes: those of the products; a node is a scalar where all elements of a product are the same. inputs: the
    names of the hidden inputs of the vectors and their shapes. turned: whether rows are coloured (the vectors stand on
    the left). kinks: whether there are conventions to look after (see `passes.conventions`).
    """

    __slots__ = ("colouring", "inputs", "kinks", "nodes", "pattern", "shapes", "turned")

    def __init__(
        self, graph: Graph, pattern: Any, colouring: Colouring, nodes: list[int], inputs: dict[str, Shape], *,
        turned: bool, kinks: bool,
    ) -> None:  # fmt: skip
        self.pattern = pattern
        self.colouring = colouring
        self.shapes = [graph.shape_of(node) for node in nodes]
        self.nodes = smaller(graph, nodes)
        self.inputs = inputs
        self.turned = turned
        self.kinks = kinks

    @property
    def colours(self) -> int:
        """How many products one evaluation takes."""
        return self.colouring.count

    def entries(self, bound: Bound) -> Any:
        """The entries of the pattern, in its order."""
        import numpy as np

        place, colour = self.colouring.row, self.colouring.colour
        found = np.zeros(self.pattern.nnz)
        height = max(1, MOST_AT_ONCE // max(max(self.pattern.shape), 1))
        for first in range(0, self.colours, height):
            count = min(height, self.colours - first)
            products = self._products(bound, first, count)
            if count == self.colours:
                found = products[colour, place]
            else:
                chosen = (colour >= first) & (colour < first + count)
                found[chosen] = products[colour[chosen] - first, place[chosen]]
        return found

    def _products(self, bound: Bound, first: int, count: int) -> Any:
        """The products with the vectors of some colours, a row each."""
        import numpy as np

        from cgcli.engines import choose_for_rows

        colours = self.colouring.colours
        vectors = np.zeros((count, len(colours)))
        chosen = np.flatnonzero((colours >= first) & (colours < first + count))
        vectors[colours[chosen] - first, chosen] = 1.0
        values, begin = dict(bound.values), 0
        for name, shape in self.inputs.items():
            values[name] = vectors[:, begin : begin + size(shape)].reshape(count, *shape)
            begin += size(shape)
        engine = choose_for_rows(bound.graph, self.nodes, "auto", values)
        found = engine.evaluate_rows(bound.graph, values, self.nodes)
        stretched = [
            np.broadcast_to(part if part.ndim > 1 else part.reshape(-1, *[1] * len(shape)), (count, *shape))
            .reshape(count, -1)
            for part, shape in zip(map(found.__getitem__, self.nodes), self.shapes, strict=True)
        ]  # fmt: skip
        return stretched[0] if len(stretched) == 1 else np.concatenate(stretched, axis=1)


def slopes_of(graph: Graph, node: int, layout: Layout) -> list[int]:
    """The nodes of the gradient of a number."""
    back = differentiate(graph, [node], layout.wholes)
    return [back.wrt(whole) for whole in layout.wholes]


def jacobian_plan(graph: Graph, output: int, layout: Layout) -> Products | Parts:
    """How to compute the Jacobian of a node."""
    parts = entries(graph, [output], layout.wholes) if layout.wholes else []
    if parts is not None:
        return Parts(graph, parts, (size(graph.shape_of(output)), layout.count), symmetric=False)
    return jacobian_products(graph, output, layout)


def hessian_plan(graph: Graph, slopes: list[int], layout: Layout) -> Products | Parts:
    """How to compute the Hessian of which the slopes are the gradient."""
    parts = entries(graph, slopes, layout.wholes) if layout.wholes else []
    if parts is not None:
        return Parts(graph, parts, (layout.count, layout.count), symmetric=True)
    return hessian_products(graph, slopes, layout)


def jacobian_products(graph: Graph, output: int, layout: Layout) -> Products:
    """The products that give the Jacobian of a node, with columns or with rows, whichever takes fewer colours."""
    found, kinks = pattern(graph, [output], layout.wholes), has_conventions(graph, [output], layout.wholes)
    turned = found.T.tocsr()
    turned.sort_indices()
    by_column = _colouring_unless(found, None)
    by_row = _colouring_unless(turned, by_column)
    by_row_is_best = by_row is not None and (by_column is None or by_row.count < by_column.count)
    along: list[int]
    if by_column is not None and not by_row_is_best:
        names = [direction_of(f"column of {place}") for place in range(len(layout.wholes))]
        along = [graph.input(name, shape, hidden=True) for name, shape in zip(names, layout.shapes, strict=True)]
        nodes = [directional(graph, output, layout.wholes, along)]
        inputs = dict(zip(names, layout.shapes, strict=True))
        return Products(graph, found, by_column, nodes, inputs, turned=False, kinks=kinks)
    assert by_row is not None
    shape = graph.shape_of(output)
    weights = graph.input(direction_of("row"), shape, hidden=True)
    pulled = differentiate(graph, [output], layout.wholes, [weights])
    nodes = [pulled.wrt(whole) for whole in layout.wholes]
    return Products(
        graph, found, mirrored(found, by_row), nodes, {direction_of("row"): shape}, turned=True, kinks=kinks
    )


def _colouring_unless(matrix: Any, other: Colouring | None) -> Colouring | None:
    """The colouring of the columns; None where it cannot have fewer colours than another one."""
    import numpy as np

    if other is not None and other.count <= int(np.diff(matrix.indptr).max(initial=0)):
        return None
    return column_colouring(matrix)


def hessian_products(graph: Graph, slopes: list[int], layout: Layout) -> Products:
    """The products that give the Hessian, of which the slopes are the gradient.

    A product is the gradient of what all slopes change by in a direction, so the derivative of slope i by element j
    stands at j in the product with a vector that is 1 at i.
    """
    found = pattern(graph, slopes, layout.wholes)
    found = found + found.T
    found.sort_indices()
    names = {f"column of {place}": whole for place, whole in enumerate(layout.wholes)}
    along = hidden_inputs(graph, names)
    nodes = products_with_hessian(graph, slopes, layout.wholes, along)
    inputs = dict(zip(map(direction_of, names), layout.shapes, strict=True))
    kinks = has_conventions(graph, slopes, layout.wholes)  # then a Hessian need not be symmetric (see `conventions`)
    colouring = column_colouring(found) if kinks else star_colouring(found)
    return Products(graph, found, mirrored(found, colouring), nodes, inputs, turned=False, kinks=kinks)
