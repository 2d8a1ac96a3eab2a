"""The search for a minimum, from the question to the words of the answer."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cgcli.errors import CalculationError, DataError, UsageError, did_you_mean
from cgcli.formulas import given
from cgcli.minimizing.constrained import ConstrainedWalk
from cgcli.minimizing.constraints import Constraints
from cgcli.minimizing.large import LargeWalk
from cgcli.minimizing.newton import BENT, CAUTIOUS, FORESEEN, Walk, finite_part
from cgcli.minimizing.objective import Objective
from cgcli.minimizing.outcome import CONVERGED, Minimum
from cgcli.minimizing.setting import Setting
from cgcli.minimizing.words import message_of
from cgcli.rows.whole import table_values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from cgcli.formulas.base import FormulaBase

ROUNDS = 1000
"""Steps after which a search gives up."""

TURNS = ((FORESEEN, 120), (BENT, 200), (CAUTIOUS, 200))
"""Manners of walking, and the steps after which the next one has its turn."""

MOST_DENSE = 300
"""Variables up to which the Hessian is a full matrix, of which all eigenvalues are known."""

METHODS = ("auto", "newton")


def minimize(
    formula: FormulaBase, start: Mapping[str, Any] | None = None, *, bounds: Mapping[str, Any] | None = None,
    of: str | None = None, wrt: Sequence[str] | None = None, fix: Sequence[str] | Mapping[str, Any] | None = None,
    subject_to: Sequence[str] | str | None = None, method: str = "auto", tolerance: float = 1e-8, starts: int = 1,
    seed: int = 0, rounds: int = ROUNDS, engine: str = "auto", data: Any = None,
) -> Minimum:  # fmt: skip
    """A minimum of a scalar output near a start; see `Formula.minimize`."""
    check_options(method, tolerance, starts, rounds)
    if data is not None:
        start, fix = with_columns(formula, data, start, bounds, fix)
    setting = Setting(formula, start, bounds=bounds, wrt=wrt, fix=fix, of=of, engine=engine)
    objective = Objective(setting.bound, setting.names, of)
    with np.errstate(all="ignore"):
        first, low, high = setting.vectors(objective.variables.shapes, setting.bound.values)
        places = start_places(first, low, high, starts, seed, objective.variables.labels())
        if subject_to:
            constraints = Constraints(subject_to, objective)
            held = [ConstrainedWalk(objective, constraints, place, low, high, tolerance=tolerance, rounds=rounds)
                    for place in places]  # fmt: skip
            return held_answer(objective, setting, [walk for walk in held if walk.point.is_finite()])
        walks = [walked(objective, place, low, high, tolerance, rounds) for place in places]
        return answer(objective, setting, walks, low, high)


def with_columns(
    formula: FormulaBase, data: Any, start: Mapping[str, Any] | None, bounds: Mapping[str, Any] | None,
    fix: Sequence[str] | Mapping[str, Any] | None,
) -> tuple[dict[str, Any], Any]:  # fmt: skip
    """The start and what is fixed, with the columns of a table for the inputs of their names that have no start.

    Rows with a gap in one of them are left out, of which a GapWarning tells. DataError where no row is left.
    """
    given_here = {**given.given_values(start, {}), **(dict(fix) if isinstance(fix, Mapping) else {})}
    known = {**dict.fromkeys(bounds or (), 0.0), **given_here}
    found = table_values(formula, data, known)
    columns = {name: np.asarray(value) for name, value in found.items() if name not in known}
    if not columns:
        raise DataError("no input is a column of the table", hint="an input takes the column of its name")
    whole = np.logical_and.reduce(
        [~np.isnan(column).reshape(len(column), -1).any(axis=1) for column in columns.values()]
    )
    if not whole.any():
        raise DataError("each row of the table has a gap in a column that is needed")
    return {**given_here, **{name: column[whole] for name, column in columns.items()}}, [*(fix or ()), *columns]


def check_options(method: str, tolerance: float, starts: int, rounds: int) -> None:
    """UsageError for what an option cannot be."""
    if method not in METHODS:
        raise UsageError(
            f"there is no method `{method}`", hint=did_you_mean(method, METHODS) or f"methods are {', '.join(METHODS)}"
        )
    if not 0 < tolerance < 1:
        raise UsageError(f"a tolerance of {tolerance:g} is none", hint="it is between 0 and 1, for example 1e-8")
    for name, count in (("starts", starts), ("rounds", rounds)):
        if not isinstance(count, int) or count < 1:
            raise UsageError(f"{name} is {count!r}", hint="it is a whole number from 1 on")


def start_places(first: Any, low: Any, high: Any, starts: int, seed: int, labels: Sequence[str]) -> list[Any]:
    """The given start, and others evenly spread between the bounds. UsageError where one has no bounds."""
    if starts == 1:
        return [first]
    for label, one, other in zip(labels, low, high, strict=True):
        if not np.isfinite(other - one):
            raise UsageError(f"`{label}` has no bounds to start between", hint=f"give both: --bound {label}=0:10")
    drawn = np.random.default_rng(seed).random((starts - 1, len(first)))
    return [first, *(low + drawn * (high - low))]


def walked(objective: Objective, x: Any, low: Any, high: Any, tolerance: float, rounds: int) -> Walk | None:
    """A walk from a place to its end; None where the value or the gradient there is no finite number.

    Where a walk takes long, or is stuck, another one in another manner has its turn, and the best one goes on.
    """
    if objective.variables.count > MOST_DENSE:
        walk: Walk = LargeWalk(objective, x, low, high, tolerance=tolerance, rounds=rounds)
        if walk.point.is_finite():
            walk.run()
        return walk if walk.point.is_finite() else None
    found = []
    for manner, patience in TURNS:
        walk = Walk(objective, x, low, high, tolerance=tolerance, rounds=min(rounds, patience), manner=manner)
        if not walk.point.is_finite():
            return None
        walk.run()
        rounds -= len(walk.steps) - 1
        found.append(walk)
        if walk.ending not in ("rounds", "stalled") or walk.is_at_edge() or rounds <= 0:
            break
    best = min(found, key=lambda walk: (walk.ending not in CONVERGED, walk.point.value))
    if best.ending == "rounds" and rounds > 0:
        best.rounds = rounds
        best.run()
    return best


def refuse_start(objective: Objective, x: Any) -> CalculationError:
    """What is wrong with a start at which the value, or the gradient, is no finite number: where that was born."""
    point = objective.at(x)
    what = "value" if not np.isfinite(point.value) else "gradient"
    births = objective.births(x, slopes=what == "gradient")
    told = f"the {what} is not finite at the start"
    if not births:
        return CalculationError(told, hint="start elsewhere")
    first = births[0]
    return CalculationError(
        f"{told}: {first.message}", span=first.span, source=first.source, hint=first.hint or "start elsewhere"
    )


def answer(objective: Objective, setting: Setting, walks: list[Walk | None], low: Any, high: Any) -> Minimum:
    """The best of some walks in numbers and words. CalculationError where none had a start."""
    found = [walk for walk in walks if walk is not None]
    if not found:
        raise refuse_start(objective, setting.vectors(objective.variables.shapes, setting.bound.values)[0])
    best = min(found, key=lambda walk: (walk.ending not in CONVERGED, walk.point.value))
    point, free = best.point, best.free
    curvatures = None
    if len(point.x) <= MOST_DENSE and best.ending != "kink":
        curvatures = np.linalg.eigvalsh(finite_part(point.hessian)[np.ix_(free, free)])
    slopes = np.where(free, point.gradient, 0.0)
    result = Minimum(
        values=objective.variables.unpack(point.x), value=point.value,
        gradient=objective.variables.unpack(point.gradient), gradient_norm=float(np.linalg.norm(slopes)),
        hessian_eigenvalues=curvatures, kind=best.ending,
        evaluations=objective.evaluations, rounds=len(best.steps) - 1, method=best.method, message="",
        notes=list(dict.fromkeys(setting.notes)),
        active=active_bounds(objective, best, low, high), steps=best.steps,
    )  # fmt: skip
    result.message = message_of(result, objective, best)
    return result


def held_answer(objective: Objective, setting: Setting, walks: list[ConstrainedWalk]) -> Minimum:
    """The best of some walks under constraints. CalculationError where none had a start."""
    if not walks:
        raise refuse_start(objective, setting.vectors(objective.variables.shapes, setting.bound.values)[0])
    for walk in walks:
        walk.run()
    best = min(walks, key=lambda walk: (walk.ending not in CONVERGED, walk.ending == "infeasible", walk.point.value))
    result = Minimum(
        values=objective.variables.unpack(best.point.x), value=best.point.value,
        gradient=objective.variables.unpack(best.point.gradient), gradient_norm=best.slope,
        hessian_eigenvalues=best.curvatures, kind=best.ending, evaluations=objective.evaluations,
        rounds=len(best.steps) - 1, method=best.method, message="", notes=list(dict.fromkeys(setting.notes)),
        active=best.active, steps=best.steps,
    )  # fmt: skip
    result.message = message_of(result, objective, best)
    return result


def active_bounds(objective: Objective, walk: Walk, low: Any, high: Any) -> dict[str, float]:
    """The bounds that hold a point, `x >= 0`, each with its multiplier."""
    found = {}
    for place, label in enumerate(objective.variables.labels()):
        if not walk.free[place]:
            at_low = walk.point.x[place] <= low[place]
            side = low[place] if at_low else high[place]
            found[f"{label} {'>=' if at_low else '<='} {side:g}"] = abs(float(walk.point.gradient[place]))
    return found
