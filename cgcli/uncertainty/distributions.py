"""Distributions of a value: mean, standard deviation, higher moments, and numbers drawn from them.

Every one of them becomes numbers through its quantiles, or through a formula in two uniform numbers, so that a sample
depends on uniform numbers alone. Sources: JCGM 101:2008 §6.4; N. L. Johnson, S. Kotz, N. Balakrishnan, Continuous
Univariate Distributions, 2nd ed., Wiley 1994/95.
"""

from __future__ import annotations

from math import exp, expm1, inf, isfinite, log, log1p, sqrt
from typing import TYPE_CHECKING

import numpy as np

from cgcli import draws
from cgcli.errors import UsageError
from cgcli.uncertainty.signs import SHORT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

NORMAL_KURTOSIS = 3.0


class Distribution:
    """What is known of a value.

    mean, sd: mean and standard deviation. skewness: third central moment by sd³. kurtosis: fourth central moment by
    sd⁴, 3 for a normal one. uniforms: how many uniform numbers `drawn` takes for one of its numbers.
    """

    uniforms = 1
    mean: float
    sd: float
    skewness = 0.0
    kurtosis = NORMAL_KURTOSIS

    def quantiles(self, p: Any) -> Any:
        """The numbers below which shares p of the distribution lie; p in (0, 1)."""
        raise NotImplementedError

    def drawn(self, uniform: Sequence[Any]) -> Any:
        """Numbers of the distribution from uniform ones in (0, 1)."""
        return self.quantiles(uniform[0])


class Normal(Distribution):
    """Normal (JCGM 101 §6.4.7)."""

    def __init__(self, mean: float, sd: float) -> None:
        self.mean = mean
        self.sd = sd

    def quantiles(self, p: Any) -> Any:  # noqa: D102 - as of every distribution
        return self.mean + self.sd * draws.quantiles(p)


class Student(Distribution):
    """Student's, shifted and scaled (JCGM 101 §6.4.9). Its standard deviation is scale·√(ν/(ν−2)), for ν > 2."""

    uniforms = 2

    def __init__(self, mean: float, scale: float, dof: float) -> None:
        self.mean = mean
        self.scale = scale
        self.dof = dof
        self.sd = scale * sqrt(dof / (dof - 2)) if dof > 2 else inf
        if dof > 4:
            self.kurtosis = 3 + 6 / (dof - 4)

    def quantiles(self, p: Any) -> Any:  # noqa: D102 - as of every distribution
        from scipy.special import stdtrit

        return self.mean + self.scale * stdtrit(self.dof, p)

    def drawn(self, uniform: Sequence[Any]) -> Any:
        """By the polar formula of R. W. Bailey, Mathematics of Computation 62 (1994) 779."""
        first, second = uniform
        radius = np.sqrt(self.dof * np.expm1(-2 / self.dof * np.log(first)))
        return self.mean + self.scale * radius * np.cos(2 * np.pi * second)


class Bounded(Distribution):
    """A symmetric distribution between two limits: middle ± half."""

    def __init__(self, low: float, high: float) -> None:
        self.mean = low + (high - low) / 2
        self.half = (high - low) / 2
        self.sd = sqrt(self._variance()) * self.half

    def _variance(self) -> float:
        """The variance of the distribution on [-1, 1]."""
        raise NotImplementedError

    def quantiles(self, p: Any) -> Any:  # noqa: D102 - as of every distribution
        return self.mean + self.half * self._unit(p)

    def _unit(self, p: Any) -> Any:
        """The quantiles of the distribution on [-1, 1]."""
        raise NotImplementedError


class Rectangular(Bounded):
    """Rectangular, also called uniform (JCGM 101 §6.4.2)."""

    kurtosis = 1.8

    def _variance(self) -> float:
        return 1 / 3

    def _unit(self, p: Any) -> Any:
        return 2 * p - 1


class Arcsine(Bounded):
    """Arcsine, U-shaped: where a value swings as a sine between two limits (JCGM 101 §6.4.6)."""

    kurtosis = 1.5

    def _variance(self) -> float:
        return 1 / 2

    def _unit(self, p: Any) -> Any:
        return -np.cos(np.pi * p)


