"""Loops whose states fill the memory are gone back in stretches: only where each begins is remembered, and the states
within it are computed again when its turn comes.

With stretches of about the square root of all steps, each step is taken twice more and the states that are remembered
are as few as they can be with one level (A. Griewank and A. Walther, Evaluating Derivatives, 2nd ed., SIAM 2008,
section 12.1; T. Chen, B. Xu, C. Zhang and C. Guestrin, Training deep nets with sublinear memory cost, 2016).
"""

from __future__ import annotations

from math import isqrt

from cgcli.graph.bodies import Body, closed, flat
from cgcli.graph.shapes import size
from cgcli.graph.store import Graph
from cgcli.ops import calling, shaping
from cgcli.passes.folding import FoldingRef

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from cgcli.graph.ref import Ref

MOST_NUMBERS = 20_000_000
"""Numbers in the states of all steps that are remembered at once (160 MB)."""

FEWEST_STEPS = 16


def too_many(body: Body, steps: int) -> bool:
    """Whether the states of all steps are better not remembered at once."""
    return steps >= FEWEST_STEPS and steps * size(body.result_shapes[0]) > MOST_NUMBERS


def in_stretches(body: Body, steps: int, items: int, reverse: bool) -> Body:
    """A body that gives what a `scan` gives, by a loop over stretches, each of which is a loop; kept with the body."""
    key = ("in stretches", steps, items, reverse)
    found: Body = body.graph.once(key, body.results, lambda: _Stretches(body, steps, items, reverse).body())
    return found


class _Stretches:
    """How such a body is made: as many equal stretches as there are, then the steps that are left."""

    def __init__(self, body: Body, steps: int, items: int, reverse: bool) -> None:
        self.step, self.steps, self.items, self.reverse = body, steps, items, reverse
        self.length = isqrt(steps)
        self.count, self.rest = divmod(steps, self.length)

    def body(self) -> Body:
        """The body."""
        shapes = list(self.step.operand_shapes)
        for place in range(1, 1 + self.items):
            shapes[place] = (self.steps, *shapes[place])
        state, *others = operands = _inputs(Graph(), shapes)
        along, shared = others[: self.items], others[self.items :]
        first, last = (self.rest, 0) if self.reverse else (0, self.count * self.length)
        stretched = [_stretched(item[first : first + self.count * self.length], self.count, self.length)
                     for item in along]  # fmt: skip
        static = [self._stretch(), self.count, self.items, self.reverse]
        state, *emitted = self._apart(state.build(calling.scan, [state, *stretched, *shared], static))
        if self.rest:
            items = [item[last : last + self.rest] for item in along]
            static = [self.step, self.rest, self.items, self.reverse]
            state, *more = self._apart(state.build(calling.scan, [state, *items, *shared], static))
            emitted = [*more, *emitted] if self.reverse else [*emitted, *more]
        result = shaping.concat(flat(state), *emitted) if emitted else state
        return self._closed(f"{self.step.name} in stretches", operands, [result])

    def _stretch(self) -> Body:
        """The loop of one stretch: its last state, and what its steps emitted as a vector."""
        shapes = list(self.step.operand_shapes)
        for place in range(1, 1 + self.items):
            shapes[place] = (self.length, *shapes[place])
        operands = _inputs(Graph(), shapes)
        static = [self.step, self.length, self.items, self.reverse]
        results = self._apart(operands[0].build(calling.scan, operands, static))
        return self._closed(f"stretch of {self.step.name}", operands, results)

    def _apart(self, found: Ref) -> list[Any]:
        """The last state, and what was emitted as a vector, where anything was."""
        state, *emitted = self.step.result_shapes
        if not emitted:
            return [found]
        count = size(state)
        begin = found[:count] if state else found[0]
        return [shaping.reshape(begin, state) if len(state) > 1 else begin, found[count:]]

    def _closed(self, name: str, operands: Sequence[Ref], results: Sequence[Ref]) -> Body:
        labels = [self.step.graph.input_name(operand) for operand in self.step.operands]
        return closed(name, operands[0].graph, [ref.node for ref in operands], [ref.node for ref in results], labels)


def _inputs(graph: Graph, shapes: Sequence[tuple[int, ...]]) -> list[Any]:
    return [FoldingRef(graph, graph.input(f"operand {place}", shape)) for place, shape in enumerate(shapes)]


def _stretched(items: Ref, count: int, length: int) -> Ref:
    """Items with an axis of stretches in front."""
    return shaping.reshape(items, (count, length, *items.shape[1:]))
