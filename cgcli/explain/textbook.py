"""The rules of differentiation in the form of textbooks: sums, products, quotients, powers, branches.

All other operations follow the partial derivatives of their rows (`cgcli/explain/table_rule.py`). A form is a function
of the operands, of which of them change with the variable, of the node itself and of what makes the derivative of an
operand; it answers with the name of the rule, the rule in general (u' is the derivative of u, c is constant) and what
it gives, or with None where it does not fit.

A sum is differentiated term by term in one step, however many terms it has, and constant factors are taken out at once.
"""

from __future__ import annotations

from itertools import chain, cycle
from typing import TYPE_CHECKING, NamedTuple

from cgcli.emit.names import constant_text
from cgcli.ops import arithmetic, logic, powers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from cgcli.ops import Operation

    Form = Callable[["Asked"], "GivenRule | None"]
    Mistakes = Callable[[], dict[str, Any]]

MOST_LETTERS = 4
"""Terms and factors that a rule in general names one by one."""

QUARTERS, LARGEST = 4, 1000
"""Exponents that are calculated with: whole quarters of this size."""

FACTOR, DIVISOR = "the constant factor was lost", "the constant divisor was lost"
AT_VARIABLE = "the outer derivative is taken at the inside, not at the variable (chain rule)"
POWER = "the power rule is for a constant exponent, not for a constant base"
INTEGRAL = "that is an integral, not a derivative"
KEPT = "a constant was kept: its derivative is 0"
VARIABLE = "the variable was kept: its derivative is 1"
MINUS = "the minus sign was lost"
INNER = "the inner derivative is missing (chain rule)"
SQUARED = "the square of the divisor is missing: the quotient rule divides by v^2"


class GivenRule(NamedTuple):
    """A rule that fits a node: its name, its general form, what it writes for the derivative, and usual mistakes.

    mistakes: makes what comes out where the rule is applied wrongly, by the mistake in words. unlikely: as `mistakes`,
    for those that are named where no other one at any step gives the same.
    """

    name: str
    general: str
    result: Any
    mistakes: Mistakes = dict
    unlikely: Mistakes = dict


class Asked(NamedTuple):
    """What a form is asked about: a node, its operands, and what makes a derivative.

    changes: whether a node changes with the variable. derivative: that of a node, as one still to be taken.
    """

    variable: Any
    node: Any
    operands: Sequence[Any]
    changes: Callable[[Any], bool]
    derivative: Callable[[Any], Any]


# ---- sums ------------------------------------------------------------------------------------------------------------


def terms_of(asked: Asked) -> list[tuple[int, Any]]:
    """The terms of a sum from left to right, each with its sign. A constant stays whole."""
    found: list[tuple[int, Any]] = []
    pending = [(1, asked.node)]
    while pending:
        sign, each = pending.pop()
        row = each.graph.row(each.node)
        if row in SIGNS and (asked.changes(each) or each.node == asked.node.node):
            operands = [type(each)(each.graph, operand) for operand in each.graph.operands_of(each.node)]
            pending += [(sign * own, operand) for own, operand in zip(SIGNS[row], operands, strict=True)][::-1]
        else:
            found.append((sign, each))
    return found


def total(terms: Sequence[tuple[int, Any]]) -> Any:
    """Terms with their signs, added up."""
    sign, first = terms[0]
    result = first if sign > 0 else -first
    for sign, each in terms[1:]:
        result = result + each if sign > 0 else result - each
    return result


def _sum(asked: Asked) -> GivenRule:
    terms = terms_of(asked)
    slopes = [(sign, asked.derivative(each)) for sign, each in terms if asked.changes(each)]

    def mistakes() -> dict[str, Any]:
        wrong = {}
        result = total(slopes)
        for sign, each in terms:
            if not asked.changes(each):
                wrong[KEPT] = total([(1, result), (sign, each)])
                wrong["a constant was given the derivative 1"] = result + sign
        for sign, each in terms:
            if each.node == asked.variable.node:
                wrong[VARIABLE] = total([(1, result), (sign, each)]) - sign
        if any(sign < 0 for sign, _ in slopes):
            wrong[MINUS] = total([(1, each) for _, each in slopes])
        return wrong

    signs = [sign for sign, _ in terms]
    minus = -1 in signs[1:]
    name = "sum rule" if not minus else "difference rule" if len(terms) == 2 else "sum and difference rule"
    return GivenRule(name, _sum_in_general(terms, asked), total(slopes), mistakes)


