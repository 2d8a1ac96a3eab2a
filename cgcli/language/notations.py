"""What people write in other notations, and what it is here: mathematics, Python, C, spreadsheets, LaTeX.

A *cure* is a text that stands in the place of the span and means what was meant; a hint with one is exactly
"write `cure`", and a test follows each literally. Where there is more than one meaning the hint names them, or there is
none: a hint that changes the meaning is worse than no hint.
"""

from __future__ import annotations

import re
from unicodedata import normalize

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from cgcli.errors import Span

    Rule = Callable[[str, int], "Found | None"]

NAME = r"[^\W\d]\w*"
NUMBER = r"(?:\d+\.?\d*|\.\d+)"


class Found:
    """A foreign notation: where it stands in its line, what is said of it, and what to write."""

    __slots__ = ("hint", "message", "span")

    def __init__(self, span: Span, message: str, cure: str | None = None, hint: str | None = None) -> None:
        self.span = span
        self.message = message
        self.hint = hint if cure is None else f"write `{cure}`"


def foreign(text: str, place: int) -> Found | None:
    """The foreign notation at a place of a text, with its span in the text."""
    begin = text.rfind("\n", 0, place) + 1
    end = text.find("\n", place)
    line = text[begin : end if end >= 0 else len(text)]
    if len(line) > 2_000:  # made by a program, which writes one notation
        return None
    for rule in RULES:
        found = rule(line, place - begin)
        if found is not None:
            found.span = found.span[0] + begin, found.span[1] + begin
            return found
    return None


def known(name: str) -> bool:
    """Whether a name is a function or a constant of the language."""
    from cgcli.ops import REGISTRY
    from cgcli.ops.constants import ALIASES, CONSTANTS

    return name in REGISTRY.callable_as or name in CONSTANTS or name in ALIASES


def is_function(name: str) -> bool:
    """Whether a name is a function of the language."""
    from cgcli.ops import REGISTRY

    return name in REGISTRY.callable_as


def touching(pattern: str, line: str, at: int) -> re.Match[str] | None:
    """The match of a pattern that a place lies in."""
    return next((found for found in re.finditer(pattern, line) if found.start() <= at < found.end()), None)


def closing(line: str, opening: int) -> int | None:
    """Where the bracket that opens at a place is closed."""
    depth = 0
    for place in range(opening, len(line)):
        depth += (line[place] in "([") - (line[place] in ")]")
        if depth == 0:
            return place
    return None


def operand_before(line: str, end: int) -> int | None:
    """Where the operand begins that ends at a place: a number, a name, a call, or brackets."""
    begin = end
    if begin and line[begin - 1] in ")]":
        depth = 0
        while begin:
            begin -= 1
            depth += (line[begin] in ")]") - (line[begin] in "([")
            if depth == 0:
                break
        else:
            return None
    while begin and (line[begin - 1].isalnum() or line[begin - 1] in "_."):
        begin -= 1
    return begin if begin < end else None


# ---- functions and names ---------------------------------------------------------------------------------------------

LETTERS = ("beta", "gamma", "zeta", "psi")
"""Functions whose name is as often that of a quantity."""

RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻"
LOWERED = str.maketrans(RAISED, "0123456789+-")


def power_of_a_function(line: str, at: int) -> Found | None:
    """`sin^2(x)`, `sin²(x)`, `sin^-1(x)`."""
    matched = touching(rf"({NAME})\s*(?:(?:\^|\*\*)\s*(\(?-?\d+\)?)|([{RAISED}]+))\s*\(", line, at)
    if matched is None or not is_function(matched[1]):
        return None
    end = closing(line, matched.end() - 1)
    if end is None:
        return None
    name, argument = matched[1], line[matched.end() : end]
    power = (matched[2] or matched[3].translate(LOWERED)).strip("()+")
    span, written = (matched.start(), end + 1), line[matched.start() : end + 1]
    message = f"a power of a function stands behind its argument, not as in `{written}`"
    if power == "-1":
        inverse = f"a{name}"
        meant = f"`{inverse}({argument})` for the inverse function, `1/{name}({argument})` for the reciprocal"
        return Found(span, message, hint=f"write {meant}" if known(inverse) else None)
    cure = f"{name}({argument})^{power}"
    if name in LETTERS:
        product = f"{name}^{power}*({argument})"
        return Found(span, message, hint=f"write `{cure}` for the function `{name}`, `{product}` to multiply")
    return Found(span, message, f"({cure})" if line[end + 1 :].lstrip()[:1] in ("^", "*", "!") else cure)


