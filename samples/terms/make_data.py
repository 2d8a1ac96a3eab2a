"""Make the tables of this folder that come from no other source: sentences, sums, brackets, messages; all from seeds.

Run it in the folder of the samples: python samples/terms/make_data.py
The other tables are made by syntax.py (the Python standard library) and molecules.py (SMILES, with RDKit).
"""

from __future__ import annotations

import csv
import io
import json
from math import sin
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

try:
    from samples.terms.treebank import phrases, rows, words_of
except ModuleNotFoundError:  # run as a script, from anywhere
    from treebank import phrases, rows, words_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FOLDER = Path(__file__).parent


def one_of(random: Random, things: Any) -> Any:
    """One of some things; `Random.choice` draws otherwise in other versions of Python."""
    return things[int(random.random() * len(things))]


# ---- sentences in brackets -------------------------------------------------------------------------------------------

FEELINGS = {"awful": 0, "dull": 1, "weak": 1, "long": 2, "short": 2, "nice": 3, "clever": 3, "good": 3, "superb": 4}
THINGS = ("film", "plot", "acting", "music", "ending", "book")


def sentences(count: int = 240) -> Iterator[str]:
    """`(1 (2 (2 the) (2 plot)) (1 (2 was) (1 (2 not) (3 good))))`: a label for each phrase, from 0 to 4.

    `not` turns a feeling round, `very` makes it stronger, `and` takes the mean, and of `a but b` it is b that counts.
    """
    random = Random(1)
    for _ in range(count):
        clauses = [_clause(random) for _ in range(1 + (random.random() < 0.5))]
        if len(clauses) == 1:
            yield clauses[0][1]
            continue
        (first, left), (second, right) = clauses
        joint = "but" if abs(first - second) > 1 or random.random() < 0.3 else "and"
        label = second if joint == "but" else (first + second + (first + second > 4)) // 2
        yield f"({label} {left} ({second} (2 {joint}) {right}))"


def _clause(random: Random) -> tuple[int, str]:
    """(label, brackets) of `the plot was not very good`."""
    label, text = _feeling(random, 0)
    verb = one_of(random, ("was", "seemed"))
    return label, f"({label} (2 (2 the) (2 {one_of(random, THINGS)})) ({label} (2 {verb}) {text}))"


def _feeling(random: Random, depth: int) -> tuple[int, str]:
    """(label, brackets) of `not very good`."""
    word = one_of(random, sorted(FEELINGS))
    label, text = FEELINGS[word], f"({FEELINGS[word]} {word})"
    while random.random() < 0.45 and depth < 3:
        if random.random() < 0.5:
            label = 4 - label if label != 2 else 2
            text = f"({label} (2 not) {text})"
        else:
            label = {0: 0, 1: 0, 2: 2, 3: 4, 4: 4}[label]
            text = f"({label} (2 very) {text})"
        depth += 1
    return label, text


# ---- tables ----------------------------------------------------------------------------------------------------------


def trees() -> Iterator[dict[str, Any]]:
    """The sentences as terms."""
    found = list(phrases(brackets()))
    yield from rows(found, words_of(found))


def arithmetic(count: int = 200) -> Iterator[dict[str, Any]]:
    """Random expressions of 2 to 10 numbers and what the unknown calculator of arithmetic.cg makes of them."""
    random = Random(2)
    for _ in range(count):
        stack = [_number(random) for _ in range(2 + int(random.random() * 9))]
        while len(stack) > 1:
            place = int(random.random() * (len(stack) - 1))
            (left, a), (right, b) = stack[place : place + 2]
            key = one_of(random, ("plus", "times", "minus"))
            value = {"plus": 0.9 * a + 0.4 * b, "times": 1.5 * a * b - 0.2 * a, "minus": a - 0.6 * b}[key]
            text = f"{key}({left}, {right})"
            if random.random() < 0.2:
                text, value = f"wave({text})", sin(1.3 * value)
            stack[place : place + 2] = [(text, value)]
        text, value = stack[0]
        yield {"expression": text, "value": repr(value)}


def _number(random: Random) -> tuple[str, float]:
    value = round(2 * random.random() - 1, 2)
    return f"number({value})", value


def lines(count: int = 240) -> Iterator[dict[str, Any]]:
    """Lines of 2 to 16 brackets, half of them balanced, as chains of cells."""
    random = Random(3)
    for number in range(count):
        pairs, signs, depth = 1 + int(random.random() * 8), [], 0
        for left in range(2 * pairs, 0, -1):
            opens = depth == 0 or (depth < left and random.random() < 0.5)
            signs.append(0 if opens else 1)
            depth += 1 if opens else -1
        if number % 2:
            place = int(random.random() * len(signs))
            signs[place] = 1 - signs[place]
        chain: Any = ["first", signs[0]]
        for sign in signs[1:]:
            chain = ["next", chain, sign]
        yield {"line": chain, "balanced": int(number % 2 == 0)}


def messages(count: int = 300) -> Iterator[dict[str, Any]]:
    """Messages of 1 to 14 of 24 words. The word with the smallest number decides: number modulo 4 is the folder."""
    random = Random(4)
    for _ in range(count):
        words = [int(24 * random.random() ** 0.7) for _ in range(1 + int(random.random() * 14))]
        term: Any = ["word", words[-1]]
        for word in reversed(words[:-1]):
            term = ["both", ["word", word], term]
        yield {"message": term, "folder": min(words) % 4}


TABLES = {"tree_lstm.jsonl": trees, "arithmetic.csv": arithmetic, "chain.jsonl": lines, "attention.jsonl": messages}


def text_of(name: str, table: Iterable[dict[str, Any]]) -> str:
    """A table as the text of a file."""
    if name.endswith(".jsonl"):
        return "".join(f"{json.dumps(row)}\n" for row in table)
    text = io.StringIO()
    listed = list(table)
    writer = csv.DictWriter(text, list(listed[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(listed)
    return text.getvalue()


def brackets() -> str:
    """The sentences as a file of trees in brackets, a line each."""
    return "".join(f"{line}\n" for line in sentences())


if __name__ == "__main__":
    (FOLDER / "sentences.txt").write_text(brackets(), encoding="utf-8")
    (FOLDER / "words.txt").write_text("".join(f"{word}\n" for word in words_of(phrases(brackets()))), encoding="utf-8")
    for name, table in TABLES.items():
        (FOLDER / name).write_text(text_of(name, table()), encoding="utf-8")
