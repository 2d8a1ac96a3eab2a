"""Zeros that a decision made stay 0 whatever lies below; zeros that arithmetic made are numbers like any other."""

from __future__ import annotations

from math import inf, isnan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import rosen_der, rosen_hess

import cgcli as cg
from cgcli.ops import REGISTRY
from cgcli.passes import differentiate as module

NEVER_ZERO = [
    # formula, point, true derivatives: each is this number or nan, never another one
    ("log(1+exp(x))", {"x": 1000}, [1]),
    ("log(exp(x))", {"x": 1000}, [1]),
    ("log(cosh(x))", {"x": 1000}, [1]),
    ("log(factorial(n))", {"n": 200}, [5.300814246746624]),
    ("1/(1/a+1/b)", {"a": 0, "b": 1}, [1, 0]),
    ("1/(1/a+1/b)", {"a": 0, "b": 0}, [None, None]),
    ("x^0.5*x^0.5", {"x": 0}, [1]),
    ("sqrt(x)^2", {"x": 0}, [1]),
    ("atan(1/x)", {"x": 0}, [-1]),
    ("log(sum(exp(v)))", {"v": [1000, 0]}, [[1, 0]]),
    ("exp(-1/x)*x", {"x": 0}, [0]),
    ("where(x > 0, log(1+exp(x)), x)", {"x": 1000}, [1]),
    ("max(log(1+exp(x)), 0)", {"x": 1000}, [1]),
    ("relu(log(cosh(x)))", {"x": 1000}, [1]),
    ("clip(sqrt(x)^2, -1, 1)", {"x": 0}, [1]),
    ("[log(exp(x)), 1][0]", {"x": 1000}, [1]),
    ("s = sqrt(v); s[0]^2 + s[1]", {"v": [0, 4]}, [[1, 0.25]]),
]
STAYS_ZERO = [
    # formula, point, derivatives: a decision says that what would spoil them does not matter
    ("where(x > 0, sqrt(x)*log(x), 0)", {"x": 0}, [0]),
    ("where(x > 0, sqrt(x)*y, y)", {"x": 0, "y": 3}, [0, 1]),
    ("max(sqrt(x), 1)", {"x": 0}, [0]),
    ("min(-sqrt(x), -1)", {"x": 0}, [0]),
    ("relu(log(x))", {"x": 0}, [0]),
    ("relu(-1 + sqrt(x)) * y", {"x": 0, "y": 2}, [0, 0]),
    ("clip(log(x), -1, 1)", {"x": 0}, [0]),
    ("(1/x if x != 0 else 0) * y", {"x": 0, "y": 2}, [0, 0]),
    ("s = sqrt(v); s[1]", {"v": [0, 4]}, [[0, 0.25]]),
    ("s = sqrt(v); s[1]*s[2]", {"v": [0, 4, 9]}, [[0, 0.75, 1 / 3]]),
    ("S = sqrt(A); S[1, 0]", {"A": [[0, 0], [4, 0]]}, [[[0, 0], [0.25, 0]]]),
    ("S = sqrt(A); S[1][0]", {"A": [[0, 0], [4, 0]]}, [[[0, 0], [0.25, 0]]]),
    ("S = sqrt(A); S.T[0, 1]", {"A": [[0, 0], [4, 0]]}, [[[0, 0], [0.25, 0]]]),
    ("S = sqrt(A); trace(S)", {"A": [[1, 0], [0, 4]]}, [[[0.5, 0], [0, 0.25]]]),
    ("S = sqrt(A); sum(diag(S))", {"A": [[1, 0], [0, 4]]}, [[[0.5, 0], [0, 0.25]]]),
    ("s = sqrt(v); sum(s[1:3])", {"v": [0, 4, 1]}, [[0, 0.25, 0.5]]),
    ("max(sqrt(v))", {"v": [0, 4]}, [[0, 0.25]]),
    ("sum(where(v > 0, sqrt(v), 0))", {"v": [0, 4]}, [[0, 0.25]]),
    ("sum(where(v > 0, sqrt(v), 0) * x)", {"v": [0, 4], "x": 1}, [[0, 0.25], 2]),
    ("where(c > 0, sum(W @ sqrt(v)), 0)", {"c": -1, "W": [[1, 2]], "v": [0, 4]}, [0, [[0, 0]], [0, 0]]),
    ("where(c > 0, norm(sqrt(v)), 0)", {"c": -1, "v": [0, 4]}, [0, [0, 0]]),
    ("where(c > 0, mean(log(v)), 0)", {"c": -1, "v": [0, 4]}, [0, [0, 0]]),
    ("where(c > 0, std(sqrt(v)), 0)", {"c": -1, "v": [0, 4]}, [0, [0, 0]]),
    ("sum(relu(W @ sqrt(v)))", {"W": [[-1, -2]], "v": [0, 4]}, [[[0, 0]], [0, 0]]),
    ("s = sqrt(v); t = reshape(s, [2, 2]); t[1, 1]", {"v": [0, 0, 0, 4]}, [[0, 0, 0, 0.25]]),
    ("s = sqrt(v); concat(s, [1])[1]", {"v": [0, 4]}, [[0, 0.25]]),
]


