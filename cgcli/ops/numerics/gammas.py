"""Around the gamma function: its logarithm, differences of polygammas, the gamma density."""

from __future__ import annotations

from math import factorial, lgamma, log, pi

import numpy as np
from scipy.special import bernoulli, betaln, binom, gamma, gammainc, gammaln, poch, polygamma, psi, rgamma
from scipy.special import beta as library_beta

from cgcli.ops.numerics.arrays import Array, doubles
from cgcli.ops.numerics.log_gamma import LEAST_AT, NEAR_LEAST, NEAR_TWO, series

BERNOULLI = bernoulli(24)
LONGEST_SUM = 1000
LARGE = 15.0
"""From here on seven terms of Stirling's series are exact."""
FAR = 14.0
"""Where the asymptotic series of polygammas begin; nearer to 0 the recurrence moves there."""


def log_gamma(x: Array) -> Array:
    """log|gamma(x)|, between 1/2 and 3 as `log_gamma.log_gamma`; inf at the poles and at both infinities.

    Left of 0 by the reflection (DLMF 5.5.3).
    """
    x = doubles(x)
    with np.errstate(all="ignore"):
        found = gammaln(np.where(np.isneginf(x), np.inf, x))
        if ((x < 0) & (x > -1e6)).any():
            mirrored = log(pi) - np.log(np.abs(np.sin(pi * (x - np.round(x))))) - gammaln(1 - x)
            found = np.where((x < 0) & (x > -1e6) & (x != np.round(x)), mirrored, found)
        near = (x >= 0.5) & (x <= 3)
        if not near.any():
            return found
        inside = np.where(near, x, 2.0)
        lower, upper = inside < 1.2, inside > 2.5
        moved = np.where(lower, inside - 1, np.where(upper, inside - 3, inside - 2))
        correction = np.where(lower, -np.log1p(moved), np.where(upper, np.log(inside - 1), 0.0))
        by_recurrence = moved * series(NEAR_TWO, moved) + correction
        middle = (inside >= 1.2) & (inside < 1.75)
        return np.where(near, np.where(middle, series(NEAR_LEAST, inside - LEAST_AT), by_recurrence), found)


def polygamma_step(x: Array, d: Array, order: int) -> Array:
    """psi^(n)(x + d) - psi^(n)(x), n the order, without cancellation for positive x and x + d."""
    x, d = np.broadcast_arrays(doubles(x), doubles(d))
    with np.errstate(all="ignore"):
        low, width = np.where(d < 0, x + d, x), np.abs(d)
        usable = (low > 0) & (width < np.inf)
        rise = _rise(np.where(usable, low, 1.0), np.where(usable, width, 1.0), order)
        found = np.where(d < 0, -rise, rise)
        return found if usable.all() else np.where(usable, found, _step_left(x, d, order))


def _rise(y: Array, width: Array, order: int) -> Array:
    """psi^(n)(y + width) - psi^(n)(y) for y > 0 and width >= 0.

    The sum of 1/(y + i)^s - 1/(y + i + width)^s, s = n + 1, term by term up to where the asymptotic series begins.
    Source: DLMF 5.5.2, 5.11.2 and 25.11.43.
    """
    s, total = order + 1, np.zeros_like(y)
    for _ in range(int(FAR) + order):
        here = y < FAR + order
        total += np.where(here, _drop(y, width, s), 0.0)
        y = np.where(here, y + 1, y)
    total += np.log1p(width / y) if order == 0 else _drop(y, width, order) / order
    total += _drop(y, width, s) / 2
    for k in range(1, 12):
        rising = factorial(order + 2 * k - 1) / factorial(2 * k)
        total += BERNOULLI[2 * k] * rising / factorial(order) * _drop(y, width, order + 2 * k)
    return np.asarray((-1.0) ** order * factorial(order) * total)


def _step_left(x: Array, d: Array, order: int) -> Array:
    """Where one of x and x + d is not positive: for whole d the finite sum (DLMF 5.15.5); of digamma by reflection.

    psi(x + d) - psi(x) = psi(1 - x - d) - psi(1 - x) + pi*sin(pi*d)/(sin(pi*x)*sin(pi*(x + d))) (DLMF 5.5.4).
    """
    found = _polygamma(x + d, order) - _polygamma(x, order)
    if order == 0:
        angle = [np.sin(pi * np.remainder(t, 2.0)) for t in (d, x, x + d)]
        left = (x < 0) & (x + d < 0)
        low, width = np.where(left, 1 - np.maximum(x, x + d), 1.0), np.abs(d)
        moved = np.where(d < 0, 1, -1) * _rise(low, width, 0)
        found = np.where(left, moved + pi * angle[0] / angle[1] / angle[2], found)
    whole = (d == np.floor(d)) & (np.abs(d) <= LONGEST_SUM)
    if whole.any():
        start, steps, total = np.where(d < 0, x + d, x), np.abs(d), np.zeros_like(x)
        for step in range(int(np.max(steps[whole]))):
            total += np.where(step < steps, 1 / (start + step) ** (order + 1), 0.0)
        found = np.where(whole, (-1.0) ** order * factorial(order) * np.where(d < 0, -total, total), found)
    return found


