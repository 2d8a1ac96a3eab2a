"""Graphs of Dask: reading and evaluating them beside Dask's own schedulers.

    python benchmarks/dask_graphs.py [--squares 8000] [--largest 100000] [--tasks 200000] [--rounds 3]

The sum of a list of squares, built by `dask.delayed` of three small functions, beside `.compute()` (threads) and beside
the synchronous scheduler; the time a task at growing sizes; and graphs of Task objects beside `dask.get`: a chain, and
random ones. Both must give the same answer. Reading is counted: everything from the collection to its value.
"""

from __future__ import annotations

import argparse
import operator
import random
from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any

import dask
from dask import delayed
from dask._task_spec import DataNode, Task, TaskRef

import cgcli as cg


def inc(x):
    return x + 1


def square(x):
    return x * x


def sum_list(numbers):
    return sum(numbers)


def squares(count: int) -> Any:
    return delayed(sum_list)([delayed(square)(delayed(inc)(i)) for i in range(count)])


def chain(count: int) -> dict[Any, Any]:
    graph: dict[Any, Any] = {("x", 0): DataNode(("x", 0), 1.0)}
    for i in range(1, count):
        graph["x", i] = Task(("x", i), operator.add, TaskRef(("x", i - 1)), 1.0)
    return graph


def scattered(count: int) -> dict[Any, Any]:
    """Each task uses two of the last thousand, and the graph is written down in any order."""
    draw = random.Random(1)
    graph: dict[Any, Any] = {("x", 0): DataNode(("x", 0), 1.0)}
    for i in range(1, count):
        first, second = (TaskRef(("x", draw.randrange(max(0, i - 1000), i))) for _ in range(2))
        graph["x", i] = Task(("x", i), draw.choice([max, min, operator.sub]), first, second)
    items = list(graph.items())
    draw.shuffle(items)
    return dict(items)


def timed(rounds: int, **ways: Callable[[], Any]) -> dict[str, float]:
    """Medians of some ways that take turns, once they agree."""
    answers = {name: way() for name, way in ways.items()}
    assert len(set(answers.values())) == 1, answers
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            start = perf_counter()
            way()
            taken[name].append(perf_counter() - start)
    return {name: median(times) for name, times in taken.items()}


def report(what: str, count: int, found: dict[str, float]) -> None:
    for peer in [name for name in found if name != "cg"]:
        ratio = found[peer] / found["cg"]
        print(
            f"{what}, {count:,} tasks: cg {found['cg'] * 1e3:.1f} ms, {peer} {found[peer] * 1e3:.0f} ms: {ratio:.1f} ×"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--squares", type=int, default=8_000)
    parser.add_argument("--largest", type=int, default=100_000)
    parser.add_argument("--tasks", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print(f"dask {dask.__version__}, cg {cg.__version__}")
    total = squares(options.squares)
    report("sum of squares", 2 * options.squares + 1, timed(
        options.rounds, cg=lambda: cg.from_dask(total).eval(), compute=total.compute,
        synchronous=lambda: total.compute(scheduler="sync"),
    ))  # fmt: skip
    for count in (1_000, 10_000, options.largest):
        grown = squares(count)
        taken = timed(options.rounds, cg=lambda grown=grown: cg.from_dask(grown).eval())["cg"]
        print(f"sum of {count:,} squares: {taken / (2 * count + 1) * 1e6:.2f} µs a task")
    for name, graph in (("chain", chain(options.tasks)), ("scattered", scattered(options.tasks))):
        last = ("x", options.tasks - 1)
        report(name, options.tasks, timed(
            options.rounds, cg=lambda graph=graph, last=last: cg.from_dask(graph, last).eval(),
            get=lambda graph=graph, last=last: dask.get(graph, last),
        ))  # fmt: skip


if __name__ == "__main__":
    main()
