"""What stands on lowering's stack beside nodes: lists that are not arrays yet, names of functions, exact numbers."""

from __future__ import annotations

from cgcli.ops.constants import CONSTANTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class ListValue:
    """A list of values of the language: node numbers or further lists. It becomes a `stack` only where it must.

    So `sum([square(i) for i in items])` stays scalar, and iterating or indexing a list makes no nodes.
    """

    __slots__ = ("depth", "items", "node")

    def __init__(self, items: list[Any]) -> None:
        self.items = items
        self.depth: int = 1 + max((item.depth for item in items if isinstance(item, ListValue)), default=0)
        self.node: int | None = None

    @property
    def flat(self) -> bool:
        """Whether all items are nodes."""
        return self.depth == 1


class RangeValue(ListValue):
    """The numbers of a range, which become constants of the graph only where something asks for them.

    make: makes the list of nodes. FormulaError where there are more than a graph may hold.
    """

    __slots__ = ("_made", "make", "numbers")

    def __init__(self, numbers: range, make: Callable[[range], list[Any]]) -> None:
        self.numbers = numbers
        self.make = make
        self.depth = 1
        self.node = None
        self._made: list[Any] | None = None

    @property
    def items(self) -> list[Any]:  # type: ignore[override]  # a list that is made late
        """The constants."""
        if self._made is None:
            self._made = self.make(self.numbers)
        return self._made


class TupleValue(ListValue):
    """Several values side by side, as a function returns them: they are taken apart, and never one array by themselves.

    So nobody computes with `(1, 5)` who means 1.5, or with all results of a function who means the first.
    """

    __slots__ = ()


class FunctionName:
    """A function given by name, as `fold` takes it: a user's function or an operation."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


UNASSIGNED = object()
"""The value of a local name before its function assigns one: the name is local in all of the function, as in Python."""


def exact_text(text: str, value: float) -> str | None:
    """The decimal text of a literal where its double is not exactly that number, else None."""
    mantissa, _, exponent = text.lower().partition("e")
    whole, _, fraction = mantissa.partition(".")
    shift = int(exponent or 0) - len(fraction)
    digits = int((whole + fraction) or 0)
    if value in (float("inf"), float("-inf")) or abs(shift) > 400:
        return text if digits else None
    numerator, denominator = value.as_integer_ratio()
    if shift >= 0:
        equal = numerator == digits * 10**shift * denominator
    else:
        equal = numerator * 10**-shift == digits * denominator
    return None if equal else text


def named_constant(name: str) -> tuple[float, str | None]:
    """The double of a constant of the language, and its exact text where it is not exactly that double."""
    return CONSTANTS[name].value, None if name in ("inf", "nan", "true", "false") else name
