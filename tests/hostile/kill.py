"""Killed in the middle of writing: the old file or the new one, whole, and nothing is left after the next run."""

from __future__ import annotations

import subprocess
import time
import xml.dom.minidom
from collections.abc import Callable
from pathlib import Path
from random import Random

import numpy as np

from cgcli import load
from tests.hostile.frame import assert_told, command, environment, run, words_of

ROWS = 150_000


def whole_csv(path: Path) -> bool:
    lines = path.read_bytes().split(b"\n")
    return len(lines) == ROWS + 2 and lines[-1] == b"" and len(set(lines[1:-1])) == 1


def whole_parquet(path: Path) -> bool:
    from pyarrow import parquet

    return parquet.read_table(path).num_rows == ROWS


def whole_npz(path: Path) -> bool:
    with np.load(path) as file:
        return {len(file[name]) for name in file.files} == {ROWS}


def whole_svg(path: Path) -> bool:
    return xml.dom.minidom.parse(str(path)).documentElement.tagName == "svg"


def whole_graph(path: Path) -> bool:
    return load(str(path)).eval(x=1) == 2001 * 1000


CASES: dict[str, tuple[list[str], Callable[[Path], bool], float]] = {
    "out.csv": (["eval", "x*y", "--data", "rows.csv"], whole_csv, 1.2),
    "out.parquet": (["eval", "x*y", "--data", "rows.csv"], whole_parquet, 1.2),
    "out.npz": (["eval", "x*y", "--data", "rows.csv"], whole_npz, 1.2),
    "out.svg": (["draw", "sin(x*y)+exp(x)"], whole_svg, 0.8),
    "graph.npz": (["export", "sum(i*x for i in range(2001))"], whole_graph, 0.6),
}
"""File -> words, how it is judged, and the seconds within which the signal comes."""


def trial(random: Random, folder: Path) -> None:
    """One writer, killed where it stands; then one that is left alone."""
    name = random.choice(list(CASES))
    words, whole, within = CASES[name]
    (folder / "rows.csv").write_text("x,y\n" + "0.5,1.25\n" * ROWS)
    target = folder / name
    old = b"the old file"
    if random.random() < 0.7:
        target.write_bytes(old)
    process = subprocess.Popen(
        words_of(*words, "-o", name), cwd=folder, env=environment(), stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    if random.random() < 0.5:  # as soon as it writes
        end = time.monotonic() + 20
        while process.poll() is None and not list(folder.glob(".*.partial")) and time.monotonic() < end:
            time.sleep(0.0005)
        within /= 8
    time.sleep(random.uniform(0, within))
    process.kill()
    process.wait()
    assert not target.exists() or target.read_bytes() == old or whole(target), f"{name} is broken"
    done = run(words_of(*words, "-o", name), folder)
    assert_told(done)
    assert whole(target), f"{name}: {done}"
    assert sorted(path.name for path in folder.iterdir()) == sorted(["rows.csv", name]), "something was left"


if __name__ == "__main__":
    command(trial)
