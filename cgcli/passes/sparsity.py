"""The pattern of a Jacobian: which elements of some nodes depend on which elements of others, without any values.

The pattern says what may depend; where it says nothing, the derivative is 0 for all values. What an operation reads
is said by its row (see `passes.reading`), so the pattern of a Hessian is that of the Jacobian of the gradient's nodes.
Sets of elements are handed on in the order of the graph: as bits where there are few elements, else as lines (where
the elements of each node depend on a few others, at regular places) or as sparse boolean matrices. See A. Griewank and
A. Walther, Evaluating Derivatives, 2nd ed., SIAM 2008, section 7.1.
"""

from __future__ import annotations

from itertools import compress

from cgcli.errors import CalculationError
from cgcli.graph.shapes import size
from cgcli.graph.walk import between
from cgcli.passes.expand import expansion
from cgcli.passes.reading import NOTHING, Read, moving, numbered, reads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from cgcli.graph.store import Graph
    from cgcli.ops import Operation

    Shape = tuple[int, ...]

FEW_ELEMENTS, LARGE_NODE = 20_000, 64
"""Elements of all nodes together up to which bits are handed on; above, where a node has not so many on average."""

MOST_LINES = 24
"""Lines of a set, beyond which matrices are quicker."""

MOST_ENTRIES = 100_000_000
"""Entries of one set of dependencies; more are no sparse matrix (0.8 GB)."""


def pattern(graph: Graph, outputs: Sequence[int], variables: Sequence[int]) -> Any:
    """The pattern of the Jacobian of all elements of the outputs by all elements of the variables.

    A boolean `scipy.sparse.csr_array`; rows are the elements of the outputs one behind the other, columns those of the
    variables, arrays rows first. CalculationError where it has more entries than anybody can use.
    """
    with graph.lock:
        active = between(graph, variables, outputs)
        nodes = list(compress(range(len(active)), active))
        elements = sum(size(graph.shape_of(node)) for node in nodes)
        few = elements <= FEW_ELEMENTS or elements < LARGE_NODE * len(nodes)
        try:
            return _found(Bits if few else Lines, graph, nodes, outputs, variables)
        except NoLinesError:
            return _found(Blocks, graph, nodes, outputs, variables)


def _found(
    kind: type[Dependencies], graph: Graph, nodes: Sequence[int], outputs: Sequence[int], variables: Sequence[int]
) -> Any:
    work = kind(graph, variables)
    for node in nodes:
        work.visit(graph, node)
    return work.rows(graph, outputs)


