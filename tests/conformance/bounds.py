"""The one place that says how far a double may be from the true value, in units of the last place (ulp).

4 ulp is what a good elementary function or a short composition of such gives. What a library gives for a special
function is measured by `python -m tests.conformance.accuracy`, which writes docs/accuracy.md, and rounded up here.
"""

from __future__ import annotations

ELEMENTARY = 4.0

MEASURED: dict[str, float] = {}
"""Row -> bound in ulp on the sample points, where 4 is not enough; the reason is in docs/accuracy.md."""


def bound(row):
    """The largest error in ulp that a row may have on an engine of doubles."""
    return MEASURED.get(row.name, ELEMENTARY)
