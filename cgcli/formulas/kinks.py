"""Kinks at a point: where a derivative is a convention, told beside the results.

A first derivative at a kink is what the documents say (`cg grad … --kinks` lists them). What is told without being
asked for is what could be taken for more than it is: a second derivative at a kink, and the derivative of a branch that
is taken at this single point only (`1 if x == 0 else sin(x)/x`).
"""

from __future__ import annotations

from itertools import compress, count

from cgcli.emit.formula import expression
from cgcli.errors import KinkWarning
from cgcli.formulas.derivatives import derived, name_tuple, targets, variables
from cgcli.graph.walk import between
from cgcli.numerals import compact
from cgcli.ops import REGISTRY, calling
from cgcli.passes.kinks import holds, kink_conditions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    from cgcli.errors import Span
    from cgcli.formulas.bound import Bound
    from cgcli.graph.store import Graph
    from cgcli.language.program import Program

LONGEST = 60
"""Characters of a formula in a message."""


class KinkHit:
    """An operation of the formula that is evaluated at a kink.

    text: `abs(x - 2) at 0`; written: `abs(x - 2)`; place: `x - 2 = 0`, empty where the operands are numbers or long;
    called: the operation in a sentence.
    """

    __slots__ = ("called", "convention", "is_point", "operation", "place", "span", "text", "written")

    def __init__(self, graph: Graph, node: int, numbers: Sequence[Any]) -> None:
        row = graph.row(node)
        self.written = written = expression(graph, node)
        self.operation = row.name
        told = [compact(each + 0.0) for each in numbers]  # 0 without a sign
        where = ", ".join(told)
        texts = [expression(graph, each) for each in graph.operands_of(node)] if len(written) <= LONGEST else told
        self.place = ", ".join(f"{text} = {each}" for text, each in zip(texts, told, strict=True) if text != each)
        self.text = f"{written if len(written) <= LONGEST else row.name} at {where}"
        self.called = row.spell.get("words", f"`{row.name}`")
        self.convention = row.convention
        self.is_point = "point" in row.traits
        self.span: Span | None = graph.spans.get(node)

    def as_dict(self) -> dict[str, str]:
        """The kink as JSON-able data."""
        return {"operation": self.operation, "text": self.text, "convention": self.convention}


def kinks_at(bound: Bound, wrt: Sequence[str] | None = None, of: str | None = None) -> list[KinkHit]:
    """The kinks between variables and outputs that are hit, in the order of evaluation. Errors as of `gradients`."""
    names = name_tuple(wrt)

    def ways(program: Program) -> list[tuple[list[int], list[int]]]:
        return [(list(variables(program, names, of).values()), list(targets(program, of).values()))]

    return _hits(bound, ("kinks", names, of), ways)


def kinks_within(bound: Bound) -> list[KinkHit]:
    """The kinks of what the text differentiates: twice, or by way of a branch for a single point."""
    if not bound.program.slopes:
        return []
    return _hits(bound, ("kinks within",), lambda program: [([x], [y]) for y, x in program.slopes], twice=True)


def _hits(
    bound: Bound, question: tuple[Any, ...], ways: Callable[[Program], list[tuple[list[int], list[int]]]],
    *, twice: bool = False,
) -> list[KinkHit]:  # fmt: skip
    """The kinks on the ways from nodes to others that are hit; what rules of derivatives are made of does not count.

    twice: other kinks than conditions for single points count only where a derivative is differentiated.
    """

    def make(program: Program) -> dict[int, int]:
        graph = program.graph
        if not any(REGISTRY.rows[code].kink is not None for code in set(graph.op)):
            return {}
        nodes: set[int] = set()
        for begin, end in ways(program):
            active = between(graph, begin, end) if begin else b""
            nodes.update(node for node, reached in enumerate(active) if reached)
        found = _points(graph, nodes)
        if not twice:  # what no variable reaches, `label == 2`, decides in the same way around the point
            found &= nodes
        if not twice or any(map(graph.origins.has, nodes)):
            found |= {node for node in nodes if "point" not in graph.row(node).traits}
        return kink_conditions(graph, sorted(node for node in found if not graph.origins.has(node)))

    within = _in_loops(bound, ways, twice=twice)
    found = derived(bound, question, make)
    graph, conditions = found.program.graph, found.nodes
    if not conditions:
        return within
    operands = [operand for node in conditions for operand in graph.operands_of(node)]
    wanted = [*conditions.values(), *operands]
    over = bound.over(found.program)
    values = over.engine(wanted).evaluate(graph, over.values, wanted)
    hits = [
        KinkHit(graph, node, [values[operand] for operand in graph.operands_of(node)])
        for node, condition in conditions.items()
        if holds(values[condition])
    ]
    return hits + within


