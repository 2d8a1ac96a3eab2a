"""Rounding and remainders. What jumps has derivative 0, also at the jumps."""

from __future__ import annotations

import math
from math import copysign, inf, isfinite, nan

from cgcli.ops.ieee import total
from cgcli.ops.logic import absolute, where
from cgcli.ops.row import REAL, KinkAt, Operation

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

NONZERO = (0.1, 10.0)
AT_A_JUMP = "derivative 0, also at the jumps"


def _whole(function: Callable[[float], int]) -> Callable[[float], float]:
    """A rounding function of `math` that keeps inf, nan and the sign of zero."""

    def answer(x: float) -> float:
        if not isfinite(x):
            return x
        return float(function(x)) or copysign(0.0, x)

    return answer


floor: Operation = Operation(
    "floor", "x", compute=_whole(math.floor), partials=(None,),
    spell={"native": "llvm.floor", "latex": r"\left\lfloor {0} \right\rfloor"},
    traits=("piecewise_constant", "idempotent", "exact_on_integers"),
    kink=lambda x: x == floor(x), convention=AT_A_JUMP,
    kinks_at=(KinkAt((1,), 0),),
    about="The largest whole number that is not above x.",
)  # fmt: skip
ceil = Operation(
    "ceil", "x", aliases=("ceiling",), compute=_whole(math.ceil), partials=(None,),
    spell={"native": "llvm.ceil", "latex": r"\left\lceil {0} \right\rceil"},
    traits=("piecewise_constant", "idempotent", "exact_on_integers"),
    kink=lambda x: x == floor(x), convention=AT_A_JUMP,
    kinks_at=(KinkAt((1,), 0),),
    about="The smallest whole number that is not below x.",
)  # fmt: skip
trunc = Operation(
    "trunc", "x", aliases=("fix",), compute=_whole(math.trunc), partials=(None,),
    spell={"native": "llvm.trunc", "precise": lambda mp, x: mp.floor(x) if x >= 0 else mp.ceil(x),
           "latex": r"\operatorname{{trunc}}\left({0}\right)"},
    traits=("odd", "piecewise_constant", "idempotent", "exact_on_integers"),
    kink=lambda x: (x == floor(x)) & (x != 0), convention=AT_A_JUMP,
    kinks_at=(KinkAt((1,), 0),),
    about="x without its fraction: rounded towards zero.",
)  # fmt: skip
round_half_even = Operation(
    "round", "x", aliases=("rint", "nearbyint"), compute=_whole(round), partials=(None,),
    spell={"numpy": "rint", "native": "llvm.rint", "precise": "nint", "latex": r"\left\lfloor {0} \right\rceil"},
    traits=("odd", "piecewise_constant", "idempotent", "exact_on_integers"),
    kink=lambda x: x - floor(x) == 0.5, convention=AT_A_JUMP,
    kinks_at=(KinkAt((0.5,), 0),),
    about="The nearest whole number; halves go to the even one, as in Python: round(2.5) is 2.",
)  # fmt: skip


MOST_DIGITS = 330
"""Beyond so many digits after the point rounding changes no double, and beyond so many before it all of them are 0."""


def _digits(shapes: Sequence[tuple[int, ...]], digits: float) -> tuple[int]:
    if not isfinite(digits):
        raise ValueError(f"the number of digits must be a whole number, not {digits:g}")
    return (max(-MOST_DIGITS, min(MOST_DIGITS, int(digits))),)


def _numpy_round(np: Any, x: Any, digits: int) -> Any:
    """NumPy's, which multiplies by a power of ten that must be a double; beyond those as Python does."""
    if abs(digits) <= 22:
        return np.where(np.abs(x) < 2.0**52, np.round(x, digits), x) if digits >= 0 else np.round(x, digits)
    each = np.frompyfunc(lambda value: _round_digits(float(value), digits), 1, 1)
    return np.asarray(each(x), dtype=float)


def _round_digits(x: float, digits: int) -> float:
    return round(x, digits) if isfinite(x) else x


round_digits = Operation(
    "round_digits", "x, [digits]", aliases=("round",), compute=_round_digits, partials=(None,),
    prepare=_digits,
    spell={
        "numpy": _numpy_round,
        "precise": lambda mp, x, digits: mp.nint(x * mp.mpf(10) ** digits) / mp.mpf(10) ** digits,
        "latex": r"\operatorname{{round}}\left({0}\right)",
    },
    traits=("odd", "piecewise_constant", "idempotent"), convention=AT_A_JUMP, examples=("round(x, 2)",),
    about="x rounded to a number of decimal digits, `round(x, 2)`.",
)  # fmt: skip
frac = Operation(
    "frac", "x", aliases=("fract",), definition=lambda x: x - floor(x), partials=(lambda x, r: 1.0,),
    kink=lambda x: x == floor(x), convention="slope 1, also at the jumps",
    spell={"latex": r"\operatorname{{frac}}\left({0}\right)"},
    kinks_at=(KinkAt((1,), 1),),
    about="The fraction above the floor, x - floor(x), in [0, 1).",
)  # fmt: skip


