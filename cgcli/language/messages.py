"""What to say of a text that cannot be read: one line what, the place, and what would work."""

from __future__ import annotations

import re
from array import array

from cgcli.errors import FormulaError, Source
from cgcli.language import tables
from cgcli.language.notations import foreign
from cgcli.loops import swept

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

TERMINALS = tables.TERMINALS
RESERVED = ("if", "else", "for", "in", "and", "or", "not")
"""Words of the language that cannot be names."""

DECLARING = ("input", "param", "output", "term")
"""Words that begin a declaration; elsewhere they are names like any other."""

END = TERMINALS.index("$END")
SEPARATOR = TERMINALS.index("SEPARATOR")
NUMBER = TERMINALS.index("NUMBER")
NAME = TERMINALS.index("NAME")
EQUAL = TERMINALS.index("EQUAL")
TARGETS_END = {EQUAL, TERMINALS.index("COMMA"), TERMINALS.index("RPAR")}
TARGETS_IN_BRACKETS = r",[^()\[\]\n;]*\)\s*=(?!=)"
PAIRS = {"(": ")", "[": "]"}
HASH, NEWLINE = map(ord, "#\n")
LEFT_ROUND, RIGHT_ROUND, LEFT_SQUARE, RIGHT_SQUARE = map(ord, "()[]")
LONG_SIGNS = ("==", "!=", "<=", ">=", "//", "**")

CONDITIONAL = "a conditional is `a if condition else b`"
BEGINNINGS = {
    "if": CONDITIONAL, "else": CONDITIONAL,
    "for": "to repeat, write `[i^2 for i in items]` or `fold(step, start, items)`",
}  # fmt: skip
"""Words that other languages begin a statement with: what to write here."""

OTHER_WORDS = (
    "def", "lambda", "return", "while", "then", "elif", "let", "var", "const", "function", "print", "import", "from",
    "class", "int", "float", "double",
)  # fmt: skip
"""Words of other languages: no factors of a product."""

INSTEAD = {
    "|": ("`|` is not an operator here", "write `or`, or `abs(x)` for a magnitude"),
    "'": ("`'` is not an operator here", "write `A.T` for the transpose, `diff(y, x)` for a derivative"),
    '"': ("texts in quotes are not part of the language", "formulas compute with numbers only"),
    "?": ("`?` is not an operator here", "write `a if condition else b`"),
    "{": ("braces are not part of the language", "write `( )` to group, `[ ]` for a list"),
    "}": ("braces are not part of the language", "write `( )` to group, `[ ]` for a list"),
    "$": ("`$` is not part of a name", "write the name alone; quote the formula for the shell with '…'"),
    "\\": ("a backslash only continues a line, at its very end", None),
    ".": ("a `.` here belongs to no number", None),
}  # fmt: skip
"""Characters that the language does not have: what to say and what to write."""

QUOTES = "'\""
BEGIN_OF_STATEMENT = ("\n", ";", ":")
"""What a text in quotes that describes a function stands behind, as in Python."""


