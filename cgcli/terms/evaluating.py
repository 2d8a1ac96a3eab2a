"""One calculation of a formula with terms: the terms, then the formula behind them, and back.

The roots of the terms are inputs of the formula like any other, so what stands behind them is one more batch: the graph
of the formula for all rows at once. What the functions take from outside is computed once, before; the adjoints that
they hand back go through that small graph.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cgcli.errors import DataError
from cgcli.explain.births import Birth
from cgcli.formulas.bound import Bound
from cgcli.formulas.rows import row_values, tell_births
from cgcli.numerals import finite
from cgcli.terms.cells import placed
from cgcli.terms.programs import ENGINE, PositionError
from cgcli.terms.running import Frame, Run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cgcli.terms.binding import BoundTerms
    from cgcli.terms.columns import Terms


class Evaluation:
    """One calculation: the terms, then the formula behind them, and back."""

    def __init__(self, question: BoundTerms, nodes: Sequence[int]) -> None:
        self.question = question
        compilation, single = question.compilation, question.single
        self.nodes = nodes
        shared, by_row = question.outside()
        self.outside = shared
        self.runs = {
            name: Run(compilation.cells, compilation.programs(single=single), layout, shared, by_row,
                      compilation.workspace.setdefault(name, {}))
            for name, layout in question.layouts.items()
        }  # fmt: skip

    def forward(self) -> None:
        """Compute terms and outputs."""
        question = self.question
        bound, rows = question.bound, question.rows
        columns: dict[str, Any] = dict(question.columns)
        for name, run in self.runs.items():
            try:
                found = run.forward()
            except PositionError as error:
                raise _outside_of(error, question.terms[name], name) from None
            self._tell(name, run, found)
            columns.update(zip(question.roots[name], found, strict=True))
        over = Bound(bound.program, {**bound.values, **columns}, bound.choice, bound.source, bound.on_births)
        self.values = row_values(over, columns)
        inputs = bound.graph.inputs()
        self.varying = [name for name in inputs if name in columns or name not in bound.values]
        self.fixed = [name for name in inputs if name not in self.varying]
        program = question.compilation.main(bound, self.varying, self.fixed, self.nodes, single=question.single)
        shared = [np.asarray(self.values[name], dtype=float) for name in self.fixed]
        self.frame = Frame(program, rows, shared, question.compilation.workspace.setdefault(None, {}))
        self._columns = [self.values[name] for name in self.varying]
        shapes = [bound.graph.shape_of(node) for node in self.nodes]
        self._results = [np.empty((rows, *shape)) for shape in shapes]
        with np.errstate(all="ignore"):
            for begin, end, pick in self._stretches():
                self._enter(begin, end, pick)
                try:
                    self.frame.take(program.forward, max(1, end - begin), begin, end)
                except PositionError as error:
                    raise DataError(f"row {question.first + begin + error.place + 1:,}: {error}") from None
                for result, node in zip(self._results, program.results, strict=True):
                    result[pick] = self.frame.values[node]

    def _stretches(self) -> list[tuple[int, int, Any]]:
        """Rows at once: all of them, or one after the other."""
        rows = self.question.rows
        if self.frame.program.batches:
            return [(0, rows, slice(0, rows))]
        return [(row, row + 1, row) for row in range(rows)]

    def _enter(self, begin: int, end: int, pick: Any) -> None:
        for node, column in zip(self.frame.program.operands, self._columns, strict=False):
            if node >= 0:
                self.frame.enter(node, column[pick], begin, end)

    def results(self) -> list[Any]:
        """The values of the outputs; whoever listens is told where a nan was born."""
        bound = self.question.bound
        if not all(map(finite, self._results)):
            over = Bound(bound.program, self.values, bound.choice, bound.source, bound.on_births)
            tell_births(over, self.nodes, self._results)
        return self._results

    def _tell(self, name: str, run: Run, found: Sequence[Any]) -> None:
        """Say which call of a term is the first whose value is not finite."""
        bound = self.question.bound
        if all(map(finite, found)) or not bound.is_heard(self.nodes):
            return
        place = run.first_not_finite()
        if place is None:
            return
        terms = self.question.terms[name]
        symbol = terms.symbols[terms.symbol[place]]
        error = placed(DataError(f"`{symbol.name}` gives a value that is no finite number"), terms, place, name)
        bound.tell([Birth(error.message, error.span, error.source)])

    def backward(self, weights: Any, names: Sequence[str]) -> dict[str, Any]:
        """The derivatives of the sum of the weighted output by names."""
        question, frame = self.question, self.frame
        program = frame.program
        slopes = {name: np.zeros(np.shape(self._value(name))) for name in names}
        roots = {name: [np.zeros((question.rows, *shape)) for shape in run.root_shapes()]
                 for name, run in self.runs.items()}  # fmt: skip
        with np.errstate(all="ignore"):
            for begin, end, pick in self._stretches():
                frame.restore(begin, end)
                if program.seeds[0] >= 0:
                    frame.enter(program.seeds[0], weights[pick], begin, end)
                frame.take(program.backward, max(1, end - begin), begin, end)
                frame.take(program.late, max(1, end - begin), begin, end)
                found = dict(zip((*self.varying, *self.fixed), program.adjoints, strict=True))
                for name, node in found.items():
                    if node >= 0 and name in slopes:
                        slopes[name] = slopes[name] + frame.values[node]
                for name, parts in question.roots.items():
                    for root, part in zip(roots[name], parts, strict=True):
                        node = found.get(part, -1)
                        if node >= 0:
                            root[pick] = frame.values[node]
        outside: dict[str, Any] = {}
        for name, run in self.runs.items():
            shared, by_row = run.backward(roots[name])
            for key, slope in (*shared.items(), *by_row.items()):
                outside[key] = outside[key] + slope if key in outside else slope
        self._hand_back(outside, names, slopes)
        return slopes

    def _hand_back(self, outside: Mapping[str, Any], names: Sequence[str], slopes: dict[str, Any]) -> None:
        """Add the adjoints of what functions take from outside to those of the inputs that it follows from."""
        question = self.question
        functions = question.compilation.functions
        inputs = functions.graph.inputs()
        through = {}
        for name, slope in outside.items():
            if functions.nodes[name] == inputs.get(name, -1):
                if name in slopes:
                    slopes[name] = slopes[name] + slope
            else:
                through[name] = slope
        if not through:
            return
        graph, nodes = question.compilation.handed_back(list(through), list(names), question.rows)
        values = {**question.bound.values, **question.shared, **question.columns,
                  **{f"adjoint of {name}": slope for name, slope in through.items()}}  # fmt: skip
        found = ENGINE.evaluate(graph, values, list(nodes.values()))
        for name, node in nodes.items():
            slopes[name] = slopes[name] + found[node]

    def _value(self, name: str) -> Any:
        values = self.values
        return values[name] if name in values else self.outside.get(name, self.question.shared.get(name))


def _outside_of(error: PositionError, terms: Terms, name: str) -> DataError:
    return placed(DataError(str(error), hint=error.hint), terms, error.place, name)
