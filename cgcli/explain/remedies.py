"""Cures: what to write instead where a value or a derivative is nan, infinite or 0, each tried at the point.

Rules of stable rewriting come first (`stable.cg`, and the spellings of `cures`), then what helps any operation
(`general.cg`): a branch, a clamp, a smooth function of the same shape; at last another point to start from.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import isfinite
from typing import TYPE_CHECKING

import numpy as np

from cgcli.emit.formula import expression
from cgcli.engines import choose
from cgcli.errors import CgError
from cgcli.explain.cures import CURES, built, lowered, matched
from cgcli.explain.stable.building import Builder, multiplied_out, together
from cgcli.explain.stable.matching import Matcher
from cgcli.explain.stable.rules import Rule, read, rules
from cgcli.graph.copying import copied
from cgcli.graph.replacing import replaced
from cgcli.graph.store import Graph
from cgcli.graph.walk import ancestors
from cgcli.numerals import finite
from cgcli.ops import arithmetic
from cgcli.passes.differentiate import differentiate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from cgcli.engines.base import Engine

MOST = 3
"""Cures that are told."""

NEARBY = 16
"""Points around, at which a cure must agree with the formula where that has a value."""

AGREES, TENDS = 1e-6, 1e-4
"""Relative difference up to which two values agree, and one agrees with a limit."""

APPROXIMATE = ("smooth", "slope")
"""Kinds of cures that are another function on purpose."""

KINDS = ("branch", "clamp", *APPROXIMATE)
"""Kinds of general cures; all others are rules, each of which is told once."""

LARGEST = 2_000
"""Nodes of a graph in which cures are looked for."""


@dataclass(frozen=True, slots=True)
class Cure:
    """What to write instead. how: a rule of stable rewriting, branch, clamp, smooth, slope, or start elsewhere.

    formula: the whole formula. value, gradient: at the point (or at `at`, where the cure is another point).
    """

    how: str
    formula: str
    value: Any
    gradient: dict[str, Any]
    at: dict[str, float] | None = None

    def as_dict(self) -> dict[str, Any]:
        """The cure as JSON-able data."""
        data = {"how": self.how, "formula": self.formula, "value": self.value, "gradient": self.gradient}
        return data if self.at is None else data | {"at": self.at}


@cache
def general_rules() -> dict[str, list[Rule]]:
    """The rules of `general.cg` by the operation that they stand for; their source is the kind of cure."""
    found: dict[str, list[Rule]] = {}
    for line in files(__package__).joinpath("general.cg").read_text(encoding="utf-8").splitlines():
        text, _, kind = line.partition("#")
        if text.strip():
            rule = read(text.strip(), kind.strip())
            found.setdefault(rule.left.graph.row(rule.left.node).name, []).append(rule)
    return found


class Remedies:
    """Looks for cures of one output of a formula at a point."""

    def __init__(
        self, graph: Graph, output: int, culprit: int, inputs: Mapping[str, Any], wrt: Mapping[str, int]
    ) -> None:  # fmt: skip
        self.graph = Graph()
        moved = copied(graph, self.graph, [output, *wrt.values()])
        self.output, self.culprit = moved[output], moved[culprit]
        self.inputs = dict(inputs)
        self.wrt = {name: moved[node] for name, node in wrt.items() if graph.is_input(node)}
        self._expected: list[Any] = []
        self.seed = np.random.default_rng(0)

    def found(self, kind: str) -> list[Cure]:
        """Cures that work, the best first."""
        if len(self.graph) > LARGEST or self.culprit < 0:
            return []
        cures: list[Cure] = []
        seen: set[str] = set()
        for how, root in self._candidates(kind):
            by_rule = how not in KINDS
            if len(cures) >= MOST or (not by_rule and cures and cures[0].how not in KINDS):
                break  # where a rule helps, nothing cruder is told
            text = root_text(self.graph, root)
            if root == self.output or text in seen or (by_rule and how in seen):
                continue
            cure = self._tried(how, root, kind)
            if cure is not None:
                cures.append(cure)
                seen |= {text, how}
        return cures or self._elsewhere(kind)

    def _candidates(self, kind: str) -> Iterator[tuple[str, int]]:
        """Forms to try: (how, node)."""
        graph = self.graph
        tops = self._around()
        if kind in ("nan", "infinite"):
            for spelling, better in CURES:
                pattern = lowered(spelling)
                for top in tops:
                    found = matched(*pattern, graph, top, self.culprit)
                    if found is not None:
                        with_better = built(*lowered(better), graph, found)
                        yield f"{spelling} => {better}", replaced(graph, self.output, {top: with_better})
            yield from self._by_rules(tops)
        wanted = ("branch", "clamp") if kind in ("nan", "infinite") else APPROXIMATE
        for place in (self.culprit, *(each for each in tops if each != self.culprit)):
            for rule in general_rules().get(graph.row(place).name, ()):
                if rule.source in wanted:
                    node = self._written(rule, place)
                    if node is not None:
                        yield rule.source, replaced(graph, self.output, {place: node})

    def _around(self) -> list[int]:
        """The operation that went wrong and those above it, up to three levels."""
        graph, tops = self.graph, [self.culprit]
        needed = ancestors(graph, [self.output])
        for _ in range(3):
            known = set(tops)
            tops += [node for node, need in enumerate(needed)
                     if need and node not in known and known & set(graph.operands_of(node))]  # fmt: skip
        return tops

    def _by_rules(self, tops: Sequence[int]) -> Iterator[tuple[str, int]]:
        """Rules of stable rewriting, for formulas of numbers."""
        graph = self.graph
        if any(graph.shape_of(node) for node in range(len(graph))):
            return
        matcher = Matcher(Builder(graph))
        for top in tops:
            for rule in rules():
                for node, _ in matcher.applied(rule, top):
                    yield rule.text.strip(), replaced(graph, self.output, {top: node})
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

    def _written(self, rule: Rule, place: int) -> int | None:
        """What a general rule writes over the operands of a node; None where it does not fit."""
        side = rule.left
        letters = side.graph.operands_of(side.node)
        operands = self.graph.operands_of(place)
        if len(letters) != len(operands) or self.graph.attributes_of(place):
            return None
        names = {side.graph.input_name(letter): operand for letter, operand in zip(letters, operands, strict=True)}
        try:
            return built(rule.right.graph, rule.right.node, self.graph, names)
        except CgError:
            return None

    # ---- trying ------------------------------------------------------------------------------------------------------

    def _tried(self, how: str, root: int, kind: str) -> Cure | None:
        """A cure with its numbers at the point; None where it does not help."""
        if self.graph.shape_of(root) != self.graph.shape_of(self.output):
            return None
        try:
            value, gradient = self._at(root, self.inputs)
        except CgError:
            return None
        if not finite(value) or not all(finite(slope) for slope in gradient.values()):
            return None
        moves = any(np.any(np.abs(_array(slope)) > 1e-9) for slope in gradient.values())
        if kind in ("zero", "vanishing") and not moves:
            return None
        if how not in APPROXIMATE and not (self._keeps(value) and self._agrees(root)):
            return None
        return Cure(how, root_text(self.graph, root), value, gradient)

    def _at(self, root: int, inputs: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Value and gradient of a form at a point."""
        graph = self.graph
        wanted = [root]
        if self.wrt and not graph.shape_of(root):
            slopes = differentiate(graph, [root], list(self.wrt.values()))
            wanted += [slopes.wrt(node) for node in self.wrt.values()]
        values = choose(graph, wanted).evaluate(graph, inputs, wanted)
        return values[root], dict(zip(self.wrt, (values[node] for node in wanted[1:]), strict=False))

    def _keeps(self, value: Any) -> bool:
        """Whether a form has the value of the formula at the point, or what its values beside the point tend to."""
        if not self._expected:
            engine = choose(self.graph, [self.output])
            here = engine.evaluate(self.graph, self.inputs, [self.output])[self.output]
            self._expected = [here if finite(here) else self._limit(engine)]
        (expected,) = self._expected
        return expected is None or bool(np.allclose(_array(expected), _array(value), rtol=TENDS, atol=TENDS))

    def _limit(self, engine: Engine) -> Any:
        """What values around the point tend to; None where they do not tend to a number."""
        values = []
        for step in (1e-7, -1e-7, 3e-8, -3e-8):
            near = {name: value + step * np.maximum(np.abs(value), 1.0) if name in self.wrt else value
                    for name, value in self.inputs.items()}  # fmt: skip
            near = {name: float(value) if not np.ndim(value) else value for name, value in near.items()}
            values.append(_array(engine.evaluate(self.graph, near, [self.output])[self.output]))
        middle = np.mean(values, axis=0)
        close = all(finite(each) and np.allclose(each, middle, rtol=TENDS, atol=TENDS) for each in values)
        return middle if close else None

    def _agrees(self, root: int) -> bool:
        """Whether a form has the values of the formula around the point, where that has some; a cure does no harm."""
        engine = choose(self.graph, [self.output, root])
        told = []
        for _ in range(NEARBY):
            near = {name: self._moved(value) for name, value in self.inputs.items()}
            values = engine.evaluate(self.graph, near, [self.output, root])
            old, new = _array(values[self.output]), _array(values[root])
            if finite(values[self.output]):
                told.append(bool(np.all(np.abs(old - new) <= AGREES * np.maximum(np.abs(old), np.abs(new)) + 1e-12)))
        return sum(told) >= 0.7 * len(told)

    def _moved(self, value: Any) -> Any:
        """A number, or each of an array, somewhere around and of either sign."""
        array = _array(value)
        moved = array * self.seed.uniform(0.2, 1.8, array.shape) + self.seed.normal(0.0, 1.0, array.shape)
        return float(moved) if not array.shape else moved

    def _elsewhere(self, kind: str) -> list[Cure]:
        """Another value of one input at which value and gradient are sound."""
        for name, value in self.inputs.items():
            if np.ndim(value):
                continue
            start = float(value)
            for other in (start / 10, start / 100, 1.0, 0.5, -1.0, start + 1.0, start - 1.0):
                if not isfinite(other) or other == start:
                    continue
                try:
                    found, gradient = self._at(self.output, {**self.inputs, name: other})
                except CgError:
                    continue
                sound = finite(found) and all(finite(slope) for slope in gradient.values())
                moves = any(np.any(np.abs(_array(slope)) > 1e-9) and np.all(np.abs(_array(slope)) < 1e9)
                            for slope in gradient.values())  # fmt: skip
                if sound and (moves or kind in ("nan", "infinite")):
                    text = root_text(self.graph, self.output)
                    return [Cure("start elsewhere", text, found, gradient, {name: other})]
        return []


def root_text(graph: Graph, root: int) -> str:
    """A form as formula text."""
    return expression(graph, root)


def _array(value: Any) -> Any:
    return np.asarray(value, dtype=float)
