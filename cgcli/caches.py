"""Where compiled code is kept between runs: only in folders that nobody else can write.

Who can write to such a folder decides what this program runs. Where there is no such folder nothing is kept.
"""

from __future__ import annotations

import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def cache_folder(name: str) -> Path | None:
    """The user's folder for a kind of cached code, in XDG_CACHE_HOME or else ~/.cache; None where there is no home."""
    from pathlib import Path

    base = os.environ.get("XDG_CACHE_HOME")
    try:
        return (Path(base) if base else Path.home() / ".cache") / "cgcli" / name
    except RuntimeError:  # a user without an entry and without HOME
        return None


def is_trusted(status: os.stat_result) -> bool:
    """Whether nobody but this user and the system's own can write what has this status."""
    return not hasattr(os, "getuid") or (status.st_uid in (os.getuid(), 0) and not status.st_mode & OTHERS_WRITE)


def is_private(folder: Path) -> bool:
    """Whether nobody else can write to a folder, or put another one in its place; False where it does not exist.

    In a folder such as /tmp, where everybody can write but nobody can move what others own, what is there is safe.
    """
    try:
        place = folder.resolve(strict=True)
        status = place.stat()
        if not stat.S_ISDIR(status.st_mode) or not is_trusted(status):
            return False
        return all(is_trusted(above) or above.st_mode & stat.S_ISVTX for above in map(os.stat, place.parents))
    except OSError:
        return False


def numba_folder(module: str, *, make: bool = False) -> tuple[Path | None, bool]:
    """Where numba may keep the machine code of a module, and whether that is the folder beside the module.

    That is NUMBA_CACHE_DIR, the module's own `__pycache__` or a folder of the user's, whichever comes first that can be
    trusted and written; None where there is none, and for a module that is no file. make: a missing one is made.
    """
    from pathlib import Path

    path = Path(module)
    if not path.exists():
        return None, False
    told = os.environ.get("NUMBA_CACHE_DIR")
    if told:
        if _usable(Path(told), make):
            return Path(told), False
    elif _usable(path.parent / "__pycache__", make):
        return path.parent / "__pycache__", True
    own = cache_folder("numba")
    return (own, False) if own and _usable(own, make) else (None, False)


def _usable(folder: Path, make: bool) -> bool:
    """Whether a folder is private and can be written; one that is missing is made, or would be."""
    try:
        if make:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        elif not folder.exists():
            return True
    except OSError:
        return False
    return is_private(folder) and os.access(folder, os.W_OK | os.X_OK)
