"""What all benchmarks share: interleaved timing, agreement of answers, and tables in Markdown and JSON."""

from __future__ import annotations

import ctypes
import gc
import json
import os
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

PACKAGES = {
    "cg": "cgcli", "NumPy": "numpy", "numexpr": "numexpr", "numba": "numba", "JAX": "jax", "PyTorch": "torch",
    "CasADi": "casadi", "micrograd": "micrograd", "SymEngine": "symengine", "SymPy": "sympy",
    "uncertainties": "uncertainties", "SciPy": "scipy",
}  # fmt: skip

TRIM_THRESHOLD, MMAP_MAX = -1, -4
"""Parameters of glibc's `mallopt`, from malloc.h."""

SHORT = 0.05
"""Seconds; a run that takes less is run once more before it is timed."""


class Disagreement(AssertionError):
    """Two libraries give different answers; nothing is timed then."""


def keep_freed_memory() -> None:
    """Have glibc keep freed memory for the next result, for all libraries alike; elsewhere nothing happens.

    Otherwise it gives large blocks back to the system in some runs and not in others, and the next run maps thousands
    of pages anew: PyTorch then takes 3 or 30 ns a row for the same formula.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(MMAP_MAX, 0)
        mallopt(TRIM_THRESHOLD, 2**31 - 1)


keep_freed_memory()


def installed(names: Sequence[str]) -> dict[str, str]:
    """Versions of the packages that are there, by the name in the tables."""
    found: dict[str, str] = {}
    for name in names:
        try:
            found[name] = version(PACKAGES[name])
        except PackageNotFoundError:
            continue
    return found


def machine() -> str:
    """The machine in a line."""
    model = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            model = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), model)
    except OSError:
        pass
    return f"{model}, {os.cpu_count()} processors, {platform.system()}, Python {platform.python_version()}"


def require_agreement(answers: Mapping[str, Any], tolerance: float) -> None:
    """Disagreement, naming the libraries, where an answer is not close to the first one."""
    names = list(answers)
    for name in names[1:]:
        for ours, theirs in zip(np.atleast_1d(answers[names[0]]), np.atleast_1d(answers[name]), strict=True):
            if not np.allclose(ours, theirs, rtol=tolerance, atol=tolerance, equal_nan=True):
                worst = float(np.nanmax(np.abs(np.asarray(ours) - np.asarray(theirs))))
                raise Disagreement(f"{names[0]} and {name} differ by up to {worst:g}")


def interleaved(runs: Mapping[str, Callable[[], Any]], rounds: int, longest: float = 20.0) -> dict[str, float]:
    """Median seconds of each run; all take turns, and after `longest` seconds no further round begins.

    None pays for what another one left behind: garbage is collected first, and a short one is then run once untimed
    (the caches are cold by then, and the first large `free` after PyTorch's has to tidy up 100,000 small ones).
    """
    times: dict[str, list[float]] = {name: [] for name in runs}
    begin = perf_counter()
    for _ in range(rounds):
        for name, run in runs.items():
            warm = not times[name] or times[name][-1] < SHORT
            times[name].append(once(run, warm=warm)[0])
        if perf_counter() - begin > longest:
            break
    return {name: median(each) for name, each in times.items()}


def once(run: Callable[[], Any], *, warm: bool = False) -> tuple[float, Any]:
    """Seconds of a single run, and its answer; without pauses of the garbage collector, as `timeit` has it.

    warm: run it once untimed, between collecting the garbage and the run that counts.
    """
    gc.collect()
    gc.disable()
    try:
        if warm:
            run()
        start = perf_counter()
        answer = run()
        return perf_counter() - start, answer
    finally:
        gc.enable()


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose first column is text and whose others are numbers."""
    rule = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, rule, *rows))


def written(path: str | None, results: Any) -> None:
    """Keep the results as JSON where a path is given."""
    if path:
        with open(path, "w", encoding="utf-8") as file:
            json.dump(results, file, indent=1)
