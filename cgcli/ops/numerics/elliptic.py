"""Derivatives of every order of the complete elliptic integrals K and E of the parameter m.

The closed forms, such as K' = (E - (1 - m)*K)/(2*m*(1 - m)), cancel where m is small. There the power series serves,
elsewhere the differential equations, which give each derivative from the two before.
"""

from __future__ import annotations

from math import log, pi

import numpy as np
from scipy.special import ellipe, ellipk

from cgcli.ops.numerics.arrays import Array, doubles

SERIES = (-1.5, 0.5)
"""The m of the series; left of 0 it is one in m/(m - 1), of which all terms are positive."""


def ellipk_slope(m: Array, order: int) -> Array:
    """The derivative of K of an order from 0; nan above 1. Source: DLMF 19.5.1 and 19.4.8."""
    return _slope(m, order, 0)


def ellipe_slope(m: Array, order: int) -> Array:
    """The derivative of E of an order from 0; nan above 1. Source: DLMF 19.5.2 and 19.4.8."""
    return _slope(m, order, 1)


def whole_ellipe(m: Array) -> Array:
    """E itself, for large negative m by its parameter m/(m - 1). Source: DLMF 19.7.3."""
    m = doubles(m)
    with np.errstate(all="ignore"):
        low = (m < -1) & np.isfinite(m)
        negative = np.where(low, m, -1.0)
        turned = np.where(negative < -1000, _near_one(1 / (1 - negative)), ellipe(negative / (negative - 1)))
        return np.where(low, np.sqrt(1 - negative) * turned, ellipe(m))


def _near_one(rest: Array) -> Array:
    """E of 1 - rest for a small rest. Source: DLMF 19.12.2."""
    logarithm, d, factor = -0.5 * np.log(rest), 2 * log(2), 0.5
    found = np.ones_like(rest)
    for k in range(6):
        found = found + factor * rest ** (k + 1) * (logarithm + d - 1 / ((2 * k + 1) * (2 * k + 2)))
        d -= 2 / ((2 * k + 1) * (2 * k + 2))
        factor *= (k + 0.5) * (k + 1.5) / ((k + 2) * (k + 1))
    return found


def _slope(m: Array, order: int, kind: int) -> Array:
    m = doubles(m)
    left, right = (m >= SERIES[0]) & (m < 0), (m >= 0) & (m <= SERIES[1])
    with np.errstate(all="ignore"):
        found = _by_equation(np.where(left | right, 0.75, m), order, kind)
        if left.any():
            found = np.where(left, _transformed(np.where(left, m, 0.0), order, kind), found)
        if right.any():
            found = np.where(right, _series(np.where(right, m, 0.0), order, kind), found)
    if order:
        found = np.where(np.isneginf(m), 0.0, np.where(m == 1, -np.inf if kind else np.inf, found))
    return found


def _series(m: Array, order: int, kind: int) -> Array:
    """The power series, differentiated term by term; E has the coefficients of K over 1 - 2j."""
    coefficients, term = [], pi / 2
    for j in range(60 + 12 * order):
        falling = 1.0
        for step in range(order):
            falling *= j - step
        coefficients.append(falling * (term / (1 - 2 * j) if kind else term))
        term *= ((2 * j + 1) / (2 * j + 2)) ** 2
    found = np.zeros_like(m)
    for coefficient in reversed(coefficients[order:]):
        found = found * m + coefficient
    return found


def _transformed(m: Array, order: int, kind: int) -> Array:
    """pi/2*(1/2)_n*(1/2 - kind)_n/n! times 2F1(n + 1/2, n + 1/2 - kind; n + 1; m), by Pfaff's transformation.

    Source: DLMF 15.8.1 and 19.5.1.
    """
    factor = pi / 2
    for k in range(order):
        factor *= (k + 0.5) * (k + 0.5 - kind) / (k + 1)
    z, total = m / (m - 1), np.ones_like(m)
    for j in range(100 + 12 * order, 0, -1):
        total = 1 + total * ((j - 0.5 + kind) * (j - 0.5 + order) / ((j + order) * j)) * z
    return factor * (1 - m) ** (-0.5 - order) * total


def _by_equation(m: Array, order: int, kind: int) -> Array:
    """The derivative by m*(1 - m)*y'' + (1 - 2m)*y' - y/4 = 0 of K, and (1 - m)*(m*y'' + y') + y/4 = 0 of E."""
    first, second, rest = ellipk(m), ellipe(m), 1 - m
    if kind:
        below, here = second, (second - first) / m / 2
    else:
        below, here = first, (second - rest * first) / m / rest / 2
    if order == 0:
        return below
    for n in range(order - 1):
        if kind:
            above = ((n * n - 0.25) * below - (n * (1 - 2 * m) + rest) * here) / m / rest
        else:
            above = ((n + 0.5) ** 2 * below - (n + 1) * (1 - 2 * m) * here) / m / rest
        below, here = here, above
    return here
