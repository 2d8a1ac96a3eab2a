"""A least-squares fit that goes on after any end: the answers of its problem are kept in a file, and given again.

A search asks for the residuals at one point after the other, and nothing else decides where it goes. So a search that
is begun again and hears the same answers takes the same way to the same bits, in no time, up to where the answers end.
No state of the search has to be known, whatever it is made of.
"""

from __future__ import annotations

import json
import time
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np

from cgcli.errors import DataError
from cgcli.fitting import checkpoints
from cgcli.fitting.checkpoints import Checkpoint, check_marks, program_mark, rows_mark, values_mark
from cgcli.fitting.interrupts import Interrupts
from cgcli.fitting.protocol import Reduced

if TYPE_CHECKING:
    from types import TracebackType

    from cgcli.fitting.question import Question
    from cgcli.fitting.rows_problem import RowsProblem
    from cgcli.rows.sources import WholeRows

KIND = "least squares"


def question_marks(question: Question, rows: WholeRows, asked: Any) -> dict[str, str]:
    """Fingerprints of a question about rows. asked: bounds and options, as plain data."""
    texts = [question.output, question.target.text, getattr(question.sigma, "text", question.sigma)]
    starts = {name: np.asarray(value).tolist() for name, value in question.starts.items()}
    plain = json.dumps([texts, starts, question.ranges, question.limit, asked], default=str)
    return {
        "formula": program_mark(question.bound().program), "values": values_mark(question.fixed),
        "question": sha256(plain.encode()).hexdigest(), "data": rows_mark(rows),
    }  # fmt: skip


class Remembered:
    """As `protocol.Problem`, and the report of a `RowsProblem`, which answers what the file does not know.

    A context manager: the file is written when it begins, from time to time, at Ctrl-C, and when it ends without error.
    """

    def __init__(self, problem: RowsProblem, path: str, marks: dict[str, str], resume: str | None) -> None:
        """marks: fingerprints of what is fitted to what. resume: the file to go on from; its answers are taken.

        DataError for a file that holds no fit, or one of another formula or of other data.
        """
        self._problem = problem
        self._path = path
        self._marks = marks
        self._points: list[Any] = []
        self._known: list[Reduced | None] = []
        self._next = 0
        self._due = 0.0
        self._interrupts = Interrupts()
        found = checkpoints.resumed(resume, path)
        if found is not None:
            self._take(found, str(resume))

    # ---- the problem -------------------------------------------------------------------------------------------

    def __getattr__(self, name: str) -> Any:
        """What a problem can be asked besides: its names, its rows, its spread."""
        return getattr(self._problem, name)

    def thinned(self, rows: int) -> Any:
        """As `Problem.thinned`; a thinned problem is computed anew."""
        fewer = self._problem.thinned(rows)
        return self if fewer is self._problem else fewer

    def reduced(self, point: Any, slopes: bool = True) -> Reduced:
        """As `Problem.reduced`: from the file, as long as the same points are asked for, else computed."""
        asked = np.append(np.asarray(point, dtype=np.float64), float(slopes))
        place, self._next = self._next, self._next + 1
        if place < len(self._points):
            if asked.tobytes() == self._points[place].tobytes():
                known = self._known[place]
                return self._problem.reduced(point, slopes) if known is None else known
            del self._points[place:], self._known[place:]
        found = self._problem.reduced(point, slopes)
        self._points.append(asked)
        self._known.append(found if found.not_finite is None else None)
        if self._interrupts.received:
            self._save()
            self._interrupts.end(self._path, f"evaluation {self._next + 1}")
        if time.monotonic() >= self._due:
            self._save()
        return found

    # ---- the file ----------------------------------------------------------------------------------------------

    def __enter__(self) -> Remembered:
        self._interrupts.__enter__()
        try:
            self._save()
        except BaseException:
            self._interrupts.__exit__(None, None, None)
            raise
        self._due = time.monotonic() + checkpoints.FIRST_SAVE
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._interrupts.__exit__(kind, error, trace)
        if kind is None:
            self._save()

    def _save(self) -> None:
        begin = time.monotonic()
        known = [answer for answer in self._known if answer is not None]
        with_slopes = [answer for answer in known if answer.triangle is not None]
        arrays = {
            "points": np.array(self._points),
            "finite": np.array([answer is not None for answer in self._known]),
            "numbers": np.array([[one.sum_of_squares, one.rows, one.plain] for one in known]).reshape(-1, 3),
            "sloped": np.array([answer.triangle is not None for answer in known]),
            "triangles": np.array([answer.triangle for answer in with_slopes]),
            "columns_first": np.array([answer.triangle.flags.f_contiguous for answer in with_slopes]),
        }  # fmt: skip
        checkpoints.write(self._path, Checkpoint({"kind": KIND}, self._marks, {}, arrays))
        end = time.monotonic()
        self._due = end + max(checkpoints.LEAST_PAUSE, (end - begin) / checkpoints.SHARE)

    def _take(self, found: Checkpoint, path: str) -> None:
        """The answers of a file."""
        if found.options.get("kind") != KIND:
            raise DataError(f"`{path}` holds no fit by least squares", hint="--resume takes what --save wrote")
        check_marks(found.marks, self._marks, path, did="fitted")
        try:
            numbers = iter(found.arrays["numbers"].tolist())
            sloped = iter(found.arrays["sloped"].tolist())
            triangles = iter(ordered(found.arrays["triangles"], found.arrays["columns_first"]))
            for point, finite in zip(found.arrays["points"], found.arrays["finite"].tolist(), strict=True):
                answer = None
                if finite:
                    total, rows, plain = next(numbers)
                    answer = Reduced(total, next(triangles) if next(sloped) else None, int(rows), plain)
                self._points.append(point)
                self._known.append(answer)
        except (KeyError, StopIteration, TypeError, ValueError) as error:
            raise DataError(f"`{path}` is damaged ({error})") from None


def ordered(triangles: Any, columns_first: Any) -> list[Any]:
    """Triangles as they lay in memory: products of matrices have other last bits where it is the other way round."""
    pairs = zip(triangles, columns_first.tolist(), strict=True)
    return [np.array(each, order="F" if by_columns else "C") for each, by_columns in pairs]
