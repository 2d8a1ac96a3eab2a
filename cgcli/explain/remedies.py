"""Cures: what to write instead where a value or a derivative is nan, infinite or 0, each tried at the point.

Rules of stable rewriting come first (`stable.cg`, and the spellings of `cures`), then what helps any operation
(`general.cg`): a branch, a clamp, a smooth function of the same shape; at last another point to start from.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import isfinite
from typing import TYPE_CHECKING

import numpy as np

from cgcli.emit.formula import expression
from cgcli.engines import choose
from cgcli.errors import CgError
from cgcli.explain.cures import CURES, built, lowered, matched
from cgcli.explain.digits import Exact
from cgcli.explain.stable.building import Builder, multiplied_out, together
from cgcli.explain.stable.matching import Matcher
from cgcli.explain.stable.rules import Rule, rules, rules_in
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

    from cgcli.engines.numbers import Number

MOST = 3
"""Cures that are told."""

NEARBY = 16
"""Points around, at which a cure must agree with the formula where that has a value."""

DIGITS = 700
"""Bits in which the true value at the point is looked for."""

AGREES, TENDS = 1e-6, 1e-4
"""Relative difference up to which two values agree, and one agrees with a limit."""

APPROXIMATE = ("smooth", "slope")
"""Kinds of cures that are another function on purpose."""

KINDS = ("limit", "branch", "clamp", *APPROXIMATE)
"""Kinds of general cures; all others are rules, each of which is told once."""

LARGEST = 2_000
"""Nodes of a graph in which cures are looked for."""


@dataclass(frozen=True, slots=True)
class Cure:
    """What to write instead. how: a rule of stable rewriting, limit, branch, clamp, smooth, slope, or start elsewhere.

    formula: the whole formula. value, gradient: at the point (or at `at`, where the cure is another point).
    """

    how: str
    formula: str
    value: Any
    gradient: dict[str, Any]
    at: dict[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        """The cure as JSON-able data."""
        data = {"how": self.how, "formula": self.formula, "value": self.value, "gradient": self.gradient}
        return data if self.at is None else data | {"at": self.at}


@cache
def general_rules() -> dict[str, list[Rule]]:
    """The rules of `general.cg` by the operation that they stand for; their source is the kind of cure."""
    found: dict[str, list[Rule]] = {}
    for rule in rules_in(__package__, "general.cg"):
        found.setdefault(rule.left.graph.row(rule.left.node).name, []).append(rule)
    return found


class Remedies:
    """Looks for cures of one output of a formula at a point."""

    def __init__(
        self, graph: Graph, output: int, culprit: int, inputs: Mapping[str, Any], wrt: Mapping[str, int],
        by: str | None = None,
    ) -> None:  # fmt: skip
        """by: the variable whose derivative is to be mended; None where it is the value."""
        self.graph = Graph()
        moved = copied(graph, self.graph, [output, *wrt.values()])
        self.output, self.culprit = moved[output], moved[culprit]
        self.inputs = dict(inputs)
        self.wrt = {name: moved[node] for name, node in wrt.items() if graph.is_input(node)}
        self.by = by if by in self.wrt else None
        self._expected: list[tuple[Any, dict[str, Any]]] = []
        self._open = False  # whether the formula has no value at the point, in any digits
        self._nearby: list[tuple[dict[str, Any], Any]] = []
        self.seed = np.random.default_rng(0)

    def found(self, kind: str) -> list[Cure]:
        """Cures that work, the best first."""
        if len(self.graph) > LARGEST or self.culprit < 0:
            return []
        cures: list[Cure] = []
        seen: set[str] = set()
        for how, root in self._candidates(kind):
            by_rule = how not in KINDS
            if len(cures) >= MOST or (cures and cures[0].how not in KINDS):
                break  # where a rule helps, nothing else is told
            text = expression(self.graph, root)
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
            yield from self._continued()
        wanted = ("branch", "clamp") if kind in ("nan", "infinite") else APPROXIMATE
        for place in (self.culprit, *(each for each in tops if each != self.culprit)):
            for rule in general_rules().get(graph.row(place).name, ()):
                if rule.source in wanted:
                    node = self._written(rule, place)
                    if node is not None:
                        yield rule.source, replaced(graph, self.output, {place: node})

    def _continued(self) -> Iterator[tuple[str, int]]:
        """Where a formula of one number has none at a point, but tends to one: what it tends to, as a straight line."""
        if len(self.inputs) != 1 or len(self.wrt) != 1 or self.graph.shape_of(self.output):
            return
        ((name, node),) = self.wrt.items()
        value, slopes = self.truth()
        here = self.inputs.get(name)
        if value is None or name not in slopes or not self._open or not isinstance(here, float):
            return
        slope = float(f"{float(slopes[name]):.9g}")
        away = "a" if not here else f"(a {'+' if here < 0 else '-'} {abs(here)!r})"
        line = f"{float(value):.9g}" + (f" {'-' if slope < 0 else '+'} {abs(slope)!r}*{away}" if slope else "")
        with_line = lowered(f"where(a == {here!r}, {line}, b)")
        yield "limit", built(*with_line, self.graph, {"a": node, "b": self.output})

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
        if kind in ("zero", "vanishing") and not self._moves(gradient):
            return None
        if how not in APPROXIMATE and not (self._keeps(value, gradient) and self._agrees(root)):
            return None
        return Cure(how, expression(self.graph, root), value, gradient)

    def _at(self, root: int, inputs: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Value and gradient of a form at a point."""
        graph = self.graph
        wanted = [root]
        if self.wrt and not graph.shape_of(root):
            slopes = differentiate(graph, [root], list(self.wrt.values()))
            wanted += [slopes.wrt(node) for node in self.wrt.values()]
        values = choose(graph, wanted).evaluate(graph, inputs, wanted)
        return values[root], dict(zip(self.wrt, (values[node] for node in wanted[1:]), strict=False))

    def _moves(self, gradient: Mapping[str, Any]) -> bool:
        """Whether the derivative in question, or any, is neither 0 nor out of all proportion."""
        slopes = [gradient[self.by]] if self.by is not None and self.by in gradient else list(gradient.values())
        sizes = [np.abs(_array(slope)) for slope in slopes]
        return any(np.any(size > 1e-9) and np.all(size < 1e9) for size in sizes)

    def _keeps(self, value: Any, gradient: Mapping[str, Any]) -> bool:
        """Whether a form has the true value and slopes of the formula at the point, where these are known."""
        right, slopes = self.truth()
        close = [right is None or _near(right, value)]
        close += [_near(slope, gradient[name]) for name, slope in slopes.items() if name in gradient]
        return all(close)

    def truth(self) -> tuple[Any, dict[str, Any]]:
        """The value and the slopes at the point in many digits, or what they tend to around it.

        None, and no slope, where there is none such: it is infinite, undefined all around, or depends on the side.
        """
        if not self._expected:
            graph = self.graph
            names = [name for name, node in self.wrt.items() if not graph.shape_of(node)]
            nodes = [self.output]
            if names and not graph.shape_of(self.output):
                slopes = differentiate(graph, [self.output], [self.wrt[name] for name in names])
                nodes += [slopes.wrt(self.wrt[name]) for name in names]
            here = self._numbers(nodes, self.inputs)
            tend = self._limits(nodes) if any(_undefined(each) for each in here) else here
            found = [end if _undefined(each) else each for each, end in zip(here, tend, strict=True)]
            known = [each if each is not None and finite(each) else None for each in found]
            by_name = dict(zip(names, known[1:], strict=False)) if known[0] is not None else {}
            self._expected = [(known[0], {name: slope for name, slope in by_name.items() if slope is not None})]
            self._open = _undefined(here[0])
        return self._expected[0]

    def _numbers(self, nodes: Sequence[int], inputs: Mapping[str, Any]) -> list[Any]:
        """Nodes in many digits, as doubles; an array as doubles compute it; None where no digits decide."""
        graph = self.graph
        scalars = [node for node in nodes if not graph.shape_of(node)]
        exact = Exact(most=DIGITS).values(graph, inputs, scalars)
        plain = choose(graph, nodes).evaluate(graph, inputs, nodes) if len(scalars) < len(nodes) else []
        numbers = {node: exact[node] for node in scalars}
        return [plain[node] if graph.shape_of(node) else _double(numbers[node])
                for node in nodes]  # fmt: skip

    def _limits(self, nodes: Sequence[int]) -> list[Any]:
        """What the values of nodes around the point tend to; None where they do not tend to a number."""
        around = []
        for step in (1e-7, -1e-7, 3e-8, -3e-8):
            near = {name: value + step * np.maximum(np.abs(value), 1.0) if name in self.wrt else value
                    for name, value in self.inputs.items()}  # fmt: skip
            near = {name: float(value) if not np.ndim(value) else value for name, value in near.items()}
            around.append(self._numbers(nodes, near))
        return [_agreed(values) for values in zip(*around, strict=True)]

    def _agrees(self, root: int) -> bool:
        """Whether a form has the values of the formula around the point, where that has some; a cure does no harm."""
        if not self._nearby:
            for _ in range(NEARBY):
                near = {name: self._moved(value) for name, value in self.inputs.items()}
                self._nearby.append((near, self._numbers([self.output], near)[0]))
        engine = choose(self.graph, [root])
        told = []
        for near, right in self._nearby:
            if right is not None and finite(right):
                old, new = _array(right), _array(engine.evaluate(self.graph, near, [root])[root])
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
            for other in _others(value):
                try:
                    found, gradient = self._at(self.output, {**self.inputs, name: other})
                except CgError:
                    continue
                sound = finite(found) and all(finite(slope) for slope in gradient.values())
                if sound and (self._moves(gradient) or kind in ("nan", "infinite")):
                    text = expression(self.graph, self.output)
                    return [Cure("start elsewhere", text, found, gradient, {name: other})]
        return []


