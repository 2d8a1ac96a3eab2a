"""docs/uncertainty.md shows what the commands print, tells of every distribution, and its Python runs."""

from __future__ import annotations

import re
import warnings

from cgcli.uncertainty.distributions import KINDS
from cgcli.uncertainty.signs import SHORT, USAGE
from tests.golden import check_golden
from tests.transcripts import BLOCK, ROOT, blocks, replayed

DOCUMENT = ROOT / "docs" / "uncertainty.md"
TEXT = DOCUMENT.read_text(encoding="utf-8")


def test_every_example_prints_what_the_document_says():
    assert len(blocks(TEXT)) >= 7
    check_golden(DOCUMENT, BLOCK.sub(lambda found: f"```console\n{replayed(found[1])}```", TEXT))


def test_every_distribution_is_told_of():
    quoted = " ".join(re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", TEXT, flags=re.DOTALL)))
    for name in (*USAGE, *SHORT, *KINDS):
        assert re.search(rf"\b{name}\b", quoted), name


def test_the_python_of_the_document_runs(capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for code in re.findall(r"^```python\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE):
            exec(compile(code, str(DOCUMENT), "exec"), {})
    assert capsys.readouterr().out.startswith("9.8107 ± 0.0956\n9.810652192067229 0.09559")
