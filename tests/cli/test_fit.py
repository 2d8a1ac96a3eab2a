"""`cg fit` end to end: what it prints and writes, and that nothing is written where something is wrong."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest

from cgcli.api.sources import parse
from tests.golden import check_golden
from tests.transcripts import ROOT

LINE = "x,y\n1,2.1\n2,3.9\n3.5,7.2\n4,7.7\n6,12.4\n7.5,14.8\n"
DECAY = ["a*exp(-b*t) + c", "--data", "fits/decay.csv", "--target", "y"]


@pytest.fixture
def fits(run):
    """A folder with the tables of the samples."""
    copytree(ROOT / "samples" / "fits", "fits")
    Path("line.csv").write_text(LINE)
    return run


def test_the_command_of_the_readme(fits):
    done = fits("fit", *DECAY, "a=1", "b=0.1", "c=0", "--json")
    assert (done.code, done.err) == (0, "")
    found = done.summary
    assert found["converged"] is True
    assert found["values"]["a"] == pytest.approx(2.5, abs=4 * found["errors"]["a"])
    assert found["values"]["b"] == pytest.approx(0.13, abs=4 * found["errors"]["b"])
    assert found.keys() >= {
        "values", "errors", "rows", "residual", "method", "evaluations", "converged", "intervals", "covariance",
        "correlations", "dof", "r_squared", "adjusted_r_squared", "aic", "message", "warnings", "sigma",
    }  # fmt: skip


def test_no_start_is_needed(fits):
    with_starts = fits("fit", *DECAY, "a=1", "b=0.1", "c=0", "--json").summary
    without = fits("fit", *DECAY, "--json").summary
    in_a_range = fits("fit", *DECAY, "b=0:10", "--json").summary
    for other in (without, in_a_range):
        assert other["values"] == pytest.approx(with_starts["values"], rel=1e-9)


def test_the_table_of_a_straight_line(fits):
    expected = """\
Parameters
name   value  standard error  95 % interval     relative error
a      0.030           0.248  [-0.659, 0.720]            822 %
b     1.9966          0.0543  [1.8458, 2.1474]           2.7 %

Fit of y
  rows                6
  degrees of freedom  4
  residual deviation  0.294955
  R²                  0.9970, adjusted 0.9963
  AIC                 5.94329
  sigma               relative: errors follow from the residuals
  method              linear least squares
  evaluations         4
  ended               converged: residuals orthogonal to their derivatives
