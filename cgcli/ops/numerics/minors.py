"""Derivatives of the determinant of every order, for every matrix, without an inverse.

With A = U S V^T, det(A + t1*X1 + …) is det(U)*det(V) times the same of S and U^T X V, and of a diagonal matrix S the
coefficient of t1*…*tk is a sum over k places of the product of all *other* singular values. So a singular value of 0
is nothing special. Source: G. W. Stewart, On the adjugate matrix (1998), for the first derivative; the higher ones are
mixed discriminants of the rows and columns chosen.
"""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np

SMALL = 3
"""Rows up to which the polynomials are written out: sums of products of elements, exact where those are."""


def det_slope(a: Any, *directions: Any) -> Any:
    """The gradient by A of the derivative of det(A) along the directions; without any, the cofactors.

    a, directions: (…, n, n), batches broadcast. nan where A has a number that is not finite.
    """
    a, *others = np.broadcast_arrays(a, *directions)
    if not np.isfinite(a).all():
        return np.full(a.shape, np.nan)
    if a.shape[-1] <= SMALL:
        return _of_small(a, others)
    u, s, v = np.linalg.svd(a)
    sign = np.sign(np.linalg.det(u) * np.linalg.det(v))
    turned = [u.swapaxes(-1, -2) @ x @ v.swapaxes(-1, -2) for x in others]
    return sign[..., None, None] * (u @ _slope_of_diagonal(s, turned) @ v)


def det_slope_precise(mp: Any, a: Any, *directions: Any) -> Any:
    """The same with numbers of many digits, by the determinants of what is left when rows and columns are taken out."""
    if not all(map(mp.isfinite, a.ravel())):
        return np.full(a.shape, mp.nan)
    if len(a) <= SMALL:
        return _of_small(a, list(directions))
    found = np.empty(a.shape, dtype=object)
    for row, column in np.ndindex(*a.shape):
        taken = [_without(x, row, column) for x in (a, *directions)]
        found[row, column] = (-1) ** (row + column) * _along(mp, taken[0], taken[1:])
    return found


def _along(mp: Any, a: Any, directions: list[Any]) -> Any:
    """The derivative of det(A) along directions: each is developed by its elements, one after the other."""
    terms = [(mp.one, [a, *directions])]
    for _ in directions:
        developed = []
        for factor, (matrix, direction, *others) in terms:
            for row, column in np.ndindex(*direction.shape):
                element = direction[row, column]
                if getattr(element, "exact", None) != 0:
                    rest = [_without(x, row, column) for x in (matrix, *others)]
                    developed.append((factor * element * (-1) ** (row + column), rest))
        terms = developed
    total = mp.zero
    for factor, (matrix,) in terms:
        total = total + factor * (mp.det(mp.matrix(matrix.tolist())) if len(matrix) else mp.one)
    return total


def _without(x: Any, row: int, column: int) -> Any:
    """A matrix without a row and a column."""
    return np.delete(np.delete(x, row, 0), column, 1)


def _of_small(a: Any, directions: list[Any]) -> Any:
    """Of a matrix of n rows the gradient is a form of n - 1 matrices: of A as often as there are too few directions."""
    n = a.shape[-1]
    if len(directions) >= n:
        return 0 * a
    if n == 1:
        return 0 * a + 1
    if n == 2:
        return _cross_out((directions or [a])[0])
    first, second = [*directions, a, a][:2]
    form = _rows_crossed(first, second)
    return form if not directions else form + _rows_crossed(second, first)


def _cross_out(x: Any) -> Any:
    """The cofactors of a matrix of two rows."""
    rows = np.stack([x[..., 1, ::-1], x[..., 0, ::-1]], axis=-2)
    return rows * np.array([[1, -1], [-1, 1]])


def _rows_crossed(x: Any, y: Any) -> Any:
    """Row i is the cross product of row i + 1 of x and row i + 2 of y, counted around."""
    crossed = []
    for i in range(3):
        p, q = x[..., (i + 1) % 3, :], y[..., (i + 2) % 3, :]
        crossed.append(p[..., [1, 2, 0]] * q[..., [2, 0, 1]] - p[..., [2, 0, 1]] * q[..., [1, 2, 0]])
    return np.stack(crossed, axis=-2)


def _slope_of_diagonal(s: Any, directions: list[Any]) -> Any:
    """The gradient for a diagonal matrix: over distinct places i0 … ik and permutations of them as columns.

    The direction a takes row i[a] and column i[p(a)]; the last row and column are those of the gradient.
    """
    order = len(directions) + 1
    weights = _products_of_others(s, order)
    n = s.shape[-1]
    found = np.zeros((*s.shape, n), dtype=s.dtype)
    diagonal = np.arange(n)
    for columns in permutations(range(order)):
        factors = [weights, list(range(order))]
        for place, direction in enumerate(directions):
            row, column = place, columns[place]
            if row == column:
                factors += [direction[..., diagonal, diagonal], [row]]
            else:
                factors += [direction, [row, column]]
        last = order - 1
        if columns[last] == last:
            found[..., diagonal, diagonal] += _parity(columns) * _contracted(factors, [last])
        else:
            found += _parity(columns) * _contracted(factors, [last, columns[last]])
    return found


def _contracted(factors: list[Any], kept: list[int]) -> Any:
    operands = [[..., *places] if position % 2 else places for position, places in enumerate(factors)]
    return np.einsum(*operands, [..., *kept])


def _products_of_others(s: Any, order: int) -> Any:
    """For `order` places the product of the numbers at all other places; 0 where two places are the same."""
    n = s.shape[-1]
    grids = np.meshgrid(*[np.arange(n)] * order, indexing="ij")
    distinct = np.ones((n,) * order, dtype=bool)
    for i in range(order):
        for j in range(i):
            distinct &= grids[i] != grids[j]
    found = np.ones((*s.shape[:-1], *(n,) * order), dtype=s.dtype)
    for k in range(n):
        outside = distinct.copy()
        for grid in grids:
            outside &= grid != k
        found = np.where(outside, found * s[..., k].reshape(*s.shape[:-1], *(1,) * order), found)
    return np.where(distinct, found, 0 * found)


def _parity(columns: tuple[int, ...]) -> int:
    swaps = sum(a > b for place, a in enumerate(columns) for b in columns[place + 1 :])
    return -1 if swaps % 2 else 1
