"""docs/terms.md shows what cg prints."""

from __future__ import annotations

import json
import os
import re

import pytest

from cgcli.__main__ import main
from tests.golden import check_golden
from tests.transcripts import BLOCK, ROOT, blocks, replayed, same

DOCUMENT = ROOT / "docs" / "terms.md"
SAMPLES = sorted((ROOT / "samples" / "terms").glob("*.cg"))
TEXT = DOCUMENT.read_text(encoding="utf-8")


def test_every_example_prints_what_the_document_says() -> None:
    assert len(blocks(TEXT)) >= 6
    now = BLOCK.sub(lambda found: f"```console\n{replayed(found[1])}```", TEXT)
    if os.environ.get("CG_UPDATE_GOLDEN") or not same(TEXT, now):
        check_golden(DOCUMENT, now)


def test_every_sample_is_told_of() -> None:
    assert not [path.name for path in SAMPLES if f"`{path.name}`" not in TEXT]


TRAININGS = re.findall(r"^\| `(samples/terms/(\w+)\.cg .*)` \| ([\d.]+)", TEXT, re.MULTILINE)


@pytest.mark.parametrize(("words", "name", "most"), TRAININGS, ids=[name for _, name, _ in TRAININGS])
def test_a_sample_is_trained_to_the_loss_that_is_stated(words, name, most, capsys, monkeypatch) -> None:
    monkeypatch.chdir(ROOT)
    assert main(["fit", *words.split(), "--loss", "loss", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["loss"] < float(most)


def test_every_sample_is_trained() -> None:
    assert {name for _, name, _ in TRAININGS} | {"arithmetic"} == {path.stem for path in SAMPLES}
