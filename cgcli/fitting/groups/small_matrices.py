"""Small matrices of many groups as arrays of NumPy, the groups along the last axis.

A triangle is (k, k, groups), a vector (k, groups).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from typing import Any

DEPENDENT = 1e-11
"""What is left of a column without those before it, relative to its length, below which the batch gives a group up."""


def products(lines: Any, found: Any) -> None:
    """The products of lines (k, rows, groups) with each other, into the upper triangles of (k, k, groups)."""
    for place, line in enumerate(lines):
        for other in range(place, len(lines)):
            np.einsum("rg,rg->g", line, lines[other], out=found[place, other])


def orthogonalised(lines: Any) -> Any:
    """The R factors (k, k, groups) of matrices whose columns are the lines: (k, rows, groups), overwritten.

    By modified Gram–Schmidt, as exact for least squares with the residuals as the last column as Householder's
    reflections (Å. Björck, BIT 7, 1967, and Numerical Methods for Least Squares Problems, SIAM 1996, §2.4).
    """
    count, rows, groups = lines.shape
    found = np.zeros((count, count, groups))
    spare = np.empty((rows, groups))
    for place in range(count):
        line = lines[place]
        square = np.einsum("rg,rg->g", line, line)
        found[place, place] = length = np.sqrt(square)
        inverse = 1 / np.where(square > 0, square, 1.0)
        for other in range(place + 1, count):
            share = np.einsum("rg,rg->g", line, lines[other]) * inverse
            found[place, other] = share * length
            np.multiply(line, share, out=spare)
            lines[other] -= spare
    return found


def solved(upper: Any, right: Any) -> Any:
    """The solutions x of U x = b for triangles (k, k, groups) and right sides (k, …, groups); 0 where U has a 0."""
    size = len(upper)
    found = np.zeros(right.shape)
    for place in range(size - 1, -1, -1):
        pivot = upper[place, place]
        inverse = np.where(pivot != 0, 1 / np.where(pivot != 0, pivot, 1.0), 0.0)
        rest = right[place].copy()
        for other in range(place + 1, size):
            rest -= upper[place, other] * found[other]
        found[place] = rest * inverse
    return found


def squares(vectors: Any) -> Any:
    """The squares of the lengths of vectors (k, groups)."""
    return np.einsum("kg,kg->g", vectors, vectors)


def product(matrices: Any, vectors: Any) -> Any:
    """Matrices (i, j, groups) times vectors (j, groups)."""
    return np.einsum("ijg,jg->ig", matrices, vectors)


def dependent(triangle: Any, size: int) -> Any:
    """Which groups have derivatives that depend on each other, or of which one is 0: the batch knows no answer."""
    lengths = np.sqrt(np.einsum("rcg,rcg->cg", triangle[:, :size], triangle[:, :size]))
    pivots = np.abs(np.einsum("ccg->cg", triangle[:size, :size]))
    return ~(pivots > DEPENDENT * lengths).all(axis=0) if size else np.zeros(triangle.shape[-1], dtype=bool)


def covariances(triangle: Any, size: int) -> Any:
    """(J'J)⁻¹ of each group: (p, p, groups)."""
    groups = triangle.shape[-1]
    one = np.broadcast_to(np.eye(size)[:, :, None], (size, size, groups))
    inverse = solved(triangle[:size, :size], one)
    return np.einsum("ikg,jkg->ijg", inverse, inverse)
