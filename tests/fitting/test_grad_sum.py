"""The sum over rows and its gradient: what `eval_rows` and `grad_rows` add up to, for data of every kind."""

from __future__ import annotations

import threading
import warnings

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

import cgcli as cg
from cgcli.formulas.rows import bind_rows
from cgcli.rows.sums import RowSum, Total

RANDOM = np.random.default_rng(11)
T = RANDOM.random(500)
COLUMNS = {"t": T, "y": np.sin(T)}
PLAIN = cg.parse("(a*exp(-b*t) + c - y)^2")
SHARED = {"a": 1.5, "b": 0.5, "c": 0.25}
NETWORK = cg.parse("""
param W[5, 3]
param b[5]
param v[5]
input x[3]
loss = softplus(v @ tanh(W @ x + b) * (1 - 2*k)) + 1e-3*(v @ v)
output loss
""")
WEIGHTS = {"W": RANDOM.normal(size=(5, 3)), "b": RANDOM.normal(size=5), "v": RANDOM.normal(size=5)}
INPUTS = {"x": RANDOM.normal(size=(500, 3)), "k": (RANDOM.random(500) > 0.5).astype(float)}


def expected(formula, columns, shared, wrt=None):
    names = wrt or list(shared)
    rates = formula.grad_rows({**columns, **shared}, wrt=names)
    return formula.eval_rows({**columns, **shared}).sum(), {name: rates[name].sum(axis=0) for name in names}


def same(found, wanted, tolerance=1e-12):
    assert found[0] == pytest.approx(wanted[0], rel=tolerance)
    assert found[1].keys() == wanted[1].keys()
    for name, slope in wanted[1].items():
        assert np.shape(found[1][name]) == np.shape(slope)
        assert np.abs(found[1][name] - slope).max() <= tolerance * np.abs(slope).max()


@pytest.mark.parametrize("engine", ["auto", "numpy", "native"])
@pytest.mark.parametrize(
    ("formula", "columns", "shared"), [(PLAIN, COLUMNS, SHARED), (NETWORK, INPUTS, WEIGHTS)], ids=["scalars", "arrays"]
)
def test_a_sum_is_what_the_rows_add_up_to(engine, formula, columns, shared):
    wanted = expected(formula, columns, shared)
    for _ in range(2):  # the second call finds what the first one made
        same(formula.grad_sum({**columns, **shared}, engine=engine), wanted)
    value, slopes = formula.grad_sum(columns, engine=engine, mean=True, **shared)
    same((value, slopes), (wanted[0] / 500, {name: slope / 500 for name, slope in wanted[1].items()}))


TABLES = {
    "mapping": lambda folder: COLUMNS,
    "lists": lambda folder: {name: column.tolist() for name, column in COLUMNS.items()},
    "pandas": lambda folder: pd.DataFrame({**COLUMNS, "unused": T}),
    "arrow": lambda folder: pa.table(COLUMNS),
    "structured": lambda folder: np.rec.fromarrays(list(COLUMNS.values()), names="t,y").view(np.ndarray),
    "csv": lambda folder: written(folder / "d.csv", lambda path: pd.DataFrame(COLUMNS).to_csv(path, index=False)),
    "parquet": lambda folder: written(folder / "d.parquet", lambda path: parquet.write_table(pa.table(COLUMNS), path)),
}


def written(path, write):
    write(path)
    return path


@pytest.mark.parametrize("kind", TABLES)
def test_every_kind_of_data_gives_the_same_bits(kind, tmp_path):
    found = PLAIN.grad_sum(TABLES[kind](tmp_path), **SHARED)
    assert found == PLAIN.grad_sum({**COLUMNS, **SHARED})


def test_arrays_of_each_row_come_from_tables_too(tmp_path):
    np.savez(tmp_path / "d.npz", **INPUTS)
    same(NETWORK.grad_sum(tmp_path / "d.npz", **WEIGHTS), expected(NETWORK, INPUTS, WEIGHTS))


@pytest.mark.parametrize("engine", ["numpy", "native"])
def test_any_number_of_threads_gives_the_same_bits(engine, monkeypatch):
    t = RANDOM.random(300_000)
    columns = {"t": t, "y": np.cos(t), **SHARED}
    found = []
    for threads in (1, 2, 5):
        monkeypatch.setattr("cgcli.rows.sums.processors", lambda threads=threads: threads)
        found.append(PLAIN.grad_sum(columns, engine=engine))
    assert found[0] == found[1] == found[2]
    same(found[0], expected(PLAIN, {"t": t, "y": np.cos(t)}, SHARED))


def test_names_choose_what_is_differentiated():
    _, slopes = PLAIN.grad_sum({**COLUMNS, **SHARED}, wrt=["b"])
    assert list(slopes) == ["b"]
    two = cg.parse("output u, w\nu = a*t\nw = a^2*t")
    assert two.grad_sum({"t": [1.0, 2.0], "a": 3.0}, of="w") == (27.0, {"a": 18.0})


