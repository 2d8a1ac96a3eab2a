"""A sum or a mean over a table is minimised: columns are arrays for the inputs of their names."""

from __future__ import annotations

import numpy as np
import pytest

import cgcli as cg
from cgcli.errors import DataError, GapWarning, UsageError

X = np.array([1.0, 2, 3, 4, 5])
Y = np.array([2.1, 3.9, 6.3, 7.9, 10.4])
LIKELIHOOD = "sum((y - a*x)^2)/(2*s^2) + 5*log(s)"


def test_a_likelihood_of_a_line_has_its_closed_form():
    found = cg.parse(LIKELIHOOD).minimize({"a": 1, "s": 1}, bounds={"s": (1e-3, None)}, data={"x": X, "y": Y})
    slope = (X @ Y) / (X @ X)
    assert found.converged
    assert found.values["a"] == pytest.approx(slope, rel=1e-10)
    assert found.values["s"] == pytest.approx(np.sqrt(np.mean((Y - slope * X) ** 2)), rel=1e-8)
    assert set(found.values) == {"a", "s"}


def test_rows_with_gaps_are_left_out_and_told():
    gaps = {"x": X, "y": np.where(X == 3, np.nan, Y)}
    formula = cg.parse("mean((y - a*x)^2)")
    with pytest.warns(GapWarning, match="1 cell is missing"):
        found = formula.minimize({"a": 1}, data=gaps)
    kept = X != 3
    assert found.values["a"] == pytest.approx((X[kept] @ Y[kept]) / (X[kept] @ X[kept]), rel=1e-12)


def test_a_start_goes_before_a_column_and_other_columns_are_not_read():
    found = cg.parse("sum((y - a*x)^2)").minimize({"a": 1, "x": 2.0}, fix=["x"], data={"x": X, "y": Y, "other": Y})
    assert found.values["a"] == pytest.approx(Y.mean() / 2, rel=1e-12)


def test_what_is_no_question_is_told():
    with pytest.raises(DataError, match="no input is a column"):
        cg.parse("a^2").minimize({"a": 1}, data={"x": X})
    with pytest.raises(UsageError, match="no value for the input `z`"):
        cg.parse("sum((y - a*z)^2)").minimize({"a": 1}, data={"y": Y})
    with pytest.raises(DataError, match="each row of the table has a gap"), pytest.warns(GapWarning):
        cg.parse("sum((y - a*x)^2)").minimize({"a": 1}, data={"x": [1.0, np.nan], "y": [np.nan, 1.0]})


def test_the_command_reads_a_file(run, tmp_path):
    (tmp_path / "points.csv").write_text("x,y\n1,2\n2,4\n")
    result = run("minimize", "sum((y - a*x)^2)", "a=1", "--data", str(tmp_path / "points.csv"), "--json")
    assert '"a": 2' in result.out