class Dependencies:
    """What each node depends on; a subclass says how a set of dependencies looks."""

    def __init__(self, graph: Graph, variables: Sequence[int]) -> None:
        self.count = sum(size(graph.shape_of(variable)) for variable in variables)
        self.found: dict[int, Any] = {}
        self._read: dict[Any, list[Any]] = {}
        first = 0
        for variable in variables:
            elements = size(graph.shape_of(variable))
            own = self.own(first, elements)
            self.found[variable] = self.united([self.found[variable], own]) if variable in self.found else own
            first += elements

    def visit(self, graph: Graph, node: int) -> None:
        """Find the dependencies of a node from those of its operands; a variable has its own ones, too."""
        if graph.is_leaf(node):
            return
        operands, row, attributes = graph.operands_of(node), graph.row(node), graph.attributes_of(node)
        shapes = tuple(graph.shape_of(operand) for operand in operands)
        moves = moving(row, shapes, attributes)
        sets = [self.found.get(operand) if move else None for operand, move in zip(operands, moves, strict=True)]
        if any(each is not None for each in sets):
            found = self.of_operation(row, shapes, attributes, graph.shape_of(node), sets)
            if found is not None:
                self.found[node] = self.united([self.found[node], found]) if node in self.found else found

    def of_operation(
        self, row: Operation, shapes: tuple[Shape, ...], attributes: tuple[Any, ...], shape: Shape, sets: Sequence[Any]
    ) -> Any:
        """The dependencies of an operation from those of its operands, None for one without any."""
        if row.elementwise and all(own == shape for own, each in zip(shapes, sets, strict=True) if each is not None):
            return self.united(each for each in sets if each is not None)
        if not row.elementwise and row.definition is not None:
            return self._defined(row, shapes, attributes, sets)
        return self.structural(row, shapes, attributes, shape, sets)

    def structural(
        self, row: Operation, shapes: tuple[Shape, ...], attributes: tuple[Any, ...], shape: Shape, sets: Sequence[Any]
    ) -> Any:
        """The same of an operation that does not read its own place, by what it reads."""
        key = (row, shapes, attributes)
        read = self._read.get(key)
        if read is None:
            read = reads(row, shapes, attributes)
            if "gathers" not in row.traits:  # there may be as many keys as elements, each for one node
                self._read[key] = read
        return self.united(
            self.everything(each, size(shape)) if places is None else self.taken(each, places, size(shape))
            for each, places in zip(sets, read, strict=True) if each is not None
        )  # fmt: skip

    def _defined(
        self, row: Operation, shapes: tuple[Shape, ...], attributes: tuple[Any, ...], sets: Sequence[Any]
    ) -> Any:
        """By the definition; definitions nest only as deep as the table of rows."""
        template, places, output = expansion(row, shapes, attributes)
        outside, self.found = self.found, {
            place: each for place, each in zip(places, sets, strict=True) if each is not None
        }  # fmt: skip
        active = between(template, list(self.found), [output])
        for node in compress(range(len(active)), active):
            self.visit(template, node)
        result, self.found = self.found.get(output), outside
        return result

    def own(self, first: int, elements: int) -> Any:
        """Each element depends on the variable of its own number, from the first one on."""
        raise NotImplementedError

    def united(self, sets: Iterable[Any]) -> Any:
        """The union, element by element."""
        raise NotImplementedError

    def taken(self, dependencies: Any, read: Read, elements: int) -> Any:
        """For each element of a result the union of what the elements depend on that it reads."""
        raise NotImplementedError

    def everything(self, dependencies: Any, elements: int) -> Any:
        """So many elements that depend on all of it."""
        raise NotImplementedError

    def rows(self, graph: Graph, outputs: Sequence[int]) -> Any:
        """The pattern of some nodes, one behind the other."""
        raise NotImplementedError


class Bits(Dependencies):
    """A list with one integer an element; each of its bits is a variable."""

    def own(self, first: int, elements: int) -> list[int]:
        """As said above."""
        return [1 << place for place in range(first, first + elements)]

    def united(self, sets: Iterable[list[int]]) -> list[int]:
        """As said above."""
        total, *others = sets
        for other in others:
            total = [one | another for one, another in zip(total, other, strict=True)]
        return total

    def taken(self, dependencies: list[int], read: Read, elements: int) -> list[int]:
        """As said above."""
        found = [0] * elements
        for source, target in zip(*(each.tolist() for each in read.pairs()), strict=True):
            found[target] |= dependencies[source]
        return found

    def everything(self, dependencies: list[int], elements: int) -> list[int]:
        """As said above."""
        bits = 0
        for each in dependencies:
            bits |= each
        return [bits] * elements

    def rows(self, graph: Graph, outputs: Sequence[int]) -> Any:
        """As said above."""
        import numpy as np
        from scipy.sparse import csr_array

        lines: list[list[int]] = []
        for output in outputs:
            elements = size(graph.shape_of(output))
            lines += map(_places_of, self.found.get(output, [0] * elements))
        pointers = np.concatenate([[0], np.cumsum([len(line) for line in lines], dtype=np.int64)])
        columns = np.array([column for line in lines for column in line], dtype=np.int64)
        return csr_array((np.ones(len(columns), bool), columns, pointers), shape=(len(lines), self.count))


def _places_of(bits: int) -> list[int]:
    """The positions of the bits that are set, in order."""
    found = []
    while bits:
        lowest = bits & -bits
        found.append(lowest.bit_length() - 1)
        bits ^= lowest
    return found


