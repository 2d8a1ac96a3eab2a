"""Propagation of distributions by Monte Carlo: JCGM 101:2008 (Supplement 1 to the GUM), for several outputs JCGM 102.

Numbers come from `cgcli.draws`: each is computed from the seed, the name of its input and its place, so that batches,
threads and other inputs change none. An input without a stated distribution is normal, or has Student's distribution
with its error as the scale where it has degrees of freedom (JCGM 101 §6.4.7, §6.4.9).

Inputs that go together: jointly normal (JCGM 101 §6.4.8); of Student's joint distribution where all of them have the
same degrees of freedom and nothing else stated, as readings that were taken together; else a normal copula that gives
the stated correlations (A. Possolo, Metrologia 47 (2010) 262; A. Nataf, C. R. Acad. Sci. 225 (1962) 42).
"""

from __future__ import annotations

from math import inf, isfinite, sqrt
from typing import TYPE_CHECKING

import numpy as np

from cgcli import draws
from cgcli.engines import choose_for_rows
from cgcli.errors import CalculationError, UsageError
from cgcli.formulas.rows import row_values, varying
from cgcli.uncertainty.distributions import Distribution, Normal
from cgcli.uncertainty.propagating import flat_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    from cgcli.uncertainty.propagating import Propagation
    from cgcli.uncertainty.quantities import Inputs

ROWS = 65_536
"""Samples of a batch."""

FEWEST, MOST = 100, 1_000_000_000
"""Samples that can be asked for; every result of each is kept, 8 bytes."""

NODES = 48
"""Nodes of Gauss and Hermite's rule for the correlation behind a copula."""


class Sample:
    """Random values of all elements of the outputs. count: how many were drawn. results: elements × samples."""

    def __init__(self, found: Propagation, count: float, seed: int) -> None:
        """UsageError for a count or a seed that is none; CalculationError where no sample gives a finite result."""
        self.found = found
        self.count = whole("samples", count, FEWEST, MOST)
        self.seed = whole("seed", seed, 0, 2**64 - 1)
        self.evaluate = evaluator(found, self.count)
        self.drawn = Draws(found.inputs, self.seed)
        self.results = np.empty((len(found.value), self.count))
        for begin, rows in batches(self.count):
            self.results[:, begin : begin + rows] = self.evaluate(self.drawn(begin, rows), rows)
        self._elements: dict[int, Sampled] = {}
        self.sobol: tuple[dict[str, Any], dict[str, Any]] | None = None

    def of(self, element: int) -> Sampled:
        """What the sample says of an element of the outputs."""
        if element not in self._elements:
            self._elements[element] = Sampled(self, element)
        return self._elements[element]

    @property
    def covariance(self) -> Any:
        """The covariance matrix of all elements of the outputs (JCGM 102 §7.6)."""
        return np.cov(self.results[:, np.isfinite(self.results).all(axis=0)]).reshape(len(self.results), -1)


