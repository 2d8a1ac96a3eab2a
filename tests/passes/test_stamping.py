"""Large graphs: differentiation by patterns builds what differentiation node by node builds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cgcli as cg
from cgcli.engines import engine
from cgcli.graph import loops
from cgcli.graph.lint import lint
from cgcli.graph.store import Graph
from cgcli.ops import named
from cgcli.passes import differentiate as module
from cgcli.passes.differentiate import contributions, differentiate
from cgcli.passes.stamping import stamped

OPERATIONS = ("add", "mul", "sub", "div", "pow", "sin", "exp", "tanh", "max", "abs", "where", "neg", "hypot")
CONSTANTS = (0.0, 1.0, -1.0, 2.0, 0.5, 3.0, 100.0)
COLUMNS = ("op", "start", "operands", "payload", "shape")


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Random graphs of scalars with three inputs."""
    graph = Graph()
    nodes = [graph.input(name) for name in "xyz"] + [graph.constant(value) for value in CONSTANTS]
    for _ in range(draw(st.integers(1, 25))):
        row = named(draw(st.sampled_from(OPERATIONS)))
        nodes.append(graph.apply(row, [draw(st.sampled_from(nodes)) for _ in range(row.arity)]))
    return graph


def differentiated(graph: Graph, outputs: list[int], *, by_patterns: bool) -> tuple[list[int], list[int]]:
    if not by_patterns:
        found = differentiate(graph, outputs, [0, 1, 2])
        return list(found.adjoint), list(found.contribution)
    columns = stamped(graph, outputs, [0, 1, 2], [graph.constant(1.0)] * len(outputs), contributions)
    assert columns is not None
    return list(columns[0]), list(columns[1])


@pytest.fixture(autouse=True, scope="module")
def plain_python() -> Iterator[None]:
    """The loops as they are: compiling them takes longer than these graphs are worth."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cgcli.passes.stamping.compiled", lambda loop: loop)
        yield


@settings(max_examples=150, deadline=None)
@given(graphs(), st.data())
def test_both_ways_compute_the_same(graph: Graph, data: st.DataObject) -> None:
    outputs = data.draw(st.lists(st.integers(0, len(graph) - 1), min_size=1, max_size=3, unique=True))
    twin = Graph()
    copies = [twin.copy_node(graph, node, graph.operands_of(node)) for node in range(len(graph))]
    assert copies == list(range(len(graph)))
    adjoints, given_by = differentiated(graph, outputs, by_patterns=True)
    expected, expected_by = differentiated(twin, outputs, by_patterns=False)
    lint(graph)
    assert [node < 0 for node in adjoints] == [node < 0 for node in expected]
    assert [node < 0 for node in given_by] == [node < 0 for node in expected_by]
    point = {"x": 0.7, "y": -1.3, "z": 2.0}
    pairs = [(a, b) for a, b in zip(adjoints + given_by, expected + expected_by, strict=True) if a >= 0]
    ours = engine("python").evaluate(graph, point, [a for a, _ in pairs])
    theirs = engine("python").evaluate(twin, point, [b for _, b in pairs])
    for a, b in pairs:
        assert ours[a] == theirs[b] or (ours[a] != ours[a] and theirs[b] != theirs[b])


def test_machine_code_builds_the_same_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("numba", reason="the loops are machine code only where the extra `native` is installed")

    def built() -> Graph:
        steps = [f"a{i + 1} = sin(a{i}*y)^2 + x/3" for i in range(50)]
        graph = cg.parse("; ".join(["a0 = x + 0", *steps])).graph
        stamped(graph, [len(graph) - 1], [0, 1], [graph.constant(1.0)], contributions)
        return graph

    plain = built()
    monkeypatch.setattr("cgcli.passes.stamping.compiled", loops.compiled)
    machine = built()
    for column in COLUMNS:
        assert list(getattr(plain, column)) == list(getattr(machine, column)), column


def test_large_graphs_go_by_patterns(monkeypatch: pytest.MonkeyPatch) -> None:
    formula = cg.parse("x*y + sin(x)^3")
    expected = formula.grad(x=0.5, y=2.0)
    monkeypatch.setattr(module, "LARGE", 0)
    monkeypatch.setattr(module, "LARGE_ONCE_LOADED", 0)
    assert cg.parse("x*y + sin(x)^3").grad(x=0.5, y=2.0) == expected


def test_vectors_and_doubled_outputs_are_left_to_the_walk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGE", 0)
    monkeypatch.setattr(module, "LARGE_ONCE_LOADED", 0)
    assert cg.parse("sum([x, y]*2)").grad(x=1, y=2) == {"x": 2.0, "y": 2.0}
    graph = Graph()
    x = graph.input("x")
    y = graph.apply(named("sin"), [x])
    found = differentiate(graph, [y, y], [x])
    assert engine("python").evaluate(graph, {"x": 0.0}, [found.wrt(x)])[found.wrt(x)] == 2.0
