"""Kept calls written out: the graph in which every call and every step stands as its own nodes."""

from __future__ import annotations

from cgcli.errors import CalculationError
from cgcli.graph.bodies import bodies_in, packed
from cgcli.graph.copying import GONE, carry
from cgcli.graph.store import Graph
from cgcli.graph.walk import ancestors
from cgcli.ops import calling
from cgcli.passes.folding import FoldingRef

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

    from cgcli.graph.bodies import Body

MOST_NODES = 5_000_000
"""Nodes that written out calls may make (about 2 GB)."""


def has_kept(graph: Graph) -> bool:
    """Whether a graph has kept calls."""
    return bool(bodies_in(graph))


def inlined(graph: Graph, wanted: Iterable[int], most: int = MOST_NODES) -> tuple[list[int], Graph]:
    """(new position of every node that is needed, the graph without kept calls); names and places go along.

    CalculationError where it would have more nodes than `most`.
    """
    moved = list(range(len(graph)))
    wanted = list(wanted)
    while True:
        needed = ancestors(graph, [moved[node] for node in wanted])
        kept = [node for node in range(len(graph)) if needed[node] and "kept" in graph.row(node).traits]
        if not kept:
            return moved, graph
        count = sum(needed) + sum(_steps_of(graph, node) * written_out_size(graph, node) for node in kept)
        if count > most:
            raise CalculationError(
                f"loops written out make {count:,} nodes here, more than the {most:,} that are allowed",
                hint="this needs every step by itself; repeat less often",
            )
        further, graph = _once(graph, needed)
        moved = [GONE if place == GONE else further[place] for place in moved]


def without_calls(graph: Graph, wanted: Iterable[int]) -> tuple[list[int], Graph]:
    """As `inlined`, but loops stay, and what their bodies hold: a single call says no more than what it computes."""
    moved = list(range(len(graph)))
    wanted = list(wanted)
    while any(graph.row(node) is calling.call for node in range(len(graph))):
        further, graph = _once(graph, ancestors(graph, [moved[node] for node in wanted]), loops=False)
        moved = [GONE if place == GONE else further[place] for place in moved]
    return moved, graph


def _steps_of(graph: Graph, node: int) -> int:
    return graph.attributes_of(node)[1] if graph.row(node) is calling.scan else 1


def kept_bodies(graph: Graph, nodes: Iterable[int]) -> Iterator[tuple[Body, int]]:
    """The bodies of the kept calls among some nodes, and of those within them, each with the number of its calls."""
    for node in nodes if has_kept(graph) else ():
        if "kept" in graph.row(node).traits:
            for body, times in _within(graph.attributes_of(node)[0]):
                yield body, times * _steps_of(graph, node)


def written_out_size(graph: Graph, node: int) -> int:
    """About how many nodes one step of a kept call makes, those of the calls within it included."""
    return sum(times * len(body.graph) for body, times in _within(graph.attributes_of(node)[0]))


def steps_of(body: Body) -> int:
    """How many times something is called in one call of a body, that call included."""
    return sum(times for _, times in _within(body))


def _within(body: Body) -> Iterator[tuple[Body, int]]:
    """A body and the bodies in it, each with the number of its calls."""
    pending = [(body, 1)]
    while pending:
        body, times = pending.pop()
        yield body, times
        inner = body.graph
        kept = (node for node in range(len(inner)) if "kept" in inner.row(node).traits)
        pending.extend((inner.attributes_of(node)[0], times * _steps_of(inner, node)) for node in kept)


def _once(graph: Graph, needed: Sequence[int], *, loops: bool = True) -> tuple[list[int], Graph]:
    """The outermost calls written out, and the outermost loops."""
    new, moved = Graph(), [GONE] * len(graph)
    for node in range(len(graph)):
        if not needed[node]:
            continue
        operands = [moved[operand] for operand in graph.operands_of(node)]
        row = graph.row(node)
        if "kept" not in row.traits or (row is calling.scan and not loops):
            moved[node] = new.copy_node(graph, node, operands)
            continue
        refs = [FoldingRef(new, operand) for operand in operands]
        begin = len(new)
        result = _called(refs, *graph.attributes_of(node)) if row is calling.call else _looped(refs, graph, node)
        moved[node] = result.node
        if node in graph.spans:
            for each in range(begin, len(new)):
                new.spans.setdefault(each, graph.spans[node])
    carry(graph, new, moved)
    return moved, new


def _called(operands: Sequence[Any], body: Body) -> Any:
    return body.written_out(operands)


def _looped(operands: Sequence[Any], graph: Graph, node: int) -> Any:
    """All steps of a `scan`, one after the other."""
    body, steps, count, reverse = graph.attributes_of(node)
    new = operands[0].graph
    state, items, shared = operands[0], operands[1 : 1 + count], operands[1 + count :]
    emitted: list[Any] = [None] * steps
    for step in range(steps - 1, -1, -1) if reverse else range(steps):
        given = [state, *(item[step] for item in items), *shared]
        results = [FoldingRef(new, each) for each in body.onto(new, [ref.node for ref in given])]
        state = results[0]
        emitted[step] = results[-1]
    return packed([state, *emitted]) if len(body.results) > 1 else state
