"""Steps that are as long as derivatives up to the fourth order foresee, before any value is asked for there.

The polynomial of the fourth order in a step is known at the point: its value and its slope are one run of the graph,
with the step as the direction. So it is minimised by steps of its own, within regions of trust, as far as the term of
the fifth order leaves the foreseen fall certain. A curved valley, which a parabola follows in many short steps, and a
floor as flat as `x^4` cost one evaluation then; for a polynomial of the fourth order it is the value itself.

E. G. Birgin, J. L. Gardenghi, J. M. Martinez, S. A. Santos and Ph. L. Toint, Math. Program. 163 (2017), for models of
higher order; J. Nocedal and S. J. Wright, Numerical optimization, 2nd ed. (2006), section 6.2, for the symmetric
rank-one update that carries the polynomial's curvature along.
"""

from __future__ import annotations

import numpy as np

from cgcli.minimizing.subproblem import Model, step_within

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cgcli.minimizing.newton import Walk

DOUBT, EVEN = 0.25, 0.1
"""What the term of the fifth order may be beside the foreseen fall; the part that counts of what it is in a series
whose terms fall evenly."""

WIDER, WIDEST = 2.0, 1.0
"""How far beyond the radius that proved good a step may go; at the start, beside the size of the variables."""

MOST_INNER = 30
"""Steps on the polynomial."""

ENOUGH, SHORT = 1e-16, 1e-3
"""A fall beside the one already foreseen, and a radius beside the step, that are not worth another part of it."""


class Polynomial:
    """The value around a point as a polynomial of the fourth order in a step of the free variables."""

    def __init__(self, walk: Walk, model: Model) -> None:
        self._walk = walk
        self._model = model
        self._is_quartic = walk.objective.along().is_quartic

    def at(self, part: Any) -> tuple[float, Any, float]:
        """The change of the value by a step, its slope there, and what the next order may change."""
        walk, model = self._walk, self._model
        third, fourth, fifth = walk.objective.taylor(walk.point.x, walk.whole(part))
        third, fourth = third[walk.free], fourth[walk.free]
        bend = model.hessian @ part
        two, three, four = float(part @ bend) / 2, float(third @ part) / 6, float(fourth @ part) / 24
        change = float(model.gradient @ part) + two + three + four
        return change, model.gradient + bend + third / 2 + fourth / 6, self._doubt(two, four, fifth / 120)

    def _doubt(self, two: float, four: float, five: float) -> float:
        """The term of the fifth order, or what it is in a series whose terms fall evenly, if that is more: it may be 0
        by symmetry."""
        if self._is_quartic:
            return 0.0
        even = abs(four) * min(1.0, np.sqrt(abs(four / two))) if two else abs(four)
        return max(abs(five), EVEN * even)


def foresee(walk: Walk, model: Model, low: Any, high: Any, *, is_first: bool) -> tuple[Any, float, bool] | None:
    """A step within bounds, the fall that it promises, and whether it is bent; None where nothing is foreseen."""
    if not walk.objective.along().fifth:
        return None
    polynomial, scale = Polynomial(walk, model), model.scale
    radius, limit = walk.radius, walk.radius
    if is_first:
        size = float(np.linalg.norm(scale * walk.reach[walk.free]))
        limit = radius * WIDER if len(walk.steps) > 1 else max(radius, WIDEST * size)
    step, slope, bend, change = np.zeros(len(scale)), model.gradient, model.hessian, 0.0
    here = model
    for count in range(MOST_INNER):
        part = within(step, step_within(here, min(radius, limit), low - step, high - step), scale, limit)
        promised = -here.change(part)
        if not promised > ENOUGH * -change:
            break
        length = float(np.linalg.norm(scale * part))
        found, next_slope, doubt = polynomial.at(step + part)
        if not np.isfinite(found) or not np.isfinite(next_slope).all():
            if not count:
                return None
            break
        is_good = change - found >= 0.1 * promised and doubt <= DOUBT * -found
        bend = updated(bend, part, next_slope - slope, scale)
        if is_good:
            is_steady = change - found >= 0.75 * promised
            step, slope, change = step + part, next_slope, found
            if is_steady and length >= 0.8 * radius:
                radius = 3 * length
            if promised < 0.1 * doubt:
                break
        else:
            radius = 0.3 * length
            if radius < (SHORT if doubt <= DOUBT * -found else 0.1) * np.linalg.norm(scale * step):
                break
        here = Model(slope, bend, scale, walk.reach[walk.free])
    if not change < 0:
        walk.radius = min(radius, limit)
        return None
    walk.radius = float(np.linalg.norm(scale * step))
    return step, -change, count > 1


def within(step: Any, part: Any, scale: Any, limit: float) -> Any:
    """A part of a step that does not lead beyond a limit."""
    whole = np.linalg.norm(scale * (step + part))
    if whole <= limit * (1 + 1e-9):
        return part
    a, b = scale * part, scale * step
    across, along = float(a @ a), float(a @ b)
    rest = max(limit**2 - float(b @ b), 0.0)
    return (np.hypot(along, np.sqrt(across * rest)) - along) / across * part


def updated(bend: Any, part: Any, change: Any, scale: Any) -> Any:
    """A Hessian that tells of a change of the slope along a step: the symmetric update of rank one."""
    rest = change - bend @ part
    along = float(rest @ part)
    if abs(along) <= 1e-8 * np.linalg.norm(rest / scale) * np.linalg.norm(scale * part):
        return bend
    return bend + np.outer(rest, rest) / along
