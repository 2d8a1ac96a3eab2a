"""Where a nan or an infinity began that a result shows, in the calculation itself or in a derivative of it.

A derivative is made of nodes like everything else, so one search serves both: from a result back to the nodes whose
operands are finite numbers and whose value is none. What is said of such a node follows from where it came from: an
operation of the formula, or the rule by which one was differentiated (`graph.origins`).
"""

from __future__ import annotations

import re
import sys
import warnings

from cgcli.emit.names import constant_text
from cgcli.errors import NotFiniteWarning
from cgcli.explain.point import Point
from cgcli.explain.rule_text import RuleTexts
from cgcli.graph.copying import copy_nodes
from cgcli.graph.store import Graph
from cgcli.graph.walk import ancestors, descendants
from cgcli.numerals import compact, finite
from cgcli.ops import calling
from cgcli.passes.partials import local_partials

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    from cgcli.engines.base import Engine
    from cgcli.errors import Source, Span
    from cgcli.explain.point import Chooser

MOST_BIRTHS = 3
"""Births that are told of one calculation."""

LARGEST_CURED = 20_000
"""Nodes of a graph in which another spelling is looked for."""

WIDEST_OPERANDS, WIDEST_TEXT = 60, 24
"""Characters of the values of operands, and of an operand of a rule in the words of the formula."""

ORDERS = ("", "", "second ", "third ")
"""What stands before `derivative`, by its order."""


class Birth:
    """Where a nan or an infinity of a result began.

    message, span: what is said of it, and its place in the text where it has one. hint: what to write instead, where
    that is known. given: whether it began nowhere, since an input or the text itself has that value.
    """

    __slots__ = ("given", "hint", "message", "source", "span")

    def __init__(
        self, message: str, span: Span | None, source: Source | None, *, hint: str | None = None, given: bool = False
    ) -> None:  # fmt: skip
        self.message = message
        self.span = span
        self.source = source
        self.hint = hint
        self.given = given


def births_of(
    graph: Graph, results: Sequence[int], engine: Chooser, inputs: dict[str, Any], source: Source | None
) -> list[Birth]:
    """Where what is no finite number among some results began; at most MOST_BIRTHS places, the earliest ones.

    Of an operation whose own value is told of, the derivatives are not told of as well.
    engine, inputs: as for `trace`. The graph stays as it is.
    """
    point = Point(graph, {str(place): node for place, node in enumerate(results)})
    point.evaluate(engine, inputs)
    found = births(graph, point.values, results)
    known = set(found)
    chosen = [node for node in found if known.isdisjoint(graph.origins.chain(node))]
    open_inputs = [node for name, node in graph.inputs(hidden=True).items() if name not in inputs]
    unknown = descendants(graph, open_inputs)
    accounts = [_Account(graph, node, unknown) for node in chosen[:MOST_BIRTHS]]
    point.evaluate(engine, inputs, [node for account in accounts for node in account.wanted()])
    told: dict[str, Birth] = {}
    for account in accounts:
        birth = account.birth(point.values, source, engine([account.node]))
        birth = _in_a_step(account, point.values, engine, source) or birth
        if birth.message not in told and not birth.given and len(graph) <= LARGEST_CURED:
            birth.hint = _cure(graph, account, engine, inputs)
        told.setdefault(birth.message, birth)
    return list(told.values())


def _in_a_step(account: _Account, values: Sequence[Any], engine: Chooser, source: Source | None) -> Birth | None:
    """Of a kept loop the step in which a nan or an infinity began, and where in that; None of all else."""
    graph, node = account.graph, account.node
    if graph.row(node) is not calling.scan or not account.knows(node):
        return None
    from cgcli.engines import engine as engine_of
    from cgcli.explain.loop_steps import first_step, not_finite

    body = graph.attributes_of(node)[0]
    operands = [values[operand] for operand in graph.operands_of(node)]
    step = first_step(graph.attributes_of(node), operands, engine_of("numpy"), not_finite(body))
    if step is None:
        return None
    inner = births_of(body.graph, body.results, lambda nodes: engine_of("numpy"), step.inputs, source)
    if not inner:
        return None
    inner[0].message += f", in step {step.number:,} of `{step.function}`"
    return inner[0]


def _cure(graph: Graph, account: _Account, engine: Chooser, inputs: dict[str, Any]) -> str | None:
    """What to write instead, where that is known."""
    from cgcli.explain.cures import cure_of

    def values_of(nodes: Sequence[int]) -> list[Any]:
        values = engine(nodes).evaluate(graph, inputs, nodes)
        return [values[node] for node in nodes]

    culprit, *_ = account.chain[-1:] or [account.node]
    return cure_of(graph, culprit, len(account.chain), values_of)


