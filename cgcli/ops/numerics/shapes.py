"""The incomplete gamma function by its shape, to the accuracy of the function itself; binomial coefficients by logs.

The function is the integral of a density. On the scale of log(t) the logarithm of that density is linear in the shape
but for its constant, so that the n-th derivative by the shape is the integral of the density times a polynomial p_n in
the distance of log(t) from its mean: p_1 is that distance. The integral over everything is 0. So either tail may be
taken, and in one of them the distance has one sign: nothing cancels. The integrals go from the bound, where the density
is factored out, to where the integrand has vanished, by the trapezoidal rule on a scale on which the ends are far away.
Sources: DLMF 8.2.4; H. Takahasi and M. Mori, Double exponential formulas for numerical integration, 1974.
"""

from __future__ import annotations

from functools import partial
from math import comb
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import polygamma, psi

from cgcli.ops.numerics.arrays import Array, doubles
from cgcli.ops.numerics.gammas import LARGE, _stirling_error, gamma_density, log_gamma
from cgcli.ops.numerics.log_gamma import NEAR_TWO, series

if TYPE_CHECKING:
    from collections.abc import Callable

VANISHED = 64.0
"""exp(-64) counts for nothing beside 1."""
STEP = 1 / 9
STEPS = np.arange(-33, 39) * STEP
NODES = np.exp(STEPS - np.exp(-STEPS)) / VANISHED
WEIGHTS = STEP * (1 + np.exp(-STEPS)) * NODES
"""A rule for what begins at 0 and has vanished at 1: the trapezoidal rule in t for s = exp(t - exp(-t))."""
SMALL_SHAPE = 20.0
"""Below it the power series takes few terms; above it both tails are smooth on their own scale."""
TERMS = 120


def by_shape(a: Array, x: Array, order: int) -> Array:
    """The derivative of the lower regularised incomplete gamma function P(a, x) of that order, from 1 up, by a."""
    a, x = np.broadcast_arrays(doubles(a), doubles(x))
    with np.errstate(all="ignore"):
        usable = (a > 0) & (x > 0) & np.isfinite(a) & np.isfinite(x)
        shape, bound = np.where(usable, a, 1.0), np.where(usable, x, 1.0)
        in_series = (shape < SMALL_SHAPE) & (np.log(bound) < psi(shape + 1))
        by_series = _by_series(np.where(in_series, shape, 1.0), np.where(in_series, bound, 0.5), order)
        found = np.where(in_series, by_series, _by_tail(shape, bound, order))
        at_end = (a > 0) & ((x == 0) | np.isposinf(x)) | np.isposinf(a) & (x >= 0) & np.isfinite(x)
        return np.where(usable, found, np.where(at_end, 0.0, np.nan))


def _by_series(a: Array, x: Array, order: int) -> Array:
    """The derivatives of x^(a + k)*exp(-x)/gamma(a + k + 1), summed over k (DLMF 8.11.4)."""
    total = np.zeros_like(a)
    distance = np.log(x) - psi(a + 1)
    for k in range(TERMS):
        total += gamma_density(a + k + 1, x) * _moment(distance, partial(_negative_polygamma, a + k + 1), order)
        distance = distance - 1 / (a + k + 1)
    return total


def _negative_polygamma(a: Array, order: int) -> Array:
    return np.asarray(-polygamma(order, a))


def _moment(distance: Array, cumulant: Callable[[int], Array], order: int) -> Array:
    """The complete Bell polynomial p_n of the distance and of the derivatives of the density's constant.

    p_(n+1) = sum over k of comb(n, k)*c_(k+1)*p_(n-k), c_1 the distance and c_(k+1) = cumulant(k).
    """
    found = [np.ones_like(distance)]
    constants = [cumulant(k) for k in range(1, order)]
    for n in range(order):
        rest = [comb(n, k) * constants[k - 1] * found[n - k] for k in range(1, n + 1)]
        found.append(distance * found[n] + sum(rest, np.zeros_like(distance)))
    return found[order]


