"""Fits beside SciPy, lmfit and JAX: 12 rows and a million, a Parquet file and its memory, a perceptron's gradient.

    python benchmarks/fitting.py [--rows 1000000] [--file-rows 10000000] [--rounds 5] [--json FILE]

The same five parameters, from the same start, to the same digits. "JAX" has its residuals and exact Jacobian in cg's
own solver; what is compiled before is not timed. The file is fitted in a process of its own, whose peak is its memory.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from harness import PACKAGES, installed, interleaved, machine, markdown, require_agreement, written

from cgcli import parse

PACKAGES |= {"SciPy": "scipy", "lmfit": "lmfit", "pyarrow": "pyarrow"}

TEXT = "a*exp(-b*t) + c*exp(-d*t) + k"
NAMES = ("a", "b", "c", "d", "k")
TRUE = (3.0, 0.5, 1.5, 2.0, 1.0)
START = (2.0, 0.3, 1.0, 3.0, 0.0)
FEW = 12
BATCH, LAYERS = 128, (784, 128, 10)

Runs = dict[str, Callable[[], Any]]


def data(rows: int, seed: int = 4) -> dict[str, Any]:
    """Two decays with noise; few rows are evenly spaced."""
    random = np.random.default_rng(seed)
    t = np.linspace(0, 8, rows) if rows < 1000 else 10 * random.random(rows)
    a, b, c, d, k = TRUE
    noise = 0.02 if rows >= 1000 else 1e-4
    return {"t": t, "y": a * np.exp(-b * t) + c * np.exp(-d * t) + k + noise * random.standard_normal(rows)}


def model(t: Any, a: Any, b: Any, c: Any, d: Any, k: Any) -> Any:
    return a * np.exp(-b * t) + c * np.exp(-d * t) + k


def with_cg(table: dict[str, Any]) -> Callable[[], Any]:
    formula = parse(TEXT)
    return lambda: list(formula.fit(table, target="y", start=dict(zip(NAMES, START, strict=True))).values.values())


def with_scipy(table: dict[str, Any]) -> Callable[[], Any]:
    from scipy.optimize import curve_fit

    return lambda: curve_fit(model, table["t"], table["y"], p0=START)[0]


def with_lmfit(table: dict[str, Any]) -> Callable[[], Any]:
    from lmfit import Model

    start = dict(zip(NAMES, START, strict=True))

    def run() -> list[float]:
        found = Model(model).fit(table["y"], t=table["t"], **start)
        return [found.params[name].value for name in NAMES]

    return run


def with_jax(table: dict[str, Any]) -> Callable[[], Any]:
    import jax
    import jax.numpy as jnp

    from cgcli.fitting.array_problem import ArrayProblem
    from cgcli.fitting.least_squares import Search

    jax.config.update("jax_enable_x64", True)
    t, y = jnp.asarray(table["t"]), jnp.asarray(table["y"])

    def residual(point: Any) -> Any:
        a, b, c, d, k = point
        return a * jnp.exp(-b * t) + c * jnp.exp(-d * t) + k - y

    value, slopes = jax.jit(residual), jax.jit(jax.jacfwd(residual))

    def run() -> Any:
        problem = ArrayProblem(NAMES, lambda point: np.asarray(value(point)), lambda point: np.asarray(slopes(point)),
                               linear=np.array([True, False, True, False, True]))  # fmt: skip
        problem.rows = len(table["t"])
        open_ended = np.full(len(NAMES), np.inf)
        return Search(problem, -open_ended, open_ended).run(START).point

    return run


FITS: dict[str, Callable[[dict[str, Any]], Callable[[], Any]]] = {
    "cg": with_cg, "SciPy": with_scipy, "lmfit": with_lmfit, "JAX": with_jax,
}  # fmt: skip


def fits(rows: int, rounds: int, peers: dict[str, str]) -> dict[str, float]:
    """Seconds of a fit, by library."""
    table = data(rows)
    runs = {name: make(table) for name, make in FITS.items() if name in peers}
    require_agreement({name: slower_first(run()) for name, run in runs.items()}, 1e-6)
    return interleaved(runs, rounds, longest=120.0)


def slower_first(parameters: Any) -> list[float]:
    """Parameters with the slower decay first: the two may change places."""
    a, b, c, d, k = parameters
    return [a, b, c, d, k] if b < d else [c, d, a, b, k]


CHILD = """
import json, time
import cgcli
begin = time.perf_counter()
found = cgcli.parse({text!r}).fit({path!r}, target="y", start={start!r})
seconds = time.perf_counter() - begin
with open("/proc/self/status") as status:  # what `getrusage` tells is the parent's, where that was larger
    peak = next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))
