"""Newton's method within a trust region, with exact second derivatives; bounds are sides where variables stop.

Each round minimises a model within a radius, in variables that are scaled by their curvature, and takes the step where
the value falls as the model says. The model is the polynomial of the fourth order (`foresight`), or the quadratic one,
its steps bent by third derivatives as Chebyshev's method does, or not bent. Since the quadratic model's subproblem is
solved exactly, a saddle and a maximum are left along their negative curvature. It ends where the model promises nothing
any more.

A. R. Conn, N. I. M. Gould and Ph. L. Toint, Trust-region methods (SIAM, 2000), chapters 6 and 12;
M. K. Transtrum and J. P. Sethna, arXiv:1201.5885 (2012), for when to trust the bend.
"""

from __future__ import annotations

import numpy as np

from cgcli.minimizing.curvature import (
    FLAT,
    MOST_PROBED,
    PROBES,
    ROUNDING,
    SHORT,
    Assessment,
    doubtful_sides,
    lower_beside,
    noise_at,
)
from cgcli.minimizing.foresight import foresee
from cgcli.minimizing.kinked import MOST_VARIABLES, descend, is_jump, is_kink, is_minimum_around
from cgcli.minimizing.subproblem import Model, step_within

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cgcli.minimizing.objective import Objective, Point

LEAST_RATIO, POOR_RATIO, GOOD_RATIO = 1e-4, 0.25, 0.75
"""Shares of the promised fall: below the first a step is not taken, below the second the region shrinks, and above
the third it grows."""

GROWTH, WIDER, WIDEST_BEND = 2.0, 2.5, 0.4
"""How much a region grows, and where steps are not bent; the longest bend of a step beside the step."""

FIRST = 0.3
"""The first radius beside the size of the variables, where the model has no minimum."""

STEEP = 1e-4
"""Of a slope over the size of the variables beside the value."""

FEW_QUIET, MOST_QUIET = 3, 20
"""Rounds that promise nothing, though the steps are long: along a floor, or a valley as flat as rounding is coarse."""

LAST_DIGITS = 1e-11
"""A step beside the size of the variables that is not taken for its digits only."""

TINY = 1e-6
"""The least size of a variable beside that of the largest one; 0 is a size like any other where they are not far."""

FAR = 50.0
"""Of a variable beside its start, or beside 1."""

FEWEST_REFUSED = 3
"""Trials that were refused in rounds one after the other before a kink is looked for."""

SMALLEST = 1e-15
"""A radius beside the size of the variables that moves nothing any more."""

WITHOUT_END = 1e20
"""How low a value, or how far away a variable, has to be for nobody to look for a minimum any more."""

FLAT_BESIDE = 1e-8
"""The scale of a variable by its own curvature, beside that by others, below which the former says nothing."""

FORESEEN, BENT, CAUTIOUS = MANNERS = ("foreseen", "bent", "cautious")
"""Steps as far as derivatives to the fourth order foresee; Newton's, bent by third ones; shorter ones, not bent."""


class Step:
    """A round of a walk, for the trace: where it led, and what was done."""

    __slots__ = ("evaluations", "gradient", "length", "value", "what", "x")

    def __init__(self, x: Any, value: float, gradient: float, length: float, evaluations: int, what: str) -> None:
        self.x = x
        self.value = value
        self.gradient = gradient
        self.length = length
        self.evaluations = evaluations
        self.what = what

    def as_dict(self) -> dict[str, Any]:
        """The step as JSON-able data."""
        return {
            "value": self.value, "gradient": self.gradient, "length": self.length, "evaluations": self.evaluations,
            "what": self.what, "x": self.x,
        }  # fmt: skip


