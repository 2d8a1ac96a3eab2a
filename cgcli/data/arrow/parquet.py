"""Parquet files, read page by page."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Any, BinaryIO

import pyarrow as pa
from pyarrow import parquet

from cgcli.data.arrow.batches import FAULTS, broken, sliced, sound, without_rows
from cgcli.data.arrow.columns import item_shape, require_numbers
from cgcli.data.table import Batch, Place, Table
from cgcli.errors import DataError

PAGES = 4 << 20
"""Bytes of a Parquet column that are read ahead; without a limit a whole row group would be."""


class ParquetTable(Table):
    """A Parquet file; of a row group only the pages at hand are in memory.

    span: the first of its rows and the one behind the last where only a part of it is read; a row keeps its number.
    """

    def __init__(self, path: str, stream: BinaryIO, span: tuple[int, int] | None = None) -> None:
        self.path = path
        self._span = span
        self._stream = stream
        try:
            named = os.path.isfile(str(stream.name))  # else it is standard input, or a copy of it
            source = pa.OSFile(stream.name) if named else pa.PythonFile(stream, mode="r")
            self._file = parquet.ParquetFile(source, buffer_size=PAGES, pre_buffer=False)
            self._schema = self._file.schema_arrow
            self.columns = list(self._schema.names)
        except FAULTS as error:
            raise broken(path, error) from None
        self.rows = self._file.metadata.num_rows if span is None else span[1] - span[0]
        self.size = self.rows

    def located(self, row: int) -> Place:
        """As every table."""
        return Place(self.path, row + (self._span[0] if self._span else 0))

    @property
    def group_starts(self) -> list[int]:
        """The first row of each row group, and how many rows there are."""
        metadata = self._file.metadata
        lengths = (metadata.row_group(group).num_rows for group in range(metadata.num_row_groups))
        return [0, *accumulate(lengths)]

    def nullable(self, names: Sequence[str]) -> frozenset[str]:
        """As every table; where each row group has counted its nulls, the schema's word is not the last."""
        schema = self._file.metadata.schema
        paths = {schema.column(place).path: place for place in range(len(schema))}
        return frozenset(
            name for name in names
            if self._schema.field(name).nullable and not (name in paths and self._has_no_null(paths[name]))
        )  # fmt: skip

    def _has_no_null(self, place: int) -> bool:
        """Whether the counts of all row groups say so of a column.

        Whoever asks for the statistics of a group whose type is not the schema's ends the process: pyarrow catches
        nothing there.
        """
        metadata = self._file.metadata
        kind = metadata.schema.column(place).physical_type
        chunks = [metadata.row_group(group).column(place) for group in range(metadata.num_row_groups)]
        if any(chunk.physical_type != kind for chunk in chunks):
            raise DataError(f"cannot read `{self.path}`: a column is not of the type that the schema says")
        counts = (chunk.statistics for chunk in chunks)
        return all(count is not None and count.has_null_count and not count.null_count for count in counts)

    def item_shape(self, name: str) -> tuple[int, ...]:
        """As every table: lists of a fixed length are arrays."""
        return item_shape(self._schema.field(name).type)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        self._stream.close()

    def batches(self, numbers: Sequence[str], kept: Sequence[str], rows: int) -> Iterator[Batch]:
        """As every table; columns are kept with their types."""
        for name in numbers:
            require_numbers(self._schema.field(name).type, self.path, name)
        wanted = list(dict.fromkeys([*numbers, *kept]))
        found = 0
        for block in sound(self._blocks(rows, wanted), self.path):
            found += block.num_rows
            columns = {name: block.column(name) for name in wanted}
            yield from sliced(columns, block.num_rows, numbers, kept, rows, block.num_rows)
        if found != self.rows:
            raise DataError(f"cannot read `{self.path}`: its footer claims {self.rows:,} rows, but it has {found:,}")
        if not found:
            yield from sliced(without_rows(self._schema, wanted), 0, numbers, kept, rows, 0)

    def _blocks(self, rows: int, wanted: Sequence[str]) -> Iterator[Any]:
        """The batches with the wanted columns only."""
        if self._span is None:
            yield from self._file.iter_batches(rows, columns=wanted, use_threads=False)
            return
        first, last = self._span
        starts = self.group_starts
        groups = [group for group in range(len(starts) - 1) if starts[group] < last and starts[group + 1] > first]
        blocks = self._file.iter_batches(rows, row_groups=groups, columns=wanted, use_threads=False)
        yield from cut(blocks, first - starts[groups[0]], last - first, rows)


def cut(blocks: Iterable[Any], skip: int, count: int, rows: int) -> Iterator[Any]:
    """So many rows of some blocks, after those that are skipped, in batches of the same length but for the last."""
    held: list[Any] = []
    for block in blocks:
        part = block.slice(min(skip, block.num_rows))
        skip -= block.num_rows - part.num_rows
        part = part.slice(0, count)
        count -= part.num_rows
        while part.num_rows:
            room = rows - sum(each.num_rows for each in held)
            held.append(part.slice(0, room))
            part = part.slice(room)
            if held[-1].num_rows == room:
                yield joined(held)
                held = []
        if not count:
            break
    if held:
        yield joined(held)


def joined(blocks: Sequence[Any]) -> Any:
    """Blocks as one."""
    if len(blocks) == 1:
        return blocks[0]
    (whole,) = pa.Table.from_batches(blocks).combine_chunks().to_batches()
    return whole
