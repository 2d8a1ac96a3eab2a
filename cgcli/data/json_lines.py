"""JSON lines (one object a line, jsonlines.org) by Python's own module."""

from __future__ import annotations

import json
import re
from codecs import BOM_UTF8 as BOM
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice
from math import isfinite
from typing import Any, BinaryIO

import numpy as np

from cgcli.data.cells import LONGEST_CELL
from cgcli.data.csv.records import file_size
from cgcli.data.csv.writing import cells_of, not_for_csv
from cgcli.data.table import Batch, Column, Table, Writer
from cgcli.data.texts import text_batch
from cgcli.errors import DataError

SAMPLE = 100
"""Records whose names are the columns."""


class JsonTable(Table):
    """A file of objects whose names are the columns: those of the first hundred objects.

    Numbers, truth values and texts are read as CSV has them; what an object lacks, and null, is a missing cell.
    """

    is_text = True

    def __init__(self, path: str, stream: BinaryIO) -> None:
        self.path = path
        self._stream = stream
        self.size = file_size(stream)
        self._read = 0
        records = self._objects()
        first = list(islice(records, SAMPLE))
        self._records = chain(first, records)
        self.columns = list(dict.fromkeys(chain.from_iterable(first)))
        self.rows = len(first) * self.size // max(self._read, 1) if self.size and len(first) == SAMPLE else len(first)

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    def batches(self, numbers: Sequence[str], kept: Sequence[str], rows: int) -> Iterator[Batch]:
        """As every table; where all columns are kept, one that comes later is refused rather than lost."""
        wanted = list(dict.fromkeys([*numbers, *kept]))
        whole = set(self.columns) <= set(kept)
        before, row = 0, 0
        found = list(islice(self._records, rows))
        while True:
            if whole:
                self._refuse_others(found, row)
            texts = {name: [cell_of(record.get(name)) for record in found] for name in wanted}
            yield text_batch(texts, len(found), numbers, kept, self._read - before)
            before, row = self._read, row + len(found)
            found = list(islice(self._records, rows))
            if not found:
                return

    def _refuse_others(self, records: Sequence[Mapping[str, Any]], before: int) -> None:
        known = set(self.columns)
        for row, record in enumerate(records, before + 1):
            if others := record.keys() - known:
                raise DataError(
                    f"`{self.path}`, row {row:,}: `{min(others)}` is not among the names of the first {SAMPLE} rows",
                    hint="name the columns that --keep shall copy",
                )

    def _objects(self) -> Iterator[dict[str, Any]]:
        """The objects, one a line; empty lines are none. DataError for what is no object."""
        row = 0
        while line := self._stream.readline(LONGEST_CELL):
            self._read += len(line)
            if not line.strip():
                continue
            row += 1
            yield self._object(line.removeprefix(BOM) if row == 1 else line, row)

    def _object(self, line: bytes, row: int) -> dict[str, Any]:
        try:
            found = object_of(line.decode())
            if isinstance(found, dict):
                return found
            reason = "it is no object"
        except ValueError as error:
            reason = str(error) if isinstance(error, Twice) else "it is no line of JSON"
        raise DataError(f"`{self.path}`, row {row:,}: {reason}", hint="a row is an object on one line")


class Twice(ValueError):
    """A name that stands twice in an object."""


def distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object. Twice where one of its names is not the only one: nobody knows which value counts."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Twice("a name stands twice in it")
    return found


def object_of(text: str) -> Any:
    """What a text of JSON says; where lists are nested deeper than Python reads them, they stay texts. ValueError."""
    try:
        found = json.loads(text, object_pairs_hook=distinct)
        if text.count("[") > MANY_BRACKETS:
            json.dumps(found)  # what will be done with its cells, and goes less deep
        return found
    except RecursionError:
        return shallow(text)


