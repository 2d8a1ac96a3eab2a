"""Colouring: which columns of a sparse matrix one product can tell apart, so that it takes as many products as colours.

A matrix whose columns of one colour share no row is read off its products with one vector a colour: A. R. Curtis,
M. J. D. Powell and J. K. Reid, On the estimation of sparse Jacobian matrices, IMA J. Appl. Math. 13, 1974. A symmetric
one needs fewer, since each entry stands in it twice: a star colouring (algorithm 4.1 of A. H. Gebremedhin, F. Manne
and A. Pothen, What color is your Jacobian?, SIAM Review 47, 2005). Numbers of colours are those of a greedy choice
in the order of the columns.
"""

from __future__ import annotations

from cgcli.loops import swept

TYPE_CHECKING = False
if TYPE_CHECKING:
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


MORE, SMALL, FIRST = 4, 5_000, 4_096
"""Colours beside the least number that are tried in turn; entries up to which a greedy choice is tried, too; entries
that are looked at first."""


def _in_turn(pattern: Any) -> Any:
    """Colours 0, 1, 2, 0, 1, 2, … where columns of one colour share no row then, else None.

    There are hardly more than the entries of the fullest row, and no colouring has fewer than those: it fits bands, and
    what is made of some bands beside each other, as grids are.
    """
    import numpy as np

    counts = np.diff(pattern.indptr)
    least = int(counts.max(initial=1))
    filled = np.flatnonzero(counts)
    first, last = pattern.indices[pattern.indptr[filled]], pattern.indices[pattern.indptr[filled + 1] - 1]
    width = int((last - first).max(initial=0)) + 1
    columns = np.arange(pattern.shape[1])
    if width <= least + 1:
        return columns % width
    row = rows_of(pattern)
    for count in range(least, least + min(MORE, least)):
        colours = columns % count
        parts = (slice(FIRST), slice(None))  # a few entries show most of what cannot be
        if all(np.bincount(row[part] * count + colours[pattern.indices[part]]).max() <= 1 for part in parts):
            return colours
    return None


def _is_even(pattern: Any) -> bool:
    """Whether rows have about as many entries as the fullest one: then a star colouring hardly saves a colour."""
    import numpy as np

    counts = np.diff(pattern.indptr)
    return bool(2 * pattern.nnz > int(counts.max(initial=0)) * np.count_nonzero(counts))


def _greedy(pattern: Any) -> Any:
    """The first colour that no column before has in a shared row."""
    import numpy as np

    turned = pattern.tocsc()
    colours = np.full(pattern.shape[1], -1, dtype=np.int64)
    taken = np.full(pattern.shape[1] + 1, -1)
    swept(distance_two, pattern.nnz, pattern.indptr, pattern.indices, turned.indptr, turned.indices, colours, taken)
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