def ids(cases):
    return [f"{text} at {point}" for text, point, *_ in cases]


@pytest.mark.parametrize("engine", ["python", "numpy"])
@pytest.mark.parametrize(("text", "point", "true"), NEVER_ZERO, ids=ids(NEVER_ZERO))
@pytest.mark.filterwarnings("ignore::cgcli.errors.CgWarning")
def test_a_zero_of_arithmetic_is_a_number_like_any_other(text, point, true, engine):
    engine = "numpy" if any(isinstance(value, list) for value in point.values()) or "[" in text else engine
    found = cg.parse(text).grad(point, engine=engine)
    for value, expected in zip(found.values(), true, strict=True):
        for number, right in zip(np.ravel(value), np.ravel(expected), strict=True):
            assert isnan(number) or (right is not None and number == pytest.approx(right, rel=1e-12))


@pytest.mark.parametrize(("text", "point", "right"), STAYS_ZERO, ids=ids(STAYS_ZERO))
@pytest.mark.filterwarnings("ignore::cgcli.errors.CgWarning")
def test_a_zero_of_a_decision_stays(text, point, right):
    formula = cg.parse(text)
    found = formula.grad(point)
    for value, expected in zip(found.values(), right, strict=True):
        assert np.array(value) == pytest.approx(np.array(expected, dtype=float), rel=1e-14)
    for name, expected in zip(point, right, strict=True):  # simplified, too, and through its text
        derivative = formula.derivative(name, point)
        for each in (derivative, cg.parse(str(derivative))):
            given = {other: value for other, value in point.items() if other in each.inputs}
            assert np.array(each.eval(given)) == pytest.approx(np.array(expected, dtype=float), rel=1e-14)
    second = formula.hessian(point)
    for name, expected in zip(point, right, strict=True):
        unread = np.ravel(expected) == 0
        own = np.reshape(second[name][name], (unread.size, unread.size))
        if unread.all():
            assert not own.any()


def test_power_of_itself_at_zero():
    assert cg.parse("x^x").grad(x=0)["x"] == -inf


def test_the_printed_derivative_keeps_what_a_decision_zeroed():
    derivative = cg.parse("max(sqrt(x), 1)").derivative("x")
    assert derivative.eval(x=0) == 0
    assert derivative.eval(x=4) == 0.25
    assert cg.parse(str(derivative)).eval(x=0) == 0


def test_formulas_without_decisions_pay_nothing():
    """Their derivatives are made of the operations of the rules alone."""
    graph = cg.parse("a = sin(x*y); b = a/x + exp(a); sqrt(b)*log(a) - tanh(b)^2").graph
    found = module.differentiate(graph, [len(graph) - 1], list(graph.inputs().values()))
    for name in ("x", "y"):
        assert found.masks.get(graph.inputs()[name]) is None
    assert not {graph.row(node).name for node in range(len(graph))} & {"where", "and", "or", "greater"}


