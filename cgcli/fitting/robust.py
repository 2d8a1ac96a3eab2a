"""Robust losses: residuals that are far off count for less.

With z = (r / scale)² the objective is scale² Σ ρ(z), as in SciPy's `least_squares`, whose losses these are. A row
enters the triangle such that gradient and (positive) curvature of the objective are kept: Triggs, McLauchlan, Hartley &
Fitzgibbon, "Bundle adjustment: a modern synthesis" (2000), §4.3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cgcli.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

LEAST_CURVATURE = 1e-6
"""Of a row's curvature, relative to its weight: beyond the point of inflection of a loss there would be none, and the
residual that keeps the gradient would be infinite."""


def check_loss(loss: str, scale: float) -> None:
    """UsageError for a loss that there is not, for a scale that is none, and for one without a robust loss."""
    if loss not in LOSSES:
        raise UsageError(f"there is no loss `{loss}`", hint=did_you_mean(loss, LOSSES) or f"one of {', '.join(LOSSES)}")
    if not scale > 0:
        raise UsageError(f"the scale of a loss is positive, not {scale}")
    if loss == "linear" and scale != 1:
        robust = ", ".join(LOSSES[1:])
        raise UsageError("a scale of the loss is for a robust loss, and none is given", hint=f"they are {robust}")


def _soft_l1(z: Any) -> tuple[Any, Any, Any]:
    root = np.sqrt(1 + z)
    return 2 * z / (root + 1), 1 / root, -0.5 / root**3  # 2 (√(1 + z) − 1) without its cancellation


def _huber(z: Any) -> tuple[Any, Any, Any]:
    inside = z <= 1
    root = np.sqrt(np.where(inside, 1.0, z))
    return np.where(inside, z, 2 * root - 1), 1 / root, np.where(inside, 0.0, -0.5 / root**3)


def _cauchy(z: Any) -> tuple[Any, Any, Any]:
    return np.log1p(z), 1 / (1 + z), -1 / (1 + z) ** 2


def _arctan(z: Any) -> tuple[Any, Any, Any]:
    weight = 1 / (1 + z * z)
    return np.arctan(z), weight, -2 * z * weight * weight


_LOSSES: dict[str, Callable[[Any], tuple[Any, Any, Any]]] = {
    "soft_l1": _soft_l1, "huber": _huber, "cauchy": _cauchy, "arctan": _arctan,
}  # fmt: skip
"""ρ(z), ρ'(z) and ρ''(z) by name."""

LOSSES = ("linear", *_LOSSES)
"""Names of losses; `linear` is the plain sum of squares."""


def loss_of(name: str, scale: float, residuals: Any) -> float:
    """The objective of weighted residuals: scale² Σ ρ((r / scale)²)."""
    if name == "linear":
        return float(residuals @ residuals)
    return float(scale**2 * np.sum(_LOSSES[name]((residuals / scale) ** 2)[0]))


MOMENTS = ("score²", "curvature", "curvature²")
"""What `moment_of` sums."""


def moment_of(name: str, scale: float, residuals: Any, moment: str) -> float:
    """A sum over rows that standard errors need: of ψ², ψ' or ψ'², with the score ψ(r) = ρ'(z) r."""
    z = (residuals / scale) ** 2
    _, first, second = _LOSSES[name](z)
    if moment == "score²":
        return float(np.sum((first * residuals) ** 2))
    curvature = first + 2 * second * z
    return float(np.sum(curvature if moment == "curvature" else curvature**2))


def row_scales(name: str, scale: float, residuals: Any) -> tuple[Any, Any]:
    """By what each row's derivatives, and by what its residual, are multiplied before they enter the triangle."""
    z = (residuals / scale) ** 2
    _, first, second = _LOSSES[name](z)
    slopes = np.sqrt(np.maximum(first + 2 * second * z, LEAST_CURVATURE * first))
    return slopes, first / slopes
