"""Values with errors as text: `1.5±0.1`, `1.50(10)`, `R(1.1, 1.3)`, `215±5.8(dof 24)`; and results as text."""

from __future__ import annotations

from math import floor, inf, isfinite, log10
from typing import TYPE_CHECKING

from cgcli.errors import UsageError
from cgcli.formulas.values import read_value
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
from cgcli.uncertainty.signs import (
    CALL,
    CONCISE,
    ELSEWHERE,
    EXAMPLE,
    NOTE,
    NOTES,
    PLAIN,
    SCALED,
    SHORT,
    SIGNS,
    USAGE,
    closes_at_end,
    is_distribution,
    is_uncertain,
    items_of,
    split,
)

if TYPE_CHECKING:
    from typing import Any


def read_quantity(name: str, text: str) -> Quantity:
    """The quantity that a text means.

    UsageError, FormulaError or DataError for a text that says none.
    """
    text = text.strip()
    bare, notes = noted(name, text)
    if not closes_at_end(bare):  # they belong to the last sign, not to a list with all of its items
        bare, notes = text, {}
    shape, items = items_of(bare)
    if not shape or not is_uncertain(bare):
        return _single(name, text)
    return with_notes(Quantity.together(name, shape, [_item(name, item) for item in items]), name, notes)


def noted(name: str, text: str) -> tuple[str, dict[str, float]]:
    """A text without the notes behind it, and what they say: degrees of freedom, a coverage factor. UsageError."""
    found = NOTES.search(text)
    if found is None:
        return text, {}
    notes: dict[str, float] = {}
    for note in NOTE.finditer(found[0]):
        if note[1] in notes:
            raise UsageError(f"the value of `{name}` has ({note[1]} …) twice", hint=EXAMPLE)
        value = read_value(name, note[2])
        notes[note[1]] = inf if note[1] == "dof" and value == inf else number(name, note[0], value)
    return text[: found.start()].rstrip(), notes


def with_notes(found: Quantity, name: str, notes: dict[str, float]) -> Quantity:
    """A quantity with degrees of freedom, and its error divided by a coverage factor. UsageError."""
    factor = notes.get("k", 1.0)
    if factor != 1 and found.distributions:
        raise UsageError(f"the distribution of `{name}` has an error of its own", hint=f"write {name}=VALUE±ERROR(k 2)")
    if not factor > 0:
        raise UsageError(f"the coverage factor of `{name}` is not positive")
    return Quantity(name, found.value, found.error / factor, notes.get("dof", found.dof), found.distributions)


def _item(name: str, text: str) -> Quantity:
    """One item of a list, which may be without an error."""
    return _single(name, text) if is_uncertain(text) else Quantity(name, read_value(name, text), 0.0)


def _single(name: str, text: str) -> Quantity:
    """The quantity of a text that is no list of them."""
    text, notes = noted(name, text.strip())
    return with_notes(_bare(name, text, bool(notes)), name, notes)


def _bare(name: str, text: str, noted: bool) -> Quantity:
    """The quantity of a text without notes."""
    concise = CONCISE.match(text)
    if concise:
        return Quantity(name, *_concise(*concise.groups()))
    call = CALL.match(text)
    if call and is_distribution(call[1], call[2]) and closes_at_end(text[len(call[1]) :]):
        return _distributed(name, kind_of(call[1]), call[2])
    scaled = SCALED.match(text)
    if scaled and closes_at_end(f"({scaled['inside']})") and SIGNS.search(scaled["inside"]):
        return _scaled(name, scaled["inside"].strip(), scaled["exponent"] or "0")
    parts = SIGNS.split(text)
    head = CALL.match(parts[0].strip())
    if head and is_distribution(head[1], head[2]):
        raise UsageError(
            f"the distribution of `{name}` has an error of its own", hint=f"write {name}={parts[0].strip()}"
        )
    if len(parts) == 1:
        what = "degrees of freedom or a coverage factor, but no error" if noted else "no error"
        raise UsageError(f"the value of `{name}` has {what}", hint=EXAMPLE)
    if len(parts) > 2 or not all(part.strip() for part in parts):
        raise UsageError(f"`{text}` is not of the form VALUE±ERROR", hint=EXAMPLE)
    if parts[0].count("(") != parts[0].count(")"):
        raise UsageError(
            f"`{text}` is not of the form VALUE±ERROR", hint="what is done with a value is for the formula"
        )
    value = read_value(name, parts[0].strip())
    return Quantity(name, value, _error(name, value, parts[1].strip()))


def _scaled(name: str, text: str, exponent: str) -> Quantity:
    """The quantity of `(VALUE±ERROR)eEXPONENT`; plain digits take the exponent as they are, so nothing is rounded."""
    parts = [part.strip() for part in SIGNS.split(text)]
    if len(parts) != 2 or not all(parts):
        raise UsageError(f"`{text}` is not of the form VALUE±ERROR", hint=EXAMPLE)
    if all(PLAIN.match(part) for part in parts):
        value, error = (float(f"{part}e{exponent}") for part in parts)
        return Quantity(name, value, error)
    value = read_value(name, parts[0])
    scale = 10.0 ** int(exponent)
    return Quantity(name, value * scale, _error(name, value, parts[1]) * scale)


