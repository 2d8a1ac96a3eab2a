"""CSV and TSV by Python's own module: slower than pyarrow, but there without it, and it takes whatever others write."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain, islice
from typing import Any, BinaryIO

import numpy as np

from cgcli.data.cells import LONGEST_CELL, escaped, number_of
from cgcli.data.table import Batch, Column, Table, Writer
from cgcli.errors import DataError

SAMPLE = 100
"""Records by which the number of rows is estimated."""


class Unclosed(DataError):
    """A quote that swallows the rest of a file; row 0 is the header."""

    def __init__(self, path: str, row: int) -> None:
        place = f"`{path}`, row {row:,}" if row else f"`{path}`, the names of the columns"
        super().__init__(
            f"{place}: a quote is never closed", hint='inside of a cell in quotes, a quote is written twice: ""'
        )


class CsvTable(Table):
    """A file whose first record names the columns."""

    is_text = True

    def __init__(self, path: str, stream: BinaryIO, delimiter: str) -> None:
        self.path = path
        self._stream = stream
        self.size = file_size(stream)
        self._text = text_of(stream)
        self._records = records(self._text, delimiter, path)
        self.columns = header(next(self._records, []), path)
        first = list(islice(self._records, SAMPLE))
        self._records = chain(first, self._records)
        self.rows = self._estimate(first)

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    def batches(self, numbers: Sequence[str], kept: Sequence[str], rows: int) -> Iterator[Batch]:
        """As every table; texts are kept as they stand."""
        places = {name: self.columns.index(name) for name in {*numbers, *kept}}
        first, before = 1, 0
        found = list(islice(self._records, rows))
        while True:
            texts = columns_of(found, places, len(self.columns), self.path, first)
            position = self._stream.tell() if self.size is not None else 0
            yield text_batch(texts, len(found), numbers, kept, position - before)
            first, before = first + len(found), position
            found = list(islice(self._records, rows))
            if not found:
                return

    def _estimate(self, first: Sequence[Sequence[str]]) -> int:
        """Rows by the length of the first ones."""
        if len(first) < SAMPLE or self.size is None:
            return len(first)
        length = sum(map(len, chain.from_iterable(first))) + len(first) * len(self.columns)
        return len(first) * self.size // length


def columns_of(
    found: Sequence[Sequence[str]], places: Mapping[str, int], width: int, path: str, first: int
) -> dict[str, list[str]]:
    """Columns by name from records, the first of which has the row number `first`.

    DataError for a record with another number of cells than `width`, and for a cell that is not UTF-8.
    """
    for row, record in enumerate(found, first):
        if len(record) != width:
            raise uneven(path, row, len(record), width)
    texts = {name: [record[place] for record in found] for name, place in places.items()}
    for name, column in texts.items():
        if not is_utf8("".join(column)):
            row = first + next(place for place, text in enumerate(column) if not is_utf8(text))
            raise DataError(
                f"`{path}`, row {row:,}, column `{name}`: it is not UTF-8 text", hint="save the file as UTF-8"
            )
    return texts


def text_of(stream: BinaryIO, encoding: str = "utf-8-sig") -> io.TextIOWrapper:
    """A stream as text. Bytes that are no UTF-8 become lone surrogates, which a column may have that nobody uses."""
    return io.TextIOWrapper(stream, encoding=encoding, errors="surrogateescape", newline="")


def is_utf8(text: str) -> bool:
    """Whether a text came from UTF-8 alone."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def records(lines: Iterable[str], delimiter: str, path: str, row: int = 0) -> Iterator[list[str]]:
    """The records of lines, `row` the number of the first; empty lines are none. Unclosed for a quote without an end.

    A reader asks for the line after the last one before it gives up; if it still comes with a record then, the record
    was waiting for a closing quote. (The reader's own strict mode refuses much more.)
    """
    csv.field_size_limit(LONGEST_CELL)
    ended = []

    def end() -> Iterator[str]:
        ended.append(True)
        yield from ()

    reader = csv.reader(chain(lines, end()), delimiter=delimiter)
    try:
        for record in reader:
            if ended:
                raise Unclosed(path, row)
            if record:
                yield record
                row += 1
    except csv.Error as error:
        hint = "perhaps a quote is never closed"
        raise DataError(f"cannot read `{path}`: line {reader.line_num}: {error}", hint=hint) from None


