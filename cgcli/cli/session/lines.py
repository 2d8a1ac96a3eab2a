"""A line of a session: a command with a colon, or statements of the language."""

from __future__ import annotations

from dataclasses import dataclass

from cgcli.errors import CgError, FormulaError, Source, UsageError
from cgcli.language import syntax
from cgcli.language.reading import parse
from cgcli.language.spelling import canonical

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cgcli.language.syntax import Syntax

SIGN = ":"
"""What a command begins with; no formula does."""


class Line(Source):
    """The text of a line; messages name its number. name: where the lines come from."""

    __slots__ = ("number",)

    def __init__(self, text: str, name: str = "<session>", number: int = 1) -> None:
        super().__init__(canonical(text), name)
        self.number = number

    def locate(self, offset: int) -> tuple[int, int]:
        """The number of the line, and the column of a character offset, counted from 1."""
        return self.number, offset + 1


@dataclass(frozen=True)
class Command:
    """A word with a colon and what stands behind it. at: where that begins in the line."""

    name: str
    rest: str
    at: int


@dataclass(frozen=True)
class Statement:
    """A statement of the language.

    kind: `value` (`x = …`, `a, b = …`), `function` (`f(a) = …`) or `expression`. names: of the values, or of the
    function. text: the value, or the whole statement. at: where that begins in the line.
    """

    kind: str
    text: str
    at: int
    names: tuple[str, ...] = ()


def read_line(source: Line) -> list[Command | Statement]:
    """What a line asks for, in order; [] for a blank one and for a comment. FormulaError with the place in the line."""
    text = source.text
    stripped = text.lstrip()
    if stripped.startswith(SIGN):
        begin = len(text) - len(stripped) + len(SIGN)
        name = text[begin:].split(maxsplit=1)[:1] or [""]
        at = text.index(name[0], begin) + len(name[0])
        rest = text[at:]
        return [Command(name[0], rest.strip(), at + len(rest) - len(rest.lstrip()))]
    if not stripped or stripped.startswith("#"):
        return []
    table = parse(source)
    return [statement(table, row) for row in table.statements]


def statement(table: Syntax, row: int) -> Statement:
    """A row of a table of syntax as a statement. A declaration gives its name a value; FormulaError for one without."""
    rule, first, (begin, end), text = table.rule[row], table.first()[row], table.span(row), table.source.text
    if rule == syntax.EXPRESSION:
        return Statement("expression", text[begin:end], begin)
    if rule in (syntax.OUTPUT, syntax.TERM):
        raise FormulaError(
            "a session keeps the outputs and the terms of its formula", span=(begin, end), source=table.source,
            hint="`:watch y` shows y whenever it changes",
        )  # fmt: skip
    target = table.first()[row - 1] - 1  # of an assignment
    if rule == syntax.FUNCTION or (rule == syntax.ASSIGN and table.rule[target] != syntax.NAME):
        return Statement("function", text[begin:end], begin, (table.callee(first),))
    if table.rule[row - 1] == syntax.EMPTY:
        raise FormulaError(
            f"`{table.word(first)}` has no value here", span=(begin, end), source=table.source,
            hint=f"for example {table.word(first)} = 0.5",
        )  # fmt: skip
    names = tuple(table.word(place) for place in range(first, target + 1)) if rule == syntax.UNPACK else ()
    at = text.index("=", table.end[target] if rule in (syntax.ASSIGN, syntax.UNPACK) else begin) + 1
    at += len(text[at:end]) - len(text[at:end].lstrip())
    return Statement("value", text[at:end], at, names or (table.word(first),))


def placed(error: CgError, source: Line, piece: str, at: int) -> CgError:
    """An error in a piece of a line, or in another part of it, with its place there."""
    if error.source is None or error.span is None or isinstance(error.source, Line):
        return error
    text = error.source.text
    if not (piece and text.endswith(piece)) and text and source.text.count(text) == 1:
        piece, at = text, source.text.index(text)
    if piece and text.endswith(piece):  # functions may stand in front of it
        shift = at - (len(text) - len(piece))
        begin, end = error.span[0] + shift, error.span[1] + shift
        if begin >= at:
            error.span, error.source = (begin, end), source
    return error


def divided(command: Command, word: str, usage: str) -> tuple[str, str]:
    """The two sides of a word in a command: `A with B`. UsageError that shows how it is used where it is not there."""
    padded = f" {command.rest} "
    left, found, right = padded.partition(f" {word} ")
    if not found or not left.strip() or not right.strip():
        raise UsageError(f"`:{command.name}` needs `{word}`", hint=f"for example {usage}")
    return left.strip(), right.strip()
