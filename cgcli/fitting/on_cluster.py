"""Least squares whose rows are computed on a cluster: the passes over the table are, the search is not.

A worker gives, for the rows of a piece, what one process would have computed for them, block by block, and all is put
together here in the order of the rows (see `rows_problem`). So a fit has the same bits for any number of workers, and
as without any. Steps, starts and statistics see no difference.
"""

from __future__ import annotations

import pickle
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING

from cgcli.cluster.parts import fingerprint
from cgcli.cluster.pieces import cut_into_pieces, open_piece, price, require_files
from cgcli.engines.threads import processors
from cgcli.errors import UsageError
from cgcli.fitting.rows_problem import RowsProblem
from cgcli.graph.walk import ancestors
from cgcli.kept import Kept
from cgcli.rows.sources import Source, WholeRows

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from typing import Any

    from cgcli.cluster.executor import Executor
    from cgcli.cluster.pieces import How
    from cgcli.cluster.pieces import Piece as Stretch
    from cgcli.data.table import Table
    from cgcli.engines.base import BlocksAt
    from cgcli.fitting.protocol import Reduced
    from cgcli.fitting.question import Question
    from cgcli.fitting.rows_problem import Piece, Progress

MEMORY = 1 << 28
"""Bytes of columns that a worker keeps for the next pass."""


class PieceSource(Source):
    """A piece of a table, which can be opened as often as one likes."""

    def __init__(self, piece: Stretch, how: How, *, alone: bool) -> None:
        kind, separator, decimal = how
        super().__init__(piece.path, kind, separator=separator, decimal=decimal)
        self._piece = piece
        self._alone = alone

    def open(self, spool: Any = None) -> Table:
        """As every source."""
        return open_piece(self._piece, self._how, alone=self._alone)


class PassJob:
    """One pass over the rows: the question, and the point and the loss at which it is asked; all that a worker knows.

    packed: the question, pickled; key: what tells it, and how it is computed, from others. rows: of the whole table.
    """

    def __init__(
        self, packed: bytes, engine: str, rows: int, how: How, *, alone: bool, point: Any, slopes: bool,
        loss: tuple[str, float, str],
    ) -> None:  # fmt: skip
        self.packed = packed
        self.key = fingerprint(packed, engine, rows, list(how), alone)
        self.engine = engine
        self.rows = rows
        self.how = how
        self.alone = alone
        self.point = point
        self.slopes = slopes
        self.loss = loss


_PROBLEMS = Kept(8)
"""In a worker: problems without rows, by `PassJob.key`."""

_ROWS = Kept(4096, heaviest=MEMORY, weigh=lambda rows: rows.nbytes)
"""In a worker: rows by the job's key and the piece."""


class PieceProblem(RowsProblem):
    """A problem that computes the rows of pieces; it knows nothing of the others but how many there are."""

    def __init__(self, question: Question, engine: str, rows: int) -> None:
        self._prepare(question, "linear", 1.0, processors(), lambda progress: None)
        self.rows = rows
        self._compile(engine)

    def pieces_of(self, job: PassJob, rows: WholeRows) -> list[Piece]:
        """What some rows come to at the point of a job."""
        other = copy(self)
        other._rows = rows
        other._loss, other._scale, other._moment = job.loss
        values = {**self._question.fixed, **self._question.values(job.point)}
        return list(other._pieces((self._sloped if job.slopes else self._plain).at(values), job.slopes))


def compute(job: PassJob, task: Sequence[Stretch]) -> list[tuple[list[Piece], int]]:
    """What the rows of each piece of a task come to, and how many rows were read, those that were left out included."""
    problem = _PROBLEMS.get(job.key)
    if problem is None:
        problem = PieceProblem(pickle.loads(job.packed), job.engine, job.rows)
        _PROBLEMS.put(job.key, problem)
    found = []
    for piece in task:
        rows = _ROWS.get((job.key, piece))
        if rows is None:
            source = PieceSource(piece, job.how, alone=job.alone)
            rows = WholeRows(source, problem._question.needed(), memory=MEMORY // 8)
            _ROWS.put((job.key, piece), rows)
        pieces = problem.pieces_of(job, rows)
        found.append((pieces, rows.report.read))
    return found


class Away:
    """Where the passes over some rows run, for a problem and all that are made of it, as long as there is a cluster."""

    def __init__(self, executor: Executor, rows: WholeRows) -> None:
        self.executor = executor
        self.rows: WholeRows | None = rows


class ClusterProblem(RowsProblem):
    """As `RowsProblem`, whose passes over all rows run on an executor; passes over few rows stay here."""

    def __init__(
        self, question: Question, executor: Executor, rows: WholeRows, *, loss: str, scale: float,
        progress: Callable[[Progress], None],
    ) -> None:  # fmt: skip
        """UsageError for data that are in no file, and for a limit."""
        source = question.source
        require_files(source.is_path and not source.is_stream)
        if question.limit is not None:
            raise UsageError("a cluster fits all rows of a table", hint="leave the limit out, or the cluster")
        super().__init__(question, rows=rows, loss=loss, scale=scale, progress=progress)
        self._away = Away(executor, rows)
        self._packed = pickle.dumps(replace(question, source=Source(source.files()[0]), notes=[]))
        self._alone = len(source.files()) == 1
        residuals = self._residuals
        wanted = [*residuals.slopes.values(), residuals.residual]
        seconds = price(sum(ancestors(residuals.graph, wanted)), len(question.needed()))
        self._tasks = cut_into_pieces(source, rows.batch_rows, seconds)
        self._point: Any = None
        if len(self._tasks) == 1:
            self.come_home()  # a pass is over before a worker has heard of it

    def come_home(self) -> None:
        """From here on all passes run in this process: the cluster is closed, and a profile may be asked for."""
        self._away.rows = None

    def reduced(self, point: Any, slopes: bool = True) -> Reduced:
        """As `Problem.reduced`."""
        self._point = point
        return super().reduced(point, slopes)

    def is_above(self, point: Any, total: float) -> bool:
        """As `Problem.is_above`."""
        self._point = point
        return super().is_above(point, total)

    def _pieces(self, at: BlocksAt, slopes: bool) -> Generator[Piece]:
        """All rows, in order."""
        if self._rows is not self._away.rows:
            yield from super()._pieces(at, slopes)
            return
        job = PassJob(
            self._packed, self.engine, self.rows, self._question.source.how, alone=self._alone, point=self._point,
            slopes=slopes, loss=(self._loss, self._scale, self._moment),
        )  # fmt: skip
        before = 0
        for stretches in self._away.executor.run(compute, job, self._tasks):
            for pieces, read in stretches:
                for piece in pieces:
                    yield moved(piece, before)
                before += read


def moved(piece: Piece, before: int) -> Piece:
    """What rows come to that stand behind `before` others."""
    if piece.not_finite is None:
        return piece
    return piece._replace(not_finite=replace(piece.not_finite, row=piece.not_finite.row + before))
