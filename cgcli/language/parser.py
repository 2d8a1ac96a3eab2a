"""The driver of the LALR(1) tables: one loop from text to the syntax table.

A stack symbol carries its state, where it starts, and how many finished rows stand for it; a reduction whose rule
has a name in `syntax.NAMES` turns those rows into the children of a new one. See A. Aho et al., Compilers, 2nd ed.,
section 4.7 for LALR parsing.
"""

from __future__ import annotations

import re

from cgcli.errors import FormulaError, Source
from cgcli.language import syntax, tables
from cgcli.language.messages import misread, unreadable

TOKEN = re.compile(tables.TOKEN)
END = 0
NAME = tables.TERMINALS.index("NAME")
NUMBER = tables.TERMINALS.index("NUMBER")
SEPARATOR = tables.TERMINALS.index("SEPARATOR")
OPENING = frozenset(map(tables.TERMINALS.index, ("LPAR", "LSQB")))
CLOSING = frozenset(map(tables.TERMINALS.index, ("RPAR", "RSQB")))

LONGEST_NUMBER = 10_000
"""Digits of a literal; a longer one is a slip or an attack, and no engine here computes with so many."""

LARGE = (1_000_000, 150_000, 30_000)
"""Characters from which on the compiled driver reads a text; see `loops.pays`."""


def parse(source: Source) -> syntax.Syntax:
    """The syntax table of a text. FormulaError with the place and a hint where the text is not of the language.

    Large texts are read by machine code where numba is installed (`reader`), to the same table and the same errors.
    """
    if len(source.text) >= LARGE[-1] and _compiled_driver_pays(len(source.text)):
        from cgcli.language.reader import read

        return read(source)
    table = syntax.Syntax(source)
    text = source.text
    rule_of, count_of, start_of, end_of = table.rule, table.count, table.start, table.end
    actions, gotos, reductions, keywords = tables.ACTIONS, tables.GOTOS, tables.REDUCTIONS, tables.KEYWORDS
    tokens_of = TOKEN.finditer(text, 1 if text.startswith("\ufeff") else 0)  # matches everywhere, if only nothing
    states, starts, rows = [tables.START], [0], [0]
    state = tables.START
    depth = 0
    last_end = 0
    while True:
        token = next(tokens_of)
        kind = token.lastindex
        if kind is None:
            begin = token.end()
            if begin < len(text):
                raise unreadable(source, begin)
            kind, finish = END, begin
        else:
            begin, finish = token.span(kind)
            if kind == NAME:
                kind = keywords.get(text[begin:finish], NAME)
            elif kind == NUMBER and finish - begin > LONGEST_NUMBER:
                raise long_number(source, begin, finish)
            elif kind in OPENING:
                depth += 1
            elif kind in CLOSING:
                depth -= 1
            elif kind == SEPARATOR and depth > 0 and text[begin] != ";":
                continue
        while True:
            action = actions[state].get(kind)
            if action is None:
                raise misread(source, kind, begin, finish, last_end, actions[state])
            if action >= 0:
                break
            target, length, emitted = reductions[~action]
            if length:
                first = starts[-length]
                count = sum(rows[-length:]) if length > 1 else rows[-1]
                del states[-length:], starts[-length:], rows[-length:]
            else:
                first, count = last_end, 0
            if emitted >= 0:
                if emitted >= syntax.FIRST_STATEMENT:
                    if emitted == syntax.ASSIGN:
                        check_target(table, source)
                    table.statements.append(len(rule_of))
                rule_of.append(emitted)
                count_of.append(count)
                start_of.append(first)
                end_of.append(last_end)
                count = 1
            state = gotos[states[-1]][target]
            states.append(state)
            starts.append(first)
            rows.append(count)
            if kind == END and state == tables.END:
                return table
        state = action
        states.append(state)
        starts.append(begin)
        rows.append(0)
        last_end = finish


def _compiled_driver_pays(characters: int) -> bool:
    """Whether a text of so many characters is read first by the compiled driver."""
    from pathlib import Path

    from cgcli.loops import pays

    return pays(characters, LARGE, Path(__file__).with_name("reader.py"), "drive")


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
