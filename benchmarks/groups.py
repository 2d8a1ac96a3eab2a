"""Fits of many groups: `f.fit(data, by="plate")` beside a loop over scipy.optimize.curve_fit, in one run.

    python benchmarks/groups.py                  10,000 groups of 100 rows
    python benchmarks/groups.py --groups 1000

Both begin at the same place and fit the same rows from memory; the loop gets each group's rows as arrays that are cut
out already. Times are the least of three.
"""

from __future__ import annotations

import argparse
import os
import time
from contextlib import suppress

import numpy as np
import scipy
from scipy.optimize import curve_fit

import cgcli

START = {"a": 2.0, "b": 1.0, "c": 0.5}


def decays(groups: int, rows: int) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """Decays of groups with noise of 0.02: columns, and times and readings by group."""
    random = np.random.default_rng(0)
    t = np.linspace(0, 5, rows)
    a, b, c = (random.uniform(low, high, (groups, 1)) for low, high in ((1, 3), (0.3, 2), (0, 1)))
    y = a * np.exp(-b * t) + c + 0.02 * random.normal(size=(groups, rows))
    data = {"t": np.tile(t, groups), "y": y.ravel(), "plate": np.repeat(np.arange(groups), rows)}
    return data, np.broadcast_to(t, y.shape), y


def model(t: np.ndarray, a: float, b: float, c: float) -> np.ndarray:
    """The model as SciPy takes it."""
    return a * np.exp(-b * t) + c


def by_loop(times: np.ndarray, readings: np.ndarray) -> np.ndarray:
    """One fit after the other; nan where there is none."""
    found = np.full((len(times), len(START)), np.nan)
    for place, (t, y) in enumerate(zip(times, readings, strict=True)):
        with suppress(RuntimeError):
            found[place], _ = curve_fit(model, t, y, p0=list(START.values()))
    return found


def least_time(run: object, repeats: int) -> tuple[float, object]:
    """The least time of some runs, and the last result."""
    best, found = np.inf, None
    for _ in range(repeats):
        begin = time.perf_counter()
        found = run()  # type: ignore[operator]
        best = min(best, time.perf_counter() - begin)
    return best, found


def main() -> None:
    """Print both times and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--groups", type=int, default=10_000)
    parser.add_argument("--rows", type=int, default=100)
    arguments = parser.parse_args()
    data, times, readings = decays(arguments.groups, arguments.rows)
    formula = cgcli.parse("a*exp(-b*t) + c")
    begin = time.perf_counter()
    formula.fit(data, target="y", by="plate", start=START)
    first = time.perf_counter() - begin
    ours, found = least_time(lambda: formula.fit(data, target="y", by="plate", start=START), 3)
    shared, joint = least_time(lambda: formula.fit(data, target="y", by="plate", share="b", start=START), 1)
    theirs, expected = least_time(lambda: by_loop(times, readings), 1)
    values = np.stack([found.values[name] for name in "abc"], axis=1)  # type: ignore[attr-defined]
    errors = np.stack([found.errors[name] for name in "abc"], axis=1)  # type: ignore[attr-defined]
    apart = np.nanmax(np.abs(values - expected) / errors)
    print(f"{arguments.groups:,} groups of {arguments.rows} rows, {os.cpu_count()} processors; "
          f"NumPy {np.__version__}, SciPy {scipy.__version__}")  # fmt: skip
    print(f"cg: {ours:.3f} s (the first call {first:.3f} s), converged in all: {found.converged}")  # type: ignore[attr-defined]
    failed = int(np.isnan(expected).any(axis=1).sum())  # type: ignore[call-overload]
    print(
        f"curve_fit in a loop: {theirs:.3f} s, {failed} without a result; "
        f"parameters differ by at most {apart:.0e} of their errors"
    )
    print(f"ratio: {theirs / ours:.0f}")
    print(f"one parameter shared: {shared:.3f} s, {joint.evaluations} evaluations")  # type: ignore[attr-defined]


if __name__ == "__main__":
    main()
