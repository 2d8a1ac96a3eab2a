"""The rows of groups side by side, in batches of groups of about the same number of rows."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from cgcli.data.table import values_of
from cgcli.engines import choose_for_rows
from cgcli.engines.threads import processors
from cgcli.fitting.groups.descent import Descent, Ended, factorised, orthogonalised, products, squares
from cgcli.fitting.residuals import Residuals
from cgcli.fitting.rows_problem import EVALUATIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from cgcli.engines.base import Blocks, BlocksAt
    from cgcli.fitting.groups.grouping import GroupedRows
    from cgcli.fitting.question import Question

NUMBERS, NEAR_A_CORE = 800_000, 200_000
"""Derivatives and residuals of a batch, and of a part of it that is evaluated at once (1.6 MB)."""
UNLIKE = 1.25
"""How many times as many rows as another one a group of the same batch may have; missing rows are filled with zeros."""
FOLLOWED = 40
"""Starts of a group that are followed to their ends."""
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
        self._columns = {name: values_of(column, rows.columns) for name, column in residuals.columns.items()}
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
            beside = self._besides(places)
            points = best_starts(beside, starts, len(self.linear), len(places))
            spread = beside.spread(self._target)
            return Descent(beside, len(self.order), len(self.linear)).run(points), spread

    def best_of(self, place: int, samples: Any) -> Any:
        """The best solution of a group from many starts, which are followed side by side; None where there is none.

        samples: points (count, p) in the order of the question. The result is in that of batches.
        """
        points = samples[:, [self.back.index(place) for place in range(len(self.order))]].T
        linear = len(self.linear)
        with np.errstate(all="ignore"):
            beside = self._besides(np.full(points.shape[1], place))
            value = squares(beside(points, np.arange(points.shape[1]))[linear:, -1])
            best = np.argsort(np.where(np.isfinite(value), value, np.inf), kind="stable")[:FOLLOWED]
            beside = self._besides(np.full(len(best), place))
            ended = Descent(beside, len(self.order), linear).run(points[:, best])
        total = np.where(ended.converged, squares(ended.triangle[:, -1]), np.inf)
        found = int(total.argmin())
        return ended.points[:, found] if np.isfinite(total[found]) else None

    def _besides(self, places: Any) -> Beside:
        return Beside(self._rows, places, self._columns, self.order, self._sloped, self._fixed)

    def beside(self, places: Any) -> list[tuple[Any, Beside]]:
        """The rows of groups, in batches: which groups, and these beside each other."""
        return [(part, self._besides(part)) for part in self._cut(places)]

    def spreads(self, parts: Sequence[tuple[Any, Beside]], groups: int) -> Any:
        """The spread of each group's target, of batches with all groups."""
        found = np.empty(groups)
        with np.errstate(all="ignore"):
            for places, beside in parts:
                found[places] = beside.spread(self._target)
        return found


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
    """Rows of groups beside each other: what `descent.Descent` evaluates. Blocks of groups stay near a core."""

    def __init__(
        self, rows: GroupedRows, places: Any, columns: Mapping[str, Any], order: Sequence[str], blocks: Blocks,
        fixed: Mapping[str, Any],
    ) -> None:  # fmt: skip
        self._rows, self._places = rows, places
        self._columns, self._order = columns, order
        self._at = blocks.at(fixed)
        self._active = np.arange(len(places))
        self._blocks = self._cut(self._active)
        most = max(block.size for block in self._blocks)
        self._own = np.empty((len(order), most))  # new memory for each evaluation would cost as much as its numbers
        self._lines = np.empty((len(order) + 1) * most)

    def __call__(self, points: Any, places: Any) -> Any:
        """Triangles (k, k, groups) of some groups at their points (p, groups)."""
        if len(places) < FULL * len(self._active):
            self._active, self._blocks = places, self._cut(places)
        groups, some = len(self._active), len(places) < len(self._active)
        chosen = np.searchsorted(self._active, places) if some else places
        if some:
            everywhere = np.zeros((len(points), groups))
            everywhere[:, chosen] = points
            points = everywhere
        count = len(self._order) + 1
        found = np.zeros((count, count, groups))
        for block in self._blocks:
            products(self._filled(block, points), found[..., block.part])
        near = factorised(found)
        for block in self._blocks if near.any() else ():
            these = near[block.part]
            if these.any():
                lines = np.ascontiguousarray(self._filled(block, points)[..., these])
                found[..., np.flatnonzero(these) + block.part.start] = orthogonalised(lines)
        return found[..., chosen] if some else found

    def _filled(self, block: Block, points: Any) -> Any:
        """Derivatives and residuals of a block's groups at their points: (k, rows, groups)."""
        given = dict(block.columns)
        for place, name in enumerate(self._order):
            given[name] = self._own[place, : block.size]
            given[name].reshape(block.shape)[:] = points[place, block.part]
        return block.filled(self._at, given, self._lines, len(self._order) + 1)

    def spread(self, target: Blocks) -> Any:
        """The target's sum of squares about its weighted mean, in each group: see `RowsProblem`.

        target: the target and sigma in each row.
        """
        at, found = target.at({}), np.empty(len(self._active))
        for block in self._blocks:
            values, sigma = block.filled(at, block.columns, self._lines, 2)
            weights = 1 / sigma if block.counts is None else np.where(block.counts, 1 / sigma, 0.0)
            weighted = np.stack((weights, values * weights))
            found[block.part] = orthogonalised(weighted)[1, 1] ** 2
        return found

    def _cut(self, places: Any) -> list[Block]:
        """Blocks of the rows of some groups of the batch."""
        sizes = self._rows.sizes[self._places[places]]
        height = int(sizes.max())
        width = max(1, NEAR_A_CORE // ((len(self._order) + 1) * height))
        return [
            Block(self._rows, self._places[places[begin : begin + width]], self._columns, begin)
            for begin in range(0, len(places), width)
        ]


class Block:
    """Rows of some groups beside each other.

    shape: (rows, groups). part: where they are among the active groups. counts: 1 for a row that a group has and 0 for
    one that fills it up; None where all groups have as many. columns: by input, (rows * groups,) + what a row has.
    """

    def __init__(self, rows: GroupedRows, places: Any, columns: Mapping[str, Any], begin: int) -> None:
        sizes = rows.sizes[places]
        height, groups = int(sizes.max()), len(places)
        self.shape, self.size = (height, groups), height * groups
        self.part = slice(begin, begin + groups)
        line = np.arange(height)[:, None]
        taken = (np.minimum(line, sizes - 1) + rows.first[places]).ravel()
        self.counts = None if (sizes == height).all() else (line < sizes).astype(float)
        self.columns = {name: column[taken] for name, column in columns.items()}

    def filled(self, at: BlocksAt, columns: Mapping[str, Any], memory: Any, lines: int) -> Any:
        """What a kernel gives for all rows: (lines, rows, groups), 0 in rows that fill up."""
        found = memory[: lines * self.size].reshape(lines, self.size)
        at.over(columns).fill(0, self.size, found)
        table = found.reshape(lines, *self.shape)
        if self.counts is not None:
            table *= self.counts
        return table
