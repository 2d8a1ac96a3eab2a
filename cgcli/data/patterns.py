"""The files of a table that is a folder or a pattern (`parts/`, `parts/*.parquet`), in order.

A name that begins with `.` or `_` is no part of a table: `_SUCCESS`, `_metadata`, `.part-0.crc`, and what is being
written. That is the convention of Hadoop, which Spark, Dask and Arrow follow.
"""

from __future__ import annotations

import glob
import os
import re
from fnmatch import fnmatchcase

from cgcli.data.formats import ENDINGS, FORMATS, PACKED, format_of
from cgcli.errors import DataError

HIDDEN = (".", "_")
RUNS = re.compile("([0-9]+)")
MOST_SHOWN = 3
"""Names that a hint shows."""


def files_of(path: str, kind: str | None = None) -> list[str] | None:
    """The files that a folder holds or that a pattern means, in natural order; None for the path of one file.

    kind: the format, where it is said. DataError where there is none, for files of several formats, and for what cannot
    be read.
    """
    if os.path.isdir(path):
        found = files_below(path, kind)
    elif path.endswith(os.sep):
        raise DataError(f"there is no folder `{path}`")
    elif is_pattern(path):
        found = matching(path, kind)
    else:
        return None
    if kind is None:
        require_one_format(path, found)
    return found


def is_pattern(path: str) -> bool:
    """Whether a path has wildcards (`*`, `?`, `[…]`, and `**` for any folders) and is not itself the name of a file."""
    return glob.has_magic(path) and not os.path.lexists(path)


def natural(path: str) -> tuple[list[list[str | int]], str]:
    """The key of natural order, folder by folder: `part-2` before `part-10`, as the numbers are."""
    return [
        [int(piece) if place % 2 else piece for place, piece in enumerate(RUNS.split(step))] for step in steps_of(path)
    ], path


def steps_of(path: str) -> list[str]:
    """The names of a path, one for each folder."""
    return path.replace(os.altsep or os.sep, os.sep).split(os.sep)


def files_below(folder: str, kind: str | None) -> list[str]:
    """The tables in a folder and in its folders, as their names tell. DataError where there is none."""
    found = []
    for place, folders, names in os.walk(folder, onerror=_unreadable):
        folders[:] = [name for name in folders if not name.startswith(HIDDEN)]
        for name in names:
            path = os.path.join(place, name)
            if not name.startswith(HIDDEN) and is_table(path, kind, folder):
                found.append(path)
    if not found:
        ends = ENDINGS if kind is None else ", ".join(end for end, each in FORMATS.items() if each == kind)
        hint = f"names of tables end with {ends}"
        said = f"; with --format a pattern takes any name: '{os.path.join(folder, '*')}'"
        raise DataError(f"the folder `{folder}` has no table", hint=hint + ("" if kind is None else said))
    return sorted(found, key=natural)


def is_table(path: str, kind: str | None, folder: str) -> bool:
    """Whether the name of a file in a folder says that it is a table. DataError for one that is packed."""
    stem, ending = os.path.splitext(path.lower())
    if ending in PACKED and os.path.splitext(stem)[1] in FORMATS:
        raise DataError(
            f"`{path}` is packed, and would be missing from `{folder}`",
            hint="unpack it, or take the others by a pattern such as 'parts/*.csv'",
        )
    return ending in FORMATS and kind in (None, FORMATS[ending])


def _unreadable(error: OSError) -> None:
    raise DataError(f"cannot read `{error.filename}`: {error.strerror}")


def matching(pattern: str, kind: str | None) -> list[str]:
    """What a pattern matches; a folder stands for the tables in it. DataError where there is none."""
    found: dict[str, None] = {}  # `**` matches folders and the files in them
    for path in glob.glob(pattern, recursive=True):
        if not is_hidden(path, pattern):
            found |= dict.fromkeys(files_below(path, kind) if os.path.isdir(path) else [path])
    if not found:
        raise DataError(f"no file matches `{pattern}`", hint=nearby(pattern))
    return sorted(found, key=natural)


