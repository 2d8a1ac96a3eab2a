"""The problems of ADBench: a Gaussian mixture, bundle adjustment, an LSTM, a hand; objective, and with derivatives.

    python benchmarks/adbench.py [--mixtures D,K,N …] [--observations 10000 100000] [--lstm LAYERS,STEPS …]
                                 [--hands POINTS …] [--rounds 7] [--json FILE]

After F. Šrajer, Z. Kukelova and A. Fitzgibbon, A benchmark of selected algorithmic differentiation tools on some
problems in computer vision and machine learning, Optimization Methods and Software 33 (2018). Each problem is written
once, over a namespace of functions (CasADi's matrices have no axes, so its mixture is written for it). The mixture is
one point of vectors and matrices. Bundle adjustment is a table: two residuals a row, and their 2×15 Jacobian. The
LSTM and the hand stand in `adbench_models.py`; JAX has the LSTM as a `scan`, and compiles before it is timed.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import scipy.special
from adbench_models import HAND_WITH, LSTM_WITH, hand_data, lstm_data
from harness import installed, interleaved, machine, markdown, require_agreement, written

import cgcli as cg
from cgcli.formulas.derivatives import gradients

os.environ.setdefault("JAX_ENABLE_X64", "1")
MIXTURES = ("2,5,1000", "10,5,1000", "10,25,1000", "20,25,10000")
OBSERVATIONS = (10_000, 100_000)
LSTMS = ("2,1024",)
HANDS = (100, 10_000)
PEERS = ("cg", "NumPy", "JAX", "PyTorch", "CasADi")
GAMMA, DEGREES = 1.0, 0
"""Of the Wishart prior."""
Tasks = tuple[Callable[[], Any], Callable[[], Any] | None]


# ---- the Gaussian mixture -----------------------------------------------------------------------------------------


def mixture_data(dimensions: int, components: int, points: int) -> dict[str, Any]:
    """Values of the parameters, the data, and the 0/1 matrix that spreads a lower triangle over a matrix."""
    random = np.random.default_rng(2)
    below = [(row, column) for column in range(dimensions) for row in range(column + 1, dimensions)]
    spread = np.zeros((dimensions * dimensions, max(len(below), 1)))
    for place, (row, column) in enumerate(below):
        spread[row * dimensions + column, place] = 1.0
    return {
        "alpha": random.normal(size=components), "mu": random.normal(size=(components, dimensions)),
        "q": random.normal(size=(components, dimensions)) / 4,
        "low": random.normal(size=(components, max(len(below), 1))) / 4,
        "x": random.normal(size=(points, dimensions)), "spread": spread,
    }  # fmt: skip


PARAMETERS = ("alpha", "mu", "q", "low")


def mixture(m: Any, alpha: Any, mu: Any, q: Any, low: Any, x: Any, spread: Any) -> Any:
    """Minus a constant: the logarithm of the posterior of ADBench's mixture with a Wishart prior."""
    points, dimensions = x.shape
    terms = []
    for component in range(mu.shape[0]):
        factor = m.reshape(spread @ low[component], (dimensions, dimensions)) + m.diag(m.exp(q[component]))
        apart = (x - mu[component]) @ factor.T
        terms.append(alpha[component] + m.sum(q[component]) - 0.5 * m.sum(apart * apart, 1))
    prior = 0.5 * GAMMA**2 * (m.sum(m.exp(2 * q)) + m.sum(low * low)) - DEGREES * m.sum(q)
    return m.sum(m.logsumexp(m.stack(terms), 0)) - points * m.logsumexp(alpha, 0) + prior


def mixture_with_cg(data: dict[str, Any]) -> Tasks:
    shapes = {name: data[name].shape for name in PARAMETERS}
    first = cg.inputs("alpha", shapes["alpha"])
    graph = first.graph
    given = [first, *(graph.ref(graph.input(name, shapes[name])) for name in PARAMETERS[1:])]
    constants = [graph.ref(graph.array_constant(data[name])) for name in ("x", "spread")]
    space = SimpleNamespace(
        reshape=cg.reshape, diag=cg.diag, exp=cg.exp, logsumexp=cg.logsumexp, stack=lambda parts: cg.stack(*parts),
        sum=lambda value, axis=None: cg.sum(value) if axis is None else cg.sum(value, axis),
    )  # fmt: skip
    formula = cg.formula(mixture(space, *given, *constants))
    values = {name: data[name] for name in PARAMETERS}

    def gradient() -> list[Any]:
        found, slopes = gradients(formula.bind(values))
        return [found["result"], *slopes["result"].values()]

    return lambda: formula.eval(values), gradient


