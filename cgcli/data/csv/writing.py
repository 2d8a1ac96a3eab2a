"""Records of CSV as bytes, in which no text is run by a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
from typing import Any, BinaryIO

from cgcli.data.cells import escaped
from cgcli.data.table import Column
from cgcli.data.times import texts_of
from cgcli.errors import DataError


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
        hint="--keep names the columns that are copied",
    )


def cells_of(column: Column, escape: Callable[[str], str] = escaped) -> list[str]:
    """A column as texts, each as `escape` makes it. TypeError for times without a text."""
    if isinstance(column, list):
        return [escape(text) for text in column]
    if column.dtype.kind == "f":
        return [number.removesuffix(".0") for number in map(str, column.tolist())]
    if column.dtype.kind == "b":
        return ["true" if value else "false" for value in column.tolist()]
    if column.dtype.kind in "mM":
        return texts_of(column)
    return [escape(str(value)) for value in column.tolist()]


def header_line(names: Iterable[str], delimiter: str, escape: Callable[[str], str] = escaped) -> bytes:
    """The first record of a file: names, each as `escape` makes it."""
    line = io.BytesIO()
    record_writer(line, delimiter).writerow(map(escape, names))
    return line.getvalue()