def _precise_fmod(mp: Any, x: Any, y: Any) -> Any:
    """mpmath before 1.4 has nan for a remainder of an infinite divisor."""
    return x if mp.isinf(y) and mp.isfinite(x) else mp.sign(x) * mp.fmod(mp.fabs(x), mp.fabs(y))


fmod: Operation = Operation(
    "fmod", "x, y", aliases=("rem",), compute=total(math.fmod),
    partials=(lambda x, y, r: 1.0, lambda x, y, r: -trunc(x / y)), domain=(REAL, NONZERO),
    spell={
        "precise": _precise_fmod,
        "latex": r"\operatorname{{fmod}}\left({0}, {1}\right)",
    },
    kink=lambda x, y: (fmod(x, y) == 0) & (x != 0), convention="slope of the piece at the larger |x| at the jumps",
    kinks_at=(KinkAt((4, 2), 1, (-2, -1, -2)), KinkAt((-4, 2), 1, (2, 1, 2))),
    about="Remainder of x/y with the sign of x, as in C.",
)  # fmt: skip


def _nearest_remainder(x: Any, y: Any) -> Any:
    """x - y*n for the nearest whole n, ties to even, by exact steps only.

    What is left below 2|y| tells both the nearest multiple and whether it is even.
    """
    step, size = absolute(y), fmod(absolute(x), 2 * absolute(y))
    beyond = where(2 * (size - step) < step, size - step, size - 2 * step)
    found = where(2 * size <= step, size, beyond)
    return where(x < 0, -found, found)


remainder: Operation = Operation(
    "remainder", "x, y", compute=total(math.remainder), definition=_nearest_remainder,
    partials=(lambda x, y, r: 1.0, lambda x, y, r: -round_half_even((x - r) / y)), domain=(REAL, NONZERO),
    spell={
        "numpy": None,
        "precise": lambda mp, x, y: x - y * mp.nint(x / y) if mp.isfinite(y) else x,
        "latex": r"\operatorname{{remainder}}\left({0}, {1}\right)",
    },
    kink=lambda x, y: 2 * absolute(remainder(x, y)) == absolute(y),
    convention="slope of one of the pieces at the jumps",
    kinks_at=(KinkAt((1, 2), 1, (-1, 0, 0)), KinkAt((3, 2), 1, (-2, -1, -2))),
    about="Remainder of x/y to the nearest multiple of y, as in IEEE 754.",
)  # fmt: skip

# ---- whole numbers ---------------------------------------------------------------------------------------------


def _on_whole_numbers(function: Callable[[int, int], int]) -> Callable[[float, float], float]:
    """A function of Python's integers; nan for numbers with a fraction."""

    def answer(x: float, y: float) -> float:
        if not (x.is_integer() and y.is_integer()):
            return nan
        try:
            return float(function(int(x), int(y)))
        except OverflowError:
            return inf if isfinite(x) and isfinite(y) else nan

    return answer


def _numpy_whole_numbers(function: Callable[[int, int], int]) -> Callable[..., Any]:
    """Python's integers for every element: those of NumPy overflow without a word."""
    one = _on_whole_numbers(function)

    def answer(np: Any, x: Any, y: Any) -> Any:
        return np.asarray(np.frompyfunc(lambda a, b: one(float(a), float(b)), 2, 1)(x, y), dtype=float)

    return answer


def _precise_whole_numbers(function: Callable[[int, int], int]) -> Callable[..., Any]:
    def answer(mp: Any, x: Any, y: Any) -> Any:
        return mp.mpf(function(int(x), int(y))) if mp.isint(x) and mp.isint(y) else mp.nan

    return answer


gcd = Operation(
    "gcd", "x, y", compute=_on_whole_numbers(math.gcd), partials=(None, None),
    spell={"numpy": _numpy_whole_numbers(math.gcd), "precise": _precise_whole_numbers(math.gcd),
           "latex": r"\gcd\left({0}, {1}\right)"},
    traits=("commutative", "associative", "whole_operands", "piecewise_constant", "exact_on_integers"),
    about="Greatest common divisor of whole numbers; nan where one has a fraction. Derivative 0.",
)  # fmt: skip
lcm = Operation(
    "lcm", "x, y", compute=_on_whole_numbers(math.lcm), partials=(None, None),
    spell={"numpy": _numpy_whole_numbers(math.lcm), "precise": _precise_whole_numbers(math.lcm),
           "latex": r"\operatorname{{lcm}}\left({0}, {1}\right)"},
    traits=("commutative", "associative", "whole_operands", "piecewise_constant", "exact_on_integers"),
    about="Least common multiple of whole numbers; nan where one has a fraction. Derivative 0.",
)  # fmt: skip