"""
    assert fits("fit", "a + b*x", "--data", "line.csv", "--target", "y").out == expected


def test_a_fit_is_a_file_of_values(fits):
    assert fits("fit", *DECAY, "--fix", "c=0.4", "-o", "fitted.json").code == 0
    written = json.loads(Path("fitted.json").read_text())
    assert written == fits("fit", *DECAY, "--fix", "c=0.4", "--json").summary
    assert written["fixed"] == {"c": 0.4}
    values = {**written["values"], **written["fixed"], "t": 3}
    expected = parse("a*exp(-b*t) + c").eval(values)
    assert float(fits("eval", "a*exp(-b*t) + c", "--values", "fitted.json", "t=3").out) == expected


def test_what_is_fixed(fits):
    by_value = fits("fit", *DECAY, "--fix", "c=0.4", "--json").summary
    by_start = fits("fit", *DECAY, "--fix", "c", "c=0.4", "--json").summary
    by_default = fits("fit", "input c = 0.4; a*exp(-b*t) + c", *DECAY[1:], "--fix", "c", "--json").summary
    by_choice = fits("fit", *DECAY, "--wrt", "a,b", "c=0.4", "--json").summary
    for found in (by_start, by_default, by_choice):
        assert (found["values"], found["fixed"]) == (by_value["values"], {"c": 0.4})
    shown = fits("fit", *DECAY, "--fix", "c=0.4").out
    assert "\nc         0.4           fixed\n" in shown


def test_bounds_hold_and_are_told(fits):
    found = fits("fit", *DECAY, "--bound", "c=0.5:1", "--bound", "a=0:", "--json").summary
    assert found["values"]["c"] == 0.5
    assert found["at_bound"] == ["c"]
    assert found["errors"]["c"] == "nan"
    moved = fits("fit", *DECAY, "--bound", "b=0:0.5", "a=1", "b=-1", "c=0").out
    assert "the start b = -1 is outside of its bounds" in moved


def test_a_combination_that_data_cannot_tell_apart(fits):
    shown = fits("fit", "a*b*exp(-c*t)", *DECAY[1:]).out
    assert "the data cannot tell a and b apart" in shown
    assert "unknown" in shown


def test_sigma_is_relative_or_absolute(fits):
    line = ["fit", "fits/peaks.cg", "--data", "fits/peaks.csv", "--sigma", "error", "--json", "m1=60:80", "m2=85:100",
            "w1=2:20", "w2=2:20"]  # fmt: skip
    relative, absolute = fits(*line).summary, fits(*line, "--absolute-sigma").summary
    assert (relative["sigma"], absolute["sigma"]) == ("relative", "absolute")
    assert absolute["errors"]["h1"] * absolute["residual"] == pytest.approx(relative["errors"]["h1"], rel=1e-9)
    assert absolute["values"]["m1"] == pytest.approx(70, abs=5 * absolute["errors"]["m1"])


def test_gaps_are_left_out_and_told(fits):
    line = ["fit", "fits/growth.cg", "--data", "fits/growth.csv"]
    done = fits(*line)
    assert "rows                17 (2 of 19 left out)" in done.out
    assert "2 rows are left out: column `cells`: 2 cells are missing (first: row 8)" in done.out
    assert fits(*line, "--missing", "error").code == 1
    Path("text.csv").write_text(LINE.replace("7.7", "oops"))
    assert fits("fit", "a + b*x", "--data", "text.csv", "--target", "y").code == 1
    skipped = fits("fit", "a + b*x", "--data", "text.csv", "--target", "y", "--missing", "skip")
    assert "1 row is left out: column `y`: 1 cell is no number (first: row 4, `oops`)" in skipped.out
    assert fits(*line, "--missing", "nan").code == 2
    assert fits(*line, "--limit", "7", "--json").summary["rows"] == 7


def test_predictions_are_written_row_by_row(fits):
    done = fits("fit", "fits/growth.cg", "--data", "fits/growth.csv", "--predict", "out.csv", "--json")
    rows = np.genfromtxt("out.csv", delimiter=",", names=True)
    assert rows.dtype.names == ("hour", "cells", "prediction", "residual", "standard_error", "confidence_low",
                                "confidence_high", "prediction_low", "prediction_high")  # fmt: skip
    assert len(rows) == 19
    assert np.isnan(rows["residual"][[7, 15]]).all()
    assert np.isfinite(rows["prediction"]).all()
    values = done.summary["values"]
    expected = parse(Path("fits/growth.cg").read_text()).eval_rows({**values, "hour": rows["hour"]})
    np.testing.assert_allclose(rows["prediction"], expected, rtol=1e-12)
    assert np.nansum(rows["residual"] ** 2) == pytest.approx(done.summary["sum_of_squares"], rel=1e-9)


def test_a_pipe_is_read_once_and_used_twice(fits, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(LINE.encode())))
    done = fits("fit", "a + b*x", "--data", "-", "--target", "y", "--predict", "-", "--json")
    assert done.out.splitlines()[0].startswith("x,y,prediction,residual")
    assert len(done.out.splitlines()) == 7
    assert json.loads(done.err)["rows"] == 6


def test_a_sketch_only_where_it_is_wanted(fits):
    assert "└───" not in fits("fit", *DECAY).out
    assert "└───" in fits("fit", *DECAY, "--sketch").out


@pytest.mark.parametrize("ending", ["svg", "png"])
def test_a_plot(fits, ending):
    assert fits("fit", *DECAY, "--plot", f"fit.{ending}").code == 0
    first = Path(f"fit.{ending}").read_bytes()
    assert fits("fit", *DECAY, "--plot", f"fit.{ending}").code == 0
    assert Path(f"fit.{ending}").read_bytes() == first


def test_columns_of_other_names(fits):
    Path("renamed.csv").write_text(LINE.replace("x,y", "length of rod,y"))
    plain = fits("fit", "a + b*x", "--data", "line.csv", "--target", "y", "--json").summary
    bound = fits("fit", "a + b*x", "--data", "renamed.csv", "--target", "y", "--bind", "x=length of rod", "--json")
    assert bound.summary["values"] == plain["values"]


def test_a_coverage(fits):
    found = fits("fit", *DECAY, "--coverage", "0.5", "--json").summary
    low, high = found["intervals"]["a"]
    assert (high - low) / 2 == pytest.approx(
        0.6812 * found["errors"]["a"], rel=1e-3
    )  # Student's, 37 degrees of freedom
    assert "50 % interval" in fits("fit", *DECAY, "--coverage", "0.5").out


PUROMYCIN = """S,v
0.02,76
0.02,47
0.06,97
0.06,107
0.11,123
0.11,139
0.22,159
0.22,152
0.56,191
0.56,201
1.1,207
1.1,200
"""
"""Bates & Watts, Nonlinear Regression Analysis and Its Applications (1988), table A1.3: treated cells."""


def test_likelihood_intervals(run):
    Path("puromycin.csv").write_text(PUROMYCIN)
    line = ["fit", "V*S/(K + S)", "--data", "puromycin.csv", "--target", "v", "--profile"]
    found = run(*line, "--json").summary
    assert found["values"] == pytest.approx({"K": 0.0641212823, "V": 212.683744}, rel=1e-8)
    for name, (low, high) in {"K": (0.04692034, 0.08615691), "V": (197.30193, 229.28906)}.items():
        assert found["profile"][name]["kind"] == "bounded"
        assert [found["profile"][name][end] for end in ("low", "high")] == pytest.approx([low, high], rel=1e-6)
    shown = """
