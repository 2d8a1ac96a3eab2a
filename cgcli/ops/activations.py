"""Activations of neural networks: numbers in, numbers out. Those that select never multiply what they did not take."""

from __future__ import annotations

import math
from math import exp as scalar_exp
from math import inf

from cgcli.ops.arithmetic import square
from cgcli.ops.decisions import Taken
from cgcli.ops.exact import PI, decimal
from cgcli.ops.hyperbolic import tanh
from cgcli.ops.logic import absolute, clip, is_inf, maximum, sign, where
from cgcli.ops.powers import exp, expm1, hypot, log, log1p, sqrt
from cgcli.ops.row import POSITIVE, REAL, KinkAt, Operation
from cgcli.ops.special import ndtr

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

SELU_SCALE = decimal("1.0507009873554804934193349852946")
SELU_ALPHA = decimal("1.6732632423543772848170429916717")
GELU_CUBIC = decimal("0.044715")


def _named(name: str) -> dict[str, str]:
    return {"latex": r"\operatorname{{" + name.replace("_", r"\_") + r"}}\left({0}\right)"}


# ---- sigmoid and softplus --------------------------------------------------------------------------------------


def _scalar_sigmoid(x: float) -> float:
    if x < 0:
        small = scalar_exp(x)
        return small / (1 + small)
    return 1 / (1 + scalar_exp(-x))


def _scalar_softplus(x: float) -> float:
    return x + math.log1p(scalar_exp(-x)) if x > 0 else math.log1p(scalar_exp(x))


sigmoid: Operation = Operation(
    "sigmoid", "x", aliases=("logistic", "expit"), compute=_scalar_sigmoid, partials=(lambda x, r: r * sigmoid(-x),),
    definition=lambda x: where(x < 0, exp(x) / (1 + exp(x)), 1 / (1 + exp(-x))),
    spell={"numpy": "scipy.special.expit", "latex": r"\sigma\left({0}\right)"}, traits=("increasing",),
    about="1/(1 + exp(-x)), between 0 and 1.",
)  # fmt: skip
softplus = Operation(
    "softplus", "x", compute=_scalar_softplus, definition=lambda x: maximum(x, 0.0) + log1p(exp(-absolute(x))),
    partials=(lambda x, r: sigmoid(x),), spell=_named("softplus"), traits=("increasing",),
    about="log(1 + exp(x)): a smooth relu.",
)  # fmt: skip
log_sigmoid = Operation(
    "log_sigmoid", "x", compute=lambda x: -_scalar_softplus(-x), definition=lambda x: -softplus(-x),
    partials=(lambda x, r: sigmoid(-x),), spell={"latex": r"\ln \sigma\left({0}\right)"}, traits=("increasing",),
    about="log(sigmoid(x)) without loss of digits.",
)  # fmt: skip


def _at_ends(x: Any, inside: Any) -> Any:
    """What is 0 at -inf and x at inf, where the formula for the numbers between would say 0 times infinity."""
    return where(is_inf(x), where(x > 0, x, 0.0), inside)


silu = Operation(
    "silu", "x", aliases=("swish",), definition=lambda x: _at_ends(x, x * sigmoid(x)),
    partials=(lambda x, r: where(is_inf(x), where(x > 0, 1.0, 0.0), sigmoid(x) * (1 + x * sigmoid(-x))),),
    spell=_named("silu"),
    about="x*sigmoid(x).",
)  # fmt: skip
mish = Operation(
    "mish", "x", definition=lambda x: _at_ends(x, x * tanh(softplus(x))), spell=_named("mish"),
    about="x*tanh(softplus(x)).",
)  # fmt: skip
gelu = Operation(
    "gelu", "x", definition=lambda x: _at_ends(x, x * ndtr(x)), spell=_named("gelu"),
    about="x*ndtr(x): the exact Gaussian error linear unit; `gelu_tanh` is its approximation.",
    source="D. Hendrycks and K. Gimpel, arXiv:1606.08415",
)  # fmt: skip
HUGE = 1e30
"""Beyond it the cube of gelu_tanh and its squares may overflow, and the sigmoid is 0 or 1."""


