"""What kept calls hand to their operands: kept calls of the *adjoint bodies* of their bodies, and loops in reverse.

The adjoint of a `scan` is a scan that goes back over the states of the steps, which another scan has emitted, as in
JAX; derivatives of any order are scans again. What decided in a body decides here too: where the adjoint of a state
may be 0 by a decision, its mask goes back along with it (`passes.adjoints`).
"""

from __future__ import annotations

from cgcli.graph.bodies import Body, bodies_in, closed, packed, unpacked
from cgcli.graph.store import Graph
from cgcli.graph.walk import ancestors
from cgcli.ops import REGISTRY, calling, logic, shaping
from cgcli.passes.adjoints import Adjoint, Mask, condition_of
from cgcli.passes.folding import FoldingRef

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from cgcli.graph.ref import Ref

    Shape = tuple[int, ...]
    Pull = Callable[[Graph, Sequence[tuple[int, Adjoint]], Sequence[int]], dict[int, Adjoint]]


def handed_by_call(
    graph: Graph, node: int, adjoint: Adjoint, wanted: Sequence[bool], pull: Pull, *, again: bool = False
) -> list[Adjoint | None]:  # fmt: skip
    """What a `call` contributes to each operand; None where that is zero or not wanted.

    pull: the backward pass: from outputs with their adjoints to the adjoints of some nodes. again: whether it goes over
    a derivative that has kinks; a body is then nan at its kinks (see `AtKinks`).
    """
    (body,) = graph.attributes_of(node)
    made = _adjoint_body(body, wanted, adjoint.mask is not None, pull, again)
    if not made.parts:
        return [None] * len(wanted)
    operands = [FoldingRef(graph, operand) for operand in graph.operands_of(node)]
    given = [adjoint.value, *([] if adjoint.mask is None else [_indicator(adjoint)])]
    found = adjoint.value.build(calling.call, [*operands, *given], [made.body])
    return made.contributions(unpacked(found, made.body.result_shapes))


def _indicator(adjoint: Adjoint) -> Ref:
    """1 where an adjoint counts and 0 elsewhere, of its shape."""
    if adjoint.mask is None:
        return _filled(adjoint.value, 1.0, adjoint.value.shape)
    condition = condition_of(adjoint.mask, adjoint.value)
    counted = condition if adjoint.mask.condition is None else condition != 0
    return shaping.broadcast_to(counted, adjoint.value.shape) if counted.shape != adjoint.value.shape else counted


def _filled(like: Ref, number: float, shape: Shape) -> Ref:
    value = like.coerce(number)
    return shaping.broadcast_to(value, shape) if shape else value


# ---- adjoint bodies --------------------------------------------------------------------------------------------------


class AdjointBody:
    """The body of what a call contributes to its operands.

    body: its operands are those of the call, the adjoint of the call, and, where that is masked, where it counts. Its
    results are the contributions and, where they are masked, where they count.
    parts: by operand the positions of both among the results (None: it counts everywhere).
    """

    __slots__ = ("body", "count", "parts")

    def __init__(self, body: Body, count: int, parts: dict[int, tuple[int, int | None]]) -> None:
        self.body = body
        self.count = count
        self.parts = parts

    def __len__(self) -> int:
        return len(self.body.graph)

    def contributions(self, results: Sequence[Any]) -> list[Adjoint | None]:
        """The contribution to each operand, from the results of a call of the body."""
        handed: list[Adjoint | None] = [None] * self.count
        for operand, (value, mask) in self.parts.items():
            handed[operand] = _under(results[value], None if mask is None else results[mask])
        return handed


def _under(value: Any, indicator: Any) -> Adjoint:
    """An adjoint that is 0 where it does not count."""
    return Adjoint(value) if indicator is None else Adjoint(value, Mask(indicator), clean=True)


def adjoint_body(body: Body, wanted: Sequence[bool], pull: Pull) -> AdjointBody:
    """The adjoint body for some operands, kept with the body. CalculationError where an operation has no rule."""
    return _adjoint_body(body, wanted, False, pull, False)


