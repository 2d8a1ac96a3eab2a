"""The least-squares problem of a table of any size: residuals and derivatives by blocks, an R factor carried along.

A block of rows is computed, summed and made a triangle while it is in a core's cache; nothing is kept of it. Small data
stay in memory between evaluations, large ones are read from their file at each. How rows are cut into blocks depends on
the data alone, sums are exact and triangles are put together in the order of the rows, so results have the same bits
on any number of threads.
"""

from __future__ import annotations

from contextlib import closing
from copy import copy
from functools import partial
from math import fsum, inf, isfinite, log, nan
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cgcli.data.table import values_of
from cgcli.engines import choose_for_rows
from cgcli.engines.threads import in_order, processors
from cgcli.errors import DataError, UsageError
from cgcli.fitting.protocol import NotFinite, Reduced
from cgcli.fitting.question import Over
from cgcli.fitting.residuals import Residuals, residuals_of
from cgcli.fitting.robust import MOMENTS, loss_of, moment_of, row_scales
from cgcli.fitting.triangles import Triangles, stacked
from cgcli.rows.sources import MEMORY, Part, WholeRows

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from typing import Any

    from cgcli.engines.base import BlocksAt, BlocksOver
    from cgcli.fitting.question import Question

CELLS = 98_304
"""Numbers of a block (768 KB): it stays in a core's cache from the kernel to the triangle."""

MOST_ROWS, ROWS_PER_COLUMN = 16_384, 4
"""Rows of a block at most, and for each column at least: the triangles themselves should be little work."""

BLOCKS = 4
"""Blocks of one piece of work for a thread."""

SAMPLE = 50_000
"""Rows of a sample from which smaller ones are taken, so that a file is read for one of them only."""

EVALUATIONS = 20
"""A fit takes about so many: what the choice of an engine counts with."""

MOST_PARAMETERS = 3_000
"""A triangle of so many columns has 72 MB."""


class Progress(NamedTuple):
    """How far an evaluation is: its number from 1, rows done, rows of the table (about, 0: unknown).

    residual: the least root of the mean square of residuals so far; infinite before the first evaluation is done.
    """

    evaluation: int
    rows: int
    total: int
    residual: float = inf


class Piece(NamedTuple):
    """What some rows come to: sums of the blocks, their triangle, or what is not finite."""

    rows: int
    plain: list[float]
    objective: list[float]
    triangle: Any
    not_finite: NotFinite | None


