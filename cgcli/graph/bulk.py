"""Growing a graph by whole columns of nodes of one operation, with NumPy.

Loaded by `Graph.apply_many` only, so that a small graph is built without NumPy.
"""

from __future__ import annotations

from array import array

import numpy as np

from cgcli.errors import GraphError
from cgcli.graph.codes import NO_PAYLOAD
from cgcli.graph.intern import NODE_BITS
from cgcli.graph.late import Key, LateDict, Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, MutableMapping, Sequence
    from typing import Any

    from numpy.typing import ArrayLike, NDArray

    from cgcli.graph.store import Graph
    from cgcli.ops import Operation

    Column = NDArray[np.int64]


def apply_columns(graph: Graph, row: Operation, operands: Sequence[ArrayLike], static: Sequence[Any]) -> Column:
    """What `Graph.apply_many` does."""
    columns = _checked(graph, row, operands)
    if row.shape is None and row.prepare is None and not row.variadic and len(columns) in (1, 2):
        return _grow(graph, row, columns)
    return np.array([graph.apply(row, list(each), static) for each in zip(*columns, strict=True)], dtype=np.int64)


def _checked(graph: Graph, row: Operation, operands: Sequence[ArrayLike]) -> list[Column]:
    """The operand columns, of one length, all of them nodes of the graph."""
    if not operands:
        raise GraphError(f"`{row.name}` has no operands; there is nothing to apply it to")
    columns = [np.ascontiguousarray(column, dtype=np.int64).ravel() for column in operands]
    if len(columns) != row.arity and not (row.variadic and len(columns) > row.arity):
        raise GraphError(f"`{row.name}` takes {row.arity} operands, not {len(columns)}")
    for column in columns:
        if len(column) != len(columns[0]):
            raise GraphError(f"`{row.name}` was given operand columns of lengths {len(columns[0])} and {len(column)}")
        if len(column) and column.view(np.uint64).max() >= len(graph):  # what is negative is very large
            worst = int(column.min() if column.min() < 0 else column.max())
            raise GraphError(f"`{row.name}` cannot use {graph.describe(worst)}")
    return columns


def _grow(graph: Graph, row: Operation, columns: list[Column]) -> Column:
    """Intern a column of nodes: equal rows once, those that the graph has already not again."""
    if not len(columns[0]):
        return np.empty(0, dtype=np.int64)
    shapes = _shape_numbers(graph, row, columns)
    keys = columns[0] << NODE_BITS | columns[1] if len(columns) == 2 else ~columns[0]
    table = graph.intern.tables[row.code]
    nodes: list[int] = []
    new: list[int] = []
    following = len(graph)
    for position, key in enumerate(keys.tolist()):
        node = table.get(key)
        if node is None:
            node = table[key] = following
            following += 1
            new.append(position)
        nodes.append(node)
    if len(new) < len(nodes):
        columns, shapes = [column[new] for column in columns], shapes[new]
    _append(graph, row, columns, shapes)
    return np.array(nodes, dtype=np.int64)


def _shape_numbers(graph: Graph, row: Operation, columns: list[Column]) -> Column:
    """Number of the shape of each node to be; every combination of operand shapes is inferred once."""
    of_node = np.frombuffer(graph.shape, dtype=np.intc)  # a copy would take longer than all else in a large graph
    shapes = [of_node[column] for column in columns]
    del of_node  # the column cannot grow while it is looked at
    if all((numbers == shapes[0][0]).all() for numbers in shapes):
        return np.full(len(shapes[0]), graph.common_shape(row, [int(column[0]) for column in columns]), dtype=np.int64)
    codes = np.zeros(len(columns[0]), dtype=np.int64)
    for numbers in shapes:
        codes = codes * len(graph.shapes) + numbers
    _, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
    found = [graph.common_shape(row, [int(column[place]) for column in columns]) for place in first]
    answer: Column = np.array(found, dtype=np.int64)[inverse]
    return answer


def _append(graph: Graph, row: Operation, operands: list[Column], shapes: Column) -> None:
    """Write new nodes behind the columns."""
    count, arity = len(shapes), len(operands)
    end = len(graph.operands)
    side_by_side = np.empty((count, arity), dtype=np.intc)
    for position, column in enumerate(operands):
        side_by_side[:, position] = column
    graph.op.extend(array("H", [row.code]) * count)
    extend(graph.operands, side_by_side)
    extend(graph.start, np.arange(end + arity, end + arity * count + 1, arity, dtype=np.intc))
    graph.payload.extend(array("i", [NO_PAYLOAD]) * count)
    extend(graph.shape, shapes)


def enter_constants(
    graph: Graph, values: NDArray[Any], exact: tuple[NDArray[Any], list[str] | Callable[[], list[str]]],
    own: NDArray[Any],
) -> None:  # fmt: skip
    """Enter numbers for constants whose nodes the columns are given in bulk; each must be new.

    exact: the positions among the numbers that have an exact text, and the texts, or what makes them when they are
    needed; own: whether each number is kept apart (see `Graph.constant`).
    """
    first = len(graph.constants)
    places, given = exact

    def texts() -> list[str]:
        return given() if callable(given) else given

    extend(graph.constants, values)

    def keys() -> Iterable[tuple[float | str, int]]:
        keys = values.astype(object)
        odd = np.flatnonzero((values == 0) | np.isnan(values))
        keys[odd] = list(map(str, values[odd].tolist()))
        keys[places] = texts()
        shared = np.flatnonzero(~own)
        return zip(keys[shared].tolist(), (first + shared).tolist(), strict=True)

    graph.exact = late(graph.exact)
    graph.exact.later(lambda: zip((first + places).tolist(), texts(), strict=True))
    graph._constant_numbers = late(graph._constant_numbers)
    graph._constant_numbers.later(keys)


def late(entries: MutableMapping[Key, Value]) -> LateDict[Key, Value]:
    """A dictionary of a graph as one that more can be entered in later."""
    return entries if isinstance(entries, LateDict) else LateDict(entries)


def extend(column: array[Any], values: NDArray[Any]) -> None:
    """Append numbers to a column of a graph."""
    column.frombytes(np.ascontiguousarray(values, dtype=column.typecode).view(np.uint8).data)
