"""Texts and numbers beyond all measure end quickly, with an answer or with a refusal that says what is wrong."""

from __future__ import annotations

import math

import pytest

import cgcli as cg
from cgcli.errors import FormulaError

MILLION = 10**6
TEN_MB = 10**7


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("9**9**9**9", math.inf),
        ("-9^9^9^9", -math.inf),
        ("2^-9^9^9", 0.0),
        ("10^400", math.inf),
        ("1e400", math.inf),
        ("1e-400", 0.0),
        ("10^400 - 10^400", math.nan),
        ("factorial(10^9)", math.inf),
        (" " * TEN_MB + "7", 7.0),
        ("#" + "a" * TEN_MB + "\n7", 7.0),
        ("\n" * MILLION + "7", 7.0),
    ],
    ids=lambda each: str(each)[:20].strip(),
)
def test_answers(text, value):
    assert cg.parse(text).eval() == pytest.approx(value, nan_ok=True)


def test_a_very_long_name():
    formula = cg.parse("a" * MILLION)
    assert formula.eval({"a" * MILLION: 2.0}) == 2.0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("7" * MILLION, "a number of 1,000,000 characters is longer than"),
        ("0." + "7" * MILLION, "a number of 1,000,002 characters is longer than"),
        ("x + " + "7" * MILLION, "a number of 1,000,000 characters is longer than"),
        ("sum(i for i in range(10**9))", "a range of 1,000,000,000 items is more than"),
        ("f(a, k) = a; fold(f, x, range(10^12))", "a range of 1,000,000,000,000 items is more than"),
        ("$" * TEN_MB, "`$` is not part of"),
        ("x" + ")" * TEN_MB, "there is no `(` for this `)`"),
        ("x y" + "+x" * (TEN_MB // 2), "stand side by side"),
        (" " * TEN_MB + "x+", "a value is missing after `+`"),
        ("(" * MILLION, "a value is missing after `(`"),
    ],
    ids=lambda each: str(each)[:20].strip(),
)
def test_refusals(text, message):
    with pytest.raises(FormulaError) as caught:
        cg.parse(text)
    assert message in caught.value.message
    assert len(caught.value.message) < 200
    assert caught.value.span is not None
