"""Standard input, output and error of a process, whatever its caller made of them."""

from __future__ import annotations

import codecs
import io
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TextIO

LOOK_ALIKES = {
    "∂": "d", "·": "*", "×": "*", "÷": "/", "−": "-", "…": "...", "→": "->",
    "─": "-", "━": "-", "│": "|", "├": "+", "└": "+", "┌": "+", "┐": "+", "┘": "+", "┤": "+", "┬": "+", "┴": "+",
    "┼": "+",
}  # fmt: skip
"""What cg draws with -> what every encoding has."""


def settle() -> None:
    """Make the three streams such that reading and writing them never surprises.

    What the caller closed becomes an empty stream; standard output one that refuses what is written to it. (In their
    order, since a file takes the lowest free number: a table must not become the standard output of a C library.)
    A character that the encoding of an output lacks is replaced: Windows gives pipes code pages, not UTF-8.
    """
    codecs.register_error("cg.replaced", replaced)
    sys.stdin = sys.stdin or nowhere("r")
    sys.stdout = sys.stdout or nowhere("r")
    sys.stderr = sys.stderr or nowhere("w")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="cg.replaced")


def nowhere(mode: str) -> Any:
    """A stream that is always empty, or takes all and keeps nothing."""
    stream: Any = open(os.devnull, mode)  # noqa: SIM115 - it lives until the process ends
    return stream


class EvenUnread:
    """A context in which standard output may have no reader any more (`| head`): what comes after it is done anyway."""

    def __enter__(self) -> EvenUnread:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if isinstance(error, BrokenPipeError):
            silence()
            return True
        return False


def silence() -> None:
    """Point standard output at nowhere, so that the interpreter's last flush does not fail once more."""
    sys.stdout = nowhere("w")


def replaced(error: UnicodeError) -> tuple[str, int]:
    """The answer to characters that cannot be written: something that looks alike, else the number in Unicode."""
    assert isinstance(error, UnicodeEncodeError)
    missing = error.object[error.start : error.end]
    found = [LOOK_ALIKES.get(each) or each.encode("ascii", "backslashreplace").decode() for each in missing]
    return "".join(found), error.end


def can_write(text: str, stream: TextIO) -> bool:
    """Whether the encoding of a stream has every character of a text."""
    try:
        text.encode(stream.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def why_in_vain(error: OSError) -> str | None:
    """Why standard output could not be written; None for an error of something else.

    Whoever opens a file turns its errors into a DataError with its name. What comes without one is of a stream that
    cg did not open.
    """
    if isinstance(error, io.UnsupportedOperation):
        return "standard output is closed"
    return error.strerror if error.filename is None else None