def _gelu_tanh(x: Any) -> Any:
    inside = x * sigmoid(2 * sqrt(2 / x.coerce(PI)) * (x + GELU_CUBIC * x * square(x)))
    return where(absolute(x) > HUGE, where(x > 0, x, 0.0), inside)


gelu_tanh = Operation(
    "gelu_tanh", "x", spell=_named("gelu_tanh"),
    definition=_gelu_tanh,
    about="Approximation of gelu, 0.5*x*(1 + tanh(sqrt(2/pi)*(x + 0.044715*x^3))).",
    source="D. Hendrycks and K. Gimpel, arXiv:1606.08415",
)  # fmt: skip


def _tanhshrink(x: Any) -> Any:
    """Where x is small, by Lambert's continued fraction tanh(x) = x/(1 + t): x - tanh(x) = x*t/(1 + t) cancels nothing.

    Twelve levels leave less than 1e-20 below 1.5.
    """
    tail = square(x) / 25
    for odd in range(23, 1, -2):
        tail = square(x) / (odd + tail)
    return where(absolute(x) < 1.5, x * tail / (1 + tail), x - tanh(x))


tanhshrink = Operation(
    "tanhshrink", "x", definition=_tanhshrink, partials=(lambda x, r: square(tanh(x)),),
    spell={**_named("tanhshrink"), "precise": lambda mp, x: x - mp.tanh(x)}, traits=("odd", "increasing"),
    about="x - tanh(x), without loss of digits where x is small.", source="DLMF 4.39.1",
)  # fmt: skip


def _squareplus(x: Any, b: Any) -> Any:
    """By the hypotenuse, whose square may be beyond all doubles; left of 0 without the cancellation."""
    length = hypot(x, sqrt(b))
    return _at_ends(x, where(x < 0, 0.5 * b / (length - x), 0.5 * (x + length)))


squareplus = Operation(
    "squareplus", "x, b=4", domain=(REAL, (0.1, 10.0)), spell=_named("squareplus"),
    definition=_squareplus,
    traits=("increasing",), examples=("squareplus(x)", "squareplus(x, y)"),
    about="(x + sqrt(x^2 + b))/2: a smooth relu without exp; b is 4 unless given.",
)  # fmt: skip
softsign = Operation(
    "softsign", "x", definition=lambda x: where(is_inf(x), sign(x), x / (1 + absolute(x))),
    partials=(lambda x, r: square(1 / (1 + absolute(x))),),
    spell=_named("softsign"), traits=("odd", "increasing"), kink=lambda x: x == 0,
    convention="second derivative 0 at 0",
    kinks_at=(KinkAt((0,), 1),),
    about="x/(1 + |x|), between -1 and 1.",
)  # fmt: skip

# ---- those that select -----------------------------------------------------------------------------------------


def _masked(condition: Callable[[Any], Any]) -> Callable[..., list[Any]]:
    """Slope 1 where the condition holds, else 0: the operand is taken or not."""

    def pullback(adjoint: Any, operands: Sequence[Any], result: Any, attributes: tuple[Any, ...]) -> list[Any]:
        return [Taken(condition(operands[0]), adjoint)]

    return pullback