def is_hidden(path: str, pattern: str) -> bool:
    """Whether a wildcard has matched a name that is no part of a table; one that the pattern itself writes is."""
    fixed = [step for step in steps_of(pattern) if step.startswith(HIDDEN)]
    return any(
        step.startswith(HIDDEN) and step not in (".", "..") and not any(fnmatchcase(step, each) for each in fixed)
        for step in steps_of(path)
    )


def nearby(pattern: str) -> str:
    """What there is in the folder in which a pattern looks, for a hint."""
    folder, _ = parted(pattern)
    if not os.path.isdir(folder):
        return f"there is no folder `{folder}`"
    names = sorted(name for name in os.listdir(folder) if not name.startswith(HIDDEN))
    if not names:
        return f"the folder `{folder}` is empty"
    more = len(names) - MOST_SHOWN
    shown = ", ".join(f"`{name}`" for name in names[:MOST_SHOWN])
    return f"in `{folder}` there is {shown}{f' and {more} more' if more > 0 else ''}"


def parted(pattern: str) -> tuple[str, list[str]]:
    """The folder in which a pattern looks, and the names from there on, the first of which has a wildcard."""
    steps = steps_of(pattern)
    first = next(place for place, step in enumerate(steps) if glob.has_magic(step))
    return os.sep.join(steps[:first]) or (os.sep if first else "."), steps[first:]


def require_one_format(path: str, files: list[str]) -> None:
    """DataError where files are of several formats: as likely as not one of them is a copy of another."""
    first: dict[str, str] = {}
    for file in files:
        first.setdefault(format_of(file), file)
    if len(first) > 1:
        listed = " and ".join(f"`{file}`" for file in list(first.values())[:2])
        raise DataError(
            f"`{path}` has tables of several formats: {listed}",
            hint=f"--format {next(iter(first))} takes one of them, as does a pattern such as 'parts/*.csv'",
        )


def would_read(path: str, target: str, kind: str | None) -> bool:
    """Whether a folder or a pattern would take a file for a part of its table, were it there."""
    wanted = os.path.realpath(target)
    if os.path.isdir(path):
        inner = below(os.path.realpath(path), wanted)
        ending = os.path.splitext(target)[1].lower()
        hidden = any(step.startswith(HIDDEN) for step in inner)
        return bool(inner) and not hidden and ending in FORMATS and kind in (None, FORMATS[ending])
    if not is_pattern(path):
        return False
    folder, pattern = parted(path)
    inner = below(os.path.realpath(folder), wanted)
    return matches(pattern, inner) and not is_hidden(os.sep.join(inner), os.sep.join(pattern))


def below(folder: str, path: str) -> list[str]:
    """The names that lead from a folder to a path in it, [] where it lies elsewhere."""
    outer, steps = steps_of(folder.rstrip(os.sep)), steps_of(path)
    return steps[len(outer) :] if steps[: len(outer)] == outer else []


def matches(pattern: list[str], steps: list[str]) -> bool:
    """Whether a pattern matches a path, or a folder in which it lies; both are given name by name."""
    reached = beyond_stars(pattern, {0})  # how many names of the pattern are used up, in each of the ways
    for step in steps:
        if len(pattern) in reached:
            return True
        reached = beyond_stars(
            pattern,
            {place + (pattern[place] != "**") for place in reached
             if pattern[place] == "**" or fnmatchcase(step, pattern[place])},
        )  # fmt: skip
    return len(pattern) in reached


def beyond_stars(pattern: list[str], reached: set[int]) -> set[int]:
    """Places in a pattern, with those behind `**`, which stands for no folder too."""
    for place, step in enumerate(pattern):
        if step == "**" and place in reached:
            reached.add(place + 1)
    return reached
