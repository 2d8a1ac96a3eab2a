"""What both drivers of the tables share: numbers of terminals, and what a literal and the left side of `=` may be."""

from __future__ import annotations

from cgcli.errors import FormulaError, Source
from cgcli.language import syntax, tables

END = 0
NAME = tables.TERMINALS.index("NAME")
NUMBER = tables.TERMINALS.index("NUMBER")
SEPARATOR = tables.TERMINALS.index("SEPARATOR")
OPENING = frozenset(map(tables.TERMINALS.index, ("LPAR", "LSQB")))
CLOSING = frozenset(map(tables.TERMINALS.index, ("RPAR", "RSQB")))

LONGEST_NUMBER = 10_000
"""Digits of a literal; a longer one is a slip or an attack, and no engine here computes with so many."""


def long_number(source: Source, begin: int, finish: int) -> FormulaError:
    """The error for a literal of too many digits."""
    return FormulaError(
        f"a number of {finish - begin:,} characters is longer than the {LONGEST_NUMBER:,} that are read",
        span=(begin, begin + 20), source=source,
    )  # fmt: skip


def check_target(table: syntax.Syntax, source: Source) -> None:
    """The left side of `=` is a name, or a function of distinct names. FormulaError where it is not.

    The last rows of the table are those of the left side, and then those of a whole value.
    """
    target = _row_before_last_value(table)
    rule = table.rule[target]
    span = (table.start[target], table.end[target])
    if rule == syntax.NAME:
        return
    if rule == syntax.CALL:
        count = table.count[target] - 1
        parameters = range(target - count, target)
        words = [source.text[table.start[row] : table.end[row]] for row in parameters]
        if all(table.rule[row] == syntax.NAME for row in parameters):
            if len(set(words)) == len(words):
                return
            raise FormulaError("two parameters of a function have the same name", span=span, source=source)
        raise FormulaError(
            "the parameters of a function must be plain names", span=span, source=source, hint="write f(x, y) = …"
        )
    raise FormulaError(
        "only a name or a function can stand on the left of `=`", span=span, source=source,
        hint="to compare, write `==`; to name a value, write `name = …`",
    )  # fmt: skip


def _row_before_last_value(table: syntax.Syntax) -> int:
    """The row of the target: skip the last complete value backwards."""
    row = len(table.rule) - 1
    pending = 1
    while pending:
        pending += table.count[row] - 1
        row -= 1
    return row
