"""`cg check`: lost digits are counted right, the operation that loses them is named, better forms are better."""

from __future__ import annotations

import json
import random
import warnings
from contextlib import nullcontext
from math import log10

import mpmath
import pytest

import cgcli as cg
from cgcli.__main__ import main
from cgcli.explain.stable.rules import rules

LOSING = [
    ("sqrt(x+1) - sqrt(x)", {"x": 1e15}, "sub"),
    ("exp(x) - 1", {"x": 1e-10}, "sub"),
    ("log(N+1) - log(N)", {"N": 1e12}, "sub"),
    ("cbrt(x+1) - cbrt(x)", {"x": 1e14}, "sub"),
    ("(-b + sqrt(b^2 - 4*a*c))/(2*a)", {"a": 1.0, "b": 1e8, "c": 1.0}, "add"),
    ("1/x - 1/tan(x)", {"x": 1e-5}, "sub"),
    ("(1 - cos(x))/sin(x)", {"x": 1e-6}, "sub"),
    ("(x + y)^2 - x^2", {"x": 1e9, "y": 1e-3}, "sub"),
    ("sqrt((exp(2*x) - 1)/(exp(x) - 1))", {"x": 1e-9}, "sub"),
]


def lost_digits(formula, at):
    """Digits that doubles lose, by 60 digits of the precise engine."""
    value = formula.eval(dict(at))
    right = formula.eval(dict(at), digits=60)
    error = abs((mpmath.mpf(value) - right) / right) / mpmath.mpf(2) ** -53
    return min(16.0, max(0.0, log10(max(float(error), 1.0))))


@pytest.mark.parametrize(("text", "at", "operation"), LOSING, ids=[row[0] for row in LOSING])
def test_lost_digits_and_a_better_form(text, at, operation):
    formula = cg.parse(text)
    found = formula.check(at)
    result = found.outputs["result"]
    assert result.lost == pytest.approx(lost_digits(formula, at), abs=0.1)
    assert result.lost > 3
    assert found.losers[0].operation == operation
    assert found.losers[0].condition > 100
    for name, slope in found.derivatives["result"].items():
        assert slope.right == pytest.approx(float(formula.grad(dict(at), digits=40)[name]), rel=1e-15)
    (better,) = found.rewritings
    form = cg.parse(better.formula)
    assert set(form.inputs) <= set(formula.inputs)
    assert better.value == pytest.approx(form.eval({name: at[name] for name in form.inputs}), rel=1e-15)
    assert better.lost == pytest.approx(lost_digits(form, {name: at[name] for name in form.inputs}), abs=0.3)
    assert better.lost <= 0.1 * result.lost + 0.3


@pytest.mark.parametrize("text", ["x + y", "x*y", "exp(x)", "sqrt(x^2 + y^2)", "where(x > 1, x, y)"])
def test_nothing_is_told_where_nothing_is_lost(text):
    found = cg.parse(text).check({"x": 1.5, "y": 2.25} if "y" in text else {"x": 1.5})
    assert found.outputs["result"].lost < 0.5
    assert not found.losers
    assert not found.rewritings


def test_a_form_is_not_worse_at_points_of_ones_own():
    text = "(-b - sqrt(b^2 - 4*a*c))/(2*a)"
    formula = cg.parse(text)
    (better,) = formula.check(a=1.0, b=-1e8, c=1.0).rewritings
    form = cg.parse(better.formula)
    points = random.Random(7)
    for _ in range(60):
        at = {
            "a": points.uniform(0.1, 10),
            "b": points.choice((-1, 1)) * 10 ** points.uniform(1.5, 8),
            "c": points.uniform(0.1, 10),
        }
        assert lost_digits(form, at) <= max(lost_digits(formula, at), 0.5) + 0.35, at


def test_ranges():
    found = cg.parse("(1 - cos(x))/x^2").check(ranges={"x": (0, 1)})
    result = found.outputs["result"]
    assert result.lost > 15.9
    assert 3 < result.mean < 12
    assert 0 < result.at["x"] < 1e-7
    assert found.losers[0].operation == "sub"
    assert len(found.losers[0].strip) == 48
    assert found.rewritings[0].lost < 1


def test_many_variables_over_ranges():
    found = cg.parse("x*y - z").check(z=12.0, ranges={"x": (3.0, 3.001), "y": (4.0, 4.001)})
    assert set(found.outputs["result"].at) == {"x", "y"}
    assert found.derivatives["result"]["x"].lost == 0


POINTS = [(0.7, 2.3, 1.9, 0.4), (3.1, 0.2, 0.6, 5.0), (-0.4, 0.3, 2.5, 1.7), (0.3, -0.8, -1.1, 0.9),
          (12.0, 3.0, 0.1, 7.5), (-2.0, -0.6, 4.0, -3.3), (1e-3, 4e-4, 1e3, 2e-2), (0.25, 0.125, 2.0, 3.0)]  # fmt: skip
"""Values of the letters of a rule."""


