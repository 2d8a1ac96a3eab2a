"""Conventions are told of: when they are asked for, and by themselves where a result could mislead."""

from __future__ import annotations

import json
import warnings

import pytest

import cgcli as cg
from cgcli.cli.start import start
from cgcli.formulas.kinks import kinks_at

TOLD_BY_SECOND = [
    ("abs(x)", {"x": 0}, ["abs(x) at 0"]),
    ("relu(x)*y", {"x": 0, "y": 2}, ["relu(x) at 0"]),
    ("max(x, y)", {"x": 1, "y": 1}, ["max(x, y) at 1, 1"]),
    ("norm(v)^2", {"v": [0, 0]}, ["norm(v) at [0, 0]"]),
    ("sum(abs(v))", {"v": [1, 0]}, ["abs(v) at [1, 0]"]),
    ("abs(x)", {"x": 1}, []),
    ("exp(x)", {"x": 0}, []),
]
TOLD_BY_FIRST = [
    ("where(x == 0, 0, x)", {"x": 0}, True),
    ("1 if x == 1 else x^2", {"x": 1}, True),
    ("where(x != 0, sin(x)/x, 1)", {"x": 0}, True),
    ("where(x == 0 and y > 1, 0, x)", {"x": 0, "y": 2}, True),
    ("where(x == 0, 0, x)", {"x": 1}, False),
    ("abs(x)", {"x": 0}, False),
    ("where(k == 1, x, x^2)", {"k": 1, "x": 3}, True),
]


def told(ask):
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        ask()
    return [each.message for each in found if isinstance(each.message, cg.KinkWarning)]


@pytest.mark.parametrize(("text", "point", "texts"), TOLD_BY_SECOND, ids=[str(case[:2]) for case in TOLD_BY_SECOND])
def test_second_derivatives_at_a_kink_say_so(text, point, texts):
    formula = cg.parse(text)
    by_hessian = told(lambda: formula.hessian(point))
    assert [each.message.rpartition(": ")[2] for each in by_hessian] == texts
    by_products = told(lambda: formula.hvp(point, directions=point))
    assert len(by_products) == len(texts)
    assert not told(lambda: formula.grad(point))
    bound = formula.bind(point)
    assert [hit.text for hit in kinks_at(bound)] == texts


@pytest.mark.parametrize(("text", "point", "expected"), TOLD_BY_FIRST, ids=[str(case[:2]) for case in TOLD_BY_FIRST])
def test_a_branch_for_a_single_point_says_so(text, point, expected):
    formula = cg.parse(text)
    assert bool(told(lambda: formula.grad(point))) == expected
    assert bool(told(lambda: formula.jacobian(point))) == expected
    assert bool(told(lambda: cg.parse(f"diff({text}, x)").eval(point))) == expected
    assert not told(lambda: formula.eval(point))


def test_a_condition_that_no_variable_reaches_is_no_news():
    formula = cg.parse("where(k == 1, x, x^2)")
    assert not told(lambda: formula.grad(k=1, x=3, wrt=["x"]))
    assert told(lambda: formula.grad(k=1, x=3, wrt=["k"]))


def test_derivatives_within_a_formula_say_so():
    assert told(lambda: cg.parse("diff(abs(x), x, 2)").eval(x=0))
    assert told(lambda: cg.parse("x*diff(abs(x)*x, x, 2)").eval(x=0))
    assert not told(lambda: cg.parse("diff(abs(x), x)").eval(x=0))
    assert not told(lambda: cg.parse("diff(abs(x), x, 2)").eval(x=1))


def test_the_command_lists_them(capsys):
    assert start(["grad", "relu(x) + abs(y)", "x=0", "y=0", "--kinks"]) == 0
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "kink relu(x) at 0: derivative 0 at 0", "kink abs(y) at 0: derivative 0 at 0",
    ]  # fmt: skip
    assert start(["grad", "relu(x) + abs(y)", "x=0", "y=1", "--kinks", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["kinks"] == [
        {"operation": "relu", "text": "relu(x) at 0", "convention": "derivative 0 at 0"}
    ]


def test_the_command_warns(capsys):
    assert start(["grad", "abs(x)", "x=0", "--hessian"]) == 0
    assert "warning: a second derivative at a kink" in capsys.readouterr().err
    assert start(["grad", "abs(x)", "x=0"]) == 0
    assert not capsys.readouterr().err
    assert start(["grad", "where(x == 0, 0, x)", "x=0"]) == 0
    assert "warning: the derivative is that of a branch for a single point: x == 0" in capsys.readouterr().err
    assert start(["eval", "diff(abs(x), x, 2)", "x=0"]) == 0
    assert "warning: a second derivative at a kink" in capsys.readouterr().err
