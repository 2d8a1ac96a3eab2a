"""What a kept loop hands to its operands: a loop in reverse over the states of its steps, which another loop emits.

So derivatives of any order are loops again, as in JAX. What decided in a step decides here too. Which elements of its
result nobody reads is known when the graph is built; the last step, where that matters, is then gone back by itself.
Where decisions in the steps say it, a loop of its own finds out, before the adjoints are computed, where that of each
state counts (`passes.adjoints`): so the adjoints of a loop stay linear in those that it is given.
"""

from __future__ import annotations

from cgcli.graph.bodies import Body, closed, packed, unpacked
from cgcli.graph.shapes import size
from cgcli.graph.store import Graph
from cgcli.graph.walk import ancestors
from cgcli.ops import calling, shaping
from cgcli.passes.adjoints import Adjoint, Mask, added, condition_of
from cgcli.passes.checkpoints import in_stretches, too_many
from cgcli.passes.folding import FoldingRef
from cgcli.passes.kept_calls import called_back, indicator, pulled, repeated, stand_ins, under

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from cgcli.graph.ref import Ref
    from cgcli.passes.kept_calls import Pull

    Shape = tuple[int, ...]

PLAIN, MASKED, ABSENT = "plain", "masked", "absent"
"""How the adjoint of a result comes in: counting everywhere, with where it counts, or not at all."""


def handed_by_scan(
    graph: Graph, node: int, adjoint: Adjoint, wanted: Sequence[bool], pull: Pull, *, again: bool = False
) -> list[Adjoint | None]:  # fmt: skip
    """What a `scan` contributes to each operand; as `kept_calls.handed_by_call`."""
    body, steps, *others = graph.attributes_of(node)
    if too_many(body, steps):
        operands = [FoldingRef(graph, operand) for operand in graph.operands_of(node)]
        return called_back(in_stretches(body, steps, *others), operands, adjoint, wanted, pull, again)
    loop = _Loop(graph, node, wanted, pull, again)
    return loop.handed(*loop.apart(adjoint))


