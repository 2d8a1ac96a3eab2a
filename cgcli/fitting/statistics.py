"""What a triangle at a solution says of the parameters: errors, intervals, correlations, and what is not determined.

Linear regression theory at the solution: G. A. F. Seber & C. J. Wild, Nonlinear Regression (1989), §2.1 and §5.1;
D. M. Bates & D. G. Watts, Nonlinear Regression Analysis and Its Applications (1988), ch. 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cgcli.fitting.upper import EPSILON

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from cgcli.fitting.least_squares import Solution

RANK = 50.0
"""Units of rounding, for each parameter, below which a singular value of scaled derivatives counts as 0."""
SHARE = 1e-6
"""The part of a parameter in a direction without effect from which on it is not determined."""
PERFECT, PERFECT_IN_DECIMALS = 100.0, 4.0
"""Units of rounding, of the terms that make up the residuals, below which these are nothing but rounding: in doubles,
and where they were computed from the decimals of the table (`decimals`), so that only its own rounding is left."""
FEWEST_DIGITS = 6
"""Digits of errors that should be right: where rounding leaves fewer, it is told, or the table's decimals are asked."""


@dataclass(frozen=True)
class Statistics:
    """Of a point: covariance (p, p), errors (p,), inf where the data do not determine a parameter; nan at a bound.

    residual: the residual standard deviation. dof: rows less parameters, of those that the data cannot tell apart as
    many as they can (the rank, as in linear regression). free: which parameters are at no bound.
    undetermined: directions (p,) in which parameters can be changed together without an effect on the residuals.
    """

    covariance: Any
    errors: Any
    residual: float
    dof: int
    free: Any
    undetermined: list[Any]
    perfect: bool


def statistics(
    triangle: Any, point: Any, sum_of_squares: float, rows: int, *, absolute: bool = False, free: Any = None,
    perfect: float = PERFECT,
) -> Statistics:  # fmt: skip
    """Statistics from the triangle of [J r] at a point.

    absolute: sigma is the standard deviation of each row, and not only in proportion to it; then the covariance is not
    scaled by the residuals. free: which parameters are at no bound; one that is counts as fixed there. perfect: units
    of rounding that residuals may have which are nothing else.
    """
    size = len(point)
    free = np.ones(size, dtype=bool) if free is None else free
    inverse, unknown, directions = inverse_of_products(triangle[:size, :size][:, free], rows)
    dof = rows - size + len(directions)
    variance = sum_of_squares / dof if dof > 0 else float("nan")
    covariance = np.full((size, size), np.nan)
    scale = 1.0 if absolute else variance
    covariance[np.ix_(free, free)] = inverse * scale
    errors = np.full(size, np.nan)
    errors[free] = np.where(unknown, np.inf, np.sqrt(np.diag(inverse) * scale))
    placed = []
    for direction in directions:
        whole = np.zeros(size)
        whole[free] = direction
        placed.append(whole)
    rounding = EPSILON * contributions(triangle, point)
    is_perfect = rows > 0 and bool(np.sqrt(sum_of_squares) <= perfect * rounding)
    return Statistics(covariance, errors, float(np.sqrt(variance)), dof, free, placed, is_perfect)


def robust_variances(moments: Sequence[float], rows: int, dof: int) -> tuple[float, float]:
    """By what (J'J)⁻¹ is multiplied under a robust loss, and the variance that its objective has; nan if not known.

    moments: the sums of ψ², ψ' and ψ'² over the rows. With K = 1 + (p/n) var(ψ')/mean(ψ')² the covariance is
    K² [Σ ψ²/(n − p)] / mean(ψ')² · (J'J)⁻¹: P. J. Huber & E. M. Ronchetti, Robust Statistics, 2nd ed. (2009), §7.6.
    """
    squares, curvature, its_squares = moments
    mean = curvature / rows
    if dof <= 0 or mean <= 0:
        return float("nan"), float("nan")
    correction = 1 + (rows - dof) / rows * max(its_squares / rows - mean**2, 0.0) / mean**2
    scores = correction**2 * squares / dof
    return scores / mean**2, scores / mean


def contributions(triangle: Any, point: Any) -> float:
    """The length of what the parameters contribute to the residuals, each by itself."""
    size = len(point)
    return float(np.linalg.norm(np.linalg.norm(triangle[:size, :size], axis=0) * point))


