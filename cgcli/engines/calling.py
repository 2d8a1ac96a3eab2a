"""Kept calls on engines that go node by node: the body's own plan, once or step by step.

As in all kernels, a value of shape s may have one axis of rows in front; bodies are run on whatever comes.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from itertools import compress
from math import prod

from cgcli.engines.plan import ALONE, REPEATED, Plan
from cgcli.ops import calling

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    from cgcli.engines.native.loops import Loop
    from cgcli.engines.plan import Kernel, Shape, Step
    from cgcli.engines.planned import PlannedEngine
    from cgcli.graph.bodies import Body
    from cgcli.graph.store import Graph

ROWS = 10
"""A node for rows takes so many times as long as one for a point, whatever their number is: so the bits are the same
for few rows and for many."""


def called(engine: PlannedEngine, body: Body) -> Kernel:
    """The function of a `call`."""
    run = running(engine, body)
    shapes = body.result_shapes
    if len(shapes) == 1:
        return lambda *operands: run(operands)[0]
    return lambda *operands: _packed(run(operands), shapes)


def running(engine: PlannedEngine, body: Body) -> Callable[[Iterable[Any]], list[Any]]:
    """A function from the values of a body's operands to those of its results."""
    plan: Plan = engine.planned(body.graph, body.results)
    places, results, known = body.operands, body.results, plan.values

    def run(operands: Iterable[Any]) -> list[Any]:
        values = known.copy()
        for place, operand in zip(places, operands, strict=True):
            values[place] = operand
        plan.compute(values)
        return [values[node] for node in results]

    return run


def scanned(engine: PlannedEngine, body: Body, steps: int, items: int, reverse: bool) -> Kernel:
    """The function of a `scan`: a loop over the steps, in machine code where that is there and pays."""
    times = REPEATED.get()
    machine_code = _MachineCode(engine.least_compiled, times, body, steps, items, reverse)
    in_general = cache(lambda: _running_often(engine, body, times * steps))
    if not (engine.arrays and machine_code.pays(rows=True)):
        in_general()  # else late: the plan of an engine for arrays may load SciPy for functions that LLVM writes out
    ranks = [len(shape) for shape in body.operand_shapes]
    given = [ranks[0], *(rank + 1 for rank in ranks[1 : 1 + items]), *ranks[1 + items :]]
    order = range(steps - 1, -1, -1) if reverse else range(steps)

    def loop(state: Any, *others: Any) -> Any:
        import numpy as np

        varying = tuple(map(_has_rows, (state, *others), given))
        compiled = machine_code.run((state, *others), varying)
        if compiled is not None:
            return compiled
        rows = next((operand.shape[:1] for operand in compress((state, *others), varying)), ())
        along = [_steps_first(np, item, rank) for item, rank in zip(others[:items], ranks[1:], strict=False)]
        shared = others[items:]
        emitted, run = _Emitted(np, body, steps, rows), in_general()
        for step in order:
            state, *found = run((state, *(item[step] for item in along), *shared))
            if found:
                emitted.put(step, found[0])
        return emitted.with_state(state) if len(body.results) > 1 else state

    return loop


def _running_often(engine: PlannedEngine, body: Body, times: int) -> Callable[[Iterable[Any]], list[Any]]:
    """`running` of a body that is run so many times."""
    before = REPEATED.set(times)
    try:
        return running(engine, body)
    finally:
        REPEATED.reset(before)


class _MachineCode:
    """The same loop in machine code, looked for when it is first run.

    least: steps times nodes that pay; None where machine code is not for this engine. times: how often it is run.
    """

    def __init__(self, least: int | None, times: int, body: Body, steps: int, items: int, reverse: bool) -> None:
        self._least = least
        self._times = times
        self._scan = body, steps, items, reverse
        self._found: dict[tuple[bool, ...], Loop | None] = {}

    def pays(self, *, rows: bool) -> bool:
        """Whether compiling the loop takes less time than it saves."""
        body, steps, *_ = self._scan
        work = self._times * steps * len(body.graph) * (ROWS if rows else 1)
        return self._least is not None and work >= self._least and _llvm()

    def run(self, operands: Sequence[Any], varying: tuple[bool, ...]) -> Any | None:
        """The value of the `scan`; None where that does not pay, or the body has what cannot be compiled.

        varying: for each operand whether it has an axis of rows.
        """
        body, steps, items, reverse = self._scan
        if varying not in self._found:
            loop = None
            if self.pays(rows=any(varying)):
                from cgcli.engines.native.loops import loops

                loop = loops().find(body, items, reverse, varying)
            self._found[varying] = loop
        loop = self._found[varying]
        if loop is None:
            return None
        found, shape = loop.run(steps, operands), body.result_shapes[0]
        if len(body.results) > 1:
            return found
        return found.reshape((*found.shape[:-1], *shape)) if shape else found[..., 0]


