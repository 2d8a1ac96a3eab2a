"""The array in an NPY file, as the value of an input."""

from __future__ import annotations

import os
from math import prod
from typing import Any

from cgcli.data.arrays.headers import read_header
from cgcli.data.arrays.tables import records
from cgcli.errors import DataError


def read_array(path: str) -> Any:
    """The array of an NPY file. DataError where there is no such file, or where it is not what its header says."""
    try:
        with open(path, "rb") as stream:
            header = read_header(stream, path)
            if stream.seekable() and header.size > os.fstat(stream.fileno()).st_size:
                raise DataError(f"cannot read `{path}`: it ends too early")
            found = records(stream, header.kind, prod(header.shape), path)
    except OSError as error:
        raise DataError(f"cannot read `{path}`: {error.strerror}") from None
    return found.reshape(header.shape, order="F" if header.fortran else "C")
