"""Minimisers from standard starts: how many problems each solves, in how many evaluations, and what it claims.

    python benchmarks/minimize.py [--only NAME …] [--json FILE]

cg beside SciPy: its default (BFGS with differences), L-BFGS-B and trust-exact with cg's exact derivatives. A problem is
solved where the value is within 1e-6 of a known minimum (beside the value, where that is above 1). Claimed wrongly is
an end that a method calls a success and that is not within 1e-6 of any known minimum, nor stationary with positive
curvatures. Evaluations are those of the value.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable
from statistics import median
from typing import Any, NamedTuple

import numpy as np
from harness import installed, machine, markdown, written
from minima import MGH, OTHERS, Problem
from minima_more import FRESH, LATER

import cgcli as cg
from cgcli.minimizing.objective import Objective

CLOSE = 1e-6


class End(NamedTuple):
    """Where a method ended, how many values it asked for, and whether it calls that a success."""

    x: Any
    value: float
    evaluations: int
    claimed: bool


def end_of_cg(problem: Problem, objective: Objective) -> End:
    """`f.minimize` as a user calls it."""
    found = cg.parse(problem.text).minimize(problem.start, bounds=problem.bounds)
    return End(objective.variables.pack(found.values), found.value, found.evaluations, found.converged)


def scipy_method(method: str | None, *, gradient: bool, hessian: bool) -> Callable[[Problem, Objective], End]:
    """SciPy's minimiser of a name; None for what it chooses itself."""
    from scipy.optimize import minimize

    def end(problem: Problem, objective: Objective) -> End:
        low, high = sides(problem, objective)
        bounds = list(zip(low, high, strict=True)) if problem.bounds else None
        if bounds and hessian:
            raise ValueError("it takes no bounds")
        found = minimize(
            lambda x: objective.at(x).value, objective.variables.pack(problem.start), method=method, bounds=bounds,
            jac=objective.gradient if gradient else None, hess=objective.hessian if hessian else None,
        )  # fmt: skip
        return End(found.x, float(found.fun), int(found.nfev), bool(found.success))

    return end


def methods() -> dict[str, Callable[[Problem, Objective], End]]:
    """The minimisers that are installed, by their names in the table."""
    found: dict[str, Callable[[Problem, Objective], End]] = {"cg": end_of_cg}
    if installed(["SciPy"]):
        found |= {
            "SciPy, default": scipy_method(None, gradient=False, hessian=False),
            "SciPy, L-BFGS-B": scipy_method("L-BFGS-B", gradient=True, hessian=False),
            "SciPy, trust-exact": scipy_method("trust-exact", gradient=True, hessian=True),
        }
    return found


def prepared(problem: Problem) -> Objective:
    """A problem as a function of one vector."""
    names = list(problem.start)
    return Objective(cg.parse(problem.text).bind(problem.start), names, None)


def is_close(value: float, minima: tuple[float, ...]) -> bool:
    """Whether a value is that of a known minimum."""
    return any(abs(value - each) <= CLOSE * max(1.0, abs(each)) for each in minima)


def sides(problem: Problem, objective: Objective) -> tuple[Any, Any]:
    """The lower and upper bounds of all variables, infinite where there are none."""
    low, high = np.full(objective.variables.count, -np.inf), np.full(objective.variables.count, np.inf)
    for name, (least, most) in problem.bounds.items():
        low[objective.variables.places[name]] = -np.inf if least is None else least
        high[objective.variables.places[name]] = np.inf if most is None else most
    return low, high


def is_minimum(problem: Problem, objective: Objective, x: Any) -> bool:
    """Whether a point is a minimum by its exact derivatives: Newton's decrement is small, no curvature negative, by the
    variables that no bound holds."""
    low, high = sides(problem, objective)
    gradient, hessian = objective.gradient(x), objective.hessian(x)
    free = ~(((x <= low) & (gradient >= 0)) | ((x >= high) & (gradient <= 0)))
    gradient, hessian = gradient[free], hessian[np.ix_(free, free)]
    if not len(gradient):
        return bool(((x >= low) & (x <= high)).all())
    if not np.isfinite(hessian).all():
        return False
    curvatures, basis = np.linalg.eigh(hessian)
    up = curvatures > 1e-12 * np.abs(curvatures).max()
    slopes = basis.T @ gradient
    value = abs(objective.at(x).value)
    decrement = float(np.sum(slopes[up] ** 2 / curvatures[up]))
    return bool((curvatures > -1e-6 * np.abs(curvatures).max()).all() and decrement <= CLOSE * max(1.0, value))


def ends_of(problem: Problem) -> dict[str, tuple[End | None, Objective]]:
    """The end of each method; None where one raises an error."""
    found: dict[str, tuple[End | None, Objective]] = {}
    for name, method in methods().items():
        objective = prepared(problem)
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                found[name] = method(problem, objective), objective
            except (ValueError, OverflowError, np.linalg.LinAlgError):
                found[name] = None, objective
    return found


def measure(problems: dict[str, Problem]) -> dict[str, dict[str, Any]]:
    """For each method how many problems it solves, its median of evaluations, and what it claims wrongly."""
    table: dict[str, dict[str, Any]] = {}
    for name, problem in problems.items():
        ends = ends_of(problem)
        minima = problem.minima or (min(end.value for end, _ in ends.values() if end and np.isfinite(end.value)),)
        for method, (end, objective) in ends.items():
            row = table.setdefault(method, {"evaluations": [], "unsolved": [], "claimed wrongly": []})
            is_solved = end is not None and (is_close(end.value, minima) or end.value < min(minima))
            if not is_solved:
                row["unsolved"].append(name)
            if end is not None:
                row["evaluations"].append(end.evaluations)
                if end.claimed and not is_solved and not is_minimum(problem, objective, end.x):
                    row["claimed wrongly"].append(name)
    return table


def shown(table: dict[str, dict[str, Any]], count: int) -> str:
    """The table in Markdown."""
    rows = []
    for method, row in table.items():
        solved = count - len(row["unsolved"])
        share, wrongly = f"{100 * solved / count:.1f} %", str(len(row["claimed wrongly"]))
        rows.append([method, f"{solved} of {count}", share, f"{median(row['evaluations']):g}", wrongly])
    return markdown(["", "solved", "share", "median evaluations", "claimed wrongly"], rows)


def main() -> None:
    """Run all problems, or some, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", help="names of problems")
    parser.add_argument("--json")
    options = parser.parse_args()
    print(machine())
    print(", ".join(f"{name} {number}" for name, number in installed(["cg", "SciPy", "NumPy"]).items()))
    results: dict[str, Any] = {"machine": machine()}
    for title, problems in (
        ("Moré, Garbow and Hillstrom", MGH),
        ("others", OTHERS),
        ("fresh", FRESH),
        ("later", LATER),
    ):
        chosen = {name: each for name, each in problems.items() if options.only is None or name in options.only}
        if chosen:
            results[title] = measure(chosen)
            print(f"\n{title}\n\n{shown(results[title], len(chosen))}")
            print("\nnot solved by cg:", ", ".join(results[title]["cg"]["unsolved"]) or "none")
    written(options.json, results)


if __name__ == "__main__":
    main()
