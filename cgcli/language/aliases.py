"""Names told apart from equal values, where somebody differentiates by them.

Equal expressions are one node, so a derivative by the node of a name would count the uses of every equal expression.
A name that is differentiated by, in the text or by the caller, therefore stands behind an `alias`, a node of its own:
a list as one array, and an element such as `w[0]` that the caller asks for as an alias that is put back into its
array. Who asks for no name gets no alias: those of the text's own `diff` are gone when lowering ends.
"""

from __future__ import annotations

import re
from array import array

from cgcli.errors import UsageError
from cgcli.graph.copying import GONE, carry, copy_nodes
from cgcli.graph.store import Graph
from cgcli.language import syntax
from cgcli.language.program import Program
from cgcli.ops import logic, shaping, structure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from typing import Any

    from cgcli.language.syntax import Syntax

    Part = tuple[str, tuple[Any, ...]]

PART = re.compile(r"([^\[\]]+)\[([^\[\]]*)\]")
ENTRY = re.compile(r"\s*(?:([+-]?\d+)|([+-]?\d+)?\s*:\s*([+-]?\d+)?)\s*")

# ---- what is asked for ---------------------------------------------------------------------------------------------


def asked_parts(labels: Iterable[str]) -> dict[str, list[Part]]:
    """Name -> what of it is asked for beside the whole, as (label, key), of labels such as `w`, `w[0]`, `A[0, 1:3]`.

    UsageError for an index that is no whole number.
    """
    found: dict[str, list[Part]] = {}
    for label in labels:
        matched = PART.fullmatch(label.strip())
        parts = found.setdefault(matched[1].strip() if matched else label, [])
        if matched:
            parts.append((label, tuple(_entry(text, label) for text in matched[2].split(","))))
    return found


def _entry(text: str, label: str) -> int | slice:
    matched = ENTRY.fullmatch(text)
    if matched is None:
        raise UsageError(f"`{label}` is no element of an array", hint="an index is a whole number: w[0], A[0,1]")
    if matched[1]:
        return int(matched[1])
    return slice(*(int(bound) if bound else None for bound in matched.groups()[1:]))


def differentiated_by(table: Syntax) -> set[str]:
    """The names that the text itself differentiates by, wherever they stand."""
    if not has_word(table, "diff"):
        return set()
    calls = (row for row in table.rows_of(syntax.CALL) if table.callee(row) == "diff" and table.count[row] > 2)
    return {table.word(name) for row in calls for name in target_names(table, children(table, row)[2]) or ()}


def has_word(table: Syntax, word: str) -> bool:
    """Whether a word may be in the text; a large text is not searched for it, since its words are known."""
    return word in table.source.text if table.words is None else table.words.find(word) >= 0


def children(table: Syntax, row: int) -> list[int]:
    """The last row of each child of a row."""
    first, found, last = table.first(), [0] * table.count[row], row - 1
    for place in range(table.count[row] - 1, -1, -1):
        found[place] = last
        last = first[last] - 1
    return found


def target_names(table: Syntax, row: int) -> list[int] | None:
    """The rows of the names in what a derivative is taken by; None where that is no name, element, or list of these."""
    names, pending = [], [row]
    while pending:
        row = pending.pop()
        rule = table.rule[row]
        if rule == syntax.NAME:
            names.append(row)
        elif rule == syntax.INDEX:
            pending.append(children(table, row)[0])
        elif rule == syntax.LIST and table.count[row] > 1:
            pending.extend(children(table, row)[1:])
        else:
            return None
    return names


# ---- parts ---------------------------------------------------------------------------------------------------------


def put_back(graph: Graph, whole: int, part: int, target: tuple[Any, ...]) -> int:
    """An array with a part in the place that `index` reads with these attributes."""
    ones = graph.constant(1.0)
    shape = graph.shape_of(part)
    if shape:
        ones = graph.apply(shaping.broadcast_to, [ones], [shape])
    chosen, placed = (graph.apply(shaping.place, [node], [target]) for node in (ones, part))
    return graph.apply(logic.where, [chosen, placed, whole])


