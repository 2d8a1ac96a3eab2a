"""Circular functions and their inverses.

The inverse of a reciprocal function is that of the reciprocal: acot(x) = atan(1/x), so that it is odd.
"""

from __future__ import annotations

import math
from math import copysign, inf, isinf, nan, pi

from cgcli.ops.arithmetic import square
from cgcli.ops.exact import PI, decimal
from cgcli.ops.ieee import divide, total
from cgcli.ops.logic import absolute, copy_sign, where
from cgcli.ops.powers import hypot, one_minus_square, sqrt
from cgcli.ops.rounding import remainder
from cgcli.ops.row import REAL, KinkAt, Operation

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

TURN = (-3.0, 3.0)
ABOVE_ONE = (1.01, 20.0)
INSIDE_ONE = (-1.0, 1.0)
BETWEEN_POLES = (0.1, 3.0)


def _reciprocal_of(function: Any) -> Any:
    """The scalar function 1 / f(x), infinite where f is 0."""

    def answer(x: float) -> float:
        return divide(1.0, function(x))

    return answer


sine = total(math.sin)
cosine = total(math.cos)
tangent = total(math.tan)

sin = Operation(
    "sin", "x", compute=sine, partials=(lambda x, r: cos(x),),
    spell={"latex": r"\sin\left({0}\right)"}, traits=("odd",),
    about="Sine of an angle in radians.",
)  # fmt: skip
cos: Operation = Operation(
    "cos", "x", compute=cosine, partials=(lambda x, r: -sin(x),),
    spell={"latex": r"\cos\left({0}\right)"}, traits=("even",),
    about="Cosine of an angle in radians.",
)  # fmt: skip
tan = Operation(
    "tan", "x", compute=tangent, partials=(lambda x, r: 1 + square(r),),
    spell={"latex": r"\tan\left({0}\right)"}, domain=((-1.5, 1.5),), traits=("odd",),
    about="Tangent of an angle in radians, sin(x)/cos(x).",
)  # fmt: skip
sec = Operation(
    "sec", "x", compute=_reciprocal_of(cosine), partials=(lambda x, r: r * tan(x),),
    spell={"numpy": lambda np, x: 1 / np.cos(x), "precise": "sec",
           "latex": r"\sec\left({0}\right)"},
    domain=((-1.5, 1.5),), traits=("even",), definition=lambda x: 1 / cos(x),
    about="Secant, 1/cos(x).",
)  # fmt: skip
csc = Operation(
    "csc", "x", aliases=("cosec",), compute=_reciprocal_of(sine), partials=(lambda x, r: -r * cot(x),),
    spell={"numpy": lambda np, x: 1 / np.sin(x), "precise": "csc",
           "latex": r"\csc\left({0}\right)"},
    domain=(BETWEEN_POLES,), traits=("odd",), definition=lambda x: 1 / sin(x),
    about="Cosecant, 1/sin(x).",
)  # fmt: skip
cot: Operation = Operation(
    "cot", "x", compute=_reciprocal_of(tangent), partials=(lambda x, r: -(1 + square(r)),),
    spell={"numpy": lambda np, x: 1 / np.tan(x), "precise": "cot",
           "latex": r"\cot\left({0}\right)"},
    domain=(BETWEEN_POLES,), traits=("odd",), definition=lambda x: 1 / tan(x),
    about="Cotangent, 1/tan(x).",
)  # fmt: skip

# ---- inverses --------------------------------------------------------------------------------------------------


def _leg(x: Any) -> Any:
    """sqrt(x^2 - 1) without the loss of digits that the square brings near 1."""
    return sqrt((absolute(x) - 1) * (absolute(x) + 1))


def _area(x: Any) -> Any:
    """|x|*sqrt(x^2 - 1), of whose factors none overflows."""
    return absolute(x) * (sqrt(absolute(x) - 1) * sqrt(absolute(x) + 1))


def _scalar_leg(x: float) -> float:
    return math.sqrt((abs(x) - 1) * (abs(x) + 1)) if abs(x) >= 1 else nan


