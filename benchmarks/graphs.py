"""Large graphs of scalar nodes: build, read, differentiate, value, gradient; cg beside its peers.

    python benchmarks/graphs.py [--sizes 1000 10000 100000 1000000] [--largest] [--shapes …] [--rounds 5] [--json FILE]

Every library builds its own graph from the same recipe (`recipes.py`), one call a node, and must agree with cg on the
value and on all derivatives before anything is timed. What can be done once a graph (build, read, differentiate,
prepare) is timed once; value and gradient are medians over points, and the libraries take turns. Each library goes as
far as its `most` says. Figures are nanoseconds a node; bytes are those by which a fresh process grows.
"""

from __future__ import annotations

import argparse
import ast
import ctypes
import gc
import json
import math
import operator
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from itertools import cycle
from typing import Any

import numpy as np
from harness import installed, interleaved, machine, markdown, once, require_agreement, written
from recipes import SHAPES, Recipe

import cgcli as cg
from cgcli.engines import engine
from cgcli.formulas.derivatives import gradients
from cgcli.graph.store import Graph
from cgcli.ops import arithmetic, hyperbolic, trigonometric
from cgcli.passes.differentiate import differentiate

os.environ.setdefault("JAX_ENABLE_X64", "1")
SIZES = (1_000, 10_000, 100_000, 1_000_000)
LARGEST = 10_000_000
TOLERANCE = 1e-7
"""Relative; long chains of sums are rounded differently."""
ROWS = (arithmetic.add, arithmetic.sub, arithmetic.mul, trigonometric.sin, hyperbolic.tanh)
TASKS = ("build", "build in bulk", "read", "differentiate", "prepare", "value", "value, engine alone", "gradient",
         "gradient, engine alone")  # fmt: skip
READ_BY_PYTHON = 100_000
"""Nodes up to which Python's own parser reads the text: its tree takes a kilobyte a node."""
NARROW = 4
"""Nodes of equal depth and operation, on average, below which `apply_many` is no way to build a graph."""
Values = dict[str, float]


class WithCg:
    """cg: the graph is built by `apply`, one call a node."""

    most = LARGEST

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.graph = Graph()
        leaf = [self.graph.input(name) for name in recipe.names]
        leaf += [self.graph.constant(value, own=True) for value in recipe.constants]
        apply = self.graph.apply
        unary = [lambda a, row=row: apply(row, [a]) for row in ROWS[3:]]
        binary = [lambda a, b, row=row: apply(row, [a, b]) for row in ROWS[:3]]
        self.node = recipe.run(leaf, [*binary, *unary])
        self.formula = cg.formula(self.graph.ref(self.node))
        self.slopes: list[int] = []

    def differentiate(self) -> None:
        variables = tuple(self.graph.inputs().values())
        found = differentiate(self.graph, [self.node], variables)
        self.slopes = [found.wrt(node) for node in variables]

    def named(self, point: Sequence[float]) -> Values:
        """The way in which the interface takes a point."""
        return dict(zip(self.recipe.names, point, strict=True))

    def value(self, point: Values) -> float:
        return self.formula.eval(point)

    def gradient(self, point: Values) -> list[float]:
        values, slopes = gradients(self.formula.bind(point))
        return [values["result"], *slopes["result"].values()]

    def alone(self, wanted: Sequence[int], point: Values) -> Any:
        """The engine, without choosing it and without looking at the values."""
        return engine("native").evaluate(self.graph, point, wanted)


class WithCasadi:
    """CasADi's scalar graphs (SX); `SX.binary` avoids the search for an overload, which takes five times as long."""

    most = LARGEST

    def __init__(self, recipe: Recipe) -> None:
        import casadi

        self.inputs = casadi.SX.sym("x", len(recipe.inputs))
        binary, unary = casadi.SX.binary, casadi.SX.unary
        two = (casadi.OP_ADD, casadi.OP_SUB, casadi.OP_MUL)
        operations = [lambda a, b, code=code: binary(code, a, b) for code in two]
        operations += [lambda a, code=code: unary(code, a) for code in (casadi.OP_SIN, casadi.OP_TANH)]
        leaf = [*casadi.vertsplit(self.inputs), *map(casadi.SX, recipe.constants)]
        self.result = recipe.run(leaf, operations)

    def differentiate(self) -> None:
        import casadi

        self.slopes = casadi.gradient(self.result, self.inputs)

    def prepare(self) -> None:
        import casadi

        self.value_of = casadi.Function("value", [self.inputs], [self.result])
        self.both_of = casadi.Function("both", [self.inputs], [self.result, self.slopes])

    def named(self, point: Sequence[float]) -> Any:
        return np.asarray(point)

    def value(self, point: Any) -> float:
        return float(self.value_of(point))

    def gradient(self, point: Any) -> list[float]:
        value, slopes = self.both_of(point)
        return [float(value), *np.array(slopes).ravel().tolist()]