class Walk:
    """A walk downhill from a point, and what it learns on its way.

    largest: the largest absolute value that each variable has had. moved: the last step beside that; goes_out: whether
    what it moved far grew. quiet: rounds that promised nothing.
    ending: how it ended (`outcome.Minimum.kind`). free: which variables no bound holds at the point.
    manner: how steps are made, one of MANNERS. broken: the last point that was no finite number.
    """

    def __init__(
        self, objective: Objective, x: Any, low: Any, high: Any, *, tolerance: float, rounds: int,
        manner: str = FORESEEN,
    ) -> None:  # fmt: skip
        self.objective = objective
        self.manner = manner
        self.low, self.high = low, high
        self.tolerance, self.rounds = tolerance, rounds
        self.point = objective.at(x)
        self.first = self.point
        self.largest = np.abs(x)
        self.radius = 0.0
        self.noise = 0.0
        self.moved, self.goes_out = np.inf, True
        self.quiet = 0
        self.refused = 0
        self.scale = np.zeros(len(x))
        self.tried_kink: Point | None = None
        self.broken: Any = None
        self.steps: list[Step] = []
        self._note(0.0, "start")
        self.ending = ""
        self.method = "Newton, trust region"
        self.model: Model | None = None
        self.free = np.ones(len(x), dtype=bool)

    @property
    def reach(self) -> Any:
        """The size of each variable: the largest absolute value it has had, beside the others if that is next to 0."""
        return np.maximum(self.largest, TINY * (self.largest.max(initial=0.0) or 1 / TINY))

    @property
    def least(self) -> float:
        """The change of the value that counts as none: tolerance² of it, or of the first one where that is below 1."""
        return max(self.tolerance**2 * self.size, 2 * np.finfo(float).eps * abs(self.point.value))

    @property
    def size(self) -> float:
        """What changes of the value are measured by: the value, or the first one where that is below 1."""
        return float(max(abs(self.point.value), min(1.0, abs(self.first.value))))

    def run(self) -> str:
        """Walk to the end, or on from where it gave up, and say how it ended."""
        for _ in range(self.rounds):
            self._look()
            assert self.model is not None
            here = self.point
            self.ending = self._ending(self.model)
            if not self.ending and self.point is here:
                self.ending = self._advance(self.model)
            if self.ending:
                if self.ending in ("minimum", "flat"):
                    self._polish(self.model)
                self._set_free()
                return self.ending
        self._look()
        self.ending = "rounds"
        return self.ending

    def _polish(self, model: Model) -> None:
        """One more step of Newton's, for the last digits, where it is longer than those and makes the gradient less.

        It goes along the directions that bend upwards only.
        """
        up = model.eigenvalues > FLAT * np.abs(model.eigenvalues).max(initial=0.0)
        part = -(model.basis[:, up] @ (model.slopes[up] / model.eigenvalues[up])) / model.scale
        low, high = (self.low - self.point.x)[self.free], (self.high - self.point.x)[self.free]
        if not np.max(np.abs(part) / self.reach[self.free], initial=0.0) > LAST_DIGITS:
            return
        if not ((part >= low) & (part <= high)).all():
            return
        trial = self._trial(part)
        level = max(self.noise, ROUNDING * abs(self.point.value))
        if trial.is_finite() and trial.value <= self.point.value + level and np.linalg.norm(
            trial.gradient[self.free] / model.scale
        ) < 0.5 * np.linalg.norm(model.gradient / model.scale):  # fmt: skip
            self.take(trial, float(np.linalg.norm(model.scale * part)), "last digits")

    def _set_free(self) -> None:
        """Which variables may move: not at a side towards which the value falls; all of them where it is stationary."""
        x, slope = self.point.x, self.point.gradient
        self.free = ~(((x <= self.low) & (slope >= 0)) | ((x >= self.high) & (slope <= 0)))
        if not np.any(slope):
            self.free |= self.low < self.high

    def _look(self) -> None:
        """The model of the variables that may move: not at a side towards which the value falls."""
        self._set_free()
        x, slope, bend, free = self.point.x, self.point.gradient, finite_part(self.point.hessian), self.free
        self.model = Model(slope[free], bend[np.ix_(free, free)], self._units(bend)[free], self.reach[free])
        if not self.radius:
            length = self.model.newton_length()
            if not np.isfinite(length) or Assessment(self.model, self.reach[free]).flat.any():
                length = (FIRST / 3 if self.manner == CAUTIOUS else FIRST) * float(
                    np.linalg.norm(self.model.scale * x[free])
                )
            self.radius = max(float(length), 1e-3)

    def _leads_away(self, directions: Any) -> bool:
        """Whether one of some flat directions may be a way without end: it moves what has already gone far."""
        far = np.abs(self.point.x) > FAR * np.maximum(1.0, np.abs(self.first.x))
        sizes = np.abs(directions) / self.reach
        return bool((sizes[:, far] > 0.1 * sizes.max(axis=1, initial=0.0)[:, None]).any())

    def _far(self) -> str:
        """`unbounded` where the value has fallen, or a variable has gone, farther than anybody looks."""
        low = self.point.value < -WITHOUT_END * max(1.0, abs(self.first.value))
        far = np.any(self.reach > WITHOUT_END * np.maximum(1.0, np.abs(self.first.x)))
        return "unbounded" if low or far else ""

    def _units(self, hessian: Any) -> Any:
        """What a unit of each variable counts; with caution, no less than it ever did."""
        found = scale_of(hessian, self.reach)
        if self.manner == CAUTIOUS:
            self.scale = found = np.maximum(self.scale, found)
        return found

    def _ending(self, model: Model) -> str:
        """How the walk ends here; empty where it goes on."""
        found = Assessment(model, self.reach[self.free])
        least = max(self.least, self.noise)
        held = found.step <= SHORT and not found.flat.any() and found.promises_less_than(least) and len(model.slopes)
        bent = found.is_bent(least)
        if self._far() and (bent or not held):  # a minimum may lie that far
            return "unbounded"
        if bent or not found.promises_less_than(least):
            return ""
        self.quiet += 1
        if min(found.step, self.moved) <= SHORT or self.quiet > MOST_QUIET:
            return self._settled(model, found)
        is_endless = self.quiet >= FEW_QUIET and self.goes_out and found.promises_less_than(least / 100)
        return "endless" if is_endless else ""

    def _settled(self, model: Model, found: Assessment) -> str:
        """A minimum as far as the model sees; where it is flat, or turns down soon, neighbours are asked."""
        at_kink = (self._may_kink() or self._is_steep()) and is_kink(self)
        if at_kink and is_minimum_around(self, 1 / self.reach):
            return "kink"
        turning = self._turning(model)
        doubtful = np.ones(len(model.slopes), dtype=bool) if at_kink else found.flat | found.down
        if not doubtful.any() and not turning:
            return "minimum"
        directions = np.zeros((int(doubtful.sum()), len(self.point.x)))
        directions[:, self.free] = (model.basis[:, doubtful] / model.scale[:, None]).T
        least = 10 * max(self.least, self.noise)
        sides = doubtful_sides(self, directions, turning, least, at_kink=at_kink)
        lower = lower_beside(self, sides, least)
        if lower is None and at_kink:
            return self._along_kink([])
        if lower is None and not (found.flat | found.down).any():
            return "minimum"
        if lower is None and len(found.down) and found.down.all():
            return "stalled"  # it bends downwards in every direction, by less than the value is rounded to
        if lower is None:
            return "endless" if self._leads_away(directions) else "flat"
        length = float(np.linalg.norm((lower.x - self.point.x)[self.free] * model.scale))
        self.take(lower, length, "left a flat point")
        self.radius = length
        return ""

    def _turning(self, model: Model) -> list[tuple[Any, int]]:
        """Directions along which the third derivative leads below this point after a short way, and the side."""
        found = []
        for place in range(min(len(model.slopes), MOST_PROBED)):
            direction = self.whole(model.basis[:, place] / model.scale)
            bend = float(self.objective.third(self.point.x, direction) @ direction)
            way = 3 * model.eigenvalues[place] * np.max(np.abs(direction) / self.reach)
            if way <= PROBES[0] * abs(bend) and bend:
                found.append((direction, 1 if bend < 0 else -1))
        return found

    def _advance(self, model: Model) -> str:
        """One step down; the reason for an end where there is none."""
        low, high = (self.low - self.point.x)[self.free], (self.high - self.point.x)[self.free]
        shrunk = 0
        across: list[Point] = []
        while True:
            part, promised, bent = self._chosen(model, low, high, is_first=not shrunk)
            length = float(np.linalg.norm(model.scale * part))
            if not promised > 0:
                return "stalled"
            trial = self._trial(part)
            fall = self.point.value - trial.value
            if np.isfinite(fall) and max(abs(fall), promised) <= max(
                self.noise, ROUNDING * max(abs(self.point.value), abs(trial.value))
            ):
                return self._within_rounding(model, trial, length)
            ratio = fall / promised if np.isfinite(fall) else -np.inf
            if ratio >= LEAST_RATIO and trial.is_finite():
                break
            shrunk += 1
            self.refused += 1
            if trial.is_finite() and promised <= self.tolerance * self.size and self._learns_noise(promised):
                return ""
            if self.refused >= FEWEST_REFUSED and trial.is_finite() and self._may_kink():
                across = [*across[-2 * len(part) :], trial]
                if is_jump(self.point, trial, scale_of(finite_part(self.point.hessian), self.reach)):
                    return self._along_kink(across)
            self.radius = length * self._shrinking(model, part, trial)
            if self.radius <= SMALLEST * np.linalg.norm(model.scale * self.reach[self.free]):
                return self._stalled(promised)
        self.refused = self.refused if shrunk else 0
        what = "negative curvature" if model.eigenvalues[0] < 0 else "bent step" if bent else "step"
        if length < 0.99 * self.radius and not bent and model.eigenvalues[0] > 0:
            what = "Newton step"
        self.take(trial, length, what if not shrunk else f"{what}, shortened {shrunk} ×")
        self._resize(ratio, length, part, model)
        return ""

    def _may_kink(self) -> bool:
        """Whether the formula has operations with kinks between the variables and the value, few enough to look at."""
        return len(self.point.x) <= MOST_VARIABLES and self.objective.may_kink()

    def _is_steep(self) -> bool:
        """Whether the slope would change the value much within the size of the variables."""
        fall = float(np.abs(self.point.gradient[self.free]) @ self.reach[self.free])
        return fall > STEEP * max(abs(self.point.value), abs(self.first.value))

    def _along_kink(self, across: list[Point]) -> str:
        """Down along the kink that is between the point and others; how it ended."""
        here = self.point
        ending = descend(self, 1 / self.reach, across)
        if ending != "stalled" or self.point is not here:
            return "" if ending == "stalled" else ending
        self.tried_kink = here
        return "" if self._learns_noise(self.least) else "stalled"

    def _chosen(self, model: Model, low: Any, high: Any, *, is_first: bool) -> tuple[Any, float, bool]:
        """The step to try, the fall that is promised, and whether derivatives above the second have bent it."""
        if self.manner == FORESEEN:
            seen = foresee(self, model, low, high, is_first=is_first)
            if seen is not None:
                return seen
        part = step_within(model, self.radius, low, high)
        promised = -model.change(part)
        if self.manner == CAUTIOUS or not promised > 0:
            return part, promised, False
        bend = self._bend(model, part, float(np.linalg.norm(model.scale * part)))
        return (part, promised, False) if bend is None else (part + bend, promised, True)

    def whole(self, part: Any) -> Any:
        """A step of the free variables as one of all of them."""
        step = np.zeros(len(self.point.x))
        step[self.free] = part
        return step

    def _trial(self, part: Any) -> Point:
        """The point that a step of the free variables leads to."""
        trial = self.objective.at(np.clip(self.point.x + self.whole(part), self.low, self.high))
        if not np.isfinite(trial.value):
            self.broken = trial.x
        return trial

    def _bend(self, model: Model, part: Any, length: float) -> Any:
        """Chebyshev's correction of a step: half of what the third derivatives along it add, by the same equations."""
        third = self.objective.third(self.point.x, self.whole(part))[self.free]
        if not np.isfinite(third).all() or not third.any():
            return None
        scaled = model.scale * part
        rest = (model.hessian @ part + model.gradient) / model.scale
        shift = max(0.0, -float(scaled @ rest) / length**2)  # the multiplier of the ball
        curvatures = model.eigenvalues + shift
        if curvatures[0] <= 1e-12 * np.abs(curvatures).max():
            return None
        bend = -(model.basis @ ((model.basis.T @ (third / model.scale)) / curvatures)) / model.scale / 2
        return bend if np.linalg.norm(model.scale * bend) <= WIDEST_BEND * length else None

    def _within_rounding(self, model: Model, trial: Point, length: float) -> str:
        """Where the value cannot tell any more: the gradient may, else this is the end."""
        if trial.is_finite() and np.linalg.norm(trial.gradient[self.free] / model.scale) <= 0.5 * np.linalg.norm(
            model.gradient / model.scale
        ):
            noise = self.noise
            self.take(trial, length, "step within rounding")
            self.noise = noise
            return ""
        return self._stalled(ROUNDING * abs(self.point.value))

    def _stalled(self, promised: float) -> str:
        """The end where no step lowers the value, unless what is promised is no more than rounding."""
        if self._learns_noise(promised):
            return ""
        if self.is_at_edge():
            return "stalled"
        if self.tried_kink is not self.point and (self._may_kink() or is_kink(self)):
            self.tried_kink = self.point
            return self._along_kink([])
        return "stalled"

    def is_at_edge(self) -> bool:
        """Whether the value is no finite number right beside the point."""
        return self.broken is not None and bool(
            (np.abs(self.broken - self.point.x) <= SHORT * SHORT * self.reach).all()
        )

    def _learns_noise(self, promised: float) -> bool:
        """Measure what rounding does to the value here, once, and begin anew; False where that is known."""
        if self.noise:
            return False
        self.noise = 10 * max(noise_at(self.objective, self.point), min(promised, self.least))
        self.radius = 0.0
        return True

    def _shrinking(self, model: Model, part: Any, trial: Point) -> float:
        """By how much a step is shortened that was not taken: to the minimum of the parabola through what is known."""
        if not np.isfinite(trial.value):
            return 0.2
        slope = float(model.gradient @ part)
        rise = trial.value - self.point.value - slope
        return float(np.clip(-slope / (2 * rise), 0.1, 0.5)) if rise > 0 else 0.25

    def take(self, point: Point, length: float, what: str) -> None:
        """Go to a point."""
        self.largest = np.maximum(self.largest, np.abs(point.x))
        moved = np.abs(point.x - self.point.x) / self.reach
        self.moved = float(np.max(moved))
        self.goes_out = bool((np.abs(point.x) >= np.abs(self.point.x))[moved > SHORT].all())
        self.point = point
        self.noise = 0.0
        self._note(length, what)

    def _note(self, length: float, what: str) -> None:
        slope = float(np.linalg.norm(self.point.gradient))
        self.steps.append(Step(self.point.x, self.point.value, slope, length, self.objective.evaluations, what))

    def _resize(self, ratio: float, length: float, part: Any, model: Model) -> None:
        """The next radius, in the units of the next point."""
        if ratio >= GOOD_RATIO and length >= 0.8 * self.radius:
            self.radius = max(self.radius, (WIDER if self.manner == CAUTIOUS else GROWTH) * length)
        elif ratio < POOR_RATIO:
            self.radius = (0.5 if ratio < 0.1 else 0.7) * length
        units = self._units(finite_part(self.point.hessian))[self.free]
        self.radius *= float(np.linalg.norm(units * part)) / length


def scale_of(hessian: Any, reach: Any) -> Any:
    """The scale of each variable by its own curvature; where it has none, by that with others, or by its size."""
    own = np.sqrt(np.abs(np.diag(hessian)))
    others = np.sqrt(np.abs(hessian).max(axis=1, initial=0.0))
    return np.where(own > FLAT_BESIDE * others, own, np.where(others > 0, others, 1 / reach))


def finite_part(hessian: Any) -> Any:
    """A Hessian without what is no finite number."""
    return hessian if np.isfinite(hessian).all() else np.where(np.isfinite(hessian), hessian, 0.0)
