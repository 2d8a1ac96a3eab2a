"""Sparse Jacobians and Hessians have the entries of the dense ones, and one for each derivative that may be not 0."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import cgcli as cg
from cgcli.errors import UsageError
from cgcli.formulas.sparse import SparseHessian, SparseJacobian

VALUES = {"a": 0.7, "v": np.array([0.3, 1.2, 0.8, 1.9]), "w": np.array([1.1, 0.4, 1.6, 0.9])}

vectors = st.recursive(
    st.sampled_from(["v", "w", "a*v", "v[::-1]", "concat(v[1:], w[:1])", "[a, v[1], w[2], 2]"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*"), inner).map(lambda parts: f"({' '.join(parts)})"),
        st.tuples(st.sampled_from(["sin", "exp", "sqrt", "abs", "tanh", "cumsum", "softmax"]), inner).map(
            lambda parts: f"{parts[0]}({parts[1]})"
        ),
        inner.map(lambda text: f"where({text} > a, {text}, 1)"),
        inner.map(lambda text: f"({text})[2]*({text})"),
        inner.map(lambda text: f"(reshape({text}, [2, 2]) @ reshape({text}, [2, 2])).T[0]*2 - 1 + ({text})[:2]").map(
            lambda text: f"concat({text}, {text})"
        ),
        inner.map(lambda text: f"[({text})[k]*w[k] + max({text}) for k in range(4)]"),
        inner.map(lambda text: f"sum({text})*v"),
    ),
    max_leaves=5,
)  # fmt: skip


def same(sparse, dense):
    """The same numbers; beside the pattern the dense one has zeros, or a nan that rules for kinks made."""
    dense, inside = np.reshape(dense, sparse.shape), np.zeros(sparse.shape, dtype=bool)
    row = np.repeat(np.arange(sparse.shape[0]), np.diff(sparse.indptr))
    inside[row, sparse.indices] = True
    np.testing.assert_allclose(sparse.toarray()[inside], dense[inside], rtol=1e-12, atol=1e-13)
    assert not np.nan_to_num(dense[~inside]).any()


WAYS = ["products", "lines", "entries", "rolled"]
"""How a matrix is computed: by products with a vector a colour (with the pattern as bits, or as lines where it has
some), by entries that are nodes, with loops as arrays."""


@pytest.fixture(params=WAYS)
def way(request, monkeypatch):
    from cgcli.formulas import sparse_parts, sparse_plans
    from cgcli.passes import rolling, sparsity

    if request.param in ("products", "lines"):
        monkeypatch.setattr(sparse_plans, "entries", lambda graph, outputs, variables: None)
    if request.param == "lines":
        monkeypatch.setattr(sparsity, "FEW_ELEMENTS", -1)
        monkeypatch.setattr(sparsity, "LARGE_NODE", 0)
    if request.param == "rolled":
        monkeypatch.setattr(sparse_parts, "FEWEST_ELEMENTS", 1)
        monkeypatch.setattr(rolling, "FEWEST_SCALARS", 1)
        monkeypatch.setattr(rolling, "SHORTEST", 2)
    return request.param


fuzzed = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@fuzzed
@given(text=vectors)
def test_a_sparse_jacobian_is_the_dense_one(text, way):
    formula = cg.parse(text)
    values = {name: VALUES[name] for name in formula.inputs}
    dense, sparse = formula.jacobian(values), formula.jacobian(values, sparse=True)
    assert list(sparse) == list(dense)
    for name, matrix in sparse.items():
        same(matrix, dense[name])


@fuzzed
@given(text=vectors)
def test_a_sparse_hessian_is_the_dense_one(text, way):
    formula = cg.parse(f"sum(({text})^2)")
    values = {name: VALUES[name] for name in formula.inputs}
    dense, sparse = formula.hessian(values), formula.hessian(values, sparse=True)
    for name, row in sparse.items():
        for other, matrix in row.items():
            same(matrix, dense[name][other])


CHAINS = {
    "vector": "sum(100*(x[1:] - x[:-1]^2)^2 + (1 - x[:-1])^2)",
    "loop": "sum([100*(x[k+1] - x[k]^2)^2 + (1 - x[k])^2 for k in range({last})])",
}


@pytest.mark.parametrize(
    "text", ["floor(v)", "M @ concat((v*0)[1:], [M[0,1]])", "zeros(3)", "v*0 + a", "[2, a][0]*ones(3)"]
)
def test_derivatives_that_are_zero_or_one_number_everywhere(text, way):
    formula = cg.parse(text)
    given = {"v": np.array([0.5, 1.5]), "M": np.eye(2), "a": 3.0}
    values = {name: given[name] for name in formula.inputs}
    dense, sparse = formula.jacobian(values), formula.jacobian(values, sparse=True)
    assert list(sparse) == list(dense)
    for name, matrix in sparse.items():
        same(matrix, dense[name])


@pytest.mark.parametrize("kind", CHAINS)
def test_the_hessian_of_a_chain_is_tridiagonal(kind, way):
    count = 9
    formula, x = cg.parse(CHAINS[kind].format(last=count - 1)), np.linspace(-1, 1, count)
    found = formula.hessian(x=x, sparse=True)["x"]["x"]
    assert found.nnz == 3 * count - 2
    np.testing.assert_array_equal(found.toarray(), formula.hessian(x=x)["x"]["x"])
    assert SparseHessian(formula.bind(x=x)).colours <= 3


FOLDS = {
    "a sum": "step(s, k) = s + 100*(x[k+1] - x[k]^2)^2 + (1 - x[k])^2; fold(step, 0, range(119))",
    "a product of states": "step(s, k) = s*cos(x[k]) + x[k]; fold(step, 1, range(120))",
    "steps in time": "step(u, k) = u + 0.1*(concat(u[1:], [0]) - u)*u; sum(fold(step, x, range(3))^2)",
}


@pytest.mark.parametrize(("kind", "entries"), [("a sum", 3 * 120 - 2), ("a product of states", 120**2),
                                               ("steps in time", 120 * 7 - 12)])  # fmt: skip
def test_a_loop_that_is_one_node_has_a_pattern_of_its_steps(kind, entries, monkeypatch):
    from cgcli.language import repeated
    from cgcli.passes.inlining import has_kept

    formula, x = cg.parse(FOLDS[kind]), np.linspace(0.1, 1, 120)
    written_out = formula.hessian(x=x)["x"]["x"]
    monkeypatch.setattr(repeated, "KEPT_NODES", 0)
    formula = cg.parse(FOLDS[kind])
    assert has_kept(formula.bind(x=x).graph) == (kind != "steps in time")
    found = formula.hessian(x=x, sparse=True)["x"]["x"]
    assert found.nnz == entries
    same(found, written_out)


@pytest.mark.parametrize(("count", "kept"), [(4, False), (300, False), (300, True)])
def test_a_branch_that_is_never_taken_has_no_entry(count, kept, monkeypatch):
    """Which branch a step of a loop takes is known where it hangs on the number of the step, and so are places."""
    from cgcli.language import repeated

    if kept:
        monkeypatch.setattr(repeated, "KEPT_NODES", 0)
    last = count - 1
    text = f"[(x[k-1] if k > 0 else 1)*x[k] - (x[min(k+1, {last})] if k < {last} else 2) for k in range({count})]"
    formula, x = cg.parse(text), np.linspace(1, 2, count)
    found = formula.jacobian(x=x, sparse=True)["x"]
    graph = formula.bind(x=x).graph
    assert ("take" in {graph.row(node).name for node in range(len(graph))}) == kept
    assert found.nnz == 3 * count - 2
    band = np.abs(np.subtract.outer(np.arange(count), np.arange(count))) <= 1
    np.testing.assert_array_equal(found.toarray() != 0, band)


def test_numbers_by_name_are_columns_of_one_element():
    formula = cg.parse("[x*y, y^2, z]")
    found = formula.jacobian(x=2, y=3, z=1, sparse=True)
    assert {name: matrix.shape for name, matrix in found.items()} == {"x": (3, 1), "y": (3, 1), "z": (3, 1)}
    assert [found["x"].nnz, found["y"].nnz, found["z"].nnz] == [1, 2, 1]


def test_an_entry_that_is_zero_here_stays():
    assert cg.parse("x^2").jacobian(x=[0, 1], sparse=True)["x"].nnz == 2


def test_several_outputs_are_told_apart(way):
    found = cg.parse("u = x^2\nw = x[0]*x[1]\noutput u, w").jacobian(x=[1, 2], sparse=True)
    same(found["u"]["x"], [[2, 0], [0, 4]])
    same(found["w"]["x"], [[2, 1]])


def test_parts_of_an_array_are_columns_of_theirs(way):
    values = {"x": [1.0, 2.0, 3.0]}
    formula = cg.parse("x^2*x[1]")
    dense, sparse = (formula.jacobian(values, wrt=["x[2]", "x[1]"], sparse=kind) for kind in (False, True))
    for name in dense:
        same(sparse[name], np.reshape(dense[name], (3, 1)))


def test_inner_names_are_variables_too(way):
    values = {"x": [1.0, 2.0]}
    formula = cg.parse("h = x^2\nh*x[0]")
    dense, sparse = (formula.jacobian(values, wrt=["h", "x"], of="result", sparse=kind) for kind in (False, True))
    for name in dense:
        same(sparse[name], dense[name])


def test_no_derivative_hides_behind_an_infinite_one(way):
    """A product would make nan of 0 times an infinite slope of another column."""
    values = {"x": [0.0, 4.0, 9.0]}
    formula = cg.parse("[sqrt(x[0]) + x[1], x[1]*x[2] + sqrt(x[0]), x[2]]")
    with pytest.warns(cg.NotFiniteWarning):
        sparse = formula.jacobian(values, sparse=True)["x"]
    np.testing.assert_array_equal(sparse.toarray(), [[np.inf, 1, 0], [np.inf, 9, 4], [0, 0, 1]])


def test_a_matrix_is_computed_again_at_other_values(way):
    formula = cg.parse("x[1:]*x[:-1] + a")
    jacobian = SparseJacobian(formula.bind(x=[1, 2, 3], a=1))
    assert jacobian.shape == (2, 4)
    first, second = jacobian(), jacobian({"x": np.array([3.0, 5.0, 7.0])})
    columns = jacobian.columns
    np.testing.assert_array_equal(first.toarray()[:, columns["x"]], [[2, 1, 0], [0, 3, 2]])
    np.testing.assert_array_equal(second.toarray()[:, columns["x"]], [[5, 3, 0], [0, 7, 5]])
    np.testing.assert_array_equal(second.toarray()[:, columns["a"]], [[1], [1]])
    first.indices[:] = 0
    assert jacobian().indices.max() > 0


@given(
    parts=st.lists(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 11)), min_size=1), min_size=1, max_size=4),
    data=st.data(),
)  # fmt: skip
def test_every_entry_is_written_before_something_is_added_to_it(parts, data):
    """What is written goes into memory that holds anything, whatever parts have entries in common."""
    from cgcli.formulas.sparse_parts import writes_of

    written, expected = np.zeros(12, dtype=bool), np.zeros(12)
    found = np.full(12, np.nan)
    for part in parts:
        value = np.arange(1.0, 11.0) * data.draw(st.integers(1, 9))
        elements, places = np.array(part).T
        np.add.at(expected, places, value[elements])
        for write in writes_of(elements, places, written):
            write.apply(value, found)
    np.testing.assert_array_equal(np.isnan(found), ~written)
    np.testing.assert_array_equal(found[written], expected[written])


def test_many_colours_are_run_in_several_batches(monkeypatch):
    from cgcli.formulas import sparse_plans as module

    formula, x = cg.parse("sum(x)*x^2"), np.arange(1.0, 8.0)
    dense = formula.jacobian(x=x)["x"]
    monkeypatch.setattr(module, "MOST_AT_ONCE", 15)
    same(formula.jacobian(x=x, sparse=True)["x"], dense)


def test_digits_and_sparse_exclude_each_other():
    with pytest.raises(UsageError, match="doubles"):
        cg.parse("x^2").jacobian(x=1, sparse=True, digits=30)


def test_an_input_named_sparse_is_given_in_a_mapping():
    assert cg.parse("sparse*x").grad({"sparse": 2, "x": 3}) == {"sparse": 3.0, "x": 2.0}


LARGE = {
    "a chain": "sum(100*(x[1:] - x[:-1]^2)^2 + (1 - x[:-1])^2)*a",
    "a loop": "sum([100*(x[k+1] - x[k]^2)^2 + (1 - x[k])^2 for k in range(39)])*a",
    "all by all": "logsumexp(a*x)",
    "a kink": "sum(abs(x)*x)*a",
}


@pytest.mark.parametrize("kind", LARGE)
def test_a_large_dense_matrix_is_the_one_that_is_written_out(kind):
    from cgcli.formulas import derivatives

    formula = cg.parse(LARGE[kind])
    bound = formula.bind(x=np.linspace(-1, 1, 40), a=1.5)
    expected = derivatives.hessians(bound)["result"]
    found = formula.hessian(bound.values)
    for name, row in expected.items():
        for other, array in row.items():
            assert np.shape(found[name][other]) == np.shape(array)
            np.testing.assert_allclose(found[name][other], array, rtol=1e-13, atol=1e-12)
    slopes = cg.parse(f"diff({LARGE[kind]}, x)")
    bound = slopes.bind(bound.values)
    for name, array in derivatives.jacobians(bound)["result"].items():
        np.testing.assert_allclose(slopes.jacobian(bound.values)[name], array, rtol=1e-13, atol=1e-12)


def test_a_matrix_that_nobody_could_hold_is_refused():
    with pytest.raises(cg.CgError, match="10,000,000,000 elements"):
        cg.parse("x^2").jacobian(x=np.ones(100_000))


def test_many_names_are_columns_each():
    names = [f"x{place}" for place in range(310)]
    formula = cg.parse("[" + ", ".join(f"{a}*{b}" for a, b in itertools.pairwise(names)) + "]")
    point = {name: float(place) for place, name in enumerate(names)}
    found = formula.jacobian(point, sparse=True)
    assert found["x7"].nnz == 2
    assert found["x7"].format == "csr"
    np.testing.assert_array_equal(found["x7"].toarray().ravel()[6:8], [6.0, 8.0])
    total = cg.parse("+".join(f"{a}*{b}" for a, b in itertools.pairwise(names)))
    with pytest.raises(cg.CgError, match="96,100 parts"):
        total.hessian(point, sparse=True)
    assert SparseHessian(total.bind(point))().nnz == 2 * 309
