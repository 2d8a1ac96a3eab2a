"""The rewrite rules of the simplifier, as tables of rows.

Two tables say which operations are linear combinations or products of powers of their operands; those are collected
in normal forms (`passes.normal`). All other operations meet `RULES`, each of which holds at one of two levels:

exact: the same double wherever the old form has a number, infinities and signs of zero included;
real: the same real function wherever both forms are defined. The value may differ by rounding, and where one form
    is nan or infinite and the other is not: x/x is 1, also at 0.

No rule drops the condition of a `where`: what a formula says about single points stays said.
"""

from __future__ import annotations

from fractions import Fraction
from math import isfinite

from cgcli.ops import REGISTRY, activations, arithmetic, hyperbolic, logic, powers, special, trigonometric

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cgcli.graph.ref import Ref
    from cgcli.ops import Operation
    from cgcli.passes.normal import NormalRef

    Rewrite = Callable[[Operation, Sequence[NormalRef]], Ref | None]

EXACT = "exact"
REAL = "real"

SUMS: dict[Operation, tuple[int, ...]] = {
    arithmetic.add: (1, 1),
    arithmetic.sub: (1, -1),
    arithmetic.neg: (-1,),
    arithmetic.pos: (1,),
}
"""Operations that are the sum of their operands with these coefficients."""

PRODUCTS: dict[Operation, tuple[int | Fraction, ...]] = {
    **{row: (1, 1) for row in REGISTRY.rows if row.spell.get("infix") == arithmetic.mul.spell["infix"]},
    arithmetic.div: (1, -1),
    arithmetic.reciprocal: (-1,),
    arithmetic.square: (2,),
    powers.sqrt: (Fraction(1, 2),),
    powers.rsqrt: (Fraction(-1, 2),),
}
"""Operations that are the product of their operands with these exponents.

What is written as a product is one: the strong zero of `scale` becomes an ordinary product. A factor beside a `where`
that is 0 in one branch is moved into the other branch, so that it still does no harm where it is not taken.
"""

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
"""outer -> inner, where outer(inner(x)) is x wherever inner(x) is defined. `exp` is a power, see `passes.normal`."""

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

TRUTHS = frozenset({*COMPARISONS, logic.conjunction, logic.disjunction, logic.negation})
"""Operations whose value is 1 or 0."""


class Rule:
    """One row: a name, the level at which the rule holds, and the rewriting.

    rewrite: (row, operands) -> what the operation is by this rule, or None where the rule does not apply. Operands
        are references whose calls build simplified nodes, so a rewriting is written with row calls.
    """

    __slots__ = ("level", "name", "rewrite")

    def __init__(self, name: str, level: str, rewrite: Rewrite) -> None:
        self.name = name
        self.level = level
        self.rewrite = rewrite


# ---- rules by traits and fields of the row ---------------------------------------------------------------------------


def _odd(row: Operation, operands: Sequence[NormalRef]) -> Ref | None:
    """f(-x) = -f(x)."""
    if "odd" in row.traits and operands[0].negative:
        return -row(-operands[0])
    return None


def _even(row: Operation, operands: Sequence[NormalRef]) -> Ref | None:
    """f(-x) = f(x)."""
    return row(-operands[0]) if "even" in row.traits and operands[0].negative else None


def _involution(row: Operation, operands: Sequence[NormalRef]) -> Ref | None:
    """f(f(x)) = x."""
    return operands[0].operands[0] if "involution" in row.traits and operands[0].row is row else None


def _idempotent(row: Operation, operands: Sequence[NormalRef]) -> Ref | None:
    """f(f(x)) = f(x), and f(x, x) = x for operations on two numbers."""
    if "idempotent" not in row.traits:
        return None
    if len(operands) == 1:
        return operands[0] if operands[0].row is row and not operands[0].attributes else None
    return operands[0] if operands[0].node == operands[1].node else None


def _folded(row: Operation, operands: Sequence[NormalRef]) -> Ref | None:
    """What the row itself knows."""
    return row.fold(*operands) if row.fold is not None and row.prepare is None else None


def _exact_number(row: Operation, operands: Sequence[NormalRef]) -> Ref | None:
    """An operation that is exact on whole numbers, on whole numbers."""
    numbers = [operand.number for operand in operands]
    if "exact_on_integers" not in row.traits or row.compute is None or any(number is None for number in numbers):
        return None
    if any(number != int(number) for number in numbers if number is not None):
        return None
    value = row.compute(*(float(operand) for operand in numbers if operand is not None))
    return operands[0].coerce(value) if isfinite(value) and value == int(value) else None


