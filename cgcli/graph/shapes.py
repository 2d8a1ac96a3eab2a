"""Arithmetic of shapes: broadcasting as in NumPy, and how a shape is told to a person."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    Shape = tuple[int, ...]


def broadcast(shapes: Sequence[Shape]) -> Shape:
    """The shape that operands of these shapes have together. ValueError where they do not fit.

    Shapes are aligned at their last axis; axes of length 1 stretch (NumPy's rule).
    """
    rank = max(map(len, shapes), default=0)
    result = [1] * rank
    for shape in shapes:
        for position, length in enumerate(shape, rank - len(shape)):
            if result[position] == 1:
                result[position] = length
            elif length not in (1, result[position]):
                listed = " and ".join(map(describe, shapes))
                raise ValueError(f"shapes {listed} do not fit")
    return tuple(result)


def describe(shape: Shape) -> str:
    """A shape in words: `scalar`, `[3]`, `[2, 3]`."""
    return f"[{', '.join(map(str, shape))}]" if shape else "scalar"


def size(shape: Shape) -> int:
    """Number of elements."""
    count = 1
    for length in shape:
        count *= length
    return count
