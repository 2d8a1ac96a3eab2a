"""Normal forms of sums and products, and a graph that keeps them beside its nodes.

A sum is {term: coefficient}, a product a coefficient and {(base, term): exponent}, where the power of the base is the
exponent times the term: x^(2*y - 1) is {(x, y): 2, (x, 1): -1}, exp(x) has the base `EXP`. Coefficients and exponents
are exact fractions. Collecting like terms and powers is then adding up, and a chain of any length is one dictionary.

A form that only one user reads is merged into that user's form, the smaller into the larger. All others are sealed:
written as nodes in the order in which a person writes them, and from then on never changed.
"""

from __future__ import annotations

from array import array
from fractions import Fraction
from math import isfinite, isqrt

from cgcli.graph.ref import Ref
from cgcli.graph.store import CONSTANT, Graph
from cgcli.ops import REGISTRY, arithmetic, logic, powers, shaping
from cgcli.passes.rules import PRODUCTS, RULES, SQUARES, STATIC_RULES, SUMS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

    from cgcli.ops import Operation

    Number = int | Fraction
    Key = tuple[int, int]

NESTED = 16
"""Selections nested deeper than this are neither joined nor multiplied out: rewriting them would recurse."""

SMALL = 8
"""Forms of so many items are copied where they have several users; a longer one is then an item by itself."""

LARGEST = 10**30
"""Numerators and denominators stay below this; what would grow beyond stays written as it is."""

LARGEST_EXPONENT = 64
"""A number to a whole power beyond this is not multiplied out."""

E = "e"
"""The text of the constant e."""

EXP = -1
"""The base of exp(x) in a product."""

ZERO, ONE = 0, 1
"""The first nodes of a graph of normal forms."""


COLLECTED = frozenset({*SUMS, *PRODUCTS, powers.power, powers.exp})
"""The operations that have a normal form."""


class Sum:
    """sign * Σ coefficient * term; the terms are nodes, the node of 1 for the number."""

    __slots__ = ("items", "node", "sign")

    def __init__(self, items: dict[int, Number] | None = None) -> None:
        self.items = {} if items is None else items
        self.sign = 1
        self.node: int | None = None  # once it is sealed

    @property
    def number(self) -> Number | None:
        """The number that this is, or None."""
        return self.sign * self.items.get(ONE, 0) if self.items.keys() <= {ONE} else None

    def add(self, term: int, amount: Number) -> None:
        """Add a multiple of a term."""
        add_to(self.items, term, amount * self.sign)

    def merged(self, other: Sum, weight: int) -> Sum:
        """self + weight*other for a weight of 1 or -1; both are used up."""
        small, large = (self, other) if SMALL < len(other.items) > len(self.items) else (other, self)
        if large is other:
            large.sign *= weight
        factor = small.sign * large.sign * (weight if small is other else 1)
        for term, amount in small.items.items():
            add_to(large.items, term, amount * factor)
        return large

    def settled(self) -> dict[int, Number]:
        """The items with the sign in them."""
        return self.items if self.sign == 1 else {term: -amount for term, amount in self.items.items()}


class Product:
    """coefficient * Π base^(sign * exponent * term)."""

    __slots__ = ("coefficient", "items", "node", "sign")

    def __init__(self, coefficient: Number = 1, items: dict[Key, Number] | None = None) -> None:
        self.coefficient = coefficient
        self.items = {} if items is None else items
        self.sign = 1
        self.node: int | None = None  # once it is sealed

    @property
    def number(self) -> Number | None:
        """The number that this is, or None."""
        return None if self.items else self.coefficient

    def add(self, key: Key, amount: Number) -> None:
        """Multiply by a power."""
        add_to(self.items, key, amount * self.sign)

    def merged(self, other: Product, weight: int) -> Product:
        """self * other^weight for a weight of 1 or -1, but for the coefficients; the items of both are used up."""
        small, large = (self, other) if SMALL < len(other.items) > len(self.items) else (other, self)
        if large is other:
            large.sign *= weight
        factor = small.sign * large.sign * (weight if small is other else 1)
        for key, amount in small.items.items():
            add_to(large.items, key, amount * factor)
        large.coefficient = self.coefficient
        return large

    def settled(self) -> dict[Key, Number]:
        """The items with the sign in them."""
        return self.items if self.sign == 1 else {key: -amount for key, amount in self.items.items()}


def add_to(items: dict[Any, Number], key: Any, amount: Number) -> None:
    """Add to an item; what comes to 0 goes."""
    total = items.get(key, 0) + amount
    if total:
        items[key] = total
    else:
        items.pop(key, None)


