"""Predictions of a fitted formula, row by row: standard errors, and bands for the curve and for new observations.

With g the derivatives of a prediction by the parameters (exact, by reverse mode) and C their covariance, the standard
error of the prediction is √(g' C g), the delta method (Bates & Watts, Nonlinear Regression Analysis and Its
Applications, 1988, §2.3.2; Seber & Wild, Nonlinear Regression, 1989, §5.1). The confidence band goes as far from the
prediction as that, times Student's quantile; a new observation has a standard deviation s of its own, and its band goes
as far as √(s² + g' C g), times the quantile. For formulas that are linear in the parameters the bands are exact (Draper
& Smith, Applied Regression Analysis, 3rd ed. 1998, §3.1). Each band holds for one row at a time, not for a whole curve.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cgcli.data.table import names_of, values_of
from cgcli.fitting.question import Over
from cgcli.formulas.derivatives import gradient_nodes, targets
from cgcli.formulas.rows import bind_rows
from cgcli.rows.calculation import Calculation

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from typing import Any

    from cgcli.fitting.question import Question
    from cgcli.formulas.bound import Bound

PREDICTION, RESIDUAL, ERROR = "prediction", "residual", "standard_error"
CONFIDENCE = ("confidence_low", "confidence_high")
BAND = ("prediction_low", "prediction_high")
"""Names of the columns of a prediction."""


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """What predictions need of a fit.

    values: the parameters by name. covariance: of the elements of all parameters in the order of the question, zeros
    for what stays where it is; None where there is none. quantile: standard errors from the middle to the end of an
    interval. noise: the standard deviation of an observation, in units of its sigma; nan where it is not known.
    """

    question: Question
    values: Mapping[str, Any]
    covariance: Any
    quantile: float
    noise: float


class Predictor:
    """The columns of a prediction for batches of rows: `predictor(columns, rows)`, the columns by their own names.

    columns: the columns that it reads, each once; over: those of the formula. names: those that it gives. A residual is
    among them where the table has the target, a band for new observations where it has sigma, if the fit had one.
    """

    def __init__(self, fitted: Fitted, present: Collection[str], *, rows: int, engine: str = "auto") -> None:
        """present: the table's columns. rows: about how many there will be."""
        question = fitted.question
        self._fitted = fitted
        self._target = rows_of(question.target, present, rows)
        self._sigma = rows_of(question.sigma, present, rows) if isinstance(question.sigma, Over) else question.sigma
        self._has_noise = np.isfinite(fitted.noise) and (question.sigma is None or self._sigma is not None)
        bound = bind_rows(question.formula, question.row_shapes, {**question.fixed, **fitted.values},
                          wrt=list(question.shapes))  # fmt: skip
        nodes = {PREDICTION: targets(bound.program, question.output)[question.output]}
        self._factor = None if fitted.covariance is None else factor_of(fitted.covariance)
        if self._factor is not None:
            bound, slopes = gradient_nodes(bound, list(question.shapes), question.output)
            nodes |= {f"d_{name}": node for name, node in slopes[question.output].items()}
        self._model = Calculation(bound, nodes, question.columns, rows=rows, engine=engine)
        self.over = names_of(self._model.columns.values())
        self._overs = [over for over in (self._target, self._sigma) if isinstance(over, _OverRows)]
        read = [*self.over, *(name for over in self._overs for name in over.columns)]
        self.columns = list(dict.fromkeys(read))
        self.names = [
            PREDICTION, *([RESIDUAL] if self._target else []),
            *([ERROR, *CONFIDENCE, *(BAND if self._has_noise else ())] if self._factor is not None else []),
        ]  # fmt: skip

    def __call__(self, columns: Mapping[str, Any], rows: int) -> dict[str, Any]:
        """The columns of a batch of rows."""
        inputs = {name: values_of(column, columns) for name, column in self._model.columns.items()}
        prediction, *slopes = self._model(inputs, rows).values()
        found = {PREDICTION: prediction}
        if self._target is not None:
            found[RESIDUAL] = self._target(columns, rows) - prediction
        if self._factor is None:
            return found
        with np.errstate(all="ignore"):
            error = np.linalg.norm(np.column_stack(slopes) @ self._factor, axis=1) if slopes else np.zeros(rows)
            found[ERROR] = error
            self._add_band(found, CONFIDENCE, error)
            if self._has_noise:
                sigma = self._sigma(columns, rows) if isinstance(self._sigma, _OverRows) else self._sigma or 1.0
                self._add_band(found, BAND, np.hypot(error, self._fitted.noise * sigma))
        return found

    def _add_band(self, found: dict[str, Any], names: tuple[str, str], error: Any) -> None:
        """Add the lower and the upper end of a band."""
        for name, sign in zip(names, (-1.0, 1.0), strict=True):
            found[name] = found[PREDICTION] + sign * self._fitted.quantile * error

    def tell_births(self) -> None:
        """Tell whoever listens where a nan or an infinity of a prediction was born."""
        self._model.tell_births()


class _OverRows:
    """A formula over columns for batches of rows."""

    def __init__(self, over: Over, rows: int) -> None:
        bound: Bound = bind_rows(over.formula, list(over.columns))
        bound.on_births = lambda births: None  # the fit has told
        self._calculation = Calculation(bound, {"value": next(iter(bound.program.outputs.values()))}, over.columns,
                                        rows=rows)  # fmt: skip
        self.columns = list(over.columns.values())

    def __call__(self, columns: Mapping[str, Any], rows: int) -> Any:
        inputs = {name: values_of(column, columns) for name, column in self._calculation.columns.items()}
        return self._calculation(inputs, rows)["value"]


def rows_of(over: Over | None, present: Collection[str], rows: int) -> _OverRows | None:
    """A formula over columns for rows, None where one of the columns is missing."""
    return _OverRows(over, rows) if over is not None and set(over.columns.values()) <= set(present) else None


def factor_of(covariance: Any) -> Any:
    """F with F F' = C: by Cholesky of the correlations, by their eigenvectors where they are singular."""
    covariance = np.atleast_2d(np.asarray(covariance, dtype=float))
    scale = np.sqrt(np.maximum(covariance.diagonal(), 0))
    divisor = np.where(scale > 0, scale, 1.0)
    correlations = covariance / np.outer(divisor, divisor)
    if not np.isfinite(correlations).all():
        return np.full_like(covariance, np.nan)
    try:
        return scale[:, None] * np.linalg.cholesky(correlations)
    except np.linalg.LinAlgError:
        sizes, directions = np.linalg.eigh(correlations)
        return scale[:, None] * directions * np.sqrt(np.maximum(sizes, 0))
