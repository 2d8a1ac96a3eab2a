"""Formulas a hundred thousand operations deep, at Python's default recursion limit: nothing calls itself on depth."""

from __future__ import annotations

import math
import pickle
import sys

import pytest

import cgcli as cg
from cgcli.engines.python import PythonEngine
from cgcli.graph.edit import EditableGraph
from cgcli.graph.lint import lint

N = 100_000
X = 0.5


A_TENTH = N // 10


def sine_chain():
    value, slope = X, 1.0
    for _ in range(N):
        slope *= math.cos(value)
        value = math.sin(value)
    return value, slope


def damped():
    value, slope = X, 1.0
    for _ in range(N):
        value, slope = value * 0.5 + X, slope * 0.5 + 1.0
    return value, slope


FORMULAS = {
    "a sum of terms": ("+".join(["x"] * N), (N * X, float(N))),
    "nested brackets": ("(" * N + "x" + ")" * N, (X, 1.0)),
    "minus signs": ("-" * N + "x", (X, 1.0)),
    "a fold": (f"step(s, k) = s*0.5 + x; fold(step, x, range({N}))", damped()),
    "a chain of sines": ("sin(" * N + "x" + ")" * N, sine_chain()),
    "a tower of powers": ("^".join(["x"] * A_TENTH), None),
    "conditionals": ("".join(f"{k} if x > {k} else " for k in range(A_TENTH, 0, -1)) + "x", (X, 1.0)),
    "calls of calls": ("f(t) = t*1.5 - t*0.5; " + "f(" * A_TENTH + "x" + ")" * A_TENTH, None),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_every_step_of_a_deep_formula(name):
    assert sys.getrecursionlimit() == 1000
    text, expected = FORMULAS[name]
    formula = cg.parse(text)
    value, slope = formula.eval(x=X), formula.grad(x=X)["x"]
    if expected is not None:
        assert (value, slope) == pytest.approx(expected, rel=1e-9)
    assert math.isfinite(value)
    assert math.isfinite(slope)
    graph = formula.graph
    lint(graph)
    assert "x" in str(formula)
    assert "x" in formula.latex()
    twin = pickle.loads(pickle.dumps(graph))
    assert (twin.op.tolist(), twin.operands.tolist()) == (graph.op.tolist(), graph.operands.tolist())
    assert pickle.loads(pickle.dumps(formula)).source.text == text


@pytest.mark.parametrize(
    "text",
    [
        "+".join(["x"] * A_TENTH),
        "-" * A_TENTH + "x",
        f"step(s, k) = s*0.5 + x; fold(step, x, range({A_TENTH}))",
        "sin(" * A_TENTH + "x" + ")" * A_TENTH,
        "^".join(["x"] * A_TENTH),
    ],
    ids=lambda text: text[:12],
)
def test_a_deep_formula_is_printed_as_a_text_of_the_same_value(text):
    formula = cg.parse(text)
    assert cg.parse(str(formula)).eval(x=X) == pytest.approx(formula.eval(x=X), rel=1e-12)


def test_a_deep_graph_is_rewired():
    formula = cg.parse("sin(" * N + "x" + ")" * N)
    work = EditableGraph(formula.graph)
    first = 1
    y = work.input("y")
    work.redirect(first, 0, y, "another input")
    moved = work.rebuild([len(work) - 2])
    assert work.inputs().keys() == {"y"}
    lint(work)
    last = moved[len(moved) - 2]
    assert PythonEngine().evaluate(work, {"y": X}, [last])[last] == pytest.approx(sine_chain()[0])
    with pytest.raises(cg.CgError, match="cycle"):
        work.redirect(first, 0, last, "the end feeds the beginning")