class Sampled:
    """mean, error: average and standard deviation of an output's samples. count: how many there are.

    lost: how many more gave no finite number and are left out. values: all of them, in ascending order.
    """

    def __init__(self, sample: Sample, element: int) -> None:
        from cgcli.uncertainty.results import Interval

        drawn = sample.results[element]
        kept = drawn[np.isfinite(drawn)]
        self._sample = sample
        self._element = element
        self.count = len(kept)
        self.lost = len(drawn) - len(kept)
        if self.count < FEWEST:
            raise CalculationError(
                f"{self.lost:,} of {len(drawn):,} samples gave no finite number",
                hint="the distributions of the inputs reach where the formula has no value",
            )
        self.values = np.sort(kept)
        self.mean = float(np.mean(kept))
        self.error = float(np.std(kept, ddof=1))
        self.interval = Interval(self._interval)
        self.shortest = Interval(lambda coverage: self._interval(coverage, shortest=True))

    def __repr__(self) -> str:
        return f"<sampled: {self.mean:.6g} ± {self.error:.3g}>"

    def _interval(self, coverage: float, *, shortest: bool = False) -> tuple[float, float]:
        """The probabilistically symmetric coverage interval, or the shortest one (JCGM 101 §7.7.2)."""
        from cgcli.uncertainty.results import check_coverage

        inside = min(round(check_coverage(coverage) * self.count), self.count - 1)
        if shortest:
            begin = int(np.argmin(self.values[inside:] - self.values[: self.count - inside]))
        else:
            begin = (self.count - inside) // 2
        return float(self.values[begin]), float(self.values[begin + inside])

    @property
    def shares(self) -> dict[str, float]:
        """Sobol's first-order shares of the variance by input (see `uncertainty.sobol`)."""
        return self._sobol[0]

    @property
    def total_shares(self) -> dict[str, float]:
        """Sobol's total shares: with what an input does together with others."""
        return self._sobol[1]

    @property
    def _sobol(self) -> tuple[dict[str, float], dict[str, float]]:
        from cgcli.uncertainty.sobol import shares_of

        first, total = shares_of(self._sample)
        return ({name: float(each[self._element]) for name, each in first.items()},
                {name: float(each[self._element]) for name, each in total.items()})  # fmt: skip


def whole(what: str, number: float, least: int, most: int) -> int:
    """A whole number between limits. UsageError."""
    fits = not isinstance(number, bool) and isinstance(number, (int, float, np.integer, np.floating))
    if not fits or not least <= number <= most or number != int(number):
        raise UsageError(f"`{what}` cannot be {number!r}", hint=f"a whole number from {least:,} to {most:,}")
    return int(number)


def batches(count: int) -> Iterator[tuple[int, int]]:
    """The first sample and the number of samples of each batch."""
    for begin in range(0, count, ROWS):
        yield begin, min(ROWS, count - begin)


def evaluator(found: Propagation, count: int) -> Callable[[Any, int], Any]:
    """From rows of elements of the inputs to elements of the outputs × rows; count: how many rows there will be."""
    inputs = found.inputs
    bound = varying(found.bound, inputs.names)
    wanted = list(found.nodes.values())
    bound.on_births = lambda births: None  # samples without a finite result are counted
    engine: Any = None

    def evaluate(rows_of_elements: Any, rows: int) -> Any:
        nonlocal engine
        values = row_values(bound, inputs.unflatten(rows_of_elements))
        if engine is None:
            engine = choose_for_rows(bound.graph, wanted, "auto", values, count)
        with np.errstate(all="ignore"):
            return flat_rows(engine.evaluate_rows(bound.graph, values, wanted), wanted, rows).T

    return evaluate


class Draws:
    """Rows of elements of the inputs; one block of elements that go together after the other. again: other numbers."""

    def __init__(self, inputs: Inputs, seed: int, again: str = "") -> None:
        self._inputs = inputs
        self._seed = seed
        self._again = again
        self._copulas = {tuple(block): Copula(inputs, block) for block in inputs.blocks if len(block) > 1}

    def __call__(self, begin: int, rows: int) -> Any:
        """The rows from number `begin` on."""
        found = np.empty((rows, len(self._inputs.labels)))
        for block in self._inputs.blocks:
            if len(block) > 1:
                copula = self._copulas[tuple(block)]
                normals = [draws.quantiles(self._uniforms(place, 0, begin, rows)) for place in block]
                mixing = self._uniforms(block[0], 1, begin, rows) if copula.dof < inf else None
                found[:, block] = copula(np.stack(normals, axis=1), mixing)
                continue
            shape = own_distribution(self._inputs, block[0])
            found[:, block[0]] = shape.drawn(
                [self._uniforms(block[0], which, begin, rows) for which in range(shape.uniforms)]
            )
        return found

    def _uniforms(self, place: int, which: int, begin: int, rows: int) -> Any:
        return draws.uniforms(self._seed, f"{self._inputs.labels[place]} {which}{self._again}", rows, begin)


