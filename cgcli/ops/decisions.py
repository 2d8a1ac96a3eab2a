"""What a decision hands to an operand: a zero that nothing can spoil.

A zero that arithmetic made (an underflow, 1/inf) is a number like any other: times an infinite slope it is nan. A zero
that a decision made (a branch that is not taken, an element that is not read) says that the operand does not matter at
all, whatever comes below it. So the rule of a row that decides says which of the two it is, by one of these.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


class Taken:
    """A contribution (or a partial derivative) that counts where a condition holds; elsewhere it is exactly 0.

    condition: a reference whose value is not 0 where the operand was taken, of the value's shape or one that
    stretches to it. value: a reference or a number; what it is where the condition does not hold does not matter.
    clean: whether it is 0 there already.
    """

    __slots__ = ("clean", "condition", "value")

    def __init__(self, condition: Any, value: Any, *, clean: bool = False) -> None:
        self.condition = condition
        self.value = value
        self.clean = clean


class Placed:
    """A contribution that holds the adjoint at some elements of the operand and exactly 0 at those that were not read.

    positions: for each element of the adjoint, in the order of its elements, the position in the operand.
    """

    __slots__ = ("positions", "value")

    def __init__(self, value: Any, positions: Sequence[int]) -> None:
        self.value = value
        self.positions = positions
