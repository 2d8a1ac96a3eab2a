"""What to say of slips between the `def` of a function and its `return`."""

from __future__ import annotations

import re

from cgcli.errors import FormulaError, Source
from cgcli.language import tables
from cgcli.language.functions import begins_line, is_deeper, lead

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cgcli.errors import Span

NAME = r"[^\W\d]\w*"
NAMES = rf"{NAME}(?:\s*,\s*{NAME})*"
PARAMETERS = rf"\(\s*(?:{NAMES})?[\s,]*\)"

COMMENT = re.compile(r"#[^\n]*")
DEF = re.compile(r"(?:^|[;\n])[ \t\f\u00a0]*(?=def\b)")
HEAD = re.compile(rf"def\s+({NAME})\s*{PARAMETERS}\s*:")
PARTS = re.compile(rf"def(?:\s+({NAME})\s*({PARAMETERS})?)?\s*([^\n]*)")
RETURN = re.compile(r"\breturn\b")
ASSIGNED = re.compile(rf"{NAMES}\s*=(?!=)")
AUGMENTED = re.compile(rf"({NAME})\s*(\*\*|//|[-+*/%@^])=(?!=)\s*(.+)")
DECLARED = re.compile(rf"(?:input|param|output|term|def)\s+{NAME}")
NUMBER, END, SEPARATOR, EQUAL = map(tables.TERMINALS.index, ("NUMBER", "$END", "SEPARATOR", "EQUAL"))

REPEATING = {
    "for": "to repeat, write `[i^2 for i in items]` or `fold(step, start, items)`",
    "while": "to repeat, write `fold(step, start, range(n))`",
    "if": "a conditional is `a if condition else b`",
}


def unfinished(
    source: Source, kind: int, begin: int, finish: int, expected: dict[int, int], unclosed: int | None
) -> FormulaError | None:
    """The error for a token that cannot stand between a `def` and its `return`; None where it stands elsewhere.

    The arguments are those of `messages.misread`. unclosed: where the innermost bracket stands that is open.
    """
    if NUMBER in expected:  # a value is missing, as it may be anywhere
        return None
    text = COMMENT.sub(lambda found: " " * len(found[0]), source.text)
    defs = [found.end() for found in DEF.finditer(text, 0, begin) if found.end() < begin]
    if not defs:
        return None
    opened = defs[-1]
    if unclosed is not None and unclosed < opened:  # the bracket is what is wrong
        return None
    within = len(defs) > 1 and text[opened:begin].strip() == "def"
    if within and EQUAL in expected:  # read as a line of another function
        opened = defs[-2]
    head = HEAD.match(text, opened)
    if head is None or head.end() > begin:
        return _wrong_head(source, text, opened, (begin, finish))
    if RETURN.search(text, head.end(), begin):
        return None
    return _wrong_statement(source, text, head, kind, begin)


def _wrong_head(source: Source, text: str, opened: int, token: Span) -> FormulaError:
    """`def f(x) = …`, `def f(x) return …`, `def f: …`, `def f(x: float, n=2): …`, `def f(x) -> float: …`."""
    matched = PARTS.match(text, opened)
    assert matched is not None  # it begins with `def`
    name, parameters, rest = matched.groups()
    form = f"def {name}{parameters or '(x, y)'}: return …"
    if name is None:
        message, form = "the name of a function must follow `def`", "def f(x, y): return …"
    elif parameters is None:
        message = "the parameters of a function are plain names in brackets"
    elif rest.startswith("="):
        message, form = "`=` defines a function without `def`", f"{name}{parameters} = …"
    elif rest.startswith("->"):
        message = "a function says nothing about types"
    else:
        message, token = f"`:` is missing after `def {name}{parameters}`", (opened, matched.end(2))
    return FormulaError(message, span=token, source=source, hint=form)


def _wrong_statement(source: Source, text: str, head: re.Match[str], kind: int, begin: int) -> FormulaError | None:
    """What stands behind the head of a function, before its `return`, and is no `name = …`."""
    start, end = _statement(text, head.end(), begin - (kind in (END, SEPARATOR)))
    span, statement = (start, end), text[start:end]
    outside = begins_line(text, start) and not is_deeper(lead(text, start), lead(text, head.start()))
    named = kind == END and ASSIGNED.match(statement)
    if not statement or named or outside:
        return FormulaError(
            f"the function `{head[1]}` has no `return`", span=head.span(), source=source,
            hint="its last line is `return …`, which gives its value",
        )  # fmt: skip
    first = re.match(NAME, statement)
    augmented = AUGMENTED.fullmatch(statement)
    hint: str | None = None
    if DECLARED.match(statement):
        message, hint = (
            f"`{statement.split()[0]}` cannot stand in a function",
            "end the function with its `return` before",
        )
    elif first is not None and first[0] in REPEATING:
        message, hint = f"`{first[0]}` cannot begin a line", REPEATING[first[0]]
    elif augmented is not None:
        target, sign, value = augmented.groups()
        value = value if re.fullmatch(r"[\w.]+", value) else f"({value})"
        message, hint = f"`{sign}=` is not part of the language", f"write `{target} = {target} {sign} {value}`"
    elif ASSIGNED.match(statement):
        return None
    elif re.search(r"(?<![<>=!])=(?!=)", statement):
        message = "only names can stand on the left of `=` in a function"
        hint = "name = …, or a, b = … for several values"
    else:
        message = "a line of a function gives a value a name, or returns it"
        declares = first is not None and first[0] in ("global", "nonlocal")
        hint = (
            "names of the text can be read as they are, and not be changed"
            if declares
            else f"write `return {statement}`"
        )
    return FormulaError(message, span=span, source=source, hint=hint)


def _statement(text: str, closed: int, place: int) -> Span:
    """The statement of a function that a place lies in, without blanks around it; `closed`: where its head ends."""
    start = max(closed, text.rfind("\n", closed, place) + 1, text.rfind(";", closed, place) + 1)
    end = min((found for sign in "\n;" if (found := text.find(sign, max(place, start))) >= 0), default=len(text))
    statement = text[start:end]
    start += len(statement) - len(statement.lstrip())
    return start, start + len(statement.strip())
