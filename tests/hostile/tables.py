"""Damaged tables, arrays and graphs: whatever they hold, there is an answer or a message, and no crash.

A file is written by the library that writes such files, some of its bytes are changed, and a command reads it in a
process of its own: a reader that goes astray in foreign code ends a process without any exception.
"""

from __future__ import annotations

import io
import json
import os
import pkgutil
import signal
import sys
import tempfile
import traceback
import zipfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from random import Random

import numpy as np
import pyarrow as pa
from pyarrow import ipc, parquet

import cgcli.cli
import cgcli.data
import cgcli.emit
import cgcli.explain
import cgcli.formulas
import cgcli.render
import cgcli.rows
from cgcli.__main__ import main
from tests.hostile.frame import command

ROWS = 40
SECONDS = 60
"""A command that takes longer hangs."""

LENGTHS = (0, 1, 127, 128, 255, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**62, 2**63 - 1, 2**64 - 1)
GRAPH = "f(t) = exp(t)*2\na = [x, 0.1, y]\nb = sum(a^2) + a[1] + f(y)\ninput k = 3\nb*leaky_relu(k, 0.5)"
TEXTS = ["", "1.5", "NA", "red", 'ä, "b"\n', "2", "-", "=1+1", "true", "1e3"]


# ---- whole files -----------------------------------------------------------------------------------------------


def columns() -> dict[str, np.ndarray]:
    """Columns of the types that NumPy has."""
    k = np.arange(ROWS)
    return {
        "x": k / 7, "y": k.astype(np.float32), "k": k.astype(np.int16), "b": k % 3 == 0, "s": k.astype("U3"),
        "c": k.astype("S2"), "t": k.astype("M8[D]"), "u": k.astype("m8[s]"), "g": k.astype(">f8"),
    }  # fmt: skip


@cache
def npy() -> bytes:
    """A structured array."""
    found = columns()
    table = np.empty(ROWS, [(name, column.dtype) for name, column in found.items()])
    for name, column in found.items():
        table[name] = column
    return saved(table)


def saved(array: np.ndarray) -> bytes:
    """An array as NumPy saves it."""
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


@cache
def npz() -> bytes:
    """An archive of columns."""
    stream = io.BytesIO()
    np.savez(stream, **columns())
    return stream.getvalue()


@cache
def packed_npz() -> bytes:
    """The same, compressed."""
    stream = io.BytesIO()
    np.savez_compressed(stream, **columns())
    return stream.getvalue()


@cache
def arrow_table() -> pa.Table:
    """Columns of the types that Arrow has."""
    found = {name: pa.array(column) for name, column in columns().items() if column.dtype.byteorder != ">"}
    texts = [TEXTS[row % len(TEXTS)] for row in range(ROWS)]
    found["n"] = pa.array([None if row % 4 else float(row) for row in range(ROWS)])
    found["w"] = pa.array(texts)
    found["l"] = pa.array(texts, pa.large_string())
    found["v"] = pa.array(texts, pa.string_view())
    found["d"] = pa.array(texts).dictionary_encode()
    found["m"] = pa.array(range(ROWS), pa.decimal128(10, 2))
    found["h"] = pa.array([[row, row] for row in range(ROWS)])
    found["r"] = pa.RunEndEncodedArray.from_arrays(pa.array([3, ROWS], pa.int32()), pa.array([1.0, 2.0]))
    return pa.table(found)


@cache
def arrow_file() -> bytes:
    """An Arrow file of several batches."""
    return written(ipc.new_file, None)


@cache
def arrow_stream() -> bytes:
    """An Arrow stream, compressed."""
    return written(ipc.new_stream, "lz4")


def written(writer: Callable[..., ipc.RecordBatchStreamWriter], compression: str | None) -> bytes:
    """The table by one of Arrow's writers."""
    stream = io.BytesIO()
    options = ipc.IpcWriteOptions(compression=compression)
    with writer(stream, arrow_table().schema, options=options) as file:
        file.write_table(arrow_table(), max_chunksize=15)
    return stream.getvalue()


@cache
def parquet_file() -> bytes:
    """A Parquet file of several groups of rows."""
    stream = io.BytesIO()
    table = arrow_table().drop_columns(["r", "v"])
    parquet.write_table(table, stream, row_group_size=15, compression="snappy")
    return stream.getvalue()


@cache
def csv() -> bytes:
    """A table with quotes, gaps and two kinds of line ends."""
    lines = [f'{row / 7},{"" if row % 5 else "NA"},"t ""{row}"", x",{row}' for row in range(ROWS)]
    return ("x,y,s,k\n" + "\r\n".join(lines) + "\n").encode()


@cache
def json_lines() -> bytes:
    """Objects, some of which lack a name."""
    rows = [{"x": row / 7, "k": row, **({"y": row, "s": "ä"} if row % 3 else {"y": None})} for row in range(ROWS)]
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


@cache
def graph() -> bytes:
    """A graph."""
    with tempfile.TemporaryDirectory() as folder:
        cgcli.parse(GRAPH).save(f"{folder}/g.npz")
        return Path(folder, "g.npz").read_bytes()


# ---- what happens to them --------------------------------------------------------------------------------------


