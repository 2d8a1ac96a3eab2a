"""A hint never changes the meaning: each cure is followed literally, and gives what was meant."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest

import cgcli as cg
from cgcli.errors import FormulaError

CURE = re.compile(r"write `([^`]*)`")
BESIDE = re.compile(r"to (?:multiply|call the function), write `([^`…]*)`")


def followed(text: str) -> str:
    """The text after every hint with a replacement was followed, as it says."""
    for _ in range(9):
        try:
            cg.parse(text)
        except FormulaError as error:
            begin, end = error.span or (0, 0)
            cure, beside = CURE.fullmatch(error.hint or ""), BESIDE.fullmatch(error.hint or "")
            if cure is not None:
                text = text[:begin] + cure[1] + text[end:]
            elif beside is not None:
                before = re.search(r"([\w.]+|\))\s*$", text[:begin])
                text = text[: before.start()] + beside[1] + text[end:]
            else:
                raise
        else:
            return text
    raise AssertionError(text)


X = {"x": 2.0, "y": 3.0, "a": 1.0, "b": 0.0, "n": 4.0}

MEANT: list[tuple[str, Any]] = [
    ("sin^2(x)", math.sin(2) ** 2),
    ("sin²(x) + cos²(x)", 1.0),
    ("log^2 (x + 1)", math.log(3) ** 2),
    ("sin^2(x)^2", math.sin(2) ** 4),
    ("1,234.56 + 1", 1235.56),
    ("1,234,567", 1234567),
    ("1,5 + x", 3.5),
    ("1,2,3", [1, 2, 3]),
    ("sum([1, 2]) + 1 000", 1003),
    ("0x1F", 31),
    ("0b101 + 0o17", 20),
    ("1.5D3", 1500),
    ("2.D-1", 0.2),
    ("1'000'000", 1e6),
    ("5 mod 3", 2),
    ("7 div x", 3),
    ("a AND b", 0),
    ("a OR b", 1),
    ("x MOD 2 + 1", 1),
    ("IF(x > 1, 2, 3)", 2),
    ("PI()", math.pi),
    ("SQRT(x)", math.sqrt(2)),
    ("TRUE()", 1),
    ("2*PI()*x", 4 * math.pi),
    ("ABS(-x)", 2),
    ("np.sin(x)", math.sin(2)),
    ("math.pi*x", 2 * math.pi),
    ("Math.PI", math.pi),
    ("np.linalg.norm([3, 4])", 5),
    ("torch.exp(x)", math.exp(2)),
    ("v = [x, y]; v.sum()", 5),
    ("return x + 1", 3),
    ("def f(t): t^2\nf(x)", 4),
    ("def f(t): t *= t + 1; return t\nf(x)", 6),
    ("2⋅x", 4),
    ("2×x·y", 12),
    ("x÷y", 2 / 3),
    ("3−x", 1),
    ("x–y", -1),
    ("x ≤ y", 1),
    ("x ≠ y", 1),
    ("x ≥ y", 0),
    ("1/∞", 0),
    ("x²", 4),
    ("x⁴", 16),
    ("10⁻³*x", 0.002),
    ("x¹⁰", 1024),
    ("√2", math.sqrt(2)),
    ("√(x + 2)", 2),
    ("∛x", 2 ** (1 / 3)),
    ("2*√x", 2 * math.sqrt(2)),
    ("sin(90°)", 1),
    ("x°", math.radians(2)),
    ("cos((x + 58)°)", 0.5),
    ("5%", 0.05),
    ("50% * x", 1),
    ("x*(10%)", 0.2),
    ("x + 10%", 2.1),
    ("|x - 5|", 3),
    ("2*|x|", 4),
    ("|x|*|y|", 6),
    ("4!", 24),
    ("(n - 1)!", 6),
    ("n!/2", 12),
    ("2*n! + 1", 49),
    ("2^3!", 64),
    ("sqrt(x + 2)! + 1", 3),
    ("a && b", 0),
    ("a || b", 1),
    ("!a", 0),
    ("!b == 1", 1),
    ("!(x > y)", 1),
    ("~a", 0),
    ("3x", 6),
    ("3 x", 6),
    ("2x^2", 8),
    ("x^2y", 12),
    ("2 pi", 2 * math.pi),
    ("pi x^2", 4 * math.pi),
    ("2e", 2 * math.e),
    ("sin x", math.sin(2)),
    ("sin x + 1", math.sin(2) + 1),
    ("x <> y", 1),
    ("x => y", 0),
    ("x =< y", 1),
    ("x === x", 1),
    ("f(t) := t + 1; f(x)", 3),
    ("x > 1 ? 5 : 6", 5),
    ("z = x == 1 ? 5 : 6", 6),
    ("if x > 1 then 5 else 6", 5),
    ("f(t) = t^3; f'(x)", 12),
    ("x（1 + 2）", None),
    ("x＋1", 3),
    ("sum(i*j for i in range(3) for j in range(3))", 9),
    ("sum(i*j for i in range(4) for j in range(i))", 11),
    ("sum(i for i in range(9) if i > 3)", 30),
    ("prod(i for i in range(5) if i > 0)", 24),
    ("max(-i for i in range(5) if i > 2)", -3),
    ("v = [5, 6, 7, 8]; v[[1, 3]]", [6, 8]),
    ("v = [5, 6, 7, 8]; sum(v[[0, 1]]) + x", 13),
]


@pytest.mark.parametrize(("text", "right"), MEANT, ids=[text for text, _ in MEANT])
def test_what_is_meant_is_what_the_hints_lead_to(text: str, right: Any) -> None:
    if right is None:
        with pytest.raises(FormulaError):
            cg.parse(followed(text)).eval(**X)
        return
    with pytest.raises(FormulaError):
        cg.parse(text)
    formula = cg.parse(followed(text))
    given = {name: value for name, value in X.items() if name in formula.inputs}
    assert formula.inputs == list(given), followed(text)
    assert np.allclose(formula.eval(given), right, rtol=1e-14, atol=1e-15), followed(text)


NO_CURE = [
    "sin^-1(x)",
    "gamma^2(x+1)",
    "2*lambda + 3.4.5",
    "sin⁻¹(x)",
    "12,345*67",
    "x + 12,345",
    "lambda x: x^2",
    "LOG(x)",
    "100 kg",
    "9.81 m/s^2",
    "a | b",
    "3.14.15",
    "1e3.5x",
    r"\frac{1}{2} x \cdot y",
    "x++",
    "sum i=1..n",
    "sin 2x",
    "sin x^2",
    "while x",
    "print(x)",
    "eigvals([[1, 2], [2, 1]])",
    "[i for i in range(4) if i > 1]",
    "[i*j for i in range(2) for j in range(2)]",
    "np.foo(x)",
    "x.y",
    "2d3",
    "1,5",
    "{x}",
    "max{1, 2}",
    "let z = 2",
    "cholesky([[1]])",
]
"""There is more than one meaning, or none: the hint names them, or there is none."""


@pytest.mark.parametrize("text", NO_CURE)
def test_no_replacement_where_it_could_change_the_meaning(text: str) -> None:
    with pytest.raises(FormulaError) as caught:
        cg.parse(text)
    hint = caught.value.hint or ""
    assert not CURE.fullmatch(hint) or "…" in hint
    assert not BESIDE.fullmatch(hint)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sin^-1(x)", ("asin(x)", "1/sin(x)")), ("12,345*67", ("12345", "12.345")), ("LOG(x)", ("log10", "log")),
        ("100 kg", ("unit",)), (r"\frac{1}{2}", ("a/b",)), ("[i for i in range(4) if i > 1]", ("if condition else",)),
        ("1,5", ("1.5", "[1,5]")), ("lambda x: x", ("f(x) = …",)),
    ],
)  # fmt: skip
def test_the_meanings_are_named(text: str, words: tuple[str, ...]) -> None:
    with pytest.raises(FormulaError) as caught:
        cg.parse(text)
    assert all(word in str(caught.value.hint) for word in words)


def test_a_cure_for_a_value_on_the_command_line() -> None:
    from cgcli.formulas.values import read_value

    for text, right in (("1,234.56", "1234.56"), ("1,2,3", "[1,2,3]")):
        with pytest.raises(FormulaError) as caught:
            read_value("x", text)
        assert caught.value.hint == f"write `{right}`"
