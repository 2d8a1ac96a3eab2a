"""Terms that nobody would write: whatever stands in a column, the answer is numbers or one error with its row."""

from __future__ import annotations

import warnings
from pathlib import Path
from random import Random
from typing import Any

import cgcli
from cgcli.errors import CgError
from cgcli.render.errors import render_error
from tests.hostile.frame import command

FORMULA = cgcli.parse("""
term tree
param w = 2
param v[3] = 1
def pair(a, b): return a + b
word(k) = k*w + v[1]
def both(a): return a, 2*a
leaf() = 3
tree * label
""")
PIECES = (
    "pair(", "word(", "both(", "leaf()", "(", ")", "[", "]", ",", "+", "-", "*", "@", "^", "a", "b", "w", "v", "label",
    "tree", "1", "2.5", "-3", ";", "\n", "=", "a = ", "a, b = ", "if", "else", "<", "==", "and", "not", '["pair",',
    '["word",', '"w"', "def f(x):", "return", "#x", "\\\n", "sum(", "max(", "norm(", "fold(", "[i for i in v]", "v[",
    "pi", "π", "_", "x", "1e400", ".T", "for", "in", "\ufeff", "\0", "'",
)  # fmt: skip


LEAVES = (1, 2.5, -3, True, None, "w", "q", "", (), [], {}, b"x", float("nan"), FORMULA, 1 << 80, 1j)


def text(random: Random) -> str:
    """Pieces of terms in any order."""
    return random.choice(("", " ")).join(random.choices(PIECES, k=random.randrange(1, 10)))


def nested(random: Random, depth: int = 4) -> Any:
    """Tuples, lists and what does not belong into them."""
    if depth == 0 or random.random() < 0.3:
        return random.choice(
            (1, 2.5, -3, True, None, "w", "q", "", (), [], {}, b"x", float("nan"), FORMULA, 1 << 80, 1j)
        )
    inner = [nested(random, depth - 1) for _ in range(random.randrange(4))]
    head = random.choice(("pair", "word", "leaf", "both", "max", "norm", "+", "-", "sin", "nothing", 3))
    return random.choice((tuple, list))([head, *inner])


def trial(random: Random, _folder: Path | None = None) -> None:
    """A column of up to three terms."""
    rows = [text(random) if random.random() < 0.7 else nested(random) for _ in range(random.randrange(1, 4))]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            FORMULA.eval_rows(tree=rows, label=[1.0] * len(rows))
    except CgError as error:
        lines = render_error(error, colour=False).splitlines()
        if not error.message or len(lines) > 5:
            raise AssertionError(f"{rows!r}: not one error of five lines: {lines}") from error
        if error.span and error.source and not 0 <= error.span[0] <= error.span[1] <= len(error.source.text):
            raise AssertionError(f"{rows!r}: a place outside of the text: {error.span}") from error
    except Exception as error:
        raise AssertionError(f"{rows!r}: {type(error).__name__}: {error}") from error


if __name__ == "__main__":
    command(trial)
