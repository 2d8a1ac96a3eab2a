"""The tails of the bell curve, and derivatives of every order around it: erfcx, Dawson's integral, log(ndtr).

Their rules, such as erfcx' = 2*x*erfcx - 2/sqrt(pi), cancel more of the digits the farther out x is and the higher
the order. Here no step does.
"""

from __future__ import annotations

from math import comb, factorial, pi, sqrt

import numpy as np
from scipy import special
from scipy.special import erfcx

from cgcli.ops.numerics.arrays import Array, doubles

FORWARD_UP_TO = 1.0
"""Where repeated integrals of erfc are taken upwards; farther right that loses digits."""
LEVELS = 240
"""Levels of the continued fraction, enough from FORWARD_UP_TO on."""
SPACING = 0.2
"""Distance of the points of Rybicki's sum; its error is exp(-(pi/(2*SPACING))^2), 1e-26."""
FAR = 7.0
"""From here on the asymptotic series of Dawson's integral is exact to the last digit."""


def _bell(x: Array) -> Array:
    """exp(-x^2): the square of the nearest sixteenth is exact, and what is left is small."""
    near = np.round(x * 16) / 16
    return np.exp(-near * near) * np.exp(-(x - near) * (x + near))


def erfc(x: Array) -> Array:
    """SciPy's, and in the right tail, where that loses digits with x^2, exp(-x^2)*erfcx(x)."""
    x = doubles(x)
    with np.errstate(all="ignore"):
        tail = (x > 0.5) & (x < 30)
        inside = np.where(tail, x, 1.0)
        return np.where(tail, _bell(inside) * erfcx(inside), special.erfc(x))


def ndtr(x: Array) -> Array:
    """SciPy's, and in the left tail, where that loses digits with x^2, the density times Mills' ratio."""
    x = doubles(x)
    with np.errstate(all="ignore"):
        tail = (x < -1) & (x > -40)
        inside = np.where(tail, x, -1.0)
        near = np.round(inside * 16) / 16
        bell = np.exp(-0.5 * near * near) * np.exp(-0.5 * (inside - near) * (inside + near))
        return np.where(tail, 0.5 * bell * erfcx(-inside * sqrt(0.5)), special.ndtr(x))


def _ratios(x: Array, count: int) -> list[Array]:
    """w[k]/w[k - 1] for k = 1 … count, where w[k] = exp(x^2) * (the k-th repeated integral of erfc), for x >= 0.

    w[k - 2] = 2k*w[k] + 2x*w[k - 1] (DLMF 7.18.7), upwards where x is small, else as a continued fraction downwards,
    of which w is the minimal solution. Source: W. Gautschi, Recursive computation of the repeated integrals of the
    error function, Math. Comp. 15 (1961).
    """
    near = x < FORWARD_UP_TO
    small = np.where(near, x, 0.0)
    forward, below, here = [], np.full_like(x, 2 / sqrt(pi)), erfcx(small)
    for k in range(1, count + 1):
        below, here = here, (below / 2 - small * here) / k
        forward.append(here / below)
    far = np.where(near, FORWARD_UP_TO, x)
    ratio = 1 / (far + np.sqrt(far * far + 2 * (count + LEVELS)))
    found = []
    for k in range(count + LEVELS - 1, 0, -1):
        ratio = 0.5 / (far + (k + 1) * ratio)
        if k <= count:
            found.append(np.where(near, forward[k - 1], ratio))
    return found[::-1]


def erfcx_slope(x: Array, order: int) -> Array:
    """The derivative of erfcx of an order from 0, (-2)^n * n! * exp(x^2) * i^n erfc(x). Source: DLMF 7.18.4."""
    x = doubles(x)
    with np.errstate(all="ignore"):
        right = erfcx(np.maximum(x, 0.0))
        for ratio in _ratios(np.maximum(x, 0.0), order):
            right = right * ratio
        below, left = np.full_like(x, 2 / sqrt(pi)), erfcx(x)
        for k in range(1, order + 1):
            below, left = left, (below / 2 - x * left) / k
        return (-2.0) ** order * factorial(order) * np.where(x > 0, right, left)


def erfi(x: Array) -> Array:
    """The imaginary error function, 2/sqrt(pi)*exp(x^2) times Dawson's integral. Source: DLMF 7.5.1."""
    x = doubles(x)
    with np.errstate(all="ignore"):
        inside = np.where(np.abs(x) < 27, x, 27.0)
        near = np.round(inside * 16) / 16
        found = np.exp(near * near) * np.exp((inside - near) * (inside + near)) * (2 / sqrt(pi) * dawsn(inside))
        return np.where(np.abs(x) < 27, found, np.where(np.isnan(x), x, np.copysign(np.inf, x)))


def dawsn(x: Array) -> Array:
    """Dawson's integral."""
    return dawsn_slope(x, 0)