Likelihood
name  95 % interval       kind
V     [197.30, 229.29]    bounded
K     [0.04692, 0.08616]  bounded
"""
    assert shown in run(*line).out
    within = run(*line, "--bound", "K=0.06:", "-o", "fit.json")
    assert "K     [0.06000, 0.08616]  bounded (low end at its bound)\n" in within.out
    assert json.loads(Path("fit.json").read_text())["profile"]["K"]["at_bound"] == ["low"]


def test_a_flat_likelihood_names_what_is_determined(fits):
    done = fits("fit", "a*b*exp(-c*t)", *DECAY[1:], "--profile", "a=1", "b=1", "c=0.1")
    assert done.code == 1
    assert "flat     a*b = 2.6675 ± 0.0606\n" in done.out


PEARSON = """x,y,wx,wy
0.0,5.9,1000,1
0.9,5.4,1000,1.8
1.8,4.4,500,4
2.6,4.6,800,8
3.3,3.5,200,20
4.4,3.7,80,20
5.2,2.8,60,70
6.1,2.8,20,70
6.5,2.4,1.8,100
7.4,1.5,1,500
"""
"""Pearson's data (1901) with the weights of D. York, Canadian J. Phys. 44 (1966)."""


def test_errors_of_both_axes(run):
    Path("pearson.csv").write_text(PEARSON)
    line = ["fit", "a + b*x", "--data", "pearson.csv", "--target", "y", "--sigma", "1/sqrt(wy)"]
    for across in ("1/sqrt(wx)", "x=1/sqrt(wx)"):
        found = run(*line, "--sigma-x", across, "--plot", "fit.svg", "--json").summary
        assert found["values"] == pytest.approx({"a": 5.47991, "b": -0.480533}, rel=2e-6)
    assert Path("fit.svg").exists()
    number = run(*line, "--sigma-x", "0.1", "--json").summary
    assert number["converged"] is True


