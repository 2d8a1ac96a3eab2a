"""Folding: every node is in exactly one box, and what a fold looks like."""

from __future__ import annotations

import re
from bisect import bisect_right

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cgcli as cg
from cgcli.api.sources import formula
from cgcli.explain.point import Point
from cgcli.formulas.drawing import picture_of
from cgcli.graph.store import Call, Graph
from cgcli.numerals import compact
from cgcli.ops.arithmetic import add, mul
from cgcli.ops.trigonometric import sin
from cgcli.render.dot import dot_text
from cgcli.render.folding import TARGET, fold
from cgcli.render.graphviz import render
from cgcli.render.picture import Picture

LOOPS = "f(z) = z*sin(z) - 1; step(x, i) = (x + i/x)/2; fold(step, x, range(1, 13)) + max(f(x + k) for k in range(12))"


@st.composite
def pictures(draw):
    """A random graph of inputs, numbers, one- and two-place operations, with random calls and outputs."""
    graph = Graph()
    nodes = [graph.input(f"x{number}") for number in range(draw(st.integers(1, 5)))]
    names = st.sampled_from(["f", "g", "h"])
    graph.calls = [Call(draw(names), draw(st.integers(-1, number // 4 - 1)), None) for number in range(20)]
    for _ in range(draw(st.integers(1, 80))):
        row = draw(st.sampled_from([add, mul, sin]))
        operands = [draw(st.sampled_from([*nodes, graph.constant(2.0)])) for _ in range(row.arity)]
        node = graph.apply(row, operands)
        call = draw(st.integers(-1, 19))
        if call >= 0:
            graph.scopes[node] = call
        nodes.append(node)
    outputs = draw(st.lists(st.sampled_from(nodes), min_size=1, max_size=3, unique=True))
    return Picture(Point(graph, {f"y{place}": node for place, node in enumerate(outputs)}))


@settings(max_examples=150, deadline=None)
@given(
    picture=pictures(), target=st.integers(1, 30), limit=st.sampled_from([0, 1000]), opened=st.sampled_from(["", "f"])
)
def test_every_node_is_in_exactly_one_group(picture, target, limit, opened):
    folding = fold(picture, limit=limit, target=target, opened=[opened])
    grouped = [node for group in folding.groups for node in group.nodes]
    assert sorted(grouped) == [node for node in picture.nodes if node not in picture.bare]
    assert all(source != user for source, user in folding.edges)
    dot_text(picture, folding)


@settings(max_examples=50, deadline=None)
@given(picture=pictures())
def test_an_edge_between_groups_is_an_edge_between_nodes_of_theirs(picture):
    folding = fold(picture, limit=0, target=5)
    expected = {
        (folding.group_of[operand], folding.group_of[node])
        for node in folding.group_of for operand in picture.graph.operands_of(node) if operand in folding.group_of
    }  # fmt: skip
    assert set(folding.edges) == {(source, user) for source, user in expected if source != user}


def boxes(text, **values):
    picture = picture_of(cg.parse(text), values)
    return fold(picture)


def test_a_small_picture_is_not_folded():
    folding = boxes(" + ".join(f"x{place}" for place in range(60)))
    assert len(folding.groups) == 119
    assert folding.note == ""


@pytest.mark.parametrize("text", [" + ".join(f"x{place}" for place in range(400)), "fold(hypot, x, range(200))"])
def test_the_middle_of_a_long_chain_is_folded_however_few_nodes_it_has(text):
    folding = boxes(text)
    assert [group.kind for group in folding.groups].count("rest") == 1
    assert len(folding.groups) <= TARGET


def test_a_long_sum_keeps_both_ends():
    folding = boxes(" + ".join(f"x{place}" for place in range(5000)))
    assert folding.note == "9,999 nodes are folded into 22 boxes"
    (middle,) = (group for group in folding.groups if group.kind == "rest")
    assert len(middle.nodes) == 9999 - 21


def test_the_calls_of_a_long_fold_are_boxes():
    text = "step(s, i) = [s[0] + s[1], sin(s[0])]; fold(step, [x, 1], range(600))[0]"
    folding = boxes(text)
    assert [group.label for group in folding.groups if group.kind == "calls"] == ["step × 598"]
    assert len(folding.groups) <= TARGET


@pytest.mark.parametrize("text", [
    "step(s, i) = [s[0] + s[1], sin(s[0])]; fold(step, [x, 1], range(100))[0]",
    "g(z) = z*exp(-z); step(s, i) = s + 0.1*(g(s) - g(s/2)*sin(s + i)); fold(step, x, range(100))",
    "input v[100]; f(z) = sin(2*z) + z^2; sum([f(z) for z in v]) * x",
    "input v[100]; f(z) = sin(2*z) + z^2; g(s, z) = s*z + 1/s; [f(z) for z in v] @ v + fold(g, x, v)",
])  # fmt: skip
@pytest.mark.parametrize("grad", [False, True])
def test_a_hundred_calls_are_a_narrow_picture(text, grad):
    values = {"x": 0.5, "v": [1 + place / 100 for place in range(100)]} if "v[" in text else {"x": 0.5}
    picture = picture_of(cg.parse(text), values, grad=grad, of="result")
    folding = fold(picture)
    assert any(group.label.endswith(" × 98") for group in folding.groups)
    assert len(folding.groups) <= TARGET
    svg = render(dot_text(picture, folding), "svg").decode()
    wide, high = (float(size) for size in re.search(r'width="([\d.]+)pt" height="([\d.]+)pt"', svg).groups())
    assert max(wide, high) * 96 / 72 <= 3000  # pixels of a PNG


@pytest.mark.parametrize(("name", "of"), [("kepler", "E"), ("kepler", "true_anomaly"), ("pendulum", None)])
@pytest.mark.parametrize("grad", [False, True])
def test_samples_with_many_steps_are_narrow_pictures(name, of, grad):
    picture = picture_of(cg.load(f"samples/{name}.cg"), {}, grad=grad, of=of)
    svg = render(dot_text(picture, fold(picture)), "svg").decode()
    assert float(re.search(r'width="([\d.]+)pt"', svg)[1]) * 96 / 72 <= 3000


def test_few_nodes_are_drawn_as_they_are():
    assert {group.kind for group in boxes("step(x, i) = (x + a/x)/2; fold(step, 1, range(6))").groups} == {"node"}


def test_an_opened_function_is_drawn_call_by_call_and_all_draws_everything():
    picture = picture_of(cg.parse(LOOPS), {})
    kinds = {group.label for group in fold(picture).groups if group.kind == "calls"}
    assert kinds == {"step × 10", "f × 10"}
    opened = fold(picture, opened=["step"])
    assert [group.label for group in opened.groups if group.kind == "calls"] == ["f × 10"]
    shown = {node for group in opened.groups if group.kind == "node" for node in group.nodes}
    calls, scopes = picture.graph.calls, picture.graph.scopes
    assert {node for node, call in scopes.items() if calls[call].name == "step" and node in picture.nodes} <= shown
    assert {group.kind for group in fold(picture, limit=None).groups} == {"node"}


def test_an_opened_function_stays_open_in_a_large_picture():
    text = "g(z) = z*exp(-z); h(z) = g(z) + g(z^2); step(s, i) = s + 0.1*h(s + i); fold(step, x, range(300))"
    picture = picture_of(cg.parse(text), {})
    shown = {node for group in fold(picture, opened=["step"]).groups if group.kind == "node" for node in group.nodes}
    calls, scopes = picture.graph.calls, picture.graph.scopes
    assert {node for node, call in scopes.items() if calls[call].name == "step"} <= shown
    assert not any(calls[scopes[node]].name == "g" for node in shown if node in scopes)


def test_what_a_fold_of_calls_gets_and_gives_has_its_numbers():
    f = cg.parse("step(x, i) = x + a*sin(x + i); fold(step, x, range(40))")
    text = dot_text(picture := picture_of(f, {"x": 0.3, "a": 0.1}, grad=True), folding := fold(picture, widest=10**6))
    (number,) = (number for number, group in enumerate(folding.groups) if group.kind == "calls")
    (last,) = folding.exits(picture)[number]
    inside = set(folding.groups[number].nodes)
    a = next(node for node in picture.nodes if picture.names[node] == "a")
    graph = picture.graph
    into = sum(part for edge, part in picture.contributions.items()
               if graph.operands[edge] == a and bisect_right(graph.start, edge) - 1 in inside)  # fmt: skip
    box = next(line for line in text.splitlines() if "step × 38" in line)
    assert compact(picture.values[last]) in box
    assert compact(picture.adjoints[last]) in box
    arrow = next(line for line in text.splitlines() if line.startswith(f"  n{a} -> ") and compact(into) in line)
    assert f"-> n{folding.groups[number].nodes[0]} " in arrow


def test_what_is_repeated_is_one_box():
    graph = Graph()
    squares = [sin(graph.ref(graph.input(f"x{place}"))) for place in range(800)]
    while len(squares) > 1:
        squares = [squares[place] * squares[place + 1] for place in range(0, len(squares) - 1, 2)] + (
            [squares[-1]] if len(squares) % 2 else []
        )
    folding = fold(picture_of(formula(squares[0]), {}))
    alike = {(group.label, len(group.nodes)) for group in folding.groups if group.kind == "alike"}
    assert {("inputs", 800), ("sin", 800), ("×", 400)} <= alike


def test_very_many_nodes_are_folded():
    graph = Graph()
    value = graph.ref(graph.input("x"))
    for _ in range(20_000):
        value = sin(value * 0.5 + 1)
    folding = fold(picture_of(formula(value), {"x": 1.0}, grad=True))
    assert sum(len(group.nodes) for group in folding.groups) == 60_001
    assert len(folding.groups) <= TARGET
