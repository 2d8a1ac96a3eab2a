"""Columns of Arrow as batches, and what all readers say of a broken file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from cgcli.data.arrow.columns import cell_text, numbers_of, plain
from cgcli.data.table import Batch
from cgcli.errors import DataError

FAULTS = (pa.ArrowException, OSError, ValueError, TypeError, KeyError, IndexError, OverflowError, SystemError)
"""What pyarrow raises for damaged files: names that are no text and lengths that no number holds are among it."""


def sound(blocks: Iterable[Any], path: str) -> Iterator[Any]:
    """Batches as they come whose offsets, indices and texts are what they should be: Arrow itself trusts the file.

    DataError where they are not. What the check takes grows with the texts of a batch, each of which is read once.
    """
    coming = iter(blocks)
    while True:
        try:
            block = next(coming, None)
            if block is not None:
                block.validate(full=True)
        except FAULTS as error:
            raise broken(path, error) from None
        if block is None:
            return
        yield block


def sliced(
    columns: Mapping[str, Any], count: int, numbers: Sequence[str], kept: Sequence[str], rows: int, read: int,
    decimal: str = ".",
) -> Iterator[Batch]:  # fmt: skip
    """Columns of Arrow as batches of at most so many rows. decimal: the mark before the decimals of texts."""
    for first in range(0, max(count, 1), rows):
        part = {name: plain(column.slice(first, rows)) for name, column in columns.items()}
        yield _batch(part, min(rows, count - first), numbers, kept, 0 if first else read, decimal)


def _batch(
    part: dict[str, Any], rows: int, numbers: Sequence[str], kept: Sequence[str], read: int, decimal: str
) -> Batch:
    found = {name: numbers_of(part[name], decimal) for name in numbers}
    return Batch(
        rows, {name: values for name, (values, _) in found.items()}, {name: part[name] for name in kept},
        cell=lambda name, place: cell_text(part[name], place),
        bad={name: bad for name, (_, bad) in found.items() if bad}, read=read,
    )  # fmt: skip


def without_rows(schema: Any, names: Sequence[str]) -> dict[str, Any]:
    """Empty columns with their types."""
    return {name: pa.array([], schema.field(name).type) for name in names}


def broken(path: str, error: Exception) -> DataError:
    """The complaint about a file that Arrow cannot read."""
    return DataError(f"cannot read `{path}`: {first_line(error)}")


def first_line(error: Exception) -> str:
    """What Arrow says of a fault, without its details."""
    lines = str(error).splitlines() or [type(error).__name__]
    return lines[0].rstrip(". ")
