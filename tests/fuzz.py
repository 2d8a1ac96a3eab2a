"""Throw texts at the language for as long as wanted: `python -m tests.fuzz SECONDS [SEED]`.

Whatever the text, the answer is a formula or a CgError, and so it is when the formula gets values. The suite runs
the same check on fewer texts (tests/language/test_fuzz.py). A text that breaks it is printed, and the exit code is 1.
"""

from __future__ import annotations

import random
import sys
import time

import cgcli
from cgcli.errors import CgError
from cgcli.render.errors import render_error
from tests.language.texts import NUMBERS, RESERVED, SIGNS, WORDS, known_formulas

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


def soup(random_: random.Random) -> str:
    """Tokens in any order, or characters in any order."""
    if random_.random() < 0.3:
        return "".join(random_.choices(ANY, k=random_.randrange(40)))
    glue = random_.choice(("", " "))
    return glue.join(random_.choices((*WORDS, *NUMBERS, *SIGNS, *RESERVED), k=random_.randrange(30)))


def mutated(random_: random.Random, texts: list[str]) -> str:
    """A real formula with some characters left out, doubled, exchanged or put in from another one."""
    text = random_.choice(texts)[:400]
    for _ in range(random_.randrange(1, 5)):
        place = random_.randrange(len(text) + 1)
        other = random_.choice(texts)
        start = random_.randrange(len(other) + 1)
        piece = random_.choice(("", random_.choice(ANY), random_.choice(SIGNS), other[start : start + 8]))
        text = text[:place] + piece + text[place + random_.randrange(3) :]
    return text


def soak(seconds: float, seed: int) -> int:
    """Try texts until the time is over. Returns how many were tried; prints and raises where one breaks the rule."""
    random_ = random.Random(seed)
    texts = known_formulas()
    end = time.monotonic() + seconds
    tried = 0
    while time.monotonic() < end:
        text = soup(random_) if random_.random() < 0.4 else mutated(random_, texts)
        try:
            survives(text)
        except BaseException:
            sys.stderr.write(f"seed {seed}, text {tried}: {text!r}\n")
            raise
        tried += 1
    return tried


if __name__ == "__main__":
    seconds, seed = (*sys.argv[1:], *("10", "0")[len(sys.argv) - 1 :])[:2]
    sys.stdout.write(f"{soak(float(seconds), int(seed)):,} texts, no surprise\n")
