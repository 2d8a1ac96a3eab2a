"""Normal forms of sums and products: dictionaries in which like terms and like powers meet by adding up.

A sum is {term: coefficient}, a product a coefficient and {(base, term): exponent}, where the power of the base is the
exponent times the term: x^(2*y - 1) is {(x, y): 2, (x, 1): -1}, exp(x) has the base `EXP`. Terms and bases are nodes,
coefficients and exponents exact fractions.

A form that only one user reads is merged into that user's form, the smaller into the larger, so that a chain of any
length is collected in one dictionary. All others are sealed: written as nodes, and from then on never changed.
"""

from __future__ import annotations

from cgcli.passes.simplify.numbers import bounded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, Self

    from cgcli.passes.simplify.numbers import Number

    Key = tuple[int, int]

SMALL = 8
"""Forms of so many items are copied where they have several users; a longer one is then an item by itself."""

EXP = -1
"""The base of exp(x) in a product."""

ZERO, ONE = 0, 1
"""The first nodes of a graph of normal forms."""


class _Form:
    """Items with amounts, all of which count `sign` times.

    node: what the form is written as, once it is sealed. large: whether an amount has grown beyond all bounds; such
    a form is sealed at once, and its node is then a term or factor by itself.
    """

    __slots__ = ("items", "large", "node", "sign")

    def __init__(self, items: dict[Any, Number]) -> None:
        self.items = items
        self.sign = 1
        self.node: int | None = None
        self.large = False

    def add(self, item: Any, amount: Number) -> None:
        """Add to an item; what comes to 0 goes."""
        self._add(item, amount * self.sign)

    def merged(self, other: Self, weight: int) -> Self:
        """The items of both, those of the other form `weight` (1 or -1) times; both forms are used up."""
        small, large = (self, other) if SMALL < len(other.items) > len(self.items) else (other, self)
        if large is other:
            large.sign *= weight
        factor = small.sign * large.sign * (weight if small is other else 1)
        for item, amount in small.items.items():
            large._add(item, amount * factor)
        large.large |= small.large
        return large

    def settled(self) -> dict[Any, Number]:
        """The items with the sign in them."""
        return self.items if self.sign == 1 else {item: -amount for item, amount in self.items.items()}

    def _add(self, item: Any, amount: Number) -> None:
        total = self.items.get(item, 0) + amount
        if not total:
            self.items.pop(item, None)
            return
        self.items[item] = total
        if not bounded(total):
            self.large = True


class Sum(_Form):
    """sign * Σ coefficient * term; the terms are nodes, the node of 1 for the number."""

    __slots__ = ()

    def __init__(self, items: dict[int, Number] | None = None) -> None:
        super().__init__({} if items is None else items)

    @property
    def number(self) -> Number | None:
        """The number that this is, or None."""
        return self.sign * self.items.get(ONE, 0) if self.items.keys() <= {ONE} else None

    @property
    def negative(self) -> bool:
        """Whether every term has a minus."""
        return all(amount * self.sign < 0 for amount in self.items.values())


class Product(_Form):
    """coefficient * Π base^(sign * exponent * term).

    above, below: once it is sealed, the nodes of the factors over and under the line, without the coefficient.
    """

    __slots__ = ("above", "below", "coefficient")

    def __init__(self, coefficient: Number = 1, items: dict[Key, Number] | None = None) -> None:
        super().__init__({} if items is None else items)
        self.coefficient = coefficient
        self.above: Sequence[int] = ()
        self.below: Sequence[int] = ()

    @property
    def number(self) -> Number | None:
        """The number that this is, or None."""
        return None if self.items else self.coefficient

    @property
    def negative(self) -> bool:
        """Whether the product has a minus."""
        return self.coefficient < 0

    def merged(self, other: Self, weight: int) -> Self:
        """self * other^weight for a weight of 1 or -1, but with the coefficient of self; both are used up."""
        coefficient = self.coefficient
        product = super().merged(other, weight)
        product.coefficient = coefficient
        return product
