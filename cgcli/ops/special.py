"""Special functions: error function, gamma and its kin, Bessel, Airy, integrals of elementary functions.

Where `math` has no function, SciPy's serves, imported on first use. Derivatives follow the NIST Digital Library of
Mathematical Functions (DLMF), https://dlmf.nist.gov.
"""

from __future__ import annotations

import math
from math import copysign, inf, isfinite, isnan, nan
from math import exp as scalar_exp

from cgcli.ops.arithmetic import square
from cgcli.ops.exact import PI
from cgcli.ops.ieee import divide, total
from cgcli.ops.logic import absolute, where
from cgcli.ops.powers import exp, log, log1p, sqrt
from cgcli.ops.row import POSITIVE, Operation
from cgcli.ops.trigonometric import cos, scalar_sinpi, sinpi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    Shape = tuple[int, ...]

UNIT = (0.0, 1.0)
ABOVE_ZERO = (0.1, 20.0)
MODERATE = (-3.0, 3.0)


def _scipy(name: str) -> dict[str, str]:
    """The spelling of a row that SciPy computes in doubles, for numbers and for arrays."""
    return {"python": f"scipy.special.{name}", "numpy": f"scipy.special.{name}"}


def _called(name: str, function: str = r"\operatorname{{{name}}}") -> dict[str, str]:
    return {"latex": function.replace("{name}", name) + r"\left({0}\right)"}


def _one_over_sqrt_pi(x: Any) -> Any:
    return 1 / sqrt(x.coerce(PI))


# ---- error function and normal distribution --------------------------------------------------------------------

erf = Operation(
    "erf", "x", compute=math.erf, partials=(lambda x, r: 2 * _one_over_sqrt_pi(x) * exp(-square(x)),),
    spell={"numpy": "scipy.special.erf", **_called("erf")}, traits=("odd", "increasing"),
    about="Error function, 2/sqrt(pi) times the integral of exp(-t^2) from 0 to x.", source="DLMF 7.2.1",
)  # fmt: skip
erfc = Operation(
    "erfc", "x", compute=math.erfc, partials=(lambda x, r: -2 * _one_over_sqrt_pi(x) * exp(-square(x)),),
    spell={"numpy": "scipy.special.erfc", **_called("erfc")},
    about="1 - erf(x) without loss of digits for large x.", source="DLMF 7.2.2",
)  # fmt: skip
erfi = Operation(
    "erfi", "x", partials=(lambda x, r: 2 * _one_over_sqrt_pi(x) * exp(square(x)),),
    spell={**_scipy("erfi"), **_called("erfi")}, traits=("odd", "increasing"), domain=(MODERATE,),
    about="Imaginary error function, 2/sqrt(pi) times the integral of exp(t^2) from 0 to x.",
)  # fmt: skip
erfcx = Operation(
    "erfcx", "x", partials=(lambda x, r: 2 * (x * r - _one_over_sqrt_pi(x)),), domain=(MODERATE,),
    spell={**_scipy("erfcx"), "precise": lambda mp, x: mp.exp(x * x) * mp.erfc(x), **_called("erfcx")},
    about="exp(x^2)*erfc(x), which neither overflows nor vanishes for large x.",
)  # fmt: skip
erfinv = Operation(
    "erfinv", "x", partials=(lambda x, r: 0.5 * sqrt(x.coerce(PI)) * exp(square(r)),), domain=((-1.0, 1.0),),
    spell={**_scipy("erfinv"), "latex": r"\operatorname{{erf}}^{{-1}}\left({0}\right)"}, traits=("odd", "increasing"),
    about="Inverse of erf: infinite at -1 and 1, nan outside.",
)  # fmt: skip


def _erfcinv_precise(mp: Any, x: Any) -> Any:
    """1 - x must keep the digits of a small x, so it is taken with more of them."""
    with mp.workprec(2 * mp.prec + max(0, -mp.mag(x)) if x > 0 else mp.prec):
        value = mp.erfinv(1 - x)
    return +value


