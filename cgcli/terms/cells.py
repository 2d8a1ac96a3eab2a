"""What each node of terms is: its cell (a call on operands of certain types) and the type of its value.

Types and cells are numbers. They are found for all nodes by one compiled loop, which stops where it meets a call on
types that it has not met yet; then the body is made, once, and the loop goes on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cgcli.errors import CgError, ShapeError, UsageError, did_you_mean
from cgcli.graph.bodies import Body
from cgcli.graph.shapes import size
from cgcli.graph.store import Graph
from cgcli.graph.walk import descendants
from cgcli.loops import MULTIPLIER
from cgcli.ops import REGISTRY, shaping
from cgcli.terms.columns import CALL, NAME, NUMBER, PART, Terms
from cgcli.terms.meaning import row_error
from cgcli.terms.schedule import NO_CELL, loop_for
from cgcli.terms.sharing import MASK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cgcli.errors import DataError
    from cgcli.language.bodies import Functions
    from cgcli.terms.columns import Symbol

    Shape = tuple[int, ...]

NUMBERS = 0
"""The type of numbers."""

UNMET = -2
"""The cell of a state at which no call was met yet."""


class Cell:
    """A call of a function, or an operation, on operands of certain types.

    body: its graph; the first operands are values of nodes of the term (`reads`: the place among the operands of a
    node, the type of that operand, and which of its values); behind them come names that have a value in each row,
    `by_row`, and at last those that all share, `outside`. kind: the type of its value. widest: elements of the largest
    value that it computes.
    """

    __slots__ = ("body", "by_row", "kind", "name", "outside", "reads", "widest")

    def __init__(self, name: str, body: Body, reads: Sequence[tuple[int, int, int]]) -> None:
        self.name = name
        self.body = body
        self.reads = tuple(reads)
        self.by_row: tuple[str, ...] = ()
        self.outside: tuple[str, ...] = ()
        self.kind = NUMBERS
        varies = descendants(body.graph, body.operands[: len(reads)])
        self.widest = max([1, *(size(body.graph.shape_of(node)) for node in range(len(varies)) if varies[node])])


class Cells:
    """The cells and types of a formula for values of certain shapes; they become more as terms are met.

    parts: the shapes of the values of each type; several: whether these are side by side, as a function returns them.
    cells: all cells, by number.
    """

    def __init__(self, functions: Functions) -> None:
        self.functions = functions
        self.by_row = functions.varies() | {*functions.columns}
        self.cells: list[Cell] = []
        self.parts: list[tuple[Shape, ...]] = [((),)]
        self.several: list[bool] = [False]
        self._types: dict[Any, int] = {(False, ((),)): NUMBERS}
        self._shared: dict[int, str] = {}
        self._states: dict[tuple[int, int], int] = {}
        self._symbols: dict[Symbol, int] = {}
        self._found: dict[int, tuple[int, int]] = {}
        self._keys, self._next = np.zeros(64, dtype=np.int64) - 1, np.zeros(64, dtype=np.int64)
        self._cell_of, self._type_of = np.full(64, UNMET, dtype=np.int32), np.zeros(64, dtype=np.int32)

    # ---- all nodes -------------------------------------------------------------------------------------------------

    def of(self, terms: Terms, column: str = "") -> tuple[Any, Any]:
        """The cell and the type of each node, int32. column: the name of what holds the terms, for messages.

        DataError for a call on operands that do not fit, with its row and its place.
        """
        start = np.array([self._state_of(symbol) for symbol in terms.symbols], dtype=np.int64)
        cell, kind = np.empty(len(terms), dtype=np.int32), np.empty(len(terms), dtype=np.int32)
        walk, node = loop_for(len(terms))(_types), 0
        while True:
            node = walk(terms.symbol, terms.first, terms.operands, start, self._keys, self._next, self._cell_of,
                        self._type_of, cell, kind, node)  # fmt: skip
            if node == len(terms):
                return cell, kind
            self._learn(terms, node, kind, column)

    def _state_of(self, symbol: Symbol) -> int:
        """The first state of a symbol; the number of a state says what was read of a call so far."""
        if symbol not in self._symbols:
            self._symbols[symbol] = self._new_state()
        return self._symbols[symbol]

    def _new_state(self) -> int:
        """One more state, of which nothing is known."""
        state = len(self._states) + len(self._symbols)
        if state >= len(self._cell_of):
            self._cell_of = np.concatenate((self._cell_of, np.full(state, UNMET, dtype=np.int32)))
            self._type_of = np.concatenate((self._type_of, np.zeros(state, dtype=np.int32)))
        return state

    def _learn(self, terms: Terms, node: int, kind: Any, column: str) -> None:
        """Make known what the node is: the way of its operands' types through the states, and its cell."""
        symbol = terms.symbols[terms.symbol[node]]
        types = tuple(int(kind[operand]) for operand in terms.operands[terms.first[node] : terms.first[node + 1]])
        state = self._state_of(symbol)
        for each in types:
            if (state, each) not in self._states:
                new = self._new_state()
                self._states[state, each] = new
                self._enter(state << 24 | each, new)
            state = self._states[state, each]
        if self._cell_of[state] != UNMET:
            return
        try:
            self._cell_of[state], self._type_of[state] = self._resolved(symbol, types)
        except CgError as error:
            raise placed(error, terms, node, column) from error

    def _enter(self, key: int, value: int) -> None:
        """Put a step between states into the hash table, which is at most half full."""
        if 2 * len(self._states) >= len(self._keys):
            old = [
                (key, value) for key, value in zip(self._keys.tolist(), self._next.tolist(), strict=True) if key >= 0
            ]
            self._keys, self._next = np.full(4 * len(self._keys), -1), np.zeros(4 * len(self._keys), dtype=np.int64)
            for pair in old:
                _put(*pair, self._keys, self._next)
        _put(key, value, self._keys, self._next)

    # ---- one kind of node ------------------------------------------------------------------------------------------

    def _type(self, key: Any, parts: tuple[Shape, ...], *, several: bool = False) -> int:
        """The number of a type."""
        if key not in self._types:
            self._types[key] = len(self.parts)
            self.parts.append(parts)
            self.several.append(several)
        return self._types[key]

    def _resolved(self, symbol: Symbol, types: tuple[int, ...]) -> tuple[int, int]:
        """The cell and the type of a symbol on operands of types."""
        if symbol.kind == NUMBER:
            return NO_CELL, NUMBERS
        if symbol.kind == NAME:
            node = self.functions.node_of(symbol.name)
            if node is None:
                known = self.functions.nodes
                raise UsageError(f"unknown name `{symbol.name}`", hint=did_you_mean(symbol.name, known) or None)
            kind = self._type(("name", symbol.name), (self.functions.graph.shape_of(node),))
            self._shared[kind] = symbol.name
            return NO_CELL, kind
        body, outside, several = self._call(symbol, types) if symbol.kind == CALL else self._operation(symbol, types)
        made = self._cell(symbol.name, body, outside, types)
        made.kind = self._type((several, body.result_shapes), body.result_shapes, several=several)
        self.cells.append(made)
        return len(self.cells) - 1, made.kind

    def shared(self, kind: int) -> str | None:
        """The name whose value all nodes of a type are; None where each has its own."""
        return self._shared.get(kind)

    def _call(self, symbol: Symbol, types: tuple[int, ...]) -> tuple[Body, Sequence[str], bool]:
        names = self.functions.names.functions
        if symbol.name not in names:
            hint = did_you_mean(symbol.name, names) or f"the formula has {', '.join(names) or 'no function'}"
            raise UsageError(f"unknown function `{symbol.name}`", hint=hint)
        body = self.functions.body(
            symbol.name, [self.parts[each] for each in types], [self.several[each] for each in types]
        )
        self.by_row |= self.functions.varies()  # a body may take items of a list, which had no names before
        return body, body.outside, body.several

    def _operation(self, symbol: Symbol, types: tuple[int, ...]) -> tuple[Body, Sequence[str], bool]:
        graph = Graph()
        operands = [graph.input(f"argument {place}.{part}", shape, hidden=True)
                    for place, each in enumerate(types) for part, shape in enumerate(self.parts[each])]  # fmt: skip
        if symbol.kind == PART:
            return self._part(symbol, types[0], graph, operands), (), False
        for each in types:
            if self.several[each]:
                count = len(self.parts[each])
                raise ShapeError(
                    f"these are {count} values side by side, and `{symbol.name}` takes one",
                    hint="hand them to a function that takes them apart: a, b = x",
                )
        result = graph.apply(REGISTRY.by_name[symbol.name], operands, symbol.static)
        return Body(symbol.name, graph, operands, [result]), (), False

    def _part(self, symbol: Symbol, kind: int, graph: Graph, operands: list[int]) -> Body:
        """One of the values that stand side by side, or an item of an array along its first axis."""
        part, wanted = symbol.static[0], symbol.static[-1] if len(symbol.static) > 1 else symbol.static[0] + 1
        shape = self.parts[kind][0] if not self.several[kind] else ()
        count = len(operands) if self.several[kind] else shape[0] if shape else 1
        if count < wanted or (len(symbol.static) > 1 and count != wanted) or (count == 1 and not shape):
            there = f"{'is' if count == 1 else 'are'} {count}"
            raise ShapeError(
                f"{wanted} names take a value each, but there {there}",
                hint="write as many names as there are values, `_` for one that is not needed",
            )
        found = operands[part] if self.several[kind] else graph.apply(shaping.index, operands, [(part,)])
        return Body(f"value {part + 1}", graph, operands, [found])

    def _cell(self, name: str, body: Body, outside: Sequence[str], types: tuple[int, ...]) -> Cell:
        """A cell whose first operands differ from node to node: arguments that are names stand behind them."""
        reads = [(place, each, part) for place, each in enumerate(types) for part in range(len(self.parts[each]))]
        names = [*(self.shared(each) for _, each, _ in reads), *outside]
        own = [place for place in range(len(reads)) if names[place] is None]
        by_row = [place for place, each in enumerate(names) if each in self.by_row]
        fixed = [place for place in range(len(names)) if place not in own and place not in by_row]
        order = [*own, *by_row, *fixed]
        moved = Body(name, body.graph, [body.operands[place] for place in order], body.results)
        found = Cell(name, moved, [reads[place] for place in own])
        found.by_row = tuple(names[place] or "" for place in by_row)
        found.outside = tuple(names[place] or "" for place in fixed)
        return found


