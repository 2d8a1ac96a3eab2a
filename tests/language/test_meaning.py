"""What a text means: names, functions, lists, loops, derivatives, shapes, and values that replace definitions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import cgcli
from cgcli.errors import CgError, NeedsValues, ShapeError, UsageError

EXAMPLES: list[tuple[str, dict[str, Any], Any]] = [
    # constants and names
    ("[pi, e, tau, π, τ]", {}, [math.pi, math.e, math.tau, math.pi, math.tau]),
    ("inf - 1", {}, math.inf),
    ("true + false", {}, 1),
    ("e + 1", {"e": 2}, 3),
    ("pi = 3; 2*pi", {}, 6),
    ("gamma + beta*lambda", {"gamma": 1, "beta": 2, "lambda": 3}, 7),
    ("gamma*gamma(5)", {"gamma": 2}, 48),
    ("input + param + output", {"input": 1, "param": 2, "output": 3}, 6),
    ("größe_1 + x₂ + Δt", {"größe_1": 1, "x₂": 2, "Δt": 3}, 6),
    # statements
    ("a = 2; b = a^3\nb - a", {}, 6),
    ("a = 2 # two\n\n\nb = 3 # three\n", {}, 3),
    ("1 + \\\n 2", {}, 3),
    ("sum([1,\n 2, # two\n 3])", {}, 6),
    ("x = 1\r\ny = x + 1\r\n", {}, 2),
    ("\ufeff1 + 1", {}, 2),
    ("input x = 3; x^2", {}, 9),
    ("input x = 3; x^2", {"x": 4}, 16),
    ("param w = 2; input x = w^2; x + w", {}, 6),
    ("a = 1; b = 2; output b, a", {}, {"b": 2, "a": 1}),
    ("input v[3] = 2; v", {}, [2, 2, 2]),
    # functions
    ("f(x) = x^2; f(f(3))", {}, 81),
    ("area(w, h) = w*h; area(2, area(3, 4))", {}, 24),
    ("f(x) = a*x; a = 5; f(2)", {}, 10),
    ("g(x) = f(x) + 1; f(x) = 2*x; g(3)", {}, 7),
    ("f(x) = x + 1; x = 10; f(1) + x", {}, 12),
    ("sin(x) = x + 1; sin(1)", {}, 2),
    ("f() = 7; f() + 1", {}, 8),
    # lists
    ("[1, 2, 3][1] + [1, 2, 3][-1]", {}, 5),
    ("v = [1, 2, 3, 4]; v[1:3]", {}, [2, 3]),
    ("v = [1, 2, 3, 4]; v[::-1]", {}, [4, 3, 2, 1]),
    ("A = [[1, 2], [3, 4]]; A[1, 0] + A[0][1]", {}, 5),
    ("A[:, 0]", {"A": [[1, 2], [3, 4]]}, [1, 3]),
    ("A.T", {"A": [[1, 2], [3, 4]]}, [[1, 3], [2, 4]]),
    ("A @ v", {"A": [[1, 2], [3, 4]], "v": [1, 1]}, [3, 7]),
    ("A * v + 1", {"A": [[1, 2], [3, 4]], "v": [10, 20]}, [[11, 41], [31, 81]]),
    ("[1, 2] + [[10], [20]]", {}, [[11, 12], [21, 22]]),
    ("v < 2", {"v": [1, 2, 3]}, [1, 0, 0]),
    ("v if v > 0 else -v", {"v": [1, -2]}, [1, 2]),
    ("sum([]) + prod([])", {}, 1),
    # loops
    ("[i^2 for i in range(4)]", {}, [0, 1, 4, 9]),
    ("[i*x for i in [1, 2]]", {"x": 3}, [3, 6]),
    ("[[i*j for j in range(2)] for i in range(1, 3)]", {}, [[0, 1], [0, 2]]),
    ("sum(x[i]^2 for i in range(3))", {"x": [1, 2, 3]}, 14),
    ("prod(k for k in range(1, 6))", {}, 120),
    ("max(abs(a) for a in v)", {"v": [1, -5, 3]}, 5),
    ("[sum(row) for row in A]", {"A": [[1, 2], [3, 4]]}, [3, 7]),
    ("range(5, 0, -2)", {}, [5, 3, 1]),
    ("i = 7; sum(i for i in range(3)) + i", {}, 10),
    ("sum(range(n))", {"n": 5}, 10),
    ("step(s, i) = s*x + i; fold(step, 0, [1, 2, 3])", {"x": 10}, 123),
    ("step(s, i) = s + i; fold(step, 5, [])", {}, 5),
    ("fold(max, 0, [3, 9, 2])", {}, 9),
    ("next(s, i) = [s[1], s[0] + s[1]]; fold(next, [0, 1], range(10))[0]", {}, 55),
    # derivatives
    ("diff(x^3, x)", {"x": 2}, 12),
    ("diff(x^3, x, 2)", {"x": 2}, 12),
    ("diff(x^3, x, 0)", {"x": 2}, 8),
    ("diff(diff(x^2*y, x), y)", {"x": 3, "y": 5}, 6),
    ("y = x^2; z = y + x; diff(z, y)", {"x": 2}, 1),
    ("f(t) = t^3; diff(f(x), x) + diff(f(2*x), x)", {"x": 1}, 27),
    ("f(t) = diff(t^2, t); f(3) + f(x)", {"x": 2}, 10),
    ("diff(sum(v^2), v)", {"v": [1, 2, 3]}, [2, 4, 6]),
    ("diff(v^2, v)", {"v": [1, 2]}, [[2, 0], [0, 4]]),
    ("diff(sum(v^3), v[1])", {"v": [1, 2]}, 12),
    ("diff(x*[1, 2], x)", {"x": 5}, [1, 2]),
    ("diff(x^2, y)", {"x": 2, "y": 1}, 0),
    ("a = 2; diff(a^2 + 2*a, a)", {}, 6),
    # functions with other names
    ("ln(e) + pow(2, 3) + sgn(-5) + arctan(0)", {}, 8),
    ("max(1, 5, 3) + min(4, 2, 8)", {}, 7),
    ("log(8, 2)", {}, 3),
]


@pytest.mark.parametrize(("text", "values", "expected"), EXAMPLES, ids=[text for text, _, _ in EXAMPLES])
def test_examples(text: str, values: dict[str, Any], expected: Any) -> None:
    found = cgcli.parse(text).eval(values)
    if isinstance(expected, dict):
        assert found == expected
        assert list(found) == list(expected)
    else:
        assert np.shape(found) == np.shape(expected)
        assert np.asarray(found) == pytest.approx(np.asarray(expected, dtype=float))


def test_a_name_before_a_bracket_is_a_function_any_other_a_variable() -> None:
    assert cgcli.parse("gamma + gamma(3) + beta").inputs == ["gamma", "beta"]
    with pytest.raises(CgError, match="is a value, not a function"):
        cgcli.parse("k = 2; k(3)")


def test_inputs_params_and_outputs_are_found() -> None:
    formula = cgcli.parse("param w = 1; input x; h = w*x + b; output h; loss = h^2; output loss")
    assert formula.inputs == ["w", "x", "b"]
    assert formula.params == ["w"]
    assert formula.outputs == ["h", "loss"]
    assert cgcli.parse("a = 1\nb = a + x").outputs == ["b"]
    assert cgcli.parse("x + 1").outputs == ["result"]


def test_a_value_replaces_an_inner_node_and_its_derivatives() -> None:
    formula = cgcli.parse("h = x^2; g = h + 1; g*h")
    assert formula.eval(x=2) == 20
    assert formula.eval(h=0, x=2) == 0
    assert formula.eval(g=10, x=2) == 40
    assert formula.eval(h=3) == 12
    assert formula.grad(h=3) == {"h": 7.0}


def test_a_list_can_replace_a_number_that_the_text_defines() -> None:
    assert cgcli.parse("h = x + 1; sum([h, h]*h)").eval(h=[1, 2]) == 10


def test_a_length_shapes_the_graph_and_may_change_between_calls() -> None:
    formula = cgcli.parse("input n = 3; sum(x*i for i in range(n))")
    assert [formula.eval(x=1), formula.eval(x=1, n=5), formula.eval(x=1, n=2), formula.eval(x=2)] == [3, 10, 1, 6]
    assert formula.grad(x=1, n=4) == {"x": 6.0}


def test_an_index_may_be_an_input() -> None:
    formula = cgcli.parse("v[k]^2")
    assert [formula.eval(v=[1, 2, 3], k=k) for k in (0, 2, -1)] == [1, 9, 9]
    assert list(formula.grad(v=[1, 2, 3], k=1)["v"]) == [0, 4, 0]


def test_a_length_that_no_value_tells_is_asked_for() -> None:
    with pytest.raises(UsageError, match="no value for the input `n`"):
        cgcli.parse("sum(i for i in range(n))").eval()
    with pytest.raises(NeedsValues, match="known before the calculation starts"):
        cgcli.parse("v = [1, 2]; [10, 20][sum(w)]").eval(w=[0, 1])


def test_shapes_follow_the_values() -> None:
    formula = cgcli.parse("sum(x*y)")
    assert formula.eval(x=2, y=3) == 6
    assert formula.eval(x=[1, 2], y=3) == 9
    assert formula.eval(x=np.array([1.0, 2.0]), y=[3, 4]) == 11
    assert formula.eval(x=[[1], [2]], y=[1, 10]) == 33


def test_declared_shapes_are_held() -> None:
    formula = cgcli.parse("input v[3]; sum(v)")
    assert formula.eval(v=[1, 2, 3]) == 6
    with pytest.raises(ShapeError, match=r"has shape \[2\], but the formula declares \[3\]"):
        formula.eval(v=[1, 2])


def test_a_branch_that_is_not_taken_does_no_harm() -> None:
    formula = cgcli.parse("sqrt(x) if x > 0 else 0")
    assert formula.eval(x=-3) == 0
    assert formula.grad(x=-3) == {"x": 0.0}


@pytest.mark.parametrize(
    "text",
    [
        "+".join(["x"] * 20_000),
        "(" * 20_000 + "x" + ")" * 20_000,
        "-" * 20_000 + "x",
        "x" + "^1" * 20_000,
        "sin(" * 5_000 + "x" + ")" * 5_000,
        "x if x > 1 else " * 5_000 + "x",
        "s(a, i) = a + x*i; fold(s, 0, range(20000))",
        "\n".join(f"y{n} = {f'y{n - 1}' if n else 'x'} + 1" for n in range(5_000)),
    ],
    ids=["sum", "brackets", "signs", "powers", "calls", "conditionals", "fold", "lines"],
)
def test_nothing_recurses_on_the_depth_of_a_text(text: str) -> None:
    formula = cgcli.parse(text)
    assert math.isfinite(formula.eval(x=1.0))
    assert math.isfinite(formula.grad(x=1.0)["x"])


def test_a_wrong_text_of_great_depth_is_still_one_error() -> None:
    for text in ("(" * 50_000, "[" * 50_000 + "1", "f(" * 50_000 + ")", "-" * 50_000, "9" * 1_000_000):
        with pytest.raises(CgError):
            cgcli.parse(text)
