"""A second opinion on derivatives: is the rule right, and how many digits did rounding leave?

The reverse-mode derivative is compared with differences of the function itself, which know no rule. Differences in
50 digits are exact enough to tell a wrong rule from rounding: the same derivative graph, evaluated in 50 digits, must
meet them to many more digits than a double has. Where an operation has no precise form, the complex step and
differences in doubles (Ridders' extrapolation over a sweep of steps) judge instead.
See C. J. F. Ridders, Advances in Engineering Software 4 (1982) 75-76.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from math import inf, isfinite, nan
from typing import TYPE_CHECKING

import numpy as np

from cgcli.engines import choose
from cgcli.engines.complex_step import NotHolomorphicError
from cgcli.engines.complex_step import derivative as complex_step
from cgcli.engines.mpmath import MpmathEngine
from cgcli.errors import CalculationError
from cgcli.graph.balanced import balanced
from cgcli.graph.copying import copy_missing
from cgcli.graph.origins import UNKNOWN
from cgcli.graph.store import Graph
from cgcli.ops import arithmetic, shaping
from cgcli.passes.differentiate import differentiate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    from cgcli.graph.ref import Ref

    Slope = Callable[[Any], Any]

DIGITS = 50
PRECISE_STEP = 2.0**-70
"""First relative step in 50 digits: truncation and cancellation both stay below 1e-30."""
SWEEP = 14
"""Halvings of the step in doubles."""
RULE_TOLERANCE = 1e-10
"""Relative difference above which two precise derivatives follow different rules."""
BESIDE_TOLERANCE = 1e-6
"""The same beside a point, where the differences are plain ones."""
JUMP = 1e6
"""A change that exceeds what the derivatives beside it would make so many times is a jump."""
ROUNDING_TOLERANCE = 1e-9
"""Relative loss above which a derivative in doubles is called rounded."""

MOST_ELEMENTS = 12
"""Elements of an output or of a gradient that are checked one by one; of more of them, a weighted sum is."""

AGREES, WRONG, ROUNDING, KINK, BRANCH, UNDEFINED, UNDECIDED = (
    "agrees", "wrong rule", "rounding", "kink", "branch at this point", "undefined", "undecided",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one method says: the derivative and how far off it may be."""

    method: str
    value: float
    error: float


@dataclass(frozen=True, slots=True)
class Finding:
    """One partial derivative: its name (`d result / d x[1]`), reverse mode's value, the opinions, the verdict.

    verdict: "agrees"; "wrong rule"; "rounding" (the rule is right, the double has lost digits); "kink" (a convention
    chose a value that no difference contradicts); "branch at this point" (a condition holds there and nowhere beside
    it, and the branch that is taken has another derivative than what is around it); "undefined" (no finite derivative
    there); "undecided" (no method reached an answer).
    beside: the derivatives to the left and to the right of such a branch. condition: its node in the graph.
    """

    name: str
    derivative: float
    opinions: tuple[Opinion, ...]
    verdict: str
    difference: float
    beside: tuple[float, float] | None = None
    condition: int | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """All findings of a check."""

    findings: tuple[Finding, ...]

    @property
    def accepted(self) -> bool:
        """Whether no rule was found wrong."""
        return all(finding.verdict != WRONG for finding in self.findings)

    @property
    def branches(self) -> list[Finding]:
        """The findings at a branch for a single point."""
        return [finding for finding in self.findings if finding.verdict == BRANCH]

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {"accepted": self.accepted, "findings": [asdict(finding) for finding in self.findings]}


