"""The second order against exact moments: polynomials, whose series ends, and numerical integration."""

from __future__ import annotations

from math import exp, inf, sqrt

import numpy as np
import pytest

import cgcli as cg
from cgcli.uncertainty.notation import read_quantity

approx = pytest.approx
SHAPES = [
    "2±0.3", "R(1, 3)", "T(1, 1.5, 4)", "U(1, 3)", "exponential(2)", "gamma(3, 0.5)", "lognormal(mean=2, sd=0.4)",
    "student(2, sd=0.3, dof=7)", "curved_trapezoidal(1, 3, 0.5)", "trapezoidal(1, 4, 0.3)",
]  # fmt: skip


@pytest.mark.parametrize("text", SHAPES)
def test_a_square_has_its_exact_moments(text):
    """E x² = m² + u², Var x² = 4m²u² + 4mγu³ + (κ − 1)u⁴."""
    quantity = read_quantity("x", text)
    shape = quantity.distributions.get(0)
    m, u = float(quantity.value), float(quantity.error)
    skewness, kurtosis = (shape.skewness, shape.kurtosis) if shape else (0, 3)
    found = cg.parse("x^2").uncertainty({"x": text}).second_order
    assert found.value == approx(m**2 + u**2)
    assert found.error**2 == approx(4 * m**2 * u**2 + 4 * m * skewness * u**3 + (kurtosis - 1) * u**4)


def test_a_sum_of_products_of_correlated_normal_values_has_its_exact_moments():
    """x·y: Var = x²v² + y²u² + 2xyruv + u²v²(1 + r²) (L. A. Goodman 1960, with correlation)."""
    x, y, u, v, r = 2.0, -1.0, 0.3, 0.5, 0.4
    found = cg.parse("x*y").uncertainty({"x": (x, u), "y": (y, v)}, correlations={("x", "y"): r}).second_order
    assert found.value == approx(x * y + r * u * v)
    exact = x**2 * v**2 + y**2 * u**2 + 2 * x * y * r * u * v + u**2 * v**2 * (1 + r**2)
    assert found.error**2 == approx(exact)


def test_third_derivatives_count():
    """x³ of a normal value: Var = 9m⁴u² + 36m²u⁴ + 15u⁶, the last of which is of the next order."""
    m, u = 2.0, 0.1
    found = cg.parse("x^3").uncertainty({"x": (m, u)}).second_order
    assert found.error**2 == approx(9 * m**4 * u**2 + 36 * m**2 * u**4)
    assert found.value == approx(m**3 + 3 * m * u**2)


@pytest.mark.parametrize("r", [0.0, 0.7, 1.0])
def test_against_integration(r):
    """exp(a)·sin(b) + a/b of jointly normal values with small errors, by Gauss and Hermite's rule."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    weights = np.outer(weights, weights) / weights.sum() ** 2
    first, second = np.meshgrid(nodes, nodes, indexing="ij")
    for scale, closeness in ((0.04, 2e-4), (0.02, 2e-5)):  # the next order is sixteen times less at half the error
        u, v = scale, 1.5 * scale
        a, b = 0.5 + u * first, 1.2 + v * (r * first + sqrt(1 - r**2) * second)
        values = np.exp(a) * np.sin(b) + a / b
        mean = float(np.sum(weights * values))
        error = sqrt(float(np.sum(weights * (values - mean) ** 2)))
        f = cg.parse("exp(a)*sin(b) + a/b")
        found = f.uncertainty({"a": (0.5, u), "b": (1.2, v)}, correlations={("a", "b"): r} if r else None).second_order
        assert found.value == approx(mean, rel=closeness / 10)
        assert found.error == approx(error, rel=closeness)
        third = float(np.sum(weights * (values - mean) ** 3)) / error**3
        assert found.skewness == approx(third, abs=10 * closeness)


def test_arrays_and_singular_covariances():
    values = {"v": ([1.0, 2.0, 3.0], 0.1)}
    everything = {(f"v[{i}]", f"v[{j}]"): 1.0 for i in range(3) for j in range(i)}
    found = cg.parse("sum(v^2)").uncertainty(values, correlations=everything).second_order
    assert found.value == approx(14 + 0.03)
    assert found.error**2 == approx((2 * 6 * 0.1) ** 2 + 2 * 9 * 0.1**4)
    each = cg.parse("v^2").uncertainty(values).second_order
    assert each.value == approx([1.01, 4.01, 9.01])
    assert each.error == approx(np.sqrt(4 * np.array([1, 4, 9]) * 0.01 + 2e-4))


def test_a_series_that_does_not_settle_says_so():
    with pytest.warns(cg.NonlinearWarning):
        found = cg.parse("sin(x)").uncertainty({"x": (0.0, 1.5)})
    assert np.isnan(found.second_order.error)
    assert found.second_order.dof != inf


def test_a_log_normal_value_through_its_logarithm_is_normal():
    found = cg.parse("log(x)").uncertainty({"x": "lognormal(mu=1, sigma=0.01)"})
    assert found.second_order.value == approx(1, abs=1e-7)
    assert found.second_order.error == approx(0.01, rel=1e-4)
    assert exp(found.value) == approx(exp(1 + 0.01**2 / 2))
