"""Values with their errors, by the names of inputs, and how they go together: the covariance matrix of all elements."""

from __future__ import annotations

from math import inf, isfinite, isnan
from typing import TYPE_CHECKING

import numpy as np

from cgcli.errors import CalculationError, DataError, UsageError, did_you_mean
from cgcli.numerals import element_names
from cgcli.uncertainty.distributions import Distribution, Foreign, Student, named

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

TOLERANCE = 1e-9
"""By how much the least eigenvalue of a correlation matrix may be negative: correlations are given rounded."""

MOST_ELEMENTS = 3_000
"""Numbers with errors in one call; their covariance matrix takes 72 MB."""

STANDARD = "an error is a standard uncertainty: L=1.00±0.01"


class Quantity:
    """A value (a number or an array) and its standard uncertainty; of each element the degrees of freedom, too.

    distributions: what is known of elements beyond that, by their place in the flattened array.
    """

    __slots__ = ("distributions", "dof", "error", "value")

    def __init__(
        self, name: str, value: Any, error: Any, dof: Any = inf,
        distributions: Mapping[int, Distribution] | None = None, *, gaps: bool = False,
    ) -> None:  # fmt: skip
        """DataError for an error that is negative or nan, for what is no number, and for shapes that differ.

        gaps: whether nan is allowed, as in a column.
        """
        self.value = np.asarray(value, dtype=float)
        self.error = spread_over(name, "error", error, self.value.shape)
        self.dof = spread_over(name, "dof", dof, self.value.shape)
        self.distributions = dict(distributions or {})
        if not gaps:
            self._check_finite(name)
        if (self.error < 0).any():
            raise DataError(f"the error of `{name}` is negative", hint=STANDARD)
        if not (self.dof > 0).all():
            raise DataError(f"the degrees of freedom of `{name}` are not positive")

    def _check_finite(self, name: str) -> None:
        if not np.isfinite(self.value).all():
            raise DataError(f"the value of `{name}` is no finite number, and cannot have an error")
        if not np.isfinite(self.error).all():
            what = "nan" if np.isnan(self.error).any() else "infinite"
            raise DataError(f"the error of `{name}` is {what}", hint=STANDARD)

    @classmethod
    def of(cls, name: str, distribution: Distribution, dof: float = inf) -> Quantity:
        """A number with a distribution."""
        if not isfinite(distribution.sd):
            raise DataError(
                f"the distribution of `{name}` has no standard deviation",
                hint=f"{name}=VALUE±SCALE(dof NUMBER) is Student's with this scale, and what GUM calls its uncertainty",
            )
        return cls(name, distribution.mean, distribution.sd, dof, {0: distribution})

    @classmethod
    def together(cls, name: str, shape: tuple[int, ...], items: Sequence[Quantity]) -> Quantity:
        """An array whose items are quantities of numbers. DataError for items that are arrays."""
        if any(item.value.ndim for item in items):
            raise DataError(f"the value of `{name}` is not a rectangular list of numbers")
        distributions = {place: item.distributions[0] for place, item in enumerate(items) if item.distributions}
        value, error, dof = (
            np.reshape([getattr(item, what) for item in items], shape) for what in ("value", "error", "dof")
        )
        return cls(name, value, error, dof, distributions)

    @property
    def is_exact(self) -> bool:
        """Whether it has no error at all."""
        return not self.error.any()

    def distribution(self, place: int) -> Distribution | None:
        """What is known of an element: its distribution, Student's where it has degrees of freedom, None for a normal.

        JCGM 101 §6.4.9: a mean of readings has Student's distribution with its standard uncertainty as the *scale*.
        """
        found = self.distributions.get(place)
        dof = float(self.dof.flat[place])
        if found is None and isfinite(dof):
            return Student(float(self.value.flat[place]), float(self.error.flat[place]), dof)
        return found


def spread_over(name: str, what: str, given: Any, shape: tuple[int, ...]) -> Any:
    """Errors or degrees of freedom in the shape of the value. DataError where they do not fit, or are no numbers."""
    try:
        found = np.asarray(given, dtype=float)
    except (TypeError, ValueError):
        raise DataError(f"the {what} of `{name}` is not a number or a rectangular list of numbers") from None
    if found.shape not in ((), shape):
        raise DataError(f"the {what} of `{name}` has shape {list(found.shape)}, its value {list(shape)}")
    return np.broadcast_to(found, shape)