def kind_of(name: str) -> str:
    """A distribution by one of its names. UsageError for what has none here."""
    kind = SHORT.get(name, name)
    if kind in USAGE:
        return kind
    near = kind.lower()
    near = SHORT.get(near, near if near in USAGE else ELSEWHERE.get(near, ""))
    hint = f"write {USAGE[near]}" if near else f"there are {', '.join(USAGE)}"
    raise UsageError(f"there is no distribution `{name}`", hint=hint)


def _error(name: str, value: Any, text: str) -> Any:
    """The error of a value; `2%` is a part of it."""
    if text.endswith("%"):
        return abs(value) * read_value(name, text[:-1]) / 100
    return read_value(name, text)


def _concise(sign: str, digits: str, error: str, exponent: str | None) -> tuple[float, float]:
    """Value and error of `1.50(10)`: the digits in brackets are those of the error in the last places of the value."""
    exponent = exponent or ""
    value = float(f"{sign}{digits}{exponent}")
    if "." in error:
        return value, float(f"{error}{exponent}")
    decimals = len(digits.partition(".")[2])
    return value, float(f"{error}e{int(exponent[1:] or 0) - decimals}")


def _distributed(name: str, kind: str, text: str) -> Quantity:
    """The quantity of `KIND(…)`. UsageError for numbers that do not fit."""
    numbers: list[float] = []
    named: dict[str, float] = {}
    for argument in split(text):
        key, equals, rest = argument.partition("=")
        if SIGNS.search(argument):
            parts = SIGNS.split(argument)
            if len(parts) != 2 or kind not in ("rectangular", "triangular", "arcsine"):
                raise _misuse(name, kind)
            middle = number(name, kind, read_value(name, parts[0]))
            half = number(name, kind, _error(name, middle, parts[1].strip()))
            numbers += [middle - half, middle + half]
        elif equals:
            named[key.strip()] = number(name, kind, read_value(name, rest))
        else:
            numbers.append(number(name, kind, read_value(name, argument)))
    distribution = made(name, kind, numbers, named)
    return Quantity.of(name, distribution)


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
        case (("rectangular" | "arcsine"), (2,)) if numbers[0] < numbers[1]:
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


DIGITS = 3
"""Significant digits of an error. GUM 7.2.6: two at most in a report, and more where one goes on computing."""


MOST_DIGITS = 15
"""Digits of a value behind its first one: beyond, a double has none."""


def result_text(value: Any, error: Any) -> str:
    """`9.811 ± 0.110`: the error with three significant digits, the value to the same place; arrays item by item."""
    if getattr(value, "shape", ()):
        return "[" + ", ".join(result_text(one, other) for one, other in zip(value, error, strict=True)) + "]"
    value, error = float(value), float(error)
    if not (isfinite(value) and isfinite(error)) or not error:
        return f"{repr(value).removesuffix('.0')} ± {repr(error).removesuffix('.0')}"
    place = DIGITS - 1 - int(f"{error:.{DIGITS - 1}e}".partition("e")[2])
    largest = floor(log10(max(abs(value), error)))
    if largest + place > MOST_DIGITS:
        return f"{repr(value).removesuffix('.0')} ± {error:.{DIGITS - 1}e}"
    if largest > -5 and place < 16 and largest < 16:
        return f"{rounded(value, place)} ± {rounded(error, place)}"
    scale = f"e{largest}"
    return f"({rounded(value, place, largest)} ± {rounded(error, place, largest)}){scale}"


def rounded(number: float, place: int, shift: int = 0) -> str:
    """A number rounded to so many decimals, as a multiple of 10^shift. Decimal arithmetic: no second rounding."""
    from decimal import ROUND_HALF_EVEN, Context, Decimal

    wide = Context(prec=800)
    shown = Decimal(number).quantize(Decimal(1).scaleb(-place), ROUND_HALF_EVEN, wide).scaleb(-shift, wide)
    return f"{shown:f}" if shown else f"{abs(shown):f}"


def interval_text(limits: tuple[float, float], error: float) -> str:
    """`[9.596, 10.026]`: two limits, rounded to the place of an error's last digit."""
    low, high = limits
    if not (isfinite(low) and isfinite(high) and isfinite(error)) or not error:
        return f"[{low:.6g}, {high:.6g}]"
    place = DIGITS - 1 - int(f"{error:.{DIGITS - 1}e}".partition("e")[2])
    largest = floor(log10(max(abs(low), abs(high), error)))
    if -5 < largest < 16 and place < 16:
        return f"[{rounded(low, place)}, {rounded(high, place)}]"
    return f"[{rounded(low, place, largest)}, {rounded(high, place, largest)}]e{largest}"
