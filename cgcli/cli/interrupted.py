"""Ctrl-C in a command that saves: how to go on is said before it ends."""

from __future__ import annotations

import sys
from contextlib import contextmanager

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def told_how_to_go_on() -> Iterator[None]:
    """A context in which a KeyboardInterrupt that says something is told of on standard error, and goes on."""
    try:
        yield
    except KeyboardInterrupt as stop:
        if stop.args:
            print(stop.args[0], file=sys.stderr)
        raise