def _adjoint_body(body: Body, wanted: Sequence[bool], masked: bool, pull: Pull, again: bool) -> AdjointBody:
    key = ("adjoint body", tuple(wanted), masked, again)
    return body.graph.once(key, body.results, lambda: _new_adjoint_body(body, wanted, masked, pull))


def _new_adjoint_body(body: Body, wanted: Sequence[bool], masked: bool, pull: Pull) -> AdjointBody:
    graph = Graph()
    operands = _inputs(graph, body, body.operand_shapes)
    adjoint = FoldingRef(graph, graph.input("adjoint", body.shape, hidden=True))
    counts = FoldingRef(graph, graph.input("counts", body.shape, hidden=True)) if masked else None
    given = [*operands, adjoint, *([] if counts is None else [counts])]
    found = pulled(body, operands, _starts(body, adjoint, counts), wanted, pull)
    results: list[Any] = []
    parts: dict[int, tuple[int, int | None]] = {}
    for place, part in enumerate(found):
        if part is not None:
            results.append(part.given_out())
            parts[place] = len(results) - 1, None if part.mask is None else len(results)
            results += [] if part.mask is None else [_indicator(part)]
    made = closed(f"adjoint of {body.name}", graph, [ref.node for ref in given], [ref.node for ref in results],
                  _labels(body, ["adjoint", "counts"]))  # fmt: skip
    return AdjointBody(made, len(wanted), parts)


def _labels(body: Body, more: Sequence[str]) -> list[str]:
    return [*(body.graph.input_name(operand) for operand in body.operands), *more]


def _inputs(graph: Graph, body: Body, shapes: Sequence[Shape]) -> list[Ref]:
    """Stand-ins for the operands of a body."""
    labels = _labels(body, [])
    return [
        FoldingRef(graph, graph.input(f"{place} {label}", shape, hidden=True))
        for place, (label, shape) in enumerate(zip(labels, shapes, strict=True))
    ]


def _starts(body: Body, adjoint: Ref, counts: Ref | None) -> list[Adjoint]:
    """The adjoints of a body's results, from that of a call of it."""
    values = unpacked(adjoint, body.result_shapes)
    indicators = [None] * len(values) if counts is None else unpacked(counts, body.result_shapes)
    return [
        Adjoint(value, None if indicator is None else Mask(indicator))
        for value, indicator in zip(values, indicators, strict=True)
    ]


def pulled(
    body: Body, operands: Sequence[Ref], starts: Sequence[Adjoint], wanted: Sequence[bool], pull: Pull
) -> list[Adjoint | None]:  # fmt: skip
    """A body written out in the graph of some operands, with what its results' adjoints contribute to those."""
    graph = operands[0].graph
    results = body.onto(graph, [operand.node for operand in operands])
    asked = [operand.node for operand, want in zip(operands, wanted, strict=True) if want]
    found = pull(graph, list(zip(results, starts, strict=True)), asked) if asked else {}
    return [found.get(operand.node) if want else None for operand, want in zip(operands, wanted, strict=True)]


# ---- loops in reverse ------------------------------------------------------------------------------------------------


class StepBack:
    """The body of one step in reverse of a `scan`.

    body: its operands are the carried state, what differs from step to step, and what all steps share; its results
    are the next carried state and, where there is any, one emitted vector. carried: the shapes of what is packed in
    its state: the adjoint of the scan's state (and where it counts, if `masked`), then by shared operand its sum (and
    where that counts). alternating, shared: which of the given operands it takes. sums, emitted: by shared operand and
    by item the places of the contribution and of where it counts (or the elements that count, as bits; None:
    everywhere).
    """

    __slots__ = ("alternating", "body", "carried", "emitted", "masked", "shapes", "shared", "sums")

    def __init__(self, masked: bool) -> None:
        self.masked = masked
        self.body: Any = None
        self.carried: list[Shape] = []
        self.shapes: list[Shape] = []
        self.alternating: list[int] = []
        self.shared: list[int] = []
        self.sums: dict[int, tuple[int, int | None, int | None]] = {}
        self.emitted: dict[int, tuple[int, int | None]] = {}

    def __len__(self) -> int:
        return len(self.body.graph)


