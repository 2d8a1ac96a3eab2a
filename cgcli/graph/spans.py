"""Places in the text of many nodes, as columns: a dictionary of a million entries would be too slow and too large."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, MutableMapping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cgcli.errors import Span

NONE = -1


class SpanTable(MutableMapping[int, "Span"]):
    """Node -> place, as a dictionary would hold it, in 8 bytes a node; iteration is in the order of nodes."""

    __slots__ = ("begin", "end")

    def __init__(self, spans: Mapping[int, Span] | None = None) -> None:
        self.begin = array("i")
        self.end = array("i")
        for node, span in (spans or {}).items():
            self[node] = span

    def __getitem__(self, node: int) -> Span:
        if not 0 <= node < len(self.begin) or self.begin[node] == NONE:
            raise KeyError(node)
        return self.begin[node], self.end[node]

    def __setitem__(self, node: int, span: Span) -> None:
        if node >= len(self.begin):
            self._reach(node + 1)
        self.begin[node], self.end[node] = span

    def __delitem__(self, node: int) -> None:
        self[node]
        self.begin[node] = NONE

    def __iter__(self) -> Iterator[int]:
        return (node for node, begin in enumerate(self.begin) if begin != NONE)

    def __len__(self) -> int:
        return len(self.begin) - self.begin.count(NONE)

    def __copy__(self) -> SpanTable:
        twin = SpanTable()
        twin.begin, twin.end = self.begin[:], self.end[:]
        return twin

    def extend(self, first: int, begin: Any, end: Any) -> None:
        """Enter the places of nodes from `first` on: bytes of 32-bit numbers, -1 where a node has no place."""
        self._reach(first)
        self.begin.frombytes(begin)
        self.end.frombytes(end)

    def _reach(self, size: int) -> None:
        missing = size - len(self.begin)
        self.begin.extend(array("i", [NONE]) * missing)
        self.end.extend(array("i", [NONE]) * missing)
