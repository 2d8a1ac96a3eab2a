"""Forms with branches: along one input, or along its size, each form where it loses least.

Points are sorted by an input; the best division into a few stretches is found by dynamic programming, as Herbie
does (P. Panchekha et al., Automatically improving accuracy for floating point expressions, PLDI 2015, section 4.8).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cgcli.emit.names import number_text
from cgcli.ops import logic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Any

    from cgcli.explain.stable.building import Builder
    from cgcli.explain.stable.trials import Trials

MOST = 4
"""Stretches."""

MOST_TOLD = 3
"""Inputs, or sizes of inputs, along which branches are made."""

CLOSE = 0.02
"""Digits of the mean that a border at 0 may cost."""

COST = 0.05
"""Digits of the mean that a further stretch must gain."""


class Splitter(NamedTuple):
    """What decides which branch is taken: an input, or its size."""

    name: str
    is_size: bool

    def places(self, columns: Mapping[str, Any]) -> Any:
        """Its values at points."""
        column = columns[self.name]
        return np.abs(column) if self.is_size else column

    def node(self, builder: Builder) -> int:
        """The node that is compared with borders."""
        graph = builder.graph
        variable = graph.inputs()[self.name]
        return graph.apply(logic.absolute, [variable]) if self.is_size else variable


def splitters(names: Sequence[str], columns: Mapping[str, Any]) -> list[Splitter]:
    """Inputs, and the sizes of those that have both signs."""
    both = [name for name in names if (columns[name] < 0).any() and (columns[name] > 0).any()]
    return [*(Splitter(name, False) for name in names), *(Splitter(name, True) for name in both)]


def joined(
    builder: Builder, names: Sequence[str], trials: Trials, pool: Sequence[tuple[int, Any]],
    border: Callable[[Splitter, float, float, int, int], float],
) -> Iterator[tuple[int, list[int]]]:  # fmt: skip
    """Nodes with branches, the best ones first, and which forms of the pool they hold.

    pool: (node, digits lost a point) of each form; where a form may not be taken, it has lost more than all digits.
    border: where between two numbers the first of two forms should end.
    """
    if len(trials) < 4 or len(pool) < 2:
        return
    table = np.array([lost for _, lost in pool])
    found = []
    for splitter in splitters(names, trials.columns):
        values = splitter.places(trials.columns)
        order = np.argsort(values, kind="stable")
        places = values[order]
        cost, stretches = _divided(table[:, order], places)
        stretches = _at_zero(table[:, order], places, stretches)
        if len({form for form, _ in stretches}) > 1:
            found.append((cost, splitter, places, stretches))
    for _, splitter, places, stretches in sorted(found, key=lambda each: each[0])[:MOST_TOLD]:
        graph = builder.graph
        compared = graph.ref(splitter.node(builder))
        node = pool[stretches[-1][0]][0]
        for place in range(len(stretches) - 2, -1, -1):
            form, end = stretches[place]
            low, high = float(places[end - 1]), float(places[end])
            edge = (
                0.0 if low < 0 < high else border(splitter, low, high, pool[form][0], pool[stretches[place + 1][0]][0])
            )
            limit = graph.ref(graph.constant(edge, exact=number_text(edge)))  # a short text, also beyond 1e16
            node = logic.where(compared < limit, graph.ref(pool[form][0]), graph.ref(node)).node
        yield node, sorted({form for form, _ in stretches})


def _divided(table: Any, places: Any) -> tuple[float, list[tuple[int, int]]]:
    """The cheapest division of points in order: its cost a point, and (form, end) of each stretch."""
    forms, points = table.shape
    sums = np.concatenate([np.zeros((forms, 1)), np.cumsum(table, axis=1)], axis=1)
    best = [(sums[:, 1:].min(axis=0), sums[:, 1:].argmin(axis=0), np.zeros(points, dtype=int))]
    different = np.concatenate([[False], places[1:] > places[:-1]])
    for _ in range(1, MOST):
        before = best[-1][0]
        cost, form, start = np.full(points, np.inf), np.zeros(points, dtype=int), np.zeros(points, dtype=int)
        for end in range(1, points):
            starts = np.flatnonzero(different[: end + 1])
            if not len(starts):
                continue
            inside = sums[:, end + 1][:, None] - sums[:, starts]
            chosen = inside.argmin(axis=0)
            total = before[starts - 1] + inside.min(axis=0) + COST * points
            place = int(total.argmin())
            cost[end], form[end], start[end] = total[place], chosen[place], starts[place]
        best.append((cost, form, start))
    count = int(np.argmin([cost[-1] for cost, _, _ in best]))
    stretches, end = [], points
    for number in range(count, -1, -1):
        stretches.append((int(best[number][1][end - 1]), end))
        end = int(best[number][2][end - 1])
    return float(best[count][0][-1]) / points, stretches[::-1]


def _at_zero(table: Any, places: Any, stretches: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Stretches with a border at 0 where that costs next to nothing: what a sign decides, no size does."""
    zero = int(np.searchsorted(places, 0.0))
    if not 0 < zero < len(places):
        return stretches
    for number in range(len(stretches) - 1):
        moved = list(stretches)
        moved[number] = (stretches[number][0], zero)
        ends = [0, *(end for _, end in moved)]
        if ends == sorted(set(ends)) and _cost(table, moved) <= _cost(table, stretches) + CLOSE * len(places):
            stretches = moved
    return stretches


def _cost(table: Any, stretches: Sequence[tuple[int, int]]) -> float:
    """Digits lost by stretches of forms, in all points together."""
    begins = [0, *(end for _, end in stretches)]
    return float(sum(table[form, begin:end].sum() for (form, end), begin in zip(stretches, begins, strict=False)))


def between(low: float, high: float) -> float:
    """A short number between two."""
    if low < 0 < high:
        return 0.0
    middle = (low + high) / 2
    if low * high > 0 and (abs(low) > 8 * abs(high) or abs(high) > 8 * abs(low)):
        middle = float(np.sign(low) * np.sqrt(abs(low)) * np.sqrt(abs(high)))
    for digits in range(1, 17):
        short = float(f"{middle:.{digits}g}")
        if low < short <= high:
            return short
    return high
