"""Nodes in any order, sorted so that operands stand before what they are operands of."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

NEW, OPEN = -1, -2
"""Of a node that is not placed yet: nothing is done; its operands are under way."""


def sort(
    first: Any, operands: Any, begins: Any, moved: Any, order: Any, stack: Any, new_first: Any, new_operands: Any
) -> int:  # fmt: skip
    """Place the nodes of each row, of which the first one is the root; returns a node that is its own part, or -1.

    moved: NEW everywhere; gets the new position of each node. order: gets the old one of each place. stack: one longer
    than the operands.
    See R. Tarjan, Edge-disjoint spanning trees and depth-first search, Acta Informatica 6 (1976), for the order.
    """
    made, used = 0, 0
    for row in range(len(begins) - 1):
        height = 1
        stack[0] = begins[row]
        while height > 0:
            node = stack[height - 1]
            if moved[node] >= 0:
                height -= 1
                continue
            ready = True
            if moved[node] == NEW:
                moved[node] = OPEN
                for place in range(first[node + 1] - 1, first[node] - 1, -1):
                    operand = operands[place]
                    if moved[operand] == OPEN:
                        return operand
                    if moved[operand] == NEW:
                        ready = False
                        stack[height] = operand
                        height += 1
            if ready:
                height -= 1
                moved[node] = made
                order[made] = node
                made += 1
                for place in range(first[node], first[node + 1]):
                    new_operands[used] = moved[operands[place]]
                    used += 1
                new_first[made] = used
    return -1
