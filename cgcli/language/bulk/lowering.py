"""Lowering the plain statements of a large text: one loop from rows of the syntax table to columns of the graph.

Plain are expressions and definitions of values made of scalar names, literals, operators, comparisons, conditionals
and elementwise functions, which is what large texts consist of. The loop makes the nodes, in the order and with the
names and places that `Lowering` gives them; a statement that is not plain it leaves to `Lowering`, and goes on behind.
Names and literals are numbers here (`words`, `literals`), and equal nodes are found through a hash table with open
addressing.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any, NamedTuple

import numpy as np

from cgcli.graph.bulk import enter_constants, extend, late
from cgcli.graph.codes import CONSTANT, INPUT, NO_PAYLOAD
from cgcli.graph.spans import SpanTable
from cgcli.language import syntax
from cgcli.language.bulk.literals import Literals
from cgcli.language.bulk.words import MASK, columns_of, longer, words_of
from cgcli.language.forms import FORMS
from cgcli.language.operators import BINARY, COMPARISONS, UNARY
from cgcli.loops import MULTIPLIER, compiled
from cgcli.ops import REGISTRY, logic
from cgcli.ops.constants import ALIASES, CONSTANTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cgcli.language.bulk.names import DefinedNames
    from cgcli.language.bulk.words import Words
    from cgcli.language.lowering import Lowering
    from cgcli.ops import Operation

    Column = NDArray[Any]

STATEMENT, NODES, USED, NUMBERS, INPUTS, NAMED, RESULT, RESULT_STATEMENT, ROW, NEEDED = range(10)
"""What stands where in `at`: the next statement, nodes, operands, constants and inputs so far, names given, the node of
the last statement with a value and that statement, the call to resolve, and the rows that the next statement has."""

FINISHED, NOT_PLAIN, NO_ROOM, UNRESOLVED = range(4)
"""Why the loop stopped."""

NEAR = 4
"""A node is looked for in so many slots that go with its last operand, and then where its hash says.

Operands are mostly young, so that the slots of one node after another lie side by side; where many nodes have the same
last operand, they are strewn all over the table.
"""

SECOND_MULTIPLIER, THIRD_MULTIPLIER, SHIFT = 0x5EBCA6B5, 0x7F4A7C15, 29
"""For hashing an operation and its first two operands at once, in products of less than 63 bits."""

NO_VALUE, NOT_A_SCALAR = -1, -2
"""What a word's value is where it is no node."""

NAME, NUMBER, ASSIGN, EXPRESSION = syntax.NAME, syntax.NUMBER, syntax.ASSIGN, syntax.EXPRESSION

BOUND, OPAQUE, NO_FUNCTION = 1, 2, 4
"""Marks of a word: its definition is not for the loop to lower; its value is not for it to make; its calls are not
plain."""

LEAF, SKIP, SIGN, OPERATOR, CONDITIONAL, COMPARE, CALLEE, CALL, OTHER = range(9)
"""What the loop does with a row."""

LEAST_ROOM, NODES_PER_ROW = 1 << 10, 0.25
"""Room for nodes to begin with; it grows where that is not enough."""

SHORT_STRETCH, LONGEST_PAUSE = 8, 64
"""Where the loop gets no further than so many statements, it pauses for twice as many as the last time."""


class WordValues(MutableMapping[str, "Any"]):
    """The global names of a lowering and their values: a column by word, and beside it what is no scalar node."""

    def __init__(self, words: Words, is_scalar: Any) -> None:
        self.words = words
        self.is_scalar = is_scalar
        self.column = np.full(len(words) + 1, NO_VALUE, dtype=np.int32)
        self.others: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        word = self.words.find(name)
        value = int(self.column[word]) if word >= 0 else NO_VALUE
        if value == NO_VALUE:
            raise KeyError(name)
        return value if value >= 0 else self.others[name]

    def __setitem__(self, name: str, value: Any) -> None:
        word = self.words.find(name)
        if isinstance(value, int) and self.is_scalar(value):
            self.column[word] = value
        else:
            self.column[word] = NOT_A_SCALAR
            self.others[name] = value

    def __delitem__(self, name: str) -> None:
        self[name]
        self.column[self.words.find(name)] = NO_VALUE

    def __iter__(self) -> Iterator[str]:
        return map(self.words.text, np.flatnonzero(self.column != NO_VALUE).tolist())

    def __len__(self) -> int:
        return int(np.count_nonzero(self.column != NO_VALUE))


