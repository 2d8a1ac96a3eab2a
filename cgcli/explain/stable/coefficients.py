"""Coefficients of a series that are formulas of other inputs: written only where they are wanted, known at points.

The values at these points tell which sums are 0, and which sign a coefficient has, before anything of it is a node.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from cgcli.engines.numpy import NumpyEngine
from cgcli.explain.stable.series import NoSeries
from cgcli.ops import arithmetic, powers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from cgcli.explain.stable.building import Builder
    from cgcli.ops import Operation

POINTS = 8
"""Points at which coefficients are known as numbers."""

NOTHING = 1e-9
"""Beside its terms, a sum of numbers that is 0."""


Monomial = tuple[Fraction, dict[int, int]]
"""A number, and exponents of nodes by which it is multiplied."""


class Coefficients:
    """Formulas of the other inputs that are written only where they are wanted, and their values at a few points."""

    def __init__(self, builder: Builder) -> None:
        self.builder = builder
        self.known: dict[int, Any] = {}  # values of nodes of which coefficients are made
        self.values: list[Any] = []
        self._steps: list[tuple[Operation, tuple[int, ...]] | None] = []
        self._monomials: dict[int, Monomial] = {}
        self._numbers: dict[Fraction, int] = {}
        self._fractions: dict[int, Fraction] = {}
        self._kernels: dict[Operation, Callable[..., Any]] = {}

    def leaf(self, monomial: Monomial, values: Any) -> int:
        """What is there already."""
        self.values.append(values)
        self._steps.append(None)
        self._monomials[len(self.values) - 1] = monomial
        return len(self.values) - 1

    def node_leaf(self, node: int, values: Any) -> int:
        """A node of the graph."""
        self.known[node] = values
        coefficient, factors = self.builder.monomial(node)
        return self.leaf((coefficient, dict(factors)), values)

    def number(self, value: Fraction | int) -> int | None:
        """A number; None for 0."""
        if not value:
            return None
        value = Fraction(value)
        found = self._numbers.get(value)
        if found is None:
            found = self._numbers[value] = self.leaf((value, {}), np.full(POINTS, float(value)))
            self._fractions[found] = value
        return found

    def apply(self, row: Operation, *places: int) -> int:
        """An operation on coefficients that are not 0."""
        kernel = self._kernels.get(row)
        if kernel is None:
            kernel = NumpyEngine().own_kernel(row, ((),) * len(places), ())
            if kernel is None:
                raise NoSeries
            self._kernels[row] = kernel
        values = kernel(*[self.values[place] for place in places])
        if not np.isfinite(values).all():
            raise NoSeries
        self.values.append(values)
        self._steps.append((row, places))
        return len(self.values) - 1

    def add(self, left: int | None, right: int | None) -> int | None:
        """A sum."""
        if left is None or right is None:
            return right if left is None else left
        if left in self._fractions and right in self._fractions:
            return self.number(self._fractions[left] + self._fractions[right])
        one, other = self.values[left], self.values[right]
        if (np.abs(one + other) <= NOTHING * (np.abs(one) + np.abs(other))).all():
            return None
        return self.apply(arithmetic.add, left, right)

    def mul(self, left: int | None, right: int | None) -> int | None:
        """A product."""
        if left is None or right is None:
            return None
        if left in self._fractions and right in self._fractions:
            return self.number(self._fractions[left] * self._fractions[right])
        one = self._numbers.get(Fraction(1))
        if one in (left, right):
            return right if left == one else left
        return self.apply(arithmetic.mul, left, right)

    def times(self, factor: Fraction | int, place: int | None) -> int | None:
        """A multiple."""
        return place if factor == 1 else self.mul(self.number(factor), place)

    def div(self, left: int | None, right: int) -> int | None:
        """A quotient."""
        if left is None or right in self._fractions:
            return self.times(1 / self._fractions[right], left) if left is not None else None
        return self.apply(arithmetic.div, left, right)

    def sign(self, place: int) -> int:
        """1 or -1 where the values have one sign. NoSeries where they have not."""
        signs = np.sign(self.values[place])
        if not (signs == signs[0]).all() or not signs[0]:
            raise NoSeries
        return int(signs[0])

    def root(self, place: int, exponent: Fraction) -> int:
        """place^exponent of a positive coefficient; the root of a square is what was squared, or its negative."""
        if self.sign(place) < 0:
            raise NoSeries
        coefficient, factors = self.monomial(place)
        degree = exponent.denominator
        whole = _whole_root(abs(coefficient), degree)
        if whole is not None and all(count % degree == 0 for count in factors.values()):
            parts = {node: count // degree for node, count in factors.items()}
            values = self.values[place] ** (1.0 / degree)
            found = self.leaf((whole * self._sign_of(parts), parts), values)
        elif degree in (2, 3):
            found = self.apply(powers.sqrt if degree == 2 else powers.cbrt, place)
        else:
            written = self.number(exponent)
            assert written is not None
            return self.apply(powers.power, place, written)
        return self._power(found, exponent.numerator)

    def _sign_of(self, factors: Mapping[int, int]) -> int:
        """The sign of a product of powers of nodes, each of which has one sign at all points."""
        values: Any = np.ones(POINTS)
        for node, count in factors.items():
            known = self.known.get(node)
            if known is None:
                raise NoSeries
            values = values * np.sign(known) ** (count % 2)
        if not (values == values[0]).all():
            raise NoSeries
        return int(values[0])

    def _power(self, place: int, exponent: int) -> int:
        """A whole power."""
        if exponent == 1:
            return place
        coefficient, factors = self.monomial(place)
        raised = {node: count * exponent for node, count in factors.items()}
        return self.leaf((coefficient**exponent, raised), self.values[place] ** float(exponent))

    # ---- writing -----------------------------------------------------------------------------------------------------

    def monomial(self, place: int) -> Monomial:
        """A coefficient as a number times powers of nodes, also negative ones; sums are written as nodes."""
        pending = [place]
        while pending:
            each = pending[-1]
            if each in self._monomials:
                pending.pop()
                continue
            step = self._steps[each]
            assert step is not None
            missing = [operand for operand in step[1] if operand not in self._monomials]
            if missing:
                pending += missing
                continue
            pending.pop()
            row, operands = step[0], [self._monomials[operand] for operand in step[1]]
            if row is arithmetic.mul:
                self._monomials[each] = merged(operands[0], operands[1], 1)
            elif row is arithmetic.div:
                self._monomials[each] = merged(operands[0], operands[1], -1)
            else:
                node = self.builder.apply(row, [self.written(operand) for operand in operands])
                coefficient, factors = self.builder.monomial(node)
                self._monomials[each] = coefficient, dict(factors)
        return self._monomials[place]

    def written(self, monomial: Monomial) -> int:
        """A number times powers of nodes as a node, those with negative exponents below a line."""
        builder, (coefficient, factors) = self.builder, monomial
        above = tuple((node, count) for node, count in sorted(factors.items()) if count > 0)
        below = tuple((node, -count) for node, count in sorted(factors.items()) if count < 0)
        size = abs(coefficient)
        if below:
            top = builder.product(Fraction(size.numerator), above)
            found = builder.apply(arithmetic.div, [top, builder.product(Fraction(size.denominator), below)])
        else:
            found = builder.product(size, above)
        return found if coefficient > 0 else builder.apply(arithmetic.neg, [found])


def merged(left: Monomial, right: Monomial, power: int) -> Monomial:
    """left · right^power, of power 1 or -1."""
    factors = dict(left[1])
    for node, count in right[1].items():
        factors[node] = factors.get(node, 0) + power * count
    return left[0] * right[0] ** power, {node: count for node, count in factors.items() if count}


def _whole_root(value: Fraction, degree: int) -> Fraction | None:
    """The square root of a square, or the cube root of a cube; None of any other fraction."""
    if degree not in (2, 3):
        return None
    parts = [round(number ** (1 / degree)) if number < 2**52 else 0 for number in (value.numerator, value.denominator)]
    found = Fraction(parts[0], parts[1]) if all(parts) else Fraction(0)
    return found if found**degree == value else None