def bounded(value: Number) -> bool:
    """Whether a fraction is short enough to be kept."""
    return abs(value.numerator) < LARGEST and value.denominator < LARGEST


def is_whole(value: Number) -> bool:
    """Whether a fraction is an integer."""
    return value.denominator == 1


def number_power(base: Number, exponent: Number) -> Number | None:
    """base^exponent where that is a fraction of moderate size, else None."""
    if base == 1:
        return 1
    if exponent.denominator == 2 and base > 0:
        numerator, denominator = isqrt(base.numerator), isqrt(base.denominator)
        if (numerator**2, denominator**2) != (base.numerator, base.denominator):
            return None
        base, exponent = Fraction(numerator, denominator), exponent.numerator
    if not is_whole(exponent) or exponent**2 > LARGEST_EXPONENT**2 or (base == 0 and exponent <= 0):
        return None
    power: Number = Fraction(base) ** int(exponent)
    return power if bounded(power) else None


class NormalRef(Ref):
    """A reference whose calls build simplified nodes; what rules read and write."""

    __slots__ = ()

    graph: NormalGraph

    @property
    def row(self) -> Operation:
        """The operation of the node."""
        return self.graph.row(self.node)

    @property
    def operands(self) -> list[NormalRef]:
        """The operands of the node."""
        return [NormalRef(self.graph, operand) for operand in self.graph.operands_of(self.node)]

    @property
    def attributes(self) -> tuple[Any, ...]:
        """The static arguments of the node."""
        return self.graph.attributes_of(self.node)

    @property
    def number(self) -> Number | None:
        """The number that every element of the node is, or None."""
        return self.graph.number_of(self.node)

    @property
    def negative(self) -> bool:
        """Whether every term of the node is written with a minus."""
        form = self.graph.form_of(self.node)
        if isinstance(form, Product):
            return form.coefficient < 0
        return all(amount < 0 for amount in form.items.values())

    def logarithm(self) -> NormalRef | None:
        """x where the node is exp(x) or the constant e, which is exp(1); else None."""
        if self.graph.exact_text_of(self.node) == E:
            return NormalRef(self.graph, ONE)
        form = self.graph.form_of(self.node)
        if not isinstance(form, Product) or form.coefficient != 1 or any(base != EXP for base, _ in form.items):
            return None
        exponent = Sum({term: amount for (_, term), amount in form.items.items()})
        return NormalRef(self.graph, self.graph.seal(exponent)) if form.items else None

    def build(self, row: Operation, operands: Sequence[Ref], static: Sequence[Any] = ()) -> NormalRef:
        """The simplified node."""
        if static:
            return NormalRef(self.graph, self.graph.apply(row, [operand.node for operand in operands], static))
        return NormalRef(self.graph, self.graph.simplified(row, [operand.node for operand in operands]))


