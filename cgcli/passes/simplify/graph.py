"""A graph that keeps normal forms beside its nodes, and what else a simplification asks about nodes again and again."""

from __future__ import annotations

from array import array
from math import isfinite

from cgcli.graph.codes import CONSTANT
from cgcli.graph.store import Graph
from cgcli.ops import REGISTRY, logic, shaping
from cgcli.passes.simplify.forms import ONE, SMALL, Product, Sum
from cgcli.passes.simplify.numbers import is_whole, number_in
from cgcli.passes.simplify.tables import PRODUCTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cgcli.errors import Span
    from cgcli.ops import Operation
    from cgcli.passes.simplify.forms import Key
    from cgcli.passes.simplify.numbers import Number


class NormalGraph(Graph):
    """A graph of simplified nodes, with the normal forms of those that are sums, products or numbers.

    decimals: whether fractions are written as decimals where those end.
    forms: node -> its normal form. A product with factors is one that was written (see `writing.write_product`).
    rough: nodes such as 0.1 + 0.2 that stand as they are, although their form is a number.
    orders: factors -> the order in which the text has them.
    """

    def __init__(self, decimals: bool) -> None:
        super().__init__()
        self.decimals = decimals
        self.forms: dict[int, Sum | Product] = {}
        self.rough: set[int] = set()
        self.orders: dict[frozenset[Key], list[Key]] = {}
        self._places: dict[tuple[Number, frozenset[tuple[Key, Number]]], Span] = {}
        self._closed = bytearray()
        self._lengths: list[float] = []
        self._nesting = array("i")
        self.constant(0.0)
        self.constant(1.0)

    def form_of(self, node: int) -> Sum | Product:
        """The normal form of a node, to read only."""
        found = self.forms.get(node)
        if found is None:
            number = number_in(self, node)
            if number is None:
                found = Product(1, {(node, ONE): 1})
                found.above = (node,)
            else:
                found = Product(number)
            found.node = node
            self.forms[node] = found
        return found

    def number_of(self, node: int) -> Number | None:
        """The number that a node is, or None."""
        form = self.form_of(node)
        return form.number if isinstance(form, Product) else None

    def exact_text_of(self, node: int) -> str | None:
        """The exact text of a constant, where it has one."""
        return self.exact.get(self.payload[node]) if self.is_constant(node) else None

    def known_as(self, form: Sum | Product, node: int) -> int:
        """Keep a form with the node that it is written as; one that grew too large is a node by itself."""
        form.node = node
        if not form.large:
            self.forms[node] = form
        if self._places and isinstance(form, Product) and len(form.items) <= SMALL:
            span = self._places.get((form.coefficient, frozenset(form.items.items())))
            if span is not None:
                self.spans.setdefault(node, span)
        return node

    def remember(self, form: Sum | Product, span: Span) -> None:
        """Note that the text has a product at this place, with its factors in this order."""
        if isinstance(form, Product) and 1 < len(form.items) <= SMALL:
            self.orders.setdefault(frozenset(form.items), list(form.items))
            self._places.setdefault((form.coefficient, frozenset(form.settled().items())), span)

    def is_closed(self, node: int) -> bool:
        """Whether a node depends on no input."""
        closed = self._closed
        for new in range(len(closed), len(self)):
            used = self.operands_of(new)
            closed.append(all(map(closed.__getitem__, used)) if used else self.op[new] == CONSTANT)
        return bool(closed[node])

    def nesting_of(self, node: int) -> int:
        """How many selections stand inside each other below a node."""
        nesting, selection = self._nesting, logic.where.code
        for new in range(len(nesting), len(self)):
            inner = max([nesting[operand] for operand in self.operands_of(new)], default=0)
            nesting.append(inner + (self.op[new] == selection))
        return nesting[node]

    def length_of(self, node: int) -> float:
        """The length of a node's text in symbols, all sharing written out."""
        extend_lengths(self, self._lengths, node + 1)
        return self._lengths[node]

    def is_letter(self, key: Key, exponent: Number) -> bool:
        """Whether a factor is a whole positive power of an input, or a constant."""
        base, unit = key
        if unit != ONE or base < 0:
            return False
        return (self.is_input(base) and is_whole(exponent) and exponent > 0) or self.is_constant(base)

    def is_polynomial(self, key: Key, exponent: Number) -> bool:
        """Whether a factor is a letter or a short sum of products of letters."""
        form = self.forms.get(key[0]) if key[1] == ONE and exponent == 1 else None
        if not isinstance(form, Sum):
            return self.is_letter(key, exponent)
        return len(form.items) <= SMALL and all(self._is_monomial(term) for term in form.items)

    def _is_monomial(self, term: int) -> bool:
        form = self.form_of(term)
        return isinstance(form, Product) and all(self.is_letter(*item) for item in form.items.items())


def extend_lengths(graph: Graph, lengths: list[float], count: int) -> None:
    """Lengths of the texts of the first `count` nodes, in symbols, behind those that are known; inf beyond floats.

    A broken number counts as the quotient that it is, and square(x) as x^2: so 1/(2*sqrt(x)) is no longer than
    0.5/sqrt(x), and it is the writing that a person expects.
    """
    start, operands, op = graph.start, graph.operands, graph.op
    own = {code: _own_length(REGISTRY.rows[code]) for code in set(op[len(lengths) : count])}
    for node in range(len(lengths), count):
        if op[node] == CONSTANT:
            value = graph.constants[graph.payload[node]]
            length = 1.0 if value.is_integer() or not isfinite(value) else 3.0
        else:
            length = own[op[node]]
        for operand in operands[start[node] : start[node + 1]]:
            length += lengths[operand]
        lengths.append(length)


def _own_length(row: Operation) -> float:
    """Symbols of an operation itself: its name, its static arguments, and an exponent that its name says."""
    if row is shaping.place:
        return 6.0  # where(eye(n)[k], x, 0) in formula text
    return 1.0 + sum(parameter.static for parameter in row.parameters) + (len(PRODUCTS.get(row, ())) == 1)