def element_of_stack(graph: Graph, node: int, keep: Collection[int] = ()) -> int:
    """The item that an `index` takes of a list, however deep; the node itself where it is something else."""
    if graph.row(node) is not shaping.index:
        return node
    found = graph.operands_of(node)[0]
    for position in graph.attributes_of(node)[0]:
        found = behind(graph, found, keep)
        if graph.row(found) is not shaping.stack or isinstance(position, tuple):
            return node
        found = graph.operands_of(found)[position]
    return found


def behind(graph: Graph, node: int, keep: Collection[int] = ()) -> int:
    """The value that a name stands for, as far as its alias is not to keep."""
    while graph.row(node) is structure.alias and node not in keep:
        node = graph.operands_of(node)[0]
    return node


# ---- when lowering ends --------------------------------------------------------------------------------------------


def settle_aliases(program: Program, asked: Collection[str]) -> Program:
    """The program without the aliases of the text's own `diff`: those of the names that are asked for stay."""
    graph = program.graph
    return _rebuilt(program, {graph.names[name] for name in asked if name in graph.names})


def readable(program: Program) -> Program:
    """The program for steps and pictures: an alias goes where nothing else has its value.

    That serves first derivatives only: a further one may make the value anew, and would take it for the name's.
    """
    graph = program.graph
    aliases = {node for node in graph.names.values() if graph.row(node) is structure.alias}
    alone = set(_alone(program, aliases))
    return _rebuilt(program, aliases, alone) if alone else program


def _alone(program: Program, aliases: Collection[int]) -> Iterator[int]:
    """Aliases of values that have no other use and no other name; a part of an array is never alone."""
    graph = program.graph
    uses = array("i", bytes(4 * len(graph)))
    for operand in graph.operands:
        uses[operand] += 1
    known = {*program.outputs.values(), *program.defaults.values(), *graph.names.values()}
    for node in aliases:
        operand = graph.operands_of(node)[0]
        if uses[operand] == 1 and operand not in known and graph.row(operand) is not shaping.index:
            yield node


def _rebuilt(program: Program, keep: Collection[int], alone: Collection[int] = ()) -> Program:
    """The same program on a graph with fewer aliases; see `without_aliases`."""
    moved, graph = without_aliases(program.graph, keep, alone)
    return program.over(graph, moved)


def without_aliases(graph: Graph, keep: Collection[int] = (), alone: Collection[int] = ()) -> tuple[list[int], Graph]:
    """(new position of every node, the graph without its aliases), but for those to keep.

    alone: of these the ones whose value takes their place.
    """
    new, moved = Graph(), [GONE] * len(graph)
    copy_nodes(graph, new, range(len(graph)), moved, instead=lambda node: _value_of(graph, node, keep, alone))
    carry(graph, new, moved)
    return moved, new


def _value_of(graph: Graph, node: int, keep: Collection[int], alone: Collection[int]) -> int:
    """The node that a node stands for where aliases are not kept: names, their elements, and arrays of these."""
    row = graph.row(node)
    if row is structure.alias:
        return node if node in keep and node not in alone else graph.operands_of(node)[0]
    if row is shaping.index:
        return element_of_stack(graph, node, keep)
    if row is logic.where:
        return _array_of(graph, node, keep)
    return node


def _array_of(graph: Graph, node: int, keep: Collection[int]) -> int:
    """The array that a node puts a part back into (`put_back`) whose alias is not kept; any other node itself."""
    chosen, placed, whole = graph.operands_of(node)
    places = graph.row(chosen) is graph.row(placed) is shaping.place
    if not places or graph.shape_of(whole) != graph.shape_of(node):  # a derivative under a condition looks alike
        return node
    part = graph.operands_of(placed)[0]
    return whole if graph.row(part) is structure.alias and part not in keep else node
