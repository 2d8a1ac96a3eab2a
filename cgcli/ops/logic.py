"""Comparisons, truth and selection. True is 1 and false is 0; everything but 0 counts as true."""

from __future__ import annotations

from math import copysign, isnan, nan

from cgcli.ops.row import Operation

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def _comparison(
    name: str, symbol: str, compute: Callable[[float, float], bool], numpy: str, latex: str, about: str
) -> Operation:
    """A comparison row: 1 or 0, false where an operand is nan (except `!=`), derivative 0."""
    return Operation(
        name, "x, y", compute=lambda x, y: 1.0 if compute(x, y) else 0.0, partials=(None, None),
        spell={
            "numpy": lambda np, x, y: getattr(np, numpy)(x, y).astype(float),
            "native": lambda lanes, x, y: lanes.number(compute(x, y)),
            "precise": lambda mp, x, y: mp.mpf(1 if compute(x, y) else 0),
            "infix": symbol, "latex": latex,
        },
        precedence=40, traits=("piecewise_constant", "exact_on_integers"), about=about,
        kink=lambda x, y: x == y, convention="derivative 0, also at the jump",
    )  # fmt: skip


less = _comparison("less", "<", lambda x, y: x < y, "less", "{0} < {1}", "1 where x is below y, else 0.")
less_equal = _comparison(
    "less_equal", "<=", lambda x, y: x <= y, "less_equal", r"{0} \le {1}", "1 where x is at most y, else 0."
)
greater = _comparison("greater", ">", lambda x, y: x > y, "greater", "{0} > {1}", "1 where x is above y, else 0.")
greater_equal = _comparison(
    "greater_equal", ">=", lambda x, y: x >= y, "greater_equal", r"{0} \ge {1}", "1 where x is at least y, else 0."
)
equal = _comparison("equal", "==", lambda x, y: x == y, "equal", "{0} = {1}", "1 where x equals y, else 0.")
not_equal = _comparison(
    "not_equal", "!=", lambda x, y: x != y, "not_equal", r"{0} \ne {1}", "1 where x differs from y, else 0."
)

conjunction = Operation(
    "and", "x, y", compute=lambda x, y: 1.0 if x != 0 and y != 0 else 0.0, partials=(None, None),
    spell={
        "numpy": lambda np, x, y: np.logical_and(x, y).astype(float),
        "native": lambda lanes, x, y: lanes.number(lanes.truth(x) & lanes.truth(y)),
        "precise": lambda mp, x, y: mp.mpf(1 if x != 0 and y != 0 else 0),
        "infix": "and", "latex": r"{0} \land {1}",
    },
    precedence=20, traits=("associative", "piecewise_constant", "exact_on_integers", "internal"),
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
    if condition.constant_value is not None and x.shape == y.shape:
        return x if condition.constant_value != 0 else y
    if x.node == y.node and condition.shape == ():
        return x
    return None


where = Operation(
    "where", "condition, x, y", aliases=("if", "select", "switch", "ifelse"),
    compute=lambda condition, x, y: x if condition != 0 else y,
    pullback=lambda adjoint, operands, result, attributes: [
        None, where(operands[0], adjoint, 0.0), where(operands[0], 0.0, adjoint)
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


def _larger(x: float, y: float) -> float:
    return nan if isnan(x) or isnan(y) else max(x, y)


def _smaller(x: float, y: float) -> float:
    return nan if isnan(x) or isnan(y) else min(x, y)


def _share(wins: Any, ties: Any, adjoint: Any) -> Any:
    """All of the adjoint to the operand that wins, half to each at a tie, nothing to the other."""
    return where(wins, adjoint, where(ties, adjoint * 0.5, 0.0))


maximum = Operation(
    "max", "x, y", aliases=("maximum",), compute=_larger,
    pullback=lambda adjoint, operands, result, attributes: [
        _share(operands[0] > operands[1], operands[0] == operands[1], adjoint),
        _share(operands[1] > operands[0], operands[0] == operands[1], adjoint),
    ],
    spell={
        "numpy": "maximum", "native": "llvm.maximum",
        "precise": lambda mp, x, y: mp.nan if mp.isnan(x) or mp.isnan(y) else max(x, y),
        "latex": r"\max\left({0}, {1}\right)",
    },
    traits=("commutative", "associative", "idempotent", "exact_on_integers"),
    kink=lambda x, y: x == y, convention="a tie shares the derivative equally",
    about="The larger of two numbers (or of more); nan where one of them is nan.",
)  # fmt: skip
minimum = Operation(
    "min", "x, y", aliases=("minimum",), compute=_smaller,
    pullback=lambda adjoint, operands, result, attributes: [
        _share(operands[0] < operands[1], operands[0] == operands[1], adjoint),
        _share(operands[1] < operands[0], operands[0] == operands[1], adjoint),
    ],
    spell={
        "numpy": "minimum", "native": "llvm.minimum",
        "precise": lambda mp, x, y: mp.nan if mp.isnan(x) or mp.isnan(y) else min(x, y),
        "latex": r"\min\left({0}, {1}\right)",
    },
    traits=("commutative", "associative", "idempotent", "exact_on_integers"),
    kink=lambda x, y: x == y, convention="a tie shares the derivative equally",
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
    about="-1, 0 or 1 as the operand is negative, zero or positive.",
)  # fmt: skip
absolute = Operation(
    "abs", "x", aliases=("fabs", "absolute"), compute=abs, partials=(lambda x, r: sign(x),),
    spell={"numpy": "abs", "native": "llvm.fabs", "precise": "fabs", "latex": r"\left|{0}\right|"},
    traits=("even", "idempotent", "exact_on_integers"),
    kink=lambda x: x == 0, convention="derivative 0 at 0",
    about="The number without its sign.",
)  # fmt: skip
copy_sign = Operation(
    "copysign", "x, y", compute=copysign, partials=(lambda x, y, r: sign(x) * copy_sign(1.0, y), None),
    spell={"native": "llvm.copysign", "precise": lambda mp, x, y: -mp.fabs(x) if y < 0 else mp.fabs(x),
           "latex": r"\operatorname{{copysign}}\left({0}, {1}\right)"},
    kink=lambda x, y: x == 0, convention="derivative 0 at x = 0",
    about="The size of x with the sign of y.",
)  # fmt: skip
