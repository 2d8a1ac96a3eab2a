"""The store: equal nodes once, shapes, errors that name the nodes, copies between graphs, pickles, memory."""

from __future__ import annotations

import copy
import math
import pickle
import random

import numpy as np
import pytest

from cgcli.engines.numpy import NumpyEngine
from cgcli.errors import GraphError, ShapeError
from cgcli.graph.lint import lint
from cgcli.graph.shapes import broadcast, describe, size
from cgcli.graph.store import Call, Graph
from cgcli.ops import REGISTRY, arithmetic, linear, logic, named, shaping

add, mul, sin, cos, total_of = arithmetic.add, arithmetic.mul, named("sin"), named("cos"), named("sum")


@pytest.fixture
def graph():
    return Graph()


class TestSharing:
    def test_equal_operations_are_one_node(self, graph):
        x, y = graph.input("x"), graph.input("y")
        assert graph.apply(add, [x, y]) == graph.apply(add, [x, y])
        assert graph.apply(add, [x, y]) != graph.apply(add, [y, x])
        assert graph.apply(add, [x, y]) != graph.apply(mul, [x, y])
        assert len(graph) == 5

    def test_operations_with_other_static_arguments_differ(self, graph):
        v = graph.input("v", (2, 2))
        assert graph.apply(total_of, [v], [0]) != graph.apply(total_of, [v], [1])
        assert graph.apply(total_of, [v], [0]) == graph.apply(total_of, [v], [-2])

    def test_unary_and_binary_and_variadic_keys_do_not_meet(self, graph):
        nodes = [graph.input(name) for name in "abc"]
        made = {graph.apply(sin, [node]) for node in nodes}
        made |= {graph.apply(add, [a, b]) for a in nodes for b in nodes}
        made |= {graph.apply(shaping.stack, nodes[:count]) for count in (1, 2, 3)}
        assert len(made) == 3 + 9 + 3
        lint(graph)

    @pytest.mark.parametrize("value", [0.0, -0.0, 1.5, math.inf, -math.inf, math.nan, 5e-324])
    def test_equal_constants_are_one_node(self, graph, value):
        assert graph.constant(value) == graph.constant(value)

    def test_zeros_of_both_signs_differ(self, graph):
        assert graph.constant(0.0) != graph.constant(-0.0)

    def test_constants_of_one_double_and_different_texts_differ(self, graph):
        long = "0.1000000000000000000001"
        assert graph.constant(0.1) != graph.constant(0.1, long)
        assert graph.constant(0.1, long) == graph.constant(0.1, long)

    def test_an_own_constant_is_like_no_other(self, graph):
        shared, own, other = graph.constant(2), graph.constant(2, own=True), graph.constant(2, own=True)
        assert len({shared, own, other}) == 3
        assert not graph.is_own_constant(shared)
        assert graph.is_own_constant(own)
        assert graph.is_own_constant(other)
        assert graph.constant(2) == shared

    def test_an_input_is_made_once(self, graph):
        assert graph.input("x") == graph.input("x")
        assert graph.input("x") != graph.input("y")
        assert graph.inputs() == {"x": 0, "y": 1}

    def test_a_dropped_table_only_ends_sharing_with_the_past(self, graph):
        x = graph.input("x")
        before = graph.apply(sin, [x])
        graph.intern.drop()
        after = graph.apply(sin, [x])
        assert after != before
        assert graph.apply(sin, [x]) == after
        graph.intern.refill(graph)
        assert graph.apply(sin, [x]) == before

    def test_an_array_is_copied_and_read_only(self, graph):
        data = np.array([1, 2, 3])
        node = graph.array_constant(data)
        data[0] = 99
        stored = graph.arrays[graph.payload[node]]
        assert stored.tolist() == [1.0, 2.0, 3.0]
        with pytest.raises(ValueError, match="read-only"):
            stored[0] = 5

    def test_an_array_without_axes_is_a_number(self, graph):
        assert graph.constant_value(graph.array_constant(np.float64(3))) == 3.0


class TestShapes:
    def test_broadcasting_is_numpys(self):
        generator = random.Random(1)
        for _ in range(500):
            shapes = [tuple(generator.choice([1, 2, 3]) for _ in range(generator.randint(0, 3))) for _ in range(3)]
            try:
                expected = np.broadcast_shapes(*shapes)
            except ValueError:
                with pytest.raises(ValueError, match="do not fit"):
                    broadcast(shapes)
            else:
                assert broadcast(shapes) == expected

    def test_words_and_sizes(self):
        assert [describe(()), describe((3,)), describe((2, 3))] == ["scalar", "[3]", "[2, 3]"]
        assert [size(()), size((3,)), size((2, 3)), size((2, 0))] == [1, 3, 6, 0]

    def test_results(self, graph):
        scalar, row, column = graph.input("s"), graph.input("r", (3,)), graph.input("c", (2, 1))
        assert graph.shape_of(graph.apply(add, [scalar, row])) == (3,)
        assert graph.shape_of(graph.apply(add, [row, column])) == (2, 3)
        assert graph.shape_of(graph.apply(logic.where, [scalar, row, column])) == (2, 3)
        lint(graph)

    def test_the_same_shape_is_stored_once(self, graph):
        for name in "abcdef":
            graph.input(name, (4, 4))
        assert graph.shapes == [(), (4, 4)]


