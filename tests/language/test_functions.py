"""Functions with several statements and results: what they mean, against the same formula written out in one line."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cgcli as cg
from cgcli.errors import FormulaError, ShapeError
from tests.language.texts import blocks

CELL = """
def cell(x, h, c):
    i = sigmoid(a*x + h)
    f = sigmoid(x - b*h)    # the gate that forgets

    c = f*c + i*tanh(x)
    return i*tanh(c), c
"""
ONE_LINE = "def cell(x, h, c): i = sigmoid(a*x + h); f = sigmoid(x - b*h); c = f*c + i*tanh(x); return i*tanh(c), c"
HELPERS = """
i(x, h) = sigmoid(a*x + h)
f(x, h) = sigmoid(x - b*h)
new(x, h, c) = f(x, h)*c + i(x, h)*tanh(x)
cell(x, h, c) = [i(x, h)*tanh(new(x, h, c)), new(x, h, c)]
"""
WAYS = [
    "\nh, c = cell(0.5, 0.1, 0.2)\nu, v = cell(0.7, h, c)\nu + 3*v",
    "\ndef step(h, c, x): return cell(x, h, c)\nu, v = fold(step, (0, 0), [0.5, 0.7, x])\nu + 3*v",
    "\ndef step(s, x): h, c = s; return cell(x, h, c)\nu, v = fold(step, (0, 0), [0.5, 0.7, x])\nu + 3*v",
    "\nstep(s, x) = cell(x, s[0], s[1])\nu, v = fold(step, [0, 0], [0.5, 0.7, x])\nu + 3*v",
    "\nsum([cell(t, t, 1)[1] for t in [0.1, 0.2]])",
]
VALUES = {"a": 0.3, "b": -0.4, "x": 0.9}


def given_to(formula: cg.Formula) -> dict[str, float]:
    return {name: VALUES[name] for name in formula.inputs}


@pytest.mark.parametrize("function", [CELL, ONE_LINE + ";", CELL.replace("\n", "\n\t"), CELL.replace("\n", "\r\n")])
@pytest.mark.parametrize("way", WAYS)
def test_a_block_is_what_helpers_were(function: str, way: str) -> None:
    indented = way.replace("\n", "\n\t") if "\n\t" in function else way
    block, helpers = cg.parse(function + indented), cg.parse(HELPERS + way)
    assert set(block.inputs) == set(helpers.inputs)
    assert block.eval(given_to(block)) == helpers.eval(given_to(block))
    gradients = block.grad(given_to(block)), helpers.grad(given_to(block))
    for name in block.inputs:
        assert np.allclose(gradients[0][name], gradients[1][name], rtol=1e-15)


MEANINGS: list[tuple[str, Any]] = [
    ("def f(x): y = x^2; return y + 1; f(3)*2", 20),
    ("def f(): return 7\nf()", 7),
    ("def f(x,): return x\nf(2)", 2),
    ("def f(x): return x, 2*x\nf(3)", [3, 6]),
    ("def f(x): return (x, 2*x,)\na, b = f(3); output b", 6),
    ("f(x) = (x, 2*x)\na, b = f(3)\nb - a", 3),
    ("def f(x): x = x + 1; x = x*x; return x\nx = 10; f(2) + x", 19),
    ("k = 5\ndef f(x): y = k*x; return y\ny = 1; f(2) + y", 11),
    ("def f(x): k = 3; return k*x\nk = 5; f(2) + k", 11),
    ("def f(x): y, x = x, 1; return y - x\nf(5)", 4),
    ("def f(v): a, b, c = v; return a + 10*b + 100*c\nf([1, 2, 3])", 321),
    ("def f(x): r = [i*x for i in range(3)]; return sum(r)\nf(2)", 6),
    ("def f(x): y = x; return sum(y*i for i in range(3))\nf(2)", 6),
    ("def f(x): y = g(x); return y\ndef g(x): y = x + 1; return 2*y\nf(1)", 4),
    ("_, b, _ = [1, 2, 3]; _, c, _ = [4, 5, 6]; b + c", 7),
    ("a, b = b0, 2; a*b", None),
    ("s = (1, (2, 3)); a, t = s; b, c = t; a + 10*b + 100*c", 321),
    ("def f(s, i): a, b = s; return b, a + b\nfold(f, (0, 1), range(10))[0]", 55),
    ("def f(a, b, i): return b, a + b\nfold(f, [0, 1], range(0))", [0, 1]),
    ("def f(m, v, i): return m + i, v*m\na, b = fold(f, ([1, 2], 3), range(2)); a + b[0]", [5, 6]),
    ("def f(x): y = 3; return diff(x*y, y)\nf(5)", 5),
    ("def f(a, b): return a if a < b else b, max(a, b)\nlow, high = f(3, 2); high - low", 1),
    ("def = 2; return = 3; term = 4; def*return*term", 24),
    ("term(x) = x + 1; return(x) = 2*x; def(x) = x^2; def(return(term(2)))", 36),
    ("def f(x): term, def = x, 2*x; return def - term\nf(3)", 3),
]


@pytest.mark.parametrize(("text", "right"), MEANINGS, ids=[text for text, _ in MEANINGS])
def test_what_a_text_means(text: str, right: Any) -> None:
    formula = cg.parse(text)
    value = formula.eval(dict.fromkeys(formula.inputs, 1.5))
    assert np.array_equal(value, 3 if right is None else right)


def test_names_that_take_a_value_apart_are_outputs_like_others() -> None:
    formula = cg.parse("def f(x): return x, x^2\na, _, b = (f(x)[0], 7, f(x)[1])")
    assert formula.outputs == ["a", "b"]
    assert formula.eval(x=3) == {"a": 3, "b": 9}
    assert formula.eval(x=3, a=5) == {"a": 5, "b": 9}
    assert formula.grad(x=3, wrt="x")["b"]["x"] == 6


def test_results_of_unlike_shapes_are_taken_apart() -> None:
    formula = cg.parse("def f(v): m = mean(v); return m, v - m\nm, rest = f(v)\nm + sum(rest^2)")
    assert formula.eval(v=[1.0, 2, 6]) == 3 + 4 + 1 + 9
    with pytest.raises(ShapeError):
        cg.parse("def f(v): return sum(v), v\nf(v)").eval(v=[1.0, 2])


@pytest.mark.parametrize(
    "use", ["2*f(3)", "f(3) + [1, 2]", "sin(f(3))", "[f(3), f(4)] + 1", "-f(1)", "f(1) @ f(2)", "x = f(1); x^2"]
)
def test_nobody_computes_with_several_values_at_once(use: str) -> None:
    with pytest.raises(FormulaError, match="side by side"):
        cg.parse(f"def f(x): return x, 2*x\n{use}").eval({})


def test_a_function_cannot_call_itself_through_its_statements() -> None:
    with pytest.raises(FormulaError, match="calls itself"):
        cg.parse("def f(x): y = g(x); return y\ndef g(x): y = f(x); return y\nf(1)").eval({})


def test_many_statements_and_calls_are_no_matter_of_depth() -> None:
    lines = "\n".join(f"  y{n + 1} = y{n} + x" for n in range(20_000))
    assert cg.parse(f"def f(x):\n  y0 = x\n{lines}\n  return y20000\nf(1)").eval({}) == 20_001
    chain = "\n".join(f"def f{n + 1}(x): y = f{n}(x); return y + 1" for n in range(1_500))
    assert cg.parse(f"def f0(x): return x\n{chain}\nf1500(1)").eval({}) == 1_501


@settings(max_examples=60, deadline=None)
@given(blocks, st.sampled_from(("", "\n", "# note\n", ";")))
def test_generated_blocks_have_a_value(text: str, ending: str) -> None:
    formula = cg.parse(text + ending)
    formula.eval(dict.fromkeys(formula.inputs, 0.75))
