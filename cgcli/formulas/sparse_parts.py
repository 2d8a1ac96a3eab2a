"""A sparse matrix of derivatives whose entries are nodes: where each of them goes, and how they are computed.

The nodes (`passes.entries`) are computed in one run, and written into the entries of the pattern, at equal distances as
slices. Entries that are one number for many places are most of a discretised equation; they are written once, and again
only where that number has changed.
"""

from __future__ import annotations

from cgcli.graph.shapes import size
from cgcli.ops import structure
from cgcli.passes.colouring import column_colouring, star_colouring
from cgcli.passes.elements import per_element
from cgcli.passes.uniform import shrunk, unvarying

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from cgcli.formulas.bound import Bound
    from cgcli.graph.store import Graph
    from cgcli.passes.elements import PerElement
    from cgcli.passes.entries import Entries

    Shape = tuple[int, ...]

FEWEST_ELEMENTS = 20_000
"""Elements of an array from which on what is done to each of them is done block by block (as `engines.FEWEST_ROWS`)."""

MOST_RUNS = 4
"""Stretches at equal distances into which places are taken apart; NumPy takes as long for each as for 2,000 places."""


class Write:
    """Some elements of a node (a slice or positions, None for all) and the entries to which they go.

    is_first: whether nothing was written there before; else they are added.
    """

    __slots__ = ("is_first", "source", "target")

    def __init__(self, source: Any, target: Any, *, is_first: bool) -> None:
        self.source = source
        self.target = target
        self.is_first = is_first

    def apply(self, value: Any, data: Any) -> None:
        """Write elements of a value, an array of one axis or a number, into the entries."""
        if self.source is not None and type(value) is not float:
            value = value[self.source]
        if self.is_first:
            data[self.target] = value
        else:
            data[self.target] += value


class Parts:
    """A sparse matrix of derivatives whose entries are nodes: one run, whatever the number of colours is.

    numbers: the nodes that are one number for all of their elements or that no input changes, the shape of their part,
    and what is written of them; scattered: whether that takes longer than to copy it from the last time. arrays: the
    others.
    """

    kinks = False
    __slots__ = ("_begun", "alone", "arrays", "clusters", "nodes", "numbers", "pattern", "scattered", "symmetric")

    def __init__(self, graph: Graph, found: list[Entries], shape: tuple[int, int], *, symmetric: bool) -> None:
        import numpy as np

        self.nodes = smaller(graph, [part.node for part in found])
        self.symmetric = symmetric
        self.pattern, places = placed(found, shape)
        written = np.zeros(self.pattern.nnz, dtype=bool)
        self.numbers: list[tuple[int, Shape, list[Write]]] = []
        self.arrays: list[tuple[int, Shape, list[Write]]] = []
        parts = list(zip(self.nodes, found, places, strict=True))
        for node, part, own in parts:
            if is_number(graph, node):
                self.numbers.append((node, part.shape, writes_of(part.places, own, written)))
        for node, part, own in parts:
            if not is_number(graph, node):
                self.arrays.append((node, part.shape, writes_of(part.places, own, written)))
        self.clusters, self.alone = _clusters(graph, self.nodes)
        self.scattered = any(
            not isinstance(write.target, slice) or is_array(graph, node)
            for node, _, writes in self.numbers for write in writes
        )  # fmt: skip
        self._begun: tuple[bytes, Any] | None = None

    @property
    def colours(self) -> int:
        """How many colours the columns have; no evaluation needs them."""
        return (star_colouring if self.symmetric else column_colouring)(self.pattern).count

    def entries(self, bound: Bound) -> Any:
        """The entries of the pattern, in its order."""
        values = self._values(bound)
        data = self._with_numbers(values)
        for node, shape, writes in self.arrays:
            found = stretched(values[node], shape)
            for write in writes:
                write.apply(found, data)
        return data

    def _with_numbers(self, values: Mapping[int, Any]) -> Any:
        """A new array that has the numbers in their entries, from the last time or written now."""
        import numpy as np

        if not self.scattered:
            data = np.empty(self.pattern.nnz)
            self._write_numbers(values, data)
            return data
        key = np.array([values[node] for node, _, _ in self.numbers if not np.ndim(values[node])]).tobytes()
        begun = self._begun
        if begun is None or begun[0] != key:
            data = np.zeros(self.pattern.nnz)
            self._write_numbers(values, data)
            self._begun = begun = (key, data)
        return begun[1].copy()

    def _write_numbers(self, values: Mapping[int, Any], data: Any) -> None:
        for node, shape, writes in self.numbers:
            value = values[node] if type(values[node]) is float else stretched(values[node], shape)
            for write in writes:
                write.apply(value, data)

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