class CsvWriter(Writer):
    """UTF-8, records ending with a line feed, numbers in their shortest form that reads back the same."""

    is_text = True

    def __init__(self, stream: BinaryIO, path: str, delimiter: str) -> None:
        self._path = path
        self._records = record_writer(stream, delimiter)
        self._begun = False

    def write(self, columns: Mapping[str, Column]) -> None:
        """Append rows, the names first."""
        if not self._begun:
            for name, column in columns.items():
                if isinstance(column, np.ndarray) and column.dtype.kind in "SV":
                    raise not_for_csv(self._path, name, column.dtype)
            self._records.writerow(map(escaped, columns))
            self._begun = True
        self._records.writerows(zip(*map(cells_of, columns.values()), strict=True))

    def finish(self) -> None:
        """Nothing stands at the end of CSV."""


class LineFeeds:
    """What Python's writer of CSV writes records into, whose line ends become line feeds.

    That writer puts a carriage return into quotes only where one is in its own line end.
    """

    WRITTEN = "\r\n"

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def write(self, record: str) -> None:
        """One record with the line end that the writer gave it."""
        self._stream.write(record.removesuffix(self.WRITTEN).encode() + b"\n")


def record_writer(stream: BinaryIO, delimiter: str) -> Any:
    """A writer of records from Python's module for CSV."""
    return csv.writer(LineFeeds(stream), delimiter=delimiter, lineterminator=LineFeeds.WRITTEN)


def not_for_csv(path: str, name: str, kind: object) -> DataError:
    """The complaint about a column of a type that has no text of its own."""
    return DataError(
        f"cannot write `{path}`: the column `{name}` holds {kind}, which is no text and no number",
        hint="Parquet and Arrow hold it",
    )


def cells_of(column: Column) -> list[str]:
    """A column as texts that no spreadsheet runs."""
    if isinstance(column, list):
        return [escaped(text) for text in column]
    if column.dtype.kind == "f":
        return [number.removesuffix(".0") for number in map(str, column.tolist())]
    if column.dtype.kind == "b":
        return ["true" if value else "false" for value in column.tolist()]
    return [escaped(str(value)) for value in column.tolist()]


def header(names: Sequence[str], path: str) -> list[str]:
    """The names of columns without blanks around them. DataError where there are none."""
    if not names:
        raise DataError(f"cannot read `{path}`: it is empty", hint="the first line has to name the columns")
    if not is_utf8("".join(names)):
        raise DataError(f"cannot read `{path}`: it is not UTF-8 text")
    return [name.strip() for name in names]


def header_line(names: Iterable[str], delimiter: str) -> bytes:
    """The first record of a file: names that no spreadsheet runs."""
    line = io.BytesIO()
    record_writer(line, delimiter).writerow(map(escaped, names))
    return line.getvalue()


def numbers_of(texts: Sequence[str]) -> tuple[Any, list[int]]:
    """Texts as float64 with nan for what is missing or no number, and the places of the latter."""
    together = "".join(texts)
    if together.isascii() and "_" not in together:
        with suppress(ValueError):
            return np.array(list(map(float, texts)), dtype=np.float64), []
    found = list(map(number_of, texts))
    values = np.array([np.nan if number is None else number for number in found], dtype=np.float64)
    return values, [place for place, number in enumerate(found) if number is None]


def text_batch(texts: dict[str, list[str]], rows: int, numbers: Sequence[str], kept: Sequence[str], read: int) -> Batch:
    """A batch from columns of texts."""
    found = {name: numbers_of(texts[name]) for name in numbers}
    return Batch(
        rows, {name: values for name, (values, _) in found.items()}, {name: texts[name] for name in kept},
        cell=lambda name, place: texts[name][place], bad={name: bad for name, (_, bad) in found.items() if bad},
        read=read,
    )  # fmt: skip


def uneven(path: str, row: int, found: int, expected: int) -> DataError:
    """The complaint about a record with too few or too many cells."""
    return DataError(
        f"`{path}`, row {row:,}: {found} cells where there are {expected} columns",
        hint="a cell that holds the separator has to stand in quotes",
    )


def file_size(stream: BinaryIO) -> int | None:
    """Bytes of a file, None for a pipe."""
    return os.fstat(stream.fileno()).st_size if stream.seekable() else None