class NoLinesError(Exception):
    """Elements of a node depend on more others than there are lines."""


class Lines(Dependencies):
    """A tuple of columns: of each element the number of a variable, from 1, or 0 for none; sorted by their sums.

    Discretised equations and banded functions have as many lines as their matrix has diagonals, and what moves elements
    (a slice, `concat`) moves the numbers. NoLinesError where a set has more, or where that is not known of a row.
    """

    def __init__(self, graph: Graph, variables: Sequence[int]) -> None:
        import numpy as np

        self._type = np.int32 if sum(size(graph.shape_of(each)) for each in variables) < 2**31 - 1 else np.int64
        self._known: dict[tuple[int, ...], list[Any]] = {}
        self._sums: dict[int, int] = {}
        super().__init__(graph, variables)

    def own(self, first: int, elements: int) -> tuple[Any, ...]:
        """As said above."""
        import numpy as np

        return (self._same(np.arange(first + 1, first + elements + 1, dtype=self._type)),)

    def _same(self, line: Any) -> Any:
        """The line that has these numbers, from the last time or this one: so that they are compared by identity."""
        import numpy as np

        total = int(line.sum(dtype=np.int64))
        known = self._known.setdefault((len(line), total, int(line[0]) if len(line) else 0), [])
        for each in known:
            if np.array_equal(each, line):
                return each
        known.append(line)
        self._sums[id(line)] = total
        return line

    def united(self, sets: Iterable[tuple[Any, ...]]) -> tuple[Any, ...]:
        """As said above."""
        first, *others = sets
        if all(other is first for other in others):
            return first
        lines = {id(line): line for each in (first, *others) for line in each}
        if len(lines) > MOST_LINES:
            raise NoLinesError
        return tuple(lines[place] for place in sorted(lines, key=self._sums.__getitem__))

    def structural(
        self, row: Operation, shapes: tuple[Shape, ...], attributes: tuple[Any, ...], shape: Shape, sets: Sequence[Any]
    ) -> Any:
        """As said above: what moves elements is run on the numbers."""
        import numpy as np

        if row.elementwise:
            return self.united(
                tuple(self._same(np.broadcast_to(line.reshape(own), shape).ravel()) for line in each)
                for own, each in zip(shapes, sets, strict=True) if each is not None
            )  # fmt: skip
        if "scatters" in row.traits and attributes[0].once:
            return tuple(self._same(self._scattered(line, attributes[0].array, size(shape))) for line in sets[0])
        if "gathers" not in row.traits:
            raise NoLinesError
        found = []
        for place in range(max(len(each) for each in sets if each is not None)):
            numbers = [
                np.zeros(own, self._type) if each is None or place >= len(each) else each[place].reshape(own)
                for own, each in zip(shapes, sets, strict=True)
            ]
            moved = np.asarray(row.spell["numpy"](np, *numbers, *attributes), dtype=self._type)
            found.append(self._same(moved.ravel()))
        return self.united([tuple(found)])

    def _scattered(self, line: Any, places: Any, elements: int) -> Any:
        import numpy as np

        found = np.zeros(elements, dtype=self._type)
        found[places] = line
        return found

    def rows(self, graph: Graph, outputs: Sequence[int]) -> Any:
        """As said above."""
        import numpy as np
        from scipy.sparse import csr_array

        heights = [size(graph.shape_of(output)) for output in outputs]
        count = max((len(self.found.get(output, ())) for output in outputs), default=0)
        numbers = np.zeros((sum(heights), count), dtype=self._type)
        first = 0
        for output, height in zip(outputs, heights, strict=True):
            for place, line in enumerate(self.found.get(output, ())):
                numbers[first : first + height, place] = line
            first += height
        known = numbers > 0
        flat = numbers.reshape(-1) if known.all() else numbers.reshape(-1)[np.flatnonzero(known)]
        pointers: Any = np.zeros(len(numbers) + 1, dtype=self._type)
        for place in range(count):
            pointers[1:] += known[:, place]
        np.cumsum(pointers, out=pointers)
        found = csr_array((np.ones(len(flat), bool), flat - 1, pointers), shape=(len(numbers), self.count))
        rising = np.ones(len(flat) + 1, dtype=bool)
        np.greater(flat[1:], flat[:-1], out=rising[1:-1])
        rising[pointers] = True
        if not rising.all():
            found.sum_duplicates()
            found.data[:] = True
        return found


