"""The least-squares solution of a problem from one start.

Levenberg–Marquardt steps in a trust region (`trust_region`). Parameters in which the residuals are affine are
projected out (G. H. Golub & V. Pereyra 1973, with the Jacobian of L. Kaufman, "A variable projection method for solving
separable nonlinear least squares problems", BIT 15, 1975): in a triangle whose first columns are theirs, the block
behind them *is* Kaufman's Jacobian, the first block gives their optimum, and the sum of squares there is known without
another evaluation. Where such parameters have bounds the optimum is that within them (`within`): those that are pressed
against a bound there are held at it, and only the others are projected out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from cgcli.fitting.trust_region import TrustRegion
from cgcli.fitting.upper import EPSILON, Upper, lengths_of, triangle_of, upper
from cgcli.fitting.within import least_within

if TYPE_CHECKING:
    from typing import Any

    from cgcli.fitting.protocol import Problem, Reduced

REACH = 1.0
"""The first radius, in lengths of the start (Moré 1978 has 0.1 to 100)."""
ORTHOGONAL = 1e-7
"""The part of the residuals' length that may lie in the directions of their derivatives at a solution. What is left to
gain is its square; a statistician would stop at 1e-3 (Bates & Watts, Technometrics 23, 1981)."""
SHORTEST = 4e-16
"""The length of a step, relative to the point, that changes nothing."""
ROUNDING = 8.0
"""Units in the last place of what the parameters contribute to the residuals: less than that is rounding."""
LAST_DIGITS = 1e-9
OFF = 0.01
"""How much may be gained by the linear parameters alone, relative to the sum of squares, before they are moved on
their own: the derivatives by the others depend on them."""
POLISH = 12
"""Steps at most that are taken for the last digits."""
LAST_STEP = 1e-14
"""A step that is no longer than that, relative to each parameter, needs not be taken."""
MANY, OF_AN_ERROR, OF_A_VALUE = 100_000, 1e-3, 1e-8
"""Of so many rows, a step of this part of the standard errors is taken without a look at where it leads, if it also is
no longer than this part of each parameter: the sum of squares changes by the square of the first, divided by the rows,
and the derivatives by about the second."""
ROUGH = 1e-3
"""As `ORTHOGONAL`, where only a start for more rows is looked for."""


@dataclass(frozen=True)
class Solution:
    """Where a search ended. converged: whether the point is stationary to rounding; ended: why the search stopped.

    digits: with how many the residuals were computed from the decimals of the table (`decimals`), 0 for doubles.
    """

    point: Any
    reduced: Reduced
    converged: bool
    ended: str
    method: str
    evaluations: int
    offset: float
    digits: int = 0

    @property
    def sum_of_squares(self) -> float:
        """The objective at the point."""
        return self.reduced.sum_of_squares


class Search:
    """A search for the least sum of squares. Bounds are kept at every point."""

    def __init__(
        self, problem: Problem, low: Any, high: Any, *, project: bool = True, most: int = 1000, rough: bool = False
    ) -> None:  # fmt: skip
        """low, high: bounds, infinite where there is none. project: whether to project out the linear parameters.

        most: evaluations of the problem at most. rough: without the last digits.
        """
        linear = np.asarray(problem.linear, dtype=bool) & project
        self.problem = problem
        self.low, self.high = low, high
        self.linear = np.flatnonzero(linear)
        self.others = np.flatnonzero(~linear)
        self.order = [*self.linear.tolist(), *self.others.tolist(), len(linear)]
        self.confined = bool(np.isfinite(low[linear]).any() or np.isfinite(high[linear]).any())
        self.most = most
        self.rough = rough
        self.enough = ROUGH if rough else ORTHOGONAL
        self.evaluations = 0

    @property
    def method(self) -> str:
        """What a search of this kind is called."""
        bounded = np.isfinite(self.low).any() or np.isfinite(self.high).any()
        if len(self.linear) and not len(self.others):
            return "linear least squares"
        name = "trust region within bounds" if bounded else "Levenberg–Marquardt"
        if not len(self.linear):
            return name
        return f"{name}, linear parameters projected out" if bounded else f"{name} with variable projection"

    def at(self, point: Any) -> _At:
        """The problem at a point."""
        self.evaluations += 1
        return _At(self, point, self.problem.reduced(point))

    def looked_at(self, point: Any, *, settle: bool) -> _At:
        """The problem at a place that may be no good, and with `settle` where its linear parameters belong."""
        with np.errstate(all="ignore"):
            here = self.at(point)
            return self._settled(here) if settle else here

    def run(self, start: Any, reach: float = REACH) -> Solution:
        """From a start to where no step lowers the sum of squares, or to the last evaluation that is allowed."""
        with np.errstate(all="ignore"):  # places that are no good may overflow
            return self._run(np.array(start, dtype=float), reach)

    def _run(self, start: Any, reach: float) -> Solution:
        here = self._settled(self.at(start))
        if here.triangle is None:
            return self._solution(here, "not finite")
        region = TrustRegion(len(self.others), self.low[self.others], self.high[self.others])
        ended = "evaluations"
        while self.evaluations < self.most:
            region.look(here.slopes, here.point[self.others], reach)
            if here.offset() <= self.enough:
                ended = "orthogonal"
                break
            moved = self._stepped(here, region)
            if moved is None:
                ended = "no step"
                break
            here = moved
        return self._solution(here if self.rough else self._polished(here), ended)

    def _stepped(self, here: _At, region: TrustRegion) -> _At | None:
        """The next point, lower than this one; None where no step is, and where evaluations are at their end."""
        while True:
            step = region.step(here.slopes, here.behind, here.point[self.others])
            if not np.isfinite(step).all() or here.is_nothing(step):
                return None
            expected = here.expected(step)
            there = self.at(here.moved(step))
            gained = here.optimum - there.optimum if there.triangle is not None else -np.inf
            if not gained > 0 and (expected <= EPSILON * here.optimum or here.is_rounding()):
                return None
            if not gained > 0.25 * expected:
                region.shrink(step, shrinkage(here, there, step, gained))
            elif gained > 0.75 * expected:
                region.grow(step)
            if gained > 1e-4 * expected and gained > 0:
                return self._settled(there)
            if self.evaluations >= self.most or region.radius == 0:
                return None

    def _settled(self, here: _At) -> _At:
        """The same place with the linear parameters where they belong, if they are far from there."""
        for _ in range(3):
            if here.triangle is None or not len(self.linear) or here.gain <= OFF * max(here.optimum, 0.0):
                break
            there = self.at(here.moved(np.zeros(len(self.others))))
            if there.triangle is None or not there.objective < here.objective:
                break
            here = there
        return here

    def _polished(self, here: _At) -> _At:
        """The last digits: full steps as long as they make the residuals more orthogonal to their derivatives.

        Gauss–Newton steps converge linearly, the slower the larger the residuals; combining the last few of them
        (D. G. Anderson, J. ACM 12, 1965) makes that faster than linear.
        """
        mixing = Mixing()
        for _ in range(POLISH):
            before, step = here.offset(), here.full_step()
            if before <= EPSILON or (np.abs(step) <= LAST_STEP * np.abs(here.point)).all():
                break
            if here.is_short(step, before) and self._within(here.point + step):
                return here.after(step)
            point = mixing.next(here.point, step, here.reduced.triangle[:, :-1])
            if not self._within(point):
                point = here.full_step_within()
            if (point == here.point).all():
                break
            there = self.at(point)
            level = 1e-9 * here.objective
            if there.triangle is None or there.objective > here.objective + level or there.offset() > 0.9 * before:
                break
            here = there
        return here

    def _within(self, point: Any) -> bool:
        return bool(((point >= self.low) & (point <= self.high)).all())

    def _solution(self, here: _At, ended: str) -> Solution:
        offset = here.offset() if here.triangle is not None else np.inf
        done = here.triangle is not None and (offset <= self.enough or here.is_rounding())
        if done and here.is_without_effect():
            done, ended = False, "no effect"
        return Solution(here.point, here.reduced, done, ended, self.method, self.evaluations, offset)


class Mixing:
    """Anderson's acceleration of a fixed-point iteration, of the last few steps."""

    def __init__(self, depth: int = 4) -> None:
        self._depth = depth
        self._before: list[tuple[Any, Any]] = []

    def next(self, point: Any, step: Any, metric: Any) -> Any:
        """Where to go from a point whose plain step is given; metric: the matrix in whose norm steps are compared."""
        self._before = [*self._before[-self._depth :], (point, step)]
        if len(self._before) == 1:
            return point + step
        shifts = np.column_stack([point - earlier for earlier, _ in self._before[:-1]])
        changes = np.column_stack([step - earlier for _, earlier in self._before[:-1]])
        weights = np.linalg.lstsq(metric @ changes, metric @ step, rcond=1e-10)[0]
        return point + step - (shifts + changes) @ weights


