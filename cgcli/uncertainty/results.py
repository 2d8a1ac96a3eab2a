"""What is told of an output: value, error, degrees of freedom, shares, intervals, the second order, the sample."""

from __future__ import annotations

from math import floor, inf, isfinite
from typing import TYPE_CHECKING

import numpy as np

from cgcli.errors import UsageError
from cgcli.numerals import element_names
from cgcli.uncertainty.intervals import COVERAGE, Interval, check_coverage
from cgcli.uncertainty.notation import result_text
from cgcli.uncertainty.propagating import degrees_of_freedom, variances
from cgcli.uncertainty.second_order import Moments, second_order

if TYPE_CHECKING:
    from typing import Any

    from cgcli.uncertainty.propagating import Propagation
    from cgcli.uncertainty.sampling import Sample


SAMPLE = "f.uncertainty(…, samples=1_000_000, seed=1)"


class Uncertainty:
    """A number with its uncertainty.

    value, error: the estimate and its standard uncertainty. label: its name.
    element: its place among the elements of all outputs.
    """

    def __init__(self, found: Propagation, element: int, label: str, sample: Sample | None = None) -> None:
        self._found = found
        self.element = element
        self._sample = sample
        self._second: Moments | None = None
        self.label = label
        self.value = float(found.value[element])
        self.error = float(found.error[element])

    def __repr__(self) -> str:
        return f"<{self.label} = {result_text(self.value, self.error)}>"

    def __str__(self) -> str:
        return result_text(self.value, self.error)

    @property
    def dof(self) -> float:
        """Effective degrees of freedom, infinite where no input has any."""
        if np.isinf(self._found.inputs.dof).all():
            return inf
        return degrees_of_freedom(variances(self.slope, self._found.inputs.covariance), self._found.inputs)

    @property
    def derivatives(self) -> dict[str, Any]:
        """The derivative by each input, of the input's shape."""
        return {name: _alone(slope) for name, slope in self._found.inputs.unflatten(self.slope).items()}

    @property
    def contributions(self) -> dict[str, float]:
        """|c|·u of each input: the error if it alone had one. Of an array with the correlations within it."""
        return {name: float(np.sqrt(max(variance, 0.0))) for name, variance in self._variances().items()
                if isinstance(name, str)}  # fmt: skip

    @property
    def shares(self) -> dict[str | tuple[str, str], float]:
        """The part of the variance that each input adds; they sum to 1.

        What two correlated inputs add together, 2·c_i·c_j·u(x_i, x_j), stands under the pair of their names and may be
        negative. All are 0 where the variance is.
        """
        total = self.error**2
        return {name: variance / total if total else 0.0 for name, variance in self._variances().items()}

    @property
    def slope(self) -> Any:
        """The derivatives by all elements of the inputs, in their order."""
        return self._found.jacobian[self.element]

    def _variances(self) -> dict[str | tuple[str, str], float]:
        inputs, slope = self._found.inputs, self.slope
        found: dict[str | tuple[str, str], float] = {}
        for name, own in inputs.groups.items():
            found[name] = float(slope[own] @ inputs.covariance[own, own] @ slope[own])
        for first, second in correlated(self._found):
            one, other = inputs.groups[first], inputs.groups[second]
            found[first, second] = 2 * float(slope[one] @ inputs.covariance[one, other] @ slope[other])
        return found

    def coverage_factor(self, coverage: float = COVERAGE) -> float:
        """k: the quantile of Student's distribution for the degrees of freedom, cut to a whole number (GUM G.4.1)."""
        from scipy.special import ndtri, stdtrit

        p = (1 + check_coverage(coverage)) / 2
        whole = self.dof if self.dof < 1 else floor(self.dof * (1 + 1e-12)) if isfinite(self.dof) else inf
        return float(stdtrit(whole, p) if isfinite(whole) else ndtri(p))

    def expanded(self, coverage: float = COVERAGE) -> float:
        """The expanded uncertainty U = k·u (GUM 6.2)."""
        return self.coverage_factor(coverage) * self.error

    @property
    def interval(self) -> Interval:
        """The interval y ± U; `interval(0.99)` for another coverage than 95 %. It is the shortest one, too."""
        return Interval(self._interval)

    def _interval(self, coverage: float) -> tuple[float, float]:
        half = self.expanded(coverage)
        return self.value - half, self.value + half

    @property
    def second_order(self) -> Moments:
        """Expectation and standard uncertainty to the next order (see `uncertainty.second_order`)."""
        if self._second is None:
            for result, moments in zip(self._siblings, second_order(self._found), strict=True):
                result._second = moments
        assert self._second is not None
        return self._second

    _siblings: list[Uncertainty]

    @property
    def sampled(self) -> Any:
        """What the sample says (see `uncertainty.sampling`). UsageError where none was drawn."""
        if self._sample is None:
            raise UsageError("nothing was sampled", hint=SAMPLE)
        return self._sample.of(self.element)

    @property
    def is_sampled(self) -> bool:
        """Whether there is a sample."""
        return self._sample is not None


def _alone(value: Any) -> Any:
    return value if value.ndim else float(value)


def correlated(found: Propagation) -> list[tuple[str, str]]:
    """The pairs of inputs that go together."""
    inputs, groups = found.inputs, list(found.inputs.groups.items())
    return [(first, second) for place, (first, one) in enumerate(groups) for second, other in groups[place + 1 :]
            if inputs.correlation[one, other].any()]  # fmt: skip


