"""Compiled kernels on disk: object code under the user's cache folder.

An entry is a line with its key and its checksum, then the code. What the user does not own, others could write,
or does not match, is ignored. Nothing is unpickled. The folder may be deleted at any time.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path

FORMAT = b"cg-native-1"
ENTRIES = 512
"""How many kernels are kept; the ones that were used longest ago go first."""


def folder() -> Path:
    """Where entries are: in XDG_CACHE_HOME, else in ~/.cache. FileNotFoundError where the user has no home."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    if home.startswith("~"):
        raise FileNotFoundError("the user has no home folder")
    return Path(home) / "cgcli" / "native"


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
        path = folder() / key
        if not (_private(path.parent) and _private(path)):
            return None
        head, _, code = path.read_bytes().partition(b"\n")
    except OSError:
        return None
    if head != _head(key, code):
        return None
    with contextlib.suppress(OSError):
        os.utime(path)
    return code


def write(key: str, code: bytes) -> None:
    """Keep the code of an entry, whole or not at all; a folder that cannot be written is no error."""
    with contextlib.suppress(OSError):
        home = folder()
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _private(home):
            return
        handle, name = tempfile.mkstemp(dir=home, prefix=".new-")
        try:
            with open(handle, "wb") as file:
                file.write(_head(key, code) + b"\n" + code)
            os.replace(name, home / key)
        except BaseException:
            os.unlink(name)
            raise
        _sweep(home)


def _head(key: str, code: bytes) -> bytes:
    return b" ".join((FORMAT, key.encode(), hashlib.sha256(code).hexdigest().encode()))


def _private(path: Path) -> bool:
    """Whether only this user can have written a file or a folder."""
    if not hasattr(os, "getuid"):
        return True
    status = path.lstat()
    return status.st_uid == os.getuid() and not status.st_mode & 0o022 and not path.is_symlink()


def _sweep(home: Path) -> None:
    """Delete the entries used longest ago beyond the number that is kept."""
    entries = sorted(home.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in entries[ENTRIES:]:
        path.unlink(missing_ok=True)
