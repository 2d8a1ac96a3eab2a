"""Solutions that are the same but for signs, turns and names.

exp(-(x/s)²) has −s for s, cos(w x + p) a phase of so many turns, and two peaks have each other's places. Of such twins
the one is given that is like the start: signs as there, no turns away from it, and parameters that can change places in
the order of their starts. Without a start, signs are positive, turns few, and parameters ascend.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from cgcli.fitting.least_squares import ROUNDING
from cgcli.fitting.upper import EPSILON

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    Value = Callable[[Any], float]
    """The least sum of squares at a point, linear parameters at their optimum."""

MOST = 8
"""Parameters among which twins are looked for."""
TURN, MOST_TURNS = 2 * np.pi, 1e6
ALIKE = 1e-7
"""Lengths of residuals, relative to each other, that are the same."""


def preferred(point: Any, start: Any, places: Any, value: Value, size: float) -> Any:
    """The twin of a point that is most like a start, itself where there is no other.

    start: nan where nothing is known. places: the parameters that may change, those that are not projected out.
    value: the sum of squares of a point. size: the length of what the parameters contribute to the residuals.
    """
    places = [int(place) for place in places][:MOST]
    if next(unlike(point, start, places), None) is None:
        return point
    least = value(point)

    for _ in range(len(places) ** 2):
        moved = next((other for other in unlike(point, start, places) if are_alike(value(other), least, size)), None)
        if moved is None:
            break
        point = moved
    return point


def are_alike(one: float, other: float, size: float) -> bool:
    """Whether two sums of squares are the same but for rounding of what the residuals are made of."""
    lengths = np.sqrt(one), np.sqrt(other)
    return bool(abs(lengths[0] - lengths[1]) <= ALIKE * lengths[1] + ROUNDING * EPSILON * size)


def unlike(point: Any, start: Any, places: list[int]) -> Iterator[Any]:
    """Candidates that would be more like the start than the point is."""
    for place in places:
        wanted = 1.0 if np.isnan(start[place]) else np.sign(start[place])
        if point[place] * wanted < 0:
            yield changed(point, {place: -point[place]})
        turns = np.round((point[place] - np.nan_to_num(start[place])) / TURN)
        if 0 < abs(turns) < MOST_TURNS:
            yield changed(point, {place: point[place] - turns * TURN})
    wrong = [pair for pair in combinations(places, 2) if is_out_of_order(point, start, *pair)]
    for one, other in wrong:
        yield swapped(point, (one, other))
    for one, other in wrong:
        rest = [place for place in places if place > one and place != other]  # the first pair decides the order
        for third, fourth in combinations(rest, 2):
            yield swapped(point, (one, other), (third, fourth))


def is_out_of_order(point: Any, start: Any, one: int, other: int) -> bool:
    """Whether two parameters stand in another order than at the start; ascending, where it is not known."""
    wanted = start[other] - start[one]
    return bool((point[other] - point[one]) * (1.0 if np.isnan(wanted) else wanted) < 0)


def swapped(point: Any, *pairs: tuple[int, int]) -> Any:
    """A point with values exchanged in pairs."""
    return changed(
        point, {place: point[from_] for one, other in pairs for place, from_ in ((one, other), (other, one))}
    )


def changed(point: Any, values: dict[int, float]) -> Any:
    """A copy of a point with other values at places."""
    point = point.copy()
    for place, number in values.items():
        point[place] = number
    return point
