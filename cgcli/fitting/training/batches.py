"""The rows of a training: batches in an order that follows from a seed and the number of the epoch alone.

What fits into memory is shuffled as a whole. Of more, as many rows as fit into a buffer are read in the order of the
table, shuffled among themselves and handed out, then the next ones; so a table that is sorted by what is to be learned
should be shuffled before. In both cases the batches of an epoch can be found again from its number: nothing but that
number and the number of batches has to be remembered to go on in the middle.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cgcli.data.table import names_of, values_of
from cgcli.draws import order
from cgcli.errors import DataError
from cgcli.fitting.checkpoints import columns_mark, rows_mark
from cgcli.rows.elements import listed
from cgcli.rows.sources import WholeRows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from cgcli.data.table import Named, Place
    from cgcli.rows.sources import Source

MEMORY = 1 << 31
"""Bytes of a table that are kept in memory: 2 GiB."""

BUFFER = 1 << 28
"""Bytes of rows that are shuffled together of a table that is larger than that: 256 MiB."""

CHUNK = 4096
"""Rows of a table in memory that a pass in order takes at once."""


class Batch(NamedTuple):
    """Some rows. columns: by input, the rows in front. rows: how many. located: where the row at a place stands."""

    columns: dict[str, Any]
    rows: int
    located: Callable[[int], Place]


class Rows:
    """The columns that inputs come from. rows: how many are without a gap. report: of those that are not."""

    def __init__(self, inputs: Mapping[str, Named], whole: WholeRows) -> None:
        self._inputs = dict(inputs)
        self.rows = whole.counted()
        self.report = whole.report
        self._located = whole.source.located

    def shuffled(self, seed: int, epoch: int, size: int, first: int = 0) -> Iterator[Batch]:
        """The batches of an epoch from the one with a number on; the last one may be smaller. Arrays are reused."""
        raise NotImplementedError

    def in_order(self) -> Iterator[Batch]:
        """All rows in the order of the table."""
        raise NotImplementedError

    def fingerprint(self) -> str:
        """What tells these rows from others."""
        raise NotImplementedError

    def batches(self, size: int) -> int:
        """How many batches of so many rows an epoch has."""
        return -(-self.rows // size)

    def _arrays(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        """The values of inputs from columns by their names."""
        return {name: values_of(column, columns) for name, column in self._inputs.items()}


class MemoryRows(Rows):
    """Rows that are in memory."""

    def __init__(self, inputs: Mapping[str, Named], whole: WholeRows, columns: Mapping[str, Any]) -> None:
        super().__init__(inputs, whole)
        (part,) = whole.parts()
        self._numbers = part.numbers()
        self._values = {name: np.ascontiguousarray(value) for name, value in self._arrays(columns).items()}

    def shuffled(self, seed: int, epoch: int, size: int, first: int = 0) -> Iterator[Batch]:
        """As all rows."""
        places = order(seed, f"order of epoch {epoch}", self.rows)
        buffers = {name: np.empty((min(size, self.rows), *value.shape[1:])) for name, value in self._values.items()}
        for begin in range(first * size, self.rows, size):
            yield self._taken(places[begin : begin + size], buffers)

    def _taken(self, places: Any, buffers: Mapping[str, Any]) -> Batch:
        count = len(places)
        columns = {name: value.take(places, axis=0, out=buffers[name][:count], mode="clip")
                   for name, value in self._values.items()}  # fmt: skip
        return Batch(columns, count, lambda place: self._located(int(self._numbers[places[place]])))

    def in_order(self) -> Iterator[Batch]:
        """As all rows."""
        for begin in range(0, self.rows, CHUNK):
            columns = {name: value[begin : begin + CHUNK] for name, value in self._values.items()}
            yield Batch(columns, min(CHUNK, self.rows - begin),
                        lambda place, begin=begin: self._located(int(self._numbers[begin + place])))  # type: ignore[misc]  # fmt: skip

    def fingerprint(self) -> str:
        """As all rows: of every number."""
        return columns_mark(self.rows, [self._values])


class StreamedRows(Rows):
    """Rows that are read anew in every epoch."""

    def __init__(self, inputs: Mapping[str, Named], whole: WholeRows) -> None:
        super().__init__(inputs, whole)
        self._whole = whole

    def shuffled(self, seed: int, epoch: int, size: int, first: int = 0) -> Iterator[Batch]:
        """As all rows: shuffled within buffers."""
        batch = 0
        for number, (columns, numbers) in enumerate(self._buffers(size)):
            rows = len(numbers)
            if batch + -(-rows // size) <= first:  # it was seen before
                batch += -(-rows // size)
                continue
            places = order(seed, f"order of epoch {epoch}, buffer {number}", rows)
            arrays = self._arrays(columns)
            for begin in range(0, rows, size):
                batch += 1
                if batch > first:
                    chosen = places[begin : begin + size]
                    yield Batch({name: value.take(chosen, axis=0) for name, value in arrays.items()}, len(chosen),
                                lambda place, at=numbers[chosen]: self._located(int(at[place])))  # type: ignore[misc]  # fmt: skip

    def in_order(self) -> Iterator[Batch]:
        """As all rows."""
        for part in self._whole.parts():
            yield Batch(self._arrays(part.columns), part.rows,
                        lambda place, part=part: self._located(part.number(place)))  # type: ignore[misc]  # fmt: skip

    def fingerprint(self) -> str:
        """As all rows: of how many there are, and of the first ones."""
        return rows_mark(self._whole)

    def _buffers(self, size: int) -> Iterator[tuple[dict[str, Any], Any]]:
        """Rows by the buffer, whole batches of them but for the last: columns by name, and numbers of the rows."""
        held: list[tuple[dict[str, Any], Any]] = []
        count = 0
        for part in self._whole.parts():
            width = 8 + sum(column.nbytes for column in part.columns.values()) // max(part.rows, 1)
            height = max(BUFFER // width // size, 1) * size
            held.append((part.columns, part.numbers()))
            count += part.rows
            while count >= height:
                columns, numbers = joined(held)
                yield {name: column[:height] for name, column in columns.items()}, numbers[:height]
                count -= height
                held = [({name: column[height:] for name, column in columns.items()}, numbers[height:])]
        if count:
            yield joined(held)


def joined(parts: list[tuple[dict[str, Any], Any]]) -> tuple[dict[str, Any], Any]:
    """Parts one behind the other."""
    if len(parts) == 1:
        return parts[0]
    columns = {name: np.concatenate([columns[name] for columns, _ in parts]) for name in parts[0][0]}
    return columns, np.concatenate([numbers for _, numbers in parts])


def rows_of(inputs: Mapping[str, Named], source: Source, *, limit: int | None = None) -> Rows:
    """The rows of a source, in memory where they fit. DataError where none is without a gap, or cannot be read.

    limit: at most so many rows are read.
    """
    whole = WholeRows(source, names_of(inputs.values()), memory=MEMORY, limit=limit)
    if not whole.counted():
        raise DataError(f"`{source.name}` has no row without a gap in {listed(whole.columns)}")
    columns = whole.in_memory()
    return MemoryRows(inputs, whole, columns) if columns is not None else StreamedRows(inputs, whole)
