"""First terms for a small or large input: nearer to the formula the smaller, or larger, the input is."""

from __future__ import annotations

import mpmath
import pytest

import cgcli as cg
from cgcli.emit.formula import expression
from cgcli.explain.stable.building import Builder
from cgcli.explain.stable.leading import leading_terms
from cgcli.graph.copying import copied
from cgcli.graph.store import Graph

FORMULAS = [
    "(-b + sqrt(b*b - 4*a*c))/(2*a)", "sin(x + h) - sin(x)", "cos(x + h) - cos(x)", "tan(x + h) - tan(x)",
    "(x + 1)^(1/n) - x^(1/n)", "sqrt(x^2 + y^2) - x", "(exp(a*x) - 1)/a", "log(a + b) - log(a)",
    "atan(a + x) - atan(a)", "cbrt(x + y) - cbrt(x)", "asinh(x*y) - x*y", "tanh(a*x)/sinh(x)", "cosh(a*x) - log1p(x)",
    "atanh(a*x) - asin(a*x)", "hypot(x, y) - abs(x)", "expm1(a*x)/(a*x) - y^3", "1/(x + y) - 1/x",
]  # fmt: skip
SIZES = 1e-3, 1e-5


def forms_of(text, signs):
    """(form, inputs in order, small or large, the input that is so)."""
    formula = cg.parse(text)
    program = formula.bind(dict.fromkeys(formula.inputs, 1.5)).program
    (output,) = program.outputs.values()
    graph = Graph()
    node = copied(program.graph, graph, [output])[output]
    each = {name: {signs} for name in formula.inputs}
    for form, told in leading_terms(Builder(graph), node, list(formula.inputs), each, lambda: False):
        words = told.split()
        yield expression(graph, form), list(formula.inputs), words[-2], words[-1]


@pytest.mark.parametrize("signs", [1, -1])
@pytest.mark.parametrize("text", FORMULAS)
def test_the_error_goes_to_zero(text, signs):
    given = cg.parse(text)
    found = list(forms_of(text, signs))
    assert found or signs < 0
    values = {}
    for form, names, size, name in found:
        errors = []
        for small in SIZES:
            at = {each: signs * (0.7 + 0.13 * place) for place, each in enumerate(names)}
            at[name] = signs * (small if size == "small" else 1 / small)
            if (name, at[name]) not in values:
                values[name, at[name]] = given.eval(dict(at), digits=40)
            right = values[name, at[name]]
            parsed = cg.parse(form)
            value = parsed.eval({each: at[each] for each in parsed.inputs}, digits=40)
            errors.append(abs((value - right) / right))
        assert errors[1] < errors[0] / 50 or errors[1] < mpmath.mpf(10) ** -15, (form, size, name)


def test_terms_are_short():
    found = [
        form for form, _, size, name in forms_of("(-b + sqrt(b*b - 4*a*c))/(2*a)", 1) if (size, name) == ("large", "b")
    ]
    assert found[0] == "-(c / b)"
    found = [
        form for form, _, size, name in forms_of("(-b + sqrt(b*b - 4*a*c))/(2*a)", -1) if (size, name) == ("large", "b")
    ]
    assert found[:2] == ["-(b / a)", "c / b - b / a"]
