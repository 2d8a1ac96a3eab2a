"""Parentheses multiplied out, and common factors taken out, where a line becomes shorter by it.

The simplifier does neither, since a derivative for computing must not explode. On paper it is how a quotient rule ends:
`2 * x * (x^2 - 1) - 2 * x * (x^2 + 1)` is `-4 * x`. Here a formula is read as a polynomial in its atoms (inputs,
functions, and powers of sums), with exact coefficients. Each sum and each product with a sum is tried in both forms
where like terms meet, or factors cancel, by it.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from cgcli.explain.tidying import measure, simplified
from cgcli.graph.replacing import replaced
from cgcli.graph.walk import ancestors
from cgcli.ops import arithmetic, powers
from cgcli.passes.folding import FoldingRef
from cgcli.passes.simplify import lengths
from cgcli.passes.simplify.numbers import bounded, decimal_text, number_in

if TYPE_CHECKING:
    from typing import Any

    from cgcli.graph.store import Graph

    Powers = frozenset[tuple[int, Fraction]]
    Terms = dict[Powers, Fraction]
    """A polynomial: the powers of atoms (nodes) in a term -> the coefficient of the term."""

MOST_TERMS = 24
"""Terms of a polynomial; with more than that nobody multiplies out."""

MOST_POWER = 4
"""A sum to a higher power stays as it is."""

LONGEST = 250
"""Symbols of a line in which this is tried."""

MOST_ROUNDS = 12
"""Changes of a line, one after the other."""

NONE: Powers = frozenset()
SUMS, PRODUCTS = (arithmetic.add, arithmetic.sub), (arithmetic.mul, arithmetic.div)


def multiplied_out(graph: Graph, line: int) -> int:
    """The line with what becomes shorter when it is multiplied out, or when its common factors are taken out."""
    known: dict[int, int] = {}
    for _ in range(MOST_ROUNDS):
        if lengths(graph, [line])[line] > LONGEST:
            break
        better = _improvement(graph, line, known)
        if better is None:
            break
        line = replaced(graph, line, better)
    whole = simplified(graph, line)
    return whole if measure(graph, whole) < measure(graph, line) else line


def _improvement(graph: Graph, line: int, known: dict[int, int]) -> dict[int, int] | None:
    """A sum or a product in a line -> a shorter form of it, the inner ones first; None where there is none.

    known: the best forms of nodes that were looked at before.
    """
    needed = ancestors(graph, [line])
    opened, closed = _Reader(graph, needed, opens=True), _Reader(graph, needed, opens=False)
    write = _Writer(graph, needed)
    for node in _candidates(graph, needed):
        if node not in known:
            forms = [write.sum_of(opened.terms[node]) if opened.gains[node] else None,
                     write.factored(closed.terms[node])]  # fmt: skip
            found = [simplified(graph, form) for form in forms if form is not None]
            best = min(found, key=lambda form: measure(graph, form), default=node)
            known[node] = best if measure(graph, best)[:2] < measure(graph, node)[:2] else node
        if known[node] != node:
            return {node: known[node]}
    return None


def _candidates(graph: Graph, needed: bytearray) -> list[int]:
    """Sums, and products in which a sum is a factor, each as a whole."""
    whole = [node for node, need in enumerate(needed) if need and graph.row(node) in (*SUMS, *PRODUCTS)]
    inner = {operand for node in whole if graph.row(node) in SUMS for operand in graph.operands_of(node)
             if graph.row(operand) in SUMS}  # fmt: skip
    return [node for node in whole if node not in inner and not graph.shape_of(node)
            and (graph.row(node) in SUMS or _has_sum(graph, node))]  # fmt: skip


def _has_sum(graph: Graph, node: int) -> bool:
    return any(graph.row(operand) in SUMS for operand in graph.operands_of(node))


# ---- reading ---------------------------------------------------------------------------------------------------------


class _Reader:
    """The polynomials of the nodes of a line. opens: whether products of sums are multiplied out.

    gains: by node, whether like terms met or factors cancelled where it was read.
    """

    def __init__(self, graph: Graph, needed: bytearray, *, opens: bool) -> None:
        self.graph = graph
        self.opens = opens
        self.terms: dict[int, Terms] = {}
        self.gains: dict[int, bool] = {}
        self._gain = False
        for node, need in enumerate(needed):
            if need:
                self._gain = any(self.gains[operand] for operand in self._operands(node))
                found = None if graph.shape_of(node) else self._read(node)
                usable = found is not None and len(found) <= MOST_TERMS and all(map(bounded, found.values()))
                self.terms[node] = found if usable and found is not None else _atom(node)
                self.gains[node] = self._gain

    def _operands(self, node: int) -> tuple[int, ...]:
        """Those that a node of a sum or a product is read from."""
        read = self.graph.row(node) in (*SUMS, *PRODUCTS, arithmetic.neg, powers.power)
        return tuple(self.graph.operands_of(node)) if read else ()

    def _read(self, node: int) -> Terms | None:
        graph, row, operands = self.graph, self.graph.row(node), self.graph.operands_of(node)
        number = number_in(graph, node)
        if number is not None:
            return {NONE: Fraction(number)} if number else {}
        if row in SUMS:
            left, right = (self.terms[operand] for operand in operands)
            return self._sum(left, right, 1 if row is arithmetic.add else -1)
        if row is arithmetic.neg:
            return {key: -amount for key, amount in self.terms[operands[0]].items()}
        if row is arithmetic.mul:
            return self._product(*operands)
        if row is arithmetic.div:
            below = self._power(operands[1], Fraction(-1))
            return None if below is None else self._times(self._factor(operands[0]), below)
        if row is powers.sqrt:
            return self._power(operands[0], Fraction(1, 2))
        if row is powers.power:
            exponent = self.terms[operands[1]]
            constant = exponent.get(NONE) if len(exponent) == 1 else None
            return None if constant is None else self._power(operands[0], constant)
        return None

    def _factor(self, node: int) -> Terms:
        """A node as a factor: a sum is an atom where it is not opened."""
        terms = self.terms[node]
        return terms if self.opens or len(terms) <= 1 else _atom(node)

    def _product(self, left: int, right: int) -> Terms | None:
        first, second = self._factor(left), self._factor(right)
        return self._times(first, second) if len(first) * len(second) <= MOST_TERMS else None

    def _sum(self, left: Terms, right: Terms, sign: int) -> Terms:
        found = dict(left)
        for key, amount in right.items():
            self._gain |= key in found
            found[key] = found.get(key, Fraction(0)) + sign * amount
            if not found[key]:
                del found[key]
        return found

    def _times(self, left: Terms, right: Terms) -> Terms:
        found: Terms = {}
        for first, one in left.items():
            for second, other in right.items():
                key = _joined(first, second)
                self._gain |= len(key) < len({base for base, _ in (*first, *second)})
                found = self._sum(found, {key: one * other}, 1)
        return found

    def _power(self, node: int, exponent: Fraction) -> Terms | None:
        terms = self.terms[node]
        if len(terms) == 1:
            ((key, amount),) = terms.items()
            if exponent.denominator == 1 and abs(exponent) <= MOST_POWER * MOST_POWER:
                return {frozenset((base, power * exponent) for base, power in key): amount ** int(exponent)}
            if amount == 1 and len(key) == 1 and next(iter(key))[1] == 1:
                return {frozenset((base, exponent) for base, _ in key): amount}
            return None if exponent.denominator == 1 else {frozenset([(node, exponent)]): Fraction(1)}
        if not terms:
            return None
        if self.opens and exponent.denominator == 1 and 1 < exponent <= MOST_POWER:
            found: Terms | None = terms
            for _ in range(int(exponent) - 1):
                found = (
                    self._times(found, terms) if found is not None and len(found) * len(terms) <= MOST_TERMS else None
                )
            return found
        return {frozenset([(node, exponent)]): Fraction(1)}


def _atom(node: int) -> Terms:
    return {frozenset([(node, Fraction(1))]): Fraction(1)}


def _joined(first: Powers, second: Powers) -> Powers:
    """The powers of both, those of the same base together."""
    exponents = dict(first)
    for base, exponent in second:
        exponents[base] = exponents.get(base, Fraction(0)) + exponent
    return frozenset((base, exponent) for base, exponent in exponents.items() if exponent)


# ---- writing ---------------------------------------------------------------------------------------------------------


class _Writer:
    """Writes polynomials as nodes; fractions as decimals where the line has decimals."""

    def __init__(self, graph: Graph, needed: bytearray) -> None:
        self.graph = graph
        values = [graph.constant_value(node) for node, need in enumerate(needed) if need]
        self.decimals = any(value is not None and not value.is_integer() for value in values)

    def sum_of(self, terms: Terms) -> int:
        """The node of a polynomial."""
        if not terms:
            return self.graph.constant(0.0)
        result, *rest = [self._term(key, amount) for key, amount in terms.items()]
        for each in rest:
            result = result + each
        return int(result.node)

    def factored(self, terms: Terms) -> int | None:
        """The common factors of all terms times what is left, multiplied out; None where that joins no terms."""
        if len(terms) < 2:
            return None
        bases = {base for key in terms for base, _ in key}
        exponents = {base: min(dict(key).get(base, Fraction(0)) for key in terms) for base in bases}
        common = frozenset((base, exponent) for base, exponent in exponents.items() if exponent)
        if not common:
            return None
        without = frozenset((base, -exponent) for base, exponent in common)
        inside = self.sum_of({_joined(key, without): amount for key, amount in terms.items()})
        opened = _Reader(self.graph, ancestors(self.graph, [inside]), opens=True)
        if not opened.gains[inside]:
            return None
        rest = FoldingRef(self.graph, self.sum_of(opened.terms[inside]))
        return int((self._term(common, Fraction(1)) * rest).node)

    def _term(self, key: Powers, amount: Fraction) -> Any:
        above, below = self._number(amount)
        for base, exponent in sorted(key):
            power = _raised(FoldingRef(self.graph, base), abs(exponent))
            if exponent > 0:
                above = above * power
            else:
                below = below * power
        return above / below

    def _number(self, amount: Fraction) -> tuple[Any, Any]:
        """What a coefficient writes above and below the line."""
        graph = self.graph
        text = decimal_text(amount) if self.decimals and amount.denominator != 1 else None
        if text is None:
            one = FoldingRef(graph, graph.constant(1.0))
            return one.coerce(amount.numerator), one.coerce(amount.denominator)
        value = float(amount)
        exact = None if Fraction(value) == amount else text
        return FoldingRef(graph, graph.constant(value, exact)), FoldingRef(graph, graph.constant(1.0))


def _raised(base: Any, exponent: Fraction) -> Any:
    if exponent == Fraction(1, 2):
        return powers.sqrt(base)
    return base ** (base.coerce(exponent.numerator) / exponent.denominator) if exponent != 1 else base