erfcinv = Operation(
    "erfcinv", "x", partials=(lambda x, r: -0.5 * sqrt(x.coerce(PI)) * exp(square(r)),), domain=((0.0, 2.0),),
    spell={**_scipy("erfcinv"), "precise": _erfcinv_precise,
           "latex": r"\operatorname{{erfc}}^{{-1}}\left({0}\right)"},
    about="Inverse of erfc: infinite at 0 and 2, nan outside.",
)  # fmt: skip
dawsn = Operation(
    "dawsn", "x", aliases=("dawson",), partials=(lambda x, r: 1 - 2 * x * r,), domain=(MODERATE,), traits=("odd",),
    spell={**_scipy("dawsn"), "precise": lambda mp, x: mp.sqrt(mp.pi) / 2 * mp.exp(-x * x) * mp.erfi(x),
           **_called("D", "{name}")},
    about="Dawson's integral, exp(-x^2) times the integral of exp(t^2) from 0 to x.", source="DLMF 7.2.5",
)  # fmt: skip
ndtr = Operation(
    "ndtr", "x", aliases=("normcdf",), compute=lambda x: 0.5 * math.erfc(-x * math.sqrt(0.5)),
    definition=lambda x: 0.5 * erfc(-x * sqrt(x.coerce(0.5))), partials=(lambda x, r: normpdf(x),),
    spell={"numpy": "scipy.special.ndtr", **_called(r"\Phi", "{name}")}, traits=("increasing",),
    about="Normal distribution function: chance that a standard normal number is at most x.",
)  # fmt: skip
normpdf: Operation = Operation(
    "normpdf", "x", compute=lambda x: scalar_exp(-0.5 * x * x) / math.sqrt(2 * math.pi),
    definition=lambda x: exp(-0.5 * square(x)) / sqrt(2 * x.coerce(PI)), partials=(lambda x, r: -x * r,),
    spell=_called(r"\varphi", "{name}"), traits=("even",),
    about="Density of the standard normal distribution, exp(-x^2/2)/sqrt(2*pi).",
)  # fmt: skip
ndtri = Operation(
    "ndtri", "x", aliases=("probit",), partials=(lambda x, r: 1 / normpdf(r),), domain=(UNIT,), traits=("increasing",),
    spell={**_scipy("ndtri"), "precise": lambda mp, x: -mp.sqrt(2) * _erfcinv_precise(mp, 2 * x),
           "latex": r"\Phi^{{-1}}\left({0}\right)"},
    about="Inverse of ndtr: the quantile of the standard normal distribution.",
)  # fmt: skip
log_ndtr = Operation(
    "log_ndtr", "x", partials=(lambda x, r: exp(-0.5 * square(x) - r) / sqrt(2 * x.coerce(PI)),),
    spell={**_scipy("log_ndtr"), "precise": lambda mp, x: mp.log(mp.ncdf(x)), "latex": r"\ln \Phi\left({0}\right)"},
    domain=((-20.0, 5.0),), traits=("increasing",),
    about="log(ndtr(x)) without loss of digits.",
)  # fmt: skip

# ---- gamma and its kin -----------------------------------------------------------------------------------------


def _scalar_gamma(x: float) -> float:
    """Infinite at 0 with its sign, nan at the other poles, as in C."""
    try:
        return math.gamma(x)
    except ValueError:
        return copysign(inf, x) if x == 0 else nan
    except OverflowError:
        return inf


def _scalar_lgamma(x: float) -> float:
    try:
        return math.lgamma(x)
    except (ValueError, OverflowError):
        return inf


def _numpy_lgamma(np: Any, x: Any) -> Any:
    """As in C: inf also at -inf."""
    from scipy.special import gammaln

    return gammaln(np.where(np.isneginf(x), np.inf, x))


def _numpy_rgamma(np: Any, x: Any) -> Any:
    """nan at -inf, where the function swings without end."""
    from scipy.special import rgamma as function

    return function(np.where(np.isneginf(x), np.nan, x))


def _scalar_rgamma(x: float) -> float:
    return 0.0 if x <= 0 and x.is_integer() else divide(1.0, _scalar_gamma(x))