class _BackStep:
    """How a step in reverse is made: written out once, then closed."""

    def __init__(self, attributes: tuple[Any, ...], wanted: Sequence[bool], masked: bool, pull: Pull) -> None:
        """masked: whether the adjoint of the scan is, and with it those of its state and of what it emits."""
        self.step, _, self.items, _ = attributes
        self.wanted, self.masked, self.pull = wanted, masked, pull
        self.graph = Graph()
        shapes = self.step.result_shapes
        self.adjoints = [self._input(f"adjoint {place}", shape) for place, shape in enumerate(shapes)]
        self.counts = [self._input(f"counts {place}", shape) for place, shape in enumerate(shapes)]
        self.operands = _inputs(self.graph, self.step, self.step.operand_shapes)

    def _input(self, label: str, shape: Shape) -> Ref:
        return FoldingRef(self.graph, self.graph.input(label, shape, hidden=True))

    def made(self) -> StepBack:
        """The step in reverse. Where the adjoint of a state is found to have a mask, it is made anew with one."""
        found = self._pulled(self.masked)
        masked = self.masked or found[0] is None or found[0].mask is not None
        if masked and not self.masked:
            found = self._pulled(masked)
        back = StepBack(masked)
        carried, next_carried = self._state(found[0], masked)
        self._sum_up(found, back, carried, next_carried)
        emitted = self._emit(found, back)
        back.carried = [ref.shape for ref in carried]
        back.shapes = [ref.shape for ref in emitted]
        self._close(back, carried, next_carried, emitted)
        return back

    def _pulled(self, masked: bool) -> list[Adjoint | None]:
        starts = [
            Adjoint(adjoint, Mask(count) if (masked if place == 0 else self.masked) else None)
            for place, (adjoint, count) in enumerate(zip(self.adjoints, self.counts, strict=True))
        ]
        return pulled(self.step, self.operands, starts, [True, *self.wanted[1:]], self.pull)

    def _state(self, part: Adjoint | None, masked: bool) -> tuple[list[Ref], list[Ref]]:
        """The adjoint of the state before and after the step, and where it counts; where none arrives, nowhere."""
        adjoint, count = self.adjoints[0], self.counts[0]
        if part is None:
            nothing = _filled(adjoint, 0.0, adjoint.shape)
            return [adjoint, count], [nothing, nothing]
        return ([adjoint, count], [part.given_out(), _indicator(part)]) if masked else ([adjoint], [part.given_out()])

    def _sum_up(
        self, found: Sequence[Adjoint | None], back: StepBack, carried: list[Ref], next_carried: list[Ref]
    ) -> None:  # fmt: skip
        """What is shared gets the sum over the steps, and counts where one of them does."""
        for place in range(1 + self.items, len(self.operands)):
            part = found[place]
            if part is None:
                continue
            total = self._input(f"sum {place}", part.value.shape)
            carried.append(total)
            next_carried.append(total + part.given_out())
            value, mask, elements = len(carried) - 1, None, None
            if part.mask is not None and part.mask.condition is None:
                elements = part.mask.elements
            elif part.mask is not None:
                counted = self._input(f"sum {place} counts", part.value.shape)
                mask = len(carried)
                carried.append(counted)
                next_carried.append(counted | _indicator(part))
            back.sums[place] = value, mask, elements

    def _emit(self, found: Sequence[Adjoint | None], back: StepBack) -> list[Ref]:
        """What the items get, each by itself."""
        emitted: list[Ref] = []
        for place in range(1, 1 + self.items):
            part = found[place]
            if part is not None:
                emitted.append(part.given_out())
                back.emitted[place] = len(emitted) - 1, None if part.mask is None else len(emitted)
                emitted += [] if part.mask is None else [_indicator(part)]
        return emitted

    def _close(
        self, back: StepBack, carried: Sequence[Ref], next_carried: Sequence[Ref], emitted: Sequence[Ref]
    ) -> None:  # fmt: skip
        """The body: the carried arrays packed as one state, and of the operands those that are used."""
        alternating = [self.operands[0], *self.operands[1 : 1 + self.items], *self.adjoints[1:]]
        alternating += self.counts[1:] if self.masked else []
        shared = self.operands[1 + self.items :]
        used = ancestors(self.graph, [ref.node for ref in (*next_carried, *emitted)])
        back.alternating = [place for place, ref in enumerate(alternating) if used[ref.node]]
        back.shared = [place for place, ref in enumerate(shared) if used[ref.node]]
        operands = [*(alternating[place] for place in back.alternating), *(shared[place] for place in back.shared)]
        inner = closed("", self.graph, [ref.node for ref in (*carried, *operands)],
                       [ref.node for ref in (*next_carried, *emitted)])  # fmt: skip
        graph = Graph()
        whole = FoldingRef(graph, graph.input("carried", _packed_shape(back.carried)))
        given = [FoldingRef(graph, graph.input(f"operand {k}", ref.shape)) for k, ref in enumerate(operands)]
        parts = unpacked(whole, back.carried)
        results = [FoldingRef(graph, node) for node in inner.onto(graph, [ref.node for ref in (*parts, *given)])]
        state = packed(results[: len(carried)])
        rows = [packed(results[len(carried) :])] if emitted else []
        back.body = closed(f"adjoint of {self.step.name}", graph, [ref.node for ref in (whole, *given)],
                           [ref.node for ref in (state, *rows)])  # fmt: skip


