r"""LaTeX of a graph, from the templates of the rows (`spell["latex"]`).

A template such as `\frac{{{0}}}{{{1}}}` says by what stands beside an operand how tightly it is bound there: inside
brackets nothing is needed, before `^` a name or a bracket, beside a sign what the sign's precedence says. So no row
says it again, and a new row needs a template or nothing at all.
"""

from __future__ import annotations

import re
from functools import cache
from string import Formatter

from cgcli.emit.formula import called, given_operands, key_text, static_arguments, static_text
from cgcli.emit.functions import emits
from cgcli.emit.names import constant_text, fresh_names, number_text
from cgcli.emit.sharing import explodes, lines_of_their_own, written
from cgcli.emit.writing import joined, write
from cgcli.ops import arithmetic, calling, structure
from cgcli.ops.constants import CONSTANTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from cgcli.emit.writing import Piece, Slot
    from cgcli.graph.store import Graph
    from cgcli.ops import Operation

CASES, RELATION, SUM, PREFIX, PRODUCT, SIGN, FRACTION, POWER, CLOSED = 5, 40, 50, 55, 60, 70, 75, 80, 90
"""How tightly the parts of a written formula hold together; infix rows have the level of their precedence."""

REPEATED = 200
"""A formula of more operations than this that is longer than its graph defines names for what it shares."""

OPENER = re.compile(r"(\\left(\\[A-Za-z]+|.)|[{(\[,&]|\\\\|\\,|\\begin\{cases\})$")
CLOSERS = ("}", r"\right", ")", "]", ",", "&", r"\\", r"\end", r"\,")
"""What stands before and after an operand that needs no parentheses."""
UNBRACKETED = "\0"
"""Stands in a template without its fields for an operand that is next to a sign."""
SCRIPTS = ("^", "_", "!")
RELATIONS = (r"\approx",)

LETTERS = (
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu", "nu", "xi",
    "omicron", "pi", "rho", "varsigma", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega",
)  # fmt: skip
"""Greek letters in the order of Unicode, from U+03B1."""
CAPITALS = frozenset({"Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Upsilon", "Phi", "Psi", "Omega"})
"""Greek capitals that have a command; the others look like Latin ones."""


def latex(graph: Graph, node: int, texts: Mapping[int, str] | None = None) -> str:
    r"""A node as LaTeX for mathematics mode; `texts` are written in the place of those operands.

    Everything is written in one formula, unless sharing would make it much longer than the graph: then what is
    shared has a name, and the definitions follow (`t_{1} \cdot t_{1} \quad \text{with } t_{1} = …`).
    """
    texts = texts or {}
    if not explodes(graph, node, texts, REPEATED):
        return _Writer(graph, texts).text(node)
    names = _shared_names(graph, node)
    writer = _Writer(graph, {**{shared: name_latex(name) for shared, name in names.items()}, **texts})
    definitions = [f"{writer.names[shared]} = {writer.text(shared)}" for shared in names]
    return rf"{writer.text(node)} \quad \text{{with }} " + r",\; ".join(definitions)


def name_latex(name: str) -> str:
    r"""A name: `x_1` and `x1` are $x_{1}$, `alpha` is $\alpha$, `rate` is $\mathit{rate}$."""
    plain = name.translate(_SUBSCRIPT_DIGITS)
    found = re.fullmatch(r"(.*?[^_\d])_?(\d+|(?<=_).*)", plain)
    if found is None:
        return _word(plain, "mathit")
    base, script = found.groups()
    below = ", ".join(part if part.isdigit() else _word(part, "mathrm") for part in script.split("_") if part)
    return f"{_word(base, 'mathit')}_{{{below}}}" if below else _word(plain, "mathit")


_SUBSCRIPT_DIGITS = {0x2080 + digit: str(digit) for digit in range(10)}


def _word(word: str, style: str) -> str:
    if len(word) == 1:
        place = ord(word) - ord("α")
        return f"\\{LETTERS[place]}" if 0 <= place < len(LETTERS) else verbatim(word)
    if word in LETTERS or word in CAPITALS:
        return f"\\{word}"
    return f"\\{style}{{{verbatim(word)}}}"


def verbatim(text: str) -> str:
    r"""A text whose signs are signs: names given from Python, or by a graph file, may hold `\` or `$`."""
    return re.sub(r"[\\{}$&#^_~%]", lambda sign: _SIGNS.get(sign[0], f"\\{sign[0]}"), text)