def test_values_of_other_calls_and_of_other_shapes_do_not_matter():
    formula = cg.parse("a*t + k")
    assert formula.grad_sum({"t": np.ones(3), "a": 2.0, "k": 1.0}) == (9.0, {"a": 3.0, "k": 3.0})
    assert formula.grad_sum({"t": np.ones(3), "a": 5.0, "k": 0.0}) == (15.0, {"a": 3.0, "k": 3.0})
    assert formula.grad_sum({"t": np.ones(4), "a": 2.0, "k": np.ones(4)}) == (12.0, {"a": 4.0})
    assert formula.grad_sum({"t": 2.0, "a": 2.0, "k": 1.0}) == (5.0, {"a": 2.0, "t": 2.0, "k": 1.0})


def test_a_default_that_follows_from_a_column_varies_with_it():
    formula = cg.parse("input s = t^2\ny = a*s")
    assert formula.grad_sum({"t": [1.0, 2.0], "a": 3.0}) == (15.0, {"a": 5.0})


def test_results_are_nobody_elses():
    weights = {"w": np.ones(2)}
    formula = cg.parse("param w[2]\ninput x[2]\ny = w @ x")
    _, slopes = formula.grad_sum({"x": np.array([[1.0, 2.0]]), **weights}, mean=True)
    slopes["w"] += 1
    assert formula.grad_sum({"x": np.array([[1.0, 2.0]]), **weights})[1]["w"].tolist() == [1.0, 2.0]
    row = np.array([[3.0, 4.0]])
    formula.grad_sum({"x": row, **weights}, mean=True)
    assert row.tolist() == [[3.0, 4.0]]


def test_rows_with_a_gap_are_left_out_and_told(tmp_path):
    columns = {"t": np.array([1.0, np.nan, 3.0]), "y": np.array([1.0, 2.0, 3.0])}
    wanted = expected(PLAIN, {name: column[[0, 2]] for name, column in columns.items()}, SHARED)
    with pytest.warns(cg.GapWarning, match="1 row has a gap and is left out"):
        same(PLAIN.grad_sum({**columns, **SHARED}), wanted)
    pd.DataFrame(columns).to_csv(tmp_path / "d.csv", index=False)
    with pytest.warns(cg.GapWarning, match=r"1 row has a gap and is left out: column `t`: 1 cell is missing"):
        same(PLAIN.grad_sum(tmp_path / "d.csv", **SHARED), wanted)


def test_where_a_sum_is_not_finite_is_told(tmp_path):
    columns = {"t": np.array([1.0, 2.0, -1.0, 4.0])}
    formula = cg.parse("a*log(t)")
    with pytest.warns(cg.NotFiniteWarning, match=r"log.*; first in row 3"):
        value, _ = formula.grad_sum({**columns, "a": 1.0})
    assert np.isnan(value)
    pd.DataFrame(columns).to_csv(tmp_path / "d.csv", index=False)
    with pytest.warns(cg.NotFiniteWarning, match=r"log.*; first in row 3"):
        cg.parse("a*log(t)").grad_sum(tmp_path / "d.csv", a=1.0)
    with pytest.warns(cg.NotFiniteWarning, match="overflows"):
        cg.parse("a*t").grad_sum({"t": np.full(10, 1e308), "a": 1.0})


@pytest.mark.parametrize(
    ("text", "data", "options", "error", "said"),
    [
        ("a*t", {"t": T, "a": 1.0}, {"wrt": ["t"]}, cg.CgError, "`t` differs from row to row"),
        ("[a, t]", {"t": T, "a": 1.0}, {}, cg.CgError, "has shape [2]"),
        ("output u, v\nu = a*t\nv = t", {"t": T, "a": 1.0}, {}, cg.CgError, "several outputs"),
        ("a*t", {"t": T}, {}, cg.CgError, "no value for the input `a`"),
        ("a*t + mean(t)", {"t": T, "a": 1.0}, {}, cg.CgError, "`mean`"),
        ("a*t", {"t": np.zeros(0), "a": 1.0}, {"mean": True}, cg.CgError, "no row"),
    ],
)
def test_what_has_no_sum_is_refused_in_words(text, data, options, error, said):
    with pytest.raises(error) as caught:
        cg.parse(text).grad_sum(data, **options)
    assert said in caught.value.message


def test_no_rows_add_up_to_nothing():
    assert cg.parse("a*t").grad_sum({"t": np.zeros(0), "a": 1.0}) == (0.0, {"a": 0.0})


def test_one_sum_serves_many_values_and_threads():
    bound = bind_rows(NETWORK, {"x": (3,), "k": ()}, WEIGHTS)
    over = RowSum(bound, ["x", "k"], rows=500)
    wanted = over(WEIGHTS, INPUTS, 500)
    results = []

    def work():
        for _ in range(20):
            found = over(WEIGHTS, INPUTS, 500)
            results.append(all(np.array_equal(a, b) for a, b in zip(found, wanted, strict=True)))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [True] * 80


def test_what_rounding_loses_is_added_at_the_end():
    total = Total()
    for value in (1.0, 1e100, 1.0, -1e100):
        total.add(np.array([value, 1.0]))
    assert total.value(2).tolist() == [2.0, 4.0]
    for value in (np.inf, 1.0):
        total.add(np.array([value, 1.0]))
    with warnings.catch_warnings():
        assert total.value(2).tolist() == [np.inf, 6.0]
