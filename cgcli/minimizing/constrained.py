"""Minima under constraints: SciPy finds the neighbourhood, Newton's method on the conditions of optimality the point.

Sequential quadratic programming (SLSQP) with exact gradients finds which constraints hold the minimum; where it fails,
SciPy's interior method with exact Hessians does. Then the equations of Karush, Kuhn and Tucker are solved to the last
digit with exact second derivatives, and judged: feasible, stationary, multipliers of the right sign, and no negative
curvature along the constraints. Where there is some, the point is left along it.

J. Nocedal and S. J. Wright, Numerical optimization, 2nd ed. (Springer, 2006), chapters 12 and 18.
"""

from __future__ import annotations

import numpy as np

from cgcli.minimizing.newton import Step, finite_part

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cgcli.minimizing.constraints import Constraints
    from cgcli.minimizing.objective import Objective, Point

TOLERANCE = 1e-8
"""A violation, or a slope, beside the size of what it is made of, that is as good as 0."""

ACTIVE = 1e-6
"""How near a constraint is to its limit, beside its size, to hold the point."""

MOST_POLISHING, MOST_LEFT = 20, 6
"""Newton's steps on the conditions of optimality; saddles that are left."""

FAR = 1e5
"""How much farther away than at the start a variable is where a value falls without end."""

LARGE = 1e50
"""What stands for a value that is no finite number, for methods that cannot do with one."""


class Held:
    """What holds a point: rows of the Jacobian of active constraints and bounds, and their multipliers.

    rows: of the Jacobian, constraints first, then bounds; multipliers: one each; places: numbers of the active
    constraints; sides: variables at a bound, +1 at the lower one.
    """

    def __init__(self, rows: Any, multipliers: Any, places: Any, sides: dict[int, float], rest: Any) -> None:
        self.rows = rows
        self.multipliers = multipliers
        self.places = places
        self.sides = sides
        self.rest = rest


