"""Derivatives of functions as tables print them, for rows that state another form of them.

A row states the form that keeps most digits: `asin` has `1 / sqrt(one_minus_square(u))`, and `hypot` a helper of its
own. On paper that is `1 / sqrt(1 - u^2)`. What stands here is for reading; numbers come from the rows, and
tests/steps/test_rules.py compares both in many digits.

Sources: DLMF 4.20, 4.24, 4.35, 4.38 (elementary functions), 5.4, 5.12 (gamma), 7.2, 7.10 (error functions), 8.8
(incomplete gamma), 19.4 (elliptic integrals), 4.13 (Lambert's W).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cgcli.ops import activations, hyperbolic, logic, powers, special, trigonometric
from cgcli.ops.exact import PI

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from cgcli.ops import Operation

exp, log, sqrt, absolute, sigmoid = powers.exp, powers.log, powers.sqrt, logic.absolute, activations.sigmoid


def _radial(u: Any, v: Any) -> Any:
    """The square of the length of (u, v)."""
    return u**2 + v**2


def _elliptic_k(u: Any, y: Any) -> Any:
    return (special.ellipe(u) - (1 - u) * y) / (2 * u * (1 - u))


def _falling(u: Any, v: Any) -> Any:
    """How log(u!/(u - v)!) changes with v."""
    return special.digamma(u - v + 1)


SLOPES: dict[Operation, Callable[..., tuple[Any, ...]]] = {
    trigonometric.asin: lambda u, y: (1 / sqrt(1 - u**2),),
    trigonometric.acos: lambda u, y: (-1 / sqrt(1 - u**2),),
    trigonometric.asec: lambda u, y: (1 / (absolute(u) * sqrt(u**2 - 1)),),
    trigonometric.acsc: lambda u, y: (-1 / (absolute(u) * sqrt(u**2 - 1)),),
    trigonometric.atan2: lambda u, v, y: (v / _radial(u, v), -u / _radial(u, v)),
    hyperbolic.asinh: lambda u, y: (1 / sqrt(1 + u**2),),
    hyperbolic.acosh: lambda u, y: (1 / sqrt(u**2 - 1),),
    hyperbolic.atanh: lambda u, y: (1 / (1 - u**2),),
    hyperbolic.acoth: lambda u, y: (1 / (1 - u**2),),
    hyperbolic.asech: lambda u, y: (-1 / (u * sqrt(1 - u**2)),),
    hyperbolic.acsch: lambda u, y: (-1 / (absolute(u) * sqrt(1 + u**2)),),
    powers.hypot: lambda u, v, y: (u / y, v / y),
    powers.logaddexp: lambda u, v, y: (exp(u) / (exp(u) + exp(v)), exp(v) / (exp(u) + exp(v))),
    special.sinc: lambda u, y: ((u * trigonometric.cos(u) - trigonometric.sin(u)) / u**2,),
    special.normpdf: lambda u, y: (-u * y,),
    special.dawsn: lambda u, y: (1 - 2 * u * y,),
    special.erfcx: lambda u, y: (2 * u * y - 2 / sqrt(u.coerce(PI)),),
    special.log_ndtr: lambda u, y: (special.normpdf(u) / special.ndtr(u),),
    special.ellipk: lambda u, y: (_elliptic_k(u, y),),
    special.ellipe: lambda u, y: ((y - special.ellipk(u)) / (2 * u),),
    special.lambertw: lambda u, y: (y / (u * (1 + y)),),
    special.rgamma: lambda u, y: (-special.digamma(u) * y,),
    special.beta: lambda u, v, y: tuple(y * (special.digamma(w) - special.digamma(u + v)) for w in (u, v)),
    special.lbeta: lambda u, v, y: tuple(special.digamma(w) - special.digamma(u + v) for w in (u, v)),
    special.comb: lambda u, v, y: (y * (special.digamma(u + 1) - _falling(u, v)),
                                   y * (_falling(u, v) - special.digamma(v + 1))),
    special.lcomb: lambda u, v, y: (special.digamma(u + 1) - _falling(u, v), _falling(u, v) - special.digamma(v + 1)),
    special.perm: lambda u, v, y: (y * (special.digamma(u + 1) - _falling(u, v)), y * _falling(u, v)),
    special.gammainc: lambda u, v, y: (None, v ** (u - 1) * exp(-v) / special.gamma(u)),
    special.gammaincc: lambda u, v, y: (None, -(v ** (u - 1)) * exp(-v) / special.gamma(u)),
    activations.silu: lambda u, y: (sigmoid(u) + u * sigmoid(u) * (1 - sigmoid(u)),),
    activations.sigmoid: lambda u, y: (y * (1 - y),),
    activations.log_sigmoid: lambda u, y: (1 - sigmoid(u),),
    activations.rel_entr: lambda u, v, y: (1 + log(u / v), -u / v),
}  # fmt: skip
"""By the row: its partial derivatives, from its operands and its result; None for that of the row."""