def placed(error: CgError, terms: Terms, node: int, column: str) -> DataError:
    """An error about a node, with its row and where it stands in its term."""
    text, span = terms.place(node)
    return row_error(error.message, column, terms.row_number(node), text, span, error.hint)


def _put(key: int, value: int, keys: Any, values: Any) -> None:
    slot = _hashed(key) & (len(keys) - 1)
    while keys[slot] >= 0:
        slot = (slot + 1) & (len(keys) - 1)
    keys[slot] = key
    values[slot] = value


def _hashed(key: int) -> int:
    """See `loops.MULTIPLIER`."""
    hashed = ((key >> 32) ^ key & 0xFFFFFFFF) * MULTIPLIER & MASK
    return hashed ^ hashed >> 15


def _types(
    symbol: Any, first: Any, operands: Any, start: Any, keys: Any, following: Any, cell_of: Any, type_of: Any,
    cell: Any, kind: Any, node: int,
) -> int:  # fmt: skip
    """Walk nodes from `node` on; returns the first one of which nothing is known yet, or how many there are."""
    mask = len(keys) - 1
    while node < len(symbol):
        state = start[symbol[node]]
        for place in range(first[node], first[node + 1]):
            key = state << 24 | kind[operands[place]]
            hashed = ((key >> 32) ^ key & 0xFFFFFFFF) * MULTIPLIER & MASK
            slot = (hashed ^ hashed >> 15) & mask
            while keys[slot] >= 0 and keys[slot] != key:
                slot = (slot + 1) & mask
            if keys[slot] < 0:
                return node
            state = following[slot]
        if cell_of[state] == UNMET:
            return node
        cell[node] = cell_of[state]
        kind[node] = type_of[state]
        node += 1
    return node
