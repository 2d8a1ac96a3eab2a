"""Sparse derivatives beside CasADi: pattern, colouring, making all that is needed, and values again and again.

    python benchmarks/sparse.py [--chain 100000] [--brusselator 10000] [--grid 70] [--loop 2000] [--rounds 9]
                                [--json FILE]

The Hessian of the chained Rosenbrock function (A. R. Conn, N. I. M. Gould and Ph. L. Toint, Testing a class of methods
for solving minimization problems with simple bounds on the variables, Mathematics of Computation 50, 1988), and the
Jacobian of the Brusselator in one dimension (E. Hairer and G. Wanner, Solving Ordinary Differential Equations II,
Springer 1996, section IV.1) and in two (section IV.10, with fixed values around the square). All as formulas of arrays;
the chain as a loop over scalars, too. CasADi has scalars (SX) and matrices (MX); the quicker of both counts. Matrices
must be equal before anything is timed.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any

import casadi
import numpy as np
from harness import installed, interleaved, machine, markdown, once, written
from scipy.sparse import csc_array, csr_array

import cgcli as cg
from cgcli.formulas.sparse import SparseHessian, SparseJacobian
from cgcli.passes.colouring import column_colours, star_colours
from cgcli.passes.differentiate import differentiate
from cgcli.passes.inlining import has_kept
from cgcli.passes.sparsity import pattern

CHAIN = "sum(100*(x[1:] - x[:-1]^2)^2 + (1 - x[:-1])^2)"
LOOP = "sum([100*(x[k+1] - x[k]^2)^2 + (1 - x[k])^2 for k in range({last})])"
BRUSSELATOR = """
u = x[:{half}]
v = x[{half}:]
a = concat([1], u, [1])
b = concat([3], v, [3])
concat(1 + u^2*v - 4*u + c*(a[:-2] - 2*u + a[2:]), 3*u - u^2*v + c*(b[:-2] - 2*v + b[2:]))
"""
SQUARE = """
U = reshape(x[:{size}], [{side}, {side}])
V = reshape(x[{size}:], [{side}, {side}])
around(A) = concat(zeros([1, {wide}]), concat(zeros([1, {side}]), A.T, zeros([1, {side}])).T, zeros([1, {wide}]))
near(A) = A[:-2, 1:-1] + A[2:, 1:-1] + A[1:-1, :-2] + A[1:-1, 2:]
concat(reshape(1 + U^2*V - 4.4*U + c*(near(around(U)) - 4*U), [{size}]),
       reshape(3.4*U - U^2*V + c*(near(around(V)) - 4*V), [{size}]))
"""
DIFFUSION = 0.02
RUNS = 5
TASKS = ("pattern", "colouring", "all at first", "values again")


def chain(m: Any, x: Any) -> Any:
    """The chained Rosenbrock function in CasADi."""
    return m.sum1(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def brusselator(m: Any, x: Any, c: float) -> Any:
    """The right sides of the Brusselator in CasADi."""
    half = x.shape[0] // 2
    u, v = x[:half], x[half:]
    a, b = m.vertcat(1, u, 1), m.vertcat(3, v, 3)
    return m.vertcat(
        1 + u**2 * v - 4 * u + c * (a[:-2] - 2 * u + a[2:]), 3 * u - u**2 * v + c * (b[:-2] - 2 * v + b[2:])
    )


def square(m: Any, x: Any, side: int, c: float) -> Any:
    """The right sides of the Brusselator on a square, with 0 around it; CasADi's matrices go columns first."""
    kind, size = type(x), side * side
    u, v = casadi.reshape(x[:size], side, side), casadi.reshape(x[size:], side, side)

    def near(a: Any) -> Any:
        row, column = kind.zeros(1, side + 2), kind.zeros(side, 1)
        b = m.vertcat(row, m.horzcat(column, a, column), row)
        return b[:-2, 1:-1] + b[2:, 1:-1] + b[1:-1, :-2] + b[1:-1, 2:]

    first = 1 + u**2 * v - 4.4 * u + c * (near(u) - 4 * u)
    second = 3.4 * u - u**2 * v + c * (near(v) - 4 * v)
    return m.vertcat(casadi.reshape(first, size, 1), casadi.reshape(second, size, 1))


def quickest(run: Callable[[], Any], *, warm: bool = True) -> tuple[float, Any]:
    """Seconds of the quickest of some runs, and what it gave: what is done once is short, and other work goes on."""
    return min((once(run, warm=warm) for _ in range(RUNS)), key=lambda found: found[0])


def with_cg(text: str, values: dict[str, Any], *, second: bool) -> tuple[dict[str, float], Any, Callable[[], Any]]:
    """Seconds of what is done once, the matrix, and the run that gives it again. A formula is bound before."""
    bound = cg.parse(text).bind(values)
    found: dict[str, float] = {}
    program = bound.program.begun()
    (output,) = program.outputs.values()
    x = program.graph.inputs()["x"]
    rows = [differentiate(program.graph, [output], [x]).wrt(x)] if second else [output]
    if len(program.graph) < 10_000 and not has_kept(
        program.graph
    ):  # a loop is made into arrays first, which counts under `all at first`
        found["pattern"], places = quickest(lambda: pattern(program.graph, rows, [x]))
        colour = star_colours if second else column_colours
        found["colouring"], _ = quickest(lambda: colour(places))
    formula = cg.parse(text)
    formula.bind(values)
    derive = formula.hessian if second else formula.jacobian
    found["all at first"], matrix = once(lambda: derive(values, wrt=["x"], sparse=True))
    matrix = matrix["x"]["x"] if second else matrix["x"]
    kind = SparseHessian if second else SparseJacobian
    again = kind(formula.bind(values), ["x"])
    return found, matrix, lambda: again({"x": values["x"]})


