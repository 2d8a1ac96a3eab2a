"""The header of an array in an NPY file (numpy.lib.format), read without unpickling or evaluating anything."""

from __future__ import annotations

import ast
import warnings
from math import prod
from typing import Any, NamedTuple

from numpy.lib import format as npy

from cgcli.errors import DataError

LONGEST_HEADER = 1 << 22
"""Bytes: some 100,000 columns."""

LONGEST_AXIS = 2**63 - 1

LONGEST_COUNT = 20
"""Digits of the greatest number of rows."""


class Header(NamedTuple):
    """What stands in front of an array: its shape, the type of its entries, whether its first axis is the fastest."""

    shape: tuple[int, ...]
    kind: Any
    fortran: bool

    @property
    def size(self) -> int:
        """Bytes of the array."""
        return prod(self.shape) * int(self.kind.itemsize)


def read_header(stream: Any, path: str) -> Header:
    """The header of an array, the stream after it. DataError for what is no array or needs unpickling.

    The format: numpy.lib.format, versions 1 to 3 (they differ in the header's length and encoding).
    """
    try:
        try:
            major, _ = npy.read_magic(stream)
        except ValueError:  # NumPy prints the bytes
            raise ValueError("it is not a .npy file") from None
        length = int.from_bytes(stream.read(2 if major == 1 else 4), "little")
        if length > LONGEST_HEADER:
            raise ValueError("its header is too long")
        text = stream.read(length).decode("utf-8" if major >= 3 else "latin-1")
        with warnings.catch_warnings(action="ignore"):  # Python and NumPy warn of what damaged headers say
            header = header_from(ast.literal_eval(text))
    except Exception as error:
        # Python's parser and NumPy's types have a dozen kinds of exceptions for texts that nobody wrote
        reason = str(error).splitlines()[:1] if isinstance(error, ValueError) else []
        raise DataError(f"cannot read `{path}`: {(reason or ['its header is no header of an array'])[0]}") from None
    if header.kind.hasobject:
        raise DataError(f"cannot read `{path}`: it holds Python objects", hint="save numbers or texts of fixed length")
    return header


def header_from(described: Any) -> Header:
    """A header from its mapping. ValueError where lengths are no lengths, and what NumPy raises for strange types."""
    shape = described["shape"]
    if type(shape) is not tuple or not all(type(length) is int and 0 <= length <= LONGEST_AXIS for length in shape):
        raise ValueError(f"{str(shape)[:40]} is no shape")
    return Header(shape, npy.descr_to_dtype(described["descr"]), described["fortran_order"] is True)


def header_of(kind: Any, rows: int) -> bytes:
    """The header of an array of rows; its length does not depend on their number (format version 3: UTF-8)."""
    described = {"descr": npy.dtype_to_descr(kind), "fortran_order": False, "shape": (rows,)}
    text = repr(described).encode()
    length = len(text) - len(str(rows)) + LONGEST_COUNT + 1
    length += -(length + 12) % npy.ARRAY_ALIGN
    return npy.magic(3, 0) + length.to_bytes(4, "little") + text.ljust(length - 1) + b"\n"
