"""log|gamma(x)| of a number with nothing but `math`, whose `lgamma` loses digits below 8, all of them at 1 and 2."""

from __future__ import annotations

import math
from math import inf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

NEAR_TWO = (
    0.42278433509846713, 0.3224670334241132, -0.0673523010531981, 0.020580808427784546, -0.007385551028673986,
    0.0028905103307415234, -0.001192753911703261, 0.0005096695247430425, -0.00022315475845357939,
    9.945751278180853e-05, -4.492623673813314e-05, 2.050721277567069e-05, -9.439488275268397e-06,
    4.374866789907488e-06, -2.039215753801366e-06, 9.55141213040742e-07, -4.492469198764566e-07,
    2.1207184805554665e-07, -1.0043224823968099e-07, 4.7698101693639804e-08, -2.2711094608943164e-08,
    1.0838659214896955e-08, -5.183475041970047e-09, 2.4836745438024785e-09, -1.1921401405860912e-09,
    5.731367241678862e-10, -2.7595228851242334e-10,
)  # fmt: skip
"""1 - gamma and (-1)^k*(zeta(k) - 1)/k for k = 2 …: log(gamma(2 + e)) is e times their power series in e.

Source: DLMF 5.7.3.
"""

LEAST_AT = 1.4616321449683623
NEAR_LEAST = (
    -0.12148629053584961, -9.241265521729427e-17, 0.4838361227238106, -0.14758772299453074, 0.06462494023891277,
    -0.03278854108848132, 0.017970675115210402, -0.010314223036636393, 0.006100536020517891, -0.0036845696083163755,
    0.002259764823221812, -0.0014022514459044518, 0.000878232634717682, -0.0005541949527966826, 0.000351912956837847,
    -0.00022465344369595542, 0.00014407039542093313, -9.276098655471758e-05, 5.9934733439794323e-05,
    -3.884583889452663e-05, 2.5247663291730135e-05, -1.6450858338395626e-05, 1.0743455256375948e-05,
    -7.0307052573803595e-06, 4.609738653644762e-06, -3.027671832878031e-06,
)  # fmt: skip
"""Taylor coefficients of log(gamma(x)) at the double where it is least, polygammas over factorials."""


def log_gamma(x: float) -> float:
    """log|gamma(x)|; inf at the poles and at both infinities. Left of 0 by the reflection (DLMF 5.5.3)."""
    if x >= 0 or x != x:
        return _right(x)
    if x == -inf or x.is_integer():
        return inf
    return math.log(math.pi / abs(math.sin(math.pi * (x - round(x))))) - _right(1 - x)


def _right(x: float) -> float:
    """For x >= 0: next to 1 and 2 by series, up to 8 by the recurrence."""
    if 0 < x < 8:
        if x < 0.5:
            return float(x * series(NEAR_TWO, x)) - math.log1p(x) - math.log(x)
        if x < 1.2:
            return float((x - 1) * series(NEAR_TWO, x - 1)) - math.log1p(x - 1)
        if x < 1.75:
            return float(series(NEAR_LEAST, x - LEAST_AT))
        product = 1.0
        while x > 2.5:
            x -= 1
            product *= x
        return float((x - 2) * series(NEAR_TWO, x - 2)) + math.log(product)
    try:
        return math.lgamma(x)
    except (ValueError, OverflowError):
        return inf


def series(coefficients: tuple[float, ...], e: Any) -> Any:
    """A power series in e, a number or an array."""
    total = 0 * e
    for coefficient in reversed(coefficients):
        total = total * e + coefficient
    return total
