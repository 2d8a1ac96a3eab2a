"""docs/dask.md shows what cg prints, in Python and on the command line."""

from __future__ import annotations

import pytest

from tests.transcripts import ROOT, blocks, python_of, replayed

pytest.importorskip("dask", reason="the extra `dask` is not installed")

TEXT = (ROOT / "docs" / "dask.md").read_text(encoding="utf-8")


def test_python():
    printed, said = python_of(TEXT)
    assert printed == said


def test_transcripts(tmp_path):
    picture = str(tmp_path / "sumlist.svg")
    for block in blocks(TEXT):
        assert replayed(block.replace("sumlist.svg", picture)).replace(picture, "sumlist.svg") == block
    assert (tmp_path / "sumlist.svg").exists()