def shrinkage(here: _At, there: _At, step: Any, gained: float) -> float:
    """By how much the region shrinks after a step that gained too little: to the least of a parabola, within limits."""
    if not np.isfinite(gained):
        return 0.25
    slope = here.downwards(step)
    curved = gained + slope
    return float(np.clip(0.5 * slope / -(gained - slope), 0.1, 0.5)) if gained < 0 < curved or gained < 0 else 0.5


class _At:
    """The problem at a point: its triangle with the linear parameters' columns first."""

    def __init__(self, search: Search, point: Any, reduced: Reduced) -> None:
        self.search = search
        self.point = point
        self.reduced = reduced
        self.objective = reduced.sum_of_squares
        self._known: tuple[Upper, Any, Any] | None = None
        self.triangle: Any = None
        if reduced.triangle is not None and np.isfinite(self.objective):
            size, first = len(point), len(search.linear)
            self.triangle = upper(reduced.triangle[:, search.order]) if first else reduced.triangle
            self._leading = Upper(self.triangle[:first, :first])
            self._ahead = self.triangle[:first, size]
            self._project()

    def _project(self) -> None:
        """Take the linear parameters out of the triangle, those that are free at their optimum."""
        size, first = len(self.point), len(self.search.linear)
        triangle = self.triangle
        step, sides = self._linear_step(self._ahead)
        remainder = self._ahead + triangle[:first, :first] @ step
        if sides.any():
            held = triangle[:, size].copy()
            held[:first] += triangle[:first, :first] @ np.where(sides != 0, step, 0.0)
            triangle = triangle_of(triangle[:, [*np.flatnonzero(sides == 0).tolist(), *range(first, size)]], held)
        left, rest = float(remainder @ remainder), self.triangle[first:, size]
        self.gain = float(self._ahead @ self._ahead) - left
        self.optimum = float(rest @ rest) + left if first else self.objective
        ahead = len(triangle) - 1 - (size - first)
        self.slopes, self.behind = triangle[ahead:-1, ahead:-1], triangle[ahead:-1, -1]

    def _linear_step(self, ahead: Any) -> tuple[Any, Any]:
        """The step of the linear parameters to their optimum, and at which bounds they are then (`least_within`)."""
        search = self.search
        if not search.confined:
            return -self._leading.solved(ahead), np.zeros(len(ahead), dtype=int)
        point, first = self.point[search.linear], len(ahead)
        low, high = search.low[search.linear] - point, search.high[search.linear] - point
        return least_within(self.triangle[:first, :first], -ahead, low, high, self._leading)

    def moved(self, step: Any) -> Any:
        """The point after a step of the others, the linear parameters following as the derivatives say."""
        search, first = self.search, len(self.search.linear)
        point = self.point.copy()
        if first:
            coupling = self.triangle[:first, first : len(point)]
            following, sides = self._linear_step(self._ahead + coupling @ step)
            low, high = search.low[search.linear], search.high[search.linear]
            point[search.linear] = np.where(sides < 0, low, np.where(sides > 0, high, point[search.linear] + following))
        point[search.others] += step
        return np.clip(point, search.low, search.high)

    def expected(self, step: Any) -> float:
        """What a step gains by the derivatives."""
        return float(self.behind @ self.behind - np.sum((self.behind + self.slopes @ step) ** 2))

    def downwards(self, step: Any) -> float:
        """The descent of the objective along a step, positive downwards."""
        return float(-2 * self.behind @ (self.slopes @ step))

    def is_nothing(self, step: Any) -> bool:
        """Whether a step changes no parameter by more than rounding does."""
        others = self.point[self.search.others]
        still = bool((np.abs(step) <= SHORTEST * np.abs(others)).all())
        return still and self.gain <= EPSILON * max(self.optimum, 0.0)

    def is_short(self, step: Any, offset: float) -> bool:
        """Whether there are many rows, and a full step is so short that it is known where it leads.

        Times √rows, the offset is about the length of the step in standard errors. A parameter near 0 counts as short
        where so small a part of its error is left that no digit of that changes.
        """
        rows = self.reduced.rows
        if rows < MANY or offset > ORTHOGONAL:
            return False
        in_errors = offset * rows**0.5
        short = bool((np.abs(step) <= OF_A_VALUE * np.abs(self.point)).all())
        return in_errors <= (OF_AN_ERROR if short else OF_A_VALUE)

    def after(self, step: Any) -> _At:
        """Where a short step of all parameters leads, by the derivatives here: no residual is left along them."""
        size = len(self.point)
        triangle = self.reduced.triangle.copy()
        triangle[:size, size] += triangle[:size, :size] @ step
        return _At(self.search, self.point + step, replace(self.reduced, triangle=triangle))

    def full_step(self) -> Any:
        """The Gauss–Newton step of all parameters that can move."""
        movable, residuals, free = self._movable()
        if free.all():
            return -movable.solved(residuals)
        step = np.zeros(len(self.point))
        step[free] = -movable.solved(residuals)
        return step

    def full_step_within(self) -> Any:
        """The point after the Gauss–Newton step within bounds: parameters that are nearly at one come to it exactly."""
        size, low, high = len(self.point), self.search.low, self.search.high
        slopes, residuals = self.reduced.triangle[:size, :size], self.reduced.triangle[:size, size]
        step, sides = least_within(slopes, -residuals, low - self.point, high - self.point)
        return np.clip(np.where(sides < 0, low, np.where(sides > 0, high, self.point + step)), low, high)

    def offset(self) -> float:
        """The part of the residuals' length in the directions in which the point can move: 0 at a solution.

        The relative offset criterion of D. M. Bates & D. G. Watts, Technometrics 23 (1981), without its degrees of
        freedom. A parameter at a bound, which the objective presses against it, cannot move.
        """
        return 0.0 if self.objective == 0 else self._along() / self.objective**0.5

    def is_rounding(self) -> bool:
        """Whether what is left to gain is nothing but rounding of the terms that make up the residuals, and it is known
        where: a full step moves no parameter by more than its last digits.
        """
        norms = lengths_of(self.reduced.triangle[:-1, :-1])
        if self._along() > ROUNDING * EPSILON * float(np.linalg.norm(norms * self.point)):
            return False
        return bool((np.abs(self.full_step()) <= LAST_DIGITS * np.abs(self.point)).all())

    def is_without_effect(self) -> bool:
        """Whether a parameter that is not linear has no effect on residuals that are more than rounding.

        Then the search has come to a plateau, where the derivatives say nothing of a way back.
        """
        norms = lengths_of(self.reduced.triangle[:-1, :-1])
        still = (norms == 0) & ~np.asarray(self.search.problem.linear, dtype=bool)
        size = float(np.linalg.norm(norms * self.point))
        return bool(still.any()) and self.objective > (ROUNDING * EPSILON * size) ** 2

    def _along(self) -> float:
        """The length of the residuals' projection onto the derivatives by what can move."""
        movable, residuals, _ = self._movable()
        return movable.along(residuals) if len(residuals) else 0.0

    def _movable(self) -> tuple[Upper, Any, Any]:
        """The triangle by parameters that have an effect and are not pressed against a bound, and which they are."""
        if self._known is None:
            size = len(self.point)
            slopes, residuals = self.reduced.triangle[:size, :size], self.reduced.triangle[:size, size]
            gradient = residuals @ slopes
            search = self.search
            stuck = ((self.point <= search.low) & (gradient > 0)) | ((self.point >= search.high) & (gradient < 0))
            free = ~stuck & slopes.any(axis=0)
            if not free.all():
                triangle = triangle_of(slopes[:, free], residuals)
                slopes, residuals = triangle[:-1, :-1], triangle[:-1, -1]
            self._known = Upper(slopes), residuals, free
        return self._known
