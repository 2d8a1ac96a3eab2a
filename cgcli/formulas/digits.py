"""How many digits of a formula's values and derivatives are right, which operations lose them, and better forms."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from time import process_time
from typing import TYPE_CHECKING

import numpy as np

from cgcli.emit.formula import expression
from cgcli.emit.names import number_text
from cgcli.errors import CalculationError, UsageError
from cgcli.explain.digits import ATTEMPTS, LEAST_LOSS, Exact, Loss, Measured, losses, measured
from cgcli.explain.digits import lost as lost_digits
from cgcli.explain.stable.region import LARGEST, Region, double_at, is_wide, place_of
from cgcli.explain.stable.search import QUICK, THOROUGH, Form, Search
from cgcli.explain.stable.trials import MOST_BITS, Trials
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

VALUES_SECONDS, SLOPES_SECONDS = 0.2, 0.2
"""Of the processor, for values and for derivatives over many points: fewer points where these take long."""

STRIP, STRIP_SECONDS = 48, 0.2
"""Columns of the strip that shows losses over a range, and seconds of the processor for it."""

SOME_POINTS = 24
"""Points of the whole range at which the operations that lose digits are looked for."""

WIDE = 1e3
"""The ratio of the ends of a range from which on the parts of a strip are even by their logarithm."""

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
    that were tried, the rules that lead there, and the conditions under which they hold and were tried."""

    formula: str
    value: float | None
    lost: float
    mean: float
    rules: list[str]
    conditions: list[str]


@dataclass(frozen=True, slots=True, repr=False)
class Checked:
    """What `Formula.check` returns: results by output, their derivatives, what loses digits, and better forms."""

    outputs: dict[str, Result]
    derivatives: dict[str, dict[str, Result]]
    losers: list[Loser]
    rewritings: list[Rewriting]

    def __str__(self) -> str:
        names = {**self.outputs,
                 **{f"d{'' if name == 'result' else name}/d{by}": each
                    for name, slopes in self.derivatives.items() for by, each in slopes.items()}}  # fmt: skip
        lines = [f"{name} = {number_text(each.value)}, {_told(each)}" for name, each in names.items()]
        lines += [f"lost by {each.text}: {each.lost:.1f}" for each in self.losers]
        lines += [f"better: {each.formula}, which loses {each.lost:.1f}" for each in self.rewritings]
        return "\n".join(lines)

    __repr__ = __str__

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


