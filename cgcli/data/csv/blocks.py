"""The bytes of a CSV file or pipe in blocks that end where a record ends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np

from cgcli.data.cells import LONGEST_CELL

QUOTE = ord('"')


class Source:
    """A stream from which pieces are taken that end with a line; bytes can be given back.

    waiting: what was read and not taken.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._ended = False
        self.waiting = b""

    def piece(self, size: int, *, patient: bool = True) -> bytes:
        """About so many bytes, or more where a line is longer; none at the end.

        patient: wait until a pipe has brought that many.
        """
        data, self.waiting = bytearray(self.waiting), b""
        searched = 0
        while not self._ended:
            wanted = max(size, len(data))  # twice as much each time, where so much can be had
            more = self._stream.read(wanted) if patient else self._stream.read1(wanted)  # type: ignore[attr-defined]
            self._ended = not more or (patient and len(more) < wanted)  # a terminal would ask for a second end
            data += more
            cut = line_end(data, len(data), searched)
            if cut and not self._ended:
                self.waiting = bytes(data[cut:])
                return bytes(data[:cut])
            searched = max(len(data) - 1, 0)  # a carriage return at the end is looked at again
        return bytes(data)

    def give_back(self, data: bytes) -> None:
        """Bytes that the next piece shall begin with."""
        self.waiting = data + self.waiting


def blocks(source: Source, size: int, delimiter: str) -> Iterator[tuple[bytes, bool]]:
    """Pieces of about so many bytes that begin with a record, and whether they are plain, which end with one too."""
    while data := source.piece(size):
        cut = plain_part(data, delimiter)
        while cut == 0 and len(data) <= LONGEST_CELL:
            more = source.piece(len(data))
            if not more:
                break
            data += more
            cut = plain_part(data, delimiter)
        if cut:
            source.give_back(data[cut:])
            yield data[:cut], True
        else:
            yield data, False


def plain_part(data: bytes, delimiter: str) -> int | None:
    """How many bytes, from the begin of a record to the end of one, are plain CSV: 0 where the record goes on.

    None where quotes stand elsewhere than around whole cells and twice inside of them. Where they do not, a line end
    is the end of a record if, and only if, the number of quotes in front of it is even.
    """
    if QUOTE not in data:
        return len(data)
    quotes = np.flatnonzero(np.frombuffer(data, np.uint8) == QUOTE)
    if not _stand_well(data, quotes[::2], delimiter):
        return None
    return _record_end(data, quotes.tolist()) if len(quotes) % 2 else len(data)


def _stand_well(data: bytes, opening: Any, delimiter: str) -> bool:
    """Whether quotes that open a cell follow a separator, a line end, or a quote that they double."""
    inner = opening[1:] if opening[0] == 0 else opening
    before = np.frombuffer(data, np.uint8)[inner - 1]
    return bool(np.isin(before, [ord(delimiter), ord("\n"), ord("\r"), QUOTE]).all())


def _record_end(data: bytes, quotes: list[int]) -> int:
    """Behind the last line end with an even number of quotes before it, of which there are an odd number; else 0."""
    for place in range(len(quotes) - 1, -1, -2):
        begin = quotes[place - 1] + 1 if place else 0
        if cut := line_end(data, quotes[place], begin):
            return cut
    return 0


def line_end(data: bytes | bytearray, end: int, begin: int = 0) -> int:
    """Behind the last line end of a part, 0 for none. A carriage return at the very end may be half of one."""
    return max(data.rfind(b"\n", begin, end), data.rfind(b"\r", begin, min(end, len(data) - 1))) + 1