class RowsProblem:
    """As `protocol.Problem`, of a question about a table.

    report: what the table's first pass found, gaps among it; None before. evaluations: how many passes were taken.
    """

    def __init__(
        self, question: Question, *, loss: str = "linear", scale: float = 1.0, engine: str = "auto",
        threads: int | None = None, rows: WholeRows | None = None, memory: int = MEMORY, batch_rows: int | None = None,
        progress: Callable[[Progress], None] = lambda progress: None,
    ) -> None:  # fmt: skip
        """threads: at most so many. rows: those of `rows_of`, where they are at hand; else memory: bytes of the table
        that may be kept, and batch_rows: at most so many are read at once. progress: called now and then.

        UsageError for too many parameters, ShapeError where the formula has no number in each row, DataError for a
        table without a whole row and for a target or a sigma that is none.
        """
        self._prepare(question, loss, scale, threads or processors(), progress)
        self._rows = rows or rows_of(question, memory=memory, batch_rows=batch_rows)
        self._spread, self._log_sigma = self._look()
        self.rows = self._rows.counted()
        self._compile(engine)

    def _prepare(
        self, question: Question, loss: str, scale: float, threads: int, progress: Callable[[Progress], None]
    ) -> None:
        """What does not need the rows."""
        self.names = question.names
        if len(self.names) > MOST_PARAMETERS:
            raise UsageError(
                f"{len(self.names):,} parameters are more than the {MOST_PARAMETERS:,} that least squares take",
                hint="train them instead: --loss with --method adam",
            )
        self._question = question
        self._residuals = residuals = residuals_of(question)
        still = {*residuals.affine, *residuals.without_slope()}  # nothing can be searched where no derivative is
        self.linear = np.array([name in still for name, shape in question.shapes.items()
                                for _ in range(int(np.prod(shape)))], dtype=bool)  # fmt: skip
        self._loss, self._scale, self._moment = loss, scale, ""
        self._threads = threads
        self._progress = progress
        self._least = inf
        self._size = nan
        self._fewer: dict[int, RowsProblem | None] = {}
        self.evaluations = 0

    def _compile(self, engine: str) -> None:
        """What computes the rows, once it is known how many there are."""
        residuals = self._residuals
        self._triangles = Triangles(len(self.names) + 1, self.rows)
        slopes = list(residuals.slopes.values())
        wanted = [*slopes, residuals.residual]
        chosen = choose_for_rows(residuals.graph, wanted, engine, {}, EVALUATIONS * self.rows)
        self.engine = chosen.name
        self._plain = residuals.blocks(chosen, [residuals.residual])
        self._sloped = residuals.blocks(chosen, wanted)

    @property
    def report(self) -> Any:
        """What the table's pass found: rows read, rows left out, gaps by column (`data.stream.Report`)."""
        return self._rows.report

    @property
    def kept_rows(self) -> WholeRows:
        """The rows themselves."""
        return self._rows

    @property
    def question(self) -> Question:
        """What is fitted to what."""
        return self._question

    @property
    def residuals(self) -> Residuals:
        """The graph of a row, and its nodes."""
        return self._residuals

    def inputs(self) -> dict[str, Any]:
        """What the graph of a row needs of rows in memory: columns by input."""
        found = self._rows.in_memory() or {}
        return {name: values_of(column, found) for name, column in self._residuals.columns.items()}

    def slopes_at(self, point: Any) -> Any:
        """The residuals' derivatives (rows, p) at a point, of rows in memory."""
        out = np.empty((len(self.names) + 1, self.rows))
        self._at(point, slopes=True).over(self.inputs()).fill(0, self.rows, out)
        return out[:-1].T

    def reduced(self, point: Any, slopes: bool = True) -> Reduced:
        """As `Problem.reduced`."""
        self.evaluations += 1
        at = self._at(point, slopes)
        rows = 0
        plain: list[float] = []
        objective: list[float] = []
        triangles: list[Any] = []
        for piece in self._pieces(at, slopes):
            if piece.not_finite is not None:
                return Reduced(inf, None, self.rows, inf, piece.not_finite)
            rows += piece.rows
            plain += piece.plain
            objective += piece.objective
            if slopes:
                triangles.append(piece.triangle)
                if len(triangles) > BLOCKS:
                    triangles = [stacked(triangles)]
            self._progress(Progress(self.evaluations, rows, self.rows, self._least))
        found = stacked(triangles) if slopes else None
        reduced = Reduced(fsum(objective), found, rows, fsum(plain))
        self._least = min(self._least, (reduced.plain / max(rows, 1)) ** 0.5)
        return reduced

    def is_above(self, point: Any, total: float) -> bool:
        """As `Problem.is_above`."""
        self.evaluations += 1
        least, rows = 0.0, 0
        with closing(self._pieces(self._at(point, slopes=False), False)) as pieces:
            for piece in pieces:
                if piece.not_finite is not None:
                    return True
                least, rows = least + fsum(piece.objective), rows + piece.rows
                self._progress(Progress(self.evaluations, rows, self.rows, self._least))
                if least >= total:  # nothing that is added is negative
                    return True
        return False

    def spread(self) -> float:
        """As `Problem.spread`."""
        return self._spread

    def size(self) -> float:
        """As `Problem.size`."""
        return self._size

    def log_sigma(self) -> float:
        """As `Problem.log_sigma`."""
        return self._log_sigma

    def thinned(self, rows: int) -> RowsProblem:
        """As `Problem.thinned`; taken once, as it is a pass over the rows."""
        return (self._fewer_rows(SAMPLE) if rows < SAMPLE else self)._fewer_rows(rows)

    def _fewer_rows(self, rows: int) -> RowsProblem:
        if rows not in self._fewer:
            fewer = self._rows.thinned(rows)
            self._fewer[rows] = None if fewer is self._rows else self.over(fewer)
        return self._fewer[rows] or self

    def over(self, rows: WholeRows, question: Question | None = None) -> RowsProblem:
        """The same question about other rows of the same columns; nothing is compiled again. question: with their
        table, where that is another one.
        """
        other = copy(self)
        other._question, other._rows, other._fewer = question or self._question, rows, {}
        other._spread, other._log_sigma = other._look()
        other.rows = rows.counted()
        return other

    def without_loss(self) -> RowsProblem:
        """The same residuals in the plain sum of squares."""
        other = copy(self)
        other._loss = "linear"
        return other

    def moments(self, point: Any) -> list[float]:
        """The sums of `robust.MOMENTS` over the rows, a pass each."""
        found = []
        for moment in MOMENTS:
            other = copy(self)
            other._moment = moment
            found.append(other.reduced(point, slopes=False).sum_of_squares)
        return found

    def columns(self, rows: int) -> dict[str, Any]:
        """As `Problem.columns`."""
        found = self.thinned(rows)._rows.in_memory() or {}
        return {name: values_of(column, found) for name, column in self._question.columns.items()}

    def _at(self, point: Any, slopes: bool) -> BlocksAt:
        """The residuals, with slopes their derivatives too, as they are computed at a point."""
        values = {**self._question.fixed, **self._question.values(point)}
        return (self._sloped if slopes else self._plain).at(values)

    # ---- blocks --------------------------------------------------------------------------------------------------

    def _pieces(self, at: BlocksAt, slopes: bool) -> Generator[Piece]:
        """All rows, in order."""
        threads = self._threads if self.rows > MOST_ROWS else 1
        yield from in_order(self._jobs(at, slopes), threads)

    def _jobs(self, at: BlocksAt, slopes: bool) -> Iterator[Callable[[], Piece]]:
        """The pieces as work to be done."""
        height = height_of(len(self.names) + 1 if slopes else 1)
        columns = self._residuals.columns.items()
        for part in self._rows.parts():
            over = at.over({name: values_of(column, part.columns) for name, column in columns})
            for first in range(0, part.rows, BLOCKS * height):
                yield partial(self._piece, part, over, first, slopes)

    def _piece(self, part: Part, over: BlocksOver, begin: int, slopes: bool) -> Piece:
        """Some blocks of a part, one after the other."""
        width = len(self.names) + 1 if slopes else 1
        height = height_of(width)
        end = min(begin + BLOCKS * height, part.rows)
        out = np.empty((width, self._triangles.room(min(height, end - begin), width)))
        plain, objective, triangles = [], [], []
        for first in range(begin, end, height):
            last = min(first + height, end)
            over.fill(first, last, out)
            residuals = out[-1, : last - first]
            plain.append(float(residuals @ residuals))
            objective.append(plain[-1] if self._loss == "linear" else self._objective(residuals))
            if slopes:
                self._scale_rows(out, last - first)
                again = partial(self._again, over, first, last, out)
                triangles.append(self._triangles.made(out, last - first, again))
            if not (isfinite(plain[-1]) and (not slopes or np.isfinite(triangles[-1]).all())):
                return Piece(0, [], [], None, self._broken(part, over, first, last, slopes))
        return Piece(end - begin, plain, objective, stacked(triangles) if slopes else None, None)

    def _objective(self, residuals: Any) -> float:
        """What is summed over the rows of a robust loss: the loss, or what its errors need."""
        if self._moment:
            return moment_of(self._loss, self._scale, residuals, self._moment)
        return loss_of(self._loss, self._scale, residuals)

    def _scale_rows(self, out: Any, rows: int) -> None:
        """Rows as they enter the triangle under a robust loss."""
        if self._loss == "linear":
            return
        with np.errstate(all="ignore"):
            for_slopes, for_residual = row_scales(self._loss, self._scale, out[-1, :rows])
            out[:-1, :rows] *= for_slopes
            out[-1, :rows] *= for_residual

    def _again(self, over: BlocksOver, first: int, last: int, out: Any) -> None:
        """The lines of a block once more, as they enter the triangle."""
        over.fill(first, last, out)
        self._scale_rows(out, last - first)

    def _broken(self, part: Part, over: BlocksOver, first: int, last: int, slopes: bool) -> NotFinite:
        """The first row of a block with something that is not finite; the one of the largest number where all are."""
        width = len(self.names) + 1 if slopes else 1
        out = np.empty((width, last - first))
        over.fill(first, last, out)
        wrong = ~np.isfinite(out)
        rows = wrong.any(axis=0)
        place = int(rows.argmax()) if rows.any() else int(np.abs(out).max(axis=0).argmax())
        line = int(wrong[:, place].argmax()) if wrong[:-1, place].any() and not wrong[-1, place] else None
        at = first + place
        one = {name: column[at : at + 1] for name, column in part.columns.items()}
        row = {name: values_of(column, one)[0] for name, column in self._question.columns.items()}
        values = {name: float(value) if np.ndim(value) == 0 else value for name, value in row.items()}
        return NotFinite(part.number(first + place) - 1, None if line is None else self.names[line], values)

    # ---- the first look ------------------------------------------------------------------------------------------

    def _look(self) -> tuple[float, float]:
        """Look at target and sigma in all rows: the target's sum of squares about its weighted mean, Σ log sigma.

        The former is put together from those of blocks about their own means: no difference of large sums.
        """
        question, residuals, count = self._question, self._residuals, 0
        weighted = isinstance(question.sigma, Over)
        wanted = [residuals.target, residuals.sigma] if weighted else [residuals.target]
        chosen = choose_for_rows(residuals.graph, wanted, "numpy", {}, 1)
        at = residuals.blocks(chosen, wanted).at({})
        spread, logarithms = Spread(), list[float]()
        for part in self._rows.parts():
            count += part.rows
            over = at.over({name: values_of(column, part.columns) for name, column in residuals.columns.items()})
            height = MOST_ROWS if weighted else MOST_ROWS * BLOCKS
            for first in range(0, part.rows, height):
                last = min(first + height, part.rows)
                out = np.empty((len(wanted), last - first))
                over.fill(first, last, out)
                self._refuse(out, part, first)
                spread.add(*out)
                if weighted:
                    logarithms.append(float(np.log(out[1]).sum()))
            self._progress(Progress(0, count, self._rows.size or 0))
        if not count:
            reason = "every row has a cell that is missing or no number" if self.report.read else "the table is empty"
            raise DataError("there is no row to fit to", hint=reason)
        self._size = spread.root_mean_square()
        if isinstance(question.sigma, float):
            return spread.value / question.sigma**2, count * log(question.sigma)
        return spread.value, fsum(logarithms)

    def _refuse(self, out: Any, part: Part, first: int) -> None:
        """DataError where a target is no finite number or a sigma no positive one."""
        source, target = self._question.source, out[0]
        if not np.isfinite(target).all():
            place = int((~np.isfinite(target)).argmax())
            raise DataError(
                f"`{self._question.target.text}` is {target[place]:g} in {source.located(part.number(first + place))}",
                hint="leave such rows out of the table, or fit something else",
            )
        sigma = out[1] if len(out) > 1 else np.ones(1)
        fine = (sigma > 0) & np.isfinite(sigma)
        if not fine.all():
            place = int((~fine).argmax())
            raise DataError(
                f"sigma is {sigma[place]:g} in {source.located(part.number(first + place))}",
                hint="a standard deviation is a positive number",
            )


