"""Incomplete gamma functions by their shape, and logarithms of binomial coefficients, against mpmath."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest

from cgcli import parse

GRID = [
    (0.001, 1e-8), (0.01, 0.02), (0.03, 0.7), (0.1, 30), (0.5, 1e-5), (0.9, 1.7), (1, 1), (2.5, 40), (3, 2),
    (9.9, 1e-3), (19, 19), (21.5, 0.57), (50, 52), (170, 547), (392, 277), (603.7103613708127, 603.7607625532254),
    (803, 236), (1400, 1403),
]  # fmt: skip
"""(shape, bound): both tails, small and large shapes, the border of the algorithms."""


def true_slope(a, x, order):
    """By differences of the smaller of P and Q, in many digits."""
    with mpmath.workdps(40):
        upper = mpmath.log(x) >= mpmath.psi(0, a)
        ends = (x, mpmath.inf) if upper else (0, x)
        slope = mpmath.diff(lambda shape: mpmath.gammainc(shape, *ends, regularized=True), mpmath.mpf(a), order)
        return -slope if upper else slope


@pytest.mark.parametrize(("a", "x"), GRID)
def test_by_the_shape(a, x):
    """As exact as the operands let it be: a shape and a bound that are an ulp off change the answer by as much."""
    found = parse("gammainc(a, x)").grad(a=a, x=x)["a"]
    exact = true_slope(a, x, 1)
    change = sum(
        abs(true_slope(*moved, 1) - exact) for moved in ((math.nextafter(a, 9e9), x), (a, math.nextafter(x, 9e9)))
    )
    assert abs(found - exact) <= 16 * (change + math.ulp(float(exact)))
    assert parse("gammaincc(a, x)").grad(a=a, x=x)["a"] == -found


@pytest.mark.parametrize(("a", "x"), GRID[4:12])
def test_twice_by_the_shape(a, x):
    found = parse("gammainc(a, x)").hessian(a=a, x=x)
    assert found["a"]["a"] == pytest.approx(float(true_slope(a, x, 2)), rel=1e-11)
    assert found["a"]["x"] == pytest.approx(found["x"]["a"], rel=1e-13)


def test_columns_of_shapes_and_many_digits():
    a, x = np.array([0.5, 3.0, 80.0]), np.array([1.0, 2.0, 75.0])
    slopes = parse("gammainc(a, x)").grad_rows(a=a, x=x)["a"]
    assert slopes == pytest.approx([float(true_slope(*each, 1)) for each in zip(a, x, strict=True)], rel=1e-13)
    precise = parse("gammainc(a, x)").grad(a=3, x=2, digits=30)["a"]
    assert abs(precise - true_slope(3, 2, 1)) < mpmath.mpf(10) ** -28


def test_ends():
    formula = parse("gammainc(a, x)")
    assert formula.grad(a=2, x=0) == {"a": 0, "x": 0}
    assert formula.grad(a=2, x=math.inf)["a"] == 0


@pytest.mark.parametrize(
    ("n", "k"),
    [
        (1e20, 100),
        (1e20, 1e10),
        (1e6, 5e5),
        (1000, 500),
        (10, 3.5),
        (10, 0),
        (10, 10),
        (50, 1e-9),
        (3, 1),
        (16, 15),
        (1e300, 2),
    ],
)
def test_logarithms_of_binomial_coefficients(n, k):
    with mpmath.workdps(700):
        exact = mpmath.loggamma(mpmath.mpf(n) + 1) - mpmath.loggamma(mpmath.mpf(k) + 1)
        exact = float(exact - mpmath.loggamma(mpmath.mpf(n) - k + 1))
    assert parse("lcomb(n, k)").eval(n=n, k=k) == pytest.approx(exact, rel=2e-15, abs=1e-300)


def test_slopes_of_lcomb():
    found = parse("lcomb(n, k)").grad(n=1e20, k=100)
    assert found["n"] == pytest.approx(1e-18, rel=1e-14)
    assert found["k"] == pytest.approx(math.log(1e20) - float(mpmath.psi(0, 101)), rel=1e-14)
