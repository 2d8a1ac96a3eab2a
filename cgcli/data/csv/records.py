"""Records of CSV from text: by Python's own module, which takes whatever others write."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import BinaryIO

from cgcli.data.cells import LONGEST_CELL
from cgcli.errors import DataError

BLANK = " "
TRAILING = " \r\n"


class Unclosed(DataError):
    """A quote that swallows the rest of a file; row 0 is the header."""

    def __init__(self, path: str, row: int) -> None:
        place = f"`{path}`, row {row:,}" if row else f"`{path}`, the names of the columns"
        super().__init__(
            f"{place}: a quote is never closed", hint='inside of a cell in quotes, a quote is written twice: ""'
        )


def columns_of(
    found: Sequence[Sequence[str]], places: Mapping[str, int], width: int, path: str, first: int
) -> dict[str, list[str]]:
    """Columns by name from records, the first of which has the row number `first`.

    DataError for a record with another number of cells than `width`, and for a cell that is not UTF-8.
    """
    for row, record in enumerate(found, first):
        if len(record) != width:
            raise uneven(path, row, len(record), width)
    texts = {name: [record[place] for record in found] for name, place in places.items()}
    for name, column in texts.items():
        if not is_utf8("".join(column)):
            row = first + next(place for place, text in enumerate(column) if not is_utf8(text))
            raise DataError(
                f"`{path}`, row {row:,}, column `{name}`: it is not UTF-8 text", hint="save the file as UTF-8"
            )
    return texts


def text_of(stream: BinaryIO, encoding: str = "utf-8-sig") -> io.TextIOWrapper:
    """A stream as text. Bytes that are no UTF-8 become lone surrogates, which a column may have that nobody uses."""
    return io.TextIOWrapper(stream, encoding=encoding, errors="surrogateescape", newline="")


def is_utf8(text: str) -> bool:
    """Whether a text came from UTF-8 alone."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def records(lines: Iterable[str], delimiter: str, path: str, row: int = 0) -> Iterator[list[str]]:
    """The records of lines, `row` the number of the first; empty lines are none. Unclosed for a quote without an end.

    A reader asks for the line after the last one before it gives up; if it still comes with a record then, the record
    was waiting for a closing quote. (The reader's own strict mode refuses much more.) Where a blank separates, several
    are one separator, and those at the begin and the end of a line are none.
    """
    csv.field_size_limit(LONGEST_CELL)
    ended = []

    def end() -> Iterator[str]:
        ended.append(True)
        yield from ()

    if delimiter == BLANK:
        lines = (f"{line.rstrip(TRAILING)}\n" for line in lines)
    reader = csv.reader(chain(lines, end()), delimiter=delimiter, skipinitialspace=delimiter == BLANK)
    try:
        for record in reader:
            if ended:
                raise Unclosed(path, row)
            if record:
                yield record
                row += 1
    except csv.Error as error:
        hint = "perhaps a quote is never closed"
        raise DataError(f"cannot read `{path}`: line {reader.line_num}: {error}", hint=hint) from None


def header(names: Sequence[str], path: str) -> list[str]:
    """The names of columns without blanks around them. DataError where there are none."""
    if not names:
        raise DataError(f"cannot read `{path}`: it is empty", hint="the first line has to name the columns")
    if not is_utf8("".join(names)):
        raise DataError(f"cannot read `{path}`: it is not UTF-8 text")
    return [name.strip() for name in names]


def uneven(path: str, row: int, found: int, expected: int) -> DataError:
    """The complaint about a record with too few or too many cells."""
    cells = f"{found:,} cell{'' if found == 1 else 's'}"
    columns = f"there {'is' if expected == 1 else 'are'} {expected:,} column{'' if expected == 1 else 's'}"
    return DataError(
        f"`{path}`, row {row:,}: {cells} where {columns}",
        hint="a cell that holds the separator has to stand in quotes"
        if found > expected
        else "empty cells at the end of a row need their separators, too",
    )


def file_size(stream: BinaryIO) -> int | None:
    """Bytes of a file, None for a pipe."""
    return os.fstat(stream.fileno()).st_size if stream.seekable() else None
