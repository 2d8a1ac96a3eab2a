"""Cures written into the text of a formula: in the place of a phrase stands what a rule makes of it.

So names, functions and loops of the formula stay as they are, and a cure in a function is one in all its calls. A
phrase is read as a formula of its own, whose inputs are the names that stand in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cgcli.emit.formula import expression
from cgcli.errors import CgError, Source
from cgcli.explain.births import bracketed
from cgcli.explain.cures import built, lowered, matched, spellings
from cgcli.explain.stable.building import Builder
from cgcli.explain.stable.matching import Matcher
from cgcli.explain.stable.rules import rules
from cgcli.explain.trials import Form
from cgcli.graph.replacing import replaced
from cgcli.graph.walk import ancestors
from cgcli.language.reading import lower, parse, survey
from cgcli.numerals import shape_of
from cgcli.ops import logic
from cgcli.passes.simplify import simplify

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Any

    from cgcli.errors import Span
    from cgcli.explain.stable.rules import Rule
    from cgcli.graph.store import Graph

    Written = tuple[str, str]
    """How a phrase is rewritten, and the phrase."""

MOST_PHRASES = 6
"""Phrases around a place that are looked at, from the narrowest on."""

WIDE = 4
"""Phrases around a place at which general rules are tried, with the place itself."""

REORDERING = ("a*log(b)", "log(a*b)", "log(a/b)", "a^2*b", "a*b*c", "a*b/c")
"""Spellings that are not better by themselves, and stand in the way of others."""

LARGEST = 200
"""Nodes of a phrase in which rules are applied everywhere."""


def read(text: str, inputs: Mapping[str, Any], of: str, names: Sequence[str]) -> Form | None:
    """A text as a form on trial; None where it cannot be read. of: its output; names: what it is differentiated by."""
    try:
        table = parse(Source(text))
        free = set(survey(table).free)
        shapes = {name: shape_of(value) for name, value in inputs.items()}
        deciding = {name: shape for name, shape in shapes.items() if shape or name not in free}
        numbers = {name: float(value) for name, value in inputs.items() if not shapes[name]}
        program = lower(table, shapes=deciding, values=numbers, bound=list(deciding))
    except (CgError, ValueError):
        return None
    known = {**program.graph.names, **program.outputs}
    if of not in known:
        return None
    inside = program.graph.inputs()
    return Form(program.graph, known[of], {name: inside[name] for name in names if name in inside}, text)


class Phrases:
    """The phrases of a text around a place. graph: what the text became; shapes: of names that have another than ()."""

    def __init__(self, source: Source, graph: Graph, place: Span, inputs: Mapping[str, Any]) -> None:
        self.text = source.text
        self.place = place
        shapes = {name: graph.shape_of(node) for name, node in graph.names.items()}
        self.shapes = {**shapes, **{name: shape_of(value) for name, value in inputs.items()}}
        spans = {span for span in graph.spans.values() if span[0] <= place[0] and place[1] <= span[1]}
        self.spans = sorted(spans | {place}, key=lambda span: span[1] - span[0])[:MOST_PHRASES]

    def by_spelling(self) -> Iterator[Written]:
        """The whole text with a phrase in a better spelling: that of a phrase, then of all parts of a phrase."""
        yield from self._rewritten(_spelled)
        yield from self._rewritten(_everywhere)

    def by_rules(self) -> Iterator[Written]:
        """The whole text with a phrase rewritten by a rule of stable rewriting."""
        yield from self._rewritten(_stable)

    def _rewritten(self, ways: Callable[[Graph, int], Iterator[tuple[str, int]]]) -> Iterator[Written]:
        """The whole text with a phrase rewritten, from the narrowest on."""
        for span in self.spans:
            phrase = self._phrase(span)
            if phrase is not None:
                for how, node in ways(*phrase):
                    written = self._spliced(span, phrase[0], node)
                    if written is not None:
                        yield how, written

    def by(self, rows: Mapping[str, Sequence[Rule]], kinds: Sequence[str], scale: float) -> Iterator[Written]:
        """The whole text with general rules of some kinds at the place itself.

        scale: the number that the letter s stands for.
        """
        for span, graph, rule, node in self._general(self.spans[:1], rows, kinds, scale):
            if rule.source == "smooth" and self._has_numbers(span):  # it may be shorter then
                graph, (node,) = simplify(graph, [node])
            written = self._spliced(span, graph, node)
            if written is not None:
                yield rule.source, written

    def around(self, rows: Mapping[str, Sequence[Rule]], kinds: Sequence[str], scale: float) -> Iterator[Written]:
        """The same for what stands around the place: first what is around it as a whole, in the branch of its rule."""
        narrow, wide = self.spans[:1], self.spans[1:WIDE]
        for _, graph, rule, node in self._general(narrow, rows, kinds, scale) if "branch" in kinds else ():
            for span in wide:
                written = self._guarded(span, graph, node)
                if rule.source == "branch" and written is not None:
                    yield "branch", written
        for span, graph, rule, node in self._general(wide, rows, kinds, scale):
            written = self._spliced(span, graph, node)
            if written is not None:
                yield rule.source, written

    def _general(
        self, spans: Sequence[Span], rows: Mapping[str, Sequence[Rule]], kinds: Sequence[str], scale: float
    ) -> Iterator[tuple[Span, Graph, Rule, int]]:  # fmt: skip
        """What general rules write for phrases: (place, graph, rule, node) each."""
        for span in spans:
            phrase = self._phrase(span)
            if phrase is not None:
                graph, root = phrase
                for rule in rows.get(graph.row(root).name, ()):
                    node = written_by(rule, graph, root, scale) if rule.source in kinds else None
                    if node is not None:
                        yield span, graph, rule, node

    def _guarded(self, span: Span, graph: Graph, node: int) -> str | None:
        """The whole text with a phrase in the branch that a rule wrote for a part of it."""
        if graph.row(node) is not logic.where:
            return None
        condition, _, other = graph.operands_of(node)
        phrase = " ".join(self.text[slice(*span)].split())
        sides = f"{phrase}, 0" if graph.constant_value(other) == 0 else f"0, {phrase}"
        return self.text[: span[0]] + f"where({expression(graph, condition)}, {sides})" + self.text[span[1] :]

    def _has_numbers(self, span: Span) -> bool:
        """Whether a number stands in a phrase, such as the 0 of `max(x, 0)`."""
        return any(character.isdigit() for character in self.text[slice(*span)])

    def _phrase(self, span: Span) -> tuple[Graph, int] | None:
        """A phrase as a graph of its own; None where it needs more of the text, such as its functions."""
        try:
            table = parse(Source(self.text[slice(*span)]))
            free = survey(table).free
            program = lower(table, shapes={name: self.shapes[name] for name in free if self.shapes.get(name)})
        except (CgError, ValueError):
            return None
        if len(program.outputs) != 1 or len(program.graph) > LARGEST:
            return None
        (root,) = program.outputs.values()
        return (program.graph, root) if not program.graph.is_leaf(root) else None

    def _spliced(self, span: Span, graph: Graph, node: int) -> str | None:
        """The whole text with something else in the place of a phrase; None where that is no single expression."""
        written = expression(graph, node)
        if ";" in written or "\n" in written:
            return None
        before, after = self.text[: span[0]], self.text[span[1] :]
        stands_alone = before.rstrip(" ")[-1:] in ("", "(", "[", ",", ";", "=", "\n") and (
            after.lstrip(" ")[:1] in ("", ")", "]", ",", ";", "\n", "#")
        )
        return before + (written if stands_alone else bracketed(written)) + after


def written_by(rule: Rule, graph: Graph, node: int, scale: float) -> int | None:
    """What a general rule writes for a node; None where it does not fit. scale: the number that s stands for."""
    found = matched(rule.left.graph, rule.left.node, graph, node, node)
    if found is None:
        return None
    try:
        return built(rule.right.graph, rule.right.node, graph, {**found, "s": graph.constant(scale)})
    except CgError:
        return None


def guarded(graph: Graph, condition: int, node: int, other: int) -> int:
    """A node where the condition of its rule holds, and what was there before where it does not."""
    return graph.repeat(logic.where, [condition, node, other], ())


def _spelled(graph: Graph, root: int) -> Iterator[tuple[str, int]]:
    """Better spellings of a whole phrase."""
    for how, spelling, better in spellings():
        found = matched(*lowered(spelling), graph, root, root)
        if found is not None:
            yield how, built(*lowered(better), graph, found)


def _everywhere(graph: Graph, root: int) -> Iterator[tuple[str, int]]:
    """A phrase in which every part has its better spelling, as long as there is one."""
    used: list[str] = []
    for _ in range(MOST_PHRASES):
        change = next(iter(_first_spelled(graph, root)), None)
        if change is None:
            break
        how, root = change
        used.append(how)
        yield "; ".join(dict.fromkeys(used)), root


def _first_spelled(graph: Graph, root: int) -> Iterator[tuple[str, int]]:
    """A phrase with the first part, from below, in a better spelling."""
    for node, need in enumerate(ancestors(graph, [root])):
        if need and not graph.is_leaf(node):
            for how, better in _spelled(graph, node):
                if better != node and how.partition(" => ")[0] not in REORDERING:
                    yield how, replaced(graph, root, {node: better})


def _stable(graph: Graph, root: int) -> Iterator[tuple[str, int]]:
    """A phrase by the rules of stable rewriting, where it is made of numbers."""
    if any(graph.shape_of(node) for node in range(len(graph))):
        return
    matcher = Matcher(Builder(graph))
    for rule in rules():
        for node, condition in matcher.applied(rule, root):
            yield rule.text.strip(), node
            if condition is not None:
                yield rule.text.strip(), guarded(graph, condition, node, root)
