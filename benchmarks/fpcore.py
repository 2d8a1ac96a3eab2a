"""FPCore, the language of FPBench's and Herbie's problems (fpbench.org): read, written for cg, sampled and judged.

The judge is mpmath on the problem itself, with more bits until two precisions agree; nothing of cg takes part in it.
"""

from __future__ import annotations

import re
import struct
from fractions import Fraction
from itertools import pairwise
from math import isfinite, log10
from typing import TYPE_CHECKING, NamedTuple

import mpmath

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import Any

TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|;[^\n]*|[()\[\]]|[^\s()\[\]";]+')
CONSTANTS = {
    "PI": "pi", "E": "exp(1)", "LN2": "log(2)", "LN10": "log(10)", "LOG2E": "(1/log(2))", "LOG10E": "(1/log(10))",
    "PI_2": "(pi/2)", "PI_4": "(pi/4)", "M_1_PI": "(1/pi)", "M_2_PI": "(2/pi)", "SQRT2": "sqrt(2)",
    "SQRT1_2": "sqrt(1/2)", "INFINITY": "inf", "NAN": "nan", "TRUE": "true", "FALSE": "false",
}  # fmt: skip
CALLED = {
    "fabs": "abs", "tgamma": "gamma", "lgamma": "lgamma", "fmin": "min", "fmax": "max", "rint": "round",
    "nearbyint": "round", **{name: name for name in (
        "sqrt", "cbrt", "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sin", "cos", "tan", "asin", "acos",
        "atan", "atan2", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "erf", "erfc", "hypot", "fma", "floor",
        "ceil", "trunc", "round", "fmod", "remainder", "copysign")},
}  # fmt: skip
INFIX = {"+": "+", "-": "-", "*": "*", "/": "/", "pow": "^"}
COMPARED = {"<": "<", ">": ">", "<=": "<=", ">=": ">=", "==": "==", "!=": "!="}
BITS = (2300, 5500, 13_000)
"""The first is enough for sums of any two doubles."""
LARGEST = 1.7976931348623157e308


class Unsupported(Exception):
    """A problem with loops, arrays or types: no formula."""


class Problem(NamedTuple):
    """A problem: its inputs, the condition under which it is looked at (None: everywhere), and its body."""

    name: str
    file: str
    inputs: tuple[str, ...]
    condition: Any
    body: Any


def read_folder(folder: Path) -> Iterator[Problem]:
    """All problems of the .fpcore files below a folder."""
    for path in sorted(folder.rglob("*.fpcore")):
        yield from read(path.read_text(encoding="utf-8"), str(path.relative_to(folder)))


def read(text: str, file: str = "") -> Iterator[Problem]:
    """The problems of a text."""
    stack: list[list[Any]] = [[]]
    for token in TOKEN.findall(text):
        if token.startswith(";"):
            continue
        if token in "([":
            stack.append([])
        elif token in ")]":
            done = stack.pop()
            stack[-1].append(done)
        else:
            stack[-1].append(token)
    for form in stack[0]:
        if isinstance(form, list) and form and form[0] == "FPCore":
            rest = form[1:] if isinstance(form[1], list) else form[2:]
            inputs = rest[0]
            if any(isinstance(each, list) for each in inputs):
                continue
            properties = {key: value for key, value in pairwise(rest)
                          if isinstance(key, str) and key.startswith(":")}  # fmt: skip
            name = properties.get(":name", '"?"').strip('"')
            yield Problem(name, file, tuple(inputs), properties.get(":pre"), rest[-1])


# ---- as formulas of cg -----------------------------------------------------------------------------------------------


def names_of(problem: Problem) -> dict[str, str]:
    """Names of inputs that cg can read, none of which is a constant or an operation."""
    return {name: "v_" + re.sub(r"\W", "_", name) if not re.fullmatch(r"[A-Za-z]\w*", name) or name in RESERVED
            else name for name in problem.inputs}  # fmt: skip


RESERVED = frozenset((
    "e", "pi", "inf", "nan", "tau", "i", "if", "else", "and", "or", "not", "where", "for", "in", "return", "param",
    "fold", "beta", "gamma",
))  # fmt: skip


def formula(problem: Problem) -> str:
    """The problem as a text of cg. Unsupported where it has none."""
    definitions: list[str] = []
    known = names_of(problem)
    result = _text(problem.body, known, definitions)
    return "; ".join([*definitions, result])


def _text(form: Any, known: Mapping[str, str], definitions: list[str]) -> str:
    if isinstance(form, str):
        return known[form] if form in known else CONSTANTS[form] if form in CONSTANTS else _number(form)
    head, *rest = form
    if head == "!":
        return _text(rest[-1], known, definitions)
    if head in ("let", "let*"):
        inner = dict(known)
        for name, value in rest[0]:
            written = _text(value, inner if head == "let*" else known, definitions)
            fresh = f"d{len(definitions)}_"
            definitions.append(f"{fresh} = {written}")
            inner[name] = fresh
        return _text(rest[1], inner, definitions)
    parts = [_text(each, known, definitions) for each in rest]
    if head == "if":
        return f"where({parts[0]}, {parts[1]}, {parts[2]})"
    if head in ("and", "or"):
        return "(" + f" {head} ".join(parts) + ")"
    if head == "not":
        return f"(not {parts[0]})"
    if head in COMPARED:
        pairs = [f"({left} {COMPARED[head]} {right})" for left, right in pairwise(parts)]
        return "(" + " and ".join(pairs) + ")"
    if head == "neg" or (head == "-" and len(parts) == 1):
        return f"(-{parts[0]})"
    if head in INFIX and len(parts) >= 2:
        return "(" + INFIX[head].join(parts) + ")"
    if head in CALLED:
        return f"{CALLED[head]}({', '.join(parts)})"
    raise Unsupported(head)


def _number(text: str) -> str:
    if re.fullmatch(r"[+-]?\d+/\d+", text):
        return f"({text})"
    try:
        value = float(text)
    except ValueError as error:
        raise Unsupported(text) from error
    text = text.lstrip("+")
    return f"({text})" if value < 0 or text.startswith("-") else text


# ---- the judge -------------------------------------------------------------------------------------------------------


class TooLarge(Exception):
    """A number that mpmath would work on for hours."""


def true_value(problem: Problem, at: Mapping[str, float]) -> Any:
    """The value at a point, of which 70 bits and more are right; None where it has none, or none that is found."""
    before = None
    for bits in BITS:
        with mpmath.workprec(bits):
            try:
                value = _value(problem.body, {name: mpmath.mpf(number) for name, number in at.items()})
            except (ZeroDivisionError, ValueError, TooLarge, OverflowError, TypeError, mpmath.libmp.ComplexResult):
                return None
            if isinstance(value, mpmath.mpc) or not mpmath.isfinite(value):
                return None
            if before is not None and abs(value - before) <= abs(value) * mpmath.mpf(2) ** -75:
                return value
            before = value
    return None


def holds(condition: Any, at: Mapping[str, float]) -> bool:
    """Whether a point is one that the problem is about."""
    if condition is None:
        return True
    with mpmath.workprec(200):
        try:
            return bool(_value(condition, {name: mpmath.mpf(number) for name, number in at.items()}))
        except (ZeroDivisionError, ValueError, TooLarge, OverflowError, TypeError):
            return False


def _value(form: Any, known: Mapping[str, Any]) -> Any:
    mp = mpmath.mp
    if isinstance(form, str):
        if form in known:
            return known[form]
        if form in VALUES:
            return VALUES[form]()
        exact = Fraction(form)
        return mp.mpf(exact.numerator) / exact.denominator
    head, *rest = form
    if head == "!":
        return _value(rest[-1], known)
    if head in ("let", "let*"):
        inner = dict(known)
        for name, value in rest[0]:
            inner[name] = _value(value, inner if head == "let*" else known)
        return _value(rest[1], inner)
    if head == "if":
        return _value(rest[1] if _value(rest[0], known) else rest[2], known)
    if head == "and":
        return all(_value(each, known) for each in rest)
    if head == "or":
        return any(_value(each, known) for each in rest)
    parts = [_value(each, known) for each in rest]
    if head in COMPARED:
        return all(COMPARE[head](left, right) for left, right in pairwise(parts))
    if head == "-" and len(parts) == 1:
        return -parts[0]
    if head in ("+", "-", "*", "/"):
        total = parts[0]
        for part in parts[1:]:
            total = ARITHMETIC[head](total, part)
        return total
    if head not in FUNCTIONS:
        raise Unsupported(head)
    result = FUNCTIONS[head](*parts)
    if isinstance(result, mpmath.mpc):
        raise ValueError(head)
    return result


def _exp(x: Any) -> Any:
    if abs(x) > 1e9:
        raise TooLarge
    return mpmath.exp(x)


def _pow(x: Any, y: Any) -> Any:
    if x and y and abs(mpmath.log(abs(x)) * y) > 1e9:
        raise TooLarge
    if x == 0 and y < 0:
        raise ZeroDivisionError
    return mpmath.power(x, y)


def _small(function: Any) -> Any:
    def guarded(*parts: Any) -> Any:
        if any(abs(part) > 1e9 for part in parts):
            raise TooLarge
        return function(*parts)

    return guarded  # fmt: skip


def _cbrt(x: Any) -> Any:
    return mpmath.sign(x) * mpmath.cbrt(abs(x))


def _atan(x: Any) -> Any:
    return mpmath.atan(x)


ARITHMETIC = {"+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "/": lambda a, b: a / b}
COMPARE = {"<": lambda a, b: a < b, ">": lambda a, b: a > b, "<=": lambda a, b: a <= b, ">=": lambda a, b: a >= b,
           "==": lambda a, b: a == b, "!=": lambda a, b: a != b}  # fmt: skip
FUNCTIONS = {
    "sqrt": mpmath.sqrt, "cbrt": _cbrt, "fabs": abs, "exp": _exp, "exp2": lambda x: _pow(mpmath.mpf(2), x),
    "expm1": lambda x: mpmath.expm1(x) if abs(x) < 1e9 else _exp(x), "log": mpmath.log,
    "log2": lambda x: mpmath.log(x, 2), "log10": mpmath.log10, "log1p": lambda x: mpmath.log(1 + x),
    "sin": mpmath.sin, "cos": mpmath.cos, "tan": mpmath.tan, "asin": mpmath.asin, "acos": mpmath.acos, "atan": _atan,
    "atan2": mpmath.atan2, "sinh": _small(mpmath.sinh), "cosh": _small(mpmath.cosh),
    "tanh": lambda x: mpmath.sign(x) if abs(x) > 1e9 else mpmath.tanh(x), "asinh": mpmath.asinh,
    "acosh": mpmath.acosh, "atanh": mpmath.atanh, "erf": _small(mpmath.erf), "erfc": _small(mpmath.erfc),
    "tgamma": _small(mpmath.gamma), "lgamma": lambda x: mpmath.log(abs(mpmath.gamma(x))) if abs(x) < 1e6 else
    mpmath.re(mpmath.loggamma(x)), "hypot": mpmath.hypot, "fma": lambda a, b, c: a * b + c, "fmin": min, "fmax": max,
    "floor": mpmath.floor, "ceil": mpmath.ceil, "pow": _pow,
    "trunc": lambda x: mpmath.floor(x) if x > 0 else mpmath.ceil(x), "neg": lambda x: -x, "not": lambda x: not x,
    "fmod": lambda x, y: x - y * (mpmath.floor(x / y) if x / y > 0 else mpmath.ceil(x / y)),
    "copysign": lambda x, y: abs(x) if y >= 0 else -abs(x),
}  # fmt: skip
VALUES = {
    "PI": lambda: +mpmath.pi, "E": lambda: +mpmath.e, "LN2": lambda: mpmath.log(2), "LN10": lambda: mpmath.log(10),
    "LOG2E": lambda: 1 / mpmath.log(2), "LOG10E": lambda: 1 / mpmath.log(10), "PI_2": lambda: mpmath.pi / 2,
    "PI_4": lambda: mpmath.pi / 4, "M_1_PI": lambda: 1 / mpmath.pi, "M_2_PI": lambda: 2 / mpmath.pi,
    "SQRT2": lambda: mpmath.sqrt(2), "SQRT1_2": lambda: mpmath.sqrt(0.5), "INFINITY": lambda: mpmath.inf,
    "NAN": lambda: mpmath.nan, "TRUE": lambda: True, "FALSE": lambda: False,
}  # fmt: skip


def lost(value: float, true: Any) -> float:
    """Digits of the sixteen that a double has lost: log10 of the error in units of 2^-53."""
    if not isfinite(value):
        return 16.0
    with mpmath.workprec(200):
        error = abs(mpmath.mpf(value) - true)
        if not error:
            return 0.0
        if not true:
            return 16.0
        unit = max(abs(true) * mpmath.mpf(2) ** -53, mpmath.mpf(2) ** -1074)
        return 0.0 if value == float(true) else min(16.0, max(0.0, log10(max(float(error / unit), 1.0))))


# ---- points ----------------------------------------------------------------------------------------------------------


def ranges(problem: Problem) -> dict[str, tuple[float, float]]:
    """For each input the bounds that the condition states, else those of the doubles."""
    found = dict.fromkeys(problem.inputs, (-LARGEST, LARGEST))
    for name, (low, high) in _bounds(problem.condition):
        if name in found:
            found[name] = max(found[name][0], low), min(found[name][1], high)
    return found


def _bounds(condition: Any) -> Iterator[tuple[str, tuple[float, float]]]:
    if not isinstance(condition, list):
        return
    head, *parts = condition
    if head == "and":
        for part in parts:
            yield from _bounds(part)
    if head not in ("<", "<=", ">", ">="):
        return
    pairs = list(pairwise(parts))
    for left, right in pairs if head in ("<", "<=") else [(right, left) for left, right in pairs]:
        for one, other, is_low in ((left, right, False), (right, left, True)):
            try:
                edge = float(_value(other, {}))
            except Exception:  # a bound that depends on other inputs
                continue
            if isinstance(one, str):
                yield one, (edge, LARGEST) if is_low else (-LARGEST, edge)
            elif isinstance(one, list) and one[0] == "fabs" and isinstance(one[1], str) and not is_low:
                yield one[1], (-edge, edge)


def _order(value: float) -> int:
    (bits,) = struct.unpack("<q", struct.pack("<d", value))
    return bits if bits >= 0 else -(bits & 0x7FFFFFFFFFFFFFFF)


def _double(order: int) -> float:
    return struct.unpack("<d", struct.pack("<q", order))[0] if order >= 0 else -_double(-order)


def points(
    problem: Problem, count: int, random: random.Random, tries: int = 40
) -> Iterator[tuple[dict[str, float], Any]]:
    """Points and true values: uniform over the doubles of the ranges, as Herbie draws them; those alone that meet the
    condition and have a value."""
    parts = ranges(problem)
    made = 0
    for _ in range(count * tries):
        at = {name: _double(random.randint(_order(low), _order(high))) for name, (low, high) in parts.items()}
        if not holds(problem.condition, at):
            continue
        true = true_value(problem, at)
        if true is None or abs(true) > LARGEST or (true and abs(true) < 5e-324):
            continue
        yield at, true
        made += 1
        if made >= count:
            return


def mean(values: Sequence[float]) -> float:
    """The mean; nan of none."""
    return sum(values) / len(values) if values else float("nan")
