"""Comparisons, truth and selection. True is 1 and false is 0; everything but 0 counts as true."""

from __future__ import annotations

from math import copysign, inf, isfinite, isinf, isnan, nan

from cgcli.ops.decisions import Taken
from cgcli.ops.row import KinkAt, Operation

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def _comparison(
    name: str, symbol: str, compute: Callable[[float, float], bool], numpy: str, latex: str, about: str,
    traits: tuple[str, ...] = (),
) -> Operation:  # fmt: skip
    """A comparison row: 1 or 0, false where an operand is nan (except `!=`), derivative 0."""
    return Operation(
        name, "x, y", compute=lambda x, y: 1.0 if compute(x, y) else 0.0, partials=(None, None),
        spell={
            "numpy": lambda np, x, y: getattr(np, numpy)(x, y).astype(float),
            "native": lambda lanes, x, y: lanes.number(compute(x, y)),
            "precise": lambda mp, x, y: mp.mpf(1 if compute(x, y) else 0),
            "infix": symbol, "latex": latex, "words": "the comparison",
        },
        precedence=40, traits=("piecewise_constant", "exact_on_integers", *traits), about=about,
        kink=lambda x, y: x == y, convention="derivative 0, also at the jump",
        kinks_at=(KinkAt((2, 2), 0, 0),),
    )  # fmt: skip


less = _comparison("less", "<", lambda x, y: x < y, "less", "{0} < {1}", "1 where x is below y, else 0.")
less_equal = _comparison(
    "less_equal", "<=", lambda x, y: x <= y, "less_equal", r"{0} \le {1}", "1 where x is at most y, else 0."
)
greater = _comparison("greater", ">", lambda x, y: x > y, "greater", "{0} > {1}", "1 where x is above y, else 0.")
greater_equal = _comparison(
    "greater_equal", ">=", lambda x, y: x >= y, "greater_equal", r"{0} \ge {1}", "1 where x is at least y, else 0."
)
equal = _comparison("equal", "==", lambda x, y: x == y, "equal", "{0} = {1}", "1 where x equals y, else 0.", ("point",))
not_equal = _comparison(
    "not_equal", "!=", lambda x, y: x != y, "not_equal", r"{0} \ne {1}", "1 where x differs from y, else 0.",
    ("point",),
)  # fmt: skip


def _fold_and(x: Any, y: Any) -> Any:
    """False beside anything is false."""
    return x.coerce(0.0) if x.shape == y.shape and 0 in (x.constant_value, y.constant_value) else None


conjunction = Operation(
    "and", "x, y", compute=lambda x, y: 1.0 if x != 0 and y != 0 else 0.0, partials=(None, None),
    spell={
        "numpy": lambda np, x, y: np.logical_and(x, y).astype(float),
        "native": lambda lanes, x, y: lanes.number(lanes.truth(x) & lanes.truth(y)),
        "precise": lambda mp, x, y: mp.mpf(1 if x != 0 and y != 0 else 0),
        "infix": "and", "latex": r"{0} \land {1}",
    },
    precedence=20, fold=_fold_and, traits=("associative", "piecewise_constant", "exact_on_integers", "internal"),
    about="1 where both are true (not 0), else 0; both sides are always computed.",
)  # fmt: skip
disjunction = Operation(
    "or", "x, y", compute=lambda x, y: 1.0 if x != 0 or y != 0 else 0.0, partials=(None, None),
    spell={
        "numpy": lambda np, x, y: np.logical_or(x, y).astype(float),
        "native": lambda lanes, x, y: lanes.number(lanes.truth(x) | lanes.truth(y)),
        "precise": lambda mp, x, y: mp.mpf(1 if x != 0 or y != 0 else 0),
        "infix": "or", "latex": r"{0} \lor {1}",
    },
    precedence=10, traits=("associative", "piecewise_constant", "exact_on_integers", "internal"),
    about="1 where at least one is true (not 0), else 0; both sides are always computed.",
)  # fmt: skip
negation = Operation(
    "not", "x", compute=lambda x: 1.0 if x == 0 else 0.0, partials=(None,),
    spell={
        "numpy": lambda np, x: np.equal(x, 0).astype(float),
        "native": lambda lanes, x: lanes.number(~lanes.truth(x)),
        "precise": lambda mp, x: mp.mpf(1 if x == 0 else 0),
        "infix": "not", "latex": r"\lnot {0}",
    },
    precedence=30, traits=("piecewise_constant", "exact_on_integers", "internal"),
    about="1 where the operand is 0, else 0.",
)  # fmt: skip


