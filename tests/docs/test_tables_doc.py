"""docs/tables.md shows what the commands really print and write, and tells of every format, word and option."""

from __future__ import annotations

import re
import shutil
from typing import get_type_hints

from cgcli.__main__ import main
from cgcli.cli.options import TableOptions
from cgcli.data.cells import FORMULA_STARTS, MISSING_WORDS, POLICIES
from cgcli.data.formats import FORMATS
from tests.golden import check_golden
from tests.transcripts import BLOCK, ROOT, blocks, commands_of, words_of

DOCUMENT = ROOT / "docs" / "tables.md"
TEXT = DOCUMENT.read_text(encoding="utf-8")


def test_every_example_prints_what_the_document_says(tmp_path, monkeypatch, capfd):
    shutil.copytree(ROOT / "samples" / "tables", tmp_path / "samples" / "tables")
    monkeypatch.chdir(tmp_path)

    def shown(command):
        program, *words = words_of(command)
        if program == "cat":
            return (tmp_path / words[0]).read_text(encoding="utf-8")
        assert program == "cg"
        main(words)
        captured = capfd.readouterr()
        return captured.out + captured.err

    def replayed(found):
        return "```console\n" + "".join(f"{command}\n{shown(command)}" for command in commands_of(found[1])) + "```"

    assert len(blocks(TEXT)) >= 8
    check_golden(DOCUMENT, BLOCK.sub(replayed, TEXT))


def test_every_format_word_and_option_is_told_of():
    quoted = set(re.findall(r"`([^`]+)`", BLOCK.sub("", TEXT)))
    assert set(FORMATS) | set(POLICIES) <= quoted
    assert {word for word in MISSING_WORDS if word} <= quoted
    assert {start for start in FORMULA_STARTS if not start.isspace()} <= quoted
    for option in get_type_hints(TableOptions, include_extras=True).values():
        declared = option.__metadata__[0]
        names = (declared.default, *declared.param_decls)
        assert any(re.search(rf"{re.escape(name)}\b", TEXT) for name in names), names
