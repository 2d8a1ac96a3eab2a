"""Folding: every node is in exactly one box, and what a fold looks like."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

import cgcli as cg
from cgcli.api.sources import formula
from cgcli.explain.point import Point
from cgcli.formulas.drawing import picture_of
from cgcli.graph.store import Call, Graph
from cgcli.ops.arithmetic import add, mul
from cgcli.ops.trigonometric import sin
from cgcli.render.dot import dot_text
from cgcli.render.folding import TARGET, fold
from cgcli.render.picture import Picture


@st.composite
def pictures(draw):
    """A random graph of inputs, numbers, one- and two-place operations, with random calls and outputs."""
    graph = Graph()
    nodes = [graph.input(f"x{number}") for number in range(draw(st.integers(1, 5)))]
    graph.calls = [Call(f"f{number}", draw(st.integers(-1, number - 1)), None) for number in range(4)]
    for _ in range(draw(st.integers(1, 60))):
        row = draw(st.sampled_from([add, mul, sin]))
        operands = [draw(st.sampled_from([*nodes, graph.constant(2.0)])) for _ in range(row.arity)]
        node = graph.apply(row, operands)
        call = draw(st.integers(-1, 3))
        if call >= 0:
            graph.scopes[node] = call
        nodes.append(node)
    outputs = draw(st.lists(st.sampled_from(nodes), min_size=1, max_size=3, unique=True))
    return Picture(Point(graph, {f"y{place}": node for place, node in enumerate(outputs)}))


@settings(max_examples=150, deadline=None)
@given(picture=pictures(), target=st.integers(1, 30))
def test_every_node_is_in_exactly_one_group(picture, target):
    folding = fold(picture, limit=0, target=target)
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
    folding = boxes(" + ".join(f"x{place}" for place in range(500)))
    assert len(folding.groups) == 999
    assert folding.note == ""


def test_a_long_sum_keeps_both_ends():
    folding = boxes(" + ".join(f"x{place}" for place in range(5000)))
    assert folding.note == "9,999 nodes are folded into 22 boxes"
    (middle,) = (group for group in folding.groups if group.kind == "rest")
    assert len(middle.nodes) == 9999 - 21


def test_the_calls_of_a_long_fold_are_boxes():
    text = "step(s, i) = [s[0] + s[1], sin(s[0])]; fold(step, [x, 1], range(600))[0]"
    folding = boxes(text)
    steps = [group for group in folding.groups if group.kind == "call"]
    assert {group.label for group in steps} == {"step"}
    assert len(folding.groups) <= TARGET


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
