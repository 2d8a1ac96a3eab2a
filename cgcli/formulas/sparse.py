"""Jacobians and Hessians as sparse matrices: the pattern from the graph, then as many products as colours.

What follows from the graph alone (pattern, colouring, the nodes of the products, where each entry stands in them) is
made once and kept with the program (`sparse_plans`); an evaluation is one run for all colours together.
"""

from __future__ import annotations

from copy import copy

from cgcli.errors import CalculationError, UsageError
from cgcli.formulas.derivatives import derived, name_tuple, need_scalar, targets, variables
from cgcli.formulas.sparse_plans import Layout, hessian_plan, jacobian_plan, slopes_of
from cgcli.graph.shapes import size
from cgcli.language.program import Program
from cgcli.ops import shaping
from cgcli.passes.derivative import derivatives_of
from cgcli.passes.inlining import has_kept, inlined
from cgcli.passes.rolling import rolled
from cgcli.passes.static_positions import with_static_positions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from cgcli.formulas.bound import Bound
    from cgcli.formulas.sparse_parts import Parts
    from cgcli.formulas.sparse_plans import Products
    from cgcli.graph.store import Graph

    Made = tuple[Program, Layout, Products | Parts]

FEW_NAMES, MOST_NAMES = 8, 300
"""Names from which on a Jacobian is taken apart by columns; names of a Hessian that is given in parts."""

MOST_WRITTEN_OUT, FEW_WRITTEN_OUT = 500_000, 5_000
"""Nodes of loops that are written out on trial, in a second or two; nodes that stay so where they are no arrays."""

MOST_ROWS = 2_000
"""Rows with an entry that is no finite number that are computed by themselves, without any product."""


class SparseMatrix:
    """The derivatives of one output as one sparse matrix, computed again and again.

    shape, pattern: of the matrix; its columns are the elements of all variables one behind the other, arrays rows
    first. columns: of each variable's name its columns. colours: products that an evaluation takes.
    """

    kind = ""

    def __init__(self, bound: Bound, wrt: Sequence[str] | None = None, of: str | None = None) -> None:
        self.names, self.of = name_tuple(wrt), of
        self.begin = bound
        program, self.layout, self.plan = derived(bound, (self.kind, self.names, of), self.made).nodes
        self.bound = bound.over(program)

    def made(self, program: Program) -> Made:
        """What follows from the graph alone: the program that is run, where the columns are, and how it is read."""
        raise NotImplementedError

    def sources(self, program: Program) -> list[int]:
        """The nodes whose elements are the rows, in a program that begins as that of the formula."""
        raise NotImplementedError

    @property
    def pattern(self) -> Any:
        """Where the matrix has entries: a boolean `scipy.sparse.csr_array`, whose owner is this object."""
        return self.plan.pattern

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        rows, columns = self.pattern.shape
        return rows, columns

    @property
    def colours(self) -> int:
        """How many products an evaluation takes."""
        return self.plan.colours

    @property
    def fullest_row(self) -> int:
        """The most entries of a row."""
        import numpy as np

        return int(np.diff(self.pattern.indptr).max(initial=0))

    def places(self) -> tuple[Any, Any]:
        """The row and the column of each entry, rows first."""
        import numpy as np

        pattern = self.pattern
        return np.repeat(np.arange(self.shape[0]), np.diff(pattern.indptr)), pattern.indices.astype(np.int64)

    @property
    def columns(self) -> dict[str, Any]:
        """Of each variable's name its columns: a slice, or an array where it is a part of an array."""
        return self.layout.columns

    def __call__(self, values: Mapping[str, Any] | None = None) -> Any:
        """The matrix, a `scipy.sparse.csr_array` that shares memory with nothing.

        values: floats and arrays by input that take the place of those it was bound with.
        """
        import numpy as np

        bound = self.bound if values is None else self.bound.over(self.bound.program, values)
        with np.errstate(all="ignore"):
            data = self.plan.entries(bound)
        if not np.isfinite(data).all():
            data = self._without_products(bound, data)
        return with_data(self.pattern, data)

    def pieces(self) -> dict[tuple[str | None, str], Piece]:
        """The parts of the matrix by the names of their rows and columns, from the last time or made now."""
        if not self.layout.pieces:
            self.layout.pieces = {
                (row, column): Piece(numbers, rows, columns)
                for numbers in [self._numbers()]
                for row, rows in self._row_names().items()
                for column, columns in self.columns.items()
            }
        return self.layout.pieces

    def _row_names(self) -> dict[str | None, Any]:
        return {None: slice(None)}

    def _numbers(self) -> Any:
        """The places of the entries, as a matrix; by columns where there are many names, or all would be looked at."""
        import numpy as np
        from scipy.sparse import csr_array

        kept = self.pattern
        numbers = csr_array((np.arange(kept.nnz), kept.indices, kept.indptr), shape=kept.shape)
        return numbers.tocsc() if len(self.columns) > FEW_NAMES else numbers

    def _without_products(self, bound: Bound, data: Any) -> Any:
        """Rows with a nan computed by themselves: in a product, it may have come from another column."""
        import numpy as np

        pattern = self.pattern
        rows = np.unique(self.places()[0][~np.isfinite(data)])[:MOST_ROWS].tolist()
        for row, found in zip(rows, self._rows(bound, rows), strict=True):
            begin, end = pattern.indptr[row], pattern.indptr[row + 1]
            data[begin:end] = found[pattern.indices[begin:end]]
        return data

    def _rows(self, bound: Bound, rows: Sequence[int]) -> list[Any]:
        """All derivatives of some elements, an array each."""
        import numpy as np

        def make(program: Program) -> list[list[int]]:
            graph, found, first = program.graph, {}, 0
            wholes = Layout(graph, variables(program, self.names, self.of)).wholes
            for source in self.sources(program):
                shape = graph.shape_of(source)
                last = first + size(shape)
                for row in rows:
                    if first <= row < last:
                        key = tuple(map(int, np.unravel_index(row - first, shape))) if shape else ()
                        element = graph.apply(shaping.index, [source], [key]) if shape else source
                        found[row] = derivatives_of(graph, element, wholes)
                first = last
            return [found[row] for row in rows]

        made = derived(self.begin, (self.kind, self.names, self.of, tuple(rows)), make)
        values = iter(bound.over(made.program).evaluate([node for nodes in made.nodes for node in nodes]))
        return [np.concatenate([np.ravel(next(values)) for _ in nodes]) for nodes in made.nodes]


