"""Random values of the inputs, by their distributions and by how they go together.

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
from cgcli.errors import UsageError
from cgcli.uncertainty.distributions import Distribution, Normal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from cgcli.uncertainty.quantities import Inputs

ROWS = 65_536
"""Samples of a batch."""

NODES = 48
"""Nodes of Gauss and Hermite's rule for the correlation behind a copula."""


def batches(count: int) -> Iterator[tuple[int, int]]:
    """The first sample and the number of samples of each batch."""
    for begin in range(0, count, ROWS):
        yield begin, min(ROWS, count - begin)


class Draws:
    """Rows of elements of the inputs; one block of elements that go together after the other. again: other numbers."""

    def __init__(self, inputs: Inputs, seed: int, again: str = "") -> None:
        self._inputs = inputs
        self._seed = seed
        self._again = again
        self._copulas = {tuple(block): Copula(inputs, block) for block in inputs.blocks if len(block) > 1}

    def __call__(self, begin: int, rows: int) -> Any:
        """The rows from number `begin` on."""
        found = np.empty((rows, len(self._inputs.labels)), order="F")
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

        chances = inside(ndtr(together))
        return np.stack([shape.quantiles(chances[:, place]) for place, shape in enumerate(self._shapes)], axis=1)


def inside(chances: Any) -> Any:
    """Chances kept off 0 and 1, where quantiles may be infinite."""
    return np.clip(chances, 2.0**-53, 1 - 2.0**-53)


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
    one = (first.quantiles(inside(ndtr(nodes))) - first.mean) / first.sd

    def made(rho: float) -> float:
        other = ndtr(rho * nodes[:, np.newaxis] + sqrt(1 - rho**2) * nodes)
        spread = (second.quantiles(inside(other)) - second.mean) / second.sd
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
