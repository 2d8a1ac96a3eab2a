"""docs/training.md shows what cg fit --loss really prints, and tells of every option, method and kind of a start."""

from __future__ import annotations

from dataclasses import fields

from cgcli.cli.training_options import TrainOptions
from cgcli.fitting.training.options import NAMES, Options
from cgcli.fitting.training.schedules import SCHEDULES
from cgcli.fitting.training.train import TrainingResult
from tests.transcripts import ROOT, blocks, check_document

DOCUMENT = ROOT / "docs" / "training.md"
TEXT = DOCUMENT.read_text(encoding="utf-8")


def test_every_example_prints_what_the_document_says() -> None:
    assert len(blocks(TEXT)) >= 3
    check_document(DOCUMENT)


def test_every_option_and_every_word_is_told_of() -> None:
    options = [f"--{field.name.replace('_', '-')}" for field in fields(TrainOptions)]
    assert not [option for option in options if option not in TEXT]
    assert not [name for name in (*NAMES, *SCHEDULES) if name not in TEXT]
    results = {field.name for field in fields(TrainingResult)} - {"output", "left_out", "warnings"}
    assert not [name for name in results if f"`.{name}`" not in TEXT]


def test_defaults_are_those_of_the_code() -> None:
    found = Options()
    assert (found.epochs, found.batch, found.momentum, found.beta1, found.beta2) == (20, 256, 0.9, 0.9, 0.999)
    for said in ("`--batch` is 256", "`--epochs` 20", "`--beta1` 0.9, `--beta2` 0.999", "`--drop` (0.1)"):
        assert said in TEXT
