"""NPY and NPZ: one-dimensional structured arrays, and archives of one array a column. Nothing is ever unpickled."""

from __future__ import annotations

import ast
import os
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy

from cgcli.data.plain_csv import numbers_of
from cgcli.data.table import Batch, Column, Table, Writer
from cgcli.errors import DataError

LONGEST_HEADER = 1 << 24
LONGEST_COUNT = 20
"""Digits of the greatest number of rows."""

LARGEST_WHOLE = 2**53
"""Up to here every whole number is a double."""

OTHER_FORMATS = "CSV, Parquet and Arrow hold it"

COPIED = 1 << 20
"""Bytes that are moved at a time from a column's own file into an archive."""


class NpyTable(Table):
    """A structured array: its fields are the columns."""

    def __init__(self, path: str, stream: BinaryIO) -> None:
        self.path = path
        self._stream = stream
        shape, self._dtype = read_header(stream, path)
        if self._dtype.names is None or len(shape) != 1:
            raise DataError(
                f"`{path}` has no named columns: it holds an array of shape {list(shape)}",
                hint="save a structured array, or named columns with numpy.savez(path, x=…, y=…)",
            )
        self.columns = list(self._dtype.names)
        self.rows = self.size = shape[0]

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    def batches(self, numbers: Sequence[str], kept: Sequence[str], rows: int) -> Iterator[Batch]:
        """As every table; fields are kept with their types."""
        for name in {*numbers, *kept}:
            require_column(self._dtype[name], self.path, name, numbers)
        for first in range(0, max(self.rows, 1), rows):
            part = records(self._stream, self._dtype, min(rows, self.rows - first), self.path)
            yield batch_of({name: part[name] for name in {*numbers, *kept}}, len(part), numbers, kept, len(part))


class NpzTable(Table):
    """An archive of one-dimensional arrays of one length, each a column by its name."""

    def __init__(self, path: str, stream: BinaryIO) -> None:
        self.path = path
        self._stream = stream
        try:
            self._archive = zipfile.ZipFile(stream)
        except (zipfile.BadZipFile, OSError) as error:
            raise DataError(f"cannot read `{path}`: {error}") from None
        self._members = {
            name.removesuffix(".npy"): name for name in self._archive.namelist() if name.endswith(".npy")
        }  # fmt: skip
        self.columns = list(self._members)
        self.rows = self.size = self._length(self.columns[:1])

    def close(self) -> None:
        """Close the file."""
        self._archive.close()
        self._stream.close()

    def batches(self, numbers: Sequence[str], kept: Sequence[str], rows: int) -> Iterator[Batch]:
        """As every table; arrays are kept with their types, and read side by side."""
        wanted = list(dict.fromkeys([*numbers, *kept]))
        count = self._length(wanted or self.columns[:1])
        try:
            with ExitStack() as stack:
                streams = {name: stack.enter_context(self._archive.open(self._members[name])) for name in wanted}
                kinds = {name: read_header(stream, self.path)[1] for name, stream in streams.items()}
                for name, kind in kinds.items():
                    require_column(kind, self.path, name, numbers)
                for first in range(0, max(count, 1), rows):
                    height = min(rows, count - first)
                    part = {name: records(streams[name], kinds[name], height, self.path) for name in wanted}
                    yield batch_of(part, height, numbers, kept, height)
        except zipfile.BadZipFile as error:
            raise DataError(f"cannot read `{self.path}`: {error}") from None

    def _length(self, names: Sequence[str]) -> int:
        """The common length of columns. DataError where they differ or are no columns."""
        lengths: dict[str, int] = {}
        for name in names:
            with self._archive.open(self._members[name]) as stream:
                shape, _ = read_header(stream, self.path)
            if len(shape) != 1:
                raise DataError(f"`{self.path}`: the column `{name}` has shape {list(shape)}, not one axis")
            lengths[name] = shape[0]
        if len(set(lengths.values())) > 1:
            listed = ", ".join(f"{name} has {length}" for name, length in lengths.items())
            raise DataError(f"`{self.path}`: columns of different length: {listed}")
        return next(iter(lengths.values()), 0)


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
        from cgcli.data import arrow_columns

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
                self._columns[name] = (tempfile.TemporaryFile(dir=self._folder), array.dtype)  # noqa: SIM115
            gathered, kind = self._columns[name]
            gathered.write(array.astype(kind, copy=False).tobytes())
        self._rows += len(next(iter(columns.values())))

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


def read_header(stream: Any, path: str) -> tuple[tuple[int, ...], Any]:
    """Shape and type of an array, the stream after its header. DataError for what is no array or needs unpickling.

    The format: numpy.lib.format, versions 1 to 3 (they differ in the header's length and encoding).
    """
    try:
        major, _ = npy.read_magic(stream)
        length = int.from_bytes(stream.read(2 if major == 1 else 4), "little")
        if length > LONGEST_HEADER:
            raise ValueError("its header is too long")
        described = ast.literal_eval(stream.read(length).decode("utf-8" if major >= 3 else "latin-1"))
        shape, kind = tuple(map(int, described["shape"])), npy.descr_to_dtype(described["descr"])
    except (ValueError, SyntaxError, TypeError, KeyError, EOFError, RecursionError, MemoryError) as error:
        raise DataError(f"cannot read `{path}`: {(str(error).splitlines() or ['no array'])[0]}") from None
    if kind.hasobject:
        raise DataError(f"cannot read `{path}`: it holds Python objects", hint="save numbers or texts of fixed length")
    return shape, kind


def header_of(kind: Any, rows: int) -> bytes:
    """The header of an array of rows; its length does not depend on their number (format version 3: UTF-8)."""
    described = {"descr": npy.dtype_to_descr(kind), "fortran_order": False, "shape": (rows,)}
    text = repr(described).encode()
    length = len(text) - len(str(rows)) + LONGEST_COUNT + 1
    length += -(length + 12) % npy.ARRAY_ALIGN
    return npy.magic(3, 0) + length.to_bytes(4, "little") + text.ljust(length - 1) + b"\n"


def records(stream: Any, kind: Any, count: int, path: str) -> Any:
    """The next entries of an array. DataError where the file ends before."""
    data = bytearray(stream.read(count * kind.itemsize))
    if len(data) < count * kind.itemsize:
        raise DataError(f"cannot read `{path}`: it ends too early")
    return np.frombuffer(data, dtype=kind, count=count) if kind.itemsize else np.zeros(count, dtype=kind)


def require_column(kind: Any, path: str, name: str, numbers: Sequence[str]) -> None:
    """DataError for a type that is no column, or no numbers where numbers are wanted."""
    if kind.shape or (name in numbers and kind.kind not in "fiub"):
        raise DataError(f"`{path}`: the column `{name}` holds {kind}, not numbers")


def batch_of(columns: Mapping[str, Any], rows: int, numbers: Sequence[str], kept: Sequence[str], read: int) -> Batch:
    """A batch from arrays."""
    return Batch(
        rows, {name: np.ascontiguousarray(columns[name], dtype=np.float64) for name in numbers},
        {name: np.ascontiguousarray(columns[name]) for name in kept},
        cell=lambda name, place: str(columns[name][place]), read=read,
    )  # fmt: skip
