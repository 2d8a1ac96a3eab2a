"""docs/language.md shows what the commands really print, and tells of every word and limit of the language."""

from __future__ import annotations

import re

from cgcli.language import forms, limits, tables, tokens
from cgcli.ops.constants import CONSTANTS
from tests.golden import check_golden
from tests.transcripts import BLOCK, ROOT, blocks, replayed

DOCUMENT = ROOT / "docs" / "language.md"
TEXT = DOCUMENT.read_text(encoding="utf-8")


def test_every_example_prints_what_the_document_says() -> None:
    assert len(blocks(TEXT)) > 10
    check_golden(DOCUMENT, BLOCK.sub(lambda found: f"```console\n{replayed(found[1])}```", TEXT))


def test_every_word_and_every_constant_is_told_of() -> None:
    words = set(re.findall(r"[A-Za-z_]+", " ".join(re.findall(r"`([^`]+)`", BLOCK.sub("", TEXT)))))
    assert set(tables.KEYWORDS) <= words
    assert set(CONSTANTS) <= words
    assert set(forms.FORMS) <= words


def test_the_limits_are_those_of_the_code() -> None:
    assert f"{tokens.LONGEST_NUMBER:,} characters" in TEXT
    for name in (
        "MOST_ITEMS",
        "MOST_STEPS",
        "MOST_STEPS_IN_ALL",
        "MOST_BODIES",
        "MOST_NODES",
        "MOST_ORDER",
        "MOST_DERIVATIVES",
    ):
        limit = getattr(limits, name)
        assert f"| {limit:,} |" in TEXT