def _value_at_0_or_1(row: Operation, operands: Sequence[NormalRef]) -> Ref | None:
    """cos(0) = 1, log(1) = 0: whole values at 0 and 1 are no accident of rounding."""
    if row.compute is None or len(operands) != 1 or operands[0].number not in (0, 1) or operands[0].shape:
        return None
    value = row.compute(float(operands[0].number))
    return operands[0].coerce(abs(value) if value == 0 else value) if value in (-1, 0, 1) else None


# ---- rules about particular operations -------------------------------------------------------------------------------


def _inverse(row: Operation, operands: Sequence[NormalRef]) -> Ref | None:
    """tan(atan(x)) = x, log(exp(x)) = x."""
    inner = INVERSES.get(row)
    if inner is None:
        return None
    if inner is powers.exp:
        return operands[0].logarithm()
    return operands[0].operands[0] if operands[0].row is inner else None


def _finite_number(ref: NormalRef) -> float | None:
    """The double of a fraction or of a named constant."""
    value = ref.constant_value if ref.number is None else float(ref.number)
    return value if value is not None and isfinite(value) else None


def _comparison(row: Operation, operands: Sequence[NormalRef]) -> Ref | None:
    """A comparison of two different numbers; their doubles differ, so every engine agrees."""
    if row not in COMPARISONS or row.compute is None:
        return None
    first, second = (_finite_number(operand) for operand in operands)
    if first is None or second is None or first == second or operands[0].shape or operands[1].shape:
        return None
    return operands[0].coerce(row.compute(first, second))


def _follows(first: NormalRef, second: NormalRef) -> bool:
    """Whether the second condition is true wherever the first one is."""
    if first.node == second.node:
        return True
    same = [ref.node for ref in first.operands] == [ref.node for ref in second.operands]
    return same and second.row in COMPARISONS.get(first.row, ())


def _and(row: Operation, operands: Sequence[NormalRef]) -> Ref | None:
    """False beside anything, true beside a condition, and a condition beside one that follows from it."""
    if row is not logic.conjunction:
        return None
    for one, other in (operands, operands[::-1]):
        if one.number == 0 and one.shape == ():
            return one
        if other.row in TRUTHS and (one.number is not None or _follows(other, one)):
            return other
    return None


def _or(row: Operation, operands: Sequence[NormalRef]) -> Ref | None:
    """True beside anything, false beside a condition, and a condition beside one that it follows from."""
    if row is not logic.disjunction:
        return None
    for one, other in (operands, operands[::-1]):
        if one.number is not None and one.number != 0 and one.shape == ():
            return one.coerce(1.0)
        if other.row in TRUTHS and (one.number == 0 or _follows(one, other)):
            return other
    return None


def _decided(row: Operation, operands: Sequence[NormalRef]) -> Ref | None:
    """A selection by a condition that is a number."""
    if row is not logic.where or operands[0].number is None:
        return None
    return operands[1] if operands[0].number != 0 else operands[2]


def _where_of_where(row: Operation, operands: Sequence[NormalRef]) -> Ref | None:
    """A selection inside a branch that asks the same condition again has its answer already."""
    if row is not logic.where:
        return None
    condition, taken, other = operands
    inner = (
        branch.operands[place] if branch.row is logic.where and branch.operands[0].node == condition.node else branch
        for place, branch in ((1, taken), (2, other))
    )
    first, second = inner
    if (first.node, second.node) == (taken.node, other.node):
        return None
    return logic.where(condition, first, second)


STATIC_RULES = (Rule("involution", EXACT, _involution),)
"""Those that hold for operations with static arguments, too."""

RULES = (
    *STATIC_RULES,
    Rule("idempotent", EXACT, _idempotent),
    Rule("exact on whole numbers", EXACT, _exact_number),
    Rule("the row's own", EXACT, _folded),
    Rule("comparison of numbers", EXACT, _comparison),
    Rule("and", EXACT, _and),
    Rule("or", EXACT, _or),
    Rule("decided condition", EXACT, _decided),
    Rule("the same condition again", EXACT, _where_of_where),
    Rule("even", EXACT, _even),
    Rule("odd", REAL, _odd),
    Rule("value at 0 or 1", REAL, _value_at_0_or_1),
    Rule("inverse", REAL, _inverse),
)
"""The rules for operations that are no sums and no products, in the order in which they are tried."""
