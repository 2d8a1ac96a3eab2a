"""The compiled driver of the same LALR(1) tables, for large texts: from characters to the syntax table in one loop.

`read` does what `parser.parse` does, a hundred times as fast. Its loop scans with the automaton of all terminals
(`automaton`) and parses with the tables (`tables`), and it writes the columns of the syntax table in place. It stops
where Python has to go on: at an error, which the same functions put into words; where the left side of a `=` is to be
looked at; and where columns or stack are full. What it is in the middle of stands in a column of numbers, `at`.
"""

from __future__ import annotations

import numpy as np

from cgcli.graph.loops import compiled
from cgcli.language import automaton, parser, syntax, tables
from cgcli.language.messages import misread, unreadable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from cgcli.errors import Source

    Column = NDArray[Any]

POSITION, DEPTH, LAST_END, HEIGHT, ROWS, KIND, BEGIN, FINISH, CHECKED = range(9)
"""What stands where in `at`: next character, open brackets, end of the last token, height of the stack, rows so far,
the token that is not shifted yet (kind -1: none), and how many rows there were when a target was checked."""

DONE, STACK_FULL, ROWS_FULL, TARGET, MISREAD, UNREADABLE, LONG_NUMBER = range(7)
"""Why the loop stopped."""

NO_ACTION = 1 << 14
BLANK = len(tables.TERMINALS)
END, NUMBER, SEPARATOR, ACCEPTED = parser.END, parser.NUMBER, parser.SEPARATOR, tables.END
NAME_ROW, ASSIGN = syntax.NAME, syntax.ASSIGN
SEMICOLON = ord(";")

ROWS_PER_CHARACTER, LEAST_ROWS = 0.4, 64
"""Room for rows to begin with; it grows where that is not enough."""


def _matrix(rows: list[dict[int, int]], width: int, missing: int) -> Column:
    """Rows of a sparse table as one dense table."""
    dense = np.full((len(rows), width), missing, dtype=np.int16)
    for number, row in enumerate(rows):
        dense[number, list(row)] = list(row.values())
    return dense


CLASS = np.repeat(
    np.array(automaton.CLASSES, dtype=np.uint8),
    np.diff([*automaton.CLASS_STARTS, automaton.CLASS_STARTS[-1] + 1]),
)
"""Class of each character; those behind the last entry are of the class of that one."""

MOVES = np.array(automaton.MOVES, dtype=np.int16)
ASCII_MOVES = MOVES[:, CLASS[:128]].copy()
"""The moves on a character below 128 without a look at its class."""

ACCEPTS = np.array(automaton.ACCEPTS, dtype=np.int16)
ACTIONS = _matrix(tables.ACTIONS, len(tables.TERMINALS), NO_ACTION)
GOTOS = _matrix(tables.GOTOS, max(target for target, _, _ in tables.REDUCTIONS) + 1, -1)
REDUCTIONS = np.array(tables.REDUCTIONS, dtype=np.int16)


def _settled() -> Column:
    """For each state below, construct and next terminal the state after the construct is reduced to and stands there.

    Reductions of one symbol that emit no row follow each other in long chains, from an atom up to an expression, and
    change nothing but the state on top: the chain is one step here.
    """
    chained = (REDUCTIONS[:, 1] == 1) & (REDUCTIONS[:, 2] < 0)
    settled = np.repeat(GOTOS[:, :, np.newaxis], BLANK, axis=2)
    below, construct, terminal = np.nonzero(settled >= 0)
    state = settled[below, construct, terminal]
    while len(state):
        action = ACTIONS[state, terminal]
        going = np.flatnonzero((state != tables.END) & (action < 0))
        going = going[chained[~action[going]]]
        below, construct, terminal = below[going], construct[going], terminal[going]
        state = GOTOS[below, REDUCTIONS[~action[going], 0]]
        settled[below, construct, terminal] = state
    return settled


SETTLED = _settled()

NESTING = np.zeros(BLANK + 1, dtype=np.int8)
"""What a terminal adds to the number of open brackets."""
NESTING[list(parser.OPENING)] = 1
NESTING[list(parser.CLOSING)] = -1


def characters_of(text: str) -> Column:
    """The characters of a text as numbers, so that their positions are those in the text."""
    if text.isascii():
        return np.frombuffer(text.encode("ascii"), dtype=np.uint8)
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)


def read(source: Source) -> syntax.Syntax:
    """As `parser.parse`."""
    text = source.text
    characters = characters_of(text)
    at = np.zeros(9, dtype=np.int64)
    at[POSITION] = 1 if text.startswith("\ufeff") else 0
    at[KIND] = at[CHECKED] = -1
    at[HEIGHT] = 1
    stack = np.zeros((3, 256), dtype=np.int32)
    stack[0, 0] = tables.START
    room = int(len(text) * ROWS_PER_CHARACTER) + LEAST_ROWS
    rule = np.empty(room, dtype=np.uint8)
    places = [np.empty(room, dtype=np.int32) for _ in range(4)]
    while True:
        status = compiled(drive)(
            characters, ASCII_MOVES, CLASS, MOVES, ACCEPTS, NESTING, ACTIONS, SETTLED, REDUCTIONS, at, stack, rule,
            *places, parser.LONGEST_NUMBER,
        )  # fmt: skip
        if status == DONE:
            table = _rows(source, rule, places, 0, int(at[ROWS]))
            statements = np.flatnonzero(rule[: at[ROWS]] >= syntax.FIRST_STATEMENT).astype(np.int32)
            table.statements.frombytes(statements.view(np.uint8).data)
            table.characters = characters
            return table
        if status == STACK_FULL:
            stack = _doubled(stack)
        elif status == ROWS_FULL:
            rule, places = _doubled(rule), list(map(_doubled, places))
        elif status == TARGET:
            at[CHECKED] = at[ROWS]
            target = places[3][at[ROWS] - 1] - 1
            parser.check_target(_rows(source, rule, places, int(places[3][target]), int(at[ROWS])), source)
        else:
            raise _error(source, status, at, stack)