class _Loop:
    """A loop that is gone back."""

    def __init__(self, graph: Graph, node: int, wanted: Sequence[bool], pull: Pull, again: bool) -> None:
        self.body, self.steps, self.items, self.reverse = graph.attributes_of(node)
        self.operands: list[Any] = [FoldingRef(graph, operand) for operand in graph.operands_of(node)]
        self.wanted, self.pull, self.again = list(wanted), pull, again
        self._states: Any = None

    # ---- the adjoint of the result -----------------------------------------------------------------------------------

    def apart(self, adjoint: Adjoint) -> tuple[Adjoint | None, Adjoint | None]:
        """The adjoints of the last state and of what the steps emitted; None for one of which no element counts."""
        state, *emitted = self.body.result_shapes
        if not emitted:
            return adjoint, None
        count = size(state)
        return self._part(adjoint, 0, count, state), self._part(
            adjoint, count, adjoint.value.shape[0], (self.steps, *emitted[0])
        )

    @staticmethod
    def _part(adjoint: Adjoint, begin: int, end: int, shape: Shape) -> Adjoint | None:
        """Some elements of an adjoint, in a shape."""
        mask, every = adjoint.mask, (1 << end - begin) - 1
        value = _shaped(adjoint.given_out()[begin:end], shape)
        if mask is None:
            return Adjoint(value)
        if mask.condition is not None:
            return under(value, _shaped(indicator(adjoint)[begin:end], shape))
        assert mask.elements is not None  # a mask says something
        bits = mask.elements >> begin & every
        return None if not bits else under(value, None, None if bits == every else bits)

    # ---- steps -------------------------------------------------------------------------------------------------------

    def handed(self, state: Adjoint | None, rows: Adjoint | None) -> list[Adjoint | None]:
        """The contributions to the operands."""
        if state is None and rows is None:
            return [None] * len(self.wanted)
        known = state is None or (state.mask is not None and state.mask.condition is None)
        if known and (rows is None or rows.mask is None):
            return self._last_by_itself(state, rows)
        return self.begun(state, rows)

    def _last_by_itself(self, state: Adjoint | None, rows: Adjoint | None) -> list[Adjoint | None]:
        """The last step as a call, since not all elements of the state behind it count; then the others."""
        last = 0 if self.reverse else self.steps - 1
        item_ends = 1 + self.items
        here = [_row(item, last) for item in self.operands[1:item_ends]]
        operands = [_row(self.states(), last), *here, *self.operands[item_ends:]]
        adjoint = self._whole(state, None if rows is None else _row_of(rows, last))
        assert adjoint is not None  # where no element of the state counts, those of the rows do
        found = called_back(self.body, operands, adjoint, [True, *self.wanted[1:]], self.pull, self.again)
        if self.steps == 1:
            return [
                each if place == 0 or place >= item_ends or each is None else _lifted(each)
                for place, each in enumerate(self._asked(found))
            ]
        others = self._without(last)
        rest = None if rows is None else _rows_without(rows, last)
        behind = [None] * len(found) if found[0] is None and rest is None else others.begun(found[0], rest)
        return self._joined(found, behind, last)

    def begun(self, state: Adjoint | None, rows: Adjoint | None) -> list[Adjoint | None]:
        """The contributions of steps of whose last state it is known where its adjoint counts: perhaps nowhere."""
        if state is None:
            like = self.operands[0]
            nothing = repeated(like, 0.0, like.shape)
            return self._all(under(nothing, nothing), rows)
        if state.mask is not None and state.mask.condition is None:
            state = under(state.given_out(), indicator(state))
        return self._all(state, rows)

    def _without(self, last: int) -> _Loop:
        """The loop of all steps but the last."""
        part = slice(1, None) if last == 0 else slice(0, last)
        twin = object.__new__(_Loop)
        twin.body, twin.steps, twin.items, twin.reverse = self.body, self.steps - 1, self.items, self.reverse
        twin.operands = [self.operands[0], *(item[part] for item in self.operands[1 : 1 + self.items]),
                         *self.operands[1 + self.items :]]  # fmt: skip
        twin.wanted, twin.pull, twin.again = self.wanted, self.pull, self.again
        twin._states = self.states()[part]
        return twin

    def _joined(
        self, last: Sequence[Adjoint | None], others: Sequence[Adjoint | None], place: int
    ) -> list[Adjoint | None]:  # fmt: skip
        """The contributions of the last step and of the others, whose items lie before or behind."""
        joined: list[Adjoint | None] = [others[0]]
        for number, (one, rest) in enumerate(zip(last, others, strict=True)):
            if number == 0:
                continue
            if 1 + self.items <= number:
                joined.append(one if rest is None else rest if one is None else added(rest, one, goes_on=True))
            elif one is None and rest is None:
                joined.append(None)
            else:
                joined.append(self._item(one, rest, number, place))
        return self._asked(joined)

    def _item(self, one: Adjoint | None, rest: Adjoint | None, number: int, place: int) -> Adjoint:
        """The contributions to an item, step by step in their places; a step that contributes none does not count."""
        shape = self.operands[number].shape
        parts = [
            _given(one, self.operands[0], (1, *shape[1:])),
            _given(rest, self.operands[0], (shape[0] - 1, *shape[1:])),
        ]
        ordered = parts if place == 0 else parts[::-1]
        value = shaping.concat(*(each[0] for each in ordered))
        if all(each is not None and each.mask is None for each in (one, rest)):
            return Adjoint(value)
        return under(value, shaping.concat(*(each[1] for each in ordered)))

    def _asked(self, found: Sequence[Adjoint | None]) -> list[Adjoint | None]:
        return [each if want else None for each, want in zip(found, self.wanted, strict=True)]

    def _whole(self, state: Adjoint | None, row: Adjoint | None) -> Adjoint | None:
        """The adjoint of one call of the body, from those of its results."""
        shapes = self.body.result_shapes
        if state is None and row is None:
            return None
        if len(shapes) == 1:
            return state
        parts = [_given(each, self.operands[0], shape) for each, shape in zip((state, row), shapes, strict=True)]
        value = packed([each[0] for each in parts])
        if any(each is not None and each.mask is not None and each.mask.condition is not None for each in (state, row)):
            return under(value, packed([each[1] for each in parts]))
        bits = begin = 0
        for each, shape in zip((state, row), shapes, strict=True):
            every = (1 << size(shape)) - 1
            mask = None if each is None else each.mask
            own = 0 if each is None else every if mask is None or mask.elements is None else mask.elements
            bits |= own << begin
            begin += size(shape)
        return under(value, None, None if bits == (1 << begin) - 1 else bits)

    def states(self) -> Any:
        """The state before each step."""
        if self._states is None:
            body = self.body
            emitting = Body(f"states of {body.name}", body.graph, body.operands, (body.results[0], body.operands[0]))
            static = [emitting, self.steps, self.items, self.reverse]
            found = self.operands[0].build(calling.scan, self.operands, static)
            _, rows, begin = calling.begins_of(tuple(static))
            assert rows is not None
            self._states = _shaped(found[begin:], rows)
        return self._states

    # ---- the loop in reverse -----------------------------------------------------------------------------------------

    def _all(self, state: Adjoint, rows: Adjoint | None) -> list[Adjoint | None]:
        """All steps by a loop."""
        kinds = [_kind(state), _kind(rows)][: len(self.body.result_shapes)]
        key = ("step back", self.items, tuple(self.wanted), tuple(kinds), self.again)
        back: StepBack = self.body.graph.once(
            key, self.body.results,
            lambda: _BackStep(self.body, self.items, self.wanted, kinds, self.pull).made(),
        )  # fmt: skip
        return self._run(back, state, rows)

    def _run(self, back: StepBack, state: Adjoint, rows: Adjoint | None) -> list[Adjoint | None]:
        like = self.operands[0]
        given: dict[str, Any] = {f"operand {place}": item for place, item in enumerate(self.operands) if place}
        if rows is not None:
            given["adjoint 1"], given["counts 1"] = rows.given_out(), indicator(rows)
        if "operand 0" in (*back.adjoints.steps, *(back.counts.steps if back.counts is not None else ())):
            given["operand 0"] = self.states()
        counted: list[Any] = []
        emitted: list[Any] = []
        if back.counts is not None:
            begun = [indicator(state), *(repeated(like, 0.0, shape) for shape in back.counts.carried[1:])]
            counted, found = self._looped(back.counts, begun, given)
            given["counts 0"], emitted = found[0], found[1:]
        begun = [state.given_out(), *(repeated(like, 0.0, shape) for shape in back.adjoints.carried[1:])]
        carried, values = self._looped(back.adjoints, begun, given)
        handed: list[Adjoint | None] = [None] * len(self.wanted)
        if self.wanted[0]:
            handed[0] = under(carried[0], counted[0] if back.counts is not None else None)
        for place, (value, mask, elements) in back.sums.items():
            handed[place] = under(carried[value], None if mask is None else counted[mask], elements)
        for place, (value, mask, elements) in back.emitted.items():
            counts = None if mask is None else emitted[mask]
            if elements is not None:  # the same ones of every step
                counts = condition_of(Mask(None, elements), values[value][0])
            handed[place] = under(values[value], counts)
        return handed

    def _looped(self, loop: StepsBack, begun: Sequence[Any], given: dict[str, Any]) -> tuple[list[Any], list[Any]]:
        """The carried arrays behind all steps, and what the steps emitted."""
        operands = [packed(begun), *(given[name] for name in (*loop.steps, *loop.shared))]
        static = [loop.body, self.steps, len(loop.steps), not self.reverse]
        found = operands[0].build(calling.scan, operands, static)
        state, rows, begin = calling.begins_of(tuple(static))
        carried = unpacked(found if rows is None else _shaped(found[:begin], state), loop.carried)
        return carried, [] if rows is None else _columns(_shaped(found[begin:], rows), loop.emitted)


