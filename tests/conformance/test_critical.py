"""Values and derivatives where rules used to be 0/0, to cancel, or to overflow on the way; against mpmath."""

from __future__ import annotations

from math import inf, log

import mpmath
import numpy as np
import pytest

import cgcli as cg

MP = mpmath.MPContext()
MP.dps = 120
STEP = MP.mpf(10) ** -18
"""Relative step of the differences that judge; with 120 digits they are right to 30."""

erfcx = (lambda x: MP.exp(x * x) * MP.erfc(x), "erfcx(x)")
dawsn = (lambda x: MP.sqrt(MP.pi) / 2 * MP.exp(-x * x) * MP.erfi(x), "dawsn(x)")
log_ndtr = (lambda x: MP.log(MP.ncdf(x)), "log_ndtr(x)")
ellipk, ellipe = (MP.ellipk, "ellipk(x)"), (MP.ellipe, "ellipe(x)")
rgamma = (MP.rgamma, "rgamma(x)")
lambertw = (lambda x: MP.re(MP.lambertw(x)), "lambertw(x)")

SMOOTH = [
    *((*erfcx, x) for x in (-3.0, 0.0, 0.9, 1.1, 7.0, 1e2, 1e4)),
    *((*dawsn, x) for x in (-20.0, 0.0, 0.9, 1.1, 5.0, 6.9, 7.1, 1e3)),
    *((*log_ndtr, x) for x in (-200.0, -30.0, -5.0, -0.1, 0.1, 3.0)),
    *((*function, x) for function in (ellipk, ellipe) for x in (-1e6, -2.0, -1e-9, 0.0, 1e-15, 1e-9, 0.3, 0.7, 0.999)),
    *((*rgamma, x) for x in (-3.0, -3.0 + 1e-9, -0.5, 0.0, 1e-12, 0.4, 0.6, 30.0)),
    *((*lambertw, x) for x in (-0.36787944, -0.3, 0.0, 5.0)),
    *((lambda x: MP.binomial(x, 2), "comb(x, 2)", x) for x in (0.0, 1.0, 2.0, 5.0, 1e9)),
    *((lambda x: MP.binomial(5, x), "comb(5, x)", x) for x in (-1.0, 0.0, 2.5, 5.0, 6.0)),
    *((lambda x: MP.ff(x, 3), "perm(x, 3)", x) for x in (0.0, 1.0, 3.0, 1e9)),
    *((lambda x: MP.beta(x, 2), "beta(x, 2)", x) for x in (1e-6, 1.0, 1e6)),
    *((lambda x: MP.loggamma(x) - MP.loggamma(x + 2), "lbeta(x, 2)", x) for x in (1e-6, 1.0, 1e9)),
    *((lambda x: 1 - (1 + x) * MP.exp(-x), "gammainc(2, x)", x) for x in (0.0, 1e-9, 1.0, 30.0)),
    *((lambda x: MP.exp(-x), "gammaincc(1, x)", x) for x in (0.0, 1e-9, 1.0)),
    *((lambda x: MP.log(MP.exp(x) + 1), "logaddexp(x, 0)", x) for x in (-800.0, 0.0, 800.0)),
    *((function, f"{name}(x)", x) for name, function in (("asin", MP.asin), ("acos", MP.acos), ("atanh", MP.atanh))
      for x in (1e-12, 0.5, 1 - 1e-6)),
    *((lambda x: MP.log1p(-MP.exp(x)), "log1mexp(x)", x) for x in (-600.0, -1.0, -1e-6)),
    *((MP.asinh, "asinh(x)", x) for x in (1e200,)), *((MP.acosh, "acosh(x)", x) for x in (1e200,)),
]  # fmt: skip
"""(the function in many digits, the formula, the point)."""


def differences(function, x):
    """Value and first three derivatives by central differences in many digits."""
    x, h = MP.mpf(x), STEP * max(abs(MP.mpf(x)), MP.mpf(1) if x == 0 else 0)
    ahead, back, far, behind = (MP.re(function(x + k * h)) for k in (1, -1, 2, -2))
    here = MP.re(function(x))
    third = (far - 2 * ahead + 2 * back - behind) / (2 * h**3)
    return [here, (ahead - back) / (2 * h), (ahead - 2 * here + back) / h**2, third]


