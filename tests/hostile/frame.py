"""Trials by number from a seed, as a command and as a test."""

from __future__ import annotations

import argparse
import os
import secrets
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from pathlib import Path
from random import Random

from tests.transcripts import ROOT

Trial = Callable[[Random, Path], None]
"""One attempt: it draws what it needs, may write into the folder, and raises AssertionError for what it finds."""

CODES = {0, 1, 2, 4, 130}
"""Every exit code that cg has."""


def dice(seed: int, number: int) -> Random:
    """The random numbers of one trial."""
    return Random(f"{seed}/{number}")


def sample(trial: Trial, seed: int, numbers: Sequence[int], folder: Path) -> None:
    """Some trials, for a test. AssertionError says how to repeat the one that failed."""
    for number in numbers:
        place = folder / str(number)
        place.mkdir()
        try:
            trial(dice(seed, number), place)
        except Exception as error:
            raise AssertionError(f"python -m {trial.__module__} --seed {seed} --only {number}: {error}") from error


def command(trial: Trial) -> None:
    """Run trials as the words of the command line say, and end the process with 1 where one failed."""
    parser = argparse.ArgumentParser(description=(sys.modules[trial.__module__].__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, help="go on for so long (default: 10, or what --count says)")
    parser.add_argument("--count", type=int, help="so many trials")
    parser.add_argument("--seed", type=int, help="default: another one each time")
    parser.add_argument("--only", type=int, help="the trial of this number alone")
    options = parser.parse_args()
    seed = secrets.randbelow(10**6) if options.seed is None else options.seed
    print(f"seed {seed}", flush=True)
    end = time.monotonic() + (options.seconds or (float("inf") if options.count else 10.0))
    tried = failed = 0
    for number in count() if options.only is None else [options.only]:
        if tried == options.count or time.monotonic() > end:
            break
        tried += 1
        with tempfile.TemporaryDirectory() as folder:
            try:
                trial(dice(seed, number), Path(folder))
            except Exception:
                failed += 1
                print(f"--seed {seed} --only {number}\n{traceback.format_exc()}", flush=True)
    print(f"seed {seed}: {tried:,} trials, {failed:,} failed")
    sys.exit(bool(failed))


# ---- processes -------------------------------------------------------------------------------------------------


def words_of(*words: str) -> list[str]:
    """The command line that runs cg with this interpreter."""
    return [sys.executable, "-m", "cgcli", *words]


def environment(**changes: str) -> dict[str, str]:
    """This process's environment, in which cg is found from every folder."""
    return {**os.environ, "PYTHONPATH": str(ROOT), **changes}


def run(
    words: Sequence[str], folder: Path, *, text: bytes = b"", env: Mapping[str, str] | None = None,
    seconds: float = 120, before: Callable[[], object] | None = None,
) -> subprocess.CompletedProcess[bytes]:  # fmt: skip
    """A process to its end; `before` runs in the child just before the program."""
    return subprocess.run(
        words, input=text, capture_output=True, cwd=folder, env=dict(environment() if env is None else env),
        timeout=seconds, preexec_fn=before, check=False,
    )  # fmt: skip


def assert_told(done: subprocess.CompletedProcess[bytes]) -> None:
    """What went wrong, if anything did, was told as cg tells it."""
    said = done.stderr.decode(errors="replace")
    assert "Traceback" not in said, said
    assert "this is a bug in cg" not in said, said
    assert done.returncode in CODES, (done.returncode, said)
    assert done.returncode in (0, 130) or said, "no message"
