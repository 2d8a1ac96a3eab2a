"""How a command line finds its command.

A command is one file of this folder with a function `run(formula, bindings, *, options…)`. Its plain form, without
any option, calls that function directly: Typer alone takes longer to load than the whole of `cg eval` (about 40 ms
beside a bare interpreter's 10), and the plain form has nothing for it to parse. Every other line goes through
Typer, with the one command that is called, or with all of them for `cg --help` and completion.
"""

from __future__ import annotations

import os
import re
from importlib import import_module

from cgcli.errors import UsageError, did_you_mean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

PRIVATE = {"__init__", "start", "app", "arguments", "options", "output", "rows"}
LOOKS_LIKE_OPTION = re.compile(r"--?[A-Za-z][\w-]*(=.*)?$", re.DOTALL)
"""`--json`, `-o`, `--wrt=x`, but also `-x`: only the command knows which of these it has."""


def commands() -> list[str]:
    """Names of all commands: the files of this folder."""
    files = sorted(name.removesuffix(".py") for name in os.listdir(os.path.dirname(__file__)) if name.endswith(".py"))
    return [name for name in files if name not in PRIVATE]


def start(words: list[str]) -> int:
    """Run a command line and return its exit code. CgError for what is wrong with it."""
    known = commands()
    completing = "_CG_COMPLETE" in os.environ
    if not completing and (not words or words[0] == "help"):
        words = [*words[1:2], "--help"]
    name = words[0] if words else ""
    if name in known and not completing:
        if is_plain(words[1:]):
            run = import_module(f"cgcli.cli.{name}").run
            arguments = [word for word in words[1:] if word != "--"]
            if arguments or name == "ops":
                run(arguments[0] if arguments else None, arguments[1:])
                return 0
        return typer_run([name], words)
    if name and not name.startswith("-") and not completing:
        hint = did_you_mean(name, known) or f"commands are {', '.join(known)}"
        if "=" in name or not name.isalpha():
            hint = f"to compute it, write cg eval {name!r}"
        raise UsageError(f"there is no command `{name}`", hint=hint)
    return typer_run(known, words)


def is_plain(words: Sequence[str]) -> bool:
    """Whether no word can be an option."""
    return not any(LOOKS_LIKE_OPTION.match(word) for word in words)


def typer_run(names: Sequence[str], words: Sequence[str]) -> int:
    """Let Typer read the line."""
    from cgcli.cli.app import run_app

    return run_app(names, words)
