"""Plots of fits, as files."""

from __future__ import annotations

import builtins
from dataclasses import replace

import pytest

from cgcli.errors import DataError, MissingExtra, UsageError
from cgcli.render.figures import figure_format, new_figure
from cgcli.render.fit_picture import Curve, FitPicture
from cgcli.render.fit_plots import plot_fit

X = [0.0, 1.0, 2.0, 3.0]
CURVE = FitPicture(
    title="$a$*t + b_{", parameters=["a = 2.01 ± 0.12", "b = 1.0 ± 0.3"], y_name="height", x_name="time", x=X, rows=4,
    observed=[1.1, 2.9, 5.2, 6.8], fitted=[1.0, 3.0, 5.0, 7.0], errors=[0.1] * 4, notes=["4 of 40 rows"],
    curve=Curve(x=X, y=[1.0, 3.0, 5.0, 7.0], confidence=([0.9, 2.9, 4.9, 6.9], [1.1, 3.1, 5.1, 7.1]),
                prediction=([0.5, 2.5, 4.5, 6.5], [1.5, 3.5, 5.5, 7.5])),
)  # fmt: skip
CLOUD = FitPicture(title="f(x, z)", y_name="y", observed=[1.0, 2.0, 3.0], fitted=[1.1, 1.9, 3.0], rows=3)
LONG = FitPicture(
    title="x" * 500, y_name="y", x_name="x", x=[1.0 + place for place in range(5000)],
    observed=[float(place % 7) for place in range(5000)], fitted=[3.0] * 5000, rows=5000,
)  # fmt: skip


@pytest.mark.parametrize(("form", "begins"), [("svg", b"<?xml"), ("png", b"\x89PNG"), ("pdf", b"%PDF")])
def test_each_format_is_the_same_bytes_again(tmp_path, form, begins):
    first, second = tmp_path / f"a.{form}", tmp_path / f"b.{form}"
    plot_fit(CURVE, first)
    plot_fit(CURVE, second)
    assert first.read_bytes() == second.read_bytes()
    assert first.read_bytes().startswith(begins)


def test_what_a_plot_of_a_curve_says(tmp_path):
    plot_fit(CURVE, tmp_path / "a.svg")
    text = (tmp_path / "a.svg").read_text(encoding="utf-8")
    for said in ("$a$*t + b_{", "a = 2.01 ± 0.12   b = 1.0 ± 0.3", "height", "time", "residual / σ", "fitted",
                 "observed", "95 % confidence", "95 % prediction", "4 of 40 rows"):  # fmt: skip
        assert said in text, said


def test_errors_of_both_axes(tmp_path):
    plot_fit(replace(CURVE, x_errors=[0.1, 0.2, 0.3, 0.4]), tmp_path / "a.svg")
    assert "<!-- residual -->" in (tmp_path / "a.svg").read_text(encoding="utf-8")


def test_what_a_plot_of_several_columns_says(tmp_path):
    plot_fit(CLOUD, tmp_path / "a.svg")
    text = (tmp_path / "a.svg").read_text(encoding="utf-8")
    assert "<!-- predicted y -->" in text
    assert "<!-- equal -->" in text


def test_many_points_are_one_bitmap(tmp_path):
    plot_fit(LONG, tmp_path / "a.svg")
    assert (tmp_path / "a.svg").stat().st_size < 400_000


def test_wrong_names_and_places(tmp_path):
    with pytest.raises(UsageError, match="cannot tell the format of"):
        figure_format("fit.jpg")
    with pytest.raises(DataError, match="cannot write"):
        plot_fit(CURVE, tmp_path / "no_folder" / "a.svg")


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    real = builtins.__import__

    def without(name, *more):
        if name.partition(".")[0] == "matplotlib":
            raise ImportError(name)
        return real(name, *more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtra) as told, new_figure(1, 1):
        pass
    assert told.value.hint == "pip install 'cgcli[plot]'"