def _in_loops(
    bound: Bound, ways: Callable[[Program], list[tuple[list[int], list[int]]]], *, twice: bool
) -> list[KinkHit]:  # fmt: skip
    """The same within the kept loops of the text; of each the first step that hits one."""
    graph = bound.program.graph
    if not any("kept" in REGISTRY.rows[code].traits for code in set(graph.op)):
        return []
    from cgcli.formulas.loop_kinks import hits_of

    active = [between(graph, begin, end) for begin, end in ways(bound.program) if begin]
    loops = [node for node in range(len(graph)) if graph.row(node) is calling.scan
             and not graph.origins.has(node) and any(each[node] for each in active)]  # fmt: skip
    derivatives = not twice or any(graph.origins.has(node) for each in active for node in compress(count(), each))
    found = []
    for node in loops:
        operands = list(graph.operands_of(node))
        known = bound.engine(operands).evaluate(graph, bound.values, operands)
        values = [known[operand] for operand in operands]
        for choose in (_points, _kinks) if derivatives else (_points,):
            for inner, place, numbers, where in hits_of(graph.attributes_of(node), values, choose):
                hit = KinkHit(inner, place, numbers)
                hit.text += where
                found.append(hit)
    return found


def _kinks(graph: Graph, nodes: Iterable[int]) -> set[int]:
    """The nodes with a kink that are no conditions for single points."""
    rows = {node: graph.row(node) for node in nodes}
    return {node for node, row in rows.items() if row.kink is not None and "point" not in row.traits}


def _points(graph: Graph, nodes: Iterable[int]) -> set[int]:
    """The conditions for single points that decide, also through `and`, `or` and `not`, about nodes that move."""
    found: set[int] = set()
    moving = [node for node in nodes if "piecewise_constant" not in graph.row(node).traits]
    pending = [operand for node in moving for operand in graph.operands_of(node)]
    while pending:
        node = pending.pop()
        if node not in found and "piecewise_constant" in graph.row(node).traits:
            found.add(node)
            pending.extend(graph.operands_of(node))
    return {node for node in found if "point" in graph.row(node).traits}


def warnings_of(hits: Sequence[KinkHit], *, second: bool) -> list[KinkWarning]:
    """What is told without being asked for. second: the results are second derivatives."""
    return [_point(hit) if hit.is_point else _kink(hit) for hit in hits if hit.is_point or second]


def _point(hit: KinkHit) -> KinkWarning:
    return KinkWarning(
        f"the derivative is that of a branch for a single point: {hit.text}",
        span=hit.span, hint="give the branch the slope of what is around it, or leave it out",
    )  # fmt: skip


def _kink(hit: KinkHit) -> KinkWarning:
    return KinkWarning(
        f"a second derivative at a kink, where it follows a convention unless all sides agree: {hit.text}",
        span=hit.span, hint=f"the convention: {hit.convention}",
    )  # fmt: skip


def tell(bound: Bound, hits: Sequence[KinkHit], *, second: bool) -> None:
    """Warn of kinks in Python."""
    from warnings import warn

    for warning in warnings_of(hits, second=second):
        warning.source = bound.source
        warn(warning, stacklevel=4)