def module(line: str, at: int) -> Found | None:
    """`np.sin(x)`, `math.pi`, `x.sum()`."""
    modules = "np|numpy|math|Math|jnp|jax|torch|scipy|tf|cmath|mp|mpmath|sp|sympy"
    matched = touching(rf"\b(?:{modules})(?:\.\w+)*?\.({NAME})\b(?!\.)", line, at)
    if matched is not None:
        message = f"functions are called without their module, not as in `{matched[0]}`"
        return Found(matched.span(), message, matched[1] if known(matched[1]) else None)
    matched = touching(rf"(?<![\w.)\]])({NAME})\.({NAME})\(\)", line, at)
    if matched is not None and known(matched[2]):
        return Found(
            matched.span(), "functions are called with their argument in brackets", f"{matched[2]}({matched[1]})"
        )
    matched = touching(rf"{NAME}\.{NAME}", line, at)
    return Found(matched.span(), f"a name has no `.` in it, as in `{matched[0]}`") if matched is not None else None


def definition(line: str, at: int) -> Found | None:
    """`lambda x: …`, `let x = …`, `return …`."""
    matched = touching(rf"\blambda\b\s*(?:{NAME}(?:\s*,\s*{NAME})*)?\s*:", line, at)
    if matched is not None:
        hint = "give it a name in a line of its own: `f(x) = …`"
        return Found(matched.span(), "there are no functions without a name", hint=hint)
    matched = re.match(rf"\s*((?:let|var|const|double|float|int|auto)\s+)({NAME})\s*=(?!=)", line)
    if matched is not None and at <= matched.end():
        return Found(matched.span(1), f"a definition begins with its name, not with `{matched[1].strip()}`",
                     hint=f"write `{matched[2]} = …`")  # fmt: skip
    matched = re.match(r"\s*(return\b\s*)(.+?)\s*$", line)
    if matched is not None and at == matched.start(2):
        return Found((matched.start(1), matched.end(2)), "the last line is the result, without `return`", matched[2])
    return None


WORDS = {"mod": "%", "div": "//", "and": "and", "or": "or"}


def word_as_operator(line: str, at: int) -> Found | None:
    """`5 mod 3`, `7 div 2`, `a AND b`."""
    matched = touching(r"(?<=[\w)\]])\s+(mod|div|and|or)\s+(?=[\w(\[.+-])", line.lower(), at) or touching(
        r"(?<=[\w)\]])\s+(mod|div|and|or)\s+(?=[\w(\[.+-])", line.lower(), at - 1
    )
    if matched is None or line[matched.start(1) : matched.end(1)] in ("and", "or"):
        return None
    word = line[matched.start(1) : matched.end(1)]
    return Found(matched.span(1), f"`{word}` is not an operator here", WORDS[matched[1]])


# ---- numbers ---------------------------------------------------------------------------------------------------------


def number_with_commas(line: str, at: int) -> Found | None:
    """`1,234.56`, `12,345`, `1,5`, `1,2,3`."""
    matched = touching(r"(?<![\w.,])\d+(?:,\d+)+(?:\.\d+)?(?![\w,])", line, at)
    if matched is None:
        return None
    written, message = matched[0], "a comma cannot stand in a number"
    plain, decimal = written.replace(",", ""), written.replace(",", ".")
    thousands = re.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", written)
    several = written.count(",") > 1
    if thousands and (several or "." in written):
        return Found(matched.span(), message, plain)
    if thousands:
        return Found(matched.span(), message, hint=f"write `{plain}`, or `{decimal}` for a decimal comma")
    if several:
        return Found(matched.span(), "commas separate the items of a list in `[ ]`", f"[{written}]")
    if written == line.strip():
        return Found(matched.span(), message, hint=f"write `{decimal}`, or `[{written}]` for a list")
    return Found(matched.span(), message, None if "." in written else decimal)


