"""The step of a trust region: the least value of a quadratic model within a ball, and within bounds.

In the coordinates in which the model's Hessian is diagonal the ball's multiplier is the root of one equation in one
unknown; saddles, and gradients without a part along the most negative curvature (the "hard case"), need no guess.

J. J. Moré and D. C. Sorensen, Computing a trust region step, SIAM J. Sci. Stat. Comput. 4 (1983);
A. R. Conn, N. I. M. Gould and Ph. L. Toint, Trust-region methods (SIAM, 2000), chapter 7.
"""

from __future__ import annotations

import numpy as np

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

ROUNDS = 60
"""Newton's iterations for the multiplier; three or four are usual."""

CURVATURE_ROUNDING, SLOPE_ROUNDING = 1e-13, 8 * float(np.finfo(float).eps)
"""What rounding leaves of curvatures beside the largest, and of slopes beside what they are summed up from."""

CLOSE = 1e-3
"""How near to the boundary a step has to end, as a share of the radius."""


class Model:
    """A quadratic model `gradient·s + s·hessian·s/2`, its variables scaled: lengths are those of `scale * s`.

    eigenvalues, basis: of the scaled Hessian, ascending. slopes: the scaled gradient in that basis. held: along which
    directions curvature and slope are nothing but rounding, for variables of some size; no step goes there.
    """

    __slots__ = ("basis", "eigenvalues", "gradient", "held", "hessian", "scale", "slopes")

    def __init__(self, gradient: Any, hessian: Any, scale: Any, size: Any = None) -> None:
        self.gradient = gradient
        self.hessian = hessian
        self.scale = scale
        self.eigenvalues, self.basis = np.linalg.eigh(hessian / scale[:, None] / scale)
        self.slopes = self.basis.T @ (gradient / scale)
        self.held = np.zeros(len(scale), dtype=bool)
        if size is not None:
            rounding = np.abs(self.basis.T) @ (SLOPE_ROUNDING * (np.abs(hessian) @ size) / scale)
            flat = np.abs(self.eigenvalues) <= CURVATURE_ROUNDING * np.abs(self.eigenvalues).max(initial=0.0)
            self.held = flat & (np.abs(self.slopes) <= rounding)

    def change(self, step: Any) -> float:
        """By how much the model changes along a step."""
        return float(self.gradient @ step + step @ (self.hessian @ step) / 2)

    def newton_length(self) -> float:
        """The length of the step to the model's minimum; infinite where it has none."""
        if not len(self.slopes):
            return 0.0
        if self.eigenvalues[0] <= 0:
            return np.inf
        return float(np.linalg.norm(self.slopes / self.eigenvalues))

    def step(self, radius: float) -> Any:
        """The minimiser of the model within a radius (to a part of CLOSE on the boundary)."""
        free = ~self.held
        along = np.zeros(len(self.slopes))
        along[free] = _in_the_basis(self.eigenvalues[free], self.slopes[free], radius)
        return (self.basis @ along) / self.scale


def _in_the_basis(curvatures: Any, slopes: Any, radius: float) -> Any:
    """The minimiser of `slopes·s + curvatures·s²/2` within a radius."""
    if not len(slopes):
        return slopes
    least = curvatures[0]
    if least > 0:
        free = -slopes / curvatures
        if np.linalg.norm(free) <= radius:
            return free
    size = np.linalg.norm(slopes)
    low = max(0.0, -least)
    edge = curvatures + low
    tiny = np.finfo(float).eps * max(abs(curvatures[-1]), abs(least), np.finfo(float).tiny)
    flat = edge <= tiny
    if least <= 0 and np.linalg.norm(slopes[flat]) <= np.finfo(float).eps * size:
        along = np.where(flat, 0.0, -slopes / np.where(flat, 1.0, edge))
        rest = radius**2 - along @ along
        if rest >= 0:  # the hard case: what is missing goes along the most negative curvature
            along[0] = np.sqrt(rest) if slopes[0] <= 0 else -np.sqrt(rest)
            return along
    high = size / radius + max(0.0, -least)
    shift = max(low, size / radius - curvatures[-1])
    if shift <= low:
        shift = low + max(1e-3 * (high - low), tiny)
    for _ in range(ROUNDS):
        along = -slopes / (curvatures + shift)
        length = np.linalg.norm(along)
        if abs(length - radius) <= CLOSE * radius:
            break
        if length < radius:
            high = shift
        else:
            low = shift
        if not high - low > np.finfo(float).eps * high:
            break
        slope = (along @ (along / (curvatures + shift))) / length
        shift += (length - radius) / radius * length / slope
        if not low < shift < high:
            shift = (low + high) / 2 if low <= 0 or high / low < 100 else np.sqrt(low * high)
    return along


def step_within(model: Model, radius: float, low: Any, high: Any) -> Any:
    """A step within a radius and a box around the point: what meets a side stays there, the others go on.

    It is at least as good as the projected gradient's (C.-J. Lin and J. J. Moré, SIAM J. Optim. 9 (1999)).
    """
    step = model.step(radius)
    if ((step >= low) & (step <= high)).all():
        return step
    count = len(step)
    free, step = np.ones(count, dtype=bool), np.zeros(count)
    for _ in range(count + 1):
        part = _rest(model, step, free, radius)
        if part is None:
            break
        clipped = np.clip(part, low[free], high[free])
        met = clipped != part
        step[free] = clipped
        if not met.any():
            break
        free[np.flatnonzero(free)[met]] = False
    least = _projected_gradient(model, radius, low, high)
    return step if model.change(step) <= model.change(least) else least


def _rest(model: Model, step: Any, free: Any, radius: float) -> Any:
    """The step of the free variables where the others are taken; None where there is no room."""
    fixed = np.where(free, 0.0, step)
    rest = radius**2 - float(np.sum((model.scale * fixed) ** 2))
    if not free.any() or rest <= 0:
        return None
    gradient = model.gradient + model.hessian @ fixed
    part = Model(gradient[free], model.hessian[np.ix_(free, free)], model.scale[free])
    return part.step(np.sqrt(rest))


def _projected_gradient(model: Model, radius: float, low: Any, high: Any) -> Any:
    """The best of some steps along the scaled gradient, clipped to the box."""
    direction = -model.gradient / model.scale**2
    length = np.linalg.norm(model.scale * direction)
    if not length:
        return np.zeros_like(direction)
    steps = [np.clip(direction * (radius / length * 0.25**power), low, high) for power in range(12)]
    return min(steps, key=model.change)
