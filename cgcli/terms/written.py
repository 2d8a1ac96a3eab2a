"""A term that came without a text, written as one: for messages, which show where in it something is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cgcli.emit.names import number_text
from cgcli.ops import positions, shaping
from cgcli.terms.columns import CALL, NUMBER

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cgcli.terms.columns import Place, Terms

    Pieces = list[str | tuple[Any]]
    """What is written: texts, and items between them, each in a tuple."""

LONGEST = 2_000
"""Characters of what is written; of a longer term the part that is asked for is written alone, or nothing."""


def written(terms: Terms, node: int) -> Place:
    """The row of a node as text, and where the node stands there."""

    def pieces(item: int) -> Pieces:
        symbol = terms.symbols[terms.symbol[item]]
        if symbol.kind == NUMBER:
            return [number_text(float(terms.numbers[item]))]
        operands = terms.operands[terms.first[item] : terms.first[item + 1]].tolist()
        static = [str(number) for number in symbol.static if number is not None]
        if not symbol.name:
            return [(operands[0],), f"[{static[0]}]"]
        return laid_out(symbol.name, operands, static, called=symbol.kind == CALL)

    return place_in(int(terms.roots[terms.row_of(node)]), node, pieces)


def laid_out(name: str, operands: Sequence[Any], static: Sequence[str] = (), *, called: bool = True) -> Pieces:
    """What a call is written as."""
    between: Pieces = []
    for each in operands:
        between += [", ", (each,)]
    if name == positions.take.name and len(operands) == 2:
        return [(operands[0],), "[", (operands[1],), "]"]
    if name == shaping.stack.name:
        return ["[", *between[1:], "]"]
    if not operands and not called:
        return [name]
    return [f"{name}(", *between[1:], *(f", {number}" for number in static), ")"]


def place_in(root: Any, item: Any, pieces: Callable[[Any], Pieces]) -> Place:
    """The text of a term and the place of an item in it, of the item alone where the term is long; nothing recurses.

    pieces: of an item, what it is written as.
    """
    for begin in (root, item):
        texts: list[str] = []
        length, found, inside = 0, (0, 0), -1
        pending: Pieces = [(begin,)]
        while pending and length <= LONGEST:
            each = pending.pop()
            if isinstance(each, str):
                texts.append(each)
                length += len(each)
            else:
                if each[0] is item and found == (0, 0) and inside < 0:
                    inside, found = len(pending), (length, length)
                pending.extend(reversed(pieces(each[0])))
            if len(pending) == inside:
                found, inside = (found[0], length), -1
        if not pending and length <= LONGEST:
            return "".join(texts), found
    return None, None
