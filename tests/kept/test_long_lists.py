"""Long lists, each one array, in what other rooms make of a formula: derivatives as texts, workings, causes."""

from __future__ import annotations

import numpy as np
import pytest

import cgcli as cg
from cgcli.errors import FormulaError
from cgcli.language import limits
from tests.kept.keeping import everything_kept

SERIES = "sum(sin(k*x)/k for k in range(1, 30000))"


def test_the_working_of_a_long_sum_ends_in_its_derivative() -> None:
    steps = cg.parse(SERIES).steps(x=0.3)
    assert str(steps).splitlines()[-1] == "= sum(cos(x * range(1, 30000)))"


@pytest.mark.parametrize("text", ["sum(sin(v*x)/v)", "sum(v^x + atan(x/v))", "sum(log(v + x)*exp(x))"])
def test_the_working_over_an_array(text: str) -> None:
    v = np.linspace(1, 2, 400)
    formula = cg.parse(f"input v[400]; {text}")
    last = formula.steps("x", {"x": 0.3, "v": v}).lines[-1].formula
    values = {"x": 0.3, "v": v}
    given = {name: values[name] for name in cg.parse(last).inputs}
    assert cg.parse(last).eval(given) == pytest.approx(formula.grad(values)["x"], rel=1e-12)


@pytest.mark.parametrize("text", ["u = [sin(x) for i in range(3)]; x^2", "u = [sin(k*x) for k in range(9000)]; x^2"])
def test_a_list_that_nothing_needs_does_not_stand_in_the_way_of_a_derivative(text: str) -> None:
    assert str(cg.parse(text).derivative("x")) == "2 * x"


@pytest.mark.parametrize("over", ["sum(v[p]*x for p in u)", "step(s, p) = s*x + v[p]; fold(step, 0, u)"])
def test_positions_in_a_long_list_of_numbers(over: str) -> None:
    """What is written out, since its positions come from a list, knows the numbers in that list."""
    text = f"input v[7]; u = [3*i % 7 for i in range(40)]; {over}"
    values = {"v": np.arange(7.0) + 1, "x": 0.5}
    plain = cg.parse(text).eval(values)
    with everything_kept():
        kept = cg.parse(text)
    assert kept.eval(values) == pytest.approx(plain, rel=1e-14)


@pytest.mark.parametrize(
    ("text", "shape"), [("v[3]^2", (50,)), ("v[3, 1]^2", (50, 2)), ("sum(v[1, 4:9]^2)*v[0, -1]", (2, 50))]
)
def test_the_place_in_a_long_axis_is_told_by_its_number(text: str, shape: tuple[int, ...]) -> None:
    """A row of the identity would be as many numbers squared."""
    formula = cg.parse(f"input v{list(shape)}; {text}")
    v = np.random.default_rng(1).uniform(1, 2, shape)
    derivative = str(formula.derivative("v"))
    assert "eye(50)" not in derivative
    np.testing.assert_array_equal(cg.parse(derivative).eval(v=v), formula.grad(v=v)["v"])


def test_no_cures_are_tried_on_a_long_list() -> None:
    why = cg.parse("sum(log(x - k) for k in range(30000))").why(x=7)
    assert why.findings
    assert not any(finding.cures for finding in why.findings)


def test_a_range_that_is_too_long_names_the_limit_that_it_passes() -> None:
    with pytest.raises(FormulaError, match=f"{limits.MOST_STEPS:,} that are allowed"):
        cg.parse("sum(k*x for k in range(1000000000))")


@pytest.mark.parametrize("step", ["sum(sum([[s, x] for j in range(3)]))/6", "s*0.5 + sum(sin([s, x]*[1, 2]))"])
def test_an_array_within_a_loop_of_numbers_alone(step: str) -> None:
    """The engine is chosen by what a loop computes, too."""
    text = f"step(s, i) = {step}; fold(step, x, range(40))"
    plain = cg.parse(text).eval(x=0.7)
    with everything_kept():
        kept = cg.parse(text)
    assert kept.eval(x=0.7) == pytest.approx(plain, rel=1e-13)