class Rows(NamedTuple):
    """Columns of the syntax table: the rows of statements, and by row its rule, children, first row and word."""

    statements: Any
    rule: Any
    count: Any
    first: Any
    word_of: Any


class Treatment(NamedTuple):
    """By rule what the loop does with it, the operation's code, and its number of operands; and the codes of leaves.

    Codes come as arguments: machine code is kept on disk as long as this file stays the same, and a new operation
    anywhere changes them.
    """

    what: Any
    code: Any
    arity: Any
    constant: int
    variable: int


class Meanings(NamedTuple):
    """By word its marks, its value, the key of its constant and its first call; by key its node; the calls."""

    marks: Any
    values: Any
    key_of: Any
    key_nodes: Any
    first_call: Any
    calls: Any


class Made(NamedTuple):
    """The graph's columns, with room; the row of each node, the keys of new constants, and the hash table."""

    op: Any
    payload: Any
    row_of: Any
    start: Any
    operands: Any
    new_keys: Any
    slots: Any


class Calls:
    """The distinct calls (function, number of arguments) and what they mean.

    of_word: for each word its first call, or -1; following: the next call of the same word. count: arguments; op: the
    operation's code, or -1 where the call is not plain; folded: whether it is folded over more operands than it takes.
    """

    def __init__(self, words: int) -> None:
        self.of_word = np.full(words + 1, -1, dtype=np.int32)
        self.rows: list[tuple[int, int, int, int]] = []
        self.columns = self._columns()

    def add(self, word: int, count: int, row: Operation | None) -> None:
        """Enter a call that the loop met for the first time."""
        plain = row is not None and is_plain(row) and count >= max(row.arity, 1)
        op = row.code if row is not None and plain else -1
        folded = row is not None and count > len(row.parameters)
        self.rows.append((int(self.of_word[word]), count, op, int(folded)))
        self.of_word[word] = len(self.rows) - 1
        self.columns = self._columns()

    def _columns(self) -> Column:
        return np.array(self.rows, dtype=np.int32).reshape(-1, 4).T.copy()


def is_plain(row: Operation) -> bool:
    """Whether the operation on scalars is a node of itself and its operands alone."""
    static = any(parameter.static for parameter in row.parameters)
    return row.shape is None and row.prepare is None and row.combine is None and not row.variadic and not static


def treatments() -> Treatment:
    """How the loop treats each rule."""
    what = np.full(syntax.RULES, OTHER, dtype=np.uint8)
    code = np.full(syntax.RULES, -1, dtype=np.int32)
    arity = np.zeros(syntax.RULES, dtype=np.int32)
    what[[syntax.NUMBER, syntax.NAME]] = LEAF
    what[syntax.POS] = SKIP
    what[syntax.CALLEE] = CALLEE
    what[syntax.CALL] = CALL
    for kind, table in ((OPERATOR, BINARY), (OPERATOR, UNARY), (SIGN, COMPARISONS)):
        for rule, row in table.items():
            if is_plain(row):
                what[rule], code[rule], arity[rule] = kind, row.code, row.arity
    what[syntax.CONDITIONAL], code[syntax.CONDITIONAL], arity[syntax.CONDITIONAL] = CONDITIONAL, logic.where.code, 3
    what[syntax.COMPARE], code[syntax.COMPARE] = COMPARE, logic.conjunction.code
    return Treatment(what, code, arity, CONSTANT, INPUT)


