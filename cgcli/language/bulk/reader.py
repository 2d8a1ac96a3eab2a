"""The compiled driver of the same LALR(1) tables, for large texts: from characters to the syntax table in one loop.

`read` does what `parser.parse` does, a hundred times as fast. Its loop scans with the automaton of all terminals and
parses with the tables (both as `dense_tables` has them), numbers the words as it scans them (`words`), and writes the
columns of the syntax table in place. It stops where Python has to go on: at an error, which the same functions put into
words; where the left side of a `=` is to be looked at; and where columns, words or stack are full. What it is in the
middle of stands in a column of numbers, `at`.
"""

from __future__ import annotations

import numpy as np

from cgcli.language import syntax, tables, tokens
from cgcli.language.bulk import dense_tables
from cgcli.language.bulk.words import HASHED, LAST, LOWER, LOWER_BITS, MASK, PACKED, SECOND_MULTIPLIER, Words, longer
from cgcli.language.messages import misread, unreadable
from cgcli.loops import MULTIPLIER, compiled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from cgcli.errors import Source

    Column = NDArray[Any]

(
    POSITION, DEPTH, LAST_END, KIND, BEGIN, FINISH, SCANNED_WORD, WORD_COUNT,
    HEIGHT, STATE, START, FIRST, COUNTED, WORD, ROWS, STATEMENTS,
) = range(16)  # fmt: skip
"""What stands where in `at`: next character, open brackets, end of the last token; the token that is not shifted yet
(kind -1: none) and the last word that was scanned; words so far; cells of the stack, and the symbol on top of it, which
is not there but here: its state, its start in the text, its first row, and the constructs that it and all symbols below
stand for; the last word that was shifted; rows and statements so far."""

DONE, STACK_FULL, ROWS_FULL, WORDS_FULL, TARGET, MISREAD, UNREADABLE, LONG_NUMBER = range(8)
"""Why the loop stopped."""

SYMBOL = 4
"""Cells of the stack that a symbol takes: its state, its start, its first row, the constructs up to it."""

END = tokens.END
NO_ACTION, ACCEPT = dense_tables.NO_ACTION, dense_tables.ACCEPT
CELL_BITS, RULE_BITS = dense_tables.CELL_BITS, dense_tables.CELL_BITS + dense_tables.LENGTH_BITS
CELL_MASK, LENGTH_MASK = (1 << CELL_BITS) - 1, (1 << dense_tables.LENGTH_BITS) - 1
STATE_BITS, STATE_MASK = dense_tables.STATE_BITS, (1 << dense_tables.STATE_BITS) - 1
END_OF_TEXT = dense_tables.END_OF_TEXT
NUMERAL, SEPARATES, MISSING = dense_tables.NUMERAL, dense_tables.SEPARATES, dense_tables.MISSING
OPENS, CLOSES, IGNORED = dense_tables.OPENS, dense_tables.CLOSES, dense_tables.IGNORED
NAME_ROW, ASSIGN, FIRST_STATEMENT = syntax.NAME, syntax.ASSIGN, syntax.FIRST_STATEMENT
SEMICOLON = ord(";")
SIX_BYTES = (1 << 8 * (PACKED - 1)) - 1

INDEX = (1 << 31) - 1
"""Where an index is cut to this, which never changes it, machine code need not ask whether it counts from the end."""

ROWS_PER_CHARACTER, LEAST_ROWS = 0.4, 64
"""Room for rows to begin with; it grows where that is not enough."""


