"""Special functions: error function, gamma and its kin, Bessel, Airy, integrals of elementary functions.

Where `math` has no function, SciPy's serves, or one of `numerics` where that has too few digits; both are imported on
first use. Derivatives follow the NIST Digital Library of Mathematical Functions (DLMF), https://dlmf.nist.gov. Where a
rule would be 0/0 or cancel at some order, the derivative of the n-th order is a row of its own (`erfcx_slope(n, x)`).
"""

from __future__ import annotations

import math
from importlib import import_module
from math import copysign, inf, isfinite, isnan, nan
from math import exp as scalar_exp

from cgcli.ops.arithmetic import square
from cgcli.ops.exact import PI, decimal
from cgcli.ops.ieee import divide, total
from cgcli.ops.logic import absolute, where
from cgcli.ops.numerics.log_gamma import log_gamma as scalar_log_gamma
from cgcli.ops.powers import exp, log, log1p, sqrt
from cgcli.ops.rounding import round_half_even
from cgcli.ops.row import POSITIVE, Operation
from cgcli.ops.trigonometric import cos, cospi, scalar_sinpi, sinpi

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


def _numeric(path: str) -> Callable[..., Any]:
    """A function of `numerics` (`bell.erfcx_slope`), imported when it is first called."""
    module, _, name = path.partition(".")

    def answer(*operands: Any) -> Any:
        return getattr(import_module(f"cgcli.ops.numerics.{module}"), name)(*operands)

    return answer


def _by_numerics(path: str) -> dict[str, str]:
    """The spelling of a row that a function of `numerics` computes, for numbers and for arrays."""
    return {"python": f"cgcli.ops.numerics.{path}", "numpy": f"cgcli.ops.numerics.{path}"}


def _order(shapes: Sequence[Shape], order: float) -> tuple[int]:
    """A whole order from 0."""
    if not isfinite(order) or order < 0 or order != int(order):
        raise ValueError(f"the order must be a whole number from 0, not {order:g}")
    return (int(order),)


def _order_from_one(shapes: Sequence[Shape], order: float) -> tuple[int]:
    """A whole order from 1."""
    if order == 0:
        raise ValueError("the order must be a whole number from 1, not 0")
    return _order(shapes, order)


def _whole_order(shapes: Sequence[Shape], order: float) -> tuple[int]:
    """A whole order, which may be negative."""
    if not isfinite(order) or order != int(order):
        raise ValueError(f"the order must be a whole number, not {order:g}")
    return (int(order),)


def _by_order(*slopes: Callable[..., Any]) -> Callable[..., list[Any]]:
    """The derivative rule of a function with a static order: for each operand a slope of (operands..., order)."""

    def pullback(adjoint: Any, operands: Sequence[Any], result: Any, attributes: tuple[Any, ...]) -> list[Any]:
        return [adjoint * slope(*operands, attributes[0]) for slope in slopes]

    return pullback


def _slopes(name: str, path: str, precise: Callable[..., Any], latex: str, **facts: Any) -> Operation:
    """The n-th derivative of a function as a row, whose derivative is the next one. precise: (mp, x, n) -> value."""
    function = _numeric(path)
    row = Operation(
        f"{name}_slope", "[n], x", prepare=_order, compute=lambda x, n: float(function(x, n)),
        pullback=_by_order(lambda x, n: row(n + 1, x)),
        spell={"numpy": lambda np, x, n: function(x, n), "precise": precise,
               "latex": latex + r"^{{({n})}}\left({0}\right)"},
        traits=("order_without_rule",),
        about=f"The n-th derivative of {name}(x); n is a fixed whole number.", examples=(f"{name}_slope(2, x/2)",),
        **facts,
    )  # fmt: skip
    return row


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
    spell={"numpy": "cgcli.ops.numerics.bell.erfc", **_called("erfc")},
    about="1 - erf(x) without loss of digits for large x.", source="DLMF 7.2.2",
)  # fmt: skip
erfi = Operation(
    "erfi", "x", partials=(lambda x, r: 2 * _one_over_sqrt_pi(x) * exp(square(x)),),
    spell={**_by_numerics("bell.erfi"), **_called("erfi")}, traits=("odd", "increasing"), domain=(MODERATE,),
    about="Imaginary error function, 2/sqrt(pi) times the integral of exp(t^2) from 0 to x.",
)  # fmt: skip


def _climbed(mp: Any, x: Any, first: Any, second: Any, sign: int, n: int) -> Any:
    """y[n] of y[k + 1] = sign*2*(x*y[k] + k*y[k - 1]), as the derivatives of erfcx and Dawson's integral are."""
    for k in range(1, n):
        first, second = second, sign * 2 * (x * second + k * first)
    return second if n else first


def _lost(mp: Any, x: Any, n: int) -> int:
    """Bits that n steps of a recurrence may cancel."""
    return 20 + 2 * (n + 1) * max(2, mp.mag(x) + 2)


def _erfcx_precise(mp: Any, x: Any, n: int = 0) -> Any:
    with mp.workprec(mp.prec + _lost(mp, x, n)):
        first = mp.exp(x * x) * mp.erfc(x)
        value = _climbed(mp, x, first, 2 * x * first - 2 / mp.sqrt(mp.pi), 1, n)
    return +value


