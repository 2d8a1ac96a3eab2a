"""Upper triangles of tall matrices: the R factor of a QR factorisation, block by block, without Q.

The R factor of stacked R factors is that of the stacked matrices (J. Demmel, L. Grigori, M. Hoemmen & J. Langou,
"Communication-optimal parallel and sequential QR and LU factorizations", SIAM J. Sci. Comput. 34 (2012), A206–A239).
LAPACK's dgeqrf is called at its address, for SciPy's wrapper copies the matrix and lets no other thread go on.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

WORK = 32
"""Columns that LAPACK may treat as one; its workspace has so many numbers a column."""


@cache
def _geqrf() -> Callable[..., None]:
    """dgeqrf(m, n, a, lda, tau, work, lwork, info), all of them addresses."""
    from scipy.linalg import cython_lapack

    capsule = cython_lapack.__pyx_capi__["dgeqrf"]
    name_of, address_of = ctypes.pythonapi.PyCapsule_GetName, ctypes.pythonapi.PyCapsule_GetPointer
    name_of.restype, name_of.argtypes = ctypes.c_char_p, [ctypes.py_object]
    address_of.restype, address_of.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 8)(address_of(capsule, name_of(capsule)))


def triangle(lines: Any, rows: int) -> Any:
    """The R factor (k, k) of a matrix (rows, k) whose columns are the beginnings of k contiguous lines.

    lines: (k, at least max(rows, k)) doubles in C order; what stands there is overwritten. Fewer rows than columns
    count as filled up with zeros. Signs of the rows of R are free.
    """
    width, stride = lines.shape
    if rows < width:
        lines[:, rows:width] = 0.0
        rows = width
    sizes = np.array([rows, width, stride, WORK * width, 0], dtype=np.intc)
    spare = np.empty((WORK + 1) * width)
    at, item = sizes.ctypes.data, sizes.itemsize
    workspace = spare.ctypes.data
    _geqrf()(
        at, at + item, lines.ctypes.data, at + 2 * item, workspace, workspace + 8 * width, at + 3 * item, at + 4 * item
    )
    return np.where(_upper(width), lines[:, :width].T, 0.0)


@cache
def _upper(size: int) -> Any:
    """Where a matrix of a size has its upper triangle (`numpy.triu` makes that anew each time)."""
    return np.triu(np.ones((size, size), dtype=bool))


def stacked(triangles: Sequence[Any]) -> Any:
    """The R factor of triangles of one size on top of each other."""
    if len(triangles) == 1:
        return triangles[0]
    lines = np.ascontiguousarray(np.concatenate(triangles).T)
    return triangle(lines, lines.shape[1])
