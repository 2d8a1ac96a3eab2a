"""Equal parts of a term are one node, and what its value does not need is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cgcli.loops import MULTIPLIER

if TYPE_CHECKING:
    from typing import Any

MASK = 0x7FFFFFFF


def share(
    symbol: Any, number: Any, first: Any, operands: Any, begins: Any, roots: Any, slots: Any, moved: Any,
    kept: Any, new_operands: Any, new_first: Any, new_begins: Any,
) -> int:  # fmt: skip
    """Number the nodes anew, row by row: one for all with the same symbol, number and operands, and only needed ones.

    number: as int64, bit for bit. moved: gets the new position of each node, -1 where there is none. kept: gets the old
    one of each new node. slots: zeros, twice as many as the nodes of the largest row at least, and a power of two: a
    hash table with open addressing; an entry counts where it was made for this row. roots: changed in place. Returns
    how many nodes there are.
    """
    mask = len(slots) - 1
    made, used = 0, 0
    for row in range(len(roots)):
        begin, end, base = begins[row], begins[row + 1], made
        for node in range(begin, end):
            moved[node] = -1
        moved[roots[row]] = 0
        for node in range(end - 1, begin - 1, -1):
            if moved[node] == 0:
                for place in range(first[node], first[node + 1]):
                    moved[operands[place]] = 0
        for node in range(begin, end):
            if moved[node] < 0:
                continue
            size = first[node + 1] - first[node]
            hashed = (symbol[node] * 31 + (number[node] >> 32 ^ number[node]) & MASK) * MULTIPLIER & MASK
            for place in range(first[node], first[node + 1]):
                to = moved[operands[place]]
                new_operands[used + place - first[node]] = to
                hashed = ((hashed ^ (to - base)) * MULTIPLIER) & MASK
            slot = (hashed ^ hashed >> 15) & mask
            found = -1
            while slots[slot] > base:  # an entry is a position of this row, counted from 1
                other = slots[slot] - 1
                old = kept[other]
                if symbol[old] == symbol[node] and number[old] == number[node] and first[old + 1] - first[old] == size:
                    found = other
                    for each in range(size):
                        if new_operands[new_first[other] + each] != new_operands[used + each]:
                            found = -1
                            break
                    if found >= 0:
                        break
                slot = (slot + 1) & mask
            if found < 0:
                found = made
                kept[made] = node
                used += size
                made += 1
                slots[slot] = made
                new_first[made] = used
            moved[node] = found
        roots[row] = moved[roots[row]]
        new_begins[row + 1] = made
    return made


def table_for(begins: Any) -> Any:
    """Slots for the rows that begin at these nodes."""
    largest = int(np.diff(begins).max(initial=1))
    return np.zeros(1 << (2 * largest + 1).bit_length(), dtype=np.int64)
