"""CSV, Parquet and Arrow/Feather files through pyarrow."""

from __future__ import annotations

import io
from codecs import BOM_UTF8 as BOM
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import Any, BinaryIO

import pyarrow as pa
from pyarrow import csv as arrow_csv
from pyarrow import ipc, parquet

from cgcli.data import plain_csv
from cgcli.data.arrow_columns import (
    arrow_of,
    cell_text,
    for_csv,
    has_text,
    is_text,
    needs_quotes,
    numbers_of,
    plain,
    require_numbers,
)
from cgcli.data.csv_blocks import Source, blocks
from cgcli.data.plain_csv import file_size, header_line
from cgcli.data.table import Batch, Column, Table, Writer
from cgcli.errors import DataError

BLOCK = 4 << 20
"""Bytes of CSV that are parsed at a time: large enough for a good rate, small beside what a process may take."""

ARROWS_MOST = 2**31 - 2
"""Bytes that Arrow's reader takes as one block."""

SAMPLE = 1 << 16
PAGES = 4 << 20
"""Bytes of a Parquet column that are read ahead; without a limit a whole row group would be."""


class CsvTable(Table):
    """A file or a pipe whose first record names the columns. Every cell is read as text: no type is guessed.

    Arrow reads blocks that are plain CSV. What is not, or what Arrow refuses, is read by Python's module, which takes
    whatever other programs write, and knows the row of a fault.
    """

    is_text = True

    def __init__(self, path: str, stream: BinaryIO, delimiter: str, block: int = BLOCK) -> None:
        self.path = path
        self._stream = stream
        self._delimiter = delimiter
        self._block = block
        self._source = Source(stream)
        self.size = file_size(stream)
        self.columns = self._header()
        self.rows = self._estimate()

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    def batches(self, numbers: Sequence[str], kept: Sequence[str], rows: int) -> Iterator[Batch]:
        """As every table; texts are kept as they stand."""
        places = {name: self.columns.index(name) for name in dict.fromkeys([*numbers, *kept])}
        empty = True
        for columns, count, read in self._parsed(places):
            empty = False
            yield from sliced(columns, count, numbers, kept, rows, read)
        if empty:
            yield from sliced(dict.fromkeys(places, pa.array([], pa.string())), 0, numbers, kept, rows, 0)

    def _parsed(self, places: Mapping[str, int]) -> Iterator[tuple[dict[str, Any], int, int]]:
        """Columns of texts, how many rows, and how many bytes; Arrow reads a block ahead in a thread.

        The thread gets bytes and never waits for the stream or for Python, so that it ends when its block does.
        """
        rows = 0
        waiting: tuple[bytes, Any] | None = None
        with ThreadPoolExecutor(1) as pool:
            for data, plain in chain(blocks(self._source, self._block, self._delimiter), [(b"", False)]):
                task = pool.submit(self._by_arrow, data, places) if plain else None
                if waiting is not None:
                    found = waiting[1].result() or self._by_python(waiting[0], places, rows + 1)
                    rows += found[1]
                    yield found
                waiting = None if task is None else (data, task)
                if task is None and data:
                    found = self._by_python(data, places, rows + 1)
                    rows += found[1]
                    yield found

    def _by_arrow(self, data: bytes, places: Mapping[str, int]) -> tuple[dict[str, Any], int, int] | None:
        """The columns of a block, the numbers of its rows and its bytes, None where Arrow refuses."""
        if len(data) > ARROWS_MOST or data.startswith(BOM):
            return None
        names = [str(place) for place in range(len(self.columns))]
        wanted = [str(place) for place in places.values()]
        try:
            table = arrow_csv.read_csv(
                pa.BufferReader(data),
                arrow_csv.ReadOptions(block_size=len(data) + 1, column_names=names, use_threads=False),
                arrow_csv.ParseOptions(delimiter=self._delimiter, newlines_in_values=True),
                arrow_csv.ConvertOptions(
                    include_columns=wanted, column_types=dict.fromkeys(wanted, pa.string()), strings_can_be_null=False
                ),
            )
        except pa.ArrowInvalid:
            return None
        columns = {name: column.chunk(0) for name, column in zip(places, table.columns, strict=True)}
        return columns, table.num_rows, len(data)

    def _by_python(self, data: bytes, places: Mapping[str, int], first: int) -> tuple[dict[str, Any], int, int]:
        """As `_by_arrow`; a block that is not plain goes on to the end of its last record."""
        while True:
            lines = plain_csv.text_of(io.BytesIO(data), "utf-8")
            try:
                found = list(plain_csv.records(lines, self._delimiter, self.path, first))
            except plain_csv.Unclosed:
                more = self._source.piece(max(self._block, len(data)))
                if not more:
                    raise
                data += more
                continue
            texts = plain_csv.columns_of(found, places, len(self.columns), self.path, first)
            return {name: pa.array(column, pa.string()) for name, column in texts.items()}, len(found), len(data)

    def _header(self) -> list[str]:
        """The names of the columns; the source stands behind them then."""
        data = self._source.piece(SAMPLE, patient=False).removeprefix(BOM)
        while True:
            lines = Counted(plain_csv.text_of(io.BytesIO(data), "utf-8"))
            names: list[str] = []
            fault: DataError | None = None
            try:
                names = next(plain_csv.records(lines, self._delimiter, self.path), [])
            except plain_csv.Unclosed as error:
                fault = error
            more = b"" if names else self._source.piece(max(SAMPLE, len(data)), patient=False)
            if more:
                data += more
            elif fault is not None:
                raise fault
            else:
                self._source.give_back(data[lines.bytes :])
                return plain_csv.header(names, self.path)

    def _estimate(self) -> int:
        """Rows by the length of the first ones; for a pipe, which must not be waited for, as many as have come."""
        if self.size is None:
            return lines_of(self._source.waiting)
        sample = self._source.piece(SAMPLE)
        self._source.give_back(sample)
        return lines_of(sample) * self.size // max(len(sample), 1)


