"""The best solution from what is known of the start: all of it, ranges, or nothing.

From a given start the search runs with the linear parameters projected out; where that does not converge it runs again
with all parameters moving together, and where neither does, from other starts. Within bounds SciPy's search has a say
as well: the lower end is taken. Without a start it begins at several
places: many are looked at, the better ones are followed for a while, the best ones to their ends.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from itertools import zip_longest
from typing import TYPE_CHECKING

import numpy as np

from cgcli.fitting.least_squares import MANY, Search, Solution
from cgcli.fitting.reflective import reflective_end
from cgcli.fitting.rows_problem import SAMPLE
from cgcli.fitting.statistics import contributions
from cgcli.fitting.twins import are_alike, preferred

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from cgcli.fitting.protocol import Problem, Reduced

    Sampler = Callable[[Any], Any]
    """From a generator to a point (p,)."""

LOOKED_AT = 10
"""Places that are looked at for each start that is followed."""
ROWS = 2_000
"""Rows at which starts are looked for."""
ROUNDS = ((1.0, 20), (0.4, 60))
"""Which part of the starts is followed further, and for how many evaluations: the better ones longer."""
SWEPT, TRIED = 4, 100
"""How many of them try other values of single parameters where the starts do not agree, and how many values."""
FINISHED = 5
"""How many are followed to their ends, with all rows."""
AGREEING, FEWEST = 4, 48
"""So many starts that end at the same lowest solution are enough, once so many have been followed."""
FAR = 0.9
"""A search that ended without convergence is better than one with it only where its sum of squares is so much lower."""
ALIKE = 1e-6
"""Sums of squares, relative to each other, that count as the same solution."""
SAME = 1e-9
"""A sum of squares that is lower by less than this part is not looked after."""


@dataclass
class Task:
    """What is searched: a problem, bounds (infinite where there is none), and what is known of the start.

    start: a point, nan where nothing is known. sample: draws points for what is not known. starts, seed: how many
    places, and of which random sequence; several: whether they are tried even where the start leads to a solution.
    project: whether linear parameters may be projected out. plain: the problem without its robust loss, in which starts
    are looked for. asked: the start as it was given, before it was moved away from a bound.
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
    several: bool = False
    plain: Problem | None = None
    asked: Any = None
    evaluations: int = 0
    broken: Reduced | None = field(default=None)

    def search(
        self, problem: Problem | None = None, *, project: bool | None = None, most: int | None = None,
        rough: bool = False,
    ) -> Search:  # fmt: skip
        """A search of this task."""
        project = self.project if project is None else project
        most = most or self.most
        return Search(problem or self.problem, self.low, self.high, project=project, most=most, rough=rough)

    def look(self, problem: Problem, most: int | None = None) -> Search:
        """A search of the problem in which starts are looked for."""
        return self.search(problem, project=True if self.plain else None, most=most)

    def run(self, start: Any, *, project: bool | None = None, most: int | None = None) -> Solution:
        """From one start to its end, at the whole problem; where there are many rows, with some of them first."""
        start = np.clip(start, self.low, self.high)
        nearer = self.nearer(start, project)
        solution = self.search(project=project, most=most).run(start if nearer is None else nearer)
        self.evaluations += solution.evaluations
        if nearer is not None and not (solution.converged and self.is_above(start, solution)):
            directly = self.search(project=project, most=most).run(start)
            self.evaluations += directly.evaluations
            solution = better_of([directly, solution])
        if solution.reduced.not_finite is not None and self.broken is None:
            self.broken = solution.reduced
        return solution

    def nearer(self, start: Any, project: bool | None) -> Any:
        """Where a search of some of the rows ends; None where there are not many, or where it does not converge."""
        if self.problem.rows < MANY:
            return None
        for rows in (ROWS, SAMPLE):
            few = self.problem.thinned(rows)
            found = self.search(few, project=project, most=ROUNDS[-1][1], rough=True).run(start)
            self.evaluations += found.evaluations
            if not found.converged:
                return None
            start = found.point
        return start

    def is_above(self, start: Any, solution: Solution) -> bool:
        """Whether a start is no lower than a solution, of which other rows may have said so."""
        self.evaluations += 1
        return self.problem.is_above(start, solution.sum_of_squares)


def best_solution(task: Task) -> Solution:
    """The best solution that is found; its evaluations are those of the whole search."""
    unknown = np.isnan(task.start)
    found: list[Solution] = []
    linear = np.asarray(task.problem.linear, dtype=bool) & task.project
    if not (unknown & ~linear).any():
        start = np.where(unknown, 1.0, task.start)
        found.append(task.run(start))
        if found[0].ended == "not finite" and not unknown.any() and not task.several:
            return replace(found[0], evaluations=task.evaluations)
        if not found[0].converged and not unknown.any():
            found.append(task.run(start, project=False))
        if not unknown.any():
            found += elsewhere(task, lowest_of(found))
    if (task.several and (unknown | ~linear).any()) or not any(solution.converged for solution in found):
        found += from_several_places(task)
    if not found:  # the residuals are finite nowhere: one place shows why
        found.append(task.run(np.where(unknown, 1.0, task.start)))
    best = not_above_the_start(task, better_of(found) if unknown.any() else lowest_of(found))
    return replace(most_like_the_start(task, best), evaluations=task.evaluations)


