"""Powers, roots, exponentials and logarithms."""

from __future__ import annotations

import math
from math import inf, isnan, nan

from cgcli.ops.arithmetic import square
from cgcli.ops.ieee import divide, total
from cgcli.ops.ieee import power as ieee_power
from cgcli.ops.logic import absolute, maximum, where
from cgcli.ops.row import POSITIVE, REAL, KinkAt, Operation

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

_scalar_log = total(math.log, {0.0: -inf})
_scalar_log2 = total(math.log2, {0.0: -inf})
_scalar_log10 = total(math.log10, {0.0: -inf})
_scalar_log1p = total(math.log1p, {-1.0: -inf})


def _fold_power(x: Any, y: Any) -> Any:
    """x^0 is 1 for every x, as in IEEE 754."""
    if y.constant_value == 0 and x.shape == ():
        return y.coerce(1.0)
    return None


LARGEST_EXPONENT = 2.0**64
"""mpmath multiplies out whole exponents; beyond this one the logarithm is the way."""


def _power_precise(mp: Any, x: Any, y: Any) -> Any:
    """As C's `pow`: x^0 and 1^y are 1 also for nan; a huge exponent is an even number."""
    if y == 0 or x == 1:
        return mp.one
    return mp.exp(y * mp.log(abs(x))) if abs(y) > LARGEST_EXPONENT else mp.power(x, y)


def _power_native(lanes: Any, x: Any, y: Any) -> Any:
    """Constant exponents that a few products or a root answer within 2 ulp; C's function for the others.

    Negative exponents take the reciprocal first, so that nothing overflows that the result does not. The root of a
    power is that of x + 0, since (-0)^0.5 is 0 and not -0; and (-inf)^0.5 is inf.
    """
    exponent = y.constant
    if exponent in _SMALL_EXPONENTS:
        base = x if exponent > 0 else 1.0 / x
        squared = base * base
        return (None, base, squared, squared * base, squared * squared)[int(abs(exponent))]
    if exponent == 0.5:
        return lanes.where(x == -inf, inf, lanes.intrinsic("llvm.sqrt", x + 0.0))
    return lanes.call("pow", x, y)


def _power_numpy(np: Any, x: Any, y: Any) -> Any:
    """A square and a reciprocal, which are rounded once, take a fiftieth of the time of a power."""
    if getattr(y, "ndim", 0) == 0:
        if y == 2:
            return np.square(x)
        if y == -1:
            return np.divide(1.0, x)
    return np.float_power(x, y)


_SMALL_EXPONENTS = (1, 2, 3, 4, -1, -2, -3, -4)


def _power_by_base(x: Any, y: Any) -> Any:
    """A constant exponent that is not 0 decides nothing."""
    slope = y * power(x, y - 1)
    return slope if y.constant_value not in (None, 0) else where((x == 0) & (y == 0), 0.0, slope)


power: Operation = Operation(
    "pow", "x, y", aliases=("power", "float_power"), compute=ieee_power,
    partials=(
        lambda x, y, r: _power_by_base(x, y),
        lambda x, y, r: where((x == 0) & (y > 0), 0.0, r * log(x)),
    ),
    spell={
        "numpy": _power_numpy, "native": _power_native, "precise": _power_precise,
        "infix": "^", "latex": "{0}^{{{1}}}", "words": "the power",
    },
    precedence=80,
    domain=(POSITIVE, REAL), identities=(None, 1.0), fold=_fold_power,
    about="x to the power y; nan for a negative x with a broken y. x^0 is the constant 1, also at x = 0.",
)  # fmt: skip
sqrt = Operation(
    "sqrt", "x", compute=total(math.sqrt), partials=(lambda x, r: 0.5 / r,),
    spell={"native": "llvm.sqrt", "latex": r"\sqrt{{{0}}}"}, domain=(POSITIVE,), traits=("increasing",),
    about="The square root; nan below 0. Its slope at 0 is infinite.",
)  # fmt: skip
exp = Operation(
    "exp", "x", compute=total(math.exp), partials=(lambda x, r: r,),
    spell={"latex": "e^{{{0}}}"}, traits=("increasing",),
    about="e to the power x.",
)  # fmt: skip
log: Operation = Operation(
    "log", "x", aliases=("ln",), compute=_scalar_log, partials=(lambda x, r: 1 / x,),
    spell={"latex": r"\ln\left({0}\right)"}, domain=(POSITIVE,), traits=("increasing",),
    about="The natural logarithm; `log(x, base)` takes a base. -inf at 0, nan below.",
)  # fmt: skip


