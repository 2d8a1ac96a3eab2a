"""The rows of groups side by side, in batches of groups of about the same number of rows."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from cgcli.data.table import values_of
from cgcli.engines import choose_for_rows
from cgcli.engines.threads import processors
from cgcli.fitting.descent import Descent, Ended, squares, triangles
from cgcli.fitting.residuals import Residuals
from cgcli.fitting.rows_problem import EVALUATIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from cgcli.data.table import Named
    from cgcli.engines.base import Blocks
    from cgcli.fitting.grouping import GroupedRows
    from cgcli.fitting.question import Question

NUMBERS = 800_000
"""Derivatives and residuals of a batch (6 MB)."""
UNLIKE = 1.25
"""How many times as many rows as another one a group of the same batch may have; missing rows are filled with zeros."""
THINNED, ROWS_TO_THIN = 6, 2
"""Rows for each parameter at which a group is looked at first, if it has so many times as many."""
FULL = 0.75
"""The part of a batch that is still at work below which the others' rows are put away."""


class Batches:
    """The residuals of groups, whose parameters are numbers.

    order: the parameters as batches have them, those in which the residuals are affine first; back: for each parameter
    of the question its place there. others: those that are not affine.
    """

    def __init__(self, question: Question, rows: GroupedRows, order: Sequence[str] | None = None) -> None:
        """order: another one of the parameters. ShapeError as of `Residuals`."""
        residuals = Residuals(question)
        names = question.names
        self.linear = [name for name in names if name in residuals.affine]
        self.others = [name for name in names if name not in residuals.affine]
        self.order = list(order or [*self.linear, *self.others])
        self.back = [self.order.index(name) for name in names]
        self._rows = rows
        self._fixed = question.fixed
        self._columns = residuals.columns
        graph = residuals.graph
        wanted = [*(residuals.slopes[name] for name in self.order), residuals.residual]
        varying = [*self._columns, *self.order]
        engine = choose_for_rows(graph, wanted, "auto", {}, EVALUATIONS * int(rows.first[-1]))
        self._sloped = engine.blocks(graph, wanted, varying)
        self._target = choose_for_rows(graph, [residuals.target, residuals.sigma], "numpy", {}, 1).blocks(
            graph, [residuals.target, residuals.sigma], list(self._columns)
        )

    def point(self, values: Mapping[str, Any]) -> Any:
        """A point of the batches; 1 for a parameter without a value, whose place follows from the others."""
        return np.array([float(values.get(name, 1.0)) for name in self.order])

    def run(self, places: Any, starts: Sequence[Any]) -> Iterator[tuple[Any, Ended, Any]]:
        """Groups as they are done: which, how they ended, and the spread of their targets. starts: points (p,); each
        group begins at the best of them.
        """
        batches = list(self._cut(places))
        with ThreadPoolExecutor(max(1, min(processors(), len(batches)))) as pool:
            for chosen, (ended, spread) in zip(batches, pool.map(lambda part: self._run(part, starts), batches),
                                               strict=True):  # fmt: skip
                yield chosen, ended, spread

    def _cut(self, places: Any) -> Iterator[Any]:
        """Groups of about the same number of rows, not too many of them."""
        sizes = self._rows.sizes
        places = places[np.argsort(sizes[places], kind="stable")]
        width, begin = len(self.order) + 1, 0
        while begin < len(places):
            least = int(sizes[places[begin]])
            most = int(np.searchsorted(sizes[places], UNLIKE * least + 2, side="right"))
            end = min(most, begin + max(1, NUMBERS // (width * least)))
            yield places[begin:end]
            begin = end

    def _run(self, places: Any, starts: Sequence[Any]) -> tuple[Ended, Any]:
        """One batch to its end."""
        with np.errstate(all="ignore"):
            beside = Beside(self._rows, places, self._columns, self.order, self._sloped, self._fixed)
            points = best_starts(beside, starts, len(self.linear), len(places))
            points = self._looked_at(places, points)
            ended = Descent(beside, len(self.order), len(self.linear)).run(points)
            return ended, self._spread(beside)

    def _looked_at(self, places: Any, points: Any) -> Any:
        """Points that are nearer to the solutions, by some of the rows where there are many."""
        size = len(self.order)
        some = THINNED * size
        if int(self._rows.sizes[places[0]]) < ROWS_TO_THIN * some:
            return points
        few = Beside(self._rows, places, self._columns, self.order, self._sloped, self._fixed, some)
        ended = Descent(few, size, len(self.linear), roughly=True).run(points)
        return np.where(ended.converged, ended.points, points)

    def beside(self, places: Any) -> list[tuple[Any, Beside]]:
        """The rows of groups, in batches: which groups, and these beside each other."""
        return [(part, Beside(self._rows, part, self._columns, self.order, self._sloped, self._fixed))
                for part in self._cut(places)]  # fmt: skip

    def spreads(self, parts: Sequence[tuple[Any, Beside]], groups: int) -> Any:
        """The spread of each group's target, of batches with all groups."""
        found = np.empty(groups)
        with np.errstate(all="ignore"):
            for places, beside in parts:
                found[places] = self._spread(beside)
        return found

    def _spread(self, beside: Beside) -> Any:
        """The target's sum of squares about its weighted mean, in each group: see `RowsProblem`."""
        height, groups = beside.shape
        lines = np.empty((2, height * groups))
        self._target.at({}).over(beside.whole).fill(0, height * groups, lines)
        target, sigma = lines
        weighted = np.stack((1 / sigma, target / sigma)).reshape(2, height, groups)
        if beside.counts is not None:
            weighted *= beside.counts
        return triangles(weighted)[1, 1] ** 2


def best_starts(beside: Beside, starts: Sequence[Any], linear: int, groups: int) -> Any:
    """For each group the start with the least sum of squares once the linear parameters follow: (p, groups)."""
    every = np.arange(groups)
    points = np.repeat(starts[0][:, None], groups, axis=1)
    if len(starts) == 1:
        return points
    least = np.full(groups, np.inf)
    for start in starts:
        here = np.repeat(start[:, None], groups, axis=1)
        found = squares(beside(here, every)[linear:, -1])
        better = found < least
        points[:, better], least[better] = here[:, better], found[better]
    return points


class Beside:
    """Rows of groups beside each other: what `descent.Descent` evaluates.

    shape: (rows, groups). counts: 1 for a row that a group has and 0 for one that fills it up; None where all groups
    have as many. whole: the columns by input, (rows * groups,) + what a row has.
    """

    def __init__(
        self, rows: GroupedRows, places: Any, columns: Mapping[str, Named], order: Sequence[str], blocks: Blocks,
        fixed: Mapping[str, Any], some: int | None = None,
    ) -> None:  # fmt: skip
        """some: how many rows are taken of each group, evenly; all of them where nothing is said."""
        sizes = rows.sizes[places]
        height, groups = some or int(sizes.max()), len(places)
        self.shape = (height, groups)
        line = np.arange(height)[:, None]
        if some is None:
            taken = np.minimum(line, sizes - 1) + rows.first[places]
        else:
            taken = (line * (sizes - 1)) // (some - 1) + rows.first[places]
        self.counts = None if some or (sizes == height).all() else (line < sizes).astype(float)
        self.whole = {name: values_of(column, rows.columns)[taken.ravel()] for name, column in columns.items()}
        self._order = order
        self._at = blocks.at(fixed)
        self._active = np.arange(groups)
        self._columns, self._counted = self.whole, self.counts

    def __call__(self, points: Any, places: Any) -> Any:
        """Triangles (k, k, groups) of some groups at their points (p, groups)."""
        if len(places) < FULL * len(self._active):
            self._keep(places)
        height, groups = self.shape[0], len(self._active)
        if groups != len(places):
            chosen = np.searchsorted(self._active, places)
            everywhere = np.zeros((len(points), groups))
            everywhere[:, chosen] = points
            points = everywhere
        given = dict(self._columns)
        for name, line in zip(self._order, points, strict=True):
            given[name] = np.broadcast_to(line, (height, groups)).reshape(-1)
        lines = np.empty((len(points) + 1, height * groups))
        self._at.over(given).fill(0, height * groups, lines)
        table = lines.reshape(len(lines), height, groups)
        if self._counted is not None:
            table *= self._counted
        found = triangles(table)
        return found if groups == len(places) else found[..., chosen]

    def _keep(self, places: Any) -> None:
        """Put the rows of other groups away."""
        chosen, before = np.searchsorted(self._active, places), len(self._active)
        height = self.shape[0]
        self._columns = {
            name: np.ascontiguousarray(column.reshape(height, before, *column.shape[1:])[:, chosen]).reshape(
                height * len(chosen), *column.shape[1:]
            )
            for name, column in self._columns.items()
        }
        if self._counted is not None:
            self._counted = np.ascontiguousarray(self._counted[:, chosen])
        self._active = places