gamma = Operation(
    "gamma", "x", aliases=("tgamma",), compute=_scalar_gamma, partials=(lambda x, r: r * digamma(x),),
    spell={"numpy": "scipy.special.gamma", **_called(r"\Gamma", "{name}")}, domain=(ABOVE_ZERO,),
    about="Gamma function: gamma(n + 1) is n! for whole n.", source="DLMF 5.2.1",
)  # fmt: skip
lgamma = Operation(
    "lgamma", "x", aliases=("gammaln", "loggamma"), compute=_scalar_lgamma, partials=(lambda x, r: digamma(x),),
    spell={"numpy": _numpy_lgamma, "precise": lambda mp, x: mp.re(mp.loggamma(x)),
           "latex": r"\ln \left|\Gamma\left({0}\right)\right|"},
    domain=(ABOVE_ZERO,),
    about="log|gamma(x)| without overflow.",
)  # fmt: skip
rgamma = Operation(
    "rgamma", "x", compute=_scalar_rgamma, partials=(lambda x, r: -r * digamma(x),), domain=(ABOVE_ZERO,),
    spell={"numpy": _numpy_rgamma, "latex": r"\frac{{1}}{{\Gamma\left({0}\right)}}"},
    about="1/gamma(x); 0 at the poles of gamma.",
)  # fmt: skip
digamma: Operation = Operation(
    "digamma", "x", aliases=("psi",), partials=(lambda x, r: trigamma(x),), domain=(ABOVE_ZERO,),
    spell={**_scipy("digamma"), **_called(r"\psi", "{name}")},
    about="Derivative of log(gamma(x)).", source="DLMF 5.2.2",
)  # fmt: skip


def _scipy_polygamma(x: Any, order: int) -> Any:
    from scipy.special import polygamma as function

    return function(order, x)


trigamma: Operation = Operation(
    "trigamma", "x", compute=lambda x: float(_scipy_polygamma(x, 1)), partials=(lambda x, r: polygamma(2, x),),
    spell={"numpy": lambda np, x: _scipy_polygamma(x, 1), "precise": lambda mp, x: mp.polygamma(1, x),
           "latex": r"\psi^{{(1)}}\left({0}\right)"},
    domain=(ABOVE_ZERO,),
    about="Derivative of digamma(x).", source="DLMF 5.15.1",
)  # fmt: skip


def _order(shapes: Sequence[Shape], order: float) -> tuple[int]:
    """A whole order from 0."""
    if order < 0 or order != int(order):
        raise ValueError(f"the order must be a whole number from 0, not {order:g}")
    return (int(order),)


def _whole_order(shapes: Sequence[Shape], order: float) -> tuple[int]:
    """A whole order, which may be negative."""
    if order != int(order):
        raise ValueError(f"the order must be a whole number, not {order:g}")
    return (int(order),)


def _by_order(slope: Callable[[Any, int], Any]) -> Callable[..., list[Any]]:
    """The derivative rule of a function with a static order: slope of (x, order)."""

    def pullback(adjoint: Any, operands: Sequence[Any], result: Any, attributes: tuple[Any, ...]) -> list[Any]:
        return [adjoint * slope(operands[0], attributes[0])]

    return pullback


polygamma: Operation = Operation(
    "polygamma", "[n], x", prepare=_order, compute=lambda x, n: float(_scipy_polygamma(x, n)),
    traits=("order_without_rule",),
    pullback=_by_order(lambda x, n: polygamma(n + 1, x)), domain=(ABOVE_ZERO,), examples=("polygamma(2, x)",),
    spell={"numpy": lambda np, x, n: _scipy_polygamma(x, n), "precise": lambda mp, x, n: mp.polygamma(n, x),
           "latex": r"\psi^{{({n})}}\left({0}\right)"},
    about="The n-th derivative of digamma(x); n is a fixed whole number.", source="DLMF 5.15",
)  # fmt: skip
beta = Operation(
    "beta", "x, y",
    partials=(lambda x, y, r: r * (digamma(x) - digamma(x + y)), lambda x, y, r: r * (digamma(y) - digamma(x + y))),
    spell={**_scipy("beta"), "latex": r"\mathrm{{B}}\left({0}, {1}\right)"}, domain=(ABOVE_ZERO, ABOVE_ZERO),
    traits=("commutative",),
    about="Beta function, gamma(x)*gamma(y)/gamma(x + y).", source="DLMF 5.12.1",
)  # fmt: skip
lbeta = Operation(
    "lbeta", "x, y", aliases=("betaln",),
    partials=(lambda x, y, r: digamma(x) - digamma(x + y), lambda x, y, r: digamma(y) - digamma(x + y)),
    spell={**_scipy("betaln"), "precise": lambda mp, x, y: mp.log(abs(mp.beta(x, y))),
           "latex": r"\ln \left|\mathrm{{B}}\left({0}, {1}\right)\right|"},
    domain=(ABOVE_ZERO, ABOVE_ZERO), traits=("commutative",),
    about="log|beta(x, y)| without overflow.",
)  # fmt: skip


