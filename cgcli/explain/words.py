"""How the nodes of a graph at one point are told: as the formula writes them, with the numbers of their operands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cgcli.emit.formula import expression
from cgcli.explain.births import births
from cgcli.explain.findings import Finding
from cgcli.explain.loop_steps import first_step, not_finite
from cgcli.explain.steps import NO_CALL
from cgcli.numerals import compact, finite, shortened
from cgcli.ops import REGISTRY

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from cgcli.errors import Source
    from cgcli.graph.store import Graph

LONGEST_TEXT, LONGEST_PATH, LONGEST_WHOLE = 60, 12, 400
"""Characters of a part of the formula, steps of a way, and characters of the part that a finding is about."""

ORDERS = ("", "", "second ", "third ")
"""What stands before `derivative`, by its order."""


class Words:
    """What to call the nodes of one graph. values: of its nodes; source: the text that their places mean."""

    def __init__(self, graph: Graph, values: Sequence[Any], source: Source | None) -> None:
        self.graph = graph
        self.values = values
        self.source = source
        self.names = graph.name_of()

    def text(self, node: int) -> str:
        """A node by its name, or as the formula writes it, cut where it is long."""
        return shortened(self.names[node] if node in self.names else self.whole(node), LONGEST_TEXT)

    def whole(self, node: int) -> str:
        """A node as the formula writes it, over the names that stand there."""
        span = self.graph.spans.get(node)
        if self.source is not None and span is not None and not self.graph.origins.has(node):
            return " ".join(self.source.text[slice(*span)].split())
        return expression(self.graph, node, {each: name for each, name in self.names.items() if each != node})

    def operation(self, node: int) -> str:
        """What the operation of a node is called in a sentence."""
        row = self.graph.row(node)
        if "words" in row.spell:
            return str(row.spell["words"])
        written = self.whole(node).partition("(")[0]  # `arcsin`, where the formula has that name for `asin`
        return f"`{written if row in REGISTRY.callable_as.get(written, ()) else row.name}`"

    def rate(self, node: int) -> str:
        """`∂/∂(x + y)`: the derivative of the result by a node."""
        text = self.text(node)
        return f"∂/∂{text}" if text.isidentifier() else f"∂/∂({text})"

    def numbers(self, node: int) -> str:
        """The operands of a node with their values: `x = 0, y = 2`; of arrays, those of the element that went wrong."""
        operands = dict.fromkeys(self.graph.operands_of(node))
        place = self._wrong_element(node)
        parts = []
        for each in operands:
            if self.graph.is_leaf(each) and not self.graph.is_input(each):
                continue
            text, value = self.text(each), self.values[each]
            if place is not None and np.shape(value):
                text = text if text.isidentifier() else f"({text})"
                text, value = f"{text}[{', '.join(map(str, place))}]", float(np.asarray(value)[place])
            number = compact(tidy(value))
            if text != number:
                parts.append(f"{text} = {number}")
        return ", ".join(parts)

    def _wrong_element(self, node: int) -> tuple[int, ...] | None:
        """Of an array that is made element by element, where the first element is that is no number."""
        value = self.values[node]
        if not np.shape(value) or not self.graph.row(node).elementwise or finite(value):
            return None
        shapes = {np.shape(self.values[each]) for each in self.graph.operands_of(node)} - {()}
        if shapes != {np.shape(value)}:
            return None
        return tuple(int(each) for each in np.argwhere(~np.isfinite(np.asarray(value, dtype=float)))[0])

    def of_an_operation(self, node: int) -> str:
        """That an operation gives no number, and of what."""
        value = self.values[node]
        place = self._wrong_element(node)
        told = compact(value if place is None else float(np.asarray(value)[place]))
        numbers = self.numbers(node)
        return f"{self.operation(node)} gives {told}" + (f" where {numbers}" if numbers else "")

    def of_a_rule(self, node: int, order: int) -> str:
        """That the derivative of an operation, of some order, is no number, and where."""
        graph = self.graph
        nth = ORDERS[order] if order < len(ORDERS) else f"{order}th "
        if graph.is_leaf(node):
            return f"adding up what the {nth}derivative by {self.text(node)} is made of gives no number"
        numbers = self.numbers(node)
        told = f"the {nth}derivative of {self.operation(node)} has no finite value"
        return told + (f" where {numbers}" if numbers else "")

    def in_a_call(self, node: int) -> str:
        """`, in call 3 of `step``, of a node that was written in one of several calls at one place."""
        graph = self.graph
        number = graph.scopes.get(node, NO_CALL) if graph.calls else NO_CALL
        if number == NO_CALL:
            return ""
        call = graph.calls[number]
        like = [k for k, each in enumerate(graph.calls)
                if (each.name, each.parent, each.span) == (call.name, call.parent, call.span)]  # fmt: skip
        return f", in call {like.index(number) + 1:,} of `{call.name}`" if len(like) > 1 else ""

    def in_a_step(self, loop: int) -> tuple[Words, int, int, str] | None:
        """Of a kept loop that gives no number: words and node of its body where that began, its step and function."""
        from cgcli.engines import engine

        graph = self.graph
        body = graph.attributes_of(loop)[0]
        operands = [self.values[operand] for operand in graph.operands_of(loop)]
        step = first_step(graph.attributes_of(loop), operands, engine("numpy"), not_finite(body))
        if step is None:
            return None
        nodes = range(len(body.graph))
        found = engine("numpy").evaluate(body.graph, step.inputs, list(nodes))
        values = [found[node] for node in nodes]
        first = next(iter(births(body.graph, values, body.results)), None)
        if first is None or body.graph.is_leaf(first):
            return None
        return Words(body.graph, values, self.source), first, step.number, step.function

    def finding(
        self, kind: str, pass_: str, of: str, by: tuple[str, ...], node: int, why: str, path: list[tuple[str, Any]],
        *, at: int | None = None,
    ) -> Finding:  # fmt: skip
        """A finding about a node. at: where the node is in the formula's own graph, if it is that of a body."""
        text = shortened(self.whole(node), LONGEST_WHOLE)
        row, span = self.graph.row(node), self.graph.spans.get(node)
        return Finding(kind, pass_, of, by, node if at is None else at, row.name, text, span, why, path)


def tidy(value: Any) -> Any:
    """A value in which 0 has no sign."""
    return value + 0.0 if isinstance(value, float) or np.ndim(value) else value


def middle_left_out(way: Sequence[int]) -> list[int]:
    """A way without its middle where it is long."""
    if len(way) <= LONGEST_PATH:
        return list(way)
    half = LONGEST_PATH // 2
    return [*way[:half], *way[-half:]]
