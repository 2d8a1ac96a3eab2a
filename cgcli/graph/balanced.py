"""Many operands of an operation of two, put together as a tree of logarithmic depth."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeVar

    Part = TypeVar("Part")


def balanced(combine: Callable[[Part, Part], Part], parts: Sequence[Part]) -> Part:
    """What pairs, then pairs of pairs and so on come to, in their order; a sum rounds less than as a chain.

    There is one part at least.
    """
    while len(parts) > 1:
        pairs = [combine(parts[place], parts[place + 1]) for place in range(0, len(parts) - 1, 2)]
        parts = pairs + list(parts[len(parts) - len(parts) % 2 :])
    return parts[0]
