"""References that fold what is exact while they build: the constructor that passes use.

Folding changes no digit at any precision: only whole numbers within a double's exact range are computed, neutral
operands are dropped, and a row may know an exact identity of its own (`Operation.fold`).
"""

from __future__ import annotations

from math import copysign

from cgcli.graph.ref import Ref

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from cgcli.ops import Operation

LARGEST_EXACT = 2.0**53
"""Whole numbers up to here, and their sums and products within it, are exact in a double."""


class FoldingRef(Ref):
    """A reference whose operators fold constants, neutral elements and the exact identities of a row."""

    __slots__ = ()

    def build(self, row: Operation, operands: Sequence[Ref], static: Sequence[Any] = ()) -> Ref:
        """The node, or a simpler one with the same value."""
        found = folded(row, operands, static)
        return super().build(row, operands, static) if found is None else found


def folded(row: Operation, operands: Sequence[Any], static: Sequence[Any]) -> Ref | None:
    """The exact simpler equal of an operation on operands, or None."""
    if row.elementwise and operands:
        for exact in (_computed, _neutral):
            found = exact(row, operands)
            if found is not None:
                return found
    if row.fold is not None:
        found = row.fold(*operands, *static)
        if found is not None:
            return found
    if "involution" in row.traits:
        operand = operands[0]
        if operand.graph.row(operand.node) is row:
            return type(operand)(operand.graph, operand.graph.operands_of(operand.node)[0])
    return None


def _whole(value: float | None) -> bool:
    return value is not None and value.is_integer() and abs(value) <= LARGEST_EXACT


def _computed(row: Operation, operands: Sequence[Any]) -> Ref | None:
    """The constant that an operation on whole constants is, where the row is exact on them."""
    if "exact_on_integers" not in row.traits or row.compute is None:
        return None
    values = [operand.constant_value for operand in operands]
    if not all(map(_whole, values)):
        return None
    value = float(row.compute(*values))
    if not _whole(value) or (value == 0 and copysign(1.0, value) < 0):
        return None
    return operands[0].coerce(value)


def _neutral(row: Operation, operands: Sequence[Any]) -> Ref | None:
    """The other operand, where one of two is the neutral element and the shape stays."""
    if len(operands) != 2:
        return None
    left, right = row.identities
    first, second = operands
    if right is not None and second.constant_value == right:
        return first
    if left is not None and first.constant_value == left:
        return second
    return None
