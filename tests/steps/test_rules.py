"""What rules of a working say: derivatives as tables print them are those of the rows, and are written as in a book."""

from __future__ import annotations

import pytest

import cgcli as cg
from cgcli.explain.judging import SAME, judge
from cgcli.explain.table_rule import slopes_of
from cgcli.explain.table_slopes import SLOPES
from cgcli.graph.store import Graph
from cgcli.passes.folding import FoldingRef
from cgcli.passes.partials import local_partials

OUTSIDE = {"acosh": 1.7, "acoth": 1.7, "asec": 1.7, "acsc": 1.7}
"""Where a function is not defined between 0 and 1."""


@pytest.mark.parametrize("row", SLOPES, ids=lambda row: row.name)
def test_derivatives_of_tables_are_those_of_the_rows(row):
    graph = Graph()
    names = "abc"[: len([parameter for parameter in row.parameters if not parameter.static])]
    operands = [graph.input(name, ()) for name in names]
    node = graph.apply(row, operands)
    refs = [FoldingRef(graph, operand) for operand in operands]
    places = range(len(operands))
    told = slopes_of(row, refs, FoldingRef(graph, node), places)
    for slope, partial in zip(told, local_partials(graph, node, places), strict=True):
        for first in (0.375, 0.6875):
            at = dict(zip(names, (OUTSIDE.get(row.name, first), 1.3125), strict=False))
            assert judge(graph, slope.node, partial, at).verdict == SAME


@pytest.mark.parametrize(
    ("formula", "rule", "general"),
    [
        ("tan(x)", "derivative of tan", "tan(x)' = 1 + tan(x)^2"),
        ("log(x^2)", "derivative of log and chain rule", "log(u)' = u' / u"),
        ("asin(2*x)", "derivative of asin and chain rule", "asin(u)' = u' / sqrt(1 - u^2)"),
        ("log(x, 2)", "derivative of log", "log(x, 2)' = 1 / (log(2) · x)"),
        ("atan2(y, x)", "derivative of atan2", "atan2(c, x)' = -c / (c^2 + x^2)"),
        ("7 % x", "derivative of mod", "(7 % x)' = -(7 // x)"),
        ("e^(2*x)", "exponential rule and chain rule", "(e^u)' = e^u · u'"),
        ("3/x^2", "power rule", "(c / x^n)' = -c · n / x^(n + 1)"),
        ("x*sin(x)*exp(x)", "product rule", "(u · v · w)' = u' · v · w + u · v' · w + u · v · w'"),
        ("x^2 - 3 + sin(x) - 2*x", "sum and difference rule", "(u - c + v - w)' = u' + v' - w'"),
        ("x^0*y", "constant factor rule", "(c · u)' = c · u'"),
        ("5*x^2*y/7", "constant factor rule", "(c · u / k)' = c · u' / k"),
        ("[x, 2]@[3, x]", "lists written out", "element by element"),
    ],
)
def test_rules_in_general(formula, rule, general):
    first = cg.parse(formula).steps("x").lines[1]
    assert first.rule == (rule, general)


@pytest.mark.parametrize(
    ("formula", "lines"),
    [
        ("-2*x^2 + 3*x - 7", [
            "d/dx(-2 * x^2 + 3 * x - 7)", "d/dx(-2 * x^2) + d/dx(3 * x)", "-2 * d/dx(x^2) + d/dx(3 * x)",
            "-2 * 2 * x + d/dx(3 * x)", "-2 * 2 * x + 3", "-4 * x + 3", "3 - 4 * x",
        ]),
        ("exp(-x^2/2)", [
            "d/dx(exp(-x^2 / 2))", "exp(-x^2 / 2) * d/dx(-x^2 / 2)", "exp(-x^2 / 2) * (-d/dx(x^2)) / 2",
            "exp(-x^2 / 2) * (-2) * x / 2", "-x * exp(-x^2 / 2)",
        ]),
        ("1/x^2", ["d/dx(1 / x^2)", "-2 / x^3"]),
        ("2^x", ["d/dx(2^x)", "2^x * log(2)"]),
        ("x^x", ["d/dx(x^x)", "x^x * (log(x) + x / x)", "(log(x) + 1) * x^x"]),
        ("x^2.5", ["d/dx(x^2.5)", "2.5 * x^1.5"]),
        ("(x - 3)*5*x", [
            "d/dx((x - 3) * 5 * x)", "5 * d/dx((x - 3) * x)", "5 * (d/dx(x - 3) * x + x - 3)", "5 * (x + x - 3)",
            "5 * (2 * x - 3)",
        ]),
        ("exp(x)*(sin(x) + cos(x))", [
            "d/dx(exp(x) * (sin(x) + cos(x)))", "d/dx(exp(x)) * (sin(x) + cos(x)) + exp(x) * d/dx(sin(x) + cos(x))",
            "exp(x) * (sin(x) + cos(x)) + exp(x) * d/dx(sin(x) + cos(x))",
            "exp(x) * (sin(x) + cos(x)) + exp(x) * (d/dx(sin(x)) + d/dx(cos(x)))",
            "exp(x) * (sin(x) + cos(x)) + exp(x) * (cos(x) + d/dx(cos(x)))",
            "exp(x) * (sin(x) + cos(x)) + exp(x) * (cos(x) - sin(x))", "2 * exp(x) * cos(x)",
        ]),
        ("x", ["d/dx(x)", "1"]),
        ("max(x, 3)", ["d/dx(max(x, 3))", "where(x > 3, 1, where(3 > x, 0, 1 / 2))"]),
        ("acosh(x)", ["d/dx(acosh(x))", "1 / sqrt(x^2 - 1)"]),
        ("gelu(x)", ["d/dx(gelu(x))", "d/dx(x * ndtr(x))", "ndtr(x) + x * d/dx(ndtr(x))", "ndtr(x) + x * normpdf(x)"]),
    ],
)  # fmt: skip
def test_workings_are_as_short_as_on_paper(formula, lines):
    assert [line.text for line in cg.parse(formula).steps().lines] == lines


@pytest.mark.parametrize(
    ("formula", "last"),
    [
        ("(x^2 + 1)/(x^2 - 1)", "-4 * x / (x^2 - 1)^2"),
        ("(2*x - 1)^3*(x + 4)^2", "(2 * x - 1)^2 * (x + 4) * (10 * x + 22)"),
        ("x*sqrt(4 - x^2)", "(4 - 2 * x^2) / sqrt(4 - x^2)"),
        ("x/sqrt(x^2 + 1)", "1 / (x^2 + 1)^1.5"),
        ("atan(1/x)", "-1 / (x^2 + 1)"),
        ("exp(2*x)/(1 + exp(2*x))", "2 * exp(2 * x) / (1 + exp(2 * x))^2"),
        ("sinh(x)/cosh(x)", "1 / cosh(x)^2"),
        ("(0.1*x + 0.3)*(x - 0.2)", "0.2 * x + 0.28"),
        ("x^2*sin(x)", "2 * x * sin(x) + x^2 * cos(x)"),
        ("a*x/(b + x)", "a * b / (x + b)^2"),
        ("1/(2*x)", "-1 / (2 * x^2)"),
    ],
)
def test_a_working_ends_where_it_does_on_paper(formula, last):
    """Parentheses are multiplied out, and common factors taken out, where terms meet by it, and nowhere else."""
    assert cg.parse(formula).steps("x").lines[-1].text == last
