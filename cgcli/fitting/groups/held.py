"""Groups that walk out of their bounds: they walk again with the parameters held at the bounds that they crossed.

An active set (J. Nocedal & S. J. Wright, Numerical Optimization, 2nd ed., 2006, §16.5), for all groups that hold the
same parameters at once: after a walk, what is pressed away from its bound is let go, and what has crossed one is held.
Where nothing is left to mend, no step within the bounds leads lower.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from cgcli.fitting.groups.side_by_side import Batches
from cgcli.fitting.groups.small_matrices import covariances, dependent, squares

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from cgcli.fitting.groups.grouping import GroupedRows
    from cgcli.fitting.groups.side_by_side import Ended
    from cgcli.fitting.question import Question

ROUNDS = 3
"""Times that groups walk again; what is not settled then is fitted alone."""
NEAR = 1.0
"""The offset of a walk below which its end counts as one."""


@dataclass
class Held:
    """Groups that ended at bounds, by the last axis of arrays, in the order of the question.

    places: which groups. sides (p, g): -1 where a parameter is held at its lower bound, 1 at its upper one, 0 where it
    is free. products (p, g): the diagonal of (J'J)⁻¹ of the free parameters, nan of the held ones. total: the sum of
    squares; lengths (p, g): of the derivatives.
    """

    places: Any
    points: Any
    sides: Any
    products: Any
    total: Any
    lengths: Any
    evaluations: Any


class ActiveSet:
    """Walks of groups with some of their parameters held at bounds."""

    def __init__(self, question: Question, rows: GroupedRows, batches: Batches, low: Any, high: Any) -> None:
        """batches: the groups with all parameters free. low, high: bounds, infinite where there is none."""
        self._question, self._rows, self._batches = question, rows, batches
        self._low, self._high = low[:, None], high[:, None]

    def run(self, places: Any, ended: Ended) -> Iterator[Held]:
        """The ends at bounds of groups whose walks with all parameters free are given, pattern by pattern."""
        points = ended.points[self._batches.back]
        chosen = np.flatnonzero(ended.converged & (self._sides(points) != 0).any(axis=0))
        places, points, taken = places[chosen], points[:, chosen], ended.evaluations[chosen]
        sides = self._sides(points)
        for _ in range(ROUNDS):
            again: list[Held] = []
            patterns, which = np.unique(sides, axis=1, return_inverse=True)
            for number, pattern in enumerate(patterns.T):
                part = np.flatnonzero(which.ravel() == number)
                if not len(part) or not (pattern == 0).any() or not pattern.any():
                    continue
                held, wrong, converged = self._walked(places[part], points[:, part], pattern, taken[part])
                outside = np.where(held.sides == 0, self._sides(held.points), 0)
                settled = converged & ~wrong.any(axis=0) & ~(outside != 0).any(axis=0)
                yield of_groups(held, settled)
                mended = replace(held, sides=np.where(wrong, 0, held.sides) + outside)
                again.append(of_groups(mended, converged & ~settled))
            if not any(len(one.places) for one in again):
                return
            rest = joined(again)
            places, points, sides, taken = rest.places, rest.points, rest.sides, rest.evaluations

    def _sides(self, points: Any) -> Any:
        """On which side of its bounds each parameter is; 0 between them."""
        return (points >= self._high).astype(int) - (points <= self._low)

    def _walked(self, places: Any, points: Any, pattern: Any, taken: Any) -> tuple[Held, Any, Any]:
        """Groups that hold the same parameters; which of these are pressed away from their bounds (p, g); and which
        groups have converged.
        """
        names, size = self._question.names, len(pattern)
        bounds = np.where(pattern < 0, self._low[:, 0], self._high[:, 0])
        fixed = {name: float(bounds[place]) for place, name in enumerate(names) if pattern[place]}
        fewer = Batches(without(self._question, fixed), self._rows)
        free = np.flatnonzero(pattern == 0)
        points = np.clip(np.where(pattern[:, None] != 0, bounds[:, None], points), self._low, self._high)
        ended = fewer.walked(places, points[free])
        points[free] = ended.points[fewer.back]
        order = self._batches.back
        whole = self._batches.triangles_at(places, points)
        residuals = whole[:size, size]
        gradient = np.einsum("rg,rcg->cg", residuals, whole[:size, :size])[order]
        total = squares(ended.triangle[:, len(free)])
        with np.errstate(all="ignore"):
            products = np.full(points.shape, np.nan)
            products[free] = np.einsum("iig->ig", covariances(ended.triangle, len(free)))[fewer.back]
        lengths = np.sqrt(np.einsum("rcg,rcg->cg", whole[:size, :size], whole[:size, :size]))[order]
        sides = np.repeat(pattern[:, None], len(places), axis=1)
        converged = ended.converged & ~dependent(ended.triangle, len(free)) & (ended.offset < NEAR) & (total > 0)
        held = Held(places, points, sides, products, total, lengths, taken + ended.evaluations)
        return held, sides * gradient > 0, converged


def of_groups(held: Held, chosen: Any) -> Held:
    """Some of the groups."""
    return Held(*(part[..., chosen] for part in vars(held).values()))


def joined(parts: Sequence[Held]) -> Held:
    """The groups of all parts."""
    return Held(
        *(np.concatenate(arrays, axis=-1) for arrays in zip(*(vars(one).values() for one in parts), strict=True))
    )


def without(question: Question, fixed: dict[str, float]) -> Question:
    """A question with some of its parameters fixed."""
    shapes = {name: shape for name, shape in question.shapes.items() if name not in fixed}
    starts = {name: value for name, value in question.starts.items() if name not in fixed}
    ranges = {name: value for name, value in question.ranges.items() if name not in fixed}
    return replace(question, shapes=shapes, starts=starts, ranges=ranges, fixed={**question.fixed, **fixed})
