"""Taylor and Laurent forms of a formula of one input, near 0 and near infinity.

The graph is evaluated on power series whose coefficients are numbers of many digits; functions are composed with their
own Taylor series at the constant term. Where a formula loses all its digits near 0 its series has them.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from mpmath import MPContext

from cgcli.engines.mpmath import MpmathEngine
from cgcli.graph.walk import ancestors
from cgcli.ops import arithmetic, powers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from cgcli.explain.stable.building import Builder
    from cgcli.explain.stable.trials import Trials
    from cgcli.ops import Operation

TERMS = 30
"""Terms that are carried; cancellation takes some of the first."""

DIGITS = 60
"""Digits of the coefficients."""

LENGTHS = (1, 2, 3, 4, 6, 8, 11)
"""Terms of the forms that are offered."""

LARGEST_DENOMINATOR = 10**7
"""Of a coefficient that is written as a fraction."""


class Series(NamedTuple):
    """t^first · (terms[0] + terms[1]·t + …); no terms: 0."""

    first: int
    terms: tuple[Any, ...]


class NoSeries(Exception):
    """The formula has no such series there, or none is known of an operation."""


def expansions(builder: Builder, node: int, names: Sequence[str], trials: Trials) -> Iterator[tuple[int, str]]:
    """Forms by the first terms of the series in the only input, near 0 and near infinity, and what they are called."""
    if len(names) != 1 or len(trials) < 2:
        return
    (name,) = names
    graph = builder.graph
    variable = graph.inputs()[name]
    for far in (False, True):
        try:
            series = Expander(builder, far=far).series(node, variable)
        except (NoSeries, ZeroDivisionError, ValueError, ArithmeticError, NotImplementedError):
            continue
        where = "infinity" if far else "0"
        for count in LENGTHS:
            written = _written(builder, variable, series, count, far=far)
            if written is not None:
                yield written, f"series at {name} = {where}, {count} terms"


def _written(builder: Builder, variable: int, series: Series, count: int, *, far: bool) -> int | None:
    """The first terms that are not 0, in Horner's form in the step between them."""
    graph = builder.graph
    kept = [(place, value) for place, value in enumerate(series.terms) if value != 0][:count]
    if len(kept) < count or not kept:
        return None
    places = [place for place, _ in kept]
    step = 1 if any((place - places[0]) % 2 for place in places) else 2
    x = graph.ref(variable)
    square = x if step == 1 else x**2
    t = 1 / square if far else square
    by_place = dict(kept)
    total = None
    for place in range(places[-1], places[0] - 1, -step):
        value = by_place.get(place)
        number = None if value is None else graph.ref(builder.constant(_fraction(value)))
        total = number if total is None else total * t if number is None else number + t * total
    assert total is not None
    power = (series.first + places[0]) * (-1 if far else 1)
    if power:
        size = x ** abs(power) if abs(power) > 1 else x
        total = total * size if power > 0 else total / size
    return total.node


def _fraction(value: Any) -> Fraction:
    """A coefficient as a short fraction where it is one, else as the nearest double."""
    exact = Fraction(str(value.context.nstr(value, 50))) if hasattr(value, "context") else Fraction(value)
    short = exact.limit_denominator(LARGEST_DENOMINATOR)
    close = abs(short - exact) <= abs(exact) * Fraction(1, 10**35)
    return short if close and abs(short.numerator) < 2**53 else Fraction(float(exact))