def stretched(value: Any, shape: Shape) -> Any:
    """The elements of a value in a shape, rows first."""
    import numpy as np

    return (value if value.shape == shape else np.broadcast_to(value, shape)).reshape(-1)


def is_number(graph: Graph, node: int) -> bool:
    """Whether a node is one number for all elements of its part, or an array that no input changes."""
    return not graph.shape_of(node) or is_array(graph, node)


def is_array(graph: Graph, node: int) -> bool:
    """Whether a node is an array of the graph itself."""
    return graph.op[node] == structure.array.code


def smaller(graph: Graph, nodes: list[int]) -> list[int]:
    """Nodes of the same values; what no input changes is computed now."""
    from cgcli.engines import engine

    fixed = unvarying(graph, nodes)
    values = engine("numpy").evaluate(graph, {}, fixed) if fixed else []
    return shrunk(graph, nodes, {node: values[node] for node in fixed})


def placed(found: Sequence[Entries], shape: tuple[int, int]) -> tuple[Any, list[Any]]:
    """The pattern that some parts have together, and of each part the places of its entries there."""
    import numpy as np
    from scipy.sparse import csr_array

    if not found:
        return csr_array(shape, dtype=bool), []
    rows, columns = (np.concatenate([getattr(part, field) for part in found]) for field in ("rows", "columns"))
    pattern = csr_array((np.ones(len(rows), bool), (rows, columns)), shape=shape)
    pattern.sum_duplicates()
    numbers = csr_array((np.arange(pattern.nnz), pattern.indices, pattern.indptr), shape=shape)
    place = np.asarray(numbers[rows, columns]).ravel() if len(rows) else np.empty(0, dtype=np.int64)
    return pattern, np.split(place, np.cumsum([len(part.rows) for part in found], dtype=np.int64)[:-1])


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


def writes_of(elements: Any, places: Any, written: Any) -> list[Write]:
    """What is written of a part, each place once at a time.

    elements: of each place the element of the node that goes there (None: all elements, in order). written: of each
    entry whether a part before has been there; it is brought up to date.
    """
    import numpy as np

    left, found = np.arange(len(places)), list[Write]()
    while len(left):
        _, once = np.unique(places[left], return_index=True)
        chosen = left if len(once) == len(left) else left[np.sort(once)]
        is_new = ~written[places[chosen]]
        for own, is_first in ((chosen[is_new], True), (chosen[~is_new], False)):
            sources = own if elements is None else elements[own]
            for begin, end in runs(places[own]):
                is_all = elements is None and end - begin == len(places)
                source = None if is_all else as_slice(sources[begin:end])
                found.append(Write(source, as_slice(places[own[begin:end]]), is_first=is_first))
        written[places[chosen]] = True
        left = np.setdiff1d(left, chosen, assume_unique=True)
    return found


def runs(places: Any) -> list[tuple[int, int]]:
    """The stretches of places at equal distances, first and end; all together where those are many."""
    import numpy as np

    steps = np.diff(places)
    begin, found = 0, list[tuple[int, int]]()
    for last in (np.flatnonzero(steps[1:] != steps[:-1]) + 1).tolist():
        if last > begin:
            found.append((begin, last + 1))
            begin = last + 1
        if len(found) >= MOST_RUNS:
            return [(0, len(places))]
    return [*found, (begin, len(places))] if begin < len(places) else found


def as_slice(places: Any) -> Any:
    """Places at equal distances as a slice; others as they are."""
    import numpy as np

    step = int(places[1] - places[0]) if len(places) > 1 else 1
    if len(places) and step > 0 and (np.diff(places) == step).all():
        return slice(int(places[0]), int(places[-1]) + 1, step)
    return places
