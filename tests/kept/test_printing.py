"""A kept fold as text: a function and a `fold` that parse back to the same values."""

from __future__ import annotations

import re

import numpy as np
import pytest

import cgcli as cg
from cgcli.emit.formula import program_text
from cgcli.ops import REGISTRY
from tests.kept.keeping import everything_kept
from tests.kept.test_texts import TEXTS, shape_in


def values_of(formula, text):
    random = np.random.default_rng(2)
    names = [name for name in formula.inputs if name not in REGISTRY.by_name]
    return {name: random.uniform(0.3, 0.9, shape_in(text, name)) for name in names}


@pytest.mark.parametrize("name", TEXTS)
def test_what_is_printed_parses_back(name):
    with everything_kept():
        formula = cg.parse(TEXTS[name])
        values = values_of(formula, TEXTS[name])
        program = formula.bind(values).program
        printed = program_text(program.graph, program.outputs, inputs=program.inputs)
        assert "fold(" in printed or "scan(" in printed
        again = cg.parse(printed)
        np.testing.assert_allclose(again.eval(values), formula.eval(values), rtol=1e-13)


@pytest.mark.parametrize(
    ("name", "by"), [(name, by) for name, text in TEXTS.items() for by in "xr" if re.search(rf"\b{by}\b", text)]
)
def test_derivatives_parse_back(name, by):
    with everything_kept():
        formula = cg.parse(TEXTS[name])
        derivative = formula.derivative(by)
        values = {each: value for each, value in values_of(formula, TEXTS[name]).items() if each in derivative.inputs}
        again = cg.parse(str(derivative))
        np.testing.assert_allclose(again.eval(values), derivative.eval(values), rtol=1e-12)


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        (
            "step(x, i) = r*x*(1 - x); fold(step, 0.4, range(9))",
            "step(x, i) = r * x * (1 - x)\nfold(step, 0.4, range(9))",
        ),
        (
            "input v[9]; a = 2*r; step(s, i) = a*s + v[i]; y = fold(step, 1, range(9))",
            "input v[9]\nstep(s, v_i) = a * s + v_i\na = 2 * r\ny = fold(step, 1, v)",
        ),
        (
            "input v[9]; step(s, i) = s*v[8 - i] + v[i]; fold(step, 1, range(9))",
            "input v[9]\nstep(s, i) = s * t1[i] + v[i]\nt1 = v[::-1]\nfold(step, 1, range(9))",
        ),
        (
            "step(s, i) = s*r + i; sum(scan(step, x, range(9))^2)",
            "step(s, i) = s * r + i\nt1 = scan(step, x, range(9))\nsum(t1^2)",
        ),
        (
            "def step(a, b, i): return b*r, a + x\nu, v = scan(step, (x, 1), range(9)); u[3]*v[2]",
            "step(state, i) = [state[1] * r, state[0] + x]\nt1 = scan(step, [x, 1], range(9))\n"
            "u = t1[:, 0]\nv = t1[:, 1]\nu[3] * v[2]",
        ),
    ],
    ids=["of numbers", "shared names", "several items", "all states", "all states of several values"],
)
def test_texts(text, printed):
    with everything_kept():
        assert str(cg.parse(text)) == printed


def test_latex_names_the_function():
    with everything_kept():
        shown = cg.parse("step(x, i) = r*x*(1 - x); fold(step, 0.4, range(9))").latex()
        assert r"\operatorname{fold}\left(\operatorname{step}, " in shown
        shown = cg.parse("step(x, i) = r*x*i; scan(step, 0.4, range(9))[2]").latex()
        assert r"\operatorname{scan}\left(\operatorname{step}, 0.4, \left(0, 1, \ldots, 8\right), r\right)" in shown
