"""The rules of differentiation in the form of textbooks: sums, products, quotients, powers, branches.

All other operations follow the partial derivatives of their rows. A form is a function of the operands, of which of
them change with the variable, of the node itself and of what makes the derivative of an operand; it answers with the
name of the rule, the rule in general (u' is the derivative of u, c is constant) and what it gives, or with None where
it does not fit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cgcli.ops import arithmetic, logic, powers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from cgcli.graph.ref import Ref
    from cgcli.ops import Operation

    Derivative = Callable[[Ref], Ref]
    Form = Callable[[Sequence[Ref], Sequence[bool], Ref, Derivative], "GivenRule | None"]


class GivenRule(NamedTuple):
    """A rule that fits a node: its name, its general form, what it writes for the derivative, and usual mistakes.

    mistakes: what comes out where the rule is applied wrongly, by the mistake in words.
    """

    name: str
    general: str
    result: Any
    mistakes: dict[str, Any]


def _sum(operands: Sequence[Any], depends: Sequence[bool], node: Any, derivative: Derivative) -> GivenRule | None:
    left, right = operands
    if all(depends):
        return GivenRule("sum rule", "(u + v)' = u' + v'", derivative(left) + derivative(right), {})
    kept, other = (left, right) if depends[0] else (right, left)
    slope = derivative(kept)
    return GivenRule("sum rule", "(u + c)' = u'", slope, {"a constant was kept: its derivative is 0": slope + other,
                     "a constant was given the derivative 1": slope + 1})  # fmt: skip


def _difference(operands: Sequence[Any], depends: Sequence[bool], node: Any, derivative: Derivative) -> GivenRule:
    left, right = operands
    if all(depends):
        u, v = derivative(left), derivative(right)
        return GivenRule("difference rule", "(u - v)' = u' - v'", u - v, {"the minus sign was lost": u + v})
    if depends[0]:
        u = derivative(left)
        return GivenRule("difference rule", "(u - c)' = u'", u, {"a constant was kept: its derivative is 0": u - right})
    v = derivative(right)
    return GivenRule("difference rule", "(c - u)' = -u'", -v, {"the minus sign was lost": v})


def _negative(operands: Sequence[Any], depends: Sequence[bool], node: Any, derivative: Derivative) -> GivenRule:
    u = derivative(operands[0])
    return GivenRule("constant factor rule", "(-u)' = -u'", -u, {"the minus sign was lost": u})


def _product(operands: Sequence[Any], depends: Sequence[bool], node: Any, derivative: Derivative) -> GivenRule:
    u, v = operands
    if all(depends):
        du, dv = derivative(u), derivative(v)
        return GivenRule("product rule", "(u · v)' = u' · v + u · v'", du * v + u * dv, {
            "the factors were differentiated one by one: (u · v)' is not u' · v'": du * dv,
            "the second term of the product rule is missing": du * v,
            "the first term of the product rule is missing": u * dv,
            "the terms of the product rule are added, not subtracted": du * v - u * dv,
        })  # fmt: skip
    if depends[0]:
        du = derivative(u)
        return GivenRule("constant factor rule", "(u · c)' = u' · c", du * v, {"the constant factor was lost": du})
    dv = derivative(v)
    return GivenRule("constant factor rule", "(c · u)' = c · u'", u * dv, {"the constant factor was lost": dv})


def _quotient(operands: Sequence[Any], depends: Sequence[bool], node: Any, derivative: Derivative) -> GivenRule:
    u, v = operands
    if not depends[1]:
        du = derivative(u)
        return GivenRule("constant factor rule", "(u / c)' = u' / c", du / v, {"the constant divisor was lost": du})
    dv = derivative(v)
    if not depends[0]:
        return GivenRule("quotient rule", "(c / u)' = -c · u' / u^2", -(u * dv) / v**2, {
            "the minus sign of the quotient rule is missing": u * dv / v**2,
            "the divisor is squared in the quotient rule": -(u * dv) / v,
            "the divisor was differentiated by itself: (c / u)' is not c / u'": u / dv,
        })  # fmt: skip
    du = derivative(u)
    return GivenRule("quotient rule", "(u / v)' = (u' · v - u · v') / v^2", (du * v - u * dv) / v**2, {
        "the terms of the quotient rule were exchanged": (u * dv - du * v) / v**2,
        "the terms of the quotient rule are subtracted, not added": (du * v + u * dv) / v**2,
        "the divisor is squared in the quotient rule": (du * v - u * dv) / v,
        "both were differentiated one by one: (u / v)' is not u' / v'": du / dv,
    })  # fmt: skip


def _power(operands: Sequence[Any], depends: Sequence[bool], node: Any, derivative: Derivative) -> GivenRule | None:
    u, n = operands
    if all(depends):
        du, dn = derivative(u), derivative(n)
        slope = node * (dn * powers.log(u) + n * du / u)
        general = "(u^v)' = u^v · (v' · log(u) + v · u' / u)"
        return GivenRule("rule of powers with a variable exponent", general, slope, {
            "the exponent changes too: the power rule alone is not enough": n * u ** (n - 1) * du,
        })  # fmt: skip
    if depends[1]:
        dn, log = derivative(n), powers.log(u)
        return GivenRule("exponential rule", "(c^u)' = c^u · log(c) · u'", node * log * dn, {
            "the factor log(c) of the exponential rule is missing": node * dn,
            "the power rule is for a constant exponent, not for a constant base": n * u ** (n - 1) * dn,
        })  # fmt: skip
    if n.constant_value == 0:
        return None
    du, lower = derivative(u), u ** (n - 1)
    chain = (
        {}
        if du.constant_value == 1
        else {
            "the inner derivative is missing (chain rule)": n * lower,
        }
    )
    return GivenRule("power rule" if not chain else "power rule and chain rule",
                     "(u^n)' = n · u^(n - 1) · u'" if chain else "(x^n)' = n · x^(n - 1)", n * lower * du, {
        "the exponent was not lowered by 1": n * node * du, "the factor n of the power rule is missing": lower * du,
        **chain,
    })  # fmt: skip


def _branches(operands: Sequence[Any], depends: Sequence[bool], node: Any, derivative: Derivative) -> GivenRule:
    condition, first, second = operands
    slopes = derivative(first), derivative(second)
    return GivenRule("each branch by itself", "where(c, u, v)' = where(c, u', v')", logic.where(condition, *slopes), {})


FORMS: dict[Operation, Form] = {
    arithmetic.add: _sum, arithmetic.sub: _difference, arithmetic.neg: _negative, arithmetic.mul: _product,
    arithmetic.div: _quotient, powers.power: _power, logic.where: _branches,
}  # fmt: skip
"""What textbooks write out, by the row."""
