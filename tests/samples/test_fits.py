"""The fits of samples/fits: their tables are what the script beside them makes, their transcripts what cg prints, and
the laws behind the data are found again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import cgcli
from samples.fits.make_data import TABLES, lines
from tests.golden import check_golden
from tests.transcripts import ROOT, replayed, same

FOLDER = ROOT / "samples" / "fits"
TRANSCRIPTS = sorted((FOLDER / "expected").glob("*.txt"))


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_a_fit_prints_what_its_transcript_says(path: Path) -> None:
    expected = path.read_text(encoding="utf-8")
    now = replayed(expected)
    if os.environ.get("CG_UPDATE_GOLDEN") or not same(expected, now):
        check_golden(path, now)


def test_the_comparison_can_fail() -> None:
    assert same("a  1.2346  evaluations  12", "a  1.2345  evaluations  1,371")
    assert not same("a  1.2346", "a  1.2343")
    assert not same("a  1.2346", "a  nan")


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_what_the_script_makes(name: str) -> None:
    assert (FOLDER / f"{name}.csv").read_text(encoding="utf-8") == "".join(lines(name))


LAWS = {
    "decay": ({"a": 2.5, "b": 0.13, "c": 0.4}, {}),
    "peaks": (
        {"h1": 900, "m1": 70, "w1": 8, "h2": 400, "m2": 92, "w2": 6, "k0": 60, "k1": 0.2},
        {"sigma": "error", "start": {"m1": (60, 80), "m2": (85, 100), "w1": (2, 20), "w2": (2, 20)}},
    ),
    "enzyme": ({"V": 210, "K": 0.06}, {}),
    "growth": ({"n0": 9.6, "rate": 0.54, "capacity": 665}, {}),
    "pendulum": ({"g": 9.81}, {"sigma": "T_error", "start": {"g": 10}}),
}  # fmt: skip
"""Name -> the parameters that the data were made with, and how they are fitted."""


@pytest.mark.parametrize("name", LAWS)
def test_the_law_behind_the_data_is_found(name: str) -> None:
    law, how = LAWS[name]
    found = cgcli.load(FOLDER / f"{name}.cg").fit(FOLDER / f"{name}.csv", **how)
    assert found.converged
    for parameter, value in law.items():
        assert abs(found.values[parameter] - value) < 4 * found.errors[parameter], parameter


def test_every_formula_and_table_has_a_transcript() -> None:
    told = "".join(path.read_text(encoding="utf-8") for path in TRANSCRIPTS).split()
    for path in (*FOLDER.glob("*.cg"), *FOLDER.glob("*.csv")):
        assert f"samples/fits/{path.name}" in told, path.name
