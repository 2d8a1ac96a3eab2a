"""The same formula fitted to every group of rows: `by="plate"` is a fit for each plate.

Groups are fitted side by side (`descent`) from starts that are given or found at a few of them; where a group does not
converge, or fits much worse than the others, from many places (`starting`). One that walks out of its bounds walks
again with parameters held there (`held`). What is not plain there is fitted alone, as a table of its own: a group that
still does not converge, whose derivatives depend on each other, or which its bounds cost too much.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from cgcli.errors import CgError
from cgcli.fitting.failures import not_finite_error
from cgcli.fitting.fit import bounds_of, enough_rows, task_of
from cgcli.fitting.groups.held import ActiveSet, of_groups
from cgcli.fitting.groups.side_by_side import Batches
from cgcli.fitting.groups.small_matrices import covariances, dependent, squares
from cgcli.fitting.groups.starting import FOLLOWED, LOOKED_AT, around, searched, solution_of, some_groups
from cgcli.fitting.residuals import Residuals
from cgcli.fitting.result import ONLY_ROUNDING, at_its_bound, result_of
from cgcli.fitting.rows_problem import RowsProblem
from cgcli.fitting.searching import best_solution
from cgcli.fitting.statistics import PERFECT
from cgcli.fitting.upper import EPSILON
from cgcli.rows.sources import Source, WholeRows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from cgcli.data.table import Place
    from cgcli.fitting.groups.grouping import GroupedRows
    from cgcli.fitting.groups.held import Held
    from cgcli.fitting.groups.side_by_side import Ended
    from cgcli.fitting.question import Question
    from cgcli.fitting.result import FitResult
    from cgcli.fitting.searching import Task

SEARCHED = 3
"""Groups at which starts are looked for where none are given."""
SAME = 1e-9
"""Sums of squares, relative to each other, that are one."""
ODD = 10.0
"""How many times the usual part of the spread a group may leave unexplained, before other starts are tried."""
COSTLY = 10.0
"""How many times the sum of squares without bounds that within them may be, before a fit within them is tried."""
FEWEST = 4
"""Groups from which on starts are found for all of them together."""


@dataclass(frozen=True)
class How:
    """How groups are fitted: the options of `fit` that do not belong to the question."""

    low: Any
    high: Any
    absolute: bool = False
    loss: str = "linear"
    scale: float = 1.0
    starts: int | None = None
    seed: int = 1
    most: int = 1000


@dataclass
class GroupFits:
    """Numbers of all groups, by the last axis of arrays.

    points (p, groups): nan where there is no fit. errors (p, groups): standard errors. rows, dof, residual, r_squared,
    sum_of_squares, evaluations, converged: as of a `FitResult`, arrays (groups,). messages: how each ended, or why it
    has no fit.
    """

    points: Any
    errors: Any
    rows: Any
    dof: Any
    residual: Any
    sum_of_squares: Any
    r_squared: Any
    evaluations: Any
    converged: Any
    messages: list[str]


class RowsOfGroup(Source):
    """The rows of one group, which stand elsewhere in the whole table."""

    def __init__(self, columns: Mapping[str, Any], whole: Source, rows: GroupedRows, first: int) -> None:
        super().__init__(columns)
        self._whole = whole
        self._rows = rows
        self._first = first

    def located(self, row: int) -> Place:
        """Where a row of the group, from 1, stands in the whole table."""
        return self._whole.located(self._rows.number(self._first + row - 1))


@dataclass
class Groups:
    """A question about groups of rows, and the fits of those that were fitted alone."""

    question: Question
    rows: GroupedRows
    how: How
    alone: dict[int, FitResult] = field(default_factory=dict)
    _problem: RowsProblem | None = None

    def fitted_alone(self, place: int, start: Mapping[str, Any] | None = None) -> FitResult:
        """The fit of one group, as that of a table of its own. start: where it begins instead. Errors as of `fit`."""
        how, rows = self.how, self.rows
        part = slice(rows.first[place], rows.first[place + 1])
        question = self._question_of(part)
        if start is not None:
            question = replace(question, starts=dict(start), ranges={})
        enough_rows(int(rows.sizes[place]), question)
        problem = self._problem_of(question)
        notes: list[str] = []
        task = self._task_of(question, problem, notes)
        if start is not None:  # nobody gave it
            notes.clear()
        task.project = how.loss == "linear"
        solution = best_solution(task)
        if not np.isfinite(solution.sum_of_squares):
            raise not_finite_error(question, solution.point, solution.reduced)
        return result_of(question, problem, solution, task, notes, absolute=how.absolute, loss=how.loss)

    def samples(self, place: int) -> Any:
        """Places at which a search for a group may begin: (samples, p), in the order of the question's elements."""
        question = self._question_of(slice(self.rows.first[place], self.rows.first[place + 1]))
        task = self._task_of(question, self._problem_of(question), [])
        generator = np.random.default_rng(self.how.seed)
        drawn = [task.sample(generator) for _ in range(LOOKED_AT // SEARCHED)]
        return np.array([point for point in drawn if point is not None]).reshape(-1, len(question.names))

    def _question_of(self, part: slice) -> Question:
        columns = {name: column[part] for name, column in self.rows.columns.items()}
        source = RowsOfGroup(columns, self.question.source, self.rows, part.start)
        return replace(self.question, source=source, limit=None)

    def _task_of(self, question: Question, problem: RowsProblem, notes: list[str]) -> Task:
        how = self.how
        return task_of(question, problem, how.low, how.high, notes, starts=how.starts, seed=how.seed, most=how.most)

    def _problem_of(self, question: Question) -> RowsProblem:
        """The problem of one group; kernels are made once for all of them."""
        if self._problem is None:
            self._problem = RowsProblem(question, loss=self.how.loss, scale=self.how.scale)
            return self._problem
        return self._problem.over(WholeRows(question.source, question.needed()), question)


def fit_groups(groups: Groups) -> GroupFits:
    """The fits of all groups; one that fails has its reason instead. ShapeError for a formula that is none of rows."""
    question, how = groups.question, groups.how
    fits = empty(groups)
    if how.loss == "linear" and not any(question.shapes.values()):
        fit_together(groups, fits)
    else:
        Residuals(question)  # what is wrong with the formula is wrong with all groups
    for place in np.flatnonzero(np.isnan(fits.residual)):
        enter_alone(groups, fits, int(place))
    return fits


def fit_together(groups: Groups, fits: GroupFits) -> None:
    """Fit groups side by side, and enter what is plain there: from starts that are given, or found at a few groups;
    those that did not end well from many places.
    """
    question, how, sizes = groups.question, groups.how, groups.rows.sizes
    batches = Batches(question, groups.rows)
    begun = all(name in question.starts for name in batches.others)
    starts: list[Mapping[str, Any]] = [question.starts]
    samples = around(question, how.low, how.high, how.seed, LOOKED_AT)
    if not begun or how.starts is not None:
        if len(groups.rows) < FEWEST:
            return
        some = some_groups(sizes, len(question.names), SEARCHED)
        drawn = list(samples_of(groups, some))
        samples = np.concatenate([*drawn, *([samples] if begun else [])]) if drawn else samples
        starts = starts if begun else found_starts(groups, fits, batches, some, samples) if drawn else []
    waiting = np.flatnonzero(np.isnan(fits.residual) & (sizes > len(question.names)))
    if not len(waiting) or not starts:
        return
    spreads = batches.spreads()
    ended = batches.run(waiting, [batches.point(values) for values in starts])
    enter_plain(groups, fits, batches, waiting, ended, spreads)
    enter_held(groups, fits, batches, waiting, ended, spreads)
    again = np.isnan(fits.residual[waiting])
    if how.starts is not None:
        again[:] = True
    elif not begun:
        again[np.searchsorted(waiting, np.intersect1d(waiting, odd(fits)))] = True
    for places, found in searched(batches, waiting[again], samples, how.starts or FOLLOWED):
        enter_plain(groups, fits, batches, places, found, spreads)
        enter_held(groups, fits, batches, places, found, spreads)


def empty(groups: Groups) -> GroupFits:
    """Nothing is known yet."""
    count, size, sizes = len(groups.rows), len(groups.question.names), groups.rows.sizes
    return GroupFits(
        points=np.full((size, count), np.nan), errors=np.full((size, count), np.nan), rows=sizes, dof=sizes - size,
        residual=np.full(count, np.nan), sum_of_squares=np.full(count, np.nan), r_squared=np.full(count, np.nan),
        evaluations=np.zeros(count, dtype=int), converged=np.zeros(count, dtype=bool), messages=[""] * count,
    )  # fmt: skip


def samples_of(groups: Groups, places: Sequence[int]) -> Iterator[Any]:
    """Places at which a search for some groups may begin; of one that cannot be fitted none."""
    for place in places:
        with suppress(CgError):  # which is told in its row
            yield groups.samples(place)


def found_starts(
    groups: Groups, fits: GroupFits, batches: Batches, places: Sequence[int], samples: Any
) -> list[Mapping[str, Any]]:  # fmt: skip
    """Places to start from: the solutions of a few groups. Where none is found from samples, the group is fitted alone,
    and is done.
    """
    found: list[Mapping[str, Any]] = []
    for place in places:
        values = solution_of(batches, place, samples)
        if values is None:
            enter_alone(groups, fits, place)
            values = groups.alone[place].values if fits.converged[place] else None
        if values is not None:
            found.append(values)
    return found


def enter_alone(groups: Groups, fits: GroupFits, place: int) -> None:
    """Fit a group alone, and enter what came of it."""
    try:
        result = groups.fitted_alone(place)
    except CgError as error:
        fits.messages[place] = error.message
        fits.residual[place] = np.inf
        return
    groups.alone[place] = result
    fits.points[:, place] = list(result.element_values.values())
    fits.errors[:, place] = list(result.element_errors.values())
    fits.residual[place], fits.sum_of_squares[place] = result.residual, result.sum_of_squares
    fits.r_squared[place] = np.nan if result.r_squared is None else result.r_squared
    fits.evaluations[place], fits.converged[place] = result.evaluations, result.converged
    fits.messages[place] = "; ".join([*([] if result.converged else [result.message]), *result.warnings])


def enter_plain(
    groups: Groups, fits: GroupFits, batches: Batches, places: Any, ended: Ended, spreads: Any
) -> None:  # fmt: skip
    """Enter those ends of walks that are plain, and lower than what is known."""
    how, size = groups.how, len(groups.question.names)
    points = ended.points[batches.back]
    total = squares(ended.triangle[:, size])
    within = ((points > how.low[:, None]) & (points < how.high[:, None])).all(axis=0)
    plain = ended.converged & ~dependent(ended.triangle, size) & within & (ended.offset < 1) & (total > 0)
    plain &= ~(total >= fits.sum_of_squares[places] * (1 - SAME))
    chosen, whole = places[plain], bool(plain.all())
    triangle, points, total = (part if whole else part[..., plain] for part in (ended.triangle, points, total))
    variance = total / fits.dof[chosen]
    with np.errstate(all="ignore"):
        products = covariances(triangle, size)
        errors = np.sqrt(np.einsum("iig->ig", products) * (1.0 if how.absolute else variance))
        squared = np.where(spreads[chosen] > 0, 1 - total / spreads[chosen], np.nan)
    fits.points[:, chosen], fits.errors[:, chosen] = points, errors[batches.back]
    fits.residual[chosen], fits.sum_of_squares[chosen] = np.sqrt(variance), total
    fits.r_squared[chosen], fits.converged[chosen] = squared, True
    fits.evaluations[chosen] = ended.evaluations if whole else ended.evaluations[plain]
    terms = np.sqrt(np.einsum("rcg,rcg->cg", triangle[:size, :size], triangle[:size, :size]))
    rounding = total <= (PERFECT * EPSILON) ** 2 * squares(terms[batches.back] * points)
    if any(fits.messages):  # a bound that a higher end was at
        for place in chosen.tolist():
            fits.messages[place] = ""
    for place in chosen[rounding].tolist():
        fits.messages[place] = ONLY_ROUNDING


def enter_held(
    groups: Groups, fits: GroupFits, batches: Batches, places: Any, ended: Ended, spreads: Any
) -> None:  # fmt: skip
    """Enter the ends at bounds of walks that led out of them, where these are lower than what is known.

    From a start that is given a group that the bounds cost too much is left for a fit of its own, which does not cross
    them on its way.
    """
    how, question = groups.how, groups.question
    if not (np.isfinite(how.low).any() or np.isfinite(how.high).any()):
        return
    most = fits.sum_of_squares * (1 - SAME)
    most[np.isnan(most)] = np.inf
    if all(name in question.starts for name in batches.others):
        most[places] = np.minimum(most[places], COSTLY * squares(ended.triangle[:, len(question.names)]))
    for every in ActiveSet(question, groups.rows, batches, how.low, how.high).run(places, ended):
        enter_at_bounds(groups, fits, of_groups(every, every.total < most[every.places]), spreads)


def enter_at_bounds(groups: Groups, fits: GroupFits, held: Held, spreads: Any) -> None:
    """Enter groups that ended at bounds, with what is said of them."""
    chosen, total, names = held.places, held.total, groups.question.names
    variance = total / fits.dof[chosen]
    with np.errstate(all="ignore"):
        fits.errors[:, chosen] = np.sqrt(held.products * (1.0 if groups.how.absolute else variance))
        fits.r_squared[chosen] = np.where(spreads[chosen] > 0, 1 - total / spreads[chosen], np.nan)
    fits.points[:, chosen], fits.sum_of_squares[chosen] = held.points, total
    fits.residual[chosen], fits.evaluations[chosen] = np.sqrt(variance), held.evaluations
    fits.converged[chosen] = True
    rounding = total <= (PERFECT * EPSILON) ** 2 * squares(held.lengths * held.points)
    for place, sides, perfect in zip(chosen.tolist(), held.sides.T, rounding, strict=True):
        told = [at_its_bound(names[each]) for each in np.flatnonzero(sides)]
        fits.messages[place] = "; ".join([*told, *([ONLY_ROUNDING] if perfect else [])])


def odd(fits: GroupFits) -> Any:
    """Groups that leave much more of their spread unexplained than groups do: perhaps another place is better."""
    left = 1 - fits.r_squared
    known = np.isfinite(left)
    if not known.any():
        return []
    return np.flatnonzero(known & (left > ODD * max(float(np.median(left[known])), 1e-12)) & (left > 0.05))


class Places:
    """Where the groups with some keys stand; looked for when the first one is asked for."""

    def __init__(self, keys: Sequence[Any]) -> None:
        self.keys = keys
        self._known: dict[Any, int] = {}

    def of(self, key: Any) -> int:
        """The place of a key. KeyError where there is none."""
        if not self._known:
            self._known = {each: place for place, each in enumerate(self.keys)}
        return self._known[key]


class Results(Mapping):  # type: ignore[type-arg]
    """The full result of each group by its key; those that were fitted side by side are worked out when asked for."""

    def __init__(self, groups: Groups, fits: GroupFits, keys: Sequence[Any]) -> None:
        self._groups = groups
        self._fits = fits
        self._places = Places(keys)

    def __getitem__(self, key: Any) -> FitResult:
        place = self._places.of(key)
        groups, fits = self._groups, self._fits
        if place not in groups.alone:
            start = None
            if fits.converged[place]:
                start = groups.question.values(fits.points[:, place])
            groups.alone[place] = groups.fitted_alone(place, start)
        return groups.alone[place]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._places.keys)

    def __len__(self) -> int:
        return len(self._places.keys)


__all__ = ["GroupFits", "Groups", "How", "Results", "bounds_of", "fit_groups"]
