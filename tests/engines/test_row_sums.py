"""Sums over the rows of a batch are those of the rows computed one by one, wherever the sum goes inwards."""

from __future__ import annotations

import numpy as np
import pytest

import cgcli as cg
from cgcli.engines import row_sums
from cgcli.engines.row_sums import RowSums
from cgcli.formulas.derivatives import gradient_nodes
from cgcli.formulas.rows import bind_columns, varying

ROWS = 37
SHAPES = {"v": (3,), "u": (4,), "x": (), "y": (), "M": (2, 3), "A": (4, 3), "B": (3, 3), "b": (4,), "c": ()}
COLUMNS = ("v", "u", "x", "y", "M")
LOSSES = (
    "c", "x", "c*x + b[1]", "(x - c)^2/3", "x/c - c/x", "sum(b)", "c*v[0] - v[1]*v[2]",
    "sum((A @ v + b)^2)", "sum(tanh(A @ v) * u)", "u @ (A @ v)", "(u @ A) @ v", "v @ (B @ v)", "dot(A @ v, b)",
    "sum(outer(u, v) * A)", "sum((M @ B)^2)", "sum(M @ v)*c", "sum((M @ B @ M.T)^2)", "sum(cross(v, B[0]) * B[1])",
    "softmax_cross_entropy(A @ v + b, x > [0, 1, 2, 3])", "where(x > 0, A[0] @ v, c*y)", "max(A @ v)",
    "sum([c*x, y, 1] * v)", "logsumexp(A @ v)*x", "sum(reshape(A, [3, 4]) @ u)", "sum(B * B) + x",
    "sum(concat(v, u)[::2] * c)", "sum(fold(s, v, range(3))^2)", "-log_sigmoid((2*y - 1)*(B[0] @ v + c))",
)  # fmt: skip


def values(seed: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    return {
        name: random.uniform(0.5, 2, (ROWS, *shape) if name in COLUMNS else shape) for name, shape in SHAPES.items()
    }


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("blocks", [False, True], ids=["at once", "in blocks"])
def test_sums_are_those_of_the_rows(loss: str, blocks: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if blocks:
        monkeypatch.setattr(row_sums, "BLOCK", 1)
        monkeypatch.setattr(row_sums, "FEWEST", 10)
    declared = "; ".join(f"input {name}{list(shape) if shape else ''}" for name, shape in SHAPES.items())
    formula = cg.parse(f"{declared}; s(a, i) = tanh(B @ a); loss = {loss}")
    wrt = [name for name in ("A", "B", "b", "c") if name in formula.inputs]
    data = values(1)
    given = {name: data[name] for name in formula.inputs}
    bound, _ = bind_columns(formula, given, wrt)
    bound = varying(
        formula.bind({name: value[0] if name in COLUMNS else value for name, value in given.items()}), COLUMNS
    )
    over, nodes = gradient_nodes(bound, wrt)
    sums = RowSums(over.graph, [over.program.outputs["loss"], *nodes["loss"].values()], COLUMNS)
    found = sums(given, ROWS)
    expected = formula.eval_rows(given, engine="numpy")
    np.testing.assert_allclose(found[0], np.broadcast_to(expected, ROWS).sum(), rtol=1e-13)
    gradients = formula.grad_rows(given, wrt=wrt, engine="numpy")
    for name, sum_of_rows in zip(wrt, found[1:], strict=True):
        np.testing.assert_allclose(
            sum_of_rows, np.broadcast_to(gradients[name], (ROWS, *SHAPES[name])).sum(axis=0), rtol=1e-12, atol=1e-12
        )


def test_no_matrix_is_made_for_each_row() -> None:
    formula = cg.parse("input x[300]; param W[200, 300] = glorot(); loss = sum((W @ x)^2)")
    bound = varying(formula.bind(x=np.zeros(300)), ["x"])
    over, nodes = gradient_nodes(bound, ["W"])
    sums = RowSums(over.graph, list(nodes["loss"].values()), ["x"])
    assert max(np.prod(over.graph.shape_of(node)) for node, *_ in sums._rows) <= 300


def test_no_rows_sum_to_zero() -> None:
    formula = cg.parse("input x; param a = 2; loss = a*x")
    bound = varying(formula.bind(x=1.0), ["x"])
    assert RowSums(bound.graph, [bound.program.outputs["loss"]], ["x"])({"a": 2.0, "x": np.zeros(0)}, 0) == [0.0]
