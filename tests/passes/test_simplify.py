"""Simplification: derivatives as a person writes them, with the value that they had."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cgcli import parse
from cgcli.emit.formula import expression
from cgcli.engines.numpy import NumpyEngine
from cgcli.engines.python import PythonEngine
from cgcli.graph.lint import lint
from cgcli.graph.store import Graph
from cgcli.ops import arithmetic, logic, powers, trigonometric
from cgcli.passes.derivative import derivative_of
from cgcli.passes.differentiate import differentiate
from cgcli.passes.simplify import simplify
from cgcli.passes.simplify.rules import EXACT, REAL, RULES
from cgcli.passes.simplify.tables import COMPARISONS, INVERSES, SQUARES

DERIVATIVES = {
    # polynomials and quotients
    "7": "0",
    "x": "1",
    "x^3 - 2*x": "3 * x^2 - 2",
    "3*x^2 - 5*x + 7": "6 * x - 5",
    "x^3/3": "x^2",
    "(2*x + 1)^5": "10 * (2 * x + 1)^4",
    "(1 - x)^2": "-2 * (1 - x)",
    "(x*y)^2": "2 * x * y^2",
    "x^2*y + x*y^2": "2 * x * y + y^2",
    "1/x": "-1 / x^2",
    "x^-2": "-2 / x^3",
    "1/(1 + x^2)": "-2 * x / (x^2 + 1)^2",
    "(x + 1)/(x - 1)": "1 / (x - 1) - (x + 1) / (x - 1)^2",
    "(x^2 + 1)/(x^3 - x)": "(x^2 + 1) * (1 - 3 * x^2) / (x^3 - x)^2 + 2 * x / (x^3 - x)",
    "a*x^2 + b*x + c": "2 * a * x + b",
    # decimals and fractions
    "0.1*x^3": "0.3 * x^2",
    "0.5*x^2": "x",
    "0.25*x": "0.25",
    "2*x/3": "2 / 3",
    # roots and powers
    "sqrt(x)": "1 / (2 * sqrt(x))",
    "sqrt(1 + x^2)": "x / sqrt(x^2 + 1)",
    "x^0.5*x^0.5": "1",
    "x^(1/3)": "1 / (3 * x^(2 / 3))",
    "cbrt(x)": "1 / (3 * cbrt(x)^2)",
    "x*sqrt(x)": "3 * sqrt(x) / 2",
    "2^x": "log(2) * 2^x",
    "e^x": "e^x",
    "x^x": "x^x * log(x) + where(x == 0, 0, x^x)",
    "x^y": "where(x == 0 and y == 0, 0, y * x^(y - 1))",
    # products and chains of functions
    "x^2*sin(x)": "2 * x * sin(x) + x^2 * cos(x)",
    "sin(x)^2": "2 * sin(x) * cos(x)",
    "sin(x)*cos(x)": "cos(x)^2 - sin(x)^2",
    "sin(x)^2 + cos(x)^2": "0",
    "sin(x)/x": "cos(x) / x - sin(x) / x^2",
    "x*exp(x)": "(x + 1) * exp(x)",
    "x*log(x)": "1 + log(x)",
    "log(x)": "1 / x",
    "log(log(x))": "1 / (x * log(x))",
    "log(cos(x))": "-sin(x) / cos(x)",
    "log(exp(x))": "1",
    "exp(log(x))": "1",
    "exp(x)*exp(-x)": "0",
    "exp(-x^2)": "-2 * x * exp(-x^2)",
    "exp(sin(x^2))": "2 * x * exp(sin(x^2)) * cos(x^2)",
    "sin(x^3 - 2*x)": "(3 * x^2 - 2) * cos(x^3 - 2 * x)",
    "sin(cos(tan(x)))": "-cos(cos(tan(x))) * sin(tan(x)) * (1 + tan(x)^2)",
    "a*exp(-b*x)*cos(w*x)": "-a * b * exp(-b * x) * cos(w * x) - a * w * exp(-b * x) * sin(w * x)",
    # single functions
    "tan(x)": "1 + tan(x)^2",
    "atan(x)": "1 / (x^2 + 1)",
    "asin(x)": "1 / sqrt(one_minus_square(x))",
    "sin(-x) + cos(-x)": "-sin(x) - cos(x)",
    "tan(atan(x))": "1",
    "sinh(x)*cosh(x)": "sinh(x)^2 + cosh(x)^2",
    "tanh(x)": "sech(x)^2",
    "sigmoid(x)": "sigmoid(x) * sigmoid(-x)",
    "1/(1 + exp(-x))": "exp(-x) / (1 + exp(-x))^2",
    "softplus(x)": "sigmoid(x)",
    "erf(x)": "2 * exp(-x^2) / sqrt(pi)",
    "log10(x)": "1 / (log(10) * x)",
    "abs(x)": "sign(x)",
    # selections: conditions stay
    "relu(x)": "where(x > 0, 1, 0)",
    "where(x > 0, sqrt(x), 0)": "where(x > 0, 1 / (2 * sqrt(x)), 0)",
    "where(x > 0, x^2, -x)": "where(x > 0, 2 * x, -1)",
    "hypot(x, y)": "hypot_slope(x, y)",
    "atan2(y, x)": "where(hypot(x, y) == 0, 0, -y / hypot(x, y)^2)",
    # from the sciences
    "exp(-(x - m)^2/(2*s^2))/(s*sqrt(2*pi))": "(m - x) * exp(-(x - m)^2 / (2 * s^2)) / (sqrt(2 * pi) * s^3)",
    "r*x*(1 - x/k)": "r * (1 - x / k) - r * x / k",
    "0.5*m*x^2": "m * x",
    "G*m/x^2": "-2 * G * m / x^3",
}
"""Formula -> its derivative with respect to x."""

SECOND_DERIVATIVES = {
    "x^3 - 2*x": "6 * x",
    "log(x)": "-1 / x^2",
    "1/x": "2 / x^3",
    "exp(-x^2)": "(4 * x^2 - 2) * exp(-x^2)",
    "x*exp(x)": "(x + 2) * exp(x)",
    "x^2*sin(x)": "(2 - x^2) * sin(x) + 4 * x * cos(x)",
    "sin(x)*cos(x)": "-4 * sin(x) * cos(x)",
    "tan(x)": "2 * tan(x) * (1 + tan(x)^2)",
    "atan(x)": "-2 * x / (x^2 + 1)^2",
    "sqrt(x)": "-1 / (4 * x^1.5)",
    "tanh(x)": "-2 * tanh(x) * sech(x)^2",
    "sin(x)^2": "2 * cos(x)^2 - 2 * sin(x)^2",
    "sqrt(1 + x^2)": "1 / sqrt(x^2 + 1) - x^2 / (x^2 + 1)^1.5",
    "exp(-x^2/2)": "(x^2 - 1) * exp(-x^2 / 2)",
    "log(x)/x": "(2 * log(x) - 3) / x^3",
    "asin(x)": "x / one_minus_square(x)^1.5",
    "x^n": "where(x == 0 and n == 0, 0, where(x == 0 and n - 1 == 0, 0, n * (n - 1) * x^(n - 2)))",
    "a^x": "where(a == 0 and x > 0, 0, a^x * log(a)^2)",
    "cos(w*x + p)": "-w^2 * cos(w * x + p)",
    "where(x > 0, sqrt(x), 0)": "where(x > 0, -1 / (4 * x^1.5), 0)",
}

SIMPLIFIED = {
    "x - x": "0",
    "x/x": "1",
    "0*x": "0",
    "x + 0*y": "x",
    "x + y - x": "y",
    "x - (x + 1)": "-1",
    "x + 2*(x + 1)": "3 * x + 2",
    "-(-x)": "x",
    "x*x*x": "x^3",
    "x^2*x^-2": "1",
    "(x^2)^3": "x^6",
    "sqrt(x^2)": "sqrt(x^2)",
    "sqrt(x)^2": "x",
    "sqrt(x*y)*sqrt(x*y)": "x * y",
    "(x*y)^2/x": "x * y^2",
    "0.1*x + 0.2*x": "0.3 * x",
    "0.1 + 0.2": "0.1 + 0.2",
    "sin(0.1 + 0.2)": "sin(0.1 + 0.2)",
    "x + (2 + square(0.1))": "x + 2.01",
    "1 + 2": "3",
    "1/3 + 1/6": "0.5",
    "2*3*x*pi": "6 * pi * x",
    "cosh(x)^2 - sinh(x)^2": "1",
    "5*sin(x)^2*y + 5*cos(x)^2*y": "5 * y",
    "max(x, x)": "x",
    "abs(abs(x))": "abs(x)",
    "cos(0) + log(1) + log(e)": "2",
    "inf - inf": "inf - inf",
    "x == 0 and x >= 0": "x == 0",
    "x < 1 or x <= 1": "x <= 1",
    "where(2 > 1, x, y)": "x",
    "where(x > 0, where(x > 0, y, 1), 2)": "where(x > 0, y, 2)",
    "(x + 1)*(x - 1)": "(x + 1) * (x - 1)",
    "w*x": "w * x",
    "2*(x + 1) - 3*(x - 1)": "5 - x",
    "a/x + b/x": "(a + b) / x",
}

ARRAY_DERIVATIVES = {
    "sum([x, y]^2)": "2 * x",
    "[x, y] @ [x, y]": "2 * x",
    "dot([x, y], [y, x])": "2 * y",
    "sum([x, y, z]*[1, 2, 3])": "1",
    "mean([x, y, z])": "1 / 3",
    "norm([x, y])": "unit_vector([x, y])[0]",
    "[x, y]^2": "[2 * x, 0]",
    "concat([x, y], [z])": "[1, 0, 0]",
    "[[x, y], [z, 1]] @ [y, 2]": "[y, 0]",
    "[x, y, z][1]*x": "y",
    "input x[3]; x[0]*x[1]": "[x[1], x[0], 0]",
    "input x[3]; sum(x^2)": "2 * x",
    "input x[2]; input A[2, 2]; A @ x": "A",
    "input x[300]; sum(x*[a, b][0])": "broadcast_to(a, 300)",
}
"""Formula of arrays -> its derivative with respect to x, which has the shape that it had."""

POINTS = 6
PYTHON = PythonEngine()


def graph_of(text, order=0):
    """A formula, or its derivative of an order with respect to x: its graph and node."""
    program = parse(text).programs.plain()
    graph, (node,) = program.graph, program.outputs.values()
    for _ in range(order):
        node = derivative_of(graph, node, graph.input("x"))
    return graph, node


def simplified_text(text, order=0):
    graph, node = graph_of(text, order)
    simple, (found,) = simplify(graph, [node])
    lint(simple)
    return expression(simple, found)


def values_of(graph, nodes, point):
    given_values = {name: point[name] for name in graph.inputs() if name in point}
    found = PYTHON.evaluate(graph, given_values, nodes)
    return [found[node] for node in nodes]


def agree(text, order):
    graph, node = graph_of(text, order)
    simple, (found,) = simplify(graph, [node])
    generator = random.Random(text)
    for _ in range(POINTS):
        point = {name: generator.uniform(0.15, 0.95) for name in graph.inputs()}
        (old,), (new,) = values_of(graph, [node], point), values_of(simple, [found], point)
        assert new == pytest.approx(old, rel=1e-12, abs=1e-13)


@pytest.mark.parametrize(("formula", "expected"), DERIVATIVES.items())
def test_derivatives_read_as_a_person_writes_them(formula, expected):
    assert simplified_text(formula, 1) == expected


@pytest.mark.parametrize(("formula", "expected"), SECOND_DERIVATIVES.items())
def test_second_derivatives_read_as_a_person_writes_them(formula, expected):
    assert simplified_text(formula, 2) == expected


@pytest.mark.parametrize(("formula", "expected"), ARRAY_DERIVATIVES.items())
def test_derivatives_of_small_arrays_are_written_by_elements(formula, expected):
    program = parse(formula).programs.plain()
    graph, (node,) = program.graph, program.outputs.values()
    slope = derivative_of(graph, node, graph.inputs()["x"])
    simple, (found,) = simplify(graph, [slope])
    lint(simple)
    assert expression(simple, found) == expected
    assert simple.shape_of(found) == graph.shape_of(slope)


@pytest.mark.parametrize(("formula", "expected"), SIMPLIFIED.items())
def test_formulas(formula, expected):
    assert simplified_text(formula) == expected


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("formula", DERIVATIVES)
def test_values_stay(formula, order):
    agree(formula, order)


@pytest.mark.parametrize("order", [0, 1, 2])
@pytest.mark.parametrize("formula", [*DERIVATIVES, *SIMPLIFIED])
def test_twice_is_once(formula, order):
    graph, node = graph_of(formula, order)
    once, nodes = simplify(graph, [node])
    twice, again = simplify(once, nodes)
    assert expression(twice, again[0]) == expression(once, nodes[0])


def test_the_derivative_of_a_formula_is_simplified():
    assert str(parse("x^2*sin(x)").derivative("x")) == "2 * x * sin(x) + x^2 * cos(x)"


def test_the_branch_not_taken_does_no_harm():
    assert parse("where(x > 0, sqrt(x), 0)").derivative("x").eval(x=-3) == 0
    assert parse("where(x > 0, sqrt(x), 0)*y").derivative("x").eval(x=-3, y=2) == 0


def test_a_condition_that_somebody_wrote_stays():
    derivative = parse("where(x == 0, 1, sin(x)/x)").derivative("x")
    assert derivative.eval(x=0) == 0


# ---- random formulas -------------------------------------------------------------------------------------------------

LEAVES = st.sampled_from(["x", "y", "2", "3", "0.5", "0.1", "1", "0", "pi", "1/3"])
FUNCTIONS = st.sampled_from([
    "sin", "cos", "exp", "log", "sqrt", "abs", "square", "tanh", "cosh", "tan", "atan", "relu", "sign", "reciprocal",
    "rsqrt",
])  # fmt: skip


def grown(inner):
    return st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from("+-*/"), inner),
        st.builds("({})^{}".format, inner, st.sampled_from(["2", "3", "(-1)", "0.5", "(1/3)", "x"])),
        st.builds("{}({})".format, FUNCTIONS, inner),
        st.builds("where({} > {}, {}, {})".format, inner, inner, inner, inner),
        st.builds("(-{})".format, inner),
    )


FORMULAS = st.recursive(LEAVES, grown, max_leaves=10)


@settings(max_examples=150, deadline=None)
@given(text=FORMULAS, order=st.integers(0, 1), x=st.floats(0.2, 2), y=st.floats(-2, 2))
def test_random_formulas_keep_their_value(text, order, x, y):
    """Where everything in the old formula is a moderate number, so that no limit and no rounding decides."""
    graph, node = graph_of(text, order)
    needed, (last,) = simplify_nothing(graph, node)
    everything = values_of(needed, range(len(needed)), {"x": x, "y": y})
    simple, (found,) = simplify(graph, [node])
    lint(simple)
    twice, (again,) = simplify(simple, [found])
    assert expression(twice, again) == expression(simple, found)
    if all(math.isfinite(value) and (value == 0 or 1e-6 < abs(value) < 1e6) for value in everything):
        (new,) = values_of(simple, [found], {"x": x, "y": y})
        assert new == pytest.approx(everything[last], rel=1e-6, abs=1e-7)


def simplify_nothing(graph, node):
    """A copy of just what a node needs."""
    copy = Graph()
    found = copy.adopt(graph.ref(node))
    return copy, [found]


# ---- the table of rules ----------------------------------------------------------------------------------------------


def test_rules_have_a_level_and_a_name_of_their_own():
    assert {rule.level for rule in RULES} == {EXACT, REAL}
    assert len({rule.name for rule in RULES}) == len(RULES)


@pytest.mark.parametrize(("outer", "inner"), INVERSES.items(), ids=lambda row: row.name)
def test_inverses(outer, inner):
    graph = Graph()
    node = graph.apply(outer, [graph.apply(inner, [graph.input("x")])])
    low, high = inner.domain[0]
    points = [value for value in (-2.0, -0.6, 0.2, 0.5, 0.8, 1.5, 3.0) if low < value < high]
    assert points
    for value in points:
        assert values_of(graph, [node], {"x": value})[0] == pytest.approx(value, rel=1e-11)
    simple, (found,) = simplify(graph, [node])
    assert expression(simple, found) == "x"


@pytest.mark.parametrize("first", SQUARES, ids=lambda row: row.name)
def test_squares_of_one(first):
    second, sign = SQUARES[first]
    for value in (0.2, 0.5, 1.3):
        assert first.compute(value) ** 2 + sign * second.compute(value) ** 2 == pytest.approx(1)


@pytest.mark.parametrize(
    "text",
    ["cos(x)^2 + sin(x)^2*cos(x)^2", "1 - sech(x)^2 - tanh(x)^2*sech(x)^2", "sin(x)^(y + 2) + cos(x)^2",
     "sin(x)^y*sin(x)^2 + cos(x)^2", "cosh(x)^2*sinh(x)^2 - sinh(x)^2"],
)  # fmt: skip
def test_squares_beside_other_powers_of_the_same_functions_stay(text):
    graph, node = graph_of(text)
    simple, (found,) = simplify(graph, [node])
    point = {"x": 0.7, "y": 1.3}
    assert values_of(simple, [found], point) == pytest.approx(values_of(graph, [node], point))


@pytest.mark.parametrize("first", COMPARISONS, ids=lambda row: row.name)
def test_what_follows_from_a_comparison(first):
    for second in COMPARISONS[first]:
        pairs = [(a, b) for a in (-1.0, 0.0, 1.0, math.nan) for b in (-1.0, 0.0, 1.0, math.nan)]
        assert all(second.compute(a, b) for a, b in pairs if first.compute(a, b))


# ---- arrays, names, several outputs ----------------------------------------------------------------------------------

ARRAYS = [
    "input v[3]; input w[3]; sum(v*w)",
    "input v[3]; input w[3]; sum(softmax(v)*w)",
    "input v[3]; sum((v - v + 1)*2)",
    "input v[3]; input b; sum(exp(b*v)^2)",
    "input v[3]; v[0]*v[1] + v[0]",
    "input A[2,3]; input v[3]; norm(A @ v)",
    "input A[2,2]; input v[2]; sum(inv(A) @ v)",
]


@pytest.mark.parametrize("formula", ARRAYS)
def test_arrays_keep_shape_and_value(formula):
    import numpy as np

    program = parse(formula).programs.plain()
    graph, (node,) = program.graph, program.outputs.values()
    inputs = graph.inputs()
    derivatives = differentiate(graph, [node], list(inputs.values()))
    outputs = [node, *(derivatives.wrt(place) for place in inputs.values())]
    simple, found = simplify(graph, outputs)
    lint(simple)
    assert [simple.shape_of(new) for new in found] == [graph.shape_of(old) for old in outputs]
    generator = np.random.default_rng(1)
    values = {name: generator.uniform(0.2, 2, graph.shape_of(place)) for name, place in inputs.items()}
    old = NumpyEngine().evaluate(graph, values, outputs)
    new = NumpyEngine().evaluate(simple, {name: values[name] for name in simple.inputs()}, found)
    for before, after in zip(outputs, found, strict=True):
        np.testing.assert_allclose(new[after], old[before], rtol=1e-12, atol=1e-13)


def test_a_product_of_vectors_is_differentiated_to_the_other_vector():
    program = parse("input v[3]; input w[3]; sum(v*w)").programs.plain()
    graph, (node,) = program.graph, program.outputs.values()
    slope = differentiate(graph, [node], [graph.inputs()["v"]]).wrt(graph.inputs()["v"])
    simple, (found,) = simplify(graph, [slope])
    assert expression(simple, found) == "w"


def test_names_inputs_and_places_of_what_is_left_are_kept():
    program = parse("y = sin(x); k = 2; y*exp(y)*k + 0*z").programs.plain()
    graph, (node,) = program.graph, program.outputs.values()
    simple, _ = simplify(graph, [node])
    assert simple.row(simple.names["y"]) is trigonometric.sin
    assert set(simple.inputs()) == {"x"}
    assert "k" not in simple.names
    assert simple.spans[simple.names["y"]] == (4, 10)


def test_several_outputs_and_an_output_inside_another():
    program = parse("a = x + 1; b = a + x; output a; output b").programs.plain()
    simple, nodes = simplify(program.graph, list(program.outputs.values()))
    assert [expression(simple, node) for node in nodes] == ["x + 1", "2 * x + 1"]


def test_the_graph_given_stays_as_it_is():
    graph, node = graph_of("x*x*x", 1)
    before = bytes(graph.op), bytes(graph.operands), dict(graph.names)
    simplify(graph, [node])
    assert (bytes(graph.op), bytes(graph.operands), dict(graph.names)) == before


# ---- depth and size --------------------------------------------------------------------------------------------------

MANY = 20_000


def right_sum(graph, x):
    total = x
    for position in range(MANY):
        total = graph.apply(arithmetic.sub, [graph.input(f"x{position}"), total])
    return total


def right_quotient(graph, x):
    total = x
    for position in range(MANY):
        total = graph.apply(arithmetic.div, [graph.input(f"x{position}"), total])
    return total


def chain_of_functions(graph, x):
    for _ in range(MANY):
        x = graph.apply(trigonometric.sin, [graph.apply(arithmetic.neg, [x])])
    return x


def one_term_a_node(graph, x):
    total = graph.apply(arithmetic.mul, [x, x])
    for position in range(MANY):
        term = graph.apply(powers.exp, [graph.apply(arithmetic.mul, [x, graph.constant(position)])])
        total = graph.apply(arithmetic.add, [total, term])
    return total


def shared_at_every_step(graph, x):
    for _ in range(2000):
        x = graph.apply(arithmetic.add, [graph.apply(arithmetic.mul, [x, x]), x])
    return x


def nested_selections(graph, x):
    first = second = x
    for position in range(2000):
        condition = graph.apply(logic.greater, [x, graph.input(f"x{position}")])
        first = graph.apply(logic.where, [condition, x, first])
        second = graph.apply(logic.where, [condition, graph.input("y"), second])
    return graph.apply(arithmetic.add, [first, second])


def product_of_selections(graph, x):
    product = x
    for position in range(2000):
        condition = graph.apply(logic.greater, [x, graph.input(f"x{position}")])
        product = graph.apply(arithmetic.mul, [product, graph.apply(logic.where, [condition, x, graph.constant(0)])])
    return product


SIZES = [
    right_sum, right_quotient, chain_of_functions, one_term_a_node, shared_at_every_step, nested_selections,
    product_of_selections,
]  # fmt: skip


@pytest.mark.parametrize("make", SIZES)
def test_nothing_recurses_and_the_text_grows_never(make):
    graph = Graph()
    node = make(graph, graph.input("x"))
    simple, (found,) = simplify(graph, [node])
    assert len(simple) <= len(graph) + 2
    assert found < len(simple)


def test_like_terms_of_a_long_sum_meet():
    graph = Graph()
    x = total = graph.input("x")
    for _ in range(MANY):
        total = graph.apply(arithmetic.add, [total, x])
    simple, (found,) = simplify(graph, [total])
    assert expression(simple, found) == f"{MANY + 1} * x"


def test_powers_of_sums_are_not_multiplied_out():
    assert simplified_text("(x + y)^30*(x - y)") == "(x + y)^30 * (x - y)"
