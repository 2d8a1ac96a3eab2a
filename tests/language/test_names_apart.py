"""Derivatives with respect to inner names and elements: a name counts its own uses, whatever shares its value."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

import cgcli as cg
from cgcli.errors import FormulaError, UsageError
from tests.hostile.programs import trial

SEED = 20261129


@pytest.mark.parametrize("number", range(40))
def test_random_programs(number: int, tmp_path: Path) -> None:
    trial(Random(f"{SEED}/{number}"), tmp_path)


A = [[1.0, 2.0], [3.0, 4.0]]

INSIDE: list[tuple[str, dict[str, Any], Any]] = [
    ("w = [0.5, 0.25]; diff((w[0]*x + w[1] - y)^2, w)", {"x": 2, "y": 1}, [1, 0.5]),
    ("s = [a, a + 1]; diff(s[0]*a, s[0])", {"a": 3}, 3),
    ("s = [1, 2]; diff(sum(s^2), s[0])", {}, 2),
    ("s = [1, 2, 3]; diff(sum(s^2), s[1:])", {}, [4, 6]),
    ("s = [1, 2]; diff(sum([i*s[0] for i in s]), s)", {}, [4, 1]),
    ("s = [1, 2]; t = s; diff(sum(s*t), s)", {}, [2, 4]),
    ("s = [1, 2]; t = s; diff(sum(s*t), t)", {}, [1, 2]),
    ("f(v) = diff(sum(v^2)*v[0], v); f([x, x])", {"x": 2}, [16, 8]),
    ("M = [[1, 2], [3, x]]; diff(M[1][1]*M[0, 1] + sum(M), M)", {"x": 5}, [[1, 6], [1, 3]]),
    ("diff(sum(A^2), A[0, 1])", {"A": A}, 4),
    ("B = A @ A; diff(sum(B^2) + sum(A @ A), B[0, 1])", {"A": A}, 20),
    ("diff(x^2*y, [x, y])", {"x": 2, "y": 3}, [12, 4]),
    ("diff(x^2*y, [x, y], 2)", {"x": 2, "y": 3}, [[6, 4], [4, 0]]),
    ("diff(x^2*y, [[x, y]])", {"x": 2, "y": 3}, [[12, 4]]),
    ("diff(0*y, v) + diff(diff(x, x), v)", {"x": 2, "y": 3, "v": [1.0, 2.0]}, [0, 0]),
    ("diff(0, [x, x])", {"x": 2}, [0, 0]),
    ("diff([x*y, x + y], [y, x])", {"x": 2, "y": 3}, [[2, 3], [1, 1]]),
    ("n = [2, 3]; sum(zeros(n)) + n[1] + diff(sum(n^2), n[0])", {}, 7),
    ("h = v[0]; diff(h*v[0], h)", {"v": [3.0, 4.0]}, 3),
    ("h = 2*x; diff(diff(2*x*h^2, h), h)", {"x": 5}, 20),
]  # fmt: skip


@pytest.mark.parametrize(("text", "values", "right"), INSIDE, ids=[text for text, _, _ in INSIDE])
def test_diff(text: str, values: dict[str, Any], right: Any) -> None:
    assert np.array_equal(cg.parse(text).eval(values), right)


BY_CALLER: list[tuple[str, dict[str, Any], str, Any]] = [
    ("h = 2*x; 2*x*h", {"x": 5}, "h", 10),
    ("a = x; a*x", {"x": 5}, "a", 5),
    ("g = 2*x; h = g; g*h", {"x": 5}, "g", 20),
    ("g = 2*x; h = g; g*h", {"x": 5}, "h", 10),
    ("w = [0.5, 0.25]; (w[0]*x + w[1] - y)^2", {"x": 2, "y": 1}, "w", [1, 0.5]),
    ("w = [0.5, 0.25]; (w[0]*x + w[1] - y)^2", {"x": 2, "y": 1}, "w[1]", 0.5),
    ("w = [0.5, 0.25]; (w[0]*x + w[1] - y)^2", {"x": 2, "y": 1}, "w[-2]", 1),
    ("sum(A^2) + A[0, 1]", {"A": A}, "A[0, 1]", 5),
    ("sum(A^2) + A[0, 1]", {"A": A}, "A[:, 1]", [5, 8]),
    ("input v[3] = [1, 2, 3]; sum(v*v)", {}, "v[2]", 6),
    ("c = 2; d = c; c*d + 2*c", {}, "d", 2),
    ("h = v[0]; h*v[0]", {"v": [3.0, 4.0]}, "h", 3),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "values", "name", "right"), BY_CALLER, ids=[f"{case[0]} by {case[2]}" for case in BY_CALLER]
)
def test_by_the_caller(text: str, values: dict[str, Any], name: str, right: Any) -> None:
    formula = cg.parse(text)
    assert np.array_equal(formula.grad(values, wrt=[name])[name], right)
    assert np.array_equal(formula.jacobian(values, wrt=name)[name], right)
    derived = formula.derivative(name, values)
    needed = {one: value for one, value in values.items() if one in derived.inputs}
    assert np.array_equal(derived.eval(needed), right)
    traced = formula.trace(values, wrt=[name])
    assert np.array_equal(next(iter(traced.backward[0].gradient.values())), right)


def test_products_with_directions_by_inner_names() -> None:
    formula = cg.parse("h = [2*x, x]; sum(h^2)*x")
    assert formula.jvp({"x": 3}, directions={"h": [1.0, 2.0]}) == 72
    assert formula.jvp({"x": 3}, directions={"h[1]": 2.0}) == 36
    assert np.array_equal(formula.hvp({"x": 3}, directions={"h": [1.0, 2.0]})["h"], [6, 12])


def test_every_row_of_a_table_by_an_inner_name() -> None:
    found = cg.parse("h = 2*x; 2*x*h").grad_rows(x=np.array([1.0, 5.0]), wrt=["h"])
    assert np.array_equal(found["h"], [2, 10])


@pytest.mark.parametrize("target", ["2*x", "A.T[0, 1]", "sin(x)", "[x, 2*x]", "(x if x > 0 else y)", "-x", "[]"])
def test_what_is_no_name_is_refused(target: str) -> None:
    with pytest.raises(FormulaError, match="a name"):
        cg.parse(f"diff(x^2 + y + sum(A), {target})").eval(x=3, y=1, A=A)


@pytest.mark.parametrize("name", ["w[5]", "w[x]", "w[0, 0]", "w[0.5]", "z[0]", "z"])
def test_unknown_parts(name: str) -> None:
    with pytest.raises(cg.CgError):
        cg.parse("w = [1, x]; sum(w)").grad(x=1, wrt=[name])


def test_show_and_wrt_know_the_same_names() -> None:
    formula = cg.parse("a = [x, 2]; b = a; c = sin(x); d = 2; result = sum(a)*c*d")
    for name in "abcdx":
        assert name in formula.bind({"x": 1}, show=[name]).chosen([name])
        assert name in formula.grad({"x": 1}, wrt=[name])


def test_aliases_are_seen_where_they_tell_something_apart_only() -> None:
    shared = cg.parse("h = 2*x; 2*x*h").trace(x=5, wrt=["h"])
    assert [(step.name, step.formula) for step in shared.forward] == [
        ("x", ""), ("v1", "2 * x"), ("h", "v1"), ("result", "v1 * h"),
    ]  # fmt: skip
    alone = cg.parse("h = 2*x; h*h").trace(x=5, wrt=["h"])
    assert [(step.name, step.formula) for step in alone.forward] == [("x", ""), ("h", "2 * x"), ("result", "h * h")]
    inside = cg.parse("w = [x, 2]; diff(w[0]^2*w[1], w)")
    assert "alias" not in str(inside) + inside.latex() + inside.draw()
    assert str(cg.parse("h = 2*x; 2*x*h").derivative("h")) == "2 * x"


def test_who_asks_for_inputs_alone_gets_the_same_program() -> None:
    formula = cg.parse("h = 2*x; 2*x*h")
    assert formula.bind(x=1, wrt=["x"]).program is formula.bind(x=1).program


def test_texts_that_machine_code_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    from cgcli.language import reading

    monkeypatch.setattr(reading, "LARGE", (0, 0, 0))
    formula = cg.parse("h = 2*x\n2*x*h + y[0]*2")
    assert formula.programs.plain is not None
    assert formula.grad(x=5, y=[1.0, 2.0], wrt=["h", "y[0]"]) == {"h": 10, "y[0]": 2}


def test_a_label_that_is_no_element() -> None:
    with pytest.raises(UsageError, match="no element"):
        cg.parse("w = [1, x]; sum(w)").grad(x=1, wrt=["w[x]"])
