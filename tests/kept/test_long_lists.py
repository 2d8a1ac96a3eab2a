"""Long lists, each one array, in what other rooms make of a formula: derivatives as texts, workings, causes."""

from __future__ import annotations

import numpy as np
import pytest

import cgcli as cg
from cgcli.emit.formula import expression
from cgcli.errors import FormulaError, ShapeError
from cgcli.graph.store import Graph
from cgcli.language import limits
from cgcli.ops import shaping
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


ITEMS = (
    "sum([k*x, y]*v)", "sum([k*x, y, 2])", "sum(sum([[k*x, y], v]^2))", "sum(cumsum(concat([k*x, y], v)))",
    "sum(sum(concat([[k*x, y]], [v, v])^2))", "mean([k*x, y, v[0]])", "sum([k*x, y] @ [[1, x], [y, 2]])",
    "sum(sum(outer([k*x, y], v)^2))", "sum([[k*x, y], v].T @ [2, x])", "sum(sum(diag([k*x, y])^2))",
)  # fmt: skip


@pytest.mark.parametrize("item", ITEMS)
def test_lists_of_arrays_have_texts(item: str) -> None:
    """What puts arrays side by side, or turns them, for all items at once is written in words of the language."""
    with everything_kept():
        formula = cg.parse(f"input v[2]; u = [{item} for k in range(4)]; sum(u^2)")
        whole = cg.parse(f"input v[2]; u = [[{item}, x]*[[1, y], [y, 2]] for k in range(4)]; sum(sum(sum(u^2)))")
    for one in (formula, whole):
        values = {"x": 0.3, "y": 0.7, "v": np.array([0.2, 0.9])}
        given = {name: values[name] for name in one.inputs}
        again = cg.parse(str(one))
        assert again.eval({name: values[name] for name in again.inputs}) == pytest.approx(one.eval(given), rel=1e-13)
        slope = cg.parse(str(one.derivative("x")))
        found = slope.eval({name: values[name] for name in slope.inputs})
        assert found == pytest.approx(one.grad(given)["x"], rel=1e-12)


def test_axes_in_another_order_have_a_text() -> None:
    graph = Graph()
    x = graph.input("x", (2, 3, 4, 5))
    text = "input x[2, 3, 4, 5]; 2*" + expression(graph, graph.apply(shaping.permute, [x], [(0, 1, 3, 2)]))
    given = np.random.default_rng(3).uniform(size=(2, 3, 4, 5))
    np.testing.assert_array_equal(cg.parse(text).eval(x=given), 2 * given.transpose(0, 1, 3, 2))


def test_too_many_indices_are_told_of_the_list() -> None:
    with pytest.raises(ShapeError, match="an array of 1 axes cannot take 2 indices"):
        cg.parse("u = [k*x for k in range(20000)]; u[0, 1]").bind({"x": 1.0})


def test_lists_within_long_lists_are_arrays_too() -> None:
    text = "sum(sum(sum(i*j*k*x for i in range({0})) for j in range({0})) for k in range({0}))"
    formula = cg.parse(text.format(90))
    assert formula.eval(x=2) == 2 * sum(range(90)) ** 3
    assert len(formula.bind(x=2).program.graph) < 30
    with pytest.raises(FormulaError, match="1,000,000,000 numbers at once, more than the 100,000,000"):
        cg.parse(text.format(1000)).eval(x=2)
