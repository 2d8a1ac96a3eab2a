"""Large graphs: differentiation by patterns builds what differentiation node by node builds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cgcli as cg
from cgcli import loops
from cgcli.engines import engine
from cgcli.graph.lint import lint
from cgcli.graph.store import Graph
from cgcli.ops import named
from cgcli.passes import differentiate as module
from cgcli.passes.backward import handed_on
from cgcli.passes.differentiate import Derivatives, differentiate
from cgcli.passes.stamping import stamped

OPERATIONS = ("add", "mul", "sub", "div", "pow", "sin", "exp", "tanh", "max", "abs", "where", "neg", "hypot", "sqrt",
              "log", "relu")  # fmt: skip
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
    if by_patterns:
        columns = stamped(graph, outputs, [0, 1, 2], [graph.constant(1.0)] * len(outputs), handed_on)
        assert columns is not None
        found = Derivatives(graph, *columns)
    else:
        found = differentiate(graph, outputs, [0, 1, 2])
    adjoints = [found.adjoint_of(node) for node in range(len(found.adjoint))]
    return adjoints, [found.contribution_of(edge) for edge in range(len(found.contribution))]


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
    for found in (graph, twin):
        assert all(origin < len(adjoints) <= node for node, origin in found.origins)
    pairs = list(zip(adjoints + given_by, expected + expected_by, strict=True))
    for point in ({"x": 0.7, "y": -1.3, "z": 2.0}, {"x": 0.0, "y": 0.0, "z": 1.0}, {"x": 1e200, "y": -0.0, "z": 0.0}):
        ours = engine("python").evaluate(graph, point, [a for a, _ in pairs if a >= 0])
        theirs = engine("python").evaluate(twin, point, [b for _, b in pairs if b >= 0])
        for a, b in pairs:  # one that is missing is 0: a constant says so, which only one of the ways looks at
            one, other = ours[a] if a >= 0 else 0.0, theirs[b] if b >= 0 else 0.0
            assert one == other or (one != one and other != other)


def test_machine_code_builds_the_same_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("numba", reason="the loops are machine code only where the extra `native` is installed")

    def built() -> Graph:
        steps = [f"a{i + 1} = sin(a{i}*y)^2 + x/3" for i in range(50)]
        graph = cg.parse("; ".join(["a0 = x + 0", *steps])).graph
        stamped(graph, [len(graph) - 1], [0, 1], [graph.constant(1.0)], handed_on)
        return graph

    plain = built()
    monkeypatch.setattr("cgcli.passes.stamping.compiled", loops.compiled)
    machine = built()
    for column in COLUMNS:
        assert list(getattr(plain, column)) == list(getattr(machine, column)), column


def test_large_graphs_go_by_patterns(monkeypatch: pytest.MonkeyPatch) -> None:
    formula = cg.parse("x*y + sin(x)^3")
    expected = formula.grad(x=0.5, y=2.0)
    monkeypatch.setattr(module, "LARGE", (0, 0, 0))
    assert cg.parse("x*y + sin(x)^3").grad(x=0.5, y=2.0) == expected


def test_vectors_and_doubled_outputs_are_left_to_the_walk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGE", (0, 0, 0))
    assert cg.parse("sum([x, y]*2)").grad(x=1, y=2) == {"x": 2.0, "y": 2.0}
    graph = Graph()
    x = graph.input("x")
    y = graph.apply(named("sin"), [x])
    found = differentiate(graph, [y, y], [x])
    assert engine("python").evaluate(graph, {"x": 0.0}, [found.wrt(x)])[found.wrt(x)] == 2.0


def side_by_side(graph: Graph, ends: list[int], steps: list[tuple[str, int, bool]]) -> int:
    """The sum of columns to which the same is done step by step: their adjoints are equal because those above are."""
    for name, factor, first in steps:
        row = named(name)
        ends = [graph.apply(row, ([factor, end] if first else [end, factor])[: row.arity]) for end in ends]
    while len(ends) > 1:
        ends = [*ends[2:], graph.apply(named("add"), ends[:2])]
    return ends[0]


@st.composite
def alike(draw: st.DrawFn) -> Graph:
    """Graphs in which derivatives become equal because others did, many times over."""
    graph = Graph()
    leaves = [graph.input(name) for name in "xyz"] + [graph.constant(value) for value in (2.0, 3.0, 100.0)]
    leaves.append(graph.apply(named("sin"), leaves[:1]))
    steps = st.tuples(
        st.sampled_from(["mul", "mul", "mul", "add", "sub", "sin"]), st.sampled_from(leaves), st.booleans()
    )
    for _ in range(draw(st.integers(1, 3))):
        ends = draw(st.lists(st.sampled_from(leaves), min_size=1, max_size=4, unique=True))
        leaves.append(side_by_side(graph, ends, draw(st.lists(steps, max_size=8))))
    side_by_side(graph, leaves, draw(st.lists(steps, max_size=3)))
    return graph


def content(graph: Graph) -> list[tuple[int, ...]]:
    """What tells nodes apart."""
    return [(graph.op[node], graph.payload[node], *graph.operands_of(node)) for node in range(len(graph))]


@settings(max_examples=200, deadline=None)
@given(st.one_of(graphs(), alike()), st.data())
def test_equal_nodes_are_one(graph: Graph, data: st.DataObject) -> None:
    last = len(graph) - 1
    outputs = data.draw(st.lists(st.integers(0, last), max_size=2, unique=True).filter(lambda some: last not in some))
    outputs.append(last)
    seeds = [graph.constant(data.draw(st.sampled_from([1.0, 0.5]))), last, 0]
    with pytest.MonkeyPatch.context() as patch:
        for name, values in (("SPACING", [1, 4]), ("NEAR", [1, 4, 32]), ("TRIES", [1, 2, 16])):
            patch.setattr(f"cgcli.passes.stamping.{name}", data.draw(st.sampled_from(values)))
        for repeated in (False, True):
            for seed in seeds:
                before = len(graph)
                found = stamped(graph, outputs, [0, 1, 2], [seed] * len(outputs), handed_on)
                assert found is not None
                lint(graph)
                held = content(graph)
                assert len(set(held)) == len(held)
                assert len(held) == before or not repeated, "all of it was there already"


def test_adjoints_are_equal_because_those_above_are() -> None:
    graph = Graph()
    x, y, z, *factors = [graph.input(name) for name in ["x", "y", "z", *(f"f{i}" for i in range(30))]]
    result = side_by_side(graph, [x, y, z], [("mul", factor, factor % 2 == 0) for factor in factors])
    found = stamped(graph, [result], [x, y, z, *factors], [graph.constant(1.0)], handed_on)
    assert found is not None
    adjoint = found[0]
    assert adjoint[x] == adjoint[y] == adjoint[z]
    held = content(graph)
    assert len(set(held)) == len(held)


def test_very_many_users_of_one_node_are_told_apart() -> None:
    """All terms receive the same adjoint, and it is the latest operand of what they hand on."""
    terms = [f"a{i}*b{i} + b{i}*a{i} + a{i % 7}*b{i}" for i in range(100)]
    graph = cg.parse(f"tanh({' + '.join(terms)})").graph
    found = stamped(graph, [len(graph) - 1], list(graph.inputs().values()), [graph.constant(1.0)], handed_on)
    assert found is not None
    held = content(graph)
    assert len(set(held)) == len(held)
