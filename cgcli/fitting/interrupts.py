"""Ctrl-C while something runs that can stop between two steps only."""

from __future__ import annotations

import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import FrameType, TracebackType

SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")


class Interrupts:
    """A context in which the signals that end a program only set `received`; a second one ends it at once.

    In another thread than the main one, which gets all signals, it does nothing.
    """

    def __init__(self) -> None:
        self.received = 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interrupts:
        for name in SIGNALS:
            number = getattr(signal, name, None)
            if number is None or signal.getsignal(number) in (signal.SIG_IGN, None):
                continue
            try:
                self._before[number] = signal.signal(number, self._answer)
            except ValueError:  # another thread
                break
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._put_back()

    def _put_back(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()

    def _answer(self, number: int, frame: FrameType | None) -> None:
        self.received = number
        self._put_back()

    def end(self, path: str, where: str) -> None:
        """End what was running as the signal would have. KeyboardInterrupt, which says how to go on."""
        number, self.received = self.received, 0
        with suppress(KeyboardInterrupt):
            signal.raise_signal(number)
        raise KeyboardInterrupt(f"saved before {where}; `--resume {path}` goes on from there")
