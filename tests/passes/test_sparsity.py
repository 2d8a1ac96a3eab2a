"""The pattern of a Jacobian covers all that may depend, for every operation, and is no larger than it has to be."""

from __future__ import annotations

import numpy as np
import pytest

from cgcli.errors import CalculationError
from cgcli.graph.store import Graph
from cgcli.ops import REGISTRY
from cgcli.passes import sparsity
from cgcli.passes.colouring import column_colouring, star_colouring
from cgcli.passes.sparsity import Bits, Blocks, pattern

LOOSE = {"cumsum", "trace", "linspace", "det_slope", "cofactors", "amax", "norm"}
"""Operations that are said to read more than they do at the points of this test, or than they do at all."""

RANGES = [(0.2, 0.9), (1.0, 3.0), (-2.0, 2.0), (-0.9, -0.1), (-5.0, 5.0), (0.2, 0.9)]


@pytest.mark.parametrize("work", [Bits, Blocks])
@pytest.mark.parametrize("row", [row for row in REGISTRY.rows if row.arity and row.examples], ids=lambda row: row.name)
def test_the_pattern_of_an_example_is_where_its_jacobian_is_not_zero(row, work, monkeypatch):
    """At several points, since a derivative may be 0 at one of them."""
    import cgcli as cg

    monkeypatch.setattr(sparsity, "FEW_ELEMENTS", 10**9 if work is Bits else -1)
    monkeypatch.setattr(sparsity, "LARGE_NODE", 0)
    for example in row.examples:
        formula = cg.parse(example)
        rng = np.random.default_rng(1)
        found, dense = None, 0
        for low, high in RANGES:
            values = {name: float(rng.uniform(low, high)) for name in formula.inputs}
            bound = formula.bind(values)
            variables = [bound.graph.inputs()[name] for name in bound.program.inputs]
            (output,) = bound.program.outputs.values()
            found = pattern(bound.graph, [output], variables).toarray()
            slopes = formula.jacobian(values)
            columns = [np.ravel(slopes[name]) for name in bound.program.inputs if name in slopes]
            dense = dense | (np.nan_to_num(np.stack(columns, axis=1), nan=1.0) != 0)
        assert not (dense & ~found).any()
        if row.name not in LOOSE and "piecewise_constant" not in row.traits:
            np.testing.assert_array_equal(found, dense)


@pytest.mark.parametrize(
    "row", [row for row in REGISTRY.rows if row.elementwise and row.arity], ids=lambda row: row.name
)
def test_an_elementwise_operation_reads_its_own_place(row):
    if "leaf" in row.traits or row.prepare is not None:
        pytest.skip("a leaf reads nothing; a static argument changes nothing in what is read")
    for work in (Bits, Blocks):
        graph = Graph()
        operands = [graph.input(f"x{place}", (3,) if place == 0 else ()) for place in range(row.arity)]
        node = graph.apply(row, operands)
        found = work(graph, operands)
        found.visit(graph, node)
        matrix = found.rows(graph, [node]).toarray()
        if matrix.any():
            moving = matrix[0, :1].tolist() + matrix[0, 3:].tolist()
            expected = np.zeros_like(matrix)
            expected[:, :3] = np.eye(3, dtype=bool) & moving[0]
            expected[:, 3:] = moving[1:]
            np.testing.assert_array_equal(matrix, expected)


def test_a_dense_pattern_is_refused_before_it_is_made(monkeypatch):
    monkeypatch.setattr(sparsity, "MOST_ENTRIES", 1000)
    graph = Graph()
    x = graph.input("x", (200,))
    total = graph.apply(REGISTRY.by_name["sum"], [x], [None])
    y = graph.apply(REGISTRY.by_name["add"], [x, total])
    monkeypatch.setattr(sparsity, "FEW_ELEMENTS", 0)
    with pytest.raises(CalculationError, match="not sparse"):
        pattern(graph, [y], [x])


def random_pattern(rng, rows, columns, share):
    from scipy.sparse import csr_array

    found = csr_array(rng.random((rows, columns)) < share)
    found.sort_indices()
    return found


@pytest.mark.parametrize("seed", range(12))
def test_columns_of_one_colour_share_no_row(seed):
    rng = np.random.default_rng(seed)
    matrix = random_pattern(rng, 30, 20, 0.12)
    colouring = column_colouring(matrix)
    values = matrix.astype(float)
    values.data = rng.uniform(1, 2, values.nnz)
    products = values @ np.eye(colouring.count)[colouring.colours]
    np.testing.assert_array_equal(products[colouring.row, colouring.colour], values.data)


@pytest.mark.parametrize("seed", range(12))
def test_entries_of_a_symmetric_matrix_are_read_off_a_star_colouring(seed):
    rng = np.random.default_rng(seed)
    half = random_pattern(rng, 25, 25, 0.06)
    matrix = half + half.T
    matrix.sort_indices()
    colouring = star_colouring(matrix)
    dense = rng.integers(1, 1000, (25, 25)).astype(float)
    dense = np.where(matrix.toarray(), dense + dense.T, 0.0)
    products = dense @ np.eye(colouring.count)[colouring.colours]
    row, column = matrix.nonzero()
    np.testing.assert_array_equal(products[colouring.row, colouring.colour], dense[row, column])


def test_an_arrow_needs_two_colours_and_a_band_as_many_as_it_is_wide():
    from scipy.sparse import csr_array

    arrow = np.eye(30, dtype=bool)
    arrow[0], arrow[:, 0] = True, True
    assert star_colouring(csr_array(arrow)).count == 2
    band = np.abs(np.subtract.outer(np.arange(30), np.arange(30))) <= 2
    assert column_colouring(csr_array(band)).count == 5


def test_what_is_done_to_elements_by_themselves_is_a_formula_of_them():
    import cgcli as cg
    from cgcli.engines.numpy import ENGINE
    from cgcli.passes.elements import per_element

    x = np.linspace(0.1, 0.9, 6)
    bound = cg.parse("sin(x[1:])*a + x[:-1]^2 - sum(x)").bind(x=x, a=2)
    (output,) = bound.program.outputs.values()
    formula = per_element(bound.graph, [output])
    assert sorted(bound.graph.row(node).name for node in formula.sources.values()) == ["index", "index", "input", "sum"]
    values = ENGINE.evaluate(bound.graph, bound.values, [*formula.sources.values(), output])
    columns = {name: values[node] for name, node in formula.sources.items()}
    rows = ENGINE.evaluate_rows(formula.graph, columns, formula.wanted)
    np.testing.assert_array_equal(rows[formula.wanted[0]], values[output])