@pytest.mark.filterwarnings("ignore::cgcli.errors.PrecisionWarning")
@pytest.mark.parametrize("engine", ["python", "numpy", "precise"])
@pytest.mark.parametrize(
    ("function", "formula", "x"), SMOOTH, ids=lambda value: value if isinstance(value, str) else ""
)
def test_value_and_three_derivatives(function, formula, x, engine):
    exact = [float(value) for value in differences(function, x)]
    if engine == "precise" and abs(exact[-1]) < 1e-30 * max(map(abs, exact)):
        del exact[-1]  # that it is 0 takes thousands of digits to believe, and seconds
    orders = [formula, *(f"diff({formula}, x, {order})" for order in range(1, len(exact)))]
    found = [float(cg.parse(text).eval(x=x, engine=engine)) for text in orders]
    for order, (mine, true) in enumerate(zip(found, exact, strict=True)):
        nothing = abs(true) < 1e-30 * max(map(abs, exact)) and abs(x) < 1e10
        least = 1e-14 * max(map(abs, exact)) / max(abs(x), 1.0) ** order if nothing else 1e-290
        assert mine == pytest.approx(true, rel=2e-11, abs=least), (order, mine, true)


def test_the_hessian_of_a_determinant_needs_no_inverse():
    almost = np.array([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6], [0.7, 0.8, 0.9]])
    for matrix in (almost, np.zeros((3, 3)), np.ones((4, 4)), np.diag([1.0, 2.0, 0.0, 0.0])):
        found = np.asarray(cg.parse("det(A)").hessian(A=matrix)["A"]["A"])
        n = len(matrix)
        for i, j, k, m in np.ndindex(n, n, n, n):
            minor = np.delete(np.delete(matrix, [i, k], 0), [j, m], 1) if i != k and j != m else None
            sign = (-1) ** (i + j + k + m) * (1 if (i < k) == (j < m) else -1)
            expected = 0.0 if minor is None else sign * np.linalg.det(minor) if minor.size else sign
            assert found[i, j, k, m] == pytest.approx(expected, abs=1e-14)


@pytest.mark.filterwarnings("ignore::cgcli.errors.PrecisionWarning")
@pytest.mark.parametrize("engine", ["numpy", "precise"])
def test_the_third_derivative_of_a_determinant(engine):
    formula = cg.parse("diff(diff(diff(det(A), A)[0, 0], A)[1, 2], A)")
    found = np.asarray(formula.eval(A=np.diag([1.0, 0.0, 0.0, 5.0]), engine=engine), dtype=float)
    expected = np.zeros((4, 4))
    expected[2, 1] = -5.0
    assert found == pytest.approx(expected, abs=1e-14)


@pytest.mark.parametrize("size", [1e-200, 1.0, 1e300])
def test_lengths_neither_overflow_nor_underflow(size):
    vector = size * np.array([3.0, -4.0])
    assert cg.parse("norm(v)").eval(v=vector) == pytest.approx(5 * size, rel=1e-15)
    assert cg.parse("norm(v)").grad(v=vector)["v"] == pytest.approx([0.6, -0.8], rel=1e-15)
    assert cg.parse("norm([x, y])").grad(x=vector[0], y=vector[1]) == pytest.approx({"x": 0.6, "y": -0.8}, rel=1e-15)
    assert cg.parse("std(v)").eval(v=vector) == pytest.approx(3.5 * size, rel=1e-15)
    assert cg.parse("std(v)").grad(v=vector)["v"] == pytest.approx([0.5, -0.5], rel=1e-15)


@pytest.mark.parametrize("name", ["silu", "gelu", "gelu_tanh", "mish", "hard_swish", "softplus", "relu"])
def test_activations_at_infinity_are_their_limits(name):
    for x, value, slope in ((inf, inf, 1.0), (-inf, 0.0, 0.0)):
        assert cg.parse(f"{name}(x)").eval(x=x) == value
        assert cg.parse(f"{name}(x)").grad(x=x) == {"x": slope}
        assert cg.parse(f"diff({name}(x), x, 2)").eval(x=x) == 0


def test_softsign_at_infinity():
    assert cg.parse("softsign(x)").eval(x=-inf) == -1
    assert cg.parse("softsign(x)").grad(x=-inf) == {"x": 0}