class WithTorch:
    """PyTorch, eager: every evaluation builds the graph."""

    most = 100_000

    def __init__(self, recipe: Recipe) -> None:
        import torch

        self.recipe = recipe
        self.operations = [operator.add, operator.sub, operator.mul, torch.sin, torch.tanh]

    def named(self, point: Sequence[float]) -> Any:
        import torch

        return torch.tensor(point, dtype=torch.float64)

    def _run(self, point: Any) -> Any:
        return self.recipe.run([*point.unbind(), *self.recipe.constants], self.operations)

    def value(self, point: Any) -> float:
        import torch

        with torch.no_grad():
            return float(self._run(point))

    def gradient(self, point: Any) -> list[float]:
        import torch

        tracked = point.clone().requires_grad_()
        result = self._run(tracked)
        (slopes,) = torch.autograd.grad(result, [tracked])
        return [float(result.detach()), *slopes.tolist()]


class WithJax:
    """JAX: traced node by node and compiled by XLA, in a process of its own, which is given up after some seconds."""

    most = 10_000

    def __init__(self, recipe: Recipe) -> None:
        import jax
        import jax.numpy as jnp

        operations = [operator.add, operator.sub, operator.mul, jnp.sin, jnp.tanh]
        count = len(recipe.inputs)

        def result(point: Any) -> Any:
            return recipe.run([*(point[place] for place in range(count)), *recipe.constants], operations)

        self.value_of, self.both_of = jax.jit(result), jax.jit(jax.value_and_grad(result))
        self.point = jnp.asarray(recipe.inputs)

    def prepare(self) -> None:
        self.value_of(self.point)
        self.both_of(self.point)

    def named(self, point: Sequence[float]) -> Any:
        import jax.numpy as jnp

        return jnp.asarray(point)

    def value(self, point: Any) -> float:
        return float(self.value_of(point))

    def gradient(self, point: Any) -> list[float]:
        value, slopes = self.both_of(point)
        return [float(value), *np.asarray(slopes).tolist()]


class WithMicrograd:
    """micrograd, given the sine that it lacks; its walk recurses on the depth."""

    most = 10_000

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        sys.setrecursionlimit(max(sys.getrecursionlimit(), 4 * self.most))

    def named(self, point: Sequence[float]) -> Any:
        return list(point)

    def _run(self, point: Sequence[float]) -> tuple[Any, list[Any]]:
        from micrograd.engine import Value

        def lifted(function: Callable[[float], float], slope: Callable[[float, float], float]) -> Callable[[Any], Any]:
            def apply(operand: Any) -> Any:
                out = Value(function(operand.data), (operand,), function.__name__)

                def backward() -> None:
                    operand.grad += slope(operand.data, out.data) * out.grad

                out._backward = backward
                return out

            return apply

        sin = lifted(math.sin, lambda x, _: math.cos(x))
        tanh = lifted(math.tanh, lambda _, y: 1 - y * y)
        leaf = list(map(Value, point))
        constants = list(map(Value, self.recipe.constants))
        return self.recipe.run([*leaf, *constants], [operator.add, operator.sub, operator.mul, sin, tanh]), leaf

    def value(self, point: Sequence[float]) -> float:
        return self._run(point)[0].data

    def gradient(self, point: Sequence[float]) -> list[float]:
        result, leaf = self._run(point)
        result.backward()
        return [result.data, *(value.grad for value in leaf)]


PEERS: dict[str, Any] = {
    "cg": WithCg, "CasADi": WithCasadi, "PyTorch": WithTorch, "JAX": WithJax, "micrograd": WithMicrograd,
}  # fmt: skip
ALONE = "cg, engine alone"
APART = ("JAX",)
"""Peers whose time to prepare may be endless: XLA takes minutes over some graphs of 300 nodes."""


def measure(recipe: Recipe, rounds: int) -> dict[str, dict[str, float]]:
    """Seconds by task and library."""
    found: dict[str, dict[str, float]] = {task: {} for task in TASKS}
    made: dict[str, Any] = {}
    for name in installed([name for name in PEERS if name not in APART]):
        if len(recipe) > 1.2 * PEERS[name].most:
            continue
        found["build"][name], made[name] = once(lambda name=name: PEERS[name](recipe))
        for task in ("differentiate", "prepare"):
            if hasattr(made[name], task):
                found[task][name], _ = once(getattr(made[name], task))
    wanted = {"value": [made["cg"].node], "gradient": [made["cg"].node, *made["cg"].slopes]}
    for task, nodes in wanted.items():
        began, times = repeated(made, task, nodes, recipe, rounds)
        found["prepare"]["cg"] = found["prepare"].get("cg", 0.0) + began
        found[f"{task}, engine alone"]["cg"] = times.pop(ALONE)
        found[task] = times
    # PyTorch and micrograd build with every evaluation
    found["build"] = {name: time for name, time in found["build"].items() if name in ("cg", "CasADi")}
    return found


