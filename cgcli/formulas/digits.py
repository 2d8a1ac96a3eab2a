"""How many digits of a formula's values and derivatives are right, which operations lose them, and better forms."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from cgcli.emit.formula import expression
from cgcli.errors import CalculationError, UsageError
from cgcli.explain.digits import Loss, Measured, losses, measured
from cgcli.explain.stable.search import QUICK, THOROUGH, Form, Search
from cgcli.explain.stable.trials import Trials, drawn
from cgcli.formulas.derivatives import gradient_nodes, targets
from cgcli.graph.copying import copied
from cgcli.graph.store import Graph
from cgcli.graph.walk import ancestors
from cgcli.passes.partials import local_partials

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from cgcli.formulas.base import FormulaBase
    from cgcli.formulas.bound import Bound

    Range = tuple[float, float]

RANGE_POINTS = 200
"""Points in ranges at which losses are measured."""

STRIP = 48
"""Columns of the strip that shows losses over a range."""

MOST_NODES = 400
"""Operations of a formula whose own losses are told; of a larger one only its results are measured."""


@dataclass(frozen=True, slots=True)
class Result:
    """An output, or a derivative: its value in doubles, the right one, and the digits of sixteen that are lost.

    Over ranges value and right are those of the worst point, which is `at`, and mean is the mean of all.
    """

    name: str
    value: float
    right: float
    text: str
    lost: float
    mean: float | None = None
    at: dict[str, float] | None = None


@dataclass(frozen=True, slots=True)
class Loser:
    """An operation that loses digits. strip: over a range, what it loses in each of `STRIP` parts of it."""

    text: str
    operation: str
    lost: float
    condition: float
    strip: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Rewriting:
    """A better form: as text, its value and what it loses at the point (None without one), in the mean of the points
    that were tried, the rules that lead there, and the conditions under which they hold."""

    formula: str
    value: float | None
    lost: float
    mean: float
    rules: list[str]
    conditions: list[str]


@dataclass(frozen=True, slots=True)
class Checked:
    """What `Formula.check` returns: results by output, their derivatives, what loses digits, and better forms."""

    outputs: dict[str, Result]
    derivatives: dict[str, dict[str, Result]]
    losers: list[Loser]
    rewritings: list[Rewriting]

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON-able data."""
        outputs = {}
        for name, result in self.outputs.items():
            outputs[name] = as_data(result)
            outputs[name]["derivatives"] = {by: as_data(each) for by, each in self.derivatives.get(name, {}).items()}
        return {
            "outputs": outputs,
            "operations": [
                {"text": each.text, "operation": each.operation, "lost": each.lost, "condition": each.condition,
                 **({"strip": each.strip} if each.strip else {})}
                for each in self.losers
            ],
            "rewritings": [
                {"formula": each.formula, "value": each.value, "lost": each.lost, "mean_lost": each.mean,
                 "rules": each.rules, "condition": " and ".join(each.conditions) or None}
                for each in self.rewritings
            ],
        }  # fmt: skip


def as_data(result: Result) -> dict[str, Any]:
    """A result as JSON-able data."""
    data: dict[str, Any] = {"value": result.value, "right": result.right, "digits": result.text, "lost": result.lost}
    return data | ({} if result.at is None else {"mean_lost": result.mean, "at": result.at})


def check(
    formula: FormulaBase, values: Mapping[str, Any], ranges: Mapping[str, Range] | None = None, *,
    points: Mapping[str, Any] | None = None, improve: bool = False, seed: int = 0,
) -> Checked:  # fmt: skip
    """Measure the digits of a formula at a point, over ranges of some inputs, or at given points (columns).

    values: of the inputs without a range or a column. improve: search longer for better forms. UsageError and others
    as of `FormulaBase.bind`; CalculationError where nothing can be measured.
    """
    ranges = dict(ranges or {})
    both = [name for name in ranges if name in values]
    if both:
        raise UsageError(f"`{both[0]}` has a value and a range", hint="give one of them")
    sample = {**values, **{name: (low + high) / 2 for name, (low, high) in ranges.items()}}
    sample |= {name: float(column[0]) for name, column in (points or {}).items()}
    bound = formula.bind(sample)
    found = _Checking(bound, dict(values), ranges, points, seed)
    outputs, derivatives, losers = found.over_points() if found.is_many else found.at_point()
    return Checked(outputs, derivatives, losers, found.rewritings(outputs, improve=improve))


