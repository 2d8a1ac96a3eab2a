"""Values with errors as text: `1.5±0.1`, `1.50(10)`, `R(1.1, 1.3)`, `215±5.8(dof 24)`; and results as text."""

from __future__ import annotations

import re
from math import floor, inf, isfinite, log10
from typing import TYPE_CHECKING

from cgcli.errors import UsageError, did_you_mean
from cgcli.uncertainty.distributions import (
    Arcsine,
    CurvedTrapezoidal,
    Distribution,
    Exponential,
    Gamma,
    LogNormal,
    Normal,
    Rectangular,
    Student,
    Trapezoidal,
    Triangular,
)
from cgcli.uncertainty.quantities import Quantity

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Read = Callable[[str, str], Any]
    """From a name and the text of a constant formula to its value."""

SIGNS = re.compile(r"±|(?<=[\w.)\]\s])\+/-|(?<=[\w.)\]\s])\+-")
"""Plus-minus; `2^+-1` holds none, since something has to stand before it."""

CONCISE = re.compile(r"([+-]?)(\d+(?:\.\d*)?|\.\d+)\((\d+(?:\.\d*)?|\.\d+)\)([eE][+-]?\d+)?\Z")
"""`1.50(10)`, `12.3(4)e-5`; with a point among the digits in brackets they are the error itself: `1.50(0.10)`."""

DOF = re.compile(r"\(\s*dof\s*=?\s*([^()\s]+)\s*\)\Z")
CALL = re.compile(r"([A-Za-z_]+)\((.*)\)\Z", re.DOTALL)
EXAMPLE = "for example L=1.00±0.01, L=1.00(1), L=R(0.98, 1.02)"

SHORT = {
    "N": "normal", "R": "rectangular", "uniform": "rectangular", "T": "triangular", "U": "arcsine", "t": "student",
}  # fmt: skip
"""Other names of distributions."""

USAGE = {
    "normal": "normal(value, sd)",
    "rectangular": "R(low, high) or R(middle±half)",
    "triangular": "T(low, high), T(low, mode, high) or T(middle±half)",
    "arcsine": "U(low, high) or U(middle±half)",
    "trapezoidal": "trapezoidal(low, high, ratio of top to base)",
    "curved_trapezoidal": "curved_trapezoidal(low, high, d): limits that are known up to ±d",
    "student": "student(value, scale=…, dof=…) or student(value, sd=…, dof=…)",
    "lognormal": "lognormal(mean=…, sd=…) of the value, or lognormal(mu=…, sigma=…) of its logarithm",
    "exponential": "exponential(mean)",
    "gamma": "gamma(shape, scale)",
}
"""How each distribution is written."""


def is_uncertain(text: str) -> bool:
    """Whether a value has an error, as far as its beginning and its signs say."""
    text = text.strip()
    call = CALL.match(DOF.sub("", text).rstrip())
    known = call is not None and (call[1] in USAGE or call[1] in SHORT)
    return bool(known or SIGNS.search(text) or CONCISE.match(DOF.sub("", text).rstrip()) or DOF.search(text))


def read_quantity(name: str, text: str, read: Read) -> Quantity:
    """The quantity that a text means. read: for the constant formulas in it.

    UsageError, FormulaError or DataError for a text that says none.
    """
    text = text.strip()
    dof, found = inf, DOF.search(text)
    if found:
        dof = number(name, "degrees of freedom", read(name, found[1]))
        text = text[: found.start()].rstrip()
    if text.startswith("[") and text.endswith("]") and is_uncertain(text[1:-1]) and closes_at_end(text):
        return Quantity.together(name, [_item(name, item, dof, read) for item in split(text[1:-1])])
    concise = CONCISE.match(text)
    if concise:
        return Quantity(name, *_concise(*concise.groups()), dof)
    parts = SIGNS.split(text)
    call = CALL.match(text)
    if call and (call[1] in USAGE or call[1] in SHORT) and closes_at_end(text[len(call[1]) :]):
        return _distributed(name, SHORT.get(call[1], call[1]), call[2], dof, read)
    if len(parts) != 2 or not all(part.strip() for part in parts):
        if len(parts) == 1:
            near = did_you_mean(call[1], [*USAGE, *SHORT]) if call else None
            raise UsageError(f"the value of `{name}` has degrees of freedom, but no error", hint=near or EXAMPLE)
        raise UsageError(f"`{text}` is not of the form VALUE±ERROR", hint=EXAMPLE)
    value = read(name, parts[0].strip())
    return Quantity(name, value, _error(name, value, parts[1].strip(), read), dof)


def _item(name: str, text: str, dof: float, read: Read) -> Quantity:
    """One item of a list, which may be without an error."""
    found = read_quantity(name, text, read) if is_uncertain(text) else Quantity(name, read(name, text), 0.0)
    return found if dof == inf else Quantity(name, found.value, found.error, dof, found.distributions)


def _error(name: str, value: Any, text: str, read: Read) -> Any:
    """The error of a value; `2%` is a part of it."""
    if text.endswith("%"):
        return abs(value) * read(name, text[:-1]) / 100
    return read(name, text)


def _concise(sign: str, digits: str, error: str, exponent: str | None) -> tuple[float, float]:
    """Value and error of `1.50(10)`: the digits in brackets are those of the error in the last places of the value."""
    exponent = exponent or ""
    value = float(f"{sign}{digits}{exponent}")
    if "." in error:
        return value, float(f"{error}{exponent}")
    decimals = len(digits.partition(".")[2])
    return value, float(f"{error}e{int(exponent[1:] or 0) - decimals}")


