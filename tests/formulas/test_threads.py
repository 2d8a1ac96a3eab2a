"""Every method may be called from several threads at once, on a formula that nobody has used before."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import pytest

import cgcli as cg
from cgcli.graph.lint import lint

THREADS = 8
POINT = {"x": 0.3, "y": 0.4}
VECTOR = {"v": np.array([0.1, 0.2, 0.3]), "x": 0.5}
SCALARS = "+".join(f"sin(x*{place})*y" for place in range(1, 15))
ARRAYS = "a = sum(exp(v*x)*sin(v)) + sum(sqrt(v^2+x)*cos(x*v)); b = v*x; output a, b"


@pytest.fixture(autouse=True)
def frequent_switches() -> Iterator[None]:
    """Threads take turns far more often than usual."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def methods(folder: Path) -> dict[str, Callable[[cg.Formula, dict[str, Any], str], Any]]:
    """Each public method as a function of a formula, its values and an output that is a number."""

    def saved(formula: cg.Formula, values: dict[str, Any], of: str) -> Any:
        path = folder / f"{np.random.default_rng().integers(2**60)}.npz"
        formula.save(path, values)
        return cg.load(path).eval(values)

    def rows(values: dict[str, Any]) -> dict[str, Any]:
        return {name: np.array([value] * 3) for name, value in values.items()}

    return {
        "eval": lambda formula, values, of: formula.eval(values),
        "grad": lambda formula, values, of: formula.grad(values, of=of),
        "jacobian": lambda formula, values, of: formula.jacobian(values),
        "hessian": lambda formula, values, of: formula.hessian(values, of=of),
        "jvp": lambda formula, values, of: formula.jvp(values, directions=values),
        "hvp": lambda formula, values, of: formula.hvp(values, directions=values, of=of),
        "eval_rows": lambda formula, values, of: formula.eval_rows(rows(values)),
        "grad_rows": lambda formula, values, of: formula.grad_rows(rows(values), of=of),
        "derivative": lambda formula, values, of: formula.derivative("x", values, of=of).eval(values),
        "trace": lambda formula, values, of: formula.trace(values, of=of).as_dict(),
        "picture": lambda formula, values, of: picture(formula, values, of),
        "save": saved,
        "latex": lambda formula, values, of: formula.latex() if values is POINT else None,
        "str": lambda formula, values, of: str(formula),
        "repr": lambda formula, values, of: repr(formula),
        "pickle": lambda formula, values, of: pickle.loads(pickle.dumps(formula)).eval(values),
    }


def picture(formula: cg.Formula, values: dict[str, Any], of: str) -> str:
    from cgcli.formulas.drawing import picture_of
    from cgcli.render.dot import dot_text
    from cgcli.render.folding import fold

    found = picture_of(formula, values, grad=True, of=of)
    return dot_text(found, fold(found))


def fresh(kind: str) -> cg.Formula:
    """A new formula: of a text, or of a graph that was built."""
    if kind == "built":
        x, y = cg.inputs("x y")
        return cg.formula(sum((cg.sin(x * place) * y for place in range(2, 15)), cg.sin(x) * y))
    return cg.parse(SCALARS if kind == "scalars" else ARRAYS)


def bits(found: Any) -> Any:
    """A result in a form that compares equal where every bit is the same."""
    if isinstance(found, dict):
        return {name: bits(value) for name, value in found.items()}
    return found.tobytes() if isinstance(found, np.ndarray) else repr(found)


@pytest.mark.parametrize("kind", ["scalars", "built", "arrays"])
def test_all_methods_at_once_give_what_each_gives_alone(kind: str, tmp_path: Path) -> None:
    values, of = (VECTOR, "a") if kind == "arrays" else (POINT, "result")
    known = methods(tmp_path)
    expected = {name: bits(ask(fresh(kind), values, of)) for name, ask in known.items()}
    names = list(known)
    for start in range(0, 3 * len(names), 5):
        shared = fresh(kind)
        chosen = [names[(start + 3 * place) % len(names)] for place in range(THREADS)]
        barrier = Barrier(THREADS)

        def run(name: str, shared: cg.Formula = shared, barrier: Barrier = barrier) -> Any:
            barrier.wait()
            return bits(known[name](shared, values, of))

        with ThreadPoolExecutor(THREADS) as pool:
            found = list(pool.map(run, chosen))
        assert found == [expected[name] for name in chosen]


@pytest.mark.parametrize("kind", ["scalars", "built", "arrays"])
def test_the_same_bits_whatever_was_computed_before(kind: str, tmp_path: Path) -> None:
    values, of = (VECTOR, "a") if kind == "arrays" else (POINT, "result")
    known = methods(tmp_path)
    expected = {name: bits(ask(fresh(kind), values, of)) for name, ask in known.items()}
    for first in known:
        formula = fresh(kind)
        size = len(formula.graph) if kind != "arrays" else 0
        known[first](formula, values, of)
        for name in ("grad", "jacobian", "hessian", "jvp", "hvp", "grad_rows", "derivative", "trace", "picture", "str"):
            assert bits(known[name](formula, values, of)) == expected[name], (first, name)
        if size:
            assert len(formula.graph) == size
            assert not lint(formula.graph)


def test_lengths_are_told_apart_while_threads_make_their_programs() -> None:
    formula = cg.parse("sum(x^k for k in range(n)) + sum(k*m for k in range(m))")

    def run(place: int) -> list[float]:
        return [formula.eval(x=1.0, n=float(n), m=float(1 + (n + place) % 5)) for n in range(1, 40)]

    with ThreadPoolExecutor(THREADS) as pool:
        for place, found in enumerate(pool.map(run, range(THREADS))):
            lengths = [1 + (n + place) % 5 for n in range(1, 40)]
            assert found == [n + m * m * (m - 1) / 2 for n, m in zip(range(1, 40), lengths, strict=True)]