WRONG = {
    "a column that is missing": ("a + b*t", "t,y\n1,2\n2,3\n3,5\n", "--target", "height"),
    "a column of the formula that is missing": ("a + b*u", "t,y\n1,2\n2,3\n3,5\n", "--target", "y", "--wrt", "a,b"),
    "no target": ("a + b*t", "t,y\n1,2\n2,3\n3,5\n"),
    "text in the target": ("a + b*t", "t,y\n1,high\n2,low\n3,low\n", "--target", "y"),
    "a text in a row": ("a + b*t", "t,y\n1,2\n2,oops\n3,5\n", "--target", "y"),
    "a decimal comma": ("a + b*t", 't,y\n1,2\n2,"3,5"\n3,5\n', "--target", "y"),
    "a missing cell": ("a + b*t", "t,y\n1,2\n2,\n3,5\n4,6\n", "--target", "y", "--missing", "error"),
    "all rows are missing": ("a + b*t", "t,y\n1,\n2,\n,3\n", "--target", "y"),
    "no rows": ("a + b*t", "t,y\n", "--target", "y"),
    "fewer rows than parameters": ("a + b*t + c*t^2", "t,y\n1,2\n2,3\n", "--target", "y"),
    "a constant column": ("a + b*t", "t,y\n2,3\n2,5\n2,7\n2,9\n", "--target", "y"),
    "a parameter without effect": ("a*t + 0*b", "t,y\n1,2\n2,3\n3,5\n", "--target", "y"),
    "infinite at the start": ("exp(a*t)", "t,y\n1,2\n2,3\n3,5\n", "--target", "y", "a=1000"),
    "undefined in a row": ("a + log(b*t)", "t,y\n1,2\n0,3\n3,5\n", "--target", "y", "a=1", "b=1"),
    "undefined wherever one starts": ("a + log(b*t)", "t,y\n1,2\n0,3\n3,5\n", "--target", "y"),
    "an infinite target": ("a + b*t", "t,y\n1,2\n2,inf\n3,5\n", "--target", "y"),
    "sigma that is 0": ("a + b*t", "t,y,s\n1,2,1\n2,3,0\n3,5,1\n", "--target", "y", "--sigma", "s"),
    "sigma that is missing": ("a + b*t", "t,y,s\n1,2,1\n2,3,1\n3,5,1\n", "--target", "y", "--sigma", "error"),
    "errors of an input alone": ("a + b*t", "t,y\n1,2\n2,3\n3,5\n", "--target", "y", "--sigma-x", "0.1"),
    "errors of inputs without names": (
        "a + b*t",
        "t,y\n1,2\n2,3\n3,5\n",
        "--target",
        "y",
        "--sigma-x",
        "1",
        "--sigma-x",
        "2",
    ),
    "absolute without sigma": ("a + b*t", "t,y\n1,2\n2,3\n3,5\n", "--target", "y", "--absolute-sigma"),
    "nothing to fit": ("t^2", "t,y\n1,2\n2,3\n3,5\n", "--target", "y"),
    "a bound of nothing": ("a + b*t", "t,y\n1,2\n2,3\n3,5\n", "--target", "y", "--bound", "q=0:1"),
    "a bound that is none": ("a + b*t", "t,y\n1,2\n2,3\n3,5\n", "--target", "y", "--bound", "a=1"),
    "a bound upside down": ("a + b*t", "t,y\n1,2\n2,3\n3,5\n", "--target", "y", "--bound", "a=1:0"),
    "a range without an end": ("a + b*t", "t,y\n1,2\n2,3\n3,5\n", "--target", "y", "a=0:"),
    "fixed at nothing": ("a + b*t", "t,y\n1,2\n2,3\n3,5\n", "--target", "y", "--fix", "a"),
    "fixed twice": ("a + b*t", "t,y\n1,2\n2,3\n3,5\n", "--target", "y", "--fix", "a=1", "--fix", "a=2"),
    "a start of nothing": ("a + b*t", "t,y\n1,2\n2,3\n3,5\n", "--target", "y", "q=1"),
    "a loss that there is not": ("a + b*t", "t,y\n1,2\n2,3\n3,5\n", "--target", "y", "--loss", "hubert"),
    "a coverage of 95": ("a + b*t", "t,y\n1,2\n2,3\n3,5\n", "--target", "y", "--coverage", "95"),
    "a plot without a format": ("a + b*t", "t,y\n1,2\n2,3\n3,5\n", "--target", "y", "--plot", "fit.jpg"),
    "predictions without a format": ("a + b*t", "t,y\n1,2\n2,3\n3,5\n", "--target", "y", "--predict", "fit.txt"),
    "a column called like a prediction": ("a + b*residual", "residual,y\n1,2\n2,3\n3,5\n", "--target", "y"),
}
"""Name -> formula, table and options."""


