"""What is written keeps every input, whether an output needs it or not; what is shown in passing is short."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

import cgcli as cg

TEXTS = (
    "input x; input y; x*2", "f(a) = a*b; x*2", "input v[3]; input w = 4; x", "a = y*2; x", "param p = 2; x",
    "input n; sum(x^k for k in range(3))", "where(false, y, x)", "t1 = 3; input t2; x*t1 + sin(x*t1)^2 + x*t1",
    "input a; output a", "y = x; input z = 2*x; y", "input pi; x",
)  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
def test_every_input_is_one_after_reading_back(text: str, tmp_path: Path) -> None:
    formula = cg.parse(text)
    path = tmp_path / "g.npz"
    formula.save(path)
    values = {name: [1.0, 2.0, 3.0] if name == "v" else 0.5 for name in formula.inputs}
    for again in (cg.parse(str(formula)), cg.load(path), pickle.loads(pickle.dumps(cg.load(path)))):
        assert set(again.inputs) == set(formula.inputs)
        assert again.params == formula.params
        assert again.eval(values) == formula.eval(values)
        assert cg.parse(str(again)).eval(values) == formula.eval(values)


def chain(length: int) -> cg.Formula:
    value = cg.inputs("x")
    for _ in range(length):
        value = cg.sin(value)
    return cg.formula(value)


def test_little_is_shown_of_a_large_formula() -> None:
    for formula in (
        chain(20_000), cg.parse("+".join(f"sin(x{place})" for place in range(6000))),
        cg.parse("sum(x^k for k in range(2500))"),
    ):  # fmt: skip
        assert len(repr(formula)) <= 75
        assert formula._repr_mimebundle_() == {"text/plain": repr(formula)}
    assert repr(chain(20_000)) == "<formula of 20,001 nodes>"
    assert repr(cg.parse("sum(x^k for k in range(2500))")) == "<formula sum(x^k for k in range(2500))>"


def test_a_small_formula_is_shown_in_full() -> None:
    formula = cg.parse("y = x^2\nsin(y)*y")
    assert repr(formula) == "<formula y = x^2; sin(y) * y>"
    assert set(formula._repr_mimebundle_()) == {"text/plain", "text/latex", "image/svg+xml"}
