"""Points beside the places where an operation of a form overflows, underflows, cancels or takes another branch.

Along rays through some points, one input or all of them go through all doubles of their ranges. Where the state of an
operation changes between two points (its sign, or whether it is 0, tiny, ordinary, infinite or no number), the place
is found by bisection among the doubles; the points on the way lie at all distances from it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cgcli.explain.stable.region import double_at, places_of
from cgcli.explain.stable.trials import computed
from cgcli.graph.walk import ancestors

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from cgcli.graph.store import Graph

    Columns = dict[str, Any]

TINY = 1e-290
"""A size near to which numbers underflow: a product of smaller ones is 0, or has few digits."""

RAYS, PARTS, EDGES, HALVINGS = 48, 40, 48, 36
"""Rays, points of each, edges that are approached, and how often: from powers of ten to relative distances of 1e-10."""

FARTHEST = 9.22e18
"""Beyond the places of all doubles, and below 2^63."""


class _Rays:
    """Points along rays. A place is the number of a double among all of them in order."""

    def __init__(self, base: Columns, ends: Mapping[str, tuple[float, float]], generator: Any) -> None:
        """base: one point a ray. ends: of each input. The rays turn by turn move one input, or all of them by size."""
        self.names = list(base)
        rays = len(base[self.names[0]])
        self.low, self.high, self.start, self.step = {}, {}, {}, {}
        turn = generator.integers(0, len(self.names) + (len(self.names) > 1), rays)
        for number, name in enumerate(self.names):
            places = places_of(base[name])
            low, high = (int(places_of(np.float64(end))) for end in ends[name])
            alone, joint = turn == number, turn == len(self.names)
            sign = np.sign(places)
            self.low[name] = np.where(joint & (sign > 0), max(low, 1), low)  # sizes go, signs stay
            self.high[name] = np.where(joint & (sign < 0), min(high, -1), high)
            self.start[name] = np.where(alone, 0, places)
            self.step[name] = np.where(alone, 1, np.where(joint, sign, 0))
        reach = [max(abs(int(places_of(np.float64(end)))) for end in ends[name]) for name in self.names]
        self.reach = max(1, *reach)

    def points(self, rays: Any, at: Any) -> Columns:
        """Points of rays at distances."""
        columns = {}
        for name in self.names:
            moved = self.start[name][rays].astype(float) + self.step[name][rays] * at.astype(float)
            near = np.clip(moved, -FARTHEST, FARTHEST).astype(np.int64)
            exact = self.start[name][rays] + self.step[name][rays] * at  # wraps around where it is too far
            places = np.where(np.abs(moved) < FARTHEST, exact, near)
            columns[name] = double_at(np.clip(places, self.low[name][rays], self.high[name][rays]))
        return columns


def edge_points(
    graph: Graph, forms: Sequence[int], base: Columns, ends: Mapping[str, tuple[float, float]], generator: Any
) -> Columns:
    """Points beside the edges of all operations of forms. base: points of which some are taken for rays."""
    if not base:
        return base
    nodes = [node for node, need in enumerate(ancestors(graph, forms)) if need and not graph.is_leaf(node)]
    chosen = generator.integers(0, len(next(iter(base.values()))), RAYS)
    rays = _Rays({name: column[chosen] for name, column in base.items()}, ends, generator)
    grid = np.linspace(-rays.reach, rays.reach, PARTS + 1).astype(np.int64)
    which, at = np.repeat(np.arange(RAYS), len(grid)), np.tile(grid, RAYS)
    states = _states(graph, nodes, rays.points(which, at)).reshape(len(nodes), RAYS, len(grid))
    node, ray, part = np.nonzero(states[:, :, 1:] != states[:, :, :-1])
    if not len(node):
        return {name: column[:0] for name, column in base.items()}
    some = _some_of_each(node, EDGES, generator)
    node, ray, low, high = node[some], ray[some], grid[part[some]], grid[part[some] + 1]
    before = states[node, ray, part[some]]
    found = []
    for _ in range(HALVINGS):
        middle = low // 2 + high // 2
        points = rays.points(ray, middle)
        found.append(points)
        stays = _states(graph, nodes, points)[node, np.arange(len(node))] == before
        low, high = np.where(stays, middle, low), np.where(stays, high, middle)
    return {name: np.concatenate([points[name] for points in found]) for name in base}


def _states(graph: Graph, nodes: Sequence[int], columns: Columns) -> Any:
    """The state of each node at each point, as a small number."""
    rows = len(next(iter(columns.values())))
    values = computed(graph, nodes, columns, rows)
    table = np.array([values[node] for node in nodes], dtype=float)
    size = np.abs(table)
    with np.errstate(invalid="ignore"):
        kind = 1 + (size > 0) + (size >= TINY) + np.isinf(table)
        return np.where(np.isnan(table), 0, kind * np.where(table < 0, -1, 1)).astype(np.int8)


def _some_of_each(kinds: Any, count: int, generator: Any) -> Any:
    """Places of about so many elements, of each kind as many if there are."""
    order = generator.permutation(len(kinds))
    turns = np.zeros(len(kinds), dtype=int)
    for kind in np.unique(kinds):
        mine = order[kinds[order] == kind]
        turns[mine] = np.arange(len(mine))
    return np.lexsort((generator.random(len(kinds)), turns))[:count]