def elsewhere(task: Task, known: Solution) -> list[Solution]:
    """The solution that another kind of search within bounds leads to from the same start, where it is lower.

    Bounds cut valleys: a step that is good without them may lead over a ridge, to where nothing is left but to follow
    a bound, or to leave to infinity. Of many rows each pass is dear, and the one search has to do.
    """
    bounded = np.isfinite(task.low).any() or np.isfinite(task.high).any()
    if not bounded or task.plain is not None or task.problem.rows >= MANY or not len(task.search().others):
        return []
    start = np.clip(task.start if task.asked is None else task.asked, task.low, task.high)
    point, total, evaluations = reflective_end(task.problem, start, task.low, task.high, task.most)
    task.evaluations += evaluations
    return [task.run(point)] if total < known.sum_of_squares * (1 - SAME) else []


def not_above_the_start(task: Task, best: Solution) -> Solution:
    """A solution; from the start as it was asked for, where it was moved and is lower than where that led."""
    if task.asked is None or np.isnan(task.asked).any():
        return best
    point = np.clip(task.asked, task.low, task.high)
    task.evaluations += 1
    with np.errstate(all="ignore"):
        there = task.problem.reduced(point, slopes=False)
    return task.run(point) if there.sum_of_squares < best.sum_of_squares else best


def most_like_the_start(task: Task, best: Solution) -> Solution:
    """Of solutions that are the same but for signs and names, the one that is like the start."""
    if not best.converged or best.reduced.triangle is None:
        return best
    few = task.problem.thinned(ROWS)
    others = task.search().others
    value = partial(value_at, replace(task, plain=None), few, settle=True)
    size = contributions(best.reduced.triangle, best.point)
    point = preferred(best.point, task.start, others, value, size)
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
    return best if lowest.sum_of_squares >= FAR * best.sum_of_squares else lowest


def lowest_of(found: list[Solution]) -> Solution:
    """The lowest solution; of those that are as low, one that is converged."""
    lowest = min(solution.sum_of_squares for solution in found)
    alike = [solution for solution in found if solution.sum_of_squares <= lowest * (1 + ALIKE)]
    return next((solution for solution in alike if solution.converged), alike[0])


def from_several_places(task: Task) -> list[Solution]:
    """Solutions from the best of several starts."""
    generator = np.random.default_rng(task.seed)
    few = (task.plain or task.problem).thinned(ROWS)
    looked = [point for point in (task.sample(generator) for _ in range(task.starts * LOOKED_AT)) if point is not None]
    ranked = sorted((value, place) for place, value in enumerate(value_at(task, few, point) for point in looked))
    ranked = [(value, place) for value, place in ranked if np.isfinite(value)]
    points = [looked[place] for _, place in mixed(ranked, task.starts)]
    followed: list[Solution] = []
    for part, most in ROUNDS:
        followed = follow(task, few, points[: max(1, round(part * task.starts))], most)
        points = [solution.point for solution in followed]
        if agree(followed):
            break
    else:
        tried = [swept(task, few, solution.point, looked, generator) for solution in distinct(followed)[:SWEPT]]
        followed = sorted([*followed, *follow(task, few, tried, ROUNDS[-1][1])], key=lambda one: one.sum_of_squares)
    return finished(task, distinct(followed)[: 1 if agree(followed) else FINISHED])


def finished(task: Task, followed: list[Solution]) -> list[Solution]:
    """The ends of searches, with all rows: of the others not much is hoped for once one has converged."""
    found: list[Solution] = []
    for solution in followed:
        known = any(one.converged for one in found)
        found.append(task.run(solution.point, most=ROUNDS[-1][1] if known else None))
    return found


def swept(task: Task, problem: Problem, point: Any, looked: list[Any], generator: np.random.Generator) -> Any:
    """A point after each of its parameters, one by one, has tried many values that were drawn for it.

    Where a sum has several terms of a kind (waves, peaks), one term finds its place while the others stay.
    """
    least = value_at(task, problem, point)
    for place in generator.permutation(task.look(problem).others):
        for other in generator.choice(len(looked), min(TRIED, len(looked)), replace=False):
            moved = point.copy()
            moved[place] = looked[other][place]
            value = value_at(task, problem, moved)
            if value < least:
                point, least = moved, value
    return point


def mixed(ranked: list[Any], number: int) -> list[Any]:
    """So many of a ranked list: by turns the next of the best, and one from anywhere: the best are often neighbours."""
    half = (number + 1) // 2
    rest = ranked[half:]
    spread = rest[:: max(1, len(rest) // max(1, number - half))]
    turns = zip_longest(ranked[:half], spread[: number - half])
    return [one for pair in turns for one in pair if one is not None]


def follow(task: Task, problem: Problem, points: list[Any], most: int) -> list[Solution]:
    """Searches of so many evaluations at most from several points, the best ones first; no more where several agree."""
    found: list[Solution] = []
    for place, point in enumerate(points, start=1):
        solution = task.look(problem, most=most).run(np.clip(point, task.low, task.high))
        task.evaluations += solution.evaluations
        if np.isfinite(solution.sum_of_squares):
            found.append(solution)
        if place >= FEWEST and agree(found):
            break
    return sorted(found, key=lambda solution: solution.sum_of_squares)


def agree(solutions: list[Solution]) -> bool:
    """Whether several searches ended at the lowest solution of all."""
    least = min((solution.sum_of_squares for solution in solutions), default=0.0)
    return sum(one.converged and one.sum_of_squares <= least * (1 + ALIKE) for one in solutions) >= AGREEING


def value_at(task: Task, problem: Problem, point: Any, *, settle: bool = False) -> float:
    """The sum of squares at a place, with the linear parameters at their optimum.

    settle: whether they are moved there first: it costs an evaluation, and makes up for rounding.
    """
    task.evaluations += 1
    here = task.look(problem).looked_at(np.clip(point, task.low, task.high), settle=settle)
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
