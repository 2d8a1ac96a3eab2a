"""The header of an array in an NPY file (numpy.lib.format), read without unpickling or evaluating anything."""

from __future__ import annotations

import ast
from typing import Any

from numpy.lib import format as npy

from cgcli.errors import DataError

LONGEST_HEADER = 1 << 24

LONGEST_COUNT = 20
"""Digits of the greatest number of rows."""


def read_header(stream: Any, path: str) -> tuple[tuple[int, ...], Any]:
    """Shape and type of an array, the stream after its header. DataError for what is no array or needs unpickling.

    The format: numpy.lib.format, versions 1 to 3 (they differ in the header's length and encoding).
    """
    try:
        major, _ = npy.read_magic(stream)
        length = int.from_bytes(stream.read(2 if major == 1 else 4), "little")
        if length > LONGEST_HEADER:
            raise ValueError("its header is too long")
        described = ast.literal_eval(stream.read(length).decode("utf-8" if major >= 3 else "latin-1"))
        shape, kind = tuple(map(int, described["shape"])), npy.descr_to_dtype(described["descr"])
    except (ValueError, SyntaxError, TypeError, KeyError, EOFError, RecursionError, MemoryError) as error:
        raise DataError(f"cannot read `{path}`: {(str(error).splitlines() or ['no array'])[0]}") from None
    if kind.hasobject:
        raise DataError(f"cannot read `{path}`: it holds Python objects", hint="save numbers or texts of fixed length")
    return shape, kind


def header_of(kind: Any, rows: int) -> bytes:
    """The header of an array of rows; its length does not depend on their number (format version 3: UTF-8)."""
    described = {"descr": npy.dtype_to_descr(kind), "fortran_order": False, "shape": (rows,)}
    text = repr(described).encode()
    length = len(text) - len(str(rows)) + LONGEST_COUNT + 1
    length += -(length + 12) % npy.ARRAY_ALIGN
    return npy.magic(3, 0) + length.to_bytes(4, "little") + text.ljust(length - 1) + b"\n"