class NormalGraph(Graph):
    """A graph of simplified nodes, with the normal forms of those that are sums, products or numbers.

    decimals: whether fractions are written as decimals where those end.
    forms: node -> its normal form.
    rough: nodes such as 0.1 + 0.2 that stand as they are, although their form is a number.
    """

    def __init__(self, decimals: bool) -> None:
        super().__init__()
        self.decimals = decimals
        self.forms: dict[int, Sum | Product] = {}
        self.rough: set[int] = set()
        self._closed = bytearray()
        self._lengths: list[float] = []
        self._nesting = array("i")
        self._orders: dict[frozenset[Key], list[Key]] = {}
        self.constant(0.0)
        self.constant(1.0)

    # ---- reading -----------------------------------------------------------------------------------------------

    def form_of(self, node: int) -> Sum | Product:
        """The normal form of a node, to read only."""
        found = self.forms.get(node)
        if found is None:
            number = number_in(self, node)
            found = Product(1, {(node, ONE): 1}) if number is None else Product(number)
            self.forms[node] = found
        return found

    def number_of(self, node: int) -> Number | None:
        """The number that a node is, or None."""
        form = self.form_of(node)
        return form.number if isinstance(form, Product) else None

    def exact_text_of(self, node: int) -> str | None:
        """The exact text of a constant, where it has one."""
        return self.exact.get(self.payload[node]) if self.is_constant(node) else None

    def remember_order(self, form: Sum | Product) -> None:
        """Note that the text has the factors of a product in this order."""
        if isinstance(form, Product) and 1 < len(form.items) <= SMALL:
            self._orders.setdefault(frozenset(form.items), list(form.items))

    def is_closed(self, node: int) -> bool:
        """Whether a node depends on no input."""
        closed = self._closed
        for new in range(len(closed), len(self)):
            used = self.operands_of(new)
            closed.append(self.is_constant(new) or (len(used) > 0 and all(closed[operand] for operand in used)))
        return bool(closed[node])

    def nesting_of(self, node: int) -> int:
        """How many selections stand inside each other below a node."""
        nesting = self._nesting
        for new in range(len(nesting), len(self)):
            inner = max((nesting[operand] for operand in self.operands_of(new)), default=0)
            nesting.append(inner + (self.row(new) is logic.where))
        return nesting[node]

    def length_of(self, node: int) -> float:
        """The length of a node's text in symbols, all sharing written out."""
        extend_lengths(self, self._lengths, node + 1)
        return self._lengths[node]

    # ---- operations as forms -----------------------------------------------------------------------------------

    def simplified(self, row: Operation, operands: Sequence[int], attributes: tuple[Any, ...] = ()) -> int:
        """The simplified node of an operation on nodes, of the same shape."""
        form = self.combined(row, [(self.form_of(operand), False) for operand in operands])
        if form is None:
            node = self.plain(row, operands, attributes)
        elif self.changes_digits(row, operands, form):
            node = self.kept(row, operands, form)
        else:
            node = self.seal(form)
        if row.shape is not None or not any(self.shape_of(operand) for operand in operands):
            return node
        return self.stretched(node, self.shapes[self.common_shape(row, list(operands))])

    def combined(self, row: Operation, operands: Sequence[tuple[Sum | Product, bool]]) -> Sum | Product | None:
        """The form of a sum, product or power of operands that come with whether they may be used up; else None.

        None also for operands inf and nan, which no law of arithmetic holds for.
        """
        if row not in COLLECTED or any(self._is_infinite(form) for form, _ in operands):
            return None
        if row in SUMS:
            total = Sum()
            for (form, owned), weight in zip(operands, SUMS[row], strict=True):
                total = self._plus(total, form, owned, weight)
            return total
        if row in PRODUCTS:
            product = Product()
            for (form, owned), exponent in zip(operands, PRODUCTS[row], strict=True):
                product = self._times(product, form, owned, exponent)
            return product
        if row is powers.exp:
            return self._exponential(operands[0][0])
        return self._power(operands[0][0], operands[1][0])

    def changes_digits(self, row: Operation, operands: Sequence[int], form: Sum | Product) -> bool:
        """Whether decimals would be calculated to another double than the operation gives, as in 0.1 + 0.2."""
        numbers = [self.number_of(operand) for operand in operands]
        exact = form.number
        if row.compute is None or exact is None or None in numbers:
            return False
        if any(operand in self.rough for operand in operands):
            return True
        if all(number is None or Fraction(float(number)) == number or decimal_text(number) is None
               for number in numbers):  # fmt: skip
            return False
        return row.compute(*(float(number or 0) for number in numbers)) != float(exact)

    def kept(self, row: Operation, operands: Sequence[int], form: Sum | Product) -> int:
        """A calculation among decimals as it stands; among other terms or factors it is the number that it means."""
        node = self.repeat(row, operands, ())
        self.forms[node] = form
        self.rough.add(node)
        return node

    def plain(self, row: Operation, operands: Sequence[int], attributes: tuple[Any, ...] = ()) -> int:
        """The node of any operation, by the first rule that applies, or as it is."""
        refs = [NormalRef(self, operand) for operand in operands]
        for rule in (RULES if row.prepare is None and row.elementwise else STATIC_RULES) if operands else ():
            found = rule.rewrite(row, refs)
            if found is not None:
                return found.node
        return self.repeat(row, operands, attributes)

    def stretched(self, node: int, shape: tuple[int, ...]) -> int:
        """The node repeated to a shape, where it has another one."""
        if self.shape_of(node) == shape:
            return node
        form = self.form_of(node)
        node = self.apply(shaping.broadcast_to, [node], [shape])
        self.forms[node] = form
        return node

    def _is_infinite(self, form: Sum | Product) -> bool:
        """Whether an operand is the number inf or nan, which no law of arithmetic holds for."""
        if isinstance(form, Sum) or len(form.items) != 1:
            return False
        ((base, _),) = form.items
        value = self.constant_value(base) if base != EXP else None
        return value is not None and not isfinite(value)

    # ---- sums --------------------------------------------------------------------------------------------------

    def _plus(self, total: Sum, form: Sum | Product, owned: bool, weight: int) -> Sum:
        """total + weight*form."""
        if isinstance(form, Sum):
            if owned:
                return total.merged(form, weight)
            total.add(self.seal(form), weight)
        elif form.number is not None:
            total.add(ONE, form.number * weight)
        else:
            coefficient, term = self._term(form)
            total.add(term, coefficient * weight)
        return total

    def _term(self, form: Product) -> tuple[Number, int]:
        """A product as a coefficient and the node of the rest, whose own coefficient is 1 or that of a `where`."""
        return form.coefficient, self.seal(Product(1, form.settled()))

    def _sealed_sum(self, form: Sum) -> int:
        items = self._opened_terms(form.settled())
        items = self._joined_selections(items)
        items = self._squares_of_one(items)
        items = self._common_factors(items)
        if not items:
            return ZERO
        if len(items) == 1:
            ((term, amount),) = items.items()
            return self.seal(self._times(Product(amount), self.form_of(term), False, 1))
        return self._known_as(Sum(items), self._write_sum(items))

    def _opened_terms(self, items: dict[int, Number]) -> dict[int, Number]:
        """Short inner sums become terms: with a sign in front, or where a multiple of them meets like terms."""
        inner = [term for term, amount in items.items() if self._opens(term, amount, items)]
        if not inner:
            return items
        opened = Sum(dict(items))
        for term in inner:
            amount = opened.items.pop(term)
            self._open_term(opened, self.forms[term], amount)
        return opened.items

    def _opens(self, term: int, amount: Number, items: dict[int, Number]) -> bool:
        form = self.forms.get(term)
        if isinstance(form, Sum):
            return len(form.items) <= SMALL and (abs(amount) == 1 or not items.keys().isdisjoint(form.items))
        return form is not None and term != ONE and (form.coefficient != 1 or not form.items)

    def _open_term(self, opened: Sum, form: Sum | Product, amount: Number) -> None:
        if isinstance(form, Sum):
            for part, coefficient in form.items.items():
                opened.add(part, coefficient * amount)
        else:
            coefficient, part = self._term(form) if form.items else (form.coefficient, ONE)
            opened.add(part, coefficient * amount)

    def _joined_selections(self, items: dict[int, Number]) -> dict[int, Number]:
        """where(c, a, b) + where(c, d, e) = where(c, a + d, b + e)."""
        groups: dict[int, list[int]] = {}
        for term in items:
            if self.row(term) is logic.where and self.nesting_of(term) <= NESTED:
                groups.setdefault(self.operands_of(term)[0], []).append(term)
        joined = [(condition, terms) for condition, terms in groups.items() if len(terms) > 1]
        if not joined:
            return items
        rest = Sum(dict(items))
        for condition, terms in joined:
            branches = (Sum(), Sum())
            for term in terms:
                amount = rest.items.pop(term)
                for branch, node in zip(branches, self.operands_of(term)[1:], strict=True):
                    self._open_term(branch, self.form_of(node), amount)
            made = self.simplified(logic.where, [condition, *map(self.seal, branches)])
            self._open_term(rest, self.form_of(made), 1)
        return rest.items

    def _squares_of_one(self, items: dict[int, Number]) -> dict[int, Number]:
        """c*sin(x)^2 + c*cos(x)^2 = c, by the table of such pairs."""
        found = Sum(items)
        for term, rest, partner, sign in list(self._square_pairs(items)):
            amount = found.items.get(term)
            if amount is not None and found.items.get(partner) == sign * amount:
                if found.items is items:
                    found = Sum(dict(items))
                del found.items[term], found.items[partner]
                self._open_term(found, self.form_of(rest), amount)
        return found.items

    def _square_pairs(self, items: Iterable[int]) -> Iterator[tuple[int, int, int, int]]:
        """(a*f(x)^2, a, a*g(x)^2, sign) for the terms with such a factor f(x)^2."""
        for term in list(items):
            form = self.forms.get(term)
            if not isinstance(form, Product) or len(form.items) > SMALL:
                continue
            for (base, unit), exponent in form.items.items():
                if exponent == 2 and unit == ONE and base != EXP and self.row(base) in SQUARES:
                    second, sign = SQUARES[self.row(base)]
                    other = self.simplified(second, self.operands_of(base))
                    rest = {key: amount for key, amount in form.items.items() if key[0] != base}
                    partner = self.seal(Product(1, {**rest, (other, ONE): 2}))
                    yield term, self.seal(Product(1, rest)), partner, sign

    def _common_factors(self, items: dict[int, Number]) -> dict[int, Number]:
        """3*x^2*f(x) - 2*f(x) = (3*x^2 - 2)*f(x), where that is shorter.

        Reverse mode multiplies every term of an inner derivative by the outer one; this takes that back.
        """
        for split in (self._is_letter, self._is_polynomial):
            groups: dict[frozenset[tuple[Key, Number]], list[int]] = {}
            for term in items:
                form = self.forms.get(term)
                if isinstance(form, Product) and 1 <= len(form.items) <= SMALL:
                    common = frozenset(item for item in form.items.items() if not split(*item))
                    if common:
                        groups.setdefault(common, []).append(term)
            shared = [(common, terms) for common, terms in groups.items() if len(terms) > 1]
            items = dict(items) if shared else items
            for common, terms in shared:
                self._take_out(dict(common), items, terms)
        return items

    def _take_out(self, common: dict[Key, Number], items: dict[int, Number], terms: Sequence[int]) -> None:
        """Replace terms with a common factor by one product, unless that is longer."""
        inside = Sum()
        for term in terms:
            form = self.form_of(term)
            assert isinstance(form, Product)
            factors = {key: exponent for key, exponent in form.items.items() if key not in common}
            inside = self._plus(inside, Product(items[term] * form.coefficient, factors), True, 1)
        coefficient, made = self._term(self._times(Product(1, dict(common)), inside, True, 1))
        separate = self._write_sum({term: items[term] for term in terms})
        if self.length_of(self._write_term(made, coefficient)) < self.length_of(separate):
            for term in terms:
                del items[term]
            add_to(items, made, coefficient)

    def _is_letter(self, key: Key, exponent: Number) -> bool:
        """Whether a factor is a whole positive power of an input, or a constant."""
        base, unit = key
        if unit != ONE or base == EXP:
            return False
        return (self.is_input(base) and is_whole(exponent) and exponent > 0) or self.is_constant(base)

    def _is_polynomial(self, key: Key, exponent: Number) -> bool:
        """Whether a factor is a letter or a short sum of products of letters."""
        form = self.forms.get(key[0]) if key[1] == ONE and exponent == 1 else None
        if not isinstance(form, Sum):
            return self._is_letter(key, exponent)
        return len(form.items) <= SMALL and all(self._is_monomial(term) for term in form.items)

    def _is_monomial(self, term: int) -> bool:
        form = self.form_of(term)
        return isinstance(form, Product) and all(self._is_letter(*item) for item in form.items.items())

    # ---- products ----------------------------------------------------------------------------------------------

    def _times(self, product: Product, form: Sum | Product, owned: bool, exponent: Number) -> Product:
        """product * form^exponent."""
        if abs(exponent) != 1:
            form, owned, exponent = self._raised(form, exponent), True, 1
        if isinstance(form, Sum):
            node = self.seal(form)
            form, owned = self.form_of(node), False
            if isinstance(form, Sum):
                if all(amount < 0 for amount in form.items.values()):
                    product.coefficient = -product.coefficient
                    node = self.seal(Sum({term: -amount for term, amount in form.items.items()}))
                product.add((node, ONE), exponent)
                return product
        weight = 1 if exponent == 1 else -1
        self._times_number(product, form.coefficient, weight)
        if owned:
            return product.merged(form, weight)
        if len(form.items) <= SMALL:
            for key, amount in form.settled().items():
                product.add(key, amount * weight)
        else:
            product.add((self.seal(Product(1, form.settled())), ONE), weight)
        return product

    def _times_number(self, product: Product, number: Number, weight: int) -> None:
        """Multiply or divide by a number; one that cannot be collected becomes a factor."""
        if number == 0 and weight == -1:
            product.add((ZERO, ONE), -1)
            return
        result = product.coefficient * (number if weight == 1 else Fraction(1, 1) / number)
        if bounded(result):
            product.coefficient = result
        else:
            product.add((self._write_number(number), ONE), weight)

    def _raised(self, form: Sum | Product, exponent: Number) -> Product:
        """form^exponent for a number as exponent; a new form."""
        if exponent == 0:
            return Product()
        if isinstance(form, Sum):
            node = self.seal(form)
            form = self.form_of(node)
            if isinstance(form, Sum):
                return Product(1, {(node, ONE): exponent})
        items = form.settled()
        if not items:
            power = number_power(form.coefficient, exponent)
            if power is not None:
                return Product(power)
            return Product(1, {(self._write_number(form.coefficient), ONE): exponent})
        power = number_power(form.coefficient, exponent)
        if power is None or not self._distributes(items, form.coefficient, exponent):
            return Product(1, {(self.seal(Product(form.coefficient, items)), ONE): exponent})
        return Product(power, {key: amount * exponent for key, amount in items.items()})

    def _distributes(self, items: dict[tuple[int, int], Number], coefficient: Number, exponent: Number) -> bool:
        """Whether (c * a^p * …)^q may be written c^q * a^(p*q) * …: always for a single power and a whole q.

        With a broken q the bases must not be negative where the power is not: sqrt(x^2) is not x.
        """
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

    def _power(self, base: Sum | Product, exponent: Sum | Product) -> Product:
        """base^exponent."""
        if isinstance(exponent, Product) and exponent.number is not None:
            return self._raised(base, exponent.number)
        if isinstance(base, Product) and base.number == 1:
            return Product()
        return self._with_exponent(self.seal(base), exponent)

    def _exponential(self, exponent: Sum | Product) -> Product:
        """exp(exponent); exp(c*log(x)) is x^c."""
        raised = self._with_exponent(EXP, exponent)
        product = Product()
        for (base, term), amount in raised.items.items():
            if self.row(term) is powers.log and term != ONE:
                inner = self.form_of(self.operands_of(term)[0])
                product = self._times(product, inner, False, amount)
            else:
                product.add((base, term), amount)
        return product

    def _with_exponent(self, base: int, exponent: Sum | Product) -> Product:
        if isinstance(exponent, Sum):
            exponent = self.form_of(self.seal(exponent))
        if isinstance(exponent, Sum):
            if len(exponent.items) > SMALL:
                return Product(1, {(base, self.seal(exponent)): 1})
            return Product(1, {(base, term): amount for term, amount in exponent.settled().items()})
        if exponent.number is not None:
            return Product(1, {(base, ONE): exponent.number}) if exponent.number else Product()
        coefficient, term = self._term(exponent)
        return Product(1, {(base, term): coefficient})

    def _sealed_product(self, form: Product) -> int:
        form = self._opened_factors(Product(form.coefficient, form.settled()))
        if form.coefficient == 0 and (ZERO, ONE) not in form.items:
            return ZERO
        if not form.items:
            return self._known_as(form, self._write_number(form.coefficient))
        if form.coefficient == 1 and len(form.items) == 1:
            (((base, term), amount),) = form.items.items()
            if amount == 1 and term == ONE and base != EXP:
                return base
        selection = self._factor_inside(form)
        if selection is not None:
            return selection
        return self._known_as(form, self._write_product(form.coefficient, form.items))

    def _opened_factors(self, form: Product) -> Product:
        """Inner products become factors: those to the power 1 or -1, and whole powers that meet a like base."""
        inner = {}
        bases = {base for base, _ in form.items}
        for (base, term), amount in form.items.items():
            found = self.forms.get(base) if term == ONE else None
            if isinstance(found, Product) and is_whole(amount):
                if not found.items:
                    if number_power(found.coefficient, amount) is not None:
                        inner[base] = amount
                elif (
                    (base, ONE) not in found.items
                    and len(found.items) <= SMALL
                    and (abs(amount) == 1 or any(other in bases for other, _ in found.items))
                ):
                    inner[base] = amount
        if not inner:
            return form
        opened = Product(form.coefficient, {
            key: amount for key, amount in form.items.items() if key[1] != ONE or key[0] not in inner
        })  # fmt: skip
        for base, amount in inner.items():
            self._open_factor(opened, base, amount)
        return opened

    def _open_factor(self, opened: Product, base: int, exponent: Number) -> None:
        found = self.forms[base]
        assert isinstance(found, Product)
        power = number_power(found.coefficient, exponent)
        result = None if power is None else opened.coefficient * power
        if result is None or not bounded(result):
            opened.add((base, ONE), exponent)
            return
        opened.coefficient = result
        for key, amount in found.items.items():
            opened.add(key, amount * exponent)

    def _factor_inside(self, form: Product) -> int | None:
        """a * where(c, b, 0) = where(c, a*b, 0), so that `a` does no harm where it is not taken."""
        base = next((key[0] for key, amount in form.items.items() if amount == 1 and self._is_selection(key)), None)
        if base is None or self._nesting_within(form) > NESTED:
            return None
        condition, *branches = self.operands_of(base)
        rest = {key: value for key, value in form.items.items() if key[0] != base}
        moved = []
        for branch in branches:
            product = Product(form.coefficient, dict(rest))
            zero = self.number_of(branch) == 0
            moved.append(branch if zero else self.seal(self._times(product, self.form_of(branch), False, 1)))
        return self.simplified(logic.where, [condition, *moved])

    def _is_selection(self, key: Key) -> bool:
        """Whether a factor is a `where` with a branch that is 0."""
        base, term = key
        if term != ONE or base == EXP or self.row(base) is not logic.where:
            return False
        return any(self.number_of(branch) == 0 for branch in self.operands_of(base)[1:])

    def _nesting_within(self, form: Product) -> int:
        """How many selections the factors would nest if each went into the other."""
        return sum(self.nesting_of(base) for base, _ in form.items if base != EXP)

    def _known_as(self, form: Sum | Product, node: int) -> int:
        """Keep a form with its node."""
        form.node = node
        self.forms[node] = form
        return node

    # ---- writing -----------------------------------------------------------------------------------------------

    def seal(self, form: Sum | Product) -> int:
        """The node of a form, written as a person would; the form must not be changed any more."""
        if form.node is None:
            form.node = self._sealed_sum(form) if isinstance(form, Sum) else self._sealed_product(form)
        return form.node

    def _write_number(self, number: Number) -> int:
        """A whole number, a decimal where that ends soon or the formula is in decimals, or a quotient."""
        node = self._decimal(number)
        if node is not None:
            return node
        return self.apply(arithmetic.div, [self._whole(number.numerator), self._whole(number.denominator)])

    def _whole(self, number: int) -> int:
        value = float(number)
        return self.constant(value, None if int(value) == number else str(number))

    def _decimal(self, number: Number) -> int | None:
        """The constant of a number that is a short decimal, else None."""
        if is_whole(number):
            return self._whole(int(number))
        text = decimal_text(number)
        value = float(number)
        if text is None or not (self.decimals or Fraction(value) == number):
            return None
        return self.constant(value, None if Fraction(value) == number else text)

    def _write_sum(self, items: dict[int, Number]) -> int:
        """Polynomial part by falling degree, then functions; a term with a plus first where there is one."""
        terms = sorted(items, key=self._place_of_term)
        first: int = next((term for term in terms if items[term] > 0), terms[0])
        total = self._write_term(first, items[first])
        for term in terms:
            if term != first:
                amount = items[term]
                row, size = (arithmetic.add, amount) if amount > 0 else (arithmetic.sub, -amount)
                total = self.apply(row, [total, self._write_term(term, size)])
        return total

    def _write_term(self, term: int, amount: Number) -> int:
        if amount == 1:
            return term
        if term == ONE:
            return self._write_number(amount)
        form = self.form_of(term)
        return self._write_product(amount, form.items if isinstance(form, Product) else {(term, ONE): 1})

    def _place_of_term(self, term: int) -> tuple[Any, ...]:
        """Sorting key of a term: degree in the inputs, then its factors by their place in the text."""
        form = self.form_of(term)
        factors = form.items if isinstance(form, Product) else {(term, ONE): 1}
        degree: Number = 0
        functions, letters = [], []
        for (base, unit), amount in factors.items():
            if unit == ONE and base != EXP and self.is_input(base) and is_whole(amount):
                degree += amount
                letters.append((base, -amount))
            elif base == EXP or not self.is_closed(base):
                functions.append((self._place_of_base(base, unit), -amount))
        return bool(functions), degree if functions else -degree, sorted(functions), sorted(letters), term

    def _place_of_base(self, base: int, unit: int) -> int:
        return unit if base == EXP else base

    def _write_product(self, coefficient: Number, items: dict[tuple[int, int], Number]) -> int:
        """Number, constants, inputs, functions; negative powers below the line."""
        above: list[tuple[Any, int]] = []
        below: list[tuple[Any, int]] = []
        for place, base, exponent in self._powers(items):
            number = exponent.number if isinstance(exponent, Product) else None
            if base == EXP:
                above.append((place, self.apply(powers.exp, [self.seal(exponent)])))
            elif number is not None and number < 0:
                below.append((place, self._write_power(base, -number)))
            elif number is not None:
                above.append((place, self._write_power(base, number)))
            else:
                above.append((place, self.apply(powers.power, [base, self.seal(exponent)])))
        return self._write_quotient(coefficient, [node for _, node in sorted(above)], [n for _, n in sorted(below)])

    def _powers(self, items: dict[tuple[int, int], Number]) -> Iterator[tuple[Any, int, Sum | Product]]:
        """The distinct bases with their exponents and where they are to be written.

        Number, inputs, polynomials and functions follow each other; of one kind, factors stand as in the text.
        """
        order = self._orders.get(frozenset(items)) if len(items) <= SMALL else None
        if order is not None:
            items = {key: items[key] for key in order}
        exponents: dict[int, dict[int, Number]] = {}
        for (base, unit), amount in items.items():
            exponents.setdefault(base, {})[unit] = amount
        for position, (base, by_unit) in enumerate(exponents.items()):
            closed = all(map(self.is_closed, [*by_unit, *([] if base == EXP else [base])]))
            if by_unit.keys() != {ONE} or base == EXP:
                place = min(self._place_of_base(base, unit) for unit in by_unit)
                yield (0 if closed else 3, place if order is None else position), base, Sum(by_unit)
                continue
            amount = by_unit[ONE]
            if closed:
                kind = 0
            elif self.is_input(base) and is_whole(amount):
                kind = 1
            else:
                kind = 2 if self._is_polynomial((base, ONE), 1) else 3
            yield (kind, base if order is None else position), base, Product(amount)

    def _write_power(self, base: int, exponent: Number) -> int:
        if exponent == 1:
            return base
        if exponent == Fraction(1, 2):
            return self.apply(powers.sqrt, [base])
        return self.apply(powers.power, [base, self._write_number(exponent)])

    def _write_quotient(self, coefficient: Number, above: list[int], below: list[int]) -> int:
        if not (self.decimals and self._decimal(coefficient) is not None) and not is_whole(coefficient):
            below = [self._whole(coefficient.denominator), *below]
            coefficient = coefficient.numerator
        if coefficient == -1 and above:
            above = [self.apply(arithmetic.neg, [above[0]]), *above[1:]]
        elif coefficient != 1 or not above:
            above = [self._write_number(coefficient), *above]
        numerator = self._chain(above)
        return self.apply(arithmetic.div, [numerator, self._chain(below)]) if below else numerator

    def _chain(self, factors: Iterable[int]) -> int:
        nodes = iter(factors)
        product = next(nodes)
        for node in nodes:
            product = self.apply(arithmetic.mul, [product, node])
        return product


