"""Cures keep the text of the formula: names, functions, loops; and they are right where the formula means a number."""

from __future__ import annotations

import numpy as np
import pytest

import cgcli as cg
from tests.kept.keeping import everything_kept

CASES = [
    # formula, point, kind, pass, the part that is named, a cure
    ("gap = a - b; r = log(gap); r*2", {"a": 1.0, "b": 2.0}, "nan", "forward", "log(gap)",
     "gap = a - b; r = where(gap > 0, log(gap), 0); r*2"),
    ("f(t, k) = sqrt(t - k); fold(f, x, [1, 2, 3])", {"x": 5.0}, "nan", "forward", "sqrt(t - k)",
     "f(t, k) = where(t - k > 0, sqrt(t - k), 0); fold(f, x, [1, 2, 3])"),
    ("sum([log(k - x) for k in [1, 2, 3]])", {"x": 2.5}, "nan", "forward", "log(k - x)",
     "sum([where(k - x > 0, log(k - x), 0) for k in [1, 2, 3]])"),
    ("diff(sqrt(x), x)", {"x": 0.0}, "infinite", "backward", "sqrt(x)", "diff(where(x > 0, sqrt(x), 0), x)"),
    ("-(y*log(1/(1 + exp(-z))) + (1 - y)*log(1 - 1/(1 + exp(-z))))", {"y": 1.0, "z": 40.0}, "nan", "forward",
     "log(1 - 1/(1 + exp(-z)))", "-(y * log_sigmoid(z) + (1 - y) * log_sigmoid(-z))"),
    ("m*c^2/sqrt(1 - v^2/c^2)", {"m": 1.0, "c": 1.0, "v": 2.0}, "nan", "forward", "sqrt(1 - v^2/c^2)",
     "where(1 - v^2 / c^2 > 0, m*c^2/sqrt(1 - v^2/c^2), 0)"),
    ("where(x > 2, y, 3)", {"x": 1.0, "y": 4.0}, "zero", "backward", "where(x > 2, y, 3)",
     "3 + (y - 3) * sigmoid(x - 2)"),
    ("log(prod(p))", {"p": [1e-120, 1e-150, 1e-130]}, "infinite", "forward", "log(prod(p))", "sum(log(abs(p)))"),
    ("sigmoid(z)", {"z": 800.0}, "zero", "backward", "sigmoid(z)", "sigmoid(z / 1000)"),
    ("max(x, y)", {"x": 1.0, "y": 1.0}, "convention", "backward", "max(x, y)",
     "(x + y + sqrt((x - y)^2 + 1e-12)) / 2"),
    ("max(x, 0)", {"x": 0.0}, "convention", "backward", "max(x, 0)", "(x + sqrt(x^2 + 1e-12)) / 2"),
    ("x if x > 0 else 0", {"x": -2.0}, "zero", "backward", "x if x > 0 else 0", "x * sigmoid(x)"),
    ("1/(1 + exp(x))", {"x": 800.0}, "nan", "backward", "exp(x)", "sigmoid(-x)"),
    ("exp(a)/(exp(a) + exp(b) + exp(c))", {"a": 800.0, "b": 1.0, "c": 2.0}, "nan", "forward", "exp(a)",
     "1 / (1 + exp(b - a) + exp(c - a))"),
    ("1 - cos(x)", {"x": 1e-9}, "zero", "forward", "1 - cos(x)", "2 * sin(0.5 * x)^2"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "at", "kind", "pass_", "part", "cure"), CASES, ids=[row[0] for row in CASES])
def test_a_cure_is_written_into_the_text(text, at, kind, pass_, part, cure):
    found = next(each for each in cg.parse(text).why(at).findings if (each.kind, each.pass_) == (kind, pass_))
    assert found.text == part
    assert cure in [each.formula for each in found.cures]
    chosen = next(each for each in found.cures if each.formula == cure)
    value, slopes = cg.parse(cure).eval(at), cg.parse(cure).grad(at)
    assert np.isfinite(value).all()
    assert value == pytest.approx(chosen.value)
    assert all(np.isfinite(slope).all() for slope in slopes.values())


def test_a_cure_is_written_into_the_function_of_a_kept_loop():
    with everything_kept():
        (found,) = cg.parse("f(t, k) = sqrt(t - 0.1*k); fold(f, x, range(30))").why(x=5.0).findings
    assert (found.kind, found.text, found.operation) == ("nan", "sqrt(t - 0.1*k)", "sqrt")
    assert "in step 7 of `f`" in found.why
    cure = "f(t, k) = where(t - 0.1 * k > 0, sqrt(t - 0.1 * k), 0); fold(f, x, range(30))"
    chosen = next(each for each in found.cures if each.formula == cure)
    assert chosen.value == pytest.approx(cg.parse(cure).eval(x=5.0))


@pytest.mark.parametrize(("text", "at"), [
    ("sum([log(k - x) for k in [1, 2, 3, 4]])", {"x": 2.5}),  # the product of two negative numbers has a logarithm
    ("log(a) + log(b)", {"a": -1.0, "b": -2.0}),
    ("sqrt(a)*sqrt(b)", {"a": -4.0, "b": -9.0}),
])  # fmt: skip
def test_a_rule_does_not_make_a_value_of_none(text, at):
    for found in cg.parse(text).why(at).findings:
        assert all(each.how in ("branch", "clamp", "start elsewhere") for each in found.cures)


def test_a_cure_keeps_the_limit_on_the_side_where_there_is_one():
    (found,) = cg.parse("-p*log(p) - (1 - p)*log(1 - p)").why(p=0.0).findings
    assert found.cures
    assert all(each.value == pytest.approx(0.0, abs=1e-9) for each in found.cures if each.at is None)


def test_one_cause_is_told_once_for_all_variables():
    found = cg.parse("relu(w*x + b)").why(w=-1.0, x=2.0, b=0.0).findings
    assert [each.by for each in found if each.kind == "zero"] == [("w", "x", "b")]


def test_an_input_that_nothing_needs():
    (found,) = cg.parse("unused = x^2; 3*y").why(x=1.0, y=2.0).findings
    assert (found.operation, found.text, found.by) == ("input", "x", ("x",))
    assert "not connected" in found.why


def test_many_small_steps_are_told_together():
    found = cg.parse("f(h, k) = tanh(w*h); fold(f, 0.5, range(40))").why(w=0.2).findings
    vanishing = next(each for each in found if each.pass_ == "backward")
    assert vanishing.kind == "vanishing"
    assert "no step alone" in vanishing.why


def test_the_element_that_went_wrong():
    (found,) = cg.parse("sum(log(v))").why(v=[1.0, 0.0, 2.0]).findings
    assert "v[1] = 0" in found.why
