"""Roots: found to the last digit, and nothing called a root that is none."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

import cgcli as cg
from cgcli.__main__ import main
from cgcli.errors import CalculationError, CgError, Source
from cgcli.minimizing.equations import read_equations


def solved(capsys, *words):
    code = main(["solve", *words, "--json"])
    found = json.loads(capsys.readouterr().out)
    assert code == (0 if found["converged"] else 1)
    return found


def test_one_equation(capsys):
    found = solved(capsys, "x = cos(x)", "x=1")
    assert found["values"]["x"] == pytest.approx(0.7390851332151607, rel=1e-15)
    assert found["converged"] is True
    assert found["residual"] < 1e-15
    assert found["evaluations"] < 10


@pytest.mark.parametrize(
    ("words", "roots"),
    [
        (
            ("x^2 + y^2 = 4; x*y = 1", "x=2", "y=0"),
            {"x": 1.9318516525781366, "y": 0.5176380902050415},
        ),
        (("x == cos(x)", "x=1"), {"x": 0.7390851332151607}),
        (("x^2 - 2", "x=1"), {"x": math.sqrt(2)}),
        (("tan(x) = x", "x=4:4.7"), {"x": 4.493409457909064}),
        (("h = x^2; h + x = 3", "x=1"), {"x": (math.sqrt(13) - 1) / 2}),
        (("f(t) = t^2 - t; f(x) = 2", "x=1"), {"x": 2}),
        (("sin(x) = 0.5", "x=0"), {"x": math.pi / 6}),
        (("M = E - e*sin(E)", "E=1", "--fix", "M=1", "--fix", "e=0.3"), {"E": 1.2880913132118377}),
        (("x^2 = 2", "x=0"), {"x": math.sqrt(2)}),
        (("[x[0]^2 + x[1], x[0] - x[1]] = [2, 0]", "x=[1, 3]"), {"x": [1, 1]}),
        (("A @ x = b", "A=[[2, 1], [1, 3]]", "x=[0, 0]", "b=[1, 2]", "--wrt", "x"), {"x": [0.2, 0.6]}),
        (("1e-30*x = 1e-20", "x=1"), {"x": 1e10}),
        (("x^20 = 1", "x=10"), {"x": 1}),
        (("atan(x) = 0", "x=3"), {"x": 0}),
        (("1e4*x*y = 1\nexp(-x) + exp(-y) = 1.0001", "x=0", "y=1"), {"x": 1.0981593296997e-5, "y": 9.106146739867}),
        (("x^3 - x = 0.1", "x=0:2"), {"x": 1.0466805318046022}),
        (("sqrt(x) = 2", "x=0:9"), {"x": 4}),
        (("x == 3 and y == x", "x=0", "y=0"), {"x": 3, "y": 3}),
    ],
)
def test_roots(capsys, words, roots):
    found = solved(capsys, *words)
    assert found["converged"], found["message"]
    for name, root in roots.items():
        assert np.allclose(found["values"][name], root, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    ("words", "kind", "least"),
    [
        (("x^2 + 1 = 0", "x=1"), "apart", 1),
        (("x^2 = -1", "x=-1:2"), "no change of sign", 1),
        (("x + y = 1; x + y = 2", "x=1", "y=1"), "apart", 0.5),
        (("abs(x) + 1 = 0", "x=3"), "apart", 1),
        (("floor(x) = 0.5", "x=0:3"), "jump", 0.5),
        (("1/x", "x=-1:1"), "jump", None),
        (("exp(x) = 0", "x=0"), "endless", None),
    ],
)
def test_no_root_is_told_with_the_least_residual(capsys, words, kind, least):
    found = solved(capsys, *words)
    assert not found["converged"]
    assert found["kind"] == kind
    assert found["message"].startswith("no root")
    if least is not None:
        assert found["residual"] == pytest.approx(least, rel=1e-6)


def test_a_multiple_root_is_told(capsys):
    for text, start in (("x^2 - 2*x + 1 = 0", "x=3"), ("(x - 1)^3 = 0", "x=3"), ("x^2 = 0", "x=1")):
        found = solved(capsys, text, start)
        assert found["converged"]
        assert "singular" in found["message"]
        assert found["uncertainty"] > 1e-9
    assert "singular" in solved(capsys, "x + y = 1; 2*x + 2*y = 2", "x=3", "y=1")["message"]
    assert "singular" not in solved(capsys, "x^2 = 2", "x=1")["message"]


def test_in_python():
    found = cg.parse("x == cos(x)").solve({"x": 1})
    assert found.converged
    assert found.values["x"] == pytest.approx(0.7390851332151607)
    assert found.residual < 1e-15
    pair = cg.parse("a = x^2 + y^2 - 4; b = x*y - 1; output a, b").solve({"x": 2, "y": 0})
    assert pair.converged
    assert pair.residuals == pytest.approx({"a": 0, "b": 0}, abs=1e-14)


def test_starts_are_tried_until_there_is_a_root():
    text = "atan(10*(x - 3)) + 0.2*sin(20*x)"
    found = cg.parse(text).solve({"x": 1}, bounds={"x": (-5, 5)}, starts=5)
    assert found.converged


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("x + y = 3", "x=1", "y=1"), "2 unknowns need as many equations"),
        (("x = cos(y)", "x=1"), "no value for the input `y`"),
        (("sin(x) = 0.5 = y", "x=1"), "an equation has two sides"),
        (("x = ", "x=1"), "a side of this equation is missing"),
        (("x = cos(x", "x=1"), "this `(` is never closed"),
        (("x = cos(x))", "x=1"), "this `)` closes nothing"),
        (("x = zzz(x)", "x=1"), "unknown function `zzz`"),
        (("log(x) = 1", "x=-1"), "nan comes from `log` of -1"),
        (("x = 1", "x=1", "--fix", "x"), "nothing varies"),
        (("x^2 = 2", "x=3:1"), "no range"),
    ],
)
def test_wrong_questions(capsys, words, told):
    assert main(["solve", *words]) in (1, 2)
    shown = capsys.readouterr().err
    assert told in shown
    assert "equation_1" not in shown


@pytest.mark.parametrize("strictly", [[], ["--strict"], ["--json"]])
def test_no_root_is_told_by_the_exit_code(tmp_path, strictly):
    file = tmp_path / "root.json"
    assert main(["solve", "x^2 + 1 = 0", "x=1", "-o", str(file), *strictly]) == 1
    assert not file.exists()


@pytest.mark.parametrize(
    ("text", "low", "high"), [("tan(x) == 0", 1, 2), ("1/x == 0", -1, 2), ("1/(x - pi) == 1", 2, 4)]
)
def test_a_pole_is_no_root(text, low, high):
    found = cg.parse(text).solve(bounds={"x": (low, high)})
    assert not found.converged
    assert "a jump or a pole" in found.message


def test_a_steep_crossing_is_a_root():
    assert cg.parse("1e30*(x - pi)^3 == -exp(x)").solve(bounds={"x": (2, 4)}).converged
    assert cg.parse("tan(x) == 1e9").solve(bounds={"x": (1, 1.5707963267)}).converged


@pytest.mark.parametrize("text", ["x < 1", "x == 1 and y >= 2", "x != 3"])
def test_another_comparison_is_no_equation(text):
    with pytest.raises(CgError, match="no equation"):
        cg.parse(text).solve({"x": 1, "y": 1} if "y" in text else {"x": 1})


def test_what_defines_a_name_and_what_is_an_equation():
    def names(text, *known):
        return len(read_equations(Source(text), known).names)

    assert names("x = cos(x)", "x") == 1
    assert names("h = x^2; h + x = 3", "x") == 1
    assert names("h = x^2; h + x = 3", "x", "h") == 2
    assert names("f(t) = t; f(x) = 1", "x") == 1
    assert names("sin(t) = t", "t") == 1
    assert names("k = 3; k = x", "x") == 1
    assert names("input x; x^2 = 2", "x") == 1
    assert names("a = x; b = x^2; output a, b", "x") == 0
    assert names("a = [1,\n 2]; a[0]*x = a[1]", "x") == 1


def test_a_start_outside_of_the_domain_in_python():
    with pytest.raises(CalculationError, match="nan comes from `log` of -1"):
        cg.parse("log(x) == 1").solve({"x": -1})


@pytest.mark.parametrize(
    ("text", "root"), [("x*exp(x) - 1e20", 42.30675509173839), ("x^2 - 1e100", 1e50), ("x^3 - 8e60", 2e20)]
)
def test_a_root_that_the_start_does_not_see_for_rounding(text, root):
    """Near the start the residual does not change by as much as its last digit."""
    found = cg.parse(text).solve({"x": 1})
    assert found.converged
    assert found.values["x"] == pytest.approx(root, rel=1e-12)


def test_of_what_is_hidden_by_rounding_nothing_is_claimed():
    found = cg.parse("x^2 - 1e200").solve({"x": 1})
    assert not found.converged
    assert "no direction lowers" not in found.message
