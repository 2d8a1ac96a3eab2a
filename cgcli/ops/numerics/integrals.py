"""The exponential integral, where SciPy's loses digits."""

from __future__ import annotations

import numpy as np
from scipy.special import expi as library

from cgcli.ops.numerics.arrays import Array, doubles

NEAR, FAR, HUGE = 38.0, 720.0, 700.0
"""From NEAR on the asymptotic series is exact, where SciPy's lost up to 200 ulp; from HUGE on exp(x) may overflow."""
TERMS = 38


def expi(x: Array) -> Array:
    """Ei(x): SciPy's, and from NEAR to FAR exp(x)/x times the sum of k!/x^k. Source: DLMF 6.12.2."""
    x = doubles(x)
    with np.errstate(all="ignore"):
        between = (x > NEAR) & (x < FAR)
        if not between.any():
            return np.asarray(library(x))
        inside = np.where(between, x, FAR)
        total = np.ones_like(inside)
        for k in range(TERMS, 0, -1):
            total = 1 + total * k / inside
        half = np.exp(inside / 2)
        found = np.where(inside < HUGE, np.exp(inside) / inside * total, half * (total / inside) * half)
        return np.where(between, found, library(x))
