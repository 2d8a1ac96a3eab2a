"""A least-squares problem whose residuals and derivatives are arrays in memory."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING

import numpy as np

from cgcli.fitting.protocol import NotFinite, Reduced
from cgcli.fitting.robust import loss_of, row_scales
from cgcli.fitting.upper import triangle_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any


class ArrayProblem:
    """Residuals (rows,) and derivatives (rows, p) as functions of a point (p,), already divided by each row's sigma.

    linear: which parameters are jointly affine; none where nothing is said. target: the weighted target and the
    weights 1/sigma, for R² only. loss, scale: see `robust`.
    """

    def __init__(
        self, names: Sequence[str], residuals: Callable[[Any], Any], jacobian: Callable[[Any], Any], *,
        linear: Any = None, target: tuple[Any, Any] | None = None, loss: str = "linear", scale: float = 1.0,
        row_of: Callable[[int], tuple[int, dict[str, Any]]] = lambda place: (place, {}),
    ) -> None:  # fmt: skip
        """row_of: the number of a row in the table, and its values by input, from its place among the residuals."""
        self.names = tuple(names)
        self.linear = np.zeros(len(self.names), dtype=bool) if linear is None else np.asarray(linear, dtype=bool)
        self.rows = 0
        self.report: Any = None
        self._residuals = residuals
        self._jacobian = jacobian
        self._target = target
        self._loss = loss
        self._scale = scale
        self._row_of = row_of
        self._chosen: Any = None

    def reduced(self, point: Any, slopes: bool = True) -> Reduced:
        """As `Problem.reduced`."""
        with np.errstate(all="ignore"):
            residuals = self._taken(np.asarray(self._residuals(point), dtype=float))
            rates = self._taken(np.asarray(self._jacobian(point), dtype=float)) if slopes else None
            self.rows = len(residuals)
            return self._reduced(residuals, rates)

    def _reduced(self, residuals: Any, rates: Any) -> Reduced:
        plain = float(residuals @ residuals)
        objective = loss_of(self._loss, self._scale, residuals)
        broken = self._broken(residuals, rates)
        if broken is None and not np.isfinite(objective):
            broken = self._place(int(np.argmax(np.abs(residuals))))
        if broken is not None:
            return Reduced(np.inf, None, self.rows, plain, broken)
        if rates is None:
            return Reduced(objective, None, self.rows, plain)
        if self._loss != "linear":
            for_slopes, for_residuals = row_scales(self._loss, self._scale, residuals)
            rates, residuals = rates * for_slopes[:, None], residuals * for_residuals
        return Reduced(objective, triangle_of(rates, residuals), self.rows, plain)

    def is_above(self, point: Any, total: float) -> bool:
        """As `Problem.is_above`."""
        return self.reduced(point, slopes=False).sum_of_squares >= total

    def spread(self) -> float:
        """As `Problem.spread`; nan where no target was given."""
        if self._target is None:
            return float("nan")
        target, weights = map(self._taken, self._target)
        mean = (weights @ target) / (weights @ weights)
        return float(np.sum((target - mean * weights) ** 2))

    def size(self) -> float:
        """As `Problem.size`; nan where no target was given."""
        return float("nan")

    def log_sigma(self) -> float:
        """As `Problem.log_sigma`; 0 where no weights were given."""
        return 0.0 if self._target is None else -float(np.sum(np.log(self._taken(self._target[1]))))

    def thinned(self, rows: int) -> ArrayProblem:
        """As `Problem.thinned`."""
        if self.rows <= rows:
            return self
        fewer = copy(self)
        fewer._chosen = np.linspace(0, self.rows - 1, rows).astype(int)
        return fewer

    def columns(self, rows: int) -> dict[str, Any]:
        """As `Problem.columns`."""
        return {}

    def _taken(self, column: Any) -> Any:
        """The rows of this problem."""
        return column if self._chosen is None else column[self._chosen]

    def _place(self, place: int, parameter: str | None = None) -> NotFinite:
        row, values = self._row_of(place if self._chosen is None else int(self._chosen[place]))
        return NotFinite(row, parameter, values)

    def _broken(self, residuals: Any, rates: Any) -> NotFinite | None:
        """The first row with something that is not finite."""
        found = ~np.isfinite(residuals)
        if rates is not None:
            found = found | ~np.isfinite(rates).all(axis=1)
        if not found.any():
            return None
        place = int(found.argmax())
        if not np.isfinite(residuals[place]) or rates is None:
            return self._place(place)
        return self._place(place, self.names[int((~np.isfinite(rates[place])).argmax())])
