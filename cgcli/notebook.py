"""`%cg` and `%%cg` in a notebook, after `%load_ext cgcli`.

%cg eval "(x+y)*z" x=1 y=2 z=3          a line as in a terminal
%%cg grad x=0.5                         the cell is the formula, the line the rest of the command
exp(sin(x^2))
"""

from __future__ import annotations

import shlex
import sys
from typing import Any

from cgcli.cli.start import commands


def register(ipython: Any) -> None:
    """Add the two magics to an IPython shell."""
    ipython.register_magic_function(line_magic, "line", "cg")
    ipython.register_magic_function(cell_magic, "cell", "cg")


def line_magic(line: str) -> None:
    """Run a command line."""
    words = words_of(line)
    if words is not None:
        run(words)


def cell_magic(line: str, cell: str) -> None:
    """Run a command on the formula in a cell: `eval` where the line names no command."""
    words = words_of(line)
    if words is None:
        return
    if not words or words[0] not in commands():
        words.insert(0, "eval")
    run([words[0], cell.strip(), *words[1:]])


def words_of(line: str) -> list[str] | None:
    """The words of a line; None, and a message, where a quotation mark is open."""
    try:
        return shlex.split(line)
    except ValueError:
        sys.stderr.write("usage error: a quotation mark is never closed\n")
        return None


def run(words: list[str]) -> None:
    """Run a command in this process; what it prints is shown below the cell. Errors are shown as in a terminal."""
    from cgcli.__main__ import main

    main(words)
