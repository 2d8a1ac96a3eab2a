"""Texts to try the language on: any characters, any tokens in any order, formulas that are right, real ones."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from tests.transcripts import ROOT

CORPUS = Path(os.environ.get("CG_CORPUS", ROOT.parent / "shared" / "corpus"))
"""Formulas of others with reference values; they do not come with the project."""

SAMPLE_RECORDS = ROOT / "tests" / "data" / "corpus_sample.jsonl"

WORDS = ("x", "y", "A", "v", "f", "sin", "sum", "fold", "diff", "range", "where", "pi", "e", "gamma", "lambda", "π")
NUMBERS = ("0", "1", "2", "3.5", ".5", "2.", "1e3", "1_000", "1e-300", "1e999")
SIGNS = ("+", "-", "*", "/", "//", "%", "@", "^", "**", "<", "<=", ">", ">=", "==", "!=", "=", ",", ":", ".T",
         "(", ")", "[", "]", ";", "\n", "\r\n", "# note\n", "\\\n", "\t", " ")  # fmt: skip
RESERVED = ("if", "else", "for", "in", "and", "or", "not", "input", "param", "output", "term", "def", "return")
SNIPPETS = ("def f(x, y):", "def g(x):", "\n    return", "; return", "a, b =", "(x, y)", "\n    y =")

_frequent = st.sampled_from("()[]+-*/^=,:;.#\\\n\r &|!eT01xyπ_")
any_text = st.text(st.one_of(st.characters(codec="utf-8"), _frequent), max_size=60)
"""Texts of any characters, those of the language more often."""

token_soup = st.lists(st.sampled_from((*WORDS, *NUMBERS, *SIGNS, *RESERVED, *SNIPPETS)), max_size=24).map(" ".join)
"""Tokens of the language in any order."""

glued_soup = st.lists(st.sampled_from((*WORDS, *NUMBERS, *SIGNS, *RESERVED, *SNIPPETS)), max_size=16).map("".join)
"""As `token_soup`, without blanks between them."""

_leaves = st.sampled_from(("x", "y", "2", "0.5", "pi", "3"))


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """One construct around smaller ones."""
    binary = st.builds("{} {} {}".format, inner, st.sampled_from(("+", "-", "*", "/", "^", "<", "and", "or")), inner)
    return st.one_of(
        binary,
        binary.map("({})".format),
        st.builds("-{}".format, inner),
        st.builds("{}({})".format, st.sampled_from(("sin", "exp", "abs", "sqrt", "f")), inner),
        st.builds("max({}, {})".format, inner, inner),
        st.builds("({} if {} else {})".format, inner, inner, inner),
        st.builds("sum([{}, {}])".format, inner, inner),
        st.builds("sum({} * i for i in range(3))".format, inner),
        st.builds("[{}, {}][1]".format, inner, inner),
        st.builds("fold(g, {}, [1, {}])".format, inner, inner),
        st.builds("diff({}, x)".format, inner),
    )


expressions = st.recursive(_leaves, _grown, max_leaves=8)
"""Expressions that are right, as long as `f` and `g` are defined."""

formulas = expressions.map("f(t) = t^2 + 1\ng(s, i) = s * x + i\n{}".format)
"""Whole texts that are right."""

_without_own = expressions.map(lambda text: text.replace("f(", "abs(").replace("fold(g", "fold(max"))

blocks = st.builds(
    "{0}def f(t):\n{0}  u = {1}\n{0}  t, v = t^2, u\n{0}  return t + u\n"
    "{0}def g(s, i): s = s*x; return s + i\n{0}{2}".format,
    st.sampled_from(("", "  ", "\t")), _without_own, expressions,
)  # fmt: skip
"""Texts that are right, with functions of several statements."""


def records(path: Path) -> Iterator[dict[str, Any]]:
    """The JSON objects of a file, one a line."""
    with open(path, encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def formula_of(record: dict[str, Any]) -> str:
    """The formula of a record of the corpus."""
    for key in ("formula", "f", "plain"):
        if key in record:
            return str(record[key])
    raise KeyError("a record without a formula")


def corpus_files() -> list[Path]:
    """The files of the corpus; none where the folder is absent."""
    return sorted(CORPUS.glob("*.jsonl"))


def known_formulas() -> list[str]:
    """Every formula of the project's own records and of the corpus."""
    return [formula_of(record) for path in (SAMPLE_RECORDS, *corpus_files()) for record in records(path)]
