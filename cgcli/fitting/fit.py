"""From a formula and a table to fitted parameters, with what the data say of them."""

from __future__ import annotations

from contextlib import contextmanager
from os import fspath
from typing import TYPE_CHECKING

import numpy as np

from cgcli.errors import DataError, UsageError, did_you_mean
from cgcli.fitting.failures import no_start_error, not_finite_error
from cgcli.fitting.gaps import refuse_gaps
from cgcli.fitting.question import Question, ask
from cgcli.fitting.remembering import Remembered, question_marks
from cgcli.fitting.result import FitResult, result_of
from cgcli.fitting.robust import check_loss
from cgcli.fitting.rows_problem import RowsProblem, rows_of
from cgcli.fitting.searching import ROWS, Task, best_solution
from cgcli.fitting.starts import Starts
from cgcli.fitting.statistics import FEWEST_DIGITS, digits_of_errors
from cgcli.fitting.whole_columns import settle_whole_columns
from cgcli.formulas.derivatives import targets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from os import PathLike
    from typing import Any

    from cgcli.fitting.protocol import Problem
    from cgcli.fitting.rows_problem import Progress
    from cgcli.fitting.searching import Sampler
    from cgcli.formulas.base import FormulaBase
    from cgcli.rows.sources import WholeRows

STARTS = 48
"""Places that are started from where nobody says how many."""
NEAR = 1e-6
"""A start that is nearer to a bound, relative to the distance of the bounds or to its own size, is moved away."""


def fit(
    formula: FormulaBase, data: Any, *, target: str | None = None, start: Mapping[str, Any] | None = None,
    fix: Mapping[str, Any] | Sequence[str] | str | None = None, wrt: Sequence[str] | None = None,
    bounds: Mapping[str, tuple[float | None, float | None]] | None = None, sigma: str | float | None = None,
    absolute_sigma: bool = False, loss: str = "linear", loss_scale: float = 1.0, starts: int | None = None,
    seed: int = 1, columns: Mapping[str, str] | None = None, missing: str | None = None, limit: int | None = None,
    most: int = 1000,
    progress: Callable[[Progress], None] = lambda progress: None, save: str | PathLike[str] | None = None,
    resume: str | PathLike[str] | None = None, sigma_x: str | float | Mapping[str, Any] | None = None,
    cluster: Any = None,
) -> FitResult:  # fmt: skip
    """Parameters of a formula such that its values are nearest to a target, row by row, by least squares.

    data: a path, a frame, an Arrow table, a mapping of arrays. target: a column or a formula over columns. start:
    parameter -> number, array, or (low, high), a range to start in; what has none is found. fix: inputs that stay, with
    values or by name. wrt: the parameters; without it those declared `param`, else every input that no column fills.
    bounds: parameter -> (low, high), None or infinite where open. sigma: a column, a formula over columns, or a number:
    the standard deviation of a row, in proportion or, with `absolute_sigma`, as it is. loss: one of `robust.LOSSES`,
    with residuals in units of `loss_scale`. starts, seed: how many places are started from; where all starts are known
    that are needed, only if it is said, or if these lead nowhere. columns: input -> column where names differ.
    missing: rows with a gap are left out, `skip`, or an `error`; by default those with a missing cell are left out, and
    a text that is no number is an error. limit: at most so many rows are read. most: evaluations at most of one search.
    progress: called now and then. save: a file for what the search has asked and heard, written from time to time and
    at Ctrl-C; resume: go on from such a file, to the same bits (see `remembering`). sigma_x: as sigma, of the input
    that has errors itself, or input -> sigma: orthogonal distances (see `orthogonal`; needs sigma and the extra `odr`).
    cluster: where the passes over the rows run, `local:2`, `tcp://scheduler:8786` or an executor (see `on_cluster`).

    UsageError for what does not fit together, DataError for data that cannot be fitted, CalculationError where the
    residuals are finite at no start.
    """
    check_loss(loss, loss_scale)
    question = ask(
        formula, data, target=target, start=start, fix=fix, wrt=wrt, sigma=sigma, sigma_x=sigma_x, columns=columns
    )
    question.limit = limit
    if question.sigma_x:
        from cgcli.fitting.orthogonal import check_orthogonal

        check_orthogonal(question, loss, saving=save or resume)
    low, high = bounds_of(question, bounds)
    rows = rows_of(question)
    settle_whole_columns(question, rows)
    how = {"starts": starts, "seed": seed, "most": most}
    with problem_of(question, rows, cluster, loss=loss, scale=loss_scale, progress=progress) as problem:
        refuse_gaps(question, problem.report, missing)
        return answered(
            question, problem, low, high, how, absolute=absolute_sigma, loss=loss, scale=loss_scale, save=save,
            resume=resume,
        )  # fmt: skip


@contextmanager
def problem_of(
    question: Question, rows: WholeRows, cluster: Any, *, loss: str, scale: float, progress: Callable[[Progress], None]
) -> Iterator[RowsProblem]:
    """The problem of a question, for as long as the cluster that computes it is open."""
    if cluster is None:
        yield RowsProblem(question, rows=rows, loss=loss, scale=scale, progress=progress)
        return
    from cgcli.cluster.executor import Opened
    from cgcli.fitting.on_cluster import ClusterProblem

    if question.sigma_x:
        raise UsageError("orthogonal distances are not computed on a cluster", hint="leave sigma_x or cluster out")
    with Opened(cluster) as executor:
        problem = ClusterProblem(question, executor, rows, loss=loss, scale=scale, progress=progress)
        yield problem
        problem.come_home()


