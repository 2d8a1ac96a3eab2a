"""A table cut into pieces: files, and of Parquet files stretches of row groups.

Where a piece begins and ends depends on the files and on the formula alone, never on how many workers there are. A
stretch begins at a whole number of batches, so its batches are those of the whole file, and sums over them have the
same bits.
"""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from cgcli.data import formats
from cgcli.errors import UsageError
from cgcli.rows.sources import Source

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from cgcli.data.table import Table

    How = tuple[str | None, str | None, str | None]

SECONDS = 0.15
"""What a task should take at least; a task costs a scheduler about a millisecond."""

NANOSECONDS_A_NODE, NANOSECONDS_A_CELL = 8.0, 50.0
"""A rough price of computing one node of a graph for a row, and of reading or writing one number."""

BYTES_A_CELL = 8
"""Of a file that does not say how many rows it has."""


class Piece(NamedTuple):
    """Consecutive rows of a table.

    path: the file. size, changed: its bytes and when it was written last, which tell whether it is still the same.
    span: the first row and the one behind the last, None for all. rows: about how many.
    """

    path: str
    size: int
    changed: int
    span: tuple[int, int] | None
    rows: int


def price(nodes: int, cells: int) -> float:
    """About how long a row takes, in seconds. nodes: of the graph. cells: numbers that are read and written."""
    return 1e-9 * (NANOSECONDS_A_NODE * nodes + NANOSECONDS_A_CELL * cells)


def require_files(there: bool) -> None:
    """UsageError where data are in no files."""
    if not there:
        raise UsageError(
            "a cluster reads files, which all of its workers can open",
            hint="write the table to a folder of Parquet files",
        )


def cut_into_pieces(source: Source, batch_rows: int, seconds: float) -> list[list[Piece]]:
    """The pieces of a table in order, those of a task together. seconds: what a row takes.

    UsageError for data that are in no file: a worker has to be able to read them.
    """
    require_files(source.is_path and not source.is_stream)
    wanted = max(int(SECONDS / seconds), 1)
    tasks: list[list[Piece]] = []
    held = wanted
    for path in source.files():
        for piece in pieces_of_file(path, source.how, batch_rows, wanted):
            if held >= wanted:
                tasks.append([])
                held = 0
            tasks[-1].append(piece)
            held += piece.rows
    return tasks


def pieces_of_file(path: str, how: How, batch_rows: int, wanted: int) -> Iterator[Piece]:
    """The pieces of one file, each of about so many rows or more."""
    there = os.stat(path)
    size, changed = there.st_size, there.st_mtime_ns
    if formats.format_of(path, how[0]) != "parquet":
        yield Piece(path, size, changed, None, max(size // BYTES_A_CELL, 1))
        return
    from cgcli.data.arrow.parquet import ParquetTable

    with closing(open_file(path, how)) as table:
        assert isinstance(table, ParquetTable)
        starts = table.group_starts
    total = starts[-1]
    borders = [0]
    for start in starts[1:-1]:
        aligned = min(-(-start // batch_rows) * batch_rows, total)
        if aligned - borders[-1] >= wanted and aligned < total:
            borders.append(aligned)
    if len(borders) == 1:
        yield Piece(path, size, changed, None, total)
        return
    for first, last in zip(borders, [*borders[1:], total], strict=True):
        yield Piece(path, size, changed, (first, last), last - first)


def open_file(path: str, how: How) -> Table:
    """A file as a table."""
    kind, separator, decimal = how
    return formats.open_table(path, kind, separator=separator, decimal=decimal)


def open_piece(piece: Piece, how: How, *, alone: bool = True) -> Table:
    """The rows of a piece as a table. alone: whether the whole table is this one file.

    DataError where the file is not what it was when the table was cut.
    """
    there = os.stat(piece.path)
    if (there.st_size, there.st_mtime_ns) != (piece.size, piece.changed):
        from cgcli.errors import DataError

        raise DataError(f"`{piece.path}` has changed while it was read", hint="compute a copy of it")
    if piece.span is None:
        table = open_file(piece.path, how)
    else:
        from cgcli.data.arrow.parquet import ParquetTable

        table = ParquetTable(piece.path, formats.opened(piece.path), piece.span)
    if not alone:
        inside = table.located
        table.located = lambda row: inside(row)._replace(alone=False)  # type: ignore[method-assign]
    return table


def flat(tasks: Sequence[Sequence[Any]]) -> list[Any]:
    """What all tasks have, in order."""
    return [each for task in tasks for each in task]
