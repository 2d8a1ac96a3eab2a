"""Initial values that are drawn: the numbers, their spread, and that texts and files keep how they are drawn."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from mpmath import mp, mpf

import cgcli as cg
from cgcli import draws
from cgcli.errors import FormulaError, UsageError
from cgcli.language.initial import ALIASES, KINDS, Initialiser

PINNED_BITS = [645916510731930541, 11918762461480454919, 7810721549779572183, 15846792400353794688]
"""Those of seed 0 and the name W: what NumPy's Philox gives for the first half of SHA-256 of "0", a zero byte, "W"."""


def test_bits_are_the_same_everywhere() -> None:
    assert draws.raw(0, "W", 4).tolist() == PINNED_BITS
    assert draws.raw(0, "W", 2, 2).tolist() == PINNED_BITS[2:]
    assert draws.raw(0, "V", 4).tolist() != PINNED_BITS
    assert draws.raw(1, "W", 4).tolist() != PINNED_BITS


def test_drawn_numbers_are_the_same_to_the_bit_everywhere() -> None:
    assert [x.hex() for x in draws.uniforms(0, "W", 2).tolist()] == ["0x1.1ed8349e17910p-5", "0x1.4acfe69eed9b1p-1"]
    assert [x.hex() for x in draws.normals(0, "W", 2).tolist()] == ["-0x1.cfcc7c1dce116p+0", "0x1.7fdb17006b213p-2"]


def test_normal_numbers_are_quantiles() -> None:
    mp.dps = 30
    chances = [2.0**-53, 1e-9, 1e-3, 0.07, 0.0751, 0.3, 0.5, 0.93, 1 - 2.0**-50]
    for chance, found in zip(chances, draws.quantiles(np.array(chances)).tolist(), strict=True):
        back = mp.ncdf(mpf(found))
        slope = mp.npdf(mpf(found))
        assert abs(back - mpf(chance)) / slope <= 2e-15 * max(1.0, abs(found))


@pytest.mark.parametrize(
    ("call", "shape", "deviation"),
    [
        ("normal(0, 0.1)", (200, 300), 0.1), ("uniform(-0.3, 0.3)", (60000,), 0.3 / 3**0.5),
        ("glorot()", (200, 300), (2 / 500) ** 0.5), ("glorot_normal(2)", (200, 300), 2 * (2 / 500) ** 0.5),
        ("he()", (200, 300), (2 / 300) ** 0.5), ("he_uniform()", (200, 300), (2 / 300) ** 0.5),
        ("lecun(50)", (200, 300), (1 / 50) ** 0.5), ("lecun_uniform()", (40, 10, 15, 10), (1 / 1500) ** 0.5),
        ("xavier_uniform()", (60000,), (2 / 60001) ** 0.5),
    ],
)  # fmt: skip
def test_spread(call: str, shape: tuple[int, ...], deviation: float) -> None:
    values = cg.parse(f"param W{list(shape)} = {call}; W").eval()
    assert values.shape == shape
    assert values.std() == pytest.approx(deviation, rel=0.01)
    assert abs(values.mean()) < 0.02 * deviation


def test_a_drawn_default_is_a_default() -> None:
    formula = cg.parse("param W[2, 3] = glorot(); param b = normal(1, 0); input x[3]; sum(W @ x) + b")
    assert formula.eval(x=[0, 0, 0]) == 1
    assert formula.eval(x=[1, 1, 1], W=np.ones((2, 3))) == 7
    first = formula.eval(x=[1, 2, 3])
    assert cg.parse(formula.source.text).eval(x=[1, 2, 3]) == first
    W = Initialiser("glorot").drawn("W", (2, 3))
    assert first == pytest.approx(W @ [1, 2, 3] @ [1, 1] + 1)
    assert (Initialiser("glorot").drawn("W", (2, 3), seed=2) != W).all()


@pytest.mark.parametrize("call", ["glorot()", "normal(0, 0.1)", "uniform(-0.25, 1e-9)", "he(7)", "lecun_uniform()"])
def test_texts_and_files_keep_how_a_value_is_drawn(call: str, tmp_path: Path) -> None:
    formula = cg.parse(f"param W[3, 4] = {call}; input x[4]; y = sum(tanh(W @ x))")
    path = tmp_path / "g.npz"
    formula.save(path)
    again = [
        cg.parse(str(formula)),
        cg.load(path),
        pickle.loads(pickle.dumps(cg.load(path))),
        cg.parse(str(cg.load(path))),
    ]
    for other in again:
        assert f"param W[3, 4] = {call}" in str(other)
        assert other.eval(x=[1, 2, 3, 4]) == formula.eval(x=[1, 2, 3, 4])
    assert f"= {call}" in str(formula.derivative("W"))


def test_a_function_of_the_text_comes_first() -> None:
    assert cg.parse("normal(x) = x^2; param w = normal(3); w").eval() == 9


def test_arguments_are_known_numbers() -> None:
    formula = cg.parse("input a; param w[2] = uniform(-a, a); w")
    assert abs(formula.eval(a=1e-9)).max() <= 1e-9
    with pytest.raises(UsageError, match="`a`"):
        formula.eval()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("param w = glorot(); w", "needs the shape of the weights"),
        ("param w[3] = glorot(1, 2); w", r"it is glorot\(gain=1\)"),
        ("param w[3] = normal(0, -1); w", "a standard deviation is at least 0"),
        ("param w[3] = uniform(2, 1); w", "the range from 2 to 1 is none"),
        ("param w[3] = he(0); w", "at least one input"),
        ("param w[3] = normal([1, 2]); w", "by numbers, not by a list"),
        ("param w[3] = 2*normal(0, 1); w", "`normal` draws the initial value of a parameter"),
        ("input w[3] = normal(0, 1); w", "`normal` draws the initial value of a parameter"),
        ("x + glorot()", "`glorot` draws the initial value of a parameter"),
        ("param w[v[0]] = normal(); input v[2]; w", "used before it is defined"),
    ],
)
def test_errors(text: str, message: str) -> None:
    with pytest.raises(FormulaError, match=message):
        cg.parse(text).eval()


def test_aliases_name_kinds() -> None:
    assert set(ALIASES.values()) <= set(KINDS)
    assert not set(ALIASES) & set(KINDS)
