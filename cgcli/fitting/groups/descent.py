"""Many small least-squares problems side by side: one step of all of them is a few operations on arrays.

A *batch* is groups of about the same number of rows. Their rows lie beside each other, the groups along the last axis:
an array (lines, rows, groups) has the derivatives and the residuals, and one call of a kernel fills it for all groups,
each at its own parameters. The triangles of groups whose derivatives nearly depend on each other come from modified
Gram–Schmidt with the residuals as the last column, which is as exact for least squares as Householder's reflections (Å.
Björck, BIT 7, 1967, and Numerical Methods for Least Squares Problems, SIAM 1996, §2.4); the others by way of products
of columns. Each group has its own damping, and its steps are taken on their own.

Arrays have the groups last: a triangle (k, k, groups), a vector (k, groups).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Evaluate = Callable[[Any, Any], Any]
    """From points (p, groups) and the places of these groups in the batch to triangles (p + 1, p + 1, groups)."""

EPSILON = float(np.finfo(float).eps)
ORTHOGONAL = 1e-7
"""As in `least_squares`: the part of the residuals that may lie along their derivatives at a solution."""
ROUNDING = 8.0
"""Units in the last place of what the parameters contribute to the residuals: less than that is rounding."""
OFF = 1.0
"""How much may be gained by the linear parameters alone, relative to what is left, before they move alone."""
UNSEEN, LUCKY = 3e-10, 0.03
"""How orthogonal residuals will be, if a step helps as much as the one before, for it to be taken unseen; and how much
it is trusted to help at most."""
FIRST, LEAST, MOST = 1e-3, 1e-14, 1e14
"""Damping, relative to the lengths of the derivatives: at the start, and where it ends."""
MIXED = 1e-2
"""How orthogonal residuals have to be for steps to be mixed."""
EVALUATIONS = 60
"""Evaluations of a group in a batch at most."""
NEAR = 1e-8
"""What is left of a column without those before it, relative to its length, both squared, below which the squares of
numbers are not to be trusted."""
DEPENDENT = 1e-11
"""What is left of a column without those before it, relative to its length, below which the batch gives a group up."""


def triangles(lines: Any) -> Any:
    """The R factors (k, k, groups) of matrices whose columns are the lines: (k, rows, groups), overwritten.

    By Cholesky's factorisation of the products of columns, which takes a third of the time, where the columns (the last
    one, the residuals, aside) are far enough from depending on each other; there it is right to eight digits at least.
    """
    count = len(lines)
    found = np.zeros((count, count, lines.shape[-1]))
    products(lines, found)
    near = factorised(found)
    if near.any():
        found[..., near] = orthogonalised(np.ascontiguousarray(lines[..., near]))
    return found


def products(lines: Any, found: Any) -> None:
    """The products of lines (k, rows, groups) with each other, into the upper triangles of (k, k, groups)."""
    for place, line in enumerate(lines):
        for other in range(place, len(lines)):
            np.einsum("rg,rg->g", line, lines[other], out=found[place, other])


def factorised(products: Any) -> Any:
    """Cholesky's factors in the place of products of columns (k, k, groups), upper triangles; where columns but the
    last one nearly depend on each other.
    """
    count = len(products)
    near = np.zeros(products.shape[-1], dtype=bool)
    for place in range(count):
        own = products[place, place].copy()
        for above in range(place):
            products[place, place:] -= products[above, place] * products[above, place:]
        pivot = products[place, place]
        if place < count - 1:
            near |= ~(pivot > NEAR * own)
        root = np.sqrt(np.maximum(pivot, 0.0))
        products[place, place + 1 :] *= np.where(root > 0, 1 / np.where(root > 0, root, 1.0), 0.0)
        products[place, place] = root
    return near


def orthogonalised(lines: Any) -> Any:
    """The same by modified Gram–Schmidt."""
    count, rows, groups = lines.shape
    found = np.zeros((count, count, groups))
    spare = np.empty((rows, groups))
    for place in range(count):
        line = lines[place]
        square = np.einsum("rg,rg->g", line, line)
        found[place, place] = length = np.sqrt(square)
        inverse = 1 / np.where(square > 0, square, 1.0)
        for other in range(place + 1, count):
            share = np.einsum("rg,rg->g", line, lines[other]) * inverse
            found[place, other] = share * length
            np.multiply(line, share, out=spare)
            lines[other] -= spare
    return found


def solved(upper: Any, right: Any) -> Any:
    """The solutions x of U x = b for triangles (k, k, groups) and right sides (k, …, groups); 0 where U has a 0."""
    size = len(upper)
    found = np.zeros(right.shape)
    for place in range(size - 1, -1, -1):
        pivot = upper[place, place]
        inverse = np.where(pivot != 0, 1 / np.where(pivot != 0, pivot, 1.0), 0.0)
        rest = right[place].copy()
        for other in range(place + 1, size):
            rest -= upper[place, other] * found[other]
        found[place] = rest * inverse
    return found


def damped(upper: Any, residual: Any, damping: Any, scale: Any) -> Any:
    """The step s with the least |b + U s|² + damping |scale s|², by the triangle of both one above the other."""
    size, groups = residual.shape
    if size == 1:
        return -upper[0] * residual / (upper[0] ** 2 + damping * scale**2)
    lines = np.zeros((size + 1, 2 * size, groups))
    lines[:size, :size] = upper.transpose(1, 0, 2)
    lines[size, :size] = -residual
    root = np.sqrt(damping)
    for place in range(size):
        lines[place, size + place] = root * scale[place]
    found = orthogonalised(lines)
    return solved(found[:size, :size], found[:size, size])


@dataclass
class State:
    """Where the groups of a batch are. The last axis of each array counts the groups.

    places: which groups. points (p, g); triangle (k, k, g) at them; lengths (p, g): those of the derivatives; total:
    the sums of squares; offset, and that of the place before; damping; growth: by how much it grows next. came, took
    (q, g): the place before of the parameters that are not projected out, and their step there; nan where none is.
    """

    places: Any
    points: Any
    triangle: Any
    lengths: Any
    total: Any
    offset: Any
    before: Any
    damping: Any
    growth: Any
    came: Any
    took: Any

    def part(self, mask: Any) -> State:
        """Some of the groups."""
        chosen = np.flatnonzero(mask)
        return State(*(np.take(getattr(self, each.name), chosen, axis=-1) for each in fields(self)))

    def enter(self, mask: Any, **moved: Any) -> None:
        """What has changed where groups have moved."""
        everywhere = bool(mask.all())
        for name, values in moved.items():
            if everywhere:
                setattr(self, name, values)
            else:
                np.copyto(getattr(self, name), values, where=mask)


def mixed(state: State, step: Any, lengths: Any, linear: int) -> Any:
    """A step near a solution with what the one before tells: Gauss–Newton steps converge linearly, the slower the
    larger the residuals, and of two of them follows where they go (D. G. Anderson, J. ACM 12, 1965, of depth 1).
    """
    moved, change = state.points[linear:] - state.came, step - state.took
    weight = (lengths * change) ** 2
    share = (lengths**2 * step * change).sum(axis=0) / weight.sum(axis=0)
    found = step - share * (moved + change)
    fine = (state.offset <= MIXED) & (squares(lengths * (found - step)) <= squares(lengths * step))
    return np.where(fine, found, step)


@dataclass
class Ended:
    """How the groups of a batch ended, the groups last: points (p, g), triangles (k, k, g), offsets, evaluations, and
    which of them have converged. What has not is to be looked at alone.
    """

    points: Any
    triangle: Any
    offset: Any
    evaluations: Any
    converged: Any


class Descent:
    """Levenberg–Marquardt steps of all groups, the first `linear` parameters following the others.

    Linear parameters are projected out as in `least_squares`: the block behind theirs in a triangle is the Jacobian of
    L. Kaufman (BIT 15, 1975). The damping follows H. B. Nielsen, Damping parameter in Marquardt's method (1999).
    """

    def __init__(self, evaluate: Evaluate, size: int, linear: int) -> None:
        self._evaluate = evaluate
        self._size = size
        self._linear = linear

    def run(self, points: Any) -> Ended:
        """From points (p, groups) to where each group ends."""
        with np.errstate(all="ignore"):
            return self._run(points)

    def _run(self, points: Any) -> Ended:
        size, groups = points.shape
        every = np.arange(groups)
        triangle = self._evaluate(points, every)
        state = State(every, points.copy(), triangle, *self._looked_at(triangle), np.full(groups, np.inf),
                      np.full(groups, FIRST), np.full(groups, 2.0),
                      *np.full((2, size - self._linear, groups), np.nan))  # fmt: skip
        ended = Ended(np.empty((size, groups)), np.empty(triangle.shape), np.empty(groups), np.empty(groups, dtype=int),
                      np.zeros(groups, dtype=bool))  # fmt: skip
        for evaluation in range(1, EVALUATIONS + 1):
            done, converged = self._finished(state, last=evaluation == EVALUATIONS)
            if done.any():
                chosen = np.flatnonzero(done)
                places = state.places[chosen]
                ended.points[:, places] = state.points[:, chosen]
                ended.triangle[..., places] = np.take(state.triangle, chosen, axis=-1)
                ended.offset[places], ended.evaluations[places] = state.offset[chosen], evaluation
                ended.converged[places] = converged[chosen]
                state = state.part(~done)
            if not len(state.places):
                break
            self._stepped(state)
        return ended

    def _looked_at(self, triangle: Any) -> tuple[Any, Any, Any]:
        """Of triangles: the lengths of the derivatives (1 where one is 0), the sums of squares, the offsets, which are
        infinite where something is not finite.
        """
        size = self._size
        found = np.sqrt(np.einsum("rcg,rcg->cg", triangle[:, :size], triangle[:, :size]))
        along, last = squares(triangle[:size, size]), triangle[size, size]
        total = along + last * last
        finite = np.isfinite(total) & np.isfinite(found).all(axis=0)
        offset = np.where(finite, np.sqrt(along / np.where(total > 0, total, 1.0)), np.inf)
        return np.where(found > 0, found, 1.0), total, offset

    def _finished(self, state: State, *, last: bool) -> tuple[Any, Any]:
        """Which groups are done, and which of them at a solution; one that is nearly there takes its last step.

        last: whether there are no more evaluations.
        """
        terms = np.sqrt(squares(state.lengths * state.points))
        rounding = (state.offset * np.sqrt(state.total) <= ROUNDING * EPSILON * terms) | (state.total == 0)
        near = state.offset <= ORTHOGONAL
        quick = state.offset * np.maximum(state.offset / state.before, LUCKY) <= UNSEEN
        stalled = near & (state.damping == 0) & (state.offset > 0.9 * state.before)
        unseen = np.flatnonzero(quick & ~rounding)
        if len(unseen):
            step = self._whole_step(np.take(state.triangle, unseen, axis=-1))
            state.points[:, unseen] += np.where(np.isfinite(step).all(axis=0), step, 0.0)
        done = quick | rounding | stalled | (state.damping >= MOST) | np.isinf(state.offset) | last
        return done, near | quick | rounding

    def _stepped(self, state: State) -> None:
        """One evaluation of each group: a step is taken where it gains what the derivatives say."""
        size, linear = self._size, self._linear
        triangle, near = state.triangle, state.offset <= ORTHOGONAL
        state.damping[near] = 0.0
        slopes, behind = triangle[linear:size, linear:size], triangle[linear:size, size]
        rest = squares(behind)
        optimum = rest + triangle[size, size] ** 2
        alone = (state.total - optimum > OFF * optimum) & ~near
        plain = damped(slopes, behind, state.damping, state.lengths[linear:]) if size > linear else behind
        step = mixed(state, plain, state.lengths[linear:], linear)
        if alone.any():
            step[:, alone] = 0.0
        points = state.points + self._with_linear(triangle, step)
        there = self._evaluate(points, state.places)
        lengths, total, offset = self._looked_at(there)
        expected = rest - squares(behind + product(slopes, step))
        gained = np.where(np.isfinite(offset), optimum - (total - squares(there[:linear, size])), -np.inf)
        better = (gained > 1e-4 * expected) & (gained > 0)
        better[alone] = (total < state.total)[alone]
        better[near] = ((offset < 0.9 * state.offset) & (total <= state.total * (1 + 1e-9)))[near]
        self._change_damping(state, better, alone | near, gained, expected)
        state.before = np.where(better | near, state.offset, state.before)
        state.came, state.took = (np.where(better & ~alone, lines, np.nan) for lines in (state.points[linear:], plain))
        state.enter(better, points=points, triangle=there, lengths=np.maximum(lengths, state.lengths), total=total,
                    offset=offset)  # fmt: skip

    @staticmethod
    def _change_damping(state: State, better: Any, steady: Any, gained: Any, expected: Any) -> None:
        """Less damping after a good step, more and more of it after bad ones. steady: where it stays as it is."""
        ratio = np.where(expected > 0, gained / np.where(expected > 0, expected, 1.0), 0.0)
        shrink = np.maximum(1 / 3, 1 - (2 * np.clip(ratio, 0, 1) - 1) ** 3)
        failed = ~better & ~steady
        grown = np.minimum(state.damping * state.growth, MOST)
        smaller = np.maximum(state.damping * shrink, LEAST)
        state.growth = np.where(failed, 2 * state.growth, 2.0)
        state.damping = np.where(failed, grown, np.where(steady, state.damping, smaller))

    def _with_linear(self, triangle: Any, step: Any) -> Any:
        """A step of the others with that of the linear parameters, which answer it."""
        linear, size = self._linear, self._size
        if not linear:
            return step
        ahead = triangle[:linear, size] + product(triangle[:linear, linear:size], step)
        return np.concatenate((solved(triangle[:linear, :linear], -ahead), step))

    def _whole_step(self, triangle: Any) -> Any:
        """The Gauss–Newton step of all parameters."""
        return solved(triangle[: self._size, : self._size], -triangle[: self._size, self._size])


def squares(vectors: Any) -> Any:
    """The squares of the lengths of vectors (k, groups)."""
    return np.einsum("kg,kg->g", vectors, vectors)


def product(matrices: Any, vectors: Any) -> Any:
    """Matrices (i, j, groups) times vectors (j, groups)."""
    return np.einsum("ijg,jg->ig", matrices, vectors)


def dependent(triangle: Any, size: int) -> Any:
    """Which groups have derivatives that depend on each other, or of which one is 0: the batch knows no answer."""
    lengths_of = np.sqrt(np.einsum("rcg,rcg->cg", triangle[:, :size], triangle[:, :size]))
    pivots = np.abs(np.einsum("ccg->cg", triangle[:size, :size]))
    return ~(pivots > DEPENDENT * lengths_of).all(axis=0) if size else np.zeros(triangle.shape[-1], dtype=bool)


def covariances(triangle: Any, size: int) -> Any:
    """(J'J)⁻¹ of each group: (p, p, groups)."""
    groups = triangle.shape[-1]
    one = np.broadcast_to(np.eye(size)[:, :, None], (size, size, groups))
    inverse = solved(triangle[:size, :size], one)
    return np.einsum("ikg,jkg->ijg", inverse, inverse)