class SparseJacobian(SparseMatrix):
    """The Jacobian of one output: one row an element of it."""

    kind = "sparse jacobian"

    def target(self, program: Program) -> int:
        """The node whose Jacobian it is."""
        return one_target(program, self.of)[1]

    def sources(self, program: Program) -> list[int]:
        """As said above."""
        return [self.target(program)]

    def made(self, program: Program) -> Made:
        """As said above."""
        node = self.target(program)
        program, node, chosen = rolled_program(program, node, variables(program, self.names, self.of))
        layout = Layout(program.graph, chosen)
        return program, layout, jacobian_plan(program.graph, node, layout)


class SparseHessian(SparseMatrix):
    """The Hessian of one output that is a number: its rows are its columns."""

    kind = "sparse hessian"

    def _row_names(self) -> dict[str | None, Any]:
        return {name: own for name, own in self.columns.items()}  # noqa: C416 - of another type

    def sources(self, program: Program) -> list[int]:
        """As said above."""
        layout = Layout(program.graph, variables(program, self.names, self.of))
        return slopes_of(program.graph, one_target(program, self.of)[1], layout)

    def made(self, program: Program) -> Made:
        """As said above."""
        name, node = one_target(program, self.of)
        need_scalar(program.graph, name, node)
        program, node, chosen = rolled_program(program, node, variables(program, self.names, self.of))
        layout = Layout(program.graph, chosen)
        return program, layout, hessian_plan(program.graph, slopes_of(program.graph, node, layout), layout)


def rolled_program(
    program: Program, output: int, chosen: Mapping[str, int]
) -> tuple[Program, int, Mapping[str, int]]:  # fmt: skip
    """The program with its loops as arrays, where it has any, and where the output and the variables are in it."""
    wanted = [output, *chosen.values()]
    found = as_arrays(program.graph, wanted)
    if found is None:
        return program, output, chosen
    graph, moved = found
    twin = Program(graph)
    twin.inputs, twin.outputs = list(program.inputs), {"result": moved[output]}
    return twin, moved[output], {name: moved[node] for name, node in chosen.items()}