class ConstrainedWalk:
    """The search for a minimum under constraints.

    ending: as `outcome.Minimum.kind`. curvatures: of the Lagrange function along the constraints. active: what holds
    the point, each with its multiplier.
    """

    method = "SQP, Newton on the KKT conditions"

    def __init__(
        self, objective: Objective, constraints: Constraints, x: Any, low: Any, high: Any, *, tolerance: float,
        rounds: int,
    ) -> None:  # fmt: skip
        self.objective, self.constraints = objective, constraints
        self.low, self.high = low, high
        self.tolerance, self.rounds = tolerance, rounds
        self.point = self.first = objective.at(x)
        self.size = np.maximum(np.abs(constraints.jacobian(x)) @ np.maximum(np.abs(x), 1e-3), 1e-10)
        self.broken: Any = None
        self.ending = ""
        self.curvatures: Any = np.zeros(0)
        self.active: dict[str, float] = {}
        self.steps: list[Step] = []
        self.slope = 0.0
        self._note("start", 0.0)

    def run(self) -> str:
        """Search to the end, and say how it ended."""
        for _ in range(MOST_LEFT):
            before = self.point.x
            self._sequential()
            self.ending = self._polished()
            if self.ending not in ("minimum", "flat", "saddle"):
                self._interior(before)
                self.ending = self._polished()
            if self.ending != "saddle" or not self._left_saddle():
                break
        return self.ending

    def _sequential(self) -> None:
        """SLSQP from the point."""
        from scipy.optimize import minimize

        size = max(abs(self.point.value), float(np.linalg.norm(self.point.gradient)), np.finfo(float).tiny)
        found = minimize(
            lambda x: self._value(x) / size, self.point.x, jac=lambda x: finite_part(self.objective.gradient(x)) / size,
            bounds=list(zip(self.low, self.high, strict=True)), method="SLSQP",
            constraints=[self._given("eq", self.constraints.equality), self._given("ineq", ~self.constraints.equality)],
            options={"maxiter": self.rounds, "ftol": 1e-14}, callback=self._seen,
        )  # fmt: skip
        self._take(found.x, "SQP")

    def _interior(self, x: Any) -> None:
        """SciPy's interior method with exact Hessians from a place."""
        import warnings

        from scipy.optimize import NonlinearConstraint, minimize

        limits = np.where(self.constraints.equality, 0.0, np.inf)
        given = NonlinearConstraint(
            self.constraints.at, 0.0, limits, jac=self.constraints.jacobian, hess=self.constraints.hessian
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = minimize(
                self._value, x, jac=lambda x: finite_part(self.objective.gradient(x)),
                hess=lambda x: finite_part(self.objective.hessian(x)), method="trust-constr", constraints=[given],
                bounds=list(zip(self.low, self.high, strict=True)),
                options={"maxiter": self.rounds, "gtol": 1e-9, "xtol": 1e-12},
            )  # fmt: skip
        self._take(found.x, "interior method")

    def _given(self, kind: str, chosen: Any) -> dict[str, Any]:
        return {
            "type": kind, "fun": lambda x: finite_part(self.constraints.at(x)[chosen]),
            "jac": lambda x: finite_part(self.constraints.jacobian(x)[chosen]),
        }  # fmt: skip

    def _value(self, x: Any) -> float:
        found = self.objective.at(np.asarray(x))
        if not np.isfinite(found.value):
            self.broken = found.x
            return LARGE if np.isnan(found.value) or found.value > 0 else -LARGE
        return found.value

    def _seen(self, x: Any) -> None:
        point = self.objective.point_at(x)
        length = float(np.linalg.norm(x - self.steps[-1].x))
        slope = float(np.linalg.norm(point.gradient))
        self.steps.append(Step(np.array(x), point.value, slope, length, self.objective.evaluations, "SQP step"))

    def _take(self, x: Any, what: str) -> None:
        if np.isfinite(x).all():
            before = self.point.x
            self.point = self.objective.at(np.clip(x, self.low, self.high))
            self._note(what, float(np.linalg.norm(self.point.x - before)))

    def _note(self, what: str, length: float) -> None:
        slope = float(np.linalg.norm(self.point.gradient))
        step = Step(self.point.x, self.point.value, slope, length, self.objective.evaluations, what)
        self.steps.append(step)

    # ---- the conditions of optimality --------------------------------------------------------------------------

    def _polished(self) -> str:
        """Newton's method on the conditions of optimality, and what the point is by them."""
        if not self.point.is_finite():
            return "stalled"
        held = self.held(self.point)
        error = self._error(self.point, held)
        for _ in range(MOST_POLISHING):
            found = self._newton(held)
            if found is None:
                break
            trial = self.objective.at(found)
            if not trial.is_finite():
                break
            again = self.held(trial)
            changed = self._error(trial, again)
            if not changed < 0.9 * error:
                break
            self.point, held, error = trial, again, changed
            self._note("Newton on the KKT conditions", 0.0)
        return self._judged(held)

    def held(self, point: Point) -> Held:
        """The constraints and bounds that hold a point, with the multipliers that balance its gradient best."""
        from scipy.optimize import lsq_linear

        values, jacobian = self.constraints.at(point.x), self.constraints.jacobian(point.x)
        size = self._sizes(point.x, jacobian)
        places = np.flatnonzero(self.constraints.equality | (values <= ACTIVE * size))
        reach = np.maximum(np.abs(point.x), 1e-3)
        sides = {int(place): 1.0 for place in np.flatnonzero(point.x - self.low <= ACTIVE * reach)}
        sides |= {int(place): -1.0 for place in np.flatnonzero(self.high - point.x <= ACTIVE * reach)}
        bounds = np.zeros((len(sides), len(point.x)))
        bounds[range(len(sides)), list(sides)] = list(sides.values())
        rows = np.vstack([jacobian[places], bounds])
        if not len(rows):
            return Held(rows, np.zeros(0), places, sides, point.gradient)
        lengths = np.linalg.norm(rows, axis=1)
        lengths = np.where(lengths > 0, lengths, 1.0)
        least = np.where(np.append(self.constraints.equality[places], np.zeros(len(sides), dtype=bool)), -np.inf, 0.0)
        found = lsq_linear((rows / lengths[:, None]).T, point.gradient, bounds=(least, np.inf), method="bvls")
        multipliers = found.x / lengths
        return Held(rows, multipliers, places, sides, point.gradient - rows.T @ multipliers)

    def _sizes(self, x: Any, jacobian: Any, places: Any = slice(None)) -> Any:
        """What a unit of each constraint is: its change over the size of the variables. places: of which."""
        return np.maximum(np.abs(jacobian) @ np.maximum(np.abs(x), 1e-3), 1e-2 * self.size[places])

    def _violation(self, x: Any) -> float:
        """The largest violation of a constraint, beside its size."""
        values = self.constraints.at(x)
        wrong = np.where(self.constraints.equality, np.abs(values), np.maximum(-values, 0.0))
        return float(np.max(wrong / self._sizes(x, self.constraints.jacobian(x)), initial=0.0))

    def _price(self, held: Held) -> float:
        """How much of the value is owed to what constraints are still violated by."""
        wrong = np.abs(np.minimum(self.constraints.at(self.point.x)[held.places], 0.0))
        return float(np.abs(held.multipliers[: len(held.places)]) @ wrong)

    def _error(self, point: Point, held: Held) -> float:
        """How far a point is from the conditions of optimality; infinite where it is no finite number."""
        slack = self.constraints.at(point.x)[held.places]
        scale = max(float(np.linalg.norm(point.gradient)), 1e-300)
        error = float(np.linalg.norm(held.rest)) / scale + self._violation(point.x)
        count = len(held.places)
        binding = slack * (held.multipliers[:count] > TOLERANCE * scale)
        error += float(np.max(np.abs(binding) / self._sizes(point.x, held.rows[:count], held.places), initial=0.0))
        return error if np.isfinite(error) else np.inf

    def _newton(self, held: Held) -> Any:
        """Newton's step on the conditions of optimality, with the constraints of positive multipliers as equations."""
        scale = TOLERANCE * max(float(np.linalg.norm(self.point.gradient)), 1e-300)
        lengths = np.linalg.norm(held.rows, axis=1)
        equal = np.append(self.constraints.equality[held.places], np.zeros(len(held.sides), dtype=bool))
        chosen = equal | (held.multipliers * lengths > scale)
        rows = held.rows[chosen]
        values = self.constraints.at(self.point.x)[held.places]
        sides = [self.point.x[place] - (self.low if way > 0 else self.high)[place] for place, way in held.sides.items()]
        slack = np.append(values, np.array(sides) * list(held.sides.values()))[chosen]
        hessian = self._curvature(held)
        system = np.block([[hessian, -rows.T], [rows, np.zeros((len(rows), len(rows)))]])
        right = -np.append(self.point.gradient, slack)
        if not np.isfinite(system).all() or not np.isfinite(right).all():
            return None
        step = np.linalg.lstsq(system, right, rcond=None)[0][: len(self.point.x)]
        return np.clip(self.point.x + step, self.low, self.high)

    def _curvature(self, held: Held) -> Any:
        """The Hessian of the Lagrange function."""
        multipliers = np.zeros(len(self.constraints.equality))
        multipliers[held.places] = held.multipliers[: len(held.places)]
        return finite_part(self.point.hessian) - self.constraints.hessian(self.point.x, multipliers)

    def _judged(self, held: Held) -> str:
        """What the point is: its conditions, and its curvature along the constraints that hold it."""
        gradient = max(float(np.linalg.norm(self.point.gradient)), 1e-300)
        self.slope = float(np.linalg.norm(held.rest))
        lengths = np.linalg.norm(held.rows, axis=1)
        binding = held.multipliers * lengths > TOLERANCE * gradient
        equal = np.append(self.constraints.equality[held.places], np.zeros(len(held.sides), dtype=bool))
        self.active = self._named(held, binding | equal)
        basis = null_space(held.rows[binding | equal], len(self.point.x))
        hessian = self._curvature(held)
        self.curvatures, self.directions = np.linalg.eigh(basis.T @ hessian @ basis)
        self.directions = basis @ self.directions
        if self._violation(self.point.x) > TOLERANCE:
            return "infeasible" if self.ending or self._stationary_violation() else "stalled"
        size = max(abs(self.point.value), min(1.0, abs(self.first.value)))
        reach = np.maximum(np.abs(self.point.x), 1e-3)
        if float(np.abs(held.rest) @ reach) > max(TOLERANCE * size, 1e-7 * float(np.abs(self.point.gradient) @ reach)):
            far = np.abs(self.point.x) > FAR * np.maximum(1.0, np.abs(self.first.x))
            return "unbounded" if far.any() and self.point.value < self.first.value else "stalled"
        if self._price(held) > 10 * TOLERANCE * size:
            return "stalled"
        largest = max(float(np.abs(hessian).max(initial=0.0)), 1e-300)
        if (self.curvatures < -1e-8 * largest).any():
            return "saddle"
        return "flat" if (self.curvatures <= 1e-10 * largest).any() else "minimum"

    def _stationary_violation(self) -> bool:
        """Whether no short step makes the constraints less wrong."""
        values, jacobian = self.constraints.at(self.point.x), self.constraints.jacobian(self.point.x)
        wrong = np.where(self.constraints.equality, values, np.minimum(values, 0.0))
        slope = jacobian.T @ wrong
        return bool(np.linalg.norm(slope) <= 1e-6 * np.linalg.norm(wrong) * np.linalg.norm(jacobian))

    def _named(self, held: Held, chosen: Any) -> dict[str, float]:
        """The constraints and bounds that hold the point, by their texts."""
        labels = [self.constraints.labels[place] for place in held.places]
        names = self.objective.variables.labels()
        for place, way in held.sides.items():
            side = (self.low if way > 0 else self.high)[place]
            labels.append(f"{names[place]} {'>=' if way > 0 else '<='} {side:g}")
        return {
            label: float(multiplier)
            for label, multiplier, is_chosen in zip(labels, held.multipliers, chosen, strict=True)
            if is_chosen
        }

    def _left_saddle(self) -> bool:
        """Away from a saddle along its most negative curvature, to a lower or a feasible neighbour; False without."""
        direction = self.directions[:, 0]
        least = 1e-3 if np.abs(self.point.x).max() > 1e-3 else 1.0  # 0 has no size: a step from it is one of units
        unit = float(np.max(np.abs(direction) / np.maximum(np.abs(self.point.x), least)))
        for length in (1e-2, 1e-1, 1e-3):
            for sign in (1, -1):
                x = np.clip(self.point.x + sign * length / unit * direction, self.low, self.high)
                trial = self.objective.at(x)
                if trial.is_finite() and trial.value < self.point.value + length * abs(self.point.value):
                    self._take(x, "left a saddle")
                    return True
        return False


def null_space(rows: Any, count: int) -> Any:
    """An orthonormal basis of the directions that some rows leave as they are."""
    if not len(rows):
        return np.eye(count)
    lengths = np.linalg.norm(rows, axis=1)
    _, singular, basis = np.linalg.svd(rows[lengths > 0] / lengths[lengths > 0, None])
    rank = int((singular > 1e-10 * singular.max(initial=1.0)).sum())
    return basis[rank:].T