def _packed_shape(shapes: Sequence[Shape]) -> Shape:
    return shapes[0] if len(shapes) == 1 else (sum(map(shaping.size_of, shapes)),)


def handed_by_scan(
    graph: Graph, node: int, adjoint: Adjoint, wanted: Sequence[bool], pull: Pull, *, again: bool = False
) -> list[Adjoint | None]:  # fmt: skip
    """What a `scan` contributes to each operand; as `handed_by_call`."""
    attributes = graph.attributes_of(node)
    body, steps, items, reverse = attributes
    masked = adjoint.mask is not None
    back: StepBack = body.graph.once(
        ("step back", items, tuple(wanted), masked, again), body.results,
        lambda: _BackStep(attributes, wanted, masked, pull).made(),
    )  # fmt: skip
    operands = [FoldingRef(graph, operand) for operand in graph.operands_of(node)]
    seeds = _seeds(adjoint, attributes)
    counts = _seeds(Adjoint(_indicator(adjoint)), attributes) if back.masked else []
    alternating = [None, *operands[1 : 1 + items], *seeds[1:], *(counts[1:] if masked else [])]
    if 0 in back.alternating:
        alternating[0] = _history(operands, attributes)
    taken: list[Any] = [alternating[place] for place in back.alternating]
    taken += [operands[1 + items + place] for place in back.shared]
    begun = packed([seeds[0], *counts[:1], *(_filled(adjoint.value, 0.0, shape)
                                             for shape in back.carried[1 + back.masked :])])  # fmt: skip
    static = [back.body, steps, len(back.alternating), not reverse]
    return _handed_back(back, adjoint.value.build(calling.scan, [begun, *taken], static), wanted, static)


def _seeds(adjoint: Adjoint, attributes: tuple[Any, ...]) -> list[Ref]:
    """The adjoint of the last state, and of the rows that the steps emitted."""
    state, rows, begin = calling.begins_of(attributes)
    value = adjoint.given_out()
    if rows is None:
        return [value]
    return [_shaped(value[:begin], state), _shaped(value[begin:], rows)]