@pytest.mark.parametrize("loss", ["softmax_cross_entropy(z, [0, 1, 0])", "cross_entropy(softmax(z), [0, 1, 0])"])
def test_a_masked_score_has_no_part_in_a_loss(loss):
    scores = np.array([-inf, 0.0, 0.0])
    assert cg.parse(loss).eval(z=scores) == pytest.approx(log(2), rel=1e-15)
    assert cg.parse(loss).grad(z=scores)["z"] == pytest.approx([0, -0.5, 0.5])


@pytest.mark.parametrize(("score", "target"), [(-inf, 0.0), (inf, 1.0)])
def test_a_score_that_is_sure_and_right_costs_nothing(score, target):
    formula = cg.parse("sigmoid_bce(z, t)")
    assert formula.eval(z=score, t=target) == 0
    assert cg.parse(f"sigmoid_bce(z, {target})").grad(z=score) == {"z": 0}
    assert cg.parse("sigmoid_bce(z, 1)").grad(z=40.0)["z"] == pytest.approx(-4.248354255291589e-18, rel=1e-15)


@pytest.mark.parametrize(
    ("formula", "x", "true"),
    [
        ("normpdf(x)", -37.3, MP.npdf(MP.mpf(-37.3))), ("ndtr(x)", -37.3, MP.ncdf(MP.mpf(-37.3))),
        ("gelu(x)", -30.1, MP.mpf(-30.1) * MP.ncdf(MP.mpf(-30.1))), ("lgamma(x)", 1 + 1e-9, MP.loggamma(1 + 1e-9)),
        ("lgamma(x)", 2 - 1e-9, MP.loggamma(2 - 1e-9)), ("lgamma(x)", 1.46, MP.loggamma(MP.mpf(1.46))),
        ("lambertw(x)", -0.3678794, MP.re(MP.lambertw(MP.mpf(-0.3678794)))), ("dawsn(x)", 0.01, dawsn[0](MP.mpf(0.01))),
        ("j0(x)", 1e15, MP.besselj(0, MP.mpf(1e15))), ("besselj(2, x)", -1e-116, MP.besselj(2, MP.mpf(-1e-116))),
        ("expi(x)", 40.3, MP.ei(MP.mpf(40.3))), ("logint(x)", 1e250, MP.li(MP.mpf(1e250))),
        ("tand(x)", -299.99998, MP.tan(MP.mpf(-299.99998) * MP.pi / 180)), ("ellipe(x)", -2.47e11, MP.ellipe(-2.47e11)),
        ("beta(2, x)", 1e6, MP.beta(2, 1e6)), ("comb(x, 1.5)", 1e-8, MP.binomial(MP.mpf(1e-8), 1.5)),
        ("rel_entr(x, 1e-300)", 1e300, MP.mpf(1e300) * MP.log(MP.mpf(1e300) / MP.mpf(1e-300))),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
@pytest.mark.parametrize("engine", ["python", "numpy"])
def test_values_keep_their_digits(formula, x, true, engine):
    assert cg.parse(formula).eval(x=x, engine=engine) == pytest.approx(float(true), rel=2e-15)


def test_large_orders_and_shapes_have_values():
    assert cg.parse("polygamma(10^6, x)").eval(x=3.0) == -inf
    assert cg.parse("polygamma(200, x)").eval(x=3.0) == pytest.approx(-9.897293320312052e278, rel=1e-12)
    assert cg.parse("spherical_jn(10^9, x)").eval(x=3.0) == 0
    median = cg.parse("gammainc(1e9, x)").eval(x=1e9, engine="precise")
    assert float(median) == pytest.approx(0.500004205220870, rel=1e-14)
    assert cg.parse("comb(999999, 500000)").eval() == inf
    assert cg.parse("comb(1e15, 3)").eval() == pytest.approx(1.666666666666661666667e44, rel=1e-15)


@pytest.mark.parametrize("formula", ["besselj(inf, x)", "polygamma(inf, x)", "spherical_jn(inf, x)", "round(x, inf)"])
def test_an_infinite_order_is_a_message(formula):
    with pytest.raises(cg.CgError, match="whole number"):
        cg.parse(formula).eval(x=1.0)
