"""The flat syntax table: what was read, in postfix order, as columns.

Each row is one construct; its children are the constructs that end right before it. Two kinds of rows are marks that
stand before what they open: CALLEE (`name(`) and OPEN (`[`), so that a walk knows where a body starts. The body of a
FUNCTION is what follows its HEAD.

    rule            children
    NUMBER NAME EMPTY CALLEE OPEN TARGET, LT … NE   none
    ADD … POW, AND, OR                              two operands
    NEG POS NOT TRANSPOSE                           one operand
    COMPARE                                         operand, sign, operand, sign, … operand
    CONDITIONAL                                     value, condition, other value
    CALL                                            CALLEE, arguments
    GENERATOR                                       CALLEE, body, NAME, items
    LIST                                            OPEN, items
    COMPREHENSION                                   OPEN, body, NAME, items
    INDEX                                           base, entries (SLICE or any expression)
    SLICE                                           start, stop, step (EMPTY where left out)
    TUPLE                                           values
    HEAD                                            CALLEE, TARGETs (the parameters of `def`)
    LOCAL                                           TARGETs, value
    EXPRESSION                                      expression
    ASSIGN                                          NAME or CALL, value
    UNPACK                                          TARGETs, value
    FUNCTION                                        HEAD, LOCALs, value
    INPUT PARAM                                     NAME, LIST or EMPTY, default or EMPTY
    TERM OUTPUT                                     NAMEs
"""

from __future__ import annotations

import re
from array import array

from cgcli.errors import Source

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from cgcli.language.bulk.words import Words

NAMES = (
    "number", "name", "empty", "callee", "open", "lt", "le", "gt", "ge", "eq", "ne",
    "add", "sub", "mul", "div", "floordiv", "mod", "matmul", "pow", "and", "or",
    "neg", "pos", "not", "transpose", "compare", "conditional", "call", "generator", "list", "comprehension",
    "index", "slice", "tuple", "target", "head", "local",
    "expression", "assign", "unpack", "function", "input", "param", "term", "output",
)  # fmt: skip
"""Rules by number; the grammar's aliases are these names."""

(
    NUMBER, NAME, EMPTY, CALLEE, OPEN, LT, LE, GT, GE, EQ, NE,
    ADD, SUB, MUL, DIV, FLOORDIV, MOD, MATMUL, POW, AND, OR,
    NEG, POS, NOT, TRANSPOSE, COMPARE, CONDITIONAL, CALL, GENERATOR, LIST, COMPREHENSION,
    INDEX, SLICE, TUPLE, TARGET, HEAD, LOCAL,
    EXPRESSION, ASSIGN, UNPACK, FUNCTION, INPUT, PARAM, TERM, OUTPUT,
) = range(len(NAMES))  # fmt: skip

RULES = len(NAMES)
FIRST_STATEMENT = EXPRESSION
"""Rules from here on are statements."""


AFTER_CALLEE = re.compile(r"[\s(#\\]")
"""What can stand behind the name of a function: its bracket, blanks, a comment, the continuation of a line."""


class Syntax:
    """The table of one text.

    rule, count, start, end: one entry a row: which construct, how many children, and its place in the text; bytes and
    columns of integers (arrays, or views of memory that the compiled driver has filled).
    statements: the rows of the statements, in order.
    characters, words: the text as numbers and its distinct words, of a large text that machine code has read.
    """

    __slots__ = ("_first", "characters", "count", "end", "rule", "source", "start", "statements", "words")

    def __init__(self, source: Source) -> None:
        self.source = source
        self.rule = bytearray()
        self.count = array("i")
        self.start = array("i")
        self.end = array("i")
        self.statements = array("i")
        self._first: array[int] | None = None
        self.characters: Any = None
        self.words: Words | None = None

    def adopt(self, rule: Any, count: Any, start: Any, end: Any, first: Any, statements: Any) -> None:
        """Take over columns that were made elsewhere: bytes, and buffers of C's `int` that are not copied."""
        self.rule = bytearray(rule)
        views: Any = map(memoryview, (count, start, end, first, statements))  # they are read as arrays are
        self.count, self.start, self.end, self._first, self.statements = views

    def __len__(self) -> int:
        return len(self.rule)

    def word(self, row: int) -> str:
        """The text of a row."""
        return self.source.text[self.start[row] : self.end[row]]

    def rows_of(self, rule: int) -> Iterator[int]:
        """The rows of one rule, in order."""
        row = self.rule.find(rule)
        while row >= 0:
            yield row
            row = self.rule.find(rule, row + 1)

    def callee(self, row: int) -> str:
        """The name of the function that a call, or its opening mark, is about."""
        word = self.word(self.first()[row])
        return word[: AFTER_CALLEE.search(word).start()]  # type: ignore[union-attr]  # a bracket is always there

    def span(self, row: int) -> tuple[int, int]:
        """Where a row stands in the text."""
        return self.start[row], self.end[row]

    def first(self) -> array[int]:
        """For each row the first row of what belongs to it (a row without children begins at itself)."""
        if self._first is None:
            first = array("i")
            open_rows: list[int] = []
            for row, count in enumerate(self.count):
                if count:
                    begin = open_rows[-count]
                    del open_rows[-count:]
                else:
                    begin = row
                open_rows.append(begin)
                first.append(begin)
            self._first = first
        return self._first
