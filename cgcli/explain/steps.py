"""What a trace is made of: the steps of both passes as plain data, without any way of making or showing them."""

from __future__ import annotations

from cgcli.numerals import finite, plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

    from cgcli.graph.store import Call, Graph

NO_CALL = -1
"""Call number of what is written outside of every user function."""


class Step:
    """One node of the forward pass.

    number: place in the order of evaluation, from 1. node: position in the graph. name: what the formula calls it, or
    v1, v2 …. operation: name of the row. formula: the operation over the names of its operands; numbers: the same over
    their values. call: number of the call of a user function that it belongs to, or -1. outputs: output names it has.
    """

    __slots__ = ("call", "formula", "name", "node", "number", "numbers", "operation", "outputs", "value")

    def __init__(
        self, number: int, node: int, name: str, operation: str, formula: str, numbers: str, value: Any, call: int,
        outputs: tuple[str, ...],
    ) -> None:  # fmt: skip
        self.number = number
        self.node = node
        self.name = name
        self.operation = operation
        self.formula = formula
        self.numbers = numbers
        self.value = value
        self.call = call
        self.outputs = outputs

    def as_dict(self) -> dict[str, Any]:
        """The step as JSON-able data."""
        return {
            "number": self.number, "name": self.name, "operation": self.operation, "formula": self.formula,
            "numbers": self.numbers, "value": plain(self.value), "call": None if self.call == NO_CALL else self.call,
            "outputs": list(self.outputs),
        }  # fmt: skip


class Edge:
    """What a node hands to one of its operands in the backward pass.

    place: which operand of the user it is. rule: for elementwise operations the partial derivative over the names of
    nodes, and `partial` is its value; for the others the contribution itself over the adjoint `∂user`, and `partial` is
    None. contribution: value of what is added to the operand's adjoint. summed: whether elements are added up because
    the operand had been stretched to the shape of the result.
    """

    __slots__ = ("contribution", "operand", "partial", "place", "rule", "summed", "user")

    def __init__(
        self, user: int, operand: int, place: int, rule: str, partial: Any, contribution: Any, summed: bool
    ) -> None:
        self.user = user
        self.operand = operand
        self.place = place
        self.rule = rule
        self.partial = partial
        self.contribution = contribution
        self.summed = summed

    def as_dict(self, names: Mapping[int, str]) -> dict[str, Any]:
        """The edge as JSON-able data."""
        return {
            "from": names[self.user], "to": names[self.operand], "place": self.place, "rule": self.rule,
            "partial": plain(self.partial), "contribution": plain(self.contribution), "summed": self.summed,
        }  # fmt: skip


class BackwardStep:
    """One node of the backward pass: what it received from its users, their sum, and what it hands on."""

    __slots__ = ("adjoint", "name", "node", "number", "received", "sent")

    def __init__(self, number: int, node: int, name: str, adjoint: Any, received: list[Edge], sent: list[Edge]) -> None:
        self.number = number
        self.node = node
        self.name = name
        self.adjoint = adjoint
        self.received = received
        self.sent = sent

    def as_dict(self, names: Mapping[int, str]) -> dict[str, Any]:
        """The step as JSON-able data; what it received is what its users sent."""
        return {
            "number": self.number, "name": self.name, "adjoint": plain(self.adjoint),
            "sent": [edge.as_dict(names) for edge in self.sent],
        }  # fmt: skip


class Backward:
    """The backward pass from one output, in reverse topological order, inputs last.

    node: the output. gradient: node -> adjoint of every node that was asked for.
    """

    __slots__ = ("gradient", "node", "output", "steps")

    def __init__(self, output: str, node: int, steps: list[BackwardStep], gradient: dict[int, Any]) -> None:
        self.output = output
        self.node = node
        self.steps = steps
        self.gradient = gradient

    def births(self) -> list[Edge]:
        """Edges where a nan or an infinity comes out of a finite adjoint: there the derivative went wrong."""
        return [
            edge for step in self.steps if finite(step.adjoint) for edge in step.sent if not finite(edge.contribution)
        ]


