"""What is of a whole column in a fit is that of the fitted rows, also where other rows are predicted."""

from __future__ import annotations

import os
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import cgcli as cg

T = np.linspace(1, 5, 40)
Y = 3 * (T - T.mean()) + 2 + 0.01 * np.sin(50 * T)
TABLE = {"t": T, "y": Y, "s": 0.5 + T / 10}


def same(found, expected, names=None):
    for name in names or found.values:
        assert found.values[name] == pytest.approx(expected.values[name], rel=1e-9)
        assert found.errors[name] == pytest.approx(expected.errors[name], rel=1e-7)


@pytest.mark.parametrize(
    ("text", "written_out", "options"),
    [
        ("a*(t - mean(t)) + b", "a*(t - 3) + b", {}),
        ("a*(t - mean(t))/std(t) + b", f"a*(t - 3)/{float(T.std())!r} + b", {}),
        ("a*exp(-b*t/max(t)) + c", "a*exp(-b*t/5) + c", {}),
        ("a*(t - mean(t)) + b", "a*(t - 3) + b", {"sigma": "s"}),
        ("m = mean(t)\ny = a*(t - m) + b\noutput y", "a*(t - 3) + b", {}),
    ],
)
def test_a_reduction_of_a_column_is_a_number(text, written_out, options):
    found = cg.parse(text).fit(TABLE, target="y", **options)
    same(found, cg.parse(written_out).fit(TABLE, target="y", **options))
    assert any("is that of the rows that are fitted" in note for note in found.warnings)


def test_the_numbers_are_told_as_they_are_written():
    found = cg.parse("m = mean(t); a*(t - m)/std(t) + b + 0*sum((t - min(t))^2)").fit(TABLE, target="y/max(y)")
    told = [note.partition(" is that of the rows that are fitted: ") for note in found.warnings]
    given = {text: float(number) for text, middle, number in told if middle}
    expected = {"`mean(t)`": 3, "`std(t)`": T.std(), "`min(t)`": 1, "`max(y)`": Y.max()}
    expected["`sum((t - min(t))^2)`"] = ((T - 1) ** 2).sum()
    assert given == pytest.approx(expected, rel=1e-5)


def test_target_and_sigma_may_have_reductions():
    found = cg.parse("a*t + b").fit(TABLE, target="(y - mean(y))/std(y)", sigma="s/max(s)")
    scaled = {**TABLE, "z": (Y - Y.mean()) / Y.std(), "u": TABLE["s"] / TABLE["s"].max()}
    same(found, cg.parse("a*t + b").fit(scaled, target="z", sigma="u"))


def test_rows_with_a_gap_do_not_count(tmp_path):
    y = Y.copy()
    y[:10] = np.nan
    pd.DataFrame({"t": T, "y": y}).to_csv(tmp_path / "d.csv", index=False)
    found = cg.parse("a*(t - mean(t)) + b").fit(tmp_path / "d.csv", target="y")
    same(found, cg.parse(f"a*(t - {float(T[10:].mean())!r}) + b").fit({"t": T[10:], "y": Y[10:]}, target="y"))
    assert found.left_out == 10


def test_a_pipe_is_enough(tmp_path, monkeypatch):
    pd.DataFrame({"t": T, "y": Y}).to_csv(tmp_path / "d.csv", index=False)
    reading, writing = os.pipe()
    os.write(writing, (tmp_path / "d.csv").read_bytes())
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=stream))
        found = cg.parse("a*(t - mean(t)) + b").fit("-", target="y")
    same(found, cg.parse("a*(t - 3) + b").fit(TABLE, target="y"))


def test_a_prediction_has_the_numbers_of_the_fitted_rows():
    found = cg.parse("a*(t - mean(t)) + b").fit(TABLE, target="y")
    expected = cg.parse("a*(t - 3) + b").fit(TABLE, target="y")
    other = {"t": [0.0, 10.0]}
    for name, column in expected.predict(other).items():
        np.testing.assert_allclose(found.predict(other)[name], column, rtol=1e-9)


def test_a_reduction_that_depends_on_a_parameter_is_refused_in_words():
    with pytest.raises(cg.CgError) as caught:
        cg.parse("a*t/sum(exp(b*t))").fit(TABLE, target="y", start={"a": 1.0, "b": 0.1})
    assert "`sum` is of a column that depends on the parameter `b`" in caught.value.message
