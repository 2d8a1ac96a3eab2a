"""docs/fitting.md shows what cg fit really prints and writes, and its Python does what its comments say."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import fields
from pathlib import Path

import pytest

from cgcli.__main__ import main
from cgcli.cli.training_options import TrainOptions
from tests.golden import check_golden
from tests.transcripts import BLOCK, ROOT, blocks, commands_of, python_of, same, words_of

DOCUMENT = ROOT / "docs" / "fitting.md"
TEXT = DOCUMENT.read_text(encoding="utf-8")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A copy of the samples, where the examples may write."""
    shutil.copytree(ROOT / "samples", tmp_path / "samples")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_example_prints_what_the_document_says(folder, capfd):
    def shown(command):
        program, *words = words_of(command)
        if program == "cat":
            return Path(words[0]).read_text(encoding="utf-8")
        assert program == "cg"
        main(words)
        captured = capfd.readouterr()
        return captured.out + captured.err

    def replayed(found):
        return "```console\n" + "".join(f"{command}\n{shown(command)}" for command in commands_of(found[1])) + "```"

    assert len(blocks(TEXT)) >= 8
    now = BLOCK.sub(replayed, TEXT)
    if os.environ.get("CG_UPDATE_GOLDEN") or not same(TEXT, now):
        check_golden(DOCUMENT, now)


def test_python(folder):
    printed, said = python_of(TEXT)
    assert printed == said


def test_the_picture_is_that_of_the_first_fit(folder):
    main(["fit", "samples/fits/decay.cg", "--data", "samples/fits/decay.csv", "--plot", "fit.svg", "--json"])
    said = re.compile(r"<!-- (.*?) -->")
    now, kept = (path.read_text(encoding="utf-8") for path in (Path("fit.svg"), ROOT / "docs/images/decay_fit.svg"))
    assert said.findall(now) == said.findall(kept)


def test_every_option_is_told_of(capsys):
    main(["fit", "--help"])
    options = set(re.findall(r"^ +(?:-\w, )?(--[a-z0-9-]+)", capsys.readouterr().out, re.MULTILINE))
    elsewhere = {"--help", "--output", "--format", "--separator", "--decimal", "--limit"}
    elsewhere |= {f"--{field.name.replace('_', '-')}" for field in fields(TrainOptions)}  # docs/training.md
    assert len(options) > 15
    assert not [option for option in options - elsewhere if option not in TEXT]
