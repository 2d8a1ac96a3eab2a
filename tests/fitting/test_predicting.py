"""Predictions: the bands of a straight line are known exactly, others by the delta method."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t as student

from cgcli.api.sources import parse
from cgcli.fitting.predicting import Fitted, Predictor, factor_of
from cgcli.fitting.question import ask

X = np.array([1.0, 2.0, 3.5, 4.0, 6.0, 7.5])
Y = np.array([2.1, 3.9, 7.2, 7.7, 12.4, 14.8])
SIGMA = np.array([0.1, 0.2, 0.1, 0.3, 0.2, 0.1])


def predicted(text, data, covariance, values, *, sigma=None, noise=1.0, quantile=2.0, known=None):
    question = ask(parse(text), data, target="y", sigma=sigma)
    fitted = Fitted(question=question, values=values, covariance=covariance, quantile=quantile, noise=noise)
    known = data if known is None else known
    predictor = Predictor(fitted, list(known), rows=len(X))
    columns = {name: np.asarray(column, dtype=float) for name, column in data.items()}
    return predictor, predictor(columns, len(X))


def test_the_bands_of_a_straight_line_are_the_textbooks():
    """Draper & Smith, §3.1: s² (1/n + (x - x̄)²/Sxx), and 1 more for a new observation."""
    slope, offset = np.polyfit(X, Y, 1)
    dof = len(X) - 2
    s = np.sqrt(np.sum((Y - offset - slope * X) ** 2) / dof)
    spread = np.sum((X - X.mean()) ** 2)
    covariance = s**2 * np.linalg.inv([[len(X), X.sum()], [X.sum(), X @ X]])
    quantile = student.ppf(0.975, dof)
    _, found = predicted("a + b*x", {"x": X, "y": Y}, covariance, {"a": offset, "b": slope}, noise=s, quantile=quantile)
    error = s * np.sqrt(1 / len(X) + (X - X.mean()) ** 2 / spread)
    whole = s * np.sqrt(1 + 1 / len(X) + (X - X.mean()) ** 2 / spread)
    line = offset + slope * X
    expected = {
        "prediction": line, "residual": Y - line, "standard_error": error,
        "confidence_low": line - quantile * error, "confidence_high": line + quantile * error,
        "prediction_low": line - quantile * whole, "prediction_high": line + quantile * whole,
    }  # fmt: skip
    assert list(found) == list(expected)
    for name, column in expected.items():
        np.testing.assert_allclose(found[name], column, rtol=1e-12, atol=1e-13)


def test_errors_are_those_of_the_delta_method():
    covariance = np.array([[0.04, -0.01, 0.002], [-0.01, 0.09, 0.0], [0.002, 0.0, 0.01]])
    values = {"a": 2.0, "b": 0.3, "c": 1.0}
    _, found = predicted("a*exp(-b*x) + c", {"x": X, "y": Y}, covariance, values)
    slopes = np.stack([np.exp(-0.3 * X), -2 * X * np.exp(-0.3 * X), np.ones(len(X))])
    expected = np.sqrt(np.einsum("in,ij,jn->n", slopes, covariance, slopes))
    np.testing.assert_allclose(found["standard_error"], expected, rtol=1e-13)


def test_parameters_that_are_arrays():
    covariance = np.diag([0.04, 0.09])
    predictor, found = predicted("param w[2]; w[0] + w[1]*x", {"x": X, "y": Y}, covariance, {"w": np.array([1.0, 2.0])})
    np.testing.assert_allclose(found["standard_error"], np.sqrt(0.04 + 0.09 * X**2), rtol=1e-13)
    assert predictor.columns == ["x", "y"]


def test_each_row_has_its_own_sigma():
    data = {"x": X, "y": Y, "s": SIGMA}
    _, found = predicted("a + b*x", data, np.zeros((2, 2)), {"a": 0.0, "b": 2.0}, sigma="s", noise=1.5, quantile=2.0)
    np.testing.assert_allclose(found["prediction_high"] - found["prediction"], 2.0 * 1.5 * SIGMA, rtol=1e-13)


def test_what_the_table_lacks_is_left_out():
    data = {"x": X, "y": Y, "s": SIGMA}
    values = {"a": 0.0, "b": 2.0}
    predictor, found = predicted("a + b*x", data, np.eye(2), values, sigma="s", known=["x"])
    assert list(found) == predictor.names == ["prediction", "standard_error", "confidence_low", "confidence_high"]
    predictor, found = predicted("a + b*x", data, None, values, known=["x", "y"])
    assert list(found) == predictor.names == ["prediction", "residual"]


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_a_singular_covariance_has_a_factor(rank):
    half = np.array([[1e-6, 2e-6, 0.0], [3.0, -1.0, 2.0], [1e5, 0.0, 4e5]])[:, :rank]
    covariance = half @ half.T
    factor = factor_of(covariance)
    np.testing.assert_allclose(factor @ factor.T, covariance, rtol=1e-7, atol=1e-14)
