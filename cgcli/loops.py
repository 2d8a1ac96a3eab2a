"""Loops over the columns of a graph, written once: plain Python that numba compiles where the graph is large.

A loop is a function of columns and numbers alone (no objects of this package), in the part of Python that numba
knows. `swept` runs it as it is on a small graph, or where numba is not installed, and as machine code on a large one.
numba keeps the machine code on disk, so that the time to compile (about a second a loop) is spent once a machine.
"""

from __future__ import annotations

import sys
from _thread import allocate_lock

from cgcli.caches import numba_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

LARGE, LARGE_ONCE_LOADED, LARGE_ONCE_COMPILED = 200_000, 20_000, 200
"""Nodes from which on machine code is done before a loop in Python: with loading numba (half a second), with loading
the code of a loop (some milliseconds), and where it is loaded already."""

MULTIPLIER = 0x9E3779B1
"""For hashing by multiplication: D. E. Knuth, The Art of Computer Programming, vol. 3, section 6.4."""

_COMPILED: dict[Callable[..., Any], Callable[..., Any]] = {}

_SETTING = allocate_lock()
"""numba's folder is a setting of the whole process, which is ours only while a loop is made."""


def swept(loop: Callable[..., Any], size: int, *columns: Any) -> Any:
    """What a loop returns on columns of a graph of this size. Buffers (`array`, `bytearray`) are written in place."""
    return compiled(loop)(*map(viewed, columns)) if is_large(loop, size) else loop(*columns)


def is_large(loop: Callable[..., Any], size: int) -> bool:
    """Whether machine code of a loop is done with a graph of this size before the loop in Python is."""
    once_loaded = LARGE_ONCE_COMPILED if loop in _COMPILED else LARGE_ONCE_LOADED
    return size >= (once_loaded if "numba" in sys.modules else LARGE)


def compiled(loop: Callable[..., Any]) -> Callable[..., Any]:
    """A loop as machine code; the loop itself where numba is not installed."""
    found = _COMPILED.get(loop)
    if found is None:
        try:
            found = _machine_code(loop)
        except ImportError:
            found = loop
        _COMPILED[loop] = found
    return found


def _machine_code(loop: Callable[..., Any]) -> Callable[..., Any]:
    """A loop compiled by numba, which keeps the code where nobody else can write and nowhere else.

    ImportError where numba is not installed.
    """
    from numba import config, njit

    setting: Any = config
    loop = _named_by_constants(loop)
    folder, beside = numba_folder(loop.__code__.co_filename, make=True)
    if folder is None:
        return njit(nogil=True)(loop)
    with _SETTING:
        before = setting.CACHE_DIR
        setting.CACHE_DIR = "" if beside else str(folder)  # read now, and never again for this loop
        try:
            return njit(cache=True, nogil=True)(loop)
        except RuntimeError:  # numba finds no place after all
            return njit(nogil=True)(loop)
        finally:
            setting.CACHE_DIR = before


def _named_by_constants(loop: Callable[..., Any]) -> Callable[..., Any]:
    """The loop under a name that goes with the constants outside it, which are part of its machine code.

    numba finds machine code again by the name of the loop and the date of its file; a constant may stand in another
    file (the numbers of a grammar's rules, say), which has changed since.
    """
    from hashlib import blake2b
    from types import CodeType, FunctionType

    names: set[str] = set()
    codes = [loop.__code__]
    while codes:
        code = codes.pop()
        names.update(code.co_names)
        codes.extend(inner for inner in code.co_consts if isinstance(inner, CodeType))
    known = loop.__globals__
    outside = [(name, known[name]) for name in sorted(names) if name in known]
    constants = [(name, value) for name, value in outside if isinstance(value, (int, float, str, tuple))]
    constants += [(name, value.tobytes()) for name, value in outside if hasattr(value, "tobytes")]
    twin = FunctionType(loop.__code__, known, loop.__name__, loop.__defaults__, loop.__closure__)
    twin.__qualname__ = f"{loop.__qualname__}-{blake2b(repr(constants).encode(), digest_size=6).hexdigest()}"
    return twin


def is_on_disk(module: Path, loop: str) -> bool:
    """Whether numba keeps machine code of a module's loop from an earlier run, perhaps of an older version of it.

    Asked without loading numba.
    """
    place, beside = numba_folder(str(module))
    if place is None:
        return False
    folders = [place] if beside else place.glob("*")
    return any(next(folder.glob(f"{module.stem}.{loop}-*.nbi"), None) for folder in folders)


def pays(size: int, thresholds: tuple[int, int, int], module: Path, loop: str) -> bool:
    """Whether what has this size is done first by machine code, of which a module's loop takes the longest to compile.

    thresholds: the sizes from which on that is so: where it has to be compiled, where numba has to be loaded, and where
    that is done. False where numba is not installed.
    """
    at_first, large, once_loaded = thresholds
    if size < (once_loaded if "numba" in sys.modules else large):
        return False
    from importlib.util import find_spec

    return find_spec("numba") is not None and (size >= at_first or is_on_disk(module, loop))


def viewed(column: Any) -> Any:
    """A NumPy array on the memory of a buffer; anything else as it is."""
    if isinstance(column, (int, float)) or hasattr(column, "dtype"):
        return column
    import numpy as np

    return np.frombuffer(column, dtype=np.uint8 if isinstance(column, (bytes, bytearray)) else column.typecode)


def number_keys(keys: Any, table: Any, distinct: Any, inverse: Any) -> int:
    """Number the distinct keys in the order in which they are met; `inverse` gets the number of each.

    table: -1 everywhere, of a length that is a power of two; a hash table with open addressing. Returns how many
    distinct keys there are, or -1 where they do not fit into `distinct`, which must be shorter than the table.
    """
    mask = len(table) - 1
    count = 0
    for position in range(len(keys)):
        key = int(keys[position])
        hashed = ((key >> 32) ^ key & 0xFFFFFFFF) * MULTIPLIER & 0x7FFFFFFF
        slot = (hashed ^ hashed >> 15) & mask
        while table[slot] >= 0 and distinct[table[slot]] != key:
            slot = (slot + 1) & mask
        if table[slot] < 0:
            if count == len(distinct):
                return -1
            table[slot] = count
            distinct[count] = key
            count += 1
        inverse[position] = table[slot]
    return count
