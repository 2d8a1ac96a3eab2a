"""The best solution from what is known of the start: all of it, ranges, or nothing.

From a given start the search runs with the linear parameters projected out; where that does not converge it runs again
with all parameters moving together, and where neither does, from other starts. Without a start it begins at several
places: many are looked at, the better ones are followed for a while, the best ones to their ends.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from cgcli.fitting.least_squares import Search, Solution
from cgcli.fitting.statistics import contributions
from cgcli.fitting.twins import are_alike, preferred

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from cgcli.fitting.protocol import Problem, Reduced

    Sampler = Callable[[Any], Any]
    """From a generator to a point (p,)."""

LOOKED_AT = 20
"""Places that are looked at for each start that is followed."""
ROWS = 2_000
"""Rows at which starts are looked for."""
FOLLOWED, FINISHED = 30, 4
"""Evaluations for which a start is followed, and how many of them are followed to their ends."""
ALIKE = 1e-6
"""Sums of squares, relative to each other, that count as the same solution."""


@dataclass
class Task:
    """What is searched: a problem, bounds (infinite where there is none), and what is known of the start.

    start: a point, nan where nothing is known. sample: draws points for what is not known. starts, seed: how many
    places, and of which random sequence. project: whether linear parameters may be projected out.
    """

    problem: Problem
    low: Any
    high: Any
    start: Any
    sample: Sampler
    starts: int = 48
    seed: int = 1
    project: bool = True
    most: int = 1000
    evaluations: int = 0
    broken: Reduced | None = field(default=None)

    def search(self, problem: Problem | None = None, *, project: bool | None = None, most: int | None = None) -> Search:
        """A search of this task."""
        project = self.project if project is None else project
        return Search(problem or self.problem, self.low, self.high, project=project, most=most or self.most)

    def run(self, start: Any, *, project: bool | None = None) -> Solution:
        """From one start to its end, at the whole problem."""
        solution = self.search(project=project).run(np.clip(start, self.low, self.high))
        self.evaluations += solution.evaluations
        if solution.reduced.not_finite is not None and self.broken is None:
            self.broken = solution.reduced
        return solution


def best_solution(task: Task) -> Solution:
    """The best solution that is found; its evaluations are those of the whole search."""
    unknown = np.isnan(task.start)
    found: list[Solution] = []
    linear = np.asarray(task.problem.linear, dtype=bool) & np.isinf(task.low) & np.isinf(task.high) & task.project
    if not (unknown & ~linear).any():
        start = np.where(unknown, 1.0, task.start)
        found.append(task.run(start))
        if not found[0].converged and not unknown.any() and found[0].ended != "not finite":
            found.append(task.run(start, project=False))
    if not any(solution.converged for solution in found):
        found += from_several_places(task)
    best = most_like_the_start(task, better_of(found))
    return replace(best, evaluations=task.evaluations)


def most_like_the_start(task: Task, best: Solution) -> Solution:
    """Of solutions that are the same but for signs and names, the one that is like the start."""
    if not best.converged or best.reduced.triangle is None:
        return best
    few = task.problem.thinned(ROWS)
    others = task.search().others
    size = contributions(best.reduced.triangle, best.point)
    point = preferred(best.point, task.start, others, lambda point: value_at(task, few, point, settle=True), size)
    if (point == best.point).all() or (point < task.low).any() or (point > task.high).any():
        return best
    twin = task.run(point)
    same = are_alike(twin.sum_of_squares, best.sum_of_squares, size)
    return twin if twin.converged and same else best


def better_of(found: list[Solution]) -> Solution:
    """The lowest of the converged solutions; of all, where one that is not converged is lower by far."""
    lowest = min(found, key=lambda solution: solution.sum_of_squares)
    converged = [solution for solution in found if solution.converged]
    best = min(converged, key=lambda solution: solution.sum_of_squares, default=lowest)
    return best if best.sum_of_squares <= lowest.sum_of_squares * (1 + ALIKE) else lowest


def from_several_places(task: Task) -> list[Solution]:
    """Solutions from the best of several starts."""
    generator = np.random.default_rng(task.seed)
    few = task.problem.thinned(ROWS)
    looked = [point for point in (task.sample(generator) for _ in range(task.starts * LOOKED_AT)) if point is not None]
    ranked = sorted((value, place) for place, value in enumerate(value_at(task, few, point) for point in looked))
    ranked = [(value, place) for value, place in ranked if np.isfinite(value)]
    half = (task.starts + 1) // 2
    chosen = [*ranked[:half], *ranked[half :: max(1, (len(ranked) - half) // max(1, task.starts - half))]]
    followed = []
    for _, place in chosen[: task.starts]:
        solution = task.search(few, most=FOLLOWED).run(np.clip(looked[place], task.low, task.high))
        task.evaluations += solution.evaluations
        followed.append(solution)
    followed.sort(key=lambda solution: solution.sum_of_squares)
    return [task.run(solution.point) for solution in distinct(followed)[:FINISHED]]


def value_at(task: Task, problem: Problem, point: Any, *, settle: bool = False) -> float:
    """The sum of squares at a place, with the linear parameters at their optimum.

    settle: whether they are moved there first: it costs an evaluation, and makes up for rounding.
    """
    task.evaluations += 1
    here = task.search(problem).looked_at(np.clip(point, task.low, task.high), settle=settle)
    if here.triangle is None:
        task.broken = task.broken or here.reduced
        return np.inf
    return here.optimum


def distinct(solutions: list[Solution]) -> list[Solution]:
    """Those of sorted solutions that differ from the one before."""
    found: list[Solution] = []
    for solution in solutions:
        if np.isfinite(solution.sum_of_squares) and (
            not found or solution.sum_of_squares > found[-1].sum_of_squares * (1 + ALIKE)
        ):
            found.append(solution)
    return found