def _dawsn_precise(mp: Any, x: Any, n: int = 0) -> Any:
    with mp.workprec(mp.prec + _lost(mp, x, n)):
        first = mp.sqrt(mp.pi) / 2 * mp.exp(-x * x) * mp.erfi(x)
        value = _climbed(mp, x, first, 1 - 2 * x * first, -1, n)
    return +value


erfcx_slope = _slopes(
    "erfcx", "bell.erfcx_slope", _erfcx_precise, r"\operatorname{{erfcx}}", domain=(MODERATE,), source="DLMF 7.18.4",
)  # fmt: skip
erfcx = Operation(
    "erfcx", "x", partials=(lambda x, r: erfcx_slope(1, x),), domain=(MODERATE,),
    spell={**_scipy("erfcx"), "precise": _erfcx_precise, **_called("erfcx")},
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
dawsn_slope = _slopes(
    "dawsn", "bell.dawsn_slope", _dawsn_precise, "D", domain=(MODERATE,), source="DLMF 7.10.4 and 7.12.4",
)  # fmt: skip
dawsn = Operation(
    "dawsn", "x", aliases=("dawson",), partials=(lambda x, r: dawsn_slope(1, x),), domain=(MODERATE,), traits=("odd",),
    spell={**_by_numerics("bell.dawsn"), "precise": _dawsn_precise, **_called("D", "{name}")},
    about="Dawson's integral, exp(-x^2) times the integral of exp(t^2) from 0 to x.", source="DLMF 7.2.5",
)  # fmt: skip

BELL_END = 39.0
"""Beyond it the bell curve is 0 in doubles."""
SIXTEENTH = 0.0625
HALF_ROOT_HIGH = 0.7071067690849304
HALF_ROOT_LOW = decimal("0.000000012101617104478969362104849039284835937688474036588339868995366239231053519425194")
"""sqrt(1/2) as a sum whose first part has 24 bits, so that its product with a multiple of 1/16 is exact."""


def _scalar_normpdf(x: float) -> float:
    if not abs(x) < BELL_END:
        return x if isnan(x) else 0.0
    near = round(x / SIXTEENTH) * SIXTEENTH
    return scalar_exp(-0.5 * near * near) * scalar_exp(-0.5 * (x - near) * (x + near)) / math.sqrt(2 * math.pi)


def _normpdf(x: Any) -> Any:
    """By the nearest sixteenth, whose square is exact: the rounding of x^2 would cost x^2/2 ulp."""
    near = round_half_even(x / SIXTEENTH) * SIXTEENTH
    curve = exp(-0.5 * square(near)) * exp(-0.5 * ((x - near) * (x + near)))
    return where(absolute(x) < BELL_END, curve, exp(-0.5 * square(x))) / sqrt(2 * x.coerce(PI))


def _scalar_ndtr(x: float) -> float:
    if not -BELL_END < x < 0:
        return 0.5 * math.erfc(-x * math.sqrt(0.5))
    near = round(x / SIXTEENTH) * SIXTEENTH
    rest = -near * HALF_ROOT_LOW - (x - near) * math.sqrt(0.5)
    t = -near * HALF_ROOT_HIGH + rest
    off = (-near * HALF_ROOT_HIGH - t) + rest
    return 0.5 * math.erfc(t) * (1 - off * (t + math.sqrt(t * t + 4 / math.pi)))


def _ndtr(x: Any) -> Any:
    """erfc of t = -x/sqrt(2), corrected for the rounding of t, which would cost x^2 ulp in the left tail.

    log(erfc)' is between -t - sqrt(t^2 + 2) and -t - sqrt(t^2 + 4/pi) (DLMF 7.8.2 and 7.8.3).
    """
    near = round_half_even(x / SIXTEENTH) * SIXTEENTH
    rest = -near * HALF_ROOT_LOW - (x - near) * sqrt(x.coerce(0.5))
    t = -near * HALF_ROOT_HIGH + rest
    off = (-near * HALF_ROOT_HIGH - t) + rest
    left = erfc(t) * (1 - off * (t + sqrt(square(t) + 4 / math.pi)))
    return 0.5 * where((x < 0) & (x > -BELL_END), left, erfc(-x * sqrt(x.coerce(0.5))))


ndtr = Operation(
    "ndtr", "x", aliases=("normcdf",), compute=_scalar_ndtr, definition=_ndtr, partials=(lambda x, r: normpdf(x),),
    spell={"numpy": "cgcli.ops.numerics.bell.ndtr", "precise": "ncdf", **_called(r"\Phi", "{name}")},
    traits=("increasing",),
    about="Normal distribution function: chance that a standard normal number is at most x.",
)  # fmt: skip
normpdf: Operation = Operation(
    "normpdf", "x", compute=_scalar_normpdf, definition=_normpdf,
    partials=(lambda x, r: where(absolute(x) < BELL_END, -x * r, r),),
    spell={"precise": lambda mp, x: mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi), **_called(r"\varphi", "{name}")},
    traits=("even",),
    about="Density of the standard normal distribution, exp(-x^2/2)/sqrt(2*pi).",
)  # fmt: skip
ndtri = Operation(
    "ndtri", "x", aliases=("probit",), partials=(lambda x, r: 1 / normpdf(r),), domain=(UNIT,), traits=("increasing",),
    spell={**_scipy("ndtri"), "precise": lambda mp, x: -mp.sqrt(2) * _erfcinv_precise(mp, 2 * x),
           "latex": r"\Phi^{{-1}}\left({0}\right)"},
    about="Inverse of ndtr: the quantile of the standard normal distribution.",
)  # fmt: skip