def other_number(line: str, at: int) -> Found | None:
    """`0x1F`, `1.5D3`, `1 000`, `3.14.15`."""
    matched = touching(r"(?<![\w.])0(?:[xX][0-9a-fA-F]+|[bB][01]+|[oO][0-7]+)\b", line, at)
    if matched is not None:
        return Found(matched.span(), "numbers are written in decimals", str(int(matched[0], 0)))
    matched = touching(r"(?<![\w.])(\d*\.\d*|\d+)[dD]([+-]?\d+)\b", line, at)
    if matched is not None and matched[1] != ".":
        written = f"{matched[1]}e{matched[2]}"
        if "." in matched[1] or not matched[2].isdigit():
            return Found(matched.span(), "the exponent of a number begins with `e`", written)
        product = f"{matched[1]}*{line[matched.end(1) : matched.end()]}"
        return Found(matched.span(), "a sign is missing here", hint=f"write `{written}`, or `{product}` to multiply")
    matched = touching(r"(?<![\w.])\d{1,3}(?:[ '’\u2009\u202f]\d{3})+(?:\.\d+)?(?![\w.])", line, at)
    if matched is not None:
        cure = re.sub(r"[^\d.]", "", matched[0])
        return Found(matched.span(), "the digits of a number stand side by side", cure)
    matched = touching(r"(?<![\w.])\d+\.\d*\.\d[\d.]*", line, at)
    if matched is not None:
        return Found(matched.span(), "a number has one point")
    matched = touching(r"\d[eE][+-]?\d*\.\d+", line, at)
    return Found(matched.span(), "the exponent of a number is a whole number") if matched is not None else None


UNITS = "kg|g|mg|t|m|cm|mm|km|nm|s|ms|h|min|N|kN|J|kJ|W|kW|Pa|kPa|bar|Hz|K|mol|V|A|eV|L|l|ml|ft|lb|mph|USD|EUR"


def unit(line: str, at: int) -> Found | None:
    """`100 kg`."""
    matched = touching(rf"(?<![\w.])({NUMBER})\s+({UNITS})\b(?!\s*\()", line, at)
    if matched is None:
        return None
    product = f"{matched[1]}*{matched[2]}"
    hint = f"leave the unit out; where `{matched[2]}` is a name, write the product: {product}"
    return Found(matched.span(2), f"there are no units here, as in `{matched[0]}`", hint=hint)


# ---- signs -----------------------------------------------------------------------------------------------------------

SIGNS = {
    **dict.fromkeys("×·⋅∙∗•✕", "*"), **dict.fromkeys("÷∕⁄", "/"), **dict.fromkeys("−–—‐‑", "-"),
    "≤": "<=", "⩽": "<=", "≥": ">=", "⩾": ">=", "≠": "!=", "≡": "==", "∧": "and", "∨": "or", "∞": "inf",
}  # fmt: skip
TWO = {"<>": "!=", "=<": "<=", "=>": ">=", "===": "==", "!==": "!=", ":=": "=", "&&": "and", "||": "or"}


def sign(line: str, at: int) -> Found | None:
    """`×`, `≤`, `<>`, `:=`, `&&`, full-width signs."""
    matched = touching(r"===|!==|<>|=<|=>|:=|&&|\|\|", line, at) or touching(r"===|!==|<>|=<|=>|:=", line, at - 1)
    if matched is not None:
        return Found(matched.span(), f"`{matched[0]}` is not an operator here", TWO[matched[0]])
    here = line[at : at + 1]
    message = f"`{here}` is not an operator here"
    if here in ("−", "–", "—"):
        message = "this minus sign is not the one of the keyboard" if here == "−" else "this dash is not a minus sign"
    if here in SIGNS and here:
        return Found((at, at + 1), message, SIGNS[here])
    wide = normalize("NFKC", here)
    if here and not here.isascii() and len(wide) == 1 and wide.isascii() and wide.isprintable() and not wide.isalnum():
        return Found((at, at + 1), f"this `{wide}` is not the one of the keyboard", wide)
    return None


def superscript(line: str, at: int) -> Found | None:
    """`x⁴`, `10⁻³`."""
    matched = touching(rf"[{RAISED}]+", line, at)
    if matched is None:
        return None
    cure = f"^{matched[0].translate(LOWERED)}"
    return Found(matched.span(), f"`{matched[0]}` is not an operator here", cure if cure[-1].isdigit() else None)