def mixture_with_numpy(data: dict[str, Any]) -> Tasks:
    space = SimpleNamespace(
        reshape=np.reshape, diag=np.diag, exp=np.exp, stack=np.stack, sum=np.sum, logsumexp=scipy.special.logsumexp,
    )  # fmt: skip
    return lambda: mixture(space, **data), None


def mixture_with_jax(data: dict[str, Any]) -> Tasks:
    import jax
    import jax.numpy as jnp

    space = SimpleNamespace(
        reshape=jnp.reshape, diag=jnp.diag, exp=jnp.exp, stack=jnp.stack, sum=jnp.sum,
        logsumexp=jax.scipy.special.logsumexp,
    )  # fmt: skip
    fixed = {name: jnp.asarray(data[name]) for name in ("x", "spread")}
    given = [jnp.asarray(data[name]) for name in PARAMETERS]

    def result(*parameters: Any) -> Any:
        return mixture(space, *parameters, **fixed)

    value, both = jax.jit(result), jax.jit(jax.value_and_grad(result, argnums=(0, 1, 2, 3)))

    def gradient() -> list[Any]:
        found, slopes = both(*given)
        return [float(found), *map(np.asarray, slopes)]

    return lambda: float(value(*given)), gradient


def mixture_with_torch(data: dict[str, Any]) -> Tasks:
    import torch

    space = SimpleNamespace(
        reshape=torch.reshape, diag=torch.diag, exp=torch.exp, stack=torch.stack, sum=torch.sum,
        logsumexp=torch.logsumexp,
    )  # fmt: skip
    fixed = {name: torch.from_numpy(data[name]) for name in ("x", "spread")}
    given = [torch.from_numpy(data[name]) for name in PARAMETERS]
    tracked = [torch.from_numpy(data[name]).requires_grad_() for name in PARAMETERS]

    def value() -> float:
        with torch.no_grad():
            return float(mixture(space, *given, **fixed))

    def gradient() -> list[Any]:
        found = mixture(space, *tracked, **fixed)
        return [float(found.detach()), *(slope.numpy() for slope in torch.autograd.grad(found, tracked))]

    return value, gradient


def mixture_with_casadi(data: dict[str, Any]) -> Tasks:
    import casadi

    given = {name: casadi.MX.sym(name, *data[name].shape) for name in PARAMETERS}
    alpha, mu, q, low = given.values()
    x, spread = casadi.DM(data["x"]), casadi.sparsify(casadi.DM(data["spread"]))
    points, dimensions = x.shape
    terms = []
    for component in range(mu.shape[0]):
        row_major = casadi.reshape(spread @ low[component, :].T, dimensions, dimensions)  # columns first: transposed
        factor = row_major.T + casadi.diag(casadi.exp(q[component, :]))
        apart = (x - casadi.repmat(mu[component, :], points, 1)) @ factor.T
        terms.append(alpha[component] + casadi.sum2(q[component, :]) - 0.5 * casadi.sum2(apart * apart))
    table = casadi.horzcat(*terms)
    top = casadi.mmax(table)
    each = top + casadi.log(casadi.sum2(casadi.exp(table - top)))
    prior = 0.5 * GAMMA**2 * (casadi.sumsqr(casadi.exp(q)) + casadi.sumsqr(low))
    result = casadi.sum1(each) - points * casadi.logsumexp(alpha) + prior
    slopes = [casadi.gradient(result, each) for each in given.values()]
    value = casadi.Function("value", list(given.values()), [result])
    both = casadi.Function("both", list(given.values()), [result, *slopes])
    values = [casadi.DM(data[name]) for name in PARAMETERS]

    def gradient() -> list[Any]:
        found, *slopes = both(*values)
        return [float(found), *(np.array(slope).reshape(data[name].shape)
                                for name, slope in zip(PARAMETERS, slopes, strict=True))]  # fmt: skip

    return lambda: float(value(*values)), gradient


# ---- bundle adjustment --------------------------------------------------------------------------------------------

COLUMNS = ("r0", "r1", "r2", "c0", "c1", "c2", "focal", "u0", "v0", "k1", "k2", "x0", "x1", "x2", "weight")
"""Of a row: rotation, centre, focal length, principal point and distortion of the camera; the point; the weight."""