def _fold_where(condition: Any, x: Any, y: Any) -> Any:
    if condition.constant_value is not None:
        taken, other = (x, y) if condition.constant_value != 0 else (y, x)
        if other.shape in ((), taken.shape):
            return taken
    if x.node == y.node and condition.shape == ():
        return x
    return None


where: Operation = Operation(
    "where", "condition, x, y", aliases=("if", "select", "switch", "ifelse"),
    compute=lambda condition, x, y: x if condition != 0 else y,
    pullback=lambda adjoint, operands, result, attributes: [
        None, Taken(operands[0], adjoint), Taken(~operands[0], adjoint)
    ],
    spell={
        "numpy": lambda np, condition, x, y: np.where(np.not_equal(condition, 0), x, y),
        "native": lambda lanes, condition, x, y: lanes.where(lanes.truth(condition), x, y),
        "precise": lambda mp, condition, x, y: x if condition != 0 else y,
        "latex": r"\begin{{cases}} {1} & {0} \\ {2} & \text{{otherwise}} \end{{cases}}",
    },
    fold=_fold_where,
    about="x where the condition is true, else y; the branch that is not taken does no harm, also to derivatives.",
)  # fmt: skip


unless: Operation = Operation(
    "unless", "condition, x", compute=lambda condition, x: nan if condition != 0 else x,
    pullback=lambda adjoint, operands, result, attributes: [None, unless(operands[0], adjoint)],
    spell={
        "numpy": lambda np, condition, x: np.where(np.not_equal(condition, 0), np.nan, x),
        "native": lambda lanes, condition, x: lanes.where(lanes.truth(condition), nan, x),
        "precise": lambda mp, condition, x: mp.nan if condition != 0 else x,
        "latex": r"\operatorname{{unless}}\left({0}, {1}\right)",
    },
    traits=("verdict",), examples=("unless(x > y, y)",),
    about="x, and nan where the condition is true; its derivative is nan there, too.",
)  # fmt: skip


def _larger(x: float, y: float) -> float:
    return nan if isnan(x) or isnan(y) else max(x, y)


def _smaller(x: float, y: float) -> float:
    return nan if isnan(x) or isnan(y) else min(x, y)


def _share(taken: Any, wins: Any, adjoint: Any) -> Taken:
    """All of the adjoint to the operand that wins, half to each at a tie, nothing to the other."""
    return Taken(taken, where(wins, adjoint, adjoint * 0.5))


maximum = Operation(
    "max", "x, y", aliases=("maximum",), compute=_larger,
    pullback=lambda adjoint, operands, result, attributes: [
        _share(operands[0] >= operands[1], operands[0] > operands[1], adjoint),
        _share(operands[1] >= operands[0], operands[1] > operands[0], adjoint),
    ],
    spell={
        "numpy": "maximum", "native": "llvm.maximum",
        "precise": lambda mp, x, y: mp.nan if mp.isnan(x) or mp.isnan(y) else max(x, y),
        "latex": r"\max\left({0}, {1}\right)",
    },
    traits=("commutative", "associative", "idempotent", "exact_on_integers"),
    kink=lambda x, y: x == y, convention="a tie shares the derivative equally",
    kinks_at=(KinkAt((2, 2), (0, 1, 0.5), (0, 1, 0.5)),),
    about="The larger of two numbers (or of more); nan where one of them is nan.",
)  # fmt: skip
minimum = Operation(
    "min", "x, y", aliases=("minimum",), compute=_smaller,
    pullback=lambda adjoint, operands, result, attributes: [
        _share(operands[0] <= operands[1], operands[0] < operands[1], adjoint),
        _share(operands[1] <= operands[0], operands[1] < operands[0], adjoint),
    ],
    spell={
        "numpy": "minimum", "native": "llvm.minimum",
        "precise": lambda mp, x, y: mp.nan if mp.isnan(x) or mp.isnan(y) else min(x, y),
        "latex": r"\min\left({0}, {1}\right)",
    },
    traits=("commutative", "associative", "idempotent", "exact_on_integers"),
    kink=lambda x, y: x == y, convention="a tie shares the derivative equally",
    kinks_at=(KinkAt((2, 2), (1, 0, 0.5), (1, 0, 0.5)),),
    about="The smaller of two numbers (or of more); nan where one of them is nan.",
)  # fmt: skip
sign = Operation(
    "sign", "x", aliases=("sgn",),
    compute=lambda x: x if x == 0 or isnan(x) else copysign(1.0, x), partials=(None,),
    spell={
        "numpy": "sign", "precise": "sign", "latex": r"\operatorname{{sgn}}\left({0}\right)",
        "native": lambda lanes, x: lanes.where(x > 0.0, 1.0, lanes.where(x < 0.0, -1.0, x)),
    },
    traits=("odd", "piecewise_constant", "exact_on_integers"),
    kink=lambda x: x == 0, convention="derivative 0 at 0",
    kinks_at=(KinkAt((0,), 0),),
    about="-1, 0 or 1 as the operand is negative, zero or positive.",
)  # fmt: skip
absolute = Operation(
    "abs", "x", aliases=("fabs", "absolute"), compute=abs, partials=(lambda x, r: sign(x),),
    spell={"numpy": "abs", "native": "llvm.fabs", "precise": "fabs", "latex": r"\left|{0}\right|"},
    traits=("even", "idempotent", "exact_on_integers"),
    kink=lambda x: x == 0, convention="derivative 0 at 0",
    kinks_at=(KinkAt((0,), (-1, 1, 0)),),
    about="The number without its sign.",
)  # fmt: skip
copy_sign: Operation = Operation(
    "copysign", "x, y", compute=copysign, partials=(lambda x, y, r: sign(x) * copy_sign(1.0, y), None),
    spell={"native": "llvm.copysign", "precise": lambda mp, x, y: -mp.fabs(x) if y < 0 else mp.fabs(x),
           "latex": r"\operatorname{{copysign}}\left({0}, {1}\right)"},
    kink=lambda x, y: x == 0, convention="derivative 0 at x = 0",
    kinks_at=(KinkAt((0, 1), (-1, 1, 0), 0), KinkAt((0, -1), (1, -1, 0), 0)),
    about="The size of x with the sign of y.",
)  # fmt: skip