class Blocks(Dependencies):
    """A boolean matrix a node, with one row an element.

    A union that adds nothing is the very matrix it began with, and the union of the same two is not made twice.
    """

    def __init__(self, graph: Graph, variables: Sequence[int]) -> None:
        super().__init__(graph, variables)
        self._unions: dict[tuple[int, int], tuple[Any, Any, Any]] = {}

    def own(self, first: int, elements: int) -> Any:
        """As said above."""
        import numpy as np

        columns = np.arange(first, first + elements)
        return _matrix(columns, np.arange(elements + 1), self.count)

    def united(self, sets: Iterable[Any]) -> Any:
        """As said above."""
        total, *others = sets
        for other in others:
            total = self._pair(total, other)
        return total

    def _pair(self, one: Any, other: Any) -> Any:
        if one is other:
            return one
        key = (id(one), id(other))
        if key not in self._unions:
            both = one + other
            found = next((each for each in (one, other) if each.nnz == both.nnz), both)
            self._unions[key] = (found, one, other)  # as long as both are kept, nothing else has their identities
        return self._unions[key][0]

    def taken(self, dependencies: Any, read: Read, elements: int) -> Any:
        """As said above."""
        import numpy as np
        from scipy.sparse import csr_array

        if read.targets is None:
            return _gathered(dependencies, read.sources)
        sources, targets = read.pairs()
        _check(int(np.diff(dependencies.indptr)[sources].sum()))
        shape = (elements, dependencies.shape[0])
        return csr_array((np.ones(len(sources), bool), (targets, sources)), shape=shape) @ dependencies

    def everything(self, dependencies: Any, elements: int) -> Any:
        """As said above."""
        import numpy as np

        columns = np.unique(dependencies.indices)
        _check(elements * len(columns))
        return _matrix(np.tile(columns, elements), np.arange(elements + 1) * len(columns), self.count)

    def rows(self, graph: Graph, outputs: Sequence[int]) -> Any:
        """As said above."""
        from scipy.sparse import csr_array, vstack

        def of(output: int) -> Any:
            own = self.found.get(output)
            return csr_array((size(graph.shape_of(output)), self.count), dtype=bool) if own is None else own

        parts = list(map(of, outputs))
        found = parts[0].copy() if len(parts) == 1 else vstack(parts, format="csr")
        found.sort_indices()
        return found


def _matrix(columns: Any, pointers: Any, width: int) -> Any:
    """A boolean matrix from the columns of its entries, row by row."""
    import numpy as np
    from scipy.sparse import csr_array

    return csr_array((np.ones(len(columns), bool), columns, pointers), shape=(len(pointers) - 1, width))


def _gathered(matrix: Any, places: Any) -> Any:
    """The rows of a matrix at these places; empty ones where there is none."""
    import numpy as np

    known = places != NOTHING
    chosen = places[known]
    if len(chosen) == matrix.shape[0] == len(places) and np.array_equal(chosen, numbered((len(chosen),))):
        return matrix
    counts = np.zeros(len(places), dtype=np.int64)
    counts[known] = np.diff(matrix.indptr)[chosen]
    _check(int(counts.sum()))
    pointers = np.concatenate([[0], np.cumsum(counts)])
    own = matrix[chosen]
    return _matrix(own.indices, pointers, matrix.shape[1])


def _check(entries: int) -> None:
    if entries > MOST_ENTRIES:
        raise CalculationError(
            f"the pattern of these derivatives has {entries:,} entries: they are not sparse",
            hint="take products with directions (`f.jvp`, `f.hvp`), or differentiate by fewer names (wrt)",
        )