def _distributed(name: str, kind: str, text: str, dof: float, read: Read) -> Quantity:
    """The quantity of `KIND(…)`. UsageError for numbers that do not fit."""
    numbers: list[float] = []
    named: dict[str, float] = {}
    for argument in split(text):
        key, equals, rest = argument.partition("=")
        if SIGNS.search(argument):
            parts = SIGNS.split(argument)
            if len(parts) != 2 or kind not in ("rectangular", "triangular", "arcsine"):
                raise _misuse(name, kind)
            middle = number(name, kind, read(name, parts[0]))
            half = number(name, kind, _error(name, middle, parts[1].strip(), read))
            numbers += [middle - half, middle + half]
        elif equals:
            named[key.strip()] = number(name, kind, read(name, rest))
        else:
            numbers.append(number(name, kind, read(name, argument)))
    distribution = made(name, kind, numbers, named)
    return Quantity.of(name, distribution, dof)


def number(name: str, what: str, value: Any) -> float:
    """A value that has to be a finite number. UsageError."""
    if getattr(value, "shape", ()) or not isfinite(value):
        raise UsageError(f"the value of `{name}` needs a number: {what}")
    return float(value)


def _misuse(name: str, kind: str) -> UsageError:
    return UsageError(f"the value of `{name}` is no {kind} distribution", hint=f"write {USAGE[kind]}")


def made(name: str, kind: str, numbers: list[float], named: dict[str, float]) -> Distribution:
    """A distribution of a kind from its numbers. UsageError where they do not fit."""
    given = (len(numbers), *sorted(named))
    match kind, given:
        case "normal", (2,) if numbers[1] > 0:
            return Normal(*numbers)
        case ("rectangular" | "arcsine"), (2,) if numbers[0] < numbers[1]:
            return Rectangular(*numbers) if kind == "rectangular" else Arcsine(*numbers)
        case "triangular", (2,) if numbers[0] < numbers[1]:
            return Triangular(*numbers)
        case "triangular", (3,) if numbers[0] <= numbers[1] <= numbers[2] and numbers[0] < numbers[2]:
            return Triangular(numbers[0], numbers[2], numbers[1])
        case "trapezoidal", (3,) if numbers[0] < numbers[1] and 0 <= numbers[2] <= 1:
            return Trapezoidal(*numbers)
        case "curved_trapezoidal", (3,) if 0 <= 2 * numbers[2] <= numbers[1] - numbers[0] > 0:
            return CurvedTrapezoidal(*numbers)
        case "student", (1, "dof", "scale") if min(named.values()) > 0:
            return Student(numbers[0], named["scale"], named["dof"])
        case "student", (1, "dof", "sd") if named["sd"] > 0 and named["dof"] > 2:
            return Student(numbers[0], named["sd"] * ((named["dof"] - 2) / named["dof"]) ** 0.5, named["dof"])
        case "lognormal", (0, "mean", "sd") if min(named.values()) > 0:
            return LogNormal.of(named["mean"], named["sd"])
        case "lognormal", (0, "mu", "sigma") if named["sigma"] > 0:
            return LogNormal(named["mu"], named["sigma"])
        case "exponential", (1,) if numbers[0] > 0:
            return Exponential(*numbers)
        case "gamma", (2,) if min(numbers) > 0:
            return Gamma(*numbers)
    raise _misuse(name, kind)


def split(text: str) -> list[str]:
    """A list's items: what commas outside of all brackets separate."""
    items, depth, begin = [], 0, 0
    for place, sign in enumerate(text):
        depth += (sign in "([") - (sign in ")]")
        if sign == "," and not depth:
            items.append(text[begin:place])
            begin = place + 1
    return [item.strip() for item in (*items, text[begin:])]


def closes_at_end(text: str) -> bool:
    """Whether the bracket with which a text begins is the one with which it ends."""
    depth = 0
    for place, sign in enumerate(text):
        depth += (sign in "([") - (sign in ")]")
        if not depth:
            return place == len(text) - 1
    return False


DIGITS = 3
"""Significant digits of an error. GUM 7.2.6 asks for two at most in a report, and for more where one goes on computing."""


def result_text(value: Any, error: Any) -> str:
    """`9.811 ± 0.110`: the error with three significant digits, the value to the same place; of arrays, item by item."""
    if getattr(value, "shape", ()):
        return "[" + ", ".join(result_text(one, other) for one, other in zip(value, error, strict=True)) + "]"
    value, error = float(value), float(error)
    if not (isfinite(value) and isfinite(error)) or not error:
        return f"{repr(value).removesuffix('.0')} ± {repr(error).removesuffix('.0')}"
    place = DIGITS - 1 - int(f"{error:.{DIGITS - 1}e}".partition("e")[2])
    largest = floor(log10(max(abs(value), error)))
    if -5 < largest and place < 16 and largest < 16:
        return f"{rounded(value, place)} ± {rounded(error, place)}"
    scale = f"e{largest}"
    return f"({rounded(value, place, largest)} ± {rounded(error, place, largest)}){scale}"


def rounded(number: float, place: int, shift: int = 0) -> str:
    """A number rounded to so many decimals, as a multiple of 10^shift. Decimal arithmetic: no second rounding."""
    from decimal import ROUND_HALF_EVEN, Context, Decimal

    wide = Context(prec=800)
    shown = Decimal(number).quantize(Decimal(1).scaleb(-place), ROUND_HALF_EVEN, wide).scaleb(-shift, wide)
    return f"{shown:f}" if shown else f"{abs(shown):f}"
