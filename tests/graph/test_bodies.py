"""A function as a closed graph."""

from __future__ import annotations

import pickle

import pytest

import cgcli as cg
from cgcli.errors import GraphError
from cgcli.graph.bodies import Body
from cgcli.graph.store import Graph


def cell(scale: float = 2.0) -> Body:
    graph = Graph()
    x, h = graph.ref(graph.input("x", (3,))), graph.ref(graph.input("h"))
    return Body("cell", graph, [x.node, h.node], [cg.tanh(x * h).node, (h * scale).node])


def test_a_call_is_one_node_of_all_results() -> None:
    body = cell()
    assert body.operand_shapes == ((3,), ())
    assert body.result_shapes == ((3,), ())
    assert body.shape == (4,)
    assert body.begins == (0, 3, 4)


def test_equal_bodies_are_equal_wherever_they_were_made() -> None:
    assert cell() == cell()
    assert hash(cell()) == hash(cell())
    assert repr(cell()) == repr(pickle.loads(pickle.dumps(cell())))
    assert cell() != cell(3.0)


def test_a_body_written_out_computes_what_it_stands_for() -> None:
    graph = Graph()
    x, h = graph.ref(graph.input("v", (3,))), graph.ref(graph.input("s"))
    h = h + 1
    first, second = map(graph.ref, cell().onto(graph, [x.node, h.node]))
    assert cg.formula(cg.sum(first) + second).eval(v=[0.0, 0.0, 0.0], s=4) == 10
    with pytest.raises(GraphError, match=r"`cell` takes \[3\], scalar, not scalar, \[3\]"):
        cell().onto(graph, [h.node, x.node])
