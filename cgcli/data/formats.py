"""The format of a file by the end of its name, its reader and its writer."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from typing import BinaryIO

from cgcli.data.dialects import Dialect, dialect_of
from cgcli.data.table import Table, Writer
from cgcli.errors import DataError, MissingExtra, UsageError

FORMATS = {
    ".csv": "csv", ".tsv": "tsv", ".tab": "tsv", ".parquet": "parquet", ".pq": "parquet", ".arrow": "arrow",
    ".arrows": "arrow", ".feather": "arrow", ".ipc": "arrow", ".npy": "npy", ".npz": "npz",
    ".jsonl": "jsonl", ".ndjson": "jsonl",
}  # fmt: skip
DELIMITERS = {"csv": ",", "tsv": "\t"}
KINDS = tuple(dict.fromkeys(FORMATS.values()))
NOT_FROM_PIPES = ("parquet", "arrow", "npz")
"""Formats whose readers jump."""

ENDINGS = ", ".join(FORMATS)
PACKED = (".gz", ".bz2", ".xz", ".zst", ".zip")


def format_of(path: str, kind: str | None = None) -> str:
    """The format that is said, else the one that a file name says; a stream without a name is CSV. UsageError."""
    if kind is not None:
        if kind not in KINDS:
            raise UsageError(f"there is no format `{kind}`", hint=f"formats are {', '.join(KINDS)}")
        return kind
    ending = os.path.splitext(path)[1].lower()
    if ending in FORMATS:
        return FORMATS[ending]
    if is_stream(path):
        return "csv"
    packed = "a packed file goes through a pipe (gzip -dc x.csv.gz | cg … --data -); " if ending in PACKED else ""
    raise UsageError(
        f"cannot tell the format of `{path}` by its name",
        hint=f"{packed}names end with {ENDINGS}; --format says it for a table to read; - is CSV from standard input, "
        "or to standard output",
    )


def is_stream(path: str) -> bool:
    """Whether a path is a standard stream, a pipe or a device: those have no names that say a format."""
    if path == "-" or path.startswith("/dev/"):
        return True
    return os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path)


def open_table(
    path: str, kind: str | None = None, *, separator: str | None = None, decimal: str | None = None,
    spool: BinaryIO | None = None,
) -> Table:  # fmt: skip
    """The table in a file, or in standard input for `-`.

    kind: the format, where the name does not say it. separator, decimal: of a text file (see `dialects`). spool: what
    came from a stream, in a file (`spooled`), where the table is read more than once.
    DataError where it cannot be read, MissingExtra, UsageError.
    """
    if kind is None and (separator or decimal) and os.path.splitext(path)[1].lower() not in FORMATS:
        kind = "csv"
    kind = format_of(path, kind)
    if kind not in DELIMITERS and (separator or decimal):
        raise UsageError(f"--{'separator' if separator else 'decimal'} is for CSV, not for {kind}")
    dialect = dialect_of(DELIMITERS.get(kind, ","), separator, decimal)
    if kind in ("parquet", "arrow"):
        require_pyarrow(kind)
    stream = opened(path) if spool is None else os.fdopen(os.dup(spool.fileno()), "rb")
    try:
        if spool is not None:
            stream.seek(0)
        if kind in NOT_FROM_PIPES and not stream.seekable():
            stream = spooled(stream)
        table = _table(kind, "standard input" if path == "-" else path, stream, dialect)
        if not table.columns:
            archived = "save named columns with numpy.savez(path, x=…, y=…)"
            raise DataError(f"`{path}` has no columns", hint=archived if kind == "npz" else None)
        return table
    except BaseException:
        stream.close()
        raise


def opened(path: str) -> BinaryIO:
    """The bytes of a file, or of standard input. DataError where it cannot be read."""
    try:
        return sys.stdin.buffer if path == "-" else open(path, "rb")
    except OSError as error:
        raise DataError(f"cannot read `{path}`: {error.strerror}") from None


def spooled(stream: BinaryIO) -> BinaryIO:
    """The rest of a stream in a nameless file, for formats that are not read from the first byte to the last."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the table closes it
    shutil.copyfileobj(stream, file)
    stream.close()
    file.seek(0)
    return file


def _table(kind: str, path: str, stream: BinaryIO, dialect: Dialect) -> Table:
    if kind in DELIMITERS:
        if has_pyarrow():
            from cgcli.data.csv import fast

            return fast.CsvTable(path, stream, dialect.separator, decimal=dialect.decimal)
        from cgcli.data.csv import plain

        return plain.CsvTable(path, stream, dialect.separator, dialect.decimal)
    if kind == "jsonl":
        from cgcli.data.json_lines import JsonTable

        return JsonTable(path, stream)
    if kind in ("npy", "npz"):
        from cgcli.data.arrays import tables

        return (tables.NpyTable if kind == "npy" else tables.NpzTable)(path, stream)
    if kind == "parquet":
        from cgcli.data.arrow import parquet

        return parquet.ParquetTable(path, stream)
    from cgcli.data.arrow import ipc

    return ipc.FeatherTable(path, stream)


def create_writer(stream: BinaryIO, path: str, *, raw: bool = False) -> Writer:
    """A writer of the format that a file name says, into a stream. UsageError, MissingExtra.

    raw: texts in CSV are written as they are, whatever a spreadsheet would make of them.
    """
    kind = format_of(path)
    if kind in DELIMITERS:
        delimiter = DELIMITERS[kind]
        if has_pyarrow():
            from cgcli.data.csv import fast

            return fast.CsvWriter(stream, path, delimiter, raw=raw)
        from cgcli.data.csv import plain

        return plain.CsvWriter(stream, path, delimiter, raw=raw)
    if kind == "jsonl":
        from cgcli.data.json_lines import JsonWriter

        return JsonWriter(stream, path)
    if kind in ("npy", "npz"):
        from cgcli.data.arrays import writing as arrays

        return (arrays.NpyWriter if kind == "npy" else arrays.NpzWriter)(stream, path)
    require_pyarrow(kind)
    from cgcli.data.arrow import writing

    return writing.ArrowWriter(stream, path, is_parquet=kind == "parquet")


def has_pyarrow() -> bool:
    """Whether pyarrow can be loaded."""
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        return False
    return True


def require_pyarrow(kind: str) -> None:
    """MissingExtra where pyarrow is not installed."""
    if not has_pyarrow():
        raise MissingExtra(
            f"{kind.capitalize()} files need the package `pyarrow`", hint="pip install 'cgcli[data]'; CSV goes without"
        )
