"""The last digits of a fit whose residuals are hardly longer than the rounding of its table: by decimals, as written.

A number of a table is a decimal, and the double in its place is off by up to 1.1e-16 of it. Where residuals are not
much longer than that, they consist of rounding to a part that is seen in every error. The decimal that was written is
not lost: as long as it has at most 15 digits, it is the shortest one that reads back as the double (G. Steele & J.
White, "How to print floating-point numbers accurately", PLDI 1990). So the residuals are computed from the decimals
with many digits, and the last steps are taken with them: iterative refinement, in which only residuals need the digits
(Å. Björck, Numerical Methods for Least Squares Problems, 1996, §2.9).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from cgcli.engines.numbers import TooLarge, Unsettled
from cgcli.fitting.protocol import Reduced
from cgcli.fitting.upper import EPSILON, triangle_of

if TYPE_CHECKING:
    from typing import Any

    from cgcli.fitting.least_squares import Solution
    from cgcli.fitting.rows_problem import RowsProblem

DIGITS = 50
"""Decimal digits of the residuals' terms."""
BITS = int(DIGITS * 3.33)
MOST_STEPS = 400_000
"""Operations with many digits, about 3 µs each, that may be done."""
ROUNDS = 8
STILL = 1e-18
"""A step, relative to each parameter, that changes no bit of its double."""


def by_decimals(problem: RowsProblem, solution: Solution, low: Any, high: Any) -> Solution | None:
    """A solution with residuals from the decimals of the table; None where that cannot be, or leads nowhere.

    low, high: bounds. A parameter at its bound stays there.
    """
    if problem.rows * len(problem.residuals.graph) > MOST_STEPS:
        return None
    free = (solution.point > low) & (solution.point < high)
    slopes = problem.slopes_at(solution.point)
    norms = np.linalg.norm(slopes[:, free], axis=0)
    if not free.any() or not (norms > 0).all():
        return None
    exact = Decimals(problem)
    point = [exact.number(float(number)) for number in solution.point]
    for _ in range(ROUNDS):
        residuals = exact.residuals(point)
        if residuals is None:
            return None
        step = np.linalg.lstsq(slopes[:, free] / norms, -residuals, rcond=EPSILON)[0]
        offset = float(np.linalg.norm(slopes[:, free] / norms @ step))
        for place, change in zip(np.flatnonzero(free), step / norms, strict=True):
            point[place] += float(change)
        here = np.array([float(number) for number in point])
        if (np.abs(step / norms) <= STILL * np.abs(here[free])).all():
            break
    else:
        return None
    if (here < low).any() or (here > high).any():
        return None
    total = float(residuals @ residuals)
    reduced = Reduced(total, triangle_of(slopes, residuals), len(residuals), total)
    return replace(solution, point=here, reduced=reduced, offset=offset / total**0.5 if total else 0.0, digits=DIGITS)


class Decimals:
    """The residuals of rows in memory, from the decimals of all numbers that were given."""

    def __init__(self, problem: RowsProblem) -> None:
        from cgcli.engines.precise import SampledEngine

        self._engine = SampledEngine(BITS)
        self._graph, self._node = problem.residuals.graph, problem.residuals.residual
        self._question = problem.question
        columns = problem.inputs()
        self._rows = [{name: decimal(column[row]) for name, column in columns.items()} for row in range(problem.rows)]
        self._fixed = {name: decimal(value) for name, value in self._question.fixed.items()}

    def number(self, value: float) -> Any:
        """A double as a number with many digits."""
        return self._engine.numbers.mp.mpf(value)

    def residuals(self, point: list[Any]) -> Any:
        """The residuals (rows,) at a point of numbers with many digits, as doubles; None where their digits do not
        stand."""
        values = {**self._fixed, **self._question.parts(np.array(point, dtype=object))}
        found = np.empty(len(self._rows))
        try:
            for place, row in enumerate(self._rows):
                number = self._engine.run(self._graph, {**values, **row}, [self._node])[self._node]
                first, second = number.samples
                if not abs(first - second) <= EPSILON * abs(first):
                    return None
                found[place] = float(first)
        except (Unsettled, TooLarge):
            return None
        return found if np.isfinite(found).all() else None


def decimal(value: Any) -> Any:
    """The shortest decimal of a double, as a text; of an array, an array of them."""
    return np.frompyfunc(decimal, 1, 1)(value) if np.ndim(value) else repr(float(value))
