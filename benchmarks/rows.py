"""Tables: value, and value with all derivatives, for every row; cg's native engine beside its peers.

    python benchmarks/rows.py [--rows 1000000] [--rounds 7] [--json FILE]

Each formula is written once, as a Python function over a namespace of functions; cg builds its graph by calling it on
references. All peers run in this process, take turns, use the threads that they choose by themselves, and must agree
with cg before anything is timed. "copy" is the time to read the inputs and to write the outputs once.
"""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import scipy.special
from harness import installed, interleaved, machine, markdown, require_agreement, written

import cgcli as cg
from cgcli.formulas.derivatives import gradient_nodes

os.environ.setdefault("JAX_ENABLE_X64", "1")
FUNCTIONS = ("exp", "sin", "cos", "sqrt", "log", "tanh")
WEIGHTS = np.random.default_rng(3).normal(size=(10, 16)) / 3
OUTER = np.random.default_rng(4).normal(size=16) / 4


def namespace(home: Any, erf: Any) -> SimpleNamespace:
    """The functions that formulas use, from a library."""
    return SimpleNamespace(erf=erf, **{name: getattr(home, name) for name in FUNCTIONS})


def graph_of(function: Callable[..., Any], count: int) -> tuple[list[str], cg.Formula]:
    """A formula of cg, and the names of its inputs."""
    names = [f"x{place}" for place in range(count)]
    refs = cg.inputs(" ".join(names))
    return names, cg.formula(function(namespace(cg, cg.erf), *(refs if isinstance(refs, tuple) else (refs,))))


def polynomial(m: Any, x: Any) -> Any:
    """Degree 10, by Horner's rule."""
    total = 0.7
    for coefficient in (-1.3, 0.2, 2.1, -0.4, 0.9, -1.1, 0.3, 0.8, -0.6, 1.7):
        total = total * x + coefficient
    return total


def waves(m: Any, x: Any, y: Any) -> Any:
    return m.exp(m.sin(x * x)) * y


def black_scholes(m: Any, spot: Any, strike: Any, time: Any, rate: Any, sigma: Any) -> Any:
    root = sigma * m.sqrt(time)
    d1 = (m.log(spot / strike) + (rate + sigma * sigma / 2) * time) / root
    d2 = d1 - root
    discounted = strike * m.exp(-rate * time)
    return spot * (1 + m.erf(d1 / math.sqrt(2))) / 2 - discounted * (1 + m.erf(d2 / math.sqrt(2))) / 2


def relativity(m: Any, *v: Any) -> Any:
    """Twelve inputs: energies of two charged masses that move, with a wave between them."""
    m1, m2, x1, x2, y1, y2, q1, q2, u, w, k, t = v
    distance = m.sqrt((x1 - x2) * (x1 - x2) + (y1 - y2) * (y1 - y2) + 0.1)
    gravity = -m1 * m2 / distance
    charge = q1 * q2 * m.exp(-distance * k) / distance
    kinetic = m1 / m.sqrt(1 - u * u) + m2 / m.sqrt(1 - w * w)
    return kinetic + gravity + charge + m.sin(k * distance - t) * m.cos(u * t)


def network(m: Any, *x: Any) -> Any:
    """A multilayer perceptron 10-16-1 on one row, its weights constant."""
    total: Any = 0.1
    for unit in range(16):
        score: Any = 0.05 * unit
        for place in range(10):
            score = score + float(WEIGHTS[place, unit]) * x[place]
        total = total + float(OUTER[unit]) * m.tanh(score)
    return total


FORMULAS: dict[str, tuple[Callable[..., Any], list[tuple[float, float]]]] = {
    "polynomial of degree 10": (polynomial, [(-1, 1)]),
    "exp(sin(x*x))*y": (waves, [(-3, 3), (0, 2)]),
    "Black–Scholes": (black_scholes, [(80, 120), (80, 120), (0.2, 2), (0.0, 0.05), (0.1, 0.5)]),
    "physics, 12 inputs": (
        relativity,
        [(1, 2)] * 2 + [(-2, 2)] * 4 + [(-1, 1)] * 2 + [(0, 0.8)] * 2 + [(0.5, 2), (0, 3)],
    ),
    "perceptron 10-16-1": (network, [(-1, 1)] * 10),
}
Runs = dict[str, Callable[[], Any]]


def with_cg(function: Callable[..., Any], columns: Sequence[Any]) -> tuple[Callable[[], Any], Callable[[], Any]]:
    names, formula = graph_of(function, len(columns))
    values = dict(zip(names, columns, strict=True))
    bound, nodes = gradient_nodes(formula.bind(dict.fromkeys(names, 1.0)))
    graph, output, slopes = bound.graph, bound.program.outputs["result"], list(nodes["result"].values())
    from cgcli.engines import engine

    native = engine("native")

    def gradients() -> list[Any]:
        found = native.evaluate_rows(graph, values, [output, *slopes])
        return [found[node] for node in (output, *slopes)]

    return lambda: native.evaluate_rows(graph, values, [output])[output], gradients


def with_numpy(function: Callable[..., Any], columns: Sequence[Any]) -> tuple[Callable[[], Any], None]:
    return lambda: function(namespace(np, scipy.special.erf), *columns), None


def with_numexpr(function: Callable[..., Any], columns: Sequence[Any]) -> tuple[Callable[[], Any], None] | None:
    import numexpr

    names, formula = graph_of(function, len(columns))
    text = str(formula)
    if "erf" in text or len(text) > 4000:
        return None  # numexpr has no erf, and takes no long expressions
    *lets, last = text.replace("^", "**").splitlines()
    for line in reversed(lets):
        name, _, value = line.partition(" = ")
        last = last.replace(name, f"({value})")
    values = dict(zip(names, columns, strict=True))
    return lambda: numexpr.evaluate(last, local_dict=values), None


