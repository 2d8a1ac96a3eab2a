"""Kinks within the steps of kept loops: the first step at which one is hit, and which it is."""

from __future__ import annotations

from cgcli.engines import engine
from cgcli.explain.loop_steps import anywhere, first_step, remembering
from cgcli.graph.bodies import packed
from cgcli.graph.copying import copy_missing
from cgcli.graph.store import Graph
from cgcli.graph.walk import between
from cgcli.ops import calling
from cgcli.passes.folding import FoldingRef

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from typing import Any

    from cgcli.explain.loop_steps import Step
    from cgcli.graph.bodies import Body
    from cgcli.graph.ref import Ref

    Choose = Callable[[Graph, Collection[int]], set[int]]
    """From the nodes between the operands and the results of a body to those whose kinks are asked for."""
    Hit = tuple[Graph, int, list[Any], str]


def hits_of(attributes: tuple[Any, ...], operands: Sequence[Any], choose: Choose) -> Iterator[Hit]:
    """The kinks that a `scan` hits at its first step that hits one: the body's graph, the node, its operands, where.

    operands: the values of those of the scan. choose: which nodes of a body count.
    """
    body: Body = attributes[0]
    nodes = _asked(body, choose)
    if not nodes:
        return
    step = first_step(attributes, operands, engine("numpy"), lambda ref: _any_of(body, nodes, ref, choose))
    if step is None:
        return
    where = f", in step {step.number:,} of `{step.function}`"
    for node, numbers in _at(step, nodes, choose):
        if body.graph.row(node) is calling.scan:
            for graph, inner, inner_numbers, inner_where in hits_of(body.graph.attributes_of(node), numbers, choose):
                yield graph, inner, inner_numbers, inner_where + where
        else:
            yield body.graph, node, numbers, where


def _asked(body: Body, choose: Choose) -> list[int]:
    """The nodes of a body that count, and the loops in it that have such."""
    graph = body.graph
    active = between(graph, body.operands, body.results)
    nodes = [node for node, reached in enumerate(active) if reached]
    loops = [node for node in nodes if graph.row(node) is calling.scan and _asked(graph.attributes_of(node)[0], choose)]
    return sorted({*choose(graph, nodes), *loops})


def _any_of(body: Body, nodes: Sequence[int], ref: Callable[[int], Ref], choose: Choose) -> Ref:
    """Whether one of the nodes is at its kink."""
    conditions = [_condition(body.graph, node, ref, choose) for node in nodes]
    whole = conditions[0]
    for condition in conditions[1:]:
        whole = whole | condition
    return whole


def _condition(graph: Graph, node: int, ref: Callable[[int], Ref], choose: Choose) -> Ref:
    """Whether a node is at its kink; of a loop, whether one of its steps is."""
    operands = [ref(operand) for operand in graph.operands_of(node)]
    row, attributes = graph.row(node), graph.attributes_of(node)
    if row is not calling.scan:
        assert row.kink is not None
        return anywhere(operands[0].coerce(row.kink(*operands, *attributes)))
    body, *static = attributes
    nodes = _asked(body, choose)
    looking = remembering(body, lambda inner: _any_of(body, nodes, inner, choose))
    none_yet = operands[0].coerce(-1.0)
    state = packed([operands[0], operands[0].coerce(0.0), none_yet])
    found = state.build(calling.scan, [state, *operands[1:]], [looking, *static])
    return found[found.shape[0] - 1] >= 0


def _at(step: Step, nodes: Sequence[int], choose: Choose) -> list[tuple[int, list[Any]]]:
    """The nodes that are at their kinks in a step, with the values of their operands."""
    graph, source = Graph(), step.body.graph
    copies = {node: graph.input(source.input_name(node), source.shape_of(node)) for node in step.body.operands}

    def ref(node: int) -> Ref:
        copy_missing(source, graph, [node], copies)
        return FoldingRef(graph, copies[node])

    conditions = {node: _condition(source, node, ref, choose).node for node in nodes}
    used = [copies[operand] for node in nodes for operand in source.operands_of(node)]
    values = engine("numpy").evaluate(graph, step.inputs, [*conditions.values(), *used])
    return [
        (node, [values[copies[operand]] for operand in source.operands_of(node)])
        for node, condition in conditions.items()
        if values[condition]
    ]
