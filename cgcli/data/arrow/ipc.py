"""Arrow files (Feather version 2) and Arrow streams."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

from pyarrow import ipc

from cgcli.data.arrow.batches import FAULTS, broken, sliced, sound, without_rows
from cgcli.data.arrow.columns import item_shape, require_numbers
from cgcli.data.csv.records import file_size
from cgcli.data.table import Batch, Table


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
            self.columns = list(self._schema.names)
        except FAULTS as error:
            raise broken(path, error) from None
        self._is_file = start.startswith(b"ARROW1")
        self.rows = self._count()

    def nullable(self, names: Sequence[str]) -> frozenset[str]:
        """As every table; the schema says it."""
        return frozenset(name for name in names if self._schema.field(name).nullable)

    def item_shape(self, name: str) -> tuple[int, ...]:
        """As every table: lists of a fixed length are arrays."""
        return item_shape(self._schema.field(name).type)

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
        for block in sound(self._blocks(wanted), self.path):
            empty = False
            position = self._stream.tell()
            columns = {name: block.column(name) for name in wanted}
            yield from sliced(columns, block.num_rows, numbers, kept, rows, max(position - before, 0))
            before = max(position, before)
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
