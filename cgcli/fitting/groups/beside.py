"""Walks of groups as arrays of NumPy: the rows of groups lie beside each other, the groups along the last axis.

What machine code does group by group (`side_by_side`) is done here where there is none: one call of an engine fills an
array (lines, rows, groups) with the derivatives and the residuals of all groups, each at its own parameters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cgcli.fitting.groups.descent import Numbers, Walk, factorised, flat, of_flat, pairs
from cgcli.fitting.groups.small_matrices import orthogonalised, products

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from cgcli.engines.base import Blocks, BlocksAt
    from cgcli.fitting.groups.grouping import GroupedRows

    Evaluate = Callable[[Any, Any], Any]
    """From points (p, groups) and the places of these groups in the batch to triangles (k, k, groups)."""

NEAR_A_CORE = 200_000
"""Derivatives and residuals of a part of a batch that is evaluated at once (1.6 MB)."""
FULL = 0.75
"""The part of a batch that is still at work below which the others' rows are put away."""

ARRAYS = Numbers(np.where, np.sqrt, np.abs, np.float64(0.0))


def walked(walk: Walk, evaluate: Evaluate, points: Any, evaluations: int) -> tuple[Any, Any, Any, Any, Any]:
    """Walks from points (p, groups) to where each ends: points, triangles (k, k, groups), offsets, evaluations, and
    which have converged.
    """
    size, groups = points.shape
    every = np.arange(groups)
    ended = (np.empty((size, groups)), np.zeros((size + 1, size + 1, groups)), np.empty(groups),
             np.empty(groups, dtype=int), np.zeros(groups, dtype=bool))  # fmt: skip
    state = walk.begun(ARRAYS, list(points), by_place(evaluate(points, every)))
    for evaluation in range(1, evaluations + 1):
        done, converged, state.points = walk.finished(ARRAYS, state)
        done = done | (evaluation == evaluations)
        chosen, left = np.flatnonzero(done), np.flatnonzero(~done)
        if len(chosen):
            places = every[chosen]
            ended[0][:, places] = np.array(state.points)[:, chosen]
            for row, column in pairs(size + 1):
                ended[1][row, column, places] = state.triangle[row, column][chosen]
            ended[2][places], ended[3][places], ended[4][places] = state.offset[chosen], evaluation, converged[chosen]
            if not len(left):
                break
            every = every[left]
            state = of_flat([np.take(number, left) for number in flat(state)], size, walk.linear)
        trial = walk.tried(ARRAYS, state)
        there = by_place(evaluate(np.array(trial.points), every))
        state = walk.arrived(ARRAYS, state, trial, there, allowed=True)
    return ended


def by_place(triangles: Any) -> dict[tuple[int, int], Any]:
    """The numbers of triangles (k, k, groups) by row and column."""
    return {place: triangles[place] for place in pairs(len(triangles))}


def triangles_of(lines: Any) -> Any:
    """The R factors (k, k, groups) of matrices whose columns are the lines: (k, rows, groups), overwritten."""
    found = np.zeros((len(lines), len(lines), lines.shape[-1]))
    products(lines, found)
    near = factorise(found)
    if near.any():
        found[..., near] = orthogonalised(np.ascontiguousarray(lines[..., near]))
    return found


def factorise(products: Any) -> Any:
    """Cholesky's factors in the place of products of columns (k, k, groups); see `descent.factorised`."""
    found, near = factorised(ARRAYS, by_place(products), len(products))
    for place, numbers in found.items():
        products[place] = numbers
    return near


class Beside:
    """Rows of groups beside each other: what `walked` evaluates. Blocks of groups stay near a core."""

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
        near = factorise(found)
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