def _log_in_base(x: float, base: float) -> float:
    """Exact where the base has a logarithm of its own: log(1000, 10) is 3, not 2.9999999999999996."""
    if base == 2:
        return _scalar_log2(x)
    if base == 10:
        return _scalar_log10(x)
    return divide(_scalar_log(x), _scalar_log(base))


log_base = Operation(
    "log_base", "x, base", aliases=("log",), compute=_log_in_base,
    definition=lambda x, base: where(base == 2, log2(x), where(base == 10, log10(x), log(x) / log(base))),
    partials=(lambda x, base, r: 1 / (x * log(base)), lambda x, base, r: -r / (base * log(base))),
    domain=(POSITIVE, (1.5, 10.0)), spell={"latex": r"\log_{{{1}}}\left({0}\right)"},
    about="The logarithm of x to a base, log(x)/log(base).",
)  # fmt: skip
log2: Operation = Operation(
    "log2", "x", aliases=("lb",), compute=_scalar_log2, partials=(lambda x, r: 1 / (x * log(x.coerce(2.0))),),
    spell={"precise": lambda mp, x: mp.log(x, 2), "latex": r"\log_2\left({0}\right)"},
    domain=(POSITIVE,), traits=("increasing",),
    about="The logarithm to base 2.",
)  # fmt: skip
log10: Operation = Operation(
    "log10", "x", aliases=("lg",), compute=_scalar_log10, partials=(lambda x, r: 1 / (x * log(x.coerce(10.0))),),
    spell={"precise": "log10", "latex": r"\log_{{10}}\left({0}\right)"}, domain=(POSITIVE,), traits=("increasing",),
    about="The logarithm to base 10.",
)  # fmt: skip
log1p = Operation(
    "log1p", "x", compute=_scalar_log1p, partials=(lambda x, r: 1 / (1 + x),),
    spell={"latex": r"\ln\left(1 + {0}\right)"}, domain=((-1.0, inf),), traits=("increasing",),
    about="log(1 + x) without loss of digits for small x.",
)  # fmt: skip
expm1 = Operation(
    "expm1", "x", compute=total(math.expm1), partials=(lambda x, r: exp(x),),
    spell={"latex": "e^{{{0}}} - 1"}, traits=("increasing",),
    about="exp(x) - 1 without loss of digits for small x.",
)  # fmt: skip
exp2 = Operation(
    "exp2", "x", compute=total(math.exp2), partials=(lambda x, r: r * log(x.coerce(2.0)),),
    spell={"precise": lambda mp, x: mp.power(2, x), "latex": "2^{{{0}}}"}, traits=("increasing",),
    about="2 to the power x.",
)  # fmt: skip
exp10 = Operation(
    "exp10", "x", compute=lambda x: ieee_power(10.0, x), partials=(lambda x, r: r * log(x.coerce(10.0)),),
    spell={
        "numpy": lambda np, x: np.float_power(10.0, x), "precise": lambda mp, x: mp.power(10, x), "latex": "10^{{{0}}}",
    },
    definition=lambda x: power(x.coerce(10.0), x), traits=("increasing",),
    about="10 to the power x.",
)  # fmt: skip

# ---- roots -----------------------------------------------------------------------------------------------------

