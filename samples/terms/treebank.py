"""Trees in the brackets of the Penn Treebank become terms, one JSON line a sentence.

    python samples/terms/treebank.py train.txt -o trees.jsonl --vocabulary words.txt

Reads `(3 (2 It) (4 (2 is) (4 good)))`, as the Stanford Sentiment Treebank writes labels, and `(S (NP (PRP It)) …)`, as
the Penn Treebank writes categories; a tree may go over several lines. Writes

    {"tree": ["pair", ["word", 7], ["pair", ["word", 2], ["word", 4]]], "label": 3}

- A word is `["word", k]`, with k its place in the vocabulary (a word a line; made from the sentences and written where
  the file does not exist). A word that is not in it is its last entry, `<unknown>`.
- A phrase of one part is that part; one of several is made of pairs from the right: (a b c) becomes
  pair(a, pair(b, c)). So a phrase of n words has n - 1 pairs.
- Empty elements of the Penn Treebank, (-NONE- *T*-1), are left out.
- label: the label of the whole tree where it is a number; otherwise there is none. `--phrases` writes a line for each
  phrase instead, with its own label.

Nothing recurses, so a tree may be as deep as it likes.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

TOKEN = re.compile(r"[()]|[^\s()]+")
UNKNOWN = "<unknown>"

Phrase = tuple[str, Any]
"""(label, what it is made of): a word, or a list of phrases."""


def phrases(text: str) -> Iterator[Phrase]:
    """The trees of a text. ValueError, with the place, where brackets or words are wrong."""
    open_phrases: list[tuple[str, list[Any]]] = []
    expects_label = False
    for match in TOKEN.finditer(text):
        token = match[0]
        if token == "(":
            if expects_label:  # the outer brackets of the Penn Treebank have no label: ((S …))
                open_phrases.append(("", []))
            expects_label = True
        elif token == ")":
            if not open_phrases or expects_label:
                raise ValueError(f"a `)` closes nothing, in line {text.count(chr(10), 0, match.start()) + 1}")
            label, parts = open_phrases.pop()
            words = [part for part in parts if isinstance(part, str)]
            if words and len(parts) > 1:
                raise ValueError(f"`{words[0]}` stands beside other parts of a phrase; a word has brackets of its own")
            phrase = (label, parts[0] if words else parts)
            if open_phrases:
                open_phrases[-1][1].append(phrase)
            else:
                yield phrase
        elif expects_label:
            open_phrases.append((token, []))
            expects_label = False
        elif open_phrases:
            open_phrases[-1][1].append(token)
        else:
            raise ValueError(f"`{token}` stands outside of brackets")
    if open_phrases or expects_label:
        raise ValueError(f"{len(open_phrases) + expects_label} brackets are not closed")


def terms(tree: Phrase, number_of: dict[str, int]) -> list[tuple[str, Any]]:
    """Label and term of every phrase of a tree that is not empty, inner ones before outer ones."""
    found: list[tuple[str, Any]] = []
    results: list[Any] = []
    pending: list[tuple[Phrase, bool]] = [(tree, False)]
    while pending:
        (label, parts), ready = pending.pop()
        if isinstance(parts, str):
            empty = label == "-NONE-"
            results.append(None if empty else ["word", number_of.get(parts, number_of[UNKNOWN])])
        elif not ready:
            pending.append(((label, parts), True))
            pending.extend((part, False) for part in reversed(parts))
            continue
        else:
            results, own = results[: len(results) - len(parts)], results[len(results) - len(parts) :]
            own = [part for part in own if part is not None]
            term = own.pop() if own else None
            while own:
                term = ["pair", own.pop(), term]
            results.append(term)
        if results[-1] is not None:
            found.append((label, results[-1]))
    return found


def words_of(trees: Iterable[Phrase]) -> list[str]:
    """The words of some trees, each once, sorted, and the entry for others."""
    words: set[str] = set()
    pending = list(trees)
    while pending:
        label, parts = pending.pop()
        if not isinstance(parts, str):
            pending.extend(parts)
        elif label != "-NONE-":
            words.add(parts)
    return [*sorted(words), UNKNOWN]


def rows(trees: Iterable[Phrase], vocabulary: list[str], *, all_phrases: bool = False) -> Iterator[dict[str, Any]]:
    """The rows of a table: a term and its label."""
    number_of = {word: number for number, word in enumerate(vocabulary)}
    for tree in trees:
        found = terms(tree, number_of)
        for label, term in found if all_phrases else found[-1:]:
            yield {"tree": term, **({"label": int(label)} if label.isdecimal() else {})}


def main() -> None:
    """Read brackets, write JSON lines."""
    parser = argparse.ArgumentParser(description="Trees in brackets become terms, one JSON line a sentence.")
    parser.add_argument("brackets", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--vocabulary", type=Path, required=True, help="a word a line; written where it does not exist")
    parser.add_argument("--phrases", action="store_true", help="a row for each phrase, not for sentences alone")
    given = parser.parse_args()
    try:
        trees = list(phrases(given.brackets.read_text(encoding="utf-8")))
    except ValueError as error:
        parser.exit(1, f"{given.brackets}: {error}\n")
    if not given.vocabulary.exists():
        given.vocabulary.write_text("".join(f"{word}\n" for word in words_of(trees)), encoding="utf-8")
    vocabulary = given.vocabulary.read_text(encoding="utf-8").split()
    found = rows(trees, vocabulary, all_phrases=given.phrases)
    given.output.write_text("".join(f"{json.dumps(row)}\n" for row in found), encoding="utf-8")


if __name__ == "__main__":
    main()
