"""CSV and TSV through pyarrow."""

from __future__ import annotations

import io
from codecs import BOM_UTF8 as BOM
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import Any, BinaryIO

import pyarrow as pa
from pyarrow import csv as arrow_csv

from cgcli.data.arrow.batches import first_line, sliced
from cgcli.data.arrow.columns import arrow_of, for_csv, has_text, is_text, needs_quotes
from cgcli.data.cells import escaped
from cgcli.data.csv import records
from cgcli.data.csv.blocks import Source, blocks
from cgcli.data.csv.records import file_size
from cgcli.data.csv.writing import header_line, not_for_csv
from cgcli.data.table import Batch, Column, Table, Writer
from cgcli.errors import DataError

BLOCK = 4 << 20
"""Bytes of CSV that are parsed at a time: large enough for a good rate, small beside what a process may take."""

ARROWS_MOST = 2**31 - 2
"""Bytes that Arrow's reader takes as one block."""

SAMPLE = 1 << 16


class CsvTable(Table):
    """A file or a pipe whose first record names the columns. Every cell is read as text: no type is guessed.

    Arrow reads blocks that are plain CSV. What is not, or what Arrow refuses, is read by Python's module, which takes
    whatever other programs write, and knows the row of a fault.
    """

    is_text = True

    def __init__(self, path: str, stream: BinaryIO, delimiter: str, block: int = BLOCK, decimal: str = ".") -> None:
        self.path = path
        self._stream = stream
        self._delimiter = delimiter
        self._block = block
        self._decimal = decimal
        self._source = Source(stream)
        self.size = file_size(stream)
        self.columns = self._header()
        self.rows = self._estimate()

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    def batches(self, numbers: Sequence[str], kept: Sequence[str], rows: int) -> Iterator[Batch]:
        """As every table; texts are kept as they stand."""
        places = self.places([*numbers, *kept])
        empty = True
        for columns, count, read in self._parsed(places):
            empty = False
            yield from sliced(columns, count, numbers, kept, rows, read, self._decimal)
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
        if len(data) > ARROWS_MOST or data.startswith(BOM) or self._delimiter == records.BLANK:
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
            lines = records.text_of(io.BytesIO(data), "utf-8")
            try:
                found = list(records.records(lines, self._delimiter, self.path, first))
            except records.Unclosed:
                more = self._source.piece(max(self._block, len(data)))
                if not more:
                    raise
                data += more
                continue
            texts = records.columns_of(found, places, len(self.columns), self.path, first)
            return {name: pa.array(column, pa.string()) for name, column in texts.items()}, len(found), len(data)

    def _header(self) -> list[str]:
        """The names of the columns; the source stands behind them then."""
        data = self._source.piece(SAMPLE, patient=False).removeprefix(BOM)
        while True:
            lines = Counted(records.text_of(io.BytesIO(data), "utf-8"))
            names: list[str] = []
            fault: DataError | None = None
            try:
                names = next(records.records(lines, self._delimiter, self.path), [])
            except records.Unclosed as error:
                fault = error
            more = b"" if names else self._source.piece(max(SAMPLE, len(data)), patient=False)
            if more:
                data += more
            elif fault is not None:
                raise fault
            else:
                self._source.give_back(data[lines.bytes :])
                return records.header(names, self.path)

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


class CsvWriter(Writer):
    """UTF-8, numbers in their shortest form that reads back the same."""

    is_text = True

    def __init__(self, stream: BinaryIO, path: str, delimiter: str, *, raw: bool = False) -> None:
        self._stream = stream
        self._raw = raw
        self._path = path
        self._delimiter = delimiter
        self._begun = False

    def write(self, columns: Mapping[str, Column]) -> None:
        """Append rows, the names first."""
        arrays = [self._array(name, column) for name, column in columns.items()]
        if not self._begun:
            self._stream.write(header_line(columns, self._delimiter, str if self._raw else escaped))
            self._begun = True
        arrays = [for_csv(array, raw=self._raw) for array in arrays]
        quoted = any(is_text(array.type) and needs_quotes(array, self._delimiter) for array in arrays)
        options = arrow_csv.WriteOptions(
            include_header=False, delimiter=self._delimiter, quoting_style="needed" if quoted else "none"
        )
        try:
            table = pa.Table.from_arrays(arrays, list(columns))
            arrow_csv.write_csv(table, pa.PythonFile(self._stream, mode="w"), options)
        except (TypeError, pa.ArrowException) as error:
            raise DataError(f"cannot write `{self._path}`: {first_line(error)}") from None

    def _array(self, name: str, column: Column) -> Any:
        """A column as Arrow's. DataError for a type that has no text."""
        try:
            array = arrow_of(column)
        except (TypeError, pa.ArrowException):
            raise not_for_csv(self._path, name, column.dtype) from None
        if not has_text(array.type):
            raise not_for_csv(self._path, name, array.type)
        return array

    def finish(self) -> None:
        """Nothing stands at the end of CSV."""