def sides(rule):
    """Both sides of a rule as formulas; they have no value where its condition does not hold."""
    left, _, rest = rule.text.partition("=>")
    right, _, condition = rest.partition(" if ")
    return [cg.parse(f"where({condition}, {side}, nan)" if condition else side) for side in (left, right)]


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.text)
def test_every_rule_holds(rule):
    """At points in 25 digits, wherever both sides are defined; they are at two points at least."""
    left, right = sides(rule)
    assert set(right.inputs) <= set(left.inputs)
    assert rule.source
    agreed = 0
    for point in POINTS:
        at = dict(zip(left.inputs, point, strict=False))
        if "n" in at:
            at["n"] = 3.0
        values = [side.eval({name: at[name] for name in side.inputs}, digits=25) for side in (left, right)]
        if all(mpmath.isfinite(value) for value in values):
            assert mpmath.almosteq(*values, rel_eps=1e-23, abs_eps=1e-40), at
            agreed += 1
    assert agreed >= 2


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["exp(x) - 1", "x=1e-10"], 0, "expm1(x)"),
        (["exp(x) - 1", "expm1(x)", "--range", "x=-1:1"], 0, "second"),
        (["exp(x) - 1", "--range", "x=1"], 2, "is no range"),
        (["exp(x) - 1", "--range", "x=2:1"], 2, "is no range"),
        (["exp(x) - 1", "x=1", "--range", "x=0:1"], 2, "a value and a range"),
        (["exp(x) - y", "x=1"], 2, "no value for the input"),
        (["[x, x]", "x=1"], 1, "digits are counted of numbers"),
        (["exp(x) - 1", "expm1(x)", "x=1", "--improve"], 2, "exclude each other"),
    ],
)
def test_command_lines(words, code, told, capsys):
    assert main(["check", *words]) == code
    captured = capsys.readouterr()
    assert told in captured.out + captured.err
    assert "Traceback" not in captured.err


def test_rows_of_a_table(tmp_path, capsys):
    path = tmp_path / "points.csv"
    path.write_text("x\n1\n1e-9\n2\n")
    assert main(["check", "exp(x) - 1", "--data", str(path), "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["outputs"]["result"]["at"] == {"x": 1e-9}
    assert data["outputs"]["result"]["lost"] == pytest.approx(lost_digits(cg.parse("exp(x) - 1"), {"x": 1e-9}), abs=0.1)
    assert data["rewritings"][0]["formula"] == "expm1(x)"


def test_json(capsys):
    assert main(["check", "exp(x) - 1", "x=1e-10", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["outputs"]["result"]["lost"] == pytest.approx(8.87, abs=0.01)
    (rewriting,) = data["rewritings"]
    assert rewriting["formula"] == "expm1(x)"
    assert rewriting["value"] == 1.00000000005e-10
    assert rewriting["lost"] == 0


def test_a_series_that_ends_too_soon_is_not_offered():
    """Rounding does not show where a series is cut: what is compared is also the distance of the two forms."""
    formula = cg.parse("log(cosh(x))")
    for better in formula.check(x=1e-6).rewritings:
        form = cg.parse(better.formula)
        for x in (0.07, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4):
            assert lost_digits(form, {"x": x}) <= max(lost_digits(formula, {"x": x}), 0.5) + 0.35


@pytest.mark.parametrize("text", ["x*1e300*1e300*y", "x*1e-300*1e-300 - x*1e-300*1e-300*y", "(x*1e-200*1e-200)^3*y/7"])
def test_factors_beyond_the_range_of_doubles(text):
    with pytest.warns(cg.NotFiniteWarning) if "1e300" in text else nullcontext():
        found = cg.parse(text).check(x=10, y=0.5)
    assert found.outputs["result"].value in (0.0, float("inf"))


def test_warnings_are_told_like_all_others(capsys, monkeypatch):
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        assert main(["check", "exp(x)", "x=1000"]) == 0
    told = capsys.readouterr().err
    assert told.startswith("warning: inf comes from `exp` of 1000\n --> <formula>:1:1\n")
    assert ".py" not in told


def test_a_zero_below_zero_has_a_sign():
    with pytest.warns(cg.NotFiniteWarning):
        found = cg.parse("1/x").check(x=-0.0)
    assert found.outputs["result"].lost == 0
    assert found.outputs["result"].right == float("-inf")


def test_luck_at_the_point_is_no_better_form():
    """Without i*j rounding happens to give the right 1 there; nothing else has it."""
    at = dict.fromkeys("cdghij", 1.0) | dict.fromkeys(["a", "b", "m", "n"], 1e8)
    for better in cg.parse("a*b + c*d - m*n + g*h - i*j").check(at).rewritings:
        form = cg.parse(better.formula)
        assert set(form.inputs) == set("abcdmnghij")
        assert "where" not in better.formula


def test_lost_digits_of_a_better_form_are_those_of_the_formula():
    """A series is only near to what it stands for: its own value in many digits is another number."""
    formula, at = cg.parse("1/x - 1/tan(x)"), {"x": 0.05}
    (better,) = formula.check(at).rewritings
    right = formula.eval(dict(at), digits=40)
    error = abs((mpmath.mpf(better.value) - right) / right) / mpmath.mpf(2) ** -53
    assert better.lost == pytest.approx(max(0.0, log10(max(float(error), 1.0))), abs=0.1)
