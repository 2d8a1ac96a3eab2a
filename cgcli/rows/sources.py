"""Data of every kind as a table, and its columns read again and again: rows without a gap, as numbers.

Source(data).open()                      a path, a folder, a pattern, a frame, a mapping of arrays … -> a table
WholeRows(Source(data), ["t", "y"])      pass after pass: small data stay in memory, large ones are read again
"""

from __future__ import annotations

import os
import tempfile
import weakref
from math import prod
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from cgcli.data import formats, several, stream
from cgcli.data.memory import NAME, MemoryTable, columns_of
from cgcli.data.patterns import files_of, would_read
from cgcli.data.table import Place, Table, rows_of_a_batch
from cgcli.errors import DataError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Progress = Callable[[int, int], None]
    """What of the table's size was read, and the rows so far."""

MEMORY = 1 << 28
"""Bytes of numbers that stay in memory between two passes; more are read again."""


class Source:
    """Data of any kind, which can be opened as a table.

    name: what messages call it. again: whether it can be opened more than once; a pipe cannot.
    """

    def __init__(
        self, data: Any, kind: str | None = None, *, separator: str | None = None, decimal: str | None = None
    ) -> None:
        """data: a path, a folder, a pattern or a list of those, which are one table (`cgcli.data.several`); a DataFrame
        (pandas, polars), an Arrow table, a structured array, a mapping of columns; also a `Source`, and a `Table`,
        which is read once. kind, separator, decimal: of files, see `formats.open_table`.
        """
        self._data = data
        self._how = (kind, separator, decimal)
        self._table: Table | None = data if isinstance(data, Table) else None
        self._paths = paths_of(data)
        self._files: several.Files | None = None
        self.is_path = self._paths is not None
        self.name = self._table.path if self._table else NAME if self._paths is None else shown_paths(self._paths)
        self.is_stream = self._paths is not None and len(self._paths) == 1 and formats.is_stream(self._paths[0])
        self.again = not isinstance(data, Table) and not self.is_stream

    def open(self, spool: BinaryIO | None = None) -> Table:
        """The table, before its first row. DataError, UsageError and MissingExtra as of `formats.open_table`.

        spool: what came from a stream, in a file, where the table is read more than once.
        """
        if self._table is None and not self.is_path:
            self._table = MemoryTable(columns_of(self._data))  # can be read as often as one likes
        if self._table is not None:
            return self._table
        kind, separator, decimal = self._how
        assert self._paths is not None
        if self._files is None:
            self._files = several.files_of_paths(self.name, self._paths, kind, separator, decimal)
        if self._files is not None:
            return several.SeveralTables(self._files)
        return formats.open_table(self._paths[0], kind, separator=separator, decimal=decimal, spool=spool)

    @property
    def how(self) -> tuple[str | None, str | None, str | None]:
        """How files are read: format, separator and decimal mark, as far as they were said."""
        return self._how

    def files(self) -> list[str]:
        """The files of a path, a folder, a pattern or a list of those, in the order in which they are read."""
        assert self._paths is not None
        found = several.files_of_paths(self.name, self._paths, *self._how)
        return list(self._paths) if found is None else found.paths

    def located(self, row: int) -> Place:
        """Where a row stands that was read: its file, and its number there."""
        if self._files is not None:
            return several.SeveralTables(self._files).located(row)
        return Place(self.name, row) if self._table is None else self._table.located(row)

    def spare(self, target: str | None, *, whole: bool = False) -> None:
        """UsageError for an output that would take the place of the data, or become a part of them.

        whole: whether the output has all columns and rows of the table; then it may take the place of a single file.
        """
        if target is None or target == "-" or self._paths is None:
            return
        for path in self._paths:
            if would_read(path, target, self._how[0]):
                raise UsageError(
                    f"`{target}` would become a part of the table `{path}`",
                    hint="write to another folder, or to a name that begins with `_`",
                )
        parts = [part for path in self._paths for part in files_of(path, self._how[0]) or [path]]
        if any(is_same_file(part, target) for part in parts) and not (whole and parts == self._paths[:1]):
            what = "the table itself" if len(parts) == 1 else "a part of the table"
            raise UsageError(f"`{target}` is {what}, which would be lost", hint="write to another file")


def paths_of(data: Any) -> list[str] | None:
    """A path, or a list of paths; None for other data."""
    paths = list(data) if isinstance(data, (list, tuple)) else [data]
    return [os.fspath(path) for path in paths] if all(isinstance(path, (str, os.PathLike)) for path in paths) else None


