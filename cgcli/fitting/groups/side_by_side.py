"""Groups of rows walk to their solutions side by side: in machine code, or as arrays of NumPy in batches."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cgcli.data.table import values_of
from cgcli.engines import choose_for_rows
from cgcli.engines.threads import in_order, processors
from cgcli.fitting.groups.beside import Beside, walked
from cgcli.fitting.groups.descent import EVALUATIONS, Numbers, Walk, factorised, flat, of_flat, pairs
from cgcli.fitting.groups.small_matrices import squares
from cgcli.fitting.residuals import Residuals

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from cgcli.engines.base import Engine
    from cgcli.fitting.groups.descent import Mask, Number, State, Trial, Triangle
    from cgcli.fitting.groups.grouping import GroupedRows
    from cgcli.fitting.question import Question

NUMBERS = 800_000
"""Derivatives and residuals of a batch."""
UNLIKE = 1.25
"""How many times as many rows as another one a group of the same batch may have; missing rows are filled with zeros."""
STRETCH = 50_000
"""Rows that are looked at together, so that they stay near a core."""
ALIKE = 1e-6
"""Sums of squares, relative to each other, that count as the same end."""
MANY = 10**9
"""Rows that pay for compiling: machine code is used for few rows, too, so that the bits of a group do not depend on how
many others there are."""
MOST_PARAMETERS = 10
"""Parameters of a walk in machine code at most: its length grows with their cube."""


@dataclass
class Ended:
    """How walks ended, the groups last: points (p, g), triangles (k, k, g), offsets, evaluations, and which of them
    have converged. What has not is to be looked at alone.
    """

    points: Any
    triangle: Any
    offset: Any
    evaluations: Any
    converged: Any


class VectorSteps(NamedTuple):
    """The steps of `descent.Walk` as instructions on vectors: what `engines.native.walks` asks for."""

    size: int
    linear: int

    @property
    def told_numbers(self) -> int:
        """Points, triangle and offset are told."""
        return self.size + len(pairs(self.size + 1)) + 1

    @property
    def state_numbers(self) -> int:
        """See `descent.State`."""
        return 2 * self.size + len(pairs(self.size + 1)) + 5 + 2 * (self.size - self.linear)

    def factorised(self, lanes: Any, products: Triangle) -> tuple[Triangle, Mask]:
        """See `descent.factorised`."""
        return factorised(numbers_of(lanes), products, self.size + 1)

    def begun(self, lanes: Any, points: Sequence[Number], triangle: Triangle) -> list[Number]:
        """See `descent.Walk`."""
        return flat(self._walk.begun(numbers_of(lanes), points, triangle))

    def finished(self, lanes: Any, state: list[Number]) -> tuple[Mask, Mask, list[Number]]:
        """See `descent.Walk`."""
        there = self._of(state)
        done, converged, there.points = self._walk.finished(numbers_of(lanes), there)
        return done, converged, flat(there)

    def tried(self, lanes: Any, state: list[Number]) -> tuple[list[Number], Trial]:
        """See `descent.Walk`."""
        trial = self._walk.tried(numbers_of(lanes), self._of(state))
        return trial.points, trial

    def arrived(
        self, lanes: Any, state: list[Number], trial: Trial, triangle: Triangle, allowed: Mask
    ) -> list[Number]:  # fmt: skip
        """See `descent.Walk`."""
        return flat(self._walk.arrived(numbers_of(lanes), self._of(state), trial, triangle, allowed))

    def told(self, state: list[Number]) -> list[Number]:
        """What of a state `Ended` holds."""
        there = self._of(state)
        return [*there.points, *there.triangle.values(), there.offset]

    @property
    def _walk(self) -> Walk:
        return Walk(self.size, self.linear)

    def _of(self, state: list[Number]) -> State:
        return of_flat(state, self.size, self.linear)


def numbers_of(lanes: Any) -> Numbers:
    """Vectors of registers as numbers."""
    return Numbers(lanes.where, partial(lanes.intrinsic, "llvm.sqrt"), lanes.magnitude, lanes.constant(0.0))


class Batches:
    """The residuals of groups, whose parameters are numbers.

    names: the parameters of the question. order: these as walks have them, those in which the residuals are affine
    first; back: for each parameter of the question its place there. others: those that are not affine.
    """

    def __init__(self, question: Question, rows: GroupedRows, order: Sequence[str] | None = None) -> None:
        """order: another one of the parameters. ShapeError as of `Residuals`."""
        self._residuals = residuals = Residuals(question)
        self.names = names = question.names
        self.linear = [name for name in names if name in residuals.affine]
        self.others = [name for name in names if name not in residuals.affine]
        self.order = list(order or [*self.linear, *self.others])
        self.back = [self.order.index(name) for name in names]
        self._rows = rows
        self._fixed = question.fixed
        self._columns = {name: values_of(column, rows.columns) for name, column in residuals.columns.items()}
        self._walk = Walk(len(self.order), 0 if order else len(self.linear))
        wanted = [*(residuals.slopes[name] for name in self.order), residuals.residual]
        engine = choose_for_rows(residuals.graph, wanted, "auto", {}, MANY)
        self._walks = self._in_machine_code(engine, wanted)
        if self._walks is None:
            self._sloped = engine.blocks(residuals.graph, wanted, [*self._columns, *self.order])

    def _in_machine_code(self, engine: Engine, wanted: list[int]) -> Any:
        """The walks as machine code; None where the engine is another one, or does not know how."""
        if len(self.order) > MOST_PARAMETERS:
            return None
        steps = VectorSteps(self._walk.size, self._walk.linear)
        walks = engine.walks(self._residuals.graph, wanted, list(self._columns), self.order, steps)
        return None if walks is None else walks.over(self._columns, self._fixed)

    def point(self, values: Mapping[str, Any]) -> Any:
        """A point of the batches; 1 for a parameter without a value, whose place follows from the others."""
        return np.array([float(values.get(name, 1.0)) for name in self.order])

    def run(self, places: Any, starts: Sequence[Any]) -> Ended:
        """How groups ended. starts: points (p,); each group begins at the best of them."""
        points = np.repeat(starts[0][:, None], len(places), axis=1)
        if len(starts) > 1:
            least = np.full(len(places), np.inf)
            for start in starts:
                here = np.repeat(start[:, None], len(places), axis=1)
                found = squares(self.triangles(places, here)[self._walk.linear :, -1])
                better = found < least
                points[:, better], least[better] = here[:, better], found[better]
        return self._walked(places, points, EVALUATIONS)

    def triangles(self, places: Any, points: Any) -> Any:
        """The triangles of groups at points (p, groups)."""
        return self._walked(places, points, 1).triangle

    def triangles_at(self, places: Any, points: Any) -> Any:
        """As `triangles`, at points in the order of the question."""
        return self.triangles(places, self._ordered(points))

    def walked(self, places: Any, points: Any) -> Ended:
        """How groups ended, each from a point of its own (p, groups), in the order of the question."""
        return self._walked(places, self._ordered(points), EVALUATIONS)

    def _ordered(self, points: Any) -> Any:
        return points[[self.names.index(name) for name in self.order]]

    def best_of(self, places: Any, samples: Any, followed: int) -> tuple[Ended, Any]:
        """The best end of each group from many starts, the best of which are followed; not converged where none is. And
        how many of these ended there.

        samples: points (count, p) in the order of the question.
        """
        points = self._ordered(samples.T)
        groups, count = len(places), points.shape[1]
        there = self.triangles(np.repeat(places, count), np.tile(points, groups))
        value = squares(there[self._walk.linear :, -1]).reshape(groups, count)
        best = np.argsort(np.where(np.isfinite(value), value, np.inf), axis=1, kind="stable")[:, :followed]
        ended = self._walked(np.repeat(places, best.shape[1]), points[:, best.ravel()], EVALUATIONS)
        total = np.where(ended.converged, squares(ended.triangle[:, -1]), np.inf).reshape(best.shape)
        lowest = np.arange(groups) * best.shape[1] + total.argmin(axis=1)
        agree = np.count_nonzero(total <= total.min(axis=1, keepdims=True) * (1 + ALIKE), axis=1)
        agree[np.isinf(total).all(axis=1)] = 0
        return Ended(*(part[..., lowest] for part in vars(ended).values())), agree

    def _walked(self, places: Any, points: Any, evaluations: int) -> Ended:
        if self._walks is None:
            return self._in_arrays(places, points, evaluations)
        rows, size = self._rows, len(points)
        found = self._walks.run(rows.first[places], rows.sizes[places], points, evaluations)
        upper = pairs(size + 1)
        triangle = np.zeros((size + 1, size + 1, len(places)))
        for line, place in enumerate(upper, start=size):
            triangle[place] = found[line]
        offset, taken, converged = found[size + len(upper) : size + len(upper) + 3]
        return Ended(found[:size], triangle, offset, taken.astype(int), converged != 0)

    # ---- arrays of NumPy -----------------------------------------------------------------------------------------

    def _in_arrays(self, places: Any, points: Any, evaluations: int) -> Ended:
        """The same in batches of groups of about the same number of rows."""
        size, groups = points.shape
        ended = Ended(np.empty((size, groups)), np.empty((size + 1, size + 1, groups)), np.empty(groups),
                      np.empty(groups, dtype=int), np.empty(groups, dtype=bool))  # fmt: skip
        parts = list(self._cut(places))
        jobs = (partial(self._batch, places[part], points[:, part], evaluations) for part in parts)
        for part, found in zip(parts, in_order(jobs, processors()), strict=True):
            for whole, its in zip(vars(ended).values(), found, strict=True):
                whole[..., part] = its
        return ended

    def _batch(self, places: Any, points: Any, evaluations: int) -> Any:
        with np.errstate(all="ignore"):
            beside = Beside(self._rows, places, self._columns, self.order, self._sloped, self._fixed)
            return walked(self._walk, beside, points, evaluations)

    def _cut(self, places: Any) -> Iterator[Any]:
        """Groups of about the same number of rows, not too many of them; where they stand among the places."""
        sizes = self._rows.sizes[places]
        order = np.argsort(sizes, kind="stable")
        sizes = sizes[order]
        width, begin = len(self.order) + 1, 0
        while begin < len(order):
            least = int(sizes[begin])
            most = int(np.searchsorted(sizes, UNLIKE * least + 2, side="right"))
            end = min(most, begin + max(1, NUMBERS // (width * max(least, 1))))
            yield order[begin:end]
            begin = end

    # ---- the target ----------------------------------------------------------------------------------------------

    def spreads(self) -> Any:
        """The target's weighted sum of squares about its weighted mean, in each group: see `RowsProblem`."""
        first, graph = self._rows.first, self._residuals.graph
        target = self._of_rows(self._residuals.target)
        common = graph.constant_value(self._residuals.sigma)
        sigma = self._of_rows(self._residuals.sigma) if common is None else None
        found = np.empty(len(self._rows))
        places = np.searchsorted(first, np.arange(0, int(first[-1]), STRETCH), side="left")
        bounds = np.unique(np.append(places, len(found))).tolist()

        def compute(begin: int, end: int) -> None:
            part = slice(first[begin], first[end])
            with np.errstate(all="ignore"):
                weights = None if sigma is None else 1 / sigma[part] ** 2
                found[begin:end] = spreads_of(target[part], weights, first[begin : end + 1] - first[begin])

        jobs = (partial(compute, begin, end) for begin, end in pairwise(bounds))
        for _ in in_order(jobs, processors()):
            pass
        return found if common is None else found / common**2

    def _of_rows(self, node: int) -> Any:
        """A node that depends on columns alone, in each row."""
        graph = self._residuals.graph
        if graph.is_input(node):
            return self._columns[graph.input_name(node)]
        engine = choose_for_rows(graph, [node], "auto", {}, MANY)
        found = engine.evaluate_rows(graph, self._columns, [node])[node]
        return np.broadcast_to(found, int(self._rows.first[-1]))


def spreads_of(target: Any, weights: Any, first: Any) -> Any:
    """Weighted sums of squares about weighted means, of groups that begin at `first`; the last one ends there, too."""
    begins, sizes = first[:-1], np.diff(first)
    weighted, whole = (target, sizes) if weights is None else (target * weights, np.add.reduceat(weights, begins))
    apart = target - np.repeat(np.add.reduceat(weighted, begins) / whole, sizes)
    return np.add.reduceat(apart * apart if weights is None else apart * apart * weights, begins)
