"""Formula text of `place`, the adjoint of an index: a value among zeros, in words that the language has.

Axis by axis from the outside: an element is chosen by a row of the identity, or by its number, a slice stands between
zeros, and a comprehension does the same to its items. Nothing is multiplied, so infinities and nan do not spread.
"""

from __future__ import annotations

from cgcli.emit.writing import POSTFIX
from cgcli.ops import linear, logic, shaping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from cgcli.emit.writing import Piece, Slot

    Shape = tuple[int, ...]

MOST_IDENTITY = 32
"""Length of an axis up to which a row of the identity says which element is chosen; a longer one is compared."""


def placed(value: Slot, entries: Sequence[Any], shape: Shape) -> list[Piece]:
    """An expression, no looser than an index, for zeros of a shape with a value where the index `entries` reads.

    entries: an integer or (start, stop, step) an axis, as the attributes of `index` hold them.
    """
    if 0 in shape or any(isinstance(entry, tuple) and not range(*entry) for entry in entries):
        return [zeros_text(shape)]
    pieces = _placed([value], entries, shape, 0)
    return _tight(value) if pieces == [value] else pieces


def _placed(value: list[Piece], entries: Sequence[Any], shape: Shape, depth: int) -> list[Piece]:
    """As `placed`, for any expression; the depth tells the names of nested comprehensions apart."""
    if _is_whole(entries, shape):
        return value
    first, inner, lengths = entries[0], entries[1:], shape[1:]
    if isinstance(first, int):
        return _at_element(_placed(value, inner, lengths, depth), first, shape)
    if not _is_whole(inner, lengths):
        item = f"item{depth or ''}"
        value = ["[", *_placed([item], inner, lengths, depth + 1), f" for {item} in ", *value, "]"]
    return _at_slice(value, first, shape)


def _is_whole(entries: Sequence[Any], shape: Shape) -> bool:
    """Whether an index takes everything."""
    return all(entry == (0, length, 1) for entry, length in zip(entries, shape, strict=True))


def _tight(piece: Piece) -> list[Piece]:
    """A piece as the base of an index."""
    return [piece if isinstance(piece, str) else (piece[0], POSTFIX, piece[2])]


def zeros_text(shape: Shape) -> str:
    """Zeros of a shape: `0`, `zeros(3)`, `zeros([2, 3])`."""
    if not shape:
        return "0"
    return f"{linear.zeros.name}({shape[0] if len(shape) == 1 else list(shape)})"


def _at_element(value: list[Piece], position: int, shape: Shape) -> list[Piece]:
    """The value at one position of a new first axis."""
    length = shape[0]
    short = length <= MOST_IDENTITY
    chosen = f"{linear.eye.name}({length})[{position}]" if short else f"range({length}) == {position}"
    if len(shape) > 1:
        chosen = f"{shaping.reshape.name}({chosen}, {[shape[0], *[1] * (len(shape) - 1)]})"
    return [f"{logic.where.name}({chosen}, ", *value, ", 0)"]


def _at_slice(value: list[Piece], bounds: tuple[int, int, int], shape: Shape) -> list[Piece]:
    """The items of the value at the positions of a slice of their axis."""
    positions = range(*bounds)
    if positions.step < 0:
        value = [*(_tight(value[0]) if len(value) == 1 else value), "[::-1]"]
        positions = positions[::-1]
    length, lengths = shape[0], shape[1:]
    filled = len(positions)
    if positions.step > 1 and filled > 1:
        filled *= positions.step
        gap = zeros_text((positions.step - 1, *lengths))
        spaced = [f"[{shaping.concat.name}([item], {gap}) for item in ", *value, "]"]
        value = [f"{shaping.reshape.name}(", *spaced, f", {[filled, *lengths]})"]
        if positions.start + filled > length:
            filled = length - positions.start
            value = [*value, f"[:{filled}]"]
    before, after = positions.start, length - positions.start - filled
    if not before and not after:
        return value
    front = f"{zeros_text((before, *lengths))}, " if before else ""
    back = f", {zeros_text((after, *lengths))}" if after else ""
    return [f"{shaping.concat.name}({front}", *value, f"{back})"]
