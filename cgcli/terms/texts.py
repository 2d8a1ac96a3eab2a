"""Terms as texts: `pair(word(3), pair(word(5), word(9)))`, with definitions and operators, one text a row.

All texts are read as one, line after line, by the reader of formulas, so that a table of a million nodes costs what a
formula of a million nodes does; then a loop makes their nodes (`walking`).
"""

from __future__ import annotations

from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cgcli.errors import CgError, DataError, FormulaError, Source
from cgcli.language import reading, syntax
from cgcli.language.functions import UNWANTED
from cgcli.language.operators import BINARY, COMPARISONS, UNARY
from cgcli.language.spelling import canonical
from cgcli.loops import compiled, pays
from cgcli.ops import logic, positions, shaping
from cgcli.terms import walking
from cgcli.terms.columns import PART, THE_NUMBER, Symbol, Terms, operation
from cgcli.terms.json_texts import is_json, plain
from cgcli.terms.meaning import ITS_PARTS, Known, apply_operation, numbers_of, row_error
from cgcli.terms.walking import BY_HAND, HEIGHT, NODES, PLACE, ROW, STATEMENT, UNKNOWN, USED, VALUE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cgcli.language.syntax import Syntax

COMPILED, LOADED, AT_HAND = 200_000, 20_000, 500
"""Rows of the syntax table from which on the loop is machine code; see `loops.pays`."""

NOT_IN_TERMS = {
    syntax.COMPREHENSION: "a list that repeats has", syntax.GENERATOR: "a list that repeats has",
    syntax.TUPLE: "values side by side have", syntax.SLICE: "a part of an array has",
    syntax.FUNCTION: "the definition of a function has", syntax.INPUT: "a declaration has",
    syntax.PARAM: "a declaration has", syntax.TERM: "a declaration has", syntax.OUTPUT: "a declaration has",
}  # fmt: skip
"""What formulas have and terms do not."""


def read_texts(texts: Sequence[str], known: Known, column: str, numbers: Any = None) -> Terms:
    """The terms of texts, a row each. DataError for a wrong one, with its row, its place and a hint.

    numbers: of the rows, where they are not 1, 2, ….
    """
    return Reading(texts, known, column, numbers).terms()


