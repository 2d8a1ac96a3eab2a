"""Graph files with wrong bytes and numbers: a message, or a graph without a fault that every method can use."""

from __future__ import annotations

import json
import zipfile
from contextlib import suppress
from pathlib import Path
from random import Random

import numpy as np

import cgcli
from cgcli.errors import CgError
from cgcli.graph.lint import lint
from tests.hostile.frame import command

TEXTS = (
    "f(t) = exp(t)*2\na = [x, 0.1, y]\nb = sum(a^2) + a[1] + f(y)\ninput k = 3\nb*leaky_relu(k, 0.5)",
    "param w = 2; param b = 1; input x = 1; hidden = tanh(w*x + b); loss = hidden^2; output loss, hidden",
    "input A = [[1, 2], [3, 4]]; input v = [1, -1]; sum((A @ v)^2)",
    "besselj(2, x)*where(x > 1, x, -x) + round(y, 2)",
)
NUMBERS = (0, 1, 2, 3, 255, 256, 2**15, 2**16 - 1, 2**31 - 1, -1, -2, 2**32 - 1)


def trial(random: Random, folder: Path) -> None:
    """One damaged file, and everything that can be asked of it."""
    path = folder / "graph.npz"
    cgcli.parse(random.choice(TEXTS)).save(str(path))
    if random.random() < 0.4:
        change_bytes(path, random)
    else:
        change_members(path, random)
    try:
        use(path, folder)
    except CgError as error:
        assert error.message  # noqa: PT017 - a message is what is wanted


def use(path: Path, folder: Path) -> None:
    """Every method of a graph that was believed; CgError where it was not."""
    formula = cgcli.load(str(path))
    assert not lint(formula.graph), lint(formula.graph)
    values = {name: 0.75 for name in formula.inputs if name not in ("A", "v")}
    for method in (formula.eval, formula.grad, formula.trace, formula.hessian):
        with suppress(CgError):
            method(values)
    str(formula)
    formula.latex()
    formula.save(str(folder / "again.npz"))
    assert str(cgcli.load(str(folder / "again.npz"))) == str(formula)


def change_bytes(path: Path, random: Random) -> None:
    """Other bytes, fewer, or more."""
    data = bytearray(path.read_bytes())
    for _ in range(random.randrange(1, 4)):
        place = random.randrange(len(data))
        data[place : place + random.randrange(3)] = random.randbytes(random.randrange(3))
    path.write_bytes(bytes(data[: random.randrange(len(data))] if random.random() < 0.1 else data))


def change_members(path: Path, random: Random) -> None:
    """Other numbers in a column, or another entry in the header; the file around them is right."""
    with np.load(path) as file:
        members = {name: file[name] for name in file.files}
    header = json.loads(members["header"].tobytes())
    for _ in range(random.randrange(1, 3)):
        if random.random() < 0.35:
            change_header(header, random)
            members["header"] = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)
        else:
            name = random.choice([each for each in members if each != "header"])
            members[name] = changed(members[name], random)
    with zipfile.ZipFile(path, "w") as archive:
        for name, column in members.items():
            with archive.open(f"{name}.npy", "w") as stream:
                np.lib.format.write_array(stream, column, allow_pickle=False)


def changed(column: np.ndarray, random: Random) -> np.ndarray:
    """A column with another number, of another length or of another type."""
    kind = random.random()
    if kind < 0.15:
        return column[: random.randrange(len(column) + 1)]
    if kind < 0.25:
        return np.concatenate([column, column[:1]])
    if kind < 0.35:
        return column.astype(random.choice(["f8", "i8", "u1", "i4", "S3", "c16"]))
    found = column.astype(np.int64) if column.dtype.kind in "iu" else column.copy()
    if found.size:
        number = random.choice(NUMBERS) if random.random() < 0.7 else random.randrange(40)
        found.reshape(-1)[random.randrange(found.size)] = number
    fits = found.dtype.kind != "i" or (found.min(initial=0) >= 0 and found.max(initial=0) < 2**16)
    return found.astype(column.dtype) if fits else found


def change_header(header: dict, random: Random) -> None:
    """One entry, at any depth, becomes something else or goes."""
    place: dict | list = header
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            return
        key = random.choice(keys)
        if isinstance(place[key], (dict, list)) and place[key] and random.random() < 0.6:
            place = place[key]
            continue
        if random.random() < 0.2:
            del place[key]
        else:
            place[key] = random.choice([*NUMBERS, "", "x", "no name", "\\input{x}", "result", None, [], {}, 1.5, True])
        return


if __name__ == "__main__":
    command(trial)