def with_numba(function: Callable[..., Any], columns: Sequence[Any]) -> tuple[Callable[[], Any], None]:
    import numba

    names, formula = graph_of(function, len(columns))
    lines = str(formula).replace("^", "**").splitlines()
    lines[-1] = f"return {lines[-1]}"
    code = f"def row({', '.join(names)}):\n" + "".join(f"    {line}\n" for line in lines)
    scope: dict[str, Any] = dict(vars(math))
    exec(code, scope)
    kinds = ", ".join(["float64"] * len(names))
    row = numba.vectorize([f"float64({kinds})"], target="parallel")(scope["row"])
    return lambda: row(*columns), None


def with_jax(function: Callable[..., Any], columns: Sequence[Any]) -> tuple[Callable[[], Any], Callable[[], Any]]:
    import jax
    import jax.numpy as jnp

    space = namespace(jnp, jax.scipy.special.erf)
    given = [jnp.asarray(column) for column in columns]
    value = jax.jit(lambda *x: function(space, *x))
    both = jax.jit(jax.vmap(jax.value_and_grad(lambda *x: function(space, *x), argnums=tuple(range(len(columns))))))

    def gradients() -> list[Any]:
        found, slopes = both(*given)
        return [found.block_until_ready(), *(slope.block_until_ready() for slope in slopes)]

    return lambda: value(*given).block_until_ready(), gradients


def with_torch(function: Callable[..., Any], columns: Sequence[Any]) -> tuple[Callable[[], Any], Callable[[], Any]]:
    import torch

    space = namespace(torch, torch.erf)
    given = [torch.from_numpy(column) for column in columns]
    tracked = [torch.from_numpy(column).requires_grad_() for column in columns]

    def value() -> Any:
        with torch.no_grad():
            return function(space, *given).numpy()

    def gradients() -> list[Any]:
        found = function(space, *tracked)
        slopes = torch.autograd.grad(found.sum(), tracked)
        return [found.detach().numpy(), *(slope.numpy() for slope in slopes)]

    return value, gradients


def with_casadi(function: Callable[..., Any], columns: Sequence[Any]) -> tuple[Callable[[], Any], Callable[[], Any]]:
    import casadi

    space = namespace(casadi, casadi.erf)
    inputs = casadi.SX.sym("x", len(columns))
    result = function(space, *casadi.vertsplit(inputs))
    table = casadi.DM(np.stack(columns))
    rows = len(columns[0])
    value = casadi.Function("value", [inputs], [result]).map(rows)
    both = casadi.Function("both", [inputs], [casadi.vertcat(result, casadi.gradient(result, inputs))]).map(rows)
    return lambda: np.array(value(table)).ravel(), lambda: list(np.array(both(table)))


PEERS: dict[str, Callable[..., Any]] = {
    "cg": with_cg, "NumPy": with_numpy, "numexpr": with_numexpr, "numba": with_numba, "JAX": with_jax,
    "PyTorch": with_torch, "CasADi": with_casadi,
}  # fmt: skip


def copy_limit(columns: Sequence[Any], outputs: int) -> Callable[[], None]:
    """Read every input and write every output once."""
    into = [np.empty_like(columns[0]) for _ in range(max(outputs, len(columns)))]

    def copy() -> None:
        for place, target in enumerate(into):
            np.copyto(target, columns[place % len(columns)])

    return copy


def measure(name: str, rows: int, rounds: int) -> dict[str, dict[str, float]]:
    """Nanoseconds a row, by task and peer."""
    function, domain = FORMULAS[name]
    random = np.random.default_rng(1)
    columns = [random.uniform(low, high, rows) for low, high in domain]
    values: Runs = {}
    gradients: Runs = {}
    for peer in installed(list(PEERS)):
        made = PEERS[peer](function, columns)
        if made is None:
            continue
        values[peer] = made[0]
        if made[1] is not None:
            gradients[peer] = made[1]
    require_agreement({peer: [run()] for peer, run in values.items()}, 1e-9)
    require_agreement({peer: run() for peer, run in gradients.items()}, 1e-8)
    values["copy"] = copy_limit(columns, 1)
    gradients["copy"] = copy_limit(columns, 1 + len(columns))
    found: dict[str, dict[str, float]] = {}
    for task, runs in (("value", values), ("value and gradient", gradients)):
        times = interleaved(runs, rounds)
        found[task] = {peer: 1e9 * time / rows for peer, time in times.items()}
    return found


def cell(times: dict[str, float], peer: str) -> str:
    """A peer's time, and how many times that of cg it is."""
    return f"{times[peer]:.2f} ({times[peer] / times['cg']:.1f}×)" if peer in times else "–"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    peers = installed(list(PEERS))
    results = {name: measure(name, options.rows, options.rounds) for name in FORMULAS}
    columns = [*peers, "copy"]
    print(f"{machine()}; {options.rows:,} rows, float64; nanoseconds a row (times that of cg)\n")
    for task in ("value", "value and gradient"):
        table = []
        for name, tasks in results.items():
            times = tasks[task]
            table.append([name, *(cell(times, peer) for peer in columns)])
        print(markdown([task, *(f"{peer} {peers.get(peer, '')}".strip() for peer in columns)], table), end="\n\n")
    written(options.json, {"machine": machine(), "rows": options.rows, "versions": peers, "ns": results})


if __name__ == "__main__":
    main()
