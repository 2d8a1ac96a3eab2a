"""Elements at positions that are known before the calculation: a slice or a gathering, which says what it reads.

A loop over computed places (`[x[(k + 1) % n] for k in range(n)]`) takes elements at positions that are values
(`positions.take`). Where these are an array of the graph itself, what each element reads is known.
"""

from __future__ import annotations

from itertools import compress

from cgcli.graph.copying import GONE, carry
from cgcli.graph.shapes import size
from cgcli.graph.store import Graph
from cgcli.graph.walk import ancestors
from cgcli.ops import positions as at_positions
from cgcli.ops import shaping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


def with_static_positions(graph: Graph, wanted: Sequence[int]) -> tuple[Graph, dict[int, int]] | None:
    """The same graph with static positions in place of known values, and where the wanted nodes are in it.

    None where there are none. Inputs stay what they are.
    """
    if at_positions.take.code not in graph.op:
        return None
    needed = ancestors(graph, wanted)
    nodes = list(compress(range(len(needed)), needed))
    found = {node: _known(graph, node) for node in nodes if graph.row(node) is at_positions.take}
    if all(positions is None for positions in found.values()):
        return None
    target, moved = Graph(), [GONE] * len(graph)
    for node in nodes:
        positions = found.get(node)
        operands = [moved[operand] for operand in graph.operands_of(node)]
        if positions is None:
            moved[node] = target.copy_node(graph, node, operands)
        else:
            vector = picked(target, operands[0], positions)
            shape = graph.shape_of(node)
            moved[node] = target.apply(shaping.reshape, [vector], [shape]) if len(shape) != 1 else vector
    carry(graph, target, moved, calls=False)
    return target, {node: moved[node] for node in wanted}


def _known(graph: Graph, node: int) -> Any:
    """The positions in the whole array, rows first, of the elements that are taken; None where they are not known."""
    import numpy as np

    source, places = graph.operands_of(node)
    values, shape = graph.array_value(places), graph.shape_of(source)
    if values is None:
        return None
    items, exist = at_positions.whole_positions(np, values, shape[0])
    if not exist.all():
        return None
    length = size(shape[1:])
    return (items.reshape(-1, 1) * length + np.arange(length)).ravel()


def picked(graph: Graph, array: int, positions: Any) -> int:
    """Elements of an array as a vector: itself, a part at equal distances, or a gathering. The graph is extended."""
    import numpy as np

    shape = graph.shape_of(array)
    step = int(positions[1] - positions[0]) if len(positions) > 1 else 1
    if len(shape) == 1 and len(positions) and step and (np.diff(positions) == step).all():
        first, last = int(positions[0]), int(positions[-1])
        if step == 1 and len(positions) == shape[0]:
            return array
        stop = last + 1 if step > 0 else last - 1
        return graph.apply(shaping.index, [array], [((first, stop, step),)])
    return graph.apply(at_positions.gather, [array], [at_positions.Positions(positions.astype(np.int64))])
