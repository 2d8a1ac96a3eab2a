"""docs/sparse.md shows what cg prints, in Python and on the command line."""

from __future__ import annotations

from tests.transcripts import ROOT, blocks, python_of, replayed

TEXT = (ROOT / "docs" / "sparse.md").read_text(encoding="utf-8")


def test_python():
    printed, said = python_of(TEXT)
    assert printed == said


def test_transcripts(tmp_path):
    picture = str(tmp_path / "p.png")
    for block in blocks(TEXT):
        assert replayed(block.replace("p.png", picture)).replace(picture, "p.png") == block
    assert (tmp_path / "p.png").exists()