class BulkLowering:
    """The bulk part of a lowering; its columns grow beside the graph's, which get what is new after each stretch."""

    def __init__(self, whole: Lowering) -> None:
        self.whole = whole
        table, graph = whole.table, whole.graph
        self.words = words_of(table)
        self.values = WordValues(self.words, lambda node: graph.shape[node] == 0)
        whole.building.globals = self.values
        graph.spans = SpanTable(graph.spans)
        defined: DefinedNames = whole.defined  # type: ignore[assignment]  # of a large text
        self.marks = np.zeros(len(self.words) + 1, dtype=np.uint8)
        self.marks[:-1][defined.row_of[:-1] >= 0] = OPAQUE
        self._mark(whole.functions, OPAQUE | NO_FUNCTION)
        self._mark(FORMS, NO_FUNCTION)
        self._mark(whole.bound, BOUND)
        self._mark(whole.asked, BOUND | OPAQUE)
        self._mark((name for name, shape in whole.shapes.items() if shape), OPAQUE)
        self.literals = Literals(self.words, {*self._taken()})
        self.calls = Calls(len(self.words))
        self.treatments = treatments()
        self.at = np.zeros(10, dtype=np.int64)
        self.start: Column = np.zeros(1, dtype=np.int32)
        self.op: Column = np.empty(0, dtype=np.uint16)
        self.payload, self.row, self.new_keys, self.operands, self.stack, self.slots = (
            np.empty(0, dtype=np.int32) for _ in range(6)
        )
        self._make_room(int(len(table) * NODES_PER_ROW))
        self.key_nodes = np.full(len(self.literals.values), -1, dtype=np.int32)
        self.named = np.empty((3, len(self.words) + 1), dtype=np.int32)
        self.pause = self.resting = 0

    def _mark(self, names: Any, mark: int) -> None:
        for name in names:
            word = self.words.find(name)
            if word >= 0:
                self.marks[word] |= mark

    def _taken(self) -> Iterator[str]:
        """Names of constants that mean something else in this text or call."""
        whole = self.whole
        for name in (*CONSTANTS, *ALIASES):
            if name in whole.bound or name in whole.defined or name in whole.functions:
                yield name

    def advance(self, position: int) -> tuple[int, tuple[str, Any] | None]:
        """Lower plain statements from `position` on. Returns the first that is left, and the last name and value."""
        if self.resting:
            self.resting -= 1
            return position, None
        graph, at = self.whole.graph, self.at
        first_node, first_number = len(graph), len(graph.constants)
        self._follow()
        at[STATEMENT] = position
        at[NUMBERS], at[INPUTS], at[NAMED], at[RESULT] = first_number, len(graph.input_names), 0, -1
        while True:
            status = self._run()
            if status == NO_ROOM:
                self._make_room(int(at[NEEDED]))
            elif status == UNRESOLVED:
                self._resolve(int(at[ROW]))
            else:
                break
        self._write(first_node, first_number)
        reached = int(at[STATEMENT])
        self.pause = 0 if reached - position > SHORT_STRETCH else min(2 * self.pause + 1, LONGEST_PAUSE)
        self.resting = self.pause
        if at[RESULT] < 0:
            return reached, None
        return reached, (self._name_of(int(at[RESULT_STATEMENT])), int(at[RESULT]))

    def _run(self) -> int:
        table, words = self.whole.table, self.words
        statements, rule, count, first = columns_of(table.statements, table.rule, table.count, table.first())
        rows = Rows(statements, rule, count, first, words.of_row)
        meanings = Meanings(self.marks, self.values.column, self.literals.of_word, self.key_nodes, self.calls.of_word,
                            self.calls.columns)  # fmt: skip
        made = Made(self.op, self.payload, self.row, self.start, self.operands, self.new_keys, self.slots)
        status: int = compiled(lower_rows)(self.at, rows, self.treatments, meanings, made, self.stack, self.named)
        return status

    def _name_of(self, statement: int) -> str:
        """The name that a statement gives its value."""
        table = self.whole.table
        row = table.statements[statement]
        return table.word(table.first()[row - 1] - 1) if table.rule[row] == syntax.ASSIGN else "result"

    def _resolve(self, row: int) -> None:
        """Find out what a call means."""
        table = self.whole.table
        count = table.count[row] - 1
        word = int(self.words.of_row[table.first()[row]])
        self.calls.add(word, count, REGISTRY.resolve(self.words.text(word), count))

    # ---- room --------------------------------------------------------------------------------------------------

    def _make_room(self, rows: int) -> None:
        """Room for what so many more rows make: a node each at most, and all in all three operands each at most."""
        nodes = 2 * int(self.at[NODES]) + rows + LEAST_ROOM
        self.op, self.payload, self.row, self.new_keys = (
            longer(column, nodes) for column in (self.op, self.payload, self.row, self.new_keys)
        )
        self.start = longer(self.start, nodes + 1)
        self.operands = longer(self.operands, 2 * int(self.at[USED]) + 3 * rows + LEAST_ROOM)
        self.stack = longer(self.stack, rows + 1)
        if 2 * nodes > len(self.slots):
            self.slots = np.full(1 << (2 * nodes).bit_length(), -1, dtype=np.int32)
            compiled(enter_nodes)(self.op, self.start, self.operands, self.payload, 0, int(self.at[NODES]), self.slots)

    def _follow(self) -> None:
        """Take over the nodes that the other part of the lowering made since."""
        graph, at = self.whole.graph, self.at
        known, used, count, edges = int(at[NODES]), int(at[USED]), len(graph), len(graph.operands)
        if count == known:
            return
        self._make_room(max(count - known, edges - used))
        op, payload, start = columns_of(graph.op, graph.payload, graph.start)
        self.op[known:count], self.payload[known:count] = op[known:], payload[known:]
        self.start[known + 1 : count + 1] = start[known + 1 :]
        self.operands[used:edges] = graph.operands[used:]
        compiled(enter_nodes)(self.op, self.start, self.operands, self.payload, known, count, self.slots)
        for node in (np.flatnonzero(op[known:] == CONSTANT) + known).tolist():
            number = graph.payload[node]
            key = self.literals.key_of(graph.constants[number], graph.exact.get(number))
            if key >= 0 and not graph.is_own_constant(node):
                self.key_nodes[key] = node
        at[NODES], at[USED] = count, edges

    # ---- writing back ------------------------------------------------------------------------------------------

    def _write(self, first: int, first_number: int) -> None:
        """Give the graph what a stretch made."""
        whole, graph, count = self.whole, self.whole.graph, int(self.at[NODES])
        if count > first:
            self._write_constants(first_number)
            places = np.empty((2, count - first), dtype=np.int32)
            compiled(place_nodes)(self.row[first:count], *columns_of(whole.table.start, whole.table.end), places)
            graph.spans.extend(first, *places.view(np.uint8))  # type: ignore[attr-defined]  # a SpanTable now
            extend(graph.op, self.op[first:count])
            extend(graph.payload, self.payload[first:count])
            extend(graph.operands, self.operands[self.start[first] : self.start[count]])
            extend(graph.start, self.start[first + 1 : count + 1])
            graph.shape.frombytes(bytes(graph.shape.itemsize * (count - first)))
            graph.intern.learn(graph, first)
        words, nodes, new = self.named[:, : self.at[NAMED]].copy()
        inputs = self.words.texts(words[new == 1])
        graph.enter_inputs(inputs)
        whole.program.inputs.extend(inputs)
        whole.inputs.update(inputs)
        graph.names = late(graph.names)
        graph.names.later(lambda: zip(self.words.texts(words), nodes.tolist(), strict=True))

    def _write_constants(self, first: int) -> None:
        """The numbers of a stretch; those of its own are written as ~key."""
        keys = self.new_keys[first : self.at[NUMBERS]]
        own = keys < 0
        keys = np.where(own, ~keys, keys)
        literals = self.literals
        places = literals.with_text(keys)
        exact = keys[places]
        enter_constants(self.whole.graph, literals.values[keys], (places, lambda: literals.texts(exact)), own)