class TestErrors:
    """Each names the operands as the user knows them, and leaves the graph as it was."""

    @pytest.fixture
    def graph(self):
        graph = Graph()
        graph.input("a", (2,))
        graph.input("b", (3,))
        graph.input("M", (2, 2))
        graph.apply(sin, [1])
        return graph

    @pytest.mark.parametrize(
        ("row", "operands", "static", "message"),
        [
            (add, [0, 1], (), "`+` cannot combine shapes: `a` is [2], `b` is [3]"),
            (add, [0, 3], (), "`+` cannot combine shapes: `a` is [2], the right side is [3]"),
            (mul, [3, 0], (), "`*` cannot combine shapes: the left side is [3], `a` is [2]"),
            (logic.where, [0, 3, 0], (), "`where` cannot combine shapes: `a` is [2], argument 2 is [3], `a` is [2]"),
            (
                linear.matmul, [2, 1], (),
                "`@`: inner lengths differ: [2, 2] @ [3] has 2 and 3 (`M` is [2, 2], `b` is [3])",
            ),
            (shaping.index, [0], [(7,)], "`index`: index 7 does not exist; the axis has length 2 (`a` is [2])"),
            (shaping.index, [3], [(7,)], "`index`: index 7 does not exist; the axis has length 3"),
            (
                shaping.stack, [0, 1, 0], (),
                "`stack`: all items of a list must have the same shape, here are [2] and [3] (`a` is [2], `b` is [3])",
            ),
        ],
    )  # fmt: skip
    def test_shapes_that_do_not_fit(self, graph, row, operands, static, message):
        with pytest.raises(ShapeError) as caught:
            graph.apply(row, operands, static)
        assert caught.value.message == message
        assert len(graph) == 4
        lint(graph)

    @pytest.mark.parametrize(
        ("row", "operands", "message"),
        [
            (add, [0], "`add` takes 2 operands, not 1"),
            (sin, [0, 1], "`sin` takes 1 operands, not 2"),
            (shaping.stack, [], "`stack` takes 1 operands, not 0"),
            (sin, [17], "`sin` cannot use node 17 (which does not exist)"),
            (add, [0, 17], "`add` cannot use node 17 (which does not exist)"),
            (linear.matmul, [0, 17], "`matmul` cannot use node 17 (which does not exist)"),
            (sin, [-1], "node 4 cannot use node -1: an operand comes before its user"),
            (linear.matmul, [-2, 0], "node 4 cannot use node -2: an operand comes before its user"),
        ],
    )
    def test_operands_that_are_none(self, graph, row, operands, message):
        with pytest.raises(GraphError) as caught:
            graph.apply(row, operands)
        assert caught.value.message == message
        assert len(graph) == 4
        lint(graph)

    def test_an_input_of_two_shapes(self, graph):
        with pytest.raises(ShapeError, match=r"input `a` has shape \[2\], not \[5\]"):
            graph.input("a", (5,))
        assert graph.input("a", (2,)) == 0

    def test_a_node_in_words(self, graph):
        graph.names["h"] = 3
        assert graph.describe(0) == "node 0 `a` (input)"
        assert graph.describe(3) == "node 3 `h` (sin)"
        assert graph.describe(99) == "node 99 (which does not exist)"


class TestCopies:
    def test_adopting_brings_what_is_needed_and_nothing_else(self, graph):
        other = Graph()
        x, y = other.ref(other.input("x")), other.ref(other.input("y"))
        _unused = x / y
        wanted = sin(x) + sin(x) * y
        graph.input("y")
        node = graph.adopt(wanted)
        assert NumpyEngine().evaluate(graph, {"x": 2.0, "y": 3.0}, [node])[node] == math.sin(2) * 4
        assert len(graph) == 5
        assert graph.inputs().keys() == {"x", "y"}
        lint(graph)

    def test_adopting_twice_adds_nothing(self, graph):
        other = Graph()
        x = other.ref(other.input("x"))
        wanted = sin(x + 2)
        first = graph.adopt(wanted)
        size = len(graph)
        assert graph.adopt(wanted) == first
        assert len(graph) == size
        assert graph.row(graph.adopt(cos(wanted))) is cos
        assert len(graph) == size + 1

    def test_adopting_keeps_exact_texts_own_constants_arrays_and_static_arguments(self, graph):
        other = Graph()
        text = "0.12345678901234567890123"
        exact = other.ref(other.constant(float(text), text))
        own, shared = other.ref(other.constant(2, own=True)), other.ref(other.constant(2))
        array = other.ref(other.array_constant([[1, 2], [3, 4]]))
        node = graph.adopt((exact + own * shared) * shaping.index(array, (0,)))
        lint(graph)
        assert list(graph.exact.values()) == [text]
        constants = [each for each in range(len(graph)) if graph.is_constant(each)]
        assert sorted(graph.is_own_constant(each) for each in constants) == [False, False, True]
        assert graph.shape_of(node) == (2,)

    def test_an_input_of_another_shape_is_refused(self, graph):
        graph.input("x", (3,))
        other = Graph()
        with pytest.raises(ShapeError, match=r"input `x` has shape \[3\], not scalar"):
            graph.adopt(other.ref(other.input("x")))

    def test_a_graph_of_any_depth(self, graph):
        other = Graph()
        chain = other.ref(other.input("x"))
        for _ in range(20_000):
            chain = sin(chain)
        graph.adopt(chain)
        assert len(graph) == 20_001


