"""Colouring: which columns of a sparse matrix one product can tell apart, so that it takes as many products as colours.

A matrix whose columns of one colour share no row is read off its products with one vector a colour: A. R. Curtis,
M. J. D. Powell and J. K. Reid, On the estimation of sparse Jacobian matrices, IMA J. Appl. Math. 13, 1974. A symmetric
one needs fewer, since each entry stands in it twice: a star colouring (algorithm 4.1 of A. H. Gebremedhin, F. Manne
and A. Pothen, What color is your Jacobian?, SIAM Review 47, 2005). Numbers of colours are those of a greedy choice
in the order of the columns.
"""

from __future__ import annotations

from itertools import pairwise, product

from cgcli.loops import is_large, swept

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any


class Colouring:
    """Colours of columns, and where the entries of the matrix stand in its products.

    colours: one a column, from 0. count: how many there are. row, colour: of each entry of the pattern, in its order,
    the row and the column of the product (rows of the matrix by colours) where it stands.
    """

    __slots__ = ("colour", "colours", "count", "row")

    def __init__(self, colours: Any, row: Any, colour: Any) -> None:
        self.colours = colours
        self.count = int(colours.max(initial=-1)) + 1
        self.row = row
        self.colour = colour


def column_colouring(pattern: Any) -> Colouring:
    """Colours such that the columns of one colour share no row. pattern: a CSR matrix with sorted rows."""
    colours = column_colours(pattern)
    return Colouring(colours, rows_of(pattern), colours[pattern.indices])


def star_colouring(pattern: Any) -> Colouring:
    """Colours of a symmetric pattern such that each entry, or its mirror image, is alone in its product."""
    import numpy as np

    colours, row, column = star_colours(pattern), rows_of(pattern), pattern.indices
    count = int(colours.max(initial=-1)) + 1
    place = row * count + colours[column]
    alone = np.bincount(place, minlength=1)[place] == 1
    return Colouring(colours, np.where(alone, row, column), np.where(alone, colours[column], colours[row]))


def mirrored(pattern: Any, colouring: Colouring) -> Colouring:
    """A colouring of the transpose of a pattern as one of its rows: where its entries stand, in the pattern's order."""
    import numpy as np

    order = np.argsort(pattern.indices, kind="stable")  # the entries of the transpose, in the order of its own rows
    row, colour = np.empty_like(colouring.row), np.empty_like(colouring.colour)
    row[order], colour[order] = colouring.row, colouring.colour
    return Colouring(colouring.colours, row, colour)


def column_colours(pattern: Any) -> Any:
    """A colour for each column, such that those of one colour share no row."""
    import numpy as np

    colours = _in_turn(pattern)
    least = int(np.diff(pattern.indptr).max(initial=0))
    if colours is not None and (pattern.nnz > SMALL or colours.max(initial=-1) < least):
        return colours
    others = _greedy(pattern)
    return others if colours is None or others.max(initial=-1) < colours.max(initial=-1) else colours


def star_colours(pattern: Any) -> Any:
    """A colour for each column of a symmetric pattern, such that every path of four vertices has three colours."""
    import numpy as np

    colours = _in_turn(pattern) if _is_even(pattern) else None
    if colours is None:
        colours = np.full(pattern.shape[0], -1, dtype=np.int64)
        swept(star, pattern.nnz, pattern.indptr, pattern.indices, colours, np.full(pattern.shape[0] + 1, -1))
    return colours


def rows_of(pattern: Any) -> Any:
    """The row of each entry of a CSR matrix."""
    import numpy as np

    return np.repeat(np.arange(pattern.shape[0]), np.diff(pattern.indptr))


MORE, SMALL = 4, 5_000
"""Colours beside the least number that are tried in turn; entries up to which a greedy choice is tried, too."""

MOST_IN_TURN = 48
"""Colours of which a row holds one bit each."""

STRIDES, MOST_SHIFTS, TRIALS = 4, 400, 6
"""Strides of a grid that are looked at; ways to shift that are tried on some rows, and on all of them."""


