"""Lint finds every broken invariant that is planted, and names the node."""

from __future__ import annotations

import pytest

from cgcli.errors import GraphError
from cgcli.graph.intern import key_of
from cgcli.graph.lint import lint
from cgcli.graph.store import Call, Graph
from cgcli.ops import REGISTRY, arithmetic, named, shaping

sin = named("sin")


def sound():
    """x, v, 2, sin x, v*sin x, its element 1, their sum; every table in use."""
    graph = Graph()
    x, v = graph.ref(graph.input("x")), graph.ref(graph.input("v", (3,)))
    two = graph.ref(graph.constant(2.0))
    wave = sin(x)
    product = v * wave
    total = product[1] + two
    array = graph.ref(graph.array_constant([1.0, 2.0, 3.0]))
    graph.ref(graph.constant(0.1, "0.10000000000000000000001"))
    _ = array * v
    graph.names["total"] = total.node
    graph.calls.append(Call("f", -1, None))
    graph.spans[wave.node], graph.scopes[wave.node] = (0, 6), 0
    return graph


X, V, TWO, WAVE, PRODUCT, ELEMENT, TOTAL, ARRAY, EXACT, SCALED = range(10)


def test_a_sound_graph_passes():
    graph = sound()
    assert len(graph) == 10
    lint(graph)
    lint(Graph())


def set_operand(node, place, to):
    return lambda graph: graph.operands.__setitem__(graph.start[node] + place, to)


def set_column(column, node, to):
    return lambda graph: getattr(graph, column).__setitem__(node, to)


def twin(graph):
    """A second sin(x), behind the back of the intern table."""
    graph.op.append(sin.code)
    graph.operands.append(X)
    graph.start.append(len(graph.operands))
    graph.payload.append(-1)
    graph.shape.append(0)


def other_shape(graph):
    """The input v and its product with a number become [2]; the array is [3] still."""
    number = graph.shape_number((2,))
    graph.shape[V] = graph.shape[PRODUCT] = number


PLANTED = {
    "a payload too many": (lambda graph: graph.payload.append(0), "column `payload` speaks of 11 nodes"),
    "a shape too few": (lambda graph: graph.shape.pop(), "column `shape` speaks of 9 nodes"),
    "a start too many": (lambda graph: graph.start.append(len(graph.operands)), "column `start` speaks of 11 nodes"),
    "an operand of no node": (lambda graph: graph.operands.append(0), "operand ranges end at 8, the column at 9"),
    "starts that go back": (set_column("start", WAVE + 1, 3), r"node 4 \(mul\) has 0 operands|has \d operands"),
    "first start": (set_column("start", 0, 1), "operand ranges"),
    "an unknown operation": (set_column("op", WAVE, len(REGISTRY.rows)), "node 3 has the operation code"),
    "an operand too few": (set_column("op", WAVE, arithmetic.add.code), r"node 3 \(add\) has 1 operands; .* takes 2"),
    "an operand too many": (set_column("op", PRODUCT, sin.code), r"node 4 \(sin\) has 2 operands; `sin` takes 1"),
    "an operand after its user": (set_operand(WAVE, 0, TOTAL), r"node 3 \(sin\) uses node 6 `total` \(add\)"),
    "a node that uses itself": (set_operand(WAVE, 0, WAVE), r"node 3 \(sin\) uses node 3 \(sin\)"),
    "an operand that does not exist": (set_operand(WAVE, 0, 77), r"uses node 77 \(which does not exist\)"),
    "an operand below 0": (set_operand(WAVE, 0, -1), "uses node -1"),
    "a constant without a value": (set_column("payload", TWO, 9), r"node 2 \(constant\) has the payload 9, of 2"),
    "an input without a name": (set_column("payload", X, -1), "node 0 .* has the payload -1"),
    "an array without values": (set_column("payload", ARRAY, 1), r"node 7 \(array\) has the payload 1, of 1"),
    "static arguments that do not exist": (set_column("payload", ELEMENT, 4), r"node 5 \(index\) has the payload 4"),
    "an unknown shape": (set_column("shape", WAVE, 8), r"node 3 \(sin\) has the shape number 8"),
    "a shape below 0": (set_column("shape", WAVE, -1), r"node 3 \(sin\) has the shape number -1"),
    "a wrong shape": (set_column("shape", WAVE, 1), r"node 3 \(sin\) has the shape \[3\]; its operands make scalar"),
    "a wrong shape of a structural row": (set_column("shape", ELEMENT, 1), r"node 5 \(index\) has the shape \[3\]"),
    "a wrong shape of an array": (set_column("shape", ARRAY, 0), r"node 7 \(array\) has the shape scalar"),
    "a wrong shape of a constant": (set_column("shape", TWO, 1), r"node 2 \(constant\) has the shape \[3\]"),
    "operands of another shape": (set_column("shape", V, 0), r"node 4 \(mul\) has the shape \[3\]; .* make scalar"),
    "operands that do not fit each other": (other_shape, r"node 9 \(mul\) cannot take its operands: shapes"),
    "a shape twice": (lambda graph: graph.shapes.append((3,)), "shapes are not distinct"),
    "shapes without the scalar": (lambda graph: graph.shapes.__setitem__(0, (9,)), "begin with the scalar"),
    "equal nodes": (twin, r"node 10 \(sin\) equals node 3 \(sin\)"),
    "a name of no node": (lambda graph: graph.names.update(y=10), "name `y` belongs to node 10"),
    "a place of no node": (lambda graph: graph.spans.update({-1: (0, 1)}), "span for node -1"),
    "a scope of no node": (lambda graph: graph.scopes.update({10: 0}), "scope for node 10"),
    "a call that does not exist": (lambda graph: graph.scopes.update({WAVE: 1}), "node 3 .* was written in call 1"),
    "a call from a later one": (lambda graph: graph.calls.append(Call("g", 1, None)), "call 1 of `g`"),
    "an exact text of no constant": (lambda graph: graph.exact.update({2: "2"}), "exact text for constant 2"),
    "a table that knows too much": (lambda graph: graph.intern.remember(sin.code, 99, 99), "knows node 99"),
    "a table that mistakes a node": (
        lambda graph: graph.intern.remember(sin.code, key_of(-1, [V]), WAVE), r"takes node 3 \(sin\) for another"
    ),
    "a table that mistakes an operation": (
        lambda graph: graph.intern.remember(shaping.stack.code, 1, WAVE), r"takes node 3 \(sin\) for another"
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", PLANTED)
def test_planted(fault):
    plant, message = PLANTED[fault]
    graph = sound()
    plant(graph)
    with pytest.raises(GraphError, match=message):
        lint(graph)


def test_a_dropped_intern_table_is_no_fault():
    graph = sound()
    graph.intern.drop()
    lint(graph)