def _shaped(vector: Ref, shape: Shape) -> Ref:
    """A vector in a shape, as a number where that is one."""
    if not shape:
        return vector[0]
    return vector if len(shape) == 1 else shaping.reshape(vector, shape)


def _history(operands: Sequence[Ref], attributes: tuple[Any, ...]) -> Ref:
    """The state before each step."""
    body, *others = attributes
    states = Body(f"states of {body.name}", body.graph, body.operands, (body.results[0], body.operands[0]))
    found = operands[0].build(calling.scan, operands, [states, *others])
    _, rows, begin = calling.begins_of((states, *others))
    assert rows is not None
    return _shaped(found[begin:], rows)


def _handed_back(
    back: StepBack, found: Ref, wanted: Sequence[bool], static: Sequence[Any]
) -> list[Adjoint | None]:  # fmt: skip
    """The contributions from the node of the loop in reverse."""
    state, rows, begin = calling.begins_of(tuple(static))
    carried = unpacked(found if rows is None else _shaped(found[:begin], state), back.carried)
    handed: list[Adjoint | None] = [None] * len(wanted)
    if wanted[0]:
        handed[0] = _under(carried[0], carried[1] if back.masked else None)
    for place, (value, mask, elements) in back.sums.items():
        static_mask = None if elements is None else Mask(None, elements)
        handed[place] = (
            _under(carried[value], None if mask is None else carried[mask])
            if static_mask is None
            else Adjoint(carried[value], static_mask, clean=True)
        )
    if rows is not None:
        emitted = _columns(_shaped(found[begin:], rows), back.shapes)
        for place, (value, mask) in back.emitted.items():
            handed[place] = _under(emitted[value], None if mask is None else emitted[mask])
    return handed


def _columns(rows: Ref, shapes: Sequence[Shape]) -> list[Ref]:
    """What the steps emitted packed, each part with the axis of steps in front."""
    if len(shapes) == 1:
        return [rows]
    steps, parts, begin = rows.shape[0], [], 0
    for shape in shapes:
        count = shaping.size_of(shape)
        part = rows[:, begin : begin + count] if shape else rows[:, begin]
        parts.append(part if len(shape) < 2 else shaping.reshape(part, (steps, *shape)))
        begin += count
    return parts


# ---- kinks -----------------------------------------------------------------------------------------------------------


class AtKinks:
    """What stands for `passes.conventions` within bodies: where a derivative is differentiated, a kink gives nan.

    The slope that an operation of one step contributed before may come back through another loop, where no pass over
    one body can see it; so each operation with a kink is taken for one whose slopes meet.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    def settled(
        self, node: int, adjoint: Adjoint, parts: Sequence[Adjoint | None], adjoints: Any
    ) -> Sequence[Adjoint | None]:  # fmt: skip
        """What a node hands on, nan at its kink."""
        row = self.graph.row(node)
        if row.kink is None or "piecewise_constant" in row.traits or not any(parts):
            return parts
        operands = [FoldingRef(self.graph, operand) for operand in self.graph.operands_of(node)]
        at_kink = operands[0].coerce(row.kink(*operands, *self.graph.attributes_of(node)))
        return [None if part is None else self._spoiled(part, at_kink) for part in parts]

    def _spoiled(self, part: Adjoint, at_kink: Any) -> Adjoint:
        value = part.given_out()
        if at_kink.shape not in ((), value.shape):
            at_kink = shaping.sum_of(at_kink, None) > 0
        return Adjoint(logic.unless(at_kink, value), part.mask)


def kinked(body: Body) -> bool:
    """Whether a body, or one that it holds, has an operation with a kink."""
    pending = [body]
    while pending:
        graph = pending.pop().graph
        rows = {REGISTRY.rows[code] for code in graph.op}
        if any(row.kink is not None and "piecewise_constant" not in row.traits for row in rows):
            return True
        pending.extend(bodies_in(graph))
    return False
