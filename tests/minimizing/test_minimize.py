"""Minima: the point, what it is in words, and no convergence that is none."""

from __future__ import annotations

import json

import numpy as np
import pytest

import cgcli as cg
from cgcli.__main__ import main
from cgcli.errors import CalculationError, CgError

ROSENBROCK = "100*(y - x^2)^2 + (1 - x)^2"


def minimised(text, start, **options):
    return cg.parse(text).minimize(start, **options)


def test_rosenbrock():
    found = minimised(ROSENBROCK, {"x": -1.2, "y": 1})
    assert found.converged
    assert found.values == pytest.approx({"x": 1, "y": 1}, abs=1e-10)
    assert found.value < 1e-16
    assert found.evaluations <= 8  # the valley is foreseen
    assert found.gradient == pytest.approx({"x": 0, "y": 0}, abs=1e-8)
    assert found.hessian_eigenvalues == pytest.approx([0.3993608, 1001.6006392], rel=1e-6)
    assert found.evaluations < 30
    assert found.message.startswith("a minimum: ")
    assert [step.value for step in found.steps] == sorted((step.value for step in found.steps), reverse=True)


@pytest.mark.parametrize("text", ["1e20 - x^2 + 1e-30*x^4", "(x^2 - 1e20)^2"])
def test_a_fall_that_rounding_hides_is_no_flat_minimum(text):
    found = minimised(text, {"x": 1})
    assert not found.converged
    assert found.hessian_eigenvalues[0] < 0


@pytest.mark.parametrize(
    ("text", "start", "value"),
    [
        ("(x - 1e9)^2 + 1", {"x": 1}, 1),
        ("1e-20*(x - 3)^2 - 1e-20", {"x": 0}, -1e-20),
        ("x - log(x)", {"x": 10}, 1),
        ("x*log(x)", {"x": 1e-3}, -1 / np.e),
        ("exp(x + 3*y - 0.1) + exp(x - 3*y - 0.1) + exp(-x - 0.1)", {"x": 10, "y": -7}, 2.5592666966582156),
        ("sum((x - [1, 2, 3])^4) + sum(A^2)", {"x": np.zeros(3), "A": np.ones((2, 2))}, 0),
        ("4*(1/r^12 - 1/r^6)", {"r": 0.5}, -1),
    ],
)
def test_minima(text, start, value):
    found = minimised(text, start)
    assert found.converged, found.message
    assert found.value == pytest.approx(value, rel=1e-12, abs=1e-13)


@pytest.mark.parametrize(
    ("text", "start", "value"),
    [
        ("x^4 - x^2", {"x": 0}, -0.25),
        ("cos(x)", {"x": 0}, -1),
        ("x^2 - y^2 + y^4", {"x": 0, "y": 0}, -0.25),
        ("x*y + x^4 + y^4", {"x": 0, "y": 0}, -0.125),
        ("x^4/4 + x^3/3", {"x": 0}, -1 / 12),
        ("x^6 - x^4", {"x": 0}, -4 / 27),
    ],
)
def test_a_start_that_is_stationary_and_no_minimum_is_left(text, start, value):
    found = minimised(text, start)
    assert found.converged
    assert found.value == pytest.approx(value, rel=1e-10)


def test_what_falls_slowly_beside_a_flat_direction_is_no_minimum():
    for text in ("x^2 - y^4", "x^2 + y^3", "x^2 - y^6"):
        assert not minimised(text, {"x": 1, "y": 0}).converged
    assert minimised("(x - 1)^2*1e-30 + 1", {"x": 5}).converged
    assert minimised("(x + y + z)^2 + (x - y)^4", {"x": 1, "y": 2, "z": 3}).converged


@pytest.mark.parametrize("text", ["x", "-x^2", "x^3", "-log(x)", "x - y^2", "x*y*z", "x^3 - 3*x*y^2"])
def test_a_value_that_falls_without_end_is_told(text):
    found = minimised(text, {name: 1.0 for name in "xyz" if name in text})
    assert not found.converged
    assert found.kind == "unbounded"
    assert "falls without end" in found.message
    assert "infinity" in found.message


@pytest.mark.parametrize("text", ["exp(-x)", "5 + exp(-x)", "1/(1 + x^2)", "atan(x)", "exp(-x) + y^2", "1/x"])
def test_a_value_that_is_only_approached_is_no_minimum(text):
    found = minimised(text, {name: 1.0 for name in "xy" if f"{name}" in text.replace("exp", "")})
    assert not found.converged
    assert found.kind == "endless"
    assert "infinity" in found.message


def test_flat_minima_are_minima_and_said_to_be_flat():
    for text, start in (
        ("(x + y)^2", {"x": 3, "y": 1}),
        ("x^2 if x > 0 else 0", {"x": 3}),
        ("x^2*y^2", {"x": 1, "y": 0}),
    ):
        found = minimised(text, start)
        assert found.converged
        assert "flat" in found.message
        assert np.min(np.abs(found.hessian_eigenvalues)) < 1e-9


def test_powells_singular_function_converges():
    found = minimised("(a + 10*b)^2 + 5*(c - d)^2 + (b - 2*c)^4 + 10*(a - d)^4", {"a": 3, "b": -1, "c": 0, "d": 1})
    assert found.converged
    assert found.value < 1e-12


