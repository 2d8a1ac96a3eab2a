"""The one function behind which the Graphviz engine stands.

The package graphviz-pure brings a program of its own that lays out and writes SVG and PNG on every platform; what it
lacks (PDF), or an installation without it, is left to the system's `dot`. Either runs as a child process with a
time limit, so that a picture that is too large ends with a message and not with a hanging terminal.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig

from cgcli.errors import CalculationError, MissingExtra, UsageError, did_you_mean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

FORMATS = ("svg", "png", "pdf", "dot")
BUNDLED_FORMATS = ("svg", "png")
BEGINNING = {"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF"}
"""The first bytes of each format: what a program wrote is looked at before it is believed."""


def render(dot_text: str, format: str, *, timeout: float = 30.0) -> bytes:  # noqa: A002 - the field's word
    """A picture of a DOT text as the bytes of a file; `dot` gives the text itself.

    timeout: seconds that the layout may take. MissingExtra where no program for the format is found,
    CalculationError where it fails or takes too long.
    """
    if format == "dot":
        return dot_text.encode()
    program = find_program(format)
    try:
        done = subprocess.run(
            [program, "-Kdot", f"-T{format}"], input=dot_text.encode(), capture_output=True, timeout=timeout,
            check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise CalculationError(
            f"the layout of the picture took longer than {timeout:g} seconds",
            hint="draw it folded (without --all), or allow more time with --timeout",
        ) from None
    except OSError as error:
        raise CalculationError(f"cannot run `{program}`: {error.strerror}") from None
    if done.returncode != 0 or not done.stdout.startswith(BEGINNING[format]):
        told = done.stderr.decode(errors="replace").strip().splitlines()
        raise CalculationError(f"Graphviz failed: {told[-1] if told else f'exit code {done.returncode}'}")
    return done.stdout


def format_of(path: str | Path) -> str:
    """The format that the ending of a path names. UsageError, listing the formats, where it names none."""
    ending = os.path.splitext(path)[1][1:].lower()
    if ending in FORMATS:
        return ending
    known = ", ".join(f".{name}" for name in FORMATS)
    near = did_you_mean(ending, FORMATS) if ending else None
    told = f"`.{ending}` is not a format of pictures" if ending else f"`{path}` does not say which format to write"
    raise UsageError(told, hint=f"{near[:-1]}? the endings are {known}" if near else f"the endings are {known}")


def find_program(format: str) -> str:  # noqa: A002 - the field's word
    """The program that can write a format: the bundled one where it can, else the system's."""
    beside = (sysconfig.get_path("scripts"), os.path.dirname(sys.executable), os.environ.get("PATH", ""))
    bundled = shutil.which("graphviz-pure", path=os.pathsep.join(beside))
    if format in BUNDLED_FORMATS and bundled:
        return bundled
    system = shutil.which("dot")
    if system:
        return system
    if format in BUNDLED_FORMATS:
        raise MissingExtra("no Graphviz was found", hint="pip install graphviz-pure")
    raise MissingExtra(
        f"writing {format} needs the system's Graphviz", hint="install the package graphviz, or write svg or png"
    )


def quoted(label: str) -> str:
    """A text as a plain quoted string of DOT, whose own escapes mean nothing; never an HTML label."""
    return f'"{escaped(label)}"'


def escaped(label: str) -> str:
    """What stands between the quotes of `quoted`: backslashes, quotes and entities show as they are.

    Line ends stay line ends of the label; every other control character becomes a blank.
    """
    text = label.replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return "".join(character if character.isprintable() else " " for character in text)


__all__ = ["FORMATS", "escaped", "find_program", "quoted", "render"]