def lines_of(data: bytes) -> int:
    """About how many lines there are, whatever ends them."""
    return max(data.count(b"\n"), data.count(b"\r"))


class Counted:
    """Lines of a text, and how many bytes those were that have been taken."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = lines
        self.bytes = 0

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            self.bytes += len(line.encode(errors="surrogateescape"))
            yield line


class ParquetTable(Table):
    """A Parquet file; of a row group only the pages at hand are in memory."""

    def __init__(self, path: str, stream: BinaryIO) -> None:
        self.path = path
        self._stream = stream
        try:
            self._file = parquet.ParquetFile(pa.OSFile(path), buffer_size=PAGES, pre_buffer=False)
        except (pa.ArrowException, OSError) as error:
            raise broken(path, error) from None
        self._schema = self._file.schema_arrow
        self.columns = list(self._schema.names)
        self.rows = self._file.metadata.num_rows
        self.size = self.rows

    def nullable(self, names: Sequence[str]) -> frozenset[str]:
        """As every table; where each row group has counted its nulls, the schema's word is not the last."""
        found = set()
        for name in names:
            field = self._schema.field(name)
            if field.nullable and not self._has_no_null(name):
                found.add(name)
        return frozenset(found)

    def _has_no_null(self, name: str) -> bool:
        """Whether the counts of all row groups say so."""
        metadata = self._file.metadata
        paths = [metadata.schema.column(place).path for place in range(metadata.num_columns)]
        if name not in paths:
            return False
        place = paths.index(name)
        counts = (metadata.row_group(group).column(place).statistics for group in range(metadata.num_row_groups))
        return all(count is not None and count.has_null_count and not count.null_count for count in counts)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        self._stream.close()

    def batches(self, numbers: Sequence[str], kept: Sequence[str], rows: int) -> Iterator[Batch]:
        """As every table; columns are kept with their types."""
        for name in numbers:
            require_numbers(self._schema.field(name).type, self.path, name)
        wanted = list(dict.fromkeys([*numbers, *kept]))
        empty = True
        try:
            for block in self._file.iter_batches(rows, columns=wanted, use_threads=False):
                empty = False
                columns = {name: block.column(name) for name in wanted}
                yield from sliced(columns, block.num_rows, numbers, kept, rows, block.num_rows)
        except (pa.ArrowException, OSError) as error:
            raise broken(self.path, error) from None
        if empty:
            yield from sliced(without_rows(self._schema, wanted), 0, numbers, kept, rows, 0)


