"""Every wrong text gives one error, drawn as its golden file says: what, the line, the place, what would work."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.golden import check_golden
from tests.transcripts import ROOT, run

FOLDER = ROOT / "samples" / "wrong"
WRONG = sorted(FOLDER.glob("*.cg"))


@pytest.mark.parametrize("path", WRONG, ids=lambda path: path.stem)
def test_a_wrong_text_gives_its_error(path: Path) -> None:
    code, shown = run(["eval", f"samples/wrong/{path.name}"])
    assert code == 2
    check_golden(FOLDER / "expected" / f"{path.stem}.txt", shown)


@pytest.mark.parametrize("path", WRONG, ids=lambda path: path.stem)
def test_an_error_has_its_place_and_one_line_each(path: Path) -> None:
    lines = run(["eval", f"samples/wrong/{path.name}"])[1].splitlines()
    kinds = ("formula error: ", "shape error: ")
    assert lines[0].startswith(kinds)
    assert not lines[0].endswith(".")
    assert lines[1].strip().startswith(f"--> samples/wrong/{path.name}:")
    assert set(lines[3].partition("|")[2].strip()) == {"^"}
    assert len(lines) == 4 or (len(lines) == 5 and lines[4].startswith("hint: "))


def test_there_are_no_golden_errors_without_a_text() -> None:
    assert {path.stem for path in (FOLDER / "expected").glob("*.txt")} == {path.stem for path in WRONG}