def answered(
    question: Question, problem: RowsProblem, low: Any, high: Any, how: dict[str, Any], *, absolute: bool, loss: str,
    scale: float, save: str | PathLike[str] | None, resume: str | PathLike[str] | None,
) -> FitResult:  # fmt: skip
    """The fit of a problem, which is remembered in a file where one is named. The others: see `fit`."""
    plain = None if loss == "linear" else problem.without_loss()
    saved, resumed = (None if path is None else fspath(path) for path in (save or resume, resume))
    if saved is None:
        return solved(question, problem, low, high, how, absolute=absolute, loss=loss, plain=plain)
    asked = {"bounds": [low.tolist(), high.tolist()], "loss": loss, "scale": scale, **how}
    with Remembered(problem, saved, question_marks(question, problem.kept_rows, asked), resumed) as kept:
        return solved(question, kept, low, high, how, absolute=absolute, loss=loss, plain=plain)


def solved(
    question: Question, problem: Any, low: Any, high: Any, how: dict[str, Any], *, absolute: bool, loss: str,
    plain: Any = None,
) -> FitResult:  # fmt: skip
    """The best solution of a problem within bounds, as a result. how: starts, seed and most of `fit`.

    plain: the problem without its robust loss.
    """
    notes: list[str] = list(question.notes)
    task = task_of(question, problem, low, high, notes, **how)
    task.project, task.plain = loss == "linear", plain
    enough_rows(problem.rows, question)
    solution = best_solution(task)
    enough_rows(problem.rows, question)  # known before the first evaluation only where a table says so
    if not np.isfinite(solution.sum_of_squares):
        raise not_finite_error(question, solution.point, solution.reduced)
    if not solution.converged and (unknown := unknown_starts(question, task)):
        raise no_start_error(question, unknown, solution)
    if task.project and not question.sigma_x and digits_of_errors(solution) < FEWEST_DIGITS:
        from cgcli.fitting.decimals import by_decimals

        solution = by_decimals(problem, solution, low, high) or solution
    if question.sigma_x:
        from cgcli.fitting.orthogonal import nearest

        task.project = False
        solution, problem = nearest(question, solution, low, high)
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
    question: Question, problem: Problem, low: Any, high: Any, notes: list[str], *, starts: int | None = None,
    seed: int = 1, most: int = 1000,
) -> Task:  # fmt: skip
    """The search that a question needs; a start outside of its bounds is moved, and told of."""
    start = question.point(question.starts)
    asked = start.copy()
    ranges = {name: bounds for name, bounds in question.ranges.items() if name not in question.starts}
    least = np.maximum(question.point({name: pair[0] for name, pair in ranges.items()}, missing=-np.inf), low)
    highest = np.minimum(question.point({name: pair[1] for name, pair in ranges.items()}, missing=np.inf), high)
    if (least > highest).any():
        name = question.names[int((least > highest).argmax())]
        raise UsageError(f"the range to start in and the bounds of `{name}` have nothing in common")
    for place in np.flatnonzero(~np.isnan(start)):
        moved = inside(start[place], low[place], high[place])
        if moved != start[place]:
            where = "outside of its bounds" if not low[place] <= start[place] <= high[place] else "at a bound"
            name = question.names[place]
            notes.append(f"the start {name} = {start[place]:g} is {where}: the search begins at {moved:g}")
            start[place] = moved
    everything = starts is not None or not np.isnan(start).any()
    sample = sampler(question, problem, start, least, highest, everything=everything)
    task = Task(problem, low, high, start, sample, starts=starts or STARTS, seed=seed, most=most)
    task.several, task.asked = starts is not None, None if (asked == start).all() else asked
    return task


def sampler(
    question: Question, problem: Problem, start: Any, low: Any, high: Any, *, everything: bool
) -> Sampler:  # fmt: skip
    """Draws points scaled by the data, within ranges and bounds.

    everything: whether parameters with a start are drawn, too; else they stay there.
    """
    unknown = [name for name in question.shapes if everything or name not in question.starts]
    within = {name: (low[place], high[place]) for place, name in enumerate(question.names)}
    middle = np.where(np.isnan(start), 0.0, start)
    prepared: list[Starts] = []  # few fits draw a start

    def sample(generator: np.random.Generator) -> Any:
        if not prepared:
            prepared.append(drawing_of(question, problem, unknown))
        found = prepared[0].draw(generator, within)
        around = middle + np.maximum(np.abs(middle), 1.0) * generator.normal(size=len(middle))
        drawn = [found.get(name, other) for name, other in zip(question.names, around, strict=True)]
        return np.clip(drawn if everything else np.where(np.isnan(start), drawn, start), low, high)

    return sample


def drawing_of(question: Question, problem: Problem, unknown: list[str]) -> Starts:
    """What draws values of parameters without a start."""
    linear = [name for name, is_linear in zip(question.names, problem.linear, strict=True)
              if is_linear and name in unknown and name not in question.ranges]  # fmt: skip
    bound = question.bound()
    node = targets(bound.program, question.output)[question.output]
    values = {name: value for name, value in bound.values.items() if name not in unknown}
    nonlinear = [name for name in unknown if name not in linear]
    return Starts(bound.graph, node, values, problem.columns(ROWS), nonlinear, linear, problem.size())


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
