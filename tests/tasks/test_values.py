"""A task graph gives what Dask gives, however it is written down."""

from __future__ import annotations

import operator
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cgcli as cg

dask = pytest.importorskip("dask", reason="the extra `dask` is not installed")

from dask import delayed  # noqa: E402
from dask._task_spec import Alias, DataNode, Dict, List, Task, TaskRef, Tuple, fuse_linear_task_spec  # noqa: E402


def inc(x):
    return x + 1


def square(x):
    return x * x


def total(numbers, *, scale=1):
    return sum(numbers) * scale


def compute(collection):
    return collection.compute(scheduler="sync")


def test_delayed_functions_of_integers_of_any_size():
    found = delayed(total)([delayed(square)(delayed(inc)(10**9 + i)) for i in range(40)], scale=10**6)
    assert cg.from_dask(found).eval() == compute(found)
    assert type(cg.from_dask(found).eval()) is int


def test_containers_keywords_attributes_and_methods():
    x = delayed({"a": 1, "b": [2, 3]}, name="x")
    found = delayed(dict)(a=x["b"][0], b=(x["a"], {x["a"]}), c=delayed("text").upper(), d=[[x["b"]], None])
    assert cg.from_dask(found).eval() == compute(found)


def test_bags():
    import dask.bag as bag

    numbers = bag.from_sequence(range(12), npartitions=3)
    for found in (numbers.map(square).filter(lambda x: x % 2).sum(), numbers.frequencies(), numbers.topk(3)):
        assert cg.from_dask(found).eval() == compute(found)


def test_arrays():
    import dask.array as da

    x = da.from_array(np.arange(12.0).reshape(3, 4), chunks=2)
    for found in (x + x.T[:3, :1], (x @ x.T).sum(axis=0), da.exp(x).std(), da.linalg.norm(x)):
        assert np.array_equal(cg.from_dask(found).eval(), compute(found))
        assert np.array_equal(cg.from_dask(dask.optimize(found)[0]).eval(), compute(found))


@pytest.mark.filterwarnings("ignore")  # of pandas, as Dask calls it
def test_dataframes():
    pandas = pytest.importorskip("pandas")
    frames = pytest.importorskip("dask.dataframe")
    table = frames.from_pandas(pandas.DataFrame({"a": range(10), "b": [1.5] * 10}), npartitions=3)
    assert cg.from_dask((table.a * table.b).sum()).eval() == 67.5
    assert cg.from_dask(table[table.a > 6]).eval().equals(compute(table[table.a > 6]))


def test_mappings_as_dask_get_takes_them():
    graph = {
        "x": 2, ("y", 0): (inc, "x"), "z": (total, ["x", ("y", 0), (square, "x"), 5]), "w": Alias("w", "z"),
        "v": Task("v", total, List(TaskRef("w"), TaskRef("x"), 1), scale=TaskRef("x")),
        "u": Task("u", dict, Dict({"k": TaskRef("v"), "t": Tuple(TaskRef("x"), "x")})), "t": DataNode("t", "x"),
    }  # fmt: skip
    for key in graph:
        assert cg.from_dask(graph, key).eval() == dask.get(graph, key)
    assert cg.from_dask(graph, ["u", ["t", "x"]]).eval() == [dask.get(graph, "u"), ["x", 2]]


def test_dictionaries_in_tuples_hold_no_keys():
    """As Dask reads them: a text, a list or a tuple inside is a value, and only a node of a graph is computed."""
    same = operator.methodcaller("copy")
    graph = {
        "x": 1, "text": (same, {"a": "x"}), "list": (same, {"a": ["x"]}), "call": (same, {"a": (operator.neg, 2)}),
        "plain": {"a": "x"}, "mixed": (same, [{"a": "x"}, "x"]), "key": (same, {"x": 3}),
        "nodes": (same, {"a": TaskRef("x"), "b": Task(None, operator.add, TaskRef("x"), 2)}),
    }  # fmt: skip
    for key in graph:
        assert cg.from_dask(graph, key).eval() == dask.get(graph, key)


def test_fused_tasks_inside_fused_tasks():
    graph = {"a0": DataNode("a0", 1)}
    graph |= {f"a{i}": Task(f"a{i}", inc, TaskRef(f"a{i - 1}")) for i in range(1, 9)}
    once = fuse_linear_task_spec(graph, ["a4", "a8"])
    assert cg.from_dask(once, "a8").eval() == 9
    twice = Task.fuse(*once.values(), key="a8")
    assert cg.from_dask({"a8": twice}, "a8").eval() == 9


