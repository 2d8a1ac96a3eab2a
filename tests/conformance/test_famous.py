"""Derivatives that programs are known to get wrong, at first and second order, as a user writes them."""

from __future__ import annotations

import math
from math import isnan

import numpy as np
import pytest

from cgcli import parse

pytestmark = pytest.mark.filterwarnings("ignore::cgcli.errors.PrecisionWarning")  # 0 to 1000 digits is 0
KINKS = [
    # formula, point, first derivatives, second derivatives (rows of the Hessian)
    ("where(x > 0, sqrt(x), 0)", {"x": -3}, [0], [[0]]),
    ("where(x > 0, sqrt(x), 0)", {"x": 0}, [0], [[0]]),
    ("x * 0 if x < 0 else log(x)", {"x": -1}, [0], [[0]]),
    ("max(x, 0) - max(-x, 0)", {"x": 0}, [1], [[0]]),
    ("min(x, 0) + max(x, 0)", {"x": 0}, [1], [[0]]),
    ("abs(x)", {"x": 0}, [0], [[0]]),
    ("x * abs(x)", {"x": 0}, [0], [[0]]),
    ("relu(x)", {"x": 0}, [0], [[0]]),
    ("sign(x)", {"x": 0}, [0], [[0]]),
    ("hypot(x, y)", {"x": 0, "y": 0}, [0, 0], None),
    ("atan2(y, x)", {"y": 0, "x": 0}, [0, 0], None),
    ("atan2(y, x)", {"y": 1, "x": 0}, [0, -1], [[0, 1], [1, 0]]),
    ("hypot(x, y)", {"x": 3, "y": 4}, [0.6, 0.8], [[0.128, -0.096], [-0.096, 0.072]]),
    ("floor(x) + ceil(x) + round(x)", {"x": 2}, [0], [[0]]),
]
POWERS = [
    ("x^0.5 * x^0.5", {"x": 0.5}, [1], [[0]]),
    ("x^2", {"x": 0}, [0], [[2]]),
    ("x^3", {"x": -2}, [12], [[-12]]),
    ("x^1", {"x": 0}, [1], [[0]]),
    ("x^0", {"x": 0}, [0], [[0]]),
    ("x^y", {"x": 0, "y": 2}, [0, 0], [[2, 0], [0, 0]]),
    ("x^y", {"x": 0, "y": 3}, [0, 0], [[0, 0], [0, 0]]),
    ("x^y", {"x": 0, "y": 1}, [1, 0], None),
    ("x^y", {"x": 1, "y": 5}, [5, 0], [[20, 1], [1, 0]]),
    ("x^-2", {"x": -2}, [0.25], [[0.375]]),
    ("x^x", {"x": 1}, [1], [[2]]),
    ("cbrt(x)^3", {"x": -8}, [1], [[0]]),
]
SMOOTH = [
    ("x * log(x)", {"x": 2}, [math.log(2) + 1], [[0.5]]),
    ("x * log(x)", {"x": 1e-10}, [math.log(1e-10) + 1], [[1e10]]),
    ("sin(x) / x", {"x": math.pi}, [-1 / math.pi], [[2 / math.pi**2]]),
    ("sin(x) / x", {"x": 1}, [math.cos(1) - math.sin(1)], [[math.sin(1) - 2 * math.cos(1)]]),
    ("sinc(x)", {"x": 0}, [0], [[-1 / 3]]),
    ("xlogy(x, x)", {"x": 2}, [math.log(2) + 1], [[0.5]]),
    ("logsumexp([x, 1000])", {"x": 1000}, [0.5], [[0.25]]),
    ("sigmoid(x)", {"x": -800}, [0], [[0]]),
    ("softplus(x)", {"x": 800}, [1], [[0]]),
    ("det([[x, 2], [3, y]])", {"x": 0, "y": 0}, [0, 0], [[0, 1], [1, 0]]),
    ("det([[x, 2], [1, y]])", {"x": 2, "y": 1}, [1, 2], [[0, 1], [1, 0]]),
    ("prod([x, y, 0])", {"x": 2, "y": 3}, [0, 0], [[0, 0], [0, 0]]),
    ("prod([x, y])", {"x": 0, "y": 0}, [0, 0], [[0, 1], [1, 0]]),
]


def ids(cases):
    return [f"{text} at {', '.join(f'{name}={value:g}' for name, value in point.items())}" for text, point, *_ in cases]


ALL = [*KINKS, *POWERS, *SMOOTH]


@pytest.mark.parametrize("engine", ["python", "numpy"])
@pytest.mark.parametrize(("text", "point", "first", "second"), ALL, ids=ids(ALL))
def test_first_and_second_derivatives(text, point, first, second, engine):
    formula = parse(text)
    engine = "numpy" if "[" in text else engine  # the engine of scalars has no arrays
    gradient = formula.grad(point, engine=engine)
    assert [gradient[name] for name in point] == pytest.approx(first, rel=1e-13, abs=1e-300)
    if second is not None:
        hessian = formula.hessian(point, engine=engine)
        found = [[hessian[a][b] for b in point] for a in point]
        assert np.array(found) == pytest.approx(np.array(second, dtype=float), rel=1e-12, abs=1e-300)