def dawsn_slope(x: Array, order: int) -> Array:
    """The derivative of Dawson's integral of an order from 0.

    Near 0 by the power series (DLMF 7.6.3) and F' = 1 - 2*x*F (DLMF 7.10.4), in the middle by Rybicki's sum of bell
    curves (G. B. Rybicki, Dawson's integral and the sampling theorem, Computers in Physics 3, 1989), far out by the
    asymptotic series (DLMF 7.12.4), all differentiated term by term.
    """
    x = doubles(x)
    size = np.abs(x)
    with np.errstate(all="ignore"):
        found = np.where(size <= 1, _dawsn_near(np.where(size <= 1, x, 0.0), order), 0.0)
        middle = (size > 1) & (size < FAR)
        if middle.any():
            found = np.where(middle, _dawsn_sum(np.where(middle, x, 2.0), order), found)
        far = _dawsn_far(np.where(size >= FAR, x, FAR), order)
        return np.where(size >= FAR, far, np.where(np.isnan(x), x, found))


def _dawsn_near(x: Array, order: int) -> Array:
    u, here = -2 * x * x, np.ones_like(x)
    for k in range(22, 0, -1):
        here = 1 + here * u / (2 * k + 1)
    below, here = np.ones_like(x), here * x
    for n in range(order):
        below, here = here, (1 - 2 * x * here) if n == 0 else -2 * (x * here + n * below)
    return here


def _dawsn_sum(x: Array, order: int) -> Array:
    """1/sqrt(pi) times the sum over odd k of the derivative of exp(-(x - k*h)^2)/k."""
    nearest = 2 * np.round(x / (2 * SPACING)) + 1
    found = np.zeros_like(x)
    for step in range(-34, 35, 2):
        k = nearest + step
        t = x - k * SPACING
        below, here = np.zeros_like(x), np.exp(-t * t)
        for n in range(order):
            below, here = here, -2 * (t * here + n * below)
        found += here / k
    return found / sqrt(pi)


def _dawsn_far(x: Array, order: int) -> Array:
    coefficients, term = [], 0.5
    for k in range(32):
        rising = 1.0
        for step in range(order):
            rising *= 2 * k + 1 + step
        coefficients.append(term * rising)
        term *= (2 * k + 1) / 2
    u, found = 1 / x / x, np.zeros_like(x)
    for coefficient in reversed(coefficients):
        found = found * u + coefficient
    for _ in range(order + 1):
        found = found / x
    return -found if order % 2 else found


def log_ndtr_slope(x: Array, order: int) -> Array:
    """The derivative of log(ndtr(x)) of an order from 1; of order 1 it is the inverse of Mills' ratio of -x.

    On the left by u = -x/sqrt(2) and log(erfcx(u)), whose derivatives come from ratios of repeated integrals of erfc
    that are all of one size; on the right by the derivatives of ndtr over ndtr, which are small there.
    """
    x = doubles(x)
    with np.errstate(all="ignore"):
        left = _log_ndtr_left(np.maximum(-x, 0.0) / sqrt(2), order)
        found = np.where(x < 0, left, _log_ndtr_right(np.maximum(x, 0.0), order))
        ends = np.where(x < 0, (np.inf, -1.0, 0.0)[min(order, 3) - 1], 0.0)
        return np.where(np.isinf(x), ends, np.where(np.isnan(x), x, found))


def _log_ndtr_left(u: Array, order: int) -> Array:
    """r[k]' = r[k]*(2k*r[k] - 2(k + 1)*r[k + 1]) gives Taylor coefficients of r[1], and log(erfcx)' is -2*r[1]."""
    ratios = [[ratio] for ratio in _ratios(u, order)]
    for j in range(order - 1):
        for k in range(1, order - j):
            own, following = ratios[k - 1], ratios[k]
            slope = np.zeros_like(u)
            for i in range(j + 1):
                slope += own[i] * (2 * k * own[j - i] - 2 * (k + 1) * following[j - i])
            own.append(slope / (j + 1))
    found = -2 * factorial(order - 1) * ratios[0][order - 1]
    if order == 1:
        found = found - 2 * u
    elif order == 2:
        found = found - 2
    return (-sqrt(0.5)) ** order * found


def _log_ndtr_right(x: Array, order: int) -> Array:
    moments = [np.ones_like(x), np.exp(-x * x / 2) / sqrt(2 * pi) / special.ndtr(x)]
    for k in range(1, order):
        moments.append(-x * moments[k] - (k - 1) * moments[k - 1] if k > 1 else -x * moments[1])
    slopes: list[Array] = []
    for n in range(1, order + 1):
        slope = moments[n]
        for j in range(1, n):
            slope = slope - comb(n - 1, j - 1) * slopes[j - 1] * moments[n - j]
        slopes.append(slope)
    return slopes[-1]
