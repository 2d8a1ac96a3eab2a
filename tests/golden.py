"""Golden texts: what a command prints is kept in a file and compared; CG_UPDATE_GOLDEN=1 writes the files anew."""

from __future__ import annotations

import difflib
import os
from pathlib import Path


def check_golden(path: Path, text: str) -> None:
    """AssertionError with a readable difference where a text is not the one of its golden file."""
    if os.environ.get("CG_UPDATE_GOLDEN"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return
    assert path.exists(), f"{path} is missing; CG_UPDATE_GOLDEN=1 writes it"
    expected = path.read_text(encoding="utf-8")
    if text != expected:
        changes = difflib.unified_diff(expected.splitlines(), text.splitlines(), str(path), "now", lineterm="")
        raise AssertionError("\n".join(changes))
