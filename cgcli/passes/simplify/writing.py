"""Normal forms as nodes, in the order in which a person writes them.

A number is written as a decimal or a quotient; a product as number, constants, inputs, sums, functions, over what has
negative powers; a sum as a polynomial by falling degree, then the terms with functions. Nothing is rewritten here.
"""

from __future__ import annotations

from fractions import Fraction

from cgcli.ops import arithmetic, powers
from cgcli.passes.simplify.forms import EXP, ONE, SMALL, Product, Sum
from cgcli.passes.simplify.numbers import bounded, decimal_text, is_whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

    from cgcli.passes.simplify.forms import Key
    from cgcli.passes.simplify.graph import NormalGraph
    from cgcli.passes.simplify.numbers import Number

CONSTANTS, LETTERS, POLYNOMIALS, FUNCTIONS = range(4)
"""The kinds of factors, in the order in which they are written."""


# ---- numbers ---------------------------------------------------------------------------------------------------------


def write_number(graph: NormalGraph, number: Number) -> int:
    """A whole number, a decimal where that ends soon or the formula is in decimals, or a quotient."""
    node = _decimal(graph, number)
    if node is not None:
        return node
    return graph.apply(arithmetic.div, [_whole(graph, number.numerator), _whole(graph, number.denominator)])


def _whole(graph: NormalGraph, number: int) -> int:
    value = float(number)
    return graph.constant(value, None if int(value) == number else str(number))


def _decimal(graph: NormalGraph, number: Number) -> int | None:
    """The constant of a number that is a short decimal, else None."""
    if is_whole(number):
        return _whole(graph, int(number))
    text = decimal_text(number)
    value = float(number)
    if text is None or not (graph.decimals or Fraction(value) == number):
        return None
    return graph.constant(value, None if Fraction(value) == number else text)


# ---- products --------------------------------------------------------------------------------------------------------


def write_product(graph: NormalGraph, form: Product) -> int:
    """The node of a product whose items are settled, known by its form from now on."""
    above: list[tuple[Any, int]] = []
    below: list[tuple[Any, int]] = []
    for place, base, exponent in _powers(graph, form.items):
        number = exponent.get(ONE) if len(exponent) == 1 else None
        if base == EXP:
            above.append((place, graph.apply(powers.exp, [write_sum(graph, Sum(exponent))])))
        elif number is None:
            above.append((place, graph.apply(powers.power, [base, write_sum(graph, Sum(exponent))])))
        elif number < 0:
            below.append((place, _write_power(graph, base, -number)))
        else:
            above.append((place, _write_power(graph, base, number)))
    form.above = [node for _, node in sorted(above)]
    form.below = [node for _, node in sorted(below)]
    return graph.known_as(form, _write_quotient(graph, form.coefficient, form.above, form.below))


def _powers(graph: NormalGraph, items: dict[Key, Number]) -> Iterator[tuple[Any, int, dict[int, Number]]]:
    """(place to be written at, base, exponent as the items of a sum) for the distinct bases.

    Factors of one kind stand as in the text.
    """
    order = graph.orders.get(frozenset(items)) if len(items) <= SMALL else None
    exponents: dict[int, dict[int, Number]] = {}
    for key in items if order is None else order:
        exponents.setdefault(key[0], {})[key[1]] = items[key]
    for position, (base, exponent) in enumerate(exponents.items()):
        place = base if base != EXP else min(exponent)
        yield (_kind(graph, base, exponent), place if order is None else position), base, exponent


def _kind(graph: NormalGraph, base: int, exponent: dict[int, Number]) -> int:
    if (base == EXP or graph.is_closed(base)) and all(map(graph.is_closed, exponent)):
        return CONSTANTS
    if base == EXP or exponent.keys() != {ONE}:
        return FUNCTIONS
    if graph.is_input(base):
        return LETTERS if is_whole(exponent[ONE]) else FUNCTIONS
    return POLYNOMIALS if graph.is_polynomial((base, ONE), 1) else FUNCTIONS


def _write_power(graph: NormalGraph, base: int, exponent: Number) -> int:
    if exponent == 1:
        return base
    if exponent == Fraction(1, 2):
        return graph.apply(powers.sqrt, [base])
    return graph.apply(powers.power, [base, write_number(graph, exponent)])


def _write_quotient(graph: NormalGraph, coefficient: Number, above: Sequence[int], below: Sequence[int]) -> int:
    if not is_whole(coefficient) and not (graph.decimals and _decimal(graph, coefficient) is not None):
        below = [_whole(graph, coefficient.denominator), *below]
        coefficient = coefficient.numerator
    if coefficient == -1 and above:
        above = [graph.apply(arithmetic.neg, [above[0]]), *above[1:]]
    elif coefficient != 1 or not above:
        above = [write_number(graph, coefficient), *above]
    numerator = _chain(graph, above)
    return graph.apply(arithmetic.div, [numerator, _chain(graph, below)]) if below else numerator


def _chain(graph: NormalGraph, factors: Iterable[int]) -> int:
    nodes = iter(factors)
    product = next(nodes)
    for node in nodes:
        product = graph.apply(arithmetic.mul, [product, node])
    return product


# ---- sums ------------------------------------------------------------------------------------------------------------


def write_sum(graph: NormalGraph, form: Sum) -> int:
    """The node of a sum whose items are settled, known by its form from now on.

    A term with a plus stands first, where there is one.
    """
    items = form.items
    if len(items) == 1:
        ((term, amount),) = items.items()
        return write_term(graph, term, amount)
    terms = sorted(items, key=lambda term: _place_of_term(graph, term))
    first: int = next((term for term in terms if items[term] > 0), terms[0])
    total = write_term(graph, first, items[first])
    for term in terms:
        if term != first:
            amount = items[term]
            row, size = (arithmetic.add, amount) if amount > 0 else (arithmetic.sub, -amount)
            total = graph.apply(row, [total, write_term(graph, term, size)])
    return graph.known_as(form, total)


def write_term(graph: NormalGraph, term: int, amount: Number) -> int:
    """A multiple of a term, known by its form from now on."""
    if amount == 1:
        return term
    if term == ONE:
        return write_number(graph, amount)
    form = graph.form_of(term)
    if isinstance(form, Sum):
        form = Product(1, {(term, ONE): 1})
        form.above = (term,)
    multiple = Product(amount * form.coefficient, form.items)
    multiple.above, multiple.below = form.above, form.below
    multiple.large = not bounded(multiple.coefficient)
    return graph.known_as(multiple, _write_quotient(graph, multiple.coefficient, form.above, form.below))


def _place_of_term(graph: NormalGraph, term: int) -> tuple[Any, ...]:
    """Sorting key of a term: degree in the inputs, then its factors by their place in the text."""
    form = graph.form_of(term)
    factors = form.items if isinstance(form, Product) else {(term, ONE): 1}
    degree: Number = 0
    functions, letters = [], []
    for (base, unit), amount in factors.items():
        if unit == ONE and base != EXP and graph.is_input(base) and is_whole(amount):
            degree += amount
            letters.append((base, -amount))
        elif base == EXP or not graph.is_closed(base):
            functions.append((unit if base == EXP else base, -amount))
    return bool(functions), degree if functions else -degree, sorted(functions), sorted(letters), term
