"""A graph of short arrays as straight-line code in vectors.

The value of a node is an array of the numbers of its elements (`vectors`). What a row does follows from it as in
`passes.scalars`: elementwise rows compute vectors, rows that gather move numbers only, reductions fold by halves with
the row that they name (`combine`), a product that is bilinear adds up along the axes that are tied to nothing, other
rows with the trait `traceable` run their NumPy spelling on elements, a loop is written out, and everything else is
served by its definition.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import numpy as np

from cgcli.engines.native.spelling import defined, native_spelling, spelled_out
from cgcli.graph.shapes import broadcast, size
from cgcli.graph.store import result_shape
from cgcli.graph.walk import ancestors
from cgcli.ops import calling
from cgcli.ops.arithmetic import add, mul, neg, sub
from cgcli.passes.expand import expansion
from cgcli.passes.scalars import NotScalarError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from cgcli.engines.native.vectors import Elements
    from cgcli.graph.bodies import Body
    from cgcli.graph.store import Graph
    from cgcli.ops import Operation

    Shape = tuple[int, ...]

MOST_INSTRUCTIONS = 12_000
"""Lines of a function from which on it takes too long to compile (measured: 0.1 ms a line and more beyond)."""

LARGEST = 16_384
"""Elements of a value: the sums of a few matrices of 64 by 64."""


LONGEST = 256
"""Along an axis of what is written out element by element."""


class NotStraightError(Exception):
    """A graph has a row that cannot be written so, or becomes too long."""


class Straight:
    """Writes the nodes of graphs as instructions on elements."""

    def __init__(self, elements: Elements) -> None:
        self.elements = elements

    def walk(self, graph: Graph, wanted: Sequence[int], bound: dict[int, Any]) -> dict[int, Any]:
        """The element numbers of every node that the wanted ones need; `bound` nodes have theirs already.

        NotStraightError where that cannot be.
        """
        needed = ancestors(graph, wanted)
        values = dict(bound)
        for node in range(len(needed)):
            if needed[node] and node not in values:
                values[node] = self._node(graph, node, values)
        return values

    def _node(self, graph: Graph, node: int, values: dict[int, Any]) -> Any:
        shape = graph.shape_of(node)
        if size(shape) > LARGEST or self.elements.instructions > MOST_INSTRUCTIONS:
            raise NotStraightError(f"`{graph.row(node).name}` is too large")
        if graph.is_constant(node):
            return np.array(self.elements.constant(graph.constants[graph.payload[node]]))
        if graph.is_leaf(node):
            if graph.is_input(node):
                raise NotStraightError("an input without a value")
            return self._numbers(graph.arrays[graph.payload[node]])
        operands = [values[operand] for operand in graph.operands_of(node)]
        return self._applied(graph.row(node), operands, graph.attributes_of(node)).reshape(shape)

    def _numbers(self, array: Any) -> Any:
        """The elements that are constants."""
        flat = [self.elements.constant(float(value)) for value in np.ravel(array)]
        return np.array(flat, dtype=np.int64).reshape(np.shape(array))

    def _applied(self, row: Operation, operands: Sequence[Any], attributes: tuple[Any, ...]) -> Any:
        if row is calling.scan:
            return self._repeated(operands, *attributes)
        if row.elementwise and (native_spelling(row, self.elements.host) is not None or defined(row)):
            return self._elementwise(row, operands, attributes)
        shapes = tuple(operand.shape for operand in operands)
        if "gathers" in row.traits:
            return self._gathered(row, operands, attributes)
        if row.combine is not None:
            return self._combined(row.combine, operands[0], attributes[0])
        if {"bilinear", "traceable"} <= row.traits and row.ties is not None:
            return self._product(row, operands, attributes)
        if "traceable" in row.traits:
            return self._traced(row, operands, attributes)
        definition = row.spell.get("written_out")
        if definition is not None and max(length for shape in shapes for length in (0, *shape)) > LONGEST:
            raise NotStraightError(f"`{row.name}` is too large")
        definition = definition or row.definition
        if definition is None:
            raise NotStraightError(f"`{row.name}` has no native spelling")
        template, places, output = expansion(row, shapes, attributes, definition)
        return self.walk(template, [output], dict(zip(places, operands, strict=True)))[output]

    def _repeated(self, operands: Sequence[Any], body: Body, steps: int, items: int, reverse: bool) -> Any:
        """A short loop within a step, written out."""
        if steps * len(body.graph) > MOST_INSTRUCTIONS:
            raise NotStraightError(f"a loop of {steps:,} steps is too long")
        state, along, shared = operands[0], operands[1 : 1 + items], operands[1 + items :]
        emitted: dict[int, Any] = {}
        for step in range(steps - 1, -1, -1) if reverse else range(steps):
            given = [state, *(item[step] for item in along), *shared]
            values = self.walk(body.graph, body.results, dict(zip(body.operands, given, strict=True)))
            state, *found = (values[node] for node in body.results)
            if found:
                emitted[step] = found[0].ravel()
        if not emitted:
            return state
        return np.concatenate([state.ravel(), *(emitted[step] for step in range(steps))])

    # ---- elementwise rows --------------------------------------------------------------------------------------

    def _elementwise(self, row: Operation, operands: Sequence[Any], attributes: tuple[Any, ...]) -> Any:
        """The result element by element: a neutral operand leaves the other one, and equal ones are computed once."""
        shape = broadcast([operand.shape for operand in operands])
        columns = np.stack([np.broadcast_to(operand, shape).ravel() for operand in operands])
        found = self._neutral(row, columns) if len(operands) == 2 and not attributes else None
        if found is None:
            return self._distinct(row, columns, attributes).reshape(shape)
        left = np.flatnonzero(found < 0)
        if len(left):
            found[left] = self._distinct(row, columns[:, left], attributes)
        return found.reshape(shape)

    def _neutral(self, row: Operation, columns: Any) -> Any | None:
        """The elements that stay as they are, -1 for those to compute; None where that are all."""
        found = np.full(columns.shape[1], -1, dtype=np.int64)
        for own, neutral in enumerate(row.identities):
            if neutral is not None:
                same = columns[own] == self.elements.constant(neutral)
                found[same] = columns[1 - own][same]
        return found if (found >= 0).any() else None

    def _distinct(self, row: Operation, columns: Any, attributes: tuple[Any, ...]) -> Any:
        _, first, back = np.unique(columns, axis=1, return_index=True, return_inverse=True)
        if len(first) == columns.shape[1]:
            return self._computed(row, columns, attributes)
        order = np.argsort(first)
        place = np.empty_like(order)
        place[order] = np.arange(len(order))
        return self._computed(row, columns[:, np.sort(first)], attributes)[place[back.ravel()]]

    def _computed(self, row: Operation, columns: Any, attributes: tuple[Any, ...]) -> Any:
        elements = self.elements
        found = elements.computed(columns.shape[1])
        for first, length, count in elements.stretches(columns.shape[1]):
            operands = [elements.vector(column[first : first + length].tolist(), count) for column in columns]
            try:
                value = spelled_out(row, attributes, operands, elements.lanes(count))
            except (NotScalarError, LookupError) as unable:
                raise NotStraightError(str(unable)) from None
            elements.enter(value, found[first : first + length])
        return np.array(found, dtype=np.int64)

    # ---- structural rows ---------------------------------------------------------------------------------------

    @staticmethod
    def _spelling(row: Operation) -> Callable[..., Any]:
        spelling = row.spell.get("numpy")
        if not callable(spelling):
            raise NotStraightError(f"`{row.name}` has no spelling that works on elements")
        return spelling

    def _gathered(self, row: Operation, operands: Sequence[Any], attributes: tuple[Any, ...]) -> Any:
        """The NumPy spelling on the numbers of the elements, twice: what does not move with them is a number."""
        spelling, shift = self._spelling(row), len(self.elements) + 1
        once, again = (
            np.asarray(spelling(np, *(operand.astype(np.float64) + shift * k for operand in operands), *attributes))
            for k in (1, 2)
        )
        moved = again != once
        found = np.where(moved, once - shift, 0).astype(np.int64)
        if not moved.all():
            found[~moved] = self._numbers(once[~moved])
        return found

    def _combined(self, row: Operation, operand: Any, axes: tuple[int, ...]) -> Any:
        """A reduction over axes (counted from the end), by halves."""
        gone = sorted(axis + operand.ndim for axis in axes)
        kept = [axis for axis in range(operand.ndim) if axis not in gone]
        table = operand.transpose(*kept, *gone).reshape(prod(operand.shape[axis] for axis in kept), -1)
        if not table.size:
            raise NotStraightError("nothing to reduce")
        return self._folded(row, table).reshape([operand.shape[axis] for axis in kept])

    def _folded(self, row: Operation, table: Any) -> Any:
        """The rows of a table, each made one element; vectors go along the longer side."""
        along = table.shape[0] * 2 < self.elements.width or bool((np.diff(table, axis=1) == 1).all())
        if not along:
            table = table.T
        while (length := table.shape[axis := int(along)]) > 1:
            half = length // 2
            first, second, rest = np.split(table, [half, 2 * half], axis=axis)
            if along:
                joined = self._elementwise(row, [first, second], ())
            else:
                joined = np.stack([self._elementwise(row, [*pair], ()) for pair in zip(first, second, strict=True)])
            table = np.concatenate([joined, rest], axis=axis)
        return table.ravel()

    def _product(self, row: Operation, operands: Sequence[Any], attributes: tuple[Any, ...]) -> Any:
        """Of each element of the result the sum of products along the axes that are tied to none of its axes."""
        assert row.ties is not None
        shapes = [operand.shape for operand in operands]
        shape = result_shape(row, shapes, attributes)
        placed = [_placed(*each, len(shape)) for each in zip(operands, row.ties(shapes, attributes), strict=True)]
        length = max(each.shape[-1] for each in placed)
        if prod(shape) * length > LARGEST:
            raise NotStraightError(f"`{row.name}` is too large")
        first, second = (np.broadcast_to(each, (*shape, length)).reshape(-1, length) for each in placed)
        if length == 1:
            return self._elementwise(mul, [first, second], ()).reshape(shape)
        if (np.diff(first, axis=1) == 1).all() or (np.diff(second, axis=1) == 1).all():
            return self._folded(add, self._elementwise(mul, [first, second], ())).reshape(shape)
        products = [self._elementwise(mul, [*pair], ()) for pair in zip(first.T, second.T, strict=True)]
        return self._folded(add, np.stack(products, axis=1)).reshape(shape)

    def _traced(self, row: Operation, operands: Sequence[Any], attributes: tuple[Any, ...]) -> Any:
        """The NumPy spelling on objects that write instructions for the elements that they are added to."""
        arrays = []
        for operand in operands:
            array = np.empty(operand.shape, dtype=object)
            for place in np.ndindex(*operand.shape):
                array[place] = _Element(self, int(operand[place]))
            arrays.append(array)
        found = np.asarray(self._spelling(row)(np, *arrays, *attributes), dtype=object)
        result = np.empty(found.shape, dtype=np.int64)
        for place in np.ndindex(*found.shape):
            result[place] = _element_of(self, found[place])
        return result


def _placed(operand: Any, ties: Sequence[int | None], rank: int) -> Any:
    """An operand with its axes where the result has them, of length 1 where it has none; the others as a last one."""
    tied = {axis: place for place, axis in enumerate(ties) if axis is not None}
    loose = [place for place, axis in enumerate(ties) if axis is None]
    turned = operand.transpose(*(tied[axis] for axis in sorted(tied)), *loose)
    outer = [operand.shape[tied[axis]] if axis in tied else 1 for axis in range(rank)]
    return turned.reshape(*outer, -1)


class _Element:
    """One element under NumPy's hands."""

    __slots__ = ("element", "straight")

    def __init__(self, straight: Straight, element: int) -> None:
        self.straight = straight
        self.element = element

    def _with(self, row: Operation, *operands: Any) -> _Element:
        numbers = [np.array(_element_of(self.straight, operand)) for operand in operands]
        return _Element(self.straight, int(self.straight._elementwise(row, numbers, ())))

    def __add__(self, other: Any) -> _Element:
        return self._with(add, self, other)

    def __radd__(self, other: Any) -> _Element:
        return self._with(add, other, self)

    def __sub__(self, other: Any) -> _Element:
        return self._with(sub, self, other)

    def __rsub__(self, other: Any) -> _Element:
        return self._with(sub, other, self)

    def __mul__(self, other: Any) -> _Element:
        return self._with(mul, self, other)

    def __rmul__(self, other: Any) -> _Element:
        return self._with(mul, other, self)

    def __neg__(self) -> _Element:
        return self._with(neg, self)


def _element_of(straight: Straight, value: Any) -> int:
    """The number of an element, or that of a constant."""
    return value.element if isinstance(value, _Element) else straight.elements.constant(float(value))
