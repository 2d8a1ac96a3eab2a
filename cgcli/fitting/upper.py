"""Least squares with small upper triangles, by LAPACK's own routines where the triangle is well-conditioned.

NumPy's `lstsq` and `qr` take ten times as long for a few parameters, and a small fit is nothing but that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from typing import Any

EPSILON = float(np.finfo(float).eps)
WELL = 1e-12
"""The reciprocal condition from which on no singular value is near the rounding of the largest one."""
WORK = 32
"""Columns that LAPACK may treat as one."""


def lengths_of(columns: Any) -> Any:
    """The Euclidean lengths of the columns of a matrix."""
    return np.sqrt(np.einsum("ij,ij->j", columns, columns))


def upper(matrix: Any) -> Any:
    """The R factor of a square matrix."""
    from scipy.linalg import lapack

    size = len(matrix)
    found = lapack.dgeqrf(matrix, lwork=max(1, WORK * size))[0]
    found[np.tri(size, k=-1, dtype=bool)] = 0.0
    return found


def triangle_of(rates: Any, residuals: Any) -> Any:
    """The R factor of [J r] as a square of one row more than there are parameters."""
    size = rates.shape[1] + 1
    found = np.linalg.qr(np.column_stack((rates, residuals)), mode="r")
    return found if len(found) == size else np.vstack((found, np.zeros((size - len(found), size))))


class Upper:
    """An upper triangle of derivatives with columns of length 1, so that units do not count.

    lengths: of the columns; 1 for one that is 0. is_well: whether it is far from singular.
    """

    def __init__(self, triangle: Any) -> None:
        from scipy.linalg import lapack

        lengths = lengths_of(triangle)
        lengths[lengths == 0] = 1.0
        self.lengths = lengths
        self._scaled = triangle / lengths
        self._solve = lapack.dtrtrs
        rate, _ = lapack.dtrcon(self._scaled) if len(lengths) else (1.0, 0)
        self.is_well = bool(rate > WELL)

    def solved(self, right: Any) -> Any:
        """The shortest x, columns being of length 1, that brings |triangle x - right| to its least."""
        if not len(right):
            return right
        if self.is_well:
            return self._solve(self._scaled, right)[0] / self.lengths
        return np.linalg.lstsq(self._scaled, right, rcond=EPSILON * len(right))[0] / self.lengths

    def along(self, right: Any) -> float:
        """The length of the part of a vector that is a combination of the columns."""
        if self.is_well:
            return float(right @ right) ** 0.5
        left, values, _ = np.linalg.svd(self._scaled, full_matrices=False)
        return float(np.linalg.norm((left.T @ right)[values > EPSILON * len(right) * values[0]]))
