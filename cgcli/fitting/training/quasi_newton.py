"""L-BFGS over all rows at once, one step at a time, so that its state can be saved between two of them.

The direction is that of the two-loop recursion over the last pairs of steps and changes of the gradient; its length is
SciPy's, by the strong Wolfe conditions. SciPy's own L-BFGS-B keeps its pairs to itself.

Source: J. Nocedal, S. J. Wright, Numerical Optimization, 2nd ed., 2006, algorithms 7.4 and 7.5; lengths: 3.5 and 3.6.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import line_search

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

PAIRS = 10
"""Pairs that are remembered."""

LEAST_CURVATURE = 1e-10
"""A pair whose curvature s·y is less than this times |s||y| is not taken."""


class LimitedBfgs:
    """The state of a search. point, gradient: vectors; value: the function there, value_before: a step earlier."""

    def __init__(self, point: Any, value: float, gradient: Any) -> None:
        self.point = point
        self.value = value
        self.value_before: float | None = None
        self.gradient = gradient
        self.steps: list[Any] = []
        self.changes: list[Any] = []

    def direction(self) -> Any:
        """Where to go: minus the approximate inverse Hessian times the gradient."""
        towards = -self.gradient
        pairs = [(step, change, 1.0 / float(step @ change))
                 for step, change in zip(self.steps, self.changes, strict=True)]  # fmt: skip
        shares = []
        for step, change, inverse in reversed(pairs):
            share = inverse * float(step @ towards)
            towards = towards - share * change
            shares.append(share)
        if pairs:
            step, change, _ = pairs[-1]
            towards = towards * (float(step @ change) / float(change @ change))
        for (step, change, inverse), share in zip(pairs, reversed(shares), strict=True):
            towards = towards + (share - inverse * float(change @ towards)) * step
        return towards

    def step(self, function: Callable[[Any], tuple[float, Any]]) -> bool:
        """Take one step; False where there is none that lowers the function, from the gradient's direction either.

        function: from a point to value and gradient; infinite where it is not defined.
        """
        known: dict[bytes, tuple[float, Any]] = {}

        def asked(point: Any) -> tuple[float, Any]:
            key = point.tobytes()
            if key not in known:
                known.clear()
                known[key] = function(point)
            return known[key]

        for attempt in range(2):
            towards = self.direction()
            with warnings.catch_warnings(action="ignore"):
                length, *_ = line_search(
                    lambda point: asked(point)[0], lambda point: asked(point)[1], self.point, towards, self.gradient,
                    self.value, self.value_before, maxiter=30,
                )  # fmt: skip
            if length is not None:
                point = self.point + length * towards
                value, gradient = asked(point)
                if np.isfinite(value) and value <= self.value:
                    self._move(point, value, gradient)
                    return True
            if not self.steps or attempt:
                break
            self.steps, self.changes, self.value_before = [], [], None
        return False

    def _move(self, point: Any, value: float, gradient: Any) -> None:
        step, change = point - self.point, gradient - self.gradient
        if float(step @ change) > LEAST_CURVATURE * float(np.linalg.norm(step) * np.linalg.norm(change)):
            self.steps, self.changes = [*self.steps, step][-PAIRS:], [*self.changes, change][-PAIRS:]
        self.point, self.gradient = point, gradient
        self.value, self.value_before = value, self.value

    def arrays(self) -> dict[str, Any]:
        """The vectors of the state, by name."""
        size = len(self.point)
        return {"gradient": self.gradient, "steps": np.reshape(self.steps, (-1, size)),
                "changes": np.reshape(self.changes, (-1, size))}  # fmt: skip

    def restore(self, arrays: Mapping[str, Any], value: float, value_before: float | None) -> None:
        """Take over a state."""
        self.gradient = arrays["gradient"]
        self.steps, self.changes = list(arrays["steps"]), list(arrays["changes"])
        self.value, self.value_before = value, value_before
