"""Every step of the forward and the backward pass as plain data.

The steps are read off a `Point`: the adjoints and contributions that `differentiate` made, and all values of one
evaluation. So steps and result cannot disagree.
"""

from __future__ import annotations

from cgcli.emit.formula import applied
from cgcli.emit.names import is_bare_constant, node_names
from cgcli.explain.births import births
from cgcli.explain.point import Point
from cgcli.explain.rule_text import RuleTexts
from cgcli.explain.steps import NO_CALL, Backward, BackwardStep, Edge, Kink, Step, Trace
from cgcli.graph.shapes import size
from cgcli.numerals import compact
from cgcli.passes.kinks import holds, kink_conditions
from cgcli.passes.partials import local_partials

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from cgcli.explain.point import BackwardPass, Chooser
    from cgcli.graph.store import Graph

BACKWARDS = "its steps, backwards"
"""The rule of a loop: what it hands on is a loop again, back over the states of its steps."""


def trace(
    graph: Graph, outputs: Mapping[str, int], inputs: Mapping[str, Any], wrt: Sequence[int] | None, engine: Chooser
) -> Trace:
    """Evaluate the outputs and, for each, its derivative with respect to the nodes `wrt` (None: no backward pass).

    inputs: values by name. engine: from the wanted nodes to the engine that computes them. An output that is an array
    starts with an adjoint of ones: its backward pass is that of the sum of its elements. The graph is extended by the
    derivatives. CalculationError where an operation has no derivative rule, UsageError where an input is missing.
    """
    point = Point(graph, outputs, wrt or ())
    plans = [_BackwardPlan(graph, name, found) for name, found in point.passes.items()]
    conditions = kink_conditions(graph, [node for node in point.nodes if point.reach[node]])
    partials = [node for plan in plans for node in plan.partials.values()]
    point.evaluate(engine, inputs, [*conditions.values(), *partials])
    values, needed = point.values, set(point.nodes)
    names = node_names(graph, sorted({*point.nodes, *(wrt or ())}), outputs)
    rules = RuleTexts(graph, names)
    forward = _forward(graph, point.nodes, outputs, names, values)
    return Trace(
        graph, point.outputs, names, {node: values[node] for node in point.nodes}, forward,
        [plan.backward(rules, names, values, wrt or ()) for plan in plans],
        unused=[name for name, node in graph.inputs().items() if name in inputs and node not in needed],
        kinks=_kinks(graph, forward, {node for node, condition in conditions.items() if holds(values[condition])}),
        births=births(graph, values, outputs.values()),
    )  # fmt: skip


# ---- forward ---------------------------------------------------------------------------------------------------------


def _forward(
    graph: Graph, nodes: Sequence[int], outputs: Mapping[str, int], names: Mapping[int, str], values: Sequence[Any]
) -> list[Step]:
    known_as: dict[int, tuple[str, ...]] = {}
    for name, node in outputs.items():
        known_as[node] = (*known_as.get(node, ()), name)
    shown = [node for node in nodes if not is_bare_constant(graph, node, names, known_as)]
    shown.sort(key=lambda node: not graph.is_input(node))  # stable: inputs come first, the order stays
    steps: list[Step] = []
    for number, node in enumerate(shown, 1):
        formula, numbers = "", ""
        if not graph.is_leaf(node):
            operands = graph.operands_of(node)
            formula = applied(graph, node, [names[operand] for operand in operands])
            numbers = applied(graph, node, [compact(values[operand]) for operand in operands])
        steps.append(
            Step(
                number, node, names[node], graph.row(node).name, formula, numbers, values[node],
                graph.scopes.get(node, NO_CALL), known_as.get(node, ()),
            )
        )  # fmt: skip
    return steps


# ---- backward --------------------------------------------------------------------------------------------------------


class _BackwardPlan:
    """One backward pass under way: what it shows of each node, waiting for the values."""

    __slots__ = ("graph", "name", "order", "partials", "sweep")

    def __init__(self, graph: Graph, name: str, sweep: BackwardPass) -> None:
        self.graph = graph
        self.name = name
        self.sweep = sweep
        self.order = sorted(sweep.order, key=graph.is_input)  # stable: inputs come last, the order stays
        self.partials: dict[int, int] = {}
        for each in self.order:
            self._add_partials(each)

    def _edges(self, node: int) -> list[tuple[int, int]]:
        """(place, position in the column `operands`) of the operands that a node contributes to."""
        first, end = self.graph.start[node], self.graph.start[node + 1]
        return [(edge - first, edge) for edge in range(first, end) if edge in self.sweep.contributions]

    def _add_partials(self, node: int) -> None:
        edges = self._edges(node)
        if edges and self.graph.row(node).elementwise:
            found = local_partials(self.graph, node, [place for place, _ in edges])
            self.partials.update(
                {edge: partial for (_, edge), partial in zip(edges, found, strict=True) if partial is not None}
            )

    def backward(
        self, rules: RuleTexts, names: Mapping[int, str], values: Sequence[Any], wrt: Sequence[int]
    ) -> Backward:  # fmt: skip
        """The pass with its values."""
        adjoints = self.sweep.adjoints
        received: dict[int, list[Edge]] = {}
        steps: list[BackwardStep] = []
        for number, node in enumerate(self.order, 1):
            sent = [self._edge(node, place, position, rules, values) for place, position in self._edges(node)]
            adjoint = values[adjoints[node]]
            steps.append(BackwardStep(number, node, names[node], adjoint, received.pop(node, []), sent))
            for edge in sent:
                received.setdefault(edge.operand, []).append(edge)
        return Backward(self.name, self.sweep.node, steps, {node: values[adjoints[node]] for node in wrt})

    def _edge(self, node: int, place: int, position: int, rules: RuleTexts, values: Sequence[Any]) -> Edge:
        graph = self.graph
        operand = graph.operands[position]
        partial = self.partials.get(position)
        contribution = values[self.sweep.contributions[position]]
        is_loop = "kept" in graph.row(node).traits
        rule = BACKWARDS if is_loop else rules.text(node, place, partial=partial is not None)
        stretched = graph.row(node).elementwise and size(graph.shape_of(operand)) < size(graph.shape_of(node))
        return Edge(node, operand, place, rule, None if partial is None else values[partial], contribution, stretched)


# ---- kinks -----------------------------------------------------------------------------------------------------------


def _kinks(graph: Graph, forward: Iterable[Step], hit: set[int]) -> list[Kink]:
    return [
        Kink(step.node, step.name, step.operation, step.formula, step.numbers, graph.row(step.node).convention)
        for step in forward
        if step.node in hit
    ]
