"""What the methods of a formula answer where inputs are terms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cgcli.errors import UsageError
from cgcli.terms.asking import Question
from cgcli.terms.binding import read_terms
from cgcli.terms.matching import given_columns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cgcli.formulas.base import FormulaBase


def check_engine(engine: str, digits: int | None = None, dtype: str = "float64") -> None:
    """UsageError for what terms are not computed with."""
    if engine not in ("auto", "numpy") or digits is not None or dtype != "float64":
        raise UsageError(
            "terms are computed in doubles, by the engine numpy", hint="leave engine, digits and dtype out"
        )


def value(formula: FormulaBase, values: Mapping[str, Any], *, batched: bool) -> dict[str, Any]:
    """The outputs for one term, by name."""
    found = Question(formula, values, rows=False, batched=batched).values()
    return {name: _alone(column[0]) for name, column in found.items()}


def gradient(
    formula: FormulaBase, values: Mapping[str, Any], wrt: Sequence[str] | None, of: str | None, *, batched: bool
) -> dict[str, Any]:  # fmt: skip
    """The derivatives of a scalar output for one term, by name."""
    found = Question(formula, values, rows=False, batched=batched).gradients(wrt, of)[2]
    return {name: _alone(slope) for name, slope in found.items()}


def rows(formula: FormulaBase, data: Any, named: Mapping[str, Any], *, batched: bool) -> dict[str, Any]:
    """The outputs of every row, by name. data, named: values by name, see `Formula.eval_rows`."""
    return Question(formula, given_columns(formula, data, named), rows=True, batched=batched).values()


def gradients_of_rows(
    formula: FormulaBase, data: Any, named: Mapping[str, Any], wrt: Sequence[str] | None, of: str | None, *,
    batched: bool, columns: Sequence[str] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """The derivatives of a scalar output in every row, by name: arrays with the rows in front.

    columns: which values differ from row to row, where that is not to be told by their shapes.
    """
    values = given_columns(formula, data, named)
    names = formula.programs.names.terms
    terms = {name: read_terms(formula, name, values[name], rows=True) for name in names if name in values}
    whole = Question(formula, {**values, **terms}, rows=True, batched=batched, columns=columns)
    whole.check(of)  # what is wrong in a row is told with its number
    found: dict[str, list[Any]] = {}
    for row in range(whole.rows):
        one = {name: each.part(row, row + 1) for name, each in terms.items()}
        one |= {name: column[row] for name, column in whole.columns.items()}
        for name, slope in gradient(formula, {**whole.shared, **one}, wrt, of, batched=batched).items():
            found.setdefault(name, []).append(slope)
    return {name: np.array(slopes) for name, slopes in found.items()}


def summed(
    formula: FormulaBase, data: Any, shared: Mapping[str, Any], *, wrt: Sequence[str] | None, of: str | None,
    mean: bool, batched: bool,
) -> tuple[float, dict[str, Any]]:  # fmt: skip
    """See `Formula.grad_sum`."""
    values = given_columns(formula, data, shared)
    question = Question(formula, values, rows=True, batched=batched)
    _, found, slopes = question.gradients(wrt, of)
    scale = 1.0 / question.rows if mean and question.rows else 1.0
    return float(found.sum()) * scale, {name: _alone(slope * scale) for name, slope in slopes.items()}


def _alone(found: Any) -> Any:
    """A float for a number, an array of its own for others."""
    return float(found) if np.ndim(found) == 0 else np.array(found)
