"""One node as formula text: the fewest parentheses that parse back, static arguments, numbers, huge graphs."""

from __future__ import annotations

import math

import numpy as np
import pytest

import cgcli as cg
from cgcli.emit.formula import applied, expression, program_text
from cgcli.emit.names import number_text
from cgcli.engines.numpy import ENGINE
from cgcli.errors import Source
from cgcli.graph.store import Graph
from cgcli.language.reading import lower, parse
from cgcli.ops import REGISTRY, arithmetic, logic, shaping, trigonometric
from tests.emit.graphs import same_structure

SHAPES = {"v": (3,), "w": (3,), "A": (2, 3), "B": (3, 3)}

PRINTED = {
    "(x+y)*z": "(x + y) * z",
    "x+y*z": "x + y * z",
    "a-(b-c)": "a - (b - c)",
    "(a-b)-c": "a - b - c",
    "a/(b*c)": "a / (b * c)",
    "a/b*c": "a / b * c",
    "a//b%c": "a // b % c",
    "a%(b//c)": "a % (b // c)",
    "(a^b)^c": "(a^b)^c",
    "a^b^c": "a^b^c",
    "a**(b+1)": "a^(b + 1)",
    "-2^2": "-2^2",
    "(-2)^2": "(-2)^2",
    "(-x)^2": "(-x)^2",
    "2^-x": "2^-x",
    "2^-x^2": "2^-x^2",
    "-(a*b)": "-(a * b)",
    "-a*b": "-a * b",
    "a*-b": "a * (-b)",
    "a--b": "a - (-b)",
    "a+-b*c": "a + (-b) * c",
    "-(-x)": "-(-x)",
    "a<-b": "a < -b",
    "a<b<c": "a < b and b < c",
    "(a<b)<c": "(a < b) < c",
    "a<(b==c)": "a < (b == c)",
    "not a<b": "not a < b",
    "(not a)<b": "(not a) < b",
    "not (a and b) or c": "not (a and b) or c",
    "a and (b and c)": "a and (b and c)",
    "(a or b) and c": "(a or b) and c",
    "x if a<0 else -y": "where(a < 0, x, -y)",
    "max(a,b,c)": "max(a, b, c)",
    "max(a,max(b,c))": "max(a, max(b, c))",
    "ln(x)": "log(x)",
    "log(x,2)": "log(x, 2)",
    "round(x,3)": "round(x, 3)",
    "polygamma(2,x)": "polygamma(2, x)",
    "leaky_relu(x)": "leaky_relu(x)",
    "leaky_relu(x,0.01)": "leaky_relu(x)",
    "leaky_relu(x,0.2)": "leaky_relu(x, 0.2)",
    "pi*e*tau*inf": "pi * e * tau * inf",
    "1e-3+1_000*x+.5": "1e-3 + 1000 * x + 0.5",
    "0.1234567890123456789*x": "0.1234567890123456789 * x",
    "v[0]": "v[0]",
    "v[-1]": "v[2]",
    "v[1:3]": "v[1:]",
    "v[:2]": "v[:2]",
    "v[::-1]": "v[::-1]",
    "v[2:0:-1]": "v[:0:-1]",
    "v[1:1]+1": "v[1:1] + 1",
    "v[5:]+1": "v[3:] + 1",
    "(v+w)[0]": "(v + w)[0]",
    "A[1]": "A[1]",
    "A[1,2]": "A[1, 2]",
    "A[:,1:]": "A[:, 1:]",
    "A.T@A": "A.T @ A",
    "(A@B).T": "(A @ B).T",
    "A@(v*w)": "A @ (v * w)",
    "sum(v)": "sum(v)",
    "sum(A)": "sum(A)",
    "sum(A,0)": "sum(A, 0)",
    "sum(A,-1)": "sum(A, 1)",
    "max(v)": "max(v)",
    "amax(A,0)": "amax(A, 0)",
    "softmax(A)": "softmax(A)",
    "softmax(A,0)": "softmax(A, 0)",
    "norm(v,1)": "norm(v, 1)",
    "norm(v,inf)": "norm(v, inf)",
    "[x,y]+1": "[x, y] + 1",
    "[[x,y],[1,2]]@[x,y]": "[[x, y], [1, 2]] @ [x, y]",
    "stack(x,y)[0]": "stack(x, y)[0]",
    "sum(stack(x,y))": "sum(stack(x, y))",
    "sum([[x,y],[y,x]],0)": "sum([[x, y], [y, x]], 0)",
    "reshape(v,[3,1])": "reshape(v, [3, 1])",
    "reshape(A,6)": "reshape(A, 6)",
    "zeros(3)+ones([2,3])": "zeros(3) + ones([2, 3])",
    "eye(2)*x": "eye(2) * x",
    "linspace(x,y,4)": "linspace(x, y, 4)",
}
"""Formula -> the same formula as it is printed."""


def lowered(text):
    """The graph of a text, and its only output."""
    program = lower(parse(Source(text)), shapes=SHAPES)
    (node,) = program.outputs.values()
    return program.graph, node


