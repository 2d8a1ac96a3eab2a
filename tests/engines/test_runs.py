"""The loop over runs, node by node and in vectors, computes what the scalar engine computes."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cgcli as cg
from cgcli.engines import choose, engine
from cgcli.errors import GraphError, UsageError
from cgcli.formulas.derivatives import gradient_nodes
from cgcli.graph.edit import EditableGraph
from cgcli.graph.store import Graph
from cgcli.ops import REGISTRY, Operation, named
from cgcli.passes.schedule import schedule

pytest.importorskip("llvmlite", reason="the native engine needs the extra `native`")

from cgcli.engines.native.tape import Tape

WIDTH = 37
"""Nodes of one kind side by side: more than a vector, and no whole number of vectors."""


def wide(row_name: str) -> tuple[Graph, list[int], dict[str, float]]:
    """Many nodes of one operation, each on inputs of its own."""
    graph, row = Graph(), named(row_name)
    point: dict[str, float] = {}
    nodes: list[int] = []
    for number in range(WIDTH):
        operands = []
        for place in range(row.arity):
            low, high = row.domain[place]
            low, high = max(low, -3.0), min(high, 3.0)
            name = f"x{number}_{place}"
            point[name] = low + (high - low) * (number + 0.5 + 0.25 * place) / (WIDTH + 1)
            operands.append(graph.input(name))
        nodes.append(graph.apply(row, operands))
    return graph, nodes, point


ROWS = [
    row.name for row in REGISTRY.rows
    if row.elementwise and row.arity and not row.variadic and row.prepare is None and "internal" not in row.traits
]  # fmt: skip


@pytest.mark.parametrize("name", ROWS)
def test_wide_runs(name: str) -> None:
    graph, nodes, point = wide(name)
    native = engine("native")
    if native.lacks(graph, nodes):
        return
    assert native._runs(graph, nodes) is not None, "compiled node by node, which takes minutes for a large graph"
    assert len(schedule(graph, nodes).runs) == 1 or named(name).definition is not None
    expected = engine("python").evaluate(graph, point, nodes)
    found = native.evaluate(graph, point, nodes)
    for node in nodes:
        assert found[node] == pytest.approx(expected[node], rel=1e-13, abs=1e-15, nan_ok=True)


def test_runs_of_equal_operations_are_one() -> None:
    formula = cg.parse("sum(sin(x*i) for i in range(40))")
    plan = schedule(formula.graph, [len(formula.graph) - 1])
    assert not plan.node_by_node
    assert len(plan.runs) < len(plan.order) // 3
    assert sum(length for _, length in plan.runs.tolist()) == len(plan.order) - plan.leaves


def test_deep_graphs_go_node_by_node() -> None:
    formula = cg.parse("step(s, i) = sin(s) + y/2; fold(step, x, range(200))")
    graph = formula.graph
    assert schedule(graph, [len(graph) - 1]).node_by_node
    assert formula.eval(x=0.3, y=0.1, engine="native") == pytest.approx(formula.eval(x=0.3, y=0.1), rel=1e-12)
    assert formula.grad(x=0.3, y=0.1, engine="native") == pytest.approx(formula.grad(x=0.3, y=0.1), rel=1e-10)


def test_schedule_puts_operands_first() -> None:
    graph = cg.parse("a = x*y; b = a + sin(x); c = b*a - exp(b); c/(a + b) + c^2").graph
    plan = schedule(graph, [len(graph) - 1])
    for node in plan.order.tolist():
        assert all(plan.place[operand] < plan.place[node] for operand in graph.operands_of(node))


def test_inputs_that_are_missing_or_not_needed() -> None:
    graph = Graph()
    x, y = graph.input("x"), graph.input("y")
    sine = graph.apply(named("sin"), [x])
    native = engine("native")
    values = native.evaluate(graph, {"x": 0.5}, [sine])
    assert values[y] is None
    assert len(values) == len(graph)
    with pytest.raises(UsageError, match="`x`"):
        native.evaluate(graph, {"y": 1.0}, [sine])


def test_large_graphs_choose_the_native_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    formula = cg.parse("sum(sin(x*i) for i in range(40))")
    graph = formula.graph
    assert choose(graph, [len(graph) - 1]).name == "python"
    monkeypatch.setattr("cgcli.engines.MANY_NODES", 10)
    monkeypatch.setattr("cgcli.engines.MANY_NODES_WITH_IMPORT", 10)
    assert choose(graph, [len(graph) - 1]).name == "native"


def test_value_and_gradient_keep_their_loops_side_by_side() -> None:
    formula = cg.parse("sum(sin(x*i) for i in range(40))")
    bound, nodes = gradient_nodes(formula.bind(x=1.0))
    graph, native = bound.graph, engine("native")
    result, slope = bound.program.outputs["result"], nodes["result"]["x"]
    first, second = native._runs(graph, [result]), native._runs(graph, [result, slope])
    assert native._runs(graph, [result]) is first
    assert native._runs(graph, [result, slope]) is second


def test_rows_in_single_precision() -> None:
    formula = cg.parse("exp(sin(x*x))*y")
    x, y = np.linspace(-2, 2, 1001), np.linspace(0, 1, 1001)
    single = formula.eval_rows(x=x, y=y, dtype="float32")
    assert single.dtype == np.float32
    assert single == pytest.approx(formula.eval_rows(x=x, y=y), rel=1e-5)
    slopes = formula.grad_rows(x=x, y=y, dtype="float32")
    assert slopes["y"] == pytest.approx(formula.grad_rows(x=x, y=y)["y"], rel=1e-5)
    with pytest.raises(UsageError, match="float16"):
        formula.eval_rows(x=x, y=y, dtype="float16")
    with pytest.raises(UsageError, match="float32"):
        formula.eval_rows(x=x, y=y, dtype="float32", engine="numpy")


EXACT = [named(name) for name in ("add", "sub", "mul", "div", "where", "abs", "sqrt", "less", "fmod")]
"""Operations whose results IEEE 754 rounds in one way only: every engine has the same bits."""

ROUNDED = [named(name) for name in ("sin", "exp", "tanh", "log", "sigmoid", "max", "min")]
"""What the native engine computes in its own way: to a few units in the last place, and either zero of 0 and -0."""


@st.composite
def deep_graphs(draw: st.DrawFn, steps: list[Operation]) -> tuple[Graph, dict[str, float]]:
    """Graphs in which nearly every node uses the one before: as one operand, as several, or now and then not at all."""
    graph = Graph()
    point = {name: draw(st.floats(-2, 2)) for name in ("x", "y")}
    nodes = [graph.input(name) for name in point] + [graph.constant(0.75)]
    for _ in range(draw(st.integers(1, 60))):
        row = draw(st.sampled_from(steps))
        recent = st.sampled_from([nodes[-1], nodes[-1], nodes[-2], nodes[draw(st.integers(0, len(nodes) - 1))]])
        nodes.append(graph.apply(row, [draw(recent) for _ in range(row.arity)]))
    return graph, point


@given(deep_graphs(EXACT))
@settings(max_examples=60, deadline=None)
def test_the_tape_computes_what_the_scalar_engine_computes(case: tuple[Graph, dict[str, float]]) -> None:
    graph, point = case
    wanted = [len(graph) - 1, len(graph) // 2]
    expected = engine("python").evaluate(graph, point, wanted)
    found = engine("native").evaluate(graph, point, wanted)
    for node in wanted:
        assert found[node] == pytest.approx(expected[node], rel=0, abs=0, nan_ok=True)


@given(deep_graphs(EXACT + ROUNDED))
@settings(max_examples=60, deadline=None)
def test_every_node_of_a_tape_is_what_its_operands_make_of_it(case: tuple[Graph, dict[str, float]]) -> None:
    """Each is judged by the operands that were found: a last digit is nobody's fault, and a difference blows it up."""
    graph, point = case
    wanted = list(range(len(graph)))
    found = engine("native").evaluate(graph, point, wanted)
    for node in wanted:
        row, operands = graph.row(node), graph.operands_of(node)
        if operands:
            expected = row(*(found[operand] for operand in operands))
            assert found[node] == pytest.approx(expected, rel=1e-14, abs=1e-322, nan_ok=True)


