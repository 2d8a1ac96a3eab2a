"""What to say of a text that cannot be read: one line what, the place, and what would work."""

from __future__ import annotations

from cgcli.errors import FormulaError, Source
from cgcli.language import tables

TERMINALS = tables.TERMINALS
END = TERMINALS.index("$END")
SEPARATOR = TERMINALS.index("SEPARATOR")
NUMBER = TERMINALS.index("NUMBER")
NAME = TERMINALS.index("NAME")
PAIRS = {"(": ")", "[": "]"}

INSTEAD = {
    "&": ("`&` is not an operator here", "write `and`"),
    "|": ("`|` is not an operator here", "write `or`, or `abs(x)` for a magnitude"),
    "!": ("`!` is not an operator here", "write `not x`, `x != y`, or `factorial(n)`"),
    "~": ("`~` is not an operator here", "write `not`"),
    "'": ("`'` is not an operator here", "write `A.T` for the transpose, `diff(y, x)` for a derivative"),
    '"': ("texts in quotes are not part of the language", None),
    "?": ("`?` is not an operator here", "write `a if condition else b`"),
    "×": ("`×` is not an operator here", "write `*`"),
    "·": ("`·` is not an operator here", "write `*`"),
    "÷": ("`÷` is not an operator here", "write `/`"),
    "−": ("this minus sign is not the one of the keyboard", "write `-`"),
    "–": ("this dash is not a minus sign", "write `-`"),
    "²": ("`²` is not an operator here", "write `^2`"),
    "³": ("`³` is not an operator here", "write `^3`"),
    "√": ("`√` is not an operator here", "write `sqrt(x)`"),
    "≤": ("`≤` is not an operator here", "write `<=`"),
    "≥": ("`≥` is not an operator here", "write `>=`"),
    "≠": ("`≠` is not an operator here", "write `!=`"),
    "{": ("braces are not part of the language", "write `( )` to group, `[ ]` for a list"),
    "}": ("braces are not part of the language", "write `( )` to group, `[ ]` for a list"),
    "$": ("`$` is not part of a name", "write the name alone; quote the formula for the shell with '…'"),
    "\\": ("a backslash only continues a line, at its very end", None),
    ".": ("a `.` here belongs to no number", "write `0.5` or `.5`; `A.T` is the transpose"),
}  # fmt: skip
"""Characters that the language does not have: what to say and what to write."""


def unreadable(source: Source, offset: int) -> FormulaError:
    """The error for a character that begins no token."""
    character = source.text[offset]
    message, hint = INSTEAD.get(character, (f"`{character}` is not part of the language", None))
    if not character.isprintable():
        message = f"a character that cannot be shown (U+{ord(character):04X}) is not part of the language"
    return FormulaError(message, span=(offset, offset + 1), source=source, hint=hint)


def misread(
    source: Source, kind: int, begin: int, finish: int, last_end: int, expected: dict[int, int]
) -> FormulaError:
    """The error for a token that cannot follow what was read.

    kind, begin, finish: the token; last_end: where the text read so far ends; expected: what could have followed.
    """
    text = source.text
    before = last_word(text, last_end)
    word = text[begin:finish]
    span = (begin, finish) if kind != END else (max(last_end - len(before), 0), last_end)
    message, hint = _explain(source, kind, word, before, begin, last_end, expected)
    unclosed = _unclosed(text, begin) if kind in (END, SEPARATOR) or word in (")", "]") else None
    if unclosed is not None and NUMBER not in expected:
        span = (unclosed, unclosed + 1)
    return FormulaError(message, span=span, source=source, hint=hint)


