"""A few trials of each kind; the commands beside this file run as many as one likes, from other seeds."""

from __future__ import annotations

import sys

import pytest

from tests.hostile import (
    encodings,
    environments,
    full_disk,
    graph_files,
    interrupts,
    kill,
    live_interrupts,
    memory,
    sessions,
    terms,
    texts,
    training,
)
from tests.hostile.frame import sample

SEED = 2026
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals, limits and users of POSIX")

IN_PROCESS = {texts: 300, terms: 120, graph_files: 25, sessions: 30, live_interrupts: 2}
"""Kind -> trials; they take some milliseconds each."""


@pytest.mark.parametrize("kind", IN_PROCESS, ids=lambda kind: kind.__name__.rpartition(".")[2])
def test_inputs(kind, tmp_path) -> None:
    sample(kind.trial, SEED, range(IN_PROCESS[kind]), tmp_path)


@pytest.mark.parametrize(
    "kind", [interrupts, kill, full_disk, memory], ids=lambda kind: kind.__name__.rpartition(".")[2]
)
def test_processes(kind, tmp_path) -> None:
    pytest.importorskip("pyarrow", reason="some of the files are of its formats")
    sample(kind.trial, SEED, range(2), tmp_path)


def test_a_killed_training(tmp_path, monkeypatch) -> None:
    pytest.importorskip("scipy", reason="training needs it")
    monkeypatch.setattr(training, "MOST_KILLS", 2)
    monkeypatch.setattr(training, "WITHIN", 2.0)
    monkeypatch.setattr(training, "METHODS", {"adam": ["--epochs", "300", "--validate", "rings.csv"]})
    sample(training.trial, SEED, [0], tmp_path)


def test_a_killed_fit(tmp_path, monkeypatch) -> None:
    pytest.importorskip("scipy", reason="fits need it")
    monkeypatch.setattr(training, "MOST_KILLS", 2)
    monkeypatch.setattr(training, "WITHIN", 2.0)
    monkeypatch.setattr(training, "METHODS", {})
    monkeypatch.setattr(training, "ROWS", 3000)
    sample(training.trial, SEED, [0], tmp_path)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
@pytest.mark.parametrize(
    "words",
    [
        ("trace", *encodings.GREEK),
        ("grad", *encodings.GREEK, "--json"),
        ("draw", *encodings.GREEK),
        ("eval", "γ*☃", "γ=2"),
    ],
    ids=lambda words: words[0],
)
def test_encodings(words, encoding, tmp_path) -> None:
    encodings.check(words, encoding, tmp_path)


TRIED = [
    ("info", "an unknown user without a home"), ("long fold", "an unknown user without a home"),
    ("trace", "an unknown user"), ("info", "no environment"), ("an option", "a zip file"),
    ("help", "a zip file of compiled modules"), ("a misspelt command", "a zip file"), ("help", "without docstrings"),
    ("export", "home is a file"), ("picture", "warnings are errors"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "place"), TRIED, ids=lambda word: word.replace(" ", "_"))
def test_environments(name, place, tmp_path) -> None:
    if reason := environments.reason_to_skip(place):
        pytest.skip(reason)
    environments.check(name, place, tmp_path)


def test_a_failure_says_how_to_repeat_it(tmp_path) -> None:
    def fails(random, folder) -> None:
        assert random.random() < 0.5

    fails.__module__ = "tests.hostile.example"
    with pytest.raises(AssertionError, match=r"python -m tests\.hostile\.example --seed 3 --only \d+"):
        sample(fails, 3, range(20), tmp_path)