def check(
    graph: Graph, output: int, wrt: Sequence[int] | Mapping[str, int], point: Mapping[str, Any], order: int = 1,
    *, name: str | None = None,
) -> Report:  # fmt: skip
    """Compare the derivatives of a node with respect to other nodes at a point with opinions that know no rule.

    point: value of every input that the output needs. An output with axes is reduced to one number by fixed, unequal
    weights. order 2 checks the derivatives of the derivatives too. name: what findings call the output; it and the
    nodes of `wrt` have the graph's own names where none are given. The graph stays as it is.
    """
    names = graph.name_of()
    label = names.get(output, "result") if name is None else name
    named = wrt if isinstance(wrt, Mapping) else {names.get(node, f"node {node}"): node for node in wrt}
    if order == 1 and not all(map(graph.is_input, named.values())):  # one inner name may follow from another
        trials = [_Trial(graph, output, label, {name: node}, point) for name, node in named.items()]
        return Report(tuple(finding for trial in trials for finding in trial.findings(trial.output, trial.label)))
    trial = _Trial(graph, output, label, named, point)
    findings = list(trial.findings(trial.output, trial.label))
    if order > 1:
        first = differentiate(trial.graph, [trial.output], list(trial.nodes.values()))
        for name, node in trial.nodes.items():
            slope = weighted_sum(trial.graph, first.wrt(node))
            findings.extend(trial.findings(slope, f"(d {trial.label} / d {name})"))
    return Report(tuple(findings))


def check_each(
    graph: Graph, output: int, wrt: Mapping[str, int], point: Mapping[str, Any], *, name: str
) -> Report:  # fmt: skip
    """As `check`, for each element of an output with axes; for their weighted sum where there are many."""
    return Report(tuple(
        finding for label, node in _elements(graph, name, output)
        for finding in check(graph, node, wrt, point, name=label).findings
    ))  # fmt: skip


def check_second(
    graph: Graph, output: int, wrt: Mapping[str, int], point: Mapping[str, Any], *, name: str
) -> Report:  # fmt: skip
    """The second derivatives of a scalar output: each element of its gradient is checked as an output is.

    The weighted sum of the gradient's elements where there are many. The graph is extended by the gradient.
    """
    first = differentiate(graph, [output], list(wrt.values()))
    slopes = [
        each for variable, node in wrt.items()
        for each in _elements(graph, f"d {name} / d {variable}", first.wrt(node), "(", ")")
    ]  # fmt: skip
    if len(slopes) > MOST_ELEMENTS:
        parts = [weighted_sum(graph, node, first=place) for place, (_, node) in enumerate(slopes)]
        total = balanced(lambda left, right: graph.apply(arithmetic.add, [left, right]), parts)
        slopes = [(f"(weighted sum of all d {name})", total)]
    return Report(tuple(
        finding for label, node in slopes for finding in check(graph, node, wrt, point, name=label).findings
    ))  # fmt: skip


def _elements(graph: Graph, name: str, node: int, opening: str = "", closing: str = "") -> list[tuple[str, int]]:
    """Names and nodes of the elements of an array, or of the array where it has many; a number is itself."""
    shape = graph.shape_of(node)
    if not shape:
        return [(f"{opening}{name}{closing}", node)]
    if int(np.prod(shape)) > MOST_ELEMENTS:
        return [(f"(weighted sum of {name})", node)]
    return [
        (f"{opening}{name}[{', '.join(map(str, place))}]{closing}", graph.apply(shaping.index, [node], [place]))
        for place in np.ndindex(*shape)
    ]


def weighted_sum(graph: Graph, node: int, *, first: int = 0) -> int:
    """A scalar node: the sum of all elements, with weights that nothing symmetric cancels.

    first: how many weights are left out before; where none is, a number stays as it is.
    """
    shape = graph.shape_of(node)
    if not shape and not first:
        return node
    weights = 0.5 + np.modf((first + np.arange(1, int(np.prod(shape)) + 1)) * 0.6180339887498949)[0]
    ref = graph.ref(node)
    total: Ref = ref * ref.coerce(weights.reshape(shape) if shape else float(weights[0]))
    return (shaping.sum_of(total) if shape else total).node


