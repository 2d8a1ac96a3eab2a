"""How a command line finds its command.

A command is one file of `commands/` with a function `run(first, rest, *, options…)`, which may return an exit code.
Its plain form, without any option, calls that function directly: Typer alone takes longer to load than the whole of
`cg eval` (about 40 ms beside a bare interpreter's 10), and the plain form has nothing for it to parse. Every other line
goes through Typer, with the one command that is called, or with all of them for `cg --help` and completion.
"""

from __future__ import annotations

import os
import re
from importlib import import_module

from cgcli.errors import UsageError, did_you_mean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

HOME = "cgcli.cli.commands"
LOOKS_LIKE_OPTION = re.compile(r"--?[A-Za-z][\w-]*(=.*)?$", re.DOTALL)
"""`--json`, `-o`, `--wrt=x`, but also `-x`: only the command knows which of these it has."""


def commands() -> list[str]:
    """Names of all commands. The importers are asked for them, which know zip files and frozen programs, too."""
    from pkgutil import iter_modules

    names = sorted(module.name for module in iter_modules(import_module(HOME).__path__))
    return [name for name in names if not name.startswith("_")]


def command(name: str) -> ModuleType | None:
    """The command of a name; None where there is none. No list is made: that takes longer than the import."""
    if not name.isidentifier() or name.startswith("_"):
        return None
    module = f"{HOME}.{name}"
    try:
        return import_module(module)
    except ModuleNotFoundError as missing:
        if missing.name != module:  # the command is there, and something that it needs is not
            raise
        return None


def start(words: list[str]) -> int:
    """Run a command line and return its exit code. CgError for what is wrong with it."""
    if "_CG_COMPLETE" in os.environ:
        return typer_run(commands(), words)
    if not words or words[0] == "help":
        words = [*words[1:2], "--help"]
    name = words[0]
    if name.startswith("-"):
        return typer_run(commands(), words)
    chosen = command(name)
    if chosen is None:
        known = commands()
        hint = did_you_mean(name, known) or f"commands are {', '.join(known)}"
        if "=" in name or not name.isalpha():
            hint = f"to compute it, write cg eval {name!r}"
        raise UsageError(f"there is no command `{name}`", hint=hint)
    arguments = [word for word in words[1:] if word != "--"]
    if not is_plain(words[1:]) or len(arguments) < fewest_arguments(chosen):
        return typer_run([name], words)
    return chosen.run(arguments[0], arguments[1:]) or 0 if arguments else chosen.run() or 0


def is_plain(words: Sequence[str]) -> bool:
    """Whether no word can be an option."""
    return not any(LOOKS_LIKE_OPTION.match(word) for word in words)


def fewest_arguments(chosen: ModuleType) -> int:
    """How many words a command cannot do without; Typer tells of one that is missing."""
    run = chosen.run
    return run.__code__.co_argcount - len(run.__defaults__ or ())


def typer_run(names: Sequence[str], words: Sequence[str]) -> int:
    """Let Typer read the line."""
    from cgcli.cli.app import run_app

    return run_app({name: import_module(f"{HOME}.{name}") for name in names}, words, LOOKS_LIKE_OPTION)
