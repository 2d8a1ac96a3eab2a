"""The driver of the LALR(1) tables: one loop from text to the syntax table.

A stack symbol carries its state, where it starts, and how many finished rows stand for it; a reduction whose rule
has a name in `syntax.NAMES` turns those rows into the children of a new one. See A. Aho et al., Compilers, 2nd ed.,
section 4.7 for LALR parsing.
"""

from __future__ import annotations

import re

from cgcli.language import syntax, tables
from cgcli.language.tokens import (
    CLOSING,
    END,
    LONGEST_NUMBER,
    NAME,
    NUMBER,
    OPENING,
    SEPARATOR,
    check_target,
    long_number,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cgcli.errors import Source

TOKEN = re.compile(tables.TOKEN)


def parse(source: Source) -> syntax.Syntax:
    """The syntax table of a text. FormulaError with the place and a hint where the text is not of the language."""
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
                from cgcli.language.messages import unreadable  # what only wrong texts need is loaded with them

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
                from cgcli.language.messages import misread

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
