"""The names of a large text, found by loops over the columns of its syntax table; what `names.survey` finds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from cgcli.language import syntax
from cgcli.language.bulk.words import columns_of, words_of
from cgcli.language.functions import UNWANTED
from cgcli.language.names import (
    Names,
    defined_twice,
    enter_declaration,
    enter_function,
    enter_terms,
    is_constant,
    settle_outputs,
)
from cgcli.loops import compiled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from cgcli.errors import Span
    from cgcli.language.bulk.words import Words
    from cgcli.language.syntax import Syntax

    Column = NDArray[Any]

NAME, CALL, ASSIGN, INPUT, PARAM = syntax.NAME, syntax.CALL, syntax.ASSIGN, syntax.INPUT, syntax.PARAM
UNPACK, FUNCTION, TERM = syntax.UNPACK, syntax.FUNCTION, syntax.TERM

ENTER = {ASSIGN: enter_function, FUNCTION: enter_function, TERM: enter_terms}
"""What enters a statement that defines a function or declares an input, where that is not `enter_declaration`."""


class DefinedNames(Mapping[str, "Span"]):
    """Name -> where it is defined, in the order of the text, without a string for every name.

    row_of: for each word the row that defines it, or -1.
    """

    def __init__(self, table: Syntax, row_of: Column) -> None:
        self.table = table
        self.row_of = row_of

    def __getitem__(self, name: str) -> Span:
        word = words_of(self.table).find(name)
        if word < 0 or self.row_of[word] < 0:
            raise KeyError(name)
        return self.table.span(int(self.row_of[word]))

    def __iter__(self) -> Iterator[str]:
        rows = np.sort(self.row_of[self.row_of >= 0])
        return map(self.table.word, rows.tolist())

    def __len__(self) -> int:
        return int(np.count_nonzero(self.row_of >= 0))


def survey_large(table: Syntax) -> Names:
    """As `names.survey`, for a table that the compiled driver made; done once."""
    words = words_of(table)
    if words.names is None:
        words.names = _surveyed(table, words)
    return words.names


def _surveyed(table: Syntax, words: Words) -> Names:
    rule, first, statements = columns_of(table.rule, table.first(), table.statements)
    names = Names()
    row_of = np.full(len(words) + 1, -1, dtype=np.int32)
    others = np.empty(len(statements), dtype=np.int32)
    again, count = compiled(enter_definitions)(
        statements, rule, first, words.of_row, row_of, others, words.find(UNWANTED)
    )
    if again >= 0:
        word = int(words.of_row[again])
        raise defined_twice(table, words.text(word), int(again), table.start[row_of[word]])
    for row in others[:count].tolist():
        ENTER.get(int(rule[row]), enter_declaration)(table, names, row)
    settle_outputs(table, names)
    free = np.empty(len(words), dtype=np.int32)
    count = compiled(find_free)(rule, words.of_row, _local_rows(table, names, rule, first), row_of, free)
    for name in words.texts(free[:count]):
        (names.constants if is_constant(name) else names.free).append(name)
    for name in names.functions:
        row_of[words.find(name)] = -1
    names.defined = DefinedNames(table, row_of)
    return names


def _local_rows(table: Syntax, names: Names, rule: Column, first: Column) -> Column:
    """1 for the rows that are no names of values: heads of functions, parameters, variables of comprehensions."""
    words = words_of(table)
    local = np.zeros(len(rule), dtype=np.uint8)

    def hide(word: int, begin: int, end: int) -> None:
        local[begin:end] |= words.of_row[begin:end] == word

    for definition in names.functions.values():
        local[definition.first - 1 - len(definition.parameters) : definition.first] = 1
        for name in (*definition.parameters, *definition.locals):
            hide(words.find(name), definition.first, definition.end)
    for row in (*table.rows_of(syntax.COMPREHENSION), *table.rows_of(syntax.GENERATOR)):
        variable = int(first[row - 1]) - 1
        hide(int(words.of_row[variable]), int(first[row]) + 1, variable + 1)
    return local


def enter_definitions(
    statements: Any, rule: Any, first: Any, of_row: Any, row_of: Any, others: Any, unwanted: int
) -> tuple[int, int]:  # fmt: skip
    """Write where each word is defined, and the statements that define functions or declare inputs.

    Returns the row of a second definition, or -1, and how many such statements there are.
    """
    count = 0
    for row in statements:
        begin = end = first[row]
        if rule[row] == ASSIGN:
            begin = first[row - 1] - 1
            end = begin + 1
            if rule[begin] == CALL:
                begin = first[begin]
                end = begin + 1
                others[count] = row
                count += 1
        elif rule[row] in (INPUT, PARAM, FUNCTION, TERM):
            end = row if rule[row] == TERM else begin + 1
            others[count] = row
            count += 1
        elif rule[row] == UNPACK:
            end = first[row - 1]
        for defining in range(begin, end):
            word = of_row[defining]
            if rule[row] == UNPACK and word == unwanted:
                continue
            if row_of[word] >= 0:
                return defining, count
            row_of[word] = defining
    return -1, count


def find_free(rule: Any, of_row: Any, local: Any, row_of: Any, free: Any) -> int:
    """Write the words of values that nothing defines, in the order of their first use; returns how many there are."""
    seen = np.zeros(len(row_of), dtype=np.uint8)
    count = 0
    for row in range(len(rule)):
        if rule[row] != NAME or local[row]:
            continue
        word = of_row[row]
        if row_of[word] < 0 and not seen[word]:
            seen[word] = 1
            free[count] = word
            count += 1
    return count