_SIGNS = {"\\": r"\backslash{}", "^": r"\hat{}", "~": r"\tilde{}"}
"""Those that a backslash before them does not make signs."""


def number_latex(text: str) -> tuple[str, int]:
    r"""A number of the language (`2`, `1e-3`, `pi`) and the level it has: `1.5e-3` is $1.5 \cdot 10^{-3}$."""
    sign = "-" if text.startswith("-") else ""
    known = CONSTANTS.get(text.removeprefix("-"))
    if known is not None:
        return sign + known.latex, SIGN if sign else CLOSED
    mantissa, mark, exponent = text.lower().partition("e")
    if not mark:
        return mantissa, SIGN if sign else CLOSED
    power = f"10^{{{int(exponent)}}}"
    if mantissa.removeprefix("-") == "1":
        return sign + power, SIGN if sign else POWER
    return rf"{mantissa} \cdot {power}", PRODUCT


# ---- templates -------------------------------------------------------------------------------------------------------


class Template:
    """A template read: its literal texts and fields in turn, what each field needs, and the level of the whole.

    fields: names or numbers of the fields between the texts. needs: (least level, whether a minus may lead) of each.
    """

    __slots__ = ("fields", "level", "needs", "texts")

    def __init__(self, texts: list[str], fields: list[str], needs: list[tuple[int, bool]], level: int) -> None:
        self.texts = texts
        self.fields = fields
        self.needs = needs
        self.level = level


@cache
def read_template(template: str, precedence: int) -> Template:
    """What a template says; `precedence` is that of an infix row, 0 for the others."""
    texts, fields = [""], []
    for literal, field, _, _ in Formatter().parse(template):
        texts[-1] += literal
        if field is not None:
            fields.append(field)
            texts.append("")
    needs = []
    skeleton = texts[0]
    for place in range(len(fields)):
        before, after = texts[place].rstrip(), texts[place + 1].lstrip()
        mark = "x"
        if after.startswith(SCRIPTS) or template == "{0}":
            needs.append((CLOSED, False))
        elif OPENER.search(before) and after.startswith(CLOSERS):
            needs.append((0, True))
        else:
            mark = UNBRACKETED
            first = place == 0 and not before
            binary = precedence if len(fields) == 2 else 0
            needs.append(_beside(before, after, first, binary))
        skeleton += mark + texts[place + 1]
    return Template(texts, fields, needs, _level(skeleton, precedence))


def _beside(before: str, after: str, first: bool, precedence: int) -> tuple[int, bool]:
    """What an operand beside a sign needs; `precedence` is that of an infix row of two operands, 0 for others.

    Without signs an operand stands in a product, or after the name of a function.
    """
    if precedence:
        return (precedence + (precedence == RELATION), True) if first else (precedence + 1, precedence < SUM)
    if before == "-" and not after:
        return PRODUCT, False
    if before.endswith(RELATIONS) or after.startswith(RELATIONS):
        return SUM, True
    if first and after.startswith(("+", "-")):
        return SUM, True
    return (SUM if before.endswith(("+", "-")) else PRODUCT) + 1, first


def _level(skeleton: str, precedence: int) -> int:
    """How tightly a template with a letter for every field holds together, by what stands outside its brackets."""
    outer = _outside(skeleton)
    is_open = UNBRACKETED in outer
    if is_open and precedence:
        return precedence
    if re.search(r" [+-] ", outer):
        return SUM
    if any(sign in outer for sign in RELATIONS):
        return RELATION
    if skeleton.startswith(r"\begin"):
        return CASES
    if is_open or re.match(r"-?\\[A-Za-z]+ ", outer):
        return PREFIX
    if outer.startswith((r"\frac", r"\binom")):
        return FRACTION
    return POWER if re.search(r"\^(\\?\w+)?$", outer) else CLOSED


def _outside(text: str) -> str:
    """The text without what stands in brackets."""
    depth = 0
    kept: list[str] = []
    for token in re.findall(r"\\[A-Za-z]+|.", text):
        depth -= token in ("}", r"\right", r"\end")
        if depth == 0 and token != "}":
            kept.append(token)
        depth += token in ("{", r"\left", r"\begin")
    return "".join(kept).replace("{", "")


# ---- writing ---------------------------------------------------------------------------------------------------------


