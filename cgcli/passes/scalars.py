"""From a graph with vectors and matrices to a graph of scalars: one node an element.

What an operation does to elements follows from its row: elementwise rows work on each element, reductions fold with
the row that they name (`combine`), and structural rows with the trait `traceable` (their NumPy spelling only moves,
adds and multiplies elements) run that very spelling on arrays of references. Everything else, and every row that the
caller does not know, is served by its definition.
"""

from __future__ import annotations

from cgcli.graph.balanced import balanced
from cgcli.graph.shapes import broadcast, size
from cgcli.graph.store import Graph
from cgcli.graph.walk import ancestors
from cgcli.passes.expand import expansion
from cgcli.passes.folding import FoldingRef, folded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    from cgcli.ops import Operation

    Shape = tuple[int, ...]
    Value = Any  # a reference for a scalar, else an object array of references

LARGEST = 256
"""Elements of a value that may be taken apart; more belong to an engine for arrays."""


class Scalars:
    """The graph of scalars, and where the wanted nodes and the inputs of the old graph are in it.

    elements: wanted node -> nodes of its elements, rows first. inputs: name -> nodes of its elements.
    """

    __slots__ = ("elements", "graph", "inputs")

    def __init__(self, graph: Graph, elements: dict[int, list[int]], inputs: dict[str, list[int]]) -> None:
        self.graph = graph
        self.elements = elements
        self.inputs = inputs


class NotScalarError(Exception):
    """Some rows cannot be taken apart, or some values are too large; `rows` lists the rows."""

    def __init__(self, rows: Sequence[Operation]) -> None:
        super().__init__(", ".join(row.name for row in rows))
        self.rows = rows


def to_scalars(graph: Graph, wanted: Iterable[int], known: Callable[[Operation], bool]) -> Scalars:
    """What the wanted nodes need as a graph of scalars in which every operation is one that `known` accepts.

    NotScalarError where that cannot be.
    """
    wanted = list(wanted)
    work = _Expansion(known)
    found = work.walk(graph, wanted, {})
    if work.missing:
        raise NotScalarError(list(work.missing))
    elements = {node: [ref.node for ref in _flat(found[node])] for node in wanted}
    given = graph.inputs(hidden=True)
    inputs = {name: [ref.node for ref in _flat(found[node])] for name, node in given.items() if node in found}
    return Scalars(work.graph, elements, inputs)


def element_name(name: str, position: tuple[int, ...]) -> str:
    """What an element of an input is called: `v[0]`, `A[1, 2]`."""
    return f"{name}[{', '.join(map(str, position))}]" if position else name