def warn_of(found: Iterable[Birth]) -> None:
    """A NotFiniteWarning for each birth, at the line outside of this package that asked for the calculation.

    What the caller or the formula gave as nan or infinity is no news for them.
    """
    frame, level = sys._getframe(), 1
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "cgcli":
        frame, level = frame.f_back, level + 1
    for birth in found:
        if not birth.given:
            told = NotFiniteWarning(birth.message, span=birth.span, source=birth.source, hint=birth.hint)
            warnings.warn(told, stacklevel=level)


class _Account:
    """What there is to say of a node where a nan or an infinity began, waiting for the values.

    chain: whose rule made it, whose rule made that one, and so on; the last of them is an operation of the formula.
    partial: the partial derivative by which it came, where it came so. unknown: 1 for each node that needs an input
    without a value; a derivative along a direction leaves such behind.
    """

    def __init__(self, graph: Graph, node: int, unknown: bytearray) -> None:
        self.graph = graph
        self.node = node
        self.unknown = unknown
        self.chain = graph.origins.chain(node)
        self.partial = partial_with(graph, node, self.chain[0]) if self.chain and self.knows(self.chain[0]) else None

    def knows(self, node: int) -> bool:
        """Whether the operands of a node have values."""
        return not any(self.unknown[operand] for operand in self.graph.operands_of(node))

    def wanted(self) -> list[int]:
        """The nodes whose values the account gives."""
        nodes = (self.node, *self.chain[:1], *self.chain[-1:])
        return [operand for node in nodes if self.knows(node) for operand in self.graph.operands_of(node)]

    def birth(self, values: Sequence[Any], source: Source | None, engine: Engine) -> Birth:
        """The account in words."""
        graph, node = self.graph, self.node
        if self.chain:
            return Birth(self._in_a_rule(values, source, engine), graph.spans.get(self.chain[-1]), source)
        span, what = graph.spans.get(node), kind_of(values[node])
        if graph.is_input(node):
            return Birth(f"{what} comes from the input `{graph.input_name(node)}`", span, source, given=True)
        if graph.is_leaf(node):
            written = "this number, which no double can hold" if span is not None else "the formula itself"
            return Birth(f"{what} comes from {written}", span, source, given=True)
        name = graph.name_of().get(node)
        called = "" if name is None else f", which is `{name}`"
        told = f"{what} comes from `{graph.row(node).name}`{self._operands(node, values, 'of')}{called}"
        return Birth(told, span, source)

    def _in_a_rule(self, values: Sequence[Any], source: Source | None, engine: Engine) -> str:
        graph, root = self.graph, self.chain[-1]
        order = len(self.chain)
        nth = ORDERS[order] if order < len(ORDERS) else f"{order}th "
        if graph.is_leaf(root):
            return (
                f"{kind_of(values[self.node])} comes from adding up what the {nth}derivative by "
                f"`{phrase_of(graph, root, source) or 'an array'}` is made of{self._operands(self.node, values, ':')}"
            )
        derivative = f"the {nth}derivative of `{graph.row(root).name}`{self._operands(root, values, 'at')}"
        if self.partial is None:
            row = graph.row(self.node)
            return (
                f"{kind_of(values[self.node])} comes from `{row.name}`{self._operands(self.node, values, 'of')} "
                f"in {derivative}"
            )
        rule = self._rule(source)
        what = kind_of(self.partial.value(values, engine))
        return f"{what} comes from {derivative}{f' (rule: {rule})' if rule else ''}"

    def _operands(self, node: int, values: Sequence[Any], word: str) -> str:
        """` of 1, 0`, or "" where that would be long."""
        if not self.knows(node):
            return ""
        given = ", ".join(compact(values[operand]) for operand in self.graph.operands_of(node))
        blank = "" if word == ":" else " "
        return f"{blank}{word} {given}" if 0 < len(given) < WIDEST_OPERANDS else ""

    def _rule(self, source: Source | None) -> str | None:
        """The partial derivative over the words of the formula; None where those are not short, and for later ones."""
        if len(self.chain) > 1 or self.partial is None:
            return None
        graph, origin = self.graph, self.chain[0]
        names = {node: phrase_of(graph, node, source) for node in (origin, *graph.operands_of(origin))}
        known = {node: bracketed(name) for node, name in names.items() if name is not None}
        if len(known) < len(names):
            return None
        return RuleTexts(graph, known).text(origin, self.partial.place, partial=True)


class _Partial:
    """The partial derivative of a node by the operand at a place, as a node of a small graph.

    That graph has stand-ins for the operands, inputs with the names that `stand_in` gives.
    """

    def __init__(self, graph: Graph, node: int, place: int, operands: Sequence[int]) -> None:
        self.graph = graph
        self.node = node
        self.place = place
        self.operands = operands

    def value(self, values: Sequence[Any], engine: Engine) -> Any:
        """Its value, from those of the operands."""
        inputs = {stand_in(operand): values[operand] for operand in self.operands}
        return engine.evaluate(self.graph, inputs, [self.node])[self.node]


def stand_in(node: int) -> str:
    """What stands for a node in a graph of its own."""
    return f"node {node}"