class _Writer:
    """Writes nodes of one graph; `names` stand for nodes."""

    __slots__ = ("graph", "names")

    def __init__(self, graph: Graph, names: Mapping[int, str]) -> None:
        self.graph = graph
        self.names = names

    def text(self, node: int) -> str:
        """The formula of a node, even where it has a name."""
        return write(self.pieces(node, True), self._expanded)

    def _expanded(self, slot: Slot) -> list[Piece]:
        node, least, signed = slot
        if node in self.names:
            return [self.names[node]]
        level, negative = self.level(node)
        if level < least or (negative and not signed):
            return [r"\left(", *self.pieces(node, True), r"\right)"]
        return self.pieces(node, bool(signed))

    def level(self, node: int) -> tuple[int, bool]:
        """How tightly a node holds together, and whether it begins with a minus sign."""
        graph = self.graph
        if graph.is_constant(node):
            text, level = number_latex(constant_text(graph, node))
            return level, text.startswith("-")
        template = self.template(node)
        return (CLOSED, False) if template is None else (template.level, template.texts[0].startswith("-"))

    def template(self, node: int) -> Template | None:
        """The template of a node, None where it is written as a call, a list or a subscript."""
        row = self.graph.row(node)
        text = row.spell.get("latex")
        if text is None or text in WORDS:
            return None
        template = read_template(text, row.precedence)
        for parameter, value in static_arguments(self.graph, node):
            if value is not parameter.default and parameter.name not in template.fields:
                return None
        for place, parameter in enumerate(row.parameters[: len(given_operands(self.graph, node))]):
            if not parameter.static and not parameter.required and str(place) not in template.fields:
                return None
        return template

    def pieces(self, node: int, signed: bool) -> list[Piece]:
        """What is written for a node: text, and its operands as places."""
        graph = self.graph
        row = graph.row(node)
        if graph.is_constant(node):
            return [number_latex(constant_text(graph, node))[0]]
        if graph.is_input(node):
            return [name_latex(graph.input_name(node))]
        if row is structure.array:
            return [array_latex(graph.arrays[graph.payload[node]])]
        word = WORDS.get(row.spell.get("latex", ""))
        if word is not None:
            return word(self, node)
        template = self.template(node)
        return self._call(node, row) if template is None else self._filled(node, template, signed)

    def _filled(self, node: int, template: Template, signed: bool) -> list[Piece]:
        operands = self.graph.operands_of(node)
        static = {parameter.name: value for parameter, value in static_arguments(self.graph, node)}
        pieces: list[Piece] = [template.texts[0]]
        for place, field in enumerate(template.fields):
            least, may_lead = template.needs[place]
            if field.isdigit():
                first = place == 0 and not template.texts[0]
                pieces.append((operands[int(field)], least, may_lead and (signed or not first)))
            else:
                pieces.append(static_latex(static[field]))
            pieces.append(template.texts[place + 1])
        if pieces[2:3] == [r" \cdot "] and self.graph.row(node).precedence and self._juxtaposable(*operands):
            pieces[2] = " "
        return pieces

    def _juxtaposable(self, left: int, right: int) -> bool:
        """Whether a product needs no dot: a number before a name, its power, or a function."""
        graph = self.graph
        if graph.row(left) is arithmetic.neg and left not in self.names:
            (left,) = graph.operands_of(left)
        if not graph.is_constant(left) or self.level(left)[0] not in (CLOSED, SIGN) or left in self.names:
            return False
        level, _ = (CLOSED, False) if right in self.names else self.level(right)
        template = None if right in self.names else self.template(right)
        if level == POWER and template is not None and not template.texts[0]:
            right = graph.operands_of(right)[0]
            template = self.template(right)
        if right in self.names or graph.is_input(right):
            return True
        return level in (POWER, CLOSED) and template is not None and template.texts[0][:1] not in tuple("0123456789-")

    def _call(self, node: int, row: Operation) -> list[Piece]:
        r"""`\operatorname{name}\left(…\right)` with static arguments where they are not the default."""
        if "kept" in row.traits:
            return self._kept(node, row)
        operands: list[Piece] = [(operand, 0, True) for operand in given_operands(self.graph, node)]
        static = static_arguments(self.graph, node)
        texts = [static_latex(value) for parameter, value in static if value is not parameter.default]
        leading = row.parameters and row.parameters[0].static
        arguments = [*texts, *operands] if leading else [*operands, *texts]
        return [rf"{operator_name(called(row, len(arguments)))}\left(", *joined(arguments), r"\right)"]

    def _kept(self, node: int, row: Operation) -> list[Piece]:
        r"""A kept call by the name of its function, a loop of them as `\operatorname{fold}` or `scan` of it."""
        function = operator_name(self.graph.attributes_of(node)[0].name.replace(" ", r"\ "))
        operands: list[Piece] = [(operand, 0, True) for operand in self.graph.operands_of(node)]
        if row is calling.call:
            return [rf"{function}\left(", *joined(operands), r"\right)"]
        form = "scan" if emits(self.graph, node) else "fold"
        return [rf"\operatorname{{{form}}}\left({function}, ", *joined(operands), r"\right)"]

    def subscripted(self, node: int) -> list[Piece]:
        """`v_{0}`, `A_{0, 1:3}`; braces keep apart what has a subscript itself."""
        operand = self.graph.operands_of(node)[0]
        key = key_text(*self.graph.attributes_of(node))
        name = self.names.get(operand) or (self.text(operand) if self.graph.is_input(operand) else "")
        if name and "_" not in name:
            return [f"{name}_{{{key}}}"]
        return ["{", (operand, CLOSED, False), "}", f"_{{{key}}}"]

    def ranged(self, node: int) -> list[Piece]:
        r"""The numbers of a range: `\left(1, 2, \ldots, 99\right)`."""
        start, step, count = self.graph.attributes_of(node)
        numbers = range(start, start + step * count, step)
        shown = list(map(str, numbers if count < 5 else numbers[:2]))
        if count >= 5:
            shown += [r"\ldots", str(numbers[-1])]
        return [rf"\left({', '.join(shown)}\right)"]

    def stacked(self, node: int) -> list[Piece]:
        """A list of numbers as a column, of such lists as a matrix, of anything else in brackets."""
        graph = self.graph
        items = graph.operands_of(node)
        rank = len(graph.shape_of(node))
        rows = [self._row_of(item, rank) for item in items]
        if any(row is None for row in rows):
            return [r"\left[", *joined([(item, 0, True) for item in items]), r"\right]"]
        lines: list[Piece] = []
        for row in rows:
            lines += [r" \\ "] if lines else []
            lines += joined([(item, 0, True) for item in row or ()], " & ")
        return [r"\begin{bmatrix} ", *lines, r" \end{bmatrix}"]

    def _row_of(self, item: int, rank: int) -> Sequence[int] | None:
        """What stands beside each other in a row of a column or a matrix, None where it is neither."""
        if rank == 1:
            return [item]
        is_list = WORDS.get(self.graph.row(item).spell.get("latex", "")) is _Writer.stacked
        return self.graph.operands_of(item) if rank == 2 and is_list and item not in self.names else None