rsqrt = Operation(
    "rsqrt", "x", compute=lambda x: divide(1.0, math.sqrt(x)) if x >= 0 else nan, partials=(lambda x, r: -0.5 * r / x,),
    definition=lambda x: 1 / sqrt(x), spell={"latex": r"\frac{{1}}{{\sqrt{{{0}}}}}"}, domain=((0.0, inf),),
    about="1/sqrt(x); infinite at 0, nan below.",
)  # fmt: skip
one_minus_square: Operation = Operation(
    "one_minus_square", "x", compute=lambda x: (1 - x) * (1 + x), definition=lambda x: (1 - x) * (1 + x),
    partials=(lambda x, r: -2 * x,), spell={"latex": r"\left(1 - {0}^2\right)"}, traits=("even",),
    about="1 - x^2 without loss of digits near -1 and 1; its derivative has none near 0.",
)  # fmt: skip
cbrt = Operation(
    "cbrt", "x", compute=math.cbrt, partials=(lambda x, r: 1 / (3 * square(r)),),
    spell={"precise": lambda mp, x: mp.sign(x) * mp.cbrt(mp.fabs(x)), "latex": r"\sqrt[3]{{{0}}}"},
    traits=("odd", "increasing"),
    about="The cube root, also of negative numbers. Its slope at 0 is infinite.",
)  # fmt: skip


def _real_root(x: Any, n: Any) -> Any:
    """The n-th root by a power, with the sign of x where n is odd and one Newton step against the rounding of 1/n."""
    size = absolute(x)
    rough = power(size, 1 / n)
    polished = rough - (rough - size / power(rough, n - 1)) / n
    usable = (rough > 0) & (rough < inf) & (absolute(n) < 1e15)
    found = where(usable, polished, rough)
    return where(x < 0, where(absolute(n) % 2 == 1, -found, nan), found)


root = Operation(
    "root", "x, n", aliases=("nthroot",), definition=_real_root,
    partials=(
        lambda x, n, r: power(absolute(x), 1 / n - 1) / n,
        lambda x, n, r: where(x == 0, 0.0, -r * log(absolute(x)) / square(n)),
    ),
    domain=((0.1, 20.0), (1.5, 6.0)), spell={"latex": r"\sqrt[{1}]{{{0}}}"},
    about="The n-th root, x^(1/n); real also for negative x with odd n: root(-8, 3) is -2.",
)  # fmt: skip


def _scalar_hypot_slope(x: float, y: float) -> float:
    length = math.hypot(x, y)
    return 0.0 if length == 0 else divide(x, length)


def _hypot_slope_pullback(adjoint: Any, operands: Sequence[Any], result: Any, attributes: object) -> list[Any]:
    """At the origin, where a direction turns at once, nan; but what counts for nothing stays nothing."""
    x, y = operands
    length = hypot(x, y)
    lost = where(adjoint == 0, 0.0, nan)
    sine = hypot_slope(y, x)
    return [
        where(length == 0, lost, adjoint * square(sine) / length),
        where(length == 0, lost, -adjoint * result * sine / length),
    ]


hypot_slope: Operation = Operation(
    "hypot_slope", "x, y", compute=_scalar_hypot_slope, pullback=_hypot_slope_pullback,
    definition=lambda x, y: where((x == 0) & (y == 0), 0.0, x / hypot(x, y)),
    spell={"latex": r"\frac{{{0}}}{{\sqrt{{{0}^2 + {1}^2}}}}"},
    kink=lambda x, y: (x == 0) & (y == 0), convention="0 at the origin",
    kinks_at=(KinkAt((0, 0), (0, 0, None), (0, 0, None)),),
    about="x/hypot(x, y), and 0 at the origin: the cosine of the direction of (x, y), a slope of hypot.",
)  # fmt: skip
only_here: Operation = Operation(
    "only_here", "x", compute=lambda x: x, partials=(lambda x, r: r.coerce(nan),),
    spell={"numpy": "positive", "native": lambda lanes, x: x, "precise": lambda mp, x: x, "latex": "{0}"},
    traits=("verdict",), about="x, which is known here but not around here: its derivative is nan.",
)  # fmt: skip
hypot: Operation = Operation(
    "hypot", "x, y", compute=math.hypot,
    partials=(lambda x, y, r: hypot_slope(x, y), lambda x, y, r: hypot_slope(y, x)),
    spell={"latex": r"\sqrt{{{0}^2 + {1}^2}}"}, traits=("commutative", "associative"),
    kink=lambda x, y: (x == 0) & (y == 0), convention="derivative 0 at the origin",
    kinks_at=(KinkAt((0, 0), (-1, 1, 0), (-1, 1, 0)),),
    about="sqrt(x^2 + y^2) without overflow: length of the hypotenuse.",
)  # fmt: skip

