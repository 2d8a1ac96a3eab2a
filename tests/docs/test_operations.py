"""The reference of operations is what docs/generate.py makes of the rows now."""

from __future__ import annotations

import runpy
from pathlib import Path

DOCS = Path(__file__).parent.parent.parent / "docs"


def test_the_reference_of_operations_is_fresh():
    generate = runpy.run_path(str(DOCS / "generate.py"))
    written = (DOCS / "operations.md").read_text(encoding="utf-8")
    assert written == generate["operations"](), "run: python docs/generate.py operations"
