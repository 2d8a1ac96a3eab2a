"""Arithmetic: sums, products, quotients, remainders, signs and selections among numbers."""

from __future__ import annotations

import operator
from math import inf

from cgcli.ops.ieee import divide, floor_divide, modulo
from cgcli.ops.row import REAL, KinkAt, Operation

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

NONZERO = (0.1, 10.0)


def _native_modulo(lanes: Any, x: Any, y: Any) -> Any:
    """C's remainder, moved to the divisor's sign; a remainder of 0 takes that sign too."""
    rest = lanes.arithmetic("frem", x, y)
    moved = lanes.where((rest < 0.0) ^ (y < 0.0), rest + y, rest)
    return lanes.where(rest == 0.0, lanes.signed(0.0, y), moved)


def _native_floor_divide(lanes: Any, x: Any, y: Any) -> Any:
    """The quotient without the remainder, rounded to the integer that it is but for rounding; as in Python."""
    exact = (x - _native_modulo(lanes, x, y)) / y
    below = lanes.intrinsic("llvm.floor", exact)
    whole = lanes.where(exact - below > 0.5, below + 1.0, below)
    quotient = x / y
    zero = lanes.signed(0.0, quotient)
    signed = lanes.where(exact == 0.0, zero, whole)
    by_infinity = lanes.where((x < 0.0) & (y > 0.0) | (x > 0.0) & (y < 0.0), -1.0, zero)
    finite = lanes.where((lanes.magnitude(y) == inf) & (lanes.magnitude(x) < inf), by_infinity, signed)
    return lanes.where(y == 0.0, quotient, finite)


add = Operation(
    "add", "x, y", aliases=("plus",), compute=operator.add,
    partials=(lambda x, y, r: 1.0, lambda x, y, r: 1.0),
    spell={"numpy": "add", "native": "fadd", "precise": "fadd", "infix": "+", "latex": "{0} + {1}",
           "words": "the sum"}, precedence=50,
    identities=(0.0, 0.0), traits=("commutative", "associative", "exact_on_integers", "linear"),
    about="Sum of two numbers.",
)  # fmt: skip
sub = Operation(
    "sub", "x, y", aliases=("subtract",), compute=operator.sub,
    partials=(lambda x, y, r: 1.0, lambda x, y, r: -1.0),
    spell={"numpy": "subtract", "native": "fsub", "precise": "fsub", "infix": "-", "latex": "{0} - {1}",
           "words": "the difference"}, precedence=50,
    identities=(None, 0.0), traits=("exact_on_integers", "linear"),
    about="Difference of two numbers.",
)  # fmt: skip
mul = Operation(
    "mul", "x, y", aliases=("multiply", "times"), compute=operator.mul,
    partials=(lambda x, y, r: y, lambda x, y, r: x),
    spell={"numpy": "multiply", "native": "fmul", "precise": "fmul", "infix": "*", "latex": r"{0} \cdot {1}",
           "words": "the product"},
    precedence=60, identities=(1.0, 1.0), traits=("commutative", "associative", "exact_on_integers", "bilinear"),
    about="Product of two numbers.",
)  # fmt: skip
div = Operation(
    "div", "x, y", aliases=("divide", "true_divide"), compute=divide,
    partials=(lambda x, y, r: 1 / y, lambda x, y, r: -r / y),
    spell={"numpy": "divide", "native": "fdiv", "precise": "fdiv", "infix": "/", "latex": r"\frac{{{0}}}{{{1}}}",
           "words": "the division"},
    precedence=60,
    domain=(REAL, NONZERO), identities=(None, 1.0), traits=("linear_in_first",),
    about="Quotient of two numbers; x/0 is infinite, 0/0 is nan.",
)  # fmt: skip


def _precise_modulo(mp: Any, x: Any, y: Any) -> Any:
    """mpmath before 1.4 has nan for a remainder of an infinite divisor."""
    if mp.isinf(y) and mp.isfinite(x):
        return x if x == 0 or (x > 0) == (y > 0) else y
    return x % y


floordiv = Operation(
    "floordiv", "x, y", aliases=("floor_divide",), compute=floor_divide, partials=(None, None),
    spell={
        "numpy": "floor_divide", "native": _native_floor_divide,
        "precise": lambda mp, x, y: mp.nint((x - x % y) / y), "infix": "//",
        "latex": r"\left\lfloor \frac{{{0}}}{{{1}}} \right\rfloor",
    },
    precedence=60, domain=(REAL, NONZERO), traits=("piecewise_constant",),
    kink=lambda x, y: mod(x, y) == 0, convention="derivative 0, also at the jumps",
    kinks_at=(KinkAt((4, 2), 0, 0),),
    about="Quotient rounded down to an integer.",
)  # fmt: skip
mod: Operation = Operation(
    "mod", "x, y", aliases=("modulo",), compute=modulo,
    partials=(lambda x, y, r: 1.0, lambda x, y, r: -floordiv(x, y)),
    spell={
        "numpy": "mod", "native": _native_modulo, "precise": _precise_modulo,
        "infix": "%", "latex": r"{0} \bmod {1}",
    },
    precedence=60,
    domain=(REAL, NONZERO),
    kink=lambda x, y: mod(x, y) == 0, convention="slope of the piece to the right at the jumps",
    kinks_at=(KinkAt((4, 2), 1, (-2, -1, -2)), KinkAt((-4, 2), 1, (3, 2, 2))),
    about="Remainder of x/y with the sign of y, as in Python.",
)  # fmt: skip
neg = Operation(
    "neg", "x", aliases=("negative",), compute=operator.neg, partials=(lambda x, r: -1.0,),
    spell={"numpy": "negative", "native": "fneg", "precise": "fneg", "infix": "-", "latex": "-{0}",
           "words": "the minus sign"}, precedence=70,
    traits=("odd", "involution", "exact_on_integers", "linear"),
    about="The number with the other sign.",
)  # fmt: skip
square = Operation(
    "square", "x", aliases=("sqr", "sq"), compute=lambda x: x * x, partials=(lambda x, r: 2 * x,),
    spell={"native": lambda lanes, x: x * x, "precise": lambda mp, x: x * x, "latex": "{0}^2"},
    traits=("even", "exact_on_integers"),
    about="The number times itself.",
)  # fmt: skip
reciprocal = Operation(
    "reciprocal", "x", aliases=("rcp",), compute=lambda x: divide(1.0, x), partials=(lambda x, r: -r / x,),
    definition=lambda x: 1 / x, spell={"numpy": lambda np, x: np.divide(1.0, x), "latex": r"\frac{{1}}{{{0}}}"},
    domain=(NONZERO,), traits=("odd",),
    about="1/x; infinite at 0.",
)  # fmt: skip
pos = Operation(
    "pos", "x", aliases=("positive", "identity"), compute=operator.pos, partials=(lambda x, r: 1.0,),
    spell={"numpy": "positive", "native": lambda lanes, x: x, "precise": lambda mp, x: x, "latex": "{0}"},
    fold=lambda x: x, traits=("odd", "increasing", "idempotent", "exact_on_integers", "linear"),
    about="The number itself.",
)  # fmt: skip
fma = Operation(
    "fma", "x, y, z", definition=lambda x, y, z: x * y + z, traits=("exact_on_integers",),
    spell={"latex": r"{0} \cdot {1} + {2}"},
    about="x*y + z, rounded after each of the two steps.",
)  # fmt: skip
