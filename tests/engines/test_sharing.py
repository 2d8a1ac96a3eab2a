"""One formula, several threads and processes: nobody spoils the graph of another."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import numpy as np
import pytest

import cgcli as cg
from cgcli.graph.lint import lint

POINT = {"x": 0.3, "y": 0.4}


@pytest.fixture(autouse=True)
def frequent_switches() -> Iterator[None]:
    """Threads take turns far more often than usual."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """The results of calls that begin at the same moment, each in a thread of its own."""
    barrier = Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        barrier.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


@pytest.mark.parametrize("engine", ["python", "numpy", "native"])
def test_first_calls_at_the_same_time(engine: str) -> None:
    text = "+".join(f"sin(x*{place})*y" for place in range(120))
    alone = cg.parse(text)
    expected = alone.eval(POINT, engine=engine), alone.grad(POINT, engine=engine)
    hessian = alone.hessian(POINT, engine=engine)

    def calls(shared: cg.Formula) -> list[Callable[[], Any]]:
        return [
            lambda: shared.eval(POINT, engine=engine), lambda: shared.grad(POINT, engine=engine),
            lambda: shared.eval_rows(x=np.full(9, 0.3), y=0.4), lambda: shared.hessian(POINT, engine=engine),
        ]  # fmt: skip

    for _ in range(12):
        shared = cg.parse(text)
        value, gradient, rows, second = at_once(*calls(shared))
        assert not lint(shared.graph)
        assert (value, gradient) == expected
        assert rows == pytest.approx(np.full(9, value), rel=1e-14)
        assert second["x"]["y"] == pytest.approx(hessian["x"]["y"], rel=1e-14)


def test_values_while_the_graph_grows() -> None:
    formula = cg.parse("+".join(f"sin(x*{place})*y" for place in range(40)))
    expected = formula.eval(POINT, engine="native")

    def values() -> set[float]:
        return {formula.eval(POINT, engine="native") for _ in range(60)}

    def directions() -> None:
        for _ in range(15):
            formula.jvp(POINT, directions={"x": 1.0}, engine="native")

    found = at_once(values, values, directions, directions)
    assert found[:2] == [{expected}, {expected}]
    assert not lint(formula.graph)


def large_table() -> float:
    """A sum over a table that is large enough for several threads."""
    column = np.linspace(0, 1, 1_000_000)
    return float(cg.parse("exp(sin(x*x))*x").eval_rows(x=column, engine="native").sum())


def tell_large_table(queue: Any) -> None:
    queue.put(large_table())


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_process_has_threads_of_its_own() -> None:
    expected = large_table()
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=tell_large_table, args=(queue,), daemon=True)
    child.start()
    assert queue.get(timeout=60) == expected
    child.join()
