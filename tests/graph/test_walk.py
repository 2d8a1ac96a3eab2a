"""Sweeps over the columns agree with a naive search."""

from __future__ import annotations

import random

import pytest

from cgcli.graph.edit import EditableGraph
from cgcli.graph.store import Graph
from cgcli.graph.walk import ancestors, depths, descendants
from cgcli.ops import arithmetic, named, shaping


def random_graph(seed, nodes=60):
    generator = random.Random(seed)
    graph = Graph()
    for name in "abc":
        graph.input(name)
    rows = [arithmetic.add, arithmetic.mul, named("sin"), shaping.stack]
    while len(graph) < nodes:
        row = generator.choice(rows[:3])
        graph.apply(row, [generator.randrange(len(graph)) for _ in range(row.arity)])
    graph.apply(shaping.stack, [generator.randrange(nodes) for _ in range(5)])
    return graph


def needs(graph, node):
    """The nodes that a node needs, by the definition."""
    found = {node}
    for operand in graph.operands_of(node):
        found |= needs(graph, operand)
    return found


@pytest.mark.parametrize("seed", range(10))
def test_against_the_definition(seed):
    graph = random_graph(seed, nodes=25)
    generator = random.Random(seed)
    needed = [needs(graph, node) for node in range(len(graph))]
    chosen = generator.sample(range(len(graph)), 3)
    expected = set().union(*(needed[node] for node in chosen))
    assert {node for node, flag in enumerate(ancestors(graph, chosen)) if flag} == expected
    users = {node for node in range(len(graph)) if not needed[node].isdisjoint(chosen)}
    assert {node for node, flag in enumerate(descendants(graph, chosen)) if flag} == users


def test_of_no_nodes():
    graph = random_graph(0)
    assert not any(ancestors(graph, []))
    assert not any(descendants(graph, []))


def test_depth_is_the_longest_path():
    graph = Graph()
    x = graph.ref(graph.input("x"))
    long = named("sin")(named("sin")(x))
    both = long + x
    assert list(depths(graph)) == [0, 1, 2, 3]
    assert depths(graph)[both.node] == 3


def test_refused_between_an_edit_and_the_rebuild():
    graph = EditableGraph(random_graph(0))
    graph.redirect(len(graph) - 1, 0, 0 if graph.operands_of(len(graph) - 1)[0] else 1, "test")
    for walk in (lambda: ancestors(graph, [0]), lambda: descendants(graph, [0]), lambda: depths(graph)):
        with pytest.raises(Exception, match="not rebuilt"):
            walk()