WORDS: dict[str, Callable[[_Writer, int], list[Piece]]] = {
    "list": _Writer.stacked, "index": _Writer.subscripted, "range": _Writer.ranged,
}  # fmt: skip
"""Spellings that are no templates, since what they write is not a fixed number of operands in a row."""


def static_latex(value: Any) -> str:
    """A static argument: a number or a list of numbers."""
    if isinstance(value, (tuple, list)):
        return rf"\left[{', '.join(map(static_latex, value))}\right]"
    return number_latex(static_text(value))[0]


def array_latex(values: Any) -> str:
    """An array of numbers: a column, a matrix, or nested lists from three axes up and where it is empty."""
    if values.ndim > 2 or values.size == 0:
        return rf"\left[{', '.join(map(array_latex, values))}\right]"
    rows = [[item] for item in values] if values.ndim == 1 else values
    lines = [" & ".join(number_latex(number_text(float(item)))[0] for item in row) for row in rows]
    return r"\begin{bmatrix} " + r" \\ ".join(lines) + r" \end{bmatrix}"


def operator_name(name: str) -> str:
    """The name of an operation in upright letters."""
    return rf"\operatorname{{{name.replace('_', chr(92) + '_')}}}"


def _shared_names(graph: Graph, node: int) -> dict[int, str]:
    """Node -> name of what is shared, in the order of evaluation: the formula's name, or t_1, t_2 …."""
    needed = written(graph, [node], ())
    own_line = lines_of_their_own(graph, needed, [node], {}, ())
    given = graph.name_of()
    fresh = fresh_names("t_", {*graph.names, *graph.input_names})
    return {
        each: given[each] if each in given else next(fresh)
        for each, separate in enumerate(own_line) if separate and each != node
    }  # fmt: skip
