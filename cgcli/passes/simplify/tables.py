"""What the simplifier knows about particular operations: tables of rows.

Traits and fields of a row say what holds for one operation by itself; these tables say how operations belong
together. All of them are checked by calculation in the tests.
"""

from __future__ import annotations

from fractions import Fraction

from cgcli.ops import activations, arithmetic, hyperbolic, logic, powers, special, trigonometric

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cgcli.ops import Operation

SUMS: dict[Operation, tuple[int, ...]] = {
    arithmetic.add: (1, 1),
    arithmetic.sub: (1, -1),
    arithmetic.neg: (-1,),
    arithmetic.pos: (1,),
}
"""Operations that are the sum of their operands with these coefficients."""

PRODUCTS: dict[Operation, tuple[int | Fraction, ...]] = {
    arithmetic.mul: (1, 1),
    arithmetic.div: (1, -1),
    arithmetic.reciprocal: (-1,),
    arithmetic.square: (2,),
    powers.sqrt: (Fraction(1, 2),),
    powers.rsqrt: (Fraction(-1, 2),),
}
"""Operations that are the product of their operands with these exponents.

A factor beside a `where` that is 0 in one branch is moved into the other branch, so that it does no harm where it is
not taken.
"""

COLLECTED = frozenset({*SUMS, *PRODUCTS, powers.power, powers.exp})
"""The operations that have a normal form."""

INVERSES: dict[Operation, Operation] = {
    trigonometric.sin: trigonometric.asin,
    trigonometric.cos: trigonometric.acos,
    trigonometric.tan: trigonometric.atan,
    trigonometric.radians: trigonometric.degrees,
    trigonometric.degrees: trigonometric.radians,
    hyperbolic.sinh: hyperbolic.asinh,
    hyperbolic.asinh: hyperbolic.sinh,
    hyperbolic.cosh: hyperbolic.acosh,
    hyperbolic.tanh: hyperbolic.atanh,
    hyperbolic.atanh: hyperbolic.tanh,
    powers.log: powers.exp,
    powers.log2: powers.exp2,
    powers.exp2: powers.log2,
    powers.log10: powers.exp10,
    powers.exp10: powers.log10,
    powers.log1p: powers.expm1,
    powers.expm1: powers.log1p,
    activations.sigmoid: special.logit,
    special.logit: activations.sigmoid,
    special.erf: special.erfinv,
    special.erfinv: special.erf,
}
"""outer -> inner, where outer(inner(x)) is x wherever inner(x) is defined. `exp` is a power itself."""

SQUARES: dict[Operation, tuple[Operation, int]] = {
    trigonometric.sin: (trigonometric.cos, 1),
    trigonometric.sec: (trigonometric.tan, -1),
    trigonometric.csc: (trigonometric.cot, -1),
    hyperbolic.cosh: (hyperbolic.sinh, -1),
    hyperbolic.tanh: (hyperbolic.sech, 1),
    hyperbolic.coth: (hyperbolic.csch, -1),
}
"""f -> (g, sign), where f(x)^2 + sign*g(x)^2 is 1."""

COMPARISONS: dict[Operation, frozenset[Operation]] = {
    logic.equal: frozenset({logic.less_equal, logic.greater_equal}),
    logic.less: frozenset({logic.less_equal, logic.not_equal}),
    logic.greater: frozenset({logic.greater_equal, logic.not_equal}),
    logic.less_equal: frozenset(),
    logic.greater_equal: frozenset(),
    logic.not_equal: frozenset(),
}
"""Comparison -> the comparisons of the same two numbers that follow from it."""

EXCLUDED: dict[Operation, frozenset[Operation]] = {
    logic.equal: frozenset({logic.less, logic.greater, logic.not_equal}),
    logic.less: frozenset({logic.greater, logic.greater_equal}),
    logic.greater: frozenset({logic.less_equal}),
}
"""Comparison -> the comparisons of the same two numbers that never hold beside it."""

TRUTHS = frozenset({*COMPARISONS, logic.conjunction, logic.disjunction, logic.negation})
"""Operations whose value is 1 or 0."""
