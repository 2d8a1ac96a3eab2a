"""Native code reads and writes what it was given, and not one number more.

A column ends where a page begins that nobody may read: whoever reads past its end dies, in a process of its own.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="mprotect is a function of POSIX")

GUARDED = """
import ctypes, mmap, sys
import numpy as np
import cgcli as cg
from cgcli.engines import engine

libc = ctypes.CDLL(None, use_errno=True)
libc.mprotect.argtypes = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
kept = []

def at_the_end_of_a_page(values):
    pages = -(-values.nbytes // mmap.PAGESIZE)
    memory = mmap.mmap(-1, (pages + 1) * mmap.PAGESIZE)
    kept.append(memory)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    assert libc.mprotect(address + pages * mmap.PAGESIZE, mmap.PAGESIZE, 0) == 0, ctypes.get_errno()
    column = np.frombuffer(memory, values.dtype, len(values), pages * mmap.PAGESIZE - values.nbytes)
    column[:] = values
    return column
"""

COMPUTES = """
formula = cg.parse("x*y + exp(x) - min(x, y)")
native, node = engine("native"), formula.bind(x=1.0, y=1.0).program.outputs["result"]
for rows in (*range(1, 36), 255, 511, 513, 1023, 4097):
    x, y = np.linspace(-1, 1, rows), np.linspace(2, 3, rows)
    given = {"x": at_the_end_of_a_page(x), "y": at_the_end_of_a_page(y)}
    for threads in (1, 3):
        found = native.evaluate_rows(formula.graph, given, [node], threads=threads)[node]
        assert np.allclose(found, x * y + np.exp(x) - np.minimum(x, y), rtol=1e-12), (rows, threads)
print("right")
"""

READS_ONE_MORE = """
column = at_the_end_of_a_page(np.arange(5.0))
print(ctypes.c_double.from_address(column.ctypes.data + column.nbytes).value)
"""


def ended(text: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", GUARDED + text], capture_output=True, text=True)


def test_whoever_reads_past_a_column_dies() -> None:
    assert ended(READS_ONE_MORE).returncode < 0


def test_native_rows_stay_within_their_columns() -> None:
    pytest.importorskip("llvmlite")
    done = ended(COMPUTES)
    assert (done.returncode, done.stdout) == (0, "right\n"), done.stderr
