"""A new operation is one new row and nothing else: one is declared here and used everywhere."""

from __future__ import annotations

import importlib.util
import json
from math import exp, sqrt

import numpy as np
import pytest

import cgcli
from cgcli import __main__ as program
from cgcli.errors import FormulaError
from cgcli.explain.checking import AGREES, check
from cgcli.ops import REGISTRY, structure, temporary_rows
from cgcli.ops.row import POSITIVE, REAL, Operation

HAS_NATIVE = importlib.util.find_spec("llvmlite") is not None


def bump(x, width):
    """What the new operation means: x*exp(-x/width)."""
    return x * exp(-x / width)


def slopes(x, width):
    """Its partial derivatives by hand."""
    return [exp(-x / width) * (1 - x / width), x * x / width**2 * exp(-x / width)]


def second_slope(x, width):
    """Its second derivative with respect to x by hand."""
    return exp(-x / width) * (x / width - 2) / width


@pytest.fixture
def row():
    """The row; after the test it is gone."""
    with temporary_rows():
        yield Operation(
            "bump", "x, width", aliases=("ricker",), compute=bump,
            partials=(
                lambda x, width, r: cgcli.exp(-x / width) - r / width,
                lambda x, width, r: x * r / cgcli.square(width),
            ),
            spell={
                "numpy": lambda np, x, width: x * np.exp(-x / width),
                "native": lambda lanes, x, width: x * lanes.call("exp", -x / width),
                "precise": lambda mp, x, width: x * mp.exp(-x / width),
                "latex": r"\beta_{{{1}}}\left({0}\right)",
            },
            domain=(REAL, POSITIVE), about="x that dies out.", source="this test",
        )  # fmt: skip


def run(capsys, *words):
    """A command line; what it printed."""
    assert program.main(list(words)) == 0
    return capsys.readouterr().out


@pytest.fixture
def formula(row):
    return cgcli.parse("a * bump(x, 2)")


POINT = {"a": 3, "x": 1.5}


def test_the_parser_knows_its_name_and_alias(formula):
    assert str(formula) == "a * bump(x, 2)"
    assert str(cgcli.parse("ricker(x, 2)")) == "bump(x, 2)"
    with pytest.raises(FormulaError, match="bump"):
        cgcli.parse("bump(x)")


@pytest.mark.parametrize("engine", ["python", "numpy", "native"])
def test_every_engine_of_doubles_computes_and_differentiates_it(formula, engine):
    if engine == "native" and not HAS_NATIVE:
        pytest.skip("llvmlite is not installed")
    by_x, _ = slopes(1.5, 2)
    assert formula.eval(POINT, engine=engine) == pytest.approx(3 * bump(1.5, 2), rel=1e-14)
    found = formula.grad(POINT, engine=engine)
    assert found == pytest.approx({"a": bump(1.5, 2), "x": 3 * by_x}, rel=1e-14)
    assert formula.hessian(POINT, engine=engine)["x"]["x"] == pytest.approx(3 * second_slope(1.5, 2), rel=1e-13)


@pytest.mark.parametrize("engine", ["numpy", "native"])
def test_tables_and_arrays(formula, engine):
    if engine == "native" and not HAS_NATIVE:
        pytest.skip("llvmlite is not installed")
    xs = np.linspace(-1, 4, 37)
    expected = [3 * bump(x, 2) for x in xs]
    assert formula.eval_rows(a=3, x=xs, engine=engine) == pytest.approx(expected, rel=1e-13)
    total = cgcli.parse("sum(bump(v, [1, 2]))").grad(v=[0.5, 1.5], engine=engine)
    assert total["v"] == pytest.approx([slopes(0.5, 1)[0], slopes(1.5, 2)[0]], rel=1e-13)


def test_many_digits(formula):
    found = formula.eval({"a": 3, "x": 1.5}, digits=40)
    assert abs(found - 3 * bump(1.5, 2)) < 1e-15
    assert found != float(found)


def test_the_rule_stands_the_check(row):
    graph = cgcli.parse("bump(x, w)").graph
    places = list(graph.inputs().values())
    report = check(graph, len(graph) - 1, places, {"x": 0.7, "w": 1.3}, order=2)
    assert {finding.verdict for finding in report.findings} == {AGREES}


def test_derivatives_as_formulas(formula):
    text = str(formula.derivative("x"))
    again = cgcli.parse(text)
    assert "bump" in text or "exp" in text
    assert again.eval(POINT) == pytest.approx(3 * slopes(1.5, 2)[0], rel=1e-14)
    assert cgcli.parse("diff(bump(x, 2), x, 2)").eval(x=1.5) == pytest.approx(second_slope(1.5, 2), rel=1e-13)


def test_latex(formula):
    assert formula.latex() == r"a \cdot \beta_{2}\left(x\right)"


def test_building_by_calls(row):
    x, y = cgcli.inputs("x y")
    built = cgcli.formula(cgcli.bump(x, cgcli.sqrt(y)) + 1)
    assert str(built) == "bump(x, sqrt(y)) + 1"
    assert built.eval(x=1.5, y=4) == pytest.approx(bump(1.5, sqrt(4)) + 1)


def test_commands(formula, capsys):
    assert float(run(capsys, "eval", "a*bump(x, 2)", "a=3", "x=1.5")) == formula.eval(POINT)
    assert "bump" in run(capsys, "trace", "a*bump(x, 2)", "a=3", "x=1.5")
    assert "bump" in run(capsys, "draw", "a*bump(x, 2)", "a=3", "x=1.5")


def test_cg_ops(row, capsys):
    text = run(capsys, "ops", "ricker")
    assert text.startswith("bump(x, width)\n  x that dies out.\n")
    for line in ("aliases     ricker", "domain      width in (0, inf)", "source      this test", "d/dwidth = "):
        assert line in text
    assert "bump(x, width)" in run(capsys, "ops")
    facts = json.loads(run(capsys, "ops", "bump", "--json"))
    slope = cgcli.parse(facts["derivatives"]["d/dx"])
    assert slope.eval(x=1.5, width=2) == pytest.approx(slopes(1.5, 2)[0], rel=1e-14)


def test_it_is_gone_afterwards():
    with temporary_rows():
        Operation("bump", "x", compute=lambda x: x)
    assert "bump" not in REGISTRY.by_name
    with pytest.raises(FormulaError, match="bump"):
        cgcli.parse("bump(x)")


def test_the_codes_of_leaves_are_fixed():
    """Compiled loops of the reader know them as numbers, and numba keeps those on disk when another row is added."""
    assert (structure.constant.code, structure.array.code, structure.variable.code) == (0, 1, 2)
