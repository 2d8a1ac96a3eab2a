"""The state of a training in a file: all that it takes to go on to the same bits as if nothing had happened.

An NPZ of plain arrays, written beside its name and renamed, so that there is a whole file or none at any moment:

    header          JSON as UTF-8 bytes: format, version, options, fingerprints of formula and data, numbers of the
                    state (epoch, batch, steps …) and the history; doubles are written so that they read back
    values/NAME     the parameters, in their shapes
    best/NAME       those of the epoch with the best validation
    method/NAME     vectors of the method: moments, pairs of L-BFGS

The generator needs no state of its own: what it draws follows from the seed and the number of the epoch.
"""

from __future__ import annotations

import json
import os
import zipfile
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib import format as npy

from cgcli.data.archives import FAULTS, what_is_wrong
from cgcli.errors import DataError, UsageError
from cgcli.files import Replacement
from cgcli.ops import REGISTRY

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cgcli.language.program import Program
    from cgcli.rows.sources import WholeRows

FORMAT, VERSION = "cg training", 1

FIRST_SAVE, LEAST_PAUSE, SHARE = 0.5, 1.0, 0.02
"""Seconds to the first checkpoint and between two of them, and the share of the time that they may take."""

OTHER = {
    "formula": "another formula", "values": "other fixed values", "question": "other starts, bounds or options",
    "data": "other data", "validation": "other data to validate with",
}  # fmt: skip
"""What is said where a fingerprint differs."""


@dataclass
class Checkpoint:
    """What a file holds. options: those of the training. marks: fingerprints by what they are of. state: its numbers.

    arrays: by their names in the file.
    """

    options: dict[str, Any]
    marks: dict[str, str]
    state: dict[str, Any]
    arrays: dict[str, Any] = field(default_factory=dict)

    def group(self, kind: str) -> dict[str, Any]:
        """The arrays of a kind, `values`, `best` or `method`, by name."""
        start = f"{kind}/"
        return {name.removeprefix(start): array for name, array in self.arrays.items() if name.startswith(start)}


def write(path: str, checkpoint: Checkpoint) -> None:
    """Write a checkpoint in the place of an older one. DataError where that cannot be; the older one stays then."""
    header = {"format": FORMAT, "version": VERSION, "options": checkpoint.options, "marks": checkpoint.marks,
              "state": checkpoint.state}  # fmt: skip
    text = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)
    with Replacement(path) as stream, zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name, array in {"header": text, **checkpoint.arrays}.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                npy.write_array(member, np.asarray(array, order="C"), allow_pickle=False)


def read(path: str) -> Checkpoint:
    """The checkpoint in a file. DataError where there is none."""
    try:
        with zipfile.ZipFile(path) as archive:
            arrays = {name.removesuffix(".npy"): _array(archive, name) for name in archive.namelist()}
    except FileNotFoundError:
        raise DataError(f"there is no file `{path}` to go on from", hint="--save writes it") from None
    except FAULTS as error:
        raise DataError(f"cannot read `{path}`: {what_is_wrong(error)}") from None
    try:
        header = json.loads(arrays.pop("header").tobytes())
        if header["format"] != FORMAT:
            raise KeyError
        version = header["version"]
        found = Checkpoint(header["options"], header["marks"], header["state"], arrays)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise DataError(f"`{path}` holds no training", hint="--resume takes what --save wrote") from None
    if version != VERSION:
        raise DataError(f"`{path}` is of version {version!r}, and this cg reads {VERSION}", hint="train anew")
    return found


def is_one(path: str) -> bool:
    """Whether a file is a checkpoint, of whatever version."""
    try:
        with zipfile.ZipFile(path) as archive:
            return bool(json.loads(_array(archive, "header.npy").tobytes())["format"] == FORMAT)
    except FAULTS:
        return False
    except (KeyError, TypeError, ValueError, AttributeError):
        return False


def _array(archive: zipfile.ZipFile, name: str) -> Any:
    with archive.open(name) as member:
        return npy.read_array(member, allow_pickle=False)


def resumed(resume: str | None, save: str | None) -> Checkpoint | None:
    """The checkpoint to go on from. Where it is to be saved to as well and is not there yet, there is none.

    UsageError where another file than a checkpoint would be lost by saving.
    """
    if save is not None and save != resume and os.path.exists(save):
        if not os.path.isfile(save):
            raise UsageError(f"`{save}` is no file to save to", hint="save to run.npz")
        if os.path.getsize(save) and not is_one(save):
            raise UsageError(
                f"`{save}` is there and holds no training or fit; it would be lost", hint="save to run.npz"
            )
    if resume is None or (resume == save and not os.path.exists(resume)):
        return None
    return read(resume)


def check_marks(saved: Mapping[str, str], now: Mapping[str, str], path: str, did: str = "trained") -> None:
    """DataError where a checkpoint is of another formula or of other data."""
    for name, words in OTHER.items():
        if saved.get(name) != now.get(name):
            raise DataError(
                f"`{path}` was {did} with {words}", hint="go on with what it was begun with, or begin anew with --save"
            )


def program_mark(program: Program) -> str:
    """What tells the program of a formula from others: its operations, constants, arrays and names."""
    graph = program.graph
    digest = sha256()
    for node in range(len(graph)):
        digest.update(f"{REGISTRY.rows[graph.op[node]].name} {list(graph.operands_of(node))} ".encode())
        digest.update(f"{graph.shape_of(node)} {_leaf(program, node)}\n".encode())
    digest.update(f"{program.outputs} {program.inputs} {program.params}".encode())
    return digest.hexdigest()


def _leaf(program: Program, node: int) -> Any:
    """What a node has besides its operands."""
    graph = program.graph
    if graph.is_constant(node):
        return repr(graph.constant_value(node))
    if graph.is_input(node):
        return graph.input_name(node)
    array = graph.array_value(node)
    return sha256(array.tobytes()).hexdigest() if array is not None else graph.attributes_of(node)


def rows_mark(whole: WholeRows) -> str:
    """What tells rows from others: every number where they are in memory, else how many, and the first ones.

    The parts in which they lie stay as they are: sums over rows, and their last bits, go by them.
    """
    rows = whole.counted()
    parts = whole.parts() if whole.in_parts else islice(whole.parts(), 1)
    return columns_mark(rows, (part.columns for part in parts))


def columns_mark(rows: int, parts: Iterable[Mapping[str, Any]]) -> str:
    """What tells columns of so many rows from others, in whatever parts they come."""
    digests: dict[str, Any] = {}
    for columns in parts:
        for name, column in columns.items():
            digest = digests.setdefault(name, sha256(f"{name} {column.shape[1:]}".encode()))
            digest.update(np.ascontiguousarray(column).data)
    joined = "".join(digests[name].hexdigest() for name in sorted(digests))
    return sha256(f"{rows} {joined}".encode()).hexdigest()


def values_mark(values: Mapping[str, Any]) -> str:
    """What tells values by name from others."""
    digest = sha256()
    for name, value in sorted(values.items()):
        array = np.asarray(value, dtype=np.float64)
        digest.update(f"{name} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