def quantity_of(
    name: str, given: Any, dof: Any = None, distribution: Any = None, *, gaps: bool = False
) -> Quantity | None:  # fmt: skip
    """A quantity from what Python gives for an input, None for a value without an error.

    given: (value, error), or a number with `nominal_value` and `std_dev` (package `uncertainties`), or a frozen
    distribution of SciPy. distribution: a kind of `distributions.KINDS`, a Distribution, or one of SciPy.
    """
    if isinstance(given, Quantity):
        found = given
    elif isinstance(given, Distribution) or hasattr(given, "ppf"):
        found, distribution = Quantity.of(name, known(given)), None
    elif isinstance(given, tuple):
        if len(given) not in (2, 3):
            raise UsageError(f"`{name}` is not (value, error)", hint=f'for example {{"{name}": (1.0, 0.01)}}')
        found = Quantity(name, *plain_numbers(name, given), gaps=gaps)
    elif hasattr(given, "nominal_value") and hasattr(given, "std_dev"):
        found = Quantity(name, given.nominal_value, given.std_dev)
    elif distribution is not None and not isinstance(distribution, str):
        found, distribution = Quantity.of(name, known(distribution)), None
    elif dof is None and distribution is None:
        return None
    else:
        raise UsageError(f"`{name}` has no error", hint=f'for example {{"{name}": (1.0, 0.01)}}')
    if dof is not None:
        found = Quantity(name, found.value, found.error, dof, found.distributions)
    if distribution is not None:
        found = shaped(name, found, distribution)
    return found


def plain_numbers(name: str, given: Sequence[Any]) -> list[Any]:
    """Numbers or arrays of them. DataError for what is neither; texts would be read as numbers."""
    for each in given:
        if isinstance(each, (str, bytes)) or each is None:
            raise DataError(f"`{name}` has {each!r} where a number belongs", hint=f'for example "{name}": "1.00±0.01"')
    return list(given)


def shaped(name: str, quantity: Quantity, distribution: Any) -> Quantity:
    """A quantity with a distribution for each of its elements: its kind by name, or one that says all of a number."""
    if isinstance(distribution, str):
        elements = zip(quantity.value.flat, quantity.error.flat, quantity.dof.flat, strict=True)
        made = {place: named(distribution, *map(float, element)) for place, element in enumerate(elements)}
        if distribution.startswith("student_"):  # its tails are in its standard deviation, not in degrees of freedom
            errors = np.reshape([made[place].sd for place in range(len(made))], quantity.value.shape)
            return Quantity(name, quantity.value, errors, inf, made)
        return Quantity(name, quantity.value, quantity.error, quantity.dof, made)
    found = known(distribution)
    if quantity.value.ndim:
        raise UsageError(f"`{name}` is an array, and its distribution that of a number", hint="name its kind")
    return Quantity.of(name, found, float(quantity.dof))


def known(distribution: Any) -> Distribution:
    """A distribution of ours, or one of SciPy. UsageError for what is neither."""
    if isinstance(distribution, Distribution):
        return distribution
    if all(hasattr(distribution, name) for name in ("ppf", "mean", "std", "stats")):
        return Foreign(distribution)
    raise UsageError(
        f"{distribution!r} is no distribution", hint='for example "rectangular", or scipy.stats.norm(1, 0.1)'
    )