class _Trial:
    """A copy of the part of a graph that is checked, where what we differentiate by is an input."""

    def __init__(self, graph: Graph, output: int, label: str, wrt: Mapping[str, int], point: Mapping[str, Any]) -> None:
        self.label = label
        self.graph = Graph()
        wanted = list(wrt.values())
        values = choose(graph, wanted).evaluate(graph, point, wanted)
        self.point = dict(point)
        self.nodes: dict[str, int] = {}
        copies: dict[int, int] = {}
        for name, node in wrt.items():
            if node in copies:  # two names of one node
                continue
            self.nodes[name] = copies[node] = self.graph.input(name, graph.shape_of(node))
            self.point[name] = values[node]
        copy_missing(graph, self.graph, [output], copies)
        origins = graph.origins
        self.graph.is_derivative = graph.is_derivative or any(origins.of(node) != UNKNOWN for node in copies)
        self.output = weighted_sum(self.graph, copies[output])
        self.precise = MpmathEngine(DIGITS)
        self.conditions = _conditions(graph, copies)

    def findings(self, output: int, label: str) -> Iterator[Finding]:
        """One finding for each element of each input that is checked."""
        derivatives = differentiate(self.graph, [output], list(self.nodes.values()))
        adjoints = {name: derivatives.wrt(node) for name, node in self.nodes.items()}
        wanted = [output, *adjoints.values()]
        doubles = choose(self.graph, wanted).evaluate(self.graph, self.point, wanted)
        exact = self._precisely(wanted)
        defined = isfinite(doubles[output])
        for name, node in self.nodes.items():
            adjoint = adjoints[name]
            for place in np.ndindex(self.graph.shape_of(node)):
                where = f"{name}[{', '.join(map(str, place))}]" if place else name
                derivative = float(np.asarray(doubles[adjoint])[place])
                reference = None if exact is None else np.asarray(exact[adjoint], dtype=object)[place]
                if defined:
                    judged = self._judge(f"d {label} / d {where}", output, name, place, derivative, reference)
                    yield self._at_a_branch(judged, output, adjoint, name, place)
                else:
                    yield Finding(f"d {label} / d {where}", derivative, (), UNDEFINED, nan)

    def _precisely(self, wanted: Sequence[int]) -> list[Any] | None:
        """Values in many digits, or None where an operation has no precise form."""
        try:
            return self.precise.evaluate(self.graph, self.point, wanted)
        except CalculationError:
            return None

    def _judge(
        self, name: str, output: int, key: str, place: tuple[int, ...], derivative: float, reference: Any
    ) -> Finding:
        opinions = [self._in_doubles(output, key, place), self._by_complex_step(output, key, place)]
        found = [opinion for opinion in opinions if opinion is not None]
        verdict = None
        if reference is not None:
            slopes = self._in_many_digits(output, key, place)
            found.insert(0, slopes[0])
            verdict = _precise_verdict(derivative, reference, *slopes)
        if verdict is None:
            verdict = _double_verdict(derivative, found)
        best = min(found, key=lambda opinion: opinion.error if isfinite(opinion.value) else inf, default=None)
        return Finding(name, derivative, tuple(found), verdict, nan if best is None else abs(derivative - best.value))

    def _at_a_branch(self, found: Finding, output: int, adjoint: int, key: str, place: tuple[int, ...]) -> Finding:
        """A finding anew where a condition holds at this point alone and the rules are right beside it."""
        if found.verdict not in (WRONG, KINK) or not self.conditions:
            return found
        try:
            around = _Surroundings(self, output, adjoint, key, place)
        except CalculationError:
            return found
        alone = around.lone_conditions()
        if not alone or not around.rules_hold() or (found.verdict == KINK and not around.jumps()):
            return found
        left, right = map(float, around.slopes)
        if max(abs(found.derivative - left), abs(found.derivative - right)) <= BESIDE_TOLERANCE * max(abs(left), 1.0):
            return found
        return replace(found, verdict=BRANCH, beside=(left, right), condition=self.conditions[alone[0]])

    def _in_many_digits(self, output: int, key: str, place: tuple[int, ...]) -> tuple[Opinion, Any, Any]:
        """Central differences in 50 digits, and the slopes to the left and to the right."""
        engine, mp = self.precise, self.precise.mp
        base = engine.given(self.point[key])
        start = np.asarray(base, dtype=object)[place]
        step = mp.mpf(PRECISE_STEP) * (abs(start) if start else 1)

        def value(shift: Any) -> Any:
            moved = _moved(base, place, shift, object)
            return engine.evaluate(self.graph, {**self.point, key: moved}, [output])[output]

        middle = value(mp.zero)
        noise = abs(middle) * mp.eps
        central, error = extrapolated(lambda h: (value(h) - value(-h)) / (2 * h), step, 3, noise)
        opinion = Opinion(f"differences in {DIGITS} digits", float(central), float(error))
        return opinion, (middle - value(-step)) / step, (value(step) - middle) / step

    def _in_doubles(self, output: int, key: str, place: tuple[int, ...]) -> Opinion:
        """Ridders' extrapolation, once with steps that follow the size of the operand and once with steps below 1."""
        engine = choose(self.graph, [output])
        base = np.asarray(self.point[key], dtype=float)
        start = abs(float(base[place]))

        def value(shift: float) -> float:
            moved = _moved(base, place, shift, float)
            return float(engine.evaluate(self.graph, {**self.point, key: moved}, [output])[output])

        def slope(step: float) -> float:
            return (value(step) - value(-step)) / (2 * step)

        noise = abs(value(0.0)) * float(np.finfo(float).eps)
        tries = [extrapolated(slope, first, SWEEP, noise) for first in {start / 8 or 0.125, max(start, 1.0) / 8}]
        best, error = min(tries, key=lambda found: found[1] if isfinite(found[1]) else inf)
        return Opinion("differences in doubles", best, error)

    def _by_complex_step(self, output: int, key: str, place: tuple[int, ...]) -> Opinion | None:
        direction = _moved(np.zeros(np.shape(self.point[key])), place, 1.0, float)
        try:
            found = complex_step(self.graph, output, self.point, key, direction)
        except (NotHolomorphicError, CalculationError):
            return None
        return Opinion("complex step", found, abs(found) * 1e-12)