def _told(result: Result) -> str:
    """How many digits are lost, and where that is the worst of many points."""
    lost = "not known" if result.lost != result.lost else f"{result.lost:.1f}"
    at = ", ".join(f"{name}={number_text(value)}" for name, value in (result.at or {}).items())
    return f"digits lost, of sixteen: {lost}" + (f" (at the worst point, {at})" if at else "")


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
    for name, (low, high) in ranges.items():
        if not low < high:
            raise UsageError(f"the range of `{name}` is no range: {low} is not below {high}", hint="give (low, high)")
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
        graph = self.given.graph
        scalars = {name: node for name, node in self.targets.items() if not graph.shape_of(node)}
        if not scalars:
            raise CalculationError("the results are arrays; digits are counted of numbers", hint="choose an element")
        found, told = self._measured(list(scalars.values()))
        outputs = {name: _result(name, found[node]) for name, node in scalars.items()}
        derivatives = {name: self._derivatives(name) for name in scalars}
        return outputs, derivatives, [_loser(graph, each) for each in told]

    def losers_at_point(self) -> list[Loser]:
        """The operations that lose digits at the one point."""
        graph = self.given.graph
        told = self._measured([node for node in self.targets.values() if not graph.shape_of(node)], MOST_BITS)[1]
        return [_loser(graph, each) for each in told]

    def _measured(self, results: Sequence[int], most: int = ATTEMPTS[-1]) -> tuple[dict[int, Measured], list[Loss]]:
        """Results and the nodes below them, and the operations that lose digits. most: bits of the last attempt."""
        bound, graph = self.given, self.given.graph
        needed = [node for node, need in enumerate(ancestors(graph, results)) if need and not graph.shape_of(node)]
        wanted = needed if len(needed) <= MOST_NODES else list(results)
        values = dict(zip(wanted, bound.evaluate(wanted), strict=True))
        found = measured(graph, bound.values, {node: float(value) for node, value in values.items()}, most)
        return found, losses(graph, results, found, self._partials(wanted, found))

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

    def _region(self) -> Region:
        """Where the formula is looked at."""
        known = {name: float(value) for name, value in self.given.values.items()}
        if self.points is not None:
            return Region(rows={name: self.points[name] if name in self.points else np.full(self._rows(), value)
                                for name, value in known.items()})  # fmt: skip
        if not self.ranges:
            return Region(at=known)
        return Region(ranges={name: self.ranges.get(name, (value, value)) for name, value in known.items()})

    def _rows(self) -> int:
        return len(next(iter((self.points or {}).values())))

    def _columns(self, names: Sequence[str]) -> dict[str, Any]:
        """The points: those that were given, or more of the ranges than are used, since some may have no value."""
        region = self._region()
        if self.points is not None:
            return {name: np.asarray(region.rows[name], dtype=float) for name in names}
        return region.drawn(names, 5 * RANGE_POINTS, np.random.default_rng(self.seed))

    def over_points(self) -> tuple[dict[str, Result], dict[str, dict[str, Result]], list[Loser]]:
        """The worst and the mean of all points, and the operations at the worst one."""
        graph = self.given.graph
        arrays = [name for name, value in self.given.values.items() if np.ndim(value)]
        scalars = {name: node for name, node in self.targets.items() if not graph.shape_of(node)}
        if arrays or not scalars:
            raise CalculationError("over ranges, digits are counted of formulas of numbers", hint="leave arrays out")
        outputs, derivatives = dict[str, Result](), dict[str, dict[str, Result]]()
        for name, node in scalars.items():
            found = self._worst(graph, node, name, VALUES_SECONDS / len(scalars))
            if found is None:
                raise CalculationError(f"`{name}` is no number at any of the points", hint="choose another range")
            outputs[name] = found
            over, nodes = self._slopes(name)
            seconds = SLOPES_SECONDS / (len(scalars) * max(len(nodes), 1))
            slopes = {by: self._worst(over.graph, slope, by, seconds) for by, slope in nodes.items()}
            derivatives[name] = {by: each for by, each in slopes.items() if each is not None}
        worst = [each.at for each in outputs.values() if each.at and each.lost >= LEAST_LOSS]
        return outputs, derivatives, self._losers(worst)

    def _worst(self, graph: Graph, node: int, name: str, seconds: float) -> Result | None:
        needed = ancestors(graph, [node])
        names = [each for each, place in graph.inputs().items() if needed[place]]
        trials = Trials(graph, node, self._columns(names) if names else {}, RANGE_POINTS, seconds=seconds)
        if not len(trials):
            return None
        lost, values = trials.lost([node])[node], trials.values(node)
        place = int(np.lexsort((lost, np.isfinite(values), lost.round()))[-1])  # of the worst ones a number
        at = {each: float(trials.columns[each][place]) for each in names if each in self.ranges or self.points}
        right = float(trials.high[place])
        return Result(name, float(values[place]), right, repr(right), float(lost[place]), float(lost.mean()), at)

    def _losers(self, worst: Sequence[Mapping[str, float]]) -> list[Loser]:
        """The operations that lose digits: at the worst point of each output and at points of the whole range.

        Where one input has a range, each has a strip of it.
        """
        if not worst:
            return []
        alone = len(self.ranges) == 1 and self.points is None
        columns = self._columns(list(self.ranges or self.points or {}))
        some = [{name: float(column[row]) for name, column in columns.items()}
                for row in range(min(SOME_POINTS, *map(len, columns.values()), RANGE_POINTS))]  # fmt: skip
        before = [*worst, *some]
        parts = [{name: value} for name in self.ranges for value in self._places()] if alone else []
        found: dict[str, Loser] = {}
        strips: dict[str, list[float]] = {}
        times: dict[str, int] = {}
        until = process_time() + STRIP_SECONDS
        for place, at in enumerate([*before, *parts], -len(before)):
            if process_time() > until:
                strips = {}
                break
            for each in self._losers_at({**self.values, **at}):
                times[each.text] = times.get(each.text, 0) + 1
                if each.text not in found or each.lost > found[each.text].lost:
                    found[each.text] = each
                if place >= 0:
                    strips.setdefault(each.text, [0.0] * STRIP)[place] = each.lost
        order = sorted(found, key=lambda text: (-round(found[text].lost), -times[text]))
        return [replace(found[text], strip=strips.get(text, [])) for text in order]

    def _losers_at(self, values: dict[str, Any]) -> list[Loser]:
        """The operations that lose digits at one of the points."""
        bound = self.given.over(self.given.program, values)
        bound.on_births = lambda births: None  # what is nan at one point of many is in the table
        return _Checking(bound, values, {}, None, self.seed).losers_at_point()

    def _places(self) -> list[float]:
        """The middles of the parts of a range: evenly, of a wide one evenly among all doubles, as powers of ten lie."""
        ((low, high),) = self.ranges.values()
        parts = (np.arange(STRIP) + 0.5) / STRIP
        if is_wide(low, high) or (low * high > 0 and max(low / high, high / low) > WIDE):
            first, last = place_of(low), place_of(high)
            return [float(double_at(np.int64(first + int((last - first) * part)))) for part in parts.tolist()]
        return [float(each) for each in low * (1 - parts) + high * parts]

    # ---- better forms ------------------------------------------------------------------------------------------------

    def rewritings(self, outputs: Mapping[str, Result], *, improve: bool) -> list[Rewriting]:
        """Better forms of the outputs that lose digits."""
        found: list[Rewriting] = []
        graph, effort = self.given.graph, THOROUGH if improve else QUICK
        if any(np.ndim(value) for value in self.given.values.values()):
            return found
        losing = [name for name, result in outputs.items() if result.lost >= LEAST_LOSS]
        share = effort.seconds / max(len(losing), 1)
        for name in losing:
            own = Graph()
            node = copied(graph, own, [self.targets[name]])[self.targets[name]]
            search = Search(own, node, self._region(), effort=effort, until=process_time() + share, seed=self.seed)
            found += [self._rewriting(search, form, name if len(outputs) > 1 else "") for form in search.best()]
        return found

    def _rewriting(self, search: Search, form: Form, name: str) -> Rewriting:
        graph = search.graph
        text = expression(graph, form.node)
        value, lost = None, float(form.lost.max())
        if not self.is_many:
            at = search.region.at
            value = float(self.given.choice(graph, [form.node]).evaluate(graph, at, [form.node])[form.node])
            lost = lost_digits(value, Exact().values(graph, at, [search.node])[search.node])
        conditions = [expression(graph, condition) for condition in form.conditions
                      if graph.constant_value(condition) is None]  # fmt: skip
        if self.is_many:
            conditions += self._bounds(search)
        return Rewriting(
            f"{name} = {text}" if name else text, value, lost, form.mean,
            [rule.strip() for rule in form.rules], list(dict.fromkeys(conditions)),
        )  # fmt: skip

    @staticmethod
    def _bounds(search: Search) -> list[str]:
        """Where a form was tried: the ranges of the inputs, or of the columns of the table; nothing of all doubles."""
        found = []
        for name in search.names:
            low, high = search.region.ends(name)
            if low == high:
                found.append(f"{name} = {number_text(low)}")
            elif (low, high) != (-LARGEST, LARGEST):
                found.append(f"{number_text(low)} <= {name} <= {number_text(high)}")
        return found


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
