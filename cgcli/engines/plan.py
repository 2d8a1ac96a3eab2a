"""A plan: what it takes to compute some nodes of a graph again and again, worked out once.

Which nodes are needed, the function of each, its operands and the constants stay the same from one evaluation to the
next; only the inputs differ. So a repeated evaluation is one tight loop over columns.
"""

from __future__ import annotations

from contextvars import ContextVar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    Shape = tuple[int, ...]
    Kernel = Callable[..., Any]
    Step = tuple[int, Kernel, Any, int]

REPEATED: ContextVar[int] = ContextVar("REPEATED", default=1)
"""How many times the plan that is made just now is run at least, one time after the other: a body's is, once a step."""

ALONE, MANY = -1, -2
"""In the place of a second operand: there is one operand only; there are none, or more than two."""


class Plan:
    """The steps towards some nodes, one after the other, and the values that are known before.

    values: by node; the constants in their places, None elsewhere. inputs: (node, name) of the inputs that are needed.
    nodes, kernels, first, second: one entry a step: the node, the function of its operands' values, and the operands;
        where there are neither one nor two of them, `first` is the tuple of all and `second` is MANY.
    """

    __slots__ = ("first", "inputs", "kernels", "nodes", "second", "values")

    def __init__(self, size: int) -> None:
        self.values: list[Any] = [None] * size
        self.inputs: list[tuple[int, str]] = []
        self.nodes: list[int] = []
        self.kernels: list[Kernel] = []
        self.first: list[Any] = []
        self.second: list[int] = []

    def __len__(self) -> int:
        return len(self.values)

    def steps(self) -> zip[Step]:
        """Node, function, `first` and `second` of each step."""
        return zip(self.nodes, self.kernels, self.first, self.second, strict=True)

    def compute(self, values: list[Any]) -> None:
        """Take all steps: from the values of the leaves to those of all other nodes that are needed."""
        take(self.steps(), values)


def take(steps: Iterable[Step], values: list[Any]) -> None:
    """Take steps: the value of each node from those of its operands."""
    for node, kernel, first, second in steps:
        if second >= 0:
            values[node] = kernel(values[first], values[second])
        elif second == ALONE:
            values[node] = kernel(values[first])
        else:
            values[node] = kernel(*[values[operand] for operand in first])


def operands_of(first: Any, second: int) -> tuple[int, ...]:
    """The operands of a step."""
    if second == MANY:
        found: tuple[int, ...] = first
        return found
    return (first,) if second == ALONE else (first, second)
