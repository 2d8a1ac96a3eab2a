"""The functions of a text: `f(x) = …`, and `def f(x): …  return …` with statements of its own.

The grammar needs no indentation, since `return` ends a function. Where its statements begin lines of the text they are
indented all the same, as in Python: what looks like a line of the function is one, and nothing else.
"""

from __future__ import annotations

import re

from cgcli.errors import FormulaError
from cgcli.language import syntax

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from cgcli.errors import Span
    from cgcli.language.syntax import Syntax

NEXT_LINE = r"(?:[ \t\f\u00a0]*(?:#[^\n]*)?\r?\n)+([ \t\f\u00a0]*)([^\s#]\S*)"


UNWANTED = "_"
"""A value that is taken apart from others goes by this name where nobody needs it, as often as one likes."""


class Definition:
    """A function of the text: its parameters, the other names that are local in it, and its body.

    first, end: the rows of the body. What they are walked for, the function's value, is on lowering's stack then,
    whether the body is one expression or has statements before it.
    """

    __slots__ = ("end", "first", "locals", "name", "parameters", "span")

    def __init__(
        self, name: str, parameters: tuple[str, ...], first: int, end: int, span: Span, locals_: tuple[str, ...] = ()
    ) -> None:
        self.name = name
        self.parameters = parameters
        self.locals = locals_
        self.first = first
        self.end = end
        self.span = span


def definition_of(table: Syntax, row: int) -> Definition:
    """The function that a statement defines, an ASSIGN to a call or a FUNCTION.

    FormulaError for equal names side by side, and for lines that are indented otherwise than they are meant.
    """
    first = table.first()
    if table.rule[row] == syntax.ASSIGN:
        body = first[row - 1]
        head = body - 1
        parameters = tuple(map(table.word, range(first[head] + 1, head)))
        return Definition(table.callee(head), parameters, body, row, table.span(head))
    head = _head(table, row)
    parameters = _words(table, first[head] + 1, head, "two parameters of a function have the same name")
    assigned: dict[str, None] = {}
    for statement in _locals(table, head, row):
        targets = _words(table, first[statement], first[statement - 1], "two of these names are the same")
        assigned.update(dict.fromkeys(targets))
        _check_indented(table, head, table.start[statement])
    _check_indented(table, head, table.source.text.rfind("return", 0, table.start[row - 1]))
    _check_end(table, head, row)
    local = tuple(name for name in assigned if name not in parameters)
    return Definition(table.callee(head), parameters, head + 1, row, table.span(head), local)


def _head(table: Syntax, row: int) -> int:
    """The HEAD of a function: behind the opening of its name and its parameters."""
    place = table.first()[row]
    while table.rule[place] != syntax.HEAD:
        place += 1
    return place


def _locals(table: Syntax, head: int, row: int) -> Iterator[int]:
    """The LOCAL rows of a function, the last one first."""
    place = table.first()[row - 1] - 1
    while place > head:
        yield place
        place = table.first()[place] - 1


def _words(table: Syntax, begin: int, end: int, message: str) -> tuple[str, ...]:
    """The names in rows side by side. FormulaError where two are the same."""
    words = tuple(map(table.word, range(begin, end)))
    named = [word for word in words if word != UNWANTED]
    if len(set(named)) < len(named):
        raise FormulaError(message, span=(table.start[begin], table.end[end - 1]), source=table.source)
    return words


def _check_indented(table: Syntax, head: int, place: int) -> None:
    """FormulaError where a statement of a function begins a line that is not indented more than that of its `def`."""
    text, begin = table.source.text, table.start[head]
    line = text.rfind("\n", 0, place) + 1
    if line <= begin or text.endswith(("\\\n", "\\\r\n"), 0, line) or not begins_line(text, place):
        return
    if is_deeper(text[line:place], lead(text, begin)):
        return
    name = table.callee(head)
    raise FormulaError(
        f"this line of the function `{name}` is not indented", span=(place, _end_of_word(text, place)),
        source=table.source, hint=f"`{name}` goes on until its `return`: indent its lines, or add the `return`",
    )  # fmt: skip


def _check_end(table: Syntax, head: int, row: int) -> None:
    """FormulaError where the line after a function is indented as if it belonged to it."""
    text = table.source.text
    following = re.compile(NEXT_LINE).match(text, table.end[row])
    if following is None or not is_deeper(following[1], lead(text, table.start[head])):
        return
    raise FormulaError(
        "a function ends with its `return`, but this line is indented as if it belonged to it",
        span=following.span(2), source=table.source, hint="move the line to the left, or before the `return`",
    )  # fmt: skip


def begins_line(text: str, place: int) -> bool:
    """Whether nothing but blanks stands before a place in its line."""
    return not text[text.rfind("\n", 0, place) + 1 : place].strip()


def lead(text: str, place: int) -> str:
    """The blanks that begin the line of a place."""
    line = text[text.rfind("\n", 0, place) + 1 : place]
    return line[: len(line) - len(line.lstrip())]


def is_deeper(lead: str, outer: str) -> bool:
    """Whether a line that begins with these blanks belongs to one that begins with those."""
    return lead.startswith(outer) and len(lead) > len(outer)


def _end_of_word(text: str, place: int) -> int:
    """Where the word ends that begins at a place."""
    end = place
    while end < len(text) and (text[end].isalnum() or text[end] == "_"):
        end += 1
    return end
