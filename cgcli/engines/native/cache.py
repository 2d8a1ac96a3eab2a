"""Compiled kernels on disk: object code under the user's cache folder.

An entry is a line with its key and its checksum, then the code. What the user does not own, others could write,
or does not match, is ignored: folder and entry are opened first, and what was opened is looked at, so that nobody can
exchange them in between. Nothing is unpickled. The folder may be deleted at any time.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
from contextlib import contextmanager, suppress

from cgcli.caches import OTHERS_WRITE, cache_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FORMAT = b"cg-native-1"
ENTRIES = 512
"""How many kernels are kept; the ones that were used longest ago go first."""

KEY = 64
"""Letters of a key, which is the name of its entry."""

BY_FOLDER = os.open in os.supports_dir_fd
"""Whether files are found by an open folder; elsewhere (Windows) by its path, and the system keeps others out."""

ONLY_ITSELF = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


def key_of(text: str, *circumstances: object) -> str:
    """A key that changes with the text of a kernel and with whatever else its code depends on."""
    import llvmlite

    parts = (text, llvmlite.__version__, *circumstances)
    digest = hashlib.sha256()
    for part in parts:
        data = str(part).encode()
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()


def read(key: str) -> bytes | None:
    """The code of an entry; None where there is none that can be trusted."""
    try:
        with _Folder.opened() as folder, open(folder.open(key, os.O_RDONLY), "rb") as file:
            if not _private(os.fstat(file.fileno()), stat.S_ISREG):
                return None
            head, _, code = file.read().partition(b"\n")
            if head != _head(key, code):
                return None
            if os.utime in os.supports_fd:
                with suppress(OSError):
                    os.utime(file.fileno())
            return code
    except OSError:
        return None


def write(key: str, code: bytes) -> None:
    """Keep the code of an entry, whole or not at all; a folder that cannot be written is no error."""
    with suppress(OSError), _Folder.opened(make=True) as folder:
        fresh = f".new-{secrets.token_hex(8)}"
        try:
            with open(folder.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "wb") as file:
                file.write(_head(key, code) + b"\n" + code)
            folder.rename(fresh, key)
        except BaseException:
            folder.delete(fresh)
            raise
        folder.sweep()


class _Folder:
    """The folder of the entries, open, and known to be the user's own."""

    def __init__(self, path: str, handle: int | None) -> None:
        self.path = path
        self.handle = handle

    @classmethod
    @contextmanager
    def opened(cls, *, make: bool = False) -> Iterator[_Folder]:
        """The folder. OSError where it is missing, or is not the user's own."""
        path = cache_folder("native")
        if path is None:
            raise FileNotFoundError
        if make:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not BY_FOLDER:
            yield cls(str(path), None)
            return
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | ONLY_ITSELF)
        try:
            if not _private(os.fstat(handle), stat.S_ISDIR):
                raise PermissionError
            yield cls(str(path), handle)
        finally:
            os.close(handle)

    def open(self, name: str, flags: int) -> int:
        """A file of the folder by its name, and no other that a link leads to."""
        return os.open(self._at(name), flags | ONLY_ITSELF, 0o600, dir_fd=self.handle)

    def rename(self, name: str, new: str) -> None:
        """Put a file in the place of another."""
        os.replace(self._at(name), self._at(new), src_dir_fd=self.handle, dst_dir_fd=self.handle)

    def delete(self, name: str) -> None:
        """Delete a file where it is still there."""
        with suppress(OSError):
            os.unlink(self._at(name), dir_fd=self.handle)

    def sweep(self) -> None:
        """Delete the entries used longest ago beyond the number that is kept; of other files none."""
        keys = [name for name in os.listdir(self.path if self.handle is None else self.handle) if len(name) == KEY]
        if len(keys) > ENTRIES:
            for key in sorted(keys, key=self._last_use, reverse=True)[ENTRIES:]:
                self.delete(key)

    def _last_use(self, name: str) -> float:
        with suppress(OSError):
            return os.stat(self._at(name), dir_fd=self.handle, follow_symlinks=False).st_mtime
        return 0.0

    def _at(self, name: str) -> str:
        return name if self.handle is not None else os.path.join(self.path, name)


def _head(key: str, code: bytes) -> bytes:
    return b" ".join((FORMAT, key.encode(), hashlib.sha256(code).hexdigest().encode()))


def _private(status: os.stat_result, kind: Callable[[int], bool]) -> bool:
    """Whether what was opened is of a kind, and only this user can have written it."""
    if not kind(status.st_mode):
        return False
    return not hasattr(os, "getuid") or (status.st_uid == os.getuid() and not status.st_mode & OTHERS_WRITE)
