"""Robust losses against SciPy's, and what a row of the triangle keeps of them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import least_squares

from cgcli.api.sources import parse
from cgcli.fitting.array_problem import ArrayProblem
from cgcli.fitting.robust import LOSSES

T = np.linspace(0.0, 4.0, 30)
Y = 2.0 * np.exp(-0.8 * T) + 0.3 * np.sin(17.0 * T) ** 5


def problem(loss, scale=0.1):
    return ArrayProblem(
        ("a", "b"),
        lambda p: p[0] * np.exp(-p[1] * T) - Y,
        lambda p: np.column_stack((np.exp(-p[1] * T), -p[0] * T * np.exp(-p[1] * T))),
        loss=loss,
        scale=scale,
    )


@pytest.mark.parametrize("loss", LOSSES)
def test_the_objective_is_scipys(loss):
    found = least_squares(lambda p: p[0] * np.exp(-p[1] * T) - Y, [1.5, 1.0], loss=loss, f_scale=0.1, max_nfev=1)
    assert problem(loss).reduced(np.array([1.5, 1.0])).sum_of_squares == pytest.approx(2 * found.cost, rel=1e-13)


@pytest.mark.parametrize("loss", LOSSES)
def test_the_triangle_keeps_the_gradient(loss):
    point, h = np.array([1.5, 1.0]), 1e-6
    found = problem(loss).reduced(point).triangle
    for place, step in enumerate(h * np.eye(2)):
        up, down = (problem(loss).reduced(point + sign * step, slopes=False).sum_of_squares for sign in (1, -1))
        gradient = 2 * found[:, place] @ found[:, 2]
        assert gradient == pytest.approx((up - down) / (2 * h), rel=1e-7)


def test_what_is_not_finite_is_named():
    broken = ArrayProblem(("a",), lambda p: np.array([1.0, p[0], 2.0]), lambda p: np.array([[1.0], [1.0], [np.nan]]))
    assert (broken.reduced(np.array([np.inf])).not_finite.row, broken.reduced(np.array([1.0])).not_finite.row) == (1, 2)
    assert broken.reduced(np.array([1.0])).not_finite.parameter == "a"
    assert broken.reduced(np.array([1.0]), slopes=False).not_finite is None


@pytest.mark.parametrize("loss", [loss for loss in LOSSES if loss != "linear"])
def test_standard_errors_are_those_of_huber(loss):
    """The scatter of the estimates of 120 tables with outliers is what the errors say (Huber & Ronchetti, §7.6)."""
    random, x = np.random.default_rng(5), np.linspace(0.0, 1.0, 60)
    line = parse("a + b*x")
    found, errors = [], []
    for _ in range(120):
        noise = 0.1 * np.where(random.random(60) < 0.1, 8.0, 1.0) * random.standard_normal(60)
        fit = line.fit({"x": x, "y": 1 + 2 * x + noise}, target="y", start={"a": 1, "b": 2}, loss=loss, loss_scale=0.1)
        if fit.converged:
            found.append(fit.values["b"])
            errors.append(fit.errors["b"])
    assert len(found) > 115
    assert np.median(errors) == pytest.approx(np.std(found), rel=0.2)


def test_errors_under_a_loss_that_touches_no_row_are_those_of_least_squares():
    plain, huber = (
        parse("a*exp(-b*t)").fit({"t": T, "y": Y}, target="y", loss=loss, loss_scale=scale)
        for loss, scale in (("linear", 1.0), ("huber", 100.0))
    )
    assert huber.errors == pytest.approx(plain.errors, rel=1e-6)
    assert huber.profile()["b"].low == pytest.approx(plain.profile()["b"].low, rel=1e-6)
