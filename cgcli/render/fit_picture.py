"""What a picture of a fit shows, whether it becomes a plot (`fit_plots`) or a sketch in a terminal (`sketch`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite, log10

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    Numbers = Sequence[float]
    Band = tuple[Numbers, Numbers]

DECADES = 2.0
"""Positive numbers that go over so many powers of ten, and lie evenly among these, get a logarithmic axis."""


@dataclass(frozen=True, kw_only=True)
class Curve:
    """A fitted function of one column, on a grid. confidence: the band of the curve; prediction: that of new rows."""

    x: Numbers
    y: Numbers
    confidence: Band | None = None
    prediction: Band | None = None


@dataclass(frozen=True, kw_only=True)
class FitPicture:
    """The rows of a fit, or as many of them as can be seen, and the curve where there is one.

    title: the formula. parameters: lines such as `a = 2.503 ± 0.021`. x_name: the column that the curve goes over;
    None where there are several, and predictions are shown over observations. x is empty then. errors: each row's
    standard deviation, or nothing; x_errors: that of the column. coverage: of the bands. rows: how many there are, of
    which these are a part.
    """

    title: str
    y_name: str
    observed: Numbers
    fitted: Numbers
    rows: int
    parameters: Sequence[str] = ()
    x_name: str | None = None
    x: Numbers = ()
    errors: Numbers = ()
    x_errors: Numbers = ()
    curve: Curve | None = None
    coverage: float = 0.95
    notes: Sequence[str] = field(default_factory=tuple)

    @property
    def residuals(self) -> list[float]:
        """Observed less fitted, by row."""
        return [seen - found for seen, found in zip(self.observed, self.fitted, strict=True)]

    @property
    def abscissa(self) -> Numbers:
        """What goes to the right: the column, or the predictions."""
        return self.x if self.x_name is not None else self.fitted

    @property
    def logarithmic(self) -> bool:
        """Whether the axis to the right has powers of ten."""
        return self.x_name is not None and spans_decades(self.x)


def spans_decades(numbers: Numbers) -> bool:
    """Whether numbers are positive, of very different sizes, and even in their logarithms rather than in themselves."""
    sizes = sorted(number for number in numbers if isfinite(number))
    if len(sizes) < 3 or sizes[0] <= 0 or log10(sizes[-1] / sizes[0]) < DECADES:
        return False
    middle = sizes[len(sizes) // 2]
    by_size = (middle - sizes[0]) / (sizes[-1] - sizes[0])
    by_decade = log10(middle / sizes[0]) / log10(sizes[-1] / sizes[0])
    return abs(by_decade - 0.5) < abs(by_size - 0.5)
