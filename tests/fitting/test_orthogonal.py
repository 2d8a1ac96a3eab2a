"""Errors of inputs: published numbers, closed forms, and what does not go together."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import cgcli as cg
from cgcli.fitting.orthogonal import Curve, Distances
from cgcli.fitting.question import ask

pytest.importorskip("odrpack")

LINE = cg.parse("a + b*x")
PEARSON = {
    "x": [0, 0.9, 1.8, 2.6, 3.3, 4.4, 5.2, 6.1, 6.5, 7.4],
    "y": [5.9, 5.4, 4.4, 4.6, 3.5, 3.7, 2.8, 2.8, 2.4, 1.5],
    "wx": [1000, 1000, 500, 800, 200, 80, 60, 20, 1.8, 1],
    "wy": [1, 1.8, 4, 8, 20, 20, 70, 70, 100, 500],
}
"""Pearson's data (1901) with the weights of D. York, Canadian Journal of Physics 44 (1966)."""
T = np.linspace(0.0, 4.0, 25)
DECAY = {"t": T + 0.1 * np.sin(7 * T), "y": 3 * np.exp(-T) + 0.5 + 0.05 * np.cos(11 * T)}


def test_pearsons_data_with_yorks_weights():
    found = LINE.fit(PEARSON, target="y", sigma="1/sqrt(wy)", sigma_x="1/sqrt(wx)")
    assert found.converged
    assert found.values == pytest.approx({"a": 5.47991022, "b": -0.48053341}, abs=5e-9)
    assert found.sum_of_squares == pytest.approx(11.8663531941, rel=1e-10)
    assert found.method == "orthogonal distance regression (odrpack)"


def test_a_line_with_equal_errors_is_the_main_axis():
    x, y = np.array(PEARSON["x"]), np.array(PEARSON["y"])
    found = LINE.fit({"x": x, "y": y}, target="y", sigma=1, sigma_x=1)
    (xx, xy), (_, yy) = np.cov(x, y)
    slope = (yy - xx + np.hypot(yy - xx, 2 * xy)) / (2 * xy)
    assert found.values["b"] == pytest.approx(slope, rel=1e-12)
    assert found.values["a"] == pytest.approx(y.mean() - slope * x.mean(), rel=1e-12)


def test_small_errors_of_the_input_leave_least_squares():
    curve = cg.parse("a*exp(-b*t) + c")
    plain = curve.fit(DECAY, target="y")
    found = curve.fit(DECAY, target="y", sigma=1, sigma_x={"t": 1e-7})
    assert found.values == pytest.approx(plain.values, rel=1e-9)
    assert found.errors == pytest.approx(plain.errors, rel=1e-9)


def test_derivatives_of_distances_are_exact():
    question = ask(cg.parse("a*exp(-b*t) + c"), DECAY, target="y", sigma=0.05, sigma_x=0.1)
    curve = Curve(question)
    problem = Distances(question.names, curve, np.zeros_like(curve.x))
    point, h = np.array([2.8, 0.9, 0.45]), 1e-5
    slopes = problem.slopes(point).copy()
    for place, step in enumerate(h * np.eye(3)):
        up, down = (problem.distances(point + sign * step).copy() for sign in (1, -1))
        assert slopes[:, place] == pytest.approx((up - down) / (2 * h), rel=1e-6, abs=1e-7)


def test_bounds_are_kept():
    found = cg.parse("a*exp(-b*t) + c").fit(DECAY, target="y", sigma=0.05, sigma_x=0.1, bounds={"c": (0.6, None)})
    assert found.values["c"] == pytest.approx(0.6)
    assert found.converged


@pytest.mark.parametrize(
    ("formula", "options", "said"),
    [
        ("a + b*x", {"sigma_x": 1}, "sigma_x needs sigma, too"),
        ("a + b*x", {"sigma": 1, "sigma_x": {"z": 1}}, "no input `z`"),
        ("a + b*x", {"sigma": 1, "sigma_x": "wz"}, "no column `wz`"),
        ("a + b*x", {"sigma": 1, "sigma_x": -1}, "positive number"),
        ("a + b*x + c*wx", {"sigma": 1, "sigma_x": 1}, "which one?"),
        ("a + b*x", {"sigma": 1, "sigma_x": 1, "loss": "cauchy"}, "does not go together with the loss cauchy"),
        ("a + b*x", {"sigma": 1, "sigma_x": "x"}, "the sigma of x is 0"),
    ],
)
def test_what_does_not_go_together(formula, options, said):
    with pytest.raises(cg.CgError) as caught:
        cg.parse(formula).fit(PEARSON, target="y", **options)
    assert said in caught.value.message


def test_the_package_is_an_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "odrpack", None)
    with pytest.raises(cg.CgError, match="odrpack") as caught:
        LINE.fit(PEARSON, target="y", sigma=1, sigma_x=1)
    assert caught.value.exit_code == 4
