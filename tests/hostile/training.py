"""A training, or a fit, that is killed at any moment, again and again, ends with the same bits as one left alone."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from random import Random
from shutil import copy

import numpy as np

from tests.hostile.frame import assert_told, command, environment, run, words_of
from tests.transcripts import ROOT

METHODS = {
    "sgd": ["--epochs", "1500"], "momentum": ["--epochs", "1500", "--nesterov", "--clip", "1"],
    "adam": ["--epochs", "1500", "--schedule", "cosine", "--validate", "rings.csv"],
    "adamw": ["--epochs", "1500", "--decay", "0.01"], "lbfgs": ["--epochs", "4000", "--decay", "1e-4"],
}  # fmt: skip
"""Method -> options; each runs for some seconds."""

TERMS = ["fit", "arithmetic.cg", "--data", "arithmetic.csv", "--loss", "loss", "--epochs", "60", "--batch", "8"]
"""A training over terms, of which each row is a graph of its own."""

MOST_KILLS = 12
WITHIN = 4.0
"""Seconds within which a process is killed: some have not begun, some have saved more than once."""


FIT = ["fit", "a*exp(-b*t) + c*cos(w*t + p) + d", "--data", "waves.npz", "--target", "y", "w=0.5:4", "b=0:3"]
"""A fit without a start: some thousand evaluations over the rows below."""

ROWS = 300_000


def waves(folder: Path) -> None:
    """The table of the fit."""
    t = np.linspace(0, 10, ROWS)
    noise = np.random.default_rng(1).normal(size=ROWS)
    np.savez(folder / "waves.npz", t=t, y=2 * np.exp(-0.7 * t) + 0.5 * np.cos(2.1 * t + 0.3) + 0.2 + 0.1 * noise)


def line(method: str) -> list[str]:
    """The words of a training."""
    size = [] if method == "lbfgs" else ["--batch", "32"]
    return ["fit", "rings.cg", "--data", "rings.csv", "--loss", "loss", "--method", method, *size, *METHODS[method]]


def trial(random: Random, folder: Path) -> None:
    """One training that is left alone, and one that is killed up to a number of times."""
    method = random.choice([*METHODS, "fit", "terms"])
    given = [f"terms/arithmetic.{end}" if method == "terms" else f"fits/rings.{end}" for end in ("cg", "csv")]
    names = {Path(copy(ROOT / "samples" / name, folder)).name for name in given}
    words = FIT if method == "fit" else TERMS if method == "terms" else line(method)
    if method == "fit":
        waves(folder)
    alone = run(words_of(*words, "--json"), folder)
    assert_told(alone)
    assert alone.returncode == 0, alone.stderr
    for _ in range(MOST_KILLS):
        killed(words, folder, random.uniform(0, WITHIN))
        whole(folder / "run.npz")
    again = run(words_of(*words, "--save", "run.npz", "--resume", "run.npz", "--json"), folder)
    assert_told(again)
    assert again.stdout == alone.stdout, (words, again.stderr)
    left = {path.name for path in folder.iterdir()} - names - {"waves.npz"}
    assert left == {"run.npz"}, f"something was left: {left}"


def killed(words: list[str], folder: Path, seconds: float) -> None:
    """Go on, and be killed after some time, or be done before."""
    process = subprocess.Popen(
        words_of(*words, "--save", "run.npz", "--resume", "run.npz"), cwd=folder, env=environment(),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    end = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < end:
        time.sleep(0.001)
    process.kill()
    process.wait()


def whole(path: Path) -> None:
    """A file that is there can be read from its first byte to its last."""
    if path.exists():
        with np.load(path) as held:
            for name in held.files:
                assert held[name].size >= 0


if __name__ == "__main__":
    command(trial)
