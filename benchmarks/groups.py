"""Fits of many groups: `f.fit(data, by="plate")` beside a loop over scipy.optimize.curve_fit, in one run.

    python benchmarks/groups.py                  10,000 groups of 100 rows, of several models
    python benchmarks/groups.py --groups 1000
    python benchmarks/groups.py --shell          from files, by the command

Both begin at the same place and fit the same rows from memory; the loop gets each group's rows as arrays that are cut
out already. Times are the least of three; the loop runs once, over some of the groups, and its time is that of all.
From files, the loop's time has reading the table and taking groups apart with pandas in it.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
import tempfile
import time
import warnings
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import scipy
from scipy.optimize import OptimizeWarning, curve_fit

import cgcli
from cgcli.engines.threads import processors

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_ROWS = 200_000
"""Rows that the loop is timed with."""


class Model(NamedTuple):
    """A formula, the same in Python, where all groups begin, what they are drawn from, noise and the range of t."""

    formula: str
    function: Callable[..., Any]
    start: dict[str, float]
    drawn: dict[str, tuple[float, float]]
    noise: float
    times: tuple[float, float]
    unequal: bool = False


def decay(t: Any, a: float, b: float, c: float) -> Any:
    """An exponential decay."""
    return a * np.exp(-b * t) + c


def rate(t: Any, v: float, k: float) -> Any:
    """Michaelis and Menten's rate."""
    return v * t / (k + t)


def peak(t: Any, a: float, m: float, s: float, p: float, q: float) -> Any:
    """A Gaussian peak on a line."""
    return a * np.exp(-(((t - m) / s) ** 2) / 2) + p + q * t


DECAY = Model("a*exp(-b*t) + c", decay, {"a": 2.0, "b": 1.0, "c": 0.5},
              {"a": (1, 3), "b": (0.3, 2), "c": (0, 1)}, 0.02, (0, 5))  # fmt: skip
MODELS = {
    "decay": DECAY,
    "decay, 20 to 180 rows": DECAY._replace(unequal=True),
    "Michaelis-Menten": Model("v*t/(k + t)", rate, {"v": 1.0, "k": 1.0}, {"v": (1, 3), "k": (0.3, 2)}, 0.05, (0.05, 5)),
    "peak on a line": Model(
        "a*exp(-((t - m)/s)^2/2) + p + q*t", peak, {"a": 2.0, "m": 5.0, "s": 1.0, "p": 0.0, "q": 0.0},
        {"a": (1, 3), "m": (3.5, 6.5), "s": (0.5, 1.5), "p": (0, 1), "q": (-0.1, 0.1)}, 0.1, (0, 10),
    ),
}  # fmt: skip


