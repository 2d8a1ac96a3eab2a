"""`xs[i]` in a loop over a range: what is read at positions that follow from the number alone is an item of the step.

So a step reads one element and not the whole array, and the derivative by the array is put together once.
"""

from __future__ import annotations

from cgcli.errors import FormulaError
from cgcli.graph.walk import descendants
from cgcli.ops import arithmetic, positions, shaping, structure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from cgcli.graph.store import Graph

MOST_WORKED_OUT = 200_000
"""Positions that are worked out one by one, where they are at no equal distances."""


class NotKeptError(FormulaError):
    """Something that the body of a loop cannot hold: the loop is written out."""


class TooLongError(FormulaError):
    """A loop that nobody waits for, kept or written out."""


class Lift:
    """An element that a step reads: its node, the array that it is read of, and the positions step by step."""

    __slots__ = ("array", "node", "positions")

    def __init__(self, node: int, array: int, found: Sequence[int]) -> None:
        self.node = node
        self.array = array
        self.positions = found

    def items(self, graph: Graph, array: int) -> int:
        """The elements for all steps, one after the other."""
        found = self.positions
        if found == range(graph.shape_of(array)[0]):
            return array
        if isinstance(found, range) and found[0] >= 0 and found[-1] >= 0:
            stop = found[-1] + (1 if found.step > 0 else -1)
            return graph.apply(shaping.index, [array], [(slice(found[0], None if stop < 0 else stop, found.step),)])
        return graph.apply(positions.take, [array, graph.array_constant(list(found))])


def lifted(
    graph: Graph, item: int, numbers: range | None, moving: Sequence[int], needed: Sequence[int]
) -> list[Lift]:  # fmt: skip
    """What a step reads at positions that follow from the number of a range. NotKeptError where one does not exist."""
    if numbers is None:
        return []
    from_item = descendants(graph, [item])
    found = []
    for node in range(len(graph)):
        if not needed[node] or graph.row(node) is not positions.take:
            continue
        array, k = graph.operands_of(node)
        places = _positions(graph, k, item, numbers, from_item)
        ends = (places[0], places[-1]) if isinstance(places, range) else places
        length = graph.shape_of(array)[0]
        if min(ends) < -length or max(ends) >= length:
            missing = min(ends) if min(ends) < -length else max(ends)
            raise NotKeptError(f"index {missing} does not exist; the axis has length {length}")
        if not moving[array]:
            found.append(Lift(node, array, places))
    return found


def _positions(graph: Graph, k: int, item: int, numbers: range, from_item: Sequence[int]) -> Sequence[int]:
    """The position of each step. NotKeptError where it follows from more than the number, or is no whole number."""
    line = _lines(graph, k, item)
    if line is not None:
        slope, begin = line
        if slope and slope.is_integer() and begin.is_integer():
            step, first = int(slope), int(begin)
            return range(step * numbers.start + first, step * numbers.stop + first, step * numbers.step)
    if len(numbers) > MOST_WORKED_OUT:
        raise NotKeptError("these positions are at no equal distances")
    return _worked_out(graph, k, item, numbers, from_item)


def _lines(graph: Graph, k: int, item: int) -> tuple[float, float] | None:
    """(a, b) where a node is a*number + b, else None."""
    known: dict[int, tuple[float, float]] = {item: (1.0, 0.0)}
    for node in _below(graph, k):
        value = graph.constant_value(node)
        if value is not None:
            known[node] = 0.0, value
            continue
        row = graph.row(node)
        parts = [known.get(operand) for operand in graph.operands_of(node)]
        if node in known:
            continue
        if None in parts or not parts:
            return None
        lines = [part for part in parts if part is not None]
        (a, b), (c, d) = lines[0], lines[-1]
        if row is arithmetic.add:
            known[node] = a + c, b + d
        elif row is arithmetic.sub:
            known[node] = a - c, b - d
        elif row is arithmetic.neg:
            known[node] = -a, -b
        elif row is arithmetic.mul and (a == 0 or c == 0):
            known[node] = a * d + c * b, b * d
        elif row is structure.alias:
            known[node] = a, b
        else:
            return None
    return known[k]


def _below(graph: Graph, node: int) -> list[int]:
    """What a node needs, operands first, itself included."""
    seen, pending = {node}, [node]
    while pending:
        for operand in graph.operands_of(pending.pop()):
            if operand not in seen:
                seen.add(operand)
                pending.append(operand)
    return sorted(seen)


def _worked_out(graph: Graph, k: int, item: int, numbers: range, from_item: Sequence[int]) -> list[int]:
    """The positions one by one."""
    columns: dict[int, list[float]] = {item: [float(number) for number in numbers]}
    count = len(numbers)
    for node in _below(graph, k):
        if node in columns:
            continue
        value, row = graph.constant_value(node), graph.row(node)
        if value is not None:
            columns[node] = [value] * count
        elif row.compute is None or not from_item[node] or graph.shape_of(node):
            raise NotKeptError("a position follows from more than the number of the step")
        else:
            used = [columns[operand] for operand in graph.operands_of(node)]
            attributes = graph.attributes_of(node)
            columns[node] = [row.compute(*values, *attributes) for values in zip(*used, strict=True)]
    if not all(number.is_integer() for number in columns[k]):
        raise NotKeptError("a position is no whole number")
    return [int(number) for number in columns[k]]