relu = Operation(
    "relu", "x", compute=lambda x: 0.0 if x <= 0 else x, pullback=_masked(lambda x: x > 0),
    definition=lambda x: maximum(x, 0.0), spell=_named("relu"), traits=("idempotent",),
    kink=lambda x: x == 0, convention="derivative 0 at 0",
    kinks_at=(KinkAt((0,), (0, 1, 0)),),
    about="x where it is positive, else 0.",
)  # fmt: skip
relu6 = Operation(
    "relu6", "x", definition=lambda x: clip(x, 0.0, 6.0), pullback=_masked(lambda x: (x > 0) & (x < 6)),
    spell=_named("relu6"), traits=("idempotent",), kink=lambda x: (x == 0) | (x == 6),
    convention="derivative 0 at 0 and 6",
    kinks_at=(KinkAt((0,), (0, 1, 0)), KinkAt((6,), (1, 0, 0))),
    about="x cut off at 0 and 6.",
)  # fmt: skip
hard_tanh = Operation(
    "hard_tanh", "x", definition=lambda x: clip(x, -1.0, 1.0), pullback=_masked(lambda x: (x > -1) & (x < 1)),
    spell=_named("hard_tanh"), traits=("odd", "idempotent"), kink=lambda x: absolute(x) == 1,
    convention="derivative 0 at -1 and 1",
    kinks_at=(KinkAt((-1,), (0, 1, 0)), KinkAt((1,), (1, 0, 0))),
    about="x cut off at -1 and 1.",
)  # fmt: skip
hard_sigmoid = Operation(
    "hard_sigmoid", "x", definition=lambda x: relu6(x + 3) / 6, spell=_named("hard_sigmoid"),
    kink=lambda x: absolute(x) == 3, convention="derivative 0 at -3 and 3",
    kinks_at=(KinkAt((-3,), (0, 1 / 6, 0)), KinkAt((3,), (1 / 6, 0, 0))),
    about="(x + 3)/6 cut off at 0 and 1.",
)  # fmt: skip
hard_swish = Operation(
    "hard_swish", "x", aliases=("hard_silu",), definition=lambda x: _at_ends(x, x * hard_sigmoid(x)),
    spell=_named("hard_swish"),
    kink=lambda x: absolute(x) == 3, convention="slope of the flat pieces of hard_sigmoid at -3 and 3",
    kinks_at=(KinkAt((-3,), (0, -0.5, 0)), KinkAt((3,), (1.5, 1, 1))),
    about="x*hard_sigmoid(x).",
)  # fmt: skip
leaky_relu = Operation(
    "leaky_relu", "x, slope=0.01", definition=lambda x, slope: where(x > 0, x, slope * x), spell=_named("leaky_relu"),
    kink=lambda x, slope: x == 0, convention="the slope of the left side at 0",
    examples=("leaky_relu(x)", "leaky_relu(x, 0.2)"),
    kinks_at=(KinkAt((0, 0.01), (0.01, 1, 0.01), 0),),
    about="x where it is positive, else slope*x; the slope is 0.01 unless given.",
)  # fmt: skip
prelu = Operation(
    "prelu", "x, slope", definition=lambda x, slope: where(x > 0, x, slope * x),
    spell={"latex": r"\operatorname{{prelu}}\left({0}, {1}\right)"},
    kink=lambda x, slope: x == 0, convention="the slope of the left side at x = 0",
    kinks_at=(KinkAt((0, 0.25), (0.25, 1, 0.25), 0),),
    about="leaky_relu with a slope that can be learnt.",
)  # fmt: skip
elu = Operation(
    "elu", "x, alpha=1", definition=lambda x, alpha: where(x > 0, x, alpha * expm1(x)), spell=_named("elu"),
    kink=lambda x, alpha: x == 0, convention="the slope of the left side, alpha, at 0",
    examples=("elu(x)", "elu(x, 0.5)"),
    kinks_at=(KinkAt((0, 2), (2, 1, 2), 0),),
    about="x where it is positive, else alpha*(exp(x) - 1); alpha is 1 unless given.",
)  # fmt: skip
celu = Operation(
    "celu", "x, alpha=1", definition=lambda x, alpha: where(x > 0, x, alpha * expm1(x / alpha)), spell=_named("celu"),
    domain=(REAL, (0.1, 10.0)),
    kink=lambda x, alpha: x == 0, convention="second derivative of the left side at 0",
    examples=("celu(x)", "celu(x, 0.5)"),
    traits=("increasing",),
    kinks_at=(KinkAt((0, 2), 1, 0),),
    about="x where it is positive, else alpha*(exp(x/alpha) - 1); alpha is 1 unless given.",
)  # fmt: skip
selu = Operation(
    "selu", "x", definition=lambda x: SELU_SCALE * where(x > 0, x, SELU_ALPHA * expm1(x)), spell=_named("selu"),
    kink=lambda x: x == 0, convention="the slope of the left side at 0", traits=("increasing",),
    kinks_at=(KinkAt((0,), (1.7580993408473768, 1.0507009873554805, 1.7580993408473768)),),
    about="Self-normalising elu, 1.0507...*elu(x, 1.6733...).",
    source="G. Klambauer et al., Self-normalizing neural networks, 2017",
)  # fmt: skip
thresholded_relu = Operation(
    "thresholded_relu", "x, alpha=1", definition=lambda x, alpha: where(x > alpha, x, 0.0),
    spell=_named("thresholded_relu"),
    kink=lambda x, alpha: x == alpha, convention="derivative 0 at alpha", examples=("thresholded_relu(x)",),
    kinks_at=(KinkAt((1, 1), (0, 1, 0), 0),),
    about="x where it is above alpha, else 0; alpha is 1 unless given.",
)  # fmt: skip


