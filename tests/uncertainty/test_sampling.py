"""Sampling: what is drawn, that batches change nothing, copulas, Sobol's shares, what has no finite result."""

from __future__ import annotations

import warnings
from math import pi, sin

import numpy as np
import pytest

import cgcli as cg
from cgcli.errors import CgError
from cgcli.uncertainty import drawing
from cgcli.uncertainty.drawing import Draws
from cgcli.uncertainty.notation import read_quantity
from cgcli.uncertainty.quantities import Inputs

approx = pytest.approx


def inputs_of(texts, correlations=None):
    return Inputs({name: read_quantity(name, text) for name, text in texts.items()}, correlations)


def test_an_input_draws_the_same_numbers_whatever_is_beside_it():
    alone = Draws(inputs_of({"x": "1±0.1"}), 7)(0, 1000)
    beside = Draws(inputs_of({"a": "R(0, 1)", "x": "1±0.1"}), 7)(0, 1000)
    assert np.array_equal(alone[:, 0], beside[:, 1])
    assert np.array_equal(Draws(inputs_of({"x": "1±0.1"}), 7)(600, 400)[:, 0], alone[600:, 0])
    assert not np.array_equal(Draws(inputs_of({"x": "1±0.1"}), 8)(0, 1000), alone)


def test_batches_change_nothing(monkeypatch):
    f, given = cg.parse("x*y"), {"x": "1±0.1", "y": "student(2, sd=0.3, dof=5)"}
    whole = f.uncertainty(given, samples=10_000, seed=3).sampled
    monkeypatch.setattr(drawing, "ROWS", 777)
    parts = f.uncertainty(given, samples=10_000, seed=3).sampled
    assert np.array_equal(whole.values, parts.values)


JOINT = [
    ({"a": "1±0.1", "b": "2±0.3"}, "jointly normal"),
    ({"a": "1±0.1(dof 9)", "b": "2±0.3(dof 9)"}, "jointly Student's"),
    ({"a": "R(0, 1)", "b": "2±0.3"}, "a copula"),
    ({"a": "exponential(2)", "b": "lognormal(mean=2, sd=0.5)"}, "a skew copula"),
    ({"a": "curved_trapezoidal(-1, 1, 0.5)", "b": "U(0, 1)"}, "a bounded copula"),
]


@pytest.mark.parametrize(("texts", "what"), JOINT, ids=[what for _, what in JOINT])
def test_correlations_are_those_that_were_stated(texts, what):
    inputs = inputs_of(texts, {("a", "b"): 0.6})
    drawn = Draws(inputs, 1)(0, 100_000)
    assert np.corrcoef(drawn.T)[0, 1] == approx(0.6, abs=0.015)
    assert drawn.mean(axis=0) == approx(inputs.value, abs=0.02 * inputs.error.max())
    if "Student" not in what:
        assert drawn.std(axis=0) == approx(inputs.error, rel=0.02)


def test_a_correlation_that_distributions_cannot_have_is_refused():
    with pytest.raises(CgError) as refused:
        cg.parse("a + b").uncertainty(
            {"a": "exponential(1)", "b": "lognormal(mu=0, sigma=2)"}, correlations={("a", "b"): -0.9}, samples=1000
        )
    assert "cannot have the correlation -0.9" in refused.value.message


def test_intervals_of_a_sample():
    """A standard normal output, whose symmetric and shortest intervals are the same; an exponential one, where not."""
    normal = cg.parse("x").uncertainty({"x": "0±1"}, samples=200_000).sampled
    assert normal.interval == approx((-1.96, 1.96), abs=0.02)
    assert normal.interval(0.5) == approx((-0.6745, 0.6745), abs=0.01)
    skew = cg.parse("x").uncertainty({"x": "exponential(1)"}, samples=200_000).sampled
    assert skew.interval == approx((0.0253, 3.689), abs=0.04)
    assert skew.shortest == approx((0, 2.996), abs=0.04)
    assert skew.interval(0.95, shortest=True) == skew.shortest