class Trapezoidal(Bounded):
    """Trapezoidal (JCGM 101 §6.4.4). ratio: of its top to its base, between 0 (a triangle) and 1 (a rectangle)."""

    def __init__(self, low: float, high: float, ratio: float) -> None:
        self.ratio = ratio
        super().__init__(low, high)
        wide, narrow = (1 + ratio) ** 2 / 12, (1 - ratio) ** 2 / 12  # variances of the two rectangles that it sums
        self.kurtosis = (1.8 * (wide**2 + narrow**2) + 6 * wide * narrow) / (wide + narrow) ** 2

    def _variance(self) -> float:
        return (1 + self.ratio**2) / 6

    def _unit(self, p: Any) -> Any:
        lower, ratio = np.minimum(p, 1 - p), self.ratio
        edge = (1 - ratio) / (1 + ratio) / 2  # the share of each slope
        slope = -1 + np.sqrt(2 * lower * (1 - ratio**2))
        found = np.where(lower < edge, slope, (lower - 0.5) * (1 + ratio))
        return np.where(p > 0.5, -found, found)


class Triangular(Distribution):
    """Triangular between two limits, with a mode anywhere between them; symmetric: JCGM 101 §6.4.5."""

    kurtosis = 2.4

    def __init__(self, low: float, high: float, mode: float | None = None) -> None:
        self.low, self.high = low, high
        self.mode = low + (high - low) / 2 if mode is None else mode
        left, right = self.mode - low, high - self.mode
        whole = high - low
        self.mean = low + (whole + left) / 3
        variance = (whole**2 - left * right) / 18
        self.sd = sqrt(variance)
        if variance > 0:
            self.skewness = (right - left) * (whole + left) * (whole + right) / (270 * variance * self.sd)

    def quantiles(self, p: Any) -> Any:  # noqa: D102 - as of every distribution
        left, right, whole = self.mode - self.low, self.high - self.mode, self.high - self.low
        rising = self.low + np.sqrt(p * whole * left)
        return np.where(p * whole < left, rising, self.high - np.sqrt((1 - p) * whole * right))


class CurvedTrapezoidal(Bounded):
    """A rectangle whose limits are known up to ±d, each as far out as the other (JCGM 101 §6.4.3)."""

    uniforms = 2

    def __init__(self, low: float, high: float, inexact: float) -> None:
        self.inexact = inexact
        super().__init__(low, high)
        half = self.half
        fourth = (half**4 + 2 * half**2 * inexact**2 + inexact**4 / 5) / 5
        self.sd = sqrt(half**2 / 3 + inexact**2 / 9)
        self.kurtosis = fourth / self.sd**4 if self.sd else NORMAL_KURTOSIS

    def _variance(self) -> float:
        return 1 / 3

    def drawn(self, uniform: Sequence[Any]) -> Any:
        """A half-width, then a place within it (JCGM 101 §6.4.3.4)."""
        width = self.half + self.inexact * (2 * uniform[0] - 1)
        return self.mean + width * (2 * uniform[1] - 1)

    def quantiles(self, p: Any) -> Any:
        """By bisection of the distribution function: it has no inverse in closed form."""
        reach = self.half + self.inexact
        low, high = np.full_like(p, -reach), np.full_like(p, reach)
        for _ in range(60):
            middle = (low + high) / 2
            below = self._shares(middle) < p
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return self.mean + (low + high) / 2

    def _shares(self, x: Any) -> Any:
        """The share below mean + x: the density, (ln of the outer limit − ln of max(|x|, inner limit)) / 4d, summed."""
        inner, outer, size = self.half - self.inexact, self.half + self.inexact, np.abs(x)
        if not self.inexact:
            return np.clip((x / self.half + 1) / 2, 0, 1)
        beyond = np.maximum(size, max(inner, 1e-300))
        top = inner * log(outer / inner) if inner > 0 else 0.0
        flat = np.minimum(size, inner) / inner * top if inner > 0 else 0.0
        area = flat + (beyond - inner) + beyond * np.log(outer / beyond) - top
        return 0.5 + np.sign(x) * np.minimum(area / (4 * self.inexact), 0.5)


