"""Why a value or a derivative is nan, infinite, zero, huge or tiny: where that began, and the way from there.

Everything is read from one `Point`, so what is said here and what the trace shows cannot disagree. What a finding
calls nan or infinite is the value or the derivative in question; where it began is the first operation that gives no
finite number of finite ones, whichever of the two that is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cgcli.explain.births import births, kind_of
from cgcli.explain.digits import Exact
from cgcli.explain.extremes import extreme_derivative, extreme_value
from cgcli.explain.findings import BACKWARD, FORWARD, Finding, merged
from cgcli.explain.point import Point
from cgcli.explain.sizes import array_of, size_of
from cgcli.explain.words import Words, middle_left_out, tidy
from cgcli.graph.walk import ancestors, descendants
from cgcli.numerals import compact, finite
from cgcli.ops import arithmetic, calling, logic

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from cgcli.errors import Source
    from cgcli.explain.point import BackwardPass
    from cgcli.graph.store import Graph

MOST = 4
"""Findings of one kind for one output."""


class Inquiry:
    """Looks at one point of a graph. outputs, variables: nodes by name; the graph is extended by derivatives."""

    def __init__(
        self, graph: Graph, outputs: Mapping[str, int], variables: Mapping[str, int], inputs: Mapping[str, Any],
        engine: Any, source: Source | None,
    ) -> None:  # fmt: skip
        """source: the text that places in the graph mean."""
        self.graph = graph
        self.outputs = outputs
        self.variables = variables
        self.inputs = inputs
        scalar = all(not graph.shape_of(node) for node in outputs.values())
        self.point = Point(graph, outputs, list(variables.values()) if scalar else ())
        slopes = [node for each in self.point.passes.values() for node in each.adjoints.values()]
        steps = [node for node, need in enumerate(ancestors(graph, slopes)) if need]  # a nan may begin in any of them
        self.point.evaluate(engine, inputs, steps)
        self.values = self.point.values
        self.words = Words(graph, self.values, source)

    def findings(self) -> list[Finding]:
        """What is worth a word, in the order of the passes; conventions are told elsewhere (`formulas.kinks`)."""
        found: list[Finding] = []
        for name, node in self.outputs.items():
            if not finite(self.values[node]):
                found += self._forward(name, node)
                continue
            if np.size(self.values[node]) and not np.any(array_of(self.values[node])):
                found += self._zero_value(name, node)
            else:
                found += extreme_value(self.words, self.point, name, node)
            backward = self.point.passes.get(name)
            if backward is not None:
                slopes = [self._derivative(name, by, variable, backward) for by, variable in self.variables.items()]
                found += merged(each for several in slopes for each in several)
        return found

    # ---- the forward pass --------------------------------------------------------------------------------------------

    def _forward(self, name: str, output: int) -> list[Finding]:
        """Where what is no number in a value began: an operation, or the rule of a derivative in the formula."""
        found: dict[tuple[Any, ...], Finding] = {}
        for node in births(self.graph, self.values, [output]):
            finding = self._born(name, output, node)
            found.setdefault((finding.operation, finding.span or finding.text), finding)  # of many calls, the first
            if len(found) == MOST:
                break
        return list(found.values())

    def _born(self, name: str, output: int, node: int) -> Finding:
        """What is said of a node where no number began that reaches an output."""
        words, graph = self.words, self.graph
        kind = self._kind(output, node)
        path = self._way_up(node, output)
        chain = graph.origins.chain(node)
        if chain:
            return words.finding(kind, BACKWARD, name, (), chain[-1], words.of_a_rule(chain[-1], len(chain)), path)
        if graph.row(node) is calling.scan:
            within = words.in_a_step(node)
            if within is not None:
                inner, place, number, function = within
                why = f"{inner.of_an_operation(place)}, in step {number:,} of `{function}`"
                return inner.finding(kind, FORWARD, name, (), place, why, path, at=node)
        if graph.is_leaf(node):
            why = f"{words.text(node)} is given as {compact(self.values[node])}"
        else:
            why = words.of_an_operation(node) + self._lost(node) + words.in_a_call(node)
        return words.finding(kind, FORWARD, name, (), node, why, path)

    def _lost(self, node: int) -> str:
        """What an operand of 0 is in truth, where that is not 0: it was lost before, and a double has 0 of it."""
        for operand in self.graph.operands_of(node):
            value = self.values[operand]
            if not self.graph.is_leaf(operand) and not np.ndim(value) and value == 0:
                true = self._true_value(operand)
                if true:
                    return f"; in truth {self.words.text(operand)} is {true}, of which a double leaves 0"
        return ""

    def _kind(self, output: int, node: int) -> str:
        """What a value is; of an array, in which several things went wrong, what began at a node."""
        whole = array_of(self.values[output])
        both = bool(np.isnan(whole).any() and np.isinf(whole).any())
        return "nan" if kind_of(self.values[node] if both else self.values[output]) == "nan" else "infinite"

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
        return [(self.words.text(each), self.values[each]) for each in middle_left_out(way)]

    def _zero_value(self, name: str, output: int) -> list[Finding]:
        """A value of 0 of which the true one is none: what underflows, or where all digits cancel."""
        node, way = output, [output]
        while True:
            zeros = [operand for operand in self.graph.operands_of(node) if not np.any(array_of(self.values[operand]))]
            moving = [operand for operand in zeros if not self.graph.is_constant(operand)]
            if self.graph.is_leaf(node) or not moving:
                break
            node = moving[0]
            way.append(node)
        true = None if self.graph.is_leaf(node) else self._true_value(node)
        if not true:
            return []
        words, row = self.words, self.graph.row(node)
        infinite = [operand for operand in self.graph.operands_of(node) if not finite(self.values[operand])]
        if infinite:
            first = births(self.graph, self.values, infinite)[0]
            why = f"{words.of_an_operation(first)}, and what is divided by that is 0: the true value is {true}"
            path = self._way_up(first, infinite[0]) + [(words.text(each), self.values[each]) for each in way[::-1]]
            return [words.finding("zero", FORWARD, name, (), first, why, path)]
        where = f"0 where {words.numbers(node)}:"
        if row in (arithmetic.add, arithmetic.sub):
            why = f"{words.operation(node)} gives {where} all digits cancel, and the true value is {true}"
        else:
            why = f"{words.operation(node)} underflows to {where} the true value is {true}"
        path = [(words.text(each), self.values[each]) for each in middle_left_out(way[::-1])]
        return [words.finding("zero", FORWARD, name, (), node, why, path)]

    def _true_value(self, node: int) -> str:
        """The value of a node in many digits, where it is computed as 0 and is none; else "".

        Inputs count as they are written: 0.3 is three tenths, so that 0.3 - 3*0.1 is 0 in truth.
        """
        graph = self.graph
        inputs = {name: _as_written(value) for name, value in self.inputs.items()}
        number = None if graph.shape_of(node) else Exact().values(graph, inputs, [node])[node]
        if number is None or number.samples[0] == 0:
            return ""
        return compact(number.samples[0], digits=3)

    # ---- the backward pass -------------------------------------------------------------------------------------------

    def _derivative(self, name: str, by: str, variable: int, backward: BackwardPass) -> list[Finding]:
        """What is to be said of one derivative of a value that is finite."""
        adjoint = self.values[backward.adjoints[variable]]
        if not finite(adjoint):
            return self._broken(name, by, variable, backward)
        sizes = np.abs(array_of(adjoint))
        if not sizes.size:
            return []
        if not sizes.any():
            return self._zero(name, by, variable, backward)
        return extreme_derivative(self.words, self.point, name, by, variable)

    def _broken(self, name: str, by: str, variable: int, backward: BackwardPass) -> list[Finding]:
        """Where what is no number in a derivative began, and by which rule."""
        graph, words = self.graph, self.words
        found: dict[int, Finding] = {}
        adjoint = backward.adjoints[variable]
        for node in births(graph, self.values, [adjoint])[:MOST]:
            chain = graph.origins.chain(node)
            culprit = chain[-1] if chain else node
            why = words.of_a_rule(culprit, max(len(chain), 1)) + words.in_a_call(culprit)
            path = self._way_down(culprit, variable, backward)
            kind = self._kind(adjoint, node)
            found.setdefault(culprit, words.finding(kind, BACKWARD, name, (by,), culprit, why, path))
        return list(found.values())

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
        nodes = [each for each in middle_left_out(way[::-1]) if each in backward.adjoints]
        return [(self.words.rate(each), tidy(self.values[backward.adjoints[each]])) for each in nodes]

    def _zero(self, name: str, by: str, variable: int, backward: BackwardPass) -> list[Finding]:
        """Why a derivative is 0: on each way from the output, the operation that passes nothing on."""
        graph, output, words = self.graph, self.outputs[name], self.words
        inner = descendants(graph, [variable])
        if not inner[output]:
            why = f"not connected: `{name}` does not depend on `{by}`"
            return [words.finding("zero", BACKWARD, name, (by,), variable, why, [])]
        found, seen = [], set()
        for user in backward.order:
            if not inner[user] or not np.any(array_of(self.values[backward.adjoints[user]])):
                continue
            for place, operand in reversed(list(enumerate(graph.operands_of(user)))):  # a condition is told last
                part = backward.contributions.get(graph.start[user] + place)
                if not inner[operand] or user in seen or (part is not None and np.any(array_of(self.values[part]))):
                    continue
                seen.add(user)
                path = self._way_down(output, user, backward) + self._way_down(user, variable, backward)[1:]
                found.append(words.finding("zero", BACKWARD, name, (by,), user, self._cut(user, place), path))
        if not found:
            why = f"the parts that `{by}` contributes on its ways to `{name}` add up to 0"
            return [words.finding("zero", BACKWARD, name, (by,), output, why, [])]
        return found[:MOST]

    def _cut(self, user: int, place: int) -> str:
        """Why an operation passes nothing on to an operand."""
        graph, row, words = self.graph, self.graph.row(user), self.words
        operands = graph.operands_of(user)
        numbers = words.numbers(user)
        if row is logic.where:
            if place == 0:
                return f"`{row.name}` only decides by its condition: a condition has no slope"
            taken = "false" if place == 1 else "true"
            return f"the branch is not taken: {words.text(operands[0])} is {taken}"
        if "piecewise_constant" in row.traits:
            return f"{words.operation(user)} is constant between its steps, so its slope is 0 everywhere"
        others = [each for position, each in enumerate(operands) if position != place]
        zero = next((each for each in others if not np.any(array_of(self.values[each]))), None)
        if row is arithmetic.mul and zero is not None:
            return f"the other factor is 0{'' if graph.is_constant(zero) else f': {words.text(zero)} = 0'}"
        infinite = next((each for each in others if not finite(self.values[each])), None)
        if infinite is not None:
            size = compact(self.values[infinite])
            return f"{words.operation(user)} passes nothing on, since {words.text(infinite)} = {size}"
        if row.kink is not None:
            return f"{words.operation(user)} is flat on this side, where {numbers}: it passes nothing on"
        saturated = size_of(self.values[operands[place]]) >= 5
        flat = "it hardly changes there any more (it is saturated)" if saturated else "its slope is 0 there"
        return f"{words.operation(user)} passes nothing on where {numbers}: {flat}"


def _as_written(value: Any) -> Any:
    """A number as its decimal text, an array as one of texts."""
    if not np.ndim(value):
        return repr(float(value))
    texts = [repr(float(each)) for each in np.ravel(value)]
    return np.array(texts, dtype=object).reshape(np.shape(value))
