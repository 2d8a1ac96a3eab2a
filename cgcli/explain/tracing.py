"""Every step of the forward and the backward pass as plain data.

The steps are read off the maps of `differentiate` (node -> adjoint, edge -> contribution), and all numbers come from
one evaluation of the graph that the derivative is taken from. So steps and result cannot disagree.
"""

from __future__ import annotations

from cgcli.emit.formula import applied
from cgcli.emit.names import is_bare_constant, node_names
from cgcli.engines.results import separated
from cgcli.explain.births import births
from cgcli.explain.rule_text import RuleTexts
from cgcli.explain.steps import NO_CALL, Backward, BackwardStep, Edge, Kink, Step, Trace
from cgcli.graph.shapes import size
from cgcli.graph.walk import ancestors, descendants
from cgcli.numerals import compact
from cgcli.passes.differentiate import differentiate
from cgcli.passes.kinks import kink_conditions
from cgcli.passes.partials import local_partials

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

    from cgcli.engines.base import Engine
    from cgcli.graph.store import Graph

    Chooser = Callable[[Sequence[int]], Engine]


def trace(
    graph: Graph, outputs: Mapping[str, int], inputs: Mapping[str, Any], wrt: Sequence[int] | None, engine: Chooser
) -> Trace:
    """Evaluate the outputs and, for each, its derivative with respect to the nodes `wrt` (None: no backward pass).

    inputs: values by name. engine: from the wanted nodes to the engine that computes them. An output that is an array
    starts with an adjoint of ones: its backward pass is that of the sum of its elements. The graph is extended by the
    derivatives. CalculationError where an operation has no derivative rule, UsageError where an input is missing.
    """
    outputs = dict(outputs)
    needed = ancestors(graph, outputs.values())
    nodes = [node for node, need in enumerate(needed) if need]
    unused = [name for name, node in graph.inputs().items() if name in inputs and not needed[node]]
    reach = descendants(graph, wrt or ())
    plans = [_BackwardPlan(graph, name, node, wrt, reach) for name, node in outputs.items()] if wrt else []
    conditions = kink_conditions(graph, [node for node in nodes if reach[node]])
    wanted = [*nodes, *(node for plan in plans for node in plan.wanted()), *conditions.values()]
    values = _values(graph, inputs, wanted, engine)
    names = node_names(graph, sorted({*nodes, *(wrt or ())}), outputs)
    rules = RuleTexts(graph, names)
    forward = _forward(graph, nodes, outputs, names, values)
    return Trace(
        graph, outputs, names, {node: values[node] for node in nodes}, forward,
        [plan.backward(rules, names, values) for plan in plans],
        unused=unused,
        kinks=_kinks(graph, forward, {node for node, condition in conditions.items() if _holds(values[condition])}),
        births=births(graph, values, outputs.values()),
    )  # fmt: skip


def _values(graph: Graph, inputs: Mapping[str, Any], wanted: Sequence[int], engine: Chooser) -> list[Any]:
    """Values by node, in memory of the trace's own."""
    values = list(engine(wanted).evaluate(graph, inputs, wanted))
    nodes = list(dict.fromkeys(wanted))
    for node, value in zip(nodes, separated([values[node] for node in nodes], inputs.values()), strict=True):
        values[node] = value
    return values


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
    """One backward pass under way: what differentiation added to the graph, waiting for the values."""

    __slots__ = ("adjoints", "derivatives", "graph", "name", "node", "order", "partials", "wrt")

    def __init__(self, graph: Graph, name: str, node: int, wrt: Sequence[int], reach: bytearray) -> None:
        self.graph = graph
        self.name = name
        self.node = node
        self.wrt = list(wrt)
        needed = ancestors(graph, [node])
        self.order = [each for each in range(node, -1, -1) if reach[each] and needed[each]]
        self.order.sort(key=graph.is_input)  # stable: inputs come last, the order stays
        self.derivatives = differentiate(graph, [node], wrt)
        self.adjoints = {each: self.derivatives.wrt(each) for each in (*self.order, *self.wrt)}
        self.partials: dict[int, int] = {}
        for each in self.order:
            self._add_partials(each)

    def _edges(self, node: int) -> list[tuple[int, int]]:
        """(place, position in the column `operands`) of the operands that a node contributes to."""
        first, end = self.graph.start[node], self.graph.start[node + 1]
        found = self.derivatives.contribution
        return [(edge - first, edge) for edge in range(first, end) if found[edge] >= 0]

    def _add_partials(self, node: int) -> None:
        edges = self._edges(node)
        if edges and self.graph.row(node).elementwise:
            found = local_partials(self.graph, node, [place for place, _ in edges])
            self.partials.update(
                {edge: partial for (_, edge), partial in zip(edges, found, strict=True) if partial is not None}
            )

    def wanted(self) -> list[int]:
        """All nodes whose values the pass shows."""
        contributions = [node for node in self.derivatives.contribution if node >= 0]
        return [*self.adjoints.values(), *contributions, *self.partials.values()]

    def backward(self, rules: RuleTexts, names: Mapping[int, str], values: Sequence[Any]) -> Backward:
        """The pass with its values."""
        received: dict[int, list[Edge]] = {}
        steps: list[BackwardStep] = []
        for number, node in enumerate(self.order, 1):
            sent = [self._edge(node, place, position, rules, values) for place, position in self._edges(node)]
            adjoint = values[self.adjoints[node]]
            steps.append(BackwardStep(number, node, names[node], adjoint, received.pop(node, []), sent))
            for edge in sent:
                received.setdefault(edge.operand, []).append(edge)
        return Backward(self.name, self.node, steps, {node: values[self.adjoints[node]] for node in self.wrt})

    def _edge(self, node: int, place: int, position: int, rules: RuleTexts, values: Sequence[Any]) -> Edge:
        graph = self.graph
        operand = graph.operands[position]
        partial = self.partials.get(position)
        contribution = values[self.derivatives.contribution[position]]
        rule = rules.text(node, place, partial=partial is not None)
        stretched = graph.row(node).elementwise and size(graph.shape_of(operand)) < size(graph.shape_of(node))
        return Edge(node, operand, place, rule, None if partial is None else values[partial], contribution, stretched)


# ---- kinks -----------------------------------------------------------------------------------------------------------


def _holds(value: Any) -> bool:
    """Whether a condition holds, for an array at one element at least."""
    return bool(value.any()) if getattr(value, "shape", ()) else bool(value)


def _kinks(graph: Graph, forward: Iterable[Step], hit: set[int]) -> list[Kink]:
    return [
        Kink(step.node, step.name, step.operation, step.formula, step.numbers, graph.row(step.node).convention)
        for step in forward
        if step.node in hit
    ]