def repeated(
    made: dict[str, Any], task: str, wanted: Sequence[int], recipe: Recipe, rounds: int
) -> tuple[float, dict[str, float]]:
    """Seconds of cg's first evaluation, which prepares the others, and then of each library at changing points."""
    points = [recipe.inputs, recipe.inputs * (1 + 1e-9)]
    given = {name: cycle([each.named(point.tolist()) for point in points]) for name, each in made.items()}
    runs: dict[str, Callable[[], Any]] = {}
    for name, each in made.items():
        runs[name] = lambda each=each, point=given[name]: getattr(each, task)(next(point))
        if name == "cg":
            runs[ALONE] = lambda point=given[name]: made["cg"].alone(wanted, next(point))
    began, answer = once(runs["cg"])
    answers = {"cg": answer, **{name: run() for name, run in runs.items() if name not in ("cg", ALONE)}}
    require_agreement(answers, TOLERANCE)
    return began, interleaved(runs, rounds, longest=6.0)


def one_peer(name: str, recipe: Recipe, rounds: int) -> dict[str, Any]:
    """Seconds of a peer by task, and its answers at the first point."""
    made = PEERS[name](recipe)
    seconds = {"prepare": once(made.prepare)[0]}
    point = made.named(recipe.inputs.tolist())
    answers = {"value": made.value(point), "gradient": made.gradient(point)}
    seconds.update(interleaved({"value": lambda: made.value(point), "gradient": lambda: made.gradient(point)}, rounds))
    return {"seconds": seconds, "answers": answers}


def measure_apart(
    name: str, shape: str, size: int, patience: float, found: dict[str, dict[str, float]]
) -> dict[str, float] | None:
    """Add the seconds of a peer that runs in a process of its own; None where it takes longer than that."""
    try:
        answer = child("--alone", name, shape, size, patience)
    except subprocess.TimeoutExpired:
        return None
    recipe = SHAPES[shape](size)
    ours = WithCg(recipe)
    ours.differentiate()
    point = ours.named(recipe.inputs.tolist())
    require_agreement({"cg": ours.value(point), name: answer["answers"]["value"]}, TOLERANCE)
    require_agreement({"cg": ours.gradient(point), name: answer["answers"]["gradient"]}, TOLERANCE)
    for task, time in answer["seconds"].items():
        found[task][name] = time
    return answer["seconds"]


def child(flag: str, name: str, shape: str, size: int, patience: float | None = None) -> Any:
    """What this program prints when it is run on one library and one graph only."""
    words = [sys.executable, __file__, flag, name, "--shapes", shape, "--sizes", str(size)]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=patience)
    return json.loads(done.stdout)


def build_in_bulk(recipe: Recipe) -> Callable[[], Any] | None:
    """A function that builds the graph by `apply_many`, by depth and operation; None where it is too narrow for it."""
    ordered, blocks = recipe.levels()
    if len(ordered) < NARROW * len(blocks):
        return None

    def build() -> Any:
        graph = Graph()
        node = np.empty(ordered.leaves + len(ordered), dtype=np.int64)
        leaf = [graph.input(name) for name in ordered.names]
        leaf += [graph.constant(value, own=True) for value in ordered.constants]
        node[: ordered.leaves] = leaf
        for kind, begin, end in blocks:
            operands = [node[ordered.first[begin:end]], node[ordered.second[begin:end]]][: ROWS[kind].arity]
            node[ordered.leaves + begin : ordered.leaves + end] = graph.apply_many(ROWS[kind], operands)
        return graph

    return build


def read(recipe: Recipe, shape: str) -> dict[str, dict[str, float]]:
    """Seconds to read the same graph from text: as statements, and a tree as one expression, too."""
    text = recipe.text()
    found = {"read": {"cg": once(lambda: cg.parse(text))[0]}}
    python = len(recipe) <= 1.2 * READ_BY_PYTHON
    if python:
        found["read"]["ast.parse"] = once(lambda: ast.parse(text))[0]
    if shape == "balanced tree":
        whole = recipe.expression()
        one = found["read, one expression"] = {"cg": once(lambda: cg.parse(whole))[0]}
        if python:
            one["ast.parse"] = once(lambda: ast.parse(whole))[0]
        if python and installed(["SymEngine"]):
            import symengine

            one["SymEngine"] = once(lambda: symengine.sympify(whole))[0]
    return found


