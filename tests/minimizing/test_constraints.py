"""Minima under constraints: the point, what holds it and how strongly, and no convergence that is none."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

import cgcli as cg
from cgcli.__main__ import main
from cgcli.errors import CgError


def minimised(text, constraints, start, **options):
    return cg.parse(text).minimize(start, subject_to=constraints, **options)


HALF = math.sqrt(0.5)


@pytest.mark.parametrize(
    ("text", "constraints", "start", "values", "active"),
    [
        ("x + y", "x^2 + y^2 <= 1", {"x": 1, "y": 2}, {"x": -HALF, "y": -HALF}, {"x^2 + y^2 <= 1": HALF}),
        ("x^2 + y^2", ["x + y = 1"], {"x": 3, "y": 0}, {"x": 0.5, "y": 0.5}, {"x + y = 1": 1}),
        ("x^2 + y^2", ["x + y >= -1"], {"x": 3, "y": 2}, {"x": 0, "y": 0}, {}),
        ("(x - 1)^2", ["0 <= x <= 0.5"], {"x": 3}, {"x": 0.5}, {"0 <= x <= 0.5": 1}),
        (
            "100*(y - x^2)^2 + (1 - x)^2", ["x^2 + y^2 <= 1"], {"x": -1.2, "y": 1},
            {"x": 0.786415154168, "y": 0.617698312523}, {"x^2 + y^2 <= 1": 0.1214966},
        ),
        ("log(x) + y", ["x*y >= 1"], {"x": 2, "y": 2}, {"x": 1, "y": 1}, {"x*y >= 1": 1}),
    ],
)  # fmt: skip
def test_minima(text, constraints, start, values, active):
    found = minimised(text, constraints, start)
    assert found.converged, found.message
    assert found.values == pytest.approx(values, abs=1e-9)
    assert found.active == pytest.approx(active, rel=1e-5)
    assert found.gradient_norm < 1e-9


def test_problem_71_of_hock_and_schittkowski():
    found = minimised(
        "a*d*(a + b + c) + c", ["a*b*c*d >= 25", "a^2 + b^2 + c^2 + d^2 = 40"], {"a": 1, "b": 5, "c": 5, "d": 1},
        bounds=dict.fromkeys("abcd", (1, 5)),
    )  # fmt: skip
    assert found.converged
    assert found.value == pytest.approx(17.0140172891563, rel=1e-12)
    assert found.active["a >= 1"] == pytest.approx(1.08787, rel=1e-5)
    assert found.active["a*b*c*d >= 25"] == pytest.approx(0.552294, rel=1e-5)


def test_a_maximum_along_a_constraint_is_left():
    found = minimised("x*y", ["x^2 + y^2 = 2"], {"x": 1, "y": 1})
    assert found.converged
    assert found.value == pytest.approx(-1)
    assert (found.hessian_eigenvalues > 0).all()


@pytest.mark.parametrize(
    ("formula", "constraints", "start", "value"),
    [
        ("-x - 2*y", ["x + y <= 4", "x + 3*y <= 6", "x >= 0", "y >= 0"], {"x": 0, "y": 0}, -5.0),
        ("-(x^2)", ["x <= 2", "x >= -1"], {"x": 0}, -4.0),
        ("x*y", ["x + y <= 2", "x - y <= 2", "-2 <= x + y", "-2 <= x - y"], {"x": 0, "y": 0}, -1.0),
    ],
)
def test_of_several_constraints_some_hold(formula, constraints, start, value):
    found = minimised(formula, constraints, start)
    assert found.converged
    assert found.value == pytest.approx(value)


def test_constraints_of_arrays_hold_element_by_element():
    found = minimised("sum(v^2)", ["v >= [1, 2, 3]"], {"v": np.full(3, 5.0)})
    assert found.values["v"] == pytest.approx([1, 2, 3])
    assert len(found.active) == 3


def test_no_point_that_meets_the_constraints():
    found = minimised("x", ["x >= 1", "x <= 0"], {"x": 3})
    assert not found.converged
    assert found.kind == "infeasible"
    assert "no point was found that meets the constraints" in found.message


def test_a_value_that_falls_without_end_along_constraints():
    found = minimised("-x - y", ["x*y <= 4"], {"x": 1, "y": 1})
    assert not found.converged
    assert found.kind == "unbounded"


def test_constraints_that_degenerate_do_not_converge():
    assert not minimised("x^2 + y^2", ["(x - 1)^3 - y^2 = 0"], {"x": 2, "y": 1}).converged


@pytest.mark.parametrize(
    ("constraint", "told"),
    [
        ("x + 1", "is no comparison"),
        ("x <= z", "needs `z`, which has no value"),
        ("x <= foo(x)", "unknown function `foo`"),
        ("x <= (1", "never closed"),
        ("x <= 1; x >= 0", "one comparison"),
        ("", "one comparison"),
        (3, "is a text"),
    ],
)
def test_wrong_constraints(constraint, told):
    with pytest.raises(CgError, match=told) as caught:
        minimised("x^2", [constraint], {"x": 1})
    shown = caught.value
    if shown.span is not None and shown.source is not None:
        assert shown.source.text == constraint
        assert constraint[slice(*shown.span)] in ("foo(x)", "foo", "(")


def test_on_a_line(capsys):
    words = ["minimize", "x + y", "x=1", "y=2", "--subject-to", "x^2 + y^2 <= 1", "--json"]
    assert main(words) == 0
    assert json.loads(capsys.readouterr().out)["value"] == pytest.approx(-math.sqrt(2))