class Inputs:
    """All quantities of a call as one vector: of every element the value, the error, and how they go together.

    names: of the inputs with errors. labels: of the elements, `x` or `v[0]`. groups: of each input its range of
    elements. correlation: matrix of all elements. covariance: the same in units of the elements.
    """

    def __init__(
        self, quantities: Mapping[str, Quantity], correlations: Mapping[tuple[str, str], float] | None = None
    ) -> None:
        self.quantities = {name: each for name, each in quantities.items() if not each.is_exact}
        self.names = list(self.quantities)
        self.labels: list[str] = []
        self.groups: dict[str, slice] = {}
        for name, quantity in self.quantities.items():
            begin = len(self.labels)
            self.labels += element_names(name, quantity.value.shape)
            self.groups[name] = slice(begin, len(self.labels))
        if len(self.labels) > MOST_ELEMENTS:
            raise CalculationError(
                f"{len(self.labels):,} elements with errors are more than {MOST_ELEMENTS:,}",
                hint="for independent rows: `f.uncertainty_rows`, or --data with --sigma",
            )
        self.value = self._flat("value")
        self.error = self._flat("error")
        self.dof = self._flat("dof")
        self.correlation = np.eye(len(self.labels))
        self._correlate(correlations or {}, quantities)
        self.blocks = blocks_of(self.correlation)
        self._check_definite()
        self.covariance = self.correlation * np.outer(self.error, self.error)

    def _flat(self, what: str) -> Any:
        parts = [getattr(quantity, what).ravel() for quantity in self.quantities.values()]
        return np.concatenate(parts) if parts else np.zeros(0)

    def _correlate(self, correlations: Mapping[tuple[str, str], float], all_of_them: Mapping[str, Quantity]) -> None:
        """Enter correlations of elements by their labels. UsageError for unknown names, numbers beyond 1."""
        places = {label: place for place, label in enumerate(self.labels)}
        exact = {label for name, each in all_of_them.items() for label in element_names(name, each.value.shape)}
        for pair, r in correlations.items():
            first, second = pair
            for label in pair:
                if label not in places and label not in exact:
                    hint = did_you_mean(label, places) or f"with errors: {', '.join(self.labels) or 'none'}"
                    raise UsageError(f"`{label}` has a correlation, but no error", hint=hint)
            if isnan(r) or abs(r) > 1:
                raise UsageError(f"the correlation of `{first}` and `{second}` is {r:g}, which is not between -1 and 1")
            if first == second:
                if r != 1:
                    raise UsageError(f"the correlation of `{first}` with itself is 1")
                continue
            if first in places and second in places:
                i, j = places[first], places[second]
                self.correlation[i, j] = self.correlation[j, i] = r

    def _check_definite(self) -> None:
        """UsageError that names the inputs of a block whose correlations contradict each other."""
        for block in self.blocks:
            if len(block) > 1:
                least = float(np.linalg.eigvalsh(self.correlation[np.ix_(block, block)])[0])
                if least < -TOLERANCE * len(block):
                    listed = ", ".join(f"`{self.labels[place]}`" for place in block)
                    raise UsageError(
                        f"the correlations of {listed} contradict each other: their matrix is not positive "
                        f"semidefinite (least eigenvalue {least:.3g})",
                        hint="if a goes with b and b with c, a cannot go against c; see how they were rounded",
                    )

    def distribution(self, place: int) -> Distribution | None:
        """What is known of an element beyond value and error; None for a normal distribution."""
        name = next(name for name, group in self.groups.items() if group.start <= place < group.stop)
        return self.quantities[name].distribution(place - self.groups[name].start)

    def stated(self, place: int) -> Distribution | None:
        """The distribution of an element where one was stated; degrees of freedom alone state none."""
        name = next(name for name, group in self.groups.items() if group.start <= place < group.stop)
        return self.quantities[name].distributions.get(place - self.groups[name].start)

    def factor(self) -> Any:
        """A matrix L with L·Lᵀ the covariance matrix; the column of an element that goes with no other is its own."""
        found = np.zeros_like(self.covariance)
        for block in self.blocks:
            part = self.covariance[np.ix_(block, block)]
            if len(block) == 1:
                found[block[0], block[0]] = self.error[block[0]]
                continue
            values, vectors = np.linalg.eigh(part)  # a Cholesky factor would not be there for a singular matrix
            found[np.ix_(block, block)] = vectors * np.sqrt(np.maximum(values, 0))
        return found

    def unflatten(self, flat: Any) -> dict[str, Any]:
        """Rows of flat vectors as arrays by input, the rows in front."""
        return {
            name: flat[..., self.groups[name]].reshape((*flat.shape[:-1], *self.quantities[name].value.shape))
            for name in self.names
        }


def blocks_of(correlation: Any) -> list[list[int]]:
    """The elements in groups that go together, each with its places in order."""
    seen: set[int] = set()
    found = []
    for start in range(len(correlation)):
        if start in seen:
            continue
        block, pending = {start}, [start]
        while pending:
            near = set(np.flatnonzero(correlation[pending.pop()]).tolist()) - block
            block |= near
            pending += near
        seen |= block
        found.append(sorted(block))
    return found
