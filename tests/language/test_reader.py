"""The compiled driver of the grammar's tables reads every text as the other driver does, errors and places included."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cgcli.errors import FormulaError, Source
from cgcli.language import generate, parser, reader, syntax
from tests.language.texts import any_text, formulas, glued_soup, known_formulas, token_soup
from tests.transcripts import ROOT

FILES = sorted((ROOT / "samples").glob("**/*.cg"))

TARGETS = (
    "f(x) = x^2\nf(2)", "f (x) = x\nf (1)", "f \\\n (x) = x\nf(1)", "f(x, x) = x", "f(x, 2) = x", "2 = x", "a + b = c",
    "f(x)(y) = 2", "[a] = 2", "f() = 2\nf()", "a = b = c", "x[1] = 2", "g(a, b) = a*b\nh(c) = g(c, c)\nh(2)", "-x = 2",
    "f(x) = x\nabs(f # note\n (2))",
)  # fmt: skip
EDGES = (
    "", " ", "\n", "\ufeff", "\ufeffx + 1", "x\ufeff", "x ; y;", "(\n x\n)", "(x;y)", "(\r\n1)", "x\r\ny", "x \r y",
    "a \\\n + b", "a \\ b", "# only", "x # ²\n", "x ²", "x² + 1", "π*r₁", "\ud800", "1" * 10_001, "x + " + "1" * 10_001,
    "((((", "))", "[1, 2", "1._5", "1.e5", "1e", "1_", "1__0", ".T", "1.T", "a.T.T", "!x", "a ! b", "x = = 2",
    "ifx + inputs", "if = 2", "input x\nx", "param w[2] = 1\nw", "v[:, ::]", "v[1:2:3, 4]", "[i for i in range(3)]",
    "\U0001d465 + 1", "x + \U0001d465", "a\u00a0+\u00a0b", "\n" * 300 + "x",
    "(" * 400 + "x" + ")" * 400, "-" * 300 + "x",
)  # fmt: skip

Outcome = tuple[Any, ...]


def outcome(read: Any, text: str) -> Outcome:
    """The syntax table that a driver makes, or its error."""
    try:
        table = read(Source(text))
    except FormulaError as error:
        return type(error), error.message, error.span, error.hint
    return table.rule, table.count, table.start, table.end, table.statements, table.first()


def assert_read_alike(text: str) -> None:
    assert outcome(reader.read, text) == outcome(parser.parse, text)


def test_the_automaton_is_that_of_the_grammar() -> None:
    current = generate.AUTOMATON.read_text(encoding="utf-8")
    assert current == generate.generated_automaton(), "run python -m cgcli.language.generate"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_samples(path: Any) -> None:
    assert_read_alike(path.read_text(encoding="utf-8"))


def test_the_corpus() -> None:
    for text in known_formulas():
        assert_read_alike(text)


@pytest.mark.parametrize("text", [*TARGETS, *EDGES], ids=lambda text: repr(text)[:30])
def test_edges(text: str) -> None:
    assert_read_alike(text)


@settings(max_examples=400, deadline=None)
@given(st.one_of(any_text, token_soup, glued_soup, formulas))
def test_generated_texts(text: str) -> None:
    assert_read_alike(text)


def test_little_room_makes_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "ROWS_PER_CHARACTER", 0)
    monkeypatch.setattr(reader, "LEAST_ROWS", 2)
    for path in FILES:
        assert_read_alike(path.read_text(encoding="utf-8"))


def test_a_large_text_is_read_by_the_compiled_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parser, "LARGE", 0)
    monkeypatch.setattr(parser, "LARGE_ONCE_LOADED", 0)
    assert parser.parse(Source("x + 1")).characters is not None
    monkeypatch.undo()
    assert parser.parse(Source("x + 1")).characters is None


def test_the_rows_have_room_in_their_columns() -> None:
    assert len(syntax.NAMES) < 256
