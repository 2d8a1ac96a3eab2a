"""The search for a form that loses fewer digits: chains of rules, tried at points, the best kept (a beam search).

Regimes join two forms by a condition where none is good everywhere; guards keep the given form where another overflows
or underflows. What is offered has been tried at fresh points, and is worse at none of them by more than 0.3 digits.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import process_time
from typing import TYPE_CHECKING

import numpy as np

from cgcli.explain.stable.building import Builder, multiplied_out, together
from cgcli.explain.stable.fresh import HARDLY, NOISE, WORSE, Jury, typical, worse
from cgcli.explain.stable.guards import guarded
from cgcli.explain.stable.leading import leading_terms
from cgcli.explain.stable.matching import Matcher
from cgcli.explain.stable.regimes import between, joined
from cgcli.explain.stable.region import in_range
from cgcli.explain.stable.rules import rules
from cgcli.explain.stable.series import expansions
from cgcli.explain.stable.trials import Trials, roughly_lost
from cgcli.graph.copying import copied
from cgcli.graph.replacing import replaced
from cgcli.graph.walk import ancestors
from cgcli.passes.simplify import simplify

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import Any

    from cgcli.explain.stable.regimes import Splitter
    from cgcli.explain.stable.region import Region
    from cgcli.graph.store import Graph

WORTH, SHARE = 0.5, 0.3
"""Digits that a form must gain, at the point or in the mean of all, to be told; and which part of those lost."""

MOST_TRIED = 6
"""Forms that are tried at fresh points."""

ATTEMPTS, MOST_AGAINST = 4, 4
"""How often forms are put together anew with the points at which they were worse, and how many of these each gives."""

OVERTIME, GUARDS_OVERTIME = 0.2, 0.7
"""Seconds until which forms, and those with guards, are compared when the time for the search is over."""

GUARDS, GUARDED = 2, "kept where nothing overflows or underflows"
"""How often a guard is put around a form that was worse somewhere, and what it is called."""

HOLDS_SECONDS = 0.1
"""In which a form is compared at fresh points, however little time is left."""

MOST_REWRITTEN = 6
"""Series to which rules are applied: `(a + b)/(a*b)` overflows before `1/a + 1/b`."""

BORDER_ROUNDS, BORDER_POINTS = 3, 8
"""How often the place of a border is made narrower, and by how many points each time."""

SERIES_COST = 0.1
"""Digits a point that a series must gain: it is only near to the formula."""

NODE_COST = 0.002
"""Digits a point that a node of a branch must gain: of forms that are as good the shortest is taken."""

ALIKE = 6
"""Forms that lose the same digits at all points and that are gone on with: a chain may begin with no gain."""

EQUAL = 0.05
"""Digits that are no difference."""

GRACE = 1.0
"""Seconds beyond its share after which a round stops within a form: a sum of many terms fits in very many ways."""

ROUNDS_SHARE, SERIES_SHARE = 0.5, 0.4
"""Of the time that is left, for chains of rules and then for series; the rest is for branches and fresh points."""

LARGEST = 150
"""Nodes of a form."""


WHOLE: tuple[tuple[str, Callable[[Builder, int], int | None]], ...] = (
    ("over a common denominator", together),
    ("multiplied out", multiplied_out),
    ("as a square", Builder.with_squares_together),
)
"""Rewritings of a whole sum or product, beside the rules."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to search: points with exact values, forms kept a round, rounds, fresh points that are compared in many
    digits, forms that are offered. seconds: of the processor, for all outputs together; most searches end sooner."""

    points: int
    beam: int
    rounds: int
    seconds: float
    fresh: int
    offered: int


QUICK = Effort(points=48, beam=8, rounds=3, seconds=0.6, fresh=60, offered=1)
THOROUGH = Effort(points=160, beam=24, rounds=6, seconds=7.0, fresh=300, offered=1)


@dataclass(frozen=True, slots=True)
class Form:
    """A form of the formula. node: in the graph of the search. rules: the chain, as texts. conditions: nodes that must
    hold. lost: digits at the points of the search, one each. before: of the given form there."""

    node: int
    rules: tuple[str, ...]
    conditions: tuple[int, ...]
    lost: Any
    before: Any

    @property
    def mean(self) -> float:
        """Digits lost in the mean of all points."""
        return float(self.lost.mean())

    @property
    def is_series(self) -> bool:
        """Whether it is only near to the formula, in some region."""
        return any(text.startswith(("first", "series")) for text in self.rules)


class Search:
    """Looks for forms of one scalar node."""

    def __init__(self, graph: Graph, node: int, region: Region, *, effort: Effort, until: float, seed: int = 0) -> None:
        """graph: is extended. region: where the inputs lie. until: the processor's time at which to stop."""
        self.graph = graph
        self.node = node
        self.effort = effort
        self.builder = Builder(graph)
        self.matcher = Matcher(self.builder)
        self.region, self.until = region, until
        self.random = np.random.default_rng(seed)
        needed = ancestors(graph, [node])
        self.names = [name for name, place in graph.inputs().items() if needed[place]]
        columns = region.drawn(self.names, 4 * effort.points, self.random)
        self.trials = Trials(graph, node, columns, effort.points, seconds=self._seconds_left() / 3)
        self.typical = typical(graph, node, self.trials.columns, len(self.trials))
        self._known: dict[int, list[tuple[int, str, int | None]]] = {}
        self._jury = Jury(graph, node, self.names, region, self.random, effort.fresh)
        self._bare: dict[int, tuple[int, dict[str, Any]]] = {}
        self._failed: list[tuple[Form, dict[str, Any], dict[str, Any]]] = []
        self._near: set[int] = set()
        self._against: list[dict[str, float]] = []

    def _seconds_left(self) -> float:
        return self.until - process_time()

    def best(self) -> list[Form]:
        """Forms that are worth telling, the best first; none where the given one is as good as any."""
        if not len(self.trials):
            return []
        first = self._forms([(self.node, (), ())])[0]
        found = self._ordered(self._rounds(first))
        offered = self._offered([form for form in found if self._is_good(form)])
        if offered:  # a short form that is good everywhere: no series and no branches are worth their time
            return offered
        found = self._ordered(found + self._series())
        for _ in range(ATTEMPTS):
            if self._against:
                first, *found = self._seen_again([first, *found])
            candidates = [form for form in self._ordered(found) if self._is_better(form)][:MOST_TRIED]
            offered = self._offered(self._ordered([*candidates, *self._by_regimes(first, found)]))
            if offered or not self._against or self._seconds_left() < 0:
                return offered
        return []

    def _seen_again(self, forms: Sequence[Form]) -> list[Form]:
        """The best forms with the points at which others were worse among those of the search."""
        columns = {name: np.array([point[name] for point in self._against]) for name in self.names}
        further = Trials(self.graph, self.node, columns, len(self._against), seconds=HOLDS_SECONDS)
        self._against = []
        self.trials = self.trials.joined(further)
        self.typical = typical(self.graph, self.node, self.trials.columns, len(self.trials))
        kept = [forms[0], *self._chosen(forms[1:], 1)]
        return self._forms([(form.node, form.rules, form.conditions) for form in kept])

    def _series(self) -> list[Form]:
        """Forms by the first terms of series: with many of them of one input, with few of one among several."""
        if len(self.names) == 1:
            whole = expansions(self.builder, self.node, self.names, self.trials)
            return self._forms([(node, (text,), ()) for node, text in whole])
        until = process_time() + SERIES_SHARE * self._seconds_left()
        self.matcher.until = until + GRACE
        signs = {name: {int(sign) for sign in np.sign(column) if sign} or {1}
                 for name, column in self.trials.columns.items()}  # fmt: skip
        found = leading_terms(self.builder, self.node, self.names, signs, lambda: process_time() > until)
        forms = self._forms([(node, (text,), ()) for node, text in found])
        made = [(node, (*form.rules, text), () if condition is None else (condition,))
                for form in self._chosen(forms, 1)[:MOST_REWRITTEN] if process_time() < until
                for node, text, condition in self._rewritten(form.node)]  # fmt: skip
        return forms + self._forms(made)

    def _ordered(self, forms: Sequence[Form]) -> list[Form]:
        """The best first; of those that are as good the shortest."""
        return sorted(forms, key=lambda form: (round(form.mean, 1), self._size(form.node)))

    def _offered(self, forms: Iterable[Form]) -> list[Form]:
        """Those of the first forms that gain digits and are worse nowhere; else the same with guards."""
        offered: list[Form] = []
        forms = [form for form in forms if self._is_better(form)][: 2 * MOST_TRIED]
        for overtime in (OVERTIME, *[GUARDS_OVERTIME] * GUARDS):
            for form in forms:
                if len(offered) == self.effort.offered or self._seconds_left() < -overtime:
                    break
                if self._is_told(form):
                    offered.append(form)
            if offered or not self._failed:
                break
            forms = self._guarded()
        self._failed = []
        return offered

    def _is_better(self, form: Form) -> bool:
        """Whether a form gains digits and loses none, at the points of the search."""
        before = np.maximum(form.before, self.typical)
        had, has = form.before.mean(), form.lost.mean()
        if self._has_point():
            had, has = form.before[0], form.lost[0]
        return bool(had - has >= max(WORTH, SHARE * had) and not worse(before, form.lost).any())

    def _has_point(self) -> bool:
        """Whether the first point is the one that was asked for."""
        return self.region.is_point(self.names) and self.trials.rows[0] == 0

    def _is_sure(self, form: Form) -> bool:
        """Whether a form is better at the one point by more than luck: with other roundings it has its digits, too."""
        if not self._has_point():
            return True
        here = {name: column[:1] for name, column in self.trials.columns.items()}
        typical = float(roughly_lost(self.graph, form.node, here, 1)[0])
        return bool(form.before[0] - typical >= max(WORTH, SHARE * form.before[0]))

    def _is_good(self, form: Form) -> bool:
        return bool(form.lost.max() <= 1.5)

    def _size(self, node: int) -> int:
        return sum(ancestors(self.graph, [node]))

    # ---- chains of rules ---------------------------------------------------------------------------------------------

    def _rounds(self, first: Form) -> list[Form]:
        """All forms that rounds of rules reach, within the effort."""
        reached = {first.node}
        beam, every = [first], [first]
        until = process_time() + ROUNDS_SHARE * self._seconds_left()
        self.matcher.until = until + GRACE
        for _ in range(self.effort.rounds):
            made: dict[int, tuple[int, tuple[str, ...], tuple[int, ...]]] = {}
            for form in beam:
                for node, text, condition in self._rewritten(form.node):
                    if node not in reached and node not in made:
                        conditions = form.conditions if condition is None else (*form.conditions, condition)
                        made[node] = (node, (*form.rules, text), conditions)
                if process_time() > until:
                    break
            fresh = self._forms(list(made.values()))
            reached.update(made)
            fresh += self._tidied(fresh, reached)
            every += fresh
            beam = self._chosen(fresh, ALIKE)
            if not beam or process_time() > until or min(form.lost.max() for form in beam) < WORSE:
                break
        return every

    def _chosen(self, forms: Sequence[Form], alike: int) -> list[Form]:
        """The best in the mean, and those that are the best at some points."""
        forms = self._unlike(sorted(forms, key=lambda form: self._size(form.node)), alike)
        by_mean = sorted(forms, key=lambda form: round(form.mean, 1))
        kept = by_mean[: self.effort.beam]
        if forms:
            table = np.array([form.lost for form in forms])
            covered = np.min([form.lost for form in kept], axis=0)
            for _ in range(self.effort.beam // 2):
                gains = np.maximum(covered - table, 0.0).sum(axis=1).round(1)
                place = int(gains.argmax())
                if gains[place] < WORTH:
                    break
                kept.append(forms[place])
                covered = np.minimum(covered, table[place])
        return kept

    @staticmethod
    def _unlike(forms: Iterable[Form], most: int) -> list[Form]:
        """Of forms that lose the same digits at all points the first ones."""
        found: dict[bytes, list[Form]] = {}
        for form in forms:
            found.setdefault(np.maximum(form.lost - NOISE, 0.0).round().tobytes(), []).append(form)
        return [form for alike in found.values() for form in alike[:most]]

    def _tidied(self, forms: Sequence[Form], reached: set[int]) -> list[Form]:
        """The best forms simplified as a whole: what rules write may hold sums that cancel when multiplied out."""
        made = []
        for form in sorted(forms, key=lambda form: form.mean)[: self.effort.beam // 2]:
            if process_time() > self.until:
                break
            simple, (output,) = simplify(self.graph, [form.node])
            node = copied(simple, self.graph, [output])[output]
            if node not in reached:
                reached.add(node)
                made.append((node, (*form.rules, "simplified"), form.conditions))
        return self._forms(made)

    def _rewritten(self, root: int) -> Iterator[tuple[int, str, int | None]]:
        """Forms that one rule makes of one, anywhere in it."""
        for place, need in enumerate(ancestors(self.graph, [root])):
            if not need or self.graph.is_leaf(place):
                continue
            if process_time() > self.matcher.until:
                return
            for node, text, condition in self._at(place):
                yield replaced(self.graph, root, {place: node}), text, condition

    def _at(self, place: int) -> list[tuple[int, str, int | None]]:
        """What rules write in the place of a node; known from the last form that had it."""
        found = self._known.get(place)
        if found is None:
            found, seen = [], {place}
            ways = [(rule.text, way) for rule in rules() for way in self.matcher.applied(rule, place)]
            for name, rewrite in WHOLE:
                whole = rewrite(self.builder, place)
                ways += [] if whole is None else [(name, (whole, None))]
            for text, (node, condition) in ways:
                if node not in seen and self._size(node) <= LARGEST:
                    seen.add(node)
                    found.append((node, text, condition))
            self._known[place] = found
        return found

    def _forms(self, made: Iterable[tuple[int, tuple[str, ...], tuple[int, ...]]]) -> list[Form]:
        """Nodes as forms, tried at all points in one run."""
        made = list(made)
        nodes = [node for node, _, _ in made]
        lost = self.trials.lost([self.node, *nodes])
        before = lost[self.node]
        return [Form(node, texts, conditions, lost[node], before) for node, texts, conditions in made]

    # ---- regimes, and the last word ----------------------------------------------------------------------------------

    def _by_regimes(self, first: Form, found: Sequence[Form]) -> list[Form]:
        """Forms of a few branches."""
        pool = [first, *self._chosen(found, 1)]
        made = []
        before = np.maximum(first.before, self.typical)
        costs = [(form.node, self._cost(form, before)) for form in pool]
        self._near = {form.node for form in pool if form.is_series}
        for node, parts in joined(self.builder, self.names, self.trials, costs, self._border):
            texts = tuple(dict.fromkeys(text for place in parts for text in pool[place].rules))
            made.append((node, (*texts, "branches"), ()))
        return self._forms(made)

    def _cost(self, form: Form, before: Any) -> Any:
        """What a form costs as a branch, by point: digits lost beyond a few roundings, and a little for what it is."""
        extra = NODE_COST * self._size(form.node) + (SERIES_COST if form.is_series else 0.0)
        return np.maximum(form.lost - NOISE, 0.0) + HARDLY * worse(before, form.lost) + extra

    def _border(self, splitter: Splitter, low: float, high: float, first: int, second: int) -> float:
        """Where between two numbers the first of two forms should end: where both lose as much, at further points."""
        for number in range(BORDER_ROUNDS):
            if (number and self._seconds_left() < 0) or between(low, high) == low:
                break
            columns = {name: self.random.choice(column, BORDER_POINTS) for name, column in self.trials.columns.items()}
            sizes = np.sort(in_range(low, high, BORDER_POINTS, self.random))
            signs = np.sign(columns[splitter.name]) if splitter.is_size else 1.0
            columns[splitter.name] = np.where(signs == 0, 1.0, signs) * sizes
            there = Trials(self.graph, self.node, columns, BORDER_POINTS, seconds=HOLDS_SECONDS)
            if not len(there):
                break
            lost = there.lost([first, second])
            places = np.concatenate([[low], splitter.places(there.columns), [high]])
            cost = np.append(0.0, np.cumsum(lost[first] - lost[second]))  # of taking the first form up to each place
            cheapest = np.flatnonzero(cost <= cost.min() + EQUAL)
            if (first in self._near) == (second in self._near):
                end = int(cheapest[len(cheapest) // 2])
            else:  # a series no further than it must
                end = int(cheapest[0 if first in self._near else -1])
            low, high = float(places[end]), float(places[end + 1])
        return between(low, high)

    def _is_told(self, form: Form) -> bool:
        """Whether a form is better, by more than luck, and worse nowhere; what it is worse at is learned from."""
        if not (self._is_better(form) and self._is_sure(form)):
            return False
        points, far_off = self._jury.worse_points(form.node, max(self._seconds_left() / 2, HOLDS_SECONDS))
        count = len(next(iter(points.values()))) if points else 0
        self._against += [{name: float(column[row]) for name, column in points.items()}
                          for row in range(min(count, MOST_AGAINST))]  # fmt: skip
        if count:
            self._failed.append((form, points, far_off))
        return not count

    def _guarded(self) -> list[Form]:
        """The forms that were worse somewhere, taken only where none of their operations overflows or underflows."""
        made = []
        for form, points, far_off in self._failed:
            bare, before = self._bare.get(form.node, (form.node, {name: column[:0] for name, column in points.items()}))
            points = {name: np.append(before[name], column) for name, column in points.items()}
            node = guarded(self.graph, self.node, bare, points, far_off)
            if node is not None and node not in self._bare:
                self._bare[node] = bare, points
                made.append((node, tuple(dict.fromkeys((*form.rules, GUARDED))), form.conditions))
        self._failed = []
        return self._ordered(self._forms(made))
