"""Many variables: sparse Hessians and products with them, and the same honesty."""

from __future__ import annotations

import numpy as np
import pytest

import cgcli as cg

COUNT = 2_000


@pytest.mark.parametrize(
    ("text", "start", "value"),
    [
        ("sum(4*(x[:-1] - x[1:]^2)^2 + (1 - x[1:])^2)", -1.0, 0),  # the chained function of Rosenbrock, Toint's
        ("sum(100*(x[1:] - x[:-1]^2)^2 + (1 - x[:-1])^2)", 1.2, 0),
        ("sum((x - 1)^4) + sum(x[1:]*x[:-1])*0", 3.0, 0),
    ],
)
def test_a_sparse_hessian_is_used(text, start, value):
    found = cg.parse(text).minimize({"x": np.full(COUNT, start)})
    assert found.converged, found.message
    assert "sparse" in found.method
    assert found.value == pytest.approx(value, abs=1e-12)
    assert found.hessian_eigenvalues is None
    assert found.evaluations < 60


def test_products_with_the_hessian_serve_where_it_is_full():
    found = cg.parse("(sum(x^2) - 1)^2 + 1e-3*sum((x - 1)^2)").minimize({"x": np.ones(500)})
    assert found.converged
    assert "products" in found.method
    gradient = cg.parse("(sum(x^2) - 1)^2 + 1e-3*sum((x - 1)^2)").grad(x=found.values["x"])["x"]
    assert np.linalg.norm(gradient) < 1e-8


def test_a_maximum_is_left():
    found = cg.parse("sum(x^4/4 - x^2/2)").minimize({"x": np.zeros(500)})
    assert found.converged
    assert found.value == pytest.approx(-125)


def test_bounds_hold():
    found = cg.parse("sum((x - 3)^2) + sum((x[1:] - x[:-1])^2)").minimize({"x": np.zeros(600)}, bounds={"x": (-1, 2)})
    assert found.converged
    assert found.values["x"] == pytest.approx(np.full(600, 2.0))
    assert len(found.active) == 600


def test_a_value_that_falls_without_end_is_told():
    found = cg.parse("sum(x[1:]*x[:-1])").minimize({"x": np.ones(400)})
    assert found.kind == "unbounded"
