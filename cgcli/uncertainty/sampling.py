"""Propagation of distributions by Monte Carlo: JCGM 101:2008 (Supplement 1 to the GUM); several outputs: JCGM 102."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cgcli.engines import choose_for_rows
from cgcli.errors import CalculationError, UsageError
from cgcli.formulas.rows import row_values, varying
from cgcli.uncertainty.drawing import Draws, batches
from cgcli.uncertainty.intervals import Interval, check_coverage
from cgcli.uncertainty.propagating import flat_rows
from cgcli.uncertainty.sobol import shares_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from cgcli.uncertainty.propagating import Propagation

FEWEST, MOST = 100, 1_000_000_000
"""Samples that can be asked for; every result of each is kept, 8 bytes."""


class Sample:
    """Random values of all elements of the outputs. count: how many were drawn. results: elements × samples."""

    def __init__(self, found: Propagation, count: float, seed: int) -> None:
        """UsageError for a count or a seed that is none; CalculationError where no sample gives a finite result."""
        self.found = found
        self.count = whole("samples", count, FEWEST, MOST)
        self.seed = whole("seed", seed, 0, 2**64 - 1)
        self._evaluate = evaluator(found, self.count)
        self.drawn = Draws(found.inputs, self.seed)
        self.results = np.empty((len(found.value), self.count))
        for begin, rows in batches(self.count):
            self.results[:, begin : begin + rows] = self._evaluate(self.drawn(begin, rows), rows)
        self._elements: dict[int, Sampled] = {}
        self._shares: tuple[dict[str, Any], dict[str, Any]] | None = None

    def of(self, element: int) -> Sampled:
        """What the sample says of an element of the outputs."""
        if element not in self._elements:
            self._elements[element] = Sampled(self, element)
        return self._elements[element]

    @property
    def shares(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """First-order and total shares by input, an array over the elements of the outputs each (see `sobol`)."""
        if self._shares is None:
            self._shares = shares_of(self.found.inputs, self.seed, self.drawn, self.results, self._evaluate)
        return self._shares

    @property
    def covariance(self) -> Any:
        """The covariance matrix of all elements of the outputs (JCGM 102 §7.6)."""
        return np.cov(self.results[:, np.isfinite(self.results).all(axis=0)]).reshape(len(self.results), -1)


class Sampled:
    """mean, error: average and standard deviation of an output's samples. count: how many there are.

    lost: how many more gave no finite number and are left out. values: all of them, in ascending order.
    """

    def __init__(self, sample: Sample, element: int) -> None:
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
        first, total = self._sample.shares
        return ({name: float(each[self._element]) for name, each in first.items()},
                {name: float(each[self._element]) for name, each in total.items()})  # fmt: skip


def whole(what: str, number: float, least: int, most: int) -> int:
    """A whole number between limits. UsageError."""
    fits = not isinstance(number, bool) and isinstance(number, (int, float, np.integer, np.floating))
    if not fits or not least <= number <= most or number != int(number):
        raise UsageError(f"`{what}` cannot be {number!r}", hint=f"a whole number from {least:,} to {most:,}")
    return int(number)


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
