"""docs/minimizing.md shows what cg prints, in Python and on the command line."""

from __future__ import annotations

import re

from tests.transcripts import ROOT, blocks, python_of, replayed, same

TEXT = (ROOT / "docs" / "minimizing.md").read_text(encoding="utf-8")


def test_python():
    printed, said = python_of(TEXT)
    assert printed == said


def test_transcripts():
    for block in blocks(TEXT):
        now = replayed(block)
        assert same(block, now), now


def test_every_kind_of_end_is_told():
    kinds = re.findall(r'"(\w+)": \w+', (ROOT / "cgcli" / "minimizing" / "words.py").read_text(encoding="utf-8"))
    assert len(kinds) > 3
    for kind in kinds:
        assert f"`{kind}`" in TEXT