def test_all_elements_of_an_array_leave_no_condition():
    formula = cg.parse("s = sqrt(v); sum(s[i]^2 for i in range(4))")
    bound = formula.bind({"v": [1.0, 2.0, 3.0, 4.0]})
    graph = bound.graph
    output = next(iter(bound.program.outputs.values()))
    found = module.differentiate(graph, [output], [graph.inputs()["v"]])
    found.wrt(graph.inputs()["v"])
    assert "where" not in {graph.row(node).name for node in range(len(graph))}


DECIDING = st.sampled_from(
    ["where(x > 1, {0}, {1})", "max({0}, {1})", "min({0}, {1})", "relu({0})", "clip({0}, {1}, 2)"]
)
PLAIN = st.sampled_from(["{0} + {1}", "{0}*{1}", "{0} - {1}", "sin({0})", "exp({0})", "{0}^2", "{0}*y", "{0}/2"])
GRID = st.integers(-20, 20).map(lambda place: place / 9.7 + 0.0131)
LEAVES = st.sampled_from(["x", "y", "1", "0.5"])


def texts(children):
    def joined(parts):
        pattern, first, second = parts
        return "(" + pattern.format(first, second) + ")"

    return st.tuples(DECIDING | PLAIN, children, children).map(joined)


@settings(max_examples=150, deadline=None)
@given(st.recursive(LEAVES, texts, max_leaves=12), GRID, GRID)
@pytest.mark.filterwarnings("ignore::cgcli.errors.CgWarning")
def test_decisions_change_no_derivative_of_what_is_finite(text, x, y):
    """Where all slopes are finite, a mask multiplies by 1 or 0: the derivative is that of the pieces."""
    formula = cg.parse(f"{text} + 0*x + 0*y")
    point = {"x": x, "y": y}
    gradient = formula.grad(point)
    report = formula.trace(point)
    if report.kinks:
        return
    step = 1e-7
    here = formula.eval(point)
    for name in point:
        right = (formula.eval({**point, name: point[name] + step}) - here) / step
        left = (here - formula.eval({**point, name: point[name] - step})) / step
        close = 1e-3 * (1 + abs(left) + abs(here))
        bends = abs(right - left) > close
        assert bends or gradient[name] == pytest.approx(left, abs=close)


def test_every_row_that_moves_elements_moves_indicators():
    """The pullback of a row with the trait `moves` gives, of ones, numbers that are not negative."""
    moving = [row for row in REGISTRY.rows if "moves" in row.traits]
    assert {row.name for row in moving} >= {"stack", "index", "reshape", "transpose", "sum", "concat", "cumsum"}
    for row in moving:
        for text in row.examples:
            formula = cg.parse(f"sum({text})")
            values = formula.grad(dict.fromkeys(formula.inputs, 1.0))
            assert all(value >= 0 for value in values.values()), (row, text)


def test_loops_over_elements_have_gradients_of_as_many_nodes():
    """What the elements of a vector receive is summed element by element, not as vectors of zeros but for one."""
    formula = cg.parse("sum(100*(v[i + 1] - v[i]^2)^2 + (1 - v[i])^2 for i in range(n - 1))")

    def added(length):
        bound = formula.bind(v=np.ones(length), n=length)
        graph, before = bound.graph, len(bound.graph)
        (output,) = bound.program.outputs.values()
        slope = module.differentiate(graph, [output], [graph.inputs()["v"]]).wrt(graph.inputs()["v"])
        assert graph.row(slope).name == "stack"
        return len(graph) - before

    assert added(80) < 2.2 * added(40)
    v = np.linspace(0.5, 1.5, 30)
    assert formula.grad(v=v, n=30, wrt=["v"])["v"] == pytest.approx(rosen_der(v), rel=1e-12, abs=1e-10)
    second = formula.hessian({"v": v, "n": 30}, wrt=["v"])["v"]["v"]
    assert second == pytest.approx(rosen_hess(v), rel=1e-12, abs=1e-10)


def test_an_element_of_a_long_vector_is_placed():
    formula = cg.parse("v[3]^2 + v[7]*v[3]")
    found = formula.grad(v=np.arange(1000.0))["v"]
    assert found[[3, 7]] == pytest.approx([13, 3])
    assert np.count_nonzero(found) == 2