class Expander:
    """Evaluates a graph on series in t, where the input is t, or 1/t far away."""

    def __init__(self, builder: Builder, *, far: bool) -> None:
        self.builder = builder
        self.graph = builder.graph
        self.far = far
        self.mp = MPContext()
        self.mp.dps = DIGITS
        self._engine = MpmathEngine(mp=self.mp)

    def series(self, node: int, variable: int) -> Series:
        """The series of a node. NoSeries where it has none."""
        graph, mp = self.graph, self.mp
        found: dict[int, Series] = {variable: Series(-1 if self.far else 1, (mp.one,))}
        for each, need in enumerate(ancestors(graph, [node])):
            if not need or each in found:
                continue
            if graph.shape_of(each):
                raise NoSeries
            value = self.builder.number(each)
            if value is not None:
                found[each] = _clean(Series(0, (mp.mpf(value.numerator) / value.denominator,)))
            elif graph.is_leaf(each):
                raise NoSeries
            else:
                operands = [found[operand] for operand in graph.operands_of(each)]
                found[each] = _clean(self._applied(graph.row(each), operands, graph.attributes_of(each)))
        return found[node]

    def _applied(self, row: Operation, operands: list[Series], attributes: tuple[Any, ...]) -> Series:
        if row is arithmetic.add:
            return _sum(operands[0], operands[1])
        if row is arithmetic.sub:
            return _sum(operands[0], operands[1], -1)
        if row is arithmetic.neg:
            return Series(operands[0].first, tuple(-term for term in operands[0].terms))
        if row is arithmetic.mul:
            return _product(*operands)
        if row is arithmetic.div:
            return _product(operands[0], self._inverse(operands[1]))
        if row is powers.power:
            return self._power(*operands)
        if row in (powers.sqrt, powers.cbrt):
            return self._root(operands[0], 2 if row is powers.sqrt else 3)
        if len(operands) != 1 or not row.elementwise or "piecewise_constant" in row.traits or row.kink is not None:
            raise NoSeries
        return self._composed(row, operands[0], attributes)

    def _inverse(self, series: Series) -> Series:
        """1/series."""
        if not series.terms:
            raise NoSeries
        lead = 1 / series.terms[0]
        terms = [lead]
        for place in range(1, TERMS):
            total = sum(series.terms[k] * terms[place - k] for k in range(1, min(place, len(series.terms) - 1) + 1))
            terms.append(-lead * total)
        return Series(-series.first, tuple(terms))

    def _power(self, base: Series, exponent: Series) -> Series:
        if exponent.first != 0 or len(exponent.terms) != 1:
            raise NoSeries
        value = exponent.terms[0]
        if value == int(value) and 0 < abs(value) <= 12:
            result, factor = Series(0, (self.mp.one,)), base if value > 0 else self._inverse(base)
            for _ in range(int(abs(value))):
                result = _product(result, factor)
            return result
        return self._binomial(base, value)

    def _root(self, series: Series, degree: int) -> Series:
        if series.first % degree:
            raise NoSeries
        return self._binomial(series, self.mp.one / degree)

    def _binomial(self, series: Series, exponent: Any) -> Series:
        """series^exponent, by the recurrence of J. C. P. Miller (Knuth, TAOCP 2, section 4.7)."""
        whole = series.first * exponent
        if not series.terms or series.terms[0] <= 0 or self.mp.floor(whole) != whole:
            raise NoSeries
        lead = series.terms[0]
        terms = [lead**exponent]
        for place in range(1, TERMS):
            total = self.mp.zero
            for k in range(1, min(place, len(series.terms) - 1) + 1):
                total += (exponent * k - place + k) * series.terms[k] * terms[place - k]
            terms.append(total / (place * lead))
        return Series(int(whole), tuple(terms))

    def _composed(self, row: Operation, inner: Series, attributes: tuple[Any, ...]) -> Series:
        """A function of a series: its Taylor series at the constant term, in what follows it."""
        if inner.terms and inner.first < 0:
            raise NoSeries
        mp = self.mp
        begin = inner.terms[0] if inner.terms and inner.first == 0 else mp.zero
        rest = Series(inner.first + 1, inner.terms[1:]) if inner.first == 0 else inner
        function = self._engine.spelled(row, attributes)
        if function is None:
            raise NoSeries
        count = TERMS if not rest.terms else -(-TERMS // max(rest.first, 1))
        with mp.workdps(3 * DIGITS + 2 * count):
            coefficients = mp.taylor(function, begin, count)
        if not all(mp.isfinite(each) for each in coefficients) or any(mp.im(each) for each in coefficients):
            raise NoSeries
        total, power = Series(0, ()), Series(0, (mp.one,))
        for coefficient in coefficients:
            total = _sum(total, Series(power.first, tuple(coefficient * term for term in power.terms)))
            power = _clean(_product(power, rest))
            if not power.terms:
                break
        return total


def _sum(left: Series, right: Series, sign: int = 1) -> Series:
    if not left.terms:
        return Series(right.first, tuple(sign * term for term in right.terms))
    if not right.terms:
        return left
    first = min(left.first, right.first)
    length = min(TERMS, max(left.first + len(left.terms), right.first + len(right.terms)) - first)
    terms: list[Any] = [0 * left.terms[0]] * length
    for series, factor in ((left, 1), (right, sign)):
        for place, term in enumerate(series.terms, series.first - first):
            if place < length:
                terms[place] += factor * term
    return Series(first, tuple(terms))


def _product(left: Series, right: Series) -> Series:
    length = min(TERMS, len(left.terms) + len(right.terms) - 1)
    if length <= 0:
        return Series(0, ())
    terms: list[Any] = [0 * left.terms[0]] * length
    for place, term in enumerate(left.terms):
        for other, factor in enumerate(right.terms[: length - place]):
            terms[place + other] += term * factor
    return Series(left.first + right.first, tuple(terms))


def _clean(series: Series) -> Series:
    """Without zeros in front, and with what is nothing but rounding as 0."""
    largest = max((abs(term) for term in series.terms), default=0)
    terms = [term if abs(term) > largest * 10 ** (12 - DIGITS) else 0 * term for term in series.terms]
    skipped = next((place for place, term in enumerate(terms) if term), len(terms))
    if skipped == len(terms):
        return Series(0, ())
    return Series(series.first + skipped, tuple(terms[skipped:]))