def with_casadi(
    kind: Any, function: Callable[[Any, Any], Any], x: Any, *, second: bool
) -> tuple[dict[str, float], Any, Callable[[], Any]]:
    """The same by CasADi: its pattern and colouring by themselves, then everything from the expression on."""
    found: dict[str, float] = {}
    variables = kind.sym("x", len(x))
    result = function(casadi, variables)
    rows = casadi.gradient(result, variables) if second else result
    fresh = iter([casadi.Function("rows", [variables], [rows]) for _ in range(RUNS)])  # each keeps what it found
    found["pattern"], places = quickest(lambda: next(fresh).jac_sparsity(0, 0), warm=False)
    found["colouring"], _ = quickest(places.star_coloring if second else places.T.uni_coloring)

    def all_at_first() -> Any:
        made = casadi.hessian(result, variables)[0] if second else casadi.jacobian(result, variables)
        function = casadi.Function("matrix", [variables], [made])
        return function, function(x)

    found["all at first"], (made, answer) = once(all_at_first)
    sparsity = answer.sparsity()
    matrix = csc_array((np.array(answer.nonzeros()), sparsity.row(), sparsity.colind()), shape=sparsity.shape)
    buffer, run = made.buffer()
    entries = np.empty(answer.nnz())
    buffer.set_arg(0, memoryview(x))
    buffer.set_res(0, memoryview(entries))

    def again(kept: Any = (made, buffer, entries, x)) -> None:
        """Write the entries; what is kept is what CasADi writes to and reads from without keeping it."""
        run()

    return found, csr_array(matrix), again


def compared(
    text: str,
    values: dict[str, Any],
    function: Callable[[Any, Any], Any],
    rounds: int,
    *,
    second: bool,
    kinds: Sequence[str] = ("SX", "MX"),
) -> dict[str, dict[str, float]]:
    """Milliseconds by task and library."""
    made = {"cg": with_cg(text, values, second=second)}
    for name, kind in ((f"CasADi {kind}", getattr(casadi, kind)) for kind in kinds):
        made[name] = with_casadi(kind, function, values["x"], second=second)
    matrices = [matrix for _, matrix, _ in made.values()]
    for other in matrices[1:]:
        worst, size = abs(matrices[0] - other).max(), abs(other).max()
        if matrices[0].nnz != other.nnz or worst > 1e-13 * size:
            raise AssertionError(f"the matrices differ by up to {worst:g}, or in their patterns")
    again = interleaved({name: run for name, (_, _, run) in made.items()}, rounds)
    found: dict[str, dict[str, float]] = {task: {} for task in TASKS}
    for name, (times, _, _) in made.items():
        for task, seconds in {**times, "values again": again[name]}.items():
            found[task][name] = 1e3 * seconds
    return found


def table(results: dict[str, dict[str, dict[str, float]]]) -> str:
    """Milliseconds, and cg's time beside that of the quicker one of CasADi."""
    rows = []
    for problem, tasks in results.items():
        for task, times in tasks.items():
            peers = [times[name] for name in times if name != "cg"]
            if "cg" in times and peers:
                ratio = f"{times['cg'] / min(peers):.2f}"
                cells = (f"{times[name]:.2f}" if name in times else "–" for name in ("cg", "CasADi SX", "CasADi MX"))
                rows.append([f"{problem}: {task}", *cells, ratio])
    return markdown(["milliseconds", "cg", "CasADi SX", "CasADi MX", "cg beside the quicker"], rows)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chain", type=int, default=100_000, help="variables of the chained Rosenbrock function")
    parser.add_argument("--brusselator", type=int, default=10_000, help="variables of the Brusselator")
    parser.add_argument("--grid", type=int, default=70, help="side of the square of the Brusselator in two dimensions")
    parser.add_argument("--loop", type=int, default=2_000, help="variables of the chain as a loop over scalars")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json")
    given = parser.parse_args()
    half, side = given.brusselator // 2, given.grid
    c = DIFFUSION * (half + 1) ** 2
    random = np.random.default_rng(1)
    results = {
        f"Hessian of the chain, {given.chain:,} variables": compared(
            CHAIN, {"x": random.normal(size=given.chain)}, chain, given.rounds, second=True
        ),
        f"the same as a loop, {given.loop:,} variables": compared(
            LOOP.format(last=given.loop - 1), {"x": random.normal(size=given.loop)}, chain, given.rounds, second=True,
            kinds=["SX"],
        ),
        f"Jacobian of the Brusselator, {2 * half:,} variables": compared(
            BRUSSELATOR.format(half=half), {"x": random.random(2 * half), "c": c},
            lambda m, x: brusselator(m, x, c), given.rounds, second=False,
        ),
        f"Jacobian of the Brusselator on a square, {2 * side**2:,} variables": compared(
            SQUARE.format(side=side, wide=side + 2, size=side**2), {"x": random.random(2 * side**2), "c": 5.0},
            lambda m, x: square(m, x, side, 5.0), given.rounds, second=False,
        ),
    }  # fmt: skip
    print(machine())
    print(", ".join(f"{name} {number}" for name, number in installed(["cg", "NumPy", "CasADi"]).items()))
    print(table(results))
    written(given.json, results)


if __name__ == "__main__":
    main()
