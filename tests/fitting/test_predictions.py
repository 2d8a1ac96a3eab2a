"""Predictions of fits for whole tables of every kind, in memory and in files; pictures of fits."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.stats import t as student

import cgcli.fitting.predictions as room
from cgcli.api.sources import parse
from cgcli.errors import UsageError
from cgcli.fitting.picturing import MOST_POINTS
from cgcli.fitting.predictions import write_predictions

X = np.array([1.0, 2.0, 3.5, 4.0, 6.0, 7.5])
Y = np.array([2.1, 3.9, 7.2, 7.7, 12.4, 14.8])
LINE = parse("a + b*x")
NAMES = ["prediction", "residual", "standard_error", "confidence_low", "confidence_high", "prediction_low",
         "prediction_high"]  # fmt: skip


@pytest.fixture(scope="module")
def line():
    return LINE.fit({"x": X, "y": Y}, target="y")


def test_the_bands_of_a_fitted_line_are_exact(line):
    """Draper & Smith, Applied Regression Analysis, §3.1, at points that are not among the rows."""
    points = np.array([-1.0, 0.0, 5.0, 20.0])
    for coverage in (0.5, 0.95, 0.999):
        found = line.predict({"x": points}, coverage=coverage)
        slope, offset = np.polyfit(X, Y, 1)
        s = np.sqrt(np.sum((Y - offset - slope * X) ** 2) / 4)
        error = s * np.sqrt(1 / 6 + (points - X.mean()) ** 2 / np.sum((X - X.mean()) ** 2))
        reach = student.ppf(0.5 + coverage / 2, 4)
        np.testing.assert_allclose(found["prediction"], offset + slope * points, rtol=1e-12)
        np.testing.assert_allclose(found["standard_error"], error, rtol=1e-11)
        np.testing.assert_allclose(found["confidence_high"], offset + slope * points + reach * error, rtol=1e-11)
        whole = np.hypot(error, s)
        np.testing.assert_allclose(found["prediction_low"], offset + slope * points - reach * whole, rtol=1e-10)


@pytest.mark.parametrize("kind", ["mapping", "frame", "arrow", "csv", "parquet", "again"])
def test_data_of_every_kind(line, kind, tmp_path):
    frame = pd.DataFrame({"x": X, "y": Y})
    frame.to_csv(tmp_path / "t.csv", index=False)
    pq.write_table(pa.table({"x": X, "y": Y}), tmp_path / "t.parquet")
    data = {"mapping": {"x": X, "y": Y}, "frame": frame, "arrow": pa.table({"x": X, "y": Y}),
            "csv": tmp_path / "t.csv", "parquet": tmp_path / "t.parquet", "again": None}[kind]  # fmt: skip
    found = line.predict(data)
    assert list(found) == NAMES
    np.testing.assert_allclose(found["residual"] + found["prediction"], Y, rtol=1e-14)
    assert len(pd.DataFrame(found)) == 6


def test_rows_with_gaps_keep_their_place(line):
    found = line.predict({"x": [1.0, np.nan, 3.5], "y": [2.1, 3.9, np.nan]})
    np.testing.assert_array_equal(np.isnan(found["prediction"]), [False, True, False])
    np.testing.assert_array_equal(np.isnan(found["residual"]), [False, True, True])


def test_what_a_table_lacks(line):
    assert list(line.predict({"x": X})) == [name for name in NAMES if name != "residual"]
    with pytest.raises(UsageError, match="has no column `x`"):
        line.predict({"z": X})


def test_batches_are_put_together(line, tmp_path, monkeypatch):
    whole = line.predict()
    monkeypatch.setattr(room, "rows_of_a_batch", lambda columns: 2)
    for name, column in line.predict().items():
        np.testing.assert_array_equal(column, whole[name])
    path = tmp_path / "out.parquet"
    assert write_predictions(line.fitted(), str(path)) == 6
    written = pq.read_table(path)
    assert written.column_names == ["x", "y", *NAMES]
    np.testing.assert_array_equal(written["standard_error"].to_numpy(), whole["standard_error"])


def test_a_limit_holds_for_all_that_comes_after_a_fit():
    found = LINE.fit({"x": X, "y": Y}, target="y", limit=4)
    assert found.rows == len(found.predict()["prediction"]) == len(found.picture().observed) == 4
    assert len(found.predict({"x": X})["prediction"]) == 6


def test_a_parameter_at_its_bound_and_a_fixed_one_have_no_part_in_errors():
    data = {"x": X, "y": Y}
    free, bound = LINE.fit(data, target="y", fix={"a": 0.5}), LINE.fit(data, target="y", bounds={"a": (0.5, None)})
    assert bound.at_bound == ["a"]
    ratio = bound.predict()["standard_error"] / free.predict()["standard_error"]
    np.testing.assert_allclose(ratio, np.sqrt(5 / 4), rtol=1e-9)  # one degree of freedom less


def test_a_picture_shows_as_many_rows_as_can_be_seen():
    x = np.linspace(1.0, 2.0, 3 * MOST_POINTS + 5)
    found = LINE.fit({"x": x, "y": 2 * x + np.sin(1000 * x)}, target="y").picture()
    assert MOST_POINTS / 2 < len(found.x) <= MOST_POINTS
    assert found.notes == [f"{len(found.x):,} of {len(x):,} rows"]
    assert found.x_name == "x"
    assert len(found.curve.x) == len(found.curve.confidence[0]) == len(found.curve.prediction[1])


def test_a_picture_of_weighted_rows_has_their_deviations():
    sigma = np.array([0.1, 0.2, 0.1, 0.3, 0.2, 0.1])
    fit = LINE.fit({"x": X, "y": Y, "s": sigma}, target="y", sigma="s")
    picture = fit.picture()
    np.testing.assert_allclose(picture.errors, fit.residual * sigma, rtol=1e-6)
    assert picture.curve.prediction is None


def test_a_picture_of_several_columns_and_of_an_array():
    fit = parse("param w[2]; w[0]*x + w[1]*z").fit({"x": X, "z": X**2, "y": Y}, target="y")
    picture = fit.picture()
    assert picture.x_name is None
    assert picture.curve is None
    assert [line.partition(" =")[0] for line in picture.parameters] == ["w[0]", "w[1]"]


def test_a_fit_is_shown_as_its_table(line):
    assert str(line).startswith("Parameters\nname   value  standard error  95 % interval     relative error\na ")
    assert "Fit of y" in str(line)


def test_columns_of_elements_and_of_arrays(tmp_path):
    generator = np.random.default_rng(1)
    rows = generator.normal(size=(20, 3))
    target = rows @ [1.0, 2.0, 3.0] + generator.normal(0, 0.1, 20)
    model = parse("input x[3]; param w[3]; w @ x")
    apart = {**{f"x{place}": rows[:, place] for place in range(3)}, "y": target}
    for data in (apart, {"x": rows, "y": target}):
        fit = model.fit(data, target="y")
        np.testing.assert_allclose(fit.predict()["prediction"], rows @ fit.values["w"], rtol=1e-12)
        assert fit.picture().x_name is None
    write_predictions(model.fit(apart, target="y").fitted(), str(tmp_path / "out.csv"))
    assert (tmp_path / "out.csv").read_text().startswith("x0,x1,x2,y,prediction,residual,")


def test_a_formula_without_columns():
    fit = parse("a").fit({"y": Y}, target="y")
    assert fit.values["a"] == pytest.approx(Y.mean(), rel=1e-15)
    found = fit.predict()
    np.testing.assert_allclose(found["prediction"], np.full(6, Y.mean()), rtol=1e-14)
    np.testing.assert_allclose(found["standard_error"], np.full(6, Y.std(ddof=1) / np.sqrt(6)), rtol=1e-12)
    assert fit.picture().x_name is None
