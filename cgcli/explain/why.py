"""Why a value or a derivative is nan, infinite, zero, huge or tiny: where that began, and the way from there.

Everything is read from one `Point`, so what is said here and what the trace shows cannot disagree.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from cgcli.emit.formula import expression
from cgcli.explain.births import births, kind_of
from cgcli.explain.digits import Exact
from cgcli.explain.point import Point
from cgcli.graph.store import Graph
from cgcli.graph.walk import ancestors, descendants
from cgcli.numerals import compact, finite, shortened
from cgcli.ops import arithmetic, logic

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from cgcli.errors import Span
    from cgcli.explain.point import BackwardPass
    from cgcli.explain.remedies import Cure

FORWARD, BACKWARD = "forward", "backward"

HUGE, TINY = 1e12, 1e-12
"""Sizes of a derivative from which on it is told."""

MOST = 4
"""Findings of one kind for one output."""

LONGEST_TEXT, LONGEST_PATH = 60, 12
"""Characters of a part of the formula, and steps of a way that are told."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is worth a word.

    kind: nan, infinite, zero, huge, vanishing, convention. pass_: forward or backward. of, by: the output, and what it
    is differentiated by. node: the operation where it began; text: as the formula writes it. why: in a sentence.
    path: the way from there to the result, (text, value) each. cures: what to write instead, tried.
    """

    kind: str
    pass_: str
    of: str
    by: str | None
    node: int
    operation: str
    text: str
    span: Span | None
    why: str
    path: list[tuple[str, Any]] = field(default_factory=list)
    cures: list[Cure] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """The finding as JSON-able data."""
        return {
            "kind": self.kind, "pass": self.pass_, "of": self.of, "by": self.by, "operation": self.operation,
            "text": self.text, "why": self.why, "path": [{"text": text, "value": value} for text, value in self.path],
            "cures": [cure.as_dict() for cure in self.cures],
        }  # fmt: skip


class Inquiry:
    """Looks at one point of a graph. outputs, variables: nodes by name; the graph is extended by derivatives."""

    def __init__(
        self, graph: Graph, outputs: Mapping[str, int], variables: Mapping[str, int], inputs: Mapping[str, Any],
        engine: Any,
    ) -> None:  # fmt: skip
        self.graph = graph
        self.outputs = outputs
        self.variables = variables
        scalar = all(not graph.shape_of(node) for node in outputs.values())
        self.point = Point(graph, outputs, list(variables.values()) if scalar else ())
        slopes = [node for each in self.point.passes.values() for node in each.adjoints.values()]
        steps = [node for node, need in enumerate(ancestors(graph, slopes)) if need]  # a nan may begin in any of them
        self.point.evaluate(engine, inputs, steps)
        self.values = self.point.values
        self._names = graph.name_of()

    def findings(self) -> list[Finding]:
        """What is worth a word, in the order of the passes; conventions are told elsewhere (`formulas.kinks`)."""
        found: list[Finding] = []
        for name, node in self.outputs.items():
            if not finite(self.values[node]):
                found += self._forward(name, node)
            elif np.size(self.values[node]) and not np.any(np.asarray(self.values[node], dtype=float)):
                found += self._zero_value(name, node)
            backward = self.point.passes.get(name)
            if backward is not None:
                for by, variable in self.variables.items():
                    found += self._derivative(name, by, variable, backward)
        return found

    # ---- words -------------------------------------------------------------------------------------------------------

    def text(self, node: int) -> str:
        """A node as the formula writes it, cut where it is long."""
        written = self._names[node] if node in self._names else self._expression(node)
        return shortened(written, LONGEST_TEXT)

    def _expression(self, node: int) -> str:
        """A node over the names of the formula."""
        return expression(self.graph, node, {each: name for each, name in self._names.items() if each != node})

    def numbers(self, node: int) -> str:
        """The operands of a node with their values: `x = 0, y = 2`."""
        operands = dict.fromkeys(self.graph.operands_of(node))
        parts = [f"{self.text(each)} = {compact(self.values[each])}" for each in operands
                 if not (self.graph.is_leaf(each) and not self.graph.is_input(each))]  # fmt: skip
        return ", ".join(parts)

    def _found(
        self, kind: str, pass_: str, of: str, by: str | None, node: int, why: str, path: list[tuple[str, Any]]
    ) -> Finding:  # fmt: skip
        graph = self.graph
        text = shortened(self._expression(node), LONGEST_TEXT)
        return Finding(kind, pass_, of, by, node, graph.row(node).name, text, graph.spans.get(node), why, path)

    # ---- the forward pass --------------------------------------------------------------------------------------------

    def _forward(self, name: str, output: int) -> list[Finding]:
        """Where what is no number in a value began."""
        found = []
        for node in births(self.graph, self.values, [output])[:MOST]:
            kind = "nan" if kind_of(self.values[node]) == "nan" else "infinite"
            if self.graph.is_leaf(node):
                why = f"{self.text(node)} is given as {compact(self.values[node])}"
            else:
                value = compact(self.values[node])
                why = f"`{self.graph.row(node).name}` gives {value} where {self.numbers(node)}"
            found.append(self._found(kind, FORWARD, name, None, node, why, self._way_up(node, output)))
        return found

    def _way_up(self, node: int, output: int) -> list[tuple[str, Any]]:
        """From a node to the output, through values that are no numbers."""
        above: dict[int, int] = {}
        pending = [output]
        while pending:
            each = pending.pop(0)
            for operand in self.graph.operands_of(each):
                if operand not in above and operand != output and not finite(self.values[operand]):
                    above[operand] = each
                    pending.append(operand)
        way = [node]
        while way[-1] in above and way[-1] != output:
            way.append(above[way[-1]])
        return [(self.text(each), self.values[each]) for each in _shortened(way)]

    def _zero_value(self, name: str, output: int) -> list[Finding]:
        """A value of 0 that an operation made of numbers that are none: what underflowed, or the factor that is 0."""
        node, way = output, [output]
        while True:
            zeros = [operand for operand in self.graph.operands_of(node) if not np.any(_array(self.values[operand]))]
            moving = [operand for operand in zeros if not self.graph.is_constant(operand)]
            if self.graph.is_leaf(node) or not moving:
                break
            node = moving[0]
            way.append(node)
        if self.graph.is_leaf(node) or not self._underflows(node):
            return []
        why = f"`{self.graph.row(node).name}` underflows to 0 where {self.numbers(node)}"
        path = [(self.text(each), self.values[each]) for each in _shortened(way[::-1])]
        return [self._found("zero", FORWARD, name, None, node, why, path)]

    def _underflows(self, node: int) -> bool:
        """Whether the true value of a node is no 0, as its operands are."""
        graph, own = self.graph, Graph()
        operands = graph.operands_of(node)
        if graph.shape_of(node) or any(graph.shape_of(operand) for operand in operands):
            return False
        names = {operand: own.input(f"operand {place}") for place, operand in enumerate(dict.fromkeys(operands))}
        copy = own.repeat(graph.row(node), [names[operand] for operand in operands], graph.attributes_of(node))
        point = {own.input_name(place): float(self.values[operand]) for operand, place in names.items()}
        number = Exact().values(own, point, [copy])[copy]
        return number is not None and number.samples[0] != 0

    # ---- the backward pass -------------------------------------------------------------------------------------------

    def _derivative(self, name: str, by: str, variable: int, backward: BackwardPass) -> list[Finding]:
        """What is to be said of one derivative."""
        adjoint = self.values[backward.adjoints[variable]]
        if not finite(adjoint):
            return self._broken(name, by, variable, backward)
        sizes = np.abs(_array(adjoint))
        if not sizes.size:
            return []
        if not sizes.any():
            return self._zero(name, by, variable, backward)
        if not finite(self.values[self.outputs[name]]):
            return []  # what is infinite makes what lies below it huge or tiny
        largest, least = float(sizes.max()), float(sizes[sizes > 0].min())
        if largest >= HUGE:
            return self._extreme("huge", name, by, variable, backward)
        return self._extreme("vanishing", name, by, variable, backward) if least <= TINY else []

    def _broken(self, name: str, by: str, variable: int, backward: BackwardPass) -> list[Finding]:
        """Where what is no number in a derivative began: in the value itself, or by which rule."""
        if not finite(self.values[self.outputs[name]]):
            return []  # told of the value already
        graph, found, seen = self.graph, [], set()
        for node in births(graph, self.values, [backward.adjoints[variable]])[:MOST]:
            chain = graph.origins.chain(node)
            culprit = chain[-1] if chain else node
            if culprit in seen:
                continue
            seen.add(culprit)
            value = self.values[node]
            kind = "nan" if kind_of(value) == "nan" else "infinite"
            name_of = graph.row(culprit).name
            numbers = self.numbers(culprit)
            why = f"the derivative of `{name_of}` has no finite value where {numbers}" if numbers else f"`{name_of}`"
            path = self._way_down(culprit, variable, backward)
            found.append(self._found(kind, BACKWARD, name, by, culprit, why, path))
        return found

    def _way_down(self, node: int, variable: int, backward: BackwardPass) -> list[tuple[str, Any]]:
        """From an operation to the variable, with the derivative of the output by each node."""
        reach = self.point.reach
        below: dict[int, int] = {}
        pending = [node]
        while pending:
            each = pending.pop(0)
            operands = self.graph.operands_of(each)
            for operand in operands[1:] if self.graph.row(each) is logic.where else operands:  # not by the condition
                if operand not in below and (reach[operand] or operand == variable):
                    below[operand] = each
                    pending.append(operand)
        way = [variable]
        while way[-1] in below and way[-1] != node:
            way.append(below[way[-1]])
        nodes = [each for each in _shortened(way[::-1]) if each in backward.adjoints]
        return [(f"∂/∂{_bracketed(self.text(each))}", self.values[backward.adjoints[each]]) for each in nodes]

    def _zero(self, name: str, by: str, variable: int, backward: BackwardPass) -> list[Finding]:
        """Why a derivative is 0: on each way from the output, the operation that passes nothing on."""
        graph, output = self.graph, self.outputs[name]
        inner = self._leading_to(variable)
        if not inner[output]:
            why = f"`{name}` does not depend on `{by}`"
            return [self._found("zero", BACKWARD, name, by, output, why, [])]
        found, seen, sound = [], set(), finite(self.values[output])
        for user in backward.order:
            if not inner[user] or not np.any(_array(self.values[backward.adjoints[user]])):
                continue
            for place, operand in reversed(list(enumerate(graph.operands_of(user)))):  # a condition is told last
                part = backward.contributions.get(graph.start[user] + place)
                if not inner[operand] or user in seen or (part is not None and np.any(_array(self.values[part]))):
                    continue
                seen.add(user)
                if not sound and any(not finite(self.values[each]) for each in graph.operands_of(user)):
                    continue  # that something is infinite there is told of the value
                path = self._way_down(output, user, backward) + self._way_down(user, variable, backward)[1:]
                found.append(self._found("zero", BACKWARD, name, by, user, self._cut(user, place), path))
        if not found and not seen:
            why = f"the parts that `{by}` contributes on its ways to `{name}` add up to 0"
            return [self._found("zero", BACKWARD, name, by, output, why, [])]
        return found[:MOST]

    def _leading_to(self, variable: int) -> bytearray:
        """1 for each node that depends on a variable."""
        return descendants(self.graph, [variable])

    def _cut(self, user: int, place: int) -> str:
        """Why an operation passes nothing on to an operand."""
        graph, row = self.graph, self.graph.row(user)
        operands = graph.operands_of(user)
        numbers = self.numbers(user)
        if row is logic.where:
            if place == 0:
                return f"`{row.name}` only decides by its condition: a condition has no slope"
            taken = "false" if place == 1 else "true"
            return f"the branch is not taken: {self.text(operands[0])} is {taken}"
        if "piecewise_constant" in row.traits:
            return f"`{row.name}` is constant between its steps, so its slope is 0 everywhere"
        others = [each for position, each in enumerate(operands) if position != place]
        zero = next((each for each in others if not np.any(_array(self.values[each]))), None)
        if row is arithmetic.mul and zero is not None:
            text = self.text(zero)
            return "the other factor is 0" + (f": {text} = 0" if not graph.is_constant(zero) else "")
        if row.kink is not None:
            return f"`{row.name}` is flat on this side, where {numbers}: it passes nothing on"
        saturated = _large(self.values[operands[place]])
        flat = "it hardly changes there any more (it is saturated)" if saturated else "its slope is 0 there"
        return f"`{row.name}` passes nothing on where {numbers}: {flat}"

    def _extreme(self, kind: str, name: str, by: str, variable: int, backward: BackwardPass) -> list[Finding]:
        """The operation on the way down that enlarges a derivative most, or shrinks it most."""
        graph, inner = self.graph, self._leading_to(variable)
        sizes = {}
        for user in backward.order:
            if not inner[user]:
                continue
            above = float(np.max(np.abs(_array(self.values[backward.adjoints[user]])), initial=0.0))
            for place, operand in enumerate(graph.operands_of(user)):
                part = backward.contributions.get(graph.start[user] + place)
                if inner[operand] and part is not None and above:
                    passed = float(np.max(np.abs(_array(self.values[part])), initial=0.0))
                    if passed:
                        sizes[(user, place)] = passed / above
        if not sizes:
            return []
        user, _ = max(sizes, key=lambda edge: sizes[edge] if kind == "huge" else -sizes[edge])
        factor = max(sizes.values()) if kind == "huge" else min(sizes.values())
        does = "enlarges" if kind == "huge" else "shrinks"
        why = f"`{graph.row(user).name}` {does} it most, by the factor {compact(factor)}, where {self.numbers(user)}"
        return [self._found(kind, BACKWARD, name, by, user, why, self._way_down(user, variable, backward))]


def _array(value: Any) -> Any:
    return np.asarray(value, dtype=float)


def _large(value: Any) -> bool:
    """Whether a number is so far from 0 that a function may have run into its end."""
    return bool(np.max(np.abs(_array(value)), initial=0.0) >= 5)


def _shortened(way: Sequence[int]) -> list[int]:
    """A way without its middle where it is long."""
    if len(way) <= LONGEST_PATH:
        return list(way)
    half = LONGEST_PATH // 2
    return [*way[:half], *way[-half:]]


def _bracketed(text: str) -> str:
    return text if text.isidentifier() else f"({text})"
