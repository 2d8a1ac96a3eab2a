"""What a kept call hands to its operands: a kept call of the *adjoint body* of its body.

What decided in a body decides here too: beside a contribution that is 0 by a decision comes where it counts
(`passes.adjoints`).
"""

from __future__ import annotations

from cgcli.graph.bodies import Body, bodies_below, closed, unpacked
from cgcli.graph.store import Graph
from cgcli.graph.walk import ancestors
from cgcli.ops import REGISTRY, calling, logic, shaping
from cgcli.passes.adjoints import Adjoint, Mask, condition_of
from cgcli.passes.folding import FoldingRef
from cgcli.passes.known_masks import with_known_mask

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
    operands = [FoldingRef(graph, operand) for operand in graph.operands_of(node)]
    return called_back(body, operands, adjoint, wanted, pull, again)


def called_back(
    body: Body, operands: Sequence[Ref], adjoint: Adjoint, wanted: Sequence[bool], pull: Pull, again: bool
) -> list[Adjoint | None]:  # fmt: skip
    """The contributions of a call of a body on some operands, whose adjoint is given, as a call of its adjoint body."""
    mask = adjoint.mask
    masked = mask is not None and mask.condition is not None
    elements = mask.elements if mask is not None and not masked else None
    made = _adjoint_body(body, wanted, masked, elements, pull, again)
    if not made.parts:
        return [None] * len(wanted)
    given = [*operands, adjoint.given_out(), *([indicator(adjoint)] if masked else [])]
    values = _called(made.body, made.takes, given)
    counts = [] if made.counts is None else _called(made.counts, made.counts_takes, given)
    return made.contributions(values, counts)


def _called(body: Body, takes: Sequence[int], given: Sequence[Ref]) -> list[Any]:
    """The results of a call of a body on those of some operands that it takes."""
    operands = [given[place] for place in takes]
    return unpacked(operands[0].build(calling.call, operands, [body]), body.result_shapes)


# ---- adjoints and their masks ---------------------------------------------------------------------------------------


def indicator(adjoint: Adjoint) -> Ref:
    """1 where an adjoint counts and 0 elsewhere, of its shape."""
    if adjoint.mask is None:
        return repeated(adjoint.value, 1.0, adjoint.value.shape)
    condition = condition_of(adjoint.mask, adjoint.value)
    counted = condition if adjoint.mask.condition is None else condition != 0
    return shaping.broadcast_to(counted, adjoint.value.shape) if counted.shape != adjoint.value.shape else counted


def repeated(like: Ref, number: float, shape: Shape) -> Ref:
    """A number as an array of a shape."""
    value = like.coerce(number)
    return shaping.broadcast_to(value, shape) if shape else value


# ---- adjoint bodies --------------------------------------------------------------------------------------------------


class AdjointBody:
    """The body of what a call contributes to its operands, and that of where this counts.

    body, counts: they take, of the operands of the call, the adjoint of the call, and what says where that counts, the
    ones at the places `takes` and `counts_takes`; where all counts, or it is known where, there are no `counts`. They
    are two, so that the contributions are linear in the adjoint and nothing else follows from it.
    parts: by operand the place of its contribution, of what says where it counts, and the elements that count, as bits.
    """

    __slots__ = ("body", "count", "counts", "counts_takes", "parts", "takes")

    def __init__(self, count: int) -> None:
        self.count = count
        self.body: Any = None
        self.takes: list[int] = []
        self.counts: Body | None = None
        self.counts_takes: list[int] = []
        self.parts: dict[int, tuple[int, int | None, int | None]] = {}

    def __len__(self) -> int:
        return (0 if self.body is None else len(self.body.graph)) + (
            0 if self.counts is None else len(self.counts.graph)
        )

    def contributions(self, values: Sequence[Any], counts: Sequence[Any]) -> list[Adjoint | None]:
        """The contribution to each operand, from the results of calls of both."""
        handed: list[Adjoint | None] = [None] * self.count
        for operand, (value, mask, elements) in self.parts.items():
            handed[operand] = under(values[value], None if mask is None else counts[mask], elements)
        return handed


def under(value: Any, counts: Any = None, elements: int | None = None) -> Adjoint:
    """An adjoint that is 0 where it does not count."""
    if counts is None and elements is None:
        return Adjoint(value)
    return Adjoint(value, Mask(counts, elements), clean=True)