def _sum_in_general(terms: Sequence[tuple[int, Any]], asked: Asked) -> str:
    letters = chain("uvwst", cycle("…"))
    shown = terms if len(terms) <= MOST_LETTERS else _shortened(terms, asked)
    names = [(sign, next(letters) if asked.changes(each) else "c") for sign, each in shown]
    left = _with_signs(names)
    right = _with_signs([(sign, f"{name}'") for sign, name in names if name != "c"])
    if len(shown) < len(terms):
        left, right = f"{left} + …", f"{right} + …"
    return f"({left})' = {right}"


def _shortened(terms: Sequence[tuple[int, Any]], asked: Asked) -> list[tuple[int, Any]]:
    """The first terms that change; a rule with more letters tells no more."""
    return [(sign, each) for sign, each in terms if asked.changes(each)][: MOST_LETTERS - 1]


def _with_signs(terms: Sequence[tuple[int, str]]) -> str:
    sign, first = terms[0]
    text = first if sign > 0 else f"-{first}"
    for sign, each in terms[1:]:
        text += f" {'+' if sign > 0 else '-'} {each}"
    return text


# ---- products --------------------------------------------------------------------------------------------------------


def factors_of(root: Any) -> tuple[int, list[Any]]:
    """The factors of a product from left to right, and its sign."""
    sign, found, pending = 1, [], [root]
    while pending:
        each = pending.pop()
        row = each.graph.row(each.node)
        operands = [type(each)(each.graph, operand) for operand in each.graph.operands_of(each.node)]
        if row is arithmetic.mul:
            pending += reversed(operands)
        elif row is arithmetic.neg:
            sign = -sign
            pending += operands
        else:
            found.append(each)
    return sign, found


def times(factors: Sequence[Any]) -> Any:
    """Factors multiplied from left to right."""
    result = factors[0]
    for each in factors[1:]:
        result = result * each
    return result


def with_sign(sign: int, ref: Any) -> Any:
    """A product with its sign."""
    return ref if sign > 0 else -ref


def _product(asked: Asked) -> GivenRule | None:
    sign, factors = factors_of(asked.node)
    if any(each.shape for each in factors) and len(asked.operands) == 2:
        factors = list(asked.operands)
    constants = [each for each in factors if not asked.changes(each)]
    moving = [each for each in factors if asked.changes(each)]
    if constants or sign < 0:
        return _constant_factor(sign, constants, times(moving), asked)
    if len(moving) > MOST_LETTERS:
        moving = [times(moving[:-1]), moving[-1]]
    slopes = [asked.derivative(each) for each in moving]
    parts = [times([*moving[:place], slope, *moving[place + 1 :]]) for place, slope in enumerate(slopes)]

    def mistakes() -> dict[str, Any]:
        letters = " · ".join("uvws"[: len(moving)])
        primed = " · ".join(f"{letter}'" for letter in "uvws"[: len(moving)])
        wrong = {f"the factors were differentiated one by one: ({letters})' is not {primed}": times(slopes)}
        for place in range(len(parts)):
            left = [(1, part) for other, part in enumerate(parts) if other != place]
            wrong[f"the {ORDINALS[place]} term of the product rule is missing"] = total(left)
        wrong["the terms of the product rule are added, not subtracted"] = parts[0] - total([(1, x) for x in parts[1:]])
        return wrong

    return GivenRule("product rule", PRODUCT_RULES[len(moving)], total([(1, part) for part in parts]), mistakes)


