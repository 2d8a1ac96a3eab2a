"""Transcripts: `$ cg …` lines, each followed by what the terminal then shows. Samples and documents hold them.

The commands run inside this process, from the root of the repository, without colour.
"""

from __future__ import annotations

import os
import re
import shlex
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

from cgcli.__main__ import main

ROOT = Path(__file__).resolve().parents[1]
PROMPT = "$ cg "
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


def replayed(transcript: str) -> str:
    """A transcript with its commands run again. A command may go on in lines that end with a backslash."""
    shown: list[str] = []
    lines = iter(transcript.splitlines())
    for line in lines:
        if not line.startswith(PROMPT):
            continue
        command = [line]
        while command[-1].endswith("\\"):
            command.append(next(lines))
        words = shlex.split("\n".join(command).removeprefix("$ cg ").replace("\\\n", " "))
        shown.extend((*command, *run(words)[1].splitlines()))
    return "\n".join(shown) + "\n"


def blocks(markdown: str) -> list[str]:
    """The `console` blocks of a Markdown text."""
    return BLOCK.findall(markdown)
