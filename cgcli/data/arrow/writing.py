"""Parquet and Arrow files, written batch by batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, BinaryIO

import pyarrow as pa
from pyarrow import ipc, parquet

from cgcli.data.arrow.batches import first_line
from cgcli.data.arrow.columns import arrow_of, is_text
from cgcli.data.table import Column, Writer
from cgcli.errors import DataError


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
        except (TypeError, pa.ArrowException) as error:
            raise DataError(f"cannot write `{self._path}`: {first_line(error)}") from None

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


def repetitive(schema: Any) -> list[str] | bool:
    """Columns for which Parquet tries a dictionary: texts; of numbers hardly one comes twice."""
    return [field.name for field in schema if is_text(field.type)] or False