def digits_of_errors(solution: Solution) -> int:
    """About how many digits of the errors the rounding of a table's numbers in doubles leaves right, 0 to 16."""
    reduced = solution.reduced
    if not solution.converged or solution.digits or reduced.triangle is None:
        return 16
    rounding = EPSILON * contributions(reduced.triangle, solution.point)
    if not 0 < rounding < np.inf or not reduced.sum_of_squares > 0:
        return 16
    return int(np.clip(np.log10(np.sqrt(reduced.sum_of_squares) / rounding), 0, 16))


def inverse_of_products(slopes: Any, rows: int) -> tuple[Any, Any, list[Any]]:
    """(J'J)⁻¹ from the triangle of J, which parameters it says nothing about, and the directions without effect.

    By the singular values of the derivatives with columns of length 1, so that units do not count. Where the rank is
    not full it is the pseudo-inverse, which holds for combinations of parameters that are determined.
    """
    size = slopes.shape[1]
    norms = np.linalg.norm(slopes, axis=0)
    still = norms == 0
    norms = np.where(still, 1.0, norms)
    if not size:
        return np.zeros((0, 0)), np.zeros(0, dtype=bool), []
    _, values, right = np.linalg.svd(slopes / norms, full_matrices=False)
    kept = values > RANK * EPSILON * max(size, rows**0.5) * max(float(values[0]), 1.0)
    parts = (right[kept] / norms).T / values[kept]
    lost = right[~kept]
    unknown = (lost**2).sum(axis=0) > SHARE if len(lost) else np.zeros(size, dtype=bool)
    return parts @ parts.T, unknown, [row / norms for row in reduced_rows(lost)]


def reduced_rows(rows: Any) -> Any:
    """A basis of the same space with as many zeros as elimination with full pivoting makes: whoever reads it sees
    which parameters go together.
    """
    rows = np.array(rows)
    taken: list[int] = []
    for place in range(len(rows)):
        rest = np.abs(rows[place:]).copy()
        rest[:, taken] = 0
        row, column = np.unravel_index(rest.argmax(), rest.shape)
        rows[[place, place + int(row)]] = rows[[place + int(row), place]]
        rows[place] /= rows[place, column]
        for other in range(len(rows)):
            if other != place:
                rows[other] -= rows[other, column] * rows[place]
        taken.append(int(column))
    rows[np.abs(rows) < SHARE] = 0
    return rows


def quantile(dof: int, *, absolute: bool = False, level: float = 0.95) -> float:
    """By how many errors an interval extends to each side: Student's quantile; the normal one for an absolute sigma."""
    from scipy.special import ndtri, stdtrit

    if absolute:
        return float(ndtri(0.5 + level / 2))
    return float(stdtrit(dof, 0.5 + level / 2)) if dof > 0 else float("nan")


def correlations(covariance: Any) -> Any:
    """The correlation matrix; nan where a parameter has no variance."""
    deviations = np.sqrt(np.diag(covariance))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.clip(covariance / np.outer(deviations, deviations), -1.0, 1.0)


def akaike(plain: float, rows: int, parameters: int, log_sigma: float, *, absolute: bool = False) -> float:
    """Akaike's criterion −2 log L + 2 k, L the Gaussian likelihood with all of its constants, as R's `AIC` of `nls`.

    k counts the parameters, and the variance, which is estimated, too, unless sigma is absolute. H. Akaike, IEEE Trans.
    Automatic Control 19 (1974).
    """
    if absolute:
        return plain + rows * float(np.log(2 * np.pi)) + 2 * log_sigma + 2 * parameters
    with np.errstate(divide="ignore"):
        likelihood = rows * (float(np.log(2 * np.pi)) + 1 + float(np.log(plain / rows))) + 2 * log_sigma
    return likelihood + 2 * (parameters + 1)


def combination(direction: Any, names: Sequence[str]) -> str:
    """A direction without effect in words: `a +1, b −2`."""
    chosen = [place for place in range(len(names)) if direction[place]]
    largest = max(abs(direction[place]) for place in chosen)
    first = direction[chosen[0]]
    scale = first if abs(first) > 1e-3 * largest else largest
    return ", ".join(f"{names[place]} {signed(direction[place] / scale)}" for place in chosen)


def signed(number: float) -> str:
    """A number with its sign, three digits."""
    return f"{'+' if number >= 0 else '−'}{abs(number):.3g}"