def _scalar_factorial(n: float) -> float:
    return float(math.factorial(int(n))) if 0 <= n <= 170 and n.is_integer() else _scalar_gamma(n + 1)


factorial = Operation(
    "factorial", "n", compute=_scalar_factorial, partials=(lambda n, r: r * digamma(n + 1),),
    definition=lambda n: gamma(n + 1), domain=((0.0, 20.0),), traits=("exact_on_integers",),
    spell={"precise": "factorial", "latex": "{0}!"},
    about="n! = 1*2*...*n, and gamma(n + 1) between the whole numbers.",
)  # fmt: skip


def _scalar_binomial(n: float, k: float) -> float:
    """Exact on whole numbers."""
    if n >= 0 and k >= 0 and n.is_integer() and k.is_integer() and max(n, k) < 1e6:
        return total(lambda: float(math.comb(int(n), int(k))))()
    from scipy.special import binom

    return float(binom(n, k))


def _scalar_arrangements(n: float, k: float) -> float:
    """Exact on whole numbers."""
    if n >= 0 and k >= 0 and n.is_integer() and k.is_integer() and max(n, k) < 1e4:
        return total(lambda: float(math.perm(int(n), int(k))))()
    from scipy.special import poch

    return float(poch(n - k + 1, k))


comb = Operation(
    "comb", "n, k", aliases=("binom", "choose", "nCr"), compute=_scalar_binomial,
    partials=(
        lambda n, k, r: r * (digamma(n + 1) - digamma(n - k + 1)),
        lambda n, k, r: r * (digamma(n - k + 1) - digamma(k + 1)),
    ),
    spell={"numpy": "scipy.special.binom", "precise": "binomial", "latex": r"\binom{{{0}}}{{{1}}}"},
    domain=((5.0, 20.0), (0.1, 4.0)), traits=("exact_on_integers",),
    about="Number of ways to choose k of n things, n!/(k!*(n - k)!).",
)  # fmt: skip


def _arrangements_numpy(np: Any, n: Any, k: Any) -> Any:
    from scipy.special import poch

    return poch(np.subtract(n, k) + 1, k)


perm = Operation(
    "perm", "n, k", aliases=("nPr",), compute=_scalar_arrangements,
    partials=(
        lambda n, k, r: r * (digamma(n + 1) - digamma(n - k + 1)),
        lambda n, k, r: r * digamma(n - k + 1),
    ),
    spell={"numpy": _arrangements_numpy, "precise": "ff", "latex": r"\operatorname{{P}}\left({0}, {1}\right)"},
    domain=((5.0, 20.0), (0.1, 4.0)), traits=("exact_on_integers",),
    about="Number of ways to arrange k of n things in order, n!/(n - k)!.",
)  # fmt: skip
gammainc = Operation(
    "gammainc", "[a], x", prepare=lambda shapes, a: (float(a),), domain=(ABOVE_ZERO,), examples=("gammainc(2, x)",),
    compute=lambda x, a: float(_scipy_gammainc(x, a)),
    pullback=_by_order(lambda x, a: exp((a - 1) * log(x) - x - lgamma(x.coerce(a)))),
    spell={"numpy": lambda np, x, a: _scipy_gammainc(x, a),
           "precise": lambda mp, x, a: mp.gammainc(a, 0, x, regularized=True) if x >= 0 else mp.nan,
           "latex": r"P\left({a}, {0}\right)"},
    about="Lower incomplete gamma function over gamma(a), from 0 to 1; a is a fixed positive number.",
    source="DLMF 8.2.4",
)  # fmt: skip
gammaincc = Operation(
    "gammaincc", "[a], x", prepare=lambda shapes, a: (float(a),), domain=(ABOVE_ZERO,), examples=("gammaincc(2, x)",),
    compute=lambda x, a: float(_scipy_gammaincc(x, a)),
    pullback=_by_order(lambda x, a: -exp((a - 1) * log(x) - x - lgamma(x.coerce(a)))),
    spell={"numpy": lambda np, x, a: _scipy_gammaincc(x, a),
           "precise": lambda mp, x, a: mp.gammainc(a, x, mp.inf, regularized=True) if x >= 0 else mp.nan,
           "latex": r"Q\left({a}, {0}\right)"},
    about="1 - gammainc(a, x) without loss of digits.", source="DLMF 8.2.4",
)  # fmt: skip


