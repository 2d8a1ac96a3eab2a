"""Kept calls as a reader wants to see them: calls written out, and of a loop the first step, the rest, and the last.

A loop of a million steps is one node, which says nothing. Here it becomes its first step, node by node, a loop over the
steps between, and its last step: first, "step × 999,998", last. Values and derivatives stay what they are, so pictures
and traces need no way of their own to compute them.
"""

from __future__ import annotations

from cgcli.errors import CalculationError
from cgcli.graph.bodies import flat, packed
from cgcli.graph.copying import GONE, carry, copy_missing
from cgcli.graph.store import Call, Graph
from cgcli.graph.walk import ancestors
from cgcli.ops import calling, shaping
from cgcli.passes.folding import FoldingRef
from cgcli.passes.inlining import written_out_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from typing import Any

    from cgcli.errors import Span
    from cgcli.graph.bodies import Body

FEW_STEPS = 3
"""A loop of so few steps is written out: between first and last is nothing to count."""

MOST_NODES = 100_000
"""Nodes that loops written out in full may make: more cannot be drawn or read."""


def with_loop_ends(
    graph: Graph, wanted: Iterable[int], opened: Collection[str] = (), *, everything: bool = False
) -> tuple[list[int], Graph]:  # fmt: skip
    """(new position of every node that is needed, the graph with first and last steps of its loops written out).

    Calls tell which nodes belong to which step; the loop between is in a call with `times`. opened: functions whose
    loops are written out step by step; everything: all of them. CalculationError where that makes too many nodes.
    """
    moved = list(range(len(graph)))
    wanted = list(wanted)
    between: set[int] = set()
    while True:
        needed = ancestors(graph, [moved[node] for node in wanted])
        kept = (node for node in range(len(graph)) if needed[node] and "kept" in graph.row(node).traits)
        if all(node in between for node in kept):
            return moved, graph
        writer = _Writer(graph, opened, everything)
        further = writer.written(needed, between)
        moved = [GONE if place == GONE else further[place] for place in moved]
        graph, between = writer.new, writer.between