def _kind(adjoint: Adjoint | None) -> str:
    return ABSENT if adjoint is None else PLAIN if adjoint.mask is None else MASKED


# ---- a step in reverse -----------------------------------------------------------------------------------------------


class StepsBack:
    """The body of a step of a loop in reverse.

    carried, emitted: the shapes of what is packed in its state, and in what it emits. steps, shared: what it takes of
    the operands of the loop and of their adjoints (`operand 0` is the state before a step), one a step and in all.
    """

    __slots__ = ("body", "carried", "emitted", "shared", "steps")

    def __init__(
        self, body: Body, carried: list[Shape], emitted: list[Shape], steps: list[str], shared: list[str]
    ) -> None:  # fmt: skip
        self.body = body
        self.carried = carried
        self.emitted = emitted
        self.steps = steps
        self.shared = shared


class StepBack:
    """How a step of a loop is gone back.

    adjoints: carries the adjoint of the state and the sums for what is shared. counts: carries where these count, and
    emits where the adjoint of the state behind the step does; None where everything counts.
    sums, emitted: by shared operand the places of its sum and of where that counts, or the elements that count, as
    bits; by item the same for its contribution.
    """

    __slots__ = ("adjoints", "counts", "emitted", "sums")

    def __init__(self) -> None:
        self.adjoints: Any = None
        self.counts: Any = None
        self.sums: dict[int, tuple[int, int | None, int | None]] = {}
        self.emitted: dict[int, tuple[int, int | None, int | None]] = {}

    def __len__(self) -> int:
        return len(self.adjoints.body.graph) + (0 if self.counts is None else len(self.counts.body.graph))


