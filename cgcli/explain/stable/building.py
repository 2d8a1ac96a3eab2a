"""Writing what a rule says into a graph, with what is trivially the same gone: equal terms that cancel, ones, zeros.

Sums are read as signed monomials (a coefficient times powers of nodes), so that `(x + 1) - x` is 1 and `b*b - b^2` is 0
whatever order they stand in. Nothing is multiplied out.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from cgcli.ops import arithmetic, powers
from cgcli.passes.folding import FoldingRef

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cgcli.graph.store import Graph
    from cgcli.ops import Operation

    Powers = tuple[tuple[int, int], ...]
    """(node, exponent), by node."""

    Term = tuple[Fraction, int]
    """Coefficient and node; the node of a number alone is that of the constant 1."""

BEYOND = Fraction(2**1000)
"""Numbers from here on are written as products, of which doubles hold each factor."""

SUMS = (arithmetic.add, arithmetic.sub, arithmetic.neg)
INVERSES = {powers.sqrt: 2, powers.cbrt: 3}
"""Roots, and the power that undoes each."""


def signs_of(row: Operation) -> tuple[int, ...]:
    """The signs of the operands of a sum."""
    if row is arithmetic.neg:
        return (-1,)
    return (1, -1) if row is arithmetic.sub else (1, 1)


class Builder:
    """Adds nodes to one graph."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.one = graph.constant(1.0)

    # ---- sums --------------------------------------------------------------------------------------------------------

    def terms(self, node: int) -> list[Term]:
        """A sum as signed terms from left to right; a number is its own multiple of 1."""
        graph = self.graph
        found: list[Term] = []
        pending = [(1, node)]
        while pending:
            sign, each = pending.pop()
            row = graph.row(each)
            if row in SUMS and not graph.shape_of(each):
                operands = graph.operands_of(each)
                if row is arithmetic.neg:
                    pending.append((-sign, operands[0]))
                else:
                    pending.append((-sign if row is arithmetic.sub else sign, operands[1]))
                    pending.append((sign, operands[0]))
                continue
            value = self.number(each)
            found.append((sign * value, self.one) if value is not None else (Fraction(sign), each))
        return found

    def number(self, node: int) -> Fraction | None:
        """The value of a constant; None for any other node, and for nan and infinity."""
        value = self.graph.constant_value(node)
        return None if value is None or value - value != 0 else Fraction(value)

    def sum(self, terms: Iterable[Term]) -> int:
        """A sum of terms with like ones collected; the first positive one stands in front."""
        collected: dict[Powers, Fraction] = {}
        for coefficient, node in terms:
            own, rest = self.monomial(node)
            collected[rest] = collected.get(rest, Fraction(0)) + coefficient * own
        kept = [(value, rest) for rest, value in collected.items() if value]
        kept.sort(key=lambda each: each[0] < 0)  # stable: the order is that of the text
        if not kept:
            return self.graph.constant(0.0)
        total: int | None = None
        for value, rest in kept:
            part = self.product(abs(value), rest)
            if total is None:
                total = self._apply(arithmetic.neg, part) if value < 0 else part
            else:
                total = self._apply(arithmetic.sub if value < 0 else arithmetic.add, total, part)
        assert total is not None
        return total

    # ---- products ----------------------------------------------------------------------------------------------------

    def monomial(self, node: int) -> tuple[Fraction, Powers]:
        """A product as a coefficient and powers of other nodes."""
        graph = self.graph
        coefficient, found = Fraction(1), dict[int, int]()
        pending = [(node, 1)]
        while pending:
            each, exponent = pending.pop()
            row, operands = graph.row(each), graph.operands_of(each)
            value = self.number(each)
            if value is not None and (value or exponent > 0):
                coefficient *= value**exponent
            elif row is arithmetic.mul:
                pending += [(operand, exponent) for operand in operands]
            elif row is arithmetic.neg:
                coefficient *= (-1) ** exponent
                pending.append((operands[0], exponent))
            elif (whole := self.whole_power(each)) is not None:
                pending.append((operands[0], exponent * whole))
            else:
                found[each] = found.get(each, 0) + exponent
        return coefficient, self._roots_undone(found)

    def whole_power(self, node: int) -> int | None:
        """The exponent of a power that is a whole number above 0; None for any other node."""
        if self.graph.row(node) is not powers.power:
            return None
        value = self.number(self.graph.operands_of(node)[1])
        return int(value) if value is not None and value.denominator == 1 and 0 < value < 64 else None

    def _roots_undone(self, found: dict[int, int]) -> Powers:
        """Powers with sqrt(u)^2 and cbrt(u)^3 written as u."""
        undone: dict[int, int] = {}
        for node, exponent in found.items():
            inverse = INVERSES.get(self.graph.row(node))
            if inverse is None or exponent < inverse:
                undone[node] = undone.get(node, 0) + exponent
                continue
            (inner,) = self.graph.operands_of(node)
            undone[inner] = undone.get(inner, 0) + exponent // inverse
            if exponent % inverse:
                undone[node] = exponent % inverse
        return tuple(sorted(undone.items()))

    def product(self, coefficient: Fraction, factors: Powers) -> int:
        """A coefficient that is positive times powers."""
        graph = self.graph
        parts = [self._power(node, exponent) for node, exponent in factors]
        if coefficient != 1 or not parts:
            parts.insert(0, self.constant(coefficient))
        total = parts[0]
        for part in parts[1:]:
            total = graph.apply(arithmetic.mul, [total, part])
        return total

    def _power(self, node: int, exponent: int) -> int:
        if exponent == 1:
            return node
        return self.graph.apply(powers.power, [node, self.graph.constant(float(exponent))])

    def constant(self, value: Fraction) -> int:
        """A number; a product or a quotient where no double is it exactly."""
        graph = self.graph
        rows: list[Operation] = []
        while value >= BEYOND:
            value, rows = value / BEYOND, [*rows, arithmetic.mul]
        while 0 < value <= 1 / BEYOND:
            value, rows = value * BEYOND, [*rows, arithmetic.div]
        near = float(value)
        if Fraction(near) == value or max(value.numerator, value.denominator) >= BEYOND:
            found = graph.constant(near)
        else:
            top, below = graph.constant(float(value.numerator)), graph.constant(float(value.denominator))
            found = graph.apply(arithmetic.div, [top, below])
        for row in rows:
            found = graph.apply(row, [found, graph.constant(float(BEYOND))])
        return found

    # ---- everything --------------------------------------------------------------------------------------------------

    def apply(self, row: Operation, operands: Sequence[int]) -> int:
        """An operation on scalars, in its simplest form."""
        if row in SUMS:
            return self.sum([(sign * value, node) for sign, operand in zip(signs_of(row), operands, strict=True)
                             for value, node in self.terms(operand)])  # fmt: skip
        if row is arithmetic.mul:
            return self._signed(self._apply(row, *operands))
        if row is arithmetic.div:
            return self._quotient(*operands)
        if row is powers.power and self.whole_power(self._apply(row, *operands)) is not None:
            return self._signed(self._apply(row, *operands))
        return self._apply(row, *operands)

    def _signed(self, node: int) -> int:
        """A product in its own simplest form, its sign in front."""
        coefficient, factors = self.monomial(node)
        if not coefficient:
            return self.graph.constant(0.0)
        part = self.product(abs(coefficient), factors)
        return part if coefficient > 0 else self._apply(arithmetic.neg, part)

    def _quotient(self, top: int, below: int) -> int:
        """A quotient with common factors gone."""
        above, over = self.monomial(top)
        under, beneath = self.monomial(below)
        if not under:
            return self._apply(arithmetic.div, top, below)
        if not above:
            return self.graph.constant(0.0)
        powers_of = dict(over)
        for node, exponent in beneath:
            powers_of[node] = powers_of.get(node, 0) - exponent
        ratio = above / under
        numerator = tuple(sorted((node, count) for node, count in powers_of.items() if count > 0))
        denominator = tuple(sorted((node, -count) for node, count in powers_of.items() if count < 0))
        if not denominator and Fraction(float(abs(ratio))) == abs(ratio):
            result = self.product(abs(ratio), numerator)
        else:
            size = abs(ratio)
            first = self.product(Fraction(size.numerator), numerator)
            second = self.product(Fraction(size.denominator), denominator)
            result = self._apply(arithmetic.div, first, second)
        return result if ratio > 0 else self._apply(arithmetic.neg, result)

    def with_squares_together(self, node: int) -> int | None:
        """A product or quotient as the square of one, times what is left: a^2*b^2/c^2 is (a*b/c)^2. None of another.

        A square of a product overflows, or vanishes, later than a product of squares does.
        """
        graph = self.graph
        if graph.row(node) not in (arithmetic.mul, arithmetic.div, powers.power):
            return None
        is_quotient = graph.row(node) is arithmetic.div
        parts = [self.monomial(each) for each in (graph.operands_of(node) if is_quotient else (node,))]
        if not all(coefficient for coefficient, _ in parts):
            return None
        roots = [tuple((each, count // 2) for each, count in factors if count > 1) for _, factors in parts]
        if sum(map(len, roots)) < 2:
            return None
        single = [tuple((each, 1) for each, count in factors if count % 2) for _, factors in parts]
        sizes = [abs(coefficient) for coefficient, _ in parts]
        square = self._apply(powers.power, self._line([Fraction(1)] * len(parts), roots), graph.constant(2.0))
        result = square
        if any(single) or any(size != 1 for size in sizes):
            result = self._apply(arithmetic.mul, self._line(sizes, single), square)
        negative = sum(coefficient < 0 for coefficient, _ in parts) % 2
        return self._apply(arithmetic.neg, result) if negative else result

    def _line(self, sizes: Sequence[Fraction], factors: Sequence[Powers]) -> int:
        """A product, or the quotient of two."""
        top, *below = [self.product(size, each) for size, each in zip(sizes, factors, strict=True)]
        if not below or below[0] == self.one:
            return top
        return self._apply(arithmetic.div, top, below[0])

    def _apply(self, row: Operation, *operands: int) -> int:
        refs = [FoldingRef(self.graph, operand) for operand in operands]
        return refs[0].build(row, refs).node


MOST_MONOMIALS = 60
"""Terms of a sum that was multiplied out."""

LARGEST_EXPONENT = 8


class TooLong(Exception):
    """Multiplying out makes too many terms."""


def multiplied_out(builder: Builder, node: int) -> int | None:
    """A sum or product with all products of sums multiplied out and like terms collected; None where it is long."""
    if builder.graph.row(node) not in (*SUMS, arithmetic.mul, powers.power):
        return None
    try:
        return builder.sum(_terms_of(builder, polynomial(builder, node)))
    except TooLong:
        return None


def together(builder: Builder, node: int) -> int | None:
    """A sum of fractions over a common denominator, its numerator multiplied out; None where there is none."""
    if builder.graph.row(node) not in SUMS:
        return None
    parts = [(coefficient, *_fraction(builder, each)) for coefficient, each in builder.terms(node)]
    below = [(top, under) for _, top, under in parts if under is not None]
    if not below or len(parts) > 4:
        return None
    denominators = list(dict.fromkeys(under for _, under in below))
    try:
        total: dict[Powers, Fraction] = {}
        for coefficient, top, under in parts:
            product = {rest: coefficient * value for rest, value in polynomial(builder, top).items()}
            for each in denominators:
                if each != under:
                    product = _multiplied(product, polynomial(builder, each))
            for rest, value in product.items():
                total[rest] = total.get(rest, Fraction(0)) + value
    except TooLong:
        return None
    numerator = builder.sum(_terms_of(builder, total))
    denominator = denominators[0]
    for each in denominators[1:]:
        denominator = builder.apply(arithmetic.mul, [denominator, each])
    return builder.apply(arithmetic.div, [numerator, denominator])


def _fraction(builder: Builder, node: int) -> tuple[int, int | None]:
    """Numerator and denominator of a quotient; any other node is over 1."""
    graph = builder.graph
    if graph.row(node) is arithmetic.div:
        top, below = graph.operands_of(node)
        return top, below
    return node, None


def polynomial(builder: Builder, node: int) -> dict[Powers, Fraction]:
    """A node as a sum of monomials, products of sums multiplied out. TooLong where they are many."""
    graph = builder.graph
    known: dict[int, dict[Powers, Fraction]] = {}
    pending = [node]
    while pending:
        each = pending[-1]
        if each in known:
            pending.pop()
            continue
        row, operands = graph.row(each), graph.operands_of(each)
        value = builder.number(each)
        exponent = builder.whole_power(each)
        inner = operands[:1] if exponent is not None else operands if row in (*SUMS, arithmetic.mul) else ()
        missing = [operand for operand in inner if operand not in known]
        if value is None and missing:
            pending += missing
            continue
        pending.pop()
        if value is not None:
            known[each] = {(): value}
        elif exponent is not None and exponent <= LARGEST_EXPONENT:
            known[each] = {(): Fraction(1)}
            for _ in range(exponent):
                known[each] = _multiplied(known[each], known[operands[0]])
        elif row is arithmetic.mul:
            known[each] = _multiplied(known[operands[0]], known[operands[1]])
        elif row in SUMS:
            total: dict[Powers, Fraction] = {}
            for sign, operand in zip(signs_of(row), operands, strict=True):
                for rest, number in known[operand].items():
                    total[rest] = total.get(rest, Fraction(0)) + sign * number
            known[each] = total
        else:
            own, rest = builder.monomial(each)
            known[each] = {rest: own}
    return known[node]


def _multiplied(left: dict[Powers, Fraction], right: dict[Powers, Fraction]) -> dict[Powers, Fraction]:
    if len(left) * len(right) > MOST_MONOMIALS:
        raise TooLong
    found: dict[Powers, Fraction] = {}
    for first, value in left.items():
        for second, other in right.items():
            merged = dict(first)
            for node, exponent in second:
                merged[node] = merged.get(node, 0) + exponent
            rest = tuple(sorted(merged.items()))
            found[rest] = found.get(rest, Fraction(0)) + value * other
    return found


def _terms_of(builder: Builder, found: dict[Powers, Fraction]) -> list[Term]:
    return [(value, builder.product(Fraction(1), rest)) for rest, value in found.items() if value]
