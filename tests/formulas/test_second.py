"""Second derivatives take one pass for each first one, and there is an end to them that is told."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cgcli as cg
from cgcli.errors import CalculationError
from cgcli.formulas import derivatives
from cgcli.passes import derivative


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Counts the reverse passes: its length."""
    counted: list[int] = []

    def counting(graph: Any, outputs: Any, wrt: Any, seeds: Any = None) -> Any:
        counted.append(len(wrt))
        return original(graph, outputs, wrt, seeds)

    original = derivative.differentiate
    monkeypatch.setattr(derivative, "differentiate", counting)
    return counted


def test_a_pass_for_each_number(passes: list[int]) -> None:
    names = [f"x{place}" for place in range(40)]
    formula = cg.parse("+".join(f"{one}^2*{other}" for one, other in zip(names, names[1:] + names[:1], strict=True)))
    found = formula.hessian(dict.fromkeys(names, 3.0))
    assert passes == [40] * 40
    assert found["x1"] == {name: {"x1": 6.0, "x0": 6.0, "x2": 6.0}.get(name, 0.0) for name in names}


def test_first_derivatives_that_are_one_node_take_one_pass(passes: list[int]) -> None:
    names = [f"x{place}" for place in range(300)]
    found = cg.parse(f"({'+'.join(names)})^3").hessian(dict.fromkeys(names, 0.01))
    assert len(passes) == 1
    assert found["x7"]["x250"] == pytest.approx(18)


def test_a_pass_for_each_element(passes: list[int]) -> None:
    formula = cg.parse("sum(v)^2 + sum(v^3*w) + x*sum(v*w)")
    v, w = np.linspace(1, 2, 30), np.linspace(-1, 1, 30)
    found = formula.hessian(v=v, w=w, x=2.0)
    assert len(passes) <= 3 * 30 + 20
    assert found["v"]["v"] == pytest.approx(2 + np.diag(6 * v * w))
    assert found["v"]["w"] == pytest.approx(np.diag(3 * v**2 + 2))
    assert found["v"]["x"] == pytest.approx(w)
    assert found["x"]["w"] == pytest.approx(v)
    assert found["x"]["x"] == 0


def test_there_is_an_end_that_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"x{place}" for place in range(60)]
    formula, point = cg.parse("*".join(names)), dict.fromkeys(names, 1.0)
    monkeypatch.setattr(derivatives, "MOST_ENTRIES", 3000)
    with pytest.raises(CalculationError, match="the Hessian by 60 inputs has 3,600 entries, more than 3,000"):
        formula.hessian(point)
    assert len(formula.hessian(point, wrt=names[:50])) == 50
    monkeypatch.setattr(derivative, "MOST_ADDED", 1000)
    with pytest.raises(CalculationError, match="these derivatives need more than 1,000 nodes"):
        formula.hessian(point, wrt=names[:49])
    monkeypatch.setattr(derivative, "MOST_ADDED", 100)
    with pytest.raises(CalculationError, match="these derivatives need more than 100 nodes"):
        cg.parse("prod(v)*exp(v)").jacobian(v=np.ones(20))