def extend_lengths(graph: Graph, lengths: list[float], count: int) -> None:
    """Lengths of the texts of the first `count` nodes, in symbols, behind those that are known; inf beyond floats.

    A broken number counts as the quotient that it is, and square(x) as x^2: so 1/(2*sqrt(x)) is no longer than
    0.5/sqrt(x), and it is the writing that a person expects.
    """
    rows, start, operands, op = REGISTRY.rows, graph.start, graph.operands, graph.op
    for node in range(len(lengths), count):
        length = 2.0 if len(PRODUCTS.get(rows[op[node]], ())) == 1 else 1.0
        if op[node] == CONSTANT:
            value = graph.constants[graph.payload[node]]
            length = 1.0 if value.is_integer() or not isfinite(value) else 3.0
        for operand in operands[start[node] : start[node + 1]]:
            length += lengths[operand]
        lengths.append(length)


def number_in(graph: Graph, node: int) -> Number | None:
    """The exact number that a constant stands for: a whole number, a decimal, or a double with few binary digits.

    None for names such as pi, for numbers beyond `LARGEST`, and for every other node.
    """
    value = graph.constant_value(node)
    if value is None or not isfinite(value) or (value != 0 and not 1 / LARGEST < abs(value) < LARGEST):
        return None
    text = graph.exact.get(graph.payload[node])
    try:
        number = Fraction(value) if text is None else Fraction(text)
    except ValueError:
        return None
    if is_whole(number):
        return int(number)
    return number if bounded(number) else None


def decimal_text(number: Number) -> str | None:
    """A fraction in decimals where it has at most 20 of them, else None."""
    rest, places = number.denominator, 0
    while rest % 10 == 0:
        rest, places = rest // 10, places + 1
    while rest % 5 == 0:
        rest, places = rest // 5, places + 1
    while rest % 2 == 0:
        rest, places = rest // 2, places + 1
    if rest != 1 or places > 20:
        return None
    digits = str(abs(number.numerator) * 10**places // number.denominator).rjust(places + 1, "0")
    text = f"{digits[:-places]}.{digits[-places:]}".rstrip("0")
    return f"-{text}" if number < 0 else text
