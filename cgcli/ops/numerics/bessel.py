"""Bessel functions of whole order far out, where libraries lose the angle or give up."""

from __future__ import annotations

from math import pi

import numpy as np
import scipy.special

from cgcli.ops.numerics.arrays import Array, doubles

FAR = 1e4
"""From FAR*(1 + n^2) on, six terms of Hankel's expansion leave nothing."""


def bessel(x: Array, order: int, kind: str) -> Array:
    """J (kind "j") or Y (kind "y") of a whole order: SciPy's, and far out Hankel's expansion.

    The angle x - (n/2 + 1/4)*pi is never formed: sine and cosine of x itself are exact for every double.
    Source: DLMF 10.17.3 and 10.17.4.
    """
    x = doubles(x)
    with np.errstate(all="ignore"):
        far = (np.abs(x) > FAR * (1.0 + float(order) ** 2)) & np.isfinite(x)
        near = _library(np.where(far, 1.0, x), order, kind)
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
    return getattr(scipy.special, f"{kind}v")(order, x)


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
