"""The handle: every operator of Python, on every kind of other operand, makes the node that it says."""

from __future__ import annotations

import operator
from fractions import Fraction

import numpy as np
import pytest

from cgcli.engines.numpy import NumpyEngine
from cgcli.errors import ShapeError, UsageError
from cgcli.graph.lint import lint
from cgcli.graph.store import Graph
from cgcli.ops import named

X = 7.25
VECTOR = [4.0, 0.5, -3.0]
MATRIX = [[1.0, 2.0, 0.0], [0.5, -1.0, 3.0], [2.0, 2.0, 1.0]]

BINARY = [
    operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod, operator.pow,
    operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne,
]  # fmt: skip


REFUSED = ["2", object(), {"a": 1}, 1j, None, [[1, 2], [3]], ["a"], [None, 1], 10**400, [10**400]]


def value(ref, **given):
    lint(ref.graph)
    given = {name: np.asarray(number, dtype=float) for name, number in given.items()}
    return NumpyEngine().evaluate(ref.graph, given, [ref.node])[ref.node]


@pytest.fixture
def graph():
    return Graph()


@pytest.fixture
def x(graph):
    return graph.ref(graph.input("x"))


@pytest.fixture
def v(graph):
    return graph.ref(graph.input("v", (3,)))


@pytest.mark.parametrize("operation", BINARY, ids=lambda each: each.__name__)
class TestBinaryOperators:
    @pytest.mark.parametrize("number", [2, 2.5, True, np.float64(2.5), np.int64(2), np.float32(0.5)], ids=repr)
    def test_with_numbers_on_either_side(self, x, operation, number):
        assert value(operation(x, number), x=X) == operation(X, float(number))
        assert value(operation(number, x), x=X) == operation(float(number), X)

    def test_with_a_node(self, graph, x, operation):
        y = graph.ref(graph.input("y"))
        assert value(operation(x, y), x=X, y=2.5) == operation(X, 2.5)
        assert value(operation(x, x), x=X) == operation(X, X)

    @pytest.mark.parametrize("kind", [list, tuple, np.array], ids=["list", "tuple", "array"])
    def test_with_arrays_on_either_side(self, v, operation, kind):
        other = kind([2.0, 0.5, 3.0])
        with np.errstate(invalid="ignore"):
            right = operation(np.array(VECTOR), np.array(other))
            left = operation(np.array(other), np.array(VECTOR))
        np.testing.assert_allclose(value(operation(v, other), v=VECTOR), right.astype(float))
        np.testing.assert_allclose(value(operation(other, v), v=VECTOR), left.astype(float))

    def test_a_node_of_another_graph_is_copied_in(self, graph, x, operation):
        other = Graph()
        y = other.ref(other.input("y")) * other.ref(other.input("x"))
        made = operation(x, y)
        assert made.graph is graph
        assert value(made, x=X, y=0.5) == operation(X, 0.5 * X)
        assert len(other) == 3


@pytest.mark.parametrize("operation", [operator.and_, operator.or_], ids=["and", "or"])
@pytest.mark.parametrize("left", [0.0, 1.0, 2.5])
@pytest.mark.parametrize("right", [0, 3.0, True])
def test_logic(graph, x, operation, left, right):
    y = graph.ref(graph.input("y"))
    expected = float(operation(bool(left), bool(right)))
    assert value(operation(x, y), x=left, y=right) == expected
    assert value(operation(x, right), x=left) == expected
    assert value(operation(right, x), x=left) == expected


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        (operator.neg, -X), (operator.pos, X), (abs, X), (operator.invert, 0.0),
        (lambda x: ~(x < 0), 1.0), (lambda x: abs(-x), X), (lambda x: -x + x, 0.0),
    ],
)  # fmt: skip
def test_unary(x, operation, expected):
    assert value(operation(x), x=X) == expected


def test_plus_adds_no_node(graph, x):
    assert (+x).node == x.node
    assert len(graph) == 1


