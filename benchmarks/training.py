"""A training step of a perceptron 784-128-10 on batches of 128 rows, beside the gradient alone and beside JAX.

A step of cg is what `f.fit` takes for one: rows are gathered in a new order, loss and gradient summed, the parameters
changed in place, and asked for whether all is finite. That of JAX is a compiled function of a batch that is there
already, with optax's methods where it is installed; its gradient is that of the same batch.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from importlib.util import find_spec
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from harness import installed, interleaved, machine, markdown, require_agreement, written

import cgcli as cg

PEERS = ("cg", "JAX")
LAYERS = (784, 128, 10)
METHODS = ("sgd", "momentum", "adam", "adamw")
RATE = 1e-3
MODEL = """
input x[{0}]; input label
param W1[{1}, {0}] = glorot(); param b1[{1}] = 0
param W2[{2}, {1}] = glorot(); param b2[{2}] = 0
scores = W2 @ relu(W1 @ x + b1) + b2
loss = softmax_cross_entropy(scores, label == range({2}))
"""
WEIGHTS = ("W1", "b1", "W2", "b2")

Runs = dict[str, Callable[[], Any]]


def data(rows: int, layers: tuple[int, ...]) -> dict[str, Any]:
    """Made pictures, and labels that have nothing to do with them."""
    random = np.random.default_rng(1)
    return {"x": random.uniform(0, 1, (rows, layers[0])), "label": random.integers(0, layers[2], rows) * 1.0}


def with_cg(table: dict[str, Any], layers: tuple[int, ...], batch: int) -> tuple[Callable[[], Any], dict[str, Any]]:
    """The gradient of the mean loss of a batch, and the weights at which it is taken."""
    formula = cg.parse(MODEL.format(*layers))
    weights = formula.fit(table, loss="loss", epochs=1, batch=batch, rate=1e-300).values
    some = {name: column[:batch] for name, column in table.items()}
    return lambda: formula.grad_sum({**some, **weights}, wrt=WEIGHTS, mean=True), weights


def epochs_of_cg(table: dict[str, Any], layers: tuple[int, ...], batch: int, method: str, epochs: int) -> float:
    """Milliseconds of a step: the median over the epochs but the first, in which all is made."""
    formula = cg.parse(MODEL.format(*layers))
    ends: list[float] = []
    formula.fit(
        table, loss="loss", method=method, rate=RATE, epochs=epochs + 1, batch=batch,
        progress=lambda entry, rows: ends.append(perf_counter()),
    )  # fmt: skip
    steps = -(-len(table["label"]) // batch)
    return 1e3 * median(np.diff(ends)) / steps


def with_jax(table: dict[str, Any], weights: dict[str, Any], batch: int) -> Runs:
    """The same gradient, and a step of each method of optax."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    x, label = jnp.asarray(table["x"][:batch]), jnp.asarray(table["label"][:batch]).astype(int)
    start = [jnp.asarray(weights[name]) for name in WEIGHTS]

    def loss(parameters: Any, x: Any, label: Any) -> Any:
        w1, b1, w2, b2 = parameters
        scores = jax.nn.log_softmax(jax.nn.relu(x @ w1.T + b1) @ w2.T + b2)
        return -jnp.take_along_axis(scores, label[:, None], axis=1).mean()

    both = jax.jit(jax.value_and_grad(loss))
    runs: Runs = {"gradient": lambda: jax.block_until_ready(both(start, x, label))}
    if find_spec("optax") is None:
        return runs
    import optax

    made = {"sgd": optax.sgd(RATE), "momentum": optax.sgd(RATE, momentum=0.9), "adam": optax.adam(RATE),
            "adamw": optax.adamw(RATE, weight_decay=0.0)}  # fmt: skip
    for name, method in made.items():
        runs[name] = jax_step(jax, optax, both, method, start, x, label)
    return runs


def jax_step(jax: Any, optax: Any, both: Any, method: Any, start: Any, x: Any, label: Any) -> Callable[[], Any]:
    """One step after the other, compiled as a whole, the old parameters given away."""

    def step(parameters: Any, state: Any) -> Any:
        _, slopes = both(parameters, x, label)
        change, state = method.update(slopes, state, parameters)
        return optax.apply_updates(parameters, change), state

    compiled = jax.jit(step, donate_argnums=(0, 1))
    held = [jax.tree.map(lambda array: array.copy(), start), method.init(start)]

    def run() -> None:
        held[:] = jax.block_until_ready(compiled(*held))

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=12_800)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--layers", type=int, nargs=3, default=LAYERS)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    versions = installed(PEERS)
    layers = tuple(options.layers)
    table = data(options.rows, layers)
    gradient, weights = with_cg(table, layers, options.batch)
    runs: dict[str, Runs] = {"cg": {"gradient": gradient}}
    if "JAX" in versions:
        runs["JAX"] = with_jax(table, weights, options.batch)
        theirs = runs["JAX"]["gradient"]()[1]
        ours = gradient()[1]
        require_agreement({"cg": flat([ours[name] for name in WEIGHTS]), "JAX": flat(theirs)}, 1e-9)
    turns = {f"{library} {name}": run for library, each in runs.items() for name, run in each.items()}
    found = {name: 1e3 * seconds for name, seconds in interleaved(turns, options.rounds, longest=30.0).items()}
    found |= {f"cg {method}": epochs_of_cg(table, layers, options.batch, method, options.epochs) for method in METHODS}
    lines = [
        [what, *(cell(found, library, what) for library in versions)] for what in ("gradient", *METHODS)
    ]  # fmt: skip
    heads = [f"{name} {version}" for name, version in versions.items()]
    print(f"{machine()}; float64; milliseconds a step (times that library's gradient)\n")
    print(markdown(["perceptron " + "-".join(map(str, layers)), *heads], lines))
    written(options.json, {"machine": machine(), "versions": versions, "ms": found})


def flat(parts: Any) -> Any:
    """All numbers in a row."""
    return np.concatenate([np.ravel(part) for part in parts])


def cell(found: dict[str, float], library: str, what: str) -> str:
    """A time, and how many gradients it is."""
    time = found.get(f"{library} {what}")
    return "–" if time is None else f"{time:.3f} ({time / found[f'{library} gradient']:.2f}×)"


if __name__ == "__main__":
    main()
