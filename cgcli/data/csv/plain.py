"""CSV and TSV without pyarrow: slower, and the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import BinaryIO

import numpy as np

from cgcli.data.cells import escaped
from cgcli.data.csv.records import columns_of, file_size, header, records, text_of
from cgcli.data.csv.writing import cells_of, not_for_csv, record_writer
from cgcli.data.table import Batch, Column, Table, Writer
from cgcli.data.texts import text_batch

SAMPLE = 100
"""Records by which the number of rows is estimated."""


class CsvTable(Table):
    """A file whose first record names the columns."""

    is_text = True

    def __init__(self, path: str, stream: BinaryIO, delimiter: str, decimal: str = ".") -> None:
        self.path = path
        self._stream = stream
        self._decimal = decimal
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
        places = self.places([*numbers, *kept])
        first, before = 1, 0
        found = list(islice(self._records, rows))
        while True:
            texts = columns_of(found, places, len(self.columns), self.path, first)
            position = self._stream.tell() if self.size is not None else 0
            yield text_batch(texts, len(found), numbers, kept, position - before, self._decimal)
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


class CsvWriter(Writer):
    """UTF-8, records ending with a line feed, numbers in their shortest form that reads back the same."""

    is_text = True

    def __init__(self, stream: BinaryIO, path: str, delimiter: str, *, raw: bool = False) -> None:
        self._path = path
        self._escape = str if raw else escaped
        self._records = record_writer(stream, delimiter)
        self._begun = False

    def write(self, columns: Mapping[str, Column]) -> None:
        """Append rows, the names first."""
        texts = []
        for name, column in columns.items():
            if isinstance(column, np.ndarray) and column.dtype.kind in "SVc":
                raise not_for_csv(self._path, name, column.dtype)
            try:
                texts.append(cells_of(column, self._escape))
            except TypeError:
                raise not_for_csv(self._path, name, column.dtype) from None
        if not self._begun:
            self._records.writerow(map(self._escape, columns))
            self._begun = True
        self._records.writerows(zip(*texts, strict=True))

    def finish(self) -> None:
        """Nothing stands at the end of CSV."""
