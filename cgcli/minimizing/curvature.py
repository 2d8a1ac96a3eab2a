"""What a point is, as far as its derivatives tell: how much the model promises, and in which directions it bends.

Newton's decrement, the fall that the model's minimum promises, is what convergence is judged by: it is the same in any
units of the variables (S. Boyd and L. Vandenberghe, Convex optimization (2004), section 9.5).
"""

from __future__ import annotations

import numpy as np

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cgcli.minimizing.newton import Walk
    from cgcli.minimizing.objective import Objective, Point
    from cgcli.minimizing.subproblem import Model

    Side = tuple[Any, int]

FLAT, BENT = 1e-10, 1e-8
"""Curvatures beside the largest one, in scaled variables: up to the first one a direction counts as flat, and below
minus the second one as bent downwards."""

SHORT = 1e-3
"""A last step beside the size of the variables: where Newton's step stays longer there is no minimum nearby."""

PROBES, MOST_PROBED, FEW_FLAT = (1e-2, 1e-3), 6, 2
"""How far flat directions are looked along, beside the size of the variables, and how many of them; of more than a few
one side each has to do."""

ROUNDING = 10 * np.finfo(float).eps
"""What adding up a value may cost, beside the value: differences below it mean nothing."""


class Assessment:
    """What the model at a point says.

    decrement: the fall to the model's minimum along the directions that bend upwards. rest: a bound of the fall along
    the flat ones within the size of the variables, as far as the slopes are more than rounding. step: the length of the
    step to the minimum beside the size of the variables. flat: which directions are flat. down: which bend downwards.
    drop: how far the value falls along those within the size of the variables.
    """

    __slots__ = ("decrement", "down", "drop", "flat", "rest", "step")

    def __init__(self, model: Model, size: Any) -> None:
        curvatures, slopes = model.eigenvalues, model.slopes
        largest = np.abs(curvatures).max(initial=0.0)
        self.flat = np.abs(curvatures) <= FLAT * largest
        self.down = curvatures < -BENT * largest
        units = np.abs(model.basis[:, self.down] / (model.scale * size)[:, None]).max(axis=0, initial=0.0)
        self.drop = float(np.max(-curvatures[self.down] / units**2 / 2, initial=0.0))
        up = curvatures > FLAT * largest
        along = slopes[up] / curvatures[up]
        self.decrement = float(slopes[up] @ along) / 2
        step = np.abs(model.basis[:, up] @ along) / model.scale
        self.step = float(np.max(step / size, initial=0.0))
        slope = np.abs((model.basis[:, self.flat] @ slopes[self.flat]) * model.scale)
        rounding = ROUNDING * (np.abs(model.hessian) @ size)
        self.rest = float(np.maximum(slope - rounding, 0.0) @ size)

    def is_bent(self, least: float) -> bool:
        """Whether a direction bends downwards, by more than a part of what counts as a change of the value."""
        return self.drop > least / 100

    def promises_less_than(self, least: float) -> bool:
        """Whether nothing is promised any more but changes of the value that count as none."""
        return self.decrement <= least and self.rest <= 10 * least


def noise_at(objective: Objective, point: Point) -> float:
    """How much the value changes by rounding alone: its changes among neighbours, less what the gradient says."""
    found = ROUNDING * abs(point.value)
    for factor in (1.0, -1.0, 2.0, -3.0):
        x = point.x * (1 + factor * np.finfo(float).eps)
        moved = objective.at(x)
        if np.isfinite(moved.value):
            found = max(found, abs(moved.value - point.value - point.gradient @ (x - point.x)))
    return found


def doubtful_sides(walk: Walk, flat: Any, turning: list[Side], least: float, *, at_kink: bool) -> list[Side]:
    """Of some directions those along which a value has to be asked for, each with the side.

    flat: directions along which the model tells nothing. turning: others, along which the third derivative leads down.
    Where derivatives up to the fourth order say that the value rises to both sides, or on which side it falls, nothing
    else has to be asked. Directions along which they see no change at all are asked together, as one with mixed signs.
    """
    if at_kink or not walk.objective.along().fifth:
        ways = (1, -1) if len(flat) <= FEW_FLAT else (1,)
        return [(direction, way) for direction in flat for way in ways] + turning
    found: list[Side] = []
    level = []
    for direction in [*flat, *(direction for direction, _ in turning)]:
        along = PROBES[0] * max(1 / unit for unit in units_of(walk, direction)) * direction
        terms, rest = series_along(walk, along)
        if not np.isfinite([*terms, rest]).all():
            found += [(direction, 1), (direction, -1)]
        elif np.abs([*terms, rest]).max() <= least:
            level.append(along)
        else:
            turns = np.roots(np.polyder(terms))
            places = [-1.0, 1.0, *(turn.real for turn in turns if abs(turn.imag) < 1e-6 and abs(turn.real) < 1)]
            lowest = min(places, key=lambda place: np.polyval(terms, place))
            if np.polyval(terms, lowest) - rest < -least:
                found.append((direction, 1 if lowest > 0 else -1))
    if level:
        mixed = np.random.default_rng(0).uniform(0.5, 1.0, len(level)) @ np.array(level)
        found += [(mixed, 1), (mixed, -1)]
    return found


def series_along(walk: Walk, along: Any) -> tuple[list[float], float]:
    """The change of the value along a direction as a polynomial, highest power first, as far as its terms are more
    than rounding; and the size of its next term."""
    objective, point = walk.objective, walk.point
    third, fourth, fifth = objective.taylor(point.x, along)
    sizes = np.abs(point.hessian)
    rounding = ROUNDING * np.array([walk.reach @ sizes @ np.abs(along), np.abs(along) @ sizes @ np.abs(along) / 2])
    low = np.array([point.gradient @ along, along @ point.hessian @ along / 2])
    slope, bend = np.where(np.abs(low) <= rounding, 0.0, low)
    return [float(fourth @ along) / 24, float(third @ along) / 6, float(bend), float(slope), 0.0], abs(fifth) / 120


def units_of(walk: Walk, direction: Any) -> set[float]:
    """How long a direction is beside the size of the variables that move, and beside the largest one: a variable at 0
    has no size of its own."""
    found = {np.max(np.abs(direction) / walk.reach, initial=0.0), np.max(np.abs(direction)) / walk.reach.max()}
    return {unit for unit in found if unit > 0}


def lower_beside(walk: Walk, sides: list[tuple[Any, int]], least: float) -> Point | None:
    """A point that is lower by `least` on one side of a direction, where the model does not tell; None without one."""
    limit = walk.point.value - max(least, np.finfo(float).tiny)
    for direction, way in sides[:MOST_PROBED]:
        for length in (length / unit for unit in sorted(units_of(walk, direction)) for length in PROBES):
            found = walk.objective.at(np.clip(walk.point.x + way * length * direction, walk.low, walk.high))
            if np.isfinite(found.value) and found.value < limit and found.is_finite():
                return found
    return None
