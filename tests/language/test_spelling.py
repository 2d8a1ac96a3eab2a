"""A name that the language accepts is that name everywhere: in formulas, as NAME=VALUE, as a column, as a keyword."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cgcli as cg
from cgcli.language import reading
from cgcli.language.spelling import canonical
from tests.transcripts import run as run_words


def run(*words: str) -> str:
    """What a command line prints."""
    return run_words(list(words))[1]


SPELLINGS = [
    ("ϕ", "φ"), ("µ", "μ"), ("ϵ", "ε"), ("ϑ", "θ"), ("Ω", "Ω"), ("x₁", "x₁"), ("γ₀", "γ₀"), ("ö", "o\u0308"),
    ("größe", unicodedata.normalize("NFD", "größe")), ("𝑥", "x"), ("Å", "A\u030a"), ("ſ", "s"),
]  # fmt: skip
"""Two spellings of one name."""
PAIRS = [(a, b) for one in SPELLINGS for a, b in (one, one[::-1])]


@pytest.mark.parametrize(("written", "given"), PAIRS)
def test_one_name(written: str, given: str, tmp_path: Path) -> None:
    formula = cg.parse(f"2*{written} + 1")
    assert formula.inputs == [canonical(written)]
    assert formula.eval({given: 3}) == 7
    assert formula.grad({given: 3}, wrt=[given]) == {canonical(written): 2}
    assert np.array_equal(formula.eval_rows({given: np.array([1.0, 2.0])}), [3, 5])
    if given.isidentifier():
        assert eval(f"formula.eval({given}=3)", {"formula": formula}) == 7
    table = tmp_path / "table.csv"
    table.write_text(f"{given},b\n3,4\n", encoding="utf-8")
    assert run("eval", f"2*{written} + 1", f"{given}=3") == "7\n"
    assert "7" in run("eval", f"2*{written} + 1", "--data", str(table))
    assert "9" in run("eval", f"2*{written} + 1", "--data", str(table), "--bind", f"{given}=b")
    assert "2" in run("grad", f"{written}^2", f"{given}=1", "--wrt", given)
    assert run("eval", f"{written} = 2*y; {written}", "y=1", "--show", given) == "2\n"


@pytest.mark.parametrize(("one", "other"), [("x₁", "x1"), ("ö", "o"), ("ε", "e"), ("xₙ", "xn")])
def test_two_names(one: str, other: str) -> None:
    assert cg.parse(f"{one} - {other}").eval({one: 3, other: 2}) == 1


def test_large_texts_read_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LARGE", (0, 0, 0))
    assert cg.parse("ϕ + φ + ϕ₀").inputs == ["φ", "φ₀"]


def test_two_spellings_of_one_value_are_refused() -> None:
    with pytest.raises(cg.CgError, match="two spellings"):
        cg.parse("φ + 1").eval({"φ": 1, "ϕ": 2})


@pytest.mark.parametrize("word", ["x-1", "1x", "x y", "x²", "₁", "x.y"])
def test_what_is_no_name(word: Any) -> None:
    assert run_words(["eval", "x", f"{word}=1"])[0] == 2
