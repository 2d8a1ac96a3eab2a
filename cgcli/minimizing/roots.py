"""Roots of systems of equations by Newton's method within a trust region, with the exact Jacobian.

A step is Newton's where the region holds it, else the Levenberg-Marquardt step on its boundary. Where the residuals
stop falling, the sum of their squares is minimised with exact second derivatives, which leaves saddles, and Newton's
method goes on from there; so an end that is no root is the minimum of the residuals that it is said to be. One equation
with a bracket is solved by a method that keeps the change of sign (G. Alefeld, F. Potra and Y. Shi, TOMS 748, 1995).

J. J. Moré, B. S. Garbow and K. E. Hillstrom, User guide for MINPACK-1 (1980), for the scaling;
J. E. Dennis and R. B. Schnabel, Numerical methods for unconstrained optimization and nonlinear equations (1983).
"""

from __future__ import annotations

import itertools

import numpy as np

from cgcli.minimizing.newton import Step, Walk
from cgcli.minimizing.outcome import CONVERGED
from cgcli.minimizing.subproblem import Model, step_within
from cgcli.minimizing.system import Squares

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cgcli.minimizing.system import System

EPSILON = float(np.finfo(float).eps)

LEVEL = 32 * EPSILON
"""A residual beside what it is a difference of, and beside what the rounding of the unknowns makes of it, that is 0."""

MOST_NOISE = 1e-8
"""Of residuals beside their size: what changes by more among neighbours jumps."""

NEWTON, STEADY = "Newton step", 6
"""What such a step is called; how many late ones there are only where they shrink slowly."""

FIRST = 100.0
"""The first radius beside the size of the unknowns."""

LEAST_RATIO, POOR_RATIO, GOOD_RATIO = 1e-4, 0.25, 0.75
"""Shares of the promised fall of the residuals: not taken below, smaller region, larger region."""

LARGEST, LEAST = 1e300, float(np.finfo(float).tiny)
"""What stands for an infinite residual beside a pole; the least normal number."""

MOST_HALVINGS = 1500
"""More than the doubles between 1 and the least of them."""

PIECES = (2, 4, 8, 16, 32, 64)
"""Into how many parts a bracket without a change of sign is cut, one after the other."""


