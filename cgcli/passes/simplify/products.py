"""Products and powers of normal forms, and what is rewritten in a product before it is written.

Sums come into a product as sealed nodes. Nothing here recurses: factors are opened one level deep, since what they
are made of is sealed already, and a selection takes in the other factors in a loop.
"""

from __future__ import annotations

from fractions import Fraction

from cgcli.ops import logic, powers
from cgcli.passes.simplify.forms import EXP, ONE, SMALL, ZERO, Product, Sum
from cgcli.passes.simplify.numbers import bounded, is_whole, number_power
from cgcli.passes.simplify.writing import write_number, write_product, write_sum

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cgcli.passes.simplify.forms import Key
    from cgcli.passes.simplify.graph import NormalGraph
    from cgcli.passes.simplify.numbers import Number

SELECTION = logic.where.code

NESTED = 16
"""Selections nested deeper than this are neither joined nor multiplied out: each product would write them all anew."""


# ---- arithmetic ------------------------------------------------------------------------------------------------------


def times(graph: NormalGraph, product: Product, form: Sum | Product, owned: bool, exponent: Number) -> Product:
    """product * form^exponent, where a sum is sealed; `owned` forms are used up, as the product is."""
    if isinstance(form, Sum) or abs(exponent) != 1:
        form, owned, exponent = raised(graph, form, exponent), True, 1
    weight = 1 if exponent == 1 else -1
    _times_number(graph, product, form.coefficient, weight)
    if owned:
        return product.merged(form, weight)
    if len(form.items) <= SMALL:
        for key, amount in form.settled().items():
            product.add(key, amount * weight)
    else:
        product.add((split(graph, form)[1], ONE), weight)
    return product


def _times_number(graph: NormalGraph, product: Product, number: Number, weight: int) -> None:
    """Multiply or divide by a number; one that cannot be collected becomes a factor."""
    if number == 0 and weight == -1:
        product.add((ZERO, ONE), -1)
        return
    result = product.coefficient * (number if weight == 1 else Fraction(1, 1) / number)
    if bounded(result):
        product.coefficient = result
    else:
        product.add((write_number(graph, number), ONE), weight)


def raised(graph: NormalGraph, form: Sum | Product, exponent: Number) -> Product:
    """form^exponent for a number as exponent; a new form."""
    if exponent == 0:
        return Product()
    if isinstance(form, Sum):
        return _raised_sum(graph, form, exponent)
    items = form.settled()
    power = number_power(form.coefficient, exponent)
    if power is not None and _distributes(items, form.coefficient, exponent):
        product = Product(power)
        for key, amount in items.items():
            product.add(key, amount * exponent)
        return product
    base = seal_product(graph, Product(form.coefficient, items))
    return Product(1, {(base, ONE): exponent})


def _raised_sum(graph: NormalGraph, form: Sum, exponent: Number) -> Product:
    """A power of a sealed sum; an odd one of a sum with minus signs only is a multiple of that with plus signs."""
    assert form.node is not None
    if abs(exponent) == 1 and form.negative:
        opposite = write_sum(graph, Sum({term: -amount for term, amount in form.settled().items()}))
        return Product(-1, {(opposite, ONE): exponent})
    return Product(1, {(form.node, ONE): exponent})


def _distributes(items: dict[Key, Number], coefficient: Number, exponent: Number) -> bool:
    """Whether (c * a^p * …)^q may be written c^q * a^(p*q) * …: always for a single power and a whole q.

    With a broken q the bases must not be negative where the power is not: sqrt(x^2) is not x.
    """
    if not items:
        return True
    if all(base == EXP for base, _ in items):
        return coefficient > 0
    if len(items) > 1:
        return abs(exponent) == 1
    if is_whole(exponent):
        return True
    (((_, term), inner),) = items.items()
    even = is_whole(inner) and inner % 2 == 0
    outer = inner * exponent
    return coefficient > 0 and term == ONE and (not even or (is_whole(outer) and outer % 2 == 0))


def power(graph: NormalGraph, base: Sum | Product, exponent: Sum | Product) -> Product:
    """base^exponent, both sealed."""
    if isinstance(exponent, Product) and exponent.number is not None:
        return raised(graph, base, exponent.number)
    if isinstance(base, Product) and base.number == 1:
        return Product()
    assert base.node is not None
    return _with_exponent(graph, base.node, exponent)


def exponential(graph: NormalGraph, exponent: Sum | Product) -> Product:
    """exp(exponent) of a sealed form; exp(c*log(x)) is x^c."""
    product = Product()
    for (base, term), amount in _with_exponent(graph, EXP, exponent).items.items():
        if graph.row(term) is powers.log:
            inner = graph.form_of(graph.operands_of(term)[0])
            product = times(graph, product, inner, False, amount)
        else:
            product.add((base, term), amount)
    return product


def _with_exponent(graph: NormalGraph, base: int, exponent: Sum | Product) -> Product:
    if isinstance(exponent, Sum):
        if len(exponent.items) <= SMALL:
            return Product(1, {(base, term): amount for term, amount in exponent.settled().items()})
        assert exponent.node is not None
        return Product(1, {(base, exponent.node): 1})
    if exponent.number is not None:
        return Product(1, {(base, ONE): exponent.number}) if exponent.number else Product()
    coefficient, term = split(graph, exponent)
    return Product(1, {(base, term): coefficient})


