"""docs/explaining.md shows what cg prints, and tells of every option of the commands that explain."""

from __future__ import annotations

import re

import pytest

from cgcli.__main__ import main
from tests.transcripts import ROOT, blocks, replayed

TEXT = (ROOT / "docs" / "explaining.md").read_text(encoding="utf-8")


def test_transcripts():
    shown = blocks(TEXT)
    assert len(shown) >= 5
    for block in shown:
        assert replayed(block) == block


@pytest.mark.parametrize("command", ["why", "check", "steps", "compare"])
def test_every_option_is_told_of(command, capsys):
    main([command, "--help"])
    options = set(re.findall(r"^ +(?:-\w, )?(--[a-z0-9-]+)", capsys.readouterr().out, re.MULTILINE))
    everywhere = {"--help", "--values", "--seed", "--output"}
    assert len(options) > 3
    assert not [option for option in options - everywhere if option not in TEXT]
