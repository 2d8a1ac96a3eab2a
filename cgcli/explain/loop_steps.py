"""The step of a kept loop at which something holds first, and the values that come into it.

A loop of a million steps is one node. Whoever has to say where a nan came from, or which slope is a convention, goes
through its steps once more, with a number beside the state that remembers when it was.
"""

from __future__ import annotations

from cgcli.graph.bodies import closed, packed, unpacked
from cgcli.graph.copying import copy_missing
from cgcli.graph.shapes import size
from cgcli.graph.store import Graph
from cgcli.ops import calling, logic, shaping
from cgcli.passes.folding import FoldingRef

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from cgcli.engines.base import Engine
    from cgcli.graph.bodies import Body
    from cgcli.graph.ref import Ref

    Condition = Callable[[Callable[[int], Ref]], Ref]
    """From the references to nodes of a body to a condition on them."""


class Step:
    """A step of a loop. number: its place among the items, from 1. inputs: what comes into the body, by name."""

    __slots__ = ("body", "inputs", "number")

    def __init__(self, body: Body, number: int, inputs: dict[str, Any]) -> None:
        self.body = body
        self.number = number
        self.inputs = inputs

    @property
    def function(self) -> str:
        """The function of the text whose step it is."""
        return self.body.name.split()[-1]


def first_step(
    attributes: tuple[Any, ...], operands: Sequence[Any], engine: Engine, condition: Condition
) -> Step | None:  # fmt: skip
    """The first step of a `scan` on operands of these values at which a condition holds; None where there is none."""
    body, steps, count, reverse = attributes
    found = int(_run(remembering(body, condition), attributes, operands, engine)[-1])
    if found < 0:
        return None
    state, items, shared = operands[0], operands[1 : 1 + count], operands[1 + count :]
    if found:
        before = [item[steps - found :] if reverse else item[:found] for item in items]
        plain = closed(body.name, body.graph, body.operands, body.results[:1])
        state = _run(plain, (plain, found, count, reverse), [state, *before, *shared], engine, bare=True)
    place = steps - 1 - found if reverse else found
    given = [state, *(item[place] for item in items), *shared]
    inputs = {body.graph.input_name(node): value for node, value in zip(body.operands, given, strict=True)}
    return Step(body, place + 1, inputs)


def not_finite(body: Body) -> Condition:
    """Whether one of the results of a body is nan or infinite."""

    def condition(ref: Callable[[int], Ref]) -> Ref:
        whole = [anywhere((result - result) != 0) for result in map(ref, body.results)]
        return whole[0] if len(whole) == 1 else whole[0] | whole[1]

    return condition


def anywhere(condition: Ref) -> Ref:
    """Whether a condition holds at one element at least."""
    return shaping.sum_of(condition, None) > 0 if condition.shape else condition


def remembering(body: Body, condition: Condition) -> Body:
    """A body whose state ends with the number of the step, and that of the first one at which a condition holds."""
    graph = Graph()
    shape = body.operand_shapes[0]
    whole = FoldingRef(graph, graph.input("state", (size(shape) + 2,)))
    others = [FoldingRef(graph, graph.input(f"operand {k}", each)) for k, each in enumerate(body.operand_shapes) if k]
    state, now, first = unpacked(whole, [shape, (), ()])
    copies = {place: ref.node for place, ref in zip(body.operands, [state, *others], strict=True)}

    def ref(node: int) -> Ref:
        copy_missing(body.graph, graph, [node], copies)
        return FoldingRef(graph, copies[node])

    holds = (first < 0) & condition(ref)
    following = packed([ref(body.results[0]), now + 1, logic.where(holds, now, first)])
    return closed(body.name, graph, [each.node for each in (whole, *others)], [following.node])


def _run(
    body: Body, attributes: tuple[Any, ...], operands: Sequence[Any], engine: Engine, *, bare: bool = False
) -> Any:  # fmt: skip
    """The last state of a loop over a body; without `bare` it begins with two numbers more, of which none was found."""
    import numpy as np

    _, steps, count, reverse = attributes
    graph = Graph()
    given = [np.asarray(operand, dtype=float) for operand in operands]
    if not bare:
        given[0] = np.append(given[0].ravel(), [0.0, -1.0])
    refs = [FoldingRef(graph, graph.input(f"operand {k}", value.shape)) for k, value in enumerate(given)]
    node = refs[0].build(calling.scan, refs, [body, steps, count, reverse]).node
    return engine.evaluate(graph, {f"operand {k}": value for k, value in enumerate(given)}, [node])[node]
