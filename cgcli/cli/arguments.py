"""Reading the words of a command line: the formula, and NAME=VALUE."""

from __future__ import annotations

import errno
import os
import re
import sys

from cgcli.cli.output import during, warn
from cgcli.errors import DataError, Source, UsageError
from cgcli.language.spelling import canonical

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from cgcli.api.formula import Formula
    from cgcli.formulas.base import FormulaBase

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
    if os.path.isfile(word):
        return f"quote a pattern of several files: --data '{os.path.join(os.path.dirname(word), '*')}'"
    if any(sign in word for sign in "+*/()^ "):
        return "the formula is one argument; quote it: 'x + y'"
    return "for example x=1"


def read_bindings(
    words: Sequence[str] | None, formula: FormulaBase | None = None, *, digits: int | None = None
) -> dict[str, Any]:  # fmt: skip
    """The values of NAME=VALUE words, and of files of values (`--values FILE`, as a word `@FILE`) for other names.

    formula: names in a file that it lacks are told and left out, since a file often holds more than one formula needs.
    """
    from cgcli.formulas.values import read_value

    words = words or ()
    if has_errors(words):
        raise UsageError(
            "errors of values (±) go with `cg eval` and `cg sensitivity` alone",
            hint="leave them out, or see cg eval --help",
        )
    files = value_sources(words)
    texts = split_bindings([word for word in words if not is_value_file(word)] if files else words)
    from_files = read_value_files(files, texts, formula, digits) if files else {}
    terms = () if formula is None else formula.programs.names.terms  # their texts are read with the formula at hand
    return from_files | {name: text if name in terms else read_value(name, text, digits=digits)
                         for name, text in texts.items()}  # fmt: skip


def has_errors(words: Sequence[str] | None) -> bool:
    """Whether a value among NAME=VALUE has an error: `L=1.00±0.01`, `L=1.00(1)`, `L=R(0.98, 1.02)`."""
    likely = [word for word in words or () if "±" in word or "(" in word or "+-" in word or "+/" in word]
    if not likely:
        return False
    from cgcli.uncertainty.signs import is_uncertain

    return any(is_uncertain(word.partition("=")[2]) for word in likely)


def is_value_file(word: str) -> bool:
    """Whether a word among NAME=VALUE is a file of values: `@fitted.json`."""
    return word.lstrip().startswith("@") and word.strip() != "@"


def value_sources(words: Sequence[str]) -> list[Source]:
    """The texts of the files of values among NAME=VALUE words."""
    from cgcli.api.sources import read_text

    paths = [word.strip()[1:] for word in words if is_value_file(word)]
    return [Source(standard_input(), "<standard input>") if path == "-" else Source(read_text(path), path)
            for path in paths]  # fmt: skip


def read_value_files(
    sources: Sequence[Source], given: Mapping[str, object], formula: FormulaBase | None, digits: int | None
) -> dict[str, Any]:
    """The values in files, without those that are given otherwise. UsageError where two files give one name."""
    from cgcli.data.value_files import read_values

    found: dict[str, Any] = {}
    for source in sources:
        values = read_values(source, exact=digits is not None)
        for name in values:
            if name in found:
                raise UsageError(f"`{name}` is given twice, by two files of values", hint="give each input once")
        if formula is not None:
            values = told_apart(values, source.name, formula)
        found |= values
    return {name: value for name, value in found.items() if name not in given}


def told_apart(values: Mapping[str, Any], path: str, formula: FormulaBase) -> dict[str, Any]:
    """The values that a formula has a name for; of the others it is said that they are left out."""
    names = formula.programs.names
    known = {*names.inputs, *names.defined, *names.constants}
    unknown = [name for name in values if name not in known]
    if unknown:
        listed = ", ".join(f"`{name}`" for name in unknown)
        inputs = ", ".join(f"`{name}`" for name in formula.inputs)
        warn(
            f"`{path}` also gives {listed}, which the formula does not have",
            hint=f"its inputs are {inputs}" if inputs else "it has no inputs",
        )
    return {name: value for name, value in values.items() if name in known}


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


def check_standard_input(**words: object) -> None:
    """UsageError where standard input (`-`) would have to be several of the things that a line names."""
    wanted = [what for what, word in words.items() if word == "-" or (isinstance(word, list) and "-" in word)]
    if len(wanted) > 1:
        raise UsageError(
            f"standard input cannot be both the {wanted[0]} and the {wanted[1]}", hint="put one of them in a file"
        )


def exclude(option: str, **others: object) -> None:
    """UsageError where one of the other options was given too."""
    for name, value in others.items():
        if value:
            raise UsageError(f"{option} and --{name.replace('_', '-')} exclude each other")