def _scipy_gammainc(x: Any, a: float) -> Any:
    from scipy.special import gammainc as function

    return function(a, x)


def _scipy_gammaincc(x: Any, a: float) -> Any:
    from scipy.special import gammaincc as function

    return function(a, x)


# ---- Bessel and Airy functions ---------------------------------------------------------------------------------


def _bessel(
    name: str, scipy_name: str, mpmath: str, slope: Callable[[Any, int], Any], letter: str, **facts: Any
) -> Operation:
    """A Bessel function of a fixed whole order."""

    def library(x: Any, n: int) -> Any:
        import scipy.special

        return getattr(scipy.special, scipy_name)(n, x)

    return Operation(
        name, "[n], x", prepare=_whole_order, compute=lambda x, n: float(library(x, n)), pullback=_by_order(slope),
        traits=("order_without_rule",),
        spell={"numpy": lambda np, x, n: library(x, n), "precise": lambda mp, x, n: getattr(mp, mpmath)(n, x),
               "latex": letter + r"_{{{n}}}\left({0}\right)"},
        examples=(f"{name}(2, x)",), **facts,
    )  # fmt: skip


besselj: Operation = _bessel(
    "besselj", "jv", "besselj", lambda x, n: 0.5 * (besselj(n - 1, x) - besselj(n + 1, x)), "J",
    aliases=("jn", "jv"), domain=((-20.0, 20.0),), source="DLMF 10.6.1",
    about="Bessel function of the first kind; n is a fixed whole number.",
)  # fmt: skip
bessely: Operation = _bessel(
    "bessely", "yv", "bessely", lambda x, n: 0.5 * (bessely(n - 1, x) - bessely(n + 1, x)), "Y",
    aliases=("yn", "yv"), domain=(ABOVE_ZERO,), source="DLMF 10.6.1",
    about="Bessel function of the second kind; n is a fixed whole number.",
)  # fmt: skip
besseli: Operation = _bessel(
    "besseli", "iv", "besseli", lambda x, n: 0.5 * (besseli(n - 1, x) + besseli(n + 1, x)), "I",
    aliases=("iv",), domain=((-10.0, 10.0),), source="DLMF 10.29.1",
    about="Modified Bessel function of the first kind; n is a fixed whole number.",
)  # fmt: skip
besselk: Operation = _bessel(
    "besselk", "kv", "besselk", lambda x, n: -0.5 * (besselk(n - 1, x) + besselk(n + 1, x)), "K",
    aliases=("kn", "kv"), domain=(ABOVE_ZERO,), source="DLMF 10.29.1",
    about="Modified Bessel function of the second kind; n is a fixed whole number.",
)  # fmt: skip


def _bessel_number(name: str, order: int, general: str, slope: Callable[[Any, Any], Any], **facts: Any) -> Operation:
    """A Bessel function of order 0 or 1, which has a name of its own."""
    return Operation(
        name, "x", partials=(slope,),
        spell={**_scipy(name), "precise": lambda mp, x: getattr(mp, general)(order, x),
               "latex": f"{name[0].upper()}_{order}" + r"\left({0}\right)"},
        **facts,
    )  # fmt: skip


