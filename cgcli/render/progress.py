"""What long runs show while they last, on a terminal's standard error and nowhere else."""

from __future__ import annotations

import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any

PATIENCE = 0.5
"""Seconds after which a bar is worth its place, and the loading of Rich its time."""


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


class EpochLine:
    """A line for a training, as a context manager: the last epoch, its loss, and rows a second; gone afterwards."""

    def __init__(self, epochs: int | None) -> None:
        self._of = f"/{epochs}" if epochs else ""
        self._wanted = sys.stderr.isatty()
        self._shown = 0
        self._before = time.monotonic()

    def __enter__(self) -> EpochLine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def advance(self, entry: dict[str, Any], rows: int) -> None:
        """Show an entry of the history, of an epoch over so many rows."""
        now = time.monotonic()
        rate, self._before = rows / max(now - self._before, 1e-9), now
        if not self._wanted:
            return
        validation = f"  validation {entry['validation']:.6g}" if "validation" in entry else ""
        text = f"epoch {entry['epoch']}{self._of}  loss {entry['loss']:.6g}{validation}  {rate:,.0f} rows/s"
        sys.stderr.write(f"\r{text:{self._shown}}")
        sys.stderr.flush()
        self._shown = len(text)

    def end(self) -> None:
        """Take the line away."""
        if self._shown:
            sys.stderr.write(f"\r{' ' * self._shown}\r")
            sys.stderr.flush()
            self._shown = 0


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
