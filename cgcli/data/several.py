"""A table that is several files, one after the other: a folder, a pattern, or a list of paths."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cgcli.data.formats import is_stream, open_table
from cgcli.data.patterns import files_of
from cgcli.data.table import Place, Table
from cgcli.errors import DataError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from cgcli.data.table import Batch, Column

MOST_LISTED = 20
"""Columns that a hint names."""


class Header(NamedTuple):
    """What a file says of itself before its first row. shapes: of the items of columns that hold arrays."""

    path: str
    columns: list[str]
    rows: int
    size: int | None
    is_text: bool
    shapes: dict[str, tuple[int, ...]]


class Files:
    """The files of a table, found once: what comes into the folder later is no part of it.

    name: what messages call all of them. paths: in the order in which they are read. starts: how many rows stand
    before each file, as far as it was read.
    """

    def __init__(
        self, name: str, paths: Sequence[str], kind: str | None, separator: str | None, decimal: str | None
    ) -> None:
        self.name = name
        self.paths = list(paths)
        self.starts = [0]
        self._how = (kind, separator, decimal)
        self._headers: list[Header] = []

    def open(self, path: str) -> Table:
        """One of the files."""
        kind, separator, decimal = self._how
        return open_table(path, kind, separator=separator, decimal=decimal)

    @property
    def headers(self) -> list[Header]:
        """What the files say of themselves; each is opened once for that."""
        if not self._headers:
            self._headers = list(map(self._header, self.paths))
        return self._headers

    def _header(self, path: str) -> Header:
        with closing(self.open(path)) as table:
            shapes = {name: shape for name in table.columns if (shape := table.item_shape(name))}
            return Header(path, table.columns, table.rows, table.size, table.is_text, shapes)


class SeveralTables(Table):
    """Files as one table. Columns are matched by name; one that is used has to be in every file."""

    def __init__(self, files: Files) -> None:
        headers = files.headers
        self.path = files.name
        self.files = files
        self.columns = all_columns(headers)
        self.rows = sum(header.rows for header in headers)
        sizes = [header.size for header in headers]
        self.size = None if None in sizes else sum(size for size in sizes if size is not None)
        self.is_text = all(header.is_text for header in headers)

    def close(self) -> None:
        """Nothing is open between batches."""

    def item_shape(self, name: str) -> tuple[int, ...]:
        """As every table. DataError where files differ."""
        first, *others = (header for header in self.files.headers if name in header.columns)
        for header in others:
            if header.shapes.get(name, ()) != first.shapes.get(name, ()):
                raise DataError(
                    f"the column `{name}` has {items(header.shapes.get(name, ()))} in `{header.path}`, but "
                    f"{items(first.shapes.get(name, ()))} in `{first.path}`",
                    hint="a column is the same in every file",
                )
        return first.shapes.get(name, ())

    def nullable(self, names: Sequence[str]) -> frozenset[str]:
        """As every table: what one of the files says."""
        found: frozenset[str] = frozenset()
        for path in self.files.paths if names else ():
            with closing(self.files.open(path)) as table:
                found |= table.nullable(names)
        return found

    def located(self, row: int) -> Place:
        """As every table: the file is told, too."""
        place = max(bisect_left(self.files.starts, row) - 1, 0)
        return Place(self.files.paths[place], row - self.files.starts[place], alone=False)

    def batches(self, numbers: Sequence[str], kept: Sequence[str], rows: int) -> Iterator[Batch]:
        """As every table. DataError, before the first row, for a file without one of the columns."""
        self._require([*numbers, *kept])
        kinds: dict[str, tuple[str, str]] = {}
        before = 0
        for place, path in enumerate(self.files.paths):
            with closing(self.files.open(path)) as table:
                if table.columns != self.files.headers[place].columns:
                    raise DataError(f"`{path}` has changed while it was read", hint="read a copy of it")
                for batch in table.batches(numbers, kept, rows):
                    require_kinds(batch.kept, kinds, path)
                    before += batch.rows
                    yield batch
            if len(self.files.starts) == place + 1:
                self.files.starts.append(before)

    def _require(self, names: Sequence[str]) -> None:
        for header in self.files.headers:
            for name in names:
                if name not in header.columns:
                    other = next(each.path for each in self.files.headers if name in each.columns)
                    listed = ", ".join(f"`{column}`" for column in header.columns[:MOST_LISTED])
                    raise DataError(
                        f"`{header.path}` has no column `{name}`, which `{other}` has",
                        hint=f"every file has to have the columns that are used; its columns are {listed}",
                    )


def all_columns(headers: Sequence[Header]) -> list[str]:
    """The columns of all files, in the order in which they come; as often as they stand in a file."""
    found = list(headers[0].columns)
    for header in headers[1:]:
        if header.columns == headers[0].columns:
            continue
        known = Counter(found)
        for name in header.columns:
            known[name] -= 1
            if known[name] < 0:
                found.append(name)
    return found


def items(shape: tuple[int, ...]) -> str:
    """What each row of a column has."""
    return f"arrays of shape {shape}" if shape else "numbers"


def require_kinds(columns: dict[str, Column], kinds: dict[str, tuple[str, str]], path: str) -> None:
    """DataError where a column that is copied is of another type than in an earlier file."""
    for name, column in columns.items():
        kind = kind_of(column)
        before, earlier = kinds.setdefault(name, (kind, path))
        if kind != before:
            raise DataError(
                f"the column `{name}` is {kind} in `{path}`, but {before} in `{earlier}`",
                hint="write the files with the same types before, or do not copy this column",
            )


def kind_of(column: Any) -> str:
    """The type of a column as it was read."""
    if isinstance(column, list):
        return "text"
    if isinstance(column, np.ndarray):
        return "text" if column.dtype.kind in "US" else str(column.dtype.newbyteorder("="))
    return str(column.type)


def files_of_paths(
    name: str, paths: Sequence[str], kind: str | None, separator: str | None, decimal: str | None
) -> Files | None:  # fmt: skip
    """The files that paths, folders and patterns mean; None for one path that is one file.

    name: what messages call all of them. UsageError for an empty list, a file that is there twice, and a pipe among
    others; DataError as of `files_of`.
    """
    if not paths:
        raise UsageError("there is no file in the list", hint='for example ["a.csv", "b.csv"]')
    found: list[str] = []
    several = len(paths) > 1
    for path in paths:
        inside = files_of(path, kind)
        several |= inside is not None
        found += [path] if inside is None else inside
    if not several:
        return None
    refuse_pipes(found)
    refuse_twins(found)
    return Files(name, found, kind, separator, decimal)


def refuse_pipes(paths: Sequence[str]) -> None:
    """UsageError for what can be read once only: a table of several files is opened more than once."""
    for path in paths:
        if is_stream(path):
            raise UsageError(f"`{path}` is no file, and cannot be one of several", hint="write it to a file before")


def refuse_twins(paths: Sequence[str]) -> None:
    """UsageError for a file that is there twice, as a link perhaps: each of its rows would count twice."""
    known: dict[str, str] = {}
    for path in paths:
        real = os.path.realpath(path)
        if real in known:
            said = "" if known[real] == path else f", as `{known[real]}` too"
            raise UsageError(f"`{path}` is given twice{said}", hint="a table has each of its files once")
        known[real] = path
