"""Whether the law of propagation, which takes a formula for a straight line, is right: JCGM 101:2008 §8."""

from __future__ import annotations

from math import ceil, floor, inf, isfinite, isnan, log10, sqrt
from typing import TYPE_CHECKING

import numpy as np

from cgcli.uncertainty.notation import interval_text, result_text
from cgcli.uncertainty.sampling import evaluator

if TYPE_CHECKING:
    from typing import Any

    from cgcli.uncertainty.propagating import Propagation
    from cgcli.uncertainty.quantities import Inputs
    from cgcli.uncertainty.results import Uncertainty
    from cgcli.uncertainty.sampling import Sampled

WRONG = "the linear rule is wrong here"
K = 1.959963984540054
"""The coverage factor of 95 % of a normal distribution."""

ENDS = (0.025, 0.975)
"""The shares of a distribution below the ends of its 95 % interval."""


class Excursions:
    """What the formula gives at the ends of 95 % of each input, the others at their values, and a straight line there.

    Inputs that go together move together, along the columns of a factor of their covariance.
    """

    def __init__(self, found: Propagation) -> None:
        inputs = found.inputs
        moves: list[Any] = []
        factor = inputs.factor()
        self._labels: list[tuple[str, int] | None] = []
        for block in inputs.blocks:
            if len(block) == 1:
                place = block[0]
                for end in ends(inputs, place):
                    moves.append(np.where(np.arange(len(inputs.labels)) == place, end, 0.0))
                    self._labels.append((inputs.labels[place], place))
                continue
            for column in factor[:, block].T:
                moves += [K * column, -K * column]
                self._labels += [None, None]
        self._moves = np.array(moves).reshape(-1, len(inputs.labels))
        self._points = inputs.value + self._moves
        self.results = evaluator(found, len(moves))(self._points, len(moves))
        with np.errstate(invalid="ignore"):
            self.lines = found.value[:, np.newaxis] + found.jacobian @ self._moves.T

    def doubt(self, element: int, allowed: float) -> str | None:
        """Where the formula is farthest from a straight line, if that is more than is allowed or it has no value."""
        results, lines = self.results[element], self.lines[element]
        lost = np.flatnonzero(~np.isfinite(results))
        if len(lost):
            return f"the formula has no finite value {self._place(int(lost[0]))}, which is within 95 % of the inputs"
        far = int(np.argmax(np.abs(results - lines))) if len(results) else 0
        if not len(results) or abs(results[far] - lines[far]) <= allowed:
            return None
        return f"{WRONG}: {self._place(far)} the result is {results[far]:.4g}, on a straight line {lines[far]:.4g}"

    def _place(self, row: int) -> str:
        label = self._labels[row]
        return f"at {label[0]} = {self._points[row][label[1]]:.4g}" if label else "1.96 standard deviations away"


def ends(inputs: Inputs, place: int) -> tuple[float, float]:
    """How far the ends of 95 % of an element are from its value."""
    shape = inputs.distribution(place)
    if shape is None:
        return -K * float(inputs.error[place]), K * float(inputs.error[place])
    low, high = shape.quantiles(np.array([0.025, 0.975])) - inputs.value[place]
    return float(low), float(high)


def doubt(result: Uncertainty, excursions: Excursions | None) -> str | None:
    """Why the law of propagation may be wrong for a number, None where nothing says so.

    With a sample its 95 % interval is compared as JCGM 101 §8 has it: both ends have to agree to half a unit of the
    second digit of the error, and to what the number of samples leaves open. Without one the ends are estimated from
    the second order, by the first term of Cornish and Fisher's expansion, and have to agree to half a unit of the first
    digit; so has the formula at the ends of 95 % of each input, which finds kinks and ends of the domain.
    """
    if result.is_sampled:
        return _beside_sample(result)
    if not (isfinite(result.value) and isfinite(result.error)):
        return None  # that is told where it was born
    second = result.second_order
    if not isfinite(second.error):
        why = "gives a negative variance" if isnan(second.error) and isfinite(second.value) else "is not finite"
        return f"{WRONG}: the next order of Taylor's series {why}"
    allowed = tolerance(second.error, 1)
    bent = second.skewness * second.error * (K**2 - 1) / 6
    moved, wider = second.value - result.value + bent, K * (second.error - result.error)
    if max(abs(moved - wider), abs(moved + wider)) > allowed:
        return f"{WRONG}: the second order gives {result_text(second.value, second.error)}"
    return None if excursions is None else excursions.doubt(result.element, allowed)


def _beside_sample(result: Uncertainty) -> str | None:
    sampled = result.sampled
    if sampled.lost:
        return f"{sampled.lost:,} of {sampled.lost + sampled.count:,} samples gave no finite number and are left out"
    if all(_agrees(sampled, end, chance) for end, chance in zip(result.interval, ENDS, strict=True)):
        return None
    beside, line = (interval_text(ends, sampled.error) for ends in (sampled.interval, result.interval))
    return f"{WRONG}: 95 % of the sample are in {beside}, not in {line}"


def _agrees(sampled: Sampled, end: float, chance: float) -> bool:
    """Whether a linear interval's end agrees with the quantile of a sample, as far as so many samples can tell.

    The quantile lies between the order statistics three standard errors of a binomial number apart, distribution-free
    (H. A. David, H. N. Nagaraja, Order Statistics, 3rd ed., §7.1).
    """
    count, allowed = sampled.count, tolerance(sampled.error, 2)
    place, spread = count * chance, 3 * sqrt(count * chance * (1 - chance))
    first, last = floor(place - spread), ceil(place + spread)
    low = sampled.values[first] if first >= 0 else -inf
    high = sampled.values[last] if last < count else inf
    return bool(low - allowed <= end <= high + allowed)


def tolerance(error: float, digits: int) -> float:
    """Half a unit of the last of so many significant digits of an error (JCGM 101 §7.9.2)."""
    if not error or not isfinite(error):
        return 0.0
    return 0.5 * 10.0 ** (floor(log10(error)) - digits + 1)
