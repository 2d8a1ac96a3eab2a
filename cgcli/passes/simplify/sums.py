"""Sums of normal forms, and what is rewritten in a sum before it is written.

Each rewriting looks at the sum once, from outside. What it makes inside a product or a selection is written as it is
and seen by the next pass, so nothing here recurses.
"""

from __future__ import annotations

from collections import Counter

from cgcli.ops import logic
from cgcli.passes.simplify.forms import EXP, ONE, SMALL, ZERO, Product, Sum
from cgcli.passes.simplify.numbers import bounded
from cgcli.passes.simplify.products import NESTED, seal_product, selected, split, times
from cgcli.passes.simplify.tables import SQUARES
from cgcli.passes.simplify.writing import write_sum, write_term

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from cgcli.passes.simplify.forms import Key
    from cgcli.passes.simplify.graph import NormalGraph
    from cgcli.passes.simplify.numbers import Number

    Items = dict[int, Number]


def plus(graph: NormalGraph, total: Sum, form: Sum | Product, owned: bool, weight: int) -> Sum:
    """total + weight*form for a weight of 1 or -1; `owned` sums are used up, others are sealed."""
    if isinstance(form, Sum):
        if owned:
            return total.merged(form, weight)
        assert form.node is not None
        total.add(form.node, weight)
    elif form.number is not None:
        total.add(ONE, form.number * weight)
    else:
        coefficient, term = split(graph, form)
        total.add(term, coefficient * weight)
    return total


def seal_sum(graph: NormalGraph, form: Sum) -> int:
    """The node of a sum, which must not be changed any more."""
    if form.node is None:
        items = _opened(graph, form.settled())
        if not form.large:
            items = _joined_selections(graph, items)
            items = _squares_of_one(graph, items)
            items = _common_factors(graph, items)
        form.node = _written(graph, items)
    return form.node


def _written(graph: NormalGraph, items: Items) -> int:
    """The node of a sum that is not rewritten any further."""
    if not items:
        return ZERO
    large = not all(map(bounded, items.values()))
    if len(items) == 1 and not large:
        ((term, amount),) = items.items()
        if amount == 1:
            return term
        return seal_product(graph, times(graph, Product(amount), graph.form_of(term), False, 1))
    made = Sum(items)
    made.large = large
    return write_sum(graph, made)


# ---- inner sums ------------------------------------------------------------------------------------------------------


def _opened(graph: NormalGraph, items: Items) -> Items:
    """Short inner sums become terms: with a sign in front, or where a multiple of them meets like terms.

    Like terms may stand in the sum itself or in another inner sum, as in 2*(x + 1) - 3*(x - 1).
    """
    sums = [form.items for form in map(graph.forms.get, items) if isinstance(form, Sum) and len(form.items) <= SMALL]
    met = Counter(term for inner_items in sums for term in inner_items) if len(sums) > 1 else Counter()
    inner = [term for term, amount in items.items() if _opens(graph, term, amount, items, met)]
    if not inner:
        return items
    opened = Sum(dict(items))
    for term in inner:
        amount = opened.items.pop(term, 0)
        _add_multiple(graph, opened, graph.forms[term], amount)
    return opened.items


def _opens(graph: NormalGraph, term: int, amount: Number, items: Items, met: Counter[int]) -> bool:
    form = graph.forms.get(term)
    if isinstance(form, Sum):
        return len(form.items) <= SMALL and (
            abs(amount) == 1 or not items.keys().isdisjoint(form.items) or any(met[part] > 1 for part in form.items)
        )
    return form is not None and term != ONE and (form.coefficient != 1 or not form.items)


def _add_multiple(graph: NormalGraph, total: Sum, form: Sum | Product, amount: Number) -> None:
    """Add a multiple of a sealed form, of a sum term by term."""
    if isinstance(form, Sum):
        for part, coefficient in form.settled().items():
            total.add(part, coefficient * amount)
    else:
        coefficient, part = split(graph, form) if form.items else (form.coefficient, ONE)
        total.add(part, coefficient * amount)


# ---- selections ------------------------------------------------------------------------------------------------------


