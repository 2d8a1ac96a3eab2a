"""Kinds of error, the place in the text they point at, and the exit code each one ends with.

Errors are typed values; `cgcli.render.errors` is the only place that draws them.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

Span = tuple[int, int]
"""Half-open range of character offsets into a source text."""


class ExitCode(IntEnum):
    """What a `cg` process returns to its shell."""

    OK = 0
    CALCULATION = 1
    USAGE = 2
    MISSING_EXTRA = 4
    INTERRUPTED = 130


LONGEST_QUOTE = 60
"""Characters of a text that a warning quotes; of a longer one it says the place."""


class Source:
    """A formula text with the name that messages call it by (a path, or `<formula>`)."""

    __slots__ = ("name", "text")

    def __init__(self, text: str, name: str = "<formula>") -> None:
        self.text = text
        self.name = name

    def locate(self, offset: int) -> tuple[int, int]:
        """Line and column of a character offset, both counted from 1."""
        before = self.text.rfind("\n", 0, offset)
        return self.text.count("\n", 0, offset) + 1, offset - before

    def line_around(self, offset: int) -> str:
        """The whole line that holds a character offset, without its line end."""
        start = self.text.rfind("\n", 0, offset) + 1
        end = self.text.find("\n", offset)
        return self.text[start : end if end >= 0 else len(self.text)].rstrip("\r")


LONG, LONGEST = 300, 3_000
"""Characters of a message from which on the names in it are cut, and that it has at most."""


def cut(message: str) -> str:
    """A message with what it quotes cut where that is long: a name may have a million letters."""
    import re

    shorter = re.sub(r"`([^`\n]{61})[^`\n]+`", r"`\1…`", message)
    return shorter if len(shorter) <= LONGEST else shorter[:LONGEST] + "…"


class Told(Exception):
    """What is told to a user: what, where, and what to do about it.

    `message` is one line without a final full stop; `span` is the place in `source` it points at;
    `hint` is one line that says what would work.
    """

    def __init__(
        self, message: str, *, span: Span | None = None, source: Source | None = None, hint: str | None = None
    ) -> None:
        self.message = message if len(message) < LONG else cut(message)
        super().__init__(self.message)
        self.span = span
        self.source = source
        self.hint = hint if hint is None or len(hint) < LONG else cut(hint)

    def __reduce__(self) -> tuple[object, ...]:
        state = {"span": self.span, "source": self.source, "hint": self.hint}
        return type(self), (self.message,), state


class CgError(Told):
    """Base of every error that a user can cause. A traceback ends with the place in the text and the hint."""

    exit_code = ExitCode.CALCULATION
    title = "error"

    @property
    def __notes__(self) -> list[str]:  # type: ignore[override]  # made when asked for: the source is known late
        """What Python shows below an error that nobody catches (PEP 678)."""
        from cgcli.excerpts import excerpt

        return excerpt(self.source, self.span) + ([f"hint: {self.hint}"] if self.hint else [])


class FormulaError(CgError):
    """The text is not a formula of the language: syntax, unknown names, wrong counts of arguments."""

    exit_code = ExitCode.USAGE
    title = "formula error"


class ShapeError(FormulaError):
    """Operands whose shapes do not fit each other."""

    title = "shape error"


class NeedsValues(FormulaError):
    """The graph cannot be built before an input has a value: it is a length, an index or an axis."""


class UsageError(CgError):
    """The command line or the call is wrong: unknown option, missing or superfluous input."""

    exit_code = ExitCode.USAGE
    title = "usage error"


class DataError(CgError):
    """A value or a file that was given cannot be used, whatever it holds: a formula, a graph, a table, an array."""

    title = "data error"


class CalculationError(CgError):
    """A calculation that cannot be carried out."""

    title = "calculation error"


class CgWarning(Told, UserWarning):
    """Base of every warning of this package: there is a result, and something about it that should be known."""

    def __str__(self) -> str:
        """What, where and what to do, in one line."""
        where = ""
        if self.source is not None and self.span is not None:
            line, column = self.source.locate(self.span[0])
            text = " ".join(self.source.text[slice(*self.span)].split())
            where = f", in `{text}`" if len(text) <= LONGEST_QUOTE else f", at {self.source.name}:{line}:{column}"
        return f"{self.message}{where}{f'; {self.hint}' if self.hint else ''}"


class PrecisionWarning(CgWarning):
    """A result is smaller the more digits it is computed with: it counts as 0."""


class NotFiniteWarning(CgWarning):
    """A nan or an infinity was born in a calculation of finite numbers; a result, or the value behind it, shows it."""


class KinkWarning(CgWarning):
    """A second derivative at a kink, or a derivative of a branch that is taken at a single point, which may mislead."""


class NonlinearWarning(CgWarning):
    """The law of propagation of uncertainty takes a formula for a straight line, and here that is too far from it."""


class LeftOutWarning(CgWarning):
    """Derivatives by all inputs were asked for, and one of them has none."""


class GapWarning(CgWarning):
    """Rows of data with a missing cell, or with one that is no number, were left out."""


class GraphError(CgError):
    """An edit or a store that breaks an invariant of the graph."""

    title = "graph error"


class MissingExtra(CgError):
    """A feature whose optional package is not installed."""

    exit_code = ExitCode.MISSING_EXTRA
    title = "missing package"


def closest(word: str, candidates: Iterable[str], limit: int = 3) -> list[str]:
    """The candidates that look most like a misspelt word, best first (none where nothing is near)."""
    from difflib import get_close_matches  # only on the way to an error message

    by_lower = {candidate.lower(): candidate for candidate in candidates}
    return [by_lower[match] for match in get_close_matches(word.lower(), list(by_lower), n=limit, cutoff=0.6)]


def did_you_mean(word: str, candidates: Iterable[str]) -> str | None:
    """A hint that names the closest candidates, or None where nothing is near."""
    matches = closest(word, candidates)
    return f"did you mean {' or '.join(f'`{match}`' for match in matches)}?" if matches else None