# ---- more selections -------------------------------------------------------------------------------------------


def _test(name: str, scalar: Callable[[float], bool], native: Callable[..., Any], latex: str, about: str) -> Operation:
    """A question about one number: 1 or 0. native: (lanes, x) -> mask."""
    return Operation(
        name, "x", compute=lambda x: 1.0 if scalar(x) else 0.0, partials=(None,),
        spell={
            "numpy": lambda np, x: getattr(np, name)(x).astype(float),
            "native": lambda lanes, x: lanes.number(native(lanes, x)),
            "precise": lambda mp, x: mp.mpf(1 if getattr(mp, name)(x) else 0),
            "latex": latex,
        },
        traits=("piecewise_constant", "exact_on_integers"), about=about,
    )  # fmt: skip


is_nan = _test(
    "isnan", isnan, lambda lanes, x: lanes.undefined(x), r"\operatorname{{isnan}}\left({0}\right)",
    "1 where x is nan, else 0.",
)  # fmt: skip
is_inf = _test(
    "isinf", isinf, lambda lanes, x: lanes.magnitude(x) == inf, r"\operatorname{{isinf}}\left({0}\right)",
    "1 where x is inf or -inf, else 0.",
)  # fmt: skip
is_finite = _test(
    "isfinite", isfinite, lambda lanes, x: lanes.magnitude(x) < inf, r"\operatorname{{isfinite}}\left({0}\right)",
    "1 where x is neither infinite nor nan, else 0.",
)  # fmt: skip
is_close = Operation(
    "isclose", "x, y", partials=(None, None), traits=("commutative", "piecewise_constant"),
    definition=lambda x, y: (x == y) | (absolute(x - y) <= 1e-9 * maximum(absolute(x), absolute(y))),
    spell={"latex": r"{0} \approx {1}"},
    about="1 where x and y agree to about 9 digits, |x - y| <= 1e-9*max(|x|, |y|), else 0. Derivative 0.",
)  # fmt: skip
sign_bit = Operation(
    "signbit", "x", partials=(None,), definition=lambda x: copy_sign(1.0, x) < 0, traits=("piecewise_constant",),
    kink=lambda x: x == 0, convention="derivative 0 at the jump at 0",
    spell={"latex": r"\operatorname{{signbit}}\left({0}\right)"},
    kinks_at=(KinkAt((0,), 0),),
    about="1 where the sign of x is minus, also of -0, else 0.",
)  # fmt: skip
fmax = Operation(
    "fmax", "x, y", definition=lambda x, y: where(is_nan(x), y, where(is_nan(y), x, maximum(x, y))),
    spell={"latex": r"\operatorname{{fmax}}\left({0}, {1}\right)"}, traits=("commutative", "associative", "idempotent"),
    kink=lambda x, y: x == y, convention="a tie shares the derivative equally",
    kinks_at=(KinkAt((2, 2), (0, 1, 0.5), (0, 1, 0.5)),),
    about="The larger of two numbers; a nan is ignored where the other is a number.",
)  # fmt: skip
fmin = Operation(
    "fmin", "x, y", definition=lambda x, y: where(is_nan(x), y, where(is_nan(y), x, minimum(x, y))),
    spell={"latex": r"\operatorname{{fmin}}\left({0}, {1}\right)"}, traits=("commutative", "associative", "idempotent"),
    kink=lambda x, y: x == y, convention="a tie shares the derivative equally",
    kinks_at=(KinkAt((2, 2), (1, 0, 0.5), (1, 0, 0.5)),),
    about="The smaller of two numbers; a nan is ignored where the other is a number.",
)  # fmt: skip
clip = Operation(
    "clip", "x, low, high", aliases=("clamp",), definition=lambda x, low, high: minimum(maximum(x, low), high),
    pullback=lambda adjoint, operands, result, attributes: [
        Taken((operands[0] >= operands[1]) & (operands[0] <= operands[2]) & (operands[1] < operands[2]), adjoint),
        Taken((operands[0] < operands[1]) & (operands[1] <= operands[2]), adjoint),
        Taken((operands[0] > operands[2]) | (operands[1] > operands[2]), adjoint),
    ],
    spell={"latex": r"\operatorname{{clip}}\left({0}, {1}, {2}\right)"},
    domain=((-5.0, 5.0), (-3.0, -1.0), (1.0, 3.0)),
    kink=lambda x, low, high: (x == low) | (x == high), convention="slope 1 with respect to x at the bounds",
    kinks_at=(KinkAt((-1, -1, 1), (0, 1, 1), (0, 1, 0), 0), KinkAt((1, -1, 1), (1, 0, 1), 0, (1, 0, 0))),
    about="x cut off below low and above high.",
)  # fmt: skip
heaviside = Operation(
    "heaviside", "x, at_zero=0.5", aliases=("step",),
    definition=lambda x, at_zero: where(x > 0, 1.0, where(x < 0, 0.0, where(x == 0, at_zero, x))),
    partials=(None, lambda x, at_zero, r: where(x == 0, 1.0, 0.0)),
    kink=lambda x, at_zero: x == 0, convention="derivative 0 at the jump at 0",
    spell={"latex": r"\theta\left({0}\right)"}, examples=("heaviside(x)", "heaviside(x, 1)"),
    kinks_at=(KinkAt((0, 0.5), 0, 1),),
    about="0 for negative x, 1 for positive x; at 0 it is 0.5 unless given.",
)  # fmt: skip
lerp = Operation(
    "lerp", "a, b, t", aliases=("mix",), definition=lambda a, b, t: (1 - t) * a + t * b,
    partials=(lambda a, b, t, r: 1 - t, lambda a, b, t, r: t, lambda a, b, t, r: b - a),
    spell={"latex": r"\operatorname{{lerp}}\left({0}, {1}, {2}\right)"},
    about="Straight line from a (t = 0) to b (t = 1), (1 - t)*a + t*b.",
)  # fmt: skip


def _smooth_step(low: Any, high: Any, x: Any) -> Any:
    t = clip((x - low) / (high - low), 0.0, 1.0)
    return t * t * (3 - 2 * t)


smoothstep = Operation(
    "smoothstep", "low, high, x", definition=_smooth_step, domain=((-2.0, -1.0), (1.0, 2.0), (-3.0, 3.0)),
    spell={"latex": r"\operatorname{{smoothstep}}\left({0}, {1}, {2}\right)"},
    about="0 below low, 1 above high, between them t^2*(3 - 2t) for t = (x - low)/(high - low).",
)  # fmt: skip
fdim = Operation(
    "fdim", "x, y", definition=lambda x, y: where(x <= y, 0.0, x - y),
    spell={"latex": r"\operatorname{{fdim}}\left({0}, {1}\right)"},
    kink=lambda x, y: x == y, convention="derivative 0 at x = y",
    kinks_at=(KinkAt((2, 2), (0, 1, 0), (-1, 0, 0)),),
    about="x - y where that is positive, else 0.",
)  # fmt: skip
