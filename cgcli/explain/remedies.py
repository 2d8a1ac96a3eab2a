"""Cures: what to write instead where a value or a derivative is nan, infinite, 0 or a convention, each tried.

Rules of stable rewriting come first (`stable.cg`, and the spellings of `cures`), then what helps any operation
(`general.cg`): a branch, a clamp, a smooth function of the same shape, a smaller scale; at last another point to start
from. Rules are written into the text of the formula (`splicing`) where that goes, else into its graph.
"""

from __future__ import annotations

from functools import cache
from math import ceil, isfinite, log10
from typing import TYPE_CHECKING

import numpy as np

from cgcli.emit.formula import expression
from cgcli.engines import choose
from cgcli.errors import CgError, Source
from cgcli.explain.cures import built, lowered, matched, spellings
from cgcli.explain.findings import FORWARD, Cure
from cgcli.explain.sizes import array_of, size_of
from cgcli.explain.splicing import Phrases, guarded, read, written_by
from cgcli.explain.stable.building import Builder, multiplied_out, together
from cgcli.explain.stable.matching import Matcher
from cgcli.explain.stable.rules import Rule, rules, rules_in
from cgcli.explain.trials import Form, Trials
from cgcli.graph.copying import copied
from cgcli.graph.replacing import replaced
from cgcli.graph.shapes import size
from cgcli.graph.store import Graph
from cgcli.graph.walk import ancestors
from cgcli.numerals import finite
from cgcli.ops import arithmetic

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from cgcli.errors import Span
    from cgcli.explain.findings import Finding

    Candidate = tuple[str, Form]
    """How a form came about, and the form."""

MOST = 3
"""Cures that are told."""

GENERAL = {
    "nan": ("root", "branch", "clamp"), "infinite": ("branch", "clamp"), "zero": ("smooth", "slope", "scale"),
    "vanishing": ("scale",), "huge": ("scale",), "convention": ("round",),
}  # fmt: skip
"""Kinds of general cures by the kind of a finding."""

APPROXIMATE = ("smooth", "slope", "scale", "round")
"""Kinds of cures that are another function on purpose."""

LARGEST = 2_000
"""Nodes of a graph in which cures are looked for."""

MOST_NUMBERS = 20_000
"""Elements of all of its nodes: each trial computes them in many digits, one at a time."""

MOST_FOLLOWED, MOST_PLACES = 4, 4
"""Texts that a rule cured at one place and that are looked at again for the next one; places for one general cure."""


@cache
def general_rules() -> dict[str, list[Rule]]:
    """The rules of `general.cg` by the operation that they stand for; their source is the kind of cure."""
    found: dict[str, list[Rule]] = {}
    for rule in rules_in(__package__, "general.cg"):
        found.setdefault(rule.left.graph.row(rule.left.node).name, []).append(rule)
    return found