print(json.dumps({{"seconds": seconds, "peak MB": peak, "rows": found.rows, "evaluations": found.evaluations}}))
"""


def from_file(rows: int) -> dict[str, Any]:
    """What a fit of a Parquet file takes: seconds, the peak of memory, evaluations."""
    import pyarrow as pa
    from pyarrow import parquet

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "decays.parquet")
        schema = pa.schema([("t", pa.float64()), ("y", pa.float64())])
        with parquet.ParquetWriter(path, schema) as writer:
            for part, first in enumerate(range(0, rows, 1_000_000)):
                writer.write_table(pa.table(data(min(1_000_000, rows - first), seed=part)))
        code = CHILD.format(text=TEXT, path=str(path), start=dict(zip(NAMES, START, strict=True)))
        answer = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(answer.stdout)
    return found


NETWORK = """
param W[{hidden}, {inputs}]
param b[{hidden}]
param V[{outputs}, {hidden}]
param c[{outputs}]
input x[{inputs}]
input y[{outputs}]
z = V @ relu(W @ x + b) + c
loss = logsumexp(z) - y @ z
output loss
"""


def gradients(rounds: int, peers: dict[str, str]) -> dict[str, float]:
    """Seconds of the mean loss of a batch and its gradient, by library."""
    inputs, hidden, outputs = LAYERS
    random = np.random.default_rng(0)
    weights = {"W": random.normal(size=(hidden, inputs)) / 28, "b": np.zeros(hidden),
               "V": random.normal(size=(outputs, hidden)) / 11, "c": np.zeros(outputs)}  # fmt: skip
    batch = {"x": random.normal(size=(BATCH, inputs)), "y": np.eye(outputs)[random.integers(0, outputs, BATCH)]}
    formula = parse(NETWORK.format(inputs=inputs, hidden=hidden, outputs=outputs))
    runs: Runs = {"cg": lambda: flat(formula.grad_sum({**weights, **batch}, mean=True))}
    if "JAX" in peers:
        runs["JAX"] = jax_gradient(weights, batch)
    require_agreement({name: run() for name, run in runs.items()}, 1e-12)
    return interleaved(runs, 40 * rounds)


def flat(found: tuple[Any, dict[str, Any]]) -> Any:
    """A value and some derivatives in a row."""
    return np.concatenate([[float(found[0])], *(found[1][name].ravel()[:3] for name in ("W", "b", "V", "c"))])


def jax_gradient(weights: dict[str, Any], batch: dict[str, Any]) -> Callable[[], Any]:
    """The same in JAX, compiled, in doubles."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)

    def loss(p: Any, x: Any, y: Any) -> Any:
        z = jax.nn.relu(x @ p["W"].T + p["b"]) @ p["V"].T + p["c"]
        return jnp.mean(jax.scipy.special.logsumexp(z, axis=1) - jnp.sum(y * z, axis=1))

    both = jax.jit(jax.value_and_grad(loss))
    p = {name: jnp.asarray(value) for name, value in weights.items()}
    x, y = jnp.asarray(batch["x"]), jnp.asarray(batch["y"])

    def run() -> Any:
        value, slopes = jax.block_until_ready(both(p, x, y))
        return flat((value, {name: np.asarray(slope) for name, slope in slopes.items()}))

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--file-rows", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    peers = installed(["cg", "SciPy", "lmfit", "JAX", "NumPy", "pyarrow"])
    print(f"{machine()}; {', '.join(f'{name} {version}' for name, version in peers.items())}; ms (times that of cg)\n")
    few, many = fits(FEW, options.rounds, peers), fits(options.rows, options.rounds, peers)
    gradient = gradients(options.rounds, peers)
    names = [name for name in FITS if name in peers]
    table = [(f"fit of 5 parameters, {FEW} rows", few), (f"fit of 5 parameters, {options.rows:,} rows", many),
             (f"gradient of a perceptron {'-'.join(map(str, LAYERS))}, batch {BATCH}", gradient)]  # fmt: skip
    print(markdown(["task", *names], [[task, *(cell(times, name) for name in names)] for task, times in table]))
    results = {"machine": machine(), "versions": peers, "few": few, "many": many, "gradient": gradient}
    if "pyarrow" in peers and sys.platform == "linux":
        results["file"] = found = from_file(options.file_rows)
        print(f"\nParquet, {found['rows']:,} rows: {found['seconds']:.2f} s, {found['evaluations']} evaluations, "
              f"peak {found['peak MB']:.0f} MB")  # fmt: skip
    written(options.json, results)


def cell(times: dict[str, float], name: str) -> str:
    """A library's time in milliseconds, and how many times that of cg it is."""
    return f"{1e3 * times[name]:.3f} ({times[name] / times['cg']:.1f}×)" if name in times else "–"


if __name__ == "__main__":
    main()
