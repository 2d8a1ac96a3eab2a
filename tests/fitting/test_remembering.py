"""A fit by least squares that ended at any moment goes on to the same bits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cgcli as cg
from cgcli.errors import DataError
from cgcli.fitting import checkpoints, remembering
from cgcli.fitting.rows_problem import RowsProblem

DECAY = cg.parse("a*exp(-b*t) + c")


def data(shift: float = 0.0) -> dict[str, np.ndarray]:
    t = np.linspace(0, 10, 60)
    return {"t": t, "y": 2.5 * np.exp(-0.4 * t) + 0.3 + 0.02 * np.cos(9 * t) + shift}


def bits(result: Any) -> list[Any]:
    return [result.values, result.errors, result.covariance.tobytes(), result.evaluations, result.message]


class Stop(Exception):
    """Stands for the end of a process."""


def stopped(after: int, **options: Any) -> int:
    """Fit, and die after so many evaluations, the last one of which is saved. How many there were."""
    asked = 0
    original = RowsProblem.reduced

    def dying(self: Any, *arguments: Any) -> Any:
        nonlocal asked
        asked += 1
        if asked > after:
            raise Stop
        return original(self, *arguments)

    write = remembering.Remembered._save

    def save_late(self: Any) -> None:
        if asked >= after:
            write(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RowsProblem, "reduced", dying)
        patch.setattr(remembering.Remembered, "_save", save_late)
        patch.setattr(checkpoints, "FIRST_SAVE", -1e9)
        patch.setattr(checkpoints, "LEAST_PAUSE", -1e9)
        patch.setattr(checkpoints, "SHARE", 1e9)
        try:
            DECAY.fit(data(), target="y", **options)
        except Stop:
            return asked
    return asked


@pytest.mark.parametrize("options", [{"start": {"a": 1, "b": 1, "c": 0}}, {}, {"bounds": {"b": (0, 3)}}])
def test_what_was_stopped_goes_on_to_the_same_bits(options: dict[str, Any], tmp_path: Path) -> None:
    saved = tmp_path / "fit.npz"
    whole = DECAY.fit(data(), target="y", **options)
    for after in (0, 2, 7):
        stopped(after, save=saved, **options)
        assert bits(DECAY.fit(data(), target="y", resume=saved, **options)) == bits(whole)


def test_nothing_is_computed_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved = tmp_path / "fit.npz"
    start = {"a": 1, "b": 1, "c": 0}
    whole = DECAY.fit(data(), target="y", start=start, save=saved)

    def refuse(self: Any, *arguments: Any) -> Any:
        raise AssertionError

    monkeypatch.setattr(RowsProblem, "reduced", refuse)
    assert bits(DECAY.fit(data(), target="y", start=start, resume=saved)) == bits(whole)


def test_answers_that_are_not_those_of_the_points_are_dropped(tmp_path: Path) -> None:
    saved = tmp_path / "fit.npz"
    start = {"a": 1, "b": 1, "c": 0}
    whole = DECAY.fit(data(), target="y", start=start, save=saved)
    held = checkpoints.read(str(saved))
    held.arrays["points"][2:] += 1e-3
    checkpoints.write(str(saved), held)
    assert bits(DECAY.fit(data(), target="y", start=start, resume=saved)) == bits(whole)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data": data(1e-12)}, "was fitted with other data"),
        ({"start": {"a": 2, "b": 1, "c": 0}}, "was fitted with other starts, bounds or options"),
        ({"bounds": {"a": (0, 9)}}, "was fitted with other starts, bounds or options"),
        ({"loss": "huber"}, "was fitted with other starts, bounds or options"),
        ({"fix": {"c": 0.3}}, "was fitted with"),
        ({"formula": cg.parse("a*exp(-b*t) + c*1.5")}, "was fitted with another formula"),
    ],
)
def test_what_differs_is_not_resumed(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    saved = tmp_path / "fit.npz"
    options: dict[str, Any] = {"target": "y", "start": {"a": 1, "b": 1, "c": 0}}
    DECAY.fit(data(), **options, save=saved)
    before = saved.read_bytes()
    formula, table = change.pop("formula", DECAY), change.pop("data", data())
    with pytest.raises(DataError, match=message):
        formula.fit(table, **{**options, **change}, resume=saved)
    assert saved.read_bytes() == before


def test_a_training_is_no_fit(tmp_path: Path) -> None:
    saved = tmp_path / "run.npz"
    formula = cg.parse("param a = 0; input t; input y; loss = (a*t - y)^2")
    formula.fit(data(), loss="loss", epochs=1, save=saved)
    with pytest.raises(DataError, match="holds no fit by least squares"):
        DECAY.fit(data(), target="y", resume=saved)
    DECAY.fit(data(), target="y", save=saved)
    with pytest.raises(DataError, match="holds a fit by least squares, no training"):
        formula.fit(data(), loss="loss", resume=saved)
    assert remembering.KIND == "least squares"


def test_a_fit_that_is_saved_has_the_same_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the rows lie in several parts, by which their sums go."""
    monkeypatch.setattr("cgcli.data.table.MOST_ROWS", 16)
    monkeypatch.setattr("cgcli.data.table.FEWEST_ROWS", 16)
    start = {"a": 1, "b": 1, "c": 0}
    saved = tmp_path / "fit.npz"
    whole = DECAY.fit(data(), target="y", start=start)
    assert bits(DECAY.fit(data(), target="y", start=start, save=saved)) == bits(whole)
    assert bits(DECAY.fit(data(), target="y", start=start, resume=saved)) == bits(whole)