class _Writer:
    """One level of kept calls on its way into a new graph."""

    def __init__(self, graph: Graph, opened: Collection[str], everything: bool) -> None:
        self.graph = graph
        self.opened = opened
        self.everything = everything
        self.new = Graph()
        self.calls = list(graph.calls)
        self.between: set[int] = set()

    def written(self, needed: Sequence[int], between: Collection[int]) -> list[int]:
        """The new position of every node. between: loops that stay, as they are what lies between two ends."""
        graph, new, moved = self.graph, self.new, [GONE] * len(self.graph)
        for node in range(len(graph)):
            if not needed[node]:
                continue
            operands = [moved[operand] for operand in graph.operands_of(node)]
            if "kept" not in graph.row(node).traits or node in between:
                moved[node] = new.copy_node(graph, node, operands)
                if node in between:
                    self.between.add(moved[node])
                continue
            parent, place = graph.scopes.get(node, GONE), graph.spans.get(node)
            refs = [FoldingRef(new, operand) for operand in operands]
            if graph.row(node) is calling.call:
                moved[node] = packed(self._called(graph.attributes_of(node)[0], refs, parent, place)).node
            else:
                moved[node] = self._loop(node, refs, parent, place).node
        carry(graph, new, moved)
        new.calls = self.calls
        return moved

    # ---- a loop --------------------------------------------------------------------------------------------------

    def _loop(self, node: int, operands: Sequence[Any], parent: int, place: Span | None) -> Any:
        """First step, loop, last step; or every step of an opened loop."""
        body, steps, count, reverse = self.graph.attributes_of(node)
        state, items, shared = operands[0], operands[1 : 1 + count], operands[1 + count :]
        order = range(steps - 1, -1, -1) if reverse else range(steps)
        emitted: dict[int, Any] = {}
        if steps > FEW_STEPS and not self._is_opened(body, node, steps):
            state, emitted[order[0]] = self._one(body, state, items, order[0], shared, parent, place)
            state, emitted[min(order[1], order[-2])] = self._between(node, state, items, shared, parent, place)
            order = order[-1:]
        for step in order:
            state, emitted[step] = self._one(body, state, items, step, shared, parent, place)
        if len(body.results) == 1:
            return state
        return shaping.concat(flat(state), *(flat(emitted[step]) for step in sorted(emitted)))

    def _is_opened(self, body: Body, node: int, steps: int) -> bool:
        """Whether a loop is to be written out. CalculationError where it is too long for that."""
        if not (self.everything or body.name in self.opened):
            return False
        count = len(self.new) + steps * written_out_size(self.graph, node)
        if count > MOST_NODES:
            raise CalculationError(
                f"`{body.name}` step by step makes {count:,} nodes here, more than the {MOST_NODES:,} that are allowed",
                hint="look at its first and its last step, without --all and --open",
            )
        return True

    def _one(
        self, body: Body, state: Any, items: Sequence[Any], step: int, shared: Sequence[Any], parent: int,
        place: Span | None,
    ) -> tuple[Any, Any]:  # fmt: skip
        """The next state of one step and what it emits (the state again where it emits nothing)."""
        results = self._called(body, [state, *(item[step] for item in items), *shared], parent, place)
        return results[0], results[-1]

    def _between(
        self, node: int, state: Any, items: Sequence[Any], shared: Sequence[Any], parent: int, place: Span | None
    ) -> tuple[Any, Any]:  # fmt: skip
        """The steps between first and last as a loop: their last state, and what they emit as one array."""
        body, steps, count, reverse = self.graph.attributes_of(node)
        begin = len(self.new)
        operands = [state, *(item[1:-1] for item in items), *shared]
        found = state.build(calling.scan, operands, [body, steps - 2, count, reverse])
        self._belong(begin, Call(body.name, parent, place, steps - 2), place)
        self.between.add(found.node)
        if len(body.results) == 1:
            return found, found
        size = shaping.size_of(state.shape)
        last = found[:size] if state.shape else found[0]
        return shaping.reshape(last, state.shape) if len(state.shape) > 1 else last, found[size:]

    def _called(self, body: Body, operands: Sequence[Any], parent: int, place: Span | None) -> list[Any]:
        nodes = called(self.new, self.calls, body, [operand.node for operand in operands], parent, place)
        return [FoldingRef(self.new, node) for node in nodes]

    def _belong(self, begin: int, call: Call, place: Span | None) -> None:
        """Let the nodes from `begin` on belong to a call."""
        self.calls.append(call)
        for node in range(begin, len(self.new)):
            self.new.scopes.setdefault(node, len(self.calls) - 1)
            if place is not None:
                self.new.spans.setdefault(node, place)


def called(
    graph: Graph, calls: list[Call], body: Body, operands: Sequence[int], parent: int = GONE, place: Span | None = None
) -> list[int]:  # fmt: skip
    """The results of a body written out in a graph, as nodes of a new call among `calls`, with the calls that it makes.

    parent: the call in which it is made, or -1. place: where in the text.
    """
    begin, inner = len(graph), body.graph
    copies = dict(zip(body.operands, operands, strict=True))
    copy_missing(inner, graph, body.results, copies)
    scopes = _calls_within(calls, body, Call(body.name, parent, place))
    for old, node in copies.items():
        if node >= begin:
            graph.scopes.setdefault(node, scopes.get(inner.scopes.get(old, GONE), scopes[GONE]))
            if place is not None:
                graph.spans.setdefault(node, inner.spans.get(old, place))
    return [copies[result] for result in body.results]


def _calls_within(calls: list[Call], body: Body, own: Call) -> dict[int, int]:
    """From calls in the graph of a body to calls here; GONE stands for the call of the body itself."""
    calls.append(own)
    found = {GONE: len(calls) - 1}
    for number, call in enumerate(body.graph.calls):  # those around the body have no place here
        if call.name == body.name:
            found[number] = found[GONE]
        elif call.parent in found and call.parent != GONE:
            calls.append(Call(call.name, found[call.parent], call.span))
            found[number] = len(calls) - 1
    return found