class _BackStep:
    """A step that is written out with its adjoints, and then closed."""

    def __init__(self, step: Body, items: int, wanted: Sequence[bool], kinds: Sequence[str], pull: Pull) -> None:
        """kinds: how the adjoints of the results come in."""
        self.step, self.items, self.wanted, self.kinds, self.pull = step, items, wanted, list(kinds), pull
        self.graph = Graph()
        self.inputs: dict[str, Ref] = {}
        self.operands = stand_ins(self.graph, step)
        self.inputs.update((f"operand {place}", ref) for place, ref in enumerate(self.operands))
        shapes = step.result_shapes
        self.adjoints = [self._input(f"adjoint {place}", shape) for place, shape in enumerate(shapes)]
        self.counts = [self._input(f"counts {place}", shape) for place, shape in enumerate(shapes)]
        self.carried: list[tuple[str, Ref]] = [("adjoint 0", self.adjoints[0])]
        self.counted: list[tuple[str, Ref]] = []

    def _input(self, label: str, shape: Shape) -> Ref:
        ref = self.inputs[label] = FoldingRef(self.graph, self.graph.input(label, shape, hidden=True))
        return ref

    def made(self) -> StepBack:
        """The step in reverse. Where the adjoint of a state is found to have a mask, it is made anew with one."""
        found = self._pulled()
        if self.kinds[0] == PLAIN and (found[0] is None or found[0].mask is not None):
            self.kinds[0] = MASKED
            found = self._pulled()
        back = StepBack()
        self._state(found[0])
        self._sum_up(found, back)
        values, counts = self._emit(found, back)
        back.adjoints = self._closed(self.carried, [ref for _, ref in self.next_carried], values)
        if self.counted:
            back.counts = self._closed(self.counted, [ref for _, ref in self.next_counted], [self.counts[0], *counts])
        return back

    def _pulled(self) -> list[Adjoint | None]:
        starts = [
            None if kind == ABSENT else Adjoint(adjoint, Mask(count) if kind == MASKED else None)
            for kind, adjoint, count in zip(self.kinds, self.adjoints, self.counts, strict=True)
        ]
        return pulled(self.step, self.operands, starts, [True, *self.wanted[1:]], self.pull)

    def _state(self, part: Adjoint | None) -> None:
        """The adjoint of the state before the step, and where it counts: nowhere, where none arrives."""
        nothing = repeated(self.adjoints[0], 0.0, self.adjoints[0].shape)
        self.next_carried = [("adjoint 0", nothing if part is None else part.given_out())]
        self.next_counted: list[tuple[str, Ref]] = []
        if self.kinds[0] == MASKED:
            self.counted.append(("counts 0", self.counts[0]))
            self.next_counted.append(("counts 0", nothing if part is None else indicator(part)))

    def _sum_up(self, found: Sequence[Adjoint | None], back: StepBack) -> None:
        """What is shared gets the sum over the steps, and counts where one of them does."""
        for place in range(1 + self.items, len(self.operands)):
            part = found[place]
            if part is None:
                continue
            total = self._input(f"sum {place}", part.value.shape)
            self.carried.append((f"sum {place}", total))
            self.next_carried.append((f"sum {place}", total + part.given_out()))
            value, mask, elements = len(self.carried) - 1, None, None
            if part.mask is not None and part.mask.condition is None:
                elements = part.mask.elements
            elif part.mask is not None:
                self._count_state()
                counted = self._input(f"sum counts {place}", part.value.shape)
                mask = len(self.counted)
                self.counted.append((f"sum counts {place}", counted))
                self.next_counted.append((f"sum counts {place}", counted | indicator(part)))
            back.sums[place] = value, mask, elements

    def _count_state(self) -> None:
        """Let the loop of counts begin with that of the state, which counts everywhere so far."""
        if not self.counted:
            self.counted.append(("counts 0", self.counts[0]))
            self.next_counted.append(("counts 0", self.counts[0]))

    def _emit(self, found: Sequence[Adjoint | None], back: StepBack) -> tuple[list[Ref], list[Ref]]:
        """What the items get, each by itself, and where that counts."""
        values: list[Ref] = []
        counts: list[Ref] = []
        for place in range(1, 1 + self.items):
            part = found[place]
            if part is not None:
                values.append(part.given_out())
                mask = elements = None
                if part.mask is not None and part.mask.condition is None:
                    elements = part.mask.elements
                elif part.mask is not None:
                    self._count_state()
                    mask = len(counts)
                    counts.append(indicator(part))
                back.emitted[place] = len(values) - 1, mask, elements
        return values, counts

    def _closed(
        self, carried: Sequence[tuple[str, Ref]], next_carried: Sequence[Ref], emitted: Sequence[Ref]
    ) -> StepsBack:  # fmt: skip
        """A body: the carried arrays packed as one state, and of the operands and adjoints those that are used."""
        used = ancestors(self.graph, [ref.node for ref in (*next_carried, *emitted)])
        own = {label for label, _ in carried}
        changing = [f"operand {place}" for place in range(1 + self.items)]
        changing += ["counts 0", *(f"{what} {place}" for place in range(1, len(self.adjoints))
                                   for what in ("adjoint", "counts"))]  # fmt: skip
        steps = [label for label in changing if label not in own and used[self.inputs[label].node]]
        shared = [label for label in (f"operand {place}" for place in range(1 + self.items, len(self.operands)))
                  if used[self.inputs[label].node]]  # fmt: skip
        operands = [self.inputs[label] for label in (*steps, *shared)]
        inner = closed("", self.graph, [ref.node for ref in (*(ref for _, ref in carried), *operands)],
                       [ref.node for ref in (*next_carried, *emitted)])  # fmt: skip
        shapes = [ref.shape for _, ref in carried]
        body = self._packing(inner, shapes, operands, len(next_carried))
        return StepsBack(body, shapes, [ref.shape for ref in emitted], steps, shared)

    def _packing(self, inner: Body, shapes: Sequence[Shape], operands: Sequence[Ref], count: int) -> Body:
        """A body whose state is one array, from one with several."""
        graph = Graph()
        whole = shapes[0] if len(shapes) == 1 else (sum(map(size, shapes)),)
        state = FoldingRef(graph, graph.input("carried", whole))
        given = [FoldingRef(graph, graph.input(f"operand {k}", ref.shape)) for k, ref in enumerate(operands)]
        parts = unpacked(state, shapes)
        results = [FoldingRef(graph, node) for node in inner.onto(graph, [ref.node for ref in (*parts, *given)])]
        rows = [packed(results[count:])] if len(results) > count else []
        made = [packed(results[:count]), *rows]
        return closed(f"adjoint of {self.step.name}", graph, [ref.node for ref in (state, *given)],
                      [ref.node for ref in made])  # fmt: skip


