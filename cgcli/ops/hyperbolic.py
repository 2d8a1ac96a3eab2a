"""Hyperbolic functions and their inverses. The inverse of a reciprocal function is that of the reciprocal."""

from __future__ import annotations

import math
from math import copysign, inf, nan

from cgcli.ops.arithmetic import square
from cgcli.ops.ieee import divide, signed_overflow, total
from cgcli.ops.logic import absolute, copy_sign, where
from cgcli.ops.powers import hypot, log1p, one_minus_square, sqrt
from cgcli.ops.row import Operation

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

ABOVE_ZERO = (0.1, 20.0)
INSIDE_ONE = (-1.0, 1.0)

_scalar_sinh = total(math.sinh, overflow=signed_overflow)
_scalar_cosh = total(math.cosh)

sinh = Operation(
    "sinh", "x", compute=_scalar_sinh, partials=(lambda x, r: cosh(x),),
    spell={"latex": r"\sinh\left({0}\right)"}, traits=("odd", "increasing"),
    about="Hyperbolic sine, (exp(x) - exp(-x))/2.",
)  # fmt: skip
cosh: Operation = Operation(
    "cosh", "x", compute=_scalar_cosh, partials=(lambda x, r: sinh(x),),
    spell={"latex": r"\cosh\left({0}\right)"}, traits=("even",),
    about="Hyperbolic cosine, (exp(x) + exp(-x))/2.",
)  # fmt: skip
tanh = Operation(
    "tanh", "x", compute=math.tanh, partials=(lambda x, r: square(sech(x)),),
    spell={"latex": r"\tanh\left({0}\right)"}, traits=("odd", "increasing"),
    about="Hyperbolic tangent, sinh(x)/cosh(x), between -1 and 1.",
)  # fmt: skip
sech: Operation = Operation(
    "sech", "x", compute=lambda x: 1 / _scalar_cosh(x), partials=(lambda x, r: -r * tanh(x),),
    definition=lambda x: 1 / cosh(x),
    spell={"numpy": lambda np, x: 1 / np.cosh(x), "precise": "sech", "latex": r"\operatorname{{sech}}\left({0}\right)"},
    traits=("even",),
    about="Hyperbolic secant, 1/cosh(x).",
)  # fmt: skip
csch = Operation(
    "csch", "x", aliases=("cosech",), compute=lambda x: divide(1.0, _scalar_sinh(x)),
    partials=(lambda x, r: -r * coth(x),), definition=lambda x: 1 / sinh(x),
    spell={"numpy": lambda np, x: 1 / np.sinh(x), "precise": "csch", "latex": r"\operatorname{{csch}}\left({0}\right)"},
    domain=(ABOVE_ZERO,), traits=("odd",),
    about="Hyperbolic cosecant, 1/sinh(x).",
)  # fmt: skip
coth: Operation = Operation(
    "coth", "x", compute=lambda x: divide(1.0, math.tanh(x)), partials=(lambda x, r: -square(csch(x)),),
    definition=lambda x: 1 / tanh(x),
    spell={"numpy": lambda np, x: 1 / np.tanh(x), "precise": "coth", "latex": r"\coth\left({0}\right)"},
    domain=(ABOVE_ZERO,), traits=("odd",),
    about="Hyperbolic cotangent, 1/tanh(x).",
)  # fmt: skip

# ---- inverses --------------------------------------------------------------------------------------------------

asinh = Operation(
    "asinh", "x", aliases=("arcsinh", "arsinh"), compute=math.asinh,
    partials=(lambda x, r: 1 / hypot(x.coerce(1.0), x),),
    spell={"numpy": "arcsinh", "latex": r"\operatorname{{arsinh}}\left({0}\right)"}, traits=("odd", "increasing"),
    about="The number with this hyperbolic sine, log(x + sqrt(x^2 + 1)).",
)  # fmt: skip
acosh = Operation(
    "acosh", "x", aliases=("arccosh", "arcosh"), compute=total(math.acosh),
    partials=(lambda x, r: 1 / (sqrt(x - 1) * sqrt(x + 1)),),
    spell={"numpy": "arccosh", "latex": r"\operatorname{{arcosh}}\left({0}\right)"},
    domain=((1.0, inf),), traits=("increasing",),
    about="The number, not negative, with this hyperbolic cosine; nan below 1.",
)  # fmt: skip
atanh = Operation(
    "atanh", "x", aliases=("arctanh", "artanh"), compute=total(math.atanh, {1.0: inf, -1.0: -inf}),
    partials=(lambda x, r: 1 / one_minus_square(x),),
    spell={"numpy": "arctanh", "latex": r"\operatorname{{artanh}}\left({0}\right)"},
    domain=(INSIDE_ONE,), traits=("odd", "increasing"),
    about="The number with this hyperbolic tangent; infinite at -1 and 1, nan outside.",
)  # fmt: skip


def _scalar_asech(x: float) -> float:
    return math.asinh(divide(math.sqrt((1 - x) * (1 + x)), x)) if 0 <= x <= 1 else nan


def _asech(x: Any) -> Any:
    """By asinh: the rounding of 1/x would cost digits near 1."""
    return where(x >= 0, asinh(sqrt((1 - x) * (1 + x)) / x), nan)


asech = Operation(
    "asech", "x", aliases=("arcsech", "arsech"), compute=_scalar_asech, definition=_asech,
    partials=(lambda x, r: -1 / (x * sqrt(one_minus_square(x))),),
    spell={"precise": "asech", "latex": r"\operatorname{{arsech}}\left({0}\right)"}, domain=((0.0, 1.0),),
    about="The number, not negative, with this hyperbolic secant, acosh(1/x); nan outside [0, 1].",
)  # fmt: skip
acsch = Operation(
    "acsch", "x", aliases=("arccsch", "arcsch"), compute=lambda x: math.asinh(divide(1.0, x)),
    definition=lambda x: asinh(1 / x), partials=(lambda x, r: -1 / (absolute(x) * hypot(x.coerce(1.0), x)),),
    spell={"precise": "acsch", "latex": r"\operatorname{{arcsch}}\left({0}\right)"}, domain=((0.0, inf),),
    traits=("odd",),
    about="The number with this hyperbolic cosecant, asinh(1/x).",
)  # fmt: skip


def _scalar_acoth(x: float) -> float:
    size = abs(x)
    if size < 1:
        return nan
    return copysign(0.5 * math.log1p(2 / (size - 1)), x) if size != 1 else copysign(inf, x)


acoth = Operation(
    "acoth", "x", aliases=("arccoth", "arcoth"), compute=_scalar_acoth,
    definition=lambda x: copy_sign(0.5 * log1p(2 / (absolute(x) - 1)), x),
    partials=(lambda x, r: 1 / one_minus_square(x),),
    spell={"precise": "acoth", "latex": r"\operatorname{{arcoth}}\left({0}\right)"}, domain=((1.0, inf),),
    traits=("odd",),
    about="The number with this hyperbolic cotangent, atanh(1/x); nan inside (-1, 1).",
)  # fmt: skip