def test_bad_input_is_one_clear_error_and_no_file(run):
    told = []
    for name, (formula, table, *options) in WRONG.items():
        Path("table.csv").write_text(table)
        wanted = [] if {"--plot", "--predict"} & set(options) else ["--plot", "fit.svg", "--predict", "rows.csv"]
        done = run("fit", formula, "--data", "table.csv", *options, *wanted, "-o", "fit.json", "--json")
        assert done.code in (1, 2), name
        assert [path.name for path in Path().iterdir()] == ["table.csv"], name
        assert done.err.count("error: ") == 1, name
        told.append(f"# {name}: {' '.join([formula, *options])}\n{done.err}-> {done.code}\n")
    check_golden(Path(__file__).parent / "golden" / "bad_fits.txt", "\n".join(told))


def test_a_fit_that_has_not_converged_is_shown_and_not_written(fits, monkeypatch):
    import cgcli.fitting.fit as room

    ended = room.result_of
    monkeypatch.setattr(room, "result_of", lambda *given, **more: replace(ended(*given, **more), converged=False))
    done = fits("fit", *DECAY, "-o", "fit.json", "--plot", "fit.svg", "--predict", "rows.csv")
    assert done.code == 1
    assert done.out.startswith("Parameters\n")
    assert "the fit has not converged, and no file is written" in done.err
    assert not list(Path().glob("fit.*")) + list(Path().glob("rows.*"))


def test_files_are_written_though_nobody_reads_the_table(tmp_path):
    """`cg fit … -o fit.json | head -1`: the pipe is closed before the table is written."""
    (tmp_path / "line.csv").write_text(LINE)
    line = f"{sys.executable} -m cgcli fit 'a + b*x' --data line.csv --target y -o fit.json --predict rows.csv | true"
    shell = subprocess.run(line, shell=True, cwd=tmp_path, capture_output=True, text=True, check=False,
                           env={**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT)})  # fmt: skip
    assert shell.stderr == ""
    assert json.loads((tmp_path / "fit.json").read_text())["rows"] == 6
    assert len((tmp_path / "rows.csv").read_text().splitlines()) == 7


@pytest.mark.parametrize(
    "words", [["--predict", "line.csv"], ["--predict", "./line.csv"], ["--by", "x", "-o", "line.csv"]]
)
def test_the_table_is_never_overwritten(fits, words):
    done = fits("fit", "a*x + b" if words[0] != "--by" else "a", "--data", "line.csv", "--target", "y", *words)
    assert done.code == 2
    assert "is the table itself" in done.err
    assert Path("line.csv").read_text() == LINE


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--loss-scale", "3"], "for a robust loss, and none is given"),
        (["--fix", "a=1", "a=2"], "`a` has two values"),
        (["--by", "t", "--coverage", "0.5"], "--coverage is for one fit"),
        (["--by", "t", "--loss-scale", "3"], "for a robust loss, and none is given"),
        (["--target", "0"], "the same number in all rows is 0 + 0*t"),
    ],
)
def test_no_option_is_ignored_without_a_word(fits, words, told):
    done = fits("fit", *(DECAY[:-2] if "--target" in words else DECAY), *words)
    assert done.code == 2
    assert told in done.err


@pytest.mark.parametrize(
    "words", [["--starts", "5"], ["--absolute-sigma"], ["--loss-scale", "2"], ["--coverage", "0.9"]]
)
def test_no_option_of_least_squares_is_ignored_by_a_training(fits, words):
    done = fits("fit", "loss = (a*t + b - y)^2", "--data", "fits/decay.csv", "--loss", "loss", "a=1", "b=1", *words)
    assert done.code == 2
    assert f"a training has no {words[0][2:]}" in done.err


def test_a_value_from_a_file_may_be_fixed_at_another(fits):
    Path("old.json").write_text('{"a": 2}')
    done = fits("fit", *DECAY, "--values", "old.json", "--fix", "a=2.5", "--json")
    assert done.summary["fixed"] == {"a": 2.5}


def test_what_is_fixed_has_one_value_in_a_minimum_too(run):
    assert "`a` has two values" in run("minimize", "a*x^2 + x", "x=1", "a=5", "--fix", "a=1").err