# ---- arrays ----------------------------------------------------------------------------------------------------------


def _shaped(vector: Ref, shape: Shape) -> Ref:
    """A vector in a shape, as a number where that is one."""
    if not shape:
        return vector[0]
    return vector if len(shape) == 1 else shaping.reshape(vector, shape)


def _columns(rows: Ref, shapes: Sequence[Shape]) -> list[Ref]:
    """What the steps emitted packed, each part with the axis of steps in front."""
    if len(shapes) == 1:
        return [rows]
    steps, parts, begin = rows.shape[0], [], 0
    for shape in shapes:
        count = size(shape)
        part = rows[:, begin : begin + count] if shape else rows[:, begin]
        parts.append(part if len(shape) < 2 else shaping.reshape(part, (steps, *shape)))
        begin += count
    return parts


def _row(rows: Any, place: int) -> Any:
    return rows[place]


def _row_of(rows: Adjoint, place: int) -> Adjoint | None:
    """One row of an adjoint; None where none of its elements counts."""
    mask, value = rows.mask, rows.given_out()[place]
    if mask is None:
        return Adjoint(value)
    if mask.condition is not None:
        return under(value, indicator(rows)[place])
    count = size(value.shape)
    assert mask.elements is not None  # a mask says something
    bits, every = mask.elements >> place * count & (1 << count) - 1, (1 << count) - 1
    return None if not bits else under(value, None, None if bits == every else bits)


