"""A repeated evaluation goes by what was worked out the first time, and gives what a first one would."""

from __future__ import annotations

import gc
import pickle
import tracemalloc
import weakref

import numpy as np
import pytest

import cgcli as cg
from cgcli.engines.mpmath import MpmathEngine
from cgcli.engines.numpy import ENGINE as NUMPY
from cgcli.engines.planned import PlannedEngine
from cgcli.engines.python import ENGINE as PYTHON
from cgcli.errors import GraphError, ShapeError, UsageError
from cgcli.graph.edit import EditableGraph
from cgcli.graph.store import MADE_ONCE, Graph
from cgcli.ops import arithmetic, logic, trigonometric
from tests.kept.keeping import everything_kept

ENGINES: dict[str, PlannedEngine] = {"python": PYTHON, "numpy": NUMPY, "mpmath": MpmathEngine()}
"""Those that go node by node."""


@pytest.fixture(params=list(ENGINES))
def chosen(request: pytest.FixtureRequest) -> PlannedEngine:
    return ENGINES[request.param]


def graph_of_three() -> tuple[Graph, list[int]]:
    """x*y, its sine, and y where x is not 0, else the sine: nodes of two, one and three operands."""
    graph = Graph()
    x, y = graph.input("x"), graph.input("y")
    product = graph.apply(arithmetic.mul, [x, y])
    sine = graph.apply(trigonometric.sin, [product])
    return graph, [product, sine, graph.apply(logic.where, [x, y, sine])]


# ---- plans -----------------------------------------------------------------------------------------------------------