def test_what_the_last_node_computed_is_at_hand() -> None:
    """Operands that are the result of the node before are not read from memory."""
    formula = cg.parse("step(s, i) = s*s + y; fold(step, x, range(50))")
    graph = formula.graph
    tape = Tape(schedule(graph, [len(graph) - 1]))
    names = [(tape.kinds[kind][0].name, at_hand) for kind, at_hand in tape.codes]
    assert sorted(names) == [("add", 1), ("mul", 0), ("mul", 3)]
    assert tape.stream[-1] == len(tape.codes)
    assert len(tape.stream) == 100 + 50 + 2 + 1  # the codes, the places of y, those of the first square, the end


def test_answers_outlive_the_next_evaluation() -> None:
    """The memory of an answer is used again only when nobody holds the answer any more."""
    formula = cg.parse("sum(sin(x*i) for i in range(40))")
    graph, native = formula.graph, engine("native")
    result = len(graph) - 1
    first = native.evaluate(graph, {"x": 0.25}, [result])
    kept = first[result]
    second = native.evaluate(graph, {"x": 0.5}, [result])
    assert first[result] == kept
    assert second[result] != kept
    del first, second
    assert native.evaluate(graph, {"x": 0.25}, [result])[result] == kept


def test_answers_of_several_threads() -> None:
    formula = cg.parse("step(s, i) = sin(s) + y/2; fold(step, x, range(2000))")
    graph, native = formula.graph, engine("native")
    result = len(graph) - 1
    points = [{"x": place / 7, "y": place / 11} for place in range(40)]
    expected = [native.evaluate(graph, point, [result])[result] for point in points]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda point: native.evaluate(graph, point, [result])[result], points * 5))
    assert found == expected * 5


def test_an_edited_graph_is_refused_until_it_is_rebuilt() -> None:
    graph = cg.parse("sin(a - b)").graph
    edited = EditableGraph(graph)
    inputs, result, native = edited.inputs(), len(edited) - 1, engine("native")
    point = {"a": 5.0, "b": 1.0}
    assert native.evaluate(edited, point, [result])[result] == pytest.approx(math.sin(4))
    edited.replace(result - 1, edited.apply(named("add"), [inputs["a"], inputs["b"]]), reason="another sign")
    with pytest.raises(GraphError, match="rebuilt"):
        native.evaluate(edited, point, [result])


def test_programs_for_several_wanted_sets_stay() -> None:
    formula = cg.parse("sum(sin(x*i) for i in range(40))")
    graph, native = formula.graph, engine("native")
    wanted = [[len(graph) - 1 - place] for place in range(5)]
    programs = [native._runs(graph, each) for each in wanted]
    assert [native._runs(graph, each) for each in wanted] == programs


def test_few_large_programs_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cgcli.engines.native.engine.MOST_NODES", 100)
    formula = cg.parse("sum(sin(x*i) for i in range(40))")
    graph, native = formula.graph, engine("native")
    first, second, third = ([len(graph) - 1 - place] for place in range(3))
    programs = [native._runs(graph, each) for each in (first, second)]
    assert [native._runs(graph, each) for each in (first, second)] == programs
    native._runs(graph, third)
    assert native._runs(graph, second) is programs[1]
    assert native._runs(graph, first) is not programs[0]