def _joined_selections(graph: NormalGraph, items: Items) -> Items:
    """where(c, a, b) + where(c, d, e) = where(c, a + d, b + e)."""
    groups: dict[int, list[int]] = {}
    selection = logic.where.code
    for term in items:
        if graph.op[term] == selection and graph.nesting_of(term) <= NESTED:
            groups.setdefault(graph.operands_of(term)[0], []).append(term)
    joined = [(condition, terms) for condition, terms in groups.items() if len(terms) > 1]
    if not joined:
        return items
    rest = Sum(dict(items))
    for condition, terms in joined:
        branches = (Sum(), Sum())
        for term in terms:
            amount = rest.items.pop(term)
            for branch, node in zip(branches, graph.operands_of(term)[1:], strict=True):
                _add_multiple(graph, branch, graph.form_of(node), amount)
        first, second = (_written(graph, _opened(graph, branch.items)) for branch in branches)
        _add_multiple(graph, rest, graph.form_of(selected(graph, condition, first, second)), 1)
    return rest.items


# ---- squares ---------------------------------------------------------------------------------------------------------


def _squares_of_one(graph: NormalGraph, items: Items) -> Items:
    """c*sin(x)^2 + c*cos(x)^2 = c, by the table of such pairs."""
    pairs = list(_square_pairs(graph, items))
    found = Sum(dict(items) if pairs else items)
    for term, rest, partner, sign in pairs:
        amount = found.items.get(term)
        if amount is not None and found.items.get(partner) == sign * amount:
            del found.items[term], found.items[partner]
            _add_multiple(graph, found, graph.form_of(rest), amount)
    return found.items


def _square_pairs(graph: NormalGraph, items: Iterable[int]) -> Iterator[tuple[int, int, int, int]]:
    """(a*f(x)^2, a, a*g(x)^2, sign) for the terms with such a factor f(x)^2."""
    for term in items:
        form = graph.forms.get(term)
        if not isinstance(form, Product) or len(form.items) > SMALL:
            continue
        for (base, unit), exponent in form.items.items():
            if exponent == 2 and unit == ONE and base != EXP and graph.row(base) in SQUARES:
                second, sign = SQUARES[graph.row(base)]
                other = graph.apply(second, graph.operands_of(base))
                rest = {key: amount for key, amount in form.items.items() if key != (base, unit)}
                beside = Product(1, dict(rest))
                beside.add((other, ONE), 2)  # the rest may have a power of the other one, too
                partner = seal_product(graph, beside)
                yield term, seal_product(graph, Product(1, rest)), partner, sign


# ---- common factors --------------------------------------------------------------------------------------------------


def _common_factors(graph: NormalGraph, items: Items) -> Items:
    """3*x^2*f(x) - 2*f(x) = (3*x^2 - 2)*f(x), where that is shorter.

    Reverse mode multiplies every term of an inner derivative by the outer one; this takes that back. What terms may
    differ in are letters, then short polynomials, then whatever stands above a common line.
    """
    for stays in (graph.is_letter, graph.is_polynomial, _is_above):
        groups: dict[frozenset[tuple[Key, Number]], list[int]] = {}
        for term in items:
            form = graph.forms.get(term)
            if isinstance(form, Product) and 1 <= len(form.items) <= SMALL:
                common = frozenset([item for item in form.items.items() if not stays(*item)])
                if common:
                    groups.setdefault(common, []).append(term)
        shared = [(common, terms) for common, terms in groups.items() if len(terms) > 1]
        items = dict(items) if shared else items
        for common, terms in shared:
            _take_out(graph, dict(common), items, terms)
    return items


def _is_above(key: Key, exponent: Number) -> bool:
    """Whether a factor stands above the line of a quotient."""
    return exponent > 0 or key[0] == EXP or key[1] != ONE


def _take_out(graph: NormalGraph, common: dict[Key, Number], items: Items, terms: Sequence[int]) -> None:
    """Replace terms with a common factor by one product, unless that is longer."""
    inside = Sum()
    for term in terms:
        form = graph.form_of(term)
        assert isinstance(form, Product)
        factors = {key: exponent for key, exponent in form.items.items() if key not in common}
        inside = plus(graph, inside, Product(items[term] * form.coefficient, factors), True, 1)
    within = graph.form_of(_written(graph, _opened(graph, inside.settled())))
    coefficient, made = split(graph, times(graph, Product(1, dict(common)), within, False, 1))
    separate = write_sum(graph, Sum({term: items[term] for term in terms}))
    if graph.length_of(write_term(graph, made, coefficient)) < graph.length_of(separate):
        for term in terms:
            del items[term]
        total = Sum(items)
        total.add(made, coefficient)
