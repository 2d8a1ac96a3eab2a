"""Long recurrences: a loop of cg beside loops of Python and NumPy and beside JAX's `scan`.

    python benchmarks/recurrences.py [--steps 10000000] [--rows 100000] [--rounds 3] [--json FILE]

The logistic map for ten million steps, value and derivative by its parameter, as commands (start-up, compiling and peak
of memory included) and in one process; and a pendulum for a thousand steps from each of 100,000 rows. The LSTM of
`adbench.py` is the third of the kind.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from time import perf_counter
from typing import Any

import numpy as np
from harness import installed, interleaved, machine, markdown, require_agreement, written

import cgcli as cg
from cgcli.formulas.derivatives import gradients

os.environ.setdefault("JAX_ENABLE_X64", "1")
PEERS = ("cg", "NumPy", "JAX")
MAP = "step(x, i) = r*x*(1 - x); y = fold(step, 0.4, range({steps}))"
PARAMETER = 3.5
"""Where the map runs into a cycle, so that its derivative stays finite."""

PENDULUM_STEPS, TIME = 1_000, 0.01
PENDULUM = f"""def step(angle, speed, i):
    speed = speed - {TIME}*k*sin(angle)
    return angle + {TIME}*speed, speed
angle, speed = fold(step, (start, 0), range({PENDULUM_STEPS}))
output angle, speed
"""
Runs = dict[str, Callable[[], Any]]


def command(arguments: list[str]) -> tuple[float, float]:
    """Seconds and peak of memory in MB of a command of cg."""
    begin = perf_counter()
    subprocess.run([sys.executable, "-m", "cgcli", *arguments], check=True, stdout=subprocess.DEVNULL)
    return perf_counter() - begin, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1000


def by_python(steps: int) -> tuple[float, float]:
    """Value and derivative of the map, both forwards in one loop."""
    x, slope = 0.4, 0.0
    for _ in range(steps):
        x, slope = PARAMETER * x * (1 - x), x * (1 - x) + PARAMETER * (1 - 2 * x) * slope
    return x, slope


def map_runs(steps: int, versions: dict[str, str]) -> dict[str, Runs]:
    """The map by library."""
    formula = cg.parse(MAP.format(steps=steps))

    def gradient() -> list[float]:
        found, slopes = gradients(formula.bind({"r": PARAMETER}))
        return [found["y"], slopes["y"]["r"]]

    values: Runs = {"cg": lambda: formula.eval(r=PARAMETER)}
    both: Runs = {"cg": gradient, "Python": lambda: list(by_python(steps))}
    if "JAX" in versions:
        import jax

        def result(r: Any) -> Any:
            return jax.lax.scan(lambda x, _: (r * x * (1 - x), None), 0.4, None, length=steps)[0]

        value, slope = jax.jit(result), jax.jit(jax.value_and_grad(result))
        values["JAX"] = lambda: float(value(PARAMETER))
        both["JAX"] = lambda: [float(each) for each in slope(PARAMETER)]
    return {"value": values, "value and derivative": both}


def pendulum_runs(rows: int, versions: dict[str, str]) -> Runs:
    """The pendulum of each row by library."""
    start, k = np.full(rows, 0.5), np.linspace(0.5, 2.0, rows)
    formula = cg.parse(PENDULUM)

    def with_cg() -> list[Any]:
        return list(formula.eval_rows(start=start, k=k).values())

    def with_numpy() -> list[Any]:
        angle, speed = start, np.zeros(rows)
        for _ in range(PENDULUM_STEPS):
            speed = speed - TIME * k * np.sin(angle)
            angle = angle + TIME * speed
        return [angle, speed]

    runs: Runs = {"cg": with_cg, "NumPy": with_numpy}
    if "JAX" in versions:
        import jax
        import jax.numpy as jnp

        def one(start: Any, k: Any) -> Any:
            def step(state: Any, _: Any) -> Any:
                angle, speed = state
                speed = speed - TIME * k * jnp.sin(angle)
                return (angle + TIME * speed, speed), None

            return jax.lax.scan(step, (start, 0.0), None, length=PENDULUM_STEPS)[0]

        every = jax.jit(jax.vmap(one))
        given = [jnp.asarray(start), jnp.asarray(k)]
        runs["JAX"] = lambda: [each.block_until_ready() for each in every(*given)]
    return runs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=10_000_000)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    versions = installed(PEERS)
    text = MAP.format(steps=options.steps)
    commands = {name: command([name, text, f"r={PARAMETER}"]) for name in ("eval", "grad")}
    tasks = {f"{options.steps:,} steps: {task}": runs for task, runs in map_runs(options.steps, versions).items()}
    tasks[f"{PENDULUM_STEPS:,} steps of {options.rows:,} rows"] = pendulum_runs(options.rows, versions)
    times: dict[str, dict[str, float]] = {}
    for task, runs in tasks.items():
        require_agreement({name: np.concatenate([np.ravel(each) for each in np.atleast_1d(run())])
                           for name, run in runs.items()}, 1e-9)  # fmt: skip
        times[task] = interleaved(runs, options.rounds)
    print(f"{machine()}; {', '.join(f'{name} {version}' for name, version in versions.items())}; float64\n")
    for name, (seconds, megabytes) in commands.items():
        print(f"`cg {name}`, {options.steps:,} steps: {seconds:.2f} s, at most {megabytes:.0f} MB")
    print(f"\nseconds (times that of cg)\n\n{table(times)}")
    written(options.json, {"machine": machine(), "versions": versions, "commands": commands, "seconds": times})


def table(times: dict[str, dict[str, float]]) -> str:
    """A line for each task."""
    names = ("cg", "Python", "NumPy", "JAX")
    lines = [
        [task, *(f"{each[name]:.3f} ({each[name] / each['cg']:.1f}×)" if name in each else "–" for name in names)]
        for task, each in times.items()
    ]
    return markdown(["recurrence", *names], lines)


if __name__ == "__main__":
    main()