class RootWalk:
    """A walk towards a root, and what it learns on its way.

    ending: `root`, or why it is none, as `outcome.Root.kind`. level: for each residual,
    the size below which it is 0 but for rounding.
    """

    method = "Newton, trust region"
    walk_of_squares = Walk

    def __init__(self, system: System, x: Any, low: Any, high: Any, rounds: int) -> None:
        self.system = system
        self.low, self.high, self.rounds = low, high, rounds
        self.x = x
        self.largest = np.abs(x)
        self.residuals = system.at(x)
        self.first = np.nan_to_num(np.abs(self.residuals), posinf=0.0)
        self.jacobian = system.jacobian(x)
        self.scale = np.zeros(len(x))
        self.radius = 0.0
        self.noise = np.zeros(len(self.residuals))
        self.broken: Any = None
        self.ending = ""
        self.steps: list[Step] = []
        self._note(0.0, "start")

    @property
    def norm(self) -> float:
        """The length of the residuals."""
        return float(np.linalg.norm(self.residuals))

    def is_finite(self) -> bool:
        """Whether residuals and Jacobian are finite numbers."""
        return bool(np.isfinite(self.residuals).all() and np.isfinite(self.jacobian).all())

    def level(self) -> Any:
        """The rounding of each residual."""
        size = np.maximum(self.largest, EPSILON * self.largest.max(initial=0.0))
        made_of = self.system.sizes(self.x) + np.abs(self.jacobian) @ size
        made_of = np.where(np.isfinite(made_of), made_of, 0.0)
        noise = np.minimum(10 * self.noise, MOST_NOISE * np.maximum(made_of, self.first))
        return np.maximum(LEVEL * made_of, noise)

    def at_root(self) -> bool:
        """Whether all residuals are 0 but for rounding."""
        return bool((np.abs(self.residuals) <= self.level()).all())

    def run(self) -> str:
        """Walk to the end, and say how it ended."""
        for _ in range(4):
            self.ending = self._descend()
            if self.ending != "stalled":
                break
            if not self.noise.any():
                self._measure_noise()
                if self.at_root():
                    self.ending = "root"
                    break
            self.ending = self._by_squares()
            if self.ending:
                break
            self.ending = "stalled"
        if self.ending == "root":
            self._polish()
        return self.ending

    def uncertainty(self) -> float:
        """By how much an unknown may be wrong for rounding alone, beside its size; infinite where that is not known."""
        return uncertainty_of(self) if self.is_finite() else np.inf

    def _descend(self) -> str:
        """Newton's method, as long as it lowers the residuals."""
        while len(self.steps) <= self.rounds:
            if self.at_root():
                return "root"
            if not self._advance():
                return "stalled"
        return "rounds"

    def _advance(self) -> bool:
        """One step down; False where there is none."""
        self.scale = np.maximum(self.scale, np.linalg.norm(self.jacobian, axis=0))
        units = np.where(self.scale > 0, self.scale, 1.0)
        if not self.radius:
            self.radius = FIRST * float(np.linalg.norm(units * self.x)) or FIRST
            if self._is_hidden():
                self.radius = max(self.radius, self.norm)  # about as long as Newton's step, in these units
        slope = self.jacobian.T @ self.residuals
        if np.linalg.norm(slope / units) <= 1e-10 * self.norm * np.linalg.norm(self.jacobian / units):
            return False
        model = Model(slope, self.jacobian.T @ self.jacobian, units)
        low, high = self.low - self.x, self.high - self.x
        while True:
            step, what = self._step(model, units, low, high)
            length = float(np.linalg.norm(units * step))
            change = self.jacobian @ step
            promised = -float(change @ (2 * self.residuals + change)) / 2  # of squares: their difference would cancel
            if not promised > 0 or not length > 0:
                return False
            place = np.clip(self.x + step, self.low, self.high)
            found = self.system.at(place)
            fall = (self.norm**2 - float(found @ found)) / 2
            ratio = fall / promised if np.isfinite(fall) else -np.inf
            if ratio >= LEAST_RATIO:
                jacobian = self.system.jacobian(place)
                if np.isfinite(jacobian).all():
                    break
            if not np.isfinite(found).all():
                self.broken = place
            self.radius = length * (0.25 if ratio < -10 else 0.5)
            if length <= 4 * EPSILON * np.linalg.norm(units * self.largest):
                return False
        self._take(place, found, jacobian, length, what)
        if ratio >= GOOD_RATIO:
            self.radius = max(self.radius, 2.5 * length)
        elif ratio < POOR_RATIO:
            self.radius = 0.5 * length
        return True

    def _step(self, model: Model, units: Any, low: Any, high: Any) -> tuple[Any, str]:
        """Newton's step where it is short enough and within the bounds, else the best one that is."""
        step = -np.linalg.lstsq(self.jacobian / units, self.residuals, rcond=EPSILON * len(units))[0] / units
        inside = ((step >= low) & (step <= high)).all()
        if inside and np.isfinite(step).all() and np.linalg.norm(units * step) <= self.radius:
            return step, NEWTON
        return step_within(model, self.radius, low, high), "step within the region"

    def _take(self, x: Any, residuals: Any, jacobian: Any, length: float, what: str) -> None:
        self.x, self.residuals, self.jacobian = x, residuals, jacobian
        self.noise = np.zeros(len(residuals))
        self.largest = np.maximum(self.largest, np.abs(x))
        self._note(length, what)

    def _note(self, length: float, what: str) -> None:
        slope = float(np.linalg.norm(self.jacobian.T @ self.residuals))
        self.steps.append(Step(self.x, self.norm, slope, length, self.system.evaluations, what))

    def _by_squares(self) -> str:
        """Away from where residuals stop falling, by their squares; how it ended where that is least there."""
        squares = Squares(self.system.bound, self.system.unknowns, self.system.of)
        walk = self.walk_of_squares(squares, self.x, self.low, self.high, tolerance=1e-8, rounds=self.rounds)
        walk.run()
        self.system.evaluations += squares.evaluations
        before = self.norm
        x = walk.point.x
        self._take(x, self.system.at(x), self.system.jacobian(x), 0.0, "least squares with second derivatives")
        self.radius = 0.0
        if self.at_root():
            return "root"
        if walk.ending in ("endless", "unbounded"):
            return "endless"
        if not self.is_finite():
            return "stalled"
        if self.norm < 0.9 * before:
            return ""
        return "apart" if walk.ending in CONVERGED and not self._is_hidden() else "stalled"

    def _is_hidden(self) -> bool:
        """Whether unknowns that move by their own size change the residuals by less than rounding: `x*exp(x) = 1e20`
        at 1. Then nothing can be said from near by.
        """
        change = float(np.linalg.norm(self.scale * self.largest))
        return bool(self.scale.any()) and change < EPSILON * self.norm

    def _measure_noise(self) -> None:
        """How much the residuals change by rounding alone: their changes among neighbours, less what is due."""
        for factor in (1.0, -1.0, 2.0, -3.0):
            x = self.x * (1 + factor * EPSILON)
            moved = self.system.at(x) - self.residuals - self.jacobian @ (x - self.x)
            self.noise = np.maximum(self.noise, np.where(np.isfinite(moved), np.abs(moved), 0.0))

    def _polish(self) -> None:
        """A last step or two, as long as the residuals become smaller."""
        for _ in range(2):
            if not self.norm:
                return
            step = -np.linalg.lstsq(self.jacobian, self.residuals, rcond=None)[0]
            x = np.clip(self.x + step, self.low, self.high)
            if (x == self.x).all() or not np.isfinite(x).all():
                return
            found = self.system.at(x)
            if not np.linalg.norm(found) < self.norm:
                return
            self._take(x, found, self.system.jacobian(x), float(np.linalg.norm(step)), "polished")