def shown_paths(paths: Sequence[str]) -> str:
    """What messages call a table that has its rows from there."""
    return " and ".join(filter(None, [paths[0] if paths else "", f"{len(paths) - 1} more" if len(paths) > 1 else ""]))


def is_same_file(path: str, other: str) -> bool:
    """Whether two paths lead to one file that is there."""
    return os.path.isfile(path) and os.path.isfile(other) and os.path.samefile(path, other)


def source_of(data: Any) -> Source:
    """Data of every kind as a source."""
    return data if isinstance(data, Source) else Source(data)


class Part:
    """Consecutive rows without a gap. columns: float64 by column's name. rows: how many. read: of the table's size."""

    __slots__ = ("_numbers", "columns", "read", "rows")

    def __init__(self, columns: dict[str, Any], rows: int, numbers: Any, read: int = 0) -> None:
        """numbers: the number of the first row in the table, from 1, or an array of the numbers of all of them."""
        self.columns = columns
        self.rows = rows
        self.read = read
        self._numbers = numbers

    def number(self, place: int) -> int:
        """The number of a row in the table, counted from 1 with all rows that were left out."""
        return int(self._numbers[place]) if isinstance(self._numbers, np.ndarray) else int(self._numbers) + place

    def numbers_at(self, places: Any) -> Any:
        """The numbers of some rows, by their places."""
        return self._numbers[places] if isinstance(self._numbers, np.ndarray) else int(self._numbers) + places

    def numbers(self) -> Any:
        """The numbers of all rows."""
        if isinstance(self._numbers, np.ndarray):
            return self._numbers
        return np.arange(self._numbers, self._numbers + self.rows, dtype=np.int64)


