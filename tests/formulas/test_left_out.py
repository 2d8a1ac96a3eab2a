"""No derivative is left out silently: where no edge leads there is an error or a warning, else there is an operand."""

from __future__ import annotations

import subprocess
import sys

import mpmath
import numpy as np
import pytest

from cgcli import load, parse
from cgcli.errors import CalculationError, FormulaError, LeftOutWarning

BY_NAME = [
    # formula, values, the name that decides the graph
    ("besselj(n, x)*n", {"n": 1, "x": 2}, "n"),
    ("polygamma(n, x) + n", {"n": 1, "x": 2}, "n"),
    ("spherical_jn(n, x)*n", {"n": 1, "x": 2}, "n"),
    ("besselk(n + 1, x)*n", {"n": 1, "x": 2}, "n"),
    ("n = 2; besselj(n, x)*n", {"x": 2}, "n"),
    ("n = 2; m = n + 1; besselj(m, x)*n", {"x": 2}, "n"),
    ("sum([k*x for k in range(n)])*n", {"n": 3, "x": 2}, "n"),
    ("sum([k*x for k in range(n)])", {"n": 3, "x": 2}, "n"),
    ("[x, x^2, x^3][i]*i", {"i": 1, "x": 2}, "i"),
    ("sum([x, x^2, x^3][:i])*i", {"i": 2, "x": 2}, "i"),
    ("sum(linspace(0, x, n))*n", {"n": 3, "x": 2}, "n"),
    ("round(x, d)*d", {"d": 2, "x": 0.5}, "d"),
    ("besselj(floor(x), x)", {"x": 2.5}, "x"),
]


@pytest.mark.parametrize(("text", "values", "name"), BY_NAME, ids=[text for text, _, _ in BY_NAME])
def test_asked_for_by_name_it_is_an_error(text, values, name):
    formula = parse(text)
    for derive in (formula.grad, formula.jacobian, formula.hessian, formula.trace):
        with pytest.raises(CalculationError, match=f"no derivative with respect to `{name}`"):
            derive(values, wrt=[name])
    with pytest.raises(CalculationError):
        formula.hvp(values, directions={name: 1.0})
    with pytest.raises(CalculationError):
        formula.derivative(name, values)


@pytest.mark.parametrize(("text", "values", "name"), BY_NAME, ids=[text for text, _, _ in BY_NAME])
def test_diff_refuses_it_too(text, values, name):
    *before, last = text.split("; ")
    with pytest.raises(FormulaError, match="no derivative with respect to this"):
        parse("; ".join([*before, f"diff({last}, {name})"])).eval(values)


def test_by_all_inputs_it_is_told():
    formula = parse("besselj(n, x)*n")
    with pytest.warns(
        LeftOutWarning, match="`n` is left out of the derivatives: it sets the argument `n` of `besselj`"
    ):
        assert formula.grad(n=1, x=2).keys() == {"x"}
    with pytest.warns(LeftOutWarning):
        formula.hessian(n=1, x=2)
    with pytest.warns(LeftOutWarning):
        formula.grad_rows(n=1, x=np.array([1.0, 2.0]))
    with pytest.warns(LeftOutWarning, match="a limit of a range, a whole number"):
        parse("n*sum([k*x for k in range(n)])").grad(n=3, x=2)


def test_a_length_that_is_nothing_else_is_no_news():
    assert parse("sum([k*x for k in range(n)])").grad(n=3, x=2) == {"x": 3}


def test_other_outputs_and_other_names_are_not_touched():
    formula = parse("m = n + 1; y = besselj(m, x)*n; z = n^2; output y, z")
    assert formula.grad({"n": 2, "x": 2}, of="z", wrt=["n"]) == {"n": 4}
    assert parse("n = 2; y = besselj(n, x); a = n^3; a*x + 0*y").grad({"x": 2}, wrt=["a"]) == {"a": 2}
    assert parse("n = 3; v = linspace(0, 1, n); diff(n^2, n) + sum(v)").eval() == 7.5


def test_a_file_and_a_derivative_remember(tmp_path):
    formula = parse("besselj(n, x)*n")
    path = tmp_path / "f.npz"
    formula.save(path, n=1)
    for kept in (load(path), formula.derivative("x", {"n": 1})):
        with pytest.raises(CalculationError, match="no derivative with respect to `n`"):
            kept.grad({"x": 2}, wrt=["n"])
        with pytest.warns(LeftOutWarning):
            kept.grad(x=2)


def test_the_command_says_so():
    command = [sys.executable, "-m", "cgcli", "grad", "besselj(n,x)*n", "n=1", "x=2"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "d/dx" in done.stdout
    assert "d/dn" not in done.stdout
    assert "`n` is left out of the derivatives: it sets the argument `n` of `besselj`" in done.stderr


OPERANDS = ["elu(x, a)", "celu(x, a)", "leaky_relu(x, a)", "squareplus(x, a)", "soft_shrink(x, a)", "hard_shrink(x, a)",
            "thresholded_relu(x, a)", "heaviside(x, a)", "huber(x, 0, a)", "pseudo_huber(x, 0, a)",
            "norm([x, 1, 2], 1 + a)"]  # fmt: skip


@pytest.mark.parametrize("text", OPERANDS)
def test_real_parameters_vary_from_row_to_row(text):
    """A column of parameters gives what single calls give, values and derivatives."""
    formula = parse(text)
    x, a = np.array([-2.0, -0.3, 0.4, 3.0]), np.array([0.3, 0.7, 1.5, 2.0])
    values, slopes = formula.eval_rows(x=x, a=a), formula.grad_rows(x=x, a=a)
    for row in range(len(x)):
        assert values[row] == pytest.approx(formula.eval(x=x[row], a=a[row]), rel=1e-14)
        single = formula.grad(x=x[row], a=a[row])
        assert [slopes[name][row] for name in "xa"] == pytest.approx([single["x"], single["a"]], rel=1e-13)


@pytest.mark.parametrize("p", [1.0, 1.3, 2.0, 5.0])
def test_the_order_of_a_norm_is_an_operand(p):
    v = [3.0, -4.0, 0.5, 0.0]
    found = parse("norm(v, p)").grad(v=v, p=p)
    assert parse("norm(v, p)").eval(v=v, p=p) == pytest.approx(np.linalg.norm(v, p), rel=1e-15)
    size = lambda q: mpmath.fsum(abs(mpmath.mpf(each)) ** q for each in v if each) ** (1 / q)  # noqa: E731
    with mpmath.workdps(30):
        assert found["p"] == pytest.approx(float(mpmath.diff(size, p)), rel=1e-13)


def test_norms_of_large_and_infinite_orders():
    formula = parse("norm(v, p)")
    assert formula.eval(v=[3e200, -4e200], p=2) == pytest.approx(5e200)
    assert formula.grad(v=[3, -4, 4], p=np.inf) == {"v": pytest.approx([0, -0.5, 0.5]), "p": 0}
    assert formula.grad(v=[0, 0], p=2) == {"v": pytest.approx([0, 0]), "p": 0}
    assert np.isnan(formula.eval(v=[1, 2], p=0.5))


def test_defaults_stay_and_are_not_printed():
    assert str(parse("elu(x)")) == "elu(x)"
    assert str(parse("elu(x, 2)")) == "elu(x, 2)"
    assert parse("elu(x)").latex() == r"\operatorname{elu}\left(x\right)"