class Kink:
    """A node that was evaluated where its derivative is a convention, and which convention that is."""

    __slots__ = ("convention", "formula", "name", "node", "numbers", "operation")

    def __init__(self, node: int, name: str, operation: str, formula: str, numbers: str, convention: str) -> None:
        self.node = node
        self.name = name
        self.operation = operation
        self.formula = formula
        self.numbers = numbers
        self.convention = convention

    def as_dict(self) -> dict[str, Any]:
        """The kink as JSON-able data."""
        return {field: getattr(self, field) for field in ("name", "operation", "formula", "numbers", "convention")}


class Trace:
    """Both passes of one evaluation.

    outputs: name -> node. names: node -> name of every node, of a bare constant its number. values: node -> value.
    forward: the steps in order of evaluation, inputs first. backward: one pass an output, none where no derivative was
    asked for. unused: names of inputs that no output depends on. kinks: where a derivative is a convention. births:
    nodes where a nan or an infinity that reaches an output began. calls: the calls of user functions, which `Step.call`
    counts.
    """

    __slots__ = ("backward", "births", "calls", "forward", "graph", "kinks", "names", "outputs", "unused", "values")

    def __init__(
        self, graph: Graph, outputs: dict[str, int], names: dict[int, str], values: dict[int, Any], forward: list[Step],
        backward: list[Backward], *, unused: list[str], kinks: list[Kink], births: list[int],
    ) -> None:  # fmt: skip
        self.graph = graph
        self.outputs = outputs
        self.names = names
        self.values = values
        self.forward = forward
        self.backward = backward
        self.unused = unused
        self.kinks = kinks
        self.births = births
        self.calls: list[Call] = graph.calls

    def within(self, function: str) -> set[int]:
        """The nodes of steps in calls of a function, and in calls within these."""
        return nodes_within(self.graph, self.names, function)

    def keep(self, wanted: Callable[[int], bool]) -> None:
        """Leave only the steps of some nodes; values, gradients and remarks stay."""
        self.forward = [step for step in self.forward if wanted(step.node)]
        for backward in self.backward:
            backward.steps = [step for step in backward.steps if wanted(step.node)]

    def as_dict(self) -> dict[str, Any]:
        """The trace as JSON-able data; nan and infinities stay floats, numbers of many digits are texts."""
        called = with_parents(self.calls, (step.call for step in self.forward))
        return {
            "values": {name: plain(self.values[node]) for name, node in self.outputs.items()},
            "gradients": {
                each.output: {self.names[node]: plain(value) for node, value in each.gradient.items()}
                for each in self.backward
            },
            "forward": [step.as_dict() for step in self.forward],
            "backward": {each.output: [step.as_dict(self.names) for step in each.steps] for each in self.backward},
            "calls": [
                {"call": number, "name": self.calls[number].name, "parent": _or_none(self.calls[number].parent)}
                for number in called
            ],
            "unused": self.unused,
            "kinks": [kink.as_dict() for kink in self.kinks],
            "births": [self.names[node] for node in self.births],
        }  # fmt: skip


def nodes_within(graph: Graph, nodes: Iterable[int], function: str) -> set[int]:
    """Those of some nodes that belong to calls of a function, and to calls within these."""
    inside = [False] * len(graph.calls)
    for number, call in enumerate(graph.calls):  # a call stands behind the one that it is made in
        inside[number] = call.name == function or (call.parent != NO_CALL and inside[call.parent])
    scopes = graph.scopes
    return {node for node in nodes if scopes.get(node, NO_CALL) != NO_CALL and inside[scopes[node]]}


def with_parents(calls: Sequence[Call], wanted: Iterable[int]) -> list[int]:
    """Numbers of the calls that are wanted and of those that they are made in, in order."""
    found: set[int] = set()
    for number in wanted:
        call = number
        while call != NO_CALL and call not in found:
            found.add(call)
            call = calls[call].parent
    return sorted(found)


def _or_none(call: int) -> int | None:
    return None if call == NO_CALL else call