def bundle_data(observations: int) -> dict[str, Any]:
    """A column for each variable, and where the points were seen."""
    random = np.random.default_rng(6)
    near = {"x2": 5.0, "focal": 2.0, "weight": 1.0, "k1": 0.0, "k2": 0.0}
    return {name: near.get(name, 0.3) + random.normal(size=observations) / 10 for name in (*COLUMNS, "su", "sv")}


def reprojection(m: Any, v: dict[str, Any]) -> tuple[Any, Any]:
    """The weighted errors of a seen point: Rodrigues' rotation, projection, radial distortion."""
    rotation = [v["r0"], v["r1"], v["r2"]]
    angle = m.sqrt(rotation[0] * rotation[0] + rotation[1] * rotation[1] + rotation[2] * rotation[2])
    a, b, c = (part / angle for part in rotation)
    x, y, z = (v[point] - v[centre] for point, centre in (("x0", "c0"), ("x1", "c1"), ("x2", "c2")))
    cosine, sine = m.cos(angle), m.sin(angle)
    along = (a * x + b * y + c * z) * (1 - cosine)
    turned_x = x * cosine + (b * z - c * y) * sine + a * along
    turned_y = y * cosine + (c * x - a * z) * sine + b * along
    turned_z = z * cosine + (a * y - b * x) * sine + c * along
    u, w = turned_x / turned_z, turned_y / turned_z
    square = u * u + w * w
    distortion = 1 + v["k1"] * square + v["k2"] * square * square
    return (
        v["weight"] * (v["focal"] * u * distortion + v["u0"] - v["su"]),
        v["weight"] * (v["focal"] * w * distortion + v["v0"] - v["sv"]),
    )


def bundle_with_cg(data: dict[str, Any]) -> Tasks:
    refs = dict(zip(data, cg.inputs(" ".join(data)), strict=True))
    errors = reprojection(SimpleNamespace(sqrt=cg.sqrt, cos=cg.cos, sin=cg.sin), refs)
    formula = cg.formula(dict(zip(("error_u", "error_v"), errors, strict=True)))

    def jacobian() -> list[Any]:
        found = formula.grad_rows(data, wrt=list(COLUMNS), engine="native")
        return [column for slopes in found.values() for column in slopes.values()]

    return lambda: list(formula.eval_rows(data, engine="native").values()), jacobian


def bundle_with_numpy(data: dict[str, Any]) -> Tasks:
    return lambda: list(reprojection(np, data)), None


def bundle_with_jax(data: dict[str, Any]) -> Tasks:
    import jax
    import jax.numpy as jnp

    given = [jnp.asarray(column) for column in data.values()]

    def errors(*row: Any) -> Any:
        return reprojection(jnp, dict(zip(data, row, strict=True)))

    value = jax.jit(errors)
    slopes = jax.jit(jax.vmap(jax.jacrev(errors, argnums=tuple(range(len(COLUMNS))))))

    def jacobian() -> list[Any]:
        return [column.block_until_ready() for part in slopes(*given) for column in part]

    return lambda: [column.block_until_ready() for column in value(*given)], jacobian


def bundle_with_torch(data: dict[str, Any]) -> Tasks:
    import torch

    space = SimpleNamespace(sqrt=torch.sqrt, cos=torch.cos, sin=torch.sin)
    given = {name: torch.from_numpy(column) for name, column in data.items()}
    tracked = {**given, **{name: given[name].clone().requires_grad_() for name in COLUMNS}}
    variables = [tracked[name] for name in COLUMNS]

    def value() -> list[Any]:
        with torch.no_grad():
            return [error.numpy() for error in reprojection(space, given)]

    def jacobian() -> list[Any]:
        found: list[Any] = []
        for error in reprojection(space, tracked):
            slopes = torch.autograd.grad(error.sum(), variables, retain_graph=True, materialize_grads=True,
                                         allow_unused=True)  # fmt: skip
            found.extend(slope.numpy() for slope in slopes)
        return found

    return value, jacobian


def bundle_with_casadi(data: dict[str, Any]) -> Tasks:
    import casadi

    inputs = casadi.SX.sym("row", len(data))
    row = dict(zip(data, casadi.vertsplit(inputs), strict=True))
    errors = casadi.vertcat(*reprojection(casadi, row))
    slopes = casadi.densify(casadi.jacobian(errors, inputs)[:, : len(COLUMNS)])
    table = casadi.DM(np.stack(list(data.values())))
    rows = table.shape[1]
    value = casadi.Function("value", [inputs], [errors]).map(rows)
    flat = casadi.Function("slopes", [inputs], [casadi.reshape(slopes.T, -1, 1)]).map(rows)
    return lambda: list(np.array(value(table))), lambda: list(np.array(flat(table)))


