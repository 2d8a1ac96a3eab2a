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

FLAT, BENT = 1e-10, 1e-8
"""Curvatures beside the largest one, in scaled variables: up to the first one a direction counts as flat, and below
minus the second one as bent downwards."""

SHORT = 1e-3
"""A last step beside the size of the variables: where Newton's step stays longer there is no minimum nearby."""

PROBES, MOST_PROBED = (1e-2, 1e-3), 6
"""How far flat directions are looked along, beside the size of the variables, and how many of them."""

ROUNDING = 10 * np.finfo(float).eps
"""What adding up a value may cost, beside the value: differences below it mean nothing."""


class Assessment:
    """What the model at a point says.

    decrement: the fall to the model's minimum along the directions that bend upwards. rest: a bound of the fall along
    the flat ones within the size of the variables, as far as the slopes are more than rounding. step: the length of the
    step to the minimum beside the size of the variables. flat: which directions are flat. bent: whether one bends
    downwards.
    """

    __slots__ = ("bent", "decrement", "flat", "rest", "step")

    def __init__(self, model: Model, size: Any) -> None:
        curvatures, slopes = model.eigenvalues, model.slopes
        largest = np.abs(curvatures).max(initial=0.0)
        self.flat = np.abs(curvatures) <= FLAT * largest
        self.bent = bool((curvatures < -BENT * largest).any())
        up = curvatures > FLAT * largest
        along = slopes[up] / curvatures[up]
        self.decrement = float(slopes[up] @ along) / 2
        step = np.abs(model.basis[:, up] @ along) / model.scale
        self.step = float(np.max(step / size, initial=0.0))
        slope = np.abs((model.basis[:, self.flat] @ slopes[self.flat]) * model.scale)
        rounding = ROUNDING * (np.abs(model.hessian) @ size)
        self.rest = float(np.maximum(slope - rounding, 0.0) @ size)

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


def lower_beside(walk: Walk, sides: list[tuple[Any, int]], least: float) -> Point | None:
    """A point that is lower by `least` on one side of a direction, where the model does not tell; None without one.

    The way there is measured by the size of the variables that move, and by that of the largest one: a variable at 0
    has no size of its own.
    """
    limit = walk.point.value - max(least, np.finfo(float).tiny)
    for direction, way in sides[:MOST_PROBED]:
        units = {np.max(np.abs(direction) / walk.reach, initial=0.0), np.max(np.abs(direction)) / walk.reach.max()}
        for length in (length / unit for unit in sorted(units) if unit > 0 for length in PROBES):
            found = walk.objective.at(np.clip(walk.point.x + way * length * direction, walk.low, walk.high))
            if np.isfinite(found.value) and found.value < limit and found.is_finite():
                return found
    return None
