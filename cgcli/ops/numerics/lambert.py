"""Lambert's W next to its branch point -1/e, where libraries lose digits, and 1 + W, which vanishes there."""

from __future__ import annotations

from math import e

import numpy as np
from scipy.special import lambertw as library

from cgcli.ops.numerics.arrays import Array, doubles

INVERSE_E, INVERSE_E_REST = 0.36787944117144233, -1.2428753672788363e-17
"""1/e as the sum of two doubles."""
NEAR = 0.4
"""The p = sqrt(2*(e*x + 1)) up to which the series is taken."""
SERIES = (
    1.0, -0.3333333333333333, 0.1527777777777778, -0.07962962962962963, 0.044502314814814814, -0.02598471487360376,
    0.01563563253233392, -0.009616892024299432, 0.006014543252956118, -0.0038112980348919993, 0.0024408779911439826,
    -0.0015769303446867841, 0.0010262633205076071, -0.0006720616311561362, 0.0004424730618146209,
    -0.00029267722472962746, 0.00019438727605453933, -0.00012957426685274883, 8.665035805208128e-05,
    -5.811360750441382e-05, 3.907668486743905e-05, -2.63380647472311e-05, 1.7790345805079586e-05,
    -1.2040352739559977e-05, 8.163531982496613e-06, -5.544203208567359e-06, 3.7710949611072535e-06,
    -2.5687050390550955e-06, 1.7520067268263412e-06, -1.1964453089157258e-06,
)  # fmt: skip
"""1 + W as a power series in p, which begins with p. Source: DLMF 4.13.6, by Lagrange's inversion in fractions."""


def lambertw(x: Array) -> Array:
    """W(x) from -1 up; nan below -1/e."""
    x = doubles(x)
    with np.errstate(all="ignore"):
        p = _distance(x)
        found = library(np.where(p <= NEAR, 1.0, x))
        far = np.where(found.imag == 0, found.real, np.nan)
        return np.where(p <= NEAR, _series(p) - 1, far)


def lambertw_excess(x: Array) -> Array:
    """1 + W(x), from 0 up; nan below -1/e."""
    x = doubles(x)
    with np.errstate(all="ignore"):
        p = _distance(x)
        return np.where(p <= NEAR, _series(p), 1 + lambertw(x))


def _distance(x: Array) -> Array:
    """sqrt(2*(e*x + 1)): x + 1/e is exact but for the last digit of its smaller part.

    The double next to -1/e, which is what people write for it, is a little below and counts as -1/e.
    """
    return np.sqrt(2 * e * np.where(x == -INVERSE_E, 0.0, (x + INVERSE_E) + INVERSE_E_REST))


def _series(p: Array) -> Array:
    found = np.zeros_like(p)
    for coefficient in reversed(SERIES):
        found = (found + coefficient) * p
    return found
