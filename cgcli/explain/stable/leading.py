"""The first terms of a formula of several inputs where one of them is small, or large: the others stay letters.

`sqrt(b^2 - 4*a*c) - b` is `-2*a*c/b` and so on for large positive b. The graph is evaluated on power series in the size
of the input; their coefficients are formulas of the others, and numbers at a few points, which tell those that are 0.
Signs are those of the region: a series is made for each choice of them. Where it may be taken, branches decide.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cgcli.explain.stable.coefficients import POINTS, Coefficients, merged
from cgcli.explain.stable.series import NoSeries
from cgcli.explain.stable.trials import computed
from cgcli.graph.walk import ancestors
from cgcli.ops import arithmetic, hyperbolic, logic, powers, trigonometric

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from cgcli.explain.stable.building import Builder
    from cgcli.ops import Operation

TERMS = 6
"""Terms that are carried; cancellation takes some of the first."""

LENGTHS = (1, 2, 3)
"""Terms of the forms that are offered."""

MOST_SIGNED = 3
"""Inputs whose signs are all tried; of more inputs all are taken to be positive."""

LARGEST_POWER = 8


class Series(NamedTuple):
    """t^first · (terms[0] + terms[1]·t + …); a term is a place in the coefficients, None for 0."""

    first: int
    terms: tuple[int | None, ...]


def leading_terms(
    builder: Builder, node: int, names: Sequence[str], signs: dict[str, set[int]], until: Callable[[], bool]
) -> Iterator[tuple[int, str]]:  # fmt: skip
    """Forms by the first terms in each input, small and large, and what they are called.

    signs: of each input in the region. until: whether time has ended.
    """
    told: set[int] = set()
    graph = builder.graph
    needed = ancestors(graph, [node])
    nodes = [each for each, need in enumerate(needed) if need]
    if any(graph.shape_of(each) for each in nodes):
        return
    choices = [sorted(signs[name], reverse=True) if len(names) <= MOST_SIGNED else [max(signs[name])] for name in names]
    for chosen in product(*choices):
        sides = dict(zip(names, chosen, strict=True))
        for name in names:
            for far in (True, False):
                if until():
                    return
                try:
                    with np.errstate(all="ignore"):
                        forms = list(_Expansion(builder, nodes, name, sides, far=far).forms(node))
                except (NoSeries, ZeroDivisionError, OverflowError):
                    continue
                for count, form in forms:
                    if form not in told:
                        told.add(form)
                        size = "large" if far else "small"
                        yield form, f"first {count} terms for {size} {name}" if count > 1 else (
                            f"first term for {size} {name}")  # fmt: skip


class _Expansion:
    """One evaluation of a graph on series in t > 0: the input is sign·t, or sign/t where it is large."""

    def __init__(self, builder: Builder, nodes: Sequence[int], name: str, sides: dict[str, int], *, far: bool) -> None:
        self.builder, self.graph = builder, builder.graph
        self.name, self.sign, self.far = name, sides[name], far
        self.of = Coefficients(builder)
        self.nodes = nodes
        generator = np.random.default_rng(len(nodes))
        columns = {each: side * generator.uniform(0.5, 2.0, POINTS) for each, side in sides.items()}
        self.variable = self.graph.inputs()[name]
        below = self._dependent()
        plain = [node for node in nodes if node not in below]
        self.plain = computed(self.graph, plain, columns, POINTS) if plain else {}
        self.below = below
        self.of.known.update(self.plain)
        self._logarithm: int | None = None
        self._generator = generator

    def _dependent(self) -> set[int]:
        found = {self.variable}
        for node in self.nodes:
            if any(operand in found for operand in self.graph.operands_of(node)):
                found.add(node)
        return found

    def forms(self, root: int) -> Iterator[tuple[int, int]]:
        """How many terms, and the form that they are."""
        series = self._series(root)
        kept = [(place, term) for place, term in enumerate(series.terms) if term is not None]
        for count in LENGTHS:
            if count <= len(kept):
                yield count, self._written(series.first, kept[:count])

    def _written(self, first: int, kept: Sequence[tuple[int, int]]) -> int:
        """A sum of coefficients times powers of the input."""
        builder, total = self.builder, None
        for place, term in kept:
            power = first + place
            sign = Fraction(-1 if self.sign < 0 and power % 2 else 1)
            size = (sign, {self.variable: -power if self.far else power} if power else {})
            node = self.of.written(merged(self.of.monomial(term), size, 1))
            total = node if total is None else builder.apply(arithmetic.add, [total, node])
        assert total is not None
        return total

    def _series(self, root: int) -> Series:
        graph, of, found = self.graph, self.of, dict[int, Series]()
        one = of.number(1 if self.sign > 0 else -1)
        for node in self.nodes:
            if node == self.variable:
                found[node] = Series(-1 if self.far else 1, (one, *(None,) * (TERMS - 1)))
            elif node not in self.below:
                value = self.builder.number(node)
                place = of.number(value) if value is not None else of.node_leaf(node, self.plain[node])
                if value is None and not np.isfinite(self.plain[node]).all():
                    continue  # it may be a branch that is not taken; nothing is computed with it
                found[node] = Series(0, (place, *(None,) * (TERMS - 1)))
            else:
                try:
                    operands = [found[operand] for operand in graph.operands_of(node)]
                except KeyError:
                    raise NoSeries from None
                if graph.attributes_of(node):
                    raise NoSeries
                found[node] = self._clean(self._applied(graph.row(node), operands))
        return found[root]

    def _clean(self, series: Series) -> Series:
        """Without zeros in front. NoSeries where nothing is known."""
        skipped = next((place for place, term in enumerate(series.terms) if term is not None), None)
        if skipped is None:
            raise NoSeries
        return Series(series.first + skipped, series.terms[skipped:])

    # ---- operations --------------------------------------------------------------------------------------------------

    def _applied(self, row: Operation, operands: list[Series]) -> Series:
        if row is arithmetic.add:
            return self._sum(*operands)
        if row is arithmetic.sub:
            return self._sum(operands[0], self._times(-1, operands[1]))
        if row is arithmetic.neg:
            return self._times(-1, operands[0])
        if row is arithmetic.mul:
            return self._product(*operands)
        if row is arithmetic.div:
            return self._product(operands[0], self._inverse(operands[1]))
        if row is powers.power:
            return self._power(*operands)
        if row is powers.hypot:
            squares = [self._product(each, each) for each in operands]
            return self._binomial(self._clean(self._sum(*squares)), Fraction(1, 2))
        function = self._functions().get(row)
        if function is None:
            raise NoSeries
        return function(*operands)

    def _functions(self) -> dict[Operation, Callable[[Series], Series]]:
        one = self._constant(1)
        half, third = Fraction(1, 2), Fraction(1, 3)
        return {
            powers.sqrt: lambda s: self._binomial(s, half),
            powers.cbrt: lambda s: self._binomial(s, third) if self.of.sign(self._lead(s)) > 0
            else self._times(-1, self._binomial(self._times(-1, s), third)),
            powers.exp: self._exp,
            powers.expm1: lambda s: self._sum(self._exp(s), self._times(-1, one)),
            powers.log: self._log,
            powers.log1p: lambda s: self._log(self._clean(self._sum(one, s))),
            trigonometric.sin: lambda s: self._circular(s, -1, trigonometric.sin, trigonometric.cos)[0],
            trigonometric.cos: lambda s: self._circular(s, -1, trigonometric.sin, trigonometric.cos)[1],
            trigonometric.tan: lambda s: self._ratio(s, -1, trigonometric.sin, trigonometric.cos),
            hyperbolic.sinh: lambda s: self._circular(s, 1, hyperbolic.sinh, hyperbolic.cosh)[0],
            hyperbolic.cosh: lambda s: self._circular(s, 1, hyperbolic.sinh, hyperbolic.cosh)[1],
            hyperbolic.tanh: lambda s: self._ratio(s, 1, hyperbolic.sinh, hyperbolic.cosh),
            trigonometric.atan: self._atan,
            trigonometric.asin: lambda s: self._integral(s, trigonometric.asin, self._inverse_root(one, s, -1)),
            hyperbolic.asinh: self._asinh,
            hyperbolic.atanh: lambda s: self._integral(
                s, hyperbolic.atanh, self._inverse(self._sum(one, self._times(-1, self._product(s, s))))),
            logic.absolute: lambda s: self._times(self.of.sign(self._lead(s)), s),
        }  # fmt: skip

    def _constant(self, value: int) -> Series:
        return Series(0, (self.of.number(value), *(None,) * (TERMS - 1)))

    def _lead(self, series: Series) -> int:
        place = series.terms[0]
        assert place is not None
        return place

    def _times(self, factor: Fraction | int, series: Series) -> Series:
        return Series(series.first, tuple(self.of.times(factor, term) for term in series.terms))

    def _sum(self, left: Series, right: Series) -> Series:
        first = min(left.first, right.first)
        end = min(left.first + len(left.terms), right.first + len(right.terms))
        terms = []
        for power in range(first, max(end, first + 1)):
            parts = [each.terms[power - each.first] if 0 <= power - each.first < len(each.terms) else None
                     for each in (left, right)]  # fmt: skip
            terms.append(self.of.add(*parts))
        return Series(first, tuple(terms))

    def _product(self, left: Series, right: Series) -> Series:
        count = min(len(left.terms), len(right.terms))
        terms: list[int | None] = [None] * count
        for place, one in enumerate(left.terms[:count]):
            for other, two in enumerate(right.terms[: count - place]):
                if one is not None and two is not None:
                    terms[place + other] = self.of.add(terms[place + other], self.of.mul(one, two))
        return Series(left.first + right.first, tuple(terms))

    def _inverse(self, series: Series) -> Series:
        lead = self._lead(series)
        terms: list[int | None] = [self.of.div(self.of.number(1), lead)]
        for place in range(1, len(series.terms)):
            total = None
            for k in range(1, place + 1):
                total = self.of.add(total, self.of.mul(series.terms[k], terms[place - k]))
            terms.append(self.of.times(-1, self.of.div(total, lead)))
        return Series(-series.first, tuple(terms))

    def _power(self, base: Series, exponent: Series) -> Series:
        value = None
        if exponent.first == 0 and not any(term is not None for term in exponent.terms[1:]):
            number, factors = self.of.monomial(self._lead(exponent))
            value = None if factors else number
        if value is None:
            return self._exp(self._product(exponent, self._log(base)))
        if value.denominator == 1 and 0 < abs(value) <= LARGEST_POWER:
            result = factor = base if value > 0 else self._inverse(base)
            for _ in range(int(abs(value)) - 1):
                result = self._product(result, factor)
            return result
        return self._binomial(base, value)

    def _binomial(self, series: Series, exponent: Fraction) -> Series:
        """series^exponent, by the recurrence of J. C. P. Miller (Knuth, TAOCP 2, section 4.7)."""
        whole = series.first * exponent
        if whole.denominator != 1:
            raise NoSeries
        lead = self._lead(series)
        terms: list[int | None] = [self.of.root(lead, exponent)]
        for place in range(1, len(series.terms)):
            total = None
            for k in range(1, place + 1):
                factor = exponent * k - place + k
                total = self.of.add(total, self.of.times(factor, self.of.mul(series.terms[k], terms[place - k])))
            terms.append(self.of.times(Fraction(1, place), self.of.div(total, lead)))
        return Series(int(whole), tuple(terms))

    def _parts(self, series: Series) -> tuple[int | None, list[int | None]]:
        """The constant term of a series without negative powers, and the terms of t, t^2, …"""
        if series.first < 0:
            raise NoSeries
        terms = [None] * series.first + list(series.terms)
        return terms[0], terms[1:TERMS]

    def _exp(self, series: Series) -> Series:
        if series.first < 0:
            raise NoSeries
        begin, rest = self._parts(series)
        terms: list[int | None] = [self.of.number(1) if begin is None else self.of.apply(powers.exp, begin)]
        for place in range(1, len(rest) + 1):
            total = None
            for k in range(1, place + 1):
                part = self.of.mul(rest[k - 1], terms[place - k])
                total = self.of.add(total, self.of.times(Fraction(k, place), part))
            terms.append(total)
        return Series(0, tuple(terms))

    def _log(self, series: Series) -> Series:
        lead = self._lead(series)
        if self.of.sign(lead) < 0:
            raise NoSeries
        begin = None if (self.of.values[lead] == 1).all() else self.of.apply(powers.log, lead)
        if series.first:
            begin = self.of.add(begin, self.of.times(series.first, self._log_of_t()))
        terms: list[int | None] = [begin]
        for place in range(1, len(series.terms)):  # k·l_k = u_k - Σ j·l_j·u_(k-j), of u = series/lead
            total = self.of.times(place, self.of.div(series.terms[place], lead))
            for k in range(1, place):
                part = self.of.mul(terms[k], self.of.div(series.terms[place - k], lead))
                total = self.of.add(total, self.of.times(-k, part))
            terms.append(self.of.times(Fraction(1, place), total))
        return Series(0, tuple(terms))

    def _log_of_t(self) -> int:
        """log(t), which stays a letter."""
        if self._logarithm is None:
            builder = self.builder
            size = self.variable if self.sign > 0 else builder.apply(arithmetic.neg, [self.variable])
            node = builder.apply(powers.log, [size])
            if self.far:
                node = builder.apply(arithmetic.neg, [node])
            self._logarithm = self.of.node_leaf(node, self._generator.uniform(0.5, 2.0, POINTS))
        return self._logarithm

    def _circular(self, series: Series, sign: int, sine: Operation, cosine: Operation) -> tuple[Series, Series]:
        """Sine and cosine, or with sign 1 their hyperbolic ones: each is the derivative of the other but for a sign."""
        begin, rest = self._parts(series)
        of = self.of
        sines: list[int | None] = [None if begin is None else of.apply(sine, begin)]
        cosines: list[int | None] = [of.number(1) if begin is None else of.apply(cosine, begin)]
        for place in range(1, len(rest) + 1):
            up = down = None
            for k in range(1, place + 1):
                part = of.times(Fraction(k, place), rest[k - 1])
                up = of.add(up, of.mul(part, cosines[place - k]))
                down = of.add(down, of.mul(part, sines[place - k]))
            sines.append(up)
            cosines.append(of.times(sign, down))
        return Series(0, tuple(sines)), Series(0, tuple(cosines))

    def _ratio(self, series: Series, sign: int, sine: Operation, cosine: Operation) -> Series:
        above, below = self._circular(series, sign, sine, cosine)
        return self._product(self._clean(above), self._inverse(self._clean(below)))

    def _integral(self, series: Series, row: Operation, slope: Series) -> Series:
        """A function of a series whose derivative is slope·series'."""
        begin, rest = self._parts(series)
        if slope.first < 0:
            raise NoSeries
        slopes = [None] * slope.first + list(slope.terms)
        terms: list[int | None] = [None if begin is None else self.of.apply(row, begin)]
        for place in range(1, min(len(rest), len(slopes)) + 1):
            total = None
            for k in range(1, place + 1):
                part = self.of.times(Fraction(k, place), self.of.mul(rest[k - 1], slopes[place - k]))
                total = self.of.add(total, part)
            terms.append(total)
        return Series(0, tuple(terms))

    def _inverse_root(self, one: Series, series: Series, sign: int) -> Series:
        inside = self._sum(one, self._times(sign, self._product(series, series)))
        return self._binomial(self._clean(inside), Fraction(-1, 2))

    def _atan(self, series: Series) -> Series:
        if series.first >= 0:
            return self._small_atan(series)
        turned = self._small_atan(self._inverse(series))  # atan(s) is ±π/2 - atan(1/s)
        quarter = self.of.node_leaf(self.builder.graph.constant(np.pi / 2), np.full(POINTS, np.pi / 2))
        sign = self.of.sign(self._lead(series))
        right = Series(0, (self.of.times(sign, quarter), *(None,) * (TERMS - 1)))
        return self._sum(right, self._times(-1, turned))

    def _small_atan(self, series: Series) -> Series:
        slope = self._inverse(self._clean(self._sum(self._constant(1), self._product(series, series))))
        return self._integral(series, trigonometric.atan, slope)

    def _asinh(self, series: Series) -> Series:
        one = self._constant(1)
        if series.first >= 0:
            return self._integral(series, hyperbolic.asinh, self._inverse_root(one, series, 1))
        sign = self.of.sign(self._lead(series))
        size = self._times(sign, series)
        root = self._binomial(self._clean(self._sum(one, self._product(size, size))), Fraction(1, 2))
        return self._times(sign, self._log(self._clean(self._sum(size, root))))
