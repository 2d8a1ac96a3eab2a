"""Files that appear under their name when they are whole: written beside it, synced to disk, renamed.

Whoever dies in between leaves the old file as it was, and a leftover that the next writer of that name deletes. A
lock on the leftover, not a process number, tells the dead from the living: numbers are reused, and containers that
share a folder number their processes apart. Windows needs no lock: there an open file cannot be deleted.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import stat
import sys
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from cgcli.errors import DataError

if sys.platform != "win32":
    import fcntl

MARK_BYTES = 8
LEFTOVER = re.compile(rf"\.(?P<stem>.*)\.[0-9a-f]{{{2 * MARK_BYTES}}}\.partial", re.DOTALL)
"""The name of a file that is being written, and of nothing else: what does not look exactly so is somebody else's."""

LONGEST_STEM = 255 - len("..") - 2 * MARK_BYTES - len(".partial")
"""Bytes of a name that go into that of its partial file, so that it is no longer than file systems allow."""

DESCRIPTORS = {"/dev/stdin": 0, "/dev/stdout": 1, "/dev/stderr": 2}
DISK = {errno.ENOSPC, errno.EFBIG, errno.EIO, errno.EROFS, getattr(errno, "EDQUOT", errno.ENOSPC)}
"""What a disk says to a writer: it is full, broken, or was taken away."""


class Replacement:
    """A context manager that gives a binary stream and puts the file in place when the block ends without error.

    A link is followed, owner and permissions of the old file are kept, and a device or a pipe is written as it is.
    Until it is whole, nobody else can read the new file. A file that may not be written is not replaced either, though
    the folder would allow it. DataError where it cannot be written, with its name.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._target = Path(os.path.realpath(path))
        self._partial: Path | None = None
        self._stream: BinaryIO | None = None

    def __enter__(self) -> BinaryIO:
        try:
            self._stream = _opened_as_it_is(self.path)
            if self._stream is None:
                require_permission(self._target)
                sweep(self._target)
                self._partial, self._stream = _fresh(self._target)
        except OSError as error:
            raise self._failed(error) from None
        return self._stream

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._finish()
            elif isinstance(error, OSError) and error.errno in DISK and error.filename is None:
                raise self._failed(error) from None
        except BrokenPipeError:
            raise
        except OSError as failed:
            raise self._failed(failed) from None
        finally:
            self._give_up()

    def _finish(self) -> None:
        assert self._stream is not None
        self._stream.flush()
        if self._partial is None:
            self._stream.close()
            return
        handle = self._stream.fileno()
        _like(handle, self._target)
        os.fsync(handle)
        if sys.platform == "win32":  # no renaming of open files there; elsewhere the lock outlasts it
            self._stream.close()
        os.replace(self._partial, self._target)
        self._partial = None
        _sync_folder(self._target.parent)

    def _give_up(self) -> None:
        """Close the stream, and delete a file that did not come into place."""
        assert self._stream is not None
        if self._partial is not None and sys.platform != "win32":
            self._partial.unlink(missing_ok=True)  # before the lock goes, so that nobody else finds it unlocked
        with contextlib.suppress(OSError):
            self._stream.close()
        if self._partial is not None:
            self._partial.unlink(missing_ok=True)

    def _failed(self, error: OSError) -> DataError:
        return DataError(f"cannot write `{self.path}`: {error.strerror or error}")


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
    stem = _stem(target)
    with contextlib.suppress(OSError):
        for leftover in target.parent.iterdir():
            parts = LEFTOVER.fullmatch(leftover.name)
            if parts is not None and parts["stem"] == stem:
                with contextlib.suppress(OSError):
                    _delete_if_dead(leftover)


def _delete_if_dead(leftover: Path) -> None:
    if sys.platform == "win32":
        leftover.unlink()
        return
    handle = os.open(leftover, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        leftover.unlink()
    finally:
        os.close(handle)


def _opened_as_it_is(path: str) -> BinaryIO | None:
    """A stream into what is no plain file: a device, a pipe, or an open file of this process (`>(…)`, /dev/stdout)."""
    number = descriptor(path)
    if number is not None:
        return os.fdopen(os.dup(number), "wb")  # by its name it would be emptied first, and written from its start
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "it is a folder")
    return None if stat.S_ISREG(mode) else open(path, "wb")


def descriptor(path: str) -> int | None:
    """The number of the open file that a name such as /dev/stdout or /dev/fd/63 means; None for other names."""
    parts = re.fullmatch(r"/(?:dev|proc/self)/fd/(\d+)", path)
    return int(parts[1]) if parts else DESCRIPTORS.get(path)


def _fresh(target: Path) -> tuple[Path, BinaryIO]:
    """A new locked file beside the target, which nobody else may read."""
    while True:
        partial = target.with_name(f".{_stem(target)}.{secrets.token_hex(MARK_BYTES)}.partial")
        handle = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
        if sys.platform != "win32":
            with contextlib.suppress(OSError):  # a file system without locks: the leftover stays until it has them
                fcntl.flock(handle, fcntl.LOCK_EX)
            if not partial.exists():  # a sweeper was here between the creation and the lock
                os.close(handle)
                continue
        return partial, os.fdopen(handle, "w+b")


def _stem(target: Path) -> str:
    """As much of a name as fits into that of its partial file."""
    return os.fsencode(target.name)[:LONGEST_STEM].decode(errors="ignore")


def _like(handle: int, target: Path) -> None:
    """Give a new file the owner and the permissions of the old one, or those that a new file usually has."""
    if sys.platform == "win32":
        return
    try:
        old = target.stat()
    except FileNotFoundError:
        mask = os.umask(0o077)  # it can be read only by setting it
        os.umask(mask)
        os.fchmod(handle, 0o666 & ~mask)
        return
    with contextlib.suppress(OSError):
        os.fchown(handle, old.st_uid, old.st_gid)
    with contextlib.suppress(OSError):
        os.fchmod(handle, stat.S_IMODE(old.st_mode))


def _sync_folder(folder: Path) -> None:
    """Make a rename last; not all systems let a folder be opened."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
