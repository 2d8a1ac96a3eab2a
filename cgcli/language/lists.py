"""Lists, comprehensions, indices and slices."""

from __future__ import annotations

from cgcli.errors import FormulaError, NeedsValues
from cgcli.language import syntax
from cgcli.language.aliases import children
from cgcli.language.building import Frame
from cgcli.language.limits import LEAST_STEPS
from cgcli.language.values import ListValue, RangeValue, TupleValue
from cgcli.numerals import counted
from cgcli.ops import positions, shaping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from cgcli.language.building import Building
    from cgcli.language.syntax import Syntax


class Lists:
    """The rows that make lists, and take them apart."""

    def __init__(self, building: Building, openings: Mapping[int, int] | None = None) -> None:
        """openings: as of `comprehension_openings`, where they are known already."""
        self.building = building
        self.table, self.graph, self.stack, self.frames = (
            building.table, building.graph, building.stack, building.frames,
        )  # fmt: skip
        self.openings = comprehension_openings(building.table) if openings is None else openings

    def on_opening(self, row: int) -> int:
        """A bracket opens. Before the body of a comprehension its items come first."""
        close = self.openings.get(row)
        if close is None:
            return row + 1
        items_first = self.building.first[close - 1]
        outer = self.frames[-1]
        self.frames.append(Frame(close, self._items_ready, outer.locals, outer.call, (row, close, items_first - 1)))
        return items_first

    def _items_ready(self, frame: Frame) -> int:
        """The items of a comprehension are on the stack: walk the body once for each."""
        opening, close, variable = frame.data
        over = self.stack.pop()
        self.frames.pop()
        if self.count_of(over) >= LEAST_STEPS:
            from cgcli.language.mapping import mapped  # start-up: short lists do without

            name = self.building.word(variable)
            whole = mapped(self.building, over, range(opening + 1, variable), name, frame.locals, close)
            if whole is not None:
                self.stack.append(whole)
                return self._behind(close)
        items = self.items_of(over, close - 1)
        if not items:
            return self._comprehended([], close)
        local = dict(frame.locals or {})
        progress: tuple[Any, ...] = (opening, close, self.building.word(variable), iter(items), [])
        body = Frame(variable, self._item_done, local, frame.call, progress)
        self.frames.append(body)
        self._bind_next(body)
        return opening + 1

    def _bind_next(self, frame: Frame) -> bool:
        _, close, name, remaining, _ = frame.data
        for item in remaining:
            self.building.enter_body(close)
            local = dict(frame.locals or {})
            local[name] = self.building.named(name, item)
            frame.locals = local
            return True
        return False

    def _item_done(self, frame: Frame) -> int:
        opening, close, _, _, results = frame.data
        results.append(self.stack.pop())
        if self._bind_next(frame):
            return int(opening) + 1
        self.frames.pop()
        return self._comprehended(results, close)

    def _comprehended(self, results: list[Any], close: int) -> int:
        """The list is complete; a generator's bracket then still makes the call that it is the argument of."""
        self.push_list(results)
        return self._behind(close)

    def _behind(self, close: int) -> int:
        return close if self.table.rule[close] == syntax.GENERATOR else close + 1

    def count_of(self, over: Any) -> int:
        """How many items there are to run over; 0 for what is no list."""
        if isinstance(over, RangeValue):
            return len(over.numbers)
        if isinstance(over, ListValue):
            return len(over.items)
        return next(iter(self.graph.shape_of(self.building.materialise(over))), 0)

    def items_of(self, value: Any, row: int) -> list[Any]:
        """What a comprehension or a fold runs over: the items of a list, or the elements along the first axis."""
        if isinstance(value, ListValue):
            return value.items
        node = self.building.materialise(value)
        if self.graph.row(node) is shaping.stack:
            return list(self.graph.operands_of(node))
        shape = self.graph.shape_of(node)
        if not shape:
            hint = "write `range(n)` or `[a, b, c]`"
            raise self.building.shape_error("this runs over a list, but here is a single number", row, hint)
        return [self.item_of(node, position) for position in range(shape[0])]

    def item_of(self, node: int, position: int) -> int:
        """One item of an array; of one that stands for a list, the item as the list would have it."""
        if node in self.building.by_item:
            return self.building.by_item[node](position)
        return self.graph.apply(shaping.index, [node], [(position,)])

    def on_list(self, row: int) -> int:
        """`[a, b]`."""
        self.push_list(self.building.taken(self.table.count[row] - 1))
        return row + 1

    def push_list(self, items: list[Any], kind: type[ListValue] = ListValue) -> None:
        """Put a list of values onto the stack."""
        value = kind(items)
        if value.depth > 32:
            raise FormulaError("lists are nested more than 32 deep", hint="use parentheses ( ) to group")
        self.stack.append(value)

    def on_tuple(self, row: int) -> int:
        """`a, b` where several values may stand side by side."""
        self.push_list(self.building.taken(self.table.count[row]), TupleValue)
        return row + 1

    def on_local(self, row: int) -> int:
        """`name = value`, `a, b = value` in a function: the names are those of this call alone."""
        local = self.frames[-1].locals
        assert local is not None  # a function has its own
        first = self.building.first
        names = [self.table.word(place) for place in range(first[row], first[row - 1])]
        value = self.stack.pop()
        values = [value] if len(names) == 1 else self.taken_apart(value, len(names), row)
        for name, each in zip(names, values, strict=True):
            local[name] = self.building.named(name, each)
        return row + 1

    def taken_apart(self, value: Any, count: int, row: int, what: str | None = None) -> list[Any]:
        """So many items of a value, of an array along its first axis. ShapeError where it has more or less.

        row: the statement or the call that takes it apart. what: who takes them, for the message.
        """
        if isinstance(value, ListValue):
            items = value.items
        else:
            shape = self.graph.shape_of(self.building.materialise(value))
            items = self.items_of(value, row) if shape and shape[0] == count else [value] * (shape[0] if shape else 1)
        if len(items) == count:
            return items
        if not isinstance(value, ListValue) and self._is_term(value):
            message = "this needs the value of a term, which may be several values"
            hint = f"give it: {self.graph.input_name(value)}=f(…)"
            raise NeedsValues(message, span=self.building.span(row), source=self.table.source, hint=hint)
        hint = f"give a start of {counted(count, 'value')}"
        if what is None:
            what = f"{count} names take a value each"
            hint = "write as many names as there are values, `_` for one that is not needed"
        there = "is 1" if len(items) == 1 else f"are {len(items)}"
        raise self.building.shape_error(f"{what}, but there {there}", row, hint)

    def _is_term(self, node: int) -> bool:
        """Whether a node stands for the value of a term that is not known yet."""
        graph = self.graph
        return graph.is_input(node) and graph.input_name(node) in self.building.terms and not graph.shape_of(node)

    def on_slice(self, row: int) -> int:
        """`a:b:c` within an index."""
        bounds = self.building.taken(3)
        limits = [None if bound is None else self.building.whole(bound, "a limit of a slice", row) for bound in bounds]
        if limits[2] == 0:
            raise self.building.error("the step of a slice cannot be 0", row)
        self.stack.append(slice(*limits))
        return row + 1

    def on_index(self, row: int) -> int:
        """`base[key]`."""
        raw = self.building.taken(self.table.count[row] - 1)
        base = self.stack.pop()
        if len(raw) == 1 and isinstance(raw[0], ListValue):
            raise self._gathered(row)
        varies = self.building.varying and self._first_varying(raw) is not None
        self.stack.append(self._taken(base, raw, row) if varies else self._indexed(base, self._key(raw, row), row))
        return row + 1

    def _key(self, items: Sequence[Any], row: int) -> tuple[Any, ...]:
        """What an index says: slices, and whole numbers that are known."""
        return tuple(item if isinstance(item, slice) else self.building.whole(item, "an index", row) for item in items)

    def _first_varying(self, items: Sequence[Any]) -> int | None:
        """The place of the first position of an index that differs from row to row."""
        places = (
            place for place, item in enumerate(items) if not isinstance(item, slice) and self.building.varies(item)
        )
        return next(places, None)

    def _taken(self, base: Any, raw: Sequence[Any], row: int) -> Any:
        """An element at positions of which some differ from row to row: `E[k]`, `E[2, k]`, `E[k, 1:]`."""
        node, rest = self.building.materialise(base), list(raw)
        if len(self.graph.shape_of(node)) < len(rest):
            return self._indexed(base, (0,) * len(rest), row)  # tells what is wrong
        while (place := self._first_varying(rest)) is not None:
            before, k, rest = self._key(rest[:place], row), self.building.materialise(rest[place]), rest[place + 1 :]
            if any(isinstance(item, slice) for item in before):
                hint = "turn the axes round: `A.T[k]`"
                raise self.building.error("behind a slice, an index must be the same for all rows", row, hint)
            if before:
                node = self.building.apply(shaping.index, [node], [before], row)
            node = self.building.apply(positions.take, [node, k], (), row)
            self.building.program.decide(k, node, "an index", whole=True)
        return self.building.apply(shaping.index, [node], [self._key(rest, row)], row) if rest else node

    def _gathered(self, row: int) -> FormulaError:
        """The error for `v[[1, 3]]`."""
        base, positions = (self.table.word(child) for child in children(self.table, row))
        item = next(name for name in ("i", "j", "k", "position") if name not in base)
        return self.building.error(
            "an index is a number, not a list", row, f"write `[{base}[{item}] for {item} in {positions}]`"
        )

    def _indexed(self, base: Any, key: tuple[Any, ...], row: int) -> Any:
        """An element or a part; of a list, or of a node that is a list, without a node of its own where possible."""
        if isinstance(base, ListValue) and len(key) == 1:
            items = base.items
            if isinstance(key[0], slice):
                return ListValue(items[key[0]])
            position = key[0]
            if not -len(items) <= position < len(items):
                hint = f"indices count from 0; the last one is {len(items) - 1}" if items else None
                has = counted(len(items), "item")
                raise self.building.error(f"index {position} does not exist; the list has {has}", row, hint)
            return items[position]
        node = self.building.materialise(base)
        shape = self.graph.shape_of(node)
        if not shape:
            hint = "only lists and arrays take an index"
            raise self.building.shape_error("a single number has no elements", row, hint)
        exists = isinstance(key[0], int) and -shape[0] <= key[0] < shape[0] and len(key) <= len(shape)
        if exists and node in self.building.by_item:
            node, key = self.building.by_item[node](key[0] % shape[0]), key[1:]
            if not key:
                return node
        return self.building.apply(shaping.index, [node], [key], row)


def comprehension_openings(table: Syntax) -> dict[int, int]:
    """Row of the bracket that opens a comprehension -> row that closes it."""
    first = table.first()
    return {first[row]: row for closing in (syntax.COMPREHENSION, syntax.GENERATOR) for row in table.rows_of(closing)}
