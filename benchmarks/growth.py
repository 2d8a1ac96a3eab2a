"""How the time of cg grows with rows and with nodes, over four decades, and the exponent of that growth.

    python benchmarks/growth.py [--rows 1000 … 10000000] [--nodes 1000 … 10000000] [--rounds 5] [--json FILE]

The exponent is the slope of a straight line through log(time) over log(size), by least squares, in the upper three
decades: below, what is the same at every size hides it. 1 is growth in proportion.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from graphs import WithCg, warm_up
from harness import installed, interleaved, machine, markdown, once, written
from recipes import SHAPES
from rows import FORMULAS, graph_of

import cgcli as cg

ROWS = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
NODES = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
DECADES = 3
AIM = 1.05
FORMULA = "exp(sin(x*x))*y"
SHAPE = "random local"


def exponent(sizes: Sequence[int], seconds: Sequence[float], decades: float = DECADES) -> float:
    """The slope of log(time) over log(size) in the upper decades."""
    size, time = np.array(sizes, dtype=float), np.array(seconds)
    upper = size >= size.max() / 10**decades
    if upper.sum() < 2:
        return float("nan")
    return float(np.polyfit(np.log(size[upper]), np.log(time[upper]), 1)[0])


def over_rows(sizes: Sequence[int], rounds: int) -> dict[str, list[float]]:
    """Seconds by task: one formula on tables of these lengths."""
    function, domain = FORMULAS[FORMULA]
    names, formula = graph_of(function, len(domain))
    random = np.random.default_rng(1)
    found: dict[str, list[float]] = {"value of rows": [], "gradient of rows": []}
    for size in sizes:
        columns = {name: random.uniform(*each, size) for name, each in zip(names, domain, strict=True)}
        tasks: list[Callable[..., Any]] = [formula.eval_rows, formula.grad_rows]
        runs = {
            task: lambda call=call, columns=columns: call(columns, engine="native")
            for task, call in zip(found, tasks, strict=True)
        }
        for run in runs.values():
            run()
        for task, time in interleaved(runs, rounds, longest=5.0).items():
            found[task].append(time)
    return found


def over_nodes(sizes: Sequence[int], rounds: int) -> dict[str, list[float]]:
    """Seconds by task: one shape of graph at these sizes. What is done once a graph is timed once."""
    found: dict[str, list[float]] = {}

    def note(task: str, seconds: float) -> None:
        found.setdefault(task, []).append(seconds)

    for size in sizes:
        recipe = SHAPES[SHAPE](size)
        text = recipe.text()
        note("read a text", min(once(lambda text=text: cg.parse(text))[0] for _ in range(2)))
        seconds, made = once(lambda recipe=recipe: WithCg(recipe))
        note("build, one call a node", seconds)
        note("differentiate", once(made.differentiate)[0])
        point = made.named(recipe.inputs.tolist())
        for task, wanted in (("value of nodes", [made.node]), ("gradient of nodes", [made.node, *made.slopes])):
            run = {task: lambda made=made, wanted=wanted, point=point: made.alone(wanted, point)}
            note(f"prepare {task}", once(run[task])[0])
            note(task, interleaved(run, max(rounds, 5), longest=5.0)[task])
    return found


def table(results: dict[str, Any]) -> str:
    """A line a task: seconds by size, and the exponent."""
    parts = []
    for what, each in results.items():
        lines = [
            [task, *(f"{1e3 * time:.3g}" for time in seconds), f"{each['exponents'][task]:.2f}",
             f"{exponent(each['sizes'], seconds, 1):.2f}"]
            for task, seconds in each["seconds"].items()
        ]  # fmt: skip
        sizes = [f"{size:,}" for size in each["sizes"]]
        parts.append(markdown([f"milliseconds by {what}", *sizes, "exponent", "in the last decade"], lines))
    return "\n\n".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, nargs="+", default=list(ROWS))
    parser.add_argument("--nodes", type=int, nargs="+", default=list(NODES))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    warm_up()
    results: dict[str, Any] = {}
    for what, sizes, measure in (("rows", options.rows, over_rows), ("nodes", options.nodes, over_nodes)):
        seconds = measure(sizes, options.rounds)
        exponents = {task: exponent(sizes, times) for task, times in seconds.items()}
        results[what] = {"sizes": sizes, "seconds": seconds, "exponents": exponents}
    print(f"{machine()}; exponents over the upper {DECADES} decades; aim: at most {AIM}\n\n{table(results)}")
    written(options.json, {"machine": machine(), "versions": installed(["cg", "NumPy", "numba"]), **results})


if __name__ == "__main__":
    main()
