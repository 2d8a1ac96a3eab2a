"""Steps that derivatives to the fifth order foresee: their series, few evaluations, and honest ends."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

import cgcli as cg
from cgcli.minimizing.objective import Objective

SMOOTH = "exp(x*y) + sin(x + 2*y) + x^4*y + log(1 + x^2)"


def objective_of(text, start):
    return Objective(cg.parse(text).bind(start), list(start), None)


@pytest.mark.parametrize("start", [{"x": 0.3, "y": 0.7}, {"v": [0.3, 0.7]}])
def test_the_derivatives_along_a_direction_are_those_of_its_series(start):
    text = SMOOTH if "x" in start else f"x = v[0]; y = v[1]; {SMOOTH}"
    objective = objective_of(text, start)
    along = np.array([0.4, -1.1])

    def value(t):
        x, y = 0.3 + along[0] * t, 0.7 + along[1] * t
        return mpmath.exp(x * y) + mpmath.sin(x + 2 * y) + x**4 * y + mpmath.log(1 + x**2)

    with mpmath.workdps(40):
        series = [float(mpmath.diff(value, 0, order)) for order in (3, 4, 5)]
    third, fourth, fifth = objective.taylor(np.array([0.3, 0.7]), along)
    assert [third @ along, fourth @ along, fifth] == pytest.approx(series, rel=1e-11)


@pytest.mark.parametrize(
    ("text", "start", "is_quartic"),
    [
        ("(x - y^2)^2 + x", {"x": 1, "y": 1}, True),
        ("sum((v[1:] - v[:-1]^2)^2)", {"v": [1, 2, 3]}, True),
        ("x^5 + y", {"x": 1, "y": 1}, False),
        ("softplus(x) + x^2", {"x": 0}, False),
    ],
)
def test_a_polynomial_of_the_fourth_order_is_known_as_one(text, start, is_quartic):
    assert objective_of(text, start).along().is_quartic == is_quartic


@pytest.mark.parametrize(
    ("text", "start", "value", "most"),
    [
        ("(a + 10*b)^2 + 5*(c - d)^2 + (b - 2*c)^4 + 10*(a - d)^4", {"a": 3, "b": -1, "c": 0, "d": 1}, 0, 8),
        ("sum((v - [1, 2, 3, 4])^4)", {"v": [9, 9, 9, 9]}, 0, 6),
        ("(x^2 + y - 11)^2 + (x + y^2 - 7)^2", {"x": 0, "y": 0}, 0, 8),
        ("sin(x + y) + (x - y)^2 - 1.5*x + 2.5*y + 1", {"x": 0, "y": 0}, -1.9132229549810367, 8),
        ("100*(y - x^3)^2 + (1 - x)^2", {"x": -1.2, "y": 1}, 0, 25),
    ],
)
def test_curved_valleys_and_flat_floors_cost_few_evaluations(text, start, value, most):
    found = cg.parse(text).minimize(start)
    assert found.converged
    assert found.value == pytest.approx(value, rel=1e-12, abs=1e-12)
    assert found.evaluations <= most


def test_no_more_is_counted_than_was_asked(monkeypatch):
    asked = []
    run = Objective._run
    monkeypatch.setattr(Objective, "_run", lambda self, nodes, x: asked.append(nodes) or run(self, nodes, x))
    found = cg.parse("100*(y - x^2)^2 + (1 - x)^2").minimize({"x": -1.2, "y": 1})
    values = [nodes for nodes in asked if len(nodes) == 1]
    assert len(values) == found.evaluations


def test_a_formula_too_large_for_higher_derivatives_is_minimised_without(monkeypatch):
    monkeypatch.setattr("cgcli.minimizing.objective.MOST_FORESEEN", 10)
    found = cg.parse("100*(y - x^2)^2 + (1 - x)^2").minimize({"x": -1.2, "y": 1})
    assert found.converged
    assert found.values == pytest.approx({"x": 1, "y": 1}, abs=1e-8)


def test_rounding_is_no_kink():
    found = cg.parse("sum((x[:-1]^2 + x[-1]^2)^2 - 4*x[:-1] + 3)").minimize({"x": [1.0] * 20})
    assert found.kind == "minimum"
    assert found.evaluations <= 20


def test_a_way_without_end_that_rounding_hides_is_no_minimum():
    circle = "u = [1, 0.5, 0.25, -0.5, -0.75]; v = [0, 0.8, 0.9, 0.7, 0.1]; sum((sqrt((u - x)^2 + (v - y)^2) - r)^2)"
    found = cg.parse(circle).minimize({"x": 105, "y": 96, "r": 230})
    assert not found.converged


def test_what_the_value_does_not_depend_on_stays():
    found = cg.parse("(v[0] - 1)^2 + 100*sum((v[0] - v[:2]^2)^2)").minimize({"v": [-1, -1, -1]})
    assert found.kind == "flat"
    assert found.values["v"][2] == -1


def test_a_floor_that_is_reached_slowly_is_no_way_without_end():
    text = "(exp(a) - b)^4 + 100*(b - c)^6 + tan(c - d)^4 + a^8 + (d - 1)^2"
    found = cg.parse(text).minimize({"a": 0, "b": 0, "c": 0, "d": 0})
    assert found.converged
    assert found.value < 1e-15
