"""The bytes of a CSV file or pipe in blocks that end where a record ends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

QUOTE = ord('"')


class Source:
    """A stream from which pieces are taken that end with a line; bytes can be given back.

    waiting: what was read and not taken.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.waiting = b""

    def piece(self, size: int, *, patient: bool = True) -> bytes:
        """About so many bytes, or more where a line is longer; none at the end.

        patient: wait until a pipe has brought that many.
        """
        data, self.waiting = self.waiting, b""
        while True:
            wanted = max(size, len(data))  # twice as much each time: a long line is not copied more often than that
            more = self._stream.read(wanted) if patient else self._stream.read1(wanted)  # type: ignore[attr-defined]
            data += more
            cut = line_end(data, len(data)) if more else len(data)
            if cut or not more:
                self.waiting = data[cut:]
                return data[:cut]

    def give_back(self, data: bytes) -> None:
        """Bytes that the next piece shall begin with."""
        self.waiting = data + self.waiting


def blocks(source: Source, size: int, delimiter: str) -> Iterator[tuple[bytes, bool]]:
    """Pieces of about so many bytes that begin with a record, and whether they are plain.

    A plain one ends with a record too, and its quotes stand where they should: around whole cells, and twice inside of
    them. Then a line end is the end of a record if, and only if, the number of quotes in front of it is even.
    """
    while data := source.piece(size):
        if QUOTE not in data:
            yield data, True
            continue
        quotes = np.flatnonzero(np.frombuffer(data, np.uint8) == QUOTE)
        if not _stand_well(data, quotes[::2], delimiter):
            yield data, False
            continue
        cut = _record_end(data, quotes.tolist()) if len(quotes) % 2 else len(data)
        if cut:
            source.give_back(data[cut:])
            yield data[:cut], True
        else:  # a record that is longer than the piece
            source.give_back(data)
            more = source.piece(2 * len(data))
            source.give_back(more)
            if len(more) > len(data):
                size = 2 * len(data)
            else:  # there is no more: the last quote is not closed
                yield source.piece(size), False


def _stand_well(data: bytes, opening: np.ndarray, delimiter: str) -> bool:
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


def line_end(data: bytes, end: int, begin: int = 0) -> int:
    """Behind the last line end of a part, 0 for none. A carriage return at the very end may be half of one."""
    return max(data.rfind(b"\n", begin, end), data.rfind(b"\r", begin, min(end, len(data) - 1))) + 1
