"""Elementwise operations as python-flint computes them: intervals of Arb that hold the true value.

Source: F. Johansson, Arb: efficient arbitrary-precision midpoint-radius interval arithmetic, IEEE Transactions on
Computers 66 (2017). What is not here (comparisons, selections, roundings, functions of two operands that Arb lacks) is
measured against mpmath on fewer points.
"""

from __future__ import annotations

import math

from flint import acb, arb, ctx, fmpq

LEAST_BITS, MOST_BITS = 128, 4096
WANTED_BITS = 70
"""Correct bits of a reference; the precision is raised until they are there."""


def _ndtr(x):
    return (-x / arb(2).sqrt()).erfc() / 2


def _normpdf(x):
    return (-x * x / 2).exp() / (2 * arb.pi()).sqrt()


def _sigmoid(x):
    return 1 / (1 + (-x).exp())


def _softplus(x):
    return (1 + x.exp()).log() if x < 0 else x + ((-x).exp()).log1p()


def _gelu_tanh(x):
    inner = 2 * (2 / arb.pi()).sqrt() * (x + arb(fmpq(44715, 1000000)) * x**3)
    return x * _sigmoid(inner)


def _digamma(n):
    return lambda x: (acb(x).polygamma(n)).real if n else x.digamma()


def _lambertw(x):
    return x.lambertw() if x > -(arb(-1).exp()) else arb.nan()


def _log_beta(x, y):
    return x.lgamma() + y.lgamma() - (x + y).lgamma()


def _signed(function):
    """An odd function by its values right of 0."""
    return lambda x: function(x) if x >= 0 else -function(-x)


def _elliptic(name):
    def value(m):
        found = getattr(acb, name)(acb(m))
        return found.real if m < 1 else arb.nan()

    return value


def _erfcx(x):
    return (x * x).exp() * x.erfc()


def _dawsn(x):
    return arb.pi().sqrt() / 2 * (-x * x).exp() * x.erfi()


def _airy(which):
    return lambda x: x.airy()[which]


def _in_degrees(name):
    return lambda x: getattr(x / 180, name)()


def _erfcx_slope(x):
    first = 2 * x * _erfcx(x) - 2 / arb.pi().sqrt()
    return 2 * (x * first + _erfcx(x))


def _dawsn_slope(x):
    return -2 * (x * (1 - 2 * x * _dawsn(x)) + _dawsn(x))


def _log_ndtr_slope(x):
    mills = _normpdf(x) / _ndtr(x)
    return -mills * (x + mills)


def _elliptic_slope(first):
    """The second derivative, pi/2*(1/2)_2*(first)_2/2!*2F1(5/2, first + 2; 3; m), by Pfaff's transformation."""
    rising = arb(fmpq(3, 4)) * first * (first + 1) / 2

    def value(m):
        inner = (m / (m - 1)).hypgeom_2f1(arb(fmpq(1, 2)), first + 2, 3)
        return arb.pi() / 2 * rising * (1 - m) ** (-(first + 2)) * inner

    return value


def _polygamma_step(x, d):
    return _digamma(2)(x + d) - _digamma(2)(x)