class FeatherTable(Table):
    """An Arrow file (Feather version 2) or an Arrow stream."""

    def __init__(self, path: str, stream: BinaryIO) -> None:
        self.path = path
        self._stream = stream
        self.size = file_size(stream)
        start = stream.read(8)
        stream.seek(0)
        try:
            self._schema = (
                ipc.open_file(stream) if start.startswith(b"ARROW1") else ipc.open_stream(stream)
            ).schema  # fmt: skip
        except (pa.ArrowException, OSError) as error:
            raise broken(path, error) from None
        self._is_file = start.startswith(b"ARROW1")
        self.columns = list(self._schema.names)
        self.rows = self._count()

    def nullable(self, names: Sequence[str]) -> frozenset[str]:
        """As every table; the schema says it."""
        return frozenset(name for name in names if self._schema.field(name).nullable)

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    def batches(self, numbers: Sequence[str], kept: Sequence[str], rows: int) -> Iterator[Batch]:
        """As every table; columns are kept with their types."""
        for name in numbers:
            require_numbers(self._schema.field(name).type, self.path, name)
        wanted = list(dict.fromkeys([*numbers, *kept]))
        before = 0
        empty = True
        try:
            for block in self._blocks(wanted):
                empty = False
                position = self._stream.tell()
                columns = {name: block.column(name) for name in wanted}
                yield from sliced(columns, block.num_rows, numbers, kept, rows, max(position - before, 0))
                before = max(position, before)
        except (pa.ArrowException, OSError) as error:
            raise broken(self.path, error) from None
        if empty:
            yield from sliced(without_rows(self._schema, wanted), 0, numbers, kept, rows, 0)

    def _blocks(self, wanted: Sequence[str]) -> Iterator[Any]:
        """The record batches with the wanted columns only."""
        options = ipc.IpcReadOptions(included_fields=[self._schema.get_field_index(name) for name in wanted])
        self._stream.seek(0)
        if self._is_file:
            reader = ipc.open_file(self._stream, options=options)
            for number in range(reader.num_record_batches):
                yield reader.get_batch(number)
        else:
            yield from ipc.open_stream(self._stream, options=options)

    def _count(self) -> int:
        """Rows, estimated by the width of the types."""
        return (self.size or 0) // (8 * max(len(self.columns), 1))


class CsvWriter(Writer):
    """UTF-8, numbers in their shortest form that reads back the same."""

    is_text = True

    def __init__(self, stream: BinaryIO, path: str, delimiter: str) -> None:
        self._stream = stream
        self._path = path
        self._delimiter = delimiter
        self._begun = False

    def write(self, columns: Mapping[str, Column]) -> None:
        """Append rows, the names first."""
        arrays = list(map(arrow_of, columns.values()))
        if not self._begun:
            for name, array in zip(columns, arrays, strict=True):
                if not has_text(array.type):
                    raise plain_csv.not_for_csv(self._path, name, array.type)
            self._stream.write(header_line(columns, self._delimiter))
            self._begun = True
        arrays = list(map(for_csv, arrays))
        quoted = any(is_text(array.type) and needs_quotes(array, self._delimiter) for array in arrays)
        options = arrow_csv.WriteOptions(
            include_header=False, delimiter=self._delimiter, quoting_style="needed" if quoted else "none"
        )
        try:
            table = pa.Table.from_arrays(arrays, list(columns))
            arrow_csv.write_csv(table, pa.PythonFile(self._stream, mode="w"), options)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError) as error:
            raise DataError(f"cannot write `{self._path}`: {_first_line(error)}") from None

    def finish(self) -> None:
        """Nothing stands at the end of CSV."""


