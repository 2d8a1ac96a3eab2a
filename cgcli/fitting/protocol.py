"""What the solver of least squares knows of a problem: one upper triangle for a point, whatever the data are.

With J the residuals' derivatives (rows by parameters) and r the residuals, each row divided by its sigma, the QR
factorisation [J r] = Q R keeps in R all that a step, a covariance and the objective need: R'R = [J r]'[J r], and the
Euclidean norms are those of the rows themselves. It can be carried along from batch to batch (Golub & Van Loan,
Matrix Computations, 4th ed., §5.3 and §6.5.3), while J'J would lose half of the digits.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from typing import Any


@dataclass(frozen=True)
class NotFinite:
    """The first row whose residual, or a derivative of it, is no finite number.

    row: its number in the table, counted from 0, rows that are left out included. parameter: by which element the
    derivative is that is not finite; None where the residual itself is not. values: the columns of that row, by input.
    """

    row: int
    parameter: str | None = None
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Reduced:
    """Residuals and their derivatives at a point, reduced to what the solver needs.

    sum_of_squares: the objective: of the residuals r/sigma, under the robust loss if there is one; infinite where
    something is not finite. triangle: the R factor of [J r] of shape (p + 1, p + 1), of rows that are weighted and
    scaled for the robust loss; None without slopes and where something is not finite. Signs of its rows are free.
    rows: how many rows went in. plain: the sum of squares of r/sigma without the loss.
    """

    sum_of_squares: float
    triangle: Any
    rows: int
    plain: float
    not_finite: NotFinite | None = None


class Problem(Protocol):
    """Residuals that depend on parameters, and are asked for at points.

    names: one for each element of a point: `a` of a scalar parameter, `W[0,1]` of an array.
    linear: which parameters the residuals are jointly affine in: with the others fixed, no derivative by one of these
    depends on any of them.
    rows: how many rows there are; of a table that is read in batches known after the first evaluation, 0 before.
    report: what the first pass over a table has found, gaps among it (`data.stream.Report`); None where there is none.
    """

    names: tuple[str, ...]
    linear: Any
    rows: int

    @property
    def report(self) -> Any:
        """As above."""
        ...

    def reduced(self, point: Any, slopes: bool = True) -> Reduced:
        """The residuals (and, with slopes, their derivatives) at a point of shape (p,)."""
        ...

    def is_above(self, point: Any, total: float) -> bool:
        """Whether the sum of squares at a point is no less than a total: true as soon as some rows have reached it."""
        ...

    def spread(self) -> float:
        """The sum of squares of the target about its mean, weighted as the residuals are: the total of R²."""
        ...

    def size(self) -> float:
        """How large the target is: the root of its weighted mean square; nan where nothing is known."""
        ...

    def log_sigma(self) -> float:
        """The sum of log sigma over the rows, 0 without sigma: what a likelihood (AIC) needs beside the residuals."""
        ...

    def thinned(self, rows: int) -> Problem:
        """A problem of about so many of these rows, taken evenly over the table: where starts are looked for.

        Itself where there are no more than that.
        """
        ...

    def columns(self, rows: int) -> dict[str, Any]:
        """The columns of about so many rows, by input of the formula: what starts are scaled by. {} of bare arrays."""
        ...
