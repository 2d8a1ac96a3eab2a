"""Formulas of small arrays: elements of known arrays, and the same formula element by element.

The derivative of `sum([x, y]^2)` is `(2 * [x, y])[0]` by the rules for arrays. Element by element it is `2 * x`.
"""

from __future__ import annotations

from itertools import compress

from cgcli.graph.copying import copy_nodes
from cgcli.graph.shapes import size
from cgcli.graph.store import Graph
from cgcli.graph.walk import ancestors
from cgcli.ops import shaping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

MOST_ELEMENTS = 500
"""A formula whose arrays have more elements than this together is not taken apart."""


def cut(graph: Graph, node: int, key: tuple[Any, ...]) -> tuple[int, tuple[Any, ...]]:
    """A node and a key that give the same part of an array as the given ones, without lists on the way.

    [x, y, z][1] is y, and a number repeated to an array is that number everywhere. The key may come out as ().
    """
    while key:
        row, operands = graph.row(node), graph.operands_of(node)
        if row is shaping.stack and not isinstance(key[0], tuple):
            node, key = operands[key[0]], key[1:]
        elif row is shaping.broadcast_to and not graph.shape_of(operands[0]):
            node, key = operands[0], ()
        else:
            break
    return node, key


def joined(graph: Graph, items: Sequence[int]) -> tuple[int, tuple[Any, ...]] | None:
    """A node and a key that give the same array as a list: [v[0], v[1]] is v of length 2. None for other lists."""
    if graph.row(items[0]) is not shaping.index:
        return None
    source, (key, shape) = graph.operands_of(items[0])[0], graph.attributes_of(items[0])
    numbers = [axis for axis, entry in enumerate(key) if not isinstance(entry, tuple)]
    if not numbers or len(items) != shape[numbers[-1]]:
        return None
    outer = key[: numbers[-1]]
    whole = tuple((0, length, 1) for length in shape[numbers[-1] + 1 :])
    for place, item in enumerate(items):
        if graph.row(item) is not shaping.index or graph.operands_of(item)[0] != source:
            return None
        if graph.attributes_of(item)[0] != (*outer, place, *whole):
            return None
    return source, outer


def in_scalars(
    graph: Graph, outputs: Sequence[int], *, kinks: bool = False
) -> tuple[Graph, list[int]] | None:  # fmt: skip
    """The same formula element by element: a graph and its outputs, of the same shapes.

    None where there is no array, where they are too large, or where an operation cannot be taken apart. kinks: whether
    an operation is taken apart also where its derivative is a convention at some points, and another one in elements.
    """
    needed = ancestors(graph, outputs)
    elements = sum(size(graph.shape_of(node)) for node in range(len(needed)) if needed[node] and graph.shape[node])
    if not 0 < elements <= MOST_ELEMENTS or not all(size(graph.shape_of(output)) for output in outputs):
        return None
    rows = {graph.row(node) for node in compress(range(len(needed)), needed)}
    if not kinks and any(row.kink is not None and not row.elementwise for row in rows):
        return None  # in elements, the kink of a length is one of a root, which has another derivative
    from cgcli.passes.scalars import NotScalarError, to_scalars

    try:
        apart = to_scalars(graph, outputs, lambda row: True)
    except NotScalarError:
        return None
    target = Graph()
    moved: dict[int, int] = {}
    for name, place in graph.inputs(hidden=True).items():
        if needed[place]:
            whole = target.copy_node(graph, place, ())
            moved.update(zip(apart.inputs[name], _elements(target, whole), strict=True))
    copy_nodes(apart.graph, target, [node for node in range(len(apart.graph)) if node not in moved], moved)
    return target, [
        _stacked(target, [moved[element] for element in apart.elements[output]], graph.shape_of(output))
        for output in outputs
    ]


def _elements(graph: Graph, node: int) -> Iterator[int]:
    """The elements of an array as nodes, rows first; of a scalar the node itself."""
    shape = graph.shape_of(node)
    if not shape:
        yield node
        return
    for number in range(size(shape)):
        key: list[int] = []
        for length in reversed(shape):
            number, place = divmod(number, length)
            key.insert(0, place)
        yield graph.apply(shaping.index, [node], [tuple(key)])


def _stacked(graph: Graph, elements: Sequence[int], shape: tuple[int, ...]) -> int:
    """An array of its elements, rows first."""
    for length in reversed(shape):
        elements = [graph.apply(shaping.stack, elements[start : start + length])
                    for start in range(0, len(elements), length)]  # fmt: skip
    return elements[0]
