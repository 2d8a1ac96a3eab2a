"""What long runs show while they last, on a terminal's standard error and nowhere else."""

from __future__ import annotations

import sys
import time
from math import isfinite
from shutil import get_terminal_size

from cgcli.numerals import short_number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any, Protocol, Self

    class Step(Protocol):
        """How far a search is: the evaluation from 1, 0 before; rows done of about so many; the residual so far."""

        @property
        def evaluation(self) -> int: ...  # noqa: D102
        @property
        def rows(self) -> int: ...  # noqa: D102
        @property
        def total(self) -> int: ...  # noqa: D102
        @property
        def residual(self) -> float: ...  # noqa: D102


PATIENCE = 0.5
"""Seconds after which a bar is worth its place, and the loading of Rich its time."""


PAUSE = 0.1
"""Seconds between two writings of a line."""

MANY_ROWS = 1_000_000
"""From so many rows on it is told how far an evaluation is."""


class RowProgress:
    """A bar for a run over rows, as a context manager; `advance` shows how far it is once it lasts."""

    def __init__(self, total: int | None) -> None:
        self._total = total
        self._begin = time.monotonic()
        self._bar: Any = None
        self._task: Any = None
        self._wanted = sys.stderr.isatty()

    def __enter__(self) -> RowProgress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def advance(self, read: int, rows: int) -> None:
        """Tell how much of the total is read, and how many rows that were."""
        seconds = time.monotonic() - self._begin
        if not self._wanted or (self._bar is None and seconds < PATIENCE):
            return
        if self._bar is None:
            self._start()
        self._bar.update(self._task, completed=read, rows=f"{rows:,} rows", rate=f"{rows / seconds:,.0f} rows/s")

    def _start(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._bar = Progress(
            BarColumn(), TextColumn("{task.fields[rows]}"), TextColumn("{task.fields[rate]}"), TimeRemainingColumn(),
            console=Console(stderr=True), transient=True,
        )  # fmt: skip
        self._task = self._bar.add_task("", total=self._total, rows="", rate="")
        self._bar.start()


class Line:
    """A line that is written over and over, as a context manager; gone afterwards."""

    def __init__(self) -> None:
        self._wanted = sys.stderr.isatty()
        self._width = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def end(self) -> None:
        """Take the line away."""
        if self._width:
            self._write("")

    def _write(self, text: str) -> None:
        text = text[: get_terminal_size().columns - 1]
        sys.stderr.write("\r" + text.ljust(self._width) + ("" if text else "\r"))
        sys.stderr.flush()
        self._width = len(text)


class FitProgress(Line):
    """A line for a search over rows: which evaluation, the residual so far, rows a second."""

    def __init__(self) -> None:
        super().__init__()
        self._begin = self._shown = time.monotonic()
        self._before = (0, 0)
        self._rows = 0

    def advance(self, progress: Step) -> None:
        """Tell how far it is."""
        if not self._wanted:
            return
        evaluation, rows = self._before
        self._rows += progress.rows - (rows if evaluation == progress.evaluation else 0)
        self._before = (progress.evaluation, progress.rows)
        now = time.monotonic()
        if now - self._begin < PATIENCE or now - self._shown < PAUSE:
            return
        self._shown = now
        parts = [f"evaluation {progress.evaluation:,}" if progress.evaluation else "reading"]
        if progress.total > MANY_ROWS:
            parts.append(f"{100 * progress.rows / progress.total:.0f} % of {progress.total:,} rows")
        if isfinite(progress.residual):
            parts.append(f"residual {short_number(progress.residual)}")
        self._write(", ".join([*parts, f"{self._rows / (now - self._begin):,.0f} rows/s"]))


class EpochLine(Line):
    """A line for a training: the last epoch, its loss, and rows a second."""

    def __init__(self, epochs: int | None) -> None:
        super().__init__()
        self._of = f"/{epochs}" if epochs else ""
        self._before = time.monotonic()
        self._rows = 0

    def advance(self, entry: dict[str, Any], rows: int) -> None:
        """Show an entry of the history, of an epoch over so many rows."""
        now = time.monotonic()
        self._rows += rows
        if self._wanted and now - self._before >= PAUSE:
            rate = self._rows / (now - self._before)
            self._before, self._rows = now, 0
            validation = f"  validation {entry['validation']:.6g}" if "validation" in entry else ""
            loss = f"loss {entry['loss']:.6g}{validation}"
            self._write(f"epoch {entry['epoch']}{self._of}  {loss}  {rate:,.0f} rows/s")


class Note:
    """A context manager: a line tells what is being done, and is gone afterwards."""

    def __init__(self, text: str) -> None:
        self._text = f"{text} …" if sys.stderr.isatty() else ""

    def __enter__(self) -> Note:
        self._write(self._text)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._write(f"\r{' ' * len(self._text)}\r")

    def _write(self, text: str) -> None:
        if self._text:
            sys.stderr.write(text)
            sys.stderr.flush()
