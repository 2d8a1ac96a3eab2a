"""Errors of results beside the package `uncertainties` and beside NumPy by hand: one value, a column, a sample.

    python benchmarks/uncertainty.py [--rows 100000] [--samples 1000000] [--rounds 7] [--json FILE]

The answers have to agree before anything is timed. By hand the derivatives are written out, as somebody would who needs
this one formula only. Warnings are ignored: looking for what they tell takes another half millisecond.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable
from math import pi
from typing import Any

import numpy as np
from harness import installed, interleaved, machine, markdown, require_agreement, written

import cgcli as cg

PENDULUM = "4*pi^2*L/T^2"
MASS = "(mr + dm)*(1 + (ra - 1.2)*(1/rw - 1/rr)) - 1e5"
DRAWN = {
    "mr": "N(1e5, 0.05)",
    "dm": "N(1.234, 0.02)",
    "ra": "R(1.1, 1.3)",
    "rw": "R(7000, 9000)",
    "rr": "R(7950, 8050)",
}
Tasks = dict[str, Callable[[], Any]]


def one_value() -> Tasks:
    """Value and error of a pendulum's g."""
    formula = cg.parse(PENDULUM)

    def ours() -> Any:
        found = formula.uncertainty({"L": (1.0, 0.01), "T": (2.006, 0.005)})
        return found.value, found.error

    tasks: Tasks = {"cg": ours}
    if "uncertainties" in installed(["uncertainties"]):
        from uncertainties import ufloat

        def theirs() -> Any:
            found = 4 * pi**2 * ufloat(1.0, 0.01) / ufloat(2.006, 0.005) ** 2
            return found.nominal_value, found.std_dev

        tasks["uncertainties"] = theirs
    return tasks


def column(rows: int) -> Tasks:
    """The same for every row of a table."""
    formula, random = cg.parse(PENDULUM), np.random.default_rng(1)
    length, period = random.uniform(0.5, 1.5, rows), random.uniform(1, 2, rows)
    u, v = 0.01 * length, np.full(rows, 0.005)

    def ours() -> Any:
        found = formula.uncertainty_rows({"L": (length, u), "T": (period, v)})
        return found.value, found.error

    def by_hand() -> Any:
        value = 4 * pi**2 * length / period**2
        return value, value * np.sqrt((u / length) ** 2 + (2 * v / period) ** 2)

    tasks: Tasks = {"cg": ours, "NumPy by hand": by_hand}
    if "uncertainties" in installed(["uncertainties"]):
        from uncertainties import unumpy

        def theirs() -> Any:
            found = 4 * pi**2 * unumpy.uarray(length, u) / unumpy.uarray(period, v) ** 2
            return unumpy.nominal_values(found), unumpy.std_devs(found)

        tasks["uncertainties"] = theirs
    return tasks


def sample(count: int) -> Tasks:
    """Mean, error and 95 % interval of the mass calibration of JCGM 101 §9.3; each draws numbers of its own."""
    formula = cg.parse(MASS)

    def ours() -> Any:
        found = formula.uncertainty(DRAWN, samples=count, seed=1).sampled
        return found.error, *found.interval

    def by_hand() -> Any:
        random = np.random.default_rng(1)
        mr, dm = random.normal(1e5, 0.05, count), random.normal(1.234, 0.02, count)
        ra, rw, rr = random.uniform(1.1, 1.3, count), random.uniform(7e3, 9e3, count), random.uniform(7950, 8050, count)
        found = (mr + dm) * (1 + (ra - 1.2) * (1 / rw - 1 / rr)) - 1e5
        return found.std(ddof=1), *np.quantile(found, [0.025, 0.975])

    return {"cg": ours, "NumPy by hand": by_hand}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--samples", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json")
    given = parser.parse_args()
    warnings.simplefilter("ignore", cg.NonlinearWarning)
    problems = {
        "one value": (one_value(), 1e-12),
        f"{given.rows:,} rows": (column(given.rows), 1e-12),
        f"{given.samples:,} samples": (sample(given.samples), 10 / given.samples**0.5),
    }
    results, rows = {}, []
    for name, (tasks, tolerance) in problems.items():
        require_agreement(
            {library: np.concatenate(list(map(np.atleast_1d, run()))) for library, run in tasks.items()}, tolerance
        )
        results[name] = found = interleaved(tasks, given.rounds)
        rows += [[f"{name}: {library}", f"{1e3 * seconds:.3f}", f"{seconds / found['cg']:.2f}"]
                 for library, seconds in found.items()]  # fmt: skip
    print(machine())
    print(", ".join(f"{name} {number}" for name, number in installed(["cg", "NumPy", "uncertainties"]).items()))
    print(markdown(["milliseconds", "time", "beside cg"], rows))
    written(given.json, results)


if __name__ == "__main__":
    main()