def rows_of(question: Question, *, memory: int = MEMORY, batch_rows: int | None = None) -> WholeRows:
    """The rows that a question is about. memory: bytes that may be kept. batch_rows: at most so many at once."""
    return WholeRows(question.source, question.needed(), limit=question.limit, batch_rows=batch_rows, memory=memory)


class Spread:
    """A weighted sum of squares about the mean that takes in blocks (T. Chan, G. Golub & R. LeVeque, "Algorithms for
    computing the sample variance", American Statistician 37 (1983), 242–247)."""

    def __init__(self) -> None:
        self.value = self._weight = self._mean = 0.0

    def root_mean_square(self) -> float:
        """The root of the weighted mean of squares."""
        return float(np.hypot(self._mean, (self.value / self._weight) ** 0.5)) if self._weight else 0.0

    def add(self, values: Any, sigma: Any = None) -> None:
        """Take in values with their standard deviations, all 1 where nothing is said."""
        with np.errstate(all="ignore"):
            if sigma is None:
                weight, mean = float(len(values)), float(values.mean())
                spread = float(np.square(values - mean).sum())
            else:
                weights = sigma**-2.0
                weight = float(weights.sum())
                mean = float((weights * values).sum() / weight)
                spread = float((weights * (values - mean) ** 2).sum())
            total, shift = self._weight + weight, mean - self._mean
            self.value += spread + shift * shift * (self._weight * (weight / total))
            self._mean += shift * (weight / total)
            self._weight = total


def height_of(width: int) -> int:
    """Rows of a block of so many columns."""
    return max(min(CELLS // width, MOST_ROWS), ROWS_PER_COLUMN * width)
