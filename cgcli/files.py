"""Files that appear under their name when they are whole: written beside it, synced to disk, renamed.

Whoever dies in between leaves the old file as it was, and a leftover that the next writer of that name deletes. A
lock on the leftover, not a process number, tells the dead from the living: numbers are reused, and containers that
share a folder number their processes apart. Windows needs no lock: there an open file cannot be deleted.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
import sys
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from cgcli.errors import DataError

if sys.platform != "win32":
    import fcntl

SUFFIX = ".partial"


class Replacement:
    """A context manager that gives a binary stream and puts the file in place when the block ends without error.

    A link is followed, permissions of the old file are kept, and a device or a pipe is written as it is. A file that
    may not be written is not replaced either, though the folder would allow it. DataError where it cannot be written.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._target = Path(os.path.realpath(path))
        self._partial: Path | None = None
        self._stream: BinaryIO | None = None

    def __enter__(self) -> BinaryIO:
        try:
            if self._target.is_dir():
                raise DataError(f"cannot write `{self.path}`: it is a folder")
            if self._target.exists() and not self._target.is_file():
                self._stream = open(self._target, "wb")
            else:
                require_permission(self._target)
                sweep(self._target)
                self._partial, self._stream = _fresh(self._target)
        except OSError as error:
            raise DataError(f"cannot write `{self.path}`: {error.strerror}") from None
        return self._stream

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        stream, partial = self._stream, self._partial
        assert stream is not None
        try:
            if partial is not None and kind is None:
                stream.flush()
                os.fsync(stream.fileno())
                if sys.platform == "win32":  # no renaming of open files there; elsewhere the lock outlasts it
                    stream.close()
                os.replace(partial, self._target)
                partial = None
                _sync_folder(self._target.parent)
        except OSError as failed:
            raise DataError(f"cannot write `{self.path}`: {failed.strerror}") from None
        finally:
            if partial is not None and sys.platform != "win32":
                partial.unlink(missing_ok=True)  # before the lock goes, so that nobody else finds it unlocked
            with contextlib.suppress(OSError):
                stream.close()
            if partial is not None:
                partial.unlink(missing_ok=True)


def require_permission(target: Path) -> None:
    """PermissionError for a file that is there and that this process may not write."""
    effective = os.access in os.supports_effective_ids
    if target.exists() and not os.access(target, os.W_OK, effective_ids=effective):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def write_file(path: str | Path, data: bytes) -> None:
    """Write a whole file, as `Replacement` does. DataError where that cannot be (a full disk, no permission)."""
    with Replacement(str(path)) as stream:
        stream.write(data)


def sweep(target: Path) -> None:
    """Delete what writers of a file left behind that are no longer there."""
    with contextlib.suppress(OSError):
        for leftover in target.parent.iterdir():
            if leftover.name.startswith(f".{target.name}.") and leftover.name.endswith(SUFFIX):
                with contextlib.suppress(OSError):
                    _delete_if_dead(leftover)


def _delete_if_dead(leftover: Path) -> None:
    if sys.platform == "win32":
        leftover.unlink()
        return
    handle = os.open(leftover, os.O_RDWR | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        leftover.unlink()
    finally:
        os.close(handle)


def _fresh(target: Path) -> tuple[Path, BinaryIO]:
    """A new locked file beside the target, with its permissions."""
    while True:
        partial = target.with_name(f".{target.name}.{secrets.token_hex(8)}{SUFFIX}")
        handle = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
        if sys.platform != "win32":
            with contextlib.suppress(OSError):  # a file system without locks: the leftover stays until it has them
                fcntl.flock(handle, fcntl.LOCK_EX)
            if not partial.exists():  # a sweeper was here between the creation and the lock
                os.close(handle)
                continue
            with contextlib.suppress(FileNotFoundError):
                os.fchmod(handle, stat.S_IMODE(target.stat().st_mode))
        return partial, os.fdopen(handle, "w+b")


def _sync_folder(folder: Path) -> None:
    """Make a rename last; not all systems let a folder be opened."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
