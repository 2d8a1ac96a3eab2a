"""One operation on simplified operands: collected in a normal form, or rewritten by a rule, or as it is."""

from __future__ import annotations

from fractions import Fraction
from math import isfinite

from cgcli.graph.ref import Ref
from cgcli.ops import powers, shaping
from cgcli.passes.simplify.arrays import cut, joined
from cgcli.passes.simplify.forms import EXP, ONE, Product, Sum
from cgcli.passes.simplify.numbers import decimal_text
from cgcli.passes.simplify.products import exponential, power, seal_product, times
from cgcli.passes.simplify.rules import RULES, STRUCTURAL_RULES
from cgcli.passes.simplify.sums import plus, seal_sum
from cgcli.passes.simplify.tables import COLLECTED, PRODUCTS, SUMS
from cgcli.passes.simplify.writing import write_sum

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from cgcli.ops import Operation
    from cgcli.passes.simplify.graph import NormalGraph
    from cgcli.passes.simplify.numbers import Number

E = "e"
"""The text of the constant e."""


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
        return self.graph.form_of(self.node).negative

    def logarithm(self) -> NormalRef | None:
        """x where the node is exp(x) or the constant e, which is exp(1); else None."""
        if self.graph.exact_text_of(self.node) == E:
            return NormalRef(self.graph, ONE)
        form = self.graph.form_of(self.node)
        if not isinstance(form, Product) or form.coefficient != 1 or any(base != EXP for base, _ in form.items):
            return None
        if not form.items:
            return None
        return NormalRef(self.graph, write_sum(self.graph, Sum({term: size for (_, term), size in form.items.items()})))

    def build(self, row: Operation, operands: Sequence[Ref], static: Sequence[Any] = ()) -> NormalRef:
        """The simplified node."""
        nodes = [operand.node for operand in operands]
        if static:
            return NormalRef(self.graph, self.graph.apply(row, nodes, static))
        return NormalRef(self.graph, simplified(self.graph, row, nodes))


def simplified(
    graph: NormalGraph, row: Operation, operands: Sequence[int], attributes: tuple[Any, ...] = ()
) -> int:  # fmt: skip
    """The simplified node of an operation on nodes, of the same shape."""
    form = combined(graph, row, [(graph.form_of(operand), False) for operand in operands])
    if form is None:
        node = _plain(graph, row, operands, attributes)
    elif form.number is not None and _changes_digits(graph, row, operands, form.number):
        node = _kept(graph, row, operands, form.number)
    else:
        node = seal(graph, form)
    if row.shape is not None or not any(map(graph.shape.__getitem__, operands)):
        return node
    return stretched(graph, node, graph.shapes[graph.common_shape(row, list(operands))])


def combined(
    graph: NormalGraph, row: Operation, operands: Sequence[tuple[Sum | Product, bool]]
) -> Sum | Product | None:
    """The form of a sum, product or power of operands that come with whether they may be used up; else None.

    None also for operands inf and nan, which no law of arithmetic holds for.
    """
    if row not in COLLECTED or any(_is_infinite(graph, form) for form, _ in operands):
        return None
    if row in SUMS:
        total = Sum()
        for (form, owned), weight in zip(operands, SUMS[row], strict=True):
            total = plus(graph, total, form, owned, weight)
        return total
    if row in PRODUCTS:
        product = Product()
        for (form, owned), exponent in zip(operands, PRODUCTS[row], strict=True):
            if isinstance(form, Sum):
                form, owned = graph.form_of(seal(graph, form)), False
            product = times(graph, product, form, owned, exponent)
        return product
    forms = [graph.form_of(seal(graph, form)) for form, _ in operands]
    return exponential(graph, *forms) if row is powers.exp else power(graph, *forms)


def seal(graph: NormalGraph, form: Sum | Product) -> int:
    """The node of a form, written as a person would; the form must not be changed any more."""
    return seal_sum(graph, form) if isinstance(form, Sum) else seal_product(graph, form)


def stretched(graph: NormalGraph, node: int, shape: tuple[int, ...]) -> int:
    """The node repeated to a shape, where it has another one."""
    if graph.shape_of(node) == shape:
        return node
    form = graph.form_of(node)
    node = graph.apply(shaping.broadcast_to, [node], [shape])
    graph.forms[node] = form
    return node


def _is_infinite(graph: NormalGraph, form: Sum | Product) -> bool:
    """Whether an operand is the number inf or nan."""
    if isinstance(form, Sum) or len(form.items) != 1:
        return False
    ((base, _),) = form.items
    value = graph.constant_value(base) if base != EXP else None
    return value is not None and not isfinite(value)


def _changes_digits(graph: NormalGraph, row: Operation, operands: Sequence[int], exact: Number) -> bool:
    """Whether decimals would be calculated to another double than the operation gives, as in 0.1 + 0.2."""
    if row.compute is None:
        return False
    numbers = [number for number in map(graph.number_of, operands) if number is not None]
    if len(numbers) < len(operands):
        return False
    if any(operand in graph.rough for operand in operands):
        return True
    if all(Fraction(float(number)) == number or decimal_text(number) is None for number in numbers):
        return False
    return row.compute(*map(float, numbers)) != float(exact)


def _kept(graph: NormalGraph, row: Operation, operands: Sequence[int], exact: Number) -> int:
    """A calculation among decimals as it stands; among other terms or factors it is the number that it means."""
    node = graph.repeat(row, operands, ())
    number = graph.forms[node] = Product(exact)
    number.node = node
    graph.rough.add(node)
    return node


def _plain(graph: NormalGraph, row: Operation, operands: Sequence[int], attributes: tuple[Any, ...]) -> int:
    """The node of any operation, by the first rule that applies, or as it is."""
    if row is shaping.index:
        node, key = cut(graph, operands[0], attributes[0])
        if not key:
            return stretched(graph, node, graph.inferred_shape(row, operands, attributes))
        operands, attributes = [node], (key, graph.shape_of(node))
    if row is shaping.stack:
        whole = joined(graph, operands)
        if whole is not None:
            node, key = whole
            return graph.apply(shaping.index, [node], [key]) if key else node
    refs = [NormalRef(graph, operand) for operand in operands]
    for rule in (RULES if row.prepare is None and row.elementwise else STRUCTURAL_RULES) if operands else ():
        found = rule.rewrite(row, refs)
        if found is not None:
            return found.node
    return graph.repeat(row, operands, attributes)
