"""Simplification of deep, wide and shared formulas: nothing recurses, no text explodes, no number grows for ever."""

from __future__ import annotations

import math

import pytest

from cgcli import parse
from cgcli.engines.python import PythonEngine
from cgcli.graph.lint import lint
from cgcli.graph.store import Graph
from cgcli.ops import logic, powers, trigonometric
from cgcli.passes.derivative import derivative_of
from cgcli.passes.simplify import simplify

DEPTH = 20_000  # twenty times what Python would recurse to
STEPS = 1_100


def slope_of(graph, node):
    return derivative_of(graph, node, graph.input("x"))


@pytest.mark.parametrize("row", [powers.exp, trigonometric.sin], ids=lambda row: row.name)
def test_very_many_functions_inside_each_other(row):
    graph = Graph()
    node = graph.input("x")
    for _ in range(DEPTH):
        node = graph.apply(row, [node])
    simple, (value, slope) = simplify(graph, [node, slope_of(graph, node)])
    assert simple.row(value) is row
    assert len(simple) <= 4 * DEPTH
    assert slope < len(simple)


def test_a_sum_of_very_many_functions():
    graph = Graph()
    x = graph.ref(graph.input("x"))
    total = x
    for number in range(DEPTH):
        total = total + trigonometric.sin(x * graph.ref(graph.input(f"k{number}")))
    simple, (found,) = simplify(graph, [total.node])
    assert len(simple) == len(graph)
    assert found == len(simple) - 1


def test_sharing_is_not_written_out():
    graph = Graph()
    node = graph.ref(graph.input("x"))
    for _ in range(60):  # the text would have 2^60 functions
        node = trigonometric.sin(node) + trigonometric.cos(node)
    simple, (_, slope) = simplify(graph, [node.node, slope_of(graph, node.node)])
    lint(simple)
    assert len(simple) < 60 * 15
    assert slope < len(simple)


CHAINS = {
    "exp(-s)": lambda s, x: powers.exp(-s),
    "s^s": lambda s, x: s**s,
    "2^s": lambda s, x: 2.0**s,
    "x^s": lambda s, x: x**s,
    "s^x": lambda s, x: s**x,
    "x*exp(s)": lambda s, x: x * powers.exp(s),
    "exp(s) + exp(2*s)": lambda s, x: powers.exp(s) + powers.exp(2 * s),
    "sqrt(s*x)": lambda s, x: powers.sqrt(s * x),
    "1/(1 + s)": lambda s, x: 1 / (1 + s),
    "2.5*(s + 1)": lambda s, x: 2.5 * (s + 1),
    "s + s": lambda s, x: s + s,
    "s*s": lambda s, x: s * s,
    "sqrt(s)": lambda s, x: powers.sqrt(s),
    "s*s + x": lambda s, x: s * s + x,
    "sin(s)^2 + x*cos(s)^2": lambda s, x: trigonometric.sin(s) ** 2 + x * trigonometric.cos(s) ** 2,
    "x*where(s > x, sin(s), 0)": lambda s, x: x * logic.where(s > x, trigonometric.sin(s), 0.0),
    "where(s > x, s, 0) + where(s > x, x, s)": lambda s, x: logic.where(s > x, s, 0.0) + logic.where(s > x, x, s),
}


@pytest.mark.parametrize("step", CHAINS.values(), ids=CHAINS)
def test_no_step_recurses_on_the_step_before(step):
    graph = Graph()
    x = graph.ref(graph.input("x"))
    node = x
    for _ in range(STEPS):
        node = step(node, x)
    outputs = [node.node, slope_of(graph, node.node)]
    simple, found = simplify(graph, outputs)
    assert len(simple) <= 3 * len(graph)
    assert max(found) < len(simple)


def test_numbers_do_not_grow_beyond_what_a_double_holds():
    graph = Graph()
    node = graph.ref(graph.input("x"))
    for _ in range(1000):
        node = node + node
    simple, (found,) = simplify(graph, [node.node])
    assert all(map(math.isfinite, simple.constants))
    assert PythonEngine().evaluate(simple, {"x": 2.0**-500}, [found])[found] == pytest.approx(2.0**500, rel=1e-12)


def test_the_derivative_of_nested_exponentials_has_a_text():
    text = str(parse("exp(" * 200 + "x" + ")" * 200).derivative("x"))
    assert text.splitlines()[-1].startswith("exp(x + exp(x) + ")
