"""Ctrl-C, SIGTERM and SIGHUP at any moment: 130 or the signal itself, one line at most, and no half of a file."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path
from random import Random

from tests.hostile.frame import command, environment, words_of

LARGE = "s(a, i) = sin(a) + i*x\nfold(s, x, range(60000))\n"
ROWS = 200_000

CASES: dict[str, tuple[list[str], float]] = {
    "start": (["eval", "(x+y)*z", "x=1", "y=2", "z=3"], 0.08),
    "start with options": (["grad", "(x+y)*z", "x=1", "y=2", "z=3", "--json"], 0.2),
    "help": (["--help"], 0.2),
    "trace": (["trace", "x*sin(y)", "x=1", "y=2"], 0.2),
    "picture": (["draw", "x*sin(y)", "-o", "out.svg"], 0.5),
    "digits": (["eval", "besselj(3, x)^1.5", "x=1", "--digits", "3000"], 0.5),
    "large text": (["grad", "large.cg", "x=0.1"], 4.0),
    "compiling": (["grad", "large.cg", "x=0.1"], 8.0),
    "table": (["eval", "sin(x)*exp(y)", "--data", "rows.csv", "-o", "out.csv"], 1.5),
    "native table": (["grad", "sin(x)*exp(y)", "--data", "rows.csv", "-o", "out.npz", "--engine", "native"], 1.5),
}
"""Name -> words, and the seconds within which the signal comes."""


def prepare(folder: Path) -> None:
    (folder / "large.cg").write_text(LARGE)
    (folder / "rows.csv").write_text("x,y\n" + "0.5,1.25\n" * ROWS)


def trial(random: Random, folder: Path, cases: tuple[str, ...] = tuple(CASES)) -> None:
    """One command, and one signal."""
    name = random.choice(cases)
    words, within = CASES[name]
    number = random.choice([signal.SIGINT, signal.SIGINT, signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    wait = random.uniform(0, within)
    prepare(folder)
    caches = {"NUMBA_CACHE_DIR": str(folder / "numba"), "XDG_CACHE_HOME": str(folder / "cache")}
    process = subprocess.Popen(
        words_of(*words), cwd=folder, env=environment(**(caches if name == "compiling" else {})),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell in the background ignores it
    )  # fmt: skip
    time.sleep(wait)
    process.send_signal(number)
    try:
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
    told = f"{name}, {number.name} after {wait:.3f} s: exit code {process.returncode}, {said!r}"
    if before_cg(said, process.returncode, number):
        return
    assert "Traceback" not in said, told
    assert "Exception ignored" not in said, told
    if process.returncode != 0:  # it was quicker
        assert process.returncode in ((130,) if number == signal.SIGINT else (-number, 128 + number)), told
        assert said.splitlines()[-1:] == (["interrupted"] if number == signal.SIGINT else said.splitlines()[-1:]), told
    left = [path.name for path in folder.iterdir() if path.name.endswith(".partial")]
    assert not left, f"{told}, left {left}"


def before_cg(said: str, code: int, number: int) -> bool:
    """Whether it was the interpreter that was hit, before it had come to cg's first line, or as its last act."""
    return "in program" not in said and (code == -number or "KeyboardInterrupt" in said)


if __name__ == "__main__":
    command(trial)