def _array(value: Any) -> Any:
    return np.asarray(value, dtype=float)


def _others(value: Any) -> list[Any]:
    """Values of an input to start from instead; of a square matrix, with a larger diagonal."""
    array = _array(value)
    if not array.shape:
        start = float(array)
        tried = [start / 10, start / 100, 1.0, 0.5, -1.0, start + 1.0, start - 1.0]
        return [other for other in tried if isfinite(other) and other != start]
    size = max(1.0, float(np.max(np.abs(array), initial=0.0)))
    if array.ndim == 2 and array.shape[0] == array.shape[1]:
        return [array + size * part * np.eye(len(array)) for part in (0.01, 1.0)]
    return [array + step * np.arange(1.0, array.size + 1.0).reshape(array.shape) for step in (1.0, -1.0)]


def _double(number: Number | None) -> float | None:
    return None if number is None else float(number)


def _undefined(value: Any) -> bool:
    """Whether a value is unknown or nan, or holds a nan; an infinity is a value."""
    return value is None or bool(np.any(np.isnan(_array(value))))


def _near(right: Any, value: Any) -> bool:
    """Whether a value is as good as the right one."""
    right, value = _array(right), _array(value)
    size = float(np.max(np.abs(right), initial=0.0))
    return bool(np.allclose(right, value, rtol=TENDS, atol=TENDS * (min(1.0, size) or 1.0)))


def _agreed(values: Sequence[Any]) -> Any:
    """The mean of values that are as good as the same; else None."""
    if any(each is None or not finite(each) for each in values):
        return None
    middle = np.mean([_array(each) for each in values], axis=0)
    same = all(np.allclose(_array(each), middle, rtol=TENDS, atol=TENDS) for each in values)
    return middle if same else None
