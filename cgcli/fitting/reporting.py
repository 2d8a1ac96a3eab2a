"""What can be asked of a fit: a document for the next program, a table, predictions, a plot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cgcli.fitting.statistics import quantile

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any

    from cgcli.fitting.predicting import Fitted
    from cgcli.fitting.profile import Profile
    from cgcli.fitting.question import Question
    from cgcli.render.fit_picture import FitPicture

MOST_PAIRS = 1_000
"""Parameters up to which a document has their covariance and correlations, a number a pair."""

TOLD = (
    "rows", "left_out", "dof", "residual", "sum_of_squares", "r_squared", "adjusted_r_squared", "aic", "method",
    "evaluations", "converged", "message", "loss", "target", "at_bound", "undetermined", "warnings",
)  # fmt: skip
"""What a document has as a result has it."""


class Reporting:
    """The methods of a fit that tell of it; `fit.FitResult` has the numbers."""

    if TYPE_CHECKING:
        question: Question
        values: dict[str, Any]
        errors: dict[str, Any]
        covariance: Any
        names: tuple[str, ...]
        rows: int
        dof: int
        residual: float
        intervals: dict[str, tuple[float, float]]
        correlations: Any
        converged: bool
        absolute_sigma: bool
        fixed: dict[str, Any]
        left_out: int
        r_squared: float | None
        adjusted_r_squared: float | None
        aic: float
        method: str
        evaluations: int
        message: str
        loss: str
        target: str
        warnings: list[str]
        at_bound: list[str]

        def strong_correlations(self) -> list[tuple[str, str, float]]:
            """Pairs of elements, the strongest first."""
            ...

    def __str__(self) -> str:
        """The table that `cg fit` prints."""
        from cgcli.render.fit_tables import blocks
        from cgcli.render.tables import plain_text

        return "\n".join(plain_text(block) for block in blocks(self, 0.95)).rstrip("\n")

    @property
    def element_errors(self) -> dict[str, float]:
        """Standard errors by element: `a`, `W[0,1]`."""
        parts = [np.atleast_1d(error).ravel() for error in self.errors.values()]
        return dict(zip(self.names, np.concatenate(parts).tolist() if parts else [], strict=True))

    @property
    def element_values(self) -> dict[str, float]:
        """Values by element: `a`, `W[0,1]`."""
        parts = [np.atleast_1d(value).ravel() for value in self.values.values()]
        return dict(zip(self.names, np.concatenate(parts).tolist() if parts else [], strict=True))

    @property
    def has_sigma(self) -> bool:
        """Whether rows have a standard deviation that was given."""
        return self.question.sigma is not None

    def intervals_at(self, coverage: float) -> dict[str, tuple[float, float]]:
        """Confidence intervals of another coverage than 0.95, by element."""
        reach = quantile(self.dof, absolute=self.absolute_sigma, level=coverage)
        errors = self.element_errors
        return {name: (value - reach * errors[name], value + reach * errors[name])
                for name, value in self.element_values.items()}  # fmt: skip

    def document(self, coverage: float = 0.95, profiles: Mapping[str, Profile] | None = None) -> dict[str, Any]:
        """The fit as plain data: what `cg fit --json` prints and `-o` writes, and `--values` reads.

        profiles: likelihood intervals by element (`FitResult.profile`), which become the entry `profile`.
        """
        few = len(self.names) <= MOST_PAIRS
        return {
            "values": self.values, "errors": self.errors, "fixed": self.fixed,
            "intervals": {name: list(ends) for name, ends in self.intervals_at(coverage).items()},
            "coverage": coverage, **{name: getattr(self, name) for name in TOLD},
            "sigma": "absolute" if self.absolute_sigma else "relative", "names": list(self.names),
            "covariance": self.covariance if few else None, "correlations": self.correlations if few else None,
            **({} if profiles is None else {"profile": {name: as_data(found) for name, found in profiles.items()}}),
        }  # fmt: skip

    def fitted(self, coverage: float = 0.95) -> Fitted:
        """What predictions need."""
        from cgcli.fitting.predicting import Fitted

        return Fitted(
            question=self.question, values=self.values, covariance=np.nan_to_num(self.covariance, nan=0.0),
            quantile=quantile(self.dof, absolute=self.absolute_sigma, level=coverage),
            noise=1.0 if self.absolute_sigma else self.residual,
        )  # fmt: skip

    def predict(self, data: Any = None, *, coverage: float = 0.95) -> dict[str, Any]:
        """Predictions for the rows of a table, by default of the one that was fitted: arrays by column.

        `prediction`, `residual` (where the data have the target), `standard_error`, `confidence_low`,
        `confidence_high`, `prediction_low`, `prediction_high`; nan where a cell is missing. See `predicting`.
        data: a path, a frame, an Arrow table, a mapping of arrays. UsageError where a column is missing.
        """
        from cgcli.fitting.predictions import predicted

        return predicted(self.fitted(coverage), data)

    def picture(self, coverage: float = 0.95) -> FitPicture:
        """What a plot or a sketch shows."""
        from cgcli.fitting.picturing import picture_of

        return picture_of(self.fitted(coverage), rows=self.rows, errors=self.element_errors, coverage=coverage)

    def plot(self, path: str | Path, *, coverage: float = 0.95) -> None:
        """Draw points, curve, bands and residuals into a file (svg, png, pdf); needs the extra `plot`."""
        from cgcli.render.fit_plots import plot_fit

        plot_fit(self.picture(coverage), path)


def as_data(profile: Profile) -> dict[str, Any]:
    """A likelihood interval as plain data."""
    told = [{"text": one.text, "value": one.value, "error": one.error} for one in profile.told]
    return {
        "low": profile.low,
        "high": profile.high,
        "kind": profile.kind,
        "at_bound": list(profile.at_bound),
        "told": told,
    }