def _drop(y: Array, width: Array, power: int) -> Array:
    """y^-p - (y + width)^-p."""
    return -np.expm1(-power * np.log1p(width / y)) / y**power


def _polygamma(x: Array, order: int) -> Array:
    return np.asarray(psi(x) if order == 0 else polygamma(order, x))


LARGE_ORDER = 160
"""From this order on factorials overflow, and polygammas go by logarithms."""


def whole_polygamma(x: Array, order: int) -> Array:
    """psi^(n)(x), n the order: SciPy's, and of large orders by logarithms."""
    with np.errstate(all="ignore"):
        return np.asarray(polygamma(order, x) if order < LARGE_ORDER else high_polygamma(x, order))


def high_polygamma(x: Array, order: int) -> Array:
    """psi^(n)(x) = (-1)^(n + 1) * n! * zeta(n + 1, x) for x > 0 and orders whose factorial no double holds.

    x^s * zeta(s, x) is the sum of (1 + i/x)^-s: few terms where s is above x, else by Euler and Maclaurin.
    Source: DLMF 5.15.1, 25.11.1 and 25.11.43.
    """
    x = doubles(x)
    s = order + 1.0
    with np.errstate(all="ignore"):
        positive = np.where(x > 0, x, 1.0)
        few = 1 + sum(np.exp(-s * np.log1p(i / positive)) for i in range(1, 60))
        many, term = positive / order + 0.5, s / positive
        for k in range(1, 12):
            many += BERNOULLI[2 * k] / factorial(2 * k) * term
            term = term * ((s + 2 * k - 1) / positive) * ((s + 2 * k) / positive)
        size = np.exp(lgamma(s) - s * np.log(positive)) * np.where(positive < s, few, many)
        return np.where(x > 0, size if order % 2 else -size, np.where(x == 0, np.inf, np.nan))


def log_beta(x: Array, y: Array) -> Array:
    """log|beta(x, y)|: of positive numbers without the cancellation of logarithms of gammas that are large.

    Source: A. R. Didonato and A. H. Morris, Algorithm 708 (BETALN), ACM TOMS 18 (1992).
    """
    x, y = np.broadcast_arrays(doubles(x), doubles(y))
    with np.errstate(all="ignore"):
        positive = (x > 0) & (y > 0) & np.isfinite(x) & np.isfinite(y)
        a, b = np.where(positive, np.minimum(x, y), 1.0), np.where(positive, np.maximum(x, y), 1.0)
        ratio = gamma(a) * (gamma(b) / gamma(a + b))
        small = np.where(np.isfinite(ratio), np.log(ratio), log_gamma(a) + (log_gamma(b) - log_gamma(a + b)))
        found = np.where(b < LARGE, small, np.where(a < LARGE, log_gamma(a) + _lost_to(a, b), _log_beta_large(a, b)))
        return np.where(positive, found, betaln(x, y))


def beta(x: Array, y: Array) -> Array:
    """beta(x, y): of small numbers by gammas, of large positive ones by `log_beta`."""
    x, y = np.broadcast_arrays(doubles(x), doubles(y))
    with np.errstate(all="ignore"):
        positive = (x > 0) & (y > 0) & np.isfinite(x) & np.isfinite(y)
        a, b = np.where(positive, np.minimum(x, y), 1.0), np.where(positive, np.maximum(x, y), 1.0)
        one_large = gamma(a) * np.exp(_lost_to(a, b))
        found = np.where(b < LARGE, gamma(a) * (gamma(b) / gamma(a + b)), one_large)
        found = np.where(a < LARGE, found, np.exp(_log_beta_large(a, b)))
        return np.where(positive & np.isfinite(found), found, library_beta(x, y))


def _lost_to(a: Array, b: Array) -> Array:
    """log(gamma(b)/gamma(a + b)) for large b."""
    difference = _stirling_error(b) - _stirling_error(a + b)
    return a - (b - 0.5) * np.log1p(a / b) - a * np.log(a + b) + difference


def _log_beta_large(a: Array, b: Array) -> Array:
    """log(beta(a, b)) for large a <= b."""
    correction = _stirling_error(a) + (_stirling_error(b) - _stirling_error(a + b))
    return 0.5 * log(2 * pi) - 0.5 * np.log(b) + correction - (a - 0.5) * np.log1p(b / a) - b * np.log1p(a / b)


