"""NPY and NPZ as tables: one-dimensional structured arrays, and archives of one array a column.

A column of numbers may hold an array in each row: a field with a shape, or an array of more axes than one.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, BinaryIO

import numpy as np

from cgcli.data.archives import FAULTS, what_is_wrong
from cgcli.data.arrays.headers import read_header
from cgcli.data.table import Batch, Table
from cgcli.errors import DataError

ENDING = ".npy"
PIECE = 1 << 24
"""Bytes that are read at a time: a damaged header may claim any number."""

LAST_CHARACTER = 0x10FFFF


class NpyTable(Table):
    """A structured array: its fields are the columns."""

    def __init__(self, path: str, stream: BinaryIO) -> None:
        self.path = path
        self._stream = stream
        shape, self._dtype, _ = read_header(stream, path)
        if self._dtype.names is None or len(shape) != 1:
            raise DataError(
                f"`{path}` has no named columns: it holds an array of shape {list(shape)}",
                hint="save a structured array, or named columns with numpy.savez(path, x=…, y=…)",
            )
        self.columns = list(self._dtype.names)
        self.rows = self.size = shape[0]

    def item_shape(self, name: str) -> tuple[int, ...]:
        """As every table: the shape of a field."""
        return self._dtype[name].shape

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    def batches(self, numbers: Sequence[str], kept: Sequence[str], rows: int) -> Iterator[Batch]:
        """As every table; fields are kept with their types."""
        for name in {*numbers, *kept}:
            require_column(self._dtype[name], self.path, name, numbers)
        for first in range(0, max(self.rows, 1), rows):
            part = records(self._stream, self._dtype, min(rows, self.rows - first), self.path)
            yield batch_of(
                {name: part[name] for name in {*numbers, *kept}}, len(part), numbers, kept, len(part), self.path
            )


class NpzTable(Table):
    """An archive of arrays of one length, each a column by its name."""

    def __init__(self, path: str, stream: BinaryIO) -> None:
        self.path = path
        self._stream = stream
        with self._unpacking():
            self._archive = zipfile.ZipFile(stream)
            names = [name for name in self._archive.namelist() if name.endswith(ENDING)]
        self.columns = [name.removesuffix(ENDING) for name in names]
        self.rows = self.size = self._length(self.columns[:1])

    def item_shape(self, name: str) -> tuple[int, ...]:
        """As every table: what is behind the first axis."""
        with self._open(name) as stream:
            return read_header(stream, self.path).shape[1:]

    def close(self) -> None:
        """Close the file."""
        self._archive.close()
        self._stream.close()

    def batches(self, numbers: Sequence[str], kept: Sequence[str], rows: int) -> Iterator[Batch]:
        """As every table; arrays are kept with their types, and read side by side."""
        wanted = list(dict.fromkeys([*numbers, *kept]))
        count = self._length(wanted or self.columns[:1])
        with ExitStack() as stack:
            streams = {name: stack.enter_context(self._open(name)) for name in wanted}
            kinds = {name: self._kind(name, stream) for name, stream in streams.items()}
            for name, kind in kinds.items():
                require_column(kind, self.path, name, numbers)
            for first in range(0, max(count, 1), rows):
                height = min(rows, count - first)
                with self._unpacking():
                    part = {name: records(streams[name], kinds[name], height, self.path) for name in wanted}
                yield batch_of(part, height, numbers, kept, height, self.path)

    def _kind(self, name: str, stream: Any) -> Any:
        """The type of what a column has in a row. DataError where its rows do not lie one behind the other."""
        header = read_header(stream, self.path)
        if header.fortran and len(header.shape) > 1:
            raise DataError(
                f"`{self.path}`: the rows of `{name}` do not lie one behind the other",
                hint="save numpy.ascontiguousarray of it",
            )
        return np.dtype((header.kind, header.shape[1:])) if len(header.shape) > 1 else header.kind

    def _open(self, name: str) -> Any:
        with self._unpacking():
            return self._archive.open(f"{name}{ENDING}")

    @contextmanager
    def _unpacking(self) -> Iterator[None]:
        """DataError for a broken archive."""
        try:
            yield
        except FAULTS as error:
            raise DataError(f"cannot read `{self.path}`: {what_is_wrong(error)}") from None

    def _length(self, names: Sequence[str]) -> int:
        """The common length of columns. DataError where they differ or are no columns."""
        lengths: dict[str, int] = {}
        for name in names:
            with self._open(name) as stream:
                shape = read_header(stream, self.path).shape
            if not shape:
                raise DataError(f"`{self.path}`: the column `{name}` is one number, not one a row")
            lengths[name] = shape[0]
        if len(set(lengths.values())) > 1:
            listed = ", ".join(f"{name} has {length}" for name, length in lengths.items())
            raise DataError(f"`{self.path}`: columns of different length: {listed}")
        return next(iter(lengths.values()), 0)


def records(stream: Any, kind: Any, count: int, path: str) -> Any:
    """The next entries of an array. DataError where the file ends before; no more memory is taken than it fills."""
    wanted = count * kind.itemsize
    data = bytearray()
    while len(data) < wanted:
        piece = stream.read(min(wanted - len(data), PIECE))
        if not piece:
            raise DataError(f"cannot read `{path}`: it ends too early")
        data += piece
    return np.frombuffer(data, dtype=kind, count=count) if kind.itemsize else np.zeros(count, dtype=kind)


def require_column(kind: Any, path: str, name: str, numbers: Sequence[str]) -> None:
    """DataError for a type that is no column, or no numbers where numbers are wanted; those may be arrays of them."""
    if (kind.shape and name not in numbers) or (name in numbers and kind.base.kind not in "fiub"):
        hint = "convert it before, for example to seconds" if kind.kind in "mM" else None
        raise DataError(f"`{path}`: the column `{name}` holds {kind}, not numbers", hint=hint)


def sound(column: Any, path: str, name: str) -> Any:
    """A column that NumPy can handle whatever its bytes are. DataError for texts of what are no characters."""
    if column.dtype.kind == "b":
        return column.view(np.uint8) != 0
    if column.dtype.kind == "U" and column.dtype.itemsize:
        codes = np.ascontiguousarray(column).view(column.dtype.byteorder.replace("|", "=") + "u4")
        if ((codes > LAST_CHARACTER) | ((codes >= 0xD800) & (codes < 0xE000))).any():
            raise DataError(f"`{path}`: the column `{name}` holds texts that are none")
    return column


def batch_of(
    columns: Mapping[str, Any], rows: int, numbers: Sequence[str], kept: Sequence[str], read: int, path: str
) -> Batch:
    """A batch from arrays."""
    columns = {name: sound(column, path, name) for name, column in columns.items()}
    return Batch(
        rows, {name: np.ascontiguousarray(columns[name], dtype=np.float64) for name in numbers},
        {name: np.ascontiguousarray(columns[name]) for name in kept},
        cell=lambda name, place: str(columns[name][place]), read=read,
    )  # fmt: skip
