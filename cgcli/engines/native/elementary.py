"""Elementary functions as straight-line code on vectors of doubles: inside a loop they cost no call.

A call of a library spills every register that the loop holds, and few systems have a library for vectors at all. The
functions here need a fused multiply-add (`Host.fused` says whether it is there); each is at most 3 units in the last
place from the true value (docs/accuracy.md). The whole range is covered: arguments that are rare (near overflow,
subnormal, huge, not finite) take a branch of their own, see `Lanes.unless`.

Methods, after J.-M. Muller, Elementary Functions, 3rd ed., Birkhäuser 2016, chapters 5 and 11: the argument is reduced
in several steps with constants of high and low part, then a polynomial follows, and the result is put together so that
its leading term is exact. Coefficients are those of `mpmath.chebyfit` (tests/engines/test_elementary.py makes them
anew), for `log` those of FreeBSD's e_log.c (Sun Microsystems 1993).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cgcli.engines.native.host import Host, Real
    from cgcli.engines.native.lanes import Bits, Lanes, Value

    Function = Callable[..., Value]

SHIFT = 1.5 * 2.0**52
"""Added to a number below 2^51 it leaves the nearest whole number in the last bits of the sum."""

MANTISSA = 52
"""Bits behind the exponent."""

ONE, ROOT_HALF = 0x3FF0000000000000, 0x3FE6A09E667F3BCD
"""The bits of 1 and of the square root of 1/2."""

LOG2_E = 1.4426950408889634
LN2_HIGH, LN2_LOW = 0.6931471805599453, 2.3190468138462996e-17
"""log(2) as the nearest double and the rest: products with the former are exact in a fused multiply-add."""

TWO_OVER_PI = 0.6366197723675814

LN2_SHORT, LN2_REST = 6.93147180369123816490e-01, 1.90821492927058770002e-10
"""log(2), the former with so many zeros at its end that its products with exponents are exact (e_log.c)."""

EXPONENTIAL = (
    0.5000000000000001, 0.16666666666666669, 0.041666666666624164, 0.008333333333330065, 0.0013888888917196719,
    0.00019841269863040545, 2.4801521322368692e-05, 2.7557268480310024e-06, 2.7620075879983367e-07,
    2.5100375832561234e-08,
)  # fmt: skip
"""(exp(r) - 1 - r)/r^2 for |r| <= log(2)/2."""

SINE = (
    -0.16666666666666666, 0.008333333333330948, -0.00019841269836758574, 2.755731610255244e-06,
    -2.5051131845003624e-08, 1.5918129294866608e-10,
)  # fmt: skip
"""(sin(r)/r - 1)/r^2 in r^2, for |r| <= pi/4."""

COSINE = (
    0.041666666666666664, -0.0013888888888887398, 2.480158729876569e-05, -2.7557317271729793e-07,
    2.08761462684032e-09, -1.1382632425521717e-11,
)  # fmt: skip
"""(cos(r) - 1 + r^2/2)/r^4 in r^2, for |r| <= pi/4."""

LOGARITHM = (
    6.666666666666735130e-01, 3.999999999940941908e-01, 2.857142874366239149e-01, 2.222219843214978396e-01,
    1.818357216161805012e-01, 1.531383769920937332e-01, 1.479819860511658591e-01,
)  # fmt: skip
"""(log((1 + s)/(1 - s)) - 2*s)/s in s^2 (divided by it), for z between the square roots of 1/2 and 2 (e_log.c)."""

HALF_PI = (1.5707963267948966, 6.123233995736765e-17, 1.082856673921914e-32)
"""pi/2 in three parts, all positive: so -0 stays -0."""

HUGE = 2.0**28
"""Arguments of sine and cosine from which on the reduction is left to the C library."""

TINY = 2.0**-60
"""Below it expm1(x) and log1p(x) are x."""

SAFE = 708.0
"""exp of -SAFE to SAFE is neither subnormal nor infinite."""


def polynomial(lanes: Lanes, x: Value, coefficients: Sequence[float]) -> Value:
    """Sum of coefficients[i] * x^i, in pairs (Estrin's scheme), so that few steps wait for each other."""
    parts: list[Value | float] = list(coefficients)
    while len(parts) > 1:
        pairs: list[Value | float] = [
            lanes.fused(parts[place + 1], x, parts[place]) for place in range(0, len(parts) - 1, 2)
        ]
        parts = pairs + parts[len(parts) - len(parts) % 2 :]
        x = x * x
    found = parts[0]
    return lanes.constant(found) if isinstance(found, float) else found


# ---- exponentials --------------------------------------------------------------------------------------------------


def _reduced(lanes: Lanes, x: Value) -> tuple[Value, Value, Value]:
    """k, in the last bits of a number, r, and exp(r) - 1 - r, where x = k*log(2) + r; |x| is at most some thousands."""
    shifted = lanes.fused(x, LOG2_E, SHIFT)
    k = shifted - SHIFT
    r = lanes.fused(k, -LN2_LOW, lanes.fused(k, -LN2_HIGH, x))
    return shifted, r, r * r * polynomial(lanes, r, EXPONENTIAL)


def _exponent(lanes: Lanes, shifted: Value) -> Bits:
    """What to add to the bits of a number to multiply it by 2^k."""
    return lanes.bits(shifted) << MANTISSA


def _power_of_two(lanes: Lanes, shifted: Value, less: int = 0) -> Value:
    """2^(k - less), which must be a normal number."""
    return lanes.from_bits(_exponent(lanes, shifted) + (ONE - (less << MANTISSA)))


def _limited(lanes: Lanes, x: Value, low: float, high: float) -> Value:
    """x between bounds; nan stays."""
    return lanes.where(x < low, low, lanes.where(x > high, high, x))


def _near_the_ends(lanes: Lanes, x: Value, factor: float = 1.0) -> Value:
    """exp times a factor where it may be subnormal or overflow: 2^k is multiplied in two steps."""
    shifted, r, rest = _reduced(lanes, _limited(lanes, x, -746.0, 710.0))
    half = lanes.fused(shifted - SHIFT, 0.5, SHIFT)
    other = (shifted - SHIFT) - (half - SHIFT) + SHIFT
    return (r + rest + 1.0) * factor * _power_of_two(lanes, half) * _power_of_two(lanes, other)


def exp(lanes: Lanes, x: Value) -> Value:
    """e^x."""
    shifted, r, rest = _reduced(lanes, x)
    usual = lanes.from_bits(lanes.bits(r + rest + 1.0) + _exponent(lanes, shifted))
    return lanes.unless(~(lanes.magnitude(x) <= SAFE), usual, lambda: _near_the_ends(lanes, x))


def expm1(lanes: Lanes, x: Value) -> Value:
    """e^x - 1."""
    shifted, r, rest = _reduced(lanes, _limited(lanes, x, -50.0, 710.0))
    half = _power_of_two(lanes, shifted, 1)  # 2^k itself may overflow
    found = lanes.fused(half, rest, lanes.fused(half, r, half - 0.5)) * 2.0
    return lanes.where(lanes.magnitude(x) < TINY, x, found)


# ---- hyperbolic functions ------------------------------------------------------------------------------------------


def _decay(lanes: Lanes, x: Value) -> tuple[Value, Value]:
    """u = exp(-|x|) and u - 1, for |x| up to SAFE and as if it were SAFE above; all functions here share them."""
    down = -lanes.magnitude(x)
    shifted, r, rest = _reduced(lanes, lanes.where(down < -SAFE, -SAFE, down))
    scale = _power_of_two(lanes, shifted)
    return lanes.fused(scale, r + rest, scale), lanes.fused(scale, rest, lanes.fused(scale, r, scale - 1.0))


def tanh(lanes: Lanes, x: Value) -> Value:
    """(u^2 - 1)/(u^2 + 1) with the sign of x; u^2 - 1 is (u - 1)^2 + 2*(u - 1)."""
    u, less_one = _decay(lanes, x)
    return lanes.signed(lanes.fused(less_one, less_one, less_one + less_one) / lanes.fused(u, u, 1.0), x)


def sech(lanes: Lanes, x: Value) -> Value:
    """2*u/(1 + u^2)."""
    u, _ = _decay(lanes, x)
    usual = (u + u) / lanes.fused(u, u, 1.0)
    return lanes.unless(lanes.magnitude(x) > SAFE, usual, lambda: _near_the_ends(lanes, -lanes.magnitude(x), 2.0))


def sigmoid(lanes: Lanes, x: Value) -> Value:
    """1/(1 + u) or u/(1 + u)."""
    u, _ = _decay(lanes, x)
    usual = lanes.where(x < 0.0, u, 1.0) / (u + 1.0)
    return lanes.unless(x < -SAFE, usual, lambda: _near_the_ends(lanes, x))


# ---- logarithms ----------------------------------------------------------------------------------------------------


def _split(lanes: Lanes, x: Value) -> tuple[Value, Value]:
    """k and z with x = 2^k * z and z between the square roots of 1/2 and 2; x is a positive normal number."""
    above = lanes.bits(x) - (ROOT_HALF - ONE)
    biased = lanes.from_bits((above >> MANTISSA) | 0x4330000000000000)  # 2^52 + (k + 1023)
    z = lanes.from_bits((above & ((1 << MANTISSA) - 1)) + ROOT_HALF)
    return biased - (2.0**52 + 1023.0), z


def _logarithm(lanes: Lanes, k: Value, f: Value, missing: Value | float) -> Value:
    """k*log(2) + log(1 + f) + missing, where 1 + f lies between the square roots of 1/2 and 2."""
    s = f / (f + 2.0)
    square = s * s
    tail = square * polynomial(lanes, square, LOGARITHM)
    half = f * f * 0.5
    low = lanes.fused(s, half + tail, lanes.fused(k, LN2_REST, missing))
    return lanes.fused(k, LN2_SHORT, -((half - low) - f))


def log(lanes: Lanes, x: Value) -> Value:
    """The natural logarithm."""
    k, z = _split(lanes, x)
    usual = _logarithm(lanes, k, z - 1.0, -0.0)
    normal = (x >= 2.0**-1022) & (x < float("inf"))
    return lanes.unless(~normal, usual, lambda: lanes.one_by_one("log", x))


def log1p(lanes: Lanes, x: Value) -> Value:
    """log(1 + x); what 1 + x loses to rounding is added to the logarithm, divided by 1 + x."""
    whole = x + 1.0
    k, z = _split(lanes, whole)
    lost = lanes.where(x > 1.0, 1.0 - (whole - x), x - (whole - 1.0)) / whole
    usual = lanes.where(lanes.magnitude(x) < TINY, x, _logarithm(lanes, k, z - 1.0, lost))
    inside = (x > -1.0) & (x < 2.0**1000)
    return lanes.unless(~inside, usual, lambda: lanes.one_by_one("log1p", x))


# ---- sine and cosine -----------------------------------------------------------------------------------------------


def _waves(lanes: Lanes, x: Value) -> tuple[Bits, Value, Value]:
    """The nearest whole number of quarter turns (its last bits), and sine and cosine of the rest."""
    shifted = lanes.fused(x, TWO_OVER_PI, SHIFT)
    quarters, r = shifted - SHIFT, x
    for part in HALF_PI:
        r = lanes.fused(quarters, -part, r)
    square = r * r
    sine = lanes.signed(lanes.fused(r * square, polynomial(lanes, square, SINE), r), r)
    half = square * 0.5
    lead = 1.0 - half
    cosine = lead + lanes.fused(square * square, polynomial(lanes, square, COSINE), (1.0 - lead) - half)
    return lanes.bits(shifted), sine, cosine


def _turned(lanes: Lanes, name: str, x: Value, quarters: Bits, even: Value, odd: Value) -> Value:
    """`even` or `odd`, as the number of quarters is, negated in the second half of a turn."""
    chosen = lanes.bits(lanes.where(lanes.has_bits(quarters, 1), odd, even))
    usual = lanes.from_bits(chosen ^ ((quarters & 2) << 62))
    return lanes.unless(~(lanes.magnitude(x) <= HUGE), usual, lambda: lanes.one_by_one(name, x))


def sin(lanes: Lanes, x: Value) -> Value:
    """Sine."""
    quarters, sine, cosine = _waves(lanes, x)
    return _turned(lanes, "sin", x, quarters, sine, cosine)


def cos(lanes: Lanes, x: Value) -> Value:
    """Cosine: the sine, a quarter turn on."""
    quarters, sine, cosine = _waves(lanes, x)
    return _turned(lanes, "cos", x, quarters + 1, sine, cosine)


FUNCTIONS: dict[str, Function] = {
    function.__name__: function for function in (cos, exp, expm1, log, log1p, sech, sigmoid, sin, tanh)
}
"""By the name in C, and where C has no such function by that of the row."""


def inlines(host: Host, name: str, real: Real) -> bool:
    """Whether a function is written out where it is called."""
    return host.fused and real.bits == 64 and name in FUNCTIONS