def _in_turn(pattern: Any) -> Any:
    """Colours 0, 1, 2, 0, 1, 2, … where columns of one colour share no row then, else None.

    There are hardly more than the entries of the fullest row, and no colouring has fewer than those: it fits bands, and
    what is made of some bands beside each other, as grids are, where the turn is shifted from one line to the next.
    """
    import numpy as np

    counts = np.diff(pattern.indptr)
    least = int(counts.max(initial=1))
    columns = np.arange(pattern.shape[1])
    lines = _some_rows(pattern)
    if all(not line or line[-1] - line[0] <= least for line in lines.values()):
        filled = np.flatnonzero(counts)
        first, last = pattern.indices[pattern.indptr[filled]], pattern.indices[pattern.indptr[filled + 1] - 1]
        width = int((last - first).max(initial=0)) + 1
        if width <= least + 1:
            return _remainders(columns, width)
    trials = TRIALS
    for count, shifts in _shifts(lines, least):
        colours = columns.copy()
        for stride, shift in shifts:
            colours += shift * (columns // stride)
        colours = _remainders(colours, count)
        if _are_apart(pattern, colours, counts):
            return colours
        trials -= 1
        if not trials:
            break
    return None


def _some_rows(pattern: Any) -> dict[int, list[int]]:
    """The columns of some rows: of the first and the last ones, and of some between."""
    height = pattern.shape[0]
    chosen = {0, 1, *range(0, height, max(1, height // 7)), height - 2, height - 1}
    ends = pattern.indptr
    return {row: pattern.indices[ends[row] : ends[row + 1]].tolist() for row in sorted(chosen) if 0 <= row < height}


def _shifts(
    lines: Mapping[int, list[int]], least: int
) -> Iterator[tuple[int, tuple[tuple[int, int], ...]]]:  # fmt: skip
    """Numbers of colours, from the least one on, and shifts by stride with which these rows have each colour once."""
    apart = {abs(column - row) for row, line in lines.items() for column in line}
    strides = sorted(apart - {0, 1})
    if len(strides) > STRIDES:
        strides = strides[:: max(1, (len(strides) - 1) // (STRIDES - 1))][:STRIDES]
    left = MOST_SHIFTS
    for count in range(least, min(least + min(MORE, least), MOST_IN_TURN)):
        ways: list[tuple[tuple[int, int], ...]] = [()]
        ways += [((stride, shift),) for stride in strides for shift in range(1, count)]
        both = list(product(range(1, count), repeat=2))
        ways += [((one, a), (two, b)) for one, two in pairwise(strides) for a, b in both]
        for way in ways:
            left -= 1
            if left < 0:
                return
            if all(len({_colour(column, way) % count for column in line}) == len(line) for line in lines.values()):
                yield count, way


def _colour(column: int, shifts: Iterable[tuple[int, int]]) -> int:
    """The turn of a column."""
    return column + sum(shift * (column // stride) for stride, shift in shifts)


def _remainders(numbers: Any, count: int) -> Any:
    """Remainders of numbers that are not negative; NumPy's own take twice as long."""
    return numbers - numbers // count * count


def _are_apart(pattern: Any, colours: Any, counts: Any) -> bool:
    """Whether every row has as many colours as it has entries: each is a bit, and sums of different ones keep them."""
    import numpy as np

    bits = np.left_shift(1, colours, dtype=np.int64)
    total = np.zeros(pattern.nnz + 1, dtype=np.int64)
    np.cumsum(bits.take(pattern.indices.astype(np.int64)), out=total[1:])  # wraps around, and so does the difference
    sums = np.diff(total[pattern.indptr])
    if hasattr(np, "bitwise_count"):  # NumPy 2
        return bool((np.bitwise_count(sums) == counts).all())
    return bool((sum(sums >> place & 1 for place in range(63)) == counts).all())


def _is_even(pattern: Any) -> bool:
    """Whether rows have about as many entries as the fullest one: then a star colouring hardly saves a colour."""
    import numpy as np

    counts = np.diff(pattern.indptr)
    return bool(2 * pattern.nnz > int(counts.max(initial=0)) * np.count_nonzero(counts))


def _greedy(pattern: Any) -> Any:
    """The first colour that no column before has in a shared row."""
    import numpy as np

    turned = pattern.tocsc()
    if not is_large(distance_two, pattern.nnz):
        return np.array(_greedy_by_bits(turned, pattern.shape[0]), dtype=np.int64)
    colours = np.full(pattern.shape[1], -1, dtype=np.int64)
    taken = np.full(pattern.shape[1] + 1, -1)
    swept(distance_two, pattern.nnz, pattern.indptr, pattern.indices, turned.indptr, turned.indices, colours, taken)
    return colours


def _greedy_by_bits(turned: Any, rows: int) -> list[int]:
    """The same, with the colours of a row as bits of an integer: many times quicker in Python than `distance_two`."""
    taken, colours = [0] * rows, []
    places = turned.indices.tolist()
    for begin, end in pairwise(turned.indptr.tolist()):
        own, others = places[begin:end], 0
        for row in own:
            others |= taken[row]
        first = ~others & (others + 1)
        for row in own:
            taken[row] |= first
        colours.append(first.bit_length() - 1)
    return colours


# ---- the loops -------------------------------------------------------------------------------------------------------


def distance_two(start: Any, columns: Any, begin: Any, rows: Any, colours: Any, taken: Any) -> None:
    """Give each column the first colour that is not taken by a column that shares a row.

    start, columns: of each row the columns with an entry; begin, rows: of each column the rows. taken: room.
    """
    for column in range(len(colours)):
        for place in range(begin[column], begin[column + 1]):
            row = rows[place]
            for other in range(start[row], start[row + 1]):
                colour = colours[columns[other]]
                if colour >= 0:
                    taken[colour] = column
        first = 0
        while taken[first] == column:
            first += 1
        colours[column] = first


def star(start: Any, columns: Any, colours: Any, taken: Any) -> None:
    """Give each vertex of a symmetric graph a colour such that every path of four vertices has three colours."""
    for vertex in range(len(colours)):
        for near in range(start[vertex], start[vertex + 1]):
            second = columns[near]
            if second == vertex:
                continue
            if colours[second] >= 0:
                taken[colours[second]] = vertex
            for beyond in range(start[second], start[second + 1]):
                third = columns[beyond]
                if third in (vertex, second) or colours[third] < 0:
                    continue
                if colours[second] < 0:
                    taken[colours[third]] = vertex
                    continue
                for last in range(start[third], start[third + 1]):
                    fourth = columns[last]
                    if fourth != second and fourth != third and colours[fourth] == colours[second]:
                        taken[colours[third]] = vertex
                        break
        first = 0
        while taken[first] == vertex:
            first += 1
        colours[vertex] = first
