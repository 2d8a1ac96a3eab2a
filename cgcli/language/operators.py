"""The operation of each operator of the language, by the rule of the syntax table."""

from __future__ import annotations

from cgcli.language import syntax
from cgcli.ops import arithmetic, linear, logic, powers, shaping

BINARY = {
    syntax.ADD: arithmetic.add,
    syntax.SUB: arithmetic.sub,
    syntax.MUL: arithmetic.mul,
    syntax.DIV: arithmetic.div,
    syntax.FLOORDIV: arithmetic.floordiv,
    syntax.MOD: arithmetic.mod,
    syntax.POW: powers.power,
    syntax.MATMUL: linear.matmul,
    syntax.AND: logic.conjunction,
    syntax.OR: logic.disjunction,
}
UNARY = {syntax.NEG: arithmetic.neg, syntax.NOT: logic.negation, syntax.TRANSPOSE: shaping.transpose}
COMPARISONS = {
    syntax.LT: logic.less,
    syntax.LE: logic.less_equal,
    syntax.GT: logic.greater,
    syntax.GE: logic.greater_equal,
    syntax.EQ: logic.equal,
    syntax.NE: logic.not_equal,
}
