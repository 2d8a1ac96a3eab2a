"""What an engine does not do as the others, each with its reason. A gap that has closed fails its test."""

from __future__ import annotations

import pytest

GAPS: dict[tuple[str, str, str], str] = {
    ("infinities", "beta", "precise"): "at two poles mpmath says inf and SciPy -inf; there is no limit",
    ("infinities", "comb", "precise"): "at negative whole n SciPy says nan and mpmath one of the limits",
    ("infinities", "lcomb", "precise"): "at negative whole n there is no limit; mpmath takes one",
    ("definition", "tanhshrink", "precise"): "its continued fraction is cut off where doubles end",
    **{("kinks", name, engine): "at the origin a direction turns at once: a length has no second derivative there"
       for name in ("hypot", "hypot_slope") for engine in ("python", "numpy", "precise", "native")},
}  # fmt: skip
"""(test, row, engine) -> reason."""


LEFT_OUT: dict[str, frozenset[str]] = {
    "native": frozenset((
        "cofactors", "det", "det_slope", "inv", "logdet", "solve",
        "round_digits", "gcd", "lcm", "erfi", "erfcx", "erfinv", "erfcinv", "dawsn", "ndtri", "log_ndtr", "gamma",
        "rgamma", "digamma", "trigamma", "polygamma", "beta", "lbeta", "factorial", "comb", "perm", "gammainc",
        "gammainc_slope", "lcomb",
        "gammaincc", "besselj", "bessely", "besseli", "besselk", "j0", "j1", "y0", "y1", "i0", "i1", "k0", "k1",
        "spherical_jn", "sinc", "airyai", "airyaiprime", "airybi", "airybiprime", "expi", "exp1", "sinint", "cosint",
        "logint", "lambertw", "ellipk", "ellipe", "erfcx_slope", "dawsn_slope", "log_ndtr_slope", "polygamma_step",
        "gamma_density", "lambertw_excess", "ellipk_slope", "ellipe_slope",
    )),
}  # fmt: skip
"""Engine -> operations that it does not have: C's library lacks them, they work on integers or decimals, or LAPACK's.

Tables that need them go to NumPy. The test of the same name keeps the list exact.
"""


def gap(test, row, engine="", reasons=GAPS):
    """The reason for a gap, or None."""
    return reasons.get((test, row.name, engine))


def settle(test, row, engine, failures):
    """Fail where there are failures without a reason, and where there is a reason without failures."""
    reason = gap(test, row, engine)
    if reason is None:
        assert not failures, "\n".join(map(str, failures[:10]))
    elif not failures:
        pytest.fail(f"the gap is closed: {reason}")