class _Checking:
    """One check: the formula with its derivatives, and where it is looked at."""

    def __init__(
        self, bound: Bound, values: dict[str, Any], ranges: dict[str, Range], points: Mapping[str, Any] | None,
        seed: int,
    ) -> None:  # fmt: skip
        self.given = bound
        self.targets = targets(bound.program, None)
        self.values, self.ranges, self.points, self.seed = values, ranges, points, seed
        self.is_many = bool(ranges or points)

    # ---- at a point --------------------------------------------------------------------------------------------------

    def at_point(self) -> tuple[dict[str, Result], dict[str, dict[str, Result]], list[Loser]]:
        """Everything at the one point."""
        bound, graph = self.given, self.given.graph
        scalars = {name: node for name, node in self.targets.items() if not graph.shape_of(node)}
        if not scalars:
            raise CalculationError("the results are arrays; digits are counted of numbers", hint="choose an element")
        needed = [node for node, need in enumerate(ancestors(graph, list(scalars.values())))
                  if need and not graph.shape_of(node)]  # fmt: skip
        wanted = needed if len(needed) <= MOST_NODES else list(scalars.values())
        values = dict(zip(wanted, bound.evaluate(wanted), strict=True))
        found = measured(graph, bound.values, {node: float(value) for node, value in values.items()})
        outputs = {name: _result(name, found[node]) for name, node in scalars.items()}
        derivatives = {name: self._derivatives(name) for name in scalars}
        told = losses(graph, list(scalars.values()), found, self._partials(wanted, found))
        return outputs, derivatives, [_loser(graph, each) for each in told]

    def _derivatives(self, name: str) -> dict[str, Result]:
        over, mine = self._slopes(name)
        values = over.evaluate(list(mine.values()))
        found = measured(over.graph, over.values, dict(zip(mine.values(), map(float, values), strict=True)))
        return {by: _result(by, found[node]) for by, node in mine.items()}

    def _slopes(self, name: str) -> tuple[Bound, dict[str, int]]:
        """The derivatives of an output by inputs that are numbers; none where an operation has no rule."""
        try:
            over, nodes = gradient_nodes(self.given, None, name)
        except CalculationError:
            return self.given, {}
        return over, {by: node for by, node in nodes[name].items() if not over.graph.shape_of(node)}

    def _partials(self, wanted: Sequence[int], found: Mapping[int, Measured]) -> dict[tuple[int, int], float]:
        """Partial derivatives of operations by their operands, in doubles at the right values of the operands."""
        program = self.given.program.begun()
        graph, nodes = program.graph, dict[tuple[int, int], int]()
        for node in wanted:
            if graph.is_leaf(node) or not graph.row(node).elementwise or found[node].lost < 0.5:
                continue
            places = list(range(len(graph.operands_of(node))))
            try:
                partials = local_partials(graph, node, places)
            except CalculationError:
                continue
            nodes |= {(node, place): partial for place, partial in zip(places, partials, strict=True)
                      if partial is not None}  # fmt: skip
        over = self.given.over(program)
        over.on_births = lambda births: None
        values = over.evaluate(list(nodes.values())) if nodes else []
        return {key: float(value) for key, value in zip(nodes, values, strict=True)}

    # ---- over many points --------------------------------------------------------------------------------------------

    def _columns(self, names: Sequence[str]) -> dict[str, Any]:
        """The points: those that were given, or some of the ranges; other inputs have their value at all of them."""
        if self.points is not None:
            rows = len(next(iter(self.points.values())))
            return {name: np.asarray(self.points[name], dtype=float) if name in self.points
                    else np.full(rows, float(self.given.values[name])) for name in names}  # fmt: skip
        free = [name for name in names if name in self.ranges]
        columns = drawn(free, self.ranges, {}, RANGE_POINTS, np.random.default_rng(self.seed))
        order = np.argsort(columns[free[0]]) if len(free) == 1 else slice(None)
        return {name: columns[name][order] if name in columns else np.full(RANGE_POINTS, float(self.given.values[name]))
                for name in names}  # fmt: skip

    def over_points(self) -> tuple[dict[str, Result], dict[str, dict[str, Result]], list[Loser]]:
        """The worst and the mean of all points, and the operations at the worst one."""
        graph = self.given.graph
        arrays = [name for name, value in self.given.values.items() if np.ndim(value)]
        scalars = {name: node for name, node in self.targets.items() if not graph.shape_of(node)}
        if arrays or not scalars:
            raise CalculationError("over ranges, digits are counted of formulas of numbers", hint="leave arrays out")
        outputs, derivatives = {}, {}
        for name, node in scalars.items():
            outputs[name] = self._worst(graph, node, name)
            over, nodes = self._slopes(name)
            derivatives[name] = {by: self._worst(over.graph, slope, by) for by, slope in nodes.items()}
        worst = max(outputs.values(), key=lambda each: each.lost)
        losers = []
        if worst.at is not None and worst.lost >= 0.5:
            values = {**self.values, **worst.at}
            there = _Checking(self.given.over(self.given.program, values), values, {}, None, self.seed)
            losers = [self._with_strip(each) for each in there.at_point()[2]]
        return outputs, derivatives, losers

    def _worst(self, graph: Graph, node: int, name: str) -> Result:
        needed = ancestors(graph, [node])
        names = [each for each, place in graph.inputs().items() if needed[place]]
        trials = Trials(graph, node, self._columns(names) if names else {}, RANGE_POINTS, seconds=4.0)
        if not len(trials):
            raise CalculationError(f"`{name}` is no number at any of the points", hint="choose another range")
        lost = trials.lost([node])[node]
        place = int(lost.argmax())
        at = {each: float(trials.columns[each][place]) for each in names if each in self.ranges or self.points}
        value = float(trials.values(node)[place])
        right = float(trials.high[place])
        return Result(name, value, right, repr(right), float(lost[place]), float(lost.mean()), at)

    def _with_strip(self, loser: Loser) -> Loser:
        """A loser, with what it loses in parts of the range where one input has one."""
        if len(self.ranges) != 1 or self.points is not None:
            return loser
        return Loser(loser.text, loser.operation, loser.lost, loser.condition, self._strips().get(loser.text, []))

    def _strips(self) -> dict[str, list[float]]:
        """For each operation, what it loses in parts of the range of the only input."""
        ((name, (low, high)),) = self.ranges.items()
        found: dict[str, list[float]] = {}
        for place in range(STRIP):
            at = {**self.values, name: low + (high - low) * (place + 0.5) / STRIP}
            there = _Checking(self.given.over(self.given.program, at), at, {}, None, self.seed)
            for each in there.at_point()[2]:
                found.setdefault(each.text, [0.0] * STRIP)[place] = each.lost
        return found

    # ---- better forms ------------------------------------------------------------------------------------------------

    def rewritings(self, outputs: Mapping[str, Result], *, improve: bool) -> list[Rewriting]:
        """Better forms of the outputs that lose digits."""
        found: list[Rewriting] = []
        graph = self.given.graph
        for name, result in outputs.items():
            if result.lost < 0.5 or any(np.ndim(value) for value in self.given.values.values()):
                continue
            own = Graph()
            node = copied(graph, own, [self.targets[name]])[self.targets[name]]
            known = {each: float(value) for each, value in self.given.values.items() if each not in self.ranges}
            at = {} if self.is_many else known
            if self.points is not None:
                ranges = {each: (float(np.min(column)), float(np.max(column))) for each, column in self.points.items()}
            else:
                ranges = dict(self.ranges)
            if self.is_many:
                ranges |= {each: (value, value) for each, value in known.items() if each not in ranges}
            search = Search(own, node, ranges=ranges, at=at, effort=THOROUGH if improve else QUICK, seed=self.seed)
            found += [self._rewriting(search, form, name if len(outputs) > 1 else "") for form in search.best()]
        return found

    def _rewriting(self, search: Search, form: Form, name: str) -> Rewriting:
        graph = search.graph
        text = expression(graph, form.node)
        value, lost = None, float(form.lost.max())
        if not self.is_many:
            value = float(self.given.choice(graph, [form.node]).evaluate(graph, search.at, [form.node])[form.node])
            lost = measured(graph, search.at, {form.node: value})[form.node].lost
        conditions = [expression(graph, condition) for condition in form.conditions
                      if graph.constant_value(condition) is None]  # fmt: skip
        return Rewriting(
            f"{name} = {text}" if name else text, value, lost, form.mean,
            [rule.strip() for rule in form.rules], list(dict.fromkeys(conditions)),
        )  # fmt: skip


def _result(name: str, found: Measured) -> Result:
    return Result(name, found.value, found.exact, found.text, found.lost)


def _loser(graph: Graph, loss: Loss) -> Loser:
    return Loser(expression(graph, loss.node), graph.row(loss.node).name, loss.lost, loss.condition)


def compared(
    left: FormulaBase, right: FormulaBase, values: Mapping[str, Any], ranges: Mapping[str, Range], *, seed: int = 0
) -> list[Checked]:  # fmt: skip
    """Two forms, each as `check` measures it, at the same points and without a search."""
    found = []
    for formula in (left, right):
        mine = {name: value for name, value in values.items() if name in formula.inputs}
        parts = {name: each for name, each in ranges.items() if name in formula.inputs}
        sample = {**mine, **{name: (low + high) / 2 for name, (low, high) in parts.items()}}
        one = _Checking(formula.bind(sample), mine, parts, None, seed)
        found.append(Checked(*(one.over_points() if one.is_many else one.at_point()), []))
    return found