class _Expansion:
    """One expansion under way: the new graph, and the rows that nothing can be done about."""

    def __init__(self, known: Callable[[Operation], bool]) -> None:
        self.graph = Graph()
        self.known = known
        self.missing: dict[Operation, None] = {}
        self._definitions: dict[Any, tuple[Graph, list[int], int]] = {}

    def walk(self, graph: Graph, wanted: Sequence[int], bound: dict[int, Value]) -> dict[int, Value]:
        """The elements of every node that the wanted ones need; `bound` nodes have theirs already."""
        needed = ancestors(graph, wanted)
        values = dict(bound)
        for node in range(len(needed)):
            if needed[node] and node not in values:
                values[node] = self._elements(graph, node, values)
        return values

    def _elements(self, graph: Graph, node: int, values: dict[int, Value]) -> Value:
        shape, row = graph.shape_of(node), graph.row(node)
        if size(shape) > LARGEST:
            raise NotScalarError([*self.missing, row])
        if graph.is_leaf(node):
            return self._leaf(graph, node, shape)
        operands = [values[operand] for operand in graph.operands_of(node)]
        attributes = graph.attributes_of(node)
        if row.elementwise and self.known(row):
            return self._elementwise(row, operands, attributes)
        if row.combine is not None:
            return self._combined(row, operands[0], attributes[0])
        if "traceable" in row.traits:
            return self._traced(row, operands, attributes)
        if row.definition is not None:
            shapes = tuple(graph.shape_of(operand) for operand in graph.operands_of(node))
            return self._defined(row, operands, shapes, attributes)
        return self._impossible(row, shape)

    def _leaf(self, graph: Graph, node: int, shape: Shape) -> Value:
        import numpy as np

        if not shape:
            return FoldingRef(self.graph, self.graph.copy_node(graph, node, ()))
        found = np.empty(shape, dtype=object)
        for position in np.ndindex(*shape):
            if graph.is_input(node):
                element = self.graph.input(element_name(graph.input_name(node), position))
            else:
                element = self.graph.constant(float(graph.arrays[graph.payload[node]][position]))
            found[position] = FoldingRef(self.graph, element)
        return found

    def _elementwise(self, row: Operation, operands: Sequence[Value], attributes: tuple[Any, ...]) -> Value:
        shape = broadcast([_shape(operand) for operand in operands])
        if not shape:
            return self._applied(row, operands, attributes)
        import numpy as np

        found = np.empty(shape, dtype=object)
        stretched = [np.broadcast_to(_array(operand), shape) for operand in operands]
        for position in np.ndindex(*shape):
            found[position] = self._applied(row, [operand[position] for operand in stretched], attributes)
        return found

    def _applied(self, row: Operation, operands: Sequence[Value], attributes: tuple[Any, ...]) -> Value:
        simpler = folded(row, operands, ()) if not attributes else None
        if simpler is not None:
            return simpler
        return FoldingRef(self.graph, self.graph.repeat(row, [operand.node for operand in operands], attributes))

    def _combined(self, row: Operation, operand: Value, axes: tuple[int, ...]) -> Value:
        """A reduction over axes (counted from the end), as balanced trees of its binary row."""
        import numpy as np

        combine = row.combine
        assert combine is not None
        array = _array(operand)
        gone = sorted(axis + array.ndim for axis in axes)
        kept = [axis for axis in range(array.ndim) if axis not in gone]
        lists = array.transpose(*kept, *gone).reshape(*(array.shape[axis] for axis in kept), -1)
        if lists.shape[-1] == 0:
            return self._impossible(row, lists.shape[:-1])
        found = np.empty(lists.shape[:-1], dtype=object)
        for position in np.ndindex(*found.shape):
            found[position] = balanced(lambda left, right: self._pair(combine, left, right), list(lists[position]))
        return _value(found)

    def _pair(self, row: Operation, first: Value, second: Value) -> Value:
        pair = [first, second]
        return self._applied(row, pair, ()) if self.known(row) else self._defined(row, pair, ((), ()), ())

    def _traced(self, row: Operation, operands: Sequence[Value], attributes: tuple[Any, ...]) -> Value:
        """The NumPy spelling on arrays of references; zeros that it makes are numbers still."""
        import numpy as np

        with np.errstate(all="ignore"):  # folding may compute on nan, where a row is missing
            found = row.spell["numpy"](np, *map(_array, operands), *attributes)
        made = np.asarray(found, dtype=object) if isinstance(found, np.ndarray) else _array(found)
        zero = FoldingRef(self.graph, self.graph.constant(0.0))
        result = np.empty(made.shape, dtype=object)
        for position in np.ndindex(*made.shape):
            result[position] = zero.coerce(made[position])
        return _value(result)

    def _defined(
        self, row: Operation, operands: Sequence[Value], shapes: tuple[Shape, ...], attributes: tuple[Any, ...]
    ) -> Value:
        """The definition of a row on these operands; definitions nest only as deep as the table of rows."""
        if row.definition is None:
            return self._impossible(row, ())
        key = (row, shapes, attributes)
        if key not in self._definitions:
            self._definitions[key] = expansion(row, shapes, attributes)
        template, places, output = self._definitions[key]
        return self.walk(template, [output], dict(zip(places, operands, strict=True)))[output]

    def _impossible(self, row: Operation, shape: Shape) -> Value:
        """Note a row, and go on with a value of that shape to find the other rows."""
        import numpy as np

        self.missing[row] = None
        stand_in = FoldingRef(self.graph, self.graph.constant(float("nan")))
        found = np.empty(shape, dtype=object)
        for position in np.ndindex(*shape):
            found[position] = stand_in
        return _value(found)


def _shape(value: Value) -> Shape:
    return tuple(value.shape)


def _array(value: Value) -> Any:
    """A value as an object array, also a scalar's."""
    import numpy as np

    if isinstance(value, np.ndarray):
        return value
    found = np.empty((), dtype=object)
    found[()] = value
    return found


def _value(array: Any) -> Value:
    """An object array as a value: a scalar is a reference."""
    return array if array.ndim else array[()]


def _flat(value: Value) -> list[Any]:
    return list(_array(value).ravel())