def _log_ndtr_precise(mp: Any, x: Any, n: int = 0) -> Any:
    """The n-th derivative by those of ndtr over ndtr, which are Hermite polynomials times the first one."""
    if n == 0:
        tail = mp.ncdf(-x)
        return mp.log(mp.ncdf(x)) if x < 0 else mp.log1p(-tail)
    with mp.workprec(mp.prec + _lost(mp, x, n)):
        moments = [mp.one, mp.npdf(x) / mp.ncdf(x)]
        for k in range(1, n):
            moments.append(-x * moments[k] - (k - 1) * (moments[k - 1] if k > 1 else 0))
        slopes: list[Any] = []
        for k in range(1, n + 1):
            slopes.append(moments[k] - sum(mp.binomial(k - 1, j - 1) * slopes[j - 1] * moments[k - j]
                                           for j in range(1, k)))  # fmt: skip
    return +slopes[-1]


log_ndtr_slope = _slopes(
    "log_ndtr", "bell.log_ndtr_slope", _log_ndtr_precise, r"(\ln \Phi)", domain=((-20.0, 5.0),), source="DLMF 7.18.4",
)  # fmt: skip
log_ndtr = Operation(
    "log_ndtr", "x", partials=(lambda x, r: log_ndtr_slope(1, x),),
    spell={**_scipy("log_ndtr"), "precise": _log_ndtr_precise, "latex": r"\ln \Phi\left({0}\right)"},
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


def _numpy_rgamma(np: Any, x: Any) -> Any:
    """nan at -inf, where the function swings without end."""
    from scipy.special import rgamma as function

    return function(np.where(np.isneginf(x), np.nan, x))


def _scalar_rgamma(x: float) -> float:
    return 0.0 if x <= 0 and x.is_integer() else divide(1.0, _scalar_gamma(x))


def _lgamma_precise(mp: Any, x: Any) -> Any:
    """On the left by the reflection gamma(x)*gamma(1 - x) = pi/sin(pi*x) (DLMF 5.5.3): no complex number on the way."""
    if x > 0:
        return mp.loggamma(x)
    if mp.floor(x) == x:
        return mp.inf
    return mp.log(mp.pi) - mp.log(abs(mp.sinpi(x))) - mp.loggamma(1 - x)


gamma = Operation(
    "gamma", "x", aliases=("tgamma",), compute=_scalar_gamma, partials=(lambda x, r: r * digamma(x),),
    spell={"numpy": "scipy.special.gamma", **_called(r"\Gamma", "{name}")}, domain=(ABOVE_ZERO,),
    about="Gamma function: gamma(n + 1) is n! for whole n.", source="DLMF 5.2.1",
)  # fmt: skip
lgamma = Operation(
    "lgamma", "x", aliases=("gammaln", "loggamma"), compute=scalar_log_gamma, partials=(lambda x, r: digamma(x),),
    spell={"numpy": "cgcli.ops.numerics.gammas.log_gamma", "precise": _lgamma_precise,
           "latex": r"\ln \left|\Gamma\left({0}\right)\right|"},
    domain=(ABOVE_ZERO,),
    about="log|gamma(x)| without overflow.",
)  # fmt: skip


def _rgamma_slope(x: Any, r: Any) -> Any:
    """On the left by 1/gamma(x) = gamma(1 - x)*sin(pi*x)/pi (DLMF 5.5.3), which is smooth at the poles of gamma."""
    mirror = where(x < 0.5, 1 - x, 1.0)  # no pole on the side that is not taken
    reflected = gamma(mirror) * (cospi(x) - sinpi(x) * digamma(mirror) / x.coerce(PI))
    return where(x < 0.5, reflected, -r * digamma(x))


rgamma = Operation(
    "rgamma", "x", compute=_scalar_rgamma, partials=(_rgamma_slope,), domain=(ABOVE_ZERO,),
    spell={"numpy": _numpy_rgamma, "latex": r"\frac{{1}}{{\Gamma\left({0}\right)}}"},
    about="1/gamma(x); 0 at the poles of gamma.",
)  # fmt: skip
digamma: Operation = Operation(
    "digamma", "x", aliases=("psi",), partials=(lambda x, r: trigamma(x),), domain=(ABOVE_ZERO,),
    spell={**_scipy("digamma"), **_called(r"\psi", "{name}")},
    about="Derivative of log(gamma(x)).", source="DLMF 5.2.2",
)  # fmt: skip


LONGEST_SUM = 1000
"""Steps of a difference of polygammas left of 0 that are summed one by one."""
LARGE_ORDER = 160
"""From this order on polygammas of many digits are summed directly where that takes few terms."""


def _polygamma(x: Any, order: int) -> Any:
    return _numeric("gammas.whole_polygamma")(x, order)


def _cotangent_slope(mp: Any, x: Any, n: int) -> Any:
    """The n-th derivative of pi*cot(pi*x), a polynomial in the cotangent; ZeroDivisionError at whole numbers."""
    coefficients = [mp.zero, mp.pi]
    for _ in range(n):
        slope = [k * c for k, c in enumerate(coefficients)][1:]
        coefficients = [-mp.pi * c for c in [*slope, 0, 0]]
        for k, c in enumerate(slope):
            coefficients[k + 2] -= mp.pi * c
    cotangent = mp.cospi(x) / mp.sinpi(x)
    return mp.fsum(c * cotangent**k for k, c in enumerate(coefficients))


def _polygamma_precise(mp: Any, x: Any, n: int) -> Any:
    """mpmath's on the right; far there, where that is slow, the asymptotic series; on the left the reflection.

    For an order that is large beside x by the sum of (x + i)^-(n + 1), of which few terms count.
    Source: DLMF 5.15.8, 5.15.6 and 5.15.1.
    """
    if mp.isfinite(x) and x < 0:
        return (-1) ** n * _right_polygamma(mp, 1 - x, n) - _cotangent_slope(mp, x, n)
    return _right_polygamma(mp, x, n)


def _right_polygamma(mp: Any, x: Any, n: int) -> Any:
    if n and mp.isfinite(x) and x > mp.prec + 2 * n:
        total, term, k = mp.one / n + 1 / (2 * x), mp.one, 0
        while abs(term) > mp.eps * total:
            k += 1
            term = (
                mp.bernoulli(2 * k) * mp.factorial(2 * k + n - 1) / mp.factorial(2 * k) / mp.factorial(n) / x ** (2 * k)
            )
            total += term
        return (-1) ** (n + 1) * mp.factorial(n) * total / x**n
    if n < LARGE_ORDER or not 0 < x < n:
        return mp.psi(n, x)
    term = total = mp.one
    i = 0
    while term > mp.eps * total:
        i += 1
        term = mp.exp(-(n + 1) * mp.log1p(i / x))
        total += term
    return (-1) ** (n + 1) * total * mp.exp(mp.loggamma(n + 1) - (n + 1) * mp.log(x))


trigamma: Operation = Operation(
    "trigamma", "x", compute=lambda x: float(_polygamma(x, 1)), partials=(lambda x, r: polygamma(2, x),),
    spell={"numpy": lambda np, x: _polygamma(x, 1), "precise": lambda mp, x: _polygamma_precise(mp, x, 1),
           "latex": r"\psi^{{(1)}}\left({0}\right)"},
    domain=(ABOVE_ZERO,),
    about="Derivative of digamma(x).", source="DLMF 5.15.1",
)  # fmt: skip


polygamma: Operation = Operation(
    "polygamma", "[n], x", prepare=_order, compute=lambda x, n: float(_polygamma(x, n)),
    traits=("order_without_rule",),
    pullback=_by_order(lambda x, n: polygamma(n + 1, x)), domain=(ABOVE_ZERO,), examples=("polygamma(2, x)",),
    spell={"numpy": lambda np, x, n: _polygamma(x, n), "precise": _polygamma_precise,
           "latex": r"\psi^{{({n})}}\left({0}\right)"},
    about="The n-th derivative of digamma(x); n is a fixed whole number.", source="DLMF 5.15",
)  # fmt: skip


def _polygamma_step_precise(mp: Any, x: Any, d: Any, n: int) -> Any:
    if mp.isinf(d) and d > 0 and mp.isfinite(x):
        return -mp.psi(n, x) if n else mp.inf
    if mp.isint(d) and abs(d) <= LONGEST_SUM and min(x, x + d) <= 0:
        total = mp.fsum(1 / (min(x, x + d) + step) ** (n + 1) for step in range(int(abs(d))))
        return (-1) ** n * mp.factorial(n) * mp.sign(d) * total
    with mp.workprec(mp.prec + 20 + abs(mp.mag(x) - mp.mag(d)) if x and d else mp.prec):
        value = _polygamma_precise(mp, x + d, n) - _polygamma_precise(mp, x, n) if d else mp.zero
    return +value


polygamma_step: Operation = Operation(
    "polygamma_step", "[n], x, d", prepare=_order, traits=("order_without_rule",),
    pullback=_by_order(lambda x, d, n: polygamma_step(n + 1, x, d), lambda x, d, n: polygamma(n + 1, x + d)),
    compute=lambda x, d, n: float(_numeric("gammas.polygamma_step")(x, d, n)),
    spell={"numpy": lambda np, x, d, n: _numeric("gammas.polygamma_step")(x, d, n), "precise": _polygamma_step_precise,
           "latex": r"\psi^{{({n})}}\left({0} + {1}\right) - \psi^{{({n})}}\left({0}\right)"},
    domain=(ABOVE_ZERO, ABOVE_ZERO), examples=("polygamma_step(0, x, y)",),
    about="polygamma(n, x + d) - polygamma(n, x) without loss of digits where d is small beside x; n is a fixed "
          "whole number, and 0 stands for digamma.",
    source="DLMF 5.5.2, 5.11.2 and 25.11.43",
)  # fmt: skip
beta = Operation(
    "beta", "x, y",
    partials=(lambda x, y, r: -r * polygamma_step(0, x, y), lambda x, y, r: -r * polygamma_step(0, y, x)),
    spell={**_by_numerics("gammas.beta"), "latex": r"\mathrm{{B}}\left({0}, {1}\right)"},
    domain=(ABOVE_ZERO, ABOVE_ZERO), traits=("commutative",),
    about="Beta function, gamma(x)*gamma(y)/gamma(x + y).", source="DLMF 5.12.1",
)  # fmt: skip
lbeta = Operation(
    "lbeta", "x, y", aliases=("betaln",),
    partials=(lambda x, y, r: -polygamma_step(0, x, y), lambda x, y, r: -polygamma_step(0, y, x)),
    spell={**_by_numerics("gammas.log_beta"), "precise": lambda mp, x, y: mp.log(abs(mp.beta(x, y))),
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


MANY_CHOSEN, MANY_ARRANGED = 520, 171
"""More of at least twice as many, or of as many, things give a number beyond all doubles."""


def _whole_pair(n: float, k: float) -> bool:
    return isfinite(n) and isfinite(k) and n >= 0 and k >= 0 and n.is_integer() and k.is_integer()


def _scalar_binomial(n: float, k: float) -> float:
    """Exact on whole numbers."""
    if _whole_pair(n, k):
        few = min(k, n - k)
        return inf if few > MANY_CHOSEN else 0.0 if few < 0 else total(lambda: float(math.comb(int(n), int(few))))()
    return float(_numeric("gammas.combinations")(n, k))


def _scalar_arrangements(n: float, k: float) -> float:
    """Exact on whole numbers."""
    if _whole_pair(n, k):
        return 0.0 if k > n else inf if k >= MANY_ARRANGED else total(lambda: float(math.perm(int(n), int(k))))()
    return float(_numeric("gammas.arrangements")(n, k))


def _comb_by_n(n: Any, k: Any, r: Any) -> Any:
    """Where n - k + 1 meets the poles of gamma, by comb(n, k) = beta(n + 1, k - n)*sin(pi*(n - k + 1))/pi.

    Source: DLMF 5.5.3.
    """
    pi, left = n.coerce(PI), where(n - k < -0.5, k - n, 1.0)
    steep = cospi(n - k + 1) + sinpi(n - k + 1) * (digamma(n + 1) - digamma(left)) / pi
    return where(n - k < -0.5, beta(n + 1, left) * steep, r * polygamma_step(0, n - k + 1, k))


def _comb_by_k(n: Any, k: Any, r: Any) -> Any:
    """As by n; where k + 1 meets the poles, by the symmetry comb(n, k) = comb(n, n - k)."""
    pi, left, low = n.coerce(PI), where(n - k < -0.5, k - n, 1.0), where(k < -0.5, -k, 1.0)
    above = sinpi(n - k + 1) * (digamma(left) - digamma(k + 1)) / pi - cospi(n - k + 1)
    below = cospi(k + 1) - sinpi(k + 1) * (digamma(low) - digamma(n - k + 1)) / pi
    inside = where(k < -0.5, beta(n + 1, low) * below, r * polygamma_step(0, k + 1, n - 2 * k))
    return where(n - k < -0.5, beta(n + 1, left) * above, inside)


comb = Operation(
    "comb", "n, k", aliases=("binom", "choose", "nCr"), compute=_scalar_binomial, partials=(_comb_by_n, _comb_by_k),
    spell={"numpy": "cgcli.ops.numerics.gammas.combinations", "precise": "binomial", "latex": r"\binom{{{0}}}{{{1}}}"},
    domain=((5.0, 20.0), (0.1, 4.0)), traits=("exact_on_integers",),
    about="Number of ways to choose k of n things, n!/(k!*(n - k)!).",
)  # fmt: skip


def _perm_by_n(n: Any, k: Any, r: Any) -> Any:
    """Where n - k + 1 meets the poles of gamma, by its reflection (DLMF 5.5.3)."""
    left, top = where(n - k < -0.5, k - n, 1.0), where(n - k < -0.5, n + 1, 1.0)
    steep = cospi(n - k + 1) + sinpi(n - k + 1) * (digamma(top) - digamma(left)) / n.coerce(PI)
    return where(n - k < -0.5, gamma(top) * gamma(left) * steep, r * polygamma_step(0, n - k + 1, k))


def _perm_by_k(n: Any, k: Any, r: Any) -> Any:
    left, top = where(n - k < -0.5, k - n, 1.0), where(n - k < -0.5, n + 1, 1.0)
    steep = sinpi(n - k + 1) * digamma(left) / n.coerce(PI) - cospi(n - k + 1)
    return where(n - k < -0.5, gamma(top) * gamma(left) * steep, r * digamma(n - k + 1))


perm = Operation(
    "perm", "n, k", aliases=("nPr",), compute=_scalar_arrangements, partials=(_perm_by_n, _perm_by_k),
    spell={"numpy": "cgcli.ops.numerics.gammas.arrangements", "precise": "ff",
           "latex": r"\operatorname{{P}}\left({0}, {1}\right)"},
    domain=((5.0, 20.0), (0.1, 4.0)), traits=("exact_on_integers",),
    about="Number of ways to arrange k of n things in order, n!/(n - k)!.",
)  # fmt: skip


def _gamma_density_precise(mp: Any, a: Any, x: Any) -> Any:
    if x < 0:
        return mp.nan
    return mp.zero if a <= 0 and mp.isint(a) else mp.power(x, a - 1) * mp.exp(-x) * mp.rgamma(a)


gamma_density: Operation = Operation(
    "gamma_density", "a, x", compute=lambda a, x: float(_numeric("gammas.gamma_density")(a, x)),
    partials=(lambda a, x, r: r * (log(x) - digamma(a)), lambda a, x, r: _gamma_density_by_x(a, x, r)),
    spell={"numpy": "cgcli.ops.numerics.gammas.gamma_density",
           "precise": _gamma_density_precise,
           "latex": r"\frac{{{1}^{{{0} - 1}} e^{{-{1}}}}}{{\Gamma\left({0}\right)}}"},
    domain=(ABOVE_ZERO, ABOVE_ZERO),
    about="Density of the gamma distribution of shape a and scale 1, x^(a - 1)*exp(-x)/gamma(a).",
    source="C. Loader, Fast and accurate computation of binomial probabilities, 2000",
)  # fmt: skip


def _gamma_density_by_x(a: Any, x: Any, r: Any) -> Any:
    """That of a - 1 less itself, which holds at 0; near the top as one product, where the two are nearly the same."""
    ahead = a - 1 - x
    return where(absolute(ahead) < 0.5 * x, r * ahead / x, gamma_density(a - 1, x) - r)


MANY_TERMS = 10_000
"""The shape from which incomplete gamma functions of many digits are summed in whole numbers."""


def _gammainc_precise(mp: Any, x: Any, a: Any, upper: bool = False) -> Any:
    """P or Q. For a large shape the series of the smaller one, in fixed point; it has some sqrt(a) terms.

    With the density D, P/D is the sum of x^(k + 1)/(a*...*(a + k)), and Q/D that of (a - 1)*...*(a - k)/x^k.
    Source: DLMF 8.11.4 and 8.8.7.
    """
    if x < 0 or a < 0 or (a == 0 and not x > 0):
        return mp.nan
    if a == 0 or mp.isinf(a):
        return mp.mpf(upper == mp.isinf(a)) if not mp.isinf(a) or mp.isfinite(x) else mp.nan
    if not MANY_TERMS < a < 1e13 or x < 1 or mp.isinf(x):
        return mp.gammainc(a, x, mp.inf, regularized=True) if upper else mp.gammainc(a, 0, x, regularized=True)
    shape = mp.mpf(a)
    with mp.workprec(mp.prec + 2 * mp.mag(shape) + 20):
        density = mp.exp((shape - 1) * mp.log(x) - x - mp.loggamma(shape))
        top, bottom = int(mp.ldexp(x, mp.prec)), int(mp.ldexp(shape, mp.prec))
        lower, step = x < shape, 1 << mp.prec
        term = total = step
        while term:
            bottom += step if lower else -step
            term = term * top // bottom if lower else term * bottom // top
            total += term
        value = density * mp.ldexp(mp.mpf(total), -mp.prec) * (x / shape if lower else 1)
        if lower == upper:
            value = 1 - value
    return +value


def _gammainc_slope_precise(mp: Any, a: Any, x: Any, n: int) -> Any:
    """By differences in more digits, of the one of P and Q that is small."""
    if not a > 0 or x < 0 or mp.isinf(a):
        return mp.nan
    if x == 0 or mp.isinf(x):
        return mp.zero
    upper = mp.log(x) >= mp.psi(0, a)
    slope = mp.diff(lambda shape: _gammainc_precise(mp, x, shape, upper), a, n)
    return -slope if upper else slope


def _bell(distance: Any, cumulants: Callable[[int], Any], n: int) -> Any:
    """The polynomial that takes a density to its n-th derivative by a shape: see `numerics.shapes`."""
    found = [distance.coerce(1.0)]
    for k in range(n):
        found.append(distance * found[k])
        for j in range(1, k + 1):
            found[-1] = found[-1] - math.comb(k, j) * cumulants(j) * found[k - j]
    return found[n]


def _density_slope(a: Any, x: Any, n: int) -> Any:
    """The n-th derivative of the gamma density by its shape."""
    slope = gamma_density(a, x) * _bell(log(x) - digamma(a), lambda k: polygamma(k, a), n)
    return where((x == 0) & (a > 1), 0.0, slope)


gammainc_slope: Operation = Operation(
    "gammainc_slope", "[n], a, x", prepare=_order_from_one, domain=(ABOVE_ZERO, ABOVE_ZERO),
    compute=lambda a, x, n: float(_numeric("shapes.by_shape")(a, x, n)),
    pullback=_by_order(lambda a, x, n: gammainc_slope(n + 1, a, x), _density_slope),
    spell={"numpy": lambda np, a, x, n: _numeric("shapes.by_shape")(a, x, n), "precise": _gammainc_slope_precise,
           "latex": r"\partial_a^{{{n}}} P\left({0}, {1}\right)"},
    traits=("derived",), examples=("gammainc_slope(1, x, y)",),
    about="The n-th derivative of gammainc(a, x) by its shape a; n is a fixed whole number from 1.",
    source="DLMF 8.8.13",
)  # fmt: skip
gammainc = Operation(
    "gammainc", "a, x", domain=(ABOVE_ZERO, ABOVE_ZERO), examples=("gammainc(2, x)",),
    partials=(lambda a, x, r: gammainc_slope(1, a, x), lambda a, x, r: gamma_density(a, x)),
    spell={**_by_numerics("gammas.lower_gamma"), "precise": lambda mp, a, x: _gammainc_precise(mp, x, a),
           "latex": r"P\left({0}, {1}\right)"},
    about="Lower incomplete gamma function over gamma(a), from 0 to 1; the shape a is positive.", source="DLMF 8.2.4",
)  # fmt: skip
gammaincc = Operation(
    "gammaincc", "a, x", domain=(ABOVE_ZERO, ABOVE_ZERO), examples=("gammaincc(2, x)",),
    partials=(lambda a, x, r: -gammainc_slope(1, a, x), lambda a, x, r: -gamma_density(a, x)),
    spell={**_scipy("gammaincc"), "precise": lambda mp, a, x: _gammainc_precise(mp, x, a, True),
           "latex": r"Q\left({0}, {1}\right)"},
    about="1 - gammainc(a, x) without loss of digits.", source="DLMF 8.2.4",
)  # fmt: skip


def _lcomb_precise(mp: Any, n: Any, k: Any) -> Any:
    """By gammas, with so many more digits as n is large and k, or n - k, is small."""
    extra = sum(abs(mp.mag(each)) for each in (n, k, n - k) if each and mp.isfinite(each))
    with mp.workprec(mp.prec + 20 + 2 * min(extra, 10_000)):
        if n < 1000:
            value = mp.log(abs(mp.binomial(n, k)))
        else:
            value = mp.re(mp.loggamma(n + 1) - mp.loggamma(k + 1) - mp.loggamma(n - k + 1))
    return +value


lcomb = Operation(
    "lcomb", "n, k", aliases=("lchoose", "lbinom"),
    partials=(lambda n, k, r: polygamma_step(0, n - k + 1, k), lambda n, k, r: polygamma_step(0, k + 1, n - 2 * k)),
    spell={**_by_numerics("shapes.log_combinations"), "precise": _lcomb_precise,
           "latex": r"\ln \binom{{{0}}}{{{1}}}"},
    domain=((5.0, 20.0), (0.1, 4.0)),
    about="log|comb(n, k)| without overflow, also where n is far beyond k.",
)  # fmt: skip

# ---- Bessel and Airy functions ---------------------------------------------------------------------------------


def _bessel_library(x: Any, n: int, kind: str) -> Any:
    return _numeric("bessel.bessel" if kind in ("j", "y") else "bessel.modified_bessel")(x, n, kind)


def _bessel(
    name: str, kind: str, mpmath: str, slope: Callable[[Any, int], Any], letter: str, **facts: Any
) -> Operation:
    """A Bessel function of a fixed whole order."""
    return Operation(
        name, "[n], x", prepare=_whole_order, compute=lambda x, n: float(_bessel_library(x, n, kind)),
        pullback=_by_order(slope), traits=("order_without_rule",),
        spell={"numpy": lambda np, x, n: _bessel_library(x, n, kind),
               "precise": lambda mp, x, n: getattr(mp, mpmath)(n, x),
               "latex": letter + r"_{{{n}}}\left({0}\right)"},
        examples=(f"{name}(2, x)",), **facts,
    )  # fmt: skip


besselj: Operation = _bessel(
    "besselj", "j", "besselj", lambda x, n: 0.5 * (besselj(n - 1, x) - besselj(n + 1, x)), "J",
    aliases=("jn", "jv"), domain=((-20.0, 20.0),), source="DLMF 10.6.1",
    about="Bessel function of the first kind; n is a fixed whole number.",
)  # fmt: skip
bessely: Operation = _bessel(
    "bessely", "y", "bessely", lambda x, n: 0.5 * (bessely(n - 1, x) - bessely(n + 1, x)), "Y",
    aliases=("yn", "yv"), domain=(ABOVE_ZERO,), source="DLMF 10.6.1",
    about="Bessel function of the second kind; n is a fixed whole number.",
)  # fmt: skip
besseli: Operation = _bessel(
    "besseli", "i", "besseli", lambda x, n: 0.5 * (besseli(n - 1, x) + besseli(n + 1, x)), "I",
    aliases=("iv",), domain=((-10.0, 10.0),), source="DLMF 10.29.1",
    about="Modified Bessel function of the first kind; n is a fixed whole number.",
)  # fmt: skip
besselk: Operation = _bessel(
    "besselk", "k", "besselk", lambda x, n: -0.5 * (besselk(n - 1, x) + besselk(n + 1, x)), "K",
    aliases=("kn", "kv"), domain=(ABOVE_ZERO,), source="DLMF 10.29.1",
    about="Modified Bessel function of the second kind; n is a fixed whole number.",
)  # fmt: skip


def _bessel_number(name: str, order: int, general: str, slope: Callable[[Any, Any], Any], **facts: Any) -> Operation:
    """A Bessel function of order 0 or 1, which has a name of its own."""
    spelling: dict[str, Any] = _scipy(name)
    if name[0] in "jy":
        spelling = {"numpy": lambda np, x: _bessel_library(x, order, name[0])}
        facts["compute"] = lambda x: float(_bessel_library(x, order, name[0]))
    return Operation(
        name, "x", partials=(slope,),
        spell={**spelling, "precise": lambda mp, x: getattr(mp, general)(order, x),
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


MANY_STEPS = 10_000
"""Orders beyond which a spherical Bessel function is not climbed to step by step."""


def _scalar_spherical(x: float, n: int) -> float:
    """Spherical Bessel function: the series where x is small for the order, else upward recurrence.

    Source: DLMF 10.53.1 (series) and 10.51.1 (recurrence), which is stable for |x| > n.
    """
    if not isfinite(x):
        return nan if isnan(x) else 0.0
    if n > MANY_STEPS:
        return float(_spherical_numpy(None, x, n))
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
    """SciPy's, whose time grows with n; for a large one by the Bessel function of a broken order (DLMF 10.47.3)."""
    if n > MANY_STEPS:
        return _numeric("bessel.large_spherical")(x, n)
    return _numeric("bessel.spherical")(x, n)


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
    spell={**_by_numerics("integrals.expi"), "precise": "ei", "latex": r"\mathrm{{Ei}}\left({0}\right)"},
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


def _logarithmic_integral(x: Any) -> Any:
    """Ei of the logarithm; far from 1 as x times a function that the rounding of the logarithm hardly moves."""
    power = log(x)
    half = exp(-0.5 * power)
    return where((x > 8) & (x < inf) | (x > 0) & (x < 0.125), x * (expi(power) * half * half), expi(power))


logint = Operation(
    "logint", "x", aliases=("li",), definition=_logarithmic_integral, partials=(lambda x, r: 1 / log(x),),
    spell={"precise": "li", "latex": r"\mathrm{{li}}\left({0}\right)"}, domain=((1.1, 20.0),),
    about="Logarithmic integral: integral of 1/log(t) from 0 to x.", source="DLMF 6.2.8",
)  # fmt: skip


def _lambertw_excess_precise(mp: Any, x: Any) -> Any:
    with mp.workprec(2 * mp.prec):
        value = 1 + mp.lambertw(x)
    return +value


lambertw = Operation(
    "lambertw", "x", partials=(lambda x, r: exp(-r) / lambertw_excess(x),), domain=((-0.36, 20.0),),
    spell={**_by_numerics("lambert.lambertw"), "latex": r"W\left({0}\right)"}, traits=("increasing",),
    about="Lambert's W: the w with w*exp(w) = x, from -1 up; nan below -1/e.", source="DLMF 4.13.1 and 4.13.6",
)  # fmt: skip
lambertw_excess: Operation = Operation(
    "lambertw_excess", "x", partials=(lambda x, r: exp(1 - r) / r,), domain=((-0.36, 20.0),), traits=("increasing",),
    spell={**_by_numerics("lambert.lambertw_excess"), "precise": _lambertw_excess_precise,
           "latex": r"\left(1 + W\left({0}\right)\right)"},
    about="1 + lambertw(x) without loss of digits near -1/e, where it is 0.", source="DLMF 4.13.6",
)  # fmt: skip


def _elliptic_precise(mp: Any, m: Any, n: int, kind: int) -> Any:
    half = mp.mpf(1) / 2
    factor = mp.pi / 2 * mp.rf(half, n) * mp.rf(half - kind, n) / mp.factorial(n)
    return factor * mp.hyp2f1(n + half, n + half - kind, n + 1, m)


ellipk_slope = _slopes(
    "ellipk", "elliptic.ellipk_slope", lambda mp, m, n: _elliptic_precise(mp, m, n, 0), "K", domain=((-5.0, 1.0),),
    source="DLMF 19.4.8 and 19.5.1",
)  # fmt: skip
ellipe_slope = _slopes(
    "ellipe", "elliptic.ellipe_slope", lambda mp, m, n: _elliptic_precise(mp, m, n, 1), "E", domain=((-5.0, 1.0),),
    source="DLMF 19.4.8 and 19.5.2",
)  # fmt: skip
ellipk = Operation(
    "ellipk", "m", partials=(lambda m, r: ellipk_slope(1, m),), domain=((-5.0, 1.0),),
    spell={**_scipy("ellipk"), "latex": r"K\left({0}\right)"},
    about="Complete elliptic integral of the first kind of the parameter m = k^2.", source="DLMF 19.4.1",
)  # fmt: skip
ellipe: Operation = Operation(
    "ellipe", "m", partials=(lambda m, r: ellipe_slope(1, m),), domain=((-5.0, 1.0),),
    spell={**_by_numerics("elliptic.whole_ellipe"), "latex": r"E\left({0}\right)"},
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
