"""Which node's derivative rule made a node, kept as runs of positions: rules add their nodes one after the other."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

UNKNOWN = -1
"""The origin of a node that no derivative rule made."""


class Origins:
    """Node -> the node whose rule made it, in growing order of nodes.

    first, end: the bounds of each run of nodes; source: their common origin. A node that was there before a rule used
    it again belongs to no run of that rule.
    """

    __slots__ = ("end", "first", "source")

    def __init__(self) -> None:
        self.first = array("i")
        self.end = array("i")
        self.source = array("i")

    def __eq__(self, other: object) -> bool:
        """Whether both tell the same of every node."""
        return isinstance(other, Origins) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def __bool__(self) -> bool:
        return bool(self.first)

    def note(self, first: int, end: int, source: int) -> None:
        """Enter the nodes from `first` to before `end`, which come after all that were entered before.

        source: UNKNOWN of nodes that derivative rules made, but nobody knows which.
        """
        if self.end and self.end[-1] == first and self.source[-1] == source:
            self.end[-1] = max(first, end)
        elif first < end:
            self.first.append(first)
            self.end.append(end)
            self.source.append(source)

    def note_all(self, first: Any, end: Any, source: Any) -> None:
        """Enter many runs at once, in their order, as columns of NumPy."""
        some = first < end
        for column, values in ((self.first, first), (self.end, end), (self.source, source)):
            column.frombytes(values[some].astype("int32").tobytes())

    def of(self, node: int) -> int:
        """The node whose rule made a node, or UNKNOWN."""
        run = bisect_right(self.first, node) - 1
        return self.source[run] if run >= 0 and node < self.end[run] else UNKNOWN

    def has(self, node: int) -> bool:
        """Whether a derivative rule made a node."""
        run = bisect_right(self.first, node) - 1
        return run >= 0 and node < self.end[run]

    def chain(self, node: int) -> list[int]:
        """The origin of a node, the origin of that one and so on: as many as there were derivatives taken."""
        found: list[int] = []
        origin = self.of(node)
        while origin != UNKNOWN:
            found.append(origin)
            origin = self.of(origin)
        return found

    def until(self, length: int) -> Origins:
        """The same for a graph that begins as this one does and has so many nodes."""
        found = Origins()
        runs = bisect_left(self.first, length)
        found.first, found.end, found.source = self.first[:runs], self.end[:runs], self.source[:runs]
        if runs:
            found.end[-1] = min(found.end[-1], length)
        return found

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """Node and origin, one after the other."""
        for first, end, source in zip(self.first, self.end, self.source, strict=True):
            for node in range(first, end):
                yield node, source

    def moved(self, places: Sequence[int], gone: int) -> Origins:
        """The same for nodes that have moved to other places; `gone` stands for one that has none."""
        known: dict[int, int] = {}
        for node, source in self:
            if places[node] != gone and places[source] != gone and places[node] > places[source]:
                known.setdefault(places[node], places[source])
        new = Origins()
        for node in sorted(known):
            new.note(node, node + 1, known[node])
        return new