def _explain(
    source: Source, kind: int, word: str, before: str, begin: int, last_end: int, expected: dict[int, int]
) -> tuple[str, str | None]:
    """What is wrong, and what would work."""
    wants_value = NUMBER in expected
    ends = kind in (END, SEPARATOR)
    if wants_value:
        return _value_missing(source, kind, word, before)
    unclosed = _unclosed(source.text, begin)
    if ends and unclosed is not None:
        bracket = source.text[unclosed]
        return f"this `{bracket}` is never closed", f"add `{PAIRS[bracket]}`"
    if word in (")", "]"):
        if unclosed is None:
            opening = "(" if word == ")" else "["
            return f"there is no `{opening}` for this `{word}`", "remove it, or open a bracket before"
        bracket = source.text[unclosed]
        return f"this `{bracket}` is closed by `{word}`", f"close it with `{PAIRS[bracket]}`"
    if word == "=":
        return "`=` cannot stand here", "to compare, write `==`; a definition `name = …` takes a line of its own"
    if word == ",":
        if before.isdigit() and source.text[begin + 1 : begin + 2].isdigit():
            return "a comma cannot stand in a number", "write the decimals with a point: `1.5`"
        return "a comma cannot stand here", "commas separate the arguments of a function and the items of `[ ]`"
    if _is_value(kind, word):
        return _side_by_side(before, word)
    if ends:
        return f"something is missing after `{before}`", _continuation(expected)
    return f"`{word}` cannot stand here", _continuation(expected)


def _value_missing(source: Source, kind: int, word: str, before: str) -> tuple[str, str | None]:
    """A value was expected: after an operator, an opening bracket, or at the beginning."""
    where = f" after `{before}`" if before else ""
    if kind == END:
        if not before:
            return "the formula is empty", "write an expression, for example `x + y`"
        return f"a value is missing{where}", "the formula ends too early"
    if kind == SEPARATOR:
        return f"a value is missing{where}", "the line ends too early; inside brackets it may go on in the next one"
    if word == "=" and before == "=":
        return "`= =` is not an operator", "write `==` to compare"
    if word == "=" and before in (":", "+", "-", "*", "/"):
        return f"`{before}=` is not part of the language", "write `name = …`; every name is defined once"
    if word in (")", "]"):
        return f"a value is missing between `{before}` and `{word}`", None
    return f"a value is missing{where}, here is `{word}`", None


def _side_by_side(before: str, word: str) -> tuple[str, str]:
    """Two values without an operator: the product that mathematicians leave out."""
    rest = "…" if word in ("(", "[") else ""
    return (
        f"`{before}` and `{word}` stand side by side without an operator",
        f"to multiply, write `{before}*{word}{rest}`",
    )


def _is_value(kind: int, word: str) -> bool:
    return kind in (NUMBER, NAME) or word in ("(", "[", "input", "param", "output")


def _continuation(expected: dict[int, int]) -> str | None:
    """A hint from what could have followed, where that is one thing."""
    words = {"ELSE": "a conditional is `a if condition else b`", "IN": "write `for i in items`",
             "EQUAL": "write `name = …`", "NAME": "a name must follow"}  # fmt: skip
    possible = [text for name, text in words.items() if TERMINALS.index(name) in expected]
    return possible[0] if len(possible) == 1 else None


def last_word(text: str, end: int) -> str:
    """The token that ends at an offset, near enough for a message: a word, a number or a sign."""
    begin = end
    while begin > 0 and end - begin < 30 and (text[begin - 1].isalnum() or text[begin - 1] in "_."):
        begin -= 1
    return text[begin:end] or text[max(end - 1, 0) : end]


def _unclosed(text: str, end: int) -> int | None:
    """Offset of the innermost bracket that is open at an offset. Comments do not count."""
    open_brackets: list[int] = []
    position = 0
    while position < end:
        character = text[position]
        if character == "#":
            line_end = text.find("\n", position)
            position = end if line_end < 0 else line_end
        elif character in PAIRS:
            open_brackets.append(position)
        elif character in ")]" and open_brackets:
            open_brackets.pop()
        position += 1
    return open_brackets[-1] if open_brackets else None
