"""Command lines that a message quotes: they run as they stand when they are pasted into a shell."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

BARE = re.compile(r"[\w@%+=:,./-]+", re.ASCII)
"""Words that a shell takes as they are."""

COULD_BE_OPTION = re.compile(r"--?[A-Za-z][\w-]*(=.*)?$", re.DOTALL)
"""Words that a command would take for an option (`start.LOOKS_LIKE_OPTION`)."""

LONGEST = 400
"""Characters of a line that is quoted; a longer one is told of only."""


def why_line(
    formula: str, bindings: Sequence[str] | None, *, of: str | None = None, wrt: str | None = None,
    table: Sequence[str] | None = (),
) -> str:  # fmt: skip
    """The end of a warning: `cg why FORMULA NAME=VALUE … tells more`, with the words of the line that is warned of.

    table: the options by which `cg why` reads the same rows, None where it cannot. In general terms where such a line
    could not be run again, or is long.
    """
    words = [formula, *(bindings or ())]
    files = [word.strip()[1:] for word in words[1:] if word.lstrip().startswith("@")]  # as `--values` hands them on
    plain = [word for word in words if word is formula or not word.lstrip().startswith("@")]
    options = [part for name, value in (("--of", of), ("--wrt", wrt)) if value for part in (name, value)]
    options += [part for path in files for part in ("--values", path)]
    options += table or ()
    parts = [*options, "--", *plain] if any(map(COULD_BE_OPTION.match, plain)) else [*plain, *options]
    line = " ".join(["cg why", *map(quoted, parts)])
    is_gone = any(part == "-" or part.startswith("/dev/") for part in parts)  # what came through a pipe
    if table is None or is_gone or len(line) > LONGEST or not line.isprintable():
        return "`cg why` with the same formula and values tells more"
    return f"{line} tells more"


def quoted(word: str) -> str:
    """A word as a shell reads it: in double quotes where it may be."""
    if BARE.fullmatch(word):
        return word
    if not re.search(r'["$`\\!]', word):
        return f'"{word}"'
    return "'" + word.replace("'", "'\\''") + "'"