asin = Operation(
    "asin", "x", aliases=("arcsin",), compute=total(math.asin), partials=(lambda x, r: 1 / sqrt(one_minus_square(x)),),
    spell={"numpy": "arcsin", "latex": r"\arcsin\left({0}\right)"}, domain=(INSIDE_ONE,), traits=("odd", "increasing"),
    about="The angle in [-pi/2, pi/2] with this sine; nan outside [-1, 1].",
)  # fmt: skip
acos = Operation(
    "acos", "x", aliases=("arccos",), compute=total(math.acos), partials=(lambda x, r: -1 / sqrt(one_minus_square(x)),),
    spell={"numpy": "arccos", "latex": r"\arccos\left({0}\right)"}, domain=(INSIDE_ONE,),
    about="The angle in [0, pi] with this cosine; nan outside [-1, 1].",
)  # fmt: skip
atan = Operation(
    "atan", "x", aliases=("arctan",), compute=math.atan, partials=(lambda x, r: 1 / (1 + square(x)),),
    spell={"numpy": "arctan", "latex": r"\arctan\left({0}\right)"}, traits=("odd", "increasing"),
    about="The angle in (-pi/2, pi/2) with this tangent.",
)  # fmt: skip


def _along_circle(moved: Any, other: Any) -> Any:
    """other / (y^2 + x^2) without overflow; 0 at the origin."""
    radius = hypot(moved, other)
    return where(radius == 0, 0.0, other / radius / radius)


def _precise_atan2(mp: Any, y: Any, x: Any) -> Any:
    """mpmath before 1.4 has nan where both are infinite."""
    if mp.isinf(x) and mp.isinf(y):
        return mp.sign(y) * (1 if x > 0 else 3) * mp.pi / 4
    return mp.atan2(y, x)


atan2 = Operation(
    "atan2", "y, x", aliases=("arctan2",), compute=math.atan2,
    partials=(lambda y, x, r: _along_circle(y, x), lambda y, x, r: -_along_circle(x, y)),
    spell={
        "numpy": "arctan2", "precise": _precise_atan2, "latex": r"\operatorname{{atan2}}\left({0}, {1}\right)",
    },
    domain=((0.1, 10.0), REAL), kink=lambda y, x: (x == 0) & (y == 0), convention="derivative 0 at the origin",
    kinks_at=(KinkAt((0, 0), 0, 0),),
    about="Angle in (-pi, pi] of the point (x, y), seen from the origin; y comes first.",
)  # fmt: skip


def _scalar_acsc(x: float) -> float:
    """Near 1 by the sides of the triangle: the rounding of 1/x would cost digits there."""
    return math.asin(1 / x) if abs(x) > 2 else math.atan2(copysign(1.0, x), _scalar_leg(x))


asec = Operation(
    "asec", "x", aliases=("arcsec",), compute=lambda x: math.atan2(_scalar_leg(x), x and copysign(1.0, x)),
    partials=(lambda x, r: 1 / _area(x),),
    spell={"precise": "asec", "latex": r"\operatorname{{arcsec}}\left({0}\right)"}, domain=(ABOVE_ONE,),
    definition=lambda x: atan2(_leg(x), copy_sign(1.0, x)),
    about="The angle in [0, pi] with this secant, acos(1/x); nan inside (-1, 1).",
)  # fmt: skip
acsc = Operation(
    "acsc", "x", aliases=("arccsc",), compute=_scalar_acsc,
    partials=(lambda x, r: -1 / _area(x),),
    spell={"precise": "acsc", "latex": r"\operatorname{{arccsc}}\left({0}\right)"}, domain=(ABOVE_ONE,),
    traits=("odd",), definition=lambda x: where(absolute(x) > 2, asin(1 / x), atan2(copy_sign(1.0, x), _leg(x))),
    about="The angle in [-pi/2, pi/2] with this cosecant, asin(1/x); nan inside (-1, 1).",
)  # fmt: skip
acot = Operation(
    "acot", "x", aliases=("arccot",), compute=lambda x: math.atan(divide(1.0, x)),
    partials=(lambda x, r: -1 / (1 + square(x)),),
    spell={"precise": "acot", "latex": r"\operatorname{{arccot}}\left({0}\right)"}, domain=((0.0, inf),),
    traits=("odd",), definition=lambda x: atan(1 / x), kink=lambda x: x == 0,
    convention="the slope of both sides, -1, at the jump at 0",
    kinks_at=(KinkAt((0,), -1),),
    about="The angle in (-pi/2, pi/2] with this cotangent, atan(1/x).",
)  # fmt: skip