class Reading:
    """Texts under way to their nodes."""

    def __init__(self, texts: Sequence[str], known: Known, column: str, numbers: Any) -> None:
        self.shown = [text if text.isascii() else canonical(text.removeprefix("\ufeff")) for text in texts]
        self.texts = list(map(plain, self.shown))
        self.known = known
        self.column = column
        self.numbers = numbers_of(numbers, len(texts))
        lengths = np.fromiter(map(len, self.texts), dtype=np.int64, count=len(self.texts))
        self.offsets = np.concatenate(([0], np.cumsum(lengths + 1)))
        self.table = self._parsed()
        self._set_up()

    # ---- reading -------------------------------------------------------------------------------------------------

    def _parsed(self) -> Syntax:
        """The syntax table of all texts."""
        try:
            table = reading.parse(Source("\n".join(self.texts)))
        except FormulaError as error:
            self._find_wrong_row(self._row_at(error.span[0] if error.span else 0))
            raise DataError(f"{error.message} (in `{self.column}`)", hint=error.hint) from None
        statements = np.asarray(table.statements)
        begins, ends = np.asarray(table.start)[statements], np.asarray(table.end)[statements]
        self.rows = np.searchsorted(self.offsets, begins, side="right") - 1
        beyond = np.flatnonzero(np.searchsorted(self.offsets, ends, side="left") - 1 > self.rows)
        if len(beyond):  # brackets that close in another row
            self._find_wrong_row(int(self.rows[beyond[0]]))
        if len(np.unique(self.rows)) < len(self.texts):
            missing = int(np.setdiff1d(np.arange(len(self.texts)), self.rows)[0])
            raise self.error("there is no term here", missing, None, "a term is a text such as f(1, g(2))")
        return table

    def _find_wrong_row(self, likely: int) -> None:
        """Read the rows one by one, a likely one first. DataError for the first one that is wrong by itself."""
        for row in (likely, *range(len(self.texts))):
            try:
                reading.parse(Source(self.texts[row]))
            except FormulaError as error:
                check_json(self, row)
                raise self.error(error.message, row, error.span, error.hint) from None

    def _row_at(self, offset: int) -> int:
        return min(int(np.searchsorted(self.offsets, offset, side="right")) - 1, len(self.texts) - 1)

    def _set_up(self) -> None:
        """Columns for the loop."""
        table = self.table
        self._refuse()
        if table.words is not None:
            words = table.words.texts(np.arange(len(table.words)))
            word_of = table.words.of_row
        else:
            words, word_of = self._numbered_words()
        self.words = words
        number = np.array([float(word) if word[0] in "0123456789." else 0.0 for word in words] or [0.0])
        count = len(words) + 1
        treated = np.full(syntax.RULES, walking.OTHERWISE, dtype=np.uint8)
        self.symbols: dict[Symbol, int] = {THE_NUMBER: 0}
        symbol = np.zeros(syntax.RULES, dtype=np.int32)
        for rule in (syntax.POS, syntax.CALLEE, syntax.OPEN):
            treated[rule] = walking.SKIPPED
        treated[syntax.NUMBER], treated[syntax.NAME] = walking.LITERAL, walking.NAMED
        treated[syntax.CALL], treated[syntax.LIST] = walking.CALLED, walking.LISTED
        for rule, row in (*BINARY.items(), *UNARY.items()):
            treated[rule], symbol[rule] = walking.OPERATOR, self.symbol(operation(row.name))
        treated[syntax.NEG] = walking.SIGNED
        treated[syntax.INDEX], symbol[syntax.INDEX] = walking.INDEXED, self.symbol(operation(positions.take.name))
        rules, counts, firsts = (np.asarray(memoryview(each)) for each in (table.rule, table.count, table.first()))
        self.columns = walking.Table(rules, counts, firsts, word_of, np.asarray(table.statements), self.rows)
        names, calls, local = (np.full(count, UNKNOWN, dtype=np.int32) for _ in range(3))
        stamp, distinct = np.full(count, -1, dtype=np.int64), np.empty((3, 0), dtype=np.int32)
        self.meanings = walking.Meanings(treated, symbol, number, names, calls, local, stamp, distinct)
        self.at = np.array([0, -1, 0, 0, 0, -1, 0], dtype=np.int64)
        few, many, rows = np.zeros(1, dtype=np.int32), np.zeros(1, dtype=np.int64), len(self.texts)
        begins, roots = np.zeros(rows + 1, dtype=np.int64), np.zeros(rows, dtype=np.int64)
        self.nodes = walking.Nodes(few, np.zeros(1), many, few, few, begins, roots)
        self.stack = few
        self._make_room(len(table) + 1)
        self.apart: dict[int, Any] = {}

    def _refuse(self) -> None:
        """DataError for what formulas have and terms do not."""
        found = [(row, rule) for rule in NOT_IN_TERMS for row in [self.table.rule.find(rule)] if row >= 0]
        if found:
            row, rule = min(found)
            raise self.wrong(f"{NOT_IN_TERMS[rule]} no place in a term", row, ITS_PARTS)

    def _numbered_words(self) -> tuple[list[str], Any]:
        """The distinct words of a small text, and the word of each row."""
        table, numbers = self.table, dict[str, int]()
        word_of = np.zeros(len(table), dtype=np.int32)
        for row, rule in enumerate(table.rule):
            if rule in (syntax.NAME, syntax.NUMBER, syntax.TARGET, syntax.CALLEE):
                word = table.callee(row) if rule == syntax.CALLEE else table.word(row)
                word_of[row] = numbers.setdefault(word, len(numbers))
        return list(numbers), word_of

    def _make_room(self, nodes: int) -> None:
        """Room for so many nodes, and twice as many operands."""
        old = self.nodes
        self.nodes = walking.Nodes(
            longer(old.symbol, nodes), longer(old.number, nodes), longer(old.first, nodes + 1),
            longer(old.written, nodes), longer(old.operands, 2 * nodes + 4), old.begins, old.roots,
        )  # fmt: skip
        self.stack = longer(self.stack, nodes + 1)

    # ---- the walk ------------------------------------------------------------------------------------------------

    def terms(self) -> Terms:
        """All nodes. DataError for a name or a call that means nothing."""
        machine = pays(len(self.table), (COMPILED, LOADED, AT_HAND), Path(walking.__file__), "walk")
        walk = compiled(walking.walk) if machine else walking.walk
        listed = self.symbol(operation(shaping.stack.name))
        steps = {
            walking.NO_ROOM: lambda: self._make_room(2 * len(self.nodes.symbol)), walking.UNKNOWN_NAME: self._name,
            walking.UNKNOWN_CALL: self._call, walking.OTHER: self._by_hand, walking.BEGINS: self._begin,
            walking.ENDS: self._end,
        }  # fmt: skip
        while True:
            status = walk(self.at, self.columns, self.meanings, self.nodes, self.stack, listed)
            if status == walking.DONE:
                return self._finished()
            try:
                steps[status]()
            except (FormulaError, ValueError) as error:
                raise self.located(error) from None

    def _finished(self) -> Terms:
        made, used = int(self.at[NODES]), int(self.at[USED])
        nodes = self.nodes
        first = nodes.first[: made + 1]
        start, end = (np.asarray(memoryview(each))[nodes.written[:made]] for each in (self.table.start, self.table.end))
        texts, offsets = self.shown, self.offsets

        def place(node: int) -> tuple[str | None, tuple[int, int] | None]:
            row = int(np.searchsorted(offsets, start[node], side="right")) - 1
            return texts[row], (int(start[node] - offsets[row]), int(end[node] - offsets[row]))

        return Terms(
            tuple(self.symbols), nodes.symbol[:made], nodes.number[:made], first, nodes.operands[:used],
            nodes.begins, nodes.roots, place,
        )  # fmt: skip

    def symbol(self, symbol: Symbol) -> int:
        """The number of a symbol."""
        return self.symbols.setdefault(symbol, len(self.symbols))

    def _name(self) -> None:
        """Find out what a name means."""
        word = int(self.columns.word[self.at[PLACE]])
        meaning = self.known.name(self.words[word])
        if isinstance(meaning, float):
            self.meanings.number[word] = meaning
            self.meanings.name[word] = 0
        else:
            self.meanings.name[word] = self.symbol(meaning)

    def _call(self) -> None:
        """Find out what a call means."""
        row = int(self.at[PLACE])
        word, count = int(self.columns.word[self.columns.first[row]]), int(self.columns.count[row]) - 1
        meaning = self.known.call(self.words[word], count)
        following = int(self.meanings.call[word])
        entry = [[following], [count], [BY_HAND if meaning is None else self.symbol(meaning)]]
        self.meanings.call[word] = self.meanings.calls.shape[1]
        calls = np.concatenate((self.meanings.calls, np.array(entry, dtype=np.int32)), axis=1)
        self.meanings = self.meanings._replace(calls=calls)

    # ---- by hand -------------------------------------------------------------------------------------------------

    def _by_hand(self) -> None:
        """One row of the syntax table that the loop leaves."""
        row = int(self.at[PLACE])
        rule = int(self.columns.rule[row])
        if len(self.nodes.symbol) < self.at[NODES] + self.columns.count[row] + 3:
            self._make_room(2 * len(self.nodes.symbol) + int(self.columns.count[row]))
        taken = int(self.columns.count[row]) - (rule in (syntax.CALL, syntax.LIST))
        height = int(self.at[HEIGHT]) - taken
        values = [self.apart[value] if value < 0 else int(value) for value in self.stack[height : self.at[HEIGHT]]]
        self.at[HEIGHT] = height
        self._push(self._made(row, rule, values))
        self.at[PLACE] = row + 1

    def _made(self, row: int, rule: int, values: list[Any]) -> Any:
        """The node of a row, or what stands for it until another row needs it."""
        if rule in COMPARISONS:
            return operation(COMPARISONS[rule].name)
        if rule == syntax.INDEX:  # a position differs from row to row, as every number of a term
            found = values[0]
            for each in values[1:]:
                found = self.node(operation(positions.take.name), [found, each])
            return found
        if rule == syntax.CONDITIONAL:
            yes, condition, no = values
            return self.node(operation(logic.where.name), [condition, yes, no])
        if rule == syntax.COMPARE:
            pairs = [self.node(values[place + 1], [values[place], values[place + 2]])
                     for place in range(0, len(values) - 2, 2)]  # fmt: skip
            return reduce(lambda one, other: self.node(operation(logic.conjunction.name), [one, other]), pairs)
        if rule == syntax.LIST:
            raise FormulaError("an empty list has no value", hint="a list in a term has items")
        name = self.words[self.columns.word[self.columns.first[row]]]
        return apply_operation(name, values, self)

    def node(self, symbol: Symbol, operands: Sequence[int]) -> int:
        """One more node, of the row of the syntax table that is under way."""
        made, used = int(self.at[NODES]), int(self.at[USED])
        while used + len(operands) > len(self.nodes.operands) or made + 1 >= len(self.nodes.symbol):
            self._make_room(2 * len(self.nodes.symbol) + len(operands))
        self.nodes.symbol[made], self.nodes.number[made] = self.symbol(symbol), 0.0
        self.nodes.written[made] = self.at[PLACE]
        self.nodes.operands[used : used + len(operands)] = operands
        self.nodes.first[made + 1] = self.at[USED] = used + len(operands)
        self.at[NODES] = made + 1
        return made

    def constant(self, value: float) -> int:
        """A number."""
        found = self.node(THE_NUMBER, [])
        self.nodes.number[found] = value
        return found

    def number_of(self, node: int) -> float | None:
        """The number of a node; None where it is something else."""
        return float(self.nodes.number[node]) if self.nodes.symbol[node] == 0 else None

    def _push(self, value: Any) -> None:
        """Put a value on the stack; what is no node under a number below 0."""
        if not isinstance(value, int):
            self.apart[-1 - len(self.apart)] = value
            value = -len(self.apart)
        self.stack[self.at[HEIGHT]] = value
        self.at[HEIGHT] += 1

    # ---- statements ----------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        """A statement that is no expression and no plain definition."""
        end = int(self.columns.statements[self.at[STATEMENT]])
        if self.columns.rule[end] != syntax.UNPACK:
            self.at[PLACE] = end
            raise FormulaError("a function cannot be defined in a term", hint=ITS_PARTS)
        self.at[PLACE], self.at[HEIGHT] = self.columns.first[end - 1], 0

    def _end(self) -> None:
        """`a, b = value`, or a name that is defined again."""
        statement = int(self.at[STATEMENT])
        end = int(self.columns.statements[statement])
        targets = range(self.columns.first[end], self.columns.first[end - 1])
        value, row = int(self.stack[0]), int(self.at[ROW])
        self.at[PLACE] = end
        for part, place in enumerate(targets):
            word = int(self.columns.word[place])
            if self.words[word] == UNWANTED:
                continue
            if self.meanings.stamp[word] == row:
                self.at[PLACE] = place
                raise FormulaError(f"`{self.words[word]}` is defined twice", hint="use another name")
            self.meanings.local[word] = self.node(Symbol(PART, "", (part, len(targets))), [value])
            self.meanings.stamp[word] = row
        self.at[VALUE] = value
        self.at[STATEMENT], self.at[PLACE] = statement + 1, -1

    # ---- errors --------------------------------------------------------------------------------------------------

    def located(self, error: Exception) -> DataError:
        """An error at the row of the syntax table that is under way."""
        place = int(self.at[PLACE])
        hint = error.hint if isinstance(error, CgError) else None
        message = error.message if isinstance(error, CgError) else str(error)
        return self.wrong(message, place, hint)

    def wrong(self, message: str, place: int, hint: str | None) -> DataError:
        """An error at a row of the syntax table; of a call it is the name that is shown."""
        begin, end = self.table.span(place)
        row = self._row_at(begin)
        offset = int(self.offsets[row])
        if self.table.rule[place] == syntax.CALL and "unknown function" in message:
            end = begin + len(self.table.callee(place))
        return self.error(message, row, (begin - offset, end - offset), hint)

    def error(self, message: str, row: int, span: tuple[int, int] | None, hint: str | None) -> DataError:
        """An error in a row of data."""
        return row_error(message, self.column, self.numbers(row), self.shown[row], span, hint)


def check_json(texts: Reading, row: int) -> None:
    """DataError where a row in JSON is wrong as JSON."""
    import json

    try:
        json.loads(texts.shown[row] if is_json(texts.shown[row]) else "0")
    except json.JSONDecodeError as error:
        place = (min(error.pos, len(error.doc) - 1), min(error.pos + 1, len(error.doc)))
        message = f"this is not JSON: {error.msg[0].lower()}{error.msg[1:]}"
        raise texts.error(message, row, place, 'write a list for each call, as in ["f", 1, ["g", 2]]') from None
    except RecursionError:  # lists that are nested deeper than Python reads them
        return


def longer(column: Any, length: int) -> Any:
    """The numbers of a column in one with room for so many."""
    found = np.zeros(length, dtype=column.dtype)
    found[: len(column)] = column
    return found