def _by_tail(a: Array, x: Array, order: int) -> Array:
    """By the tail in which log(t) stays on one side of its mean, psi(a)."""
    a, x = a[..., None], x[..., None]
    distance = np.where(a < SMALL_SHAPE, np.log(x) - psi(a), np.log(x / a) + _log_less_psi(a))
    upper = distance >= 0
    excess = np.where(upper, x - a, a - x)
    curve = np.where(upper, x / 2, x / 3)
    end = 2 * VANISHED / (excess + np.sqrt(excess * excess + 4 * curve * VANISHED))
    s = end * NODES
    signed = np.where(upper, s, -s)
    decay = np.exp(-(x * _expm1_rest(signed) + excess * s)) * end
    end = VANISHED + 2 * a
    v = end * NODES
    linear = upper & (a < SMALL_SHAPE)
    signed = np.where(linear, np.log1p(v / x), signed)
    decay = np.where(linear, np.exp(a * signed - v) / (x + v) * end, decay)
    integral = (_moment(distance + signed, partial(_negative_polygamma, a), order) * decay) @ WEIGHTS
    return np.where(upper[..., 0], -1, 1) * x[..., 0] * gamma_density(a[..., 0], x[..., 0]) * integral


def _log_less_psi(a: Array) -> Array:
    """log(a) - psi(a) for large a (DLMF 5.11.2)."""
    u = 1 / (a * a)
    return 0.5 / a + u * (1 / 12 - u * (1 / 120 - u * (1 / 252 - u * (1 / 240 - u / 132))))


def _expm1_rest(s: Array) -> Array:
    """exp(s) - 1 - s."""
    rest = np.zeros_like(s)
    for k in range(17, 1, -1):
        rest = (rest + 1) * s / k if k > 2 else (rest + 1) * s * s / 2
    return np.where(np.abs(s) < 0.5, rest, np.expm1(s) - s)


# ---- the logarithm of a binomial coefficient -------------------------------------------------------------------


def _log_factorial(k: Array) -> Array:
    """log(gamma(k + 1)), of a small k without the rounding of the sum."""
    small = np.minimum(k, 0.25)
    return np.where(k < 0.25, small * series(NEAR_TWO, small) - np.log1p(small), log_gamma(k + 1))


def log_combinations(n: Array, k: Array) -> Array:
    """log|comb(n, k)|: for n >= k >= 0 by Stirling's errors, which does not cancel where n is large beside k."""
    n, k = np.broadcast_arrays(doubles(n), doubles(k))
    with np.errstate(all="ignore"):
        usable = (k >= 0) & (n >= k) & np.isfinite(n)
        whole, few = np.where(usable, n, 2.0), np.where(usable, np.minimum(k, n - k), 1.0)
        raised = np.zeros_like(whole)
        for _ in range(40):
            low = whole - few < SMALL_SHAPE
            raised += np.where(low, np.log1p(-few / (whole + 1)), 0.0)
            whole = np.where(low, whole + 1, whole)
        rest = whole - few
        middle = 1 / (rest + few / 2) ** 2  # where the two errors nearly meet, by the slope between them
        slope = -middle * (1 / 12 - middle * (1 / 120 - middle * (1 / 252 - middle / 240)))
        change = np.where(
            few < 0.01, few * slope - few**3 / 48 * middle**2, _stirling_error(whole) - _stirling_error(rest)
        )
        small = few * np.log(whole) - few - (rest + 0.5) * np.log1p(-few / whole) + change - _log_factorial(few)
        many = np.where(few < LARGE, LARGE, few)
        spread = 0.5 * np.log(whole / (2 * np.pi * many * rest)) - many * np.log(many / whole)
        large = spread - rest * np.log1p(-many / whole) + change - _stirling_error(many)
        found = np.where(few < LARGE, small, large) + raised
        found = np.where(few == 0, 0.0, found)
        apart = log_gamma(n + 1) - log_gamma(k + 1) - log_gamma(n - k + 1)
        return np.where(usable, found, apart)