def rich_graph():
    """One of everything that a graph can hold."""
    graph = Graph()
    x, v = graph.ref(graph.input("x")), graph.ref(graph.input("v", (3,)))
    exact = graph.ref(graph.constant(0.1, "0.1000000000000000000001"))
    own, shared, hole = graph.ref(graph.constant(2, own=True)), graph.ref(graph.constant(2)), graph.ref(
        graph.constant(math.nan)
    )  # fmt: skip
    array = graph.ref(graph.array_constant([1.0, -0.0, math.inf]))
    total = total_of(v * array + exact + own * shared + hole, None)
    result = logic.where(x > 0, total, shaping.index(v, (1,)))
    graph.names["total"], graph.names["result"] = total.node, result.node
    graph.calls.append(Call("f", -1, (0, 4)))
    graph.calls.append(Call("g", 0, None))
    graph.spans[total.node], graph.scopes[total.node] = (3, 9), 1
    return graph


class TestPickles:
    @pytest.mark.parametrize(
        "again",
        [copy.deepcopy, *(lambda graph, p=p: pickle.loads(pickle.dumps(graph, p)) for p in range(2, 6))],
        ids=["deepcopy", "2", "3", "4", "5"],
    )
    def test_everything_is_kept(self, again):
        graph = rich_graph()
        twin = again(graph)
        lint(twin)
        for column in ("op", "start", "operands", "payload", "shape", "shapes", "exact", "input_names", "attributes"):
            assert getattr(twin, column) == getattr(graph, column), column
        assert twin.constants.tobytes() == graph.constants.tobytes()
        assert [array.tobytes() for array in twin.arrays] == [array.tobytes() for array in graph.arrays]
        assert (twin.names, twin.spans, twin.scopes) == (graph.names, graph.spans, graph.scopes)
        assert [(c.name, c.parent, c.span) for c in twin.calls] == [("f", -1, (0, 4)), ("g", 0, None)]
        owned = [node for node in range(len(graph)) if graph.is_constant(node) and graph.is_own_constant(node)]
        assert owned == [node for node in range(len(twin)) if twin.is_constant(node) and twin.is_own_constant(node)]
        assert len(owned) == 1

    def test_sharing_goes_on(self):
        twin = pickle.loads(pickle.dumps(rich_graph()))
        size = len(twin)
        twin.constant(2), twin.constant(0.1, "0.1000000000000000000001"), twin.input("v", (3,))
        assert len(twin) == size

    def test_arrays_stay_read_only(self):
        twin = pickle.loads(pickle.dumps(rich_graph()))
        with pytest.raises(ValueError, match="read-only"):
            twin.arrays[0][0] = 7.0

    def test_operations_are_stored_by_name(self):
        state = rich_graph().__getstate__()
        codes = {REGISTRY.by_name[name].code: place for place, name in enumerate(state["op_names"])}
        assert [codes[code] for code in rich_graph().op] == list(state["op"])


def grow(nodes):
    """A random graph of so many nodes, as users build one: one by one, operands near and far."""
    generator = random.Random(7)
    graph = Graph()
    for position in range(100):
        graph.input(f"x{position}")
    rows = [add, mul, arithmetic.sub, sin, cos]
    while len(graph) < nodes:
        row = generator.choice(rows)
        graph.apply(row, [generator.randrange(len(graph)) for _ in range(row.arity)])
    return graph


def test_a_node_takes_at_most_32_bytes():
    graph = grow(200_000)
    assert graph.nbytes() <= 32 * len(graph)
    assert graph.nbytes() == sum(
        memoryview(column).nbytes for column in (graph.op, graph.start, graph.operands, graph.payload, graph.shape)
    )


def test_static_arguments_that_compare_equal_keep_their_types():
    graph = Graph()
    v = graph.input("v", (3,))
    graph.apply(named("norm"), [v], [1.0])
    (rank,) = graph.attributes_of(graph.apply(shaping.transpose, [v]))
    assert isinstance(rank, int)
