"""What each input does to a result: the table of `cg sensitivity` (an uncertainty budget, GUM H.1, table H.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cgcli.errors import ShapeError
from cgcli.formulas.derivatives import gradient_nodes
from cgcli.numerals import element_names, short_number
from cgcli.uncertainty.results import ArrayUncertainty, Uncertainty

if TYPE_CHECKING:
    from typing import Any

    from cgcli.uncertainty.propagating import Propagation
    from cgcli.uncertainty.sampling import Sampled


class Row:
    """A line of the table: an element of an input, or a pair that goes together; None where something has no sense.

    derivative: ∂y/∂x. elasticity: relative change of the result by relative change of the input, ∂y/∂x·x/y.
    contribution: |∂y/∂x|·u(x). share: of the result's variance; of a pair 2·c_i·c_j·u(x_i, x_j), which may be negative.
    sobol, sobol_total: Sobol's shares of first order and in total, where there is a sample.
    """

    def __init__(
        self, name: str, *, value: float | None = None, error: float | None = None, derivative: float | None = None,
        elasticity: float | None = None, contribution: float | None = None, share: float | None = None,
        sobol: float | None = None, sobol_total: float | None = None,
    ) -> None:  # fmt: skip
        self.input = name
        self.value, self.error = value, error
        self.derivative, self.elasticity = derivative, elasticity
        self.contribution, self.share = contribution, share
        self.sobol, self.sobol_total = sobol, sobol_total

    def as_dict(self) -> dict[str, Any]:
        """The row as JSON-able data."""
        found = {field: getattr(self, field) for field in FIELDS}
        return {
            field: value for field, value in found.items() if value is not None or field not in ("sobol", "sobol_total")
        }

    def cells(self) -> dict[str, str]:
        """The row as texts."""
        found = {field: getattr(self, field) for field in FIELDS}
        return {field: value if isinstance(value, str) else "" if value is None
                else f"{100 * value:.1f} %" if field in ("share", "sobol", "sobol_total") else short_number(value)
                for field, value in found.items()}  # fmt: skip


FIELDS = (
    "input", "value", "error", "derivative", "elasticity", "contribution", "share", "sobol", "sobol_total",
)  # fmt: skip
"""The columns of the table, in their order."""


def table(found: Propagation, name: str, result: Uncertainty | ArrayUncertainty) -> list[Row]:
    """The rows for an output that is a number. ShapeError for an array."""
    if isinstance(result, ArrayUncertainty):
        raise ShapeError(
            f"`{name}` has shape {list(result.elements.shape)}; the table is for a number",
            hint="choose an element, or take a `sum(…)` of it",
        )
    bound, inputs = found.bound, found.inputs
    over, nodes = gradient_nodes(bound, None, name)
    known = over.evaluate(list(nodes[name].values()))
    rows: list[Row] = []
    for variable, slopes in zip(nodes[name], known, strict=True):
        values = np.ravel(np.asarray(bound.values[variable], dtype=float))
        for place, label in enumerate(element_names(variable, np.shape(slopes))):
            slope, value = float(np.ravel(slopes)[place]) + 0.0, float(values[place])  # no -0
            group = inputs.groups.get(variable)
            error = float(inputs.error[group][place]) if group else None
            rows.append(_row(label, value, slope, error, result))
    rows += _pairs(found, result)
    return _with_sobol(rows, result.sampled) if result.is_sampled else rows


def _row(label: str, value: float, slope: float, error: float | None, result: Uncertainty) -> Row:
    """The row of one element; without an error it has no contribution."""
    elasticity = slope * value / result.value if result.value else None
    if error is None:
        return Row(label, value=value, derivative=slope, elasticity=elasticity)
    part = abs(slope) * error
    share = (part / result.error) ** 2 if result.error else 0.0
    return Row(label, value=value, derivative=slope, elasticity=elasticity, error=error, contribution=part, share=share)


def _with_sobol(rows: list[Row], sampled: Sampled) -> list[Row]:
    """The rows with Sobol's shares; inputs that go together, and arrays, have theirs in a row behind all others."""
    first, total = sampled.shares, sampled.total_shares
    for row in rows:
        if row.input in first:
            row.sobol, row.sobol_total = first[row.input], total[row.input]
    single = {row.input for row in rows}
    together = [name for name in first if name not in single]
    return rows + [Row(f"{name} (together)", sobol=first[name], sobol_total=total[name]) for name in together]


def _pairs(found: Propagation, result: Uncertainty) -> list[Row]:
    """A row for each pair of elements that goes together, so that all shares sum to 1."""
    inputs, slope = found.inputs, result.slope
    rows = []
    for i, j in np.argwhere(np.triu(inputs.correlation, 1)).tolist():
        both = 2 * float(slope[i] * inputs.covariance[i, j] * slope[j])
        share = both / result.error**2 if result.error else 0.0
        rows.append(
            Row(f"{inputs.labels[i]}, {inputs.labels[j]} (correlation {inputs.correlation[i, j]:.3g})", share=share)
        )
    return rows