class Reading:
    """A text under way to its syntax table.

    characters, codes: the characters as numbers, and as what the scanner reads. rule, columns: the rows so far: rule,
    then count, start, end, first row, word, and the rows that are statements. See `at` and `SYMBOL` for the others.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        text = source.text
        self.characters, self.codes, self.moves = scanned(text)
        self.words = Words(text, self.characters)
        self.at = np.zeros(STATEMENTS + 1, dtype=np.int64)
        self.at[POSITION] = 1 if text.startswith("\ufeff") else 0
        self.at[KIND] = -1
        self.at[STATE] = tables.START
        self.stack = np.empty(SYMBOL * 256, dtype=np.uint32)
        room = int(len(text) * ROWS_PER_CHARACTER) + LEAST_ROWS
        self.rule = np.empty(room, dtype=np.uint8)
        self.columns = np.empty((6, room), dtype=np.intc)  # one piece, for which the system takes large pages

    def run(self) -> int:
        """Read on until the text ends or the loop stops; returns why."""
        words, dense = self.words, dense_tables
        status: int = compiled(drive)(
            self.characters, self.codes, self.moves, dense.ROLE, dense.ACTIONS, dense.SETTLED, self.at, self.stack,
            self.rule, *self.columns, words.start, words.end, words.key, words.slots, words.packed,
            tokens.LONGEST_NUMBER, dense.SCAN_STATES, dense.SKIPPED, dense.KINDS, dense.CELLS,
        )  # fmt: skip
        return status

    def go_on(self, status: int) -> None:
        """Do what the loop stopped for. FormulaError where the text is wrong there."""
        if status == STACK_FULL:
            self.stack = longer(self.stack, 2 * len(self.stack))
        elif status == ROWS_FULL:
            room = 2 * len(self.rule)
            self.rule = longer(self.rule, room)
            columns = np.empty((6, room), dtype=np.intc)
            columns[:, : self.columns.shape[1]] = self.columns
            self.columns = columns
        elif status == WORDS_FULL:
            self.words.grow(int(self.at[WORD_COUNT]))
        elif status == TARGET:
            self._check_target()
        else:
            raise self._error(status)

    def _check_target(self) -> None:
        """Have the left side of a `=` looked at: its rows and those of the value stand before the last row."""
        end = int(self.at[ROWS]) - 1
        rows = slice(int(self.columns[3, end]), end)
        count, start, finish, first = self.columns[:4, rows]
        target = syntax.Syntax(self.source)
        target.adopt(self.rule[rows], count, start, finish, first, self.columns[5, :0])
        tokens.check_target(target, self.source)

    def _error(self, status: int) -> Exception:
        """The error at the place where the loop stopped, in the words of the other driver."""
        begin, finish = int(self.at[BEGIN]), int(self.at[FINISH])
        if status == UNREADABLE:
            return unreadable(self.source, begin)
        if status == LONG_NUMBER:
            return tokens.long_number(self.source, begin, finish)
        actions = tables.ACTIONS[int(self.at[STATE])]
        return misread(self.source, int(self.at[KIND]), begin, finish, int(self.at[LAST_END]), actions)

    def table(self) -> syntax.Syntax:
        """The syntax table, when everything is read."""
        rows, statements = int(self.at[ROWS]), int(self.at[STATEMENTS])
        count, start, end, first, word = self.columns[:5, :rows]
        table = syntax.Syntax(self.source)
        table.adopt(self.rule[:rows], count, start, end, first, self.columns[5, :statements])
        self.words.finish(int(self.at[WORD_COUNT]), word)
        table.characters, table.words = self.characters, self.words
        return table


def read(source: Source) -> syntax.Syntax:
    """As `parser.parse`."""
    reading = Reading(source)
    while True:
        status = reading.run()
        if status == DONE:
            return reading.table()
        reading.go_on(status)


def scanned(text: str) -> tuple[Column, Column, Column]:
    """The characters of a text as numbers, their codes with an end of text behind them, and the moves on such codes."""
    if text.isascii():
        codes = np.frombuffer(text.encode("ascii") + bytes([dense_tables.END_OF_TEXT]), dtype=np.uint8)
        return codes[:-1], codes, dense_tables.SCAN_ASCII
    characters = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    classes = dense_tables.CLASS.take(characters, mode="clip")
    return characters, np.append(classes, np.uint8(dense_tables.END_OF_TEXT)), dense_tables.SCAN_CLASSES


def drive(
    characters: Any, codes: Any, moves: Any, role_of: Any, actions: Any, settled: Any, at: Any, stack: Any, rule: Any,
    count_of: Any, start_of: Any, end_of: Any, first_of: Any, word_of: Any, statements: Any, word_start: Any,
    word_end: Any, word_key: Any, slots: Any, packed: int, longest_number: int, scan_states: int, skipped: int,
    kinds: int, cells: int,
) -> int:  # fmt: skip
    """The loop: scan a token, reduce while the tables say so, shift. Returns why it stopped.

    The symbol on top of the stack is kept in variables, since most reductions replace it alone. What changes with the
    grammar comes as an argument: machine code is kept on disk as long as this file stays the same.
    """
    room, deepest, mask = len(rule), len(stack) - SYMBOL, len(slots) - 1
    position, depth, last_end = at[POSITION], at[DEPTH], at[LAST_END]
    kind, begin, finish = at[KIND], at[BEGIN], at[FINISH]
    scanned_word, words = at[SCANNED_WORD], at[WORD_COUNT]
    height, state, start, first, counted = at[HEIGHT], at[STATE], at[START], at[FIRST], at[COUNTED]
    word, rows, statement = at[WORD], at[ROWS], at[STATEMENTS]
    status = -1
    while status < 0:
        while kind < 0:
            code = int(codes[position & INDEX])
            following = int(moves[code])
            while following == skipped:
                position += 1
                code = int(codes[position & INDEX])
                following = int(moves[code])
            begin = position
            key = 0
            while following < scan_states:
                scanning = following
                key = (key & SIX_BYTES) << 8 | code
                position += 1
                code = int(codes[position & INDEX])
                following = int(moves[scanning << 8 | code])
                while following == scanning:  # a long run is predicted: no step waits for the one before
                    key = (key & SIX_BYTES) << 8 | code
                    position += 1
                    code = int(codes[position & INDEX])
                    following = int(moves[scanning << 8 | code])
            finish = position
            kind = following - scan_states
            role = role_of[kind]
            if role == MISSING:  # go back to where a token could end
                position = finish = begin
                following = int(moves[codes[position]])
                key = 0
                while following < scan_states:
                    position += 1
                    accepted = int(moves[following << 8 | END_OF_TEXT]) - scan_states
                    if role_of[accepted] != MISSING:
                        kind = accepted
                        finish = position
                    following = int(moves[following << 8 | int(codes[position])])
                position = finish
                for place in range(begin, min(finish, begin + packed)):
                    key = key << 8 | int(characters[place])
                if role_of[kind] == MISSING:
                    kind = END
                    if begin < len(characters):
                        status = UNREADABLE
                role = role_of[kind]
            if role <= NUMERAL:
                size = finish - begin
                if size > packed:
                    hashed = 0
                    for place in range(begin, finish):
                        hashed = (hashed ^ int(characters[place])) * MULTIPLIER & MASK
                    key = hashed | HASHED
                    if role == NUMERAL and size > longest_number:
                        status = LONG_NUMBER
                hashed = (key >> LAST & LOWER) * MULTIPLIER + (key >> (LAST + LOWER_BITS)) * SECOND_MULTIPLIER
                slot = ((hashed ^ hashed >> 32) << 4 ^ key) & mask  # see `words.slot_of`
                scanned_word = -1
                while slots[slot] >= 0:
                    other = slots[slot]
                    if word_key[other] == key:
                        same = True
                        if key >= HASHED:
                            same = word_end[other] - word_start[other] == size
                            for place in range(size if same else 0):
                                if characters[word_start[other] + place] != characters[begin + place]:
                                    same = False
                                    break
                        if same:
                            scanned_word = other
                            break
                    slot = (slot + 1) & mask
                if scanned_word < 0:
                    scanned_word = words
                    slots[slot] = words
                    word_start[words] = begin
                    word_end[words] = finish
                    word_key[words] = key
                    words += 1
                    if words == len(word_key) and status < 0:
                        status = WORDS_FULL
            elif role == SEPARATES:
                if depth > 0 and characters[begin] != SEMICOLON:
                    kind = -1
            elif role == OPENS:
                depth += 1
            elif role == CLOSES:
                depth -= 1
            elif role == IGNORED:
                kind = -1
        if status >= 0:
            break
        action = int(actions[state * kinds + kind])
        while action < 0 and status < 0:
            if not 0 <= rows < room:
                status = ROWS_FULL
                break
            reduction = ~action
            length = reduction >> CELL_BITS & LENGTH_MASK
            if length == 1:
                below = height - SYMBOL
            elif length > 0:
                height -= SYMBOL * (length - 1)
                below = height - SYMBOL
                start, first = int(stack[height + 1]), int(stack[height + 2])
            else:
                if height >= deepest:
                    status = STACK_FULL
                    break
                stack[height], stack[height + 1], stack[height + 2], stack[height + 3] = state, start, first, counted
                below = height
                height += SYMBOL
                start, first = last_end, rows
            below &= INDEX
            emitted = (reduction >> RULE_BITS) - 1
            if emitted >= 0:
                if emitted >= FIRST_STATEMENT:
                    if emitted == ASSIGN and rule[first_of[rows - 1] - 1] != NAME_ROW:
                        status = TARGET
                    statements[statement] = rows
                    statement += 1
                before = int(stack[below + 3])
                rule[rows] = emitted
                count_of[rows] = counted - before
                start_of[rows] = start
                end_of[rows] = last_end
                first_of[rows] = first
                word_of[rows] = word
                rows += 1
                counted = before + 1
            entry = int(settled[int(stack[below]) * cells + (reduction & CELL_MASK) + kind])
            state = entry & STATE_MASK
            action = entry >> STATE_BITS
        if action >= NO_ACTION and status < 0:
            status = DONE if action == ACCEPT else MISREAD
        if status >= 0:
            break
        if not 0 <= height < deepest:
            status = STACK_FULL
            break
        stack[height], stack[height + 1], stack[height + 2], stack[height + 3] = state, start, first, counted
        height += SYMBOL
        state, start, first = action, begin, rows
        last_end = finish
        word = scanned_word
        kind = -1
    at[POSITION], at[DEPTH], at[LAST_END] = position, depth, last_end
    at[KIND], at[BEGIN], at[FINISH] = kind, begin, finish
    at[SCANNED_WORD], at[WORD_COUNT] = scanned_word, words
    at[HEIGHT], at[STATE], at[START], at[FIRST], at[COUNTED] = height, state, start, first, counted
    at[WORD], at[ROWS], at[STATEMENTS] = word, rows, statement
    return status
