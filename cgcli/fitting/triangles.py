"""Upper triangles of tall matrices: the R factor of a QR factorisation, block by block, without Q.

The R factor of stacked R factors is that of the stacked matrices (J. Demmel, L. Grigori, M. Hoemmen & J. Langou,
"Communication-optimal parallel and sequential QR and LU factorizations", SIAM J. Sci. Comput. 34 (2012), A206–A239).
Many rows are reflected by machine code, few by LAPACK's dgeqrf, called at its address: SciPy's wrapper copies the
matrix and lets no other thread go on.
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

ALONE = 8_192
"""Numbers of a matrix for which OpenBLAS begins no thread (`interface/ger.c`): its threads wait for each other at every
column, and where other work is to be done, too, that takes a hundred times as long as the work."""

MUCH = 1_000_000
"""Rows times squared columns from which on machine code is compiled."""

SAFE = 1e-140
"""The least length of a column whose square is an ordinary number."""


class Triangles:
    """Makes triangles of many blocks of a matrix: one width, about so many rows in all."""

    def __init__(self, width: int, rows: int) -> None:
        self._native = machine_code() if rows * width * width >= MUCH else None
        self._step = 1 if self._native is None else self._native[1]

    def room(self, rows: int, width: int) -> int:
        """How long the lines of a block of rows have to be."""
        return -(-max(rows, width) // self._step) * self._step

    def made(self, lines: Any, rows: int, again: Callable[[], None]) -> Any:
        """The R factor (k, k) of a matrix (rows, k) whose columns are the beginnings of k contiguous lines.

        lines: (k, as long as `room` says) doubles in C order; what stands there is overwritten. again: writes the lines
        anew. Signs of the rows of R are free; nan or infinite where the matrix is.
        """
        if self._native is not None:
            found = self._native[0](lines, rows)
            lengths = np.abs(found).max(axis=0)
            if lengths.min() > SAFE and lengths.max() < 1 / SAFE:
                return found
            again()
        return triangle(lines, rows)


@cache
def machine_code() -> tuple[Callable[[Any, int], Any], int] | None:
    """Triangles by machine code, and the number of which lines are a multiple; None where LLVM is not installed."""
    try:
        from cgcli.engines.native import triangles
    except ImportError:
        return None
    return triangles.triangle, triangles.step_of()


def triangle(lines: Any, rows: int) -> Any:
    """As `Triangles.made`, by LAPACK; lines are at least as long as there are columns."""
    width = len(lines)
    if rows < width:
        lines[:, rows:width] = 0.0
        rows = width
    height = ALONE // width
    if rows <= height or height < 4 * width:
        return _by_lapack(lines, 0, rows)
    firsts = list(range(0, rows, height))
    if rows - firsts[-1] < width:
        firsts.pop()  # the rest goes with the block before it
    ends = [*firsts[1:], rows]
    return stacked([_by_lapack(lines, first, last - first) for first, last in zip(firsts, ends, strict=True)])


def stacked(triangles: Sequence[Any]) -> Any:
    """The R factor of triangles of one size on top of each other."""
    size = len(triangles[0])
    most = max(ALONE // (size * size), 2)
    while len(triangles) > 1:
        groups = [triangles[first : first + most] for first in range(0, len(triangles), most)]
        triangles = [_by_lapack(np.ascontiguousarray(np.concatenate(group).T), 0, size * len(group))
                     for group in groups]  # fmt: skip
    return triangles[0]


def _by_lapack(lines: Any, first: int, rows: int) -> Any:
    """The R factor of some rows, at least as many as columns."""
    width, stride = lines.shape
    sizes = np.array([rows, width, stride, WORK * width, 0], dtype=np.intc)
    spare = np.empty((WORK + 1) * width)
    at, item, workspace = sizes.ctypes.data, sizes.itemsize, spare.ctypes.data
    _geqrf()(
        at, at + item, lines.ctypes.data + lines.itemsize * first, at + 2 * item, workspace,
        workspace + lines.itemsize * width, at + 3 * item, at + 4 * item,
    )  # fmt: skip
    return np.where(_upper(width), lines[:, first : first + width].T, 0.0)


@cache
def _geqrf() -> Callable[..., None]:
    """dgeqrf(m, n, a, lda, tau, work, lwork, info), all of them addresses."""
    from scipy.linalg import cython_lapack

    capsule = cython_lapack.__pyx_capi__["dgeqrf"]
    name_of, address_of = ctypes.pythonapi.PyCapsule_GetName, ctypes.pythonapi.PyCapsule_GetPointer
    name_of.restype, name_of.argtypes = ctypes.c_char_p, [ctypes.py_object]
    address_of.restype, address_of.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 8)(address_of(capsule, name_of(capsule)))


@cache
def _upper(size: int) -> Any:
    """Where a matrix of a size has its upper triangle (`numpy.triu` makes that anew each time)."""
    return np.triu(np.ones((size, size), dtype=bool))