def _beyond(x: Any, size: Any) -> Any:
    """Where something is left of x; of a size of 0 that is everywhere, so that the slope at 0 is 1, too."""
    return (absolute(x) > size) | (size == 0)


hard_shrink = Operation(
    "hard_shrink", "x, size=0.5", definition=lambda x, size: where(_beyond(x, size), x, 0.0),
    domain=(REAL, POSITIVE), spell=_named("hard_shrink"),
    kink=lambda x, size: absolute(x) == size, convention="derivative 0 at -size and size",
    examples=("hard_shrink(x)",), traits=("odd",),
    kinks_at=(KinkAt((-0.5, 0.5), (1, 0, 0), 0), KinkAt((0.5, 0.5), (0, 1, 0), 0)),
    about="x, but 0 where |x| is at most size (0.5 unless given).",
)  # fmt: skip
soft_shrink = Operation(
    "soft_shrink", "x, size=0.5", definition=lambda x, size: where(_beyond(x, size), x - sign(x) * size, 0.0),
    domain=(REAL, POSITIVE), spell=_named("soft_shrink"), kink=lambda x, size: absolute(x) == size,
    convention="derivative 0 at -size and size",
    examples=("soft_shrink(x)",), traits=("odd",),
    kinks_at=(KinkAt((-0.5, 0.5), (1, 0, 0), (1, 0, 0)), KinkAt((0.5, 0.5), (0, 1, 0), (-1, 0, 0))),
    about="x moved towards 0 by size (0.5 unless given), 0 within.",
)  # fmt: skip

# ---- entropy ---------------------------------------------------------------------------------------------------

entr = Operation(
    "entr", "p", definition=lambda p: where(p == 0, 0.0, -p * log(p)), partials=(lambda p, r: -log(p) - 1,),
    domain=((0.0, inf),), spell=_named("entr"),
    about="-p*log(p), and 0 at 0: one term of an entropy.",
)  # fmt: skip


def _log_ratio(p: Any, q: Any) -> Any:
    """log(p/q), also where the ratio overflows or underflows."""
    ratio = p / q
    out = (ratio < 1e-300) | (ratio > 1e300)
    return where(out & (p > 0) & (q > 0), log(p) - log(q), log(ratio))


rel_entr = Operation(
    "rel_entr", "p, q", definition=lambda p, q: where(p == 0, 0.0, p * _log_ratio(p, q)),
    partials=(lambda p, q, r: _log_ratio(p, q) + 1, lambda p, q, r: where((p == 0) & (q == 0), 0.0, -p / q)),
    domain=((0.0, inf), (0.0, inf)), spell={"latex": r"{0} \ln \frac{{{0}}}{{{1}}}"},
    about="p*log(p/q), and 0 where p is 0: one term of a Kullback-Leibler divergence.",
)  # fmt: skip
