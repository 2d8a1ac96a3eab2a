"""docs/terms.md shows what cg prints."""

from __future__ import annotations

import json
import re

import pytest

from cgcli.__main__ import main
from tests.transcripts import ROOT, blocks, check_document

DOCUMENT = ROOT / "docs" / "terms.md"
SAMPLES = sorted((ROOT / "samples" / "terms").glob("*.cg"))
TEXT = DOCUMENT.read_text(encoding="utf-8")


def test_every_example_prints_what_the_document_says() -> None:
    assert len(blocks(TEXT)) >= 6
    check_document(DOCUMENT)


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
