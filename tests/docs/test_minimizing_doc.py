"""docs/minimizing.md shows what cg prints, in Python and on the command line."""

from __future__ import annotations

import re
from contextlib import redirect_stdout
from io import StringIO

from cgcli.minimizing.words import message_of
from tests.transcripts import ROOT, blocks, replayed, same

TEXT = (ROOT / "docs" / "minimizing.md").read_text(encoding="utf-8")


def test_python():
    names, printed = {}, StringIO()
    codes = re.findall(r"^```python\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
    with redirect_stdout(printed):
        for code in codes:
            exec(compile(code, "docs/minimizing.md", "exec"), names)
    expected = [line.partition("# ")[2] for code in codes for line in code.splitlines() if line.startswith("print(")]
    assert printed.getvalue().splitlines() == expected


def test_transcripts():
    for block in blocks(TEXT):
        now = replayed(block)
        assert same(block, now), now


def test_every_kind_of_end_is_told():
    for kind in re.findall(r'"(\w+)": \w+', (ROOT / "cgcli" / "minimizing" / "words.py").read_text(encoding="utf-8")):
        assert f"`{kind}`" in TEXT
    assert message_of