def partial_with(graph: Graph, node: int, origin: int) -> _Partial | None:
    """The partial derivative of an elementwise node of which another node is a part; None where it is of none.

    The rule that made the node is taken out of the graph and worked out again, so that the graph stays as it is.
    """
    if not graph.row(origin).elementwise:
        return None
    made, pending = {origin, *graph.operands_of(origin)}, [node]
    while pending:
        each = pending.pop()
        if each not in made:
            made.add(each)
            if graph.origins.of(each) == origin:
                pending.extend(graph.operands_of(each))
    scratch = Graph()
    copies: dict[int, int] = {}
    for each in sorted(made):
        leaf = graph.is_leaf(each) and not graph.is_input(each)
        if leaf or each == origin or graph.origins.of(each) == origin:
            copy_nodes(graph, scratch, [each], copies)
        else:
            copies[each] = scratch.input(stand_in(each), graph.shape_of(each))
    operands = graph.operands_of(origin)
    for place, operand in enumerate(operands):
        partial = None if graph.is_constant(operand) else local_partials(scratch, copies[origin], [place])[0]
        if partial is not None and ancestors(scratch, [partial])[copies[node]]:
            return _Partial(scratch, partial, place, operands)
    return None


def phrase_of(graph: Graph, node: int, source: Source | None) -> str | None:
    """A node as the formula writes it; None where that is long, and where there is no text."""
    if graph.is_constant(node):
        return constant_text(graph, node)
    name = graph.input_name(node) if graph.is_input(node) else graph.name_of().get(node)
    if name is not None:
        return name
    span = graph.spans.get(node)
    if source is None or span is None:
        return None
    text = " ".join(source.text[slice(*span)].split())
    return text if len(text) <= WIDEST_TEXT else None


def bracketed(text: str) -> str:
    """A text in brackets where it is no name, number or call."""
    depth = 0
    for place, character in enumerate(text):
        depth += (character in "([") - (character in ")]")
        if depth == 0 and not re.match(r"[\w.)\]]", character) and place < len(text) - 1:
            return f"({text})"
    return text


def kind_of(value: Any) -> str:
    """`nan`, `inf` or `-inf`: what a value is, or what an array holds."""
    if not getattr(value, "shape", ()):
        return compact(value)
    items = [item for item in value.flat if not finite(item)]
    return compact(next((item for item in items if item != item), items[0] if items else value))


# ---- the search ------------------------------------------------------------------------------------------------------


def births(graph: Graph, values: Sequence[Any], outputs: Iterable[int]) -> list[int]:
    """Nodes where a nan or an infinity began that reaches an output: their operands are finite, they are not.

    Inputs and constants that are not finite themselves are among them. A value that an operation does not pass on (a
    branch that is not taken, a divisor that is infinite) is not.
    """
    reaching = bytearray(len(graph))
    last = -1
    for output in outputs:
        if not finite(values[output]):
            reaching[output] = 1
            last = max(last, output)
    found: list[int] = []
    for node in range(last, -1, -1):
        if reaching[node]:
            culprits = _culprits(graph, node, values)
            for operand in culprits:
                reaching[operand] = 1
            if not culprits:
                found.append(node)
    return found[::-1]


def _culprits(graph: Graph, node: int, values: Sequence[Any]) -> list[int]:
    """The operands of a node that make it nan or infinite.

    Where several are no finite numbers, those of which one alone is enough: of `where(c, a, b)` the branch taken.
    """
    operands = graph.operands_of(node)
    suspects = [operand for operand in dict.fromkeys(operands) if not finite(values[operand])]
    kinds = {getattr(getattr(values[operand], "dtype", None), "kind", "f") for operand in operands}
    if len(suspects) < 2 or kinds != {"f"} or any(hasattr(values[operand], "_mpf_") for operand in operands):
        return suspects
    compute = _function_of(graph, node, all(isinstance(values[operand], float) for operand in operands))
    enough = [
        suspect for suspect in suspects
        if not finite(compute(*[
            values[each] if each == suspect or each not in suspects else _ones_like(values[each]) for each in operands
        ]))
    ]  # fmt: skip
    return enough or suspects


def _function_of(graph: Graph, node: int, scalar: bool) -> Callable[..., Any]:
    """The function of the values of a node's operands."""
    compute, attributes = graph.row(node).compute, graph.attributes_of(node)
    if scalar and compute is not None:
        return lambda *operands: compute(*operands, *attributes)
    import numpy as np

    from cgcli.engines.numpy import ENGINE

    kernel = ENGINE.kernel_of(graph, node)

    def run(*operands: Any) -> Any:
        with np.errstate(all="ignore"):
            return kernel(*map(np.asarray, operands))

    return run


def _ones_like(value: Any) -> Any:
    """A value without nan and infinities, of the same shape."""
    if isinstance(value, float):
        return 1.0
    import numpy as np

    return np.ones_like(value)
