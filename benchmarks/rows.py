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

os.environ.setdefault("JAX_ENABLE_X64", "1")
NUMPY = SimpleNamespace(exp=np.exp, sin=np.sin, cos=np.cos, sqrt=np.sqrt, log=np.log, tanh=np.tanh, erf=scipy.special.erf)
CG = SimpleNamespace(exp=cg.exp, sin=cg.sin, cos=cg.cos, sqrt=cg.sqrt, log=cg.log, tanh=cg.tanh, erf=cg.erf)
WEIGHTS = np.random.default_rng(3).normal(size=(10, 16)) / 3
OUTER = np.random.default_rng(4).normal(size=16) / 4


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
    "physics, 12 inputs": (relativity, [(1, 2)] * 2 + [(-2, 2)] * 4 + [(-1, 1)] * 2 + [(0, 0.8)] * 2 + [(0.5, 2), (0, 3)]),
    "perceptron 10-16-1": (network, [(-1, 1)] * 10),
}
Runs = dict[str, Callable[[], Any]]


def with_cg(function: Callable[..., Any], columns: Sequence[Any]) -> tuple[Callable[[], Any], Callable[[], Any]]:
    names = [f"x{place}" for place in range(len(columns))]
    refs = cg.inputs(" ".join(names))
    formula = cg.formula(function(CG, *(refs if isinstance(refs, tuple) else (refs,))))
    values = dict(zip(names, columns, strict=True))
    graph = formula.graph
    program = formula._program({})
    output = program.outputs["result"]
    slopes = list(formula.gradient_nodes(program)["result"].values())
    from cgcli.engines import engine

    native = engine("native")
    return (
        lambda: native.evaluate_rows(graph, values, [output])[output],
        lambda: [found[node] for found in [native.evaluate_rows(graph, values, [output, *slopes])] for node in (output, *slopes)],
    )


def with_numpy(function: Callable[..., Any], columns: Sequence[Any]) -> tuple[Callable[[], Any], None]:
    return lambda: function(NUMPY, *columns), None


def with_numexpr(function: Callable[..., Any], columns: Sequence[Any]) -> tuple[Callable[[], Any], None] | None:
    import numexpr

    names = [f"x{place}" for place in range(len(columns))]
    refs = cg.inputs(" ".join(names))
    formula = cg.formula(function(CG, *(refs if isinstance(refs, tuple) else (refs,))))
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

    names = [f"x{place}" for place in range(len(columns))]
    refs = cg.inputs(" ".join(names))
    lines = str(cg.formula(function(CG, *(refs if isinstance(refs, tuple) else (refs,))))).replace("^", "**").splitlines()
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

    space = SimpleNamespace(exp=jnp.exp, sin=jnp.sin, cos=jnp.cos, sqrt=jnp.sqrt, log=jnp.log, tanh=jnp.tanh,
                            erf=jax.scipy.special.erf)  # fmt: skip
    given = [jnp.asarray(column) for column in columns]
    value = jax.jit(lambda *x: function(space, *x))
    both = jax.jit(jax.vmap(jax.value_and_grad(lambda *x: function(space, *x), argnums=tuple(range(len(columns))))))

    def gradients() -> list[Any]:
        found, slopes = both(*given)
        return [found.block_until_ready(), *(slope.block_until_ready() for slope in slopes)]

    return lambda: value(*given).block_until_ready(), gradients


def with_torch(function: Callable[..., Any], columns: Sequence[Any]) -> tuple[Callable[[], Any], Callable[[], Any]]:
    import torch

    space = SimpleNamespace(exp=torch.exp, sin=torch.sin, cos=torch.cos, sqrt=torch.sqrt, log=torch.log,
                            tanh=torch.tanh, erf=torch.erf)  # fmt: skip
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

    space = SimpleNamespace(exp=casadi.exp, sin=casadi.sin, cos=casadi.cos, sqrt=casadi.sqrt, log=casadi.log,
                            tanh=casadi.tanh, erf=casadi.erf)  # fmt: skip
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
            cells = [f"{times[peer]:.2f} ({times[peer] / times['cg']:.1f}×)" if peer in times else "–" for peer in columns]
            table.append([name, *cells])
        print(markdown([task, *(f"{peer} {peers.get(peer, '')}".strip() for peer in columns)], table), end="\n\n")
    written(options.json, {"machine": machine(), "rows": options.rows, "versions": peers, "ns": results})


if __name__ == "__main__":
    main()
