"""The walk of a small least-squares problem to its solution, written for many problems at once.

A *walk* is one group of rows with its own parameters. What stands here is arithmetic on numbers of which each stands
for all walks: arrays of NumPy with a place for each (`beside`), or vectors of registers in machine code
(`cgcli.engines.native.walks`). So both take the same way, and `Numbers` has what operators do not say.

A step is one of Levenberg and Marquardt, from the triangle (the R factor) of a group's derivatives and residuals.
Linear parameters are projected out as in `least_squares`: the block behind theirs in a triangle is the Jacobian of L.
Kaufman (BIT 15, 1975). The damping follows H. B. Nielsen, Damping parameter in Marquardt's method (1999).

A triangle is indexed by row and column, the linear parameters first, the residuals last.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from cgcli.fitting.upper import EPSILON

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

    Number = Any
    """A number of each walk."""
    Mask = Any
    """A truth of each walk."""
    Triangle = Mapping[tuple[int, int], Number]

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
"""Evaluations of a walk at most."""
NEAR = 1e-8
"""What is left of a column without those before it, relative to its length, both squared, below which the squares of
numbers are not to be trusted."""


class Numbers(NamedTuple):
    """What operators do not say: `where(mask, x, y)`, the square root, the magnitude, and 0."""

    where: Callable[[Mask, Number | float, Number | float], Number]
    root: Callable[[Number], Number]
    magnitude: Callable[[Number], Number]
    zero: Number

    def squares(self, items: Sequence[Number]) -> Number:
        """The sum of squares."""
        return self.total([item * item for item in items])

    def total(self, items: Sequence[Number]) -> Number:
        """The sum."""
        found = items[0] if items else self.zero
        for item in items[1:]:
            found = found + item
        return found

    def larger(self, x: Number, y: Number | float) -> Number:
        """The larger one; y where x is nan."""
        return self.where(x > y, x, y)

    def smaller(self, x: Number, y: Number | float) -> Number:
        """The smaller one; y where x is nan."""
        return self.where(x < y, x, y)

    def inverse(self, x: Number) -> Number:
        """1/x, and 0 of 0."""
        known = x != 0.0
        return self.where(known, 1.0 / self.where(known, x, 1.0), 0.0)


def pairs(size: int) -> list[tuple[int, int]]:
    """The places of an upper triangle, row by row."""
    return [(row, column) for row in range(size) for column in range(row, size)]


def factorised(m: Numbers, products: Triangle, size: int) -> tuple[dict[tuple[int, int], Number], Mask]:
    """Cholesky's factor of products of columns, and where columns but the last one nearly depend on each other.

    Elsewhere it is right to eight digits at least (Å. Björck, Numerical Methods for Least Squares Problems, SIAM 1996,
    §2.2.3), and takes a third of the time of reflections.
    """
    left, found = dict(products), {}
    near = m.zero != m.zero
    for row in range(size):
        pivot, own = left[row, row], products[row, row]
        if row < size - 1:
            near = near | ~(pivot > NEAR * own)
        found[row, row] = root = m.root(m.where(pivot < 0.0, 0.0, pivot))
        inverse = m.inverse(root)
        for column in range(row + 1, size):
            found[row, column] = left[row, column] * inverse
        for above, column in pairs(size):
            if above > row:
                left[above, column] = left[above, column] - found[row, above] * found[row, column]
    return found, near


def substituted(m: Numbers, triangle: Triangle, first: int, right: Sequence[Number]) -> list[Number]:
    """The solution x of U x = b, U the block of a triangle that begins at `first`; 0 where U has a 0."""
    found = list(right)
    for row in reversed(range(len(right))):
        for column in range(row + 1, len(right)):
            found[row] = found[row] - triangle[first + row, first + column] * found[column]
        found[row] = found[row] * m.inverse(triangle[first + row, first + row])
    return found


def damped(
    m: Numbers, triangle: Triangle, first: int, behind: Sequence[Number], damping: Number, scale: Sequence[Number]
) -> list[Number]:  # fmt: skip
    """The step s with the least |b + U s|² + damping |scale s|², by the triangle of both one above the other.

    That comes from modified Gram–Schmidt with the right side as the last column, as exact for least squares as
    Householder's reflections (Å. Björck, BIT 7, 1967, and Numerical Methods for Least Squares Problems, §2.4). What is
    0 whatever the numbers are takes no part.
    """
    size = len(behind)
    if size == 1:
        slope = triangle[first, first]
        return [-(slope * behind[0]) / (slope * slope + damping * (scale[0] * scale[0]))]
    columns = [{row: triangle[first + row, first + column] for row in range(column + 1)} for column in range(size)]
    root = m.root(damping)
    for place, column in enumerate(columns):
        column[size + place] = root * scale[place]
    columns.append({row: -number for row, number in enumerate(behind)})
    shares: dict[tuple[int, int], Number] = {}
    for place, column in enumerate(columns[:-1]):
        inverse = m.inverse(m.squares(list(column.values())))
        for other in range(place + 1, size + 1):
            rest = columns[other]
            share = m.total([number * rest[row] for row, number in column.items() if row in rest]) * inverse
            shares[place, other] = share
            for row, number in column.items():
                rest[row] = rest[row] - share * number if row in rest else -(share * number)
    found = [shares[place, size] for place in range(size)]
    for place in reversed(range(size)):
        for other in range(place + 1, size):
            found[place] = found[place] - shares[place, other] * found[other]
    return found


@dataclass
class State:
    """Where walks are.

    points: the parameters. triangle: that at them; lengths: those of the derivatives; total: the sum of squares;
    offset, and that of the place before; damping; growth: by how much it grows next. came, took: the place before of
    the parameters that are not projected out, and their step there; nan where none is.
    """

    points: list[Number]
    triangle: Triangle
    lengths: list[Number]
    total: Number
    offset: Number
    before: Number
    damping: Number
    growth: Number
    came: list[Number]
    took: list[Number]


@dataclass
class Trial:
    """A step that is to be looked at: where it leads, and what is expected of it.

    plain: the step of the parameters that are not projected out, before steps are mixed. near: where walks are nearly
    at a solution; alone: where only the linear parameters move. optimum: the sum of squares once these follow.
    """

    points: list[Number]
    plain: list[Number]
    near: Mask
    alone: Mask
    damping: Number
    optimum: Number
    expected: Number


class Walk:
    """Steps of walks with `size` parameters, of which the first `linear` ones follow the others."""

    def __init__(self, size: int, linear: int) -> None:
        self.size = size
        self.linear = linear

    def begun(self, m: Numbers, points: Sequence[Number], triangle: Triangle) -> State:
        """Walks at their start."""
        lengths, total, offset = self._looked_at(m, triangle)
        nothing = total * 0.0
        none = [nothing * float("nan")] * (self.size - self.linear)
        return State(list(points), triangle, lengths, total, offset, nothing + float("inf"), nothing + FIRST,
                     nothing + 2.0, none, none)  # fmt: skip

    def _looked_at(self, m: Numbers, triangle: Triangle) -> tuple[list[Number], Number, Number]:
        """Of a triangle: the lengths of the derivatives (1 where one is 0), the sum of squares, the offset, which is
        infinite where something is not finite.
        """
        size = self.size
        lengths = [m.root(m.squares([triangle[row, column] for row in range(column + 1)])) for column in range(size)]
        along = m.squares([triangle[row, size] for row in range(size)])
        total = triangle[size, size] * triangle[size, size] + along
        finite = m.magnitude(m.total(lengths) + total) < float("inf")
        share = m.root(along / m.where(total > 0.0, total, 1.0))
        return [m.where(length > 0.0, length, 1.0) for length in lengths], total, m.where(finite, share, float("inf"))

    def finished(self, m: Numbers, state: State) -> tuple[Mask, Mask, list[Number]]:
        """Which walks are done, which of them at a solution, and the points: one nearly there takes its last step."""
        terms = m.root(m.squares([length * point for length, point in zip(state.lengths, state.points, strict=True)]))
        rounding = state.offset * m.root(state.total) <= terms * (ROUNDING * EPSILON)
        rounding = rounding | (state.total == 0.0)
        near = state.offset <= ORTHOGONAL
        quick = state.offset * m.larger(state.offset / state.before, LUCKY) <= UNSEEN
        stalled = near & (state.damping == 0.0) & (state.offset > 0.9 * state.before)
        size, triangle = self.size, state.triangle
        step = substituted(m, triangle, 0, [-triangle[row, size] for row in range(size)])
        unseen = quick & ~rounding & (m.total([m.magnitude(part) for part in step]) < float("inf"))
        points = [m.where(unseen, point + part, point) for point, part in zip(state.points, step, strict=True)]
        done = quick | rounding | stalled | (state.damping >= MOST) | (state.offset == float("inf"))
        return done, near | quick | rounding, points

    def tried(self, m: Numbers, state: State) -> Trial:
        """The next step of each walk."""
        size, linear, triangle = self.size, self.linear, state.triangle
        near = state.offset <= ORTHOGONAL
        damping = m.where(near, 0.0, state.damping)
        behind = [triangle[row, size] for row in range(linear, size)]
        rest = m.squares(behind)
        optimum = triangle[size, size] * triangle[size, size] + rest
        alone = (state.total - optimum > OFF * optimum) & ~near
        lengths = state.lengths[linear:]
        plain = damped(m, triangle, linear, behind, damping, lengths) if behind else []
        step = [m.where(alone, 0.0, part) for part in self._mixed(m, state, plain, lengths)]
        ahead = [
            -m.total([triangle[row, size], *(triangle[row, linear + place] * part for place, part in enumerate(step))])
            for row in range(linear)
        ]
        whole = substituted(m, triangle, 0, ahead) + step
        left = [
            m.total([behind[row], *(triangle[linear + row, linear + place] * step[place]
                                    for place in range(row, len(step)))])
            for row in range(len(step))
        ]  # fmt: skip
        points = [point + part for point, part in zip(state.points, whole, strict=True)]
        return Trial(points, plain, near, alone, damping, optimum, rest - m.squares(left))

    def _mixed(self, m: Numbers, state: State, plain: list[Number], lengths: list[Number]) -> list[Number]:
        """A step near a solution with what the one before tells: Gauss–Newton steps converge linearly, the slower the
        larger the residuals, and of two of them follows where they go (D. G. Anderson, J. ACM 12, 1965, of depth 1).
        """
        if not plain:
            return plain
        places = range(len(plain))
        moved = [point - came for point, came in zip(state.points[self.linear :], state.came, strict=True)]
        change = [step - took for step, took in zip(plain, state.took, strict=True)]
        weighted = [lengths[place] * change[place] for place in places]
        share = m.total([lengths[place] * plain[place] * weighted[place] for place in places]) / m.squares(weighted)
        other = [share * (moved[place] + change[place]) for place in places]
        fine = state.offset <= MIXED
        fine = fine & (m.squares([lengths[place] * other[place] for place in places])
                       <= m.squares([lengths[place] * plain[place] for place in places]))  # fmt: skip
        return [m.where(fine, plain[place] - other[place], plain[place]) for place in places]

    def arrived(self, m: Numbers, state: State, trial: Trial, there: Triangle, allowed: Mask) -> State:
        """Walks after a step that was looked at: it is taken where it gains what the derivatives say.

        there: the triangle at its end. allowed: walks that are not done.
        """
        linear, near, alone = self.linear, trial.near, trial.alone
        lengths, total, offset = self._looked_at(m, there)
        ahead = m.squares([there[row, self.size] for row in range(linear)])
        gained = m.where(offset < float("inf"), trial.optimum - (total - ahead), -float("inf"))
        better = ~alone & ~near & (gained > 1e-4 * trial.expected) & (gained > 0.0)
        better = better | (alone & (total < state.total))
        better = better | (near & (offset < 0.9 * state.offset) & (total <= state.total * (1 + 1e-9)))
        better = better & allowed
        state = self._with_damping(m, state, trial, better, gained)
        here = state.points[linear:]
        return State(
            points=[m.where(better, new, old) for new, old in zip(trial.points, state.points, strict=True)],
            triangle=self._chosen(m, better, there, state.triangle),
            lengths=[m.where(better, m.larger(new, old), old) for new, old in zip(lengths, state.lengths, strict=True)],
            total=m.where(better, total, state.total), offset=m.where(better, offset, state.offset),
            before=m.where(better | near, state.offset, state.before), damping=state.damping, growth=state.growth,
            came=[m.where(better & ~alone, point, float("nan")) for point in here],
            took=[m.where(better & ~alone, step, float("nan")) for step in trial.plain],
        )  # fmt: skip

    def _chosen(self, m: Numbers, better: Mask, new: Triangle, old: Triangle) -> Triangle:
        return {place: m.where(better, new[place], old[place]) for place in pairs(self.size + 1)}

    @staticmethod
    def _with_damping(m: Numbers, state: State, trial: Trial, better: Mask, gained: Number) -> State:
        """Less damping after a good step, more and more of it after bad ones; else it stays."""
        expected = trial.expected
        ratio = m.where(expected > 0.0, gained / m.where(expected > 0.0, expected, 1.0), 0.0)
        ratio = 2.0 * m.larger(m.smaller(ratio, 1.0), 0.0) - 1.0
        shrink = m.larger(1.0 - ratio * ratio * ratio, 1 / 3)
        steady = trial.alone | trial.near
        failed = ~better & ~steady
        grown = m.smaller(trial.damping * state.growth, MOST)
        smaller = m.larger(trial.damping * shrink, LEAST)
        return replace(
            state, growth=m.where(failed, 2.0 * state.growth, 2.0),
            damping=m.where(failed, grown, m.where(steady, trial.damping, smaller)),
        )  # fmt: skip


def flat(state: State) -> list[Number]:
    """The numbers of a state one after the other."""
    found: list[Number] = []
    for part in vars(state).values():
        found += part if isinstance(part, list) else part.values() if hasattr(part, "values") else [part]
    return found


def of_flat(numbers: Iterable[Number], size: int, linear: int) -> State:
    """The state of numbers in the order of `flat`."""
    coming = iter(numbers)

    def some(count: int) -> list[Number]:
        return [next(coming) for _ in range(count)]

    points, places, others = some(size), pairs(size + 1), size - linear
    triangle = dict(zip(places, some(len(places)), strict=True))
    lengths, (total, offset, before, damping, growth) = some(size), some(5)
    return State(points, triangle, lengths, total, offset, before, damping, growth, some(others), some(others))
