"""A folder of results in parts, with a manifest: what is there after a crash is not computed again.

    out/part-00000.parquet …      the rows; the folder is a table, `--data out/`
    out/_manifest.json            whose results these are, the parts, and whether all of them are there
    out/_part-00000.json          while the run goes on: what was found in a part; written after the part itself

Every file is written beside its name and renamed. Names that begin with `_` are no part of a table.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from hashlib import sha256
from typing import TYPE_CHECKING

from cgcli.errors import DataError, UsageError
from cgcli.files import write_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

MANIFEST = "_manifest.json"
KIND = "cg results in parts"


def part_name(place: int) -> str:
    """The file of a part."""
    return f"part-{place:05}.parquet"


def note_name(place: int) -> str:
    """The file that says what was found in a part."""
    return f"_part-{place:05}.json"


def read_json(path: str) -> Any:
    """What a file of JSON holds; None where there is none, or no whole one."""
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError):
        return None


def write_json(path: str, value: Any) -> None:
    """A file of JSON, whole or not at all."""
    write_file(path, f"{json.dumps(value)}\n".encode())


def found_part(folder: str, place: int, key: str) -> dict[str, Any] | None:
    """What was found in a part that is there already, of the run of this key; None where it is still to be computed."""
    note = read_json(os.path.join(folder, note_name(place)))
    is_there = isinstance(note, dict) and note.get("key") == key
    return note if is_there and os.path.isfile(os.path.join(folder, part_name(place))) else None


def note_part(folder: str, place: int, key: str, found: dict[str, Any]) -> None:
    """Say that a part is there, once it is."""
    write_json(os.path.join(folder, note_name(place)), {"key": key, **found})


class Folder:
    """The folder of one run. key: tells its results from those of any other formula, values or data."""

    def __init__(self, path: str, key: str, parts: int) -> None:
        """Make the folder ready: parts of the same run stay, results of another one of ours go.

        UsageError for a folder that holds anything else; DataError where it cannot be written.
        """
        self.path = path
        self.key = key
        self.parts = parts
        try:
            os.makedirs(path, exist_ok=True)
            there = sorted(os.listdir(path))
        except OSError as error:
            raise DataError(f"cannot write to the folder `{path}`: {error.strerror}") from None
        manifest = read_json(os.path.join(path, MANIFEST))
        ours = isinstance(manifest, dict) and manifest.get("kind") == KIND
        if not ours and [name for name in there if not name.startswith(".")]:
            raise UsageError(f"the folder `{path}` is not empty, and no results of cg", hint="write to a new folder")
        if ours and manifest["key"] == key:
            self._spread(manifest)
        elif ours:
            for place in range(manifest["parts"]):
                for name in (note_name(place), part_name(place)):
                    with suppress(FileNotFoundError):
                        os.remove(os.path.join(path, name))
        self._write(complete=False)

    def _spread(self, manifest: dict[str, Any]) -> None:
        """Notes again of a run that came to its end, as if it had not."""
        for place, found in enumerate(manifest.get("found", ())):
            write_json(os.path.join(self.path, note_name(place)), found)

    def is_complete(self) -> bool:
        """Whether all parts are there already."""
        return all(found_part(self.path, place, self.key) is not None for place in range(self.parts))

    def _write(self, *, complete: bool, **more: Any) -> None:
        told = {"kind": KIND, "key": self.key, "complete": complete, "parts": self.parts, **more}
        write_json(os.path.join(self.path, MANIFEST), told)

    def finish(self, pieces: Sequence[Any], rows: int) -> None:
        """Say that all parts are there, and where each has its rows from."""
        notes = [read_json(os.path.join(self.path, note_name(place))) for place in range(self.parts)]
        files = [
            {"file": part_name(place), "rows": note["read"] - note["skipped"], "from": piece.path, "span": piece.span}
            for place, (note, piece) in enumerate(zip(notes, pieces, strict=True))
        ]
        self._write(complete=True, rows=rows, files=files, found=notes)
        for place in range(self.parts):
            with suppress(FileNotFoundError):
                os.remove(os.path.join(self.path, note_name(place)))


def fingerprint(*things: Any) -> str:
    """What tells two runs apart: the same for equal texts, numbers and arrays in any process."""
    digest = sha256()
    pending = list(reversed(things))
    while pending:
        thing = pending.pop()
        digest.update(f"{type(thing).__name__} ".encode())
        if isinstance(thing, dict):
            pending.extend(item for pair in reversed(thing.items()) for item in reversed(pair))
            digest.update(f"{len(thing)} ".encode())
        elif isinstance(thing, (list, tuple)):
            pending.extend(reversed(thing))
            digest.update(f"{len(thing)} ".encode())
        elif hasattr(thing, "tobytes"):
            digest.update(f"{thing.dtype} {thing.shape} ".encode() + thing.tobytes())
        else:
            digest.update(thing if isinstance(thing, bytes) else f"{thing!r} ".encode())
    return digest.hexdigest()