j0 = _bessel_number(
    "j0", 0, "besselj", lambda x, r: -j1(x), traits=("even",), domain=((-20.0, 20.0),),
    about="Bessel function of the first kind of order 0.", source="DLMF 10.6.3",
)  # fmt: skip
j1: Operation = _bessel_number(
    "j1", 1, "besselj", lambda x, r: 0.5 * (j0(x) - besselj(2, x)), traits=("odd",), domain=((-20.0, 20.0),),
    about="Bessel function of the first kind of order 1.", source="DLMF 10.6.1",
)  # fmt: skip
y0 = _bessel_number(
    "y0", 0, "bessely", lambda x, r: -y1(x), domain=(ABOVE_ZERO,),
    about="Bessel function of the second kind of order 0.", source="DLMF 10.6.3",
)  # fmt: skip
y1: Operation = _bessel_number(
    "y1", 1, "bessely", lambda x, r: 0.5 * (y0(x) - bessely(2, x)), domain=(ABOVE_ZERO,),
    about="Bessel function of the second kind of order 1.", source="DLMF 10.6.1",
)  # fmt: skip
i0 = _bessel_number(
    "i0", 0, "besseli", lambda x, r: i1(x), traits=("even",), domain=((-10.0, 10.0),),
    about="Modified Bessel function of the first kind of order 0.", source="DLMF 10.29.3",
)  # fmt: skip
i1: Operation = _bessel_number(
    "i1", 1, "besseli", lambda x, r: 0.5 * (i0(x) + besseli(2, x)), traits=("odd", "increasing"),
    domain=((-10.0, 10.0),),
    about="Modified Bessel function of the first kind of order 1.", source="DLMF 10.29.1",
)  # fmt: skip
k0 = _bessel_number(
    "k0", 0, "besselk", lambda x, r: -k1(x), domain=(ABOVE_ZERO,),
    about="Modified Bessel function of the second kind of order 0.", source="DLMF 10.29.3",
)  # fmt: skip
k1: Operation = _bessel_number(
    "k1", 1, "besselk", lambda x, r: -0.5 * (k0(x) + besselk(2, x)), domain=(ABOVE_ZERO,),
    about="Modified Bessel function of the second kind of order 1.", source="DLMF 10.29.1",
)  # fmt: skip


def _scalar_spherical(x: float, n: int) -> float:
    """Spherical Bessel function: the series where x is small for the order, else upward recurrence.

    Source: DLMF 10.53.1 (series) and 10.51.1 (recurrence), which is stable for |x| > n.
    """
    if not isfinite(x):
        return nan if isnan(x) else 0.0
    if abs(x) <= n + 1:
        term = math.prod(x / (2 * k + 1) for k in range(1, n + 1))
        total_sum, k = term, 0
        while abs(term) > 1e-18 * abs(total_sum):
            k += 1
            term *= -0.5 * x * x / (k * (2 * n + 2 * k + 1))
            total_sum += term
        return total_sum
    below, here = math.cos(x) / x, math.sin(x) / x
    for k in range(n):
        below, here = here, (2 * k + 1) / x * here - below
    return here


def _spherical_numpy(np: Any, x: Any, n: int) -> Any:
    from scipy.special import spherical_jn as function

    return function(n, x)


def _spherical_precise(mp: Any, x: Any, n: int) -> Any:
    return x**n / mp.fac2(2 * n + 1) * mp.hyp0f1(n + mp.mpf(3) / 2, -x * x / 4)


def _spherical_slope(x: Any, n: int) -> Any:
    """DLMF 10.51.2 in the form without a division by x."""
    if n == 0:
        return -spherical_jn(1, x)
    return (n * spherical_jn(n - 1, x) - (n + 1) * spherical_jn(n + 1, x)) / (2 * n + 1)


spherical_jn = Operation(
    "spherical_jn", "[n], x", prepare=_order, compute=_scalar_spherical, pullback=_by_order(_spherical_slope),
    traits=("order_without_rule",),
    spell={"numpy": _spherical_numpy, "precise": _spherical_precise, "latex": r"j_{{{n}}}\left({0}\right)"},
    domain=((-20.0, 20.0),), examples=("spherical_jn(2, x)",), source="DLMF 10.47.3",
    about="Spherical Bessel function; n is a fixed whole number. The sinc function is order 0.",
)  # fmt: skip