def test_a_plan_is_made_once_and_serves_other_inputs(chosen: PlannedEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    graph, wanted = graph_of_three()
    made = []
    planned = type(chosen).planned
    monkeypatch.setattr(type(chosen), "planned", lambda self, *given: made.append(given) or planned(self, *given))
    for x, y in ((2.0, 3.0), (0.0, 5.0), (1.5, -2.0)):
        values = chosen.evaluate(graph, {"x": x, "y": y}, wanted)
        sine = float(np.sin(x * y))
        assert [float(values[node]) for node in wanted] == pytest.approx([x * y, sine, y if x else sine])
    assert len(made) == 1


def test_a_graph_that_grew_keeps_its_plans_and_gets_new_ones(chosen: PlannedEngine) -> None:
    graph, wanted = graph_of_three()
    before = chosen.evaluate(graph, {"x": 2, "y": 3}, wanted)[wanted[1]]
    more = graph.apply(arithmetic.add, [wanted[1], graph.input("z")])
    assert chosen.evaluate(graph, {"x": 2, "y": 3}, wanted)[wanted[1]] == before
    assert float(chosen.evaluate(graph, {"x": 2, "y": 3, "z": 1}, [more])[more]) == pytest.approx(float(before) + 1)


def test_rows_of_a_graph_that_grew() -> None:
    formula = cg.parse("sin(x)*y + 2")
    x, y = np.linspace(0, 1, 5), np.linspace(1, 2, 5)
    first = formula.eval_rows(x=x, y=y)
    slopes = formula.grad_rows(x=x, y=y)
    assert np.array_equal(formula.eval_rows(x=x, y=y), first)
    assert np.array_equal(formula.grad_rows(x=x, y=y)["y"], slopes["y"])


def test_positions_that_were_given_out_anew_need_a_new_plan(chosen: PlannedEngine) -> None:
    graph, wanted = graph_of_three()
    work = EditableGraph(graph)
    chosen.evaluate(work, {"x": 2, "y": 3}, wanted[:1])
    work.replace(wanted[0], work.apply(arithmetic.add, [0, 1]), "a test")
    with pytest.raises(GraphError):
        chosen.evaluate(work, {"x": 2, "y": 3}, wanted[:1])
    moved = work.rebuild()
    node = moved[wanted[0]]
    assert chosen.evaluate(work, {"x": 2, "y": 3}, [node])[node] == 5
    assert chosen.evaluate(graph, {"x": 2, "y": 3}, wanted[:1])[wanted[0]] == 6


def test_a_graph_keeps_a_few_plans_only_and_no_engine_keeps_a_graph(chosen: PlannedEngine) -> None:
    graph, _ = graph_of_three()
    node = graph.input("x")
    for _ in range(3 * MADE_ONCE):
        node = graph.apply(arithmetic.add, [node, 0])
        assert chosen.evaluate(graph, {"x": 1}, [node])[node] > 1
        assert len(graph._made_once) <= MADE_ONCE
    gone = weakref.ref(graph)
    del graph
    gc.collect()
    assert gone() is None


def test_plans_are_not_pickled(chosen: PlannedEngine) -> None:
    graph, wanted = graph_of_three()
    size = len(pickle.dumps(graph))
    expected = chosen.evaluate(graph, {"x": 2, "y": 3}, wanted)[wanted[2]]
    assert len(pickle.dumps(graph)) == size
    copy = pickle.loads(pickle.dumps(graph))
    assert copy.inputs() == {"x": 0, "y": 1}
    assert chosen.evaluate(copy, {"x": 2, "y": 3}, wanted)[wanted[2]] == expected


def test_a_missing_input_is_told_every_time(chosen: PlannedEngine) -> None:
    graph, wanted = graph_of_three()
    for given in ({"x": 1}, {"x": 1, "y": 2}, {"x": 1}):
        if "y" in given:
            chosen.evaluate(graph, given, wanted)
        else:
            with pytest.raises(UsageError, match="`y`"):
                chosen.evaluate(graph, given, wanted)


def test_arrays_go_after_their_last_use() -> None:
    x = cg.inputs("x", (200_000,))
    node = x
    for step in range(40):
        node = cg.sin(node) + float(step)
    formula = cg.formula(cg.sum(node))
    point = np.linspace(0, 1, 200_000)
    formula.eval(x=point)
    tracemalloc.start()
    try:
        formula.eval(x=point)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 6 * point.nbytes


def test_wanted_arrays_stay() -> None:
    x = cg.inputs("x", (3,))
    inner = cg.sin(x)
    formula = cg.formula({"inner": inner, "outer": cg.exp(inner)})
    found = formula.eval(x=[1, 2, 3])
    assert np.array_equal(found["inner"], np.sin([1.0, 2.0, 3.0]))
    assert np.array_equal(found["outer"], np.exp(found["inner"]))


# ---- calls -----------------------------------------------------------------------------------------------------------


def test_a_call_finds_the_program_of_its_own_names_shapes_and_lengths() -> None:
    formula = cg.parse("sum([x^k for k in range(n)])")
    for _ in range(2):
        for n in (2, 4, 3):
            assert formula.eval(x=2, n=n) == 2**n - 1
            assert formula.eval(n=n, x=2.0) == 2**n - 1
        assert formula.eval(x=[1, 2], n=2) == pytest.approx(2 + 3)
    with pytest.raises(UsageError, match="no value"):
        formula.eval(x=2)


def test_a_wrong_call_is_wrong_every_time() -> None:
    formula = cg.parse("input v[3]\nsum(v)*x")
    for _ in range(2):
        assert formula.eval(v=[1, 2, 3], x=2) == 12
        with pytest.raises(ShapeError, match="declares"):
            formula.eval(v=[1, 2], x=2)
        with pytest.raises(UsageError, match="`x`"):
            formula.eval(v=[1, 2, 3])
        with pytest.raises(UsageError, match="no input"):
            formula.eval(v=[1, 2, 3], x=2, z=1)


def test_defaults_follow_each_other_and_what_is_given() -> None:
    formula = cg.parse("param a = 2\nparam b = 3*a\nb*x")
    for _ in range(2):
        assert formula.eval(x=1) == 6
        assert formula.eval(x=1, a=5) == 15
        assert formula.eval(x=1, b=7) == 7


def test_gradients_of_the_same_program_by_other_names() -> None:
    formula = cg.parse("u = x*y; u*x")
    for _ in range(2):
        assert formula.grad(x=2, y=3) == {"x": 12, "y": 4}
        assert formula.grad(x=2, y=3, wrt=["y"]) == {"y": 4}
        assert formula.grad(x=2, y=3, wrt="u") == {"u": 2}
        assert formula.grad(x=2, y=3, wrt=["x"], of="u") == {"x": 3}


@pytest.mark.parametrize(
    ("text", "values", "told"),
    [
        ("input v[50]; fold(hypot, x, v)", {"v": np.ones(50), "x": 1.0}, "cannot compute with the array `v`"),
        ("step(s, i) = s/2 + x*i; fold(step, 1, range(10^4))", {"x": 1.0}, "cannot compute `progression`"),
        ("input v[2]; sum(v)", {"v": np.ones(2)}, "cannot compute with the array `v`"),
    ],
    ids=["a loop over an array", "a loop over numbers", "an array"],
)
def test_the_engine_of_numbers_says_which_one_has_arrays(text, values, told):
    with everything_kept(), pytest.raises(cg.CgError, match=told) as caught:
        cg.parse(text).eval(values, engine="python")
    assert caught.value.hint == "the engine `numpy` can"
