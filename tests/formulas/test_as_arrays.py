"""The gradient of a formula with many scalars, which are done as arrays, is that of the scalars one by one."""

from __future__ import annotations

import numpy as np
import pytest

import cgcli as cg
from cgcli.formulas import as_arrays, derivatives
from cgcli.passes import rolling

FORMULAS = {
    "a triangle": "F = [[exp(q[i]) if i == j else (A[i, j]*q[j] if i > j else 0) for j in range(6)]\n"
    "    for i in range(6)]\nsum((F @ q)^2) + a*sum(log(F[0, 0] + A^2))",
    "places that are computed": "sum([sin(q[(5*k) % 6]*q[k % 6]) + A[k % 6, (k + 1) % 6]*a for k in range(40)])",
    "kinks": "sum([max(q[k % 6], A[k % 6, k % 5]) + abs(q[(k + 1) % 6] - a) for k in range(40)])",
    "a product and a matrix": "prod([1 + q[k % 6]/9 for k in range(40)])*sum(A @ q) + [q[k % 6] for k in range(40)][7]",
}


def values_of(formula):
    rng = np.random.default_rng(5)
    given = {"q": rng.uniform(0.2, 1, 6), "A": rng.uniform(0.2, 1, (6, 6)), "a": 0.7}
    return {name: given[name] for name in formula.inputs}


@pytest.fixture
def eager(monkeypatch):
    """Whatever has scalars is done as arrays; returned is what takes that back."""
    monkeypatch.setattr(derivatives, "MANY_NODES", 0)
    monkeypatch.setattr(rolling, "FEWEST_SCALARS", 2)
    monkeypatch.setattr(rolling, "SHORTEST", 2)
    return lambda: monkeypatch.setattr(derivatives, "MANY_NODES", 10**9)


@pytest.mark.parametrize("kind", FORMULAS)
def test_it_is_the_gradient_of_the_scalars(kind, eager):
    formula = cg.parse(FORMULAS[kind])
    values = values_of(formula)
    bound = formula.bind(values)
    made = as_arrays.gradient_by_arrays(bound.program, bound.program.outputs, bound.graph.inputs())
    assert made[1]
    found = derivatives.gradients(bound)
    plain = cg.parse(FORMULAS[kind])
    eager()
    expected = derivatives.gradients(plain.bind(values))
    np.testing.assert_allclose(found[0]["result"], expected[0]["result"], rtol=1e-14)
    for name, slope in expected[1]["result"].items():
        np.testing.assert_allclose(found[1]["result"][name], slope, rtol=1e-13, atol=1e-15)


def test_what_it_gives_shares_no_memory(eager):
    formula = cg.parse(FORMULAS["a triangle"])
    values = values_of(formula)
    first = formula.grad(values)
    first["A"][:] = 0
    assert formula.grad(values)["A"].any()


def test_where_a_number_is_not_finite_the_text_is_asked(eager):
    formula = cg.parse("sum([log(q[(5*k) % 6])*q[k % 6] for k in range(40)])")
    with pytest.warns(cg.NotFiniteWarning, match="log"):
        formula.grad(q=[1.0, 2.0, -1.0, 3.0, 1.0, 1.0])


def test_by_a_name_or_a_part_the_text_is_asked(eager):
    formula = cg.parse("h = q^2\nsum([sin(h[(5*k) % 6]*q[k % 6]) for k in range(40)])")
    values = values_of(formula)
    by_name = formula.grad(values, wrt=["h", "q[2]"])
    np.testing.assert_allclose(formula.grad(values)["q"][2], by_name["q[2]"], rtol=1e-13)