@pytest.mark.parametrize("text", PRINTED)
def test_a_formula_is_printed_with_the_fewest_parentheses(text):
    assert expression(*lowered(text)) == PRINTED[text]


@pytest.mark.parametrize("text", PRINTED)
def test_what_is_printed_parses_back_to_the_same_graph(text):
    graph, node = lowered(text)
    assert same_structure((graph, node), lowered(expression(graph, node)))


EXAMPLES = {example for row in REGISTRY.rows for example in row.examples if not example.startswith("input")} | {
    f"{row.name}({', '.join('xyzuvw'[: row.arity].replace('v', 'q').replace('w', 'r'))})"
    for row in REGISTRY.rows
    if row.elementwise and "internal" not in row.traits and not any(each.static for each in row.parameters)
}
"""A call of every row that formulas can call."""


def test_every_row_has_a_call_here():
    called = {row.name for example in EXAMPLES for row in rows_of(*lowered(example))}
    callable_rows = {row.name for row in REGISTRY.rows if "internal" not in row.traits}
    assert callable_rows <= called


def rows_of(graph, node):
    """The rows of a graph."""
    return [graph.row(each) for each in range(node + 1)]


@pytest.mark.parametrize("example", sorted(EXAMPLES))
def test_a_call_of_every_row_parses_back_to_the_same_graph(example):
    graph, node = lowered(example)
    printed = expression(graph, node)
    assert same_structure((graph, node), lowered(printed)), printed


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2.0, "2"), (-2.0, "-2"), (0.0, "0"), (-0.0, "-0"), (0.1, "0.1"), (1e-3, "0.001"), (1e-7, "1e-7"),
        (1e16, "1e16"), (1.5e300, "1.5e300"), (123456789.0, "123456789"), (5e-324, "5e-324"),
        (math.inf, "inf"), (-math.inf, "-inf"), (math.nan, "nan"), (1 / 3, "0.3333333333333333"),
    ],
)  # fmt: skip
def test_numbers_are_as_short_as_they_can_be(value, text):
    assert number_text(value) == text
    graph = Graph()
    assert expression(graph, graph.constant(value)) == text


def test_negative_constants_have_the_parentheses_of_a_minus_sign():
    graph = Graph()
    x, two, minus = graph.input("x"), graph.constant(2.0), graph.constant(-2.0)
    assert expression(graph, graph.apply(arithmetic.mul, [x, minus])) == "x * (-2)"
    assert expression(graph, graph.apply(arithmetic.mul, [minus, x])) == "-2 * x"
    power = REGISTRY.by_name["pow"]
    assert expression(graph, graph.apply(power, [minus, two])) == "(-2)^2"
    assert expression(graph, graph.apply(power, [two, minus])) == "2^-2"
    assert expression(graph, graph.apply(arithmetic.neg, [minus])) == "-(-2)"


def test_arrays_are_nested_lists_and_empty_ones_are_zeros():
    graph = Graph()
    vector = graph.array_constant([1.0, -2.5, math.inf])
    assert expression(graph, vector) == "[1, -2.5, inf]"
    assert expression(graph, graph.array_constant([[1, 2], [3, 4]])) == "[[1, 2], [3, 4]]"
    assert expression(graph, graph.array_constant(np.zeros((0, 3)))) == "zeros([0, 3])"
    assert expression(graph, graph.apply(shaping.sum_of, [vector], [None])) == "sum(stack(1, -2.5, inf))"


def test_a_slice_backwards_from_before_the_first_element_stays_empty():
    graph = Graph()
    node = graph.apply(shaping.index, [graph.input("v", (3,))], [(slice(-5, None, -1),)])
    graph_again, again = lowered(expression(graph, node))
    assert graph.shape_of(node) == graph_again.shape_of(again) == (0,)


def test_texts_stand_for_operands():
    graph, node = lowered("(x + y) * -z")
    total, _ = graph.operands_of(node)
    assert expression(graph, node, {total: "v1"}) == "v1 * (-z)"
    assert expression(graph, total, {total: "v1"}) == "x + y"


@pytest.mark.parametrize(
    ("formula", "texts", "printed"),
    [
        ("x * z", ["v1", "z"], "v1 * z"),
        ("x * z", ["3", "-2"], "3 * (-2)"),
        ("x * z", ["-3", "2"], "-3 * 2"),
        ("x - z", ["1e-3", "-inf"], "1e-3 - (-inf)"),
        ("x ^ z", ["-2", "-3"], "(-2)^-3"),
        ("-x", ["-2"], "-(-2)"),
        ("exp(x)", ["-2"], "exp(-2)"),
        ("x < z", ["1", "-2"], "1 < -2"),
        ("x * x", ["3", "3"], "3 * 3"),
        ("max(max(x, y), z)", ["v1", "z"], "max(v1, z)"),
        ("v * w", ["[1, 2, 3]", "vector of 20"], "[1, 2, 3] * (vector of 20)"),
        ("sum(v)", ["vector of 20"], "sum(vector of 20)"),
        ("v[1:3]", ["v7"], "v7[1:]"),
        ("A.T", ["v7"], "v7.T"),
        ("log(x, z)", ["v1", "10"], "log(v1, 10)"),
        ("sum(A, 0)", ["v1"], "sum(v1, 0)"),
    ],
)
def test_an_operation_over_texts(formula, texts, printed):
    graph, node = lowered(formula)
    assert applied(graph, node, texts) == printed


