"""Where a nan or an infinity was born in the rows of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cgcli.engines import choose
from cgcli.explain.births import Birth, births_of
from cgcli.numerals import compact, finite

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from cgcli.errors import Source
    from cgcli.graph.store import Graph

MOST_SHOWN = 4
"""Values of a row that a message shows."""


class RowBirths:
    """The rows that show a nan or an infinity although their inputs are finite: how many, and the values of the first.

    A gap in a row, which is nan there, is not counted: it is told of when the table is read.
    """

    def __init__(self, graph: Graph, wanted: Sequence[int]) -> None:
        """wanted: the nodes that are computed for every row."""
        self.count = 0
        self._graph = graph
        self._wanted = list(wanted)
        self._first: dict[str, Any] = {}

    def look(self, values: Mapping[str, Any], found: Sequence[Any]) -> None:
        """Look at some rows: the values of the inputs, columns among them, and those of the wanted nodes."""
        if all(map(finite, found)):
            return
        shapes = {name: self._graph.shape_of(node) for name, node in self._graph.inputs(hidden=True).items()}
        given = {name: np.asarray(value) for name, value in values.items() if name in shapes}
        columns = {name: value for name, value in given.items() if value.ndim > len(shapes[name])}
        if not all(finite(value) for name, value in given.items() if name not in columns):
            return
        born = np.zeros(max(map(len, [*found, *columns.values()])), dtype=bool)
        for column in found:
            born |= ~_finite_rows(column)
        for column in columns.values():
            born &= _finite_rows(column)
        if not born.any():
            return
        if not self.count:
            row = int(born.argmax())
            self._first = {name: value[row if len(value) > 1 else 0] for name, value in columns.items()}
        self.count += int(born.sum())

    def take(self, count: int, first: Mapping[str, Any]) -> None:
        """Take in what was counted elsewhere of rows that come behind those here; first: the values of the first."""
        if count and not self.count:
            self._first = dict(first)
        self.count += count

    @property
    def first(self) -> dict[str, Any]:
        """The values of the first of the rows."""
        return self._first

    def births(self, values: Mapping[str, Any], source: Source | None) -> list[Birth]:
        """Where they were born in the first of these rows; [] where there is none. values: those of other inputs."""
        if not self.count:
            return []
        graph = self._graph
        found = births_of(graph, self._wanted, lambda nodes: choose(graph, nodes), {**values, **self._first}, source)
        found = found or [Birth("a result is too large for single precision", None, source)]
        shown = ", ".join(f"{name} = {compact(value)}" for name, value in list(self._first.items())[:MOST_SHOWN])
        where = f"in {self.count:,} row{'' if self.count == 1 else 's'}, the first with {shown}"
        for birth in found:
            birth.message = f"{birth.message}; {where}"
        return found


def _finite_rows(column: Any) -> Any:
    """For each row whether all that a column has there is finite."""
    return np.isfinite(column).reshape(len(column), -1).all(axis=1)