def own_distribution(inputs: Inputs, place: int) -> Distribution:
    """What an element is drawn from."""
    return inputs.distribution(place) or Normal(float(inputs.value[place]), float(inputs.error[place]))


class Copula:
    """What elements that go together are drawn from; dof: of their joint Student distribution, infinite for others."""

    def __init__(self, inputs: Inputs, block: Sequence[int]) -> None:
        """UsageError for a correlation that two distributions cannot have."""
        self.dof = inf
        self._mean = inputs.value[block]
        self._error = inputs.error[block]
        self._shapes: list[Distribution] | None = None
        correlation = inputs.correlation[np.ix_(block, block)]
        dofs = set(inputs.dof[block].tolist())
        if len(dofs) == 1 and all(inputs.stated(place) is None for place in block):
            self.dof = dofs.pop()
        else:
            self._shapes = [own_distribution(inputs, place) for place in block]
            labels = [inputs.labels[place] for place in block]
            correlation = behind_copula(correlation, self._shapes, labels)
        values, vectors = np.linalg.eigh(correlation)
        self._factor = vectors * np.sqrt(np.maximum(values, 0))

    def __call__(self, normals: Any, mixing: Any) -> Any:
        """Rows of elements from independent normal numbers. mixing: uniform ones for Student's joint distribution."""
        together = normals @ self._factor.T
        if self._shapes is None:
            if mixing is not None:
                from scipy.special import gammaincinv

                squares = 2 * gammaincinv(self.dof / 2, mixing)  # chi-squared with these degrees of freedom
                together *= np.sqrt(self.dof / squares)[:, np.newaxis]
            return self._mean + self._error * together
        from scipy.special import ndtr

        chances = np.clip(ndtr(together), 2.0**-53, 1 - 2.0**-53)
        return np.stack([shape.quantiles(chances[:, place]) for place, shape in enumerate(self._shapes)], axis=1)


def behind_copula(correlation: Any, shapes: Sequence[Distribution], labels: Sequence[str]) -> Any:
    """The correlations of the normal numbers from which those of the distributions follow. UsageError."""
    found = correlation.copy()
    for i, j in np.argwhere(np.triu(correlation, 1)).tolist():
        pair = f"`{labels[i]}` and `{labels[j]}`"
        found[i, j] = found[j, i] = _behind(float(correlation[i, j]), shapes[i], shapes[j], pair)
    least = float(np.linalg.eigvalsh(found)[0])
    if least < -1e-6 * len(found):
        listed = ", ".join(f"`{label}`" for label in labels)
        raise UsageError(f"distributions of {listed} with these correlations cannot be put together")
    return found


def _behind(r: float, first: Distribution, second: Distribution, pair: str) -> float:
    """The correlation of two normal numbers whose quantiles have the correlation r, by bisection."""
    if isinstance(first, Normal) and isinstance(second, Normal):
        return r
    if not (isfinite(first.sd) and isfinite(second.sd)):
        return r  # a Student distribution with two degrees of freedom has no correlation that could be met
    from scipy.special import ndtr

    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
    weights = np.outer(weights, weights) / (2 * np.pi)
    one = (first.quantiles(ndtr(nodes)) - first.mean) / first.sd

    def made(rho: float) -> float:
        other = ndtr(rho * nodes[:, np.newaxis] + sqrt(1 - rho**2) * nodes)
        spread = (second.quantiles(np.clip(other, 1e-300, 1 - 2.0**-53)) - second.mean) / second.sd
        return float(np.sum(weights * one[:, np.newaxis] * spread))

    low, high = -1.0, 1.0
    if not made(low) - 1e-3 <= r <= made(high) + 1e-3:
        raise UsageError(
            f"{pair} cannot have the correlation {r:g}",
            hint=f"with their distributions it is between {made(low):.3g} and {made(high):.3g}",
        )
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if made(middle) < r else (low, middle)
    return (low + high) / 2
