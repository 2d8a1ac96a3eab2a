"""The step of a trust region for least squares whose derivatives are a triangle.

Without bounds the step minimises |R d + q| within |D d| <= radius, by the singular values of R D⁻¹ and the secular
equation of the Levenberg–Marquardt parameter: J. J. Moré, "The Levenberg–Marquardt algorithm: implementation and
theory" (1978), with D the largest column norms met so far. With bounds the region is a box, cut by the bounds, and the
step is the exact solution there: C. Voglis & I. E. Lagaris, "A rectangular trust region dogleg approach" (2004), with
bounded linear least squares (`within`) in place of the dogleg.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cgcli.fitting.upper import Upper, lengths_of
from cgcli.fitting.within import least_within

if TYPE_CHECKING:
    from typing import Any

SECULAR_DIGITS = 0.05
"""To which part of the radius the length of a step is found: nothing is gained by more."""

CUTOFF = float(np.finfo(float).eps)
"""Singular values below this part of the largest one are rounding."""
LEAST_RADIUS = 1e-100


class TrustRegion:
    """The radius and the scale of steps, in units in which every parameter changes the residuals alike."""

    def __init__(self, size: int, low: Any, high: Any) -> None:
        """size: how many parameters move; low, high: their bounds, infinite where there is none."""
        self.scale = np.zeros(size)
        self._divisors = np.ones(size)
        self.radius = 0.0
        self._low = low
        self._high = high
        self._bounded = bool(np.isfinite(low).any() or np.isfinite(high).any())

    def look(self, slopes: Any, point: Any, reach: float) -> None:
        """Take in the derivatives at a point; the first one decides the radius: so many lengths of the point."""
        self.scale = np.maximum(self.scale, lengths_of(slopes))
        self._divisors = np.where(self.scale > 0, self.scale, 1.0)  # what has never changed anything has no unit
        if not self.radius:
            length = float(np.linalg.norm(self._divisors * point))
            self.radius = reach * length if length else reach * (float(np.linalg.norm(self._divisors)) or 1.0)

    def length(self, step: Any) -> float:
        """How long a step is in these units."""
        return float(np.max(np.abs(self._divisors * step)) if self._bounded else np.linalg.norm(self._divisors * step))

    def step(self, slopes: Any, residuals: Any, point: Any) -> Any:
        """The step that lowers |slopes d + residuals| most within the region and the bounds."""
        return self._in_box(slopes, residuals, point) if self._bounded else self._in_ball(slopes, residuals)

    def _in_ball(self, slopes: Any, residuals: Any) -> Any:
        divisors = self._divisors
        triangle = Upper(slopes)
        if triangle.is_well:
            step = -triangle.solved(residuals)
            if self.length(step) <= self.radius * (1 + SECULAR_DIGITS):
                return step
        left, values, right = np.linalg.svd(slopes / divisors, full_matrices=False)
        along = left.T @ residuals
        damping = secular(values, along, self.radius)
        with np.errstate(divide="ignore", invalid="ignore"):
            lengths = np.where(values > 0, values * along / (values**2 + damping), 0.0)
        return -(right.T @ lengths) / divisors

    def _in_box(self, slopes: Any, residuals: Any, point: Any) -> Any:
        divisors = self._divisors
        low = np.maximum((self._low - point) * divisors, -self.radius)
        high = np.minimum((self._high - point) * divisors, self.radius)
        return least_within(slopes / divisors, -residuals, low, high)[0] / divisors

    def shrink(self, step: Any, factor: float) -> None:
        """The model was wrong over this step."""
        self.radius = factor * min(self.radius, self.length(step))

    def grow(self, step: Any) -> None:
        """The model was right over this step, and the region may have been too small."""
        self.radius = max(self.radius, 2 * self.length(step))


def secular(values: Any, along: Any, radius: float) -> float:
    """The damping λ >= 0 at which the step Σ s b / (s² + λ) has the length of the radius; 0 where it is shorter.

    Newton's method for the reciprocal of the length, kept within a bracket (Moré 1978, §5; Hebden 1973).
    """
    largest, total = float(values.max(initial=0.0)), float(np.linalg.norm(along))
    if not largest or not total:
        return 0.0
    ratios, parts, radius = values / largest, along / total, radius * largest / total
    kept = ratios > CUTOFF
    if np.linalg.norm(parts[kept] / ratios[kept]) <= radius * (1 + SECULAR_DIGITS):
        return 0.0 if kept.all() else (CUTOFF * largest) ** 2
    low, high = 0.0, float(np.linalg.norm(ratios * parts)) / max(radius, LEAST_RADIUS)
    damping = 1e-3 * high
    for _ in range(60):
        weights = ratios**2 + damping
        length = float(np.linalg.norm(ratios * parts / weights))
        if abs(length - radius) <= SECULAR_DIGITS * radius:
            break
        low, high = (damping, high) if length > radius else (low, damping)
        slope = float(np.sum((ratios * parts) ** 2 / weights**3)) / length if length else 0.0
        damping = damping + (length - radius) / radius * length / slope if slope and radius else 0.0
        if not low < damping < high:
            damping = max(1e-3 * high, (low * high) ** 0.5)
    return damping * largest**2
