"""The law of propagation: against the package `uncertainties`, for arrays, for several outputs, and what is refused."""

from __future__ import annotations

from math import inf, sqrt

import numpy as np
import pytest

import cgcli as cg
from cgcli.errors import CgError
from tests.uncertainty.random_formulas import compared

approx = pytest.approx


def test_random_formulas_agree_with_the_package_uncertainties():
    """A thousand of them: `python -m tests.uncertainty.random_formulas 1000`."""
    pytest.importorskip("uncertainties")
    assert compared(40, seed=1) <= 1e-12


def test_correlated_values():
    f = cg.parse("a - b")
    found = f.uncertainty({"a": (1.0, 0.3), "b": (1.0, 0.3)}, correlations={("a", "b"): 1})
    assert found.error == approx(0, abs=1e-9)
    found = f.uncertainty({"a": (1.0, 0.3), "b": (1.0, 0.4)}, correlations={("b", "a"): -1})
    assert found.error == approx(0.7)
    shares = f.uncertainty({"a": (1.0, 0.3), "b": (1.0, 0.4)}, correlations={"a": {"b": 0.5}}).shares
    assert shares == {"a": approx(0.09 / 0.13), "b": approx(0.16 / 0.13), ("a", "b"): approx(-0.12 / 0.13)}
    assert sum(shares.values()) == approx(1)


def test_a_covariance_matrix_has_the_errors_too():
    f = cg.parse("y1 + y2*(t - 20)")
    matrix = np.array([[0.0029**2, -0.93 * 0.0029 * 0.00067], [-0.93 * 0.0029 * 0.00067, 0.00067**2]])
    values = {"y1": -0.1712, "y2": 0.00218, "t": 30}
    by_names = {"y1": {"y1": matrix[0, 0], "y2": matrix[0, 1]}, "y2": {"y2": matrix[1, 1]}}
    expected = f.uncertainty(
        {"y1": (-0.1712, 0.0029), "y2": (0.00218, 0.00067), "t": 30}, correlations={("y1", "y2"): -0.93}
    )
    for covariance in (by_names, (["y1", "y2"], matrix)):
        found = f.uncertainty(values, covariance=covariance)
        assert (found.value, found.error) == (approx(expected.value), approx(expected.error))


def test_numbers_of_the_package_uncertainties_bring_their_correlations():
    ufloat = pytest.importorskip("uncertainties").ufloat
    a, b = ufloat(1.0, 0.3), ufloat(2.0, 0.4)
    found = cg.parse("x*y").uncertainty({"x": a + b, "y": a - b})
    assert found.error == approx(((a + b) * (a - b)).std_dev, rel=1e-12)
    assert found.shares["x", "y"] != 0


def test_a_fit_gives_its_covariance():
    t = np.linspace(0, 4, 9)
    y = 3 - 0.5 * t + 0.01 * np.cos(9 * t)
    fit = cg.parse("a + b*t").fit({"t": t, "y": y}, target="y", start={"a": 1, "b": 1})
    found = cg.parse("a + b*t").uncertainty({**fit.values, "t": 10.0}, covariance=fit)
    row = np.array([1, 10.0])
    assert found.error == approx(sqrt(row @ fit.covariance @ row), rel=1e-9)


def test_degrees_of_freedom_of_what_goes_together():
    """Readings of one sample are one component (R. Willink 2007), whatever the formula makes of them."""
    f = cg.parse("a + b + c")
    given = {"a": (1.0, 0.1), "b": (1.0, 0.2), "c": (1.0, 0.1)}
    alone = f.uncertainty(given, dof={"a": 4, "b": 4})
    assert alone.dof == approx(0.06**2 / (0.01**2 / 4 + 0.04**2 / 4))
    joint = f.uncertainty(given, dof={"a": 4, "b": 4}, correlations={("a", "b"): 0.5})
    both = 0.01 + 0.04 + 2 * 0.5 * 0.02
    assert joint.dof == approx((both + 0.01) ** 2 / (both**2 / 4))
    assert f.uncertainty(given).dof == inf
    assert f.uncertainty(given, dof={"a": 4}, correlations={("a", "b"): 0.5}).dof > joint.dof


def test_arrays():
    f = cg.parse("sum(v*w)")
    found = f.uncertainty({"v": ([1, 2, 3], [0.1, 0.2, 0.3]), "w": [1.0, -1.0, 2.0]})
    assert found.error == approx(sqrt(0.1**2 + 0.2**2 + 0.6**2))
    assert found.contributions == {"v": approx(found.error)}
    assert found.derivatives["v"] == approx([1, -1, 2])
    together = f.uncertainty({"v": ([1, 2, 3], 0.1), "w": [1.0, -1.0, 2.0]}, correlations={("v[0]", "v[1]"): 1})
    assert together.error == approx(0.2)
    each = cg.parse("x^2").uncertainty({"x": (np.array([1.0, 2.0]), np.array([0.1, 0.2]))})
    assert (list(each.value), list(each.error)) == (approx([1, 4]), approx([0.2, 0.8]))
    assert each.second_order.value == approx([1.01, 4.04])
    assert each.covariance == approx(np.diag([0.04, 0.64]))
    many = np.linspace(1, 2, 40)
    wide = cg.parse("x*sum(x)").uncertainty({"x": (many, 0.1)})  # by columns of the Jacobian
    slopes = np.diag(np.full(40, many.sum())) + many[:, np.newaxis]
    assert wide.covariance == approx(0.01 * slopes @ slopes.T)