def place_nodes(row_of: Any, start: Any, end: Any, places: Any) -> None:
    """Write where the rows stand in the text, -1 for no row."""
    for node in range(len(row_of)):
        row = row_of[node]
        places[0, node] = start[row] if row >= 0 else -1
        places[1, node] = end[row] if row >= 0 else -1


def enter_nodes(op: Any, start: Any, operands: Any, payload: Any, first: int, end: int, slots: Any) -> None:
    """Enter nodes that are an operation on operands alone into the hash table, as `lower_rows` does."""
    mask = len(slots) - 1
    for node in range(first, end):
        edge, size = start[node], start[node + 1] - start[node]
        if size == 0 or payload[node] >= 0:
            continue
        left, right = int(operands[edge]), int(operands[edge + 1 if size > 1 else edge])
        slot = (left if left > right else right) * NEAR & mask
        tried = 0
        while slots[slot] >= 0:
            slot = (slot + 1) & mask
            tried += 1
            if tried == NEAR:
                hashed = left * MULTIPLIER + right * SECOND_MULTIPLIER + int(op[node]) * THIRD_MULTIPLIER
                for each in range(2, size):
                    hashed = (hashed & MASK ^ int(operands[edge + each])) * MULTIPLIER
                slot = (hashed >> SHIFT ^ hashed) & mask
        slots[slot] = node