def _constant_factor(sign: int, constants: Sequence[Any], moving: Any, asked: Asked) -> GivenRule:
    slope = asked.derivative(moving)
    result = with_sign(sign, times([*constants, slope]))

    def mistakes() -> dict[str, Any]:
        wrong = {FACTOR: slope} if constants else {}
        if constants and moving.node == asked.variable.node:
            wrong[VARIABLE] = asked.node
        return wrong | ({MINUS: -result} if sign < 0 else {})

    general = "(c · u)' = c · u'" if constants else "(-u)' = -u'"
    return GivenRule("constant factor rule", general, result, mistakes)


def _negative(asked: Asked) -> GivenRule | None:
    (inner,) = asked.operands
    return _sum(asked) if inner.graph.row(inner.node) in SIGNS else _product(asked)


PRODUCT_RULES = {
    2: "(u · v)' = u' · v + u · v'", 3: "(u · v · w)' = u' · v · w + u · v' · w + u · v · w'",
    4: "(u · v · w · s)' = u' · v · w · s + u · v' · w · s + u · v · w' · s + u · v · w · s'",
}  # fmt: skip
ORDINALS = ("first", "second", "third", "fourth")


# ---- quotients -------------------------------------------------------------------------------------------------------


def _quotient(asked: Asked) -> GivenRule | None:
    u, v = asked.operands
    if not u.shape and not v.shape:
        apart = _constants_of_quotient(u, v, asked)
        if apart is not None:
            return apart
    if not asked.changes(v):
        du = asked.derivative(u)
        return GivenRule("constant factor rule", "(u / c)' = u' / c", du / v, lambda: {DIVISOR: du})
    if not asked.changes(u):
        return _reciprocal(u, v, asked)
    du, dv = asked.derivative(u), asked.derivative(v)
    square = _square(v)
    return GivenRule("quotient rule", "(u / v)' = (u' · v - u · v') / v^2", (du * v - u * dv) / square, lambda: {
        "the terms of the quotient rule were exchanged": (u * dv - du * v) / square,
        "the terms of the quotient rule are subtracted, not added": (du * v + u * dv) / square,
        SQUARED: (du * v - u * dv) / v,
        "the divisor of the quotient rule is missing": du * v - u * dv,
        "both were differentiated one by one: (u / v)' is not u' / v'": du / dv,
        "that is the product rule; u / v has the quotient rule": du * v + u * dv,
        "only the part above the line was differentiated": du / v, "only the divisor was differentiated": u / dv,
    })  # fmt: skip


def _constants_of_quotient(u: Any, v: Any, asked: Asked) -> GivenRule | None:
    """Constant factors above and below the line, taken out at once; None where there are none beside what changes."""
    sign, above = factors_of(u) if asked.changes(u) else (1, [u])
    other, below = factors_of(v) if asked.changes(v) else (1, [v])
    fixed_above = [each for each in above if not asked.changes(each)] if asked.changes(u) else []
    fixed_below = [each for each in below if not asked.changes(each)]
    if not fixed_above and sign * other > 0 and not (fixed_below and asked.changes(v)):
        return None
    moving = times([each for each in above if asked.changes(each)] or [u])
    if asked.changes(v):
        moving = moving / times([each for each in below if asked.changes(each)])
    slope = asked.derivative(moving)
    result = with_sign(sign * other, times([*fixed_above, slope]))
    divided = result / times(fixed_below) if fixed_below else result

    def mistakes() -> dict[str, Any]:
        wrong = {FACTOR: slope / times(fixed_below) if fixed_below else slope} if fixed_above else {}
        wrong |= {DIVISOR: result} if fixed_below else {}
        return wrong | ({MINUS: -divided} if sign * other < 0 else {})

    general = _quotient_in_general(bool(fixed_above), sign * other < 0, bool(fixed_below), asked)
    return GivenRule("constant factor rule", general, divided, mistakes)


def _quotient_in_general(factor: bool, minus: bool, divisor: bool, asked: Asked) -> str:
    """How constants come out of a quotient, in letters."""
    letter = "u" if asked.changes(asked.operands[0]) else "c"
    fraction = f"({letter} / v)'" if asked.changes(asked.operands[1]) else f"{letter}'"
    before = "c · " if factor else "-" if minus else ""
    below = ("(k · v)" if divisor else "v") if asked.changes(asked.operands[1]) else "k"
    return f"({before}{letter} / {below})' = {before}{fraction}{' / k' if divisor else ''}"


