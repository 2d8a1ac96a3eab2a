"""A reduction of a column is refused: row by row it would be the number itself, without a word."""

from __future__ import annotations

import numpy as np
import pytest

import cgcli
from cgcli.errors import ShapeError

from .conftest import loaded


@pytest.fixture(autouse=True)
def rows(tmp_path):
    (tmp_path / "t.csv").write_text("x,y\n1,2\n2,3\n3,7\n")


COLUMNS = [
    "y - mean(y)", "sum(y)", "std(y)", "var(x*y)", "max(y)", "min(y)", "norm(y)", "prod(y)", "count(y > 2)",
    "any(y > 2)", "all(y > 2)", "logsumexp(y)", "f(t) = t/sum(t)\nf(x)", "input d = mean(y)\nx + d",
    "h = x^2\nx - mean(h)",
]  # fmt: skip


@pytest.mark.parametrize("formula", COLUMNS)
@pytest.mark.parametrize("command", ["eval", "grad"])
def test_a_reduction_of_a_column(cg, command, formula):
    done = cg(command, formula, "--data", "t.csv", "-o", "out.csv")
    assert done.code == 2
    assert "gets one number in each row" in done.err
    assert "give what belongs to a whole column as a value" in done.err


@pytest.mark.parametrize("formula", COLUMNS)
@pytest.mark.parametrize("method", ["eval_rows", "grad_rows"])
def test_the_same_from_python(formula, method):
    parsed = cgcli.parse(formula)
    given = {name: np.array([1.0, 2.0, 3.0]) for name in parsed.inputs if name != "d"}
    with pytest.raises(ShapeError, match="gets one number in each row"):
        getattr(parsed, method)(**given)


def test_a_graph_without_a_text():
    mean = cgcli.formula(cgcli.mean(cgcli.inputs("x")))
    with pytest.raises(ShapeError, match="`mean` takes the elements"):
        mean.eval_rows(x=np.arange(3.0))


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("mean([x, y])", [1.5, 2.5, 5]),
        ("sum(A @ [x, y])", [16, 26, 54]),
        ("max(x, y)", [2, 3, 7]),
        ("x*mean(q)", [3, 6, 9]),
        ("x*mean(A)", [2.5, 5, 7.5]),
        ("sum(k*y for k in range(3))", [6, 9, 21]),
        ("mean([y])", [2, 3, 7]),
        ("mse(x, y)", [1, 1, 16]),
        ("diff(mse(q*x, y), q)", [2, 12, 12]),
        ("unused = mean(y)\nx", [1, 2, 3]),
        ("x - mean(m for m in [1, 3])", [-1, 0, 1]),
    ],
)
def test_what_is_no_reduction_of_a_column(cg, formula, expected):
    matrix, number = "A=[[1, 2], [3, 4]]", "q=3"
    values = [word for word in (matrix, number) if word[0] in cgcli.parse(formula).inputs]
    done = cg("eval", formula, *values, "--data", "t.csv", "-o", "out.npz")
    assert done.code == 0, done.err
    np.testing.assert_allclose(loaded("out.npz")["result"], expected)


def test_columns_of_vectors_are_reduced_row_by_row():
    rows = np.arange(6.0).reshape(3, 2)
    formula = cgcli.parse("v - mean(v)")
    np.testing.assert_array_equal(formula.eval_rows(v=rows), [[-0.5, 0.5]] * 3)
    np.testing.assert_array_equal(cgcli.parse("sum(v)").grad_rows(v=rows)["v"], np.ones((3, 2)))
