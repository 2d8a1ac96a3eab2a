"""docs/sparse.md shows what cg prints, in Python and on the command line."""

from __future__ import annotations

import re
from contextlib import redirect_stdout
from io import StringIO

from tests.transcripts import ROOT, blocks, replayed

TEXT = (ROOT / "docs" / "sparse.md").read_text(encoding="utf-8")


def test_python():
    names, printed = {}, StringIO()
    codes = re.findall(r"^```python\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
    with redirect_stdout(printed):
        for code in codes:
            exec(compile(code, "docs/sparse.md", "exec"), names)
    expected = [line.partition("# ")[2] for code in codes for line in code.splitlines() if line.startswith("print(")]
    assert printed.getvalue().splitlines() == expected


def test_transcripts(tmp_path):
    picture = str(tmp_path / "p.png")
    for block in blocks(TEXT):
        assert replayed(block.replace("p.png", picture)).replace(picture, "p.png") == block
    assert (tmp_path / "p.png").exists()
