"""Likelihood intervals: how far a parameter can be moved, the others following, before the fit gets too bad.

At each value of a parameter the least sum of squares S(θ) over the others makes the profile t statistic
τ = ±√((S(θ) − S) / s²); an interval ends where |τ| reaches Student's quantile, the normal one with an absolute sigma
(D. M. Bates & D. G. Watts, Nonlinear Regression Analysis and Its Applications, 1988, ch. 6; D. J. Venzon &
S. H. Moolgavkar, Applied Statistics 37, 1988). Where τ never gets there the data do not bound the parameter on that
side, and the path on which the others follow tells which combination of them is determined all the same (A. Raue et
al., Bioinformatics 25, 2009).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cgcli.fitting.least_squares import Search
from cgcli.fitting.protocol import Reduced
from cgcli.fitting.statistics import inverse_of_products
from cgcli.fitting.upper import triangle_of

if TYPE_CHECKING:
    from typing import Any

    from cgcli.fitting.protocol import Problem

FARTHEST = 24
"""Doublings of the distance from the solution after which a side counts as open."""
FLAT = 1e-3
"""The growth of τ over two doublings, relative to the quantile, below which it is not going to get there."""
CLOSE = 1e-9
"""How near τ comes to the quantile at the end of an interval, relative to it."""
LOWER = 1e-6
"""By how much a profile has to go below the solution, relative to its sum of squares, to be told of."""
STEADY = 0.05
"""The change of an exponent or of a slope along a path within which it is the same."""
LARGEST_DENOMINATOR = 4


class Told(NamedTuple):
    """A combination of parameters that the data determine: `V/K`, its value and its standard error."""

    text: str
    value: float
    error: float


@dataclass
class Profile:
    """The likelihood interval of one parameter. low, high: its ends, infinite where the data do not bound it.

    at_bound: which ends are bounds that were given. told: combinations that are determined where the parameter is not.
    lower: the point of a better fit that was met on the way, None where there was none.
    """

    name: str
    value: float
    low: float
    high: float
    at_bound: tuple[str, ...] = ()
    told: list[Told] = field(default_factory=list)
    lower: Any = None

    @property
    def kind(self) -> str:
        """`bounded`, `one-sided` or `flat`."""
        return ("flat", "one-sided", "bounded")[int(np.isfinite(self.low)) + int(np.isfinite(self.high))]


class Held:
    """A problem with one of its parameters held at a value: a problem of one parameter less."""

    report = None

    def __init__(self, problem: Problem, place: int, value: float) -> None:
        self._problem = problem
        self._place = place
        self._value = value
        self._kept = [other for other in range(len(problem.names)) if other != place]
        self.names = tuple(problem.names[other] for other in self._kept)
        self.linear = np.asarray(problem.linear)[self._kept]
        self.rows = problem.rows

    def whole(self, point: Any) -> Any:
        """The point with the parameter that is held."""
        return np.insert(point, self._place, self._value)

    def reduced(self, point: Any, slopes: bool = True) -> Reduced:
        """As `Problem.reduced`."""
        found = self._problem.reduced(self.whole(point), slopes)
        if found.triangle is None:
            return found
        triangle = triangle_of(found.triangle[:, self._kept], found.triangle[:, -1])
        return Reduced(found.sum_of_squares, triangle, found.rows, found.plain, found.not_finite)

    def is_above(self, point: Any, total: float) -> bool:
        """As `Problem.is_above`."""
        return self._problem.is_above(self.whole(point), total)

    def spread(self) -> float:
        """As `Problem.spread`."""
        return self._problem.spread()

    def size(self) -> float:
        """As `Problem.size`."""
        return self._problem.size()

    def log_sigma(self) -> float:
        """As `Problem.log_sigma`."""
        return self._problem.log_sigma()

    def thinned(self, rows: int) -> Held:
        """As `Problem.thinned`."""
        return Held(self._problem.thinned(rows), self._place, self._value)

    def columns(self, rows: int) -> dict[str, Any]:
        """As `Problem.columns`."""
        return self._problem.columns(rows)


class Side(NamedTuple):
    """One end of an interval: its value, infinite where there is none, whether it is a given bound, and the path."""

    end: float
    at_bound: bool
    path: list[Any]


class Profiler:
    """Profiles of the parameters of a problem about its solution."""

    def __init__(
        self, problem: Problem, point: Any, low: Any, high: Any, *, variance: float, quantile: float,
        project: bool = True,
    ) -> None:  # fmt: skip
        """variance: s², or 1 with an absolute sigma. quantile: of τ at the ends of an interval."""
        self._problem = problem
        self._point = np.array(point, dtype=float)
        self._low, self._high = low, high
        self._quantile = quantile
        self._project = project
        reduced = problem.reduced(self._point)
        size = len(point)
        self._least = reduced.sum_of_squares
        self._variance = variance
        self._inverse, self._unknown, _ = inverse_of_products(reduced.triangle[:size, :size], reduced.rows)
        self._lower: Any = None

    def profile(self, place: int) -> Profile:
        """The interval of one parameter."""
        self._lower = None
        value = float(self._point[place])
        below, above = self._side(place, -1.0), self._side(place, 1.0)
        if self._unknown[place]:  # of a*b both are free, although neither can be 0
            below, above = below._replace(end=-np.inf), above._replace(end=np.inf)
        found = Profile(self._problem.names[place], value, below.end, above.end, lower=self._lower)
        found.at_bound = tuple(name for name, side in (("low", below), ("high", above)) if side.at_bound)
        for side in (below, above):
            if not np.isfinite(side.end):
                known = {told.text for told in found.told}
                found.told += [told for told in self._told(place, side.path) if told.text not in known]
        return found

    def _side(self, place: int, sign: float) -> Side:
        """Go away from the solution, twice as far each time, until τ is beyond the quantile; then find where it is."""
        value = float(self._point[place])
        bound = float((self._high if sign > 0 else self._low)[place])
        spread = float(np.sqrt(self._inverse[place, place] * self._variance))
        distance = self._quantile * spread if 0 < spread < np.inf and not self._unknown[place] else abs(value) or 1.0
        inner, inner_tau, before, last = 0.0, 0.0, [], np.delete(self._point, place)
        path: list[Any] = [self._point]
        for _ in range(FARTHEST):
            at_bound = bool(np.isfinite(bound)) and distance >= abs(bound - value)
            distance = abs(bound - value) if at_bound else distance
            tau, others = self._tau(place, value + sign * distance, last)
            if tau > self._quantile:
                return Side(value + sign * self._crossing(place, sign, (inner, inner_tau), (distance, tau), last),
                            False, path)  # fmt: skip
            path.append(np.insert(others, place, value + sign * distance))
            if at_bound:
                return Side(bound, True, path)
            before.append(tau)
            if len(before) > 3 and before[-1] - before[-3] < FLAT * self._quantile:
                break
            inner, inner_tau, last = distance, tau, others
            distance *= 2
        return Side(sign * np.inf, False, path)

    def _crossing(
        self, place: int, sign: float, inner: tuple[float, float], outer: tuple[float, float], start: Any
    ) -> float:
        """The distance at which τ is the quantile: regula falsi with Illinois steps, τ being nearly a straight line."""
        value, wanted = float(self._point[place]), self._quantile
        (low, below), (high, above) = (inner[0], inner[1] - wanted), (outer[0], outer[1] - wanted)
        kept = 0
        distance = high
        for _ in range(60):
            distance = high - above * (high - low) / (above - below) if np.isfinite(above) else 0.5 * (low + high)
            tau, others = self._tau(place, value + sign * distance, start)
            rest = tau - wanted
            if abs(rest) <= CLOSE * wanted or high - low <= 1e-14 * high:
                break
            if rest < 0:
                low, below, start = distance, rest, others
                above *= 0.5 if kept < 0 else 1.0
                kept = -1
            else:
                high, above = distance, rest
                below *= 0.5 if kept > 0 else 1.0
                kept = 1
        return distance

    def _tau(self, place: int, number: float, start: Any) -> tuple[float, Any]:
        """τ with a parameter held at a number, and where the others went; infinite where nothing is finite."""
        held = Held(self._problem, place, number)
        kept = np.delete(np.arange(len(self._point)), place)
        with np.errstate(all="ignore"):
            if len(kept):
                search = Search(held, self._low[kept], self._high[kept], project=self._project, most=200)
                found = search.run(start)
                reached, point = found.sum_of_squares, found.point
            else:
                reached, point = held.reduced(np.zeros(0), slopes=False).sum_of_squares, np.zeros(0)
        if reached < self._least * (1 - LOWER) and self._lower is None:
            self._lower = held.whole(point)
        gained = max(reached - self._least, 0.0)
        return (float(np.sqrt(gained / self._variance)), point) if np.isfinite(reached) else (np.inf, point)

    # ---- what is determined all the same -------------------------------------------------------------------------

    def _told(self, place: int, path: list[Any]) -> list[Told]:
        """Combinations of the parameter with others that follow it along an open side."""
        if len(path) < 4:
            return []
        earlier, middle, last = path[-3], path[-2], path[-1]
        found = []
        for other in range(len(self._point)):
            if other == place:
                continue
            power = steady(exponent(earlier, middle, place, other), exponent(middle, last, place, other))
            slope = steady(ratio(earlier, middle, place, other), ratio(middle, last, place, other))
            if power is not None and abs(power) > STEADY:
                nearest = Fraction(power).limit_denominator(LARGEST_DENOMINATOR)
                if abs(float(nearest) - power) <= STEADY:
                    found.append(self._monomial(other, place, -nearest))
            elif slope is not None and abs(slope) * abs(last[place]) > STEADY * abs(last[other]):
                found.append(self._sum(other, place, -slope))
        return found

    def _monomial(self, other: int, place: int, power: Fraction) -> Told:
        """other * place^power, or its reciprocal: the first of both stands first, and not below a line."""
        names, point = self._problem.names, self._point
        (first, one), (second, two) = sorted(((other, Fraction(1)), (place, power)))
        if one < 0:
            one, two = -one, -two
        value = float(raised(point[first], one) * raised(point[second], two))
        gradient = np.zeros(len(point))
        gradient[first], gradient[second] = float(one) * value / point[first], float(two) * value / point[second]
        sign = "*" if two > 0 else "/"
        text = f"{written(names[first], one)}{sign}{written(names[second], abs(two))}"
        return Told(text, value, self._error(gradient))

    def _sum(self, other: int, place: int, weight: float) -> Told:
        """other + weight * place, or a multiple of it: the first of both has no factor."""
        names, point = self._problem.names, self._point
        nearest = Fraction(weight).limit_denominator(LARGEST_DENOMINATOR)
        weight = float(nearest) if abs(float(nearest) - weight) <= STEADY * abs(weight) else weight
        first, second = (other, place) if other < place else (place, other)
        weight = weight if other < place else 1 / weight
        gradient = np.zeros(len(point))
        gradient[first], gradient[second] = 1.0, weight
        factor = "" if abs(weight) == 1 else f"{abs(weight):.4g}*"
        text = f"{names[first]} {'+' if weight > 0 else '-'} {factor}{names[second]}"
        return Told(text, float(point[first] + weight * point[second]), self._error(gradient))

    def _error(self, gradient: Any) -> float:
        """The standard error of a combination, to first order (Seber & Wild, Nonlinear Regression, §5.1)."""
        return float(np.sqrt(max(gradient @ self._inverse @ gradient, 0.0) * self._variance))


def raised(number: float, power: Fraction) -> float:
    """A power of a parameter; of its size where the power is no whole number."""
    return number ** int(power) if power.denominator == 1 else abs(number) ** float(power)


def written(name: str, power: Fraction) -> str:
    """A power as text."""
    if power == 1:
        return name
    return f"{name}^{power}" if power.denominator == 1 else f"{name}^({power})"


def exponent(one: Any, other: Any, place: int, follower: int) -> float | None:
    """m of follower ~ place^m between two points; None where a sign changes."""
    ratios = other[follower] / one[follower] if one[follower] else 0.0, other[place] / one[place] if one[place] else 0.0
    if min(ratios) <= 0 or ratios[1] == 1:
        return None
    return float(np.log(ratios[0]) / np.log(ratios[1]))


def ratio(one: Any, other: Any, place: int, follower: int) -> float:
    """By how much a follower moves with a parameter."""
    return float((other[follower] - one[follower]) / (other[place] - one[place]))


def steady(one: float | None, other: float | None) -> float | None:
    """The second of two numbers where it is about the first one."""
    if one is None or other is None or not np.isfinite([one, other]).all():
        return None
    return other if abs(one - other) <= STEADY * max(abs(one), abs(other)) else None