@cache
def _llvm() -> bool:
    """Whether llvmlite is installed, which is an extra."""
    return find_spec("llvmlite") is not None


def share_states(graph: Graph, plan: Plan) -> None:
    """Let a loop that only goes to its last state be the beginning of one that goes the same way and emits something.

    A derivative needs the states of all steps, and a value the last one: both come from one loop.
    """
    steps = {step[0]: step for step in plan.steps()}
    groups: dict[Any, list[int]] = {}
    for node in steps:
        if graph.row(node) is calling.scan:
            body, *others = graph.attributes_of(node)
            way = (tuple(graph.operands_of(node)), *others, id(body.graph), body.operands, body.results[0])
            groups.setdefault(way, []).append(node)
    sources: dict[int, int] = {}
    for nodes in groups.values():
        emitting = [node for node in nodes if len(graph.attributes_of(node)[0].results) > 1]
        sources.update({node: emitting[0] for node in nodes if emitting and node not in emitting})
    ordered: dict[int, Step] = {}
    for node, step in steps.items():
        source = sources.get(node)
        if source is not None:
            ordered.setdefault(source, steps[source])  # its operands are those of the node, so they are there
            step = (node, _beginning(graph.shape_of(node)), source, ALONE)
        ordered.setdefault(node, step)
    if sources:
        plan.nodes, plan.kernels, plan.first, plan.second = map(list, zip(*ordered.values(), strict=True))


def _beginning(shape: Shape) -> Kernel:
    """The last state of a loop, from what it gives together with all that it emitted."""

    def begun(found: Any) -> Any:
        state = found[..., : prod(shape)]
        return state.reshape((*state.shape[:-1], *shape)).copy() if shape else state[..., 0]

    return begun


def _has_rows(operand: Any, rank: int) -> bool:
    """Whether an operand has one more axis in front."""
    return getattr(operand, "ndim", 0) > rank


def _steps_first(np: Any, item: Any, rank: int) -> Any:
    """Items with their axis of steps in front, before that of the rows."""
    return np.moveaxis(item, 1, 0) if item.ndim > rank + 1 else item


class _Emitted:
    """What the steps of a loop emit, step by step in its place."""

    def __init__(self, np: Any, body: Body, steps: int, rows: tuple[int, ...]) -> None:
        self.np = np
        self.rows = rows
        self.shape: Shape = (steps, *rows, *body.result_shapes[-1])
        self.rank = len(body.result_shapes[0])
        self.all: Any = None

    def put(self, step: int, value: Any) -> None:
        """What one step emits; one that is the same for all rows is repeated."""
        if self.all is None:
            self.all = self.np.empty(self.shape, dtype=getattr(value, "dtype", None) or self.np.asarray(value).dtype)
        self.all[step] = value

    def with_state(self, state: Any) -> Any:
        """The elements of the last state, and behind them what was emitted."""
        np, rows = self.np, self.rows
        found = np.moveaxis(self.all, 1, 0) if rows else self.all
        first = _flat(np, state, self.rank)
        if rows and first.ndim == 1:
            first = np.broadcast_to(first, (*rows, len(first)))
        return np.concatenate([first, found.reshape((*rows, -1))], axis=-1)


def _packed(values: Sequence[Any], shapes: Sequence[Shape]) -> Any:
    """The elements of all results as one vector (of each row, where there are rows)."""
    import numpy as np

    flat = [_flat(np, value, len(shape)) for value, shape in zip(values, shapes, strict=True)]
    rows = max(value.shape[:-1] for value in flat)
    return np.concatenate([np.broadcast_to(value, (*rows, value.shape[-1])) for value in flat], axis=-1)


def _flat(np: Any, value: Any, rank: int) -> Any:
    """The elements of a value along one axis, behind that of the rows."""
    value = np.asarray(value)
    shape = value.shape
    return value.reshape((*shape[: len(shape) - rank], prod(shape[len(shape) - rank :])))
