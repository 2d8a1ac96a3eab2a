"""Which inputs a formula is jointly affine in: claimed only where second derivatives are zero."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgcli import parse
from cgcli.passes.affine import slopes_and_affine


def affine_in(text, names, values=None):
    program = parse(text).bind(values, complete=False).program.begun()
    inputs = program.graph.inputs()
    (output,) = program.outputs.values()
    return slopes_and_affine(program.graph, output, {name: inputs[name] for name in names})[1]


CASES = {
    "a*exp(-b*t) + c": "ac",
    "a*exp(-b*t) + c*exp(-d*t)": "ac",
    "V*x/(K + x)": "V",
    "a*b*x + c": "ac",
    "a*b*x + b*c*x + c*d": "ac",
    "a + b*x + c*x^2": "abc",
    "a/b + c/b": "ac",
    "-(a - b)/2 + mean([a, c*x, x])": "abc",
    "where(x > 1, a, b) + c": "abc",
    "where(x > c, a, b)": "ab",
    "floor(a)*x + b": "b",
    "floor(a) + a + b": "b",
    "round(a*x) + a": "",
    "abs(a) + b": "b",
    "max(a, x) + b": "b",
    "(a > x) + b*x": "b",
    "a^2 + b": "b",
    "a*sin(b*x) + a*c": "a",
    "sign(a)*b": "b",
    "relu(a*x + b)*c": "c",
}


@pytest.mark.parametrize("text", CASES)
def test_the_graph_says_which_inputs_enter_affinely(text):
    names = sorted({letter for letter in "abcdVK" if letter in parse(text).inputs})
    assert "".join(affine_in(text, names)) == CASES[text]


def test_an_array_counts_as_a_whole():
    values = {"w": np.ones(3), "v": np.ones(3), "x": 2.0, "k": 1.0}
    assert affine_in("w @ [1, x, x^2] + k*(v @ v)", ["w", "v", "k"], values) == ["w", "k"]


EXPRESSION = st.recursive(
    st.sampled_from(["a", "b", "c", "x", "2"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/"]), inner).map(lambda p: f"({p[0]} {p[1]} {p[2]})"),
        st.tuples(st.sampled_from(["exp", "sin", "floor", "abs", "-"]), inner).map(lambda p: f"{p[0]}({p[1]})"),
    ),
    max_leaves=8,
)


@given(EXPRESSION, st.tuples(*[st.floats(0.3, 3)] * 4), st.floats(0.1, 2), st.floats(0.1, 2))
def test_what_is_claimed_is_affine_at_any_two_points(text, point, first, second):
    """Along a line in the claimed inputs the formula is a straight line: three points say so without derivatives."""
    formula = parse(text)
    names = [name for name in "abc" if name in formula.inputs]
    if not names:
        return
    claimed = affine_in(text, names)
    values = {name: value for name, value in zip("abcx", point, strict=True) if name in formula.inputs}
    line = [formula.eval({**values, **{name: values[name] + step for name in claimed}}) for step in
            (0.0, first, first + second)]  # fmt: skip
    if np.isfinite(line).all():
        expected = line[0] + (line[1] - line[0]) * (first + second) / first
        scale = max(map(abs, line)) + 1e-300
        assert abs(line[2] - expected) <= 1e-6 * (1 + second / first) * max(scale, abs(line[1] - line[0]))