def damaged(random: Random, data: bytes) -> bytes:
    """A file some of whose bytes are others, or gone, or twice there."""
    for _ in range(random.choice((1, 1, 1, 2, 3, 8))):
        place, length = random.randrange(len(data) + 1), random.choice((1, 1, 2, 4, 8, 16, 200))
        match random.randrange(7):
            case 0 | 1:
                data = data[:place] + bytes([random.randrange(256)]) + data[place + 1 :]
            case 2:
                number = random.choice(LENGTHS).to_bytes(8, "little")[: random.choice((1, 2, 4, 8))]
                data = data[:place] + number + data[place + len(number) :]
            case 3:
                data = data[:place] + data[place + length :]
            case 4:
                data = data[:place] + data[place : place + length] + data[place:]
            case 5:
                data = (
                    data[:place]
                    + random.choice((b"-1", b"1e999", b"(", b"\xff", b'"', b"\0", b"inf", b"9" * 30))
                    + data[place:]
                )
            case 6 if random.random() < 0.3:
                data = data[:place]
    return data


def damaged_inside(random: Random, data: bytes) -> bytes:
    """An archive one of whose members is damaged, with the sum that fits it: the damage is found by its reader only."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(stream, "w") as target:
        names = source.namelist()
        chosen = random.choice(names)
        for name in names:
            part = source.read(name)
            told = random.choice(("../../x.npy", "a\0b.npy", "a/b.npy", name)) if name == chosen else name
            target.writestr(told, damaged(random, part) if name == chosen else part, compress_type=0)
    return stream.getvalue()


PIECES = (b"-1", b"1e999", b"(", b"\xff", b'"', b"\0", b"inf", b"9" * 30)
PACKAGES = (cgcli.cli, cgcli.data, cgcli.rows, cgcli.render, cgcli.explain, cgcli.emit, cgcli.formulas)
TABLE = ("eval", "x+1", "--data", "t.{ending}")
TABLES = (
    (*TABLE, "-o", "o.csv"), (*TABLE, "--keep", "all", "-o", "o.csv"), (*TABLE, "--keep", "all", "-o", "o.parquet"),
    (*TABLE, "--keep", "all", "--missing", "skip"), (*TABLE, "--keep", "all", "-o", "o.arrow"),
    (*TABLE, "--keep", "x,k", "-o", "o.npz"), ("grad", "x*y*k", *TABLE[2:], "--limit", "20", "-o", "-"),
)  # fmt: skip
GRAPHS = (
    ("eval", "t.npz", "x=1", "y=2"), ("grad", "t.npz", "x=1", "y=2"), ("info", "t.npz"),
    ("grad", "t.npz", "--symbolic"), ("trace", "t.npz", "x=1", "y=2"),
    ("draw", "t.npz", "-o", "o.svg"), ("export", "t.npz", "-o", "again.npz"),
    ("eval", "t.npz", "y=2", "--data", "rows.csv"), ("grad", "t.npz", "x=1", "y=2", "--hessian"),
)  # fmt: skip
ARRAYS = (("eval", "sum(v)", "v=@t.npy"), ("grad", "sum(v)", "v=@t.npy"))
KINDS: dict[str, tuple[Callable[[], bytes], str, tuple[tuple[str, ...], ...]]] = {
    "npy": (npy, "npy", TABLES),
    "npz": (npz, "npz", TABLES),
    "packed npz": (packed_npz, "npz", TABLES),
    "array": (lambda: saved(np.arange(12.0).reshape(3, 4)), "npy", ARRAYS),
    "arrow file": (arrow_file, "arrow", TABLES),
    "arrow stream": (arrow_stream, "arrow", TABLES),
    "parquet": (parquet_file, "parquet", TABLES),
    "csv": (csv, "csv", TABLES),
    "json lines": (json_lines, "jsonl", TABLES),
    "graph": (graph, "npz", GRAPHS),
}
"""Kind -> how a whole file is made, how its name ends, and the commands that read it."""


def trial(random: Random, folder: Path) -> None:
    """One file of any kind."""
    check(random.choice(list(KINDS)), random, folder)


@cache
def load() -> None:
    """Load what commands load, once for all children."""
    for package in PACKAGES:
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            with suppress(ModuleNotFoundError):  # what no command loads
                import_module(module.name)


def check(kind: str, random: Random, folder: Path) -> None:
    """One file of a kind, read by one command."""
    make, ending, commands = KINDS[kind]
    inside = ending == "npz" and random.random() < 0.6
    data = (damaged_inside if inside else damaged)(random, make())
    (folder / f"t.{ending}").write_bytes(data)
    (folder / "rows.csv").write_text("x\n1\n2\n")
    words = [word.format(ending=ending) for word in random.choice(commands)]
    code, told = in_a_process(words, folder)
    assert code in (0, 1, 2), f"{kind}: {words}: ended with {code}: {told}"
    assert "this is a bug in cg" not in told, f"{kind}: {words}: {told}"
    assert "Warning:" not in told, f"{kind}: {words}: {told}"
    assert code == 0 or told.strip(), f"{kind}: {words}: no message"


def in_a_process(words: list[str], folder: Path) -> tuple[int, str]:
    """Exit code (negative for a signal) and standard error of a command line in a child of this process."""
    load()
    error = folder / "stderr"
    child = os.fork()
    if child == 0:
        code = 70
        try:
            os.chdir(folder)
            signal.alarm(SECONDS)
            for number, name in ((1, os.devnull), (2, str(error))):
                os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT), number)
            sys.stdout, sys.stderr = (os.fdopen(number, "w", encoding="utf-8", closefd=False) for number in (1, 2))
            os.environ["CG_DEBUG"] = ""
            code = main(words)
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return code, error.read_text(encoding="utf-8", errors="replace")


if __name__ == "__main__":
    command(trial)
