"""Equations as people write them: `x^2 + y^2 = 4; x*y = 1`.

In a formula `name = …` defines a name. In equations it does so, too, unless the name has a value or stands for
something already; every other `left = right` is an equation, as is `left == right`; a last statement without either
is to be 0. An equation becomes an output of a formula, a comparison whose sides are to be equal.
"""

from __future__ import annotations

from cgcli.errors import FormulaError, Source
from cgcli.language import tables
from cgcli.language.parser import TOKEN
from cgcli.language.spelling import canonical
from cgcli.language.tokens import CLOSING, NAME, OPENING, SEPARATOR
from cgcli.ops import REGISTRY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from cgcli.errors import Span

DECLARATIONS = {name: tables.TERMINALS.index(name.upper()) for name in ("input", "param", "term", "output", "def")}
RETURN = tables.TERMINALS.index("RETURN")


class Token:
    """A word of a text, with its kind and place. depth: in how many brackets it stands."""

    __slots__ = ("begin", "depth", "end", "kind", "text")

    def __init__(self, kind: int, text: str, begin: int, depth: int) -> None:
        self.kind = kind
        self.text = text
        self.begin = begin
        self.end = begin + len(text)
        self.depth = depth


class Rewritten:
    """A text whose equations became outputs, and where its pieces came from.

    source: the new text. names: of its equations, in order; none where there are none, and its outputs are meant.
    """

    def __init__(self, original: Source, pieces: list[tuple[str, int | None]], names: list[str]) -> None:
        self.original = original
        self.names = names
        self.source = Source("".join(text for text, _ in pieces), original.name)
        self._places: list[tuple[int, int, int]] = []
        begin = 0
        for text, place in pieces:
            if place is not None:
                self._places.append((begin, begin + len(text), place))
            begin += len(text)

    def back(self, span: Span | None) -> Span | None:
        """A place of the new text in the original one; None where it has none there."""
        if span is None:
            return None
        found = [self._place(offset) for offset in span]
        return None if None in found else (found[0], found[1])  # type: ignore[return-value]

    def _place(self, offset: int) -> int | None:
        for begin, end, place in self._places:
            if begin <= offset <= end:
                return place + offset - begin
        return None


def read_equations(source: Source, known: Collection[str]) -> Rewritten:
    """The text of a formula whose outputs are the equations of a text.

    known: the names that have values, the unknowns and others; `name = …` is an equation of such a name. FormulaError
    where an equation has not two sides, and for brackets without partners; what else is wrong, the parser finds.
    """
    if not source.text.isascii():
        source = Source(canonical(source.text), source.name)
    text = source.text
    check_brackets(source)
    statements = statements_of(text)
    found = [statement for statement in statements if not is_declaration(statement)]
    declared = any(is_declaration(statement, "output") for statement in statements)
    prefix = "equation_"
    while prefix in text:
        prefix = f"_{prefix}"
    pieces: list[tuple[str, int | None]] = []
    names: list[str] = []
    names_so_far, last = {*known, *(each[1].text for each in statements if is_declaration(each, "def"))}, 0
    for statement in found:
        signs = [each for each in statement if each.depth == 0 and each.text in ("=", "==")]
        if signs and defines(statement, signs[0], names_so_far):
            names_so_far.update(token.text for token in statement if token.begin < signs[0].begin and token.depth == 0)
        elif signs or (statement is found[-1] and not declared):
            names.append(f"{prefix}{len(names) + 1}")
            pieces += [(text[last : statement[0].begin], last), (f"{names[-1]} = (", None)]
            pieces += sides(source, statement, signs)
            last = statement[-1].end
    pieces.append((text[last:], last))
    if names:
        pieces.append((f"\noutput {', '.join(names)}", None))
    return Rewritten(source, pieces, names)


def sides(source: Source, statement: list[Token], signs: list[Token]) -> list[tuple[str, int | None]]:
    """What stands in the place of an equation, behind `name = (`. FormulaError where it has not two sides."""
    begin, end = statement[0].begin, statement[-1].end
    signs = [sign for sign in signs if sign.text == "="]
    if not signs:
        return [(source.text[begin:end], begin), (")", None)]
    if len(signs) > 1:
        place = (signs[1].begin, signs[1].end)
        raise FormulaError("an equation has two sides", span=place, source=source, hint="write two equations")
    left = [token for token in statement if token.begin < signs[0].begin]
    right = [token for token in statement if token.begin > signs[0].begin]
    if not left or not right:
        raise FormulaError("a side of this equation is missing", span=(begin, end), source=source)
    texts = [(source.text[part[0].begin : part[-1].end], part[0].begin) for part in (left, right)]
    return [texts[0], (") == (", None), texts[1], (")", None)]


def is_declaration(statement: list[Token], *words: str) -> bool:
    """Whether a statement declares something: `input x`, `output a, b`, a function with `def`."""
    kinds = {DECLARATIONS[word] for word in words or DECLARATIONS}
    return len(statement) > 1 and statement[0].kind in kinds and statement[1].kind == NAME


def defines(statement: list[Token], sign: Token, known: Collection[str]) -> bool:
    """Whether `left = …` defines a name, names or a function; `known` are those that stand for something already."""
    first = statement[0]
    if sign.text != "=" or first.kind != NAME or first.text in known:
        return False
    outside = [token.text for token in statement if token.depth == 0 and token.begin < sign.begin]
    if outside == [first.text]:
        return True
    if outside[1::2] == [","] * (len(outside) // 2) and len(outside) > 1:
        return True
    return outside == [first.text, "(", ")"] and first.text not in REGISTRY.callable_as


def statements_of(text: str) -> list[list[Token]]:
    """The words of each statement. Brackets count for the depth of what is between them; `(` itself is outside."""
    found: list[list[Token]] = [[]]
    depth = 0
    for match in TOKEN.finditer(text, 1 if text.startswith("\ufeff") else 0):
        kind = match.lastindex
        if kind is None:
            break
        begin, end = match.span(kind)
        word = text[begin:end]
        if kind == NAME:
            kind = tables.KEYWORDS.get(word, NAME)
        if kind in CLOSING:
            depth -= 1
        if kind == SEPARATOR:
            if (depth <= 0 or word == ";") and not _is_in_function(found[-1]):
                found.append([])
            continue
        token = Token(kind, word, begin, depth)
        if kind in OPENING:
            depth += 1
        found[-1].append(token)
    return [statement for statement in found if statement]


def _is_in_function(statement: list[Token]) -> bool:
    """Whether the words so far are those of a function that has no `return` yet."""
    return is_declaration(statement, "def") and all(token.kind != RETURN for token in statement)


def check_brackets(source: Source) -> None:
    """FormulaError for a bracket that is never closed, or that closes nothing."""
    opened: list[tuple[int, int]] = []
    for statement in statements_of(source.text):
        for token in statement:
            span = (token.begin, token.end)
            if token.kind in OPENING:
                opened.append(span)
            elif token.kind in CLOSING and not opened:
                raise FormulaError(f"this `{token.text}` closes nothing", span=span, source=source)
            elif token.kind in CLOSING:
                opened.pop()
    if opened:
        bracket = source.text[slice(*opened[-1])]
        hint = f"add `{')' if bracket == '(' else ']'}`"
        raise FormulaError(f"this `{bracket}` is never closed", span=opened[-1], source=source, hint=hint)