class ArrowWriter(Writer):
    """Parquet, or an Arrow file: record batches with the types of the first one."""

    def __init__(self, stream: BinaryIO, path: str, *, is_parquet: bool) -> None:
        self._sink = Sink(stream)
        self._path = path
        self._is_parquet = is_parquet
        self._writer: Any = None

    def write(self, columns: Mapping[str, Column]) -> None:
        """Append rows as one row group or one record batch."""
        try:
            batch = pa.RecordBatch.from_arrays([arrow_of(column) for column in columns.values()], list(columns))
            if self._writer is None:
                sink = pa.PythonFile(self._sink, mode="w")
                self._writer = (
                    parquet.ParquetWriter(sink, batch.schema, use_dictionary=repetitive(batch.schema))
                    if self._is_parquet
                    else ipc.new_file(sink, batch.schema)
                )  # fmt: skip
            if batch.num_rows:
                self._writer.write_batch(batch)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError) as error:
            raise DataError(f"cannot write `{self._path}`: {_first_line(error)}") from None

    def finish(self) -> None:
        """Write the footer."""
        if self._writer is not None:
            self._writer.close()

    def abandon(self) -> None:
        """As every writer. Arrow's writers write a footer whenever they end, the collector's call included."""
        self._sink.stream = None
        self.finish()


class Sink:
    """What Arrow writes into: a stream, or nothing once there is none. It leaves the stream open."""

    closed = False

    def __init__(self, stream: BinaryIO) -> None:
        self.stream: BinaryIO | None = stream

    def write(self, data: Any) -> int:
        """Pass bytes on."""
        return len(data) if self.stream is None else self.stream.write(data)

    def flush(self) -> None:
        """Pass bytes on that wait."""
        if self.stream is not None:
            self.stream.flush()

    def close(self) -> None:
        """Do nothing: whoever opened the stream closes it."""


def sliced(
    columns: Mapping[str, Any], count: int, numbers: Sequence[str], kept: Sequence[str], rows: int, read: int
) -> Iterator[Batch]:
    """Columns of Arrow as batches of at most so many rows."""
    for first in range(0, max(count, 1), rows):
        part = {name: plain(column.slice(first, rows)) for name, column in columns.items()}
        yield _batch(part, min(rows, count - first), numbers, kept, 0 if first else read)


def _batch(part: dict[str, Any], rows: int, numbers: Sequence[str], kept: Sequence[str], read: int) -> Batch:
    found = {name: numbers_of(part[name]) for name in numbers}
    return Batch(
        rows, {name: values for name, (values, _) in found.items()}, {name: part[name] for name in kept},
        cell=lambda name, place: cell_text(part[name], place),
        bad={name: bad for name, (_, bad) in found.items() if bad}, read=read,
    )  # fmt: skip


def repetitive(schema: Any) -> list[str] | bool:
    """Columns for which Parquet tries a dictionary: texts; of numbers hardly one comes twice."""
    return [field.name for field in schema if is_text(field.type)] or False


def without_rows(schema: Any, names: Sequence[str]) -> dict[str, Any]:
    """Empty columns with their types."""
    return {name: pa.array([], schema.field(name).type) for name in names}


def broken(path: str, error: Exception) -> DataError:
    """The complaint about a file that Arrow cannot read."""
    return DataError(f"cannot read `{path}`: {_first_line(error)}")


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines() or [type(error).__name__]
    return lines[0].rstrip(". ")
