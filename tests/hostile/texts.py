"""Texts that nobody would write: whatever the text, the answer is a formula or one error."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from random import Random

import cgcli
from cgcli.errors import CgError
from cgcli.render.errors import render_error
from tests.hostile.frame import command
from tests.language.texts import NUMBERS, RESERVED, SIGNS, SNIPPETS, WORDS, known_formulas

ANY = "()[]+-*/^=,:;.#\\\n\r &|!eT01xyπ_\0\u2028é½\U0001f600"


def survives(text: str) -> None:
    """Read a text, compute it, differentiate it; every exception but a CgError is a bug."""
    try:
        formula = cgcli.parse(text)
        values = dict.fromkeys(formula.inputs, 1.5)
        formula.eval(values)
        formula.grad(values)
    except CgError as error:
        lines = render_error(error, colour=False).splitlines()
        if not error.message or len(lines) > 5:
            raise AssertionError(f"not one error of five lines: {lines}") from error


def soup(random: Random) -> str:
    """Tokens in any order, or characters in any order."""
    kind = random.random()
    if kind < 0.2:
        return "".join(random.choices(ANY, k=random.randrange(40)))
    if kind < 0.3:
        return random.randbytes(random.randrange(40)).decode("utf-8", "replace")
    glue = random.choice(("", " ", "\n"))
    return glue.join(random.choices((*WORDS, *NUMBERS, *SIGNS, *RESERVED, *SNIPPETS), k=random.randrange(30)))


def mutated(random: Random, texts: list[str]) -> str:
    """A real formula with some characters left out, doubled, exchanged or put in from another one."""
    text = random.choice(texts)[:400]
    for _ in range(random.randrange(1, 5)):
        place = random.randrange(len(text) + 1)
        other = random.choice(texts)
        start = random.randrange(len(other) + 1)
        piece = random.choice(("", random.choice(ANY), random.choice(SIGNS), other[start : start + 8]))
        text = text[:place] + piece + text[place + random.randrange(3) :]
    return text


@cache
def known() -> list[str]:
    return known_formulas()


def trial(random: Random, _folder: Path) -> None:
    """One text."""
    text = soup(random) if random.random() < 0.4 else mutated(random, known())
    try:
        survives(text)
    except Exception as error:
        raise AssertionError(f"{text!r}: {type(error).__name__}: {error}") from error


if __name__ == "__main__":
    command(trial)