# ---- other units -----------------------------------------------------------------------------------------------

radians = Operation(
    "radians", "x", aliases=("deg2rad",), compute=math.radians, partials=(lambda x, r: x.coerce(PI) / 180,),
    spell={"numpy": "radians", "native": lambda lanes, x: x * (pi / 180), "precise": "radians",
           "latex": r"\frac{{\pi}}{{180}} {0}"},
    traits=("odd", "increasing"),
    about="An angle in degrees as radians, x*pi/180.",
)  # fmt: skip
degrees = Operation(
    "degrees", "x", aliases=("rad2deg",), compute=math.degrees, partials=(lambda x, r: 180 / x.coerce(PI),),
    spell={"numpy": "degrees", "native": lambda lanes, x: x * (180 / pi), "precise": "degrees",
           "latex": r"\frac{{180}}{{\pi}} {0}"},
    traits=("odd", "increasing"),
    about="An angle in radians as degrees, x*180/pi.",
)  # fmt: skip


HALF_DEGREES = 180.0
"""Half a turn in degrees, as `half` in the functions below; for sinpi and its kin it is 1."""


def scalar_sinpi(x: float, half: float = 1.0) -> float:
    """sin(pi*x/half), reduced exactly to the first eighth of a turn."""
    if isinf(x):
        return nan
    turn = math.remainder(x, 2 * half)
    size = abs(turn)
    if size <= 0.25 * half:
        return math.sin(pi * turn / half)
    if size <= 0.75 * half:
        return copysign(math.cos(pi * (0.5 * half - size) / half), turn)
    return copysign(math.sin(pi * (half - size) / half), turn)


def _scalar_cospi(x: float, half: float = 1.0) -> float:
    if isinf(x):
        return nan
    size = abs(math.remainder(x, 2 * half))
    if size <= 0.25 * half:
        return math.cos(pi * size / half)
    if size <= 0.75 * half:
        return math.sin(pi * (0.5 * half - size) / half)
    return -math.cos(pi * (half - size) / half)


def _scalar_tanpi(x: float, half: float = 1.0) -> float:
    if isinf(x):
        return nan
    turn = math.remainder(x, half)
    size = abs(turn)
    if size <= 0.25 * half:
        return math.tan(pi * turn / half)
    return copysign(divide(1.0, math.tan(pi * (0.5 * half - size) / half)), turn)


def _sinpi(x: Any, half: float = 1.0) -> Any:
    turn = remainder(x, 2 * half)
    size = absolute(turn)
    near_quarter, near_half = cos(PI * (0.5 * half - size) / half), sin(PI * (half - size) / half)
    beyond = copy_sign(where(size <= 0.75 * half, near_quarter, near_half), turn)
    return where(size <= 0.25 * half, sin(PI * turn / half), beyond)


def _cospi(x: Any, half: float = 1.0) -> Any:
    size = absolute(remainder(x, 2 * half))
    near_quarter, near_half = sin(PI * (0.5 * half - size) / half), -cos(PI * (half - size) / half)
    return where(size <= 0.25 * half, cos(PI * size / half), where(size <= 0.75 * half, near_quarter, near_half))


SPLITTER = 2.0**27 + 1
"""A number times this, less that less the number, has 26 bits (T. J. Dekker, A floating-point technique, 1971)."""
PI_PARTS = {
    1.0: (
        3.1415926814079285,
        decimal("-0.000000027818135228334231616720497115802830600624894179025055407692183593713791001371965"),
    ),
    HALF_DEGREES: (
        0.01745329238474369,
        decimal("0.00000000013519960527851425143488612713442871888541725456097191440171009114603449443682242"),
    ),
}
"""pi/half as a sum, whose first part has so few bits that its product with 26 bits is exact."""