def _rows_without(rows: Adjoint, place: int) -> Adjoint | None:
    """The other rows of an adjoint, where the first one or the last one is left out."""
    part = slice(1, None) if place == 0 else slice(0, place)
    value, mask = rows.given_out()[part], rows.mask
    if mask is None:
        return Adjoint(value)
    if mask.condition is not None:
        return under(value, indicator(rows)[part])
    count = size(value.shape)
    assert mask.elements is not None  # a mask says something
    bits = mask.elements >> (size(value.shape[1:]) if place == 0 else 0) & (1 << count) - 1
    return None if not bits else under(value, None, None if bits == (1 << count) - 1 else bits)


def _given(adjoint: Adjoint | None, like: Ref, shape: Shape) -> tuple[Ref, Ref]:
    """The value of an adjoint and where it counts, in a shape; nothing, nowhere, for None."""
    if adjoint is None:
        nothing = repeated(like, 0.0, shape)
        return nothing, nothing
    value, counts = adjoint.given_out(), indicator(adjoint)
    if value.shape != shape:
        value, counts = shaping.reshape(value, shape), shaping.reshape(counts, shape)
    return value, counts


def _lifted(adjoint: Adjoint) -> Adjoint:
    """An adjoint of an item as that of the items of a single step."""
    value, counts = _given(adjoint, adjoint.value, (1, *adjoint.value.shape))
    return Adjoint(value) if adjoint.mask is None else under(value, counts)