class TestMatrices:
    @pytest.fixture
    def m(self, graph):
        return graph.ref(graph.input("m", (3, 3)))

    def test_products(self, m, v):
        given = {"m": MATRIX, "v": VECTOR}
        np.testing.assert_array_equal(value(m @ v, **given), np.array(MATRIX) @ VECTOR)
        np.testing.assert_array_equal(value(v @ m, **given), np.array(VECTOR) @ MATRIX)
        np.testing.assert_array_equal(value(m @ MATRIX, **given), np.array(MATRIX) @ MATRIX)
        np.testing.assert_array_equal(value(MATRIX @ m, **given), np.array(MATRIX) @ MATRIX)
        np.testing.assert_array_equal(value(np.array(MATRIX) @ m, **given), np.array(MATRIX) @ MATRIX)
        assert value(v @ v, **given) == np.dot(VECTOR, VECTOR)

    def test_transpose(self, m, v):
        np.testing.assert_array_equal(value(m.T, m=MATRIX), np.transpose(MATRIX))
        assert value(v.T @ v, v=VECTOR) == np.dot(VECTOR, VECTOR)

    @pytest.mark.parametrize(
        "key",
        [0, -1, (1, 2), slice(1, None), (slice(None), 0), (slice(None, None, -1), slice(0, 2)), (-1, -1)],
        ids=str,
    )
    def test_index(self, m, key):
        np.testing.assert_array_equal(value(m[key], m=MATRIX), np.array(MATRIX)[key])

    @pytest.mark.parametrize("key", [3, -4, (0, 3), (0, 0, 0)], ids=str)
    def test_an_index_that_does_not_exist(self, m, key):
        with pytest.raises(ShapeError, match=r"`m` is \[3, 3\]"):
            m[key]

    def test_rows_one_by_one(self, m):
        rows = list(m)
        assert len(m) == len(rows) == 3
        assert [row.shape for row in rows] == [(3,)] * 3
        np.testing.assert_array_equal(value(rows[1], m=MATRIX), MATRIX[1])

    def test_lists_of_nodes(self, v, x):
        np.testing.assert_array_equal(value(v * [x, 2, x * x], v=VECTOR, x=2.0), np.multiply(VECTOR, [2, 2, 4]))
        nested = v * [[x, 2, 3], [4, 5, x]]
        np.testing.assert_array_equal(value(nested, v=VECTOR, x=2.0), np.multiply(VECTOR, [[2, 2, 3], [4, 5, 2]]))

    def test_nested_lists_of_numbers_are_one_array(self, graph, m):
        assert len((m * MATRIX).graph) == 3
        assert graph.arrays[0].tolist() == MATRIX

    def test_fractions(self, v):
        halves = [Fraction(1, 2)] * 3
        np.testing.assert_array_equal(value(v * halves, v=VECTOR), np.multiply(VECTOR, 0.5))
        np.testing.assert_array_equal(value(v * Fraction(1, 2), v=VECTOR), np.multiply(VECTOR, 0.5))

    def test_numbers_broadcast(self, m, v, x):
        assert (m + v).shape == (m * x).shape == (2 + m).shape == (3, 3)
        assert m.shape == (3, 3)


class TestWhatIsNoValueYet:
    def test_truth(self, x):
        with pytest.raises(UsageError, match="no truth value") as caught:
            bool(x > 0)
        assert "where" in caught.value.hint
        with pytest.raises(UsageError):
            assert 0 < x < 1

    def test_scalars_have_no_items(self, x):
        with pytest.raises(TypeError, match="iterated"):
            iter(x)
        with pytest.raises(TypeError, match="length"):
            len(x)

    @pytest.mark.parametrize("other", REFUSED, ids=lambda other: str(other)[:20])
    def test_other_things_are_refused(self, x, other):
        with pytest.raises(UsageError, match="cannot be part of a formula") as caught:
            x + other
        assert caught.value.hint
        assert len(x.graph) == 1


def test_hash_goes_with_the_node(graph, x):
    assert hash(x) == hash(graph.ref(x.node))
    assert hash(x) != hash(graph.ref(graph.input("y")))
    assert hash(x) != hash(Graph().ref(x.node))


def test_repr_tells_node_name_and_operation(graph, x):
    made = named("sin")(x * 2)
    graph.names["s"] = made.node
    assert repr(x) == "<node #0 `x`: input()>"
    assert repr(made) == "<node #3 `s`: sin(#2)>"


def test_digits_of_a_large_whole_number_are_kept(graph, x):
    large = 2**53 + 1
    assert list((x + large).graph.exact.values()) == [str(large)]
    assert value(x + 2**60, x=0.0) == 2.0**60
    assert len(graph.exact) == 1


def test_exact_text_of_a_number_is_kept(graph, x):
    class Number(float):
        text = "0.1000000000000000000001"

    made = x + Number(0.1)
    assert list(made.graph.exact.values()) == ["0.1000000000000000000001"]