def table_of(model: Model, groups: int, rows: int) -> tuple[dict[str, Any], Any]:
    """Columns with the groups one after the other, and where each begins."""
    random = np.random.default_rng(0)
    sizes = random.integers(rows // 5, 2 * rows - rows // 5, groups) if model.unequal else np.full(groups, rows)
    place = np.repeat(np.arange(groups), sizes)
    t = np.concatenate([np.linspace(*model.times, size) for size in sizes])
    truth = {name: random.uniform(*bounds, groups)[place] for name, bounds in model.drawn.items()}
    y = model.function(t, **truth) + model.noise * random.normal(size=len(t))
    return {"plate": place, "t": t, "y": y}, np.concatenate(([0], np.cumsum(sizes)))


def by_loop(model: Model, data: dict[str, Any], first: Any, groups: int) -> Any:
    """One fit after the other; nan where there is none."""
    found = np.full((groups, len(model.start)), np.nan)
    p0 = list(model.start.values())
    for place in range(groups):
        rows = slice(first[place], first[place + 1])
        with suppress(RuntimeError):
            found[place], _ = curve_fit(model.function, data["t"][rows], data["y"][rows], p0=p0)
    return found


def timed(run: Callable[[], Any], repeats: int = 1) -> tuple[float, Any]:
    """The least time of some runs, and the last result."""
    best, found = np.inf, None
    for _ in range(repeats):
        begin = time.perf_counter()
        found = run()
        best = min(best, time.perf_counter() - begin)
    return best, found


def in_memory(name: str, model: Model, groups: int, rows: int) -> None:
    """Print the times of one model and their ratio."""
    data, first = table_of(model, groups, rows)
    formula = cgcli.parse(model.formula)

    def ours() -> Any:
        return formula.fit(data, target="y", by="plate", start=model.start)

    at_first, _ = timed(ours)
    mine, found = timed(ours, 3)
    some = min(groups, max(1, MOST_ROWS // rows))
    part, expected = timed(lambda: by_loop(model, data, first, some))
    theirs = part * groups / some
    values, errors = (np.stack([numbers[each][:some] for each in model.start], axis=1)
                      for numbers in (found.values, found.errors))  # fmt: skip
    apart = np.abs(values - expected).max(axis=1) / errors.min(axis=1)
    failed = int(np.isnan(apart).sum())
    elsewhere = int((apart > 1e-2).sum())
    print(f"{name:24s} cg {mine:.4f} s (first {at_first:.3f} s, {len(found.failed):,} not converged), "
          f"curve_fit {theirs:.2f} s ({failed:,} of {some:,} without a result, {elsewhere:,} at another place): "
          f"{theirs / mine:.0f} x")  # fmt: skip


def shared(groups: int, rows: int) -> None:
    """Print the time of a joint fit."""
    data, _ = table_of(DECAY, groups, rows)
    formula = cgcli.parse(DECAY.formula)
    taken, joint = timed(lambda: formula.fit(data, target="y", by="plate", share="b", start=DECAY.start), 2)
    print(f"{'decay, b shared':24s} cg {taken:.4f} s, {joint.evaluations} evaluations, converged: {joint.converged}")


def from_files(groups: int, rows: int) -> None:
    """Print the times of the command and of a script with pandas, from a CSV file and from Parquet."""
    import pandas
    import pyarrow
    from pyarrow import parquet

    data, _ = table_of(DECAY, groups, rows)
    with tempfile.TemporaryDirectory() as folder:
        parquet.write_table(pyarrow.table(data), Path(folder, "decays.parquet"))
        with open(Path(folder, "decays.csv"), "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(data)
            writer.writerows(zip(*(column.tolist() for column in data.values()), strict=True))
        for name, read in (("decays.csv", pandas.read_csv), ("decays.parquet", pandas.read_parquet)):
            path = str(Path(folder, name))
            start = [f"{each}={value}" for each, value in DECAY.start.items()]
            options = ["--data", path, "--target", "y", "--by", "plate", "-o", str(Path(folder, "groups.csv"))]
            line = [sys.executable, "-m", "cgcli", "fit", DECAY.formula, *start, *options]
            mine, _ = timed(lambda line=line: subprocess.run(line, check=True, capture_output=True), 2)  # type: ignore[misc]

            def script(path: str = path, read: Callable[..., Any] = read) -> None:
                for _, part in read(path).groupby("plate"):
                    with suppress(RuntimeError):
                        curve_fit(decay, part["t"].to_numpy(), part["y"].to_numpy(), p0=list(DECAY.start.values()))

            theirs, _ = timed(script)
            print(f"{name:24s} cg fit --by {mine:.2f} s, whole process; pandas and curve_fit {theirs:.2f} s: "
                  f"{theirs / mine:.1f} x")  # fmt: skip


def main() -> None:
    """Print times and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--groups", type=int, default=10_000)
    parser.add_argument("--rows", type=int, default=100)
    parser.add_argument("--shell", action="store_true")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", OptimizeWarning)
    print(f"{arguments.groups:,} groups of {arguments.rows} rows, {processors()} processors; "
          f"NumPy {np.__version__}, SciPy {scipy.__version__}")  # fmt: skip
    if arguments.shell:
        from_files(arguments.groups, arguments.rows)
        return
    for name, model in MODELS.items():
        in_memory(name, model, arguments.groups, arguments.rows)
    shared(arguments.groups, arguments.rows)


if __name__ == "__main__":
    main()
