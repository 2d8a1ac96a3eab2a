"""The one place that says how far a double may be from the true value.

An operation whose answer is a good elementary function, or a short composition of such, is at most 4 units in the
last place (ulp) of the answer away. For others that is not the right unit: next to a zero of a Bessel function, or
far out on a bell curve, the rounding of the operand alone moves the answer by thousands of its ulp. They are
judged by the change of the answer when each operand moves by one ulp, where that is more than an ulp of the answer
(mixed forward-backward error; N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., SIAM 2002, 1.5).

`python benchmarks/accuracy.py` measures both on up to 200,000 points, writes docs/accuracy.md and fails where a bound
does not hold; tests/docs/test_accuracy.py compares that table with the bounds.
"""

from __future__ import annotations

import math

from tests.conformance.cases import reference, ulps

ULPS = 4.0
"""For every operation that is not in MIXED: in ulp of the answer."""

MIXED: dict[str, float] = {
    "lcomb": 12,
    "fma": 4, "lerp": 4, "logaddexp": 4, "rel_entr": 4, "gelu": 8, "gelu_tanh": 4, "logit_loss": 4, "silu": 6,
    "mish": 6,
    "erfc": 6, "erfcx": 12, "erfi": 6, "erfcinv": 8, "ndtri": 6, "log1mexp": 6, "dawsn": 6, "ndtr": 6,
    "normpdf": 6, "log_ndtr": 6, "erfcx_slope": 32, "dawsn_slope": 64, "log_ndtr_slope": 32,
    "gamma": 8, "lgamma": 24, "rgamma": 8, "digamma": 8, "trigamma": 6, "polygamma": 6, "polygamma_step": 6,
    "beta": 32, "lbeta": 24, "factorial": 8, "comb": 32, "perm": 32, "gammainc": 8, "gammaincc": 12, "gamma_density": 8,
    "besselj": 8, "bessely": 8, "besseli": 6, "besselk": 6, "j0": 6, "j1": 8, "y0": 12, "y1": 12, "i0": 6, "i1": 8,
    "k0": 12, "k1": 6, "spherical_jn": 12, "airyai": 64, "airyaiprime": 64, "airybi": 128, "airybiprime": 24,
    "expi": 8, "exp1": 12, "sinint": 6, "cosint": 12, "logint": 16, "sinc_pi": 6, "lambertw": 4, "lambertw_excess": 6,
    "ellipk_slope": 16, "ellipe_slope": 24,
}  # fmt: skip
"""Operation -> bound in mixed units, as a library or a short definition gives it."""


def bound(row):
    """The largest error that a row may have on an engine of doubles, in the units of `error`."""
    return MIXED.get(row.name, ULPS)


def error(row, operands, found, exact):
    """Error of a double: in ulp of the answer, for the rows of MIXED in the larger of that and the operands' ulp."""
    own = ulps(found, exact)
    return own if row.name not in MIXED or own <= bound(row) else mixed(row, operands, found, exact)


def mixed(row, operands, found, exact):
    """Error of a double in units of the change that one ulp of the answer or of each operand makes."""
    own = ulps(found, exact)
    if not math.isfinite(own):
        return own
    change = 0.0
    for place, operand in enumerate(operands):
        neighbour = (*operands[:place], math.nextafter(operand, math.inf), *operands[place + 1 :])
        change += abs(float(reference(row, neighbour) - exact))
    unit = math.ulp(float(exact))
    return own * unit / max(unit, change)