class BracketWalk(RootWalk):
    """The search for a root of one equation in one unknown between two places."""

    method = "bracketing (TOMS 748)"

    def run(self) -> str:
        """Find a change of sign, follow it, and look at what it is; without one, walk."""
        ends = self._sign_change()
        if ends is None:
            best = min(
                self.tried, key=lambda place: abs(self.tried[place]) if np.isfinite(self.tried[place]) else np.inf
            )
            self._move(best, "the least of those tried")
            if self.is_finite():
                super().run()
            else:
                self.ending = "stalled"
            if self.ending == "apart":
                self.ending = "no change of sign"
            return self.ending
        self._move(ends[0] if ends[0] == ends[1] else self._between(*ends), "bracketed")
        grown = abs(self.residuals[0]) > min(abs(self.tried[place]) for place in ends)  # as beside a pole
        self.ending = "root" if self.is_finite() and not grown and self._is_crossing() else "jump"
        if self.ending == "root":
            self._polish()
        return self.ending

    def _sign_change(self) -> tuple[float, float] | None:
        """Two places with residuals of different sign, or twice a root; None where none are seen."""
        self.tried: dict[float, float] = {}
        low, high = float(self.low[0]), float(self.high[0])
        for pieces in (1, *PIECES):
            places = [low + (high - low) * share / pieces for share in range(pieces)] + [high]
            for place in places:
                if place not in self.tried:
                    self.tried[place] = self._value(place)
            signs = [(place, self.tried[place]) for place in places if np.isfinite(self.tried[place])]
            for (left, first), (right, second) in itertools.pairwise(signs):
                if first == 0 or second == 0:
                    return (left, left) if first == 0 else (right, right)
                if (first < 0) != (second < 0):
                    return left, right
        return None

    def _between(self, left: float, right: float) -> float:
        """Where the sign changes between two places, to the last digit."""
        from scipy.optimize import toms748

        def value(place: float) -> float:
            return float(np.clip(self._value(place), -LARGEST, LARGEST))

        try:
            return float(
                toms748(value, left, right, xtol=np.finfo(float).tiny, rtol=4 * EPSILON, maxiter=MOST_HALVINGS)
            )
        except (ValueError, RuntimeError):  # a nan on the way, or a pole at 0
            return left

    def _is_crossing(self) -> bool:
        """Whether the residual is 0 but for rounding, or as near as neighbouring numbers let it come."""
        if self.at_root():
            return True
        self._measure_noise()
        beside = EPSILON * abs(float(self.x[0])) or EPSILON * float(np.ptp([self.low[0], self.high[0]]))
        return self.at_root() or abs(float(self.residuals[0])) <= 4 * beside * abs(float(self.jacobian[0, 0]))

    def _value(self, place: float) -> float:
        return float(self.system.at(np.array([place]))[0])

    def _move(self, place: float, what: str) -> None:
        x = np.array([float(place)])
        self._take(x, self.system.at(x), self.system.jacobian(x), 0.0, what)


def uncertainty_of(walk: RootWalk) -> float:
    """By how much an unknown may be wrong for rounding alone, beside its size; infinite for a singular Jacobian.

    Newton's steps that only shrink by a factor lead to a root of some multiplicity m, where it is 1 - 1/m; such a root
    is known to the m-th root of the rounding.
    """
    count = walk.jacobian.shape[1]
    units = np.linalg.norm(walk.jacobian, axis=0)
    if not units.all() or np.linalg.matrix_rank(walk.jacobian / units, tol=count * EPSILON) < count:
        return np.inf
    size = np.where(walk.largest > 0, walk.largest, 1.0)
    found = float(np.max((np.abs(np.linalg.pinv(walk.jacobian)) @ (walk.level() / LEVEL * EPSILON)) / size))
    return max(found, of_multiple(walk))


def of_multiple(walk: RootWalk) -> float:
    """The uncertainty of a root to which Newton's steps led that only shrank by a factor; 0 where they did not."""
    lengths = np.array([step.length for step in walk.steps if step.what == NEWTON and step.length > 0])
    late = lengths[lengths <= 1e-2 * lengths.max(initial=0.0)]
    if len(late) >= STEADY:
        shrinking = float(np.median(late[1:] / late[:-1]))
        if 0.4 < shrinking < 0.95:
            return float(EPSILON ** (1 - shrinking))
    return 0.0