class LogNormal(Distribution):
    """Its logarithm is normal. mu, sigma: mean and standard deviation of that logarithm."""

    def __init__(self, mu: float, sigma: float) -> None:
        self.mu, self.sigma = mu, sigma
        spread = exp(sigma**2)
        self.mean = exp(mu + sigma**2 / 2)
        self.sd = self.mean * sqrt(expm1(sigma**2))
        self.skewness = (spread + 2) * sqrt(expm1(sigma**2))
        self.kurtosis = spread**4 + 2 * spread**3 + 3 * spread**2 - 3

    @classmethod
    def of(cls, mean: float, sd: float) -> LogNormal:
        """The one with this mean and standard deviation."""
        sigma = sqrt(log1p((sd / mean) ** 2))
        return cls(log(mean) - sigma**2 / 2, sigma)

    def quantiles(self, p: Any) -> Any:  # noqa: D102 - as of every distribution
        return np.exp(self.mu + self.sigma * draws.quantiles(p))


class Exponential(Distribution):
    """Exponential: a value that is not negative, and its mean is known (JCGM 101 §6.4.10)."""

    skewness, kurtosis = 2.0, 9.0

    def __init__(self, mean: float) -> None:
        self.mean = self.sd = mean

    def quantiles(self, p: Any) -> Any:  # noqa: D102 - as of every distribution
        return -self.mean * np.log1p(-p)


class Gamma(Distribution):
    """Gamma; of a Poisson rate after q counts: shape q + 1, scale 1 (JCGM 101 §6.4.11)."""

    def __init__(self, shape: float, scale: float) -> None:
        self.shape, self.scale = shape, scale
        self.mean, self.sd = shape * scale, sqrt(shape) * scale
        self.skewness, self.kurtosis = 2 / sqrt(shape), 3 + 6 / shape

    def quantiles(self, p: Any) -> Any:  # noqa: D102 - as of every distribution
        from scipy.special import gammaincinv

        return self.scale * gammaincinv(self.shape, p)


class Foreign(Distribution):
    """A distribution of SciPy with its numbers set (`scipy.stats.weibull_min(2.5, scale=3)`), or one like it."""

    def __init__(self, frozen: Any) -> None:
        self.frozen = frozen
        self.mean, self.sd = float(frozen.mean()), float(frozen.std())
        skewness, excess = map(float, frozen.stats(moments="sk"))
        self.skewness = skewness if isfinite(skewness) else 0.0
        self.kurtosis = 3 + excess if isfinite(excess) else NORMAL_KURTOSIS

    def quantiles(self, p: Any) -> Any:  # noqa: D102 - as of every distribution
        return self.frozen.ppf(p)


def named(kind: str, value: float, error: float, dof: float) -> Distribution:
    """The distribution of a kind with a given mean and standard deviation. UsageError for an unknown kind.

    Of Student's the kind says what the error is: of `student_sd` its standard deviation, of `student_scale` its scale.
    """
    kind = SHORT.get(kind, kind)
    if kind == "student":
        raise UsageError("the error of a Student distribution can be its scale or its standard deviation",
                         hint="say student_scale or student_sd")  # fmt: skip
    if kind.startswith("student_") and not isfinite(dof):
        raise UsageError("a Student distribution needs its degrees of freedom", hint='for example dof={"x": 9}')
    if kind == "lognormal" and value <= 0:
        raise UsageError(f"a log-normal value is positive, not {value:g}")
    if kind == "student_sd" and dof <= 2:
        raise UsageError(f"a Student distribution with {dof:g} degrees of freedom has no standard deviation",
                         hint="say student_scale")  # fmt: skip
    half = {"rectangular": sqrt(3), "triangular": sqrt(6), "arcsine": sqrt(2)}.get(kind, 0.0) * error
    if half:
        made = {"rectangular": Rectangular, "triangular": Triangular, "arcsine": Arcsine}[kind]
        return made(value - half, value + half)
    if kind == "normal" or not error:
        return Normal(value, error)
    if kind == "lognormal":
        return LogNormal.of(value, error)
    if kind == "student_scale":
        return Student(value, error, dof)
    if kind == "student_sd":
        return Student(value, error * sqrt((dof - 2) / dof), dof)
    raise UsageError(f"there is no distribution `{kind}`", hint=f"there are {', '.join(KINDS)}")


KINDS = ("normal", "rectangular", "triangular", "arcsine", "lognormal", "student_scale", "student_sd")
"""Distributions that a value and its standard deviation determine."""