def _adjoint_body(
    body: Body, wanted: Sequence[bool], masked: bool, elements: int | None, pull: Pull, again: bool
) -> AdjointBody:  # fmt: skip
    """The adjoint body for some operands, kept with the body. CalculationError where an operation has no rule.

    masked: whether an operand says where the adjoint counts; elements: the elements that count, where known.
    """
    key = ("adjoint body", tuple(wanted), masked, elements, again)
    return body.graph.once(key, body.results, lambda: _new_adjoint_body(body, wanted, masked, elements, pull))


def _new_adjoint_body(
    body: Body, wanted: Sequence[bool], masked: bool, elements: int | None, pull: Pull
) -> AdjointBody:  # fmt: skip
    graph = Graph()
    operands = stand_ins(graph, body)
    adjoint = FoldingRef(graph, graph.input("adjoint", body.shape, hidden=True))
    counts = FoldingRef(graph, graph.input("counts", body.shape, hidden=True)) if masked else None
    found = pulled(body, operands, _starts(body, adjoint, counts, elements), wanted, pull)
    values: list[Ref] = []
    counted: list[Ref] = []
    made = AdjointBody(len(wanted))
    for place, part in enumerate(found):
        if part is None:
            continue
        values.append(part.given_out())
        mask = part.mask
        if mask is None or mask.condition is None:
            made.parts[place] = len(values) - 1, None, None if mask is None else mask.elements
        else:
            counted.append(indicator(part))
            made.parts[place] = len(values) - 1, len(counted) - 1, None
    given = [*operands, adjoint, *([] if counts is None else [counts])]
    name, labels = f"adjoint of {body.name}", labels_of(body, ["adjoint", "counts"])
    made.body, made.takes = _closed(name, given, values, labels) if values else (None, [])
    if counted:
        made.counts, made.counts_takes = _closed(f"counts of {name}", given, counted, labels)
    return made


def _closed(name: str, given: Sequence[Ref], results: Sequence[Ref], labels: Sequence[str]) -> tuple[Body, list[int]]:
    """The body of some results, and which of the given operands it takes: one at least."""
    graph, nodes = given[0].graph, [ref.node for ref in results]
    used = ancestors(graph, nodes)
    takes = [place for place, ref in enumerate(given) if used[ref.node]] or [0]
    made = closed(name, graph, [given[place].node for place in takes], nodes, [labels[place] for place in takes])
    return made, takes


def labels_of(body: Body, more: Sequence[str]) -> list[str]:
    """What the operands of a body are called, and what comes behind them."""
    return [*(body.graph.input_name(operand) for operand in body.operands), *more]


def stand_ins(graph: Graph, body: Body) -> list[Ref]:
    """Inputs of a graph in the place of the operands of a body."""
    return [
        FoldingRef(graph, graph.input(f"{place} {label}", shape, hidden=True))
        for place, (label, shape) in enumerate(zip(labels_of(body, []), body.operand_shapes, strict=True))
    ]


def _starts(body: Body, adjoint: Ref, counts: Ref | None, elements: int | None) -> list[Adjoint | None]:
    """The adjoints of a body's results, from that of a call of it; None for one of which no element counts."""
    shapes = body.result_shapes
    values = unpacked(adjoint, shapes)
    conditions = [None] * len(values) if counts is None else unpacked(counts, shapes)
    starts: list[Adjoint | None] = []
    begin = 0
    for value, condition in zip(values, conditions, strict=True):
        count = shaping.size_of(value.shape)
        bits, every = None if elements is None else elements >> begin & (1 << count) - 1, (1 << count) - 1
        mask = None if condition is None and bits in (None, every) else Mask(condition, bits)
        starts.append(None if bits == 0 else Adjoint(value, mask))
        begin += count
    return starts


def pulled(
    body: Body, operands: Sequence[Ref], starts: Sequence[Adjoint | None], wanted: Sequence[bool], pull: Pull
) -> list[Adjoint | None]:  # fmt: skip
    """A body written out in the graph of some operands, with what its results' adjoints contribute to those."""
    graph = operands[0].graph
    results = body.onto(graph, [operand.node for operand in operands])
    begun = [(result, start) for result, start in zip(results, starts, strict=True) if start is not None]
    asked = [operand.node for operand, want in zip(operands, wanted, strict=True) if want]
    found = pull(graph, begun, asked) if asked and begun else {}
    return [
        with_known_mask(found[operand.node]) if want and operand.node in found else None
        for operand, want in zip(operands, wanted, strict=True)
    ]


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
    codes = {code for graph in (body.graph, *(each.graph for each in bodies_below(body.graph))) for code in graph.op}
    rows = (REGISTRY.rows[code] for code in codes)
    return any(row.kink is not None and "piecewise_constant" not in row.traits for row in rows)
