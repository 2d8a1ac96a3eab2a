"""Files that are never left half written."""

from __future__ import annotations

import os
from contextlib import suppress

from cgcli.errors import DataError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path


def write_file(path: str | Path, data: bytes) -> None:
    """Write a file so that at every moment the old one or the new one is there whole.

    DataError where that cannot be (a full disk, a folder without permission); nothing is left behind then.
    """
    directory, name = os.path.split(path)
    partial = os.path.join(directory, f".{name}.{os.getpid()}.partial")
    try:
        with open(partial, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except OSError as error:
        raise DataError(f"cannot write `{path}`: {error.strerror}") from None
    finally:
        with suppress(OSError):
            os.unlink(partial)