def _reciprocal(c: Any, v: Any, asked: Asked) -> GivenRule:
    """A constant over what changes: as a power where it is one."""
    base, exponent = _power_of(v)
    if exponent is not None and not asked.changes(exponent):
        du = asked.derivative(base)
        inner, lower = du.constant_value != 1, base ** (exponent - 1)
        result = -(c * exponent * du) / base ** (exponent + 1)
        general = "(c / u^n)' = -c · n · u' / u^(n + 1)" if inner else "(c / x^n)' = -c · n / x^(n + 1)"
        return GivenRule("power rule and chain rule" if inner else "power rule", general, result, lambda: {
            "the minus sign of the negative exponent is missing": -result,
            "a negative exponent becomes smaller, not larger": -(c * exponent * du) / lower,
            "the exponent was not lowered by 1": -(c * exponent * du) / v,
            "the divisor was differentiated by itself: (c / u)' is not c / u'": c / (exponent * lower * du),
            INNER: -(c * exponent) / base ** (exponent + 1),
        })  # fmt: skip
    dv = asked.derivative(v)
    result = -(c * dv) / _square(v)
    general = "(c / u)' = -c · u' / u^2" if dv.constant_value != 1 else "(c / x)' = -c / x^2"
    return GivenRule("quotient rule", general, result, lambda: {
        "the minus sign of the quotient rule is missing": -result,
        SQUARED: -(c * dv) / v,
        "the divisor was differentiated by itself: (c / u)' is not c / u'": c / dv,
        INNER: -c / _square(v), INTEGRAL: c * powers.log(v) / dv,
    })  # fmt: skip


def _power_of(ref: Any) -> tuple[Any, Any]:
    """Base and exponent of a power, else None as the exponent."""
    if ref.graph.row(ref.node) is not powers.power:
        return ref, None
    base, exponent = (type(ref)(ref.graph, operand) for operand in ref.graph.operands_of(ref.node))
    return base, exponent


def _square(v: Any) -> Any:
    """v^2; of a power u^n it is u^(2·n), of a root what stands below it."""
    base, exponent = _power_of(v)
    if v.graph.row(v.node) is powers.sqrt:
        return type(v)(v.graph, v.graph.operands_of(v.node)[0])
    number = exponent.constant_value if exponent is not None else None
    return base ** (2 * exponent) if number is not None and number.is_integer() else v**2


# ---- powers ----------------------------------------------------------------------------------------------------------


def _power(asked: Asked) -> GivenRule | None:
    u, n = asked.operands
    if asked.changes(u) and asked.changes(n):
        du, dn = asked.derivative(u), asked.derivative(n)
        slope = asked.node * (dn * powers.log(u) + n * du / u)
        general = "(u^v)' = u^v · (v' · log(u) + v · u' / u)"
        return GivenRule("rule of powers with a variable exponent", general, slope, lambda: {
            "the exponent changes too: the power rule alone is not enough": n * u ** (n - 1) * du,
            "the base changes too: the exponential rule alone is not enough": asked.node * powers.log(u) * dn,
        })  # fmt: skip
    if asked.changes(n):
        return _exponential(u, n, asked)
    if n.constant_value == 0:
        return GivenRule("power rule", "(x^0)' = 1' = 0", n.coerce(0.0))
    du, lower = asked.derivative(u), u ** _lowered(n)
    inner = du.constant_value != 1
    result = n * lower * du

    def mistakes() -> dict[str, Any]:
        wrong = {"the exponent was not lowered by 1": n * asked.node * du,
                 "the factor n of the power rule is missing": lower * du,
                 "the exponent becomes smaller by 1, not larger": n * u ** (n + 1) * du}  # fmt: skip
        if inner:
            wrong |= {INNER: n * lower, "the inside stays as it is: (u^n)' is not n · (u')^(n - 1)": n * du ** (n - 1),
                      "the inside alone was differentiated: (u^n)' is not (u')^n": du**n,
                      AT_VARIABLE: n * asked.variable ** (n - 1) * du}  # fmt: skip
        wrong[INTEGRAL] = u ** (n + 1) / (n + 1)
        return wrong

    if inner:
        return GivenRule("power rule and chain rule", "(u^n)' = n · u^(n - 1) · u'", result, mistakes)
    return GivenRule("power rule", "(x^n)' = n · x^(n - 1)", result, mistakes)


