"""Minima at kinks: where the value is the largest of several smooth pieces, and two or more of them meet.

There the gradient jumps and Newton's step leads across the kink and back. So the pieces are collected as they are met,
each with its value, gradient and Hessian; the step is the minimum of the largest of their models (sequential quadratic
programming for minimax problems). A point is a minimum at a kink where that step promises nothing, the gradients around
balance, and no neighbour is lower.

J. V. Burke, A. S. Lewis and M. L. Overton, SIAM J. Optim. 15 (2005), for the gradients around a point;
J. Nocedal and S. J. Wright, Numerical optimization, 2nd ed. (2006), chapter 18.
"""

from __future__ import annotations

import numpy as np

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cgcli.minimizing.newton import Walk
    from cgcli.minimizing.objective import Point

JUMP = 0.05
"""A change of the gradient beside its size that no short step explains."""

NEARBY = 1e-7
"""How far neighbours are from a point, beside the size of the variables."""

SNAP = 1e-9
"""How near to a bound a step ends at it, beside the radius."""

MOST_VARIABLES, MOST_ATTEMPTS = 40, 60
"""More variables are not looked at for kinks; steps in which the pieces of one kink are collected."""

SPIKE = 12.0
"""A gradient that grows by more than this where neighbours come nearer by `CLOSER` is no gradient of a kink: it has no
limit (√|x| grows by 10, log |x| by 100, and that has no minimum)."""

CLOSER = 100.0
"""By how much the second neighbours are nearer."""

MOST_NEIGHBOURS = 24
"""Random neighbours that are asked beside those along the variables."""


class Piece:
    """A smooth piece of the value as it was met at a point."""

    __slots__ = ("gradient", "hessian", "value", "x")

    def __init__(self, point: Point) -> None:
        self.x, self.value, self.gradient = point.x, point.value, point.gradient
        self.hessian = np.where(np.isfinite(point.hessian), point.hessian, 0.0)

    def at(self, x: Any) -> tuple[float, Any]:
        """Its value and gradient at another point, by its own model."""
        step = x - self.x
        along = self.hessian @ step
        return float(self.value + self.gradient @ step + step @ along / 2), self.gradient + along


def is_jump(first: Point, second: Point, scale: Any) -> bool:
    """Whether the gradient between two near points changes by more than the curvature says."""
    due = first.gradient + np.where(np.isfinite(first.hessian), first.hessian, 0.0) @ (second.x - first.x)
    size = max(np.linalg.norm(first.gradient / scale), np.linalg.norm(second.gradient / scale))
    return bool(np.linalg.norm((second.gradient - due) / scale) > JUMP * size)


def descend(walk: Walk, scale: Any, others: list[Point]) -> str:
    """Go down along the kinks around a point: `kink` where it is a minimum, empty where it went on, else `stalled`.

    others: points on the other sides that the walk has met.
    """
    pieces = [Piece(walk.point), *map(Piece, others)]
    radius = max([float(np.linalg.norm(scale * (piece.x - walk.point.x))) for piece in pieces])
    if not radius:
        pieces += [Piece(point) for point in neighbours(walk) if point.is_finite()]
        radius = NEARBY * len(scale)
    start = walk.point.value
    for _ in range(MOST_ATTEMPTS):
        if not radius > 0:
            break
        step, promised = minimax_step(walk, pieces, scale, radius)
        least = max(walk.least, walk.noise)
        if promised <= least:
            if is_minimum_around(walk, scale) and is_kink(walk):
                return "kink"
            pieces += [Piece(point) for point in neighbours(walk) if point.is_finite()]
            step, promised = minimax_step(walk, pieces, scale, radius)
            if promised <= least:
                break
        trial = walk.objective.at(np.clip(walk.point.x + step, walk.low, walk.high))
        length = float(np.linalg.norm(scale * step))
        if not trial.is_finite():
            radius = 0.25 * length
            continue
        pieces = [*pieces[-3 * len(step) - 8 :], Piece(trial)]
        if walk.point.value - trial.value >= 0.05 * promised:
            walk.take(trial, length, "step along a kink")
            radius = max(radius, 2 * length)
        else:
            radius = max(0.5 * min(radius, length), 1e-12 * float(np.linalg.norm(scale * walk.reach)))
    walk.radius = radius
    return "" if walk.point.value < start - walk.least else "stalled"


