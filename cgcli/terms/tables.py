"""Formulas with terms over tables, batch by batch: what is asked of each, and what becomes of the answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cgcli.engines import engine
from cgcli.errors import DataError
from cgcli.graph.shapes import size
from cgcli.numerals import element_names
from cgcli.rows.calculation import refuse_width
from cgcli.terms.answers import gradients_of_rows
from cgcli.terms.asking import Question

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cgcli.data.table import Named
    from cgcli.formulas.base import FormulaBase
    from cgcli.formulas.bound import Bound

    Found = Callable[[Mapping[str, Any], int], Mapping[str, Any]]
    """What is asked of the values by input: arrays with the rows in front, by name."""


class Calculation:
    """What is asked of a formula for batches of rows, by the names of their columns; as `rows.calculation.Calculation`.

    columns: input -> column of numbers. texts: input -> column of terms.
    """

    def __init__(
        self, columns: Mapping[str, Named], texts: Mapping[str, str], found: Found, names: Sequence[str]
    ) -> None:
        """found: what is asked, of the values by input; names: its outputs, until their columns are known."""
        self._found = found
        self.columns = dict(columns)
        self.texts = dict(texts)
        self.names = list(names)
        self.engine = engine("numpy")

    def __call__(self, columns: Mapping[str, Any], rows: int) -> dict[str, Any]:
        """The results of a batch by their columns' names; columns: the values by input."""
        results: dict[str, Any] = {}
        tables = self._found(columns, rows)
        refuse_width(sum(size(table.shape[1:]) for table in tables.values()))
        for output, table in tables.items():
            shape = table.shape[1:]
            for name, index in zip(element_names(output, shape), np.ndindex(*shape), strict=True):
                results[name] = np.ascontiguousarray(table[(slice(None), *index)])
        self.names = list(results)
        return results

    def tell_births(self) -> None:
        """Every batch has told of its own."""


class Asked:
    """What is asked of a formula with terms for a batch of rows, from the values by input.

    values: what all rows share; a term among them is that of every row. watch: hears of a nan that is born.
    """

    def __init__(self, formula: FormulaBase, values: Mapping[str, Any], watch: Callable[[Bound], Bound]) -> None:
        self.formula = formula
        self.values = values
        self._watch = watch

    def question(self, columns: Mapping[str, Any], rows: int) -> Question:
        """The formula for a batch."""
        shared = {name: [value] * rows if name in self.formula.terms else value for name, value in self.values.items()}
        question = Question(self.formula, {**shared, **columns}, rows=True, columns=list(columns))
        self._watch(question.bound)
        return question

    def outputs(self, columns: Mapping[str, Any], rows: int) -> dict[str, Any]:
        """The outputs of every row."""
        return self.question(columns, rows).values()

    def slopes(self, wrt: Sequence[str] | None, of: str | None) -> Found:
        """The outputs of every row and their derivatives, `d_loss_d_w`."""

        def found(columns: Mapping[str, Any], rows: int) -> dict[str, Any]:
            output = of if of is not None else self.formula.outputs[0]
            values = self.question(columns, rows).value(output)
            shared = {name: [value] * rows if name in self.formula.terms else value
                      for name, value in self.values.items()}  # fmt: skip
            slopes = gradients_of_rows(
                self.formula, {**shared, **columns}, {}, wrt, of, batched=True, columns=list(columns)
            )
            return {output: values} | {f"d_{output}_d_{name}": slope for name, slope in slopes.items()}

        return found


class Total:
    """The sum over batches of a scalar output, and of its gradient by what all rows share; see `Asked`.

    output: its name. value, slopes: so far.
    """

    def __init__(self, asked: Asked, wrt: Sequence[str] | None, of: str | None) -> None:
        self._asked = asked
        self._wrt, self._of = wrt, of
        self.output = of or ""
        self.value = 0.0
        self.slopes: dict[str, Any] = {}

    def __call__(self, columns: Mapping[str, Any], rows: int) -> dict[str, Any]:
        """Add a batch. DataError where there is no row."""
        if not rows:
            raise DataError(
                "the table has no row without a gap", hint="without a term nobody knows the shapes of values"
            )
        self.output, found, slopes = self._asked.question(columns, rows).gradients(self._wrt, self._of)
        self.value += float(found.sum())
        for name, slope in slopes.items():
            self.slopes[name] = self.slopes[name] + slope if name in self.slopes else np.array(slope)
        return {}
