"""docs/live.md shows what a live graph prints in Python, and tells of every edit."""

from __future__ import annotations

from cgcli.live.edits import Edit
from tests.transcripts import ROOT, python_of

TEXT = (ROOT / "docs" / "live.md").read_text(encoding="utf-8")


def test_python():
    printed, said = python_of(TEXT)
    assert printed == [*said, "t 2.0 3.0"]


def test_every_edit_is_told_of():
    for name, method in vars(Edit).items():
        if callable(method) and not name.startswith("_"):
            assert f"| `e.{name}(" in TEXT
