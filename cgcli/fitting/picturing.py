"""The rows of a fit and its curve, gathered for a plot or a sketch: one more pass over the table."""

from __future__ import annotations

from dataclasses import replace
from math import ceil, isfinite
from typing import TYPE_CHECKING

import numpy as np

from cgcli.fitting.predicting import BAND, CONFIDENCE, PREDICTION, RESIDUAL, Predictor, rows_of
from cgcli.fitting.question import Over, elements
from cgcli.numerals import with_error
from cgcli.render.fit_picture import Curve, FitPicture, spans_decades
from cgcli.rows.sources import WholeRows

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from cgcli.fitting.predicting import Fitted

MOST_POINTS = 5_000
"""Rows in a picture; of more every second, third … one is shown."""

GRID = 401
"""Points of a curve."""

MOST_NAMED = 9
"""Parameters that a picture names with their values."""


def picture_of(fitted: Fitted, *, rows: int, errors: Mapping[str, float], coverage: float = 0.95) -> FitPicture:
    """What a picture of a fit shows. rows: those that were fitted. errors: standard errors by element's name."""
    question = fitted.question
    columns = thinned(WholeRows(question.source, question.needed(), limit=question.limit), ceil(rows / MOST_POINTS))
    shown = len(next(iter(columns.values())))
    predictor = Predictor(fitted, question.needed(), rows=shown)
    found = predictor(columns, shown)
    over = predictor.over
    x_name = over[0] if len(over) == 1 and columns[over[0]].ndim == 1 else None
    return FitPicture(
        title=title_of(fitted), y_name=question.target.text, rows=rows, x_name=x_name,
        x=[] if x_name is None else columns[x_name].tolist(),
        observed=(found[PREDICTION] + found[RESIDUAL]).tolist(), fitted=found[PREDICTION].tolist(),
        errors=deviations(found, fitted), x_errors=deviations_of_column(fitted, x_name, columns, shown),
        parameters=parameter_lines(fitted, errors),
        curve=None if x_name is None else curve_of(fitted, x_name, columns[x_name]), coverage=coverage,
        notes=[f"{shown:,} of {rows:,} rows"] if shown < rows else [],
    )  # fmt: skip


def thinned(rows: WholeRows, step: int) -> dict[str, Any]:
    """Every so manieth whole row, as columns."""
    kept: dict[str, list[Any]] = {name: [] for name in rows.columns}
    first = 0
    for part in rows.parts():
        for name, column in part.columns.items():
            kept[name].append(np.array(column[first::step]))
        first = (first - part.rows) % step
    return {name: np.concatenate(columns) for name, columns in kept.items()}


def curve_of(fitted: Fitted, name: str, x: Any) -> Curve:
    """The fitted curve over the range of a column, with its bands."""
    question = fitted.question
    low, high = float(x.min()), float(x.max())
    even = np.geomspace if spans_decades(x.tolist()) else np.linspace
    grid = even(low, high, GRID)
    if isinstance(question.sigma, Over):  # a new observation's sigma is not known between the rows
        fitted = replace(fitted, noise=float("nan"))
    found = Predictor(fitted, [name], rows=GRID)({name: grid}, GRID)
    bands = [tuple(found[each].tolist() for each in ends) if ends[0] in found else None for ends in (CONFIDENCE, BAND)]
    return Curve(x=grid.tolist(), y=found[PREDICTION].tolist(), confidence=bands[0], prediction=bands[1])


def deviations(found: Mapping[str, Any], fitted: Fitted) -> list[float]:
    """The standard deviation of each row, where rows have one of their own: from the band of its observation."""
    if fitted.question.sigma is None or BAND[0] not in found:
        return []
    half = (found[BAND[1]] - found[BAND[0]]) / 2
    inner = (found[CONFIDENCE[1]] - found[CONFIDENCE[0]]) / 2
    return (np.sqrt(np.maximum(half**2 - inner**2, 0)) / fitted.quantile).tolist()


def deviations_of_column(fitted: Fitted, name: str | None, columns: Mapping[str, Any], rows: int) -> list[float]:
    """The standard deviations of the column that a curve goes over, where it has errors."""
    question = fitted.question
    for given, sigma in question.sigma_x.items():
        if question.columns[given] == name:
            of_rows = rows_of(sigma, list(columns), rows) if isinstance(sigma, Over) else None
            values = of_rows(columns, rows) if of_rows is not None else np.full(rows, sigma)
            return (fitted.noise * values).tolist()
    return []


def title_of(fitted: Fitted) -> str:
    """The formula in one line, or what is fitted where it is long."""
    source = fitted.question.formula.source
    text = "" if source is None else "; ".join(line for line in without_comments(source.text) if line)
    return text if 0 < len(text) <= 100 else f"{fitted.question.target.text} and {fitted.question.output}"


def without_comments(text: str) -> list[str]:
    """The lines of a formula without what stands behind `#`."""
    return [line.partition("#")[0].strip() for line in text.splitlines()]


def parameter_lines(fitted: Fitted, errors: Mapping[str, float]) -> list[str]:
    """`a = 2.503 ± 0.021` by parameter; none where there are many."""
    if len(errors) > MOST_NAMED:
        return []
    lines = []
    for name, shape in fitted.question.shapes.items():
        values = np.atleast_1d(fitted.values[name]).ravel()
        for element, value in zip(elements(name, shape), values, strict=True):
            error = errors[element]
            known = isfinite(error) and error > 0
            lines.append(f"{element} = " + " ± ".join(with_error(value, error)[: 2 if known else 1]))
    return lines
