"""Which nodes of a graph get a line and a name of their own when it is written down.

A graph may hold exponentially many paths in few nodes. What is shared is written once and named, small things are
repeated, and a long line is cut where its largest parts are. Every function here is a loop over positions.
"""

from __future__ import annotations

from cgcli.ops import structure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Container, Mapping

    from cgcli.graph.store import Graph

LINE_WIDTH = 4_000
"""About as many characters may stand on a line before a part of it gets a line of its own."""
CHEAP_WIDTH = 30
"""A shared operation on names and numbers that is no longer than this is repeated rather than named."""
SHORT_LINE = 100
"""A line that is no longer than this although it repeats what is shared needs no names."""
NAME_WIDTH = 5
"""About as many characters has a name where it is used."""
ELEMENT_WIDTH = 8
"""About as many characters has an element of an array."""


def written(graph: Graph, roots: Collection[int], texts: Container[int]) -> bytearray:
    """1 for every node that the roots need; the operands of a node among the texts are not needed for it."""
    needed = bytearray(max(roots, default=-1) + 1)
    for node in roots:
        needed[node] = 1
    for node in range(len(needed) - 1, -1, -1):
        if needed[node] and (node not in texts or node in roots):
            for operand in graph.operands_of(node):
                needed[operand] = 1
    return needed


def explodes(graph: Graph, node: int, texts: Container[int], repeated: int) -> bool:
    """Whether an expression without names would hold `repeated` operations more than three times the graph's."""
    pending, visits = [node], 0
    while pending and visits <= repeated:
        current = pending.pop()
        visits += 1
        pending.extend(operand for operand in graph.operands_of(current) if operand not in texts)
    if not pending:
        return False
    needed = written(graph, [node], texts)
    most = repeated + 3 * sum(needed)
    size = [1] * len(needed)
    for each in range(len(needed)):
        if needed[each] and (each not in texts or each == node):
            size[each] = min(most, 1 + sum([size[operand] for operand in graph.operands_of(each)]))
    return size[node] >= most


def lines_of_their_own(
    graph: Graph, needed: bytearray, roots: Collection[int], texts: Mapping[int, str], named: Container[int]
) -> bytearray:
    """1 for every needed node that gets a line: it is named, it is shared, or a line would be too long with it."""
    own_line = bytearray(len(needed))
    uses = _uses(graph, needed, roots, texts)
    in_long_line = _in_long_lines(graph, needed, roots, texts, named)
    width = [0] * len(needed)
    for node, wanted in enumerate(needed):
        if not wanted:
            continue
        operands = graph.operands_of(node) if node not in texts or node in roots else ()
        inner = sum([width[operand] for operand in operands])
        if inner > LINE_WIDTH:
            inner = _cut(operands, inner, width, own_line)
        width[node] = inner + _own_width(graph, node, len(operands), texts)
        cheap = width[node] <= CHEAP_WIDTH and all(graph.is_leaf(each) or own_line[each] for each in operands)
        shared = uses[node] > 1 and in_long_line[node]
        if node in named or (shared and not cheap and not graph.is_leaf(node) and node not in texts):
            own_line[node] = 1
            width[node] = NAME_WIDTH
    return own_line


def _in_long_lines(
    graph: Graph, needed: bytearray, roots: Collection[int], texts: Mapping[int, str], named: Container[int]
) -> bytearray:
    """1 for every node in a line that would be long if it repeated what is shared."""
    width = [0] * len(needed)
    inside = bytearray(len(needed))
    for node, wanted in enumerate(needed):
        if not wanted:
            continue
        operands = graph.operands_of(node) if node not in texts or node in roots else ()
        whole = sum([width[operand] for operand in operands]) + _own_width(graph, node, len(operands), texts)
        inside[node] = whole > SHORT_LINE
        width[node] = NAME_WIDTH if node in named else min(whole, SHORT_LINE + 1)
    for node in range(len(needed) - 1, -1, -1):
        if inside[node] and (node not in texts or node in roots):
            for operand in graph.operands_of(node):
                inside[operand] = 1
    return inside


def _cut(operands: Collection[int], inner: int, width: list[int], own_line: bytearray) -> int:
    """Give the longest operands lines of their own until the rest fits; the length of what is left."""
    counts: dict[int, int] = {}
    for operand in operands:
        counts[operand] = counts.get(operand, 0) + 1
    for operand in sorted(counts, key=width.__getitem__, reverse=True):
        if inner <= LINE_WIDTH or width[operand] <= CHEAP_WIDTH:
            break
        inner -= (width[operand] - NAME_WIDTH) * counts[operand]
        own_line[operand] = 1
        width[operand] = NAME_WIDTH
    return inner


def _uses(graph: Graph, needed: bytearray, roots: Collection[int], texts: Container[int]) -> list[int]:
    """How often each node is written."""
    uses = [0] * len(needed)
    for node, wanted in enumerate(needed):
        if wanted and (node not in texts or node in roots):
            for operand in graph.operands_of(node):
                uses[operand] += 1
    return uses


def _own_width(graph: Graph, node: int, count: int, texts: Mapping[int, str]) -> int:
    """About as many characters as a node writes beside its operands."""
    row = graph.row(node)
    if node in texts:
        return len(texts[node])
    if row is structure.array:
        return ELEMENT_WIDTH * int(graph.arrays[graph.payload[node]].size)
    if graph.is_input(node):
        return len(graph.input_name(node))
    if graph.is_constant(node):
        return len(f"{graph.constant_value(node)}".removesuffix(".0"))
    if "infix" in row.spell:
        return len(row.spell["infix"]) + (2 if count > 1 else 0)
    return len(row.name) + 2 * count