def lower_rows(at: Any, rows: Rows, treatment: Treatment, words: Meanings, made: Made, stack: Any, named: Any) -> int:
    """Lower statements until one is not plain, or Python has to make room or to say what a call means.

    Of operations it may know the codes of leaves alone, which never change (see `cgcli.ops`): numba keeps its code.
    """
    statements, rule, count, first, word_of = rows.statements, rows.rule, rows.count, rows.first, rows.word_of
    treated_as, code_of, arity_of = treatment.what, treatment.code, treatment.arity
    marks, values, key_of, key_nodes = words.marks, words.values, words.key_of, words.key_nodes
    first_call, calls = words.first_call, words.calls
    op, payload, row_of, start, operands = made.op, made.payload, made.row_of, made.start, made.operands
    new_keys, slots = made.new_keys, made.slots
    mask = len(slots) - 1
    nodes, used, numbers, inputs, given = at[NODES], at[USED], at[NUMBERS], at[INPUTS], at[NAMED]

    def call_of(place: int) -> int:
        """The number of the call in a row; -1 where nobody has said yet what it means."""
        call = first_call[word_of[first[place]]]
        while call >= 0 and calls[1, call] != count[place] - 1:
            call = calls[0, call]
        return int(call)

    def reason_to_stop(body: int, row: int) -> int:
        """Why the rows of a statement are not for this loop, or FINISHED."""
        for place in range(body, row):
            what = treated_as[rule[place]]
            if what < CALLEE:
                continue
            if what == OTHER or (what == CALLEE and marks[word_of[place]] & NO_FUNCTION):
                return NOT_PLAIN
            if what == CALL:
                call = call_of(place)
                if call < 0:
                    at[ROW] = place
                    return UNRESOLVED
                if calls[2, call] < 0:
                    return NOT_PLAIN
        return FINISHED

    def slot_of(applied: int, size: int, left: int, right: int, base: int) -> int:
        """Where the node is in the hash table that is this operation on these operands; an empty slot if nowhere.

        The operands beyond the second stand on the stack.
        """
        slot = (left if left > right else right) * NEAR & mask
        tried = 0
        while slots[slot] >= 0:
            other = slots[slot]
            edge = start[other]
            if op[other] == applied and operands[edge] == left and (size == 1 or operands[edge + 1] == right):
                same = True  # and so is the number of operands, which goes with a plain operation
                for each in range(2, size):
                    same = same and operands[edge + each] == stack[base + each]
                if same:
                    break
            slot = (slot + 1) & mask
            tried += 1
            if tried == NEAR:
                hashed = left * MULTIPLIER + right * SECOND_MULTIPLIER + applied * THIRD_MULTIPLIER
                for each in range(2, size):
                    hashed = (hashed & MASK ^ int(stack[base + each])) * MULTIPLIER
                slot = (hashed >> SHIFT ^ hashed) & mask
        return slot

    status = FINISHED
    statement = at[STATEMENT]
    while statement < len(statements):
        row = statements[statement]
        body, name = first[row], -1
        if rule[row] == ASSIGN:
            body = first[row - 1]
            if rule[body - 1] != NAME:  # a function: nothing is lowered until it is called
                statement += 1
                continue
            name = word_of[body - 1]
        if (rule[row] != ASSIGN and rule[row] != EXPRESSION) or (name >= 0 and marks[name] & BOUND):
            status = NOT_PLAIN
            break
        room = row - body + 2
        if (
            nodes + room >= len(op) or used + 3 * room > len(operands) or 2 * (nodes + room) > len(slots)
            or room > len(stack)
        ):  # fmt: skip
            status = NO_ROOM
            at[NEEDED] = room
            break
        status = reason_to_stop(body, row)
        if status != FINISHED:
            break
        own = name >= 0 and body == row - 1 and rule[body] == NUMBER
        height = 0
        for place in range(body, row):
            what = treated_as[rule[place]]
            if what == LEAF:
                word = word_of[place]
                if rule[place] == NAME and values[word] >= 0:
                    stack[height] = values[word]
                    height += 1
                    continue
                key = key_of[word]
                node = NO_VALUE
                if rule[place] == NAME:
                    node = values[word]
                    if node == NOT_A_SCALAR or (node == NO_VALUE and marks[word] & OPAQUE):
                        status = NOT_PLAIN
                        break
                if node < 0 and key >= 0 and not own:
                    node = key_nodes[key]
                if node < 0:
                    node = nodes
                    row_of[node] = place
                    if key >= 0:
                        op[node] = treatment.constant
                        payload[node] = numbers
                        new_keys[numbers] = ~key if own else key
                        numbers += 1
                        if not own:
                            key_nodes[key] = node
                        if rule[place] == NAME:
                            row_of[node] = -1
                    else:
                        op[node] = treatment.variable
                        payload[node] = inputs
                        inputs += 1
                        values[word] = node
                        named[0, given], named[1, given], named[2, given] = word, node, 1
                        given += 1
                    nodes += 1
                    start[nodes] = used
                stack[height] = node
                height += 1
                continue
            if what == SIGN:
                stack[height] = code_of[rule[place]]
                height += 1
                continue
            if what in (SKIP, CALLEE):
                continue
            code = code_of[rule[place]]
            arity = arity_of[rule[place]]
            steps = 1
            folded = False
            if what == CALL:
                arity = count[place] - 1
                call = call_of(place)
                code = calls[2, call]
                folded = calls[3, call] != 0
            elif what == COMPARE:
                arity = count[place]
            base = height - arity
            pairs = 0
            if folded:
                steps = arity - 1
            elif what == COMPARE:
                pairs = arity // 2
                steps = 2 * pairs - 1
            node = -1
            for step in range(steps):
                size = 2
                applied = code
                left, right = stack[base], stack[base + arity - 1]
                if step < pairs:
                    left, right = stack[base + 2 * step], stack[base + 2 * step + 2]
                    applied = stack[base + 2 * step + 1]
                elif what == COMPARE:
                    left, right = stack[base + 1], stack[base + 2 * (step - pairs) + 3]
                elif folded:
                    right = stack[base + step + 1]
                else:
                    size = arity
                    if what == CONDITIONAL:
                        left, right = stack[base + 1], left
                    elif size > 2:
                        right = stack[base + 1]
                slot = slot_of(int(applied), size, int(left), int(right), base)
                node = slots[slot]
                if node < 0:
                    node = nodes
                    slots[slot] = node
                    op[node] = applied
                    payload[node] = NO_PAYLOAD
                    row_of[node] = place
                    operands[used] = left
                    if size > 1:
                        operands[used + 1] = right
                    for each in range(2, size):
                        operands[used + each] = stack[base + each]
                    used += size
                    nodes += 1
                    start[nodes] = used
                if step < pairs:
                    stack[base + 2 * step + 1] = node
                elif what == COMPARE:
                    stack[base + 1] = node
                else:
                    stack[base] = node
            stack[base] = stack[base + 1] if what == COMPARE else node
            height = base + 1
        if status != FINISHED:
            break
        if name >= 0:
            values[name] = stack[0]
            named[0, given], named[1, given], named[2, given] = name, stack[0], 0
            given += 1
        at[RESULT], at[RESULT_STATEMENT] = stack[0], statement
        statement += 1
    at[STATEMENT], at[NODES], at[USED], at[NUMBERS] = statement, nodes, used, numbers
    at[INPUTS], at[NAMED] = inputs, given
    return status
