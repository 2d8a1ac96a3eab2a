"""Elements at positions that are values: what is read, its derivative, which adds up, and its batches."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

import cgcli as cg
from cgcli.engines import engine
from cgcli.errors import DataError, Source, UsageError
from cgcli.graph.store import Graph
from cgcli.language.reading import lower, parse
from cgcli.ops import shaping
from cgcli.ops.positions import Positions, gather, scatter, scatter_add, take
from cgcli.passes.batched import batched
from cgcli.passes.differentiate import differentiate

RANDOM = np.random.default_rng(3)
E = RANDOM.normal(size=(5, 2))


def value(graph, given, node):
    return engine("numpy").evaluate(graph, given, [node])[node]


def test_positions_count_from_the_end_where_they_are_negative():
    graph = Graph()
    found = take(graph.ref(graph.input("E", (5, 2))), graph.ref(graph.input("k")))
    for k in (-5, -1, 0, 4):
        np.testing.assert_array_equal(value(graph, {"E": E, "k": k}, found.node), E[k])
    for k in (5, -6, 1.5, np.nan):
        assert np.isnan(value(graph, {"E": E, "k": k}, found.node)).all()


def test_the_derivative_adds_up_what_was_read_more_than_once():
    graph = Graph()
    x, k = graph.ref(graph.input("E", (5, 2))), graph.ref(graph.input("k", (4,)))
    weights = RANDOM.normal(size=(4, 2))
    total = shaping.sum_of(take(x, k) ** 2 * graph.ref(graph.array_constant(weights)))
    slope = differentiate(graph, [total.node], [x.node]).wrt(x.node)
    expected = np.zeros_like(E)
    positions = np.array([1.0, -1.0, 1.0, 0.0])
    for place, each in zip(positions.astype(int), weights, strict=True):
        expected[place] += 2 * E[place] * each
    np.testing.assert_allclose(value(graph, {"E": E, "k": positions}, slope), expected, rtol=1e-15)


CASES = {
    "a number": lambda x, k: take(x, k[0]),
    "several": lambda x, k: take(x, k),
    "added": lambda x, k: scatter_add(x[:3], k, 4),
    "static": lambda x, k: gather(x, Positions(np.array([7, 0, 0, 3]))) * k[0],
    "static, added": lambda x, k: scatter(x[:, 0], Positions(np.array([7, 0, 0, 3, 1])), (4, 2)) * k[0],
    "axes": lambda x, k: shaping.permute(shaping.reshape(x, (5, 1, 2)), (2, 0, 1)) * k[0],
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("varying", [each for count in (1, 2) for each in combinations("Ek", count)])
def test_a_batch_is_a_loop_over_its_rows(name, varying):
    graph = Graph()
    found = CASES[name](graph.ref(graph.input("E", (5, 2))), graph.ref(graph.input("k", (3,))))
    weights = graph.ref(graph.array_constant(RANDOM.normal(size=found.shape)))
    total = shaping.sum_of(found * weights * found)
    inputs = graph.inputs()
    slope = differentiate(graph, [total.node], [inputs["E"]]).wrt(inputs["E"])
    rows = [{"E": RANDOM.normal(size=(5, 2)), "k": RANDOM.integers(-4, 4, size=3).astype(float)} for _ in range(4)]
    rows = [{key: row[key] if key in varying else rows[0][key] for key in row} for row in rows]
    many, moved = batched(graph, [total.node], [inputs[key] for key in varying], 4)
    given = {key: np.array([row[key] for row in rows]) if key in varying else rows[0][key] for key in "Ek"}
    np.testing.assert_allclose(value(many, given, moved[total.node]),
                               [value(graph, row, total.node) for row in rows], rtol=1e-13)  # fmt: skip
    batch_slope = differentiate(many, [moved[total.node]], [many.inputs()["E"]]).wrt(many.inputs()["E"])
    expected = [value(graph, row, slope) for row in rows]
    result = value(many, given, batch_slope)
    np.testing.assert_allclose(result, expected if "E" in varying else sum(expected), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(("text", "expected"), [
    ("E[k]", lambda e, k: e[k]), ("E[1, k]", lambda e, k: e[1, k]), ("E[k, 0]", lambda e, k: e[k, 0]),
    ("E[k, ::-1]", lambda e, k: e[k, ::-1]), ("E[k + 0, k]", lambda e, k: e[k, k]),
    ("[E[0], E[2]][k]", lambda e, k: e[[0, 2]][k]),
])  # fmt: skip
def test_an_index_that_differs_from_row_to_row_is_an_operand(text, expected):
    program = lower(parse(Source(text, "formula")), shapes={"E": (5, 2)}, varying=["k"])
    for k in (0, 1):
        found = value(program.graph, {"E": E, "k": k}, program.outputs["result"])
        np.testing.assert_array_equal(found, expected(E, k))


def test_a_column_of_indices_is_one_of_values():
    formula = cg.parse("param E[5, 2] = 0; y = sum(E[k] * x)")
    k, x = np.array([0, 1, -1, 1.0]), np.array([1.0, 2, 3, 4])
    np.testing.assert_allclose(formula.eval_rows(k=k, x=x, E=E), E[k.astype(int)].sum(axis=1) * x)
    slopes = formula.grad_sum(k=k, x=x, E=E)[1]
    np.testing.assert_array_equal(slopes["E"], np.array([1, 6, 0, 0, 3.0])[:, None] * np.ones(2))
    np.testing.assert_allclose(formula.grad_rows(k=k, x=x, E=E, wrt=["E"])["E"].sum(axis=0), slopes["E"])
    assert formula.eval(k=1, x=2, E=E) == formula.eval_rows(k=k, x=x, E=E)[1]


@pytest.mark.parametrize(("k", "message"), [
    ([0, 5], "row 2: index 5 does not exist; the array has 5 items"), ([0.5, 1], "row 1: index 0.5 is no whole number"),
    ([0, float("inf")], "row 2: index inf does not exist; the array has 5 items"),
    ([0, -6], "row 2: index -6 does not exist"), ([0, np.nan], "row 2: an index is missing"),
])  # fmt: skip
def test_an_index_out_of_range_names_its_row(k, message):
    formula = cg.parse("param E[5, 2] = 0; y = sum(E[k] * x)")
    for ask, more in ((formula.eval_rows, {}), (formula.grad_rows, {"wrt": ["E"]}), (formula.grad_sum, {"wrt": ["E"]})):
        if more and np.isnan(k).any():
            continue  # a row with a gap is left out of a sum
        with pytest.raises(DataError, match=message):
            ask(k=k, x=[1.0, 2.0], E=E, **more)


def test_what_all_rows_share_is_still_a_length():
    formula = cg.parse("y = sum(i * x for i in range(n))")
    with pytest.raises(UsageError, match="`n` cannot be a column"):
        formula.eval_rows(n=[1, 2], x=[1.0, 2.0])