def shallow(text: str) -> dict[str, Any]:
    """An object of JSON whose lists and objects stay texts. ValueError where it is none; nothing recurses."""
    pairs: list[tuple[str, Any]] = []
    place = _behind_blanks(text, 0)
    if text[place : place + 1] != "{":
        raise ValueError("no object")
    sign = "{"
    while sign in "{,":
        place = _behind_blanks(text, place + 1)
        if sign == "{" and text[place : place + 1] == "}":
            break
        name, place = DECODER.raw_decode(text, place)
        place = _behind_blanks(text, place)
        if not isinstance(name, str) or text[place : place + 1] != ":":
            raise ValueError("no name")
        place = _behind_blanks(text, place + 1)
        begin = place
        if text[begin : begin + 1] in ("[", "{"):
            place = _closed(text, begin)
            value: Any = text[begin:place]
        else:
            value, place = DECODER.raw_decode(text, begin)
        pairs.append((name, value))
        place = _behind_blanks(text, place)
        sign = text[place : place + 1] or "}"
    if text[place : place + 1] != "}" or text[place + 1 :].strip():
        raise ValueError("no end")
    return distinct(pairs)


MANY_BRACKETS = 100
"""Lists from which on one may be nested too deep for Python's module, whose functions recurse."""

DECODER = json.JSONDecoder()
BLANKS = re.compile(r"[ \t\n\r]*")
BRACKET = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]')


def _behind_blanks(text: str, place: int) -> int:
    return BLANKS.match(text, place).end()  # type: ignore[union-attr]  # it matches everywhere


def _closed(text: str, begin: int) -> int:
    """Where the bracket that opens at a place is closed. ValueError where it is not."""
    depth = 0
    for found in BRACKET.finditer(text, begin):
        depth += (found[0] in "[{") - (found[0] in "]}")
        if depth == 0:
            return found.end()
    raise ValueError("no end")


def cell_of(value: Any) -> str:
    """A value as the text of a cell."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)


class JsonWriter(Writer):
    """One object a row. Numbers and truth values are those of JSON, nan is null, and infinities are texts."""

    def __init__(self, stream: BinaryIO, path: str) -> None:
        self._stream = stream
        self._path = path

    def write(self, columns: Mapping[str, Column]) -> None:
        """Append rows."""
        values = [self._values(name, column) for name, column in columns.items()]
        names = list(columns)
        lines = (
            json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False) for row in zip(*values, strict=True)
        )
        self._stream.write("".join(f"{line}\n" for line in lines).encode())

    def _values(self, name: str, column: Column) -> list[Any]:
        """A column as values of JSON. DataError for what has no text."""
        if not isinstance(column, (list, np.ndarray)):
            column = self._of_arrow(name, column)
        if isinstance(column, list):
            return column
        if column.dtype.kind in "iub":
            found: list[Any] = column.tolist()
            return found
        if column.dtype.kind == "f":
            return list(map(number_of_json, column.astype(np.float64).tolist()))
        if column.dtype.kind in "SVc":
            raise not_for_csv(self._path, name, column.dtype)
        try:
            return cells_of(column, str)
        except TypeError:
            raise not_for_csv(self._path, name, column.dtype) from None

    def _of_arrow(self, name: str, column: Any) -> list[Any]:
        """A column of Arrow as values of JSON."""
        from cgcli.data.arrow import columns as arrow

        column = arrow.plain(column)
        if not arrow.has_text(column.type):
            raise not_for_csv(self._path, name, column.type)
        kept = arrow.is_whole(column.type) or arrow.is_text(column.type)
        values = (column if kept else arrow.for_csv(column, raw=True)).to_pylist()
        return [number_of_json(value) if isinstance(value, float) else value if value is None or kept else str(value)
                for value in values]  # fmt: skip

    def finish(self) -> None:
        """Nothing stands at the end."""


def number_of_json(value: float) -> Any:
    """A double as JSON has it: nan is null, and an infinity its name."""
    if isfinite(value):
        return value
    return None if value != value else "inf" if value > 0 else "-inf"