class Several(dict[str, "Uncertainty | ArrayUncertainty"]):
    """Several outputs by name; value, error, dof and shares of all of them are mappings by name, too."""

    def __init__(
        self, found: Propagation, results: dict[str, Uncertainty | ArrayUncertainty], sample: Sample | None = None
    ) -> None:
        super().__init__(results)
        self._found = found
        self._sample = sample

    @property
    def value(self) -> dict[str, Any]:
        """The values by name."""
        return {name: each.value for name, each in self.items()}

    @property
    def error(self) -> dict[str, Any]:
        """The standard uncertainties by name."""
        return {name: each.error for name, each in self.items()}

    @property
    def dof(self) -> dict[str, Any]:
        """The effective degrees of freedom by name."""
        return {name: each.dof for name, each in self.items()}

    @property
    def shares(self) -> dict[str, Any]:
        """The shares of each output by name."""
        return {name: each.shares for name, each in self.items()}

    @property
    def second_order(self) -> dict[str, Any]:
        """Expectations and standard uncertainties to the next order by name."""
        return {name: each.second_order for name, each in self.items()}

    @property
    def sampled(self) -> dict[str, Any]:
        """What the sample says by name. UsageError where none was drawn."""
        return {name: each.sampled for name, each in self.items()}

    def interval(self, coverage: float = COVERAGE) -> dict[str, Any]:
        """The intervals by name."""
        return {name: each.interval(coverage) for name, each in self.items()}

    @property
    def sampled_covariance(self) -> Any:
        """The covariance matrix of the samples of all elements of the outputs (JCGM 102 §7). UsageError without any."""
        if self._sample is None:
            raise UsageError("nothing was sampled", hint=SAMPLE)
        return self._sample.covariance

    @property
    def covariance(self) -> Any:
        """The covariance matrix of all elements of the outputs, in their order (JCGM 102 §6)."""
        return self._found.covariance

    @property
    def correlation(self) -> Any:
        """The correlation matrix of all elements of the outputs."""
        return correlation_of(self._found.covariance)

    @property
    def correlations(self) -> dict[tuple[str, str], float]:
        """The correlation of each pair of outputs that are numbers."""
        rows = self._found.rows()
        names = [name for name, shape in self._found.outputs.items() if not shape]
        matrix = self.correlation
        return {(first, second): float(matrix[rows[first].start, rows[second].start])
                for place, first in enumerate(names) for second in names[place + 1 :]}  # fmt: skip


def correlation_of(covariance: Any) -> Any:
    """Correlations from covariances; nan where there is no error."""
    error = np.sqrt(np.maximum(np.diagonal(covariance), 0))
    with np.errstate(divide="ignore", invalid="ignore"):
        return covariance / np.outer(error, error)


class ArrayUncertainty:
    """An array with its uncertainty: `elements` has one `Uncertainty` for each, an array of the output's shape."""

    def __init__(self, found: Propagation, elements: Any, label: str, own: slice) -> None:
        self.elements = elements
        self.label = label
        self._found = found
        self._own = own

    def __repr__(self) -> str:
        return f"<{self.label} = {result_text(self.value, self.error)}>"

    def _each(self, what: Any) -> Any:
        return np.reshape([what(element) for element in self.elements.flat], self.elements.shape)

    @property
    def value(self) -> Any:
        """The values."""
        return self._each(lambda element: element.value)

    @property
    def error(self) -> Any:
        """The standard uncertainties."""
        return self._each(lambda element: element.error)

    @property
    def dof(self) -> Any:
        """The effective degrees of freedom."""
        return self._each(lambda element: element.dof)

    @property
    def shares(self) -> dict[str | tuple[str, str], Any]:
        """The shares by input, arrays of the output's shape."""
        names = next(iter(self.elements.flat)).shares
        return {name: self._each(lambda element, name=name: element.shares[name]) for name in names}

    @property
    def covariance(self) -> Any:
        """The covariance matrix of the elements, in C order."""
        return self._found.covariance[self._own, self._own]

    def interval(self, coverage: float = COVERAGE) -> tuple[Any, Any]:
        """The ends of the intervals, two arrays."""
        return tuple([self._each(lambda element, end=end: element.interval(coverage)[end]) for end in (0, 1)])

    @property
    def second_order(self) -> Arrays:
        """`value` and `error` to the next order, arrays."""
        return Arrays(value=self._each(lambda element: element.second_order.value),
                      error=self._each(lambda element: element.second_order.error))  # fmt: skip

    @property
    def sampled(self) -> Arrays:
        """`mean` and `error` of the sample, arrays; `elements` have the rest. UsageError where none was drawn."""
        return Arrays(mean=self._each(lambda element: element.sampled.mean),
                      error=self._each(lambda element: element.sampled.error))  # fmt: skip


class Arrays:
    """Arrays by name, as attributes."""

    def __init__(self, **arrays: Any) -> None:
        vars(self).update(arrays)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"there are {', '.join(vars(self))}, and not `{name}`")

    def __repr__(self) -> str:
        return f"<{', '.join(f'{name} = {array}' for name, array in vars(self).items())}>"


def results_of(found: Propagation, sample: Sample | None = None) -> dict[str, Uncertainty | ArrayUncertainty]:
    """What is told of each output, by name."""
    results: dict[str, Uncertainty | ArrayUncertainty] = {}
    everything: list[Uncertainty] = []
    for name, own in found.rows().items():
        shape = found.outputs[name]
        labels = element_names(name, shape)
        elements = [Uncertainty(found, own.start + place, label, sample) for place, label in enumerate(labels)]
        everything += elements
        for each in elements:
            each._siblings = everything
        if shape:
            grid = np.empty(shape, dtype=object)
            grid.flat[:] = elements
            results[name] = ArrayUncertainty(found, grid, name, own)
        else:
            results[name] = elements[0]
    return results
