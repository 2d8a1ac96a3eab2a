"""When an answer to a record of the corpus is right.

References hold 50 digits. `f64` and `grad64` are what plain double arithmetic gives: where that loses digits, an
answer may lose as many; where it fails (null), doubles are asked for nothing and many digits still are.
"""

from __future__ import annotations

from typing import Any

import mpmath
from mpmath import mpf

import cgcli

VALUE, GRADIENT = mpf("1e-12"), mpf("1e-9")
"""How close a double has to come, relatively, at a point that is well conditioned."""

DIGITS, MANY = 200, mpf("1e-45")
"""Digits to compute with, so that cancellation leaves enough of them, and how close the answer has to come."""

HEADROOM = 100
"""An ill conditioned answer may be off by this many times what plain doubles are off."""

CONSTANTS = {"pi", "e", "tau", "inf", "nan"}
"""Names that a formula need not list among its inputs, and that a value nevertheless replaces."""

Failure = tuple[str, str, object, object]


def close(answer: Any, reference: str, double: str, bound: mpf, scale: Any = 0) -> bool:
    """Whether an answer is near the reference, or about as near as plain doubles come.

    scale: what a reference of exactly 0 is the difference of, or 0: then only 0 itself is near.
    """
    with mpmath.workdps(DIGITS):
        exact = mpf(reference)
        allowed = max(bound * abs(exact or mpf(scale)), HEADROOM * abs(mpf(double) - exact))
        return bool(abs(mpf(answer) - exact) <= allowed)


def close_to_text(answer: Any, expected: str, tolerance: str) -> bool:
    """Whether an answer lies within an absolute tolerance."""
    with mpmath.workdps(DIGITS):
        return bool(abs(mpf(answer) - mpf(expected)) <= mpf(tolerance))


def failures(record: dict[str, Any], text: str) -> list[Failure]:
    """What is wrong with cg's values and gradients at the points of a record: (id, what, answer, reference)."""
    found: list[Failure] = []
    formula = cgcli.parse(text)
    for point in record["points"]:
        at = place(formula, point)
        if point.get("f64") is not None:
            answer = formula.eval(at)
            if not close(answer, point["value"], point["f64"], VALUE):
                found.append((record["id"], "value", answer, point["value"]))
        wanted = {name: pair for name, pair in slopes(record, point).items() if pair[1] is not None and name in at}
        found_slopes = formula.grad(at, wrt=list(wanted)) if wanted else {}
        for name, (reference, double) in wanted.items():
            if not close(found_slopes[name], reference, double, GRADIENT, point["value"]):
                found.append((record["id"], f"d/d{name}", found_slopes[name], reference))
    return found


def failures_of_many_digits(record: dict[str, Any], text: str) -> list[Failure]:
    """What is wrong with the value at the first point of a record, computed with many digits."""
    formula = cgcli.parse(text)
    for point in record["points"][:1]:
        answer = formula.eval(place(formula, point), digits=DIGITS)
        if not close(answer, point["value"], point["value"], MANY, mpf("1e-100")):
            return [(record["id"], f"{DIGITS} digits", answer, point["value"])]
    return []


def gradient_failures_of_many_digits(record: dict[str, Any], text: str) -> list[Failure]:
    """What is wrong with the gradients of a record, computed with many digits."""
    found: list[Failure] = []
    formula = cgcli.parse(text)
    for point in record["points"]:
        answers = formula.grad(place(formula, point), digits=DIGITS)
        for name, reference in point["grad"].items():
            if not close(answers[name], reference, reference, MANY, mpf("1e-100")):
                found.append((record["id"], f"d/d{name} with {DIGITS} digits", answers[name], reference))
    return found


def place(formula: cgcli.Formula, point: dict[str, Any]) -> dict[str, float]:
    """The values at a point; some records also give variables that the formula does not use."""
    known = {*formula.inputs, *CONSTANTS}
    return {name: float(number) for name, number in point["at"].items() if name in known}


def slopes(record: dict[str, Any], point: dict[str, Any]) -> dict[str, tuple[str, str | None]]:
    """Name -> reference and plain double of the derivative by it; without a double the reference stands for it."""
    doubles = point.get("grad64")
    found = {
        name: (reference, doubles.get(name) if doubles is not None else None if "grad64" in point else reference)
        for name, reference in (point.get("grad") or {}).items()
    }
    if "df" in point:
        found[record["variable"]] = (point["df"], point.get("df64", point["df"]))
    return {name: pair for name, pair in found.items() if pair[0] is not None}
