"""Names of numbers. A name that the user binds or defines wins over these."""

from __future__ import annotations

import math


class NamedNumber:
    """A mathematical constant: its double, how mpmath calls it (or a formula of its), LaTeX, and what it is."""

    __slots__ = ("about", "latex", "precise", "value")

    def __init__(self, value: float, precise: str, latex: str, about: str) -> None:
        self.value = value
        self.precise = precise
        self.latex = latex
        self.about = about


CONSTANTS = {
    "pi": NamedNumber(math.pi, "pi", r"\pi", "circumference of a circle over its diameter"),
    "e": NamedNumber(math.e, "e", "e", "base of the natural logarithm"),
    "tau": NamedNumber(math.tau, "2*pi", r"\tau", "one turn in radians, 2*pi"),
    "inf": NamedNumber(math.inf, "inf", r"\infty", "infinity"),
    "nan": NamedNumber(math.nan, "nan", r"\mathrm{nan}", "not a number"),
    "true": NamedNumber(1.0, "mpf(1)", r"\mathrm{true}", "1"),
    "false": NamedNumber(0.0, "mpf(0)", r"\mathrm{false}", "0"),
}
ALIASES = {"π": "pi", "PI": "pi", "Pi": "pi", "τ": "tau"}
"""Other spellings. Letters that formulas use for quantities (E, phi, gamma) stay free."""
