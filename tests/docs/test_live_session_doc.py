"""docs/live.md shows a session as it really goes, and tells of every command."""

from __future__ import annotations

import re
import shlex

import cgcli
from cgcli.cli.arguments import read_bindings
from cgcli.cli.session.commands import COMMANDS
from cgcli.cli.session.session import Session
from tests.golden import check_golden
from tests.live_session.test_sessions import transcript
from tests.transcripts import ROOT

DOCUMENT = ROOT / "docs" / "live.md"
SESSION = re.compile(r"^```session\n(\$ cg live [^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def test_sessions_go_as_the_document_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = DOCUMENT.read_text(encoding="utf-8")

    def replayed(found):
        formula, *values = shlex.split(found[1])[3:]
        taken = Session(cgcli.parse(formula).live(read_bindings(values)))
        lines = [line.removeprefix("cg> ") for line in found[2].splitlines() if line.startswith("cg> ")]
        return f"```session\n{found[1]}\n{transcript(lines, taken)}```"

    assert SESSION.search(text)
    check_golden(DOCUMENT, SESSION.sub(replayed, text))


def test_every_command_is_told_of():
    text = DOCUMENT.read_text(encoding="utf-8")
    table = "".join(f"| `{known.usage}` | {known.about} |\n" for known in COMMANDS.values())
    assert table in text