def as_arrays(graph: Graph, wanted: Sequence[int]) -> tuple[Graph, dict[int, int]] | None:
    """The same graph with loops as arrays, and where the wanted nodes are in it; None where it stays as it is.

    A loop that is one node says nothing of what its steps read. So it is written out where that makes few nodes, or
    where the steps that are written out become arrays; a recurrence stays, whose last state depends on everything.
    """
    known = with_static_positions(graph, wanted)
    if known is not None:
        graph = known[0]
    places = {node: node for node in wanted} if known is None else known[1]
    further = _loops_as_arrays(graph, list(places.values()))
    if further is not None:
        return further[0], {node: further[1][place] for node, place in places.items()}
    return None if known is None else (graph, places)


def _loops_as_arrays(graph: Graph, wanted: Sequence[int]) -> tuple[Graph, dict[int, int]] | None:
    flat, places = graph, {node: node for node in wanted}
    if has_kept(graph):
        try:
            positions, flat = inlined(graph, wanted, MOST_WRITTEN_OUT)
        except CalculationError:  # too many of them
            return rolled(graph, wanted)
        places = {node: positions[node] for node in wanted}
    found = rolled(flat, list(places.values()))
    if found is not None:
        return found[0], {node: found[1][place] for node, place in places.items()}
    if flat is not graph and len(flat) <= FEW_WRITTEN_OUT:
        return flat, places
    return None if flat is graph else rolled(graph, wanted)


def one_target(program: Program, of: str | None) -> tuple[str, int]:
    """The output that is meant. UsageError where there are several and none is chosen."""
    found = targets(program, of)
    if len(found) > 1:
        raise UsageError(f"the formula has {len(found)} outputs", hint=f"choose one (of=…): {', '.join(found)}")
    return next(iter(found.items()))


def sparse_jacobians(bound: Bound, wrt: Sequence[str] | None, of: str | None) -> dict[str, dict[str, Any]]:
    """The Jacobians of the outputs, {output: {name: array with a row an element of the output}}."""
    return {name: _by_name(SparseJacobian(bound, wrt, name)) for name in targets(bound.program, of)}


def sparse_hessians(
    bound: Bound, wrt: Sequence[str] | None, of: str | None
) -> dict[str, dict[str, dict[str, Any]]]:  # fmt: skip
    """The Hessians of the outputs, {output: {a: {b: array of shape (elements of a, elements of b)}}}."""
    check_parts(len(variables(bound.program, wrt, of)))
    found = {}
    for name in targets(bound.program, of):
        hessian = SparseHessian(bound, wrt, name)
        matrix, pieces, names = hessian(), hessian.pieces(), hessian.columns
        found[name] = {a: {b: pieces[a, b].of(matrix) for b in names} for a in names}
    return found


def check_parts(names: int) -> None:
    """CalculationError for a sparse Hessian in so many parts that taking it apart takes longer than anything else."""
    if names > MOST_NAMES:
        raise CalculationError(
            f"a sparse Hessian by {names:,} names has {names**2:,} parts",
            hint="make the names one vector (`input x[3000]`), or ask for it as a whole (`SparseHessian`)",
        )


def _by_name(jacobian: SparseJacobian) -> dict[str, Any]:
    matrix, pieces = jacobian(), jacobian.pieces()
    return {name: pieces[None, name].of(matrix) for name in jacobian.columns}


class Piece:
    """Some rows and columns of a sparse matrix, by the places of their entries in it; `pattern` is None for all."""

    __slots__ = ("pattern", "places")

    def __init__(self, numbers: Any, rows: Any, columns: Any) -> None:
        found = numbers
        for axis, chosen in enumerate((rows, columns)):
            if not isinstance(chosen, slice) or chosen.indices(found.shape[axis]) != (0, found.shape[axis], 1):
                found = found[chosen, :] if axis == 0 else found[:, chosen]
        self.pattern, self.places = None, None
        if found is not numbers:
            self.pattern = found.tocsr()
            self.places = self.pattern.data
            self.pattern.data = self.places.astype(bool)

    def of(self, matrix: Any) -> Any:
        """This piece of a matrix of the pattern; the matrix itself where that is all of it."""
        return matrix if self.pattern is None else with_data(self.pattern, matrix.data.take(self.places))


def with_data(pattern: Any, data: Any) -> Any:
    """A matrix of this pattern that shares nothing with it; making one anew, SciPy looks through all of it."""
    found = copy(pattern)
    found.data, found.indices, found.indptr = data, found.indices.copy(), found.indptr.copy()
    return found
