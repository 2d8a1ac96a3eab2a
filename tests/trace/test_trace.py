"""What a trace says agrees with values and derivatives; kinks, births, unused inputs, calls."""

from __future__ import annotations

import json
import sys
from math import isclose, isfinite, isnan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cgcli.api.sources import formula, inputs, parse
from cgcli.cli.start import start
from cgcli.explain.births import births
from cgcli.explain.tracing import trace

NAMES = ("x", "y", "z")
LEAVES = st.sampled_from([*NAMES, "2", "0.5", "-1"])
VALUES = st.floats(-3, 3).map(lambda value: round(value, 2))


def larger(parts):
    """One operation more."""
    unary = st.sampled_from(["sin({})", "exp({})", "abs({})", "({})^2", "-({})", "tanh({})", "sqrt({})", "twice({})"])
    binary = st.sampled_from(["({})+({})", "({})*({})", "({})-({})", "({})/({})", "max({}, {})", "where({}>{}, x, 1)"])
    return st.one_of(
        st.builds(str.format, unary, parts), st.builds(lambda form, a, b: form.format(a, b), binary, parts, parts)
    )


FORMULAS = st.recursive(LEAVES, larger, max_leaves=12).map(lambda text: f"twice(a) = a + a*y; {text} + x*y")


def same(found, expected):
    """Equal numbers; nan equals nan."""
    return found == expected or (isnan(found) and isnan(expected))


def at(text, values):
    """A formula and those of the values that it takes."""
    parsed = parse(text)
    return parsed, {name: value for name, value in values.items() if name in parsed.inputs}


@settings(deadline=None, max_examples=60)
@given(FORMULAS, st.fixed_dictionaries(dict.fromkeys(NAMES, VALUES)))
def test_steps_and_results_agree(text, values):
    parsed, point = at(text, values)
    found = parsed.trace(point)
    backward = found.backward[0]
    assert same(found.values[found.outputs["result"]], parsed.eval(point))
    gradient = {found.names[node]: value for node, value in backward.gradient.items()}
    expected = parsed.grad(point)
    assert gradient.keys() == expected.keys()
    assert all(same(gradient[name], expected[name]) for name in expected)


@settings(deadline=None, max_examples=60)
@given(FORMULAS, st.fixed_dictionaries(dict.fromkeys(NAMES, VALUES)))
def test_contributions_add_up_to_adjoints(text, values):
    parsed, point = at(text, values)
    for step in parsed.trace(point).backward[0].steps[1:]:
        total = sum(edge.contribution for edge in step.received)
        scale = sum(abs(edge.contribution) for edge in step.received)
        if isfinite(scale):
            assert isclose(total, step.adjoint, rel_tol=1e-12, abs_tol=1e-14 * scale)


@settings(deadline=None, max_examples=60)
@given(FORMULAS, st.fixed_dictionaries(dict.fromkeys(NAMES, VALUES)))
def test_a_contribution_is_adjoint_times_local_partial(text, values):
    parsed, point = at(text, values)
    for step in parsed.trace(point).backward[0].steps:
        for edge in step.sent:
            if 0 in (step.adjoint, edge.partial) and edge.contribution == 0:
                continue  # what a decision did not take is 0, whatever its factors are
            expected = step.adjoint * edge.partial
            assert same(edge.contribution, expected) or isclose(edge.contribution, expected, rel_tol=1e-12)


@settings(deadline=None, max_examples=40)
@given(FORMULAS, st.fixed_dictionaries(dict.fromkeys(NAMES, VALUES)))
def test_rules_are_formulas_of_the_partial(text, values):
    parsed, point = at(text, values)
    found = parsed.trace(point)
    known = {found.names[node]: value for node, value in found.values.items() if found.names[node].isidentifier()}
    for step in found.backward[0].steps:
        for edge in step.sent:
            rule = parse(edge.rule)
            value = rule.eval({name: known[name] for name in rule.inputs})
            assert same(value, edge.partial) or isclose(value, edge.partial, rel_tol=1e-12)


@settings(deadline=None, max_examples=40)
@given(FORMULAS, st.fixed_dictionaries(dict.fromkeys(NAMES, VALUES)))
def test_steps_are_formulas_of_their_values(text, values):
    parsed, point = at(text, values)
    found = parsed.trace(point)
    known = {found.names[node]: value for node, value in found.values.items() if found.names[node].isidentifier()}
    for step in found.forward:
        if step.formula:
            formula = parse(step.formula)
            assert same(formula.eval({name: known[name] for name in formula.inputs}), step.value)


def test_orders():
    found = parse("a = x*y; b = sin(a); a*b + z").trace(x=1, y=2, z=3)
    place = {step.node: step.number for step in found.forward}
    assert [step.number for step in found.forward] == list(range(1, len(found.forward) + 1))
    assert all(
        place[operand] < place[node] for node in place for operand in found.graph.operands_of(node) if operand in place
    )
    back = {step.node: step.number for step in found.backward[0].steps}
    assert all(back[edge.user] < back[edge.operand] for step in found.backward[0].steps for edge in step.sent)
    assert [step.name for step in found.backward[0].steps][-3:] == ["z", "y", "x"]