TWO, HALF = arb(2), arb(fmpq(1, 2))
REFERENCES = {
    "add": lambda x, y: x + y, "sub": lambda x, y: x - y, "mul": lambda x, y: x * y, "div": lambda x, y: x / y,
    "square": lambda x: x * x, "reciprocal": lambda x: 1 / x, "hypot": lambda x, y: (x * x + y * y).sqrt(),
    "sqrt": arb.sqrt, "rsqrt": arb.rsqrt, "cbrt": _signed(lambda x: x.root(3) if x > 0 else arb(0)),
    "exp": arb.exp, "expm1": arb.expm1, "exp2": lambda x: (x * TWO.log()).exp(),
    "exp10": lambda x: (x * arb(10).log()).exp(),
    "log": arb.log, "log1p": arb.log1p, "log2": lambda x: x.log() / TWO.log(),
    "log10": lambda x: x.log() / arb(10).log(),
    "log1mexp": lambda x: (-(x.expm1())).log(), "pow": lambda x, y: x**y,
    "xlogy": lambda x, y: x * y.log(), "xlog1py": lambda x, y: x * y.log1p(),
    "sin": arb.sin, "cos": arb.cos, "tan": arb.tan, "sec": arb.sec, "csc": arb.csc, "cot": arb.cot,
    "asin": arb.asin, "acos": arb.acos, "atan": arb.atan, "atan2": lambda y, x: arb.atan2(y, x),
    "asec": lambda x: (1 / x).acos(), "acsc": lambda x: (1 / x).asin(), "acot": lambda x: (1 / x).atan(),
    "radians": lambda x: x * arb.pi() / 180, "degrees": lambda x: x * 180 / arb.pi(),
    "sinpi": arb.sin_pi, "cospi": arb.cos_pi, "tanpi": arb.tan_pi,
    "sind": _in_degrees("sin_pi"), "cosd": _in_degrees("cos_pi"), "tand": _in_degrees("tan_pi"),
    "sinh": arb.sinh, "cosh": arb.cosh, "tanh": arb.tanh, "sech": arb.sech, "csch": arb.csch, "coth": arb.coth,
    "asinh": arb.asinh, "acosh": arb.acosh, "atanh": arb.atanh, "asech": lambda x: (1 / x).acosh(),
    "acsch": lambda x: (1 / x).asinh(), "acoth": lambda x: (1 / x).atanh(),
    "erf": arb.erf, "erfc": arb.erfc, "erfi": arb.erfi, "erfinv": arb.erfinv, "erfcinv": arb.erfcinv,
    "erfcx": _erfcx, "dawsn": _dawsn, "ndtr": _ndtr, "normpdf": _normpdf,
    "ndtri": lambda x: -TWO.sqrt() * (2 * x).erfcinv(),
    "log_ndtr": lambda x: _ndtr(x).log() if x < 0 else (-_ndtr(-x)).log1p(),
    "gamma": arb.gamma, "rgamma": arb.rgamma, "digamma": _digamma(0), "trigamma": _digamma(1), "polygamma": _digamma(2),
    "lgamma": lambda x: x.lgamma() if x > 0 else abs(x.gamma()).log(), "factorial": arb.fac,
    "beta": lambda x, y: _log_beta(x, y).exp(), "lbeta": _log_beta,
    "comb": lambda n, k: (n + 1).gamma() / ((k + 1).gamma() * (n - k + 1).gamma()),
    "perm": lambda n, k: (n + 1).gamma() / (n - k + 1).gamma(),
    "gamma_density": lambda a, x: x ** (a - 1) * (-x).exp() * a.rgamma(),
    "besselj": lambda x: x.bessel_j(2), "bessely": lambda x: x.bessel_y(2), "besseli": lambda x: x.bessel_i(2),
    "besselk": lambda x: x.bessel_k(2), "j0": lambda x: x.bessel_j(0), "j1": lambda x: x.bessel_j(1),
    "y0": lambda x: x.bessel_y(0), "y1": lambda x: x.bessel_y(1), "i0": lambda x: x.bessel_i(0),
    "i1": lambda x: x.bessel_i(1), "k0": lambda x: x.bessel_k(0), "k1": lambda x: x.bessel_k(1),
    "spherical_jn": lambda x: (3 / (x * x) - 1) * x.sin() / x - 3 * x.cos() / (x * x),
    "sinc": arb.sinc, "sinc_pi": arb.sinc_pi,
    "airyai": _airy(0), "airyaiprime": _airy(1), "airybi": _airy(2), "airybiprime": _airy(3),
    "expi": arb.ei, "exp1": lambda x: x.expint(1), "sinint": arb.si, "cosint": arb.ci, "logint": arb.li,
    "lambertw": _lambertw, "lambertw_excess": lambda x: 1 + _lambertw(x),
    "erfcx_slope": _erfcx_slope, "dawsn_slope": _dawsn_slope, "log_ndtr_slope": _log_ndtr_slope,
    "ellipk_slope": _elliptic_slope(HALF), "ellipe_slope": _elliptic_slope(-HALF), "polygamma_step": _polygamma_step,
    "logit_loss": lambda z, t: _softplus(z) - t * z, "weighted": lambda w, x: w * x,
    "one_minus_square": lambda x: 1 - x * x,
    "ellipk": _elliptic("elliptic_k"), "ellipe": _elliptic("elliptic_e"), "logit": lambda p: (p / (1 - p)).log(),
    "sigmoid": _sigmoid, "softplus": _softplus, "log_sigmoid": lambda x: -_softplus(-x),
    "silu": lambda x: x * _sigmoid(x), "mish": lambda x: x * _softplus(x).tanh(), "gelu": lambda x: x * _ndtr(x),
    "gelu_tanh": _gelu_tanh, "tanhshrink": lambda x: x - x.tanh(),
    "softsign": lambda x: x / (1 + abs(x)), "logaddexp": lambda x, y: (x.exp() + y.exp()).log(),
    "entr": lambda p: -p * p.log(), "rel_entr": lambda p, q: p * (p / q).log(),
}  # fmt: skip
"""Row -> its value of arbs; rows with static arguments as the conformance suite sets them (order 2)."""


def interval(name, operands):
    """The true value as an arb of WANTED_BITS correct bits; None where there is no such number, or it is too hard."""
    bits, function = LEAST_BITS, REFERENCES[name]
    while bits <= MOST_BITS:
        ctx.prec = bits
        found = function(*map(arb, operands))
        if found.is_finite() and (found.rel_accuracy_bits() >= WANTED_BITS or found == 0):
            return found
        bits *= 4
    return None


def error(found, true):
    """The distance of a double from the true value in ulp of that; inf where only one of the two is a double."""
    ctx.prec = LEAST_BITS
    nearest = float(true)
    if not math.isfinite(nearest) or not math.isfinite(found):
        return 0.0 if nearest == found else math.inf
    return abs(float((true - arb(found)) / math.ulp(nearest)))