# ---- both ---------------------------------------------------------------------------------------------------------

MIXTURE_WITH: dict[str, Callable[[dict[str, Any]], Tasks]] = {
    "cg": mixture_with_cg, "NumPy": mixture_with_numpy, "JAX": mixture_with_jax, "PyTorch": mixture_with_torch,
    "CasADi": mixture_with_casadi,
}  # fmt: skip
BUNDLE_WITH: dict[str, Callable[[dict[str, Any]], Tasks]] = {
    "cg": bundle_with_cg, "NumPy": bundle_with_numpy, "JAX": bundle_with_jax, "PyTorch": bundle_with_torch,
    "CasADi": bundle_with_casadi,
}  # fmt: skip
MOST_FOR_CASADI = 10 * 25 * 1000
"""Dimensions times components times points; its matrix products are not blocked."""


def measure(
    makers: dict[str, Callable[[dict[str, Any]], Tasks]], data: dict[str, Any], rounds: int, tolerance: float = 1e-7
) -> dict[str, Any]:
    """Milliseconds by task and library, whose answers agree that well."""
    made = {name: make(data) for name, make in makers.items()}
    runs = {
        "objective": {name: tasks[0] for name, tasks in made.items()},
        "derivatives": {name: tasks[1] for name, tasks in made.items() if tasks[1] is not None},
    }
    found: dict[str, Any] = {}
    for task, each in runs.items():
        require_agreement({name: [flat(run())] for name, run in each.items()}, tolerance)
        found[task] = {name: 1e3 * time for name, time in interleaved(each, rounds, longest=6.0).items()}
    return found


def flat(answer: Any) -> Any:
    """All numbers of an answer in a row."""
    parts = answer if isinstance(answer, list) else [answer]
    return np.concatenate([np.ravel(part) for part in parts])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--mixtures", nargs="*", default=list(MIXTURES), metavar="D,K,N")
    parser.add_argument("--observations", type=int, nargs="*", default=list(OBSERVATIONS))
    parser.add_argument("--lstm", nargs="*", default=list(LSTMS), metavar="LAYERS,STEPS")
    parser.add_argument("--hands", type=int, nargs="*", default=list(HANDS), metavar="POINTS")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    versions = installed(PEERS)
    results: dict[str, Any] = {}
    for size in options.mixtures:
        dimensions, components, points = map(int, size.split(","))
        makers = {name: make for name, make in MIXTURE_WITH.items() if name in versions}
        if dimensions * components * points > MOST_FOR_CASADI:
            makers.pop("CasADi", None)
        name = f"mixture, D={dimensions}, K={components}, N={points}"
        results[name] = measure(makers, mixture_data(dimensions, components, points), options.rounds)
    for rows in options.observations:
        makers = {name: make for name, make in BUNDLE_WITH.items() if name in versions}
        results[f"bundle adjustment, {rows} observations"] = measure(makers, bundle_data(rows), options.rounds)
    for size in options.lstm:
        layers, steps = map(int, size.split(","))
        makers = {name: make for name, make in LSTM_WITH.items() if name in versions}
        name = f"LSTM, {layers} layers, {steps} steps"
        results[name] = measure(makers, lstm_data(layers, steps), options.rounds, 1e-12)
    for points in options.hands:
        for free, what in ((False, "hand"), (True, "hand with free points")):
            makers = {name: make for name, make in HAND_WITH.items() if name in versions}
            data = hand_data(points, free=free)
            results[f"{what}, {points} points"] = measure(makers, data, options.rounds, 1e-12)
    print(f"{machine()}; float64; milliseconds (times that of cg)\n\n{table(results, versions)}")
    written(options.json, {"machine": machine(), "versions": versions, "ms": results})


def table(results: dict[str, Any], versions: dict[str, str]) -> str:
    """A line for each problem and task."""
    lines = []
    for problem, tasks in results.items():
        for task, times in tasks.items():
            cells = [
                f"{times[name]:.2f} ({times[name] / times['cg']:.1f}×)" if name in times else "–" for name in versions
            ]
            lines.append([f"{problem}: {task}", *cells])
    return markdown(["problem", *(f"{name} {version}" for name, version in versions.items())], lines)


if __name__ == "__main__":
    main()