def unreadable(source: Source, offset: int) -> FormulaError:
    """The error for a character that begins no token."""
    told = foreign(source.text, offset)
    if told is not None:
        return FormulaError(told.message, span=told.span, source=source, hint=told.hint)
    character = source.text[offset]
    message, hint = INSTEAD.get(character, (f"`{character}` is not part of the language", None))
    if character in QUOTES and source.text[:offset].rstrip(" \t").endswith(BEGIN_OF_STATEMENT):
        message, hint = INSTEAD['"'][0], "what is meant for readers stands behind a `#`, to the end of its line"
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
    told = foreign(text, begin if begin < len(text) else len(text.rstrip()))
    if told is not None:
        return FormulaError(told.message, span=told.span, source=source, hint=told.hint)
    wants_value = NUMBER in expected
    unclosed = None if wants_value else _unclosed(text, begin)
    from cgcli.language.unfinished import unfinished  # its patterns take a millisecond

    slip = unfinished(source, kind, begin, finish, expected, unclosed)
    if slip is not None:
        return slip
    before = last_word(text, last_end)
    word = text[begin:finish]
    ends = kind in (END, SEPARATOR)
    message: str
    hint: str | None
    if unclosed is not None and word == ";" and unclosed not in _open_brackets(text, len(text)):
        message, hint = "`;` cannot stand inside brackets", "separate arguments and items by commas"
        span = (begin, finish)
    elif unclosed is not None and (ends or _begins_a_line(text, unclosed, begin, word)):
        bracket = text[unclosed]
        message, hint = f"this `{bracket}` is never closed", f"add `{PAIRS[bracket]}`"
        span = (unclosed, unclosed + 1)
    elif wants_value:
        message, hint = _value_missing(source, kind, begin, finish, before)
        span = (last_end - len(before), last_end) if kind == END else (begin, finish)
        if before and word == "=" and text[begin - 1 : begin] == before:
            span = (begin - 1, finish)
    else:
        message, hint = _explain(source, kind, word, before, begin, unclosed, expected)
        wrongly_closed = unclosed is not None and word in (")", "]") and word != PAIRS[text[unclosed]]
        span = (unclosed, unclosed + 1) if unclosed is not None and wrongly_closed else (begin, finish)
        if kind == END:
            span = (last_end - len(before), last_end)
    return FormulaError(message, span=span, source=source, hint=hint)


def _begins_a_line(text: str, unclosed: int, begin: int, word: str) -> bool:
    """Whether a token begins what was meant as a statement of its own: after a bracket of a line above.

    `word` is `=` where the name before it was still read as part of the bracket.
    """
    line = text.rfind("\n", 0, begin) + 1
    if line <= unclosed or unclosed not in _open_brackets(text, len(text)):
        return False
    lead = text[line:begin].strip()
    return lead in ("", "def", *DECLARING) if word != "=" else lead.isidentifier()


def _explain(
    source: Source, kind: int, word: str, before: str, begin: int, unclosed: int | None, expected: dict[int, int]
) -> tuple[str, str | None]:
    """What is wrong with a token where an operator or an end could have followed, and what would work."""
    opening = source.text[unclosed] if unclosed is not None else ""
    if NAME in expected:
        return f"a name must follow `{before}`", None
    if EQUAL in expected and not expected.keys() - TARGETS_END:
        return "`=` is missing after these names", "write `a, b = …` to take values apart, `[a, b]` for a list"
    open_word = _open_word(source.text, unclosed, begin)
    if open_word == "for":
        return f"`in` is missing after `{before}`", f"write `for {before} in items`"
    if open_word == "if" and not _is_value(kind, word):
        return f"`else` is missing after `{before}`", CONDITIONAL
    if word in (")", "]"):
        if not opening:
            missing = "(" if word == ")" else "["
            return f"there is no `{missing}` for this `{word}`", "remove it, or open a bracket before"
        return f"this `{opening}` is closed by `{word}`", f"close it with `{PAIRS[opening]}`"
    if word == "=":
        return "`=` cannot stand here", "to compare, write `==`; a definition `name = …` takes a line of its own"
    if word == ",":
        if re.compile(TARGETS_IN_BRACKETS).match(source.text, begin):
            return "a comma cannot stand here", "write `a, b = …` without brackets to take values apart"
        if opening == "(":
            return "a comma cannot stand here", "`( )` groups one value; write `[ ]` for a list"
        return "a comma cannot stand here", "commas separate the arguments of a function and the items of `[ ]`"
    if before in DECLARING and _is_value(kind, word):
        example = "y" if before == "output" else "tree" if before == "term" else "x = 1"
        return f"a name must follow `{before}`", f"for example `{before} {example}`"
    if _is_value(kind, word):
        return _side_by_side(before, word, source.text[begin + len(word) :].lstrip(" \t"))
    return f"`{word}` cannot stand here", None


def _open_word(text: str, unclosed: int | None, end: int) -> str | None:
    """`if` or `for` where that is the last word of its kind since the innermost open bracket, or in the line."""
    begin = max(text.rfind(sign, 0, end) for sign in "\n;") if unclosed is None else unclosed
    found = re.findall(r"\b(?:if|else|for|in)\b", text[begin + 1 : end])
    return found[-1] if found and found[-1] in ("if", "for") else None


