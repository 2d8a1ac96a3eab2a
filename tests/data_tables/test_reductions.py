"""A reduction of a column means the whole column: its value, its derivatives, and what is said where there is none."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cgcli
from cgcli.errors import DataError, NotFiniteWarning, ShapeError

from .conftest import loaded

X, Y = np.array([1.0, 2.0, 3.0, 2.5, -1.0]), np.array([2.0, 3.0, 7.0, 0.5, 4.0])


@pytest.fixture(autouse=True)
def rows(tmp_path):
    table = "\n".join(["x,y", *(f"{x},{y}" for x, y in zip(X, Y, strict=True))])
    (tmp_path / "t.csv").write_text(f"{table}\n")
    (tmp_path / "gaps.csv").write_text("x,y\n1,2\n2,\n3,7\n")
    (tmp_path / "empty.csv").write_text("x,y\n")


WHOLE = {
    "mean(y)": np.mean(Y), "sum(x*y)": np.sum(X * Y), "std(y)": np.std(Y), "var(x*y)": np.var(X * Y), "max(y)": 7.0,
    "min(y - x)": -2.0, "norm(y)": np.linalg.norm(Y), "norm(y, 1)": 16.5, "norm(y, inf)": 7.0,
    "norm(y, 3)": np.linalg.norm(Y, 3), "prod(y)": np.prod(Y), "count(y > 2)": 3.0, "any(y > 8)": 0.0,
    "all(y > 0)": 1.0, "logsumexp(y)": np.log(np.sum(np.exp(Y))), "logmeanexp(y)": np.log(np.mean(np.exp(Y))),
    "f(t) = t/sum(t)\nsum(f(x)^2)": np.sum((X / X.sum()) ** 2), "h = x^2\nmax(h) - mean(h)": 9 - np.mean(X**2),
    "sum((y - mean(y))^3)/std(y)^3": np.sum((Y - Y.mean()) ** 3) / np.std(Y) ** 3,
    "mean((y - a*x)^2)": np.mean((Y - 2 * X) ** 2), "sum(k*mean(y) for k in range(3))": 3 * np.mean(Y),
    "max(max(y) - a)": 5.0, "sum(mean(y)) + var(max(x))": np.mean(Y),
    "input d = 2*y\nmean(d)": 2 * np.mean(Y), "log(mean(exp(a*y)))": np.log(np.mean(np.exp(2 * Y))),
}  # fmt: skip
EACH = {
    "y - mean(y)": Y - Y.mean(), "(y - mean(y))/std(y)": (Y - Y.mean()) / Y.std(), "x/sum(x)": X / X.sum(),
    "where(y == max(y), a, 0)": np.where(Y == 7, 2.0, 0.0), "exp(y - logsumexp(y))": np.exp(Y) / np.exp(Y).sum(),
    "z = (x - mean(x))/std(x)\nz*y - mean(z*y)": (lambda z: z * Y - np.mean(z * Y))((X - X.mean()) / X.std()),
}  # fmt: skip


def parameters(formula):
    return {"a": 2.0} if "a" in cgcli.parse(formula).inputs else {}


@pytest.mark.parametrize("formula", WHOLE)
def test_a_reduction_of_a_column_is_one_number(cg, formula):
    words = [f"{name}={value}" for name, value in parameters(formula).items()]
    done = cg("eval", formula, *words, "--data", "t.csv")
    assert done.code == 0
    assert done.err == "5 rows, engine numpy\n"
    assert math.isclose(float(done.out), WHOLE[formula], rel_tol=4e-16 * 8)
    given = {name: value for name, value in {"x": X, "y": Y}.items() if name in cgcli.parse(formula).inputs}
    assert cgcli.parse(formula).eval_rows(**given, **parameters(formula)) == float(done.out)


@pytest.mark.parametrize("formula", EACH)
def test_a_row_may_use_what_is_of_the_whole_table(cg, formula):
    words = [f"{name}={value}" for name, value in parameters(formula).items()]
    done = cg("eval", formula, *words, "--data", "t.csv", "-o", "out.npz")
    assert done.code == 0, done.err
    np.testing.assert_allclose(loaded("out.npz")["result"], EACH[formula], rtol=1e-15, atol=1e-15)
    given = {name: value for name, value in {"x": X, "y": Y}.items() if name in cgcli.parse(formula).inputs}
    found = cgcli.parse(formula).eval_rows(**given, **parameters(formula))
    np.testing.assert_array_equal(found, loaded("out.npz")["result"])


SMOOTH = [
    "mean((y - a*x)^2)", "std(a*y + x)", "var(a*x*y)", "max(a*y - x)", "min(a*y - x)", "norm(y + a*x)", "norm(a*y, 1)",
    "norm(y*a, inf)", "norm(y - a, 3)", "norm(y + x, a)", "prod(y + a*x)", "prod(x - a)", "prod((x - 2)*(x - a))",
    "logsumexp(a*y)", "logmeanexp(a*y)", "log(mean(exp(a*y)))", "sum((y - mean(a*y))^3)/std(a*x)",
    "sum(where(y > mean(a*y), y^a, x))", "a*count(y > 2)", "max(y - a*mean(x))", "sum(a)*mean(y)",
    "sum(min(a*y))*a", "var(sum(a*x)) + max(norm(a*x - y))",
]  # fmt: skip


@pytest.mark.parametrize("formula", SMOOTH)
def test_derivatives_are_those_of_the_formula_over_whole_arrays(formula):
    parsed = cgcli.parse(formula)
    names = [name for name in ("x", "y", "a") if name in parsed.inputs]
    values = {name: {"x": X, "y": Y, "a": 2.0}[name] for name in names}
    found, expected = parsed.grad_rows(values), parsed.grad(values)
    for name in names:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-13, atol=1e-13, err_msg=name)


@pytest.mark.parametrize("formula", [*EACH, "y - a*mean(x*y)", "(y - mean(a*y))/std(a*y + x)", "sum(x)*a"])
def test_derivatives_of_rows_by_what_they_share_and_by_their_own_columns(formula):
    parsed = cgcli.parse(formula)
    names = [name for name in ("x", "y", "a") if name in parsed.inputs]
    values = {name: {"x": X, "y": Y, "a": 2.0}[name] for name in names}
    found = parsed.grad_rows(values)
    exact = parsed.jacobian(values)
    for name in names:
        own = exact[name] if name == "a" else np.diagonal(exact[name]) if np.ndim(exact[name]) == 2 else exact[name]
        np.testing.assert_allclose(found[name], own, rtol=1e-13, atol=1e-13, err_msg=name)


def test_a_parameter_may_be_an_array():
    formula = cgcli.parse("input w[2]\nmean((y - w @ [x, 1])^2) + 0.1*sum(w^2)")
    w = np.array([2.0, -1.0])
    residual = Y - w[0] * X - w[1]
    found = formula.grad_rows(x=X, y=Y, w=w, wrt=["w"])["w"]
    expected = [np.mean(-2 * X * residual) + 0.2 * w[0], np.mean(-2 * residual) + 0.2 * w[1]]
    np.testing.assert_allclose(found, expected, rtol=1e-14)
    assert formula.eval_rows(x=X, y=Y, w=w) == pytest.approx(np.mean(residual**2) + 0.5, rel=1e-15)


def test_derivatives_by_inner_names():
    formula = cgcli.parse("m = mean(y)\nr = y - m\nsum(r^2) + 3*m")
    found = formula.grad_rows(y=Y, wrt=["m", "r"])
    np.testing.assert_allclose(found["r"], 2 * (Y - Y.mean()), rtol=1e-15)
    assert found["m"] == pytest.approx(3 - 2 * np.sum(Y - Y.mean()), rel=1e-14)


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("mean([x, y])", (X + Y) / 2),
        ("max(x, y)", np.maximum(X, Y)),
        ("x*mean(q)", 3 * X),
        ("x*sum(q^2)", 9 * X),
        ("sum(k*y for k in range(3))", 3 * Y),
        ("mean([y])", Y),
        ("mse(x, y)", (X - Y) ** 2),
        ("diff(mse(q*x, y), q)", 2 * X * (3 * X - Y)),
        ("unused = mean(y)\nx", X),
        ("x - mean(m for m in [1, 3])", X - 2),
    ],
)
def test_what_is_no_reduction_of_a_column(cg, formula, expected):
    values = ["q=3"] if "q" in cgcli.parse(formula).inputs else []
    done = cg("eval", formula, *values, "--data", "t.csv", "-o", "out.npz")
    assert done.code == 0, done.err
    np.testing.assert_allclose(loaded("out.npz")["result"], expected)


def test_columns_of_vectors_are_reduced_row_by_row():
    rows = np.arange(6.0).reshape(3, 2)
    formula = cgcli.parse("v - mean(v)")
    np.testing.assert_array_equal(formula.eval_rows(v=rows), [[-0.5, 0.5]] * 3)
    np.testing.assert_array_equal(cgcli.parse("sum(v)").grad_rows(v=rows)["v"], np.ones((3, 2)))
    assert cgcli.parse("mean(sum(v))").eval_rows(v=rows) == 5.0
    np.testing.assert_array_equal(cgcli.parse("mean(sum(v))").grad_rows(v=rows)["v"], np.full((3, 2), 1 / 3))


def test_a_graph_without_a_text():
    assert cgcli.formula(cgcli.mean(cgcli.inputs("x"))).eval_rows(x=np.arange(3.0)) == 1.0


# ---- exact, however the rows come ----------------------------------------------------------------------------------


@given(st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=50))
def test_sums_are_rounded_once(values):
    try:
        exact = math.fsum(values)
    except OverflowError:
        return
    found = cgcli.parse("sum(y)").eval_rows(y=np.array(values))
    assert math.isclose(found, exact, rel_tol=3e-16, abs_tol=1e-32 * max(map(abs, values)))


def test_the_bits_do_not_depend_on_the_batches(cg, monkeypatch):
    random = np.random.default_rng(4)
    y = random.normal(size=20_000) * 10.0 ** random.integers(-8, 8, 20_000)
    np.savez("long.npz", y=y)
    formula = "sum(y) + norm(y) + std(y) + mean(y) + prod(1 + 1e-9*y) + max(y)"
    found = {cgcli.parse(formula).eval_rows(y=y)}
    for rows in (256, 1_000, 7_777, 100_000):
        monkeypatch.setattr("cgcli.rows.passes.rows_of_a_batch", lambda columns, rows=rows: rows)
        found.add(float(cg("eval", formula, "--data", "long.npz").out))
    assert len(found) == 1
    assert cgcli.parse("sum(y)").eval_rows(y=y) == math.fsum(y)


def test_lengths_and_products_neither_overflow_nor_underflow():
    large = np.array([3e200, 4e200])
    assert cgcli.parse("norm(y)").eval_rows(y=large) == pytest.approx(5e200, rel=1e-15)
    assert cgcli.parse("norm(y)").eval_rows(y=large * 1e-300 * 1e-100) == pytest.approx(5e-200, rel=1e-15)
    assert cgcli.parse("prod(y)").eval_rows(y=np.array([1e200, 1e200, 1e-300])) == pytest.approx(1e100, rel=1e-15)


def test_a_zero_that_a_decision_made_stays_zero():
    formula = cgcli.parse("sum(where(x > 0, log(where(x > 0, a*x, 0)), 0))")
    found = formula.grad_rows(x=np.array([-1.0, 0.0, 2.0, 4.0]), a=2.0)
    assert found["a"] == pytest.approx(1.0)
    np.testing.assert_allclose(found["x"], [0, 0, 0.5, 0.25])
    guarded = cgcli.parse("where(b > 0, sqrt(sum(a*x)), a)")
    assert guarded.grad_rows(x=np.zeros(3), a=0.0, b=-1.0, wrt=["a"])["a"] == 1.0


# ---- what the command tells ----------------------------------------------------------------------------------------


def test_results_of_the_whole_table_in_a_file_and_as_json(cg):
    done = cg("eval", "m = mean(y)\ns = std(y)\n[m, s]", "--data", "t.csv", "-o", "out.csv")
    assert (done.code, done.out) == (0, "")
    header, row, *rest = Path("out.csv").read_text().splitlines()
    assert header.replace('"', "") == "result[0],result[1]"
    assert [float(cell) for cell in row.split(",")] == [np.mean(Y), np.std(Y)]
    assert not rest
    document = json.loads(cg("eval", "mean(y)", "--data", "gaps.csv", "--missing", "skip", "--json").out)
    assert document["values"] == {"result": 4.5}
    assert (document["rows"], document["skipped"], document["outputs"]) == (2, 1, {})
    assert document["gaps"]["y"]["first_row"] == 2


def test_what_is_of_the_whole_table_stands_in_every_row_beside_others(cg):
    done = cg("eval", "y - mean(y)", "--show", "m,r", "--data", "t.csv")
    assert done.code == 2  # no such names
    text = "m = mean(y)\nr = y - m\nr^2"
    done = cg("eval", text, "--show", "m,r", "--data", "t.csv", "-o", "out.npz")
    assert done.code == 0
    assert f"m = {np.mean(Y)!r}, of the whole table".replace("np.float64(", "").replace(")", "") in done.err
    np.testing.assert_array_equal(loaded("out.npz")["m"], np.full(5, np.mean(Y)))
    np.testing.assert_array_equal(loaded("out.npz")["r"], Y - np.mean(Y))


def test_derivatives_of_a_loss_are_numbers(cg):
    done = cg("grad", "loss = mean((y - a*x)^2)", "a=2", "--data", "t.csv")
    loss, slope = (line.split(" = ") for line in done.out.splitlines())
    assert loss == ["loss", repr(float(np.mean((Y - 2 * X) ** 2)))]
    assert slope[0] == "dloss/da"
    assert float(slope[1]) == pytest.approx(np.mean(-2 * X * (Y - 2 * X)), rel=1e-15)
    cg("grad", "mean((y - a*x)^2)", "a=2", "--data", "t.csv", "--wrt", "a,y", "-o", "out.npz")
    np.testing.assert_allclose(loaded("out.npz")["d_result_d_y"], 2 * (Y - 2 * X) / 5, rtol=1e-15)
    np.testing.assert_allclose(loaded("out.npz")["d_result_d_a"], np.full(5, float(slope[1])))
    cg("grad", "var(y)", "--data", "t.csv", "-o", "out.npz")  # nothing is the same for all rows
    np.testing.assert_allclose(loaded("out.npz")["d_result_d_y"], 2 * (Y - Y.mean()) / 5, rtol=1e-14)


@pytest.mark.parametrize("source", ["-", "/dev/stdin"])
def test_a_pipe_is_read_once_and_its_rows_again(cg, monkeypatch, source):
    stream = io.BytesIO(Path("t.csv").read_bytes())
    monkeypatch.setattr("cgcli.data.formats.opened", lambda path: stream)
    done = cg("eval", "(y - mean(y))/std(y)", "--data", source, "-o", "out.npz")
    assert done.code == 0, done.err
    np.testing.assert_allclose(loaded("out.npz")["result"], (Y - Y.mean()) / Y.std(), rtol=1e-15)


def test_rows_with_gaps(cg):
    done = cg("eval", "mean(y)", "--data", "gaps.csv")
    assert done.out == "nan\n"
    assert "column `y`: 1 cell is missing (first: row 2)" in done.err
    done = cg("eval", "x - mean(y)", "--data", "gaps.csv", "--missing", "skip", "-o", "out.npz")
    np.testing.assert_array_equal(loaded("out.npz")["result"], [-3.5, -1.5])
    assert cg("eval", "mean(x) + 0*mean(y)", "--data", "gaps.csv", "--missing", "skip").out == "2\n"
    assert cg("eval", "mean(y)", "--data", "gaps.csv", "--missing", "error").code == 1
    assert cg("eval", "mean(y)", "--data", "t.csv", "--limit", "2").out == "2.5\n"


def test_no_row(cg):
    done = cg("eval", "mean(y)", "--data", "empty.csv", "-o", "out.csv")
    assert (done.code, done.err) == (1, "data error: there is no row to take `mean` of\n")
    Path("all.csv").write_text("x,y\n1,\n2,\n")
    done = cg("eval", "y - mean(y)", "--data", "all.csv", "--missing", "skip")
    assert done.code == 1
    assert "no row is left: each of 2 has a cell that is missing" in done.err
    with pytest.raises(DataError, match="no row to take `std` of"):
        cgcli.parse("std(y)").eval_rows(y=np.array([]))


def test_what_is_not_finite_is_told_once(cg):
    done = cg("eval", "mean(log(y - 0.5))", "--data", "t.csv")
    assert done.out == "-inf\n"
    assert done.err.count("warning") == 1
    assert "-inf comes from `log` of 0; in 1 row, the first with y = 0.5" in done.err
    done = cg("eval", "sum(y + 1e308)", "--data", "t.csv")
    assert "`sum` of a column of finite numbers is too large for a double" in done.err
    assert cg("eval", "log(mean(y) - 10)", "--data", "t.csv", "--strict", "-o", "out.csv").code == 1
    with pytest.warns(NotFiniteWarning, match="comes from `log` of 0; in 1 row"):
        cgcli.parse("mean(log(y))").eval_rows(y=np.array([1.0, 0.0]))


@pytest.mark.parametrize(
    ("formula", "told"),
    [
        ("diff(mean(a*y), a)", "`diff` cannot go through `mean` of a column"),
        ("norm(y, x)", "needs an order that is the same for all rows"),
        ("input d = mean(y)\nx + d", "the default of `d` is `mean` of a column"),
    ],
)
def test_what_is_refused(cg, formula, told):
    done = cg("eval", formula, "--data", "t.csv", *(["a=1"] if "a*" in formula else []))
    assert done.code == 2
    assert told in done.err
    parsed = cgcli.parse(formula)
    values = {name: {"x": X, "y": Y, "a": 1.0}[name] for name in parsed.inputs if name != "d"}
    with pytest.raises(ShapeError, match=r"column|rows"):
        parsed.eval_rows(values)


@pytest.mark.parametrize(
    ("loss", "row"),
    [
        ("mean((y - a*x)^2)", "(y - a*x)^2"),
        ("mean((y - a*x)^2) + 0.3*a^2", "(y - a*x)^2 + 0.3*a^2"),
        ("2*mean(abs(y - a*x)) - mean(a*x)/4", "2*abs(y - a*x) - a*x/4"),
    ],
)
def test_a_training_takes_the_mean_over_the_table_for_the_loss_of_a_row(loss, row):
    found, expected = (
        cgcli.parse(f"param a = 1\nloss = {text}").fit({"x": X, "y": Y}, loss="loss", method="lbfgs", epochs=20)
        for text in (loss, row)
    )
    assert found.values["a"] == expected.values["a"]
    assert found.loss == expected.loss


@pytest.mark.parametrize(
    "loss", ["sqrt(mean((y - a*x)^2))", "sum((y - a*x)^2)", "mean(a*x)*mean(y)", "mean((y - a*x - mean(y))^2)",
             "std(a*y)", "y - mean(a*x)"],
)  # fmt: skip
def test_a_training_refuses_other_losses_of_whole_columns(loss):
    with pytest.raises(ShapeError, match="is no mean over the rows"):
        cgcli.parse(f"param a = 1\nloss = {loss}").fit({"x": X, "y": Y}, loss="loss", method="lbfgs", epochs=3)


def test_fits_of_groups_take_rows_one_by_one():
    data = {"x": np.tile(X, 2), "y": np.tile(Y, 2), "plate": np.repeat([1, 2], 5)}
    with pytest.raises(ShapeError, match="`mean` of a column stands where rows are taken one by one"):
        cgcli.parse("a*x + mean(x)").fit(data, target="y", by="plate")


def test_nothing_to_keep_beside_one_number(cg):
    done = cg("eval", "mean(y)", "--data", "t.csv", "--keep", "x")
    assert done.code == 2
    assert "--keep copies columns beside rows" in done.err
