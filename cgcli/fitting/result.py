"""What a fit gives: parameters, what the data say of them, and what is to be said of it in words."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import isfinite
from typing import TYPE_CHECKING

import numpy as np

from cgcli.errors import CalculationError
from cgcli.fitting import statistics as stats
from cgcli.fitting.gaps import tell_gaps
from cgcli.fitting.least_squares import ORTHOGONAL
from cgcli.fitting.profile import Profile, Profiler
from cgcli.fitting.reporting import Reporting
from cgcli.fitting.upper import EPSILON

if TYPE_CHECKING:
    from typing import Any

    from cgcli.fitting.least_squares import Solution
    from cgcli.fitting.protocol import Problem, Reduced
    from cgcli.fitting.question import Question
    from cgcli.fitting.searching import Task

LARGEST = 1e150
"""A length of derivatives that can be squared, beside rows of many; 1 / LARGEST is one of targets."""

ONLY_ROUNDING = "the residuals are rounding: errors say nothing about the data"
"""What is told of a fit that leaves nothing."""
STRONG = 0.9
"""A correlation from which on it is told."""


@dataclass
class FitResult(Reporting):
    """A fit: parameters, what the data say of them, and how it ended.

    values: parameter -> float or array. errors: standard errors in the same form; inf where the data do not determine a
    parameter, nan for one at a bound. names: a name for each element (`a`, `W[0,1]`), in the order of `covariance`
    (p, p) and `correlations`. intervals: element -> (low, high), of 95 % (Student's; normal with an absolute sigma).
    rows: those that were fitted; left_out: those with a cell that is missing or no number. dof: rows less parameters.
    residual: the residual standard deviation (of residuals divided by sigma, where there is one). sum_of_squares: of
    the same residuals; with a robust loss both are of rows as the loss counts them. r_squared, adjusted_r_squared: of
    the target about its mean; None where that has no spread. aic: −2 log L + 2 k with all constants, as in R.
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
        rows, columns = np.nonzero(np.triu(np.abs(self.correlations) >= least, 1))
        found = [(self.names[row], self.names[column], float(self.correlations[row, column]))
                 for row, column in zip(rows, columns, strict=True)]  # fmt: skip
        return sorted(found, key=lambda pair: -abs(pair[2]))

    def profile(self, coverage: float = 0.95) -> dict[str, Profile]:
        """Likelihood intervals by element: see `profile.Profile`. CalculationError where residuals say nothing."""
        found = self.ended_at.profiles(stats.quantile(self.dof, absolute=self.absolute_sigma, level=coverage))
        better = next((profile.lower for profile in found.values() if profile.lower is not None), None)
        if better is not None:
            place = ", ".join(f"{name} = {value:.6g}" for name, value in zip(self.names, better, strict=True))
            note = f"there is a better fit, met on the way to the intervals: start at {place}"
            self.warnings += [note] if note not in self.warnings else []
        return found


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


def result_of(
    question: Question, problem: Problem, solution: Solution, task: Task, notes: list[str], *, absolute: bool, loss: str
) -> FitResult:  # fmt: skip
    """The result of a solution, with its statistics and with what is to be said of it."""
    refuse_extremes(problem, solution.reduced.triangle)
    solution = blind_to_idle(problem, solution)
    reduced, point = solution.reduced, solution.point
    free = (point > task.low) & (point < task.high)
    found = stats.statistics(
        reduced.triangle, point, reduced.sum_of_squares, reduced.rows, absolute=absolute, free=free,
        perfect=stats.PERFECT_IN_DECIMALS if solution.digits else stats.PERFECT,
    )  # fmt: skip
    known = absolute or (found.dof > 0 and not found.perfect)
    variance = (1.0 if absolute else found.residual**2) if known else None
    if loss != "linear" and not absolute and known:
        found, variance = with_robust_errors(problem, point, found, reduced.rows)
    names, rows = question.names, reduced.rows
    r_squared, adjusted = determination(reduced, problem.spread(), found.dof)
    reach = stats.quantile(found.dof, absolute=absolute) * found.errors
    at_bound = [names[place] for place in np.flatnonzero(~free)]
    undetermined = [
        {names[place]: float(direction[place]) for place in np.flatnonzero(direction)}
        for direction in found.undetermined
    ]
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
    tell(result, found, solution)
    return result


def determination(reduced: Reduced, spread: float, dof: int) -> tuple[float | None, float | None]:
    """R² and the adjusted R²; None where there is nothing to explain, and where no row is left over."""
    if not spread > 0:
        return None, None
    share = 1 - reduced.plain / spread
    return share, 1 - (1 - share) * (reduced.rows - 1) / dof if dof > 0 else None


def blind_to_idle(problem: Problem, solution: Solution) -> Solution:
    """A solution without derivatives that are nothing but rounding: whether it has converged is told by the others."""
    idle = without_effect(problem, solution)
    if not idle:
        return solution
    triangle = solution.reduced.triangle.copy()
    triangle[:, idle] = 0.0
    basis, _ = np.linalg.qr(np.delete(triangle[:-1, :-1], idle, axis=1))
    along, total = float(np.linalg.norm(basis.T @ triangle[:-1, -1])), solution.sum_of_squares
    offset = along / total**0.5 if total else 0.0
    reduced = replace(solution.reduced, triangle=triangle)
    return replace(solution, reduced=reduced, offset=offset, converged=solution.converged or offset <= ORTHOGONAL)


def without_effect(problem: Problem, solution: Solution) -> list[int]:
    """Parameters that may as well be twice as large, and larger by 1, although their derivatives are not 0.

    Of `a*exp(-b*t) + c` and a constant target `a` is left at 1e-17, and not at 0; `b*x/b` has rounding for a slope.
    """
    reduced, point = solution.reduced, solution.point
    size = stats.contributions(reduced.triangle, point)
    rounding = stats.PERFECT * EPSILON * size
    lengths = np.linalg.norm(reduced.triangle[:-1, :-1], axis=0)
    suspect = (lengths > 0) & (lengths * np.abs(point) <= rounding)
    length = float(np.sqrt(reduced.sum_of_squares))

    def is_idle(place: Any) -> bool:
        for change in (point[place], 1.0):
            moved = point.copy()
            moved[place] += change
            with np.errstate(all="ignore"):
                total = problem.reduced(moved, slopes=False).sum_of_squares
            if not abs(np.sqrt(total) - length) <= rounding:
                return False
        return True

    return [int(place) for place in np.flatnonzero(suspect) if is_idle(place)]


def with_robust_errors(
    problem: Any, point: Any, found: stats.Statistics, rows: int
) -> tuple[stats.Statistics, float | None]:  # fmt: skip
    """Statistics under a robust loss, and the variance for its profiles; None where too few rows are near the curve."""
    scale, variance = stats.robust_variances(problem.moments(point), rows, found.dof)
    triangle = problem.without_loss().reduced(point).triangle
    plain = stats.statistics(triangle, point, scale * found.dof, rows, free=found.free)
    found = replace(found, covariance=plain.covariance, errors=plain.errors, undetermined=plain.undetermined)
    return found, variance if isfinite(variance) else None


def refuse_extremes(problem: Problem, triangle: Any) -> None:
    """CalculationError where squares leave the range of floats: nothing can be said of errors, nor of a minimum."""
    largest = np.abs(triangle[:, :-1]).max(axis=0, initial=0.0)
    for name, size in zip(problem.names, largest, strict=True):
        if size > LARGEST:
            raise CalculationError(
                f"derivatives by `{name}` are about {size:.0e}: their squares leave the range of numbers",
                hint="use other units in the table",
            )
    if 0 < problem.spread() < LARGEST**-2:
        raise CalculationError(
            "the target is so small that its squares leave the range of numbers", hint="use other units in the table"
        )


def message_of(solution: Solution) -> str:
    """How a search ended."""
    offset = f"relative offset {solution.offset:.1e}"
    if solution.converged:
        message = "converged: residuals orthogonal to their derivatives"
        if solution.digits:
            message += (
                f"; they are near the rounding of doubles, so last steps and errors are computed with {solution.digits}"
                " digits from the decimals of the table"
            )
        return message
    if solution.ended == "evaluations":
        return f"not converged: {solution.evaluations:,} evaluations were not enough ({offset})"
    if solution.ended == "no effect":
        return "not converged: the search came to where a parameter has no effect any more"
    return f"not converged: no further step lowers the residuals, although their derivatives say so ({offset})"


def at_its_bound(name: str) -> str:
    """What is said of a parameter that is at a bound."""
    return f"{name} is at its bound: errors are those with {name} fixed there"


def tell(result: FitResult, found: stats.Statistics, solution: Solution) -> None:
    """Say what is wrong with a result."""
    for name in result.at_bound:
        result.warnings.append(at_its_bound(name))
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
        result.warnings.append(ONLY_ROUNDING)
    elif (digits := stats.digits_of_errors(solution)) < stats.FEWEST_DIGITS:
        result.warnings.append(
            f"the residuals are near the rounding of the table's numbers: errors are right to about "
            f"{digits} digit{'' if digits == 1 else 's'}"
        )
