"""How a sparse Jacobian or Hessian is computed: by products with a vector a colour, or by entries that are nodes.

A plan follows from the graph alone. Entries that are nodes (`passes.entries`) come in one run, whatever the number of
colours is; where they cannot be had, columns or rows that share no entry share a product (`passes.colouring`).
"""

from __future__ import annotations

from cgcli.formulas.derivatives import direction_of, hidden_inputs
from cgcli.graph.shapes import size
from cgcli.ops import shaping
from cgcli.passes.colouring import column_colouring, mirrored, star_colouring
from cgcli.passes.derivative import directional, products_with_hessian
from cgcli.passes.differentiate import differentiate, has_conventions
from cgcli.passes.elements import per_element
from cgcli.passes.entries import entries
from cgcli.passes.sparsity import pattern
from cgcli.passes.uniform import shrunk, unvarying

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from cgcli.formulas.bound import Bound
    from cgcli.graph.store import Graph
    from cgcli.passes.colouring import Colouring
    from cgcli.passes.elements import PerElement
    from cgcli.passes.entries import Entries

    Shape = tuple[int, ...]

MOST_AT_ONCE = 4_000_000
"""Numbers of all directions that are run together (32 MB)."""

FEWEST_ELEMENTS = 20_000
"""Elements of an array from which on what is done to each of them is done block by block (as `engines.FEWEST_ROWS`)."""


class Layout:
    """How the variables lie in the columns of a matrix.

    wholes: the nodes by which is differentiated, a part of an array by the array. shapes, names: theirs, one each.
    columns: of each name the columns that it means.
    """

    __slots__ = ("columns", "count", "shapes", "wholes")

    def __init__(self, graph: Graph, chosen: Mapping[str, int]) -> None:
        import numpy as np

        self.wholes: list[int] = []
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
        self.nodes = _shrunk(graph, nodes)
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


class Parts:
    """A sparse matrix of derivatives whose entries are nodes: one run, whatever the number of colours is."""

    kinks = False
    __slots__ = ("alone", "clusters", "nodes", "parts", "pattern", "symmetric")

    def __init__(self, graph: Graph, found: list[Entries], shape: tuple[int, int], *, symmetric: bool) -> None:
        import numpy as np
        from scipy.sparse import csr_array

        self.nodes = _shrunk(graph, [part.node for part in found])
        self.symmetric = symmetric
        rows, columns = (
            np.concatenate([getattr(part, field) for part in found] or [np.empty(0, dtype=np.int64)])
            for field in ("rows", "columns")
        )
        self.pattern = csr_array((np.ones(len(rows), bool), (rows, columns)), shape=shape)
        self.pattern.sum_duplicates()
        numbers = csr_array((np.arange(self.pattern.nnz), self.pattern.indices, self.pattern.indptr), shape=shape)
        place = np.asarray(numbers[rows, columns]).ravel() if len(rows) else np.empty(0, dtype=np.int64)
        ends = np.cumsum([len(part.rows) for part in found], dtype=np.int64)[:-1]
        written = np.zeros(self.pattern.nnz, dtype=bool)
        self.parts = [
            (part.shape, part.places if part.places is None else as_slice(part.places), targets_of(own, written))
            for part, own in zip(found, np.split(place, ends) if found else [], strict=True)
        ]  # fmt: skip
        self.clusters, self.alone = _clusters(graph, self.nodes)

    @property
    def colours(self) -> int:
        """How many colours the columns have; no evaluation needs them."""
        return (star_colouring if self.symmetric else column_colouring)(self.pattern).count

    def entries(self, bound: Bound) -> Any:
        """The entries of the pattern, in its order."""
        import numpy as np

        values = self._values(bound)
        data = np.zeros(self.pattern.nnz)
        for node, (shape, places, ways) in zip(self.nodes, self.parts, strict=True):
            found = values[node]
            own = np.shape(found)
            if own:
                found = (found if own == shape else np.broadcast_to(found, shape)).reshape(-1)
                found = found if places is None else found[places]
            for source, target, is_first in ways:
                part = found if source is None or not own else found[source]
                if is_first:
                    data[target] = part
                else:
                    data[target] += part
        return data

    def _values(self, bound: Bound) -> Mapping[int, Any]:
        """The values of the nodes."""
        import numpy as np

        from cgcli.engines import choose_for_rows

        found = bound.engine(self.alone).evaluate(bound.graph, bound.values, self.alone)
        values = {node: found[node] for node in self.alone}
        for nodes, formula in self.clusters:
            given = {name: values[node] for name, node in formula.sources.items()}
            columns = {name: np.reshape(value, -1) if np.shape(value) else value for name, value in given.items()}
            engine = choose_for_rows(formula.graph, formula.wanted, "auto", columns)
            rows = engine.evaluate_rows(formula.graph, columns, formula.wanted)
            shape = bound.graph.shape_of(nodes[0])
            values.update((node, rows[own].reshape(shape)) for node, own in zip(nodes, formula.wanted, strict=True))
        return values


def _shrunk(graph: Graph, nodes: list[int]) -> list[int]:
    """Nodes of the same values; what no input changes is computed now."""
    from cgcli.engines import engine

    fixed = unvarying(graph, nodes)
    values = engine("numpy").evaluate(graph, {}, fixed) if fixed else []
    return shrunk(graph, nodes, {node: values[node] for node in fixed})


def _clusters(graph: Graph, nodes: Sequence[int]) -> tuple[list[tuple[list[int], PerElement]], list[int]]:
    """Large nodes of one shape together, each time with the formula of their elements; the nodes that it begins with.

    The latter are computed as they are, with the nodes that are in no formula.
    """
    by_shape: dict[Shape, list[int]] = {}
    for node in dict.fromkeys(nodes):
        by_shape.setdefault(graph.shape_of(node), []).append(node)
    clusters: list[tuple[list[int], PerElement]] = []
    alone: dict[int, None] = {}
    for shape, own in by_shape.items():
        formula = per_element(graph, own) if size(shape) >= FEWEST_ELEMENTS else None
        if formula is not None and len(formula.graph) > 2 * len(formula.sources):
            clusters.append((own, formula))
            alone.update(dict.fromkeys(formula.sources.values()))
        else:
            alone.update(dict.fromkeys(own))
    return clusters, list(alone)


def targets_of(places: Any, written: Any) -> list[tuple[Any, Any, bool]]:
    """To where the entries of a part go, each place once at a time.

    Which entries (None: all), their places, and whether all of them come there as the first. written: of each place
    whether a part before has been there; it is brought up to date.
    """
    import numpy as np

    left, found = np.arange(len(places)), []
    while len(left):
        _, once = np.unique(places[left], return_index=True)
        chosen = None if len(once) == len(places) else left[once]
        own = places if chosen is None else places[chosen]
        found.append((chosen, as_slice(own), not written[own].any()))
        written[own] = True
        left = np.delete(left, once)
    return found


def as_slice(places: Any) -> Any:
    """Places at equal distances as a slice; others as they are."""
    import numpy as np

    if len(places) > 1 and (step := int(places[1] - places[0])) > 0 and (np.diff(places) == step).all():
        return slice(int(places[0]), int(places[-1]) + 1, step)
    return places


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
