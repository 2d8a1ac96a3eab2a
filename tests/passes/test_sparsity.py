"""The pattern of a Jacobian covers all that may depend, for every operation, and is no larger than it has to be."""

from __future__ import annotations

import numpy as np
import pytest

from cgcli.errors import CalculationError
from cgcli.graph.store import Graph
from cgcli.ops import REGISTRY
from cgcli.passes import colouring as colouring_module
from cgcli.passes import sparsity
from cgcli.passes.colouring import column_colouring, star_colouring
from cgcli.passes.sparsity import Bits, Blocks, Lines, pattern

LOOSE = {"cumsum", "trace", "linspace", "det_slope", "cofactors", "amax", "norm"}
"""Operations that are said to read more than they do at the points of this test, or than they do at all."""

RANGES = [(0.2, 0.9), (1.0, 3.0), (-2.0, 2.0), (-0.9, -0.1), (-5.0, 5.0), (0.2, 0.9)]


@pytest.mark.parametrize("work", [Bits, Lines, Blocks])
@pytest.mark.parametrize("row", [row for row in REGISTRY.rows if row.arity and row.examples], ids=lambda row: row.name)
def test_the_pattern_of_an_example_is_where_its_jacobian_is_not_zero(row, work, monkeypatch):
    """At several points, since a derivative may be 0 at one of them."""
    import cgcli as cg

    monkeypatch.setattr(sparsity, "FEW_ELEMENTS", 10**9 if work is Bits else -1)
    monkeypatch.setattr(sparsity, "LARGE_NODE", 0)
    monkeypatch.setattr(sparsity, "Lines", Lines if work is Lines else Blocks)
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
    for work in (Bits, Lines, Blocks):
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


GRIDS = {
    "a grid": ("reshape(x, [12, 10])", "A[:-2, 1:-1] + A[2:, 1:-1] + A[1:-1, :-2] + A[1:-1, 2:] - 4*A[1:-1, 1:-1]"),
    "a grid that is closed": (
        "reshape(x, [12, 10])",
        "concat(A[1:], A[:1]) + concat(A[-1:], A[:-1]) + A[::-1]",
    ),
    "one value at several places": ("concat(x, x[:3])", "[A[k]*A[k + 1] for k in range(120)] + A[:120]^2"),
    "nothing at some places": ("concat(x, zeros(5))", "A[10:]*A[:-10] + sum(A[:2])"),
}


@pytest.mark.parametrize("kind", GRIDS)
def test_every_kind_of_set_gives_the_same_pattern(kind, monkeypatch):
    import cgcli as cg

    begin, text = GRIDS[kind]
    bound = cg.parse(f"A = {begin}\n{text}").bind(x=np.linspace(1, 2, 120))
    graph, nodes = bound.graph, (list(bound.program.outputs.values()), [bound.graph.inputs()["x"]])
    expected = pattern(graph, *nodes)
    monkeypatch.setattr(sparsity, "FEW_ELEMENTS", -1)
    monkeypatch.setattr(sparsity, "LARGE_NODE", 0)
    for work in (Lines, Blocks):
        monkeypatch.setattr(sparsity, "Lines", work)
        found = pattern(graph, *nodes)
        assert found.has_sorted_indices
        np.testing.assert_array_equal(found.indptr, expected.indptr)
        np.testing.assert_array_equal(found.indices, expected.indices)


def random_pattern(rng, rows, columns, share):
    from scipy.sparse import csr_array

    found = csr_array(rng.random((rows, columns)) < share)
    found.sort_indices()
    return found


@pytest.mark.parametrize("seed", range(12))
def test_columns_of_one_colour_share_no_row(seed, monkeypatch):
    rng = np.random.default_rng(seed)
    if seed % 2:
        monkeypatch.setattr(colouring_module, "is_large", lambda loop, size: True)
    matrix = random_pattern(rng, 30, 20, 0.12)
    colouring = column_colouring(matrix)
    values = matrix.astype(float)
    values.data = rng.uniform(1, 2, values.nnz)
    products = values @ np.eye(colouring.count)[colouring.colours]
    np.testing.assert_array_equal(products[colouring.row, colouring.colour], values.data)


@pytest.mark.parametrize("blocks", [1, 2])
@pytest.mark.parametrize("width", [30, 41])
def test_a_grid_has_as_many_colours_as_the_fullest_row_has_entries(blocks, width):
    """Five points, and one of the other block; more rows than there are columns in a line."""
    from scipy.sparse import block_array, eye_array, kron

    def line(count):
        return eye_array(count, k=1) + eye_array(count, k=-1)

    count = width + 3
    grid = kron(line(count), eye_array(width)) + kron(eye_array(count), line(width)) + eye_array(count * width)
    other = eye_array(count * width)
    matrix = (grid if blocks == 1 else block_array([[grid, other], [other, grid]])).tocsr().astype(bool)
    matrix.sort_indices()
    colouring = column_colouring(matrix)
    assert len(set(zip(colouring.row.tolist(), colouring.colour.tolist(), strict=True))) == matrix.nnz
    assert colouring.count <= 4 + blocks + (blocks - 1)


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
