"""The format of a file by the end of its name, its reader and its writer."""

from __future__ import annotations

import os
import sys
from typing import BinaryIO

from cgcli.data.table import Table, Writer
from cgcli.errors import DataError, MissingExtra, UsageError
from cgcli.files import descriptor

FORMATS = {
    ".csv": "csv", ".tsv": "tsv", ".tab": "tsv", ".parquet": "parquet", ".pq": "parquet", ".arrow": "arrow",
    ".arrows": "arrow", ".feather": "arrow", ".ipc": "arrow", ".npy": "npy", ".npz": "npz",
}  # fmt: skip
DELIMITERS = {"csv": ",", "tsv": "\t"}
ENDINGS = ", ".join(FORMATS)
PACKED = (".gz", ".bz2", ".xz", ".zst", ".zip")


def format_of(path: str) -> str:
    """The format that a file name says; `-`, /dev/stdout and a shell's `<(…)` are CSV. UsageError for others."""
    if path in ("-", os.devnull) or descriptor(path) is not None:
        return "csv"
    ending = os.path.splitext(path)[1].lower()
    if ending not in FORMATS:
        packed = "a packed file goes through a pipe (gzip -dc x.csv.gz | cg … --data -); " if ending in PACKED else ""
        raise UsageError(
            f"cannot tell the format of `{path}` by its name",
            hint=f"{packed}names end with {ENDINGS}; - is CSV from standard input, or to standard output",
        )
    return FORMATS[ending]


def open_table(path: str) -> Table:
    """The table in a file, or in standard input for `-`. DataError where it cannot be read, MissingExtra."""
    kind = format_of(path)
    if kind in ("parquet", "arrow"):
        require_pyarrow(kind)
    try:
        stream = sys.stdin.buffer if path == "-" else open(path, "rb")  # noqa: SIM115 - the table closes it
    except OSError as error:
        raise DataError(f"cannot read `{path}`: {error.strerror}") from None
    try:
        table = _table(kind, "standard input" if path == "-" else path, stream)
        if not table.columns:
            archived = "save named columns with numpy.savez(path, x=…, y=…)"
            raise DataError(f"`{path}` has no columns", hint=archived if kind == "npz" else None)
        return table
    except BaseException:
        stream.close()
        raise


def _table(kind: str, path: str, stream: BinaryIO) -> Table:
    if kind in DELIMITERS:
        delimiter = DELIMITERS[kind]
        if has_pyarrow():
            from cgcli.data.csv import fast

            return fast.CsvTable(path, stream, delimiter)
        from cgcli.data.csv import plain

        return plain.CsvTable(path, stream, delimiter)
    if kind in ("npy", "npz"):
        from cgcli.data.arrays import tables

        return (tables.NpyTable if kind == "npy" else tables.NpzTable)(path, stream)
    if kind == "parquet":
        from cgcli.data.arrow import parquet

        return parquet.ParquetTable(path, stream)
    from cgcli.data.arrow import ipc

    return ipc.FeatherTable(path, stream)


def create_writer(stream: BinaryIO, path: str) -> Writer:
    """A writer of the format that a file name says, into a stream. UsageError, MissingExtra."""
    kind = format_of(path)
    if kind in DELIMITERS:
        delimiter = DELIMITERS[kind]
        if has_pyarrow():
            from cgcli.data.csv import fast

            return fast.CsvWriter(stream, path, delimiter)
        from cgcli.data.csv import plain

        return plain.CsvWriter(stream, path, delimiter)
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