def test_bounds_hold_and_have_multipliers():
    found = minimised(ROSENBROCK, {"x": -1.2, "y": 1}, bounds={"x": (None, 0.5)})
    assert found.converged
    assert found.values == pytest.approx({"x": 0.5, "y": 0.25})
    assert found.active == pytest.approx({"x <= 0.5": 1})
    corner = minimised("x^2 + y^2", {"x": 3, "y": 1}, bounds={"x": (1, 2), "y": (0.5, 4)})
    assert corner.values == {"x": 1, "y": 0.5}
    assert "corner" in corner.message
    assert "moved" in corner.notes[0]


def test_a_bound_alone_gives_a_start():
    assert minimised("(x - 3)^2", {}, bounds={"x": (0, 10)}).values["x"] == pytest.approx(3)


def test_what_varies():
    text = "param a; param b; sum((a*x + b - y)^2)"
    data = {"x": [1.0, 2, 3], "y": [2.0, 4, 6]}
    assert minimised(text, {"a": 0, "b": 0, **data}).values == pytest.approx({"a": 2, "b": 0}, abs=1e-12)
    fixed = minimised(text, {"a": 0, **data}, fix={"b": 2.0})
    assert list(fixed.values) == ["a"]
    assert fixed.values["a"] == pytest.approx(8 / 7)
    assert list(minimised("(x - y)^2", {"x": 1, "y": 2}, wrt="y").values) == ["y"]


def test_several_starts_find_the_lowest_minimum():
    text, bounds = "sin(3*x) + (x - 1)^2/10", {"x": (-10, 10)}
    alone = minimised(text, {"x": -8}, bounds=bounds)
    best = minimised(text, {"x": -8}, bounds=bounds, starts=20)
    assert best.value < alone.value
    assert best.value == pytest.approx(-0.9678, abs=1e-3)
    assert minimised(text, {"x": -8}, bounds=bounds, starts=20).values == best.values


def test_a_start_without_a_value_is_told_by_its_node():
    with pytest.raises(CalculationError, match="the value is not finite at the start: nan comes from `log` of -1"):
        minimised("log(x)", {"x": -1})
    with pytest.raises(CalculationError, match=r"gradient is not finite at the start.*`sqrt` at 0"):
        minimised("sqrt(x) + y", {"x": 0, "y": 1})


def test_an_edge_of_the_domain_is_told_by_its_node():
    found = minimised("sqrt(x)", {"x": 1})
    assert not found.converged
    assert "nan comes from `sqrt`" in found.message


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: minimised("x^2", {}), "no value for the input `x`"),
        (lambda: minimised("x^2", {"x": 1}, wrt="z"), "no input `z`"),
        (lambda: minimised("x^2", {"x": 1}, bounds={"x": (2, 1)}), "no room"),
        (lambda: minimised("x^2", {"x": 1}, bounds={"x": 3}), "no pair"),
        (lambda: minimised("x^2 + y", {"x": 1, "y": 1}, fix="y", bounds={"y": (0, 1)}), "does not vary"),
        (lambda: minimised("[x, 1]", {"x": 1}), "a minimum needs a number"),
        (lambda: minimised("a = x; b = x^2; output a, b", {"x": 1}), "2 outputs"),
        (lambda: minimised("x^2", {"x": 1}, starts=3), "no bounds to start between"),
        (lambda: minimised("x^2", {"x": 1}, tolerance=0), "tolerance"),
        (lambda: minimised("x^2", {"x": 1}, method="magic"), "no method `magic`"),
        (lambda: minimised("x^2", {"x": np.nan}), "start of `x` is nan"),
        (lambda: minimised("5", {}), "nothing varies"),
    ],
)
def test_wrong_questions(call, told):
    with pytest.raises(CgError, match=told):
        call()


@pytest.mark.parametrize("place", [6.02e23, -1e26])
def test_a_minimum_may_lie_far_away(place):
    found = minimised(f"(x - {place})^2 + y^2", {"x": 1, "y": 1})
    assert found.converged
    assert found.values["x"] == pytest.approx(place)


@pytest.mark.parametrize("formula", ["-x", "-x^3", "-log(x)", "-sqrt(x)", "y^2 - x*y", "1/x", "y^2 - log(x)"])
def test_what_falls_for_ever_is_no_minimum(formula):
    assert not minimised(formula, {"x": 1, "y": 1} if "y" in formula else {"x": 1}).converged


def test_json_has_the_keys_of_the_result(capsys, tmp_path):
    file = tmp_path / "best.json"
    assert main(["minimize", ROSENBROCK, "x=-1.2", "y=1", "--json", "-o", str(file), "--trace"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown == json.loads(file.read_text())
    assert shown["converged"] is True
    assert {"values", "value", "gradient", "hessian_eigenvalues", "evaluations", "message", "steps"} <= set(shown)


@pytest.mark.parametrize("strictly", [[], ["--strict"]])
def test_what_has_not_converged_is_told_by_the_exit_code(capsys, tmp_path, strictly):
    file = tmp_path / "best.json"
    assert main(["minimize", "exp(-x)", "x=0", "--json", "-o", str(file), *strictly]) == 1
    assert not file.exists()
    shown = capsys.readouterr()
    if strictly:
        assert not shown.out
        assert "no minimum was reached" in shown.err
    else:
        assert json.loads(shown.out)["converged"] is False
        assert "no file is written" in shown.err