def test_only_what_is_needed_is_called():
    graph = {"a": (operator.truediv, 1, 0), "b": DataNode("b", 3), "c": Task("c", inc, TaskRef("b"))}
    assert cg.from_dask(graph, "c").eval() == 4
    forward = {"b": DataNode("b", 3), "a": Task("a", operator.truediv, 1, 0), "c": Task("c", inc, TaskRef("b"))}
    assert cg.from_dask(forward, "c").eval() == 4
    assert len(cg.from_dask(forward, "c")) == 2


@given(st.lists(st.tuples(st.sampled_from([operator.add, operator.mul, operator.sub]), st.integers(0), st.integers(0))))
def test_random_graphs_in_any_order(tasks):
    """Each task uses two that come before it; written down forwards and backwards, as tasks and as tuples."""
    known = {"k0": 3}
    tuples, nodes = {"k0": 3}, {"k0": DataNode("k0", 3)}
    for place, (function, first, second) in enumerate(tasks, 1):
        one, other = f"k{first % place}", f"k{second % place}"
        known[f"k{place}"] = function(known[one], known[other])
        tuples[f"k{place}"] = (function, one, other)
        nodes[f"k{place}"] = Task(f"k{place}", function, TaskRef(one), TaskRef(other))
    last = f"k{len(tasks)}"
    for graph in (tuples, nodes):
        assert cg.from_dask(graph, last).eval() == known[last]
        assert cg.from_dask(dict(reversed(graph.items())), last).eval() == known[last]


def test_chains_and_nests_of_any_depth():
    count = 30_000
    chain = {"k0": 0} | {f"k{i}": (inc, f"k{i - 1}") for i in range(1, count + 1)}
    assert cg.from_dask(chain).eval() == count
    assert cg.from_dask(dict(reversed(chain.items()))).eval() == count
    nest = "x"
    for _ in range(count):
        nest = (inc, nest)
    assert cg.from_dask({"x": 0, "y": nest}, "y").eval() == count


def test_values_are_replaced_by_name_by_key_and_by_object():
    x, y = delayed(2.0, name="x"), delayed(5.0, name="y")
    product = x * y
    graph = cg.from_dask(product + 1)
    assert graph.inputs == ["x", "y"]
    assert (graph.eval(), graph(x=3), graph({"y": 1.0}), graph.eval({product.key: 0.0})) == (11.0, 16.0, 3.0, 1.0)


def test_a_large_value_is_let_go_after_its_last_use():
    alive, most = [0], [0]

    class Block:
        def __init__(self):
            alive[0] += 1
            most[0] = max(most[0], alive[0])

        def __del__(self):
            alive[0] -= 1

    graph = {"k0": (Block,)} | {f"k{i}": (lambda before: Block(), f"k{i - 1}") for i in range(1, 20)}
    cg.from_dask(graph).eval()
    assert most[0] <= 2


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: cg.from_dask(5), "a value of type `int` is no Dask collection"),
        (lambda: cg.from_dask({"a": (inc, "b"), "b": (inc, "a")}, "a"), "tasks need each other: a needs b needs a"),
        (lambda: cg.from_dask({"a": 1}, "c"), "the graph has no task `c`"),
        (lambda: cg.from_dask({"a": Task("a", inc, TaskRef("c"))}, "a"), "the graph has no task `c`"),
        (lambda: cg.from_dask({"a": 1, "b": 2}), "2 tasks of this graph are used by no other"),
        (lambda: cg.from_dask(delayed(2)).eval(z=1), "the task graph has no input and no task `z`"),
    ],
)
def test_what_is_no_graph_is_told(make, said):
    with pytest.raises(cg.CgError) as caught:
        make()
    assert caught.value.message == said


def test_a_task_that_raises_is_named():
    graph = {("k", 1): (partial(operator.truediv, 1), 0), "top": (inc, ("k", 1))}
    with pytest.raises(cg.CgError, match=r"task `k\[1\]` \(`truediv`\) raised ZeroDivisionError: division by zero"):
        cg.from_dask(graph).eval()
    with pytest.raises(cg.CgError, match=r"raised TypeError") as caught:
        cg.from_dask(delayed(inc)("a")).eval()
    assert "return x + 1" in caught.value.hint