def minimax_step(walk: Walk, pieces: list[Piece], scale: Any, radius: float) -> tuple[Any, float]:
    """The step to the minimum of the largest of some pieces within a radius, and the fall that it promises."""
    from scipy.optimize import minimize

    x, value, count = walk.point.x, walk.point.value, len(walk.point.x)
    near = [(piece, *piece.at(x)) for piece in pieces]
    top = max(abs(each) for _, each, _ in near)
    near = [each for each in near if each[1] <= value + max(1e-9 * top, walk.least)]
    if not near:
        return np.zeros(count), 0.0
    unit = radius / scale
    offsets = np.array([each - value for _, each, _ in near])
    slopes = np.array([slope * unit for _, _, slope in near])
    weight = max(np.abs(slopes).max(), np.abs(offsets).max(), np.finfo(float).tiny)
    bend = np.mean([piece.hessian for piece, _, _ in near], axis=0) * np.outer(unit, unit) / weight
    low, bends = np.linalg.eigh(bend)
    bend = (bends * np.maximum(low, 0.0)) @ bends.T
    limits = list(zip((walk.low - x) / unit, (walk.high - x) / unit, strict=True))
    found = minimize(
        lambda z: z[-1] + z[:-1] @ bend @ z[:-1] / 2,
        np.append(np.zeros(count), offsets.max() / weight),
        jac=lambda z: np.append(bend @ z[:-1], 1.0),
        bounds=[(max(a, -1.0), min(b, 1.0)) for a, b in limits] + [(None, None)],
        constraints={
            "type": "ineq", "fun": lambda z: z[-1] - (offsets + slopes @ z[:-1]) / weight,
            "jac": lambda z: np.hstack([-slopes / weight, np.ones((len(near), 1))]),
        },
        method="SLSQP", options={"maxiter": 100, "ftol": 1e-15},
    )  # fmt: skip
    step = found.x[:-1]
    sides = np.array(limits).T
    step = np.where(
        np.abs(step - sides[0]) <= SNAP, sides[0], np.where(np.abs(step - sides[1]) <= SNAP, sides[1], step)
    )
    largest = float(np.max((offsets + slopes @ step) / weight) + step @ bend @ step / 2)
    return step * unit, max(0.0, -largest * weight) if np.isfinite(largest) else 0.0


def neighbours(walk: Walk) -> list[Point]:
    """Points around a point: along each variable, and in some fixed random directions."""
    count = len(walk.point.x)
    directions = [*np.eye(count), *np.random.default_rng(0).uniform(-1, 1, (min(2 * count, MOST_NEIGHBOURS), count))]
    return [
        walk.objective.at(np.clip(walk.point.x + sign * NEARBY * walk.reach * direction, walk.low, walk.high))
        for direction in directions
        for sign in (1, -1)
    ]


def is_minimum_around(walk: Walk, scale: Any) -> bool:
    """Whether no neighbour is lower, the gradients around jump, and they balance: their hull holds 0."""
    from scipy.optimize import nnls

    around = neighbours(walk)
    if any(point.value < walk.point.value - max(walk.least, walk.noise) for point in around):
        return False
    slopes = np.array([point.gradient / scale for point in around if point.is_finite()])
    if not len(slopes):
        return False
    size = np.linalg.norm(slopes, axis=1).max()
    held = ((walk.point.x <= walk.low) | (walk.point.x >= walk.high)).nonzero()[0]
    sides = np.zeros((len(held), len(scale)))
    sides[range(len(held)), held] = np.where(walk.point.x[held] <= walk.low[held], -1.0, 1.0)
    system = np.vstack([np.vstack([slopes / size, sides]).T, [1.0] * len(slopes) + [0.0] * len(held)])
    _, rest = nnls(system, np.append(np.zeros(len(scale)), 1.0))
    return bool(rest <= 1e-4)


def is_kink(walk: Walk) -> bool:
    """Whether the gradient jumps around a point: its differences stay as they are where the neighbours come nearer.

    Where they grow on and on it is no kink but a spike, of which doubles do not tell how deep it is.
    """
    if len(walk.point.x) > MOST_VARIABLES:
        return False
    (far, far_slope), (near, near_slope) = (slopes_around(walk, distance) for distance in (NEARBY, NEARBY / CLOSER))
    is_spike = ((far_slope > 0) & (near_slope > SPIKE * far_slope)).any()
    return bool((near > 0.5 * far).any() and near.any() and not is_spike)


def slopes_around(walk: Walk, distance: float) -> tuple[Any, Any]:
    """Of the gradients at neighbours along each variable: their differences, as far as they are more than rounding, and
    the largest slope by a variable where it was the one that moved.
    """
    count = len(walk.point.x)
    around = np.array([
        walk.objective.gradient(np.clip(walk.point.x + sign * distance * walk.reach * direction, walk.low, walk.high))
        for direction in np.eye(count)
        for sign in (1, -1)
    ])  # fmt: skip
    sides = np.array([around[2 * place : 2 * place + 2, place] for place in range(count)])
    own = np.abs(np.where(np.isfinite(sides), sides, 0.0)).max(axis=1)
    slopes = around[np.isfinite(around).all(axis=1)]
    if len(slopes) < 2:
        return np.zeros(count), own
    found = np.ptp(slopes, axis=0)
    return np.where(found > JUMP * np.abs(slopes).max(), found, 0.0), own
