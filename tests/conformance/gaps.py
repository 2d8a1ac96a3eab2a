"""What an engine does not do as the others, each with its reason. A gap that has closed fails its test."""

from __future__ import annotations

import pytest

GAPS: dict[tuple[str, str, str], str] = {
    ("infinities", "beta", "precise"): "where both operands are poles mpmath says inf and SciPy -inf; there is no limit",
    ("infinities", "comb", "precise"): "at negative whole n SciPy says nan and mpmath one of the limits",
}
"""(test, row, engine) -> reason."""


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
