"""docs/terms.md shows what cg prints."""

from __future__ import annotations

import os

from tests.golden import check_golden
from tests.transcripts import BLOCK, ROOT, blocks, replayed, same

DOCUMENT = ROOT / "docs" / "terms.md"
TEXT = DOCUMENT.read_text(encoding="utf-8")


def test_every_example_prints_what_the_document_says() -> None:
    assert len(blocks(TEXT)) >= 6
    now = BLOCK.sub(lambda found: f"```console\n{replayed(found[1])}```", TEXT)
    if os.environ.get("CG_UPDATE_GOLDEN") or not same(TEXT, now):
        check_golden(DOCUMENT, now)


def test_every_sample_is_told_of() -> None:
    assert not [path.name for path in (ROOT / "samples" / "terms").glob("*.cg") if f"`{path.name}`" not in TEXT]
