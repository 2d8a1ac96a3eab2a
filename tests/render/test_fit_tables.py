"""The table of a fit, from made results: rounding, what is left out, and what is wrong."""

from __future__ import annotations

from math import inf, nan
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cgcli.render.fit_tables import blocks, correlation_text, goodness, interval_text, percentage
from cgcli.render.tables import plain_text


def made(values, errors, **other):
    """A result with the given values and errors by name."""
    found = {
        "fixed": {}, "names": tuple(values), "rows": 10, "dof": 8, "at_bound": [], "residual": 0.5, "r_squared": 0.99,
        "adjusted_r_squared": 0.98, "aic": 12.5, "method": "Levenberg–Marquardt", "evaluations": 7,
        "message": "converged", "absolute_sigma": False, "loss": "linear",
        "target": "y", "warnings": [], "has_sigma": False, "left_out": 0,
        "element_values": values, "element_errors": errors, "correlated": [],
    } | other  # fmt: skip
    result = SimpleNamespace(**found)
    result.intervals_at = lambda coverage: {name: (value - 2 * errors[name], value + 2 * errors[name])
                                            for name, value in values.items()}  # fmt: skip
    result.strong_correlations = lambda: found["correlated"]
    return result


def text_of(result, width=None):
    return "\n".join(plain_text(block, width) for block in blocks(result, 0.95))


def test_a_row_says_what_is_known():
    values = {"known": 2.50341, "rate": 0.29997541, "bound": 1.0, "lost": 3.0, "exact": 4.0, "zero": 0.0}
    errors = {"known": 0.0213, "rate": 0.000042, "bound": nan, "lost": inf, "exact": 0.0, "zero": 0.1}
    assert (
        text_of(made(values, errors, fixed={"c": 2.0}, at_bound=["bound"])).partition("\n\n")[0]
        == """\
Parameters
name       value  standard error  95 % interval           relative error
known     2.5034          0.0213  [2.4608, 2.5460]                0.85 %
rate   0.2999754       0.0000420  [0.2998914, 0.3000594]         0.014 %
bound          1    at its bound
lost           3         unknown
exact          4               0
zero       0.000           0.100  [-0.200, 0.200]
c              2           fixed"""
    )


def test_what_is_wrong_is_told():
    pairs = [("a", "b", -0.9999999), ("a", "c", 1.0)]
    values, errors = {"a": 1.0, "b": 2.0, "c": 1.0}, {"a": 0.1, "b": 0.1, "c": inf}
    told = text_of(made(values, errors, left_out=3, warnings=["look here"], correlated=pairs))
    assert "rows                10 (3 of 13 left out)" in told
    assert "Correlations above 0.9\n  a, b  -0.9999999\n" in told
    assert "a, c" not in told  # nothing is known of c at all
    assert "To be noticed\n  look here\n" in told


def test_sigma_is_said():
    assert "relative: errors follow from the residuals" in text_of(made({"a": 1.0}, {"a": 0.1}))
    assert "relative: errors follow from sigma and the residuals" in text_of(
        made({"a": 1.0}, {"a": 0.1}, has_sigma=True)
    )
    absolute = text_of(made({"a": 1.0}, {"a": 0.1}, has_sigma=True, absolute_sigma=True, loss="huber"))
    assert "absolute: errors follow from sigma alone" in absolute
    assert "0.5 (in units of sigma)" in absolute
    assert "Levenberg–Marquardt, huber loss" in absolute


def test_many_parameters_lose_their_middle():
    values = {f"W[{place}]": float(place) for place in range(500)}
    told = text_of(made(values, dict.fromkeys(values, 0.1)))
    assert len(told.splitlines()) < 90
    assert "… 440 more; --json has all of them" in told
    assert "W[499]" in told


def test_what_is_not_known_is_not_said():
    told = text_of(made({"a": 1.0}, {"a": nan}, residual=nan, r_squared=None, adjusted_r_squared=None, aic=-inf, dof=0))
    assert "unknown" in told
    assert "bound" not in told  # there are as many parameters as rows
    assert "R²" not in told
    assert "AIC" not in told
    assert "residual deviation" not in told


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.00851, "0.85 %"), (0.0126, "1.3 %"), (0.126, "13 %"), (1.5, "150 %"), (0.00014, "0.014 %"), (inf, ""),
     (1e-9, "< 0.00001 %"), (nan, "")],
)  # fmt: skip
def test_percentages(share, text):
    assert percentage(share) == text


def test_numbers_near_one_keep_the_digits_that_tell_them_from_one():
    assert goodness(0.99) == "0.9900"
    assert goodness(0.99999871) == "0.9999987"
    assert goodness(1.0) == "1.0000"
    assert correlation_text(-0.953) == "-0.953"
    assert correlation_text(0.99996) == "+0.99996"


def test_open_intervals():
    assert interval_text((-inf, 2.345), 0.1) == "(-∞, 2.345]"
    assert interval_text((1.0, inf), 0.1) == "[1.000, ∞)"
    assert interval_text((nan, nan), 0.1) == ""


numbers = st.floats(allow_nan=True, allow_infinity=True)


@settings(max_examples=200)
@given(numbers, numbers.map(abs), numbers, numbers, st.sampled_from([None, 20, 60, 80]))
def test_any_numbers_make_a_table(value, error, residual, r_squared, width):
    told = text_of(made({"a": value}, {"a": error}, residual=residual, r_squared=r_squared, aic=residual), width)
    assert told.startswith("Parameters\n")
    assert "Fit of y" in told