def _conditions(graph: Graph, copies: Mapping[int, int]) -> dict[int, int]:
    """The copies of nodes that change in steps, as conditions do, with the nodes that they are copies of."""
    return {copy: node for node, copy in copies.items() if "piecewise_constant" in graph.row(node).traits}


class _Surroundings:
    """The formula in many digits at a point and beside it, to the left and to the right along one element of an input.

    here, left, right: the values of the output and of what changes in steps. slopes: the derivatives by the rules, and
    differences: those by differences, to the left and to the right. CalculationError without a precise form.
    """

    def __init__(self, trial: _Trial, output: int, adjoint: int, key: str, place: tuple[int, ...]) -> None:
        engine, mp = trial.precise, trial.precise.mp
        base = engine.given(trial.point[key])
        start = np.asarray(base, dtype=object)[place]
        self.step = step = mp.mpf(PRECISE_STEP) * (abs(start) if start else 1)
        self.conditions = list(trial.conditions)

        def at(shift: Any, nodes: Sequence[int]) -> list[Any]:
            moved = _moved(base, place, shift, object)
            values = engine.evaluate(trial.graph, {**trial.point, key: moved}, nodes)
            return [values[node] for node in nodes]

        self.here, self.left, self.right = (at(side, [output, *self.conditions]) for side in (mp.zero, -step, step))
        self.slopes: list[Any] = []
        self.differences: list[Any] = []
        for side in (-step, step):
            self.slopes.append(np.asarray(at(side, [adjoint])[0], dtype=object)[place])
            before, behind = at(side - step / 4, [output])[0], at(side + step / 4, [output])[0]
            self.differences.append((behind - before) / (step / 2))

    def lone_conditions(self) -> list[int]:
        """What has another value, in an element at least, at the point than on both sides of it."""
        values = zip(self.conditions, self.here[1:], self.left[1:], self.right[1:], strict=True)
        return [
            node for node, here, left, right in values
            if np.any((np.asarray(here) != left) & (np.asarray(here) != right))
        ]  # fmt: skip

    def rules_hold(self) -> bool:
        """Whether differences agree with the derivatives on both sides."""
        return all(
            abs(slope - difference) <= BESIDE_TOLERANCE * max(abs(slope), abs(difference), 1)
            for slope, difference in zip(self.slopes, self.differences, strict=True)
        )

    def jumps(self) -> bool:
        """Whether the output has another value at the point than on both sides of it."""
        least = JUMP * self.step * max(1, *map(abs, self.slopes))
        return bool(abs(self.here[0] - self.left[0]) > least and abs(self.here[0] - self.right[0]) > least)


