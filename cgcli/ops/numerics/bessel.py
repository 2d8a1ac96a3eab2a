"""Bessel functions of whole order far out, where libraries lose the angle or give up."""

from __future__ import annotations

from math import pi

import numpy as np
import scipy.special

from cgcli.ops.numerics.arrays import Array, doubles

FAR = 1e4
"""From FAR*(1 + n^2) on, six terms of Hankel's expansion leave nothing."""


TINY, SMALL = 1e-9, 0.1
"""Up to TINY the leading term of Y and K is exact, up to SMALL five terms of the series of the others are."""
LARGEST_FACTORIAL = 150


def modified_bessel(x: Array, order: int, kind: str) -> Array:
    """I (kind "i") or K (kind "k") of a whole order: SciPy's, near 0 the series, and K scaled where it is tiny."""
    x = doubles(x)
    with np.errstate(all="ignore"):
        if kind == "i":
            return _near_zero(x, order, kind, scipy.special.iv(float(order), x))
        tail = (x > 600) & (x < np.inf)
        inside = np.where(tail, x, 600.0)
        scaled = scipy.special.kve(float(order), inside) * np.exp(-inside)
        return _near_zero(x, order, kind, np.where(tail, scaled, scipy.special.kv(float(order), x)))


def spherical(x: Array, order: int) -> Array:
    """The spherical Bessel function: SciPy's, and near 0 the series (DLMF 10.53.1)."""
    x = doubles(x)
    with np.errstate(all="ignore"):
        found = scipy.special.spherical_jn(order, x)
        near = np.abs(x) < 1
        if order < 2 or order > LARGEST_FACTORIAL or not near.any():
            return found
        inside = np.where(near, x, 0.0)
        leading = np.ones_like(x)
        for k in range(1, order + 1):
            leading = leading * inside / (2 * k + 1)
        return np.where(near, leading * _series(-inside * inside / 2, order + 0.5, 12), found)


def _near_zero(x: Array, order: int, kind: str, library: Array) -> Array:
    """Near 0 the power series (DLMF 10.2.2, 10.25.2) or the leading term (10.7.4, 10.30.2), for orders from 2."""
    n = abs(order)
    near = np.abs(x) < (SMALL if kind in ("i", "j") else TINY)
    if not 2 <= n <= LARGEST_FACTORIAL or not near.any():
        return library
    inside = np.where(near, x, 0.0)
    power = np.ones_like(x)
    if kind in ("i", "j"):
        for k in range(1, n + 1):
            power = power * (inside / 2) / k
        sign = -1 if kind == "j" else 1
        value = power * _series(sign * inside * inside / 4 * 2, n, 6)
    else:
        power = power * (0.5 if kind == "k" else -1 / pi)
        for k in range(1, n + 1):
            power = power * (max(k - 1, 1) * (2 / inside))
        value = power
        value = np.where(inside < 0, np.nan, value)
    if order < 0 and order % 2 and kind in ("j", "y"):
        value = -value
    return np.where(near, value, library)


def _series(u: Array, n: float, terms: int) -> Array:
    """The sum of (u/2)^k/(k!*(n + 1)*...*(n + k))."""
    total = np.ones_like(u)
    for k in range(terms, 0, -1):
        total = 1 + total * (u / 2) / (k * (n + k))
    return total


def bessel(x: Array, order: int, kind: str) -> Array:
    """J (kind "j") or Y (kind "y") of a whole order: SciPy's, and far out Hankel's expansion.

    The angle x - (n/2 + 1/4)*pi is never formed: sine and cosine of x itself are exact for every double.
    Source: DLMF 10.17.3 and 10.17.4.
    """
    x = doubles(x)
    with np.errstate(all="ignore"):
        far = (np.abs(x) > FAR * (1 + float(order) * float(order))) & np.isfinite(x)
        near = np.where(far, 1.0, x)
        near = _near_zero(near, order, kind, _library(near, order, kind))
        if not far.any():
            return near
        size = np.where(far, np.abs(x), 1.0)
        even, odd = _hankel(size, order)
        plus, minus = np.cos(size) + np.sin(size), np.cos(size) - np.sin(size)
        turns = order % 4
        cosine = (plus, -minus, -plus, minus)[turns]
        sine = (-minus, -plus, minus, plus)[turns]
        value = (cosine * even - sine * odd) if kind == "j" else (sine * even + cosine * odd)
        value = value / np.sqrt(pi * size)
        mirrored = np.nan if kind == "y" else -value if order % 2 else value
        return np.where(far, np.where(x < 0, mirrored, value), near)


def large_spherical(x: Array, order: int) -> Array:
    """The spherical Bessel function of a large order, sqrt(pi/(2x))*J of order + 1/2; 0 at 0. Source: DLMF 10.47.3."""
    x = doubles(x)
    with np.errstate(all="ignore"):
        size = np.abs(x)
        value = np.sqrt(pi / (2 * size)) * scipy.special.jv(order + 0.5, size)
        value = np.where((size == 0) | np.isinf(size), 0.0, value)
        return np.where((x < 0) & (order % 2 == 1), -value, value)


def _library(x: Array, order: int, kind: str) -> Array:
    if order in (0, 1):
        return getattr(scipy.special, f"{kind}{order}")(x)
    return getattr(scipy.special, f"{kind}v")(float(order), x)


def _hankel(x: Array, order: int) -> tuple[Array, Array]:
    """The sums over even and odd terms of Hankel's expansion."""
    even, odd, term = np.zeros_like(x), np.zeros_like(x), np.ones_like(x)
    for k in range(8):
        if k % 2:
            odd += term * (-1.0) ** (k // 2)
        else:
            even += term * (-1.0) ** (k // 2)
        term = term * (4.0 * order * order - (2 * k + 1) ** 2) / ((k + 1) * 8) / x
    return even, odd
