"""Terms as objects of Python: what calling a formula's functions gives, and nested tuples and lists.

pair, word = f.functions["pair"], f.functions["word"]
w = word(3)
pair(w, pair(w, word(5)))           what is the same object is computed once
("pair", ("word", 3), ("pair", ("word", 3), ("word", 5)))
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cgcli.errors import CgError, DataError, UsageError
from cgcli.loops import compiled, pays
from cgcli.ops import arithmetic, linear, positions, powers, shaping
from cgcli.terms import ordering
from cgcli.terms.columns import CALL, THE_NUMBER, Symbol, Terms, call, operation
from cgcli.terms.meaning import Known, apply_operation, numbers_of, row_error
from cgcli.terms.texts import read_texts
from cgcli.terms.written import laid_out, place_in, written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from cgcli.language.functions import Definition

ADD, SUB, MUL, DIV, NEG, POWER, MATMUL, TAKE, STACK = (
    operation(row.name) for row in (
        arithmetic.add, arithmetic.sub, arithmetic.mul, arithmetic.div, arithmetic.neg, powers.power, linear.matmul,
        positions.take, shaping.stack,
    )
)  # fmt: skip
COMPILED, LOADED, AT_HAND = 200_000, 20_000, 500
"""Nodes from which on the loop is machine code; see `loops.pays`."""

SIGNS = {"+": ADD, "-": SUB, "*": MUL, "/": DIV, "^": POWER, "**": POWER, "@": MATMUL}
"""What may stand for the name of an operation in front of two operands."""


class Term:
    """A call of a formula's function, or an operation, on terms and numbers; `f.functions[…]` makes it."""

    __slots__ = ("operands", "symbol")

    def __init__(self, symbol: Symbol, *operands: Any) -> None:
        self.symbol = symbol
        self.operands = operands

    def __repr__(self) -> str:
        return f"<term {self.symbol.name}({'…' if self.operands else ''})>"

    def __add__(self, other: Any) -> Term:
        return Term(ADD, self, other)

    def __radd__(self, other: Any) -> Term:
        return Term(ADD, other, self)

    def __sub__(self, other: Any) -> Term:
        return Term(SUB, self, other)

    def __rsub__(self, other: Any) -> Term:
        return Term(SUB, other, self)

    def __mul__(self, other: Any) -> Term:
        return Term(MUL, self, other)

    def __rmul__(self, other: Any) -> Term:
        return Term(MUL, other, self)

    def __truediv__(self, other: Any) -> Term:
        return Term(DIV, self, other)

    def __rtruediv__(self, other: Any) -> Term:
        return Term(DIV, other, self)

    def __pow__(self, other: Any) -> Term:
        return Term(POWER, self, other)

    def __rpow__(self, other: Any) -> Term:
        return Term(POWER, other, self)

    def __matmul__(self, other: Any) -> Term:
        return Term(MATMUL, self, other)

    def __rmatmul__(self, other: Any) -> Term:
        return Term(MATMUL, other, self)

    def __neg__(self) -> Term:
        return Term(NEG, self)

    def __getitem__(self, position: Any) -> Term:
        if not isinstance(position, (int, Term)):
            raise UsageError("an index of a term is a whole number", hint="term[0]")
        return Term(TAKE, self, position)

    __iter__ = None
    """Nobody knows how many items it has."""


class Functions(Mapping[str, "Callable[..., Term]"]):
    """The functions of a formula, by name; calling one makes a term."""

    def __init__(self, definitions: Mapping[str, Definition]) -> None:
        self._definitions = definitions

    def __getitem__(self, name: str) -> Callable[..., Term]:
        definition = self._definitions.get(name)
        if definition is None:
            raise KeyError(f"the formula has no function {name!r}; it has {', '.join(self._definitions) or 'none'}")
        expected, symbol = len(definition.parameters), call(name)

        def made(*operands: Any) -> Term:
            if len(operands) != expected:
                raise UsageError(
                    f"`{name}` takes {expected} argument{'' if expected == 1 else 's'}, "
                    f"here {'is' if len(operands) == 1 else 'are'} {len(operands)}",
                    hint=f"it is defined as {name}({', '.join(definition.parameters)})",
                )
            return Term(symbol, *operands)

        made.__name__ = made.__qualname__ = name
        made.__doc__ = f"The term {name}({', '.join(definition.parameters)})."
        return made

    def __iter__(self) -> Iterator[str]:
        return iter(self._definitions)

    def __len__(self) -> int:
        return len(self._definitions)


