"""Whole programs as text: declarations, names, sharing, outputs; and the round trip of random graphs."""

from __future__ import annotations

import math
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cgcli as cg
from cgcli.emit.formula import expression, program_text
from cgcli.engines.numpy import ENGINE
from cgcli.errors import Source
from cgcli.graph.store import Graph
from cgcli.language.reading import lower, parse
from cgcli.ops import REGISTRY, arithmetic, shaping, trigonometric
from tests.emit.graphs import same_structure

LONG = "width + height + depth + tolerance - the_length_of_the_gap"

PROGRAMS = {
    "(x+y)*z": "(x + y) * z",
    "x; y": "input x\ny",
    "a = x + 1\na": "a = x + 1\na",
    "a = x + 1; b = a*2; b": "a = x + 1\nb = a * 2\nb",
    "y = x^2": "y = x^2",
    "a = x + 1; b = a*2; output b, a": "a = x + 1\nb = a * 2\noutput b, a",
    "a = x*y; b = x + 1; output b": "input y\nb = x + 1",
    "k = 2; x^k + 2": "k = 2\nx^k + 2",
    "g = pi; g*x + pi": "g = pi\ng * x + g",
    "a = x; a + x": "a = x\nx + x",
    "a = x; output a": "a = x",
    "a = x + 1; b = a; output b": "a = x + 1\nb = a",
    "a = x + 1; b = a; output a": "a = x + 1\nb = a\noutput a",
    "input x; output x": "input x\noutput x",
    "input v[3]; input A[2, 3]; A @ v": "input v[3]\ninput A[2, 3]\nA @ v",
    "param w = 0.5; input x = -1; w*x": "param w = 0.5\ninput x = -1\nw * x",
    "param w[2] = [1, 2]; w*x": "param w[2] = [1, 2]\nw * x",
    "input e; e*x": "input e\ne * x",
    "v = [x, y]; v*2 + v": "[x, y] * 2 + [x, y]",
    "v = stack(x, y); v[0] + sum(v)": "v = stack(x, y)\nv[0] + sum(v)",
    "v = stack(x, y); v*2": "v = stack(x, y)\nv * 2",
    "v = stack(x, y); output v": "v = [x, y]",
    "(x + y + z)*(x + y + z)*exp(x + y + z)": "(x + y + z) * (x + y + z) * exp(x + y + z)",
    f"({LONG})^2*sin({LONG}) - cos({LONG})": f"t1 = {LONG}\nt1^2 * sin(t1) - cos(t1)",
    f"t1 = 3; ({LONG})^2*sin({LONG}) - cos({LONG})*t1": f"t1 = 3\nt2 = {LONG}\nt2^2 * sin(t2) - cos(t2) * t1",
    "x^2*(x^2 + 1)": "x^2 * (x^2 + 1)",
    "f(a) = a*(a + 1); f(x) + f(y)": "x * (x + 1) + y * (y + 1)",
    "fold(max, 0, [x, y, z])": "max(0, x, y, z)",
    "result = x + 1": "result = x + 1",
    "result = x + 1; output result": "result = x + 1",
}
"""Program -> the same program as it is printed."""


@pytest.mark.parametrize("text", PROGRAMS)
def test_a_program_keeps_its_names_and_declarations(text):
    assert str(cg.parse(text)) == PROGRAMS[text]


@pytest.mark.parametrize("text", PROGRAMS)
def test_a_printed_program_parses_back_to_the_same_graph(text):
    first, again = (lower(parse(Source(each))) for each in (text, PROGRAMS[text]))
    assert str(cg.parse(PROGRAMS[text])) == PROGRAMS[text]
    assert list(first.outputs) == list(again.outputs)
    assert first.params == again.params
    for name, node in first.outputs.items():
        assert same_structure((first.graph, node), (again.graph, again.outputs[name]))
    for name, node in first.defaults.items():
        assert same_structure((first.graph, node), (again.graph, again.defaults[name]))


def test_output_names_that_the_language_does_not_take_are_adapted():
    graph = Graph()
    x = graph.input("x")
    node = graph.apply(trigonometric.sin, [x])
    assert program_text(graph, {"dy/dx": node}) == "dy_dx = sin(x)"
    assert program_text(graph, {"x": node, "if": x}) == "_if = x\nx_ = sin(x)\noutput x_, _if"


def test_a_constant_whose_name_means_something_else_is_written_in_digits():
    graph = Graph()
    pi = graph.constant(math.pi, "pi")
    node = graph.apply(arithmetic.mul, [pi, graph.input("pi")])
    text = program_text(graph, {"result": node})
    assert text == "input pi\n3.141592653589793 * pi"
    assert cg.parse(text).eval(pi=2.0) == 2 * math.pi


def test_two_outputs_of_one_value_are_two_names():
    graph = Graph()
    node = graph.apply(trigonometric.sin, [graph.input("x")])
    assert program_text(graph, {"a": node, "b": node}) == "a = sin(x)\nb = a\noutput a, b"


def deep_chain(length):
    """A graph of unshared operations on one path."""
    graph = Graph()
    node = graph.input("x")
    for step in range(length):
        other = graph.input(f"y{step % 7}")
        node = graph.apply(arithmetic.mul, [node, other]) if step % 2 else graph.apply(arithmetic.sub, [other, node])
    return graph, node