def _doubled(column: Column) -> Column:
    """A column with room for as much again."""
    return np.concatenate([column, np.empty_like(column)], axis=-1)


def _rows(source: Source, rule: Column, places: list[Column], first: int, end: int) -> syntax.Syntax:
    """The rows `first` to `end` of what was read as a syntax table."""
    table = syntax.Syntax(source)
    table.rule.extend(rule[first:end].data)
    for column, place in zip((table.count, table.start, table.end, table.first()), places, strict=True):
        column.frombytes(place[first:end].view(np.uint8).data)
    return table


def _error(source: Source, status: int, at: Column, stack: Column) -> Exception:
    """The error at the place where the loop stopped, in the words of the other driver."""
    begin, finish = int(at[BEGIN]), int(at[FINISH])
    if status == UNREADABLE:
        return unreadable(source, begin)
    if status == LONG_NUMBER:
        return parser.long_number(source, begin, finish)
    state = int(stack[0, at[HEIGHT] - 1])
    return misread(source, int(at[KIND]), begin, finish, int(at[LAST_END]), tables.ACTIONS[state])


def drive(
    characters: Any, ascii_moves: Any, class_of: Any, moves: Any, accepts: Any, nesting: Any, actions: Any,
    settled: Any, reductions: Any, at: Any, stack: Any, rule: Any, count_of: Any, start_of: Any, end_of: Any,
    first_of: Any, longest_number: int,
) -> int:  # fmt: skip
    """The loop: scan a token, reduce while the tables say so, shift. Returns why it stopped.

    stack: state, start in the text, and rows of each symbol.
    """
    size = len(characters)
    last_class = len(class_of) - 1
    states, starts, row_counts = stack[0], stack[1], stack[2]
    position, depth, last_end = at[POSITION], at[DEPTH], at[LAST_END]
    height, rows = at[HEIGHT], at[ROWS]
    kind, begin, finish = at[KIND], at[BEGIN], at[FINISH]
    status = -1
    while status < 0:
        while kind < 0:
            begin = finish = position
            scanned = 0
            while position < size:
                character = characters[position]
                if character < 128:
                    scanned = ascii_moves[scanned, character]
                else:
                    scanned = moves[scanned, class_of[character if character < last_class else last_class]]
                if scanned < 0:
                    break
                position += 1
                if accepts[scanned] >= 0:
                    kind = accepts[scanned]
                    finish = position
            position = finish
            if kind == BLANK:
                kind = -1
            elif kind < 0:
                if begin < size:
                    status = UNREADABLE
                    break
                kind = END
            elif kind == NUMBER and finish - begin > longest_number:
                status = LONG_NUMBER
            elif kind == SEPARATOR and depth > 0 and characters[begin] != SEMICOLON:
                kind = -1
            else:
                depth += nesting[kind]
        while status < 0:
            action = actions[states[height - 1], kind]
            if action == NO_ACTION:
                status = MISREAD
                break
            if height + 1 >= len(states):
                status = STACK_FULL
                break
            if rows + 1 >= len(rule):
                status = ROWS_FULL
                break
            if action >= 0:
                states[height] = action
                starts[height] = begin
                row_counts[height] = 0
                height += 1
                last_end = finish
                kind = -1
                break
            target, length, emitted = reductions[~action, 0], reductions[~action, 1], reductions[~action, 2]
            if emitted == ASSIGN and at[CHECKED] != rows and rule[first_of[rows - 1] - 1] != NAME_ROW:
                status = TARGET
                break
            first = last_end
            count = 0
            if length > 0:
                height -= length
                first = starts[height]
                for symbol in range(height, height + length):
                    count += row_counts[symbol]
            if emitted >= 0:
                opening = rows
                for _ in range(count):
                    opening = first_of[opening - 1]
                rule[rows] = emitted
                count_of[rows] = count
                start_of[rows] = first
                end_of[rows] = last_end
                first_of[rows] = opening
                rows += 1
                count = 1
            states[height] = settled[states[height - 1], target, kind]
            starts[height] = first
            row_counts[height] = count
            height += 1
            if kind == END and states[height - 1] == ACCEPTED:
                status = DONE
    at[POSITION], at[DEPTH], at[LAST_END] = position, depth, last_end
    at[HEIGHT], at[ROWS] = height, rows
    at[KIND], at[BEGIN], at[FINISH] = kind, begin, finish
    return status
