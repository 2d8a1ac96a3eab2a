"""The last word on a form: is it worse than the given one at any of 10,000 points that the search has not seen?

Many digits are dear, so doubles say first at which of the points the form could be worse: where it is no number, or
where the two are further apart than rounding explains. Those are compared in many digits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cgcli.explain.digits import ALL, ROUNDING
from cgcli.explain.stable.edges import TINY, edge_points
from cgcli.explain.stable.trials import Trials, computed, roughly_lost

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from cgcli.explain.stable.region import Region
    from cgcli.graph.store import Graph

    Columns = dict[str, Any]

WORSE = 0.3
"""Digits by which a form may be worse than the given one at any point."""

NOISE = 0.6
"""Digits lost up to which a form is as right as a few roundings leave any: four units of 2^-53."""

SURE, LUCK = 1.0, 0.3
"""Digits lost from which on it is a matter of luck how many are, and by how many that may differ."""

HARDLY = 14.0
"""Digits lost from which on nothing is right, and one form is as bad as another."""

FRESH = 10_000
"""Points at which an offered form is looked at."""

SHARE_OF_FRESH = 0.8
"""Of the points that are compared in many digits, those from everywhere; the others lie beside the edges."""

AGAIN, MANY_RUNS = 4, 12
"""How many times as many points are looked at more closely before, and with how many runs."""

FAR_OFF = 8.0
"""Digits from which on a form is taken to be wrong where doubles alone say so."""

MOST_TOLD = 12
"""Points told at which a form is worse."""


class Jury:
    """Compares forms of one node with it at fresh points: everywhere in a region, and beside the edges of the form."""

    def __init__(
        self, graph: Graph, node: int, names: Sequence[str], region: Region, generator: Any, compared: int
    ) -> None:
        """compared: how many points are compared in many digits."""
        self.graph, self.node, self.names, self.region = graph, node, names, region
        self.random, self.compared = generator, compared
        self._columns: Columns | None = None
        self._given: tuple[Any, Any] = (None, None)

    def worse_points(self, form: int, seconds: float) -> tuple[Columns, Columns]:
        """Points at which a form is worse, the worst first, without rows where it is worse nowhere; and all points at
        which doubles alone say that it is far off."""
        columns, given = self._everywhere()
        share = round(SHARE_OF_FRESH * self.compared)
        found = self._worse(form, columns, given, share, SHARE_OF_FRESH * seconds)
        if found is None and self.names:
            ends = {name: self.region.ends(name) for name in self.names}
            beside = edge_points(self.graph, [form], columns, ends, self.random)
            found = self._worse(form, beside, self._of_given(beside), self.compared - share, seconds / 4)
        if found is None:
            found = {name: column[:0] for name, column in columns.items()}, columns
        return found

    def _everywhere(self) -> tuple[Columns, tuple[Any, Any]]:
        """Points that the search has not seen, and the given form there: the same for all forms."""
        if self._columns is None:
            self._columns = self.region.covered(self.names, FRESH, self.random)
            self._given = self._of_given(self._columns)
        return self._columns, self._given

    def _of_given(self, columns: Columns) -> tuple[Any, Any]:
        """Values of the given form, and what it loses typically."""
        rows = _rows(columns)
        return computed(self.graph, [self.node], columns, rows)[self.node], typical(
            self.graph, self.node, columns, rows
        )

    def _worse(
        self, form: int, columns: Columns, given: tuple[Any, Any], count: int, seconds: float
    ) -> tuple[Columns, Columns] | None:  # fmt: skip
        """Some points at which a form is worse, of those that are compared in many digits; and those of all at which
        it seems to be."""
        rows = _rows(columns)
        if not rows:
            return None
        old, usual = given
        new = computed(self.graph, [form], columns, rows)[form]
        rough = roughly_lost(self.graph, form, columns, rows)
        doubt = _doubt(old, new, rough, usual)
        far_off = (doubt >= FAR_OFF) & np.isfinite(old) & (np.abs(old) > TINY)
        chosen = _doubtful(columns, doubt, AGAIN * count)
        chosen = chosen[self._more_closely(form, {name: column[chosen] for name, column in columns.items()})][:count]
        points = {name: column[chosen] for name, column in columns.items()}
        fresh = Trials(self.graph, self.node, points, len(chosen), seconds=seconds)
        if not len(fresh):
            return None
        lost = fresh.lost([self.node, form])
        before = np.maximum(lost[self.node], usual[chosen][fresh.rows])
        where = worse(before, lost[form])
        if not where.any():
            return None
        order = np.argsort(before - lost[form], kind="stable")
        order = order[where[order]][:MOST_TOLD]
        return (
            {name: column[order] for name, column in fresh.columns.items()},
            {name: column[far_off] for name, column in columns.items()},
        )

    def _more_closely(self, form: int, columns: Columns) -> Any:
        """The order of points, those first at which a form could be worse, by more runs with roundings at random."""
        rows = _rows(columns)
        values = computed(self.graph, [self.node, form], columns, rows)
        rough, usual = (roughly_lost(self.graph, node, columns, rows, MANY_RUNS) for node in (form, self.node))
        doubt = _doubt(values[self.node], values[form], rough, np.where(usual > SURE, usual + LUCK, usual))
        return np.argsort(-doubt, kind="stable")


def _rows(columns: Columns) -> int:
    return len(next(iter(columns.values()))) if columns else 1


def _doubt(old: Any, new: Any, rough: Any, usual: Any) -> Any:
    """By how many digits a form could be worse, point by point: by rounding, or since the two are further apart than
    rounding explains, as a series is that ends too soon, or what overflows or underflows."""
    with np.errstate(all="ignore"):
        gap = np.abs(old - new) / (np.maximum(np.abs(old), np.abs(new)) + 5e-324)
        apart = np.where(np.isfinite(gap), np.log10(np.maximum(gap / ROUNDING, 1.0)), ALL)
    same = (old == new) | (~np.isfinite(old) & ~np.isfinite(new))
    return np.where(same, -np.inf, np.maximum(rough, np.minimum(apart, ALL)) - usual)


def _doubtful(columns: Columns, doubt: Any, count: int) -> Any:
    """Rows to be compared, those first at which a form could be worse: the most doubtful ones of stretches along each
    input and its size, since what is doubtful in one place hides no other place."""
    order = list(np.argsort(-doubt, kind="stable")[: count // 2])
    lines = [line for column in columns.values() for line in (column, np.abs(column))]
    found = [row for line in lines for row in _largest_along(line, doubt, max(count // (2 * len(lines)), 2))]
    order += sorted(found, key=lambda row: -doubt[row])
    return np.array(list(dict.fromkeys(map(int, order))), dtype=int)


def _largest_along(line: Any, sizes: Any, count: int) -> list[int]:
    """The rows of the largest sizes in stretches along a line."""
    parts = np.array_split(np.argsort(line, kind="stable"), count)
    best = [int(part[np.argmax(sizes[part])]) for part in parts if len(part)]
    return [row for row in best if np.isfinite(sizes[row])]


def typical(graph: Graph, node: int, columns: Mapping[str, Any], rows: int) -> Any:
    """What a form loses at points without luck: a rounding may happen to make up for another one."""
    lost = roughly_lost(graph, node, dict(columns), rows)
    return np.where(lost > SURE, lost + LUCK, lost)


def worse(before: Any, lost: Any) -> Any:
    """Where a form is worse, point by point; where hardly a digit was right there is nothing to lose.

    before: what the given form loses, or typically loses where it had luck with its roundings.
    """
    return (lost > np.maximum(before, NOISE) + WORSE) & (before < HARDLY)
