"""Jacobians and Hessians as arrays: written out row by row, or by way of the sparse matrix where there are many rows.

A row by itself is a reverse pass of its own; so a small matrix is a formula that can be printed, works at any number of
digits and follows the conventions at kinks. A sparse matrix takes a few passes, whatever the number of rows is, and
holds the same numbers.
"""

from __future__ import annotations

from cgcli.errors import CalculationError
from cgcli.formulas import derivatives
from cgcli.formulas.derivatives import targets, variables
from cgcli.graph.shapes import size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from cgcli.formulas.bound import Bound
    from cgcli.formulas.sparse import SparseMatrix

    Shape = tuple[int, ...]

MANY_ROWS = 24
"""Rows from which on a matrix is made by way of the sparse one."""

MOST_ELEMENTS = 100_000_000
"""Elements of a matrix (0.8 GB), beyond which only the sparse one is given."""


def jacobians(bound: Bound, wrt: Sequence[str] | None = None, of: str | None = None) -> dict[str, dict[str, Any]]:
    """The derivatives of every element of the outputs: {output: {name: array of shape output.shape + input.shape}}."""
    rows = sum(size(bound.graph.shape_of(node)) for node in targets(bound.program, of).values())
    if rows < MANY_ROWS or not _computes_arrays(bound, of):
        return derivatives.jacobians(bound, wrt, of)
    from cgcli.formulas.sparse import SparseJacobian

    found = {name: SparseJacobian(bound, wrt, name) for name in targets(bound.program, of)}
    if any(each.plan.kinks for each in found.values()):
        return derivatives.jacobians(bound, wrt, of)
    shapes = {name: bound.graph.shape_of(node) for name, node in variables(bound.program, wrt, of).items()}
    result = {}
    for name, node in targets(bound.program, of).items():
        matrix, shape = _dense(found[name]), bound.graph.shape_of(node)
        columns = found[name].columns
        result[name] = {each: _part(matrix[:, columns[each]], shape + own) for each, own in shapes.items()}
    return result


def hessians(
    bound: Bound, wrt: Sequence[str] | None = None, of: str | None = None
) -> dict[str, dict[str, dict[str, Any]]]:  # fmt: skip
    """The second derivatives of scalar outputs: {output: {a: {b: array of shape a.shape + b.shape}}}."""
    chosen = variables(bound.program, wrt, of)
    shapes = {name: bound.graph.shape_of(node) for name, node in chosen.items()}
    if not any(size(shape) >= MANY_ROWS for shape in shapes.values()) or not _computes_arrays(bound, of):
        return derivatives.hessians(bound, wrt, of)
    from cgcli.formulas.sparse import SparseHessian

    found = {name: SparseHessian(bound, wrt, name) for name in targets(bound.program, of)}
    if any(each.plan.kinks for each in found.values()):
        return derivatives.hessians(bound, wrt, of)
    return {name: _blocks(_dense(each), each.columns, shapes) for name, each in found.items()}


def _blocks(matrix: Any, columns: Mapping[str, Any], shapes: Mapping[str, Shape]) -> dict[str, dict[str, Any]]:
    """The parts of a Hessian by the names of its rows and columns."""
    return {
        a: {b: _part(matrix[columns[a]][:, columns[b]], shapes[a] + shapes[b]) for b in shapes} for a in shapes
    }  # fmt: skip


def _part(matrix: Any, shape: Shape) -> Any:
    """A part of a matrix in the shape of a derivative, in memory of its own; a number of no axes is a float."""
    return matrix.copy().reshape(shape) if shape else float(matrix[0, 0])


def _dense(matrix: SparseMatrix) -> Any:
    """All entries. CalculationError where they are too many."""
    rows, columns = matrix.shape
    if rows * columns > MOST_ELEMENTS:
        raise CalculationError(
            f"these derivatives have {rows * columns:,} elements, more than {MOST_ELEMENTS:,}",
            hint="ask for a sparse array (`sparse=True`), or take products with directions (`f.jvp`, `f.hvp`)",
        )
    return matrix().toarray()


def _computes_arrays(bound: Bound, of: str | None) -> bool:
    """Whether the engine is the one for arrays of doubles, on which sparse matrices are computed."""
    return bound.engine(list(targets(bound.program, of).values())).name == "numpy"
