"""Zip archives that may be damaged."""

from __future__ import annotations

import struct
import zipfile
import zlib
from contextlib import suppress

FAULTS: tuple[type[Exception], ...] = (
    zipfile.BadZipFile, zlib.error, struct.error, OSError, EOFError, RuntimeError, ValueError, OverflowError, KeyError,
)  # fmt: skip
"""What `zipfile` raises for broken archives."""

with suppress(ImportError):  # not every Python has it; zipfile does without, too
    from lzma import LZMAError

    FAULTS = (*FAULTS, LZMAError)


def what_is_wrong(error: Exception) -> str:
    """One of the faults in words."""
    return f"the archive is broken ({str(error) or 'it ends too early'})"
