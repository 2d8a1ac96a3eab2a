"""Loops over kept calls: values and derivatives of two orders are those of the loop written out."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from cgcli.data.graph_files import read_graph, write_graph
from cgcli.engines import engine
from cgcli.errors import CalculationError, GraphError, ShapeError
from cgcli.graph.bodies import Body
from cgcli.graph.store import Graph
from cgcli.language.program import Program
from cgcli.ops import calling, logic, powers, trigonometric
from cgcli.passes.differentiate import differentiate
from cgcli.passes.folding import FoldingRef
from cgcli.passes.inlining import inlined
from tests.kept.loops import Loop, body_of, summed, values_and_derivatives, written_out

sin, cos = trigonometric.sin, trigonometric.cos

STEPS = {
    "scalar": (lambda s, i, p: sin(s * p) + i, (), [()], [()]),
    "emits": (lambda s, i, p: (sin(s * p) + i, s * i * p), (), [()], [()]),
    "no items": (lambda s, p: sin(s * p), (), [], [()]),
    "no shared": (lambda s, i: cos(s) * i, (), [()], []),
    "linear": (lambda s, i: s + i, (), [()], []),
    "identity": (lambda s, i: s, (), [()], []),
    "matrix": (lambda s, i, p: sin(p @ s) + i, (3,), [(3,)], [(3, 3)]),
    "several": (lambda s, i, j, p, q: (sin(p @ s) + i * j + s[0], cos(s) * j * q), (3,), [(3,), ()], [(3, 3), ()]),
    "state ignored": (lambda s, i, p: (i * p, s * i), (), [()], [()]),
    "decides": (lambda s, i, p: logic.where(s > 0.5, i * p, powers.sqrt(s * p)), (), [()], [()]),
    "reads a part": (lambda s, i, p: logic.maximum(s * p[1], i) + p[0] * i, (), [()], [(3,)]),
    "item by element": (lambda s, i: s * i[1], (), [(2,)], []),
    "stretched": (lambda s, i: s * i + 1, (2, 2), [()], []),
}


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("name", STEPS)
def test_values_and_derivatives_are_those_of_the_loop_written_out(name, reverse):
    loop = Loop(*STEPS[name], steps=6, reverse=reverse)
    plain, (total, *inputs) = written_out(loop.graph, [loop.total.node, *loop.inputs])
    assert not any("kept" in plain.row(node).traits for node in range(len(plain)))
    kept = values_and_derivatives(loop.graph, loop.total.node, loop.inputs, loop.values)
    for ours, theirs in zip(kept, values_and_derivatives(plain, total, inputs, loop.values), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-14)


def test_a_call_with_several_results_is_their_elements():
    body = body_of(lambda x, y: (x * y, x + y), (2,), ())
    graph = Graph()
    x, y = FoldingRef(graph, graph.input("x", (2,))), FoldingRef(graph, graph.input("y"))
    node = x.build(calling.call, [x, y], [body])
    assert node.shape == (4,)
    total = summed(sin(node))
    plain, (there, *inputs) = written_out(graph, [total.node, x.node, y.node])
    values = {"x": [0.3, 0.4], "y": 0.7}
    assert engine("numpy").evaluate(graph, values, [node.node])[node.node].tolist() == pytest.approx(
        [0.21, 0.28, 1.0, 1.1]
    )
    kept = values_and_derivatives(graph, total.node, [x.node, y.node], values)
    for ours, theirs in zip(kept, values_and_derivatives(plain, there, inputs, values), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-13)


def test_a_zero_that_a_later_decision_made_stays_0():
    """The slope of sqrt at 0 is infinite, but no step after it reads the state."""
    loop = Loop(lambda s, i: logic.where(i > 0.5, i, powers.sqrt(s)), (), [()], [], 3)
    values = {"x0": 0.0, "x1": np.array([0.1, 0.2, 0.9])}
    slopes = differentiate(loop.graph, [loop.result.node], loop.inputs)
    wanted = [slopes.wrt(node) for node in loop.inputs]
    found = engine("numpy").evaluate(loop.graph, values, wanted)
    assert [np.asarray(found[node]).tolist() for node in wanted] == [0.0, [0.0, 0.0, 1.0]]


@pytest.mark.parametrize("name", STEPS)
def test_rows_of_a_table_are_computed_as_one_by_one(name):
    loop = Loop(*STEPS[name], steps=4)
    slopes = differentiate(loop.graph, [loop.total.node], loop.inputs)
    wanted = [loop.result.node, *(slopes.wrt(node) for node in loop.inputs)]
    random = np.random.default_rng(3)
    numpy = engine("numpy")
    for varying in loop.values:
        columns = {**loop.values, varying: random.uniform(0.2, 0.9, (3, *loop.values[varying].shape))}
        rows = numpy.evaluate_rows(loop.graph, columns, wanted)
        for row in range(3):
            found = numpy.evaluate(loop.graph, {**columns, varying: columns[varying][row]}, wanted)
            for node in wanted:
                np.testing.assert_allclose(rows[node][row], found[node], rtol=1e-13, atol=1e-15)


def test_many_digits():
    loop = Loop(*STEPS["several"], steps=3)
    plain, (total, *inputs) = written_out(loop.graph, [loop.total.node, *loop.inputs])
    kept = differentiate(loop.graph, [loop.total.node], loop.inputs).wrt(loop.inputs[0])
    there = differentiate(plain, [total], inputs).wrt(inputs[0])
    precise = engine("precise")
    ours = precise.evaluate(loop.graph, loop.values, [kept])[kept]
    theirs = precise.evaluate(plain, loop.values, [there])[there]
    assert all(abs(one - other) < 1e-45 for one, other in zip(ours, theirs, strict=True))


def test_loops_within_loops():
    inner = body_of(lambda s, i, p: sin(s * p) + i, (), (), ())

    def step(s, i, p):
        return s.build(calling.scan, [s, i, p], [inner, 3, 1, False]) * p

    loop = Loop(step, (), [(3,)], [()], 4)
    assert loop.body.depth == 2
    plain, (total, *inputs) = written_out(loop.graph, [loop.total.node, *loop.inputs])
    kept = values_and_derivatives(loop.graph, loop.total.node, loop.inputs, loop.values)
    for ours, theirs in zip(kept, values_and_derivatives(plain, total, inputs, loop.values), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-14)


def test_bodies_lie_within_each_other_no_deeper_than_is_allowed():
    def around(body):
        return body_of(lambda x: x.build(calling.call, [x], [body]), ())

    body = body_of(lambda x: sin(x), ())
    for _ in range(31):
        body = around(body)
    with pytest.raises(GraphError, match="more than 32 deep"):
        around(body)


def test_what_does_not_fit_is_told():
    loop = Loop(*STEPS["scalar"], steps=6)
    state, items, shared = loop.operands
    for operands, static, told in (
        ([state, items, shared], [loop.body, 5, 1, False], "items of 5 steps"),
        ([items, items, shared], [loop.body, 6, 1, False], "takes a number"),
        ([state, items], [loop.body, 6, 1, False], "takes a number, a number, a number"),
    ):
        with pytest.raises(ShapeError, match=told):
            state.build(calling.scan, operands, static)


def test_a_loop_that_is_too_long_is_not_written_out():
    loop = Loop(*STEPS["scalar"], steps=6)
    with pytest.raises(CalculationError, match="loops written out make"):
        inlined(loop.graph, [loop.total.node], most=20)


@pytest.mark.parametrize("name", STEPS)
def test_graph_files_and_pickles_hold_bodies(name, tmp_path):
    loop = Loop(*STEPS[name], steps=4)
    program = Program(loop.graph)
    slope = differentiate(loop.graph, [loop.total.node], loop.inputs).wrt(loop.inputs[0])
    program.outputs = {"total": loop.total.node, "slope": slope}
    program.inputs = list(loop.values)
    write_graph(program, str(tmp_path / "loop.npz"))
    numpy = engine("numpy")
    expected = numpy.evaluate(loop.graph, loop.values, [loop.total.node, slope])
    for again in (read_graph(str(tmp_path / "loop.npz")), pickle.loads(pickle.dumps(program))):
        nodes = list(again.outputs.values())
        found = numpy.evaluate(again.graph, loop.values, nodes)
        assert found[nodes[0]] == expected[loop.total.node]
        np.testing.assert_array_equal(found[nodes[1]], expected[slope])
    bodies = [first for first, *_ in again.graph.attributes if isinstance(first, Body)]
    assert loop.body in bodies
