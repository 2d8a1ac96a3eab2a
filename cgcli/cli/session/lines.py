"""A line of a session: a command with a colon, or statements of the language."""

from __future__ import annotations

from dataclasses import dataclass

from cgcli.errors import CgError, FormulaError, Source, UsageError
from cgcli.language import syntax
from cgcli.language.reading import parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cgcli.language.syntax import Syntax

SIGN = ":"
"""What a command begins with; no formula does."""


@dataclass(frozen=True)
class Command:
    """A word with a colon and what stands behind it. at: where that begins in the line."""

    name: str
    rest: str
    at: int


@dataclass(frozen=True)
class Statement:
    """A statement of the language.

    kind: `value` (`x = …`), `function` (`f(a) = …`) or `expression`. name: of a value or a function. text: the value, or
    the whole statement. at: where that begins in the line.
    """

    kind: str
    text: str
    at: int
    name: str = ""


def read_line(source: Source) -> list[Command | Statement]:
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
    if rule == syntax.OUTPUT:
        raise FormulaError(
            "a session keeps the outputs of its formula", span=(begin, end), source=table.source,
            hint=f"`:watch {table.word(first)}` shows a name whenever it changes",
        )  # fmt: skip
    target = table.first()[row - 1] - 1 if rule == syntax.ASSIGN else first
    if rule == syntax.ASSIGN and table.rule[target] != syntax.NAME:
        return Statement("function", text[begin:end], begin, table.callee(target))
    name = table.word(target)
    if table.rule[row - 1] == syntax.EMPTY:
        raise FormulaError(
            f"`{name}` has no value here", span=(begin, end), source=table.source, hint=f"for example {name} = 0.5"
        )
    at = text.index("=", table.end[target]) + 1
    at += len(text[at:end]) - len(text[at:end].lstrip())
    return Statement("value", text[at:end], at, name)


def placed(error: CgError, source: Source, piece: str, at: int) -> CgError:
    """An error in a piece of a line, with its place in the line."""
    if error.source is not None and error.span is not None and error.source.text.endswith(piece) and piece:
        shift = at - (len(error.source.text) - len(piece))
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
