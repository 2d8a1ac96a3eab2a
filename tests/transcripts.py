"""Transcripts: `$ cg …` lines, each followed by what the terminal then shows. Samples and documents hold them.

The commands run inside this process, from the root of the repository, without colour.
"""

from __future__ import annotations

import os
import re
import shlex
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from math import isclose
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cgcli.__main__ import main
from tests.golden import check_golden

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def run(words: list[str]) -> tuple[int, str]:
    """Exit code, and what standard output and standard error show together."""
    shown = StringIO()
    before = Path.cwd()
    os.chdir(ROOT)
    try:
        with redirect_stdout(shown), redirect_stderr(shown):
            code = main(words)
    finally:
        os.chdir(before)
    return code, shown.getvalue()


def commands_of(transcript: str) -> Iterator[str]:
    """The lines that a person types, each with those that it goes on in: they end with a backslash."""
    lines = iter(transcript.splitlines())
    for line in lines:
        if line.startswith("$ "):
            command = [line]
            while command[-1].endswith("\\"):
                command.append(next(lines))
            yield "\n".join(command)


def words_of(command: str) -> list[str]:
    """The words of a command, the program first."""
    return shlex.split(command.removeprefix("$ ").replace("\\\n", " "))


def replayed(transcript: str) -> str:
    """A transcript with its commands run again."""
    shown: list[str] = []
    for command in commands_of(transcript):
        program, *words = words_of(command)
        assert program == "cg"
        shown.extend((*command.splitlines(), *run(words)[1].splitlines()))
    return "\n".join(shown) + "\n"


def python_of(markdown: str) -> tuple[list[str], list[str]]:
    """What the `python` blocks of a Markdown text print, and what their comments behind `print(…)` say that they do."""
    names: dict[str, Any] = {}
    printed = StringIO()
    codes = re.findall(r"^```python\n(.*?)^```$", markdown, re.DOTALL | re.MULTILINE)
    assert codes
    with redirect_stdout(printed):
        for code in codes:
            exec(compile(code, "<document>", "exec"), names)
    said = [line.partition("  # ")[2] for code in codes for line in code.splitlines() if line.startswith("print(")]
    return printed.getvalue().splitlines(), said


def blocks(markdown: str) -> list[str]:
    """The `console` blocks of a Markdown text."""
    return BLOCK.findall(markdown)


NUMBER = re.compile(r"(?<![A-Za-z_\d])[-+]?\d+(?:\.\d+)?(?:e[+-]?\d+)?")
EVALUATIONS = re.compile(r"(  evaluations +(?:at most )?|\"evaluations\": )[\d,]*\d")
"""How many there were is the business of the search, not of the result."""

ROUNDING = 1e-11
"""What differs by less is a difference of rounding, of numbers that nearly cancel."""


def check_document(path: Path) -> None:
    """Every console block of a document prints what stands there; AssertionError shows what is another."""
    text = path.read_text(encoding="utf-8")
    now = BLOCK.sub(lambda found: f"```console\n{replayed(found[1])}```", text)
    if os.environ.get("CG_UPDATE_GOLDEN") or not same(text, now):
        check_golden(path, now)


def same(expected: str, now: str) -> bool:
    """Whether two transcripts say the same: the last printed digit of a number may differ by one, and of a number in
    full all behind the ninth."""
    expected, now = (EVALUATIONS.sub(r"\1many", text) for text in (expected, now))
    if NUMBER.sub("#", expected) != NUMBER.sub("#", now):
        return False
    pairs = zip(NUMBER.findall(expected), NUMBER.findall(now), strict=True)
    return all(
        a == b or isclose(float(a), float(b), rel_tol=1e-9, abs_tol=max(1.01 * step_of(a), ROUNDING)) for a, b in pairs
    )


def step_of(text: str) -> float:
    """One in the last printed digit."""
    digits, _, exponent = text.partition("e")
    return 10.0 ** (int(exponent or 0) - len(digits.partition(".")[2]))
