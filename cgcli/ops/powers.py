"""Powers, roots, exponentials and logarithms."""

from __future__ import annotations

import math
from math import inf

from cgcli.ops.ieee import power as ieee_power
from cgcli.ops.ieee import total
from cgcli.ops.logic import where
from cgcli.ops.row import POSITIVE, REAL, Operation

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


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


power = Operation(
    "pow", "x, y", aliases=("power", "float_power"), compute=ieee_power,
    partials=(
        lambda x, y, r: where(y == 0, 0.0, y * power(x, y - 1)),
        lambda x, y, r: where((x == 0) & (y >= 0), 0.0, r * log(x)),
    ),
    spell={"numpy": "float_power", "precise": _power_precise, "infix": "^", "latex": "{0}^{{{1}}}"}, precedence=80,
    domain=(POSITIVE, REAL), identities=(None, 1.0), fold=_fold_power,
    kink=lambda x, y: x == 0,
    convention="x^0 is the constant 1; at x = 0 the derivative with respect to an exponent that is not negative is 0",
    about="x to the power y; nan for a negative x with a broken y.",
)  # fmt: skip
sqrt = Operation(
    "sqrt", "x", compute=total(math.sqrt), partials=(lambda x, r: 0.5 / r,),
    spell={"latex": r"\sqrt{{{0}}}"}, domain=(POSITIVE,), traits=("increasing",),
    about="The square root; nan below 0. Its slope at 0 is infinite.",
)  # fmt: skip
exp = Operation(
    "exp", "x", compute=total(math.exp), partials=(lambda x, r: r,),
    spell={"latex": "e^{{{0}}}"}, traits=("increasing",),
    about="e to the power x.",
)  # fmt: skip
log = Operation(
    "log", "x", aliases=("ln",), compute=total(math.log, {0.0: -inf}), partials=(lambda x, r: 1 / x,),
    spell={"latex": r"\ln\left({0}\right)"}, domain=(POSITIVE,), traits=("increasing",),
    about="The natural logarithm; `log(x, base)` takes a base. -inf at 0, nan below.",
)  # fmt: skip
log_base = Operation(
    "log_base", "x, base", aliases=("log",), definition=lambda x, base: log(x) / log(base),
    domain=(POSITIVE, (1.5, 10.0)), spell={"latex": r"\log_{{{1}}}\left({0}\right)"},
    about="The logarithm of x to a base.",
)  # fmt: skip
