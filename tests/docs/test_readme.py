"""Every example of README.md does what it says."""

from __future__ import annotations

import re
from pathlib import Path

import cgcli as cg
from tests.transcripts import ROOT, blocks, python_of, replayed, same

README = (ROOT / "README.md").read_text(encoding="utf-8")
TEXTS = re.compile(r"<text[^>]*>([^<]*)</text>")


def test_transcripts() -> None:
    shown = blocks(README)
    assert len(shown) >= 6
    for block in shown:
        now = replayed(block)
        assert same(block, now), now


def test_python() -> None:
    printed, said = python_of(README)
    assert printed == said


def test_pictures_are_those_of_the_formulas(tmp_path: Path) -> None:
    drawings = {"product_of_sum": (cg.parse("(x+y)*z"), {"x": 1, "y": 2, "z": 3}),
                "chain_rule": (cg.load(ROOT / "samples" / "chain_rule.cg"), {})}  # fmt: skip
    for name, (formula, values) in drawings.items():
        formula.draw(tmp_path / f"{name}.svg", values, grad=True)
        now = (tmp_path / f"{name}.svg").read_text(encoding="utf-8")
        kept = (ROOT / "docs" / "images" / f"{name}.svg").read_text(encoding="utf-8")
        assert TEXTS.findall(kept), name
        assert sorted(TEXTS.findall(now)) == sorted(TEXTS.findall(kept)), name


def test_ci_runs_the_two_commands() -> None:
    section = README.partition("## Two commands")[2].partition("\n## ")[0]
    assert len(re.findall(r"^```sh\n", section, re.MULTILINE)) == 2
    assert "Two commands" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_links_lead_somewhere() -> None:
    for link in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / link).exists(), link