class WholeRows:
    """Some columns of a source, pass after pass, without the rows in which one of them is missing or no number.

    report: what the first pass found (rows read, rows left out, gaps by column); rows: how many are whole, None before
    the first pass is done.
    """

    def __init__(
        self, source: Source, columns: Sequence[str], *, limit: int | None = None, batch_rows: int | None = None,
        memory: int = MEMORY,
    ) -> None:  # fmt: skip
        """limit: at most so many rows are read. batch_rows: at most so many at once. memory: bytes that may be kept."""
        self.source = source
        self.columns = list(dict.fromkeys(columns))
        self.report = stream.Report(self.columns)
        self.rows: int | None = None
        self.size: int | None = None
        self._limit = limit
        self._batch_rows = batch_rows or rows_of_a_batch(len(self.columns))
        self._memory = memory
        self._kept: list[Part] | None = []
        self._spool: Spool | None = None

    def parts(self) -> Iterator[Part]:
        """All whole rows, in the order of the table. DataError for a broken file and for a column without a number."""
        if self.rows is None:
            yield from self._first_pass()
        elif self._kept is not None:
            yield from self._kept
        elif self._spool is not None:
            yield from self._spool.parts()
        else:
            report = stream.Report(self.columns)
            yield from self._read(report)
            if report.rows != self.rows:
                raise DataError(
                    f"`{self.source.name}` has changed while it was read: {report.rows:,} rows, {self.rows:,} before",
                    hint="fit a copy of it",
                )

    @property
    def in_parts(self) -> bool:
        """Whether all parts are kept in memory, once the first pass is done."""
        return self.rows is not None and self._kept is not None

    @property
    def batch_rows(self) -> int:
        """At most so many rows are read at once."""
        return self._batch_rows

    @property
    def nbytes(self) -> int:
        """Bytes of the rows that are kept in memory."""
        return sum(column.nbytes for part in self._kept or () for column in part.columns.values())

    def in_memory(self) -> dict[str, Any] | None:
        """The columns as whole arrays, None where they are too large to be kept. The first pass is taken if need be."""
        self.counted()
        if self._kept is None:
            return None
        if len(self._kept) != 1:
            columns = {name: np.concatenate([part.columns[name] for part in self._kept]) for name in self.columns}
            numbers = np.concatenate([part.numbers() for part in self._kept])
            self._kept = [Part(columns, self.rows or 0, numbers, sum(part.read for part in self._kept))]
        return self._kept[0].columns

    def joined(self) -> Part:
        """All whole rows in one part, however large."""
        parts = list(self.parts())
        columns = {name: np.concatenate([part.columns[name] for part in parts] or [np.empty(0)])
                   for name in self.columns}  # fmt: skip
        numbers = np.concatenate([part.numbers() for part in parts] or [np.empty(0, dtype=np.int64)])
        return Part(columns, len(numbers), numbers)

    def thinned(self, rows: int) -> WholeRows:
        """So many of the rows, kept in memory; itself where there are no more.

        They are taken evenly over the table, each from anywhere in its part of it, so that what comes again every
        so many rows is not missed; the same ones each time.
        """
        total = self.counted()
        if total <= rows:
            return self
        ends = np.arange(rows + 1) * total // rows
        wanted = np.random.default_rng(0).integers(ends[:-1], ends[1:])
        columns: dict[str, list[Any]] = {name: [] for name in self.columns}
        numbers, begin = [], 0
        for part in self.parts():
            first, last = np.searchsorted(wanted, [begin, begin + part.rows])  # they ascend
            places = wanted[first:last] - begin
            for name, column in part.columns.items():
                columns[name].append(column[places])
            numbers.append(part.numbers_at(places))
            begin += part.rows
        joined = {name: np.concatenate(pieces) for name, pieces in columns.items()}
        return self.of(Part(joined, len(wanted), np.concatenate(numbers)))

    def of(self, part: Part) -> WholeRows:
        """The same columns of some rows that are in memory."""
        found = WholeRows(self.source, self.columns)
        found.rows, found._kept, found.report = part.rows, [part], self.report
        return found

    def counted(self) -> int:
        """How many rows there are. The first pass is taken if need be."""
        if self.rows is None:
            for _ in self.parts():
                pass
        return self.rows or 0

    def _first_pass(self) -> Iterator[Part]:
        """Read the table, and keep what may be kept."""
        report = stream.Report(self.columns)
        kept: list[Part] | None = []
        spool: Spool | None = None
        held = 0
        for part in self._read(report):
            held += sum(column.nbytes for column in part.columns.values())
            if kept is not None:
                kept.append(part)
                if held > self._memory:
                    if not self.source.again:
                        spool = Spool(self.columns)
                        for earlier in kept:
                            spool.add(earlier)
                    kept = None
            elif spool is not None:
                spool.add(part)
            yield part
        for name in self.columns:
            if name in report.numberless and name in report.gaps and report.gaps[name].bad:
                raise stream.numberless(self.source.name, name, report.gaps[name])
        self.report, self.rows = report, report.rows
        self._kept, self._spool = kept, spool

    def _read(self, report: stream.Report) -> Iterator[Part]:
        """One pass over the table; gaps are counted in a report."""
        table = self.source.open()
        self.size = table.size
        request = stream.Request({name: name for name in self.columns}, missing="skip")
        try:
            for batch in stream.limited(table.batches(self.columns, [], self._batch_rows), self._limit):
                whole = stream.note_gaps(batch, table, request, report)
                columns, numbers = batch.numbers, report.read + 1
                if not whole.all():
                    columns = {name: column[whole] for name, column in columns.items()}
                    numbers = np.arange(report.read + 1, report.read + batch.rows + 1)[whole]
                rows = int(whole.sum())
                report.skipped += batch.rows - rows
                report.read += batch.rows
                yield Part(columns, rows, numbers, batch.read)
        finally:
            if table is not self.source._table:
                table.close()


class Spool:
    """Parts in a nameless file of doubles: what came through a pipe and is too large for memory."""

    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = list(columns)
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as this object
        self._parts: list[tuple[int, int]] = []
        self._shapes: dict[str, tuple[int, ...]] = {}
        weakref.finalize(self, self._file.close)

    def add(self, part: Part) -> None:
        """Append a part."""
        for name in self._columns:
            self._shapes[name] = part.columns[name].shape[1:]
            self._file.write(np.ascontiguousarray(part.columns[name]).data)
        self._file.write(part.numbers().astype(np.int64, copy=False).data)
        self._parts.append((part.rows, part.read))

    def parts(self) -> Iterator[Part]:
        """The parts again, as they came."""
        at = 0
        for rows, read in self._parts:
            self._file.seek(at)
            columns = {name: np.frombuffer(self._file.read(8 * rows * prod(shape))).reshape(rows, *shape)
                       for name, shape in self._shapes.items()}  # fmt: skip
            numbers = np.frombuffer(self._file.read(8 * rows), dtype=np.int64)
            at = self._file.tell()
            yield Part(columns, rows, numbers, read)
