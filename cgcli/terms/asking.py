"""A formula for rows whose inputs are terms: its value and its gradient, of every row and summed over all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cgcli.errors import UsageError
from cgcli.formulas import given
from cgcli.formulas.derivatives import need_scalar, targets, variables
from cgcli.terms.binding import BoundTerms
from cgcli.terms.evaluating import Evaluation
from cgcli.terms.running import bytes_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MOST_BYTES = 1 << 28
"""Memory of the terms that are computed at once, with what is kept for their gradient; more rows are done in parts."""


class Question(BoundTerms):
    """A formula with values, and its answers."""

    def values(self) -> dict[str, Any]:
        """The outputs, {name: array with the rows in front}."""
        outputs = self.bound.program.outputs
        return dict(zip(outputs, self._evaluated(list(outputs.values())), strict=True))

    def value(self, of: str) -> Any:
        """The values of one output, or of an inner name, with the rows in front."""
        ((_, node),) = targets(self.bound.program, of).items()
        return self._evaluated([node])[0]

    def _evaluated(self, nodes: Sequence[int]) -> list[Any]:
        """The values of nodes, with the rows in front."""
        found = []
        for part, _ in self._parts():
            with self.compilation.lock:
                answer = Evaluation(part, nodes)
                answer.forward()
                found.append(answer.results())
        return found[0] if len(found) == 1 else [np.concatenate(columns) for columns in zip(*found, strict=True)]

    def _parts(self) -> Iterator[tuple[Question, slice]]:
        """The question in parts whose values fit into memory, each with its rows."""
        with self.compilation.lock:
            programs = self.compilation.programs(single=self.single)
        needed = sum(bytes_of(self.compilation.cells, programs, layout) for layout in self.layouts.values())
        count = min(self.rows, -(-needed // MOST_BYTES))
        if count < 2:
            yield self, slice(0, self.rows)
            return
        for number in range(count):
            begin, end = number * self.rows // count, (number + 1) * self.rows // count
            values: dict[str, Any] = {name: terms.part(begin, end) for name, terms in self.terms.items()}
            values |= {name: column[begin:end] for name, column in self.columns.items()}
            part = Question(self.formula, {**self.shared, **values}, rows=True, batched=not self.single,
                            columns=list(self.columns), store=self._kept)  # fmt: skip
            part.first, part.bound.on_births = self.first + begin, self.bound.on_births
            yield part, slice(begin, end)

    def gradients(
        self, wrt: Sequence[str] | None, of: str | None, weights: Any = None
    ) -> tuple[str, Any, dict[str, Any]]:  # fmt: skip
        """The name of a scalar output, its values, and the derivatives of their sum by what all rows share.

        UsageError for a name that differs from row to row, and where several outputs are there and none is named.
        """
        chosen = targets(self.bound.program, of)
        if len(chosen) > 1:
            raise UsageError("the formula has several outputs", hint=f"name one: of={next(iter(chosen))!r}")
        ((output, node),) = chosen.items()
        need_scalar(self.bound.graph, output, node)
        names = self.differentiated(wrt, output)
        weights = np.ones(self.rows) if weights is None else weights
        found, slopes = [], dict[str, Any]()
        for part, rows in self._parts():
            with self.compilation.lock:
                answer = Evaluation(part, [node])
                answer.forward()
                found += answer.results()
                for name, slope in answer.backward(weights[rows], names).items():
                    slopes[name] = slopes[name] + slope if name in slopes else slope
        return output, found[0] if len(found) == 1 else np.concatenate(found), slopes

    def differentiated(self, wrt: Sequence[str] | None, of: str | None) -> list[str]:
        """The names to differentiate by: inputs that all rows share."""
        program = self.bound.program
        varies = {*self.columns, *self.terms, *(part for parts in self.roots.values() for part in parts)}
        mine = [name for name in self.compilation.functions.graph.inputs() if name not in varies]
        if wrt is None:
            found = [name for name in variables(program, None, of) if name not in varies]
            return [*found, *(name for name in mine if name not in program.inputs)]
        names = given.name_list(wrt)
        for name in names:
            if name in varies:
                raise UsageError(f"`{name}` differs from row to row: a sum has no one derivative by it")
            if name not in mine:
                variables(program, [name], of)
                if name not in program.graph.inputs():
                    raise UsageError(
                        f"`{name}` is no input; with terms, derivatives are by inputs",
                        hint=f"declare it: param {name} = …",
                    )
        return names