def test_root_of_a_square_has_no_derivative_at_zero():
    """No kink rule reaches through a composition: the slope of sqrt is infinite there, and inf * 0 is nan."""
    formula = parse("sqrt(x^2)")
    assert math.isnan(formula.grad(x=0)["x"])
    assert formula.grad(x=-2)["x"] == -1


@pytest.mark.parametrize(("y", "slope", "curvature"), [(3, 12, -12), (2, -4, 2), (-1, -0.25, -0.25)])
def test_negative_base_with_a_whole_exponent(y, slope, curvature):
    """With respect to the base all is well; the slope along the exponent is the logarithm of a negative number."""
    formula = parse("x^y")
    assert formula.grad({"x": -2, "y": y}, wrt=["x"]) == {"x": slope}
    assert formula.hessian({"x": -2, "y": y}, wrt=["x"])["x"]["x"] == curvature
    assert math.isnan(formula.grad({"x": -2, "y": y}, wrt=["y"])["y"])


def test_weighted_softmax():
    v, w = np.array([0.3, -1.2, 2.0]), np.array([1.0, -2.0, 0.5])
    p = np.exp(v) / np.exp(v).sum()
    formula = parse("sum(softmax(v) * w)")
    found = formula.grad(v=v, w=w)
    mean = p @ w
    assert found["v"] == pytest.approx(p * (w - mean), rel=1e-13)
    assert found["w"] == pytest.approx(p, rel=1e-13)
    by_hand = np.diag(p * (w - mean)) - np.outer(p, p * (w - mean)) - np.outer(p * (w - mean), p)
    assert formula.hessian({"v": v, "w": w}, wrt=["v"])["v"]["v"] == pytest.approx(by_hand, rel=1e-12, abs=1e-15)


A = np.array([[4.0, 1.0, 0.5], [1.0, 3.0, -1.0], [0.0, 2.0, 5.0]])
B = np.array([1.0, -2.0, 0.5])


def test_determinant():
    found = parse("det(A)").grad(A=A)["A"]
    assert found == pytest.approx(np.linalg.det(A) * np.linalg.inv(A).T, rel=1e-13)


def test_determinant_of_a_singular_matrix():
    """The gradient is the matrix of cofactors, which exists although the inverse does not."""
    formula = parse("det(A)")
    assert formula.grad(A=[[1.0, 2.0], [2.0, 4.0]])["A"] == pytest.approx(np.array([[4.0, -2.0], [-2.0, 1.0]]))
    second = formula.hessian(A=[[1.0, 2.0], [2.0, 4.0]])["A"]["A"]
    by_hand = np.zeros((2, 2, 2, 2))
    by_hand[0, 0, 1, 1] = by_hand[1, 1, 0, 0] = 1
    by_hand[0, 1, 1, 0] = by_hand[1, 0, 0, 1] = -1
    assert second == pytest.approx(by_hand)


@pytest.mark.parametrize("text", ["sum(solve(A, b))", "sum(inv(A) @ b)"])
def test_linear_systems(text):
    formula = parse(text)
    weights = np.linalg.solve(A.T, np.ones(3))
    solution = np.linalg.solve(A, B)
    found = formula.grad(A=A, b=B)
    assert found["b"] == pytest.approx(weights, rel=1e-12)
    assert found["A"] == pytest.approx(-np.outer(weights, solution), rel=1e-12, abs=1e-15)
    inverse = np.linalg.inv(A)
    second = formula.hessian({"A": A, "b": B})
    mixed = -np.einsum("i,jk->ijk", weights, inverse)
    assert second["A"]["b"] == pytest.approx(mixed, rel=1e-12, abs=1e-15)
    twice = np.einsum("i,jk,l->ijkl", weights, inverse, solution)
    by_hand = twice + twice.transpose(2, 3, 0, 1)
    assert second["A"]["A"] == pytest.approx(by_hand, rel=1e-12, abs=1e-15)


def test_a_zero_of_a_decision_holds_at_every_order():
    formula = parse("diff(diff(diff(where(x > 0, x^3.5, 0), x), x), x)")
    assert formula.eval(x=-1) == 0
    assert formula.grad(x=-1) == {"x": 0}
    assert formula.eval(x=4) == pytest.approx(3.5 * 2.5 * 1.5 * 2)


@pytest.mark.parametrize("order", range(1, 6))
@pytest.mark.parametrize(
    "text",
    [
        "sqrt(x) if x > 0 else 0",
        "(sqrt(x) if x > 0 else 0)^2",
        "sqrt(x)*log(x)*x if x > 0 else 0",
        "(log(x) if x > 0 else 0)*(sqrt(x) if x > 0 else 1)*x^2",
    ],
)
def test_a_branch_not_taken_does_no_harm_to_any_derivative(text, order):
    assert parse(f"diff({text}, x, {order})").eval(x=-3) == 0


def test_a_zero_hides_no_real_singularity():
    """Where the zero is no masked branch but a factor that moves, 0 * inf stays nan and is reported."""
    assert isnan(parse("diff(log(x^2), x)").eval(x=0))
