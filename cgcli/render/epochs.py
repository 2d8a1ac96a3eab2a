"""What a training shows while it lasts, on a terminal's standard error and nowhere else."""

from __future__ import annotations

import sys
import time
from shutil import get_terminal_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any


PAUSE = 0.1
"""Seconds between two writings."""


class EpochLine:
    """A line for a training, as a context manager: the last epoch, its loss, and rows a second; gone afterwards."""

    def __init__(self, epochs: int | None) -> None:
        self._of = f"/{epochs}" if epochs else ""
        self._wanted = sys.stderr.isatty()
        self._width = 0
        self._before = time.monotonic()
        self._rows = 0

    def __enter__(self) -> EpochLine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

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

    def end(self) -> None:
        """Take the line away."""
        if self._width:
            self._write("")

    def _write(self, text: str) -> None:
        text = text[: get_terminal_size().columns - 1]
        sys.stderr.write("\r" + text.ljust(self._width) + ("" if text else "\r"))
        sys.stderr.flush()
        self._width = len(text)
