"""Command lines that a message quotes: they run as they stand when they are pasted into a shell."""

from __future__ import annotations

import re

from cgcli.cli.arguments import is_value_file
from cgcli.cli.start import LOOKS_LIKE_OPTION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from cgcli.cli.options import TableOptions

BARE = re.compile(r"[\w@%+=:,./-]+", re.ASCII)
"""Words that a shell takes as they are."""

LONGEST = 400
"""Characters of a line that is quoted; a longer one is told of only."""

SAME_TABLE = {"data", "output", "keep", "head", "float32", "raw_text"}
"""Options of a table under which `cg why --data` reads the same rows."""


def why_line(
    formula: str, bindings: Sequence[str] | None, *, of: str | None = None, wrt: str | None = None,
    table: TableOptions | None = None,
) -> str:  # fmt: skip
    """The end of a warning: `cg why FORMULA NAME=VALUE … tells more`, with the words of the line that is warned of.

    In general terms where such a line could not be run again: with standard input, or with other options of a table.
    """
    words = list(bindings or ())
    files = [word.strip()[1:] for word in words if is_value_file(word)]
    plain = [formula, *(word for word in words if not is_value_file(word))]
    options = [part for name, value in (("--of", of), ("--wrt", wrt)) if value for part in (name, value)]
    options += [part for path in files for part in ("--values", path)]
    same = True
    if table is not None and table.given():
        same = set(table.given()) <= SAME_TABLE and len(table.data or ()) == 1
        options += [part for path in table.data or () for part in ("--data", path)]
    dash = ["--"] if any(LOOKS_LIKE_OPTION.match(word) for word in plain) else []
    line = (
        " ".join(["cg why", *map(quoted, options), *dash, *map(quoted, plain)])
        if dash
        else " ".join(["cg why", *map(quoted, plain), *map(quoted, options)])
    )
    if not same or "-" in (*plain, *options) or len(line) > LONGEST or not line.isprintable():
        return "`cg why` with the same formula and values tells more"
    return f"{line} tells more"


def quoted(word: str) -> str:
    """A word as a shell reads it: in double quotes where it may be."""
    if BARE.fullmatch(word):
        return word
    if not re.search(r'["$`\\!]', word):
        return f'"{word}"'
    return "'" + word.replace("'", "'\\''") + "'"