def deep_chain(length):
    """sin(… sin(x + y) + y …) with that many operations."""
    graph = Graph()
    x, y = graph.input("x"), graph.input("y")
    node = x
    for step in range(length):
        node = graph.apply(trigonometric.sin, [node]) if step % 2 else graph.apply(arithmetic.add, [node, y])
    return graph, node


def doubled(times):
    """A graph of that many nodes which would be written with 2^times names."""
    graph = Graph()
    node = graph.input("x")
    for _ in range(times):
        node = graph.apply(arithmetic.add, [node, node])
    return graph, node


def test_a_deep_formula_is_one_expression():
    graph, node = deep_chain(100_000)
    text = expression(graph, node)
    assert text.startswith("sin(sin(sin(")
    assert text.count("sin") == 50_000
    assert same_structure((graph, node), lowered(text))


def test_shared_parts_are_defined_before_an_expression_that_would_explode():
    graph, node = doubled(2_000)
    text = expression(graph, node)
    assert len(text) < 200_000
    assert same_structure((graph, node), lowered(text))


def test_moderate_sharing_stays_one_expression():
    graph, node = doubled(3)
    assert expression(graph, node) == "x + x + (x + x) + (x + x + (x + x))"


KEYS = (0, 2, -1, slice(None), slice(1, 3), slice(None, None, -1), slice(3, 0, -2), slice(None, None, 2), slice(1, 2),
        slice(1, 4, 3), slice(None, None, 3))  # fmt: skip


@pytest.mark.parametrize("first", KEYS)
def test_the_adjoint_of_an_index_is_a_value_among_zeros(first):
    for key in [(first,), *((first, second) for second in KEYS), (slice(None), slice(1, 3), first)]:
        shape = (4, 5, 6)[: len(key)]
        graph = Graph()
        entries = graph.attributes_of(graph.apply(shaping.index, [graph.input("z", shape)], [key]))
        expected = np.zeros(shape)
        value = np.arange(1.0, 1 + expected[key].size).reshape(expected[key].shape)
        value.flat[0] = np.inf
        expected[key] = value
        node = graph.apply(shaping.place, [graph.input("x", value.shape)], [entries])
        text = program_text(graph, {"result": node})
        assert np.array_equal(cg.parse(text).eval(x=value), expected), text


def test_the_adjoint_of_an_empty_slice_is_zeros():
    graph = Graph()
    entries = graph.attributes_of(graph.apply(shaping.index, [graph.input("z", (4,))], [(slice(2, 2),)]))
    assert expression(graph, graph.apply(shaping.place, [graph.input("x", (0,))], [entries])) == "zeros(4)"


def test_a_sum_of_placed_items_stays_a_sum():
    graph = Graph()
    x = graph.input("x", (4, 2))
    index = graph.apply(shaping.index, [graph.input("z", (4, 3))], [(slice(None), slice(1, 3))])
    placed = graph.apply(shaping.place, [x], [graph.attributes_of(index)])
    total = graph.apply(shaping.index, [placed], [(1, 2)])
    text = program_text(graph, {"result": total})
    assert cg.parse(text).eval(x=np.arange(8.0).reshape(4, 2)) == 3.0
    assert np.array_equal(ENGINE.evaluate(graph, {"x": np.arange(8.0).reshape(4, 2)}, [total])[total], 3.0)


def test_a_row_declared_in_a_test_prints_as_a_call():
    from cgcli.ops import Operation, temporary_rows

    with temporary_rows():
        row = Operation("twice", "x, [times=2]", prepare=lambda shapes, times=2.0: (float(times),),
                        compute=lambda x, times: x * times, partials=(None,))  # fmt: skip
        graph = Graph()
        x = graph.input("x")
        assert expression(graph, graph.apply(row, [x])) == "twice(x)"
        assert expression(graph, graph.apply(row, [x], [3.0])) == "twice(x, 3)"


def test_conditions_of_three_keep_their_order():
    graph, node = lowered("(x if a else y) if b else z")
    assert expression(graph, node) == "where(b, where(a, x, y), z)"
    assert graph.row(node) is logic.where


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("3420258114223734784", "3420258114223734784"),
        ("1e20", "1e20"),
        ("100000000000000000000", "1e20"),
        ("2e60", "2e60"),
    ],
)
def test_large_whole_numbers_keep_their_value(given, told):
    """Decimals count as they are written, so the shortest text of a double would be another number."""
    assert str(cg.parse(f"{given}*x")) == f"{told} * x"
    graph = Graph()
    assert expression(graph, graph.constant(1e30)) == "1e30"