def test_a_deep_program_is_cut_into_lines_that_a_person_can_read():
    graph, node = deep_chain(100_000)
    text = program_text(graph, {"result": node})
    assert max(map(len, text.splitlines())) < 10_000
    program = lower(parse(Source(text)))
    assert same_structure((graph, node), (program.graph, program.outputs["result"]))


def test_a_wide_sum_of_long_terms_is_cut_at_its_largest_terms():
    terms = " + ".join(f"sin(a{number})*" + "*".join(["x"] * 300) for number in range(40))
    text = str(cg.parse(terms))
    assert max(map(len, text.splitlines())) < 10_000
    assert str(cg.parse(text)) == text


def test_exponential_sharing_costs_a_line_a_node():
    graph = Graph()
    x = graph.input("x")
    node = x
    for _ in range(10_000):
        node = graph.apply(arithmetic.add, [node, node])
        node = graph.apply(arithmetic.sub, [node, x])
    text = program_text(graph, {"y": node})
    assert len(text.splitlines()) <= 20_000
    program = lower(parse(Source(text)))
    assert same_structure((graph, node), (program.graph, program.outputs["y"]))


# ---- random graphs ---------------------------------------------------------------------------------------------------

SCALAR_ROWS = [
    row for row in REGISTRY.rows
    if row.elementwise and row.arity and "leaf" not in row.traits
    and row.name != "alias" and all(not each.static or not each.required for each in row.parameters)
]  # fmt: skip
REDUCTIONS = [row for row in REGISTRY.rows if row.combine is not None]
NUMBERS = st.one_of(
    st.integers(-5, 5).map(float), st.floats(allow_nan=True, allow_infinity=True), st.sampled_from([0.1, 1e-3, -0.0])
)
INPUTS = {"x": (), "alpha_1": (), "v": (3,), "A": (3, 3)}
VALUES = {"x": 0.7, "alpha_1": -1.3, "v": np.array([0.5, -2.0, 3.0]), "A": np.arange(9.0).reshape(3, 3) / 4 - 1}


def grown(data, size):
    """A random graph: every new node takes any earlier ones that fit, so that much is shared."""
    graph = Graph()
    nodes = [graph.input(name, shape) for name, shape in INPUTS.items()]
    nodes.append(graph.constant(math.pi, "pi"))
    for _ in range(size):
        kind = data.draw(st.sampled_from(["row", "row", "row", "number", "index", "reduce", "stack", "transpose"]))
        one = data.draw(st.sampled_from(nodes))
        if kind == "number":
            nodes.append(graph.constant(data.draw(NUMBERS)))
        elif kind == "row":
            row = data.draw(st.sampled_from(SCALAR_ROWS))
            operands = [one, *(data.draw(st.sampled_from(nodes)) for _ in range(row.arity - 1))]
            if len({graph.shape_of(each) for each in operands} - {()}) < 2:
                nodes.append(graph.apply(row, operands))
        elif kind == "stack":
            nodes.append(graph.apply(shaping.stack, [one, one]))
        elif not graph.shape_of(one) or 0 in graph.shape_of(one):  # nothing to take, and nothing to choose from
            continue
        elif kind == "transpose":
            nodes.append(graph.apply(shaping.transpose, [one]))
        elif kind == "reduce":
            axis = data.draw(st.sampled_from([None, 0, -1]))
            nodes.append(graph.apply(data.draw(st.sampled_from(REDUCTIONS)), [one], [axis]))
        else:
            key = data.draw(st.sampled_from([(0,), (-1,), (slice(1, None),), (slice(None, None, -1),)]))
            nodes.append(graph.apply(shaping.index, [one], [key]))
    return graph, nodes


def bits(value):
    """The exact bits of every number of a value, with all nans alike."""
    return [
        "nan" if math.isnan(number) else struct.pack("<d", number)
        for number in np.asarray(value, dtype=float).ravel().tolist()
    ]


@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_random_graphs_parse_back_to_the_same_graph_and_the_same_bits(data):
    graph, nodes = grown(data, data.draw(st.integers(1, 25)))
    chosen = data.draw(st.lists(st.sampled_from(nodes[len(INPUTS) :]), min_size=1, max_size=2, unique=True))
    outputs = {"result": chosen[0]} if len(chosen) == 1 else {"first": chosen[0], "second": chosen[1]}
    text = program_text(graph, outputs)
    program = lower(parse(Source(text)))
    for name, node in outputs.items():
        again = program.outputs[name]
        assert same_structure((graph, node), (program.graph, again)), text
        used = {each: VALUES[each] for each in INPUTS}
        assert bits(ENGINE.evaluate(graph, used, [node])[node]) == bits(
            ENGINE.evaluate(program.graph, used, [again])[again]
        ), text


@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_random_expressions_parse_back_to_the_same_graph(data):
    graph, nodes = grown(data, data.draw(st.integers(1, 12)))
    node = data.draw(st.sampled_from(nodes))
    text = expression(graph, node)
    program = lower(parse(Source(text)), shapes=INPUTS)
    assert same_structure((graph, node), (program.graph, program.outputs["result"])), text


@pytest.mark.parametrize("text", ["sin(x)^3*exp(x)", "max(x, y)*abs(x - y)", "x^y", "norm([x, y, x*y])"])
def test_derivatives_parse_back_to_the_same_values(text):
    derived = cg.parse(text).derivative("x")
    again = cg.parse(str(derived))
    point = {name: value for name, value in {"x": 1.5, "y": -0.25}.items() if name in derived.inputs}
    assert bits(derived.eval(**point)) == bits(again.eval(**point))