def _numpy_sinc(np: Any, x: Any) -> Any:
    """1 at 0 and 0 at infinity."""
    ratio = np.divide(np.sin(x), x)
    return np.where(np.equal(x, 0), 1.0, np.where(np.isinf(x), 0.0, ratio))


sinc = Operation(
    "sinc", "x", compute=lambda x: _scalar_spherical(x, 0), partials=(lambda x, r: -spherical_jn(1, x),),
    definition=lambda x: spherical_jn(0, x), spell={"numpy": _numpy_sinc,
    "precise": "sinc", "latex": r"\operatorname{{sinc}}\left({0}\right)"}, traits=("even",),
    about="sin(x)/x, and 1 at 0; `sinc_pi` is sin(pi*x)/(pi*x).",
)  # fmt: skip
sinc_pi = Operation(
    "sinc_pi", "x", compute=lambda x: scalar_sinpi(x) / (math.pi * x) if x != 0 else 1.0,
    definition=lambda x: where(x == 0, 1.0, sinpi(x) / (PI * x)),
    partials=(lambda x, r: -(PI * spherical_jn(1, PI * x)),),
    spell={"precise": "sincpi", "latex": r"\operatorname{{sinc}}_\pi\left({0}\right)"}, domain=(MODERATE,),
    traits=("even",),
    about="sin(pi*x)/(pi*x), and 1 at 0: NumPy's sinc.",
)  # fmt: skip


def _scipy_airy(x: Any, which: int) -> Any:
    from scipy.special import airy

    return airy(x)[which]