def extrapolated(slope: Slope, step: Any, rounds: int, noise: Any) -> tuple[Any, Any]:
    """Ridders' method: slopes at halved steps, extrapolated to step 0; the best value and its estimated error.

    noise: how far off a value of the function may be; divided by the step it is part of the error.
    Slopes that are nan (steps that leave the domain) count for nothing; (nan, inf) where all are.
    """
    best, error = nan, inf
    previous: list[Any] = []
    for _ in range(rounds):
        row = [slope(step)]
        for column, before in enumerate(previous):
            factor = 4 ** (column + 1)
            refined = (factor * row[column] - before) / (factor - 1)
            estimate = max(abs(refined - row[column]), abs(refined - before)) + noise / step
            row.append(refined)
            if estimate <= error:
                best, error = refined, estimate
        previous = row if row[0] == row[0] else []
        step = step / 2
    return best, error


def _moved(base: Any, place: tuple[int, ...], shift: Any, kind: type) -> Any:
    """A copy of a value with one element moved."""
    moved: Any = np.array(base, dtype=kind)
    with np.errstate(invalid="ignore"):  # infinity that moves is nan, and nan counts for nothing
        moved[place] = moved[place] + shift
    return moved if place else moved[()]


def _precise_verdict(derivative: float, reference: Any, central: Opinion, left: Any, right: Any) -> str | None:
    """The verdict from many digits; None where the differences did not settle.

    A derivative that is 0 in many digits has no relative error; what a double has in its place is rounding.
    """
    exact = float(reference)
    if not isfinite(exact) or not isfinite(central.value):
        return UNDEFINED if not isfinite(derivative) else None
    steepest = max(abs(float(left)), abs(float(right)))
    if abs(float(left) - float(right)) > 1e-6 * max(steepest, 1e-12):
        return _kink_verdict(derivative, float(left), float(right))
    size = max(abs(exact), abs(central.value), steepest)
    if central.error > RULE_TOLERANCE * size:
        zero = size <= 10 * central.error <= RULE_TOLERANCE * abs(derivative)
        return ROUNDING if zero else None
    if abs(exact - central.value) > RULE_TOLERANCE * size:
        return WRONG
    return AGREES if abs(derivative - exact) <= ROUNDING_TOLERANCE * size else ROUNDING


def _kink_verdict(derivative: float, left: float, right: float) -> str:
    """At a kink any convention between the one-sided slopes will do."""
    low, high = sorted((left, right))
    slack = RULE_TOLERANCE * max(abs(low), abs(high))
    return KINK if low - slack <= derivative <= high + slack else WRONG


def _double_verdict(derivative: float, opinions: Sequence[Opinion]) -> str:
    """The verdict of the most certain opinion in doubles."""
    usable = [opinion for opinion in opinions if isfinite(opinion.value) and isfinite(opinion.error)]
    if not usable:
        return UNDECIDED if isfinite(derivative) else UNDEFINED
    best = min(usable, key=lambda opinion: opinion.error)
    size = max(abs(best.value), abs(derivative), 1e-300)
    if abs(derivative - best.value) <= max(ROUNDING_TOLERANCE * size, 10 * best.error):
        return AGREES
    return WRONG if best.error < 1e-3 * abs(derivative - best.value) else UNDECIDED
