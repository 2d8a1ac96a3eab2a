"""Pieces of formula text over the names of a live graph.

A text is lowered as every other one, into a small graph whose inputs are the names that it uses; its nodes are then
found in the large graph, or built there. So the language needs nothing new. What was lowered is kept for the next time.
"""

from __future__ import annotations

import re
from itertools import compress

from cgcli.errors import FormulaError, NeedsValues, Source
from cgcli.graph.walk import ancestors
from cgcli.kept import Kept
from cgcli.language import syntax
from cgcli.language.reading import lower, parse, survey

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from cgcli.language.names import Names
    from cgcli.language.program import Program
    from cgcli.language.syntax import Syntax

    Shape = tuple[int, ...]

KEPT = 512
"""Texts that are kept, and as many of them lowered for certain shapes."""

STATEMENTS = (syntax.ASSIGN, syntax.INPUT, syntax.PARAM, syntax.OUTPUT)


WORD = re.compile(r"(?<![\w.])[A-Za-z_]\w*(?!\w|\s*\()")
"""A word of a text that may be a name: neither called, nor behind a dot, nor part of a number."""

PLACE = "name_"
"""How the names of a pattern begin."""


def pattern_of(text: str, is_name: Callable[[str], object]) -> tuple[str, dict[str, str]]:
    """A text with other names, the same ones for all texts of its form, and what these stand for.

    So `x1*x2` is lowered once, and `x7*x8` is found.
    """
    meant: dict[str, str] = {}
    if PLACE in text or not text.isascii():
        return text, meant

    def placed(found: re.Match[str]) -> str:
        name = found[0]
        return meant.setdefault(name, f"{PLACE}{len(meant)}") if name in meant or is_name(name) else name

    pattern = WORD.sub(placed, text)
    return pattern, {place: name for name, place in meant.items()}


class Lowered:
    """A text as a small graph: its nodes in an order of evaluation, and which of them is its value.

    inputs: node -> the name that it stands for. decided: names whose values decided the graph (lengths, indices).
    """

    __slots__ = ("decided", "graph", "inputs", "nodes", "output")

    def __init__(self, program: Program) -> None:
        self.graph = program.graph
        (self.output,) = program.outputs.values()
        needed = ancestors(self.graph, [self.output])
        self.nodes = list(compress(range(len(needed)), needed))
        self.inputs = {node: name for name, node in self.graph.inputs().items()}
        self.decided = dict(program.specialised)


class Read:
    """A text that was read: its table and the names that it uses, those of constants of the language apart."""

    __slots__ = ("asks_derivative", "constants", "names", "table")

    def __init__(self, table: Syntax, names: Names) -> None:
        self.table = table
        self.names = names.free
        self.constants = names.constants
        self.asks_derivative = any(table.callee(row) == "diff" for row in table.rows_of(syntax.CALL))


class Texts:
    """Reads and lowers texts; functions that the formula defines may be called in them."""

    def __init__(self, source: Source | None, functions: Mapping[str, Any]) -> None:
        self.source = source
        self._of_formula = dict.fromkeys(functions)
        self.functions: dict[str, str | None] = self._of_formula
        self._statements: dict[str, str] | None = None
        self._read = Kept(KEPT)
        self._lowered = Kept(KEPT)

    def read(self, text: str) -> Read:
        """A text that is one expression. FormulaError where it is none."""
        found: Read | None = self._read.get(text)
        if found is None:
            table = parse(Source(text, "<text>"))
            statements = list(table.statements)
            if len(statements) != 1 or table.rule[statements[0]] in STATEMENTS:
                span = (0, len(table.source.text))
                raise FormulaError("this must be one expression", source=table.source, span=span, hint="such as `2*x`")
            if self._uses_functions(table):
                table = parse(Source(self.function_texts() + text, "<text>"))
            names = survey(table)
            found = Read(table, names)
            self._read.put(text, found)
        return found

    def _uses_functions(self, table: Syntax) -> bool:
        """Whether a text calls functions, or hands one to another, as `fold(step, 0, v)` does."""
        called = map(table.callee, table.rows_of(syntax.CALL))
        return not self.functions.keys().isdisjoint([*called, *map(table.word, table.rows_of(syntax.NAME))])

    def lowered(self, text: str, shapes: Mapping[str, Shape], numbers: Callable[[], Mapping[str, float]]) -> Lowered:
        """A text for names of these shapes, all that it uses. Errors as of `reading.lower`.

        numbers: the values of those that are scalars, asked for where a length or an index must be known.
        """
        key = (text, *shapes.values())
        found: Lowered | None = self._lowered.get(key)
        if found is None:
            table = self.read(text).table
            arrays = {name: shape for name, shape in shapes.items() if shape}
            try:
                program = lower(table, shapes=arrays, bound=list(shapes))
            except NeedsValues:
                program = lower(table, shapes=arrays, values=numbers(), bound=list(shapes))
            found = Lowered(program)
            if not found.decided:
                self._lowered.put(key, found)
        return found

    def with_functions(self, functions: Mapping[str, str]) -> Texts:
        """The same where these functions may be called beside those of the formula, or in their place.

        functions: name -> statement.
        """
        found = Texts(self.source, self._of_formula)
        found.functions = {**self._of_formula, **functions}
        return found

    def statements(self) -> dict[str, str]:
        """The functions that may be called: name -> the statement that defines it."""
        if self._statements is None:
            found = {name: text for name, text in self.functions.items() if text is not None}
            if self.source is not None and len(found) < len(self.functions):
                table = parse(self.source)
                rows = [row for row in table.statements if _defines_function(table, row)]
                found = {_function(table, row): table.word(row) for row in rows} | found
            self._statements = found
        return self._statements

    def function_texts(self) -> str:
        """The statements that define functions."""
        return "".join(f"{text}\n" for text in self.statements().values())


def _defines_function(table: Syntax, row: int) -> bool:
    is_call = table.rule[table.first()[row - 1] - 1] == syntax.CALL
    return table.rule[row] == syntax.FUNCTION or (table.rule[row] == syntax.ASSIGN and is_call)


def _function(table: Syntax, row: int) -> str:
    """The name of the function that a statement defines."""
    return table.callee(table.first()[row])