def _airy(name: str, which: int, slope: Callable[[Any, Any], Any], latex: str, about: str) -> Operation:
    """One of the four Airy functions; `which` counts as SciPy does (Ai, Ai', Bi, Bi')."""
    function, order = ("airyai", "airybi")[which // 2], which % 2
    return Operation(
        name, "x", compute=lambda x: float(_scipy_airy(x, which)), partials=(slope,), domain=((-10.0, 5.0),),
        spell={"numpy": lambda np, x: _scipy_airy(x, which),
               "precise": lambda mp, x: getattr(mp, function)(x, derivative=order), "latex": latex},
        about=about, source="DLMF 9.2",
    )  # fmt: skip


airyai = _airy("airyai", 0, lambda x, r: airyaiprime(x), r"\mathrm{{Ai}}\left({0}\right)", "Airy function Ai.")
airyaiprime: Operation = _airy(
    "airyaiprime",
    1,
    lambda x, r: x * airyai(x),
    r"\mathrm{{Ai}}'\left({0}\right)",
    "Derivative of the Airy function Ai.",
)
airybi = _airy("airybi", 2, lambda x, r: airybiprime(x), r"\mathrm{{Bi}}\left({0}\right)", "Airy function Bi.")
airybiprime: Operation = _airy(
    "airybiprime",
    3,
    lambda x, r: x * airybi(x),
    r"\mathrm{{Bi}}'\left({0}\right)",
    "Derivative of the Airy function Bi.",
)

# ---- integrals of elementary functions -------------------------------------------------------------------------

expi = Operation(
    "expi", "x", aliases=("Ei",), partials=(lambda x, r: exp(x) / x,), domain=(ABOVE_ZERO,),
    spell={**_scipy("expi"), "precise": "ei", "latex": r"\mathrm{{Ei}}\left({0}\right)"},
    about="Exponential integral: integral of exp(t)/t from -inf to x (principal value).", source="DLMF 6.2.5",
)  # fmt: skip
exp1 = Operation(
    "exp1", "x", aliases=("E1",), partials=(lambda x, r: -exp(-x) / x,), domain=(ABOVE_ZERO,),
    spell={**_scipy("exp1"), "precise": "e1", "latex": r"E_1\left({0}\right)"},
    about="Exponential integral: integral of exp(-t)/t from x to inf.", source="DLMF 6.2.1",
)  # fmt: skip


def _scipy_sici(x: Any, which: int) -> Any:
    from scipy.special import sici

    return sici(x)[which]


sinint = Operation(
    "sinint", "x", aliases=("Si",), compute=lambda x: float(_scipy_sici(x, 0)), partials=(lambda x, r: sinc(x),),
    spell={"numpy": lambda np, x: _scipy_sici(x, 0), "precise": "si", "latex": r"\mathrm{{Si}}\left({0}\right)"},
    traits=("odd",),
    about="Sine integral: integral of sin(t)/t from 0 to x.", source="DLMF 6.2.9",
)  # fmt: skip
cosint = Operation(
    "cosint", "x", aliases=("Ci",), compute=lambda x: nan if x < 0 else float(_scipy_sici(x, 1)),
    partials=(lambda x, r: cos(x) / x,), domain=(POSITIVE,),
    spell={"numpy": lambda np, x: np.where(np.less(x, 0), np.nan, _scipy_sici(x, 1)), "precise": "ci",
           "latex": r"\mathrm{{Ci}}\left({0}\right)"},
    about="Cosine integral: minus the integral of cos(t)/t from x to inf; nan below 0.", source="DLMF 6.2.11",
)  # fmt: skip
logint = Operation(
    "logint", "x", aliases=("li",), definition=lambda x: expi(log(x)), partials=(lambda x, r: 1 / log(x),),
    spell={"latex": r"\mathrm{{li}}\left({0}\right)"}, domain=((1.1, 20.0),),
    about="Logarithmic integral: integral of 1/log(t) from 0 to x.", source="DLMF 6.2.8",
)  # fmt: skip


def _scipy_lambertw(np: Any, x: Any) -> Any:
    from scipy.special import lambertw as function

    value = function(x)
    return np.where(value.imag == 0, value.real, np.nan)


def _scalar_lambertw(x: float) -> float:
    from scipy.special import lambertw as function

    value = function(x)
    return float(value.real) if value.imag == 0 else nan


lambertw = Operation(
    "lambertw", "x", compute=_scalar_lambertw, partials=(lambda x, r: exp(-r) / (1 + r),), domain=((-0.36, 20.0),),
    spell={"numpy": _scipy_lambertw, "latex": r"W\left({0}\right)"}, traits=("increasing",),
    about="Lambert's W: the w with w*exp(w) = x, from -1 up; nan below -1/e.", source="DLMF 4.13.1",
)  # fmt: skip
ellipk = Operation(
    "ellipk", "m", partials=(lambda m, r: (ellipe(m) - (1 - m) * r) / (2 * m * (1 - m)),), domain=((0.1, 1.0),),
    spell={**_scipy("ellipk"), "latex": r"K\left({0}\right)"},
    about="Complete elliptic integral of the first kind of the parameter m = k^2.", source="DLMF 19.4.1",
)  # fmt: skip
ellipe: Operation = Operation(
    "ellipe", "m", partials=(lambda m, r: (r - ellipk(m)) / (2 * m),), domain=((0.1, 1.0),),
    spell={**_scipy("ellipe"), "latex": r"E\left({0}\right)"},
    about="Complete elliptic integral of the second kind of the parameter m = k^2.", source="DLMF 19.4.2",
)  # fmt: skip


def _scalar_logit(p: float) -> float:
    if not 0 <= p <= 1:
        return nan
    if p in (0.0, 1.0):
        return inf if p else -inf
    return math.log(p / (1 - p)) if p < 0.25 or p > 0.75 else math.log1p((2 * p - 1) / (1 - p))


def _logit(p: Any) -> Any:
    """Near 1/2, where the result is small, by its distance from there."""
    return where(absolute(p - 0.5) <= 0.25, log1p((2 * p - 1) / (1 - p)), log(p / (1 - p)))


logit = Operation(
    "logit", "p", compute=_scalar_logit, definition=_logit,
    partials=(lambda p, r: 1 / (p * (1 - p)),), domain=(UNIT,), traits=("increasing",),
    spell={"numpy": "scipy.special.logit", "latex": r"\operatorname{{logit}}\left({0}\right)"},
    about="Inverse of sigmoid, log(p/(1 - p)); infinite at 0 and 1.",
)  # fmt: skip