def split(graph: NormalGraph, form: Product) -> tuple[Number, int]:
    """A product as a coefficient and the node of the rest."""
    if form.coefficient == 1 and form.node is not None:
        return 1, form.node
    return form.coefficient, seal_product(graph, Product(1, form.settled()))


# ---- rewriting -------------------------------------------------------------------------------------------------------


def seal_product(graph: NormalGraph, form: Product) -> int:
    """The node of a product, which must not be changed any more."""
    if form.node is None:
        form.node = _sealed(graph, form)
    return form.node


def _sealed(graph: NormalGraph, form: Product) -> int:
    product = _opened(graph, Product(form.coefficient, form.settled()))
    product.large |= form.large or not bounded(form.coefficient)
    guards: list[tuple[int, bool]] = []
    if any(_is_guarded(graph, key) for key in product.items) and _nesting(graph, product) <= NESTED:
        product = _moved_inside(graph, product, guards)
    node = _written(graph, product)
    for condition, when in reversed(guards):
        node = selected(graph, condition, *((node, ZERO) if when else (ZERO, node)))
    return node


def _written(graph: NormalGraph, form: Product) -> int:
    if form.coefficient == 0 and (ZERO, ONE) not in form.items:
        return ZERO
    if not form.items:
        return graph.known_as(form, write_number(graph, form.coefficient))
    if form.coefficient == 1 and len(form.items) == 1:
        (((base, term), amount),) = form.items.items()
        if amount == 1 and term == ONE and base != EXP:
            return base
    return write_product(graph, form)


def _opened(graph: NormalGraph, form: Product) -> Product:
    """Inner products become factors: those to the power 1 or -1, and whole powers that meet a like base."""
    bases = {base for base, _ in form.items}
    inner = [key for key, amount in form.items.items() if _opens(graph, key, amount, bases)]
    if not inner:
        return form
    opened = Product(form.coefficient, dict(form.items))
    for key in inner:
        exponent = opened.items.pop(key, 0)
        found = graph.form_of(key[0])
        assert isinstance(found, Product)
        power = number_power(found.coefficient, exponent)
        result = None if power is None else opened.coefficient * power
        if result is None or not bounded(result):
            opened.add(key, exponent)
            continue
        opened.coefficient = result
        for other, amount in found.items.items():
            opened.add(other, amount * exponent)
    return opened


def _opens(graph: NormalGraph, key: Key, amount: Number, bases: set[int]) -> bool:
    base, unit = key
    form = graph.forms.get(base) if unit == ONE and is_whole(amount) else None
    if not isinstance(form, Product) or key in form.items:
        return False
    if not form.items:
        return number_power(form.coefficient, amount) is not None
    return len(form.items) <= SMALL and (abs(amount) == 1 or any(other in bases for other, _ in form.items))


# ---- selections ------------------------------------------------------------------------------------------------------


def _nesting(graph: NormalGraph, form: Product) -> int:
    """How many selections the factors would nest if each went into the other."""
    return sum(graph.nesting_of(base) for base, _ in form.items if base != EXP)


def _moved_inside(graph: NormalGraph, product: Product, guards: list[tuple[int, bool]]) -> Product:
    """What a product is within its selections that are 0 in one branch: a * where(c, b, 0) = where(c, a*b, 0).

    So `a` does no harm where it is not taken. The conditions, and whether they must hold, come to the guards.
    """
    while True:
        key = next((key for key, amount in product.items.items() if amount == 1 and _is_guarded(graph, key)), None)
        if key is None:
            return product
        condition, first, second = graph.operands_of(key[0])
        when = graph.number_of(second) == 0
        guards.append((condition, when))
        rest = Product(product.coefficient, {other: amount for other, amount in product.items.items() if other != key})
        rest.large = product.large
        rest.add((first if when else second, ONE), 1)
        product = _opened(graph, rest)


def _is_guarded(graph: NormalGraph, key: Key) -> bool:
    """Whether a factor is a `where` with a branch that is 0."""
    base, unit = key
    if unit != ONE or base == EXP or graph.op[base] != SELECTION:
        return False
    return any(graph.number_of(branch) == 0 for branch in graph.operands_of(base)[1:])


def selected(graph: NormalGraph, condition: int, first: int, second: int) -> int:
    """The node of a selection; a branch that asks the same condition again has its answer already."""
    number = graph.number_of(condition)
    if number is not None:
        return first if number != 0 else second
    first, second = (_answered(graph, condition, branch, place) for place, branch in ((1, first), (2, second)))
    if first == second:
        return first
    return graph.apply(logic.where, [condition, first, second])


def _answered(graph: NormalGraph, condition: int, branch: int, place: int) -> int:
    while graph.row(branch) is logic.where and graph.operands_of(branch)[0] == condition:
        branch = graph.operands_of(branch)[place]
    return branch