def combinations(n: Array, k: Array) -> Array:
    """n!/(k!*(n - k)!): SciPy's for whole numbers, which multiplies, else by `beta`; left of k by the reflection.

    1/((n + 1)*beta(n - k + 1, k + 1)) is beta(n + 1, k - n)*sin(pi*(k - n))/pi (DLMF 5.12.1 and 5.5.3).
    """
    n, k = np.broadcast_arrays(doubles(n), doubles(k))
    with np.errstate(all="ignore"):
        library = binom(n, k)
        broken = ((n != np.floor(n)) | (k != np.floor(k))) & (n > -1) & (k > -1) & np.isfinite(n) & np.isfinite(k)
        if not broken.any():
            return library
        n, k = np.where(broken, n, 1.0), np.where(broken, k, 0.5)
        left = n - k < -0.5
        usual = 1 / ((n + 1) * beta(np.where(left, 1.0, n - k + 1), k + 1))
        whole = np.round(k - n)
        sine = np.sin(pi * (k - n - whole)) * np.where(whole % 2 == 0, 1, -1)
        reflected = beta(n + 1, np.where(left, k - n, 1.0)) * sine / pi
        return np.where(broken, np.where(left, reflected, usual), library)


def arrangements(n: Array, k: Array) -> Array:
    """n!/(n - k)!: for whole k as the product that it is, else by gammas, for large n - k by Stirling's series."""
    n, k = np.broadcast_arrays(doubles(n), doubles(k))
    with np.errstate(all="ignore"):
        low, rise = np.where(k < 0, n + 1, n - k + 1), np.abs(k)
        large = (low >= LARGE) & (rise < np.inf)
        ratio = np.exp(-_lost_to(np.where(large, rise, 1.0), np.where(large, low, LARGE)))
        found = np.where(large, np.where(k < 0, 1 / ratio, ratio), poch(n - k + 1, k))
        small = (low > -150) & (low < LARGE) & (n > -1) & (n < 140)
        found = np.where(small, gamma(n + 1) * rgamma(n - k + 1), found)
        whole = (k == np.floor(k)) & (k >= 0) & (k <= 1024) & np.isfinite(n)
        if not whole.any():
            return found
        product = np.ones_like(n)
        for step in range(int(np.max(k[whole]))):
            product = np.where(step < k, product * (n - step), product)
        return np.where(whole, product, found)


def lower_gamma(a: Array, x: Array) -> Array:
    """P(a, x): SciPy's, and near 0, where that goes by a logarithm, the power series. Source: DLMF 8.7.1."""
    a, x = np.broadcast_arrays(doubles(a), doubles(x))
    with np.errstate(all="ignore"):
        near = (x >= 0) & (x < 1) & (a > 0) & (a < 100)
        if not near.any():
            return np.asarray(gammainc(a, x))
        inside, shape = np.where(near, x, 0.0), np.where(near, a, 1.0)
        total = np.zeros_like(inside)
        for k in range(20, -1, -1):
            total = 1 / (shape + k) - inside / (k + 1) * total
        return np.where(near, np.float_power(inside, shape) * rgamma(shape) * total, gammainc(a, x))


def gamma_density(a: Array, x: Array) -> Array:
    """x^(a - 1) * exp(-x) / gamma(a) for x >= 0; 0 for a = 0, -1, …, where 1/gamma is 0.

    For large a by C. Loader, Fast and accurate computation of binomial probabilities (2000): the deviance and
    Stirling's error, neither of which cancels.
    """
    a, x = np.broadcast_arrays(doubles(a), doubles(x))
    with np.errstate(all="ignore"):
        half = np.exp(-x / 2)
        power = np.where((a < 1) & (x > 0), np.float_power(x, a) / x, np.float_power(x, a - 1))
        direct = half * (power * rgamma(a)) * half
        k = np.where(a > 20, a - 1, 20.0)
        positive = np.where((x > 0) & (x < np.inf), x, 1.0)
        by_deviance = np.exp(-_stirling_error(k) - _deviance(k, positive)) / np.sqrt(2 * pi * k)
        found = np.where((a > 20) & (x > 0) & (x < np.inf), by_deviance, np.where(a > 20, 0.0, direct))
        found = np.where(np.isposinf(x) | ((a <= 0) & (a == np.floor(a))), 0.0, found)
        return np.where((x >= 0) & (a < np.inf), found, np.where(np.isposinf(a) & (x >= 0), 0.0, np.nan))


def _stirling_error(k: Array) -> Array:
    """log(k!) less Stirling's formula, for k from 15: 1/(12k) - 1/(360k^3) + … (DLMF 5.11.1)."""
    u, total = 1 / k / k, np.zeros_like(k)
    for j in range(7, 0, -1):
        total = total * u + BERNOULLI[2 * j] / (2 * j * (2 * j - 1))
    return total / k


def _deviance(k: Array, x: Array) -> Array:
    """k*log(k/x) + x - k, by a series where k is near x."""
    near = np.abs(k - x) < 0.1 * (k + x)
    v = np.where(near, (k - x) / (k + x), 0.0)
    term, total = 2 * k * v, (k - x) * v
    for j in range(1, 12):
        term = term * v * v
        total = total + term / (2 * j + 1)
    return np.where(near, total, k * np.log(k / x) + x - k)
