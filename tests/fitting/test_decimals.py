"""Fits whose residuals are hardly longer than the rounding of doubles: by the decimals of the table."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

import cgcli as cg

X = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
Y = [0.30000000000001, 0.49999999999998, 0.7, 0.90000000000003, 1.09999999999999, 1.3]
"""A line, 2x + 0.1, and residuals of 2e-14."""


def line_exactly(x, y):
    """Slope, intercept and sum of squares of decimals, in fractions."""
    x, y = ([Fraction(repr(number)) for number in column] for column in (x, y))
    n, middle, height = len(x), sum(x) / len(x), sum(y) / len(y)
    slope = sum((a - middle) * b for a, b in zip(x, y, strict=True)) / sum((a - middle) ** 2 for a in x)
    total = sum((b - height - slope * (a - middle)) ** 2 for a, b in zip(x, y, strict=True))
    error = (total / (n - 2) / sum((a - middle) ** 2 for a in x)) ** 0.5
    return float(slope), float(height - slope * middle), float(total), float(error)


@pytest.mark.parametrize("formula", ["a + b*x", "a + b*(x - 0.1)"])
def test_errors_are_those_of_the_decimals(formula):
    slope, intercept, total, error = line_exactly(X, Y)
    found = cg.parse(formula).fit({"x": X, "y": Y}, target="y")
    assert found.errors["b"] == pytest.approx(error, rel=1e-10)
    assert found.sum_of_squares == pytest.approx(total, rel=1e-10)
    assert found.values["b"] == slope
    assert found.values["a"] == pytest.approx(intercept if formula == "a + b*x" else intercept + slope / 10, rel=1e-15)
    assert not found.warnings


def test_a_fixed_value_and_sigma_are_decimals_too():
    _, _, total, _ = line_exactly(X, Y)
    found = cg.parse("a + b*x + c*x").fit({"x": X, "y": Y}, target="y", fix={"c": 0.1}, sigma=0.1)
    assert found.sum_of_squares == pytest.approx(100 * total, rel=1e-10)


def test_residuals_that_are_rounding_say_nothing_of_the_data():
    x = np.linspace(0, 3, 20)
    found = cg.parse("a*exp(-b*x)").fit({"x": x, "y": 2.5 * np.exp(-1.3 * x)}, target="y", start={"a": 1, "b": 1})
    assert found.warnings == ["the residuals are rounding: errors say nothing about the data"]


def test_where_there_are_too_many_rows_the_digits_of_errors_are_told():
    random = np.random.default_rng(1)
    x = random.random(200_000)
    y = 2 * x + 0.1 + 1e-13 * random.normal(size=len(x))
    found = cg.parse("a + b*x").fit({"x": x, "y": y}, target="y")
    assert found.warnings == [
        "the residuals are near the rounding of the table's numbers: errors are right to about 2 digits"
    ]
