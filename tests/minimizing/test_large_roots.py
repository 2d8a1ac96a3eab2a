"""Systems of many equations: sparse Jacobians, and the same honesty as with few."""

from __future__ import annotations

import numpy as np
import pytest

import cgcli as cg
from cgcli.minimizing import system
from cgcli.minimizing.large_roots import LargeRootWalk

BRUSSELATOR = """
input x[400]
u = x[:200]
v = x[200:]
a = concat([1], u, [1])
b = concat([3], v, [3])
concat(1 + u^2*v - 4*u + c*(a[:-2] - 2*u + a[2:]), 3*u - u^2*v + c*(b[:-2] - 2*v + b[2:]))
"""
BROYDEN = "(3 - 2*x)*x - concat([0], x[:-1]) - 2*concat(x[1:], [0]) + 1"


def test_the_steady_state_of_the_brusselator():
    """J. J. Moré's collection has it; by hand, u = 1 and v = 3 everywhere."""
    start = np.concatenate([np.full(200, 1.1), np.full(200, 2.9)])
    found = cg.parse(BRUSSELATOR).solve({"x": start, "c": 800.0}, wrt=["x"])
    assert found.converged
    assert found.method == LargeRootWalk.method
    np.testing.assert_allclose(found.values["x"], np.repeat([1.0, 3.0], 200), rtol=1e-9)


def test_broydens_tridiagonal_system_has_the_root_that_few_equations_have(monkeypatch):
    """J. J. Moré, B. S. Garbow and K. E. Hillstrom, ACM TOMS 7 (1981), problem 30."""
    formula, start = cg.parse(BROYDEN), {"x": -np.ones(30)}
    dense = formula.solve(start)
    monkeypatch.setattr(system, "MOST_DENSE", 10)
    sparse = formula.solve(start)
    assert dense.converged
    assert sparse.converged
    assert (dense.method, sparse.method) == ("Newton, trust region", LargeRootWalk.method)
    np.testing.assert_allclose(sparse.values["x"], dense.values["x"], rtol=1e-14)
    assert sparse.uncertainty < 1e-14


def test_ten_thousand_equations_as_a_loop():
    text = "input x[3000]\n[x[k]^3 + x[k] - 2 + (x[k] - x[(k + 1) % 3000])/4 for k in range(3000)]"
    found = cg.parse(text).solve({"x": np.linspace(0.5, 2, 3000)})
    assert found.converged
    np.testing.assert_allclose(found.values["x"], 1.0, rtol=1e-12)


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr(system, "MOST_DENSE", 3)


def test_a_double_root_is_told_of(few):
    found = cg.parse("(x - 1)^2").solve({"x": np.linspace(0.1, 3, 12)})
    assert found.converged
    assert "singular" in found.message
    np.testing.assert_allclose(found.values["x"], 1.0, atol=1e-6)
    assert found.uncertainty > 1e-9


def test_what_has_no_root_is_not_called_one(few):
    found = cg.parse("x^2 + 1").solve({"x": np.linspace(0.1, 1, 12)})
    assert not found.converged
    assert found.residual > 0.9


def test_more_equations_than_unknowns(few):
    found = cg.parse("concat(x^2 - y, x*y - 1)").solve({"x": np.full(5, 1.5), "y": np.full(5, 0.5)}, wrt=["x", "y"])
    assert found.converged
    over = cg.parse("concat(x - 2, 3*x - 6, x*x - 4)").solve({"x": np.linspace(1, 4, 6)})
    assert over.converged
    np.testing.assert_allclose(over.values["x"], 2.0, rtol=1e-6)


def test_bounds_hold(few):
    found = cg.parse("x^2 - 4").solve({"x": np.full(6, -0.5)}, bounds={"x": (-5, -0.1)})
    assert found.converged
    np.testing.assert_allclose(found.values["x"], -2.0)


LOOP = "sum([100*(x[k+1] - x[k]^2)^2 + (1 - x[k])^2 for k in range(49)])"
VECTOR = "sum(100*(x[1:] - x[:-1]^2)^2 + (1 - x[:-1])^2)"


def test_a_loop_is_minimised_as_an_array_is():
    start = {"x": np.linspace(0.5, 1.2, 50)}
    loop, vector = (cg.parse(text).minimize(start) for text in (LOOP, VECTOR))
    assert loop.converged
    assert (loop.evaluations, loop.message) == (vector.evaluations, vector.message)
    np.testing.assert_allclose(loop.values["x"], vector.values["x"], rtol=1e-12)


def test_what_is_not_finite_in_a_loop_is_told_with_its_place():
    with pytest.raises(cg.CgError, match="sqrt") as told:
        cg.parse("sum([sqrt(x[k])*x[k]^2 + sin(x[k]) for k in range(120)])").minimize({"x": np.linspace(-1, 1, 120)})
    assert told.value.span is not None
