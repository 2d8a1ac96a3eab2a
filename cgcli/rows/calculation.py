"""The chosen nodes of a formula for batches of rows, as columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cgcli.engines import choose_for_rows
from cgcli.errors import ShapeError, UsageError
from cgcli.explain.row_births import RowBirths
from cgcli.formulas.derivatives import gradient_nodes, targets
from cgcli.formulas.rows import refuse_reductions, require_positions, row_values
from cgcli.formulas.totals import is_whole
from cgcli.graph.shapes import size
from cgcli.graph.walk import ancestors
from cgcli.numerals import element_names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from cgcli.data.table import Named
    from cgcli.formulas.bound import Bound

    Nodes = dict[str, int]
    """Node by the name of its column."""


MOST_COLUMNS = 100_000
"""Columns of a result; each element of an array is one."""


class Calculation:
    """Nodes for batches of rows, by the names of their columns; an array's elements are columns of their own.

    columns: input -> column of the table, for the inputs that the nodes need; texts: none of them takes texts. engine:
    what computes them.
    """

    def __init__(
        self, bound: Bound, nodes: Nodes, columns: Mapping[str, Named], *, rows: int, engine: str = "auto",
        float32: bool = False, at_once: bool = False,
    ) -> None:  # fmt: skip
        """bound: the formula with its values, columns aside. rows: about how many there will be, to choose an engine.
        at_once: whether a nan or an infinity that is born in a row is told of at once, before `tell_births`.

        UsageError for an engine without rows, and for single precision where the engine has none; ShapeError for a
        reduction of a column.
        """
        self._bound = bound
        self._nodes = nodes
        self._wanted = list(nodes.values())
        self.columns = needed_columns(bound, self._wanted, columns)
        name = "native" if float32 and engine == "auto" else engine
        self.engine = choose_for_rows(bound.graph, self._wanted, name, bound.values, rows)
        if float32 and self.engine.name != "native":
            raise UsageError(f"the engine `{self.engine.name}` has no --float32", hint="--engine native has")
        self._each = [node for node in self._wanted if not is_whole(bound, node)]
        self.births = RowBirths(bound.graph, self._each)
        self._at_once = at_once
        self._rows = 0
        self._precision = {"dtype": "float32"} if float32 else {}
        self._check_width()
        self.texts: dict[str, str] = {}
        self.names = [name for output, node in nodes.items() for name, _ in self._elements(output, node)]

    def _check_width(self) -> None:
        """ShapeError where a row of the result would have more columns than are allowed."""
        refuse_width(sum(size(self._bound.graph.shape_of(node)) for node in self._nodes.values()))

    def __call__(self, columns: Mapping[str, Any], rows: int) -> dict[str, Any]:
        """The results of a batch by their columns' names; columns: the values by input."""
        values = row_values(self._bound, columns)
        before = self._rows
        require_positions(self._bound, self._wanted, values, lambda place: before + place + 1)
        self._rows += rows
        found = self.engine.evaluate_rows(self._bound.graph, values, self._wanted, **self._precision)
        self.births.look(values, [found[node] for node in self._each])
        if self._at_once:
            self.tell_births()
        results: dict[str, Any] = {}
        for output, node in self._nodes.items():
            table = np.broadcast_to(found[node], (rows, *found[node].shape[1:]))
            for name, index in self._elements(output, node):
                place: tuple[Any, ...] = (slice(None), *index)
                results[name] = np.ascontiguousarray(table[place])
        return results

    def columns_of(self, output: str) -> list[str]:
        """The names of an output's columns: its own for a number, else one for each element."""
        return [name for name, _ in self._elements(output, self._nodes[output])]

    def tell_births(self) -> None:
        """Tell whoever listens to the formula where a nan or an infinity of a row was born, once for all batches."""
        self._bound.tell(self.births.births(self._bound.values, self._bound.source))

    def _elements(self, output: str, node: int) -> list[tuple[str, tuple[Any, ...]]]:
        """Columns of a node: its own name for a number, `name[i,j]` for the elements of an array."""
        shape = self._bound.graph.shape_of(node)
        return list(zip(element_names(output, shape), np.ndindex(*shape), strict=True))


def refuse_width(width: int) -> None:
    """ShapeError where a row of the result would have more columns than are allowed."""
    if width > MOST_COLUMNS:
        raise ShapeError(
            f"a row of the result would have {width:,} columns, more than the {MOST_COLUMNS:,} that are allowed",
            hint="make fewer numbers of the arrays, for example by `sum(…)` or an index",
        )


def needed_columns(bound: Bound, wanted: Sequence[int], columns: Mapping[str, Named]) -> dict[str, Named]:
    """input -> column, for those that nodes need: themselves, for defaults, and for reductions of columns.

    ShapeError for a default that is a reduction of a column.
    """
    graph, over = bound.graph, bound.program.columns
    deferred = [node for name, node in bound.program.defaults.items() if name not in bound.values]
    roots = [*wanted, *deferred]
    refuse_reductions(bound, roots)
    needed = ancestors(graph, [*roots, *([total.operand for total in over.needed(roots)] if over else [])])
    return {name: columns[name] for name, node in graph.inputs(hidden=True).items()
            if name in columns and needed[node]}  # fmt: skip


def gradient_columns(bound: Bound, wrt: Sequence[str] | None, of: str | None) -> tuple[Bound, Nodes]:
    """The nodes of values and derivatives by the names of their columns, `loss`, `d_loss_d_w`, and their formula.

    Where no names are given, what is of the whole table is differentiated by what is the same for all rows, unless
    there is nothing of the kind: a derivative by a column is another column.
    """
    nodes = targets(bound.program, of)
    over, derivatives = gradient_nodes(bound, wrt, of)
    for output, by_name in derivatives.items():
        if wrt is None and is_whole(over, nodes[output]):
            single = {name: node for name, node in by_name.items() if name in bound.values}
            by_name = single or by_name
        nodes.update({f"d_{output}_d_{name}": node for name, node in by_name.items()})
    return over, nodes
