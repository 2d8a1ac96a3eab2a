"""Whole columns of nodes at once make the graph that single calls make."""

from __future__ import annotations

import random

import numpy as np
import pytest

from cgcli.errors import GraphError, ShapeError
from cgcli.graph.lint import lint
from cgcli.graph.store import Graph
from cgcli.ops import arithmetic, linear, logic, named, shaping

sin = named("sin")


def fresh():
    graph = Graph()
    for name in "abcd":
        graph.input(name)
    graph.input("v", (3,))
    graph.input("M", (2, 3))
    return graph


def contents(graph):
    return [(graph.row(node).name, tuple(graph.operands_of(node)), graph.shape_of(node)) for node in range(len(graph))]


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("row", [arithmetic.add, sin, logic.where], ids=lambda row: row.name)
def test_the_same_graph_as_one_by_one(row, seed):
    generator = random.Random(seed)
    bulk, single = fresh(), fresh()
    for _ in range(3):
        known = len(bulk)
        columns = [[generator.randrange(known) for _ in range(30)] for _ in range(row.arity)]
        nodes = bulk.apply_many(row, columns)
        assert nodes.tolist() == [single.apply(row, list(each)) for each in zip(*columns, strict=True)]
    assert contents(bulk) == contents(single)
    lint(bulk)


def test_later_single_nodes_are_shared():
    graph = fresh()
    nodes = graph.apply_many(arithmetic.mul, [[0, 1, 0], [1, 2, 1]])
    assert nodes.tolist() == [6, 7, 6]
    assert graph.apply(arithmetic.mul, [1, 2]) == 7
    assert graph.apply_many(arithmetic.mul, [[1], [2]]).tolist() == [7]


def test_static_arguments():
    graph = fresh()
    nodes = graph.apply_many(shaping.index, [[4, 5, 4]], [(1,)])
    assert [graph.shape_of(node) for node in nodes] == [(), (3,), ()]
    assert nodes[0] == nodes[2]
    lint(graph)


def test_no_nodes_at_all():
    graph = fresh()
    assert graph.apply_many(arithmetic.add, [[], []]).tolist() == []
    assert len(graph) == 6


@pytest.mark.parametrize(
    ("row", "columns", "message"),
    [
        (arithmetic.add, [[0, 1], [1]], "operand columns of lengths 2 and 1"),
        (arithmetic.add, [[0]], "takes 2 operands, not 1"),
        (arithmetic.add, [], "no operands"),
        (sin, [[0, 99]], r"`sin` cannot use node 99 \(which does not exist\)"),
        (sin, [[0, -3]], r"`sin` cannot use node -3"),
        (linear.matmul, [[0, 99], [1, 1]], "cannot use node 99"),
    ],
)
def test_refused(row, columns, message):
    graph = fresh()
    with pytest.raises(GraphError, match=message):
        graph.apply_many(row, columns)
    assert len(graph) == 6


def test_a_shape_error_names_the_nodes_and_adds_nothing():
    graph = fresh()
    graph.input("w", (2,))
    with pytest.raises(ShapeError, match=r"`\+` cannot combine shapes: `v` is \[3\], `w` is \[2\]"):
        graph.apply_many(arithmetic.add, [[0, 1, 4], [1, 2, 6]])
    assert len(graph) == 7
    lint(graph)


def test_ten_thousand_nodes_are_one_call_and_clean():
    graph = Graph()
    leaves = np.array([graph.input(f"x{place}") for place in range(1000)])
    for _ in range(10):
        leaves = graph.apply_many(arithmetic.add, [leaves, np.roll(leaves, 1)])
    assert len(graph) == 11_000
    lint(graph)
