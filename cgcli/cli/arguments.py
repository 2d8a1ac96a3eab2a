"""Reading the words of a command line: the formula, and NAME=VALUE."""

from __future__ import annotations

import errno
import os
import re
import sys

from cgcli.cli.output import during
from cgcli.errors import DataError, Source, UsageError
from cgcli.language.spelling import canonical

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from cgcli.api.formula import Formula

FORMULA_ENDING = ".cg"
PIPE = re.compile(r"/dev/fd/\d+|/dev/stdin")
"""What a shell puts in the place of `<(…)`; read where it is a pipe, since no formula begins with `/`."""

LOOKS_LIKE_FILE = re.compile(r"(\.{0,2}/|~).*|[^\s()]*\.[a-z]{2,}$", re.DOTALL)
"""`/etc/passwd`, `./model`, `model.txt`: no formula looks so, whose only `.` before a letter is that of `A.T`."""

LONGEST_PATH = 4096
"""Characters; more is a formula."""

BYTES_A_NODE = 20
"""Of a text and of a graph file alike; more or less, for a note that says how much there is to read."""


def read_source(word: str) -> Source:
    """The text that a formula argument means. DataError for a file that cannot be read.

    Only what ends with .cg (and a pipe) is opened: whoever hands on a formula of somebody else hands on no file.
    """
    if word == "-":
        return Source(standard_input(), "<standard input>")
    if len(word) < LONGEST_PATH and "\n" not in word:
        if word.endswith(FORMULA_ENDING) or is_pipe(word):
            from cgcli.api.sources import read_text

            return Source(read_text(word), word)
        if LOOKS_LIKE_FILE.match(word):
            there = os.path.exists(word)
            raise DataError(
                f"cannot read `{word}`: {'its name does not end with .cg' if there else os.strerror(errno.ENOENT)}",
                hint=f"cg eval - < {word}" if there else None,
            )
    return Source(word)


def is_pipe(word: str) -> bool:
    """Whether a word is a pipe that the shell made for this command."""
    return PIPE.fullmatch(word) is not None and os.path.exists(word) and not os.path.isfile(word)


def standard_input() -> str:
    """All of standard input as text. DataError where it is no text, or cannot be read."""
    try:
        text = sys.stdin.read()
        text.encode()  # in some locales wrong bytes are smuggled into the text
    except UnicodeError:
        raise DataError("cannot read standard input: it is not UTF-8 text") from None
    except OSError as error:
        raise DataError(f"cannot read standard input: {error.strerror or error}") from None
    return text


def read_formula(word: str) -> Formula:
    """The formula of a formula argument; that of a graph file is there without parsing."""
    from cgcli.api.formula import from_source
    from cgcli.api.sources import GRAPH_ENDING, load

    if word.endswith(GRAPH_ENDING):
        size = os.path.getsize(word) if os.path.isfile(word) else 0
        with during("reading about", size // BYTES_A_NODE):
            return load(word)
    source = read_source(word)
    with during("reading about", len(source.text) // BYTES_A_NODE):
        return from_source(source)


def split_bindings(words: Sequence[str]) -> dict[str, str]:
    """NAME=VALUE words as a mapping of texts. UsageError for other words, with a hint."""
    found: dict[str, str] = {}
    for word in words:
        name, equals, text = word.strip().partition("=")
        name, text = canonical(name.strip()), text.strip()
        if not equals or not could_be_name(name) or not text:
            raise UsageError(f"`{word.strip()}` is not of the form NAME=VALUE", hint=_binding_hint(word, words))
        if name in found:
            raise UsageError(f"`{name}` is given twice", hint="give each input once")
        found[name] = text
    return found


def could_be_name(word: str) -> bool:
    """Whether a word alone is a name as far as its letters go; words of the language are refused where they come up."""
    if word.isascii():
        return word.isidentifier()
    from cgcli.api.sources import is_name

    return is_name(word)


def _binding_hint(word: str, words: Sequence[str]) -> str:
    if word.strip() == "=" or word.endswith("=") or word.startswith("="):
        return "write it without blanks, for example x=1"
    if ":" in word:
        return f"write {word.replace(':', '=')}"
    if re.match(r" ?-[a-zA-Z]$", word):
        return f"there is no option `{word.strip()}`; `--help` shows those that there are"
    if any(sign in word for sign in "+*/()^ "):
        return "the formula is one argument; quote it: 'x + y'"
    return "for example x=1"


def read_bindings(words: Sequence[str] | None, *, digits: int | None = None) -> dict[str, Any]:
    """The values of NAME=VALUE words."""
    from cgcli.api.sources import read_value

    return {name: read_value(name, text, digits=digits) for name, text in split_bindings(words or ()).items()}


def split_names(text: str | None) -> list[str] | None:
    """`a,b` or `w[0],A[0,1]` as a list; None stays None. UsageError where a name is empty."""
    if text is None:
        return None
    from cgcli.formulas.given import name_list

    names = name_list(text)
    if not all(names):
        raise UsageError(f"`{text}` is not a list of names", hint="separate names by commas: a,b")
    return names


def typed(options: Mapping[str, object]) -> list[str]:
    """Names of the options that a line has: 0 and an empty text are values, None and False are not."""
    return [name for name, value in options.items() if value is not None and value is not False and value != []]


def check_standard_input(formula: str, data: str | None) -> None:
    """UsageError where standard input would have to be the formula and the table."""
    if formula == data == "-":
        raise UsageError("standard input cannot be both the formula and the table", hint="put one of them in a file")


def exclude(option: str, **others: object) -> None:
    """UsageError where one of the other options was given too."""
    for name, value in others.items():
        if value:
            raise UsageError(f"{option} and --{name} exclude each other")
