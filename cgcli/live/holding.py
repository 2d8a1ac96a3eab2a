"""Ctrl-C waits while a graph is between two states: what follows takes microseconds, and must be all or nothing."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from typing import Any
else:
    import _signal  # `signal` makes an enumeration of every handler, which takes longer than an edit


class Held:
    """`with Held():` a SIGINT that comes is answered when the block is done, by whoever answers it otherwise.

    In other threads than the main one, which get none, and where it is ignored, nothing happens. Blocks may be nested.
    """

    __slots__ = ("_before", "_came")

    def __enter__(self) -> None:
        self._came = False
        self._before: Any = None
        before = _signal.getsignal(_signal.SIGINT)
        if callable(before):
            try:
                _signal.signal(_signal.SIGINT, self._note)
            except ValueError:  # not the main thread
                return
            self._before = before

    def _note(self, number: int, frame: object) -> None:
        self._came = True

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if self._before is not None:
            _signal.signal(_signal.SIGINT, self._before)
            if self._came:
                _signal.raise_signal(_signal.SIGINT)