def root(line: str, at: int) -> Found | None:
    """`√2`, `√(x + 1)`, `∛x`."""
    matched = touching(r"[√∛]\s*([\w.]*)", line, at)
    if matched is None:
        return None
    name, behind = "sqrt" if matched[0][0] == "√" else "cbrt", line[matched.end() : matched.end() + 1]
    message = f"`{matched[0][0]}` is not an operator here"
    if not matched[1]:
        return Found(matched.span(), message, name if behind == "(" else None)
    return Found(matched.span(), message, None if behind in ("(", "[") else f"{name}({matched[1]})")


def behind_its_operand(line: str, at: int) -> Found | None:
    """`90°`, `5%`, `4!`."""
    for place in (at, len(line[:at].rstrip()) - 1):
        here = line[place : place + 1]
        if place < 0 or here not in ("°", "%", "!") or line[place : place + 2] == "!=":
            continue
        begin = operand_before(line, place)
        follows = line[place + 1 :].lstrip()[:1]
        if begin is None or (here != "°" and (follows.isalnum() or (follows in ("(", "[", "_", ".") and follows))):
            continue
        if here == "%" and follows == "-":
            continue
        operand, span = line[begin:place], (begin, place + 1)
        inner = operand[1:-1] if operand[0] == "(" and closing(operand, 0) == len(operand) - 1 else operand
        if here == "°":
            return Found(span, "`°` is not a sign here: angles are in radians", f"({operand}*pi/180)")
        if here == "%":
            return Found(span, "`%` is the remainder of a division here", f"({operand}/100)")
        return Found(span, "`!` is not an operator here", f"factorial({inner})")
    return None


def before_its_operand(line: str, at: int) -> Found | None:
    """`!a`, `~a`, `|x|`."""
    here = line[at : at + 1]
    if here in ("!", "~", "¬") and here:
        matched = re.match(rf"{NAME}|{NUMBER}|\(", line[at + 1 :])
        end = None if matched is None else at + 1 + matched.end()
        if end is not None and (line[end - 1] == "(" or line[end : end + 1] == "("):
            close = closing(line, end - 1 if line[end - 1] == "(" else end)
            end = None if close is None else close + 1
        cure = None if end is None else f"(not {line[at + 1 : end]})"
        return Found((at, end or at + 1), f"`{here}` is not an operator here", cure, "write `not x`")
    if here == "|" and line[at : at + 2] != "||":
        matched = re.compile(r"\|([^|]+)\|").match(line, at)
        hint = "write `or`, or `abs(x)` for a magnitude"
        operand = operand_before(line, len(line[:at].rstrip()))
        if matched is not None and operand is None and matched[1].strip():
            return Found(matched.span(), "`|` is not an operator here", f"abs({matched[1].strip()})")
        return Found((at, at + 1), "`|` is not an operator here", hint=hint)
    return None


def prime(line: str, at: int) -> Found | None:
    """`f'(x)`."""
    matched = touching(rf"({NAME})['′]\(\s*({NAME})\s*\)", line, at)
    if matched is None:
        return None
    return Found(
        matched.span(), "a derivative is written with `diff`", f"diff({matched[1]}({matched[2]}), {matched[2]})"
    )


def choice(line: str, at: int) -> Found | None:
    """`c ? a : b`, `if c then a else b`."""
    message = "a conditional is `a if condition else b`"
    matched = re.match(rf"(\s*(?:{NAME}\s*=(?!=)\s*)?)([^?:=]*(?:[=!<>]=[^?:=]*)*)\?([^?:]*):([^?:]*)$", line)
    if matched is not None and line[at : at + 1] == "?":
        condition, yes, no = (part.strip() for part in matched.groups()[1:])
        return Found((matched.start(2), len(line)), message, f"{yes} if {condition} else {no}")
    matched = re.search(r"\bif\b(.*?)\bthen\b(.*?)\belse\b(.*)$", line)
    if matched is not None and matched.start() == at:
        condition, yes, no = (part.strip() for part in matched.groups())
        return Found(matched.span(), message, f"{yes} if {condition} else {no}")
    return None