def test_several_outputs_come_by_name():
    f = cg.parse("s = a + b; d = a - b; output s, d")
    found = f.uncertainty({"a": (2.0, 0.3), "b": (1.0, 0.4)})
    assert (found.value, found.error) == ({"s": 3.0, "d": 1.0}, {"s": approx(0.5), "d": approx(0.5)})
    assert found["s"].shares == {"a": approx(0.36), "b": approx(0.64)}
    assert found.correlations == {("s", "d"): approx((0.09 - 0.16) / 0.25)}
    assert found.covariance == approx(np.array([[0.25, -0.07], [-0.07, 0.25]]))


def test_intervals():
    found = cg.parse("x").uncertainty({"x": "10±1(dof 9)"})
    low, high = found.interval
    assert (low, high) == approx((10 - 2.262157, 10 + 2.262157), abs=1e-6)
    assert found.interval(0.99) == approx((10 - 3.249836, 10 + 3.249836), abs=1e-6)
    assert found.expanded(0.5) == approx(0.702722, abs=1e-6)


def test_values_without_an_error():
    found = cg.parse("x + y").uncertainty({"x": 1, "y": "2"})
    assert (found.value, found.error, found.dof, found.shares) == (3, 0, inf, {})
    assert found.second_order.error == 0


REFUSED = [
    ({"x": (1.0, -0.1)}, {}, "the error of `x` is negative"),
    ({"x": (1.0, float("nan"))}, {}, "the error of `x` is nan"),
    ({"x": (float("nan"), 0.1)}, {}, "no finite number"),
    ({"x": (1.0, "0.1")}, {}, "where a number belongs"),
    ({"x": (1.0,)}, {}, "is not (value, error)"),
    ({"x": ([1.0, 2.0], [0.1, 0.2, 0.3])}, {}, "has shape [3], its value [2]"),
    ({"x": (1.0, 0.1), "q": (1.0, 0.1)}, {}, "no input `q`"),
    ({"x": (1.0, 0.1)}, {"correlations": {("x", "q"): 0.1}}, "`q` has a correlation, but no error"),
    ({"x": (1.0, 0.1), "y": (1.0, 0.1)}, {"correlations": {("x", "y"): 1.1}}, "not between -1 and 1"),
    ({"x": (1.0, 0.1), "y": (1.0, 0.1)}, {"correlations": {("x", "y"): 0.1, ("y", "x"): 0.2}}, "given twice"),
    ({"x": (1.0, 0.1), "y": (1.0, 0.1)}, {"correlations": 0.3}, "is not a matrix by names"),
    ({"x": (1.0, 0.1)}, {"dof": {"y": 3}}, "`dof` names `y`"),
    ({"x": (1.0, 0.1)}, {"dof": {"x": 0}}, "not positive"),
    ({"x": 1.0}, {"dof": {"x": 3}}, "`x` has no error"),
    ({"x": (1.0, 0.1)}, {"distributions": {"x": "student"}}, "its scale or its standard deviation"),
    ({"x": (1.0, 0.1)}, {"distributions": {"x": "cauchy"}}, "there is no distribution `cauchy`"),
    ({"x": (1.0, 0.1)}, {"samples": 10}, "`samples` cannot be 10"),
    ({"x": (1.0, 0.1)}, {"samples": 1e6, "seed": -1}, "`seed` cannot be -1"),
    ({"x": (1.0, 0.1)}, {"average": ["x"]}, "`average` is for readings"),
]


@pytest.mark.parametrize(("values", "options", "told"), REFUSED, ids=[told for *_, told in REFUSED])
def test_what_cannot_be_meant_is_refused(values, options, told):
    with pytest.raises(CgError) as refused:
        cg.parse("x^2 + (y if y > 0 else 0)" if "y" in values else "x^2").uncertainty(values, **options)
    assert told in refused.value.message


def test_contradicting_correlations_are_named():
    values = dict.fromkeys("abcd", (1.0, 0.1))
    with pytest.raises(CgError) as refused:
        cg.parse("a+b+c+d").uncertainty(values, correlations={("a", "b"): 0.9, ("b", "c"): 0.9, ("a", "c"): -0.9})
    assert "`a`, `b`, `c` contradict each other" in refused.value.message


@pytest.mark.parametrize("text", ["sum(zeros(n) + 1)", "v = [1, 2, 3]; v[n]"])
def test_a_length_or_an_index_cannot_have_an_error(text):
    with pytest.raises(CgError) as refused:
        cg.parse(text).uncertainty({"n": (2.0, 0.1)})
    assert "`n` cannot have an error" in refused.value.message


def test_a_default_that_follows_from_an_input_with_an_error_is_refused():
    """Derivatives take the two as independent, so the error would be wrong without a word."""
    f = cg.parse("input a = 1; input b = 2*a; a*b")
    with pytest.raises(CgError) as refused:
        f.uncertainty({"a": (2.0, 0.1)})
    assert "`b` follows from an input with an error" in refused.value.message
    with pytest.raises(CgError):
        f.uncertainty_rows({"a": ([2.0, 3.0], [0.1, 0.1])})
    assert f.uncertainty({"a": (2.0, 0.1), "b": 4}).error == approx(0.4)
    assert cg.parse("input a = 1; b = 2*a; a*b").uncertainty({"a": (2.0, 0.1)}).error == approx(0.8)


def test_where_the_linear_rule_is_wrong_it_says_so():
    with pytest.warns(cg.NonlinearWarning, match="the linear rule is wrong here"):
        cg.parse("x^2").uncertainty({"x": (0.0, 0.5)})
    with pytest.warns(cg.NonlinearWarning):
        cg.parse("abs(x)").uncertainty({"x": (0.0, 0.5)})
    with pytest.warns(cg.NonlinearWarning, match="the sample"):
        cg.parse("x^2").uncertainty({"x": (0.0, 0.5)}, samples=10_000)
