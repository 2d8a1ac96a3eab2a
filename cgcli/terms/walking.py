"""From the syntax table of terms to their nodes: one loop for the texts of all rows, compiled where there are many.

The loop knows numbers, names, calls, operators and lists, which is what large data consist of. What else there is, and
every name and call that it meets for the first time, it stops at; `texts` does that step or says what it means, and the
loop goes on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cgcli.language import syntax

if TYPE_CHECKING:
    from typing import Any

STATEMENT, PLACE, HEIGHT, NODES, USED, ROW, VALUE = range(7)
"""What stands where in `at`: the statement under way, the next row of it (-1: it has not begun), values on the stack,
nodes and operands so far, the row of data, and the value of the last statement."""

DONE, NO_ROOM, UNKNOWN_NAME, UNKNOWN_CALL, OTHER, BEGINS, ENDS = range(7)
"""Why the loop stopped: a name or a call is new; the row at PLACE, or the statement, is not for the loop."""

SKIPPED, LITERAL, NAMED, OPERATOR, SIGNED, INDEXED, CALLED, LISTED, OTHERWISE = range(9)
"""What the loop does with a row of the syntax table."""

UNKNOWN, BY_HAND = -1, -2
"""Of a name or a call: nothing is known of it yet; it is not for the loop."""

THE_NUMBER = 0
"""The symbol of numbers."""

EXPRESSION, ASSIGN, NAME = syntax.EXPRESSION, syntax.ASSIGN, syntax.NAME


class Table(NamedTuple):
    """The syntax table: its columns, the word of each row, the statements, and the row of data of each statement."""

    rule: Any
    count: Any
    first: Any
    word: Any
    statements: Any
    rows: Any


class Meanings(NamedTuple):
    """What the loop does with each rule, and the symbol of its operator; by word its number, its symbol as a name, its
    first call, and its value under a definition of the row that `stamp` says; calls: the next call of the same word,
    the number of arguments and the symbol of each."""

    treated: Any
    symbol: Any
    number: Any
    name: Any
    call: Any
    local: Any
    stamp: Any
    calls: Any


class Nodes(NamedTuple):
    """The nodes: symbol, number, first operand and, of the syntax table, the row that each was made for; operands; by
    row of data where its nodes begin, and its root."""

    symbol: Any
    number: Any
    first: Any
    written: Any
    operands: Any
    begins: Any
    roots: Any


def walk(at: Any, table: Table, meanings: Meanings, nodes: Nodes, stack: Any, listed: int) -> int:
    """Walk on until everything is done or something is not for the loop; returns why it stopped. listed: of lists."""
    rule, count, first, word_of, statements, rows = table
    treated, symbol_of, number_of, name_of, call_of, local, stamp, calls = meanings
    symbol, number, first_operand, written, operands, begins, roots = nodes
    statement, place, height, made, used, row, value = at[0], at[1], at[2], at[3], at[4], at[5], at[6]
    status = DONE
    while statement < len(statements):
        end = statements[statement]
        body = first[end - 1]
        if place < 0:
            while row < rows[statement]:  # the rows before are done
                if row >= 0:
                    roots[row] = value
                row += 1
                begins[row] = made
            if rule[end] != EXPRESSION and (rule[end] != ASSIGN or rule[body - 1] != NAME):
                status = BEGINS
                break
            place = body
            height = 0
        while place < end:
            what = treated[rule[place]]
            if what == SKIPPED:
                place += 1
                continue
            if made + 1 >= len(symbol) or used + count[place] + 2 >= len(operands) or height + 1 >= len(stack):
                status = NO_ROOM
                break
            word = word_of[place]
            taken, kind = 0, THE_NUMBER
            if what == NAMED:
                if stamp[word] == row:
                    stack[height] = local[word]
                    height += 1
                    place += 1
                    continue
                kind = name_of[word]
                if kind < 0:
                    status = UNKNOWN_NAME if kind == UNKNOWN else OTHER
                    break
            elif what == OPERATOR or (what == INDEXED and count[place] == 2):
                kind = symbol_of[rule[place]]
                taken = count[place]
            elif what == SIGNED:
                kind = symbol_of[rule[place]]
                taken = 1
                last = stack[height - 1]
                literal = treated[rule[place - 1]] != NAMED and last == made - 1
                if literal and symbol[last] == THE_NUMBER:  # `-3` is a number, not an operation on one
                    number[last] = -number[last]
                    written[last] = place
                    place += 1
                    continue
            elif what == CALLED:
                taken = count[place] - 1
                word = word_of[first[place]]
                which = call_of[word]
                while which >= 0 and calls[1, which] != taken:
                    which = calls[0, which]
                kind = calls[2, which] if which >= 0 else UNKNOWN
                if kind < 0:
                    status = UNKNOWN_CALL if kind == UNKNOWN else OTHER
                    break
            elif what == LISTED:
                kind = listed
                taken = count[place] - 1
            if what == OTHERWISE or (what == LISTED and taken == 0) or (what == INDEXED and taken == 0):
                status = OTHER
                break
            height -= taken
            for each in range(taken):
                if stack[height + each] < 0:  # a value that is no node
                    status = OTHER
                operands[used + each] = stack[height + each]
            if status != DONE:
                height += taken
                break
            used += taken
            symbol[made] = kind
            number[made] = number_of[word] if kind == THE_NUMBER else 0.0
            written[made] = place
            stack[height] = made
            height += 1
            made += 1
            first_operand[made] = used
            place += 1
        if status != DONE:
            break
        if rule[end] == ASSIGN:
            word = word_of[body - 1]
            if stamp[word] == row:
                status = ENDS
                break
            local[word] = stack[0]
            stamp[word] = row
        elif rule[end] != EXPRESSION:
            status = ENDS
            break
        value = stack[0]
        statement += 1
        place = -1
    if status == DONE:
        roots[row] = value
        begins[row + 1] = made
    at[0], at[1], at[2], at[3], at[4], at[5], at[6] = statement, place, height, made, used, row, value
    return status