def _lowered(n: Any) -> Any:
    """n - 1, calculated where n is a number that a double holds."""
    number = n.constant_value
    if number is None and n.graph.row(n.node) is arithmetic.neg:
        (operand,) = n.graph.operands_of(n.node)
        number = n.graph.constant_value(operand)
        number = None if number is None else -number
    if number is None or not (number * QUARTERS).is_integer() or abs(number) > LARGEST:
        return n - 1
    return n.coerce(number - 1)


def _exponential(base: Any, exponent: Any, asked: Asked) -> GivenRule:
    slope, node = asked.derivative(exponent), asked.node
    inner = slope.constant_value != 1
    if base.constant_value is not None and constant_text(base.graph, base.node) == "e":
        general = "(e^u)' = e^u · u'" if inner else "(e^x)' = e^x"
        name = "exponential rule and chain rule" if inner else "exponential rule"
        return GivenRule(name, general, node * slope, lambda: {
            INNER: node, **as_power(exponent, base ** (exponent - 1), slope)})  # fmt: skip
    log = powers.log(base)
    general = "(c^u)' = c^u · log(c) · u'" if inner else "(c^x)' = c^x · log(c)"
    name = "exponential rule and chain rule" if inner else "exponential rule"
    return GivenRule(name, general, node * log * slope, lambda: {
        "the factor log(c) of the exponential rule is missing": node * slope,
        "it is times log(c), not divided by it": node * slope / log,
        INNER: node * log, **as_power(exponent, base ** (exponent - 1), slope)})  # fmt: skip


def as_power(exponent: Any, lower: Any, slope: Any) -> dict[str, Any]:
    """What comes out where the power rule is used for an exponential."""
    return {POWER: exponent * lower, f"{POWER} (and the inner derivative does not mend that)": exponent * lower * slope}


# ---- branches --------------------------------------------------------------------------------------------------------


def _branches(asked: Asked) -> GivenRule:
    condition, first, second = asked.operands
    slopes = asked.derivative(first), asked.derivative(second)
    general = "where(c, u, v)' = where(c, u', v')"
    return GivenRule("each branch by itself", general, logic.where(condition, *slopes))


def _chosen(word: str, name: str, before: Any) -> Form:
    """The larger or the smaller of two: the derivative of the one that is taken, their mean where both are equal."""

    def form(asked: Asked) -> GivenRule:
        u, v = asked.operands
        du, dv = asked.derivative(u), asked.derivative(v)
        result = logic.where(before(u, v), du, logic.where(before(v, u), dv, (du + dv) / 2))
        general = f"{name}(u, v)' is u' where u is {word}, v' where v is {word}, and the mean where they are equal"
        return GivenRule(f"derivative of {name}", general, result)

    return form


SIGNS: dict[Operation, tuple[int, ...]] = {arithmetic.add: (1, 1), arithmetic.sub: (1, -1), arithmetic.neg: (-1,)}
"""The signs with which operations add up their operands."""

FORMS: dict[Operation, Form] = {
    arithmetic.add: _sum, arithmetic.sub: _sum, arithmetic.neg: _negative, arithmetic.mul: _product,
    arithmetic.div: _quotient, powers.power: _power, logic.where: _branches,
    logic.maximum: _chosen("larger", "max", lambda u, v: u > v),
    logic.minimum: _chosen("smaller", "min", lambda u, v: u < v),
}  # fmt: skip
"""What textbooks write out, by the row."""