def _angle(turn: Any, half: float) -> tuple[Any, Any]:
    """pi*turn/half as a sum of two numbers: rounding it would cost the tangent more than an ulp."""
    high, low = PI_PARTS[half]
    upper = SPLITTER * turn - (SPLITTER * turn - turn)
    rest = upper * low + ((turn - upper) * high + (turn - upper) * low)
    angle = upper * high + rest
    return angle, (upper * high - angle) + rest


def _exact_tan(turn: Any, half: float) -> Any:
    """tan(pi*turn/half) for an angle up to pi/4."""
    angle, rest = _angle(turn, half)
    value = tan(angle)
    return value + (1 + square(value)) * rest


def _tanpi(x: Any, half: float = 1.0) -> Any:
    turn = remainder(x, half)
    size = absolute(turn)
    small = _exact_tan(where(size <= 0.25 * half, turn, 0.5 * half - size), half)
    return where(size <= 0.25 * half, small, copy_sign(1 / small, turn))


sinpi = Operation(
    "sinpi", "x", compute=scalar_sinpi, definition=_sinpi, partials=(lambda x, r: PI * cospi(x),),
    spell={"precise": "sinpi", "latex": r"\sin\left(\pi {0}\right)"}, domain=(TURN,), traits=("odd",),
    about="sin(pi*x), exactly 0 at whole numbers.",
)  # fmt: skip
cospi: Operation = Operation(
    "cospi", "x", compute=_scalar_cospi, definition=_cospi, partials=(lambda x, r: -(PI * sinpi(x)),),
    spell={"precise": "cospi", "latex": r"\cos\left(\pi {0}\right)"}, domain=(TURN,), traits=("even",),
    about="cos(pi*x), exactly 0 half way between whole numbers.",
)  # fmt: skip
tanpi = Operation(
    "tanpi", "x", definition=_tanpi, partials=(lambda x, r: PI * (1 + square(r)),),
    compute=_scalar_tanpi,
    spell={"precise": lambda mp, x: mp.sinpi(x) / mp.cospi(x), "latex": r"\tan\left(\pi {0}\right)"},
    domain=((-0.45, 0.45),), traits=("odd",),
    about="tan(pi*x).",
)  # fmt: skip
sind = Operation(
    "sind", "x", definition=lambda x: _sinpi(x, HALF_DEGREES), compute=lambda x: scalar_sinpi(x, HALF_DEGREES),
    partials=(lambda x, r: PI * cosd(x) / 180,),
    spell={"latex": r"\sin\left({0}^\circ\right)"}, domain=((-180.0, 180.0),), traits=("odd",),
    about="Sine of an angle in degrees, exactly 0 at multiples of 180.",
)  # fmt: skip
cosd: Operation = Operation(
    "cosd", "x", definition=lambda x: _cospi(x, HALF_DEGREES), compute=lambda x: _scalar_cospi(x, HALF_DEGREES),
    partials=(lambda x, r: -(PI * sind(x)) / 180,),
    spell={"latex": r"\cos\left({0}^\circ\right)"}, domain=((-180.0, 180.0),), traits=("even",),
    about="Cosine of an angle in degrees, exactly 0 at odd multiples of 90.",
)  # fmt: skip
tand = Operation(
    "tand", "x", definition=lambda x: _tanpi(x, HALF_DEGREES), compute=lambda x: _scalar_tanpi(x, HALF_DEGREES),
    partials=(lambda x, r: PI * (1 + square(r)) / 180,),
    spell={"precise": lambda mp, x: mp.sinpi(x / 180) / mp.cospi(x / 180),
           "latex": r"\tan\left({0}^\circ\right)"},
    domain=((-80.0, 80.0),), traits=("odd",),
    about="Tangent of an angle in degrees.",
)  # fmt: skip