def test_names_are_the_formulas_own_and_others_are_numbered_around_them():
    found = parse("v1 = x*2; sin(v1) + v1*y").trace(x=1, y=2)
    assert [step.name for step in found.forward] == ["x", "y", "v1", "v2", "v3", "result"]


def test_vectors_sum_what_was_stretched():
    found = parse("sum(v*x)").trace(x=2, v=[1, 2, 3])
    edges = {found.names[edge.operand]: edge for step in found.backward[0].steps for edge in step.sent}
    assert edges["x"].summed
    assert edges["x"].contribution == 6
    assert np.array_equal(edges["v"].contribution, [2, 2, 2])


def test_a_second_trace_shows_no_derivative_nodes():
    parsed = parse("x^3 * sin(x)")
    first = parsed.trace(x=2)
    parsed.grad(x=2)
    second = parsed.trace(x=2)
    assert second.as_dict() == first.as_dict()


@pytest.mark.parametrize(
    ("text", "point", "hit"),
    [
        ("abs(x) + y", {"x": 0, "y": 0}, ["abs"]),
        ("abs(x) + y", {"x": 1, "y": 0}, []),
        ("relu(x) + max(x, y)", {"x": 0, "y": 0}, ["relu", "max"]),
        ("sum(abs(v))", {"v": [1, 0, -1]}, ["abs"]),
        ("sum(abs(v))", {"v": [1, 2, -1]}, []),
        ("abs(0) + x", {"x": 1}, []),
        ("leaky_relu(x, 0.1)", {"x": 0}, ["leaky_relu"]),
    ],
)
def test_kinks(text, point, hit):
    found = parse(text).trace(point)
    assert [kink.operation for kink in found.kinks] == hit
    assert all(kink.convention for kink in found.kinks)


@pytest.mark.parametrize(
    ("text", "point", "born"),
    [
        ("log(x) + 1", {"x": -1}, ["v1"]),
        ("y = 1/x; z = log(0*y)", {"x": 0}, ["y"]),
        ("a = 1/x; b = log(-1-x); where(x > 0, b, a)", {"x": 0}, ["a"]),
        ("a = 1/x; b = log(-1-x); a + b", {"x": 0}, ["a", "b"]),
        ("a = 1/x; 1/a", {"x": 0}, []),
        ("x + 1", {"x": float("nan")}, ["x"]),
        ("x + nan", {"x": 1}, ["nan"]),
        ("sum(log(v))", {"v": [1, 0]}, ["v1"]),
    ],
)
def test_births(text, point, born):
    found = parse(text).trace(point)
    assert [found.names[node] for node in found.births] == born


def test_births_of_an_evaluation():
    bound = parse("exp(x) - exp(x)^2").bind(x=800)
    outputs = list(bound.program.outputs.values())
    values = bound.engine(outputs).evaluate(bound.graph, bound.values, outputs)
    assert [bound.graph.row(node).name for node in births(bound.graph, values, outputs)] == ["exp"]


def test_unused_inputs_are_named_and_have_a_gradient_of_zero():
    found = parse("a = x*w; y + 1").trace(x=1, w=2, y=3)
    assert sorted(found.unused) == ["w", "x"]
    assert found.as_dict()["gradients"]["result"] == {"x": 0.0, "w": 0.0, "y": 1.0}


def test_many_digits():
    found = parse("1/x").trace(x=3, digits=40)
    assert str(found.values[found.outputs["result"]]).startswith("0." + "3" * 40)


def test_python_graphs_have_traces_too():
    x, y = inputs("x y")
    found = formula((x + y) * y).trace(x=1, y=2)
    assert [step.numbers for step in found.forward] == ["", "", "1 + 2", "3 * 2"]


def test_no_backward_pass_without_variables():
    bound = parse("floor(x)").bind(x=1.5)
    found = trace(bound.graph, bound.program.outputs, bound.values, None, bound.engine)
    assert found.backward == []
    assert found.kinks == []


def test_json_says_the_same_as_the_trace(capsys):
    parsed = parse("f(a) = a*exp(a); f(x) + log(y)")
    assert start(["trace", "f(a) = a*exp(a); f(x) + log(y)", "x=0.1", "y=0", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    expected = parsed.trace(x=0.1, y=0).as_dict()

    def readable(value):
        if isinstance(value, dict):
            return {key: readable(item) for key, item in value.items()}
        if isinstance(value, list):
            return [readable(item) for item in value]
        return str(value) if isinstance(value, float) and not isfinite(value) else value

    assert printed == readable(expected)
    assert printed["calls"] == [{"call": 0, "name": "f", "parent": None}]
    assert {step["call"] for step in printed["forward"]} == {None, 0}


def test_long_chains_need_no_recursion():
    x, y = inputs("x y")
    result = x
    for _ in range(5 * sys.getrecursionlimit()):
        result = result * y + x
    found = formula(result).trace(x=0.5, y=0.5)
    assert len(found.forward) == 10 * sys.getrecursionlimit() + 2
    assert isclose(found.as_dict()["gradients"]["result"]["x"], 2.0)
