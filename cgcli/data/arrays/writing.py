"""NPY and NPZ files, written batch by batch."""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from cgcli.data.arrays.headers import header_of
from cgcli.data.table import Column, Writer
from cgcli.data.texts import numbers_of
from cgcli.errors import DataError

LARGEST_WHOLE = 2**53
"""Up to here every whole number is a double."""

OTHER_FORMATS = "CSV, Parquet and Arrow hold it"

COPIED = 1 << 20
"""Bytes that are moved at a time from a column's own file into an archive."""


class ArraysWriter(Writer):
    """What files of arrays have in common: columns become arrays whose types no later batch changes."""

    def __init__(self, stream: BinaryIO, path: str) -> None:
        self._stream = stream
        self._path = path
        self._nullable: frozenset[str] = frozenset()
        self._rows = 0

    def begin(self, nullable: frozenset[str]) -> None:
        """As every writer; whole numbers that may be null are written as doubles, a null as nan."""
        self._nullable = nullable

    def _array(self, name: str, column: Column) -> Any:
        """A column as an array of numbers, or of texts of a fixed length. DataError for what is neither."""
        if isinstance(column, np.ndarray):
            if column.dtype.kind not in "fiubSU":
                raise self._no_numbers(name, column.dtype)
            return column
        if isinstance(column, list):
            return self._checked(name, *numbers_of(column))
        from cgcli.data.arrow import columns as arrow_columns

        if not arrow_columns.holds_numbers(column.type):
            raise self._no_numbers(name, column.type)
        if arrow_columns.is_text(column.type):
            return self._checked(name, *arrow_columns.numbers_of(column))
        if not arrow_columns.is_whole(column.type):
            return arrow_columns.floats_of(column)
        values, null = arrow_columns.whole_numbers_of(column)
        if name not in self._nullable:
            if null.any():
                raise self._refusal(name, int(null.argmax()), "a null, where none was announced")
            return values
        large = (values > LARGEST_WHOLE) | (values < -LARGEST_WHOLE)
        if large.any():
            place = int(large.argmax())
            raise self._refusal(
                name, place, f"{values[place]} would be rounded: a column that may have nulls is written as doubles"
            )
        values = values.astype(np.float64)
        values[null] = np.nan
        return values

    def _checked(self, name: str, values: Any, bad: Sequence[int]) -> Any:
        """Numbers from texts. DataError where there are places that are none."""
        if bad:
            raise self._refusal(name, bad[0], "the text is no number")
        return values

    def _no_numbers(self, name: str, kind: object) -> DataError:
        return DataError(
            f"cannot write `{self._path}`: the column `{name}` holds {kind}, not numbers", hint=OTHER_FORMATS
        )

    def _refusal(self, name: str, place: int, what: str) -> DataError:
        """The complaint about a cell: row of the result, column, and what is wrong with it."""
        row = self._rows + place + 1
        return DataError(f"cannot write `{self._path}`: row {row:,}, column `{name}`: {what}", hint=OTHER_FORMATS)


class NpyWriter(ArraysWriter):
    """A structured array whose length is entered at the end: the header has room for it."""

    def __init__(self, stream: BinaryIO, path: str) -> None:
        super().__init__(stream, path)
        self._dtype: Any = None

    def write(self, columns: Mapping[str, Column]) -> None:
        """Append rows."""
        arrays = {name: self._array(name, column) for name, column in columns.items()}
        if self._dtype is None:
            if "" in arrays:
                raise DataError(f"cannot write `{self._path}`: a column has no name", hint=OTHER_FORMATS)
            self._dtype = np.dtype([(name, array.dtype) for name, array in arrays.items()])
            self._stream.write(header_of(self._dtype, 0))
        part = np.empty(len(next(iter(arrays.values()))), dtype=self._dtype)
        for name, array in arrays.items():
            part[name] = array
        self._stream.write(part.tobytes())
        self._rows += len(part)

    def finish(self) -> None:
        """Enter the length in the header."""
        if self._dtype is not None:
            self._stream.seek(0)
            self._stream.write(header_of(self._dtype, self._rows))
            self._stream.seek(0, os.SEEK_END)


class NpzWriter(ArraysWriter):
    """An archive of columns, each gathered in a nameless file beside it until all are whole."""

    def __init__(self, stream: BinaryIO, path: str) -> None:
        super().__init__(stream, path)
        self._folder = Path(os.path.realpath(path)).parent
        self._columns: dict[str, tuple[Any, Any]] = {}

    def write(self, columns: Mapping[str, Column]) -> None:
        """Append rows."""
        for name, column in columns.items():
            array = self._array(name, column)
            if name not in self._columns:
                self._check_member(name)
                self._columns[name] = (tempfile.TemporaryFile(dir=self._folder), array.dtype)  # noqa: SIM115
            gathered, kind = self._columns[name]
            gathered.write(array.astype(kind, copy=False).tobytes())
        self._rows += len(next(iter(columns.values())))

    def _check_member(self, name: str) -> None:
        """DataError for a name that would leave the folder into which somebody unpacks the archive."""
        parts = name.replace("\\", "/").split("/")
        rooted = len(parts) > 1 and (not parts[0] or parts[0].endswith(":"))
        if "\0" in name or ".." in parts or rooted:
            raise DataError(
                f"cannot write `{self._path}`: the column `{name}` cannot be the name of a file in an archive",
                hint="other formats take any name",
            )

    def finish(self) -> None:
        """Put the columns into the archive."""
        with zipfile.ZipFile(self._stream, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
            for name, (gathered, kind) in self._columns.items():
                gathered.seek(0)
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    member.write(header_of(kind, self._rows))
                    while piece := gathered.read(COPIED):
                        member.write(piece)
        self.abandon()

    def abandon(self) -> None:
        """As every writer."""
        for gathered, _ in self._columns.values():
            gathered.close()