def _value_missing(source: Source, kind: int, begin: int, finish: int, before: str) -> tuple[str, str | None]:
    """A value was expected: after an operator, an opening bracket, or at the beginning."""
    word = source.text[begin:finish]
    where = f" after `{before}`" if before else ""
    if kind == END:
        if not before:
            return "the formula is empty", "write an expression, for example `x + y`"
        return f"a value is missing{where}", "the formula ends too early"
    if kind == SEPARATOR:
        return f"a value is missing{where}", "the line ends too early; inside brackets it may go on in the next one"
    if word in RESERVED and source.text[finish:].lstrip(" \t")[:1] in ("=", ",", ")"):
        return f"`{word}` is a word of the language and cannot be a name", f"take another one, for example `{word}_`"
    if word == "=" and before == "=":
        return "`= =` is not an operator", "write `==` to compare"
    if word == "=" and before in (":", "+", "-", "*", "/"):
        return f"`{before}=` is not part of the language", "write `name = …`; every name is defined once"
    if not before or before == "\n":
        return f"a formula cannot begin with `{word}`", BEGINNINGS.get(word)
    return f"a value is missing between `{before}` and `{word}`", None


def _side_by_side(before: str, word: str, rest: str) -> tuple[str, str | None]:
    """Two values without an operator: the product that mathematicians leave out, or a call without brackets."""
    message = f"`{before}` and `{word}` stand side by side without an operator"
    if before in OTHER_WORDS:
        return message, None
    if before[:1].isalpha():
        from cgcli.ops import REGISTRY  # reading alone needs no operations

        if before in REGISTRY.callable_as:
            if rest[:1].isalnum() or rest[:1] in ("^", "*", "/", "%", "@", "(", "[", ".", "_", "=", "!"):
                return message, f"to call the function, put all of its argument in brackets: {before}(…)"
            return message, f"to call the function, write `{before}({word})`"
    if before[-1:].isdigit() and word[:1].isdigit():
        return message, "write an operator between them"
    if word in ("(", "["):
        return message, f"to multiply, write `{before}*{word}…`"
    if rest[:1] == "(":
        return message, f"to multiply, write `{before}*{word}(…)`"
    return message, f"to multiply, write `{before}*{word}`"


def _is_value(kind: int, word: str) -> bool:
    return kind in (NUMBER, NAME) or word in ("(", "[", *DECLARING)


def last_word(text: str, end: int) -> str:
    """The token that ends at an offset, near enough for a message: a word, a number or a sign."""
    begin = end
    while begin > 0 and end - begin < 30 and (text[begin - 1].isalnum() or text[begin - 1] in "_."):
        begin -= 1
    if begin < end:
        return text[begin:end]
    return text[max(end - 2, 0) : end] if text[max(end - 2, 0) : end] in LONG_SIGNS else text[max(end - 1, 0) : end]


def _unclosed(text: str, end: int) -> int | None:
    """Offset of the innermost bracket that is open at an offset."""
    brackets = _open_brackets(text, end)
    return brackets[-1] if brackets else None


def _open_brackets(text: str, end: int) -> array[int]:
    """Offsets of the brackets that are open at an offset, the innermost last. Comments do not count."""
    characters = array("I", text[:end].encode("utf-32-le", "surrogatepass"))
    opened = array("i", bytes(4 * (text.count("(", 0, end) + text.count("[", 0, end) + 1)))
    return opened[: swept(open_brackets, end, characters, opened)]


def open_brackets(characters: Any, opened: Any) -> int:
    """Write the offsets of the brackets that stay open, the innermost last, and return how many there are."""
    count = 0
    comment = False
    for position in range(len(characters)):
        character = characters[position]
        if comment or character == HASH:
            comment = character != NEWLINE
        elif character in (LEFT_ROUND, LEFT_SQUARE):
            opened[count] = position
            count += 1
        elif character in (RIGHT_ROUND, RIGHT_SQUARE) and count > 0:
            count -= 1
    return count
