"""Where a rule fits in a graph: modulo the order of sums and products, with what is left over of either.

A sum in a rule fits any part of a longer sum, and a product any part of a longer product; what is left is added, or
multiplied, to what the rule writes. A letter that stands alone in an inner sum takes all terms that the rest leaves.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import islice
from math import inf
from time import process_time
from typing import TYPE_CHECKING

from cgcli.explain.stable.building import SUMS, Builder
from cgcli.ops import arithmetic, powers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from cgcli.explain.stable.building import Powers, Term
    from cgcli.explain.stable.rules import Rule, Side

    Found = dict[int, int]
    """Node of a letter in the rule -> node in the graph."""

MOST_MATCHES = 16
"""Ways in which one rule is applied at one node."""


class Matcher:
    """Applies rules in one graph."""

    def __init__(self, builder: Builder) -> None:
        self.builder = builder
        self.graph = builder.graph
        self._sides: dict[int, Builder] = {}
        self.until = inf  # the processor time at which to stop: of many terms there are very many choices

    def applied(self, rule: Rule, node: int) -> Iterator[tuple[int, int | None]]:
        """What a rule writes in the place of a node, in each way that it fits, and its condition there."""
        yield from islice(self._applied(rule, node), MOST_MATCHES)

    def _applied(self, rule: Rule, node: int) -> Iterator[tuple[int, int | None]]:
        pattern = self._side(rule.left)
        row = pattern.graph.row(rule.left.node)
        if row in SUMS:
            yield from self._in_a_sum(rule, pattern, node)
        elif row is arithmetic.mul:
            yield from self._in_a_product(rule, pattern, node)
        elif row is self.graph.row(node):
            for found in self._match(pattern, rule.left.node, node, {}):
                yield self._written(rule, found)

    def _in_a_sum(self, rule: Rule, pattern: Builder, node: int) -> Iterator[tuple[int, int | None]]:
        if self.graph.row(node) not in SUMS:
            return
        terms, wanted = self.builder.terms(node), pattern.terms(rule.left.node)
        for sign in (1, -1):
            for found, left in self._sum(
                pattern, wanted, [(sign * value, each) for value, each in terms], {}, open_=True
            ):
                result, condition = self._written(rule, found)
                inside = [(sign * value, each) for value, each in (*self.builder.terms(result), *left)]
                yield self.builder.sum(inside), condition

    def _in_a_product(self, rule: Rule, pattern: Builder, node: int) -> Iterator[tuple[int, int | None]]:
        if self.graph.row(node) not in (arithmetic.mul, powers.power):
            return
        coefficient, factors = self.builder.monomial(node)
        wanted_coefficient, wanted = pattern.monomial(rule.left.node)
        for found, left in self._product(pattern, wanted, factors, {}):
            result, condition = self._written(rule, found)
            rest = coefficient / wanted_coefficient
            if not left and rest == 1:
                yield result, condition
                continue
            outer = self.builder.product(abs(rest), left)
            whole = self.builder.apply(arithmetic.mul, [outer, result])
            yield (whole if rest > 0 else self.builder.apply(arithmetic.neg, [whole])), condition

    def _side(self, side: Side) -> Builder:
        found = self._sides.get(id(side.graph))
        if found is None:
            found = self._sides[id(side.graph)] = Builder(side.graph)
        return found

    # ---- writing -----------------------------------------------------------------------------------------------------

    def _written(self, rule: Rule, found: Found) -> tuple[int, int | None]:
        names = {rule.left.graph.input_name(letter): node for letter, node in found.items()}
        condition = None if rule.condition is None else self._copied(rule.condition, names)
        return self._copied(rule.right, names), condition

    def _copied(self, side: Side, names: Mapping[str, int]) -> int:
        """A side of a rule with nodes of the graph in the place of its letters."""
        source, moved = side.graph, dict[int, int]()
        for node in side.nodes:
            if source.is_input(node):
                moved[node] = names[source.input_name(node)]
            elif source.is_leaf(node):
                moved[node] = self.graph.copy_node(source, node, [])
            else:
                moved[node] = self.builder.apply(source.row(node), [moved[each] for each in source.operands_of(node)])
        return moved[side.node]

    # ---- matching ----------------------------------------------------------------------------------------------------

    def _match(self, pattern: Builder, wanted: int, node: int, found: Found) -> Iterator[Found]:
        """All ways in which a node is what a node of the rule says; as deep as the rule."""
        rule, graph = pattern.graph, self.graph
        if rule.is_input(wanted):
            known = found.get(wanted)
            if known is None:
                yield {**found, wanted: node}
            elif known == node or self._alike(known, node):
                yield found
            return
        number = pattern.number(wanted)
        if number is not None:
            if self.builder.number(node) == number:
                yield found
            return
        row = rule.row(wanted)
        if row in SUMS:
            terms = self.builder.terms(node)
            for each, _ in self._sum(pattern, pattern.terms(wanted), terms, found, open_=False):
                yield each
            return
        coefficient, factors = pattern.monomial(wanted)
        if row is arithmetic.mul or (row is powers.power and factors and factors[0][1] > 1):
            own, ours = self.builder.monomial(node)
            yield from self._whole_product(pattern, (coefficient, factors), (own, ours), found)
            return
        if row is not graph.row(node):
            return
        operands, ours_ = rule.operands_of(wanted), graph.operands_of(node)
        orders = [ours_] if "commutative" not in row.traits else [ours_, ours_[::-1]]
        for order in orders:
            ways = iter([found])
            for operand, own_operand in zip(operands, order, strict=True):
                ways = self._each(ways, pattern, operand, own_operand)
            yield from ways

    def _each(self, ways: Iterator[Found], pattern: Builder, wanted: int, node: int) -> Iterator[Found]:
        for way in ways:
            yield from self._match(pattern, wanted, node, way)

    def _alike(self, first: int, second: int) -> bool:
        return self.builder.monomial(first) == self.builder.monomial(second)

    def _sum(
        self, pattern: Builder, wanted: Sequence[Term], terms: Sequence[Term], found: Found, *, open_: bool
    ) -> Iterator[tuple[Found, list[Term]]]:  # fmt: skip
        """Ways to find terms in a sum, and the terms that are left; none may be left unless the sum is open."""
        if len(terms) < len(wanted) and not open_:
            return
        loose = [each for each in wanted if pattern.graph.is_input(each[1]) and abs(each[0]) == 1]
        firm = [each for each in wanted if each not in loose]
        ways: Iterator[tuple[Found, list[Term]]] = iter([(found, list(terms))])
        for term in firm:
            ways = self._one_term(ways, pattern, term)
        for number, term in enumerate(loose):
            last = number == len(loose) - 1
            ways = self._loose_term(ways, term, takes_all=last and not open_, takes_one=not last or open_)
        for way, left in ways:
            if open_ or not left:
                yield way, left

    def _one_term(
        self, ways: Iterator[tuple[Found, list[Term]]], pattern: Builder, wanted: Term
    ) -> Iterator[tuple[Found, list[Term]]]:  # fmt: skip
        coefficient, node = wanted
        own, factors = pattern.monomial(node)
        for found, left in ways:
            if process_time() > self.until:
                return
            for place, (value, each) in enumerate(left):
                inner, ours = self.builder.monomial(each)
                rest = [*left[:place], *left[place + 1 :]]
                for way in self._whole_product(pattern, (coefficient * own, factors), (value * inner, ours), found):
                    yield way, rest

    def _loose_term(
        self, ways: Iterator[tuple[Found, list[Term]]], wanted: Term, *, takes_all: bool, takes_one: bool
    ) -> Iterator[tuple[Found, list[Term]]]:  # fmt: skip
        """A letter alone: a term that it stands for already, one term, or all that are left."""
        sign, letter = wanted
        for found, left in ways:
            known = found.get(letter)
            if known is not None:
                rest = self._without(left, [(sign * value, each) for value, each in self.builder.terms(known)])
                if rest is not None:
                    yield found, rest
                continue
            if takes_all and left:
                yield {**found, letter: self.builder.sum([(sign * value, each) for value, each in left])}, []
            if takes_one:
                for place, (value, each) in enumerate(left):
                    node = self.builder.sum([(sign * value, each)])
                    yield {**found, letter: node}, [*left[:place], *left[place + 1 :]]

    def _without(self, terms: Sequence[Term], gone: Sequence[Term]) -> list[Term] | None:
        """Terms without some of them; None where one is not there."""
        kept = list(terms)
        for value, node in gone:
            for place, (other, each) in enumerate(kept):
                own, factors = self.builder.monomial(each)
                wanted, powers_ = self.builder.monomial(node)
                if factors == powers_ and other * own == value * wanted:
                    del kept[place]
                    break
            else:
                return None
        return kept

    def _whole_product(
        self, pattern: Builder, wanted: tuple[Fraction, Powers], given: tuple[Fraction, Powers], found: Found
    ) -> Iterator[Found]:  # fmt: skip
        """Ways in which a product is what a rule says; a letter that is alone in it takes what is left."""
        (coefficient, factors), (own, ours) = wanted, given
        if not factors:
            if not ours and coefficient == own:
                yield found
            return
        loose = [letter for letter, exponent in factors
                 if exponent == 1 and pattern.graph.is_input(letter) and letter not in found]  # fmt: skip
        firm = tuple(each for each in factors if each[0] not in loose)
        for way, over in self._product(pattern, firm, ours, found):
            rest, left, open_ = own / coefficient, over, list(loose)
            for letter in loose:
                if letter in way:  # the firm part has bound it meanwhile
                    known, inside = self.builder.monomial(way[letter])
                    rest, taken = rest / known, _divided(left, inside)
                    if taken is None:
                        break
                    left = taken
                    open_.remove(letter)
            else:
                yield from self._loose_factors(way, open_, rest, left)

    def _loose_factors(self, way: Found, loose: Sequence[int], rest: Fraction, left: Powers) -> Iterator[Found]:
        """Letters that stand alone in a product, with what is left for them."""
        if not loose:
            if not left and rest == 1:
                yield way
        elif len(loose) == 1:
            yield {**way, loose[0]: self._signed(rest, left)}
        elif len(loose) == 2:
            for place, power in enumerate(left):
                others = (*left[:place], *left[place + 1 :])
                if not others and rest == 1:
                    return
                one, other = self.builder.product(Fraction(1), (power,)), self._signed(rest, others)
                yield {**way, loose[0]: one, loose[1]: other}
                yield {**way, loose[1]: one, loose[0]: other}

    def _signed(self, coefficient: Fraction, factors: Powers) -> int:
        node = self.builder.product(abs(coefficient), factors)
        return node if coefficient > 0 else self.builder.apply(arithmetic.neg, [node])

    def _product(
        self, pattern: Builder, wanted: Powers, factors: Powers, found: Found
    ) -> Iterator[tuple[Found, Powers]]:  # fmt: skip
        """Ways to find powers in a product, and the powers that are left."""
        ways: Iterator[tuple[Found, Powers]] = iter([(found, factors)])
        for node, exponent in wanted:
            ways = self._one_factor(ways, pattern, node, exponent)
        yield from ways

    def _one_factor(
        self, ways: Iterator[tuple[Found, Powers]], pattern: Builder, node: int, exponent: int
    ) -> Iterator[tuple[Found, Powers]]:  # fmt: skip
        for found, left in ways:
            for place, (each, own) in enumerate(left):
                if own < exponent or own % exponent:
                    continue
                whole = pattern.graph.is_input(node) and own > exponent
                taken = own if whole else exponent
                base = self.builder.product(Fraction(1), ((each, taken // exponent),)) if whole else each
                rest = ((each, own - taken),) if own > taken else ()
                for way in self._match(pattern, node, base, found):
                    yield way, (*left[:place], *rest, *left[place + 1 :])


def _divided(factors: Powers, by: Powers) -> Powers | None:
    """Powers without others; None where they are not all there."""
    left = dict(factors)
    for node, exponent in by:
        left[node] = left.get(node, 0) - exponent
        if left[node] < 0:
            return None
    return tuple(sorted((node, exponent) for node, exponent in left.items() if exponent))
