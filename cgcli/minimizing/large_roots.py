"""Roots of many equations: Newton's method with the sparse Jacobian and its factors.

A step is shortened until it lowers the residuals (Armijo's rule); where the Jacobian is singular, and where equations
and unknowns are not as many, it is the step of Levenberg and Marquardt. Where no step lowers them, the squares are
minimised with second derivatives, as of few equations.

J. E. Dennis and R. B. Schnabel, Numerical methods for unconstrained optimization and nonlinear equations (SIAM, 1996),
sections 6.3 and 6.5.
"""

from __future__ import annotations

import numpy as np

from cgcli.minimizing.large import LargeWalk
from cgcli.minimizing.roots import EPSILON, LEVEL, NEWTON, RootWalk, of_multiple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SUFFICIENT, MOST_HALVINGS = 1e-4, 40
"""The share of the promised fall that a step has to bring, and how often it is halved."""

DAMPING = 1e-8
"""Of a step where the Jacobian is singular, beside the largest square of a column's length."""

PROBES = 4
"""Directions of rounding by which the uncertainty of a root is estimated."""


class LargeRootWalk(RootWalk):
    """A walk to a root of many equations; see `roots.RootWalk`. Its Jacobian is a sparse array."""

    method = "Newton, sparse Jacobian"
    walk_of_squares = LargeWalk

    def is_finite(self) -> bool:
        """Whether residuals and Jacobian are finite numbers."""
        return bool(np.isfinite(self.residuals).all() and np.isfinite(self.jacobian.data).all())

    def uncertainty(self) -> float:
        """As of few equations, from some directions of rounding. Infinite where the Jacobian is singular."""
        if not self.is_finite():
            return np.inf
        noise = self.level() / LEVEL * EPSILON
        size = np.where(self.largest > 0, self.largest, 1.0)
        random, found = np.random.default_rng(0), 0.0
        for _ in range(PROBES):
            moved = self._solved(noise * random.choice([-1.0, 1.0], len(noise)))
            if moved is None:
                return np.inf
            found = max(found, float(np.max(np.abs(moved) / size)))
        return max(found, of_multiple(self))

    def _advance(self) -> bool:
        """One step down; False where there is none."""
        step = self._solved(-self.residuals)
        what = NEWTON
        if step is None:
            step, what = self._damped(), "damped step"
        if step is None:
            return False
        taken = self._lowered(step)
        if taken is None and what == NEWTON:
            step, what = self._damped(), "damped step"
            taken = None if step is None else self._lowered(step)
        if taken is None:
            return False
        x, found, jacobian, share = taken
        self._take(x, found, jacobian, float(np.linalg.norm(x - self.x)), what if share == 1 else f"{what}, shortened")
        return True

    def _lowered(self, step: Any) -> tuple[Any, Any, Any, float] | None:
        """The longest of some shares of a step that lowers the residuals: place, residuals, Jacobian, share."""
        share = 1.0
        for _ in range(MOST_HALVINGS):
            x = np.clip(self.x + share * step, self.low, self.high)
            if (x == self.x).all():
                return None
            found = self.system.at(x)
            if np.linalg.norm(found) <= (1 - SUFFICIENT * share) * self.norm:
                jacobian = self.system.jacobian(x)
                if np.isfinite(jacobian.data).all():
                    return x, found, jacobian, share
            if not np.isfinite(found).all():
                self.broken = x
            share /= 2
        return None

    def _solved(self, right: Any) -> Any:
        """The solution of the linear equations by LU factors; None where they are singular, or not square."""
        from scipy.sparse.linalg import splu

        rows, columns = self.jacobian.shape
        if rows != columns:
            return None
        try:
            found = splu(self.jacobian.tocsc()).solve(right)
        except RuntimeError:
            return None
        return found if np.isfinite(found).all() else None

    def _damped(self) -> Any:
        """The step of Levenberg and Marquardt, by the factors of an augmented system. None where there is none."""
        from scipy.sparse import block_array, eye_array
        from scipy.sparse.linalg import splu

        rows, columns = self.jacobian.shape
        largest = float(self.jacobian.multiply(self.jacobian).sum(axis=0).max(initial=0.0))
        if not largest > 0:
            return None
        damping = np.sqrt(DAMPING * largest)
        whole = block_array(
            [[damping * eye_array(rows), self.jacobian], [self.jacobian.T, -damping * eye_array(columns)]], format="csc"
        )
        try:
            found = splu(whole).solve(np.concatenate([-self.residuals, np.zeros(columns)]))[rows:]
        except RuntimeError:
            return None
        return found if np.isfinite(found).all() else None

    def _polish(self) -> None:
        """A last step or two, as long as the residuals become smaller."""
        for _ in range(2):
            step = self._solved(-self.residuals) if self.norm else None
            if step is None:
                return
            x = np.clip(self.x + step, self.low, self.high)
            if (x == self.x).all():
                return
            found = self.system.at(x)
            if not np.linalg.norm(found) < self.norm:
                return
            self._take(x, found, self.system.jacobian(x), float(np.linalg.norm(step)), "polished")
