"""Both passes without values: what every node is, and what its derivative is made of, over the names of the nodes."""

from __future__ import annotations

from typing import NamedTuple

from cgcli.emit.formula import applied
from cgcli.emit.names import is_bare_constant, node_names
from cgcli.explain.point import Point
from cgcli.explain.rule_text import ADJOINT, RuleTexts
from cgcli.passes.partials import local_partials

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from cgcli.explain.point import BackwardPass
    from cgcli.graph.store import Graph


class SymbolicStep(NamedTuple):
    """A node. name: what the formula calls it, or v1, v2 …. operation: of its row. formula: over names.

    sources: of an adjoint, the users that it comes from: (user, place among its operands, whether by a partial
    derivative).
    """

    node: int
    number: int
    name: str
    operation: str
    formula: str
    sources: tuple[tuple[int, int, bool], ...] = ()


class SymbolicTrace(NamedTuple):
    """Both passes. backward: output -> (name of a node, its adjoint over names), users before their operands."""

    graph: Graph
    names: dict[int, str]
    outputs: list[int]
    forward: list[SymbolicStep]
    backward: dict[str, list[SymbolicStep]]

    def kept(self, wanted: Callable[[int], bool]) -> SymbolicTrace:
        """The steps of some nodes alone."""
        return self._replace(
            forward=[step for step in self.forward if wanted(step.node)],
            backward={name: [step for step in steps if wanted(step.node)] for name, steps in self.backward.items()},
        )

    def as_dict(self) -> dict[str, Any]:
        """The trace as JSON-able data."""
        return {
            "forward": [{"number": step.number, "name": step.name, "operation": step.operation, "formula": step.formula}
                        for step in self.forward],
            "backward": {name: [{"number": step.number, "name": step.name, "adjoint": step.formula} for step in steps]
                         for name, steps in self.backward.items()},
        }  # fmt: skip


def symbolic_trace(graph: Graph, outputs: Mapping[str, int], wrt: Sequence[int] | None) -> SymbolicTrace:
    """The steps of the outputs and of their derivatives with respect to nodes (None: no backward pass).

    The graph is extended by the derivatives. CalculationError where an operation has no derivative rule.
    """
    point = Point(graph, outputs, wrt or ())
    names = node_names(graph, sorted({*point.nodes, *(wrt or ())}), outputs)
    known = {node: name for name, node in outputs.items()}
    shown = [node for node in point.nodes if not is_bare_constant(graph, node, names, known)]
    shown.sort(key=lambda node: not graph.is_input(node))  # stable: inputs come first, the order stays
    forward = []
    for number, node in enumerate(shown, 1):
        leaf = graph.is_leaf(node)
        formula = "" if leaf else applied(graph, node, [names[operand] for operand in graph.operands_of(node)])
        forward.append(SymbolicStep(node, number, names[node], graph.row(node).name, formula))
    rules = RuleTexts(graph, names)
    backward = {name: _adjoints(graph, found, names, rules) for name, found in point.passes.items()}
    return SymbolicTrace(graph, names, list(outputs.values()), forward, backward)


def _adjoints(
    graph: Graph, found: BackwardPass, names: Mapping[int, str], rules: RuleTexts
) -> list[SymbolicStep]:  # fmt: skip
    """What each adjoint is the sum of: the adjoint of a user times a partial derivative."""
    received: dict[int, list[str]] = {found.node: ["1"]}
    sources: dict[int, list[tuple[int, int, bool]]] = {}
    order = sorted(found.order, key=graph.is_input)  # stable: inputs come last
    steps = []
    for number, node in enumerate(order, 1):
        first, end = graph.start[node], graph.start[node + 1]
        places = [edge - first for edge in range(first, end) if edge in found.contributions]
        exact = local_partials(graph, node, places) if places and graph.row(node).elementwise else [None] * len(places)
        for place, partial in zip(places, exact, strict=True):
            rule = rules.text(node, place, partial=partial is not None)
            text = rule if partial is None else _times(f"{ADJOINT}{names[node]}", rule)
            operand = graph.operands[first + place]
            received.setdefault(operand, []).append(text)
            sources.setdefault(operand, []).append((node, place, partial is not None))
        adjoint = " + ".join(received.get(node, ["0"]))
        steps.append(SymbolicStep(node, number, names[node], "", adjoint, tuple(sources.get(node, ()))))
    return steps


def _times(adjoint: str, rule: str) -> str:
    """`∂v2 · cos(v1)`, and `∂v2` alone where the partial derivative is 1."""
    if rule in ("1", "-1"):
        return adjoint if rule == "1" else f"(-{adjoint})"
    plain = rule.replace("_", "").isalnum() or (rule.endswith(")") and rule.split("(")[0].isidentifier())
    return f"{adjoint} · {rule if plain else f'({rule})'}"