def resident() -> int:
    """Bytes of memory that this process holds, after giving back what was freed."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def growth_of(name: str, shape: str, size: int) -> dict[str, float]:
    """Bytes a node by which this (fresh) process grows when a library builds a graph, and what cg counts itself."""
    PEERS[name](SHAPES[shape](100))
    recipe = SHAPES[shape](size)
    before = resident()
    made = PEERS[name](recipe)
    found = {"grown": (resident() - before) / len(recipe)}
    if name == "cg":
        found["columns"] = made.graph.nbytes() / len(made.graph)
        found["kept"] = (len(made.graph) - recipe.leaves) / len(recipe)
    return found


def bytes_of(shapes: Sequence[str], size: int) -> dict[str, dict[str, Any]]:
    """Bytes a node by shape and library, each from a process of its own."""
    found: dict[str, dict[str, Any]] = {}
    for shape in shapes:
        for name in installed(["cg", "CasADi"]):
            found.setdefault(shape, {})[name] = child("--grown", name, shape, size)
    return found


def warm_up() -> None:
    """Have the loops of cg compiled (they are kept on disk between runs) and the libraries loaded."""
    recipe = SHAPES["random local"](60_000)
    made = WithCg(recipe)
    made.differentiate()
    made.gradient(made.named(recipe.inputs.tolist()))
    SHAPES["balanced tree"](1_000).levels()
    small = SHAPES["random local"](50)
    for name in installed([name for name in PEERS if name not in APART]):
        peer = PEERS[name](small)
        peer.named(small.inputs.tolist())


def tables(results: dict[str, Any], seen: dict[str, Any]) -> str:
    """Tables of nanoseconds a node, one a size, and of bytes."""
    parts = []
    for size, shapes in results.items():
        lines = []
        for shape, tasks in shapes.items():
            for task, times in tasks.items():
                if "cg" in times:
                    ours = times["cg"]
                    peers = [f"{name} {time:.1f} ({time / ours:.1f}×)" for name, time in times.items() if name != "cg"]
                    lines.append([f"{shape}: {task}", f"{ours:.1f}", ", ".join(peers) or "–"])
        table = markdown(["nanoseconds a node", "cg", "peers (times that of cg)"], lines)
        parts.append(f"### {int(size):,} nodes\n\n{table}")
    lines = [
        [shape, *(f"{each[name]['grown']:.0f}" if name in each else "–" for name in ("cg", "CasADi")),
         f"{each['cg']['columns']:.1f}", f"{each['cg']['kept']:.2f}"]
        for shape, each in seen.items()
    ]  # fmt: skip
    if lines:
        parts.append(markdown(["bytes a node", "cg", "CasADi", "cg, columns alone", "nodes that cg keeps"], lines))
    return "\n\n".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--largest", action="store_true", help=f"also {LARGEST:,} nodes")
    parser.add_argument("--shapes", nargs="+", choices=list(SHAPES), default=list(SHAPES))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--patience", type=float, default=12.0, help="seconds after which JAX is given up")
    parser.add_argument("--grown", choices=list(PEERS), help=argparse.SUPPRESS)
    parser.add_argument("--alone", choices=list(PEERS), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.grown:
        print(json.dumps(growth_of(options.grown, options.shapes[0], options.sizes[0])))
        return
    if options.alone:
        print(json.dumps(one_peer(options.alone, SHAPES[options.shapes[0]](options.sizes[0]), options.rounds)))
        return
    warm_up()
    sizes = [*options.sizes, LARGEST] if options.largest else options.sizes
    results: dict[str, Any] = {}
    apart = {(name, shape) for name in installed(APART) for shape in options.shapes}
    for size in sizes:
        for shape in options.shapes:
            recipe = SHAPES[shape](size)
            seconds = measure(recipe, options.rounds)
            bulk = build_in_bulk(recipe)
            if bulk:
                seconds["build in bulk"]["cg"] = once(bulk)[0]
            seconds.update(read(recipe, shape))
            for name in [name for name, each in apart if each == shape]:
                if size <= PEERS[name].most:
                    taken = measure_apart(name, shape, size, options.patience, seconds)
                    if taken is None or 10 * taken["prepare"] > options.patience:
                        apart.remove((name, shape))  # the next size would be in vain
            scale = 1e9 / len(recipe)
            results.setdefault(str(size), {})[shape] = {
                task: {name: scale * time for name, time in times.items()} for task, times in seconds.items()
            }
    seen = bytes_of(options.shapes, min(max(options.sizes), 100_000))
    versions = installed(["cg", "CasADi", "PyTorch", "JAX", "micrograd", "SymEngine"])
    print(f"{machine()}; float64; nanoseconds a node\n\n{tables(results, seen)}")
    written(options.json, {"machine": machine(), "versions": versions, "ns": results, "bytes": seen})


if __name__ == "__main__":
    main()
