"""CSV and TSV by Python's own module: slower than pyarrow, but there without it, and for pipes."""

from __future__ import annotations

import csv
import io
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain, islice
from typing import Any, BinaryIO

import numpy as np

from cgcli.data.cells import escaped, number_of
from cgcli.data.table import Batch, Column, Table, Writer
from cgcli.errors import DataError

LONGEST_CELL = 2**30
SAMPLE = 100
"""Records by which the number of rows is estimated."""


class CsvTable(Table):
    """A file whose first record names the columns."""

    is_text = True

    def __init__(self, path: str, stream: BinaryIO, delimiter: str) -> None:
        self.path = path
        self._stream = stream
        self.size = file_size(stream)
        csv.field_size_limit(min(LONGEST_CELL, sys.maxsize))
        text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
        self._reader = csv.reader(text, delimiter=delimiter)
        self._records: Iterator[list[str]] = filter(None, self._reader)  # empty lines are no records
        self.columns = header(next(iter(self._take(1)), []), path)
        first = self._take(SAMPLE)
        self._records = chain(first, self._records)
        self.rows = self._estimate(first)

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    def batches(self, numbers: Sequence[str], kept: Sequence[str], rows: int) -> Iterator[Batch]:
        """As every table; texts are kept as they stand."""
        places = {name: self.columns.index(name) for name in {*numbers, *kept}}
        first, before = 1, 0
        records = self._take(rows)
        while True:
            self._check_widths(records, first)
            texts = {name: [record[place] for record in records] for name, place in places.items()}
            position = self._stream.tell() if self.size is not None else 0
            yield text_batch(texts, len(records), numbers, kept, position - before)
            first, before = first + len(records), position
            records = self._take(rows)
            if not records:
                return

    def _take(self, count: int) -> list[list[str]]:
        """The next records."""
        try:
            return list(islice(self._records, count))
        except UnicodeDecodeError:
            raise DataError(f"cannot read `{self.path}`: it is not UTF-8 text") from None
        except csv.Error as error:
            raise DataError(f"cannot read `{self.path}`: line {self._reader.line_num}: {error}") from None

    def _check_widths(self, records: Sequence[Sequence[str]], first: int) -> None:
        for row, record in enumerate(records, first):
            if len(record) != len(self.columns):
                raise uneven(self.path, row, len(record), len(self.columns))

    def _estimate(self, first: Sequence[Sequence[str]]) -> int:
        """Rows by the length of the first ones."""
        if len(first) < SAMPLE or self.size is None:
            return len(first)
        length = sum(map(len, chain.from_iterable(first))) + len(first) * len(self.columns)
        return len(first) * self.size // length


class CsvWriter(Writer):
    """UTF-8, records ending with a line feed, numbers in their shortest form that reads back the same."""

    is_text = True

    def __init__(self, stream: BinaryIO, delimiter: str) -> None:
        self._stream = stream
        self._delimiter = delimiter
        self._text = io.TextIOWrapper(stream, encoding="utf-8", newline="", write_through=True)
        self._records = csv.writer(self._text, delimiter=delimiter, lineterminator="\n")
        self._begun = False

    def write(self, columns: Mapping[str, Column]) -> None:
        """Append rows, the names first."""
        if not self._begun:
            self._stream.write(header_line(columns, self._delimiter))
            self._begun = True
        self._records.writerows(zip(*map(cells_of, columns.values()), strict=True))

    def finish(self) -> None:
        """Nothing stands at the end of CSV."""
        self._text.detach()


def cells_of(column: Column) -> list[str]:
    """A column as texts that no spreadsheet runs."""
    if isinstance(column, list):
        return [escaped(text) for text in column]
    if column.dtype.kind == "f":
        return [number.removesuffix(".0") for number in map(str, column.tolist())]
    return [escaped(str(value)) for value in column.tolist()]


def header(names: Sequence[str], path: str) -> list[str]:
    """The names of columns without blanks around them. DataError where there are none."""
    if not names:
        raise DataError(f"cannot read `{path}`: it is empty", hint="the first line has to name the columns")
    return [name.strip() for name in names]


def header_line(names: Iterable[str], delimiter: str) -> bytes:
    """The first record of a file: names that no spreadsheet runs."""
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerow(map(escaped, names))
    return text.getvalue().encode()


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