def read_objects(values: Sequence[Any], known: Known, column: str, numbers: Any = None) -> Terms:
    """The terms of objects, tuples and lists, a row each. DataError for a wrong one, with its row and a hint.

    numbers: of the rows, where they are not 1, 2, ….
    """
    return Reading(known, column, values, numbers).terms()


class Reading:
    """Objects under way to their nodes.

    Each object is met once, and numbered then; a loop puts operands before what they are operands of.
    """

    def __init__(self, known: Known, column: str, values: Sequence[Any], numbers: Any) -> None:
        self.known = known
        self.column = column
        self.values = values
        self.number_of_row = numbers_of(numbers, len(values))
        self.items: list[Any] = []
        self.symbols: dict[Symbol, int] = {THE_NUMBER: 0}
        self.calls: dict[tuple[str, int], int | None] = {}
        self.symbol, self.numbers = array("i"), array("d")
        self.first, self.operands, self.begins = array("q", [0]), array("i"), array("q", [0])

    def terms(self) -> Terms:
        """All nodes."""
        for row, value in enumerate(self.values):
            try:
                self._meet(self._from_text(value, row) if isinstance(value, str) else value)
            except DataError:  # of a text, which has its place
                raise
            except CgError as error:
                raise self._error(error, row, self.items[len(self.symbol)]) from None
            self.begins.append(len(self.items))
        return self._ordered()

    def _meet(self, value: Any) -> None:
        """Number a term and all its parts, and enter what each is; nothing recurses, however deep it is."""
        items, operands = self.items, self.operands
        known = {id(value): len(items)}
        place = len(items)
        items.append(value)
        while place < len(items):
            item = items[place]
            kind = type(item)
            if kind is float or kind is int:
                parts: Sequence[Any] = ()
                self.symbol.append(0)
                self.numbers.append(item)
            elif kind is not Term and kind is not tuple and kind is not list:
                items[place] = self._meant(item)
                continue
            else:
                symbol, parts = self._symbol_of(item)
                if symbol is None:  # an operation whose operands are to be looked at; it is made of others
                    items[place] = apply_operation(item[0], parts, self)
                    continue
                self.symbol.append(symbol)
                self.numbers.append(0.0)
            for part in parts:
                number = known.setdefault(id(part), len(items))
                if number == len(items):
                    items.append(part)
                operands.append(number)
            self.first.append(len(operands))
            place += 1

    def _symbol_of(self, item: Any) -> tuple[int | None, Sequence[Any]]:
        """The number of an object's symbol, and its operands."""
        if type(item) is Term:
            symbol, parts = item.symbol, item.operands
            return (self._call(symbol.name, len(parts)) if symbol.kind == CALL else self._number(symbol)), parts
        if not item:
            raise UsageError("an empty list has no value", hint='a call is ("name", operand, …)')
        name = item[0]
        if type(name) is not str:
            return self._number(STACK), item
        parts = item[1:]
        found = self.calls.get((name, len(parts)))
        if found is not None:
            return found, parts
        if name in SIGNS and len(parts) == 2:
            return self._number(SIGNS[name]), parts
        if name == "-" and len(parts) == 1:
            return self._number(NEG), parts
        return self._call(name, len(parts)), parts

    def _call(self, name: str, count: int) -> int | None:
        """The number of the symbol of a call, of which `Known.call` is asked once; None as there."""
        key = name, count
        if key not in self.calls:
            symbol = self.known.call(name, count)
            self.calls[key] = None if symbol is None else self._number(symbol)
        return self.calls[key]

    def _number(self, symbol: Symbol) -> int:
        return self.symbols.setdefault(symbol, len(self.symbols))

    def _meant(self, item: Any) -> Any:
        """What is neither a call nor a list, as one of these or as a number: a name, an array, a number of any type."""
        if isinstance(item, str):
            meaning = self.known.name(item)
            return meaning if isinstance(meaning, float) else Term(meaning)
        if getattr(item, "ndim", 0) == 1 and hasattr(item, "tolist"):
            return item.tolist()
        try:
            return float(item)
        except (TypeError, ValueError):
            pass
        kind = "None" if item is None else f"a value of type `{type(item).__name__}`"
        hint = 'an operand is a number, ("name", operand, …), or what a function of the formula gives'
        raise UsageError(f"{kind} has no place in a term", hint=hint)

    def _from_text(self, value: str, row: int) -> Any:
        """A term that is a text, among others that are none, as objects."""
        which = self.number_of_row(row)
        read = read_texts([value], self.known, self.column, None if which is None else [which])
        made: list[Any] = []
        for node, symbol in enumerate(read.symbol.tolist()):
            operands = read.operands[read.first[node] : read.first[node + 1]].tolist()
            number = float(read.numbers[node])
            made.append(Term(read.symbols[symbol], *(made[each] for each in operands)) if symbol else number)
        return made[int(read.roots[0])]

    def _ordered(self) -> Terms:
        """The nodes with operands before what they are operands of. DataError where an object is a part of itself."""
        columns = [np.frombuffer(column, dtype=column.typecode) if len(column) else np.empty(0, column.typecode)
                   for column in (self.symbol, self.numbers, self.first, self.operands, self.begins)]  # fmt: skip
        symbol, numbers, first, operands, begins = columns
        count = len(symbol)
        moved, order = (np.full(count, ordering.NEW, dtype=np.int64) for _ in range(2))
        stack = np.empty(len(operands) + 1, dtype=np.int64)
        new_first, new_operands = np.zeros(count + 1, dtype=np.int64), np.empty(len(operands), dtype=np.int32)
        machine = pays(count, (COMPILED, LOADED, AT_HAND), Path(ordering.__file__), "sort")
        sort = compiled(ordering.sort) if machine else ordering.sort
        wrong = sort(first, operands, begins, moved, order, stack, new_first, new_operands)
        if wrong >= 0:
            row = int(np.searchsorted(begins, wrong, side="right")) - 1
            error = UsageError("this term contains itself", hint="a term is a tree, whose parts may be shared")
            raise self._error(error, row, self.items[wrong])
        made = Terms(
            tuple(self.symbols), symbol[order], numbers[order], new_first, new_operands, begins, moved[begins[:-1]]
        )
        return replace(made, place=lambda node: written(made, node))

    def _error(self, error: CgError, row: int, item: Any) -> DataError:
        """An error about an object of a row."""
        text, span = place_in(self.values[row], item, pieces_of)
        return row_error(error.message, self.column, self.number_of_row(row), text, span, error.hint)

    # ---- what `apply_operation` asks for ---------------------------------------------------------------------------

    def node(self, symbol: Symbol, operands: Sequence[Any]) -> Term:
        """An operation on objects."""
        return Term(symbol, *operands)

    def constant(self, value: float) -> float:
        """A number."""
        return value

    def number_of(self, item: Any) -> float | None:
        """The number that an object is; None where it is something else."""
        return float(item) if isinstance(item, (int, float)) else None


def pieces_of(item: Any) -> list[Any]:
    """What an object is written as; see `written.place_in`."""
    if type(item) is Term:
        return laid_out(item.symbol.name, item.operands)
    if type(item) in (tuple, list):
        if item and isinstance(item[0], str):
            return laid_out(item[0], item[1:])
        return laid_out(shaping.stack.name, item)
    return [item if isinstance(item, str) else repr(item)[:60]]
