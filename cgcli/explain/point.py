"""A graph at one point: the values of its nodes, and the adjoints and contributions of backward passes.

Made once, in one run of an engine. Steps, pictures and reports read the same object, so they cannot disagree. This is
also the one place that asks `Derivatives` for its nodes.
"""

from __future__ import annotations

from cgcli.engines.results import separated
from cgcli.graph.walk import ancestors, descendants
from cgcli.passes.differentiate import differentiate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

    from cgcli.engines.base import Engine
    from cgcli.graph.store import Graph

    Chooser = Callable[[Sequence[int]], Engine]
    """From the wanted nodes to the engine that computes them."""


class BackwardPass:
    """The backward pass from one output: which nodes hold its adjoints and its contributions.

    order: the nodes on a path from what is differentiated by to the output, users before their operands.
    adjoints: node -> node of its adjoint, for those and for all that is differentiated by.
    contributions: edge (position in the column `operands`) -> node of what the user adds to the operand's adjoint.
    """

    __slots__ = ("adjoints", "contributions", "node", "order")

    def __init__(self, graph: Graph, node: int, wrt: Sequence[int], reach: bytearray) -> None:
        self.node = node
        needed = ancestors(graph, [node])
        self.order = [each for each in range(node, -1, -1) if reach[each] and needed[each]]
        found = differentiate(graph, [node], wrt)
        self.adjoints = {each: found.wrt(each) for each in (*self.order, *wrt)}
        edges = [edge for user in self.order for edge in range(graph.start[user], graph.start[user + 1])]
        added = {edge: found.contribution_of(edge) for edge in edges}
        self.contributions = {edge: part for edge, part in added.items() if part >= 0}


class Point:
    """What some outputs need of a graph, and their derivatives, with all values.

    outputs: name -> node. nodes: those that the outputs need, in order of evaluation. reach: 1 for each node that
    depends on what is differentiated by. passes: output -> its backward pass, empty where nothing is differentiated by.
    values: node -> value, of `nodes`, of what the passes hold and of what else was asked for; known after `evaluate`,
    in memory of their own.
    """

    __slots__ = ("graph", "nodes", "outputs", "passes", "reach", "values")

    def __init__(self, graph: Graph, outputs: Mapping[str, int], wrt: Sequence[int] = ()) -> None:
        """The graph is extended by the derivatives. CalculationError where an operation has no derivative rule."""
        self.graph = graph
        self.outputs = dict(outputs)
        self.nodes = [node for node, need in enumerate(ancestors(graph, outputs.values())) if need]
        self.reach = descendants(graph, wrt)
        self.passes = {name: BackwardPass(graph, node, wrt, self.reach) for name, node in outputs.items() if wrt}
        self.values: Sequence[Any] = ()

    def evaluate(self, engine: Chooser, inputs: Mapping[str, Any], further: Iterable[int] = ()) -> None:
        """Compute all values in one run, those of further nodes too. UsageError where an input is missing."""
        wanted = [*self.nodes, *further]
        for each in self.passes.values():
            wanted += [*each.adjoints.values(), *each.contributions.values()]
        values = list(engine(wanted).evaluate(self.graph, inputs, wanted))
        nodes = list(dict.fromkeys(wanted))
        for node, value in zip(nodes, separated([values[node] for node in nodes], inputs.values()), strict=True):
            values[node] = value
        self.values = values
