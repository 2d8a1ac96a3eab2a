"""The loop that writes a formula: pieces of text and operands still to be expanded, from the left to the right."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Slot = tuple[int, int, int]
    """An operand still to be written: its node, the least precedence that needs no parentheses, and flags."""
    Piece = str | Slot

POSTFIX = 90
"""The level of names, numbers, brackets and calls: nothing is tighter."""


def write(pieces: list[Piece], expand: Callable[[Slot], list[Piece]]) -> str:
    """The text of pieces, every operand expanded until only text is left; costs what it writes."""
    done: list[str] = []
    pending = pieces[::-1]
    while pending:
        piece = pending.pop()
        if isinstance(piece, str):
            done.append(piece)
        else:
            pending.extend(expand(piece)[::-1])
    return "".join(done)


def joined(arguments: Iterable[Piece], comma: str = ", ") -> list[Piece]:
    """Pieces with commas between them."""
    pieces: list[Piece] = []
    for argument in arguments:
        if pieces:
            pieces.append(comma)
        pieces.append(argument)
    return pieces