class Remedies:
    """Looks for cures of one finding."""

    def __init__(
        self, graph: Graph, output: int, finding: Finding, inputs: Mapping[str, Any], wrt: Mapping[str, int],
        source: Source | None,
    ) -> None:  # fmt: skip
        self.finding = finding
        self.graph = Graph()
        inside = 0 <= finding.node < len(graph)
        moved = copied(graph, self.graph, [output, *([finding.node] if inside else ()), *wrt.values()])
        self.output, self.culprit = moved[output], moved[finding.node] if inside else -1
        self.inputs = dict(inputs)
        self.wrt = {name: moved[node] for name, node in wrt.items() if graph.is_input(node)}
        self.by = [name for name in finding.by if name in self.wrt]
        self.source = source
        self.text = source.text if source is not None else expression(self.graph, self.output)
        self.trials = Trials(Form(self.graph, self.output, self.wrt, self.text), inputs)
        self.phrases = None
        if source is not None and finding.span is not None:
            self.phrases = Phrases(source, graph, finding.span, inputs)

    def found(self) -> list[Cure]:
        """Cures that work, the best first; where there is no other one, another point to start from."""
        if len(self.graph) > LARGEST or not all(map(finite, self.inputs.values())):
            return []
        if sum(size(self.graph.shape_of(node)) for node in range(len(self.graph))) > MOST_NUMBERS:
            return []
        if self._is_for_rules():
            by_rule = self._by_a_rule(everywhere=True) or self._by_a_rule(everywhere=False)
            if by_rule is not None:
                return [by_rule]  # where a rule helps, nothing else is told
        cures = self._limit() or self._general()
        sound = [cure for cure in cures if cure.is_sound]
        return sound[:MOST] or [*self._elsewhere(), *cures[:1]]

    def _is_for_rules(self) -> bool:
        """Whether another spelling may help: the formula means a number here, of which doubles make none, or 0."""
        if self.finding.kind == "zero":
            return self.finding.pass_ == FORWARD
        return self.finding.kind in ("nan", "infinite") and not (self.trials.truth()[0] is None and self.trials.is_open)

    def _by_a_rule(self, *, everywhere: bool) -> Cure | None:
        """The first cure by a rule, or by two. everywhere: one that agrees with the formula for inputs of any sign."""
        seen: set[str] = set()
        open_forms: list[Candidate] = []
        for how, form in self._candidates():
            if form.text not in seen:
                seen.add(form.text)
                cure, is_finite = self._tried(how, form, everywhere=everywhere)
                if cure is not None:
                    return cure
                if not is_finite:
                    open_forms.append((how, form))
        for first, form in open_forms[:MOST_FOLLOWED]:
            for how, better in self._followed(form, None):
                cure, _ = self._tried(f"{first}; {how}", better, everywhere=everywhere)
                if cure is not None:
                    return cure
        return None

    def _limit(self) -> list[Cure]:
        """What the formula tends to, where it has no value and tends to one."""
        tried = (self._tried(how, form, everywhere=True)[0] for how, form in self._continued())
        return [cure for cure in tried if cure is not None]

    def _general(self) -> list[Cure]:
        """Cures of an operation whatever it is part of: at its place, around it, at all such places, in the graph."""
        ways = [self._in_the_graph(self._by_general(GENERAL[self.finding.kind]))]
        if self.phrases is not None:
            asked = (general_rules(), GENERAL[self.finding.kind], self._scale())
            ways = [self._read(self.phrases.by(*asked)), self._read(self.phrases.around(*asked)),
                    self._pursued(self._read(self.phrases.by(*asked))), *ways]  # fmt: skip
        found: list[Cure] = []
        for way in ways:
            tried = (self._tried(how, form, everywhere=True)[0] for how, form in way)
            found += [cure for cure in tried if cure is not None]
            if any(cure.is_sound for cure in found):
                break
        return [cure for cure in found if cure.how == "root"] or found  # of a real root no other value is told

    def _pursued(self, candidates: Iterator[Candidate]) -> Iterator[Candidate]:
        """General cures after which no number begins at another place, with that place cured in the same way."""
        for how, form in candidates:
            for _ in range(MOST_PLACES):
                following = next(self._followed(form, how), None)
                if following is None:
                    break
                form = following[1]
                yield how, form

    def _tried(self, how: str, form: Form, *, everywhere: bool) -> tuple[Cure | None, bool]:
        """A cure with its numbers at the point, None where it does not help; and whether they are finite."""
        if form.graph.shape_of(form.node) != self.graph.shape_of(self.output):
            return None, True
        try:
            value, gradient = form.at(self.inputs)
        except CgError:
            return None, True
        if not finite(value) or not all(finite(slope) for slope in gradient.values()):
            return None, False
        cure = Cure(how, form.text, value, gradient, local=not everywhere)
        if how in APPROXIMATE:
            helps = self._helps(cure) and (how != "round" or self.trials.agrees(form, rough=True))
        else:
            right = self.trials.keeps(value, gradient) and self.trials.agrees(form, everywhere=everywhere)
            helps = right and (self.finding.kind != "zero" or bool(np.any(array_of(value))))
        return (cure if helps else None), True

    def _helps(self, cure: Cure) -> bool:
        """Whether the numbers of a cure, which is another function or another point, are no trouble any more."""
        kind, forward = self.finding.kind, self.finding.pass_ == FORWARD
        if kind == "huge":
            return cure.is_sound
        if kind in ("zero", "vanishing"):
            return _is_moderate(cure.value) if forward else self._moves(cure.gradient)
        return True

    def _moves(self, gradient: Mapping[str, Any]) -> bool:
        """Whether the derivatives in question, or any, are neither 0 nor out of all proportion."""
        slopes = [gradient[name] for name in self.by if name in gradient]
        some = [_is_moderate(slope) for slope in slopes or gradient.values()]
        return all(some) if slopes else any(some)

    # ---- candidates --------------------------------------------------------------------------------------------------

    def _candidates(self) -> Iterator[Candidate]:
        """Better spellings: in the text, then in the graph."""
        if self.phrases is not None:
            yield from self._read(self.phrases.by_spelling())
        if self.culprit >= 0:
            yield from self._in_the_graph(self._by_spelling())
        if self.phrases is not None:
            yield from self._read(self.phrases.by_rules())
        if self.culprit >= 0:
            yield from self._in_the_graph(self._by_rules())

    def _by_general(self, kinds: Sequence[str]) -> Iterator[tuple[str, int]]:
        """General rules of some kinds in the graph, at the operation that went wrong and at those above it."""
        for place in self._around() if self.culprit >= 0 else ():
            for rule in general_rules().get(self.graph.row(place).name, ()):
                node = written_by(rule, self.graph, place, self._scale()) if rule.source in kinds else None
                if node is not None:
                    yield rule.source, replaced(self.graph, self.output, {place: node})

    def _read(self, texts: Iterator[tuple[str, str]]) -> Iterator[Candidate]:
        """Texts as forms."""
        for how, text in texts:
            form = read(text, self.inputs, self.finding.of, list(self.wrt))
            if form is not None:
                yield how, form

    def _in_the_graph(self, nodes: Iterator[tuple[str, int]] | Sequence[tuple[str, int]]) -> Iterator[Candidate]:
        """Nodes that are written in the place of the output, as forms."""
        for how, node in nodes:
            if node != self.output:
                yield how, Form(self.graph, node, self.wrt, expression(self.graph, node))

    def _followed(self, form: Form, kind: str | None) -> Iterator[Candidate]:
        """A text in which the next place where no number begins is cured as well: by rules, or by a kind of cure."""
        if self.phrases is None or form.graph is self.graph:
            return
        place = next((form.graph.spans.get(node) for node in form.births(self.inputs, [form.node])), None)
        if place is None:
            place = self._in_a_derivative(form)
        if place is not None:
            phrases = Phrases(Source(form.text), form.graph, place, self.inputs)
            if kind is None:
                yield from self._read(phrases.by_spelling())
            else:
                yield from self._read(phrases.by(general_rules(), (kind,), 1.0))

    def _in_a_derivative(self, form: Form) -> Span | None:
        """The place of the operation in whose derivative no number begins."""
        graph, nodes = form.with_slopes()
        for node in form.births(self.inputs, nodes):
            chain = graph.origins.chain(node)
            if chain:
                return graph.spans.get(chain[-1])
        return None

    def _continued(self) -> Iterator[Candidate]:
        """Where a formula of one number has none at a point, but tends to one: what it tends to, as a straight line."""
        if len(self.inputs) != 1 or len(self.wrt) != 1 or self.graph.shape_of(self.output):
            return
        ((name, node),) = self.wrt.items()
        value, slopes = self.trials.truth()
        here = self.inputs.get(name)
        if value is None or name not in slopes or not self.trials.is_open or not isinstance(here, float):
            return
        value = 0.0 if abs(float(value)) < 1e-9 else value
        slope = float(f"{float(slopes[name]):.9g}")
        slope = 0.0 if abs(slope) < 1e-9 else slope
        away = "a" if not here else f"(a {'+' if here < 0 else '-'} {abs(here)!r})"
        times = away if abs(slope) == 1 else f"{abs(slope)!r}*{away}"
        start = f"{float(value):.9g}"
        line = start + (f" {'-' if slope < 0 else '+'} {times}" if slope else "")
        if start == "0" and slope:
            line = f"{'-' if slope < 0 else ''}{times}"
        with_line = lowered(f"where(a == {here!r}, {line}, b)")
        limit = built(*with_line, self.graph, {"a": node, "b": self.output})
        yield from self._in_the_graph([("limit", limit)])

    def _around(self) -> list[int]:
        """The operation that went wrong and those above it, up to three levels."""
        graph, tops = self.graph, [self.culprit]
        needed = ancestors(graph, [self.output])
        for _ in range(3):
            known = set(tops)
            tops += [node for node, need in enumerate(needed)
                     if need and node not in known and known & set(graph.operands_of(node))]  # fmt: skip
        return tops

    def _by_spelling(self) -> Iterator[tuple[str, int]]:
        """Better spellings of what the operation is part of."""
        graph = self.graph
        tops = self._around()
        for how, spelling, better in spellings():
            for top in tops:
                found = matched(*lowered(spelling), graph, top, self.culprit)
                if found is not None:
                    with_better = built(*lowered(better), graph, found)
                    yield how, replaced(graph, self.output, {top: with_better})

    def _by_rules(self) -> Iterator[tuple[str, int]]:
        """Rules of stable rewriting, for formulas of numbers."""
        graph = self.graph
        if any(graph.shape_of(node) for node in range(len(graph))):
            return
        matcher = Matcher(Builder(graph))
        tops = self._around()
        for top in tops:
            for rule in rules():
                for node, condition in matcher.applied(rule, top):
                    yield rule.text.strip(), replaced(graph, self.output, {top: node})
                    if condition is not None:
                        safe = guarded(graph, condition, node, top)
                        yield rule.text.strip(), replaced(graph, self.output, {top: safe})
            for how, rewrite in (("over a common denominator", together), ("multiplied out", multiplied_out)):
                whole = rewrite(matcher.builder, top)
                if whole is not None:
                    yield from self._inverted(how, top, whole, tops, matcher.builder)

    def _inverted(
        self, how: str, top: int, node: int, tops: Sequence[int], builder: Builder
    ) -> Iterator[tuple[str, int]]:  # fmt: skip
        """A form in a place, and a quotient by it in its simplest form."""
        graph = self.graph
        yield how, replaced(graph, self.output, {top: node})
        for user in tops:
            if graph.row(user) is arithmetic.div and graph.operands_of(user)[1] == top:
                upper, below = graph.operands_of(node) if graph.row(node) is arithmetic.div else (node, builder.one)
                over = builder.apply(arithmetic.mul, [graph.operands_of(user)[0], below])
                yield how, replaced(graph, self.output, {user: builder.apply(arithmetic.div, [over, upper])})

    def _scale(self) -> float:
        """The power of ten by which the operand of the operation becomes about 1."""
        if self.culprit < 0 or self.graph.is_leaf(self.culprit):
            return 10.0
        operand = self.graph.operands_of(self.culprit)[0]
        value = choose(self.graph, [operand]).evaluate(self.graph, self.inputs, [operand])[operand]
        size = size_of(value)
        return float(f"1e{ceil(log10(size / 5))}") if isfinite(size) and size > 5 else 10.0

    # ---- elsewhere ---------------------------------------------------------------------------------------------------

    def _elsewhere(self) -> list[Cure]:
        """Other values of the inputs at which value and gradient are sound."""
        later: list[Cure] = []
        for at, value, gradient in self.trials.others():
            cure = Cure("start elsewhere", self.text, value, gradient, at)
            settled = self.finding.kind != "convention" or self.trials.is_settled({**self.inputs, **at}, gradient)
            if cure.is_sound and self._helps(cure) and settled:
                if not gradient or any(map(_is_moderate, gradient.values())):
                    return [cure]
                later.append(cure)
        return later[:1]


def _is_moderate(slope: Any) -> bool:
    """Whether a derivative is neither 0 nor out of all proportion."""
    size = np.abs(array_of(slope))
    return bool(np.any(size > 1e-9) and np.all(size < 1e9))
