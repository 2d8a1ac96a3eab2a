"""The rewrite rules for operations that are no sums and no products; these are collected (see `collect`).

Each rule holds at one of two levels:

exact: the same double wherever the old form has a number, infinities and signs of zero included;
real: the same real function wherever both forms are defined. The value may differ by rounding, and where one form
    is nan or infinite and the other is not: x/x is 1, also at 0.

No rule drops the condition of a `where`: what a formula says about single points stays said.

A rule is tried once, on simplified operands. What it builds may meet other rules; since every rule takes a minus, an
operation or a condition away, that ends after a few steps, however deep the formula is.
"""

from __future__ import annotations

from math import isfinite

from cgcli.ops import logic, powers
from cgcli.passes.simplify.products import selected
from cgcli.passes.simplify.tables import COMPARISONS, EXCLUDED, INVERSES, TRUTHS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cgcli.graph.ref import Ref
    from cgcli.ops import Operation
    from cgcli.passes.simplify.collect import NormalRef

    Rewrite = Callable[[Operation, Sequence[NormalRef]], Ref | None]

EXACT = "exact"
REAL = "real"


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
    return _same_operands(first, second) and second.row in COMPARISONS.get(first.row, ())


def _same_operands(first: NormalRef, second: NormalRef) -> bool:
    return [ref.node for ref in first.operands] == [ref.node for ref in second.operands]


def _and(row: Operation, operands: Sequence[NormalRef]) -> Ref | None:
    """False beside anything, true beside a condition; a condition beside one that follows from it, or excludes it."""
    if row is not logic.conjunction:
        return None
    for one, other in (operands, operands[::-1]):
        if other.row in EXCLUDED.get(one.row, ()) and _same_operands(one, other):
            return one.coerce(0.0)
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


def _selection(row: Operation, operands: Sequence[NormalRef]) -> Ref | None:
    """A selection by a number; and one inside a branch that asks the same condition again."""
    if row is not logic.where:
        return None
    condition, first, second = operands
    return type(condition)(condition.graph, selected(condition.graph, condition.node, first.node, second.node))


STRUCTURAL_RULES = (Rule("involution", EXACT, _involution),)
"""Those that hold for operations with static arguments or on whole arrays, too."""

RULES = (
    *STRUCTURAL_RULES,
    Rule("idempotent", EXACT, _idempotent),
    Rule("exact on whole numbers", EXACT, _exact_number),
    Rule("the row's own", EXACT, _folded),
    Rule("comparison of numbers", EXACT, _comparison),
    Rule("and", EXACT, _and),
    Rule("or", EXACT, _or),
    Rule("selection", EXACT, _selection),
    Rule("even", EXACT, _even),
    Rule("odd", REAL, _odd),
    Rule("value at 0 or 1", REAL, _value_at_0_or_1),
    Rule("inverse", REAL, _inverse),
)
"""The rules for operations that are no sums and no products, in the order in which they are tried."""