def latex(line: str, at: int) -> Found | None:
    r"""`\frac{1}{2} x \cdot y`."""
    matched = touching(r"\\(?:[A-Za-z]+|[({\[,;!])", line, at)
    if matched is None:
        return None
    hint = "write operators and calls: `a*b`, `a/b`, `x^2`, `sqrt(x)`, and names such as `alpha`"
    return Found(matched.span(), f"LaTeX is not read, as in `{matched[0]}`", hint=hint)


# ---- loops -----------------------------------------------------------------------------------------------------------

NEUTRAL = {"sum": "0", "prod": "1", "max": "-inf", "min": "inf"}


def loops(line: str, at: int) -> Found | None:
    """`sum(i*j for i in a for j in b)`, `sum(i for i in a if i > 1)`."""
    opening = _open_bracket(line, at)
    end = None if opening is None else closing(line, opening)
    if opening is None or end is None:
        return None
    parts = _split(line[opening + 1 : end])
    words = [word for word, _ in parts[1:]]
    if words[:2] != ["for", "in"] or len(words) < 3:
        return None
    name = re.search(rf"{NAME}$", line[:opening])
    called = name[0] if name is not None and line[opening] == "(" else ""
    span = (name.start() if name is not None and called else opening, end + 1)
    body, variable, items = (text.strip() for _, text in parts[:3])
    if words == ["for", "in", "for", "in"]:
        message = "there is one loop in a bracket"
        if called in NEUTRAL:
            inner, over = parts[3][1].strip(), parts[4][1].strip()
            cure = f"{called}({called}({body} for {inner} in {over}) for {variable} in {items})"
            return Found(span, message, cure)
        return Found(span, message, hint="nest them: `[[… for j in …] for i in …]`")
    if words == ["for", "in", "if"]:
        message = "a loop has no filter"
        if called in NEUTRAL:
            cure = f"{called}(({body}) if {parts[3][1].strip()} else {NEUTRAL[called]} for {variable} in {items})"
            return Found(span, message, cure)
        return Found(span, message, hint="choose within the item: `[… if condition else 0 for i in …]`")
    return None


def _open_bracket(line: str, at: int) -> int | None:
    depth = 0
    for place in range(min(at, len(line)) - 1, -1, -1):
        depth += (line[place] in ")]") - (line[place] in "([")
        if depth < 0:
            return place
    return None


def _split(text: str) -> list[tuple[str, str]]:
    """The parts of a comprehension: each with the word before it, outside of inner brackets."""
    parts, word, begin, depth = [], "", 0, 0
    for matched in re.finditer(r"[(\[]|[)\]]|\b(?:for|in|if)\b", text):
        depth += (matched[0] in "([") - (matched[0] in ")]")
        if depth == 0 and matched[0] in ("for", "in", "if"):
            parts.append((word, text[begin : matched.start()]))
            word, begin = matched[0], matched.end()
    return [*parts, (word, text[begin:])]


RULES: tuple[Rule, ...] = (
    power_of_a_function, latex, module, definition, choice, loops, number_with_commas, other_number, unit,
    word_as_operator, prime, root, superscript, behind_its_operand, before_its_operand, sign,
)  # fmt: skip
"""Tried one after the other."""

# ---- names of functions ----------------------------------------------------------------------------------------------

CALLED = {"IF": "where", "iif": "where", "IIF": "where", "ifelse": "where", "fact": "factorial", "fac": "factorial",
          "arsinh": "asinh", "arcosh": "acosh", "artanh": "atanh", "tg": "tan", "sen": "sin"}  # fmt: skip


def foreign_call(text: str, begin: int, name: str) -> Found | None:
    """A function of a spreadsheet or another language: `IF(…)`, `PI()`, `SQRT(x)`, `LOG(x)`; span in the text."""
    span, message = (begin, begin + len(name)), f"unknown function `{name}`"
    empty = re.compile(r"\s*\(\s*\)").match(text, begin + len(name))
    plain = name.lower()
    if empty is not None and plain in ("pi", "e", "tau", "inf", "nan", "true", "false"):
        return Found((begin, empty.end()), f"`{plain}` is a constant, without brackets", plain)
    if name in ("LOG", "Log"):
        return Found(span, message, hint="write `log10` for the logarithm of spreadsheets, `log` for the natural one")
    cure = CALLED.get(name) or (plain if name != plain and known(plain) else None)
    return Found(span, message, cure) if cure else None
