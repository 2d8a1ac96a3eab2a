"""From a formula and a table to fitted parameters, with what the data say of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from os import fspath
from typing import TYPE_CHECKING

import numpy as np

from cgcli.errors import CalculationError, DataError, UsageError, did_you_mean
from cgcli.fitting import statistics as stats
from cgcli.fitting.failures import no_start_error, not_finite_error
from cgcli.fitting.gaps import refuse_gaps, tell_gaps
from cgcli.fitting.profile import Profile, Profiler
from cgcli.fitting.question import Question, ask
from cgcli.fitting.remembering import Remembered, question_marks
from cgcli.fitting.reporting import Reporting
from cgcli.fitting.robust import LOSSES
from cgcli.fitting.rows_problem import RowsProblem
from cgcli.fitting.searching import ROWS, Task, best_solution
from cgcli.fitting.starts import Starts
from cgcli.formulas.derivatives import targets

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from os import PathLike
    from typing import Any

    from cgcli.fitting.least_squares import Solution
    from cgcli.fitting.protocol import Problem
    from cgcli.fitting.rows_problem import Progress
    from cgcli.fitting.searching import Sampler
    from cgcli.formulas.base import FormulaBase

STRONG = 0.9
"""A correlation from which on it is told."""
NEAR = 1e-6
"""A start that is nearer to a bound, relative to the distance of the bounds or to its own size, is moved away."""


@dataclass
class FitResult(Reporting):
    """A fit: parameters, what the data say of them, and how it ended.

    values: parameter -> float or array. errors: standard errors in the same form; inf where the data do not determine a
    parameter, nan for one at a bound. names: a name for each element (`a`, `W[0,1]`), in the order of `covariance`
    (p, p) and `correlations`. intervals: element -> (low, high), of 95 % (Student's; normal with an absolute sigma).
    rows: those that were fitted; left_out: those with a cell that is missing or no number. dof: rows less parameters.
    residual: the residual standard deviation (of residuals divided by sigma, where there is one). sum_of_squares: of
    the same residuals. r_squared, adjusted_r_squared: of the target about its mean; None where that has no spread.
    aic: −2 log L + 2 k with all constants, as in R.
    converged: whether the residuals are orthogonal to their derivatives to rounding, claimed only then. offset: how
    much of their length is not. fixed: the values of other inputs. at_bound: elements that are at a bound.
    undetermined: combinations of parameters that the data cannot tell apart, as {element: how far it moves}.
    warnings: sentences on what is wrong or was changed. question: what was fitted, for predictions.
    """

    values: dict[str, Any]
    errors: dict[str, Any]
    covariance: Any
    names: tuple[str, ...]
    rows: int
    dof: int
    residual: float
    sum_of_squares: float
    r_squared: float | None
    adjusted_r_squared: float | None
    aic: float
    intervals: dict[str, tuple[float, float]]
    correlations: Any
    method: str
    evaluations: int
    converged: bool
    message: str
    offset: float
    absolute_sigma: bool
    loss: str
    fixed: dict[str, Any]
    at_bound: list[str]
    undetermined: list[dict[str, float]]
    target: str
    output: str
    question: Question = field(repr=False, compare=False)
    ended_at: EndedAt = field(repr=False, compare=False)
    left_out: int = 0
    warnings: list[str] = field(default_factory=list)

    def strong_correlations(self, least: float = STRONG) -> list[tuple[str, str, float]]:
        """Pairs of elements that are correlated at least so much, the strongest first."""
        rows, columns = np.triu_indices(len(self.names), 1)
        found = [(self.names[row], self.names[column], float(self.correlations[row, column]))
                 for row, column in zip(rows, columns, strict=True)]  # fmt: skip
        return sorted((pair for pair in found if abs(pair[2]) >= least), key=lambda pair: -abs(pair[2]))

    def profile(self, coverage: float = 0.95) -> dict[str, Profile]:
        """Likelihood intervals by element: see `profile.Profile`. CalculationError where residuals say nothing."""
        return self.ended_at.profiles(stats.quantile(self.dof, absolute=self.absolute_sigma, level=coverage))


@dataclass
class EndedAt:
    """Where a search ended, for questions about its surroundings. variance: of a residual, None where unknown."""

    problem: Problem
    point: Any
    low: Any
    high: Any
    variance: float | None
    project: bool

    def profiles(self, quantile: float) -> dict[str, Profile]:
        """The profiles of all elements. CalculationError where nothing is known of the residuals' variance."""
        if self.variance is None:
            raise CalculationError(
                "there are no likelihood intervals: the residuals are rounding, or as many as the parameters",
                hint="give sigma, and say that it is absolute",
            )
        profiler = Profiler(self.problem, self.point, self.low, self.high, variance=self.variance, quantile=quantile,
                            project=self.project)  # fmt: skip
        return {name: profiler.profile(place) for place, name in enumerate(self.problem.names)}


def fit(
    formula: FormulaBase, data: Any, *, target: str | None = None, start: Mapping[str, Any] | None = None,
    fix: Mapping[str, Any] | Sequence[str] | str | None = None, wrt: Sequence[str] | None = None,
    bounds: Mapping[str, tuple[float | None, float | None]] | None = None, sigma: str | float | None = None,
    absolute_sigma: bool = False, loss: str = "linear", loss_scale: float = 1.0, starts: int = 48, seed: int = 1,
    columns: Mapping[str, str] | None = None, missing: str | None = None, limit: int | None = None, most: int = 1000,
    progress: Callable[[Progress], None] = lambda progress: None, save: str | PathLike[str] | None = None,
    resume: str | PathLike[str] | None = None,
) -> FitResult:  # fmt: skip
    """Parameters of a formula such that its values are nearest to a target, row by row, by least squares.

    data: a path, a frame, an Arrow table, a mapping of arrays. target: a column or a formula over columns. start:
    parameter -> number, array, or (low, high), a range to start in; what has none is found. fix: inputs that stay, with
    values or by name. wrt: the parameters; without it those declared `param`, else every input that no column fills.
    bounds: parameter -> (low, high), None or infinite where open. sigma: a column, a formula over columns, or a number:
    the standard deviation of a row, in proportion or, with `absolute_sigma`, as it is. loss: one of `robust.LOSSES`,
    with residuals in units of `loss_scale`. starts, seed: how many places are started from where no start is known.
    columns: input -> column where names differ. missing: rows with a gap are left out, `skip`, or
    an `error`; by default those with a missing cell are left out, and a text that is no number is an error. limit: at
    most so many rows are read. most: evaluations at most of one search. progress: called now and then. save: a file for
    what the search has asked and heard, written from time to time and at Ctrl-C; resume: go on from such a file, to the
    same bits (see `remembering`).

    UsageError for what does not fit together, DataError for data that cannot be fitted, CalculationError where the
    residuals are finite at no start.
    """
    if loss not in LOSSES:
        raise UsageError(f"there is no loss `{loss}`", hint=did_you_mean(loss, LOSSES) or f"one of {', '.join(LOSSES)}")
    if not loss_scale > 0:
        raise UsageError(f"the scale of a loss is positive, not {loss_scale}")
    question = ask(formula, data, target=target, start=start, fix=fix, wrt=wrt, sigma=sigma, columns=columns)
    question.limit = limit
    low, high = bounds_of(question, bounds)
    problem = RowsProblem(question, loss=loss, scale=loss_scale, progress=progress)
    refuse_gaps(question, problem.report, missing)
    how = {"starts": starts, "seed": seed, "most": most}
    saved, resumed = (None if path is None else fspath(path) for path in (save or resume, resume))
    if saved is None:
        return solved(question, problem, low, high, how, absolute=absolute_sigma, loss=loss)
    asked = {"bounds": [low.tolist(), high.tolist()], "loss": loss, "scale": loss_scale, **how}
    with Remembered(problem, saved, question_marks(question, problem.kept_rows, asked), resumed) as kept:
        return solved(question, kept, low, high, how, absolute=absolute_sigma, loss=loss)


def solved(
    question: Question, problem: Any, low: Any, high: Any, how: dict[str, int], *, absolute: bool, loss: str
) -> FitResult:  # fmt: skip
    """The best solution of a problem within bounds, as a result. how: starts, seed and most of `fit`."""
    notes: list[str] = []
    task = task_of(question, problem, low, high, notes, **how)
    task.project = loss == "linear"
    enough_rows(problem.rows, question)
    solution = best_solution(task)
    enough_rows(problem.rows, question)  # known before the first evaluation only where a table says so
    if not np.isfinite(solution.sum_of_squares):
        raise not_finite_error(question, solution.point, solution.reduced)
    if not solution.converged and (unknown := unknown_starts(question, task)):
        raise no_start_error(question, unknown, solution)
    return result_of(question, problem, solution, task, notes, absolute=absolute, loss=loss)


def bounds_of(question: Question, bounds: Mapping[str, Any] | None) -> tuple[Any, Any]:
    """Bounds of every element, infinite where there is none. UsageError for unknown names and for empty ranges."""
    low, high = question.point({}, missing=-np.inf), question.point({}, missing=np.inf)
    places = {name: [place] for place, name in enumerate(question.names)}
    for name, shape in question.shapes.items():
        if shape:
            places[name] = [place for place, element in enumerate(question.names) if element.startswith(f"{name}[")]
    for name, given in dict(bounds or {}).items():
        if name not in places:
            hint = did_you_mean(name, places) or f"parameters are {', '.join(question.shapes)}"
            raise UsageError(f"there is no parameter `{name}` to bound", hint=hint)
        try:
            least, most = given
            least, most = -np.inf if least is None else float(least), np.inf if most is None else float(most)
        except (TypeError, ValueError):
            raise UsageError(f"the bounds of `{name}` are no pair of numbers", hint="for example (0, None)") from None
        if not least < most:
            raise UsageError(f"the bounds {least:g} and {most:g} of `{name}` leave nothing between them")
        low[places[name]], high[places[name]] = least, most
    return low, high


def task_of(
    question: Question, problem: Problem, low: Any, high: Any, notes: list[str], **options: Any
) -> Task:  # fmt: skip
    """The search that a question needs; a start outside of its bounds is moved, and told of."""
    start = question.point(question.starts)
    ranges = {name: bounds for name, bounds in question.ranges.items() if name not in question.starts}
    least = np.maximum(question.point({name: pair[0] for name, pair in ranges.items()}, missing=-np.inf), low)
    most = np.minimum(question.point({name: pair[1] for name, pair in ranges.items()}, missing=np.inf), high)
    if (least > most).any():
        name = question.names[int((least > most).argmax())]
        raise UsageError(f"the range to start in and the bounds of `{name}` have nothing in common")
    for place in np.flatnonzero(~np.isnan(start)):
        moved = inside(start[place], low[place], high[place])
        if moved != start[place]:
            where = "outside of its bounds" if not low[place] <= start[place] <= high[place] else "at a bound"
            name = question.names[place]
            notes.append(f"the start {name} = {start[place]:g} is {where}: the search begins at {moved:g}")
            start[place] = moved

    return Task(problem, low, high, start, sampler(question, problem, start, least, most), **options)


def sampler(question: Question, problem: Problem, start: Any, low: Any, high: Any) -> Sampler:
    """Draws points: of what has a start as it is, the others scaled by the data, within ranges and bounds."""
    unknown = [name for name in question.shapes if name not in question.starts]
    linear = [name for name, is_linear in zip(question.names, problem.linear, strict=True)
              if is_linear and name in unknown and name not in question.ranges]  # fmt: skip
    bound = question.bound()
    node = targets(bound.program, question.output)[question.output]
    values = {name: value for name, value in bound.values.items() if name not in unknown}
    nonlinear = [name for name in unknown if name not in linear]
    drawing = Starts(bound.graph, node, values, problem.columns(ROWS), nonlinear, linear)
    within = {name: (low[place], high[place]) for place, name in enumerate(question.names)}

    def sample(generator: np.random.Generator) -> Any:
        found = drawing.draw(generator, within)
        drawn = [found.get(name, generator.normal()) for name in question.names]
        return np.clip(np.where(np.isnan(start), drawn, start), low, high)

    return sample


def unknown_starts(question: Question, task: Task) -> list[str]:
    """Parameters without a start, and without a range for one, that are not solved for."""
    return [name for name, number, is_linear in zip(question.names, task.start, task.problem.linear, strict=True)
            if np.isnan(number) and not is_linear and name not in question.ranges]  # fmt: skip


def inside(value: float, low: float, high: float) -> float:
    """A start moved into its bounds, a little away from them."""
    if not np.isfinite(low) and not np.isfinite(high):
        return value
    room = high - low if np.isfinite(high - low) else max(abs(value), abs(low) if np.isfinite(low) else abs(high), 1.0)
    margin = NEAR * room
    if value < low + margin:
        return low + (0.01 * room if np.isfinite(high - low) else 0.01 * max(abs(low), 1.0))
    if value > high - margin:
        return high - (0.01 * room if np.isfinite(high - low) else 0.01 * max(abs(high), 1.0))
    return value


def enough_rows(rows: int, question: Question) -> None:
    """DataError where there are fewer rows than parameters; 0 rows are not known yet."""
    size = len(question.names)
    if rows and rows < size:
        raise DataError(
            f"{rows} row{'s' if rows > 1 else ''} cannot determine {size} parameters: {', '.join(question.names[:8])}",
            hint="fix some of them, or give more rows",
        )


def result_of(
    question: Question, problem: Problem, solution: Solution, task: Task, notes: list[str], *, absolute: bool, loss: str
) -> FitResult:  # fmt: skip
    """The result of a solution, with its statistics and with what is to be said of it."""
    reduced, point = solution.reduced, solution.point
    free = (point > task.low) & (point < task.high)
    found = stats.statistics(
        reduced.triangle, point, reduced.sum_of_squares, reduced.rows, absolute=absolute, free=free
    )
    names, rows = question.names, reduced.rows
    spread = problem.spread()
    r_squared = 1 - reduced.plain / spread if spread > 0 else None
    adjusted = 1 - (1 - r_squared) * (rows - 1) / found.dof if r_squared is not None and found.dof > 0 else None
    reach = stats.quantile(found.dof, absolute=absolute) * found.errors
    at_bound = [names[place] for place in np.flatnonzero(~free)]
    undetermined = [
        {names[place]: float(direction[place]) for place in np.flatnonzero(direction)}
        for direction in found.undetermined
    ]
    known = absolute or (found.dof > 0 and not found.perfect)
    variance = (1.0 if absolute else found.residual**2) if known else None
    result = FitResult(
        values=question.values(point), errors=question.values(found.errors), covariance=found.covariance, names=names,
        rows=rows, dof=found.dof, residual=found.residual, sum_of_squares=reduced.sum_of_squares, r_squared=r_squared,
        adjusted_r_squared=adjusted,
        aic=stats.akaike(reduced.plain, rows, rows - found.dof, problem.log_sigma(), absolute=absolute),
        intervals={name: (float(value - half), float(value + half))
                   for name, value, half in zip(names, point, reach, strict=True)},
        correlations=stats.correlations(found.covariance), method=solution.method, evaluations=solution.evaluations,
        converged=solution.converged, message="", offset=solution.offset, absolute_sigma=absolute, loss=loss,
        fixed=question.fixed, at_bound=at_bound, undetermined=undetermined, target=question.target.text,
        output=question.output, question=question, warnings=notes,
        ended_at=EndedAt(problem, point, task.low, task.high, variance, task.project),
    )  # fmt: skip
    result.message = message_of(solution)
    tell_gaps(result, problem.report)
    tell(result, found)
    return result


def message_of(solution: Solution) -> str:
    """How a search ended."""
    offset = f"relative offset {solution.offset:.1e}"
    if solution.converged:
        return "converged: residuals orthogonal to their derivatives"
    if solution.ended == "evaluations":
        return f"not converged: {solution.evaluations:,} evaluations were not enough ({offset})"
    return f"not converged: no further step lowers the residuals, although their derivatives say so ({offset})"


def tell(result: FitResult, found: stats.Statistics) -> None:
    """Say what is wrong with a result."""
    for name in result.at_bound:
        result.warnings.append(f"{name} is at its bound: errors are those with {name} fixed there")
    for direction in found.undetermined:
        moved = [result.names[place] for place in np.flatnonzero(direction)]
        if len(moved) == 1:
            result.warnings.append(f"the data say nothing about {moved[0]}: no residual depends on it")
        else:
            listed = f"{', '.join(moved[:-1])} and {moved[-1]}"
            result.warnings.append(
                f"the data cannot tell {listed} apart: moved together, "
                f"{stats.combination(direction, result.names)}, they change no residual"
            )
    if result.dof <= 0:
        result.warnings.append("there are as many parameters as rows: the residuals say nothing about errors")
    if found.perfect:
        result.warnings.append("the residuals are rounding: errors say nothing about the data")
