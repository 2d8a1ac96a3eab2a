"""The generated tables are fresh, and Lark itself reads every text as our driver of its tables does."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import lru_cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lark import Lark, Token
from lark.exceptions import UnexpectedCharacters, UnexpectedToken
from lark.lexer import LexerThread
from lark.parsers.lalr_parser_state import ParseConf, ParserState

from cgcli.errors import FormulaError, Source
from cgcli.language import generate, messages, parser, syntax
from tests.language.texts import any_text, blocks, formulas, glued_soup, known_formulas, token_soup
from tests.transcripts import ROOT

FILES = sorted((ROOT / "samples").glob("**/*.cg"))

Row = tuple[str, int, int, int]
Outcome = tuple[str, Any]


@lru_cache(maxsize=1)
def lark() -> Lark:
    """Lark's own parser of the grammar."""
    return generate.build_lark()


def tokens(text: str) -> Any:
    """Lark's tokens without the line ends inside brackets, which our scanner drops too."""
    depth = 0
    for token in LexerThread.from_text(lark().parser.lexer, text).lex(None):
        depth += (token.type in ("LPAR", "LSQB")) - (token.type in ("RPAR", "RSQB"))
        if token.type != "SEPARATOR" or depth <= 0 or token == ";":
            yield token


def by_lark(text: str) -> Outcome:
    """The rows that Lark's reductions make, or the offset of the token or character that it cannot take."""
    rows: list[Row] = []
    last_end = 0

    def action(rule: Any) -> Any:
        def reduce(children: list[Any]) -> tuple[int, int]:
            places = [(c.start_pos, 0) if isinstance(c, Token) else c for c in children]
            start = places[0][0] if places else last_end
            count = sum(rows for _, rows in places)
            if rule.alias is None:
                return start, count
            rows.append((rule.alias, count, start, last_end))
            return start, 1

        return reduce

    callbacks = {rule: action(rule) for rule in lark().rules}
    state: Any = ParserState(ParseConf(lark().parser.parser._parse_table, callbacks, "program"), None)  # type: ignore[arg-type]
    try:
        for token in tokens(text):
            state.feed_token(token)
            last_end = token.end_pos
        state.feed_token(Token("$END", "", len(text)), is_end=True)
    except UnexpectedToken as error:
        return "error", error.token.start_pos
    except UnexpectedCharacters as error:
        return "error", error.pos_in_stream
    return "rows", rows


def by_us(text: str, patch: pytest.MonkeyPatch) -> Outcome:
    """The same from our driver; what it says beyond the grammar (targets of `=`, long numbers) is switched off."""
    places: list[int] = []

    def stop(source: Source, *arguments: int) -> FormulaError:
        places.append(arguments[0] if len(arguments) == 1 else arguments[1])
        return FormulaError("stopped")

    with patch.context() as patched:
        patched.setattr(messages, "misread", stop)
        patched.setattr(messages, "unreadable", stop)
        patched.setattr(parser, "check_target", lambda table, source: None)
        patched.setattr(parser, "LONGEST_NUMBER", len(text))
        try:
            table = parser.parse(Source(text))
        except FormulaError:
            return "error", places[0]
    names = (syntax.NAMES[rule] for rule in table.rule)
    return "rows", list(zip(names, table.count, table.start, table.end, strict=True))


def assert_same(text: str) -> None:
    patch = pytest.MonkeyPatch()
    assert by_us(text, patch) == by_lark(text)


def test_the_tables_are_those_of_the_grammar() -> None:
    current = generate.TARGET.read_text(encoding="utf-8")
    assert current == generate.generated(), "run python -m cgcli.language.generate"


@pytest.mark.parametrize("seed", ["0", "1"])
def test_the_tables_do_not_depend_on_the_order_of_sets(seed: str) -> None:
    script = "import sys; from cgcli.language import generate; sys.stdout.write(generate.generated())"
    made = subprocess.run(
        [sys.executable, "-c", script], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
    )
    assert made.stdout.decode() == generate.TARGET.read_text(encoding="utf-8")


def test_the_rows_of_the_syntax_table_are_the_aliases_of_the_grammar() -> None:
    assert {rule.alias for rule in lark().rules if rule.alias} == set(syntax.NAMES)


def test_no_terminal_looks_around() -> None:
    for terminal in lark().terminals:
        assert "(?=" not in terminal.pattern.to_regexp()
        assert "(?!" not in terminal.pattern.to_regexp()
        assert "(?<" not in terminal.pattern.to_regexp()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_lark_reads_the_samples_alike(path: Any) -> None:
    assert_same(path.read_text(encoding="utf-8"))


def test_lark_reads_the_corpus_alike() -> None:
    texts = known_formulas()
    assert len(texts) > 50
    for text in texts:
        assert_same(text)


@settings(max_examples=400, deadline=None)
@given(st.one_of(any_text, token_soup, glued_soup, formulas, blocks).filter(lambda text: not text.startswith("\ufeff")))
def test_lark_reads_generated_texts_alike(text: str) -> None:
    assert_same(text)


def test_the_comparison_sees_a_difference() -> None:
    assert by_lark("1 + 2") != by_lark("1 - 2")
    assert by_lark("1 + + )") == ("error", 6)
    assert by_lark("x ? y") == ("error", 2)
