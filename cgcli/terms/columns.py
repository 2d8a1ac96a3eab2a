"""Terms of many rows as columns: what a reader of texts, lists and objects makes, and all that a schedule needs.

    terms = Columns()
    k = terms.number(3.0)                       a node: a number, which varies from row to row
    word = terms.node(call("word"), [k])        a node: a call of a function of the formula
    terms.end_row(word)                         the row is done; its value is that of this node
    terms.done()                                the same as arrays

A node is made after its operands, so positions are an order of evaluation. What is shared within a row (an object met
twice, a name of a definition, equal calls) should be one node: it is computed once. Nodes are never shared by rows.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Place = tuple[str | None, tuple[int, int] | None]

NUMBER, CALL, OPERATION, NAME, PART = "number", "call", "operation", "name", "part"
"""Kinds of symbols."""


class Symbol(NamedTuple):
    """What a node is.

    kind: NUMBER, a number of its own; CALL, a call of the formula's function `name`; OPERATION, a row of the table of
    operations by its canonical name (`add`, `tanh`, `stack` for a list, `index`), with its static arguments; NAME, a
    value that all rows share, or a column, by its name in the formula (`param`, input, definition); PART, one of the
    results of a call that has several, its number from 0 in `static`, perhaps with how many there have to be.
    """

    kind: str
    name: str = ""
    static: tuple[Any, ...] = ()


THE_NUMBER = Symbol(NUMBER)


def call(name: str) -> Symbol:
    """The symbol of a call of a function of the formula."""
    return Symbol(CALL, name)


def operation(name: str, *static: Any) -> Symbol:
    """The symbol of an operation of the table; static: its static arguments, hashable."""
    return Symbol(OPERATION, name, static)


@dataclass(frozen=True)
class Terms:
    """Terms of many rows, one after the other.

    symbols: the kinds of nodes that occur, each once. symbol: int32 by node, a place in `symbols`. numbers: float64 by
    node, the value of a NUMBER, elsewhere 0. first: int64 of one more than the nodes; the operands of node i are
    `operands[first[i]:first[i + 1]]`, int32 positions of nodes, all smaller than i and of the same row. begins: int64
    of one more than the rows, where the nodes of each row begin. roots: int64 by row, the node that is its value.
    place: from a node to where it was written: the text (None where there is none, for an object or a list) and the
    span there, for messages; perhaps read again for that. row_numbers: int64 by row, its number in the data, from 1,
    where that is not its own; for messages.
    """

    symbols: tuple[Symbol, ...]
    symbol: Any
    numbers: Any
    first: Any
    operands: Any
    begins: Any
    roots: Any
    place: Callable[[int], Place] = lambda node: (None, None)
    row_numbers: Any = None

    @property
    def rows(self) -> int:
        """How many terms there are."""
        return len(self.roots)

    def __len__(self) -> int:
        """How many nodes there are."""
        return len(self.symbol)

    def row_of(self, node: int) -> int:
        """The row of a node, from 0."""
        return int(np.searchsorted(self.begins, node, side="right")) - 1

    def row_number(self, node: int) -> int | None:
        """The number of the row of a node in the data, for a message; None for a single term, which has no row."""
        row = self.row_of(node)
        if self.row_numbers is not None:
            return int(self.row_numbers[row])
        return row + 1 if self.rows > 1 else None

    def part(self, begin: int, end: int) -> Terms:
        """The rows from `begin` up to but without `end`."""
        first_node, last_node = int(self.begins[begin]), int(self.begins[end])
        first, last = int(self.first[first_node]), int(self.first[last_node])
        nodes = slice(first_node, last_node)
        return Terms(
            self.symbols, self.symbol[nodes], self.numbers[nodes], self.first[first_node : last_node + 1] - first,
            self.operands[first:last] - np.int32(first_node), self.begins[begin : end + 1] - first_node,
            self.roots[begin:end] - first_node, lambda node: self.place(node + first_node),
            np.arange(begin + 1, end + 1) if self.row_numbers is None else self.row_numbers[begin:end],
        )  # fmt: skip


def where(column: str, number: int | None) -> str:
    """What a message calls a term: by the name of what holds it, and the number of its row where there are several."""
    name = f"`{column}`" if column else "the terms"
    return name if number is None else f"row {number:,} of {name}"


class Columns:
    """Terms under way, node by node."""

    def __init__(self) -> None:
        self._symbols: dict[Symbol, int] = {THE_NUMBER: 0}
        self._symbol, self._numbers = array("i"), array("d")
        self._first, self._operands = array("q", [0]), array("i")
        self._begins, self._roots = array("q", [0]), array("q")

    def __len__(self) -> int:
        """How many nodes there are so far: the position of the next one."""
        return len(self._symbol)

    def number(self, value: float) -> int:
        """A number; its position."""
        self._symbol.append(0)
        self._numbers.append(value)
        self._first.append(len(self._operands))
        return len(self._symbol) - 1

    def node(self, symbol: Symbol, operands: Sequence[int]) -> int:
        """Any other node on operands of the same row; its position."""
        self._symbol.append(self._symbols.setdefault(symbol, len(self._symbols)))
        self._numbers.append(0.0)
        self._operands.extend(operands)
        self._first.append(len(self._operands))
        return len(self._symbol) - 1

    def end_row(self, root: int) -> None:
        """The row is done. root: the node that is its value."""
        self._roots.append(root)
        self._begins.append(len(self._symbol))

    def done(self, place: Callable[[int], Place] | None = None) -> Terms:
        """All rows so far as arrays; nothing may be added any more. place: see `Terms`."""
        symbol, numbers, first, operands, begins, roots = (
            np.frombuffer(column, dtype=column.typecode) if len(column) else np.empty(0, dtype=column.typecode)
            for column in (self._symbol, self._numbers, self._first, self._operands, self._begins, self._roots)
        )  # fmt: skip
        return Terms(
            tuple(self._symbols), symbol, numbers, first, operands, begins, roots, place or (lambda node: (None, None))
        )
