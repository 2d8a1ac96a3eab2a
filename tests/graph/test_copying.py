"""Copies of parts of a graph: what is needed and nothing else, with names, places and calls, inputs by name."""

from __future__ import annotations

from array import array

import cgcli as cg
from cgcli.graph.copying import GONE, carry, copied, copy_missing, copy_nodes
from cgcli.graph.store import Graph
from cgcli.ops import named, structure

sin, exp = named("sin"), named("exp")


def test_a_copy_holds_what_is_needed_and_equal_nodes_once() -> None:
    source = Graph()
    x, y = (source.ref(source.input(name)) for name in "xy")
    unneeded, wanted = exp(y), sin(x) * 2.0
    target = Graph()
    moved = copied(source, target, [wanted.node])
    assert moved[unneeded.node] == moved[y.node] == GONE
    assert target.inputs() == {"x": moved[x.node]}
    assert len(target) == 4
    assert copied(source, target, [wanted.node]) == moved
    assert len(target) == 4


def test_only_what_has_no_copy_yet_is_copied() -> None:
    source, target = Graph(), Graph()
    x = source.ref(source.input("x"))
    inner, stand_in = sin(x), target.input("s")
    copies = {inner.node: stand_in}
    copy_missing(source, target, [exp(inner).node], copies)
    assert target.inputs() == {"s": stand_in}, "what the stand-in stands for was copied too"


def test_another_node_can_stand_for_one() -> None:
    source, target = Graph(), Graph()
    x = source.ref(source.input("x"))
    other = structure.alias(x)
    wanted = sin(other) + sin(x)
    moved = array("i", [GONE]) * len(source)
    copy_nodes(source, target, range(len(source)), moved, instead=lambda node: x.node if node == other.node else node)
    assert moved[other.node] == moved[x.node]
    assert moved[wanted.node] == (sin(target.ref(moved[x.node])) + sin(target.ref(moved[x.node]))).node


def test_names_places_and_calls_follow_and_heirs_come_last() -> None:
    graph = cg.parse("g(a) = a^2; h = g(x); h + 1").graph
    target = Graph()
    moved = copied(graph, target, range(len(graph)))
    carry(graph, target, moved)
    assert target.names == {name: moved[node] for name, node in graph.names.items()}
    assert list(target.names) == list(graph.names)
    assert {moved[node]: span for node, span in graph.spans.items()} == target.spans
    assert target.scopes
    assert target.calls is graph.calls
    x, h = graph.names["x"], graph.names["h"]
    heir = Graph()
    heir.input("x")
    graph.spans = {h: (7, 8), x: (1, 2)}
    carry(graph, heir, [0] * len(graph), heirs={h}, calls=False)
    assert heir.spans == {0: (1, 2)}, "a node's own place goes before an inherited one"
    assert not heir.scopes


def test_hidden_inputs_are_not_those_of_the_formula() -> None:
    graph = Graph()
    x, direction = graph.input("x"), graph.input("direction of x", hidden=True)
    assert graph.inputs() == {"x": x}
    assert graph.inputs(hidden=True) == {"x": x, "direction of x": direction}
    assert graph.names == {"x": x}
    target = Graph()
    moved = copied(graph, target, [x, direction])
    assert target.is_hidden(moved[direction])
    assert not target.is_hidden(moved[x])
    formula = cg.parse("x^2 * y")
    formula.hvp(x=1.0, y=2.0, directions={"x": 1.0})
    assert list(formula.graph.inputs()) == list(formula.graph.names) == ["x", "y"]