def test_sobol_shares_of_the_ishigami_function():
    """T. Ishigami and T. Homma 1990, with a = 7, b = 0.1: exact shares by Saltelli, Sensitivity Analysis, 2000."""
    f = cg.parse("sin(x) + 7*sin(y)^2 + 0.1*z^4*sin(x)")
    given = dict.fromkeys("xyz", "R(-pi, pi)")
    drawn = f.uncertainty(given, samples=200_000, seed=1).sampled
    assert drawn.error**2 == approx(7**2 / 8 + 0.1 * pi**4 / 5 + 0.1**2 * pi**8 / 18 + 0.5, rel=0.01)
    assert drawn.shares == {"x": approx(0.3139, abs=0.015), "y": approx(0.4424, abs=0.015), "z": approx(0, abs=0.015)}
    assert drawn.total_shares == {
        "x": approx(0.5576, abs=0.015), "y": approx(0.4424, abs=0.015), "z": approx(0.2437, abs=0.015),
    }  # fmt: skip
    assert sin(0) == 0


def test_inputs_that_go_together_have_one_share():
    drawn = (
        cg.parse("a + b + 2*sum(v)")
        .uncertainty({"a": "0±1", "b": "0±1", "v": "[0±1, 0±1]"}, correlations={("a", "b"): 0.5}, samples=50_000)
        .sampled
    )
    assert drawn.shares == {"a, b": approx(3 / 11, abs=0.02), "v": approx(8 / 11, abs=0.02)}


def test_several_outputs_have_their_covariance():
    f = cg.parse("s = a + b; d = a - b; output s, d")
    found = f.uncertainty({"a": (2.0, 0.3), "b": (1.0, 0.4)}, samples=50_000)
    assert found.sampled_covariance == approx(found.covariance, abs=0.01)
    assert found.sampled["s"].mean == approx(3, abs=0.01)
    assert found.interval(0.95)["d"] == approx((1 - 0.98, 1 + 0.98), abs=1e-3)
    assert found.second_order["d"].value == 1
    arrays = cg.parse("[a + b, a - b]").uncertainty({"a": (2.0, 0.3), "b": (1.0, 0.4)}, samples=50_000)
    assert arrays.sampled.mean == approx([3, 1], abs=0.01)
    assert arrays.sampled.error == approx(arrays.error, rel=0.02)


def test_samples_without_a_finite_result_are_counted():
    with pytest.warns(cg.NonlinearWarning, match="samples gave no finite number"):
        found = cg.parse("log(x)").uncertainty({"x": (2.0, 1.0)}, samples=10_000, seed=1)
    assert found.sampled.lost == approx(228, abs=60)
    assert found.sampled.count + found.sampled.lost == 10_000
    with pytest.raises(CgError) as refused:
        cg.parse("log(x)").uncertainty({"x": "R(-2, -1)"}, samples=1000).sampled  # noqa: B018 - it is this that refuses
    assert "gave no finite number" in refused.value.message


def test_what_was_not_sampled_says_so():
    with pytest.raises(CgError) as refused:
        cg.parse("x").uncertainty({"x": (1.0, 0.1)}).sampled  # noqa: B018 - it is the property that refuses
    assert refused.value.message == "nothing was sampled"


def test_few_samples_do_not_make_the_linear_rule_wrong():
    """The ends of a sample's interval are uncertain themselves; what they leave open is no reason to warn."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for seed in range(20):
            cg.parse("4*pi^2*L/T^2").uncertainty({"L": (1.0, 0.01), "T": (2.006, 0.005)}, samples=200, seed=seed)
    with pytest.warns(cg.NonlinearWarning):
        cg.parse("exp(x)").uncertainty({"x": (0.0, 0.5)}, samples=2_000, seed=1)