# ---- logarithms of sums and products with them -----------------------------------------------------------------


def _add_exponentials(larger: float, smaller: float) -> float:
    if smaller > larger or isnan(smaller):
        larger, smaller = smaller, larger
    return larger if larger == smaller == inf or larger == -inf else larger + math.log1p(math.exp(smaller - larger))


def _logistic(x: Any) -> Any:
    """1/(1 + exp(-x)), of which no derivative overflows (see `sigmoid`)."""
    return where(x < 0, exp(x) / (1 + exp(x)), 1 / (1 + exp(-x)))


logaddexp = Operation(
    "logaddexp", "x, y", compute=_add_exponentials,
    definition=lambda x, y: where(x == y, x + log(x.coerce(2.0)), maximum(x, y) + log1p(exp(-absolute(x - y)))),
    partials=(lambda x, y, r: _logistic(x - y), lambda x, y, r: _logistic(y - x)),
    spell={
        "precise": lambda mp, x, y: x if x == y and mp.isinf(x) else max(x, y) + mp.log1p(mp.exp(-abs(x - y))),
        "latex": r"\ln\left(e^{{{0}}} + e^{{{1}}}\right)",
    },
    traits=("commutative", "associative"),
    about="log(exp(x) + exp(y)) without overflow.",
)  # fmt: skip
log1mexp = Operation(
    "log1mexp", "x", definition=lambda x: where(x > -0.7, log(-expm1(x)), log1p(-exp(x))),
    partials=(lambda x, r: exp(x) / expm1(x),), domain=((-30.0, 0.0),),
    spell={"latex": r"\ln\left(1 - e^{{{0}}}\right)"},
    about="log(1 - exp(x)) for x < 0, without loss of digits at either end.",
    source="M. Maechler, Accurately computing log(1 - exp(-|a|)), 2012",
)  # fmt: skip


def _x_log(x: float, logarithm: float) -> float:
    return 0.0 if x == 0 else x * logarithm


weighted = Operation(
    "weighted", "w, x", compute=lambda w, x: 0.0 if w == 0 else w * x,
    partials=(lambda w, x, r: x, lambda w, x, r: w),
    spell={"numpy": lambda np, w, x: np.where(np.equal(w, 0), 0.0, np.multiply(w, x)),
           "native": lambda lanes, w, x: lanes.where(w == 0.0, 0.0, w * x),
           "precise": lambda mp, w, x: mp.zero if w == 0 else w * x, "latex": r"{0} \cdot {1}"},
    traits=("exact_on_integers",),
    about="w*x, and 0 where the weight w is 0, also of an infinite x.",
)  # fmt: skip
xlogy = Operation(
    "xlogy", "x, y", compute=lambda x, y: _x_log(x, _scalar_log(y)),
    partials=(lambda x, y, r: log(y), lambda x, y, r: where((x == 0) & (y == 0), 0.0, x / y)),
    definition=lambda x, y: where(x == 0, 0.0, x * log(y)),
    spell={"latex": r"{0} \ln {1}"}, domain=(REAL, POSITIVE),
    about="x*log(y), and 0 where x is 0.",
)  # fmt: skip
xlog1py = Operation(
    "xlog1py", "x, y", compute=lambda x, y: _x_log(x, _scalar_log1p(y)),
    partials=(lambda x, y, r: log1p(y), lambda x, y, r: where((x == 0) & (y == -1), 0.0, x / (1 + y))),
    definition=lambda x, y: where(x == 0, 0.0, x * log1p(y)),
    spell={"latex": r"{0} \ln\left(1 + {1}\right)"}, domain=(REAL, (-1.0, inf)),
    about="x*log(1 + y), and 0 where x is 0.",
)  # fmt: skip
