"""How a value with an error looks: what tells `1.5±0.1`, `1.50(10)` and `R(1.1, 1.3)` from constant formulas."""

from __future__ import annotations

import re

from cgcli.errors import UsageError

SIGNS = re.compile(r"±|(?<=[\w.)\]\s])\+/-|(?<=[\w.)\]\s])\+-")
"""Plus-minus; `2^+-1` holds none, since something has to stand before it."""

CONCISE = re.compile(r"([+-]?)(\d+(?:\.\d*)?|\.\d+)\((\d+(?:\.\d*)?|\.\d+)\)([eE][+-]?\d+)?\Z")
"""`1.50(10)`, `12.3(4)e-5`; with a point among the digits in brackets they are the error itself: `1.50(0.10)`."""

SCALED = re.compile(r"\((?P<inside>.+)\)(?:\s*(?:[eE]|\*\s*10\s*(?:\^|\*\*)\s*)(?P<exponent>[+-]?\d+))?\Z", re.DOTALL)
"""`(1.524 ± 0.025)e-10`, as results are printed, `(1.524±0.025)*10^-10`, `(1.5±0.1)`."""

PLAIN = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)\Z")
"""A number without an exponent."""

NOTES = re.compile(r"(?:\s*\(\s*(?:dof|k)\s*=?\s*[^()\s=]+\s*\))+\Z")
"""`(dof 24)`, `(k 2)`, `(k 2)(dof 50)` behind a value."""

NOTE = re.compile(r"\(\s*(dof|k)\s*=?\s*([^()\s=]+)\s*\)")
CALL = re.compile(r"([A-Za-z_]\w*)\((.*)\)\Z", re.DOTALL)
EXAMPLE = "for example L=1.00±0.01, L=1.00(1), L=R(0.98, 1.02)"

SHORT = {
    "N": "normal", "R": "rectangular", "uniform": "rectangular", "T": "triangular", "U": "arcsine", "t": "student",
    "gaussian": "normal", "trapezoid": "trapezoidal", "curved_trapezoid": "curved_trapezoidal",
    "log_normal": "lognormal",
}  # fmt: skip
"""Other names of distributions."""

LONG = frozenset(name for name in SHORT if len(name) > 1)

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

ELSEWHERE = {
    "gauss": "normal", "unif": "rectangular", "rect": "rectangular", "tri": "triangular", "triang": "triangular",
    "triangle": "triangular", "trap": "trapezoidal", "ctrap": "curved_trapezoidal", "ushaped": "arcsine",
    "lognorm": "lognormal", "students_t": "student", "student_t": "student", "expon": "exponential",
    "poisson": "gamma", "cauchy": "", "weibull": "", "chi2": "", "chisquare": "", "laplace": "", "logistic": "",
    "binomial": "", "pareto": "",
}  # fmt: skip
"""Names that distributions have elsewhere and that no function of ours has, and ours where there is one."""


def is_uncertain(text: str) -> bool:
    """Whether a value has an error, or an item of a list, as far as its beginning and its signs say."""
    return any(map(_is_uncertain, items_of(text)[1]))


def _is_uncertain(text: str) -> bool:
    bare = NOTES.sub("", text).rstrip()
    call = CALL.match(bare)
    return bool(
        (call and is_distribution(call[1], call[2]))
        or SIGNS.search(text)
        or CONCISE.match(bare)
        or bare != text.rstrip()
    )


def is_distribution(name: str, arguments: str) -> bool:
    """Whether a call is that of a distribution, or means to be one. `gamma(3)` is the function."""
    if name == "gamma":
        return len(split(arguments)) > 1
    return name in SHORT or any(name.lower() in known for known in (USAGE, LONG, ELSEWHERE))


def items_of(text: str) -> tuple[tuple[int, ...], list[str]]:
    """The shape of a (nested) list and its items; of other texts () and the text. UsageError for ragged lists."""
    shape: tuple[int, ...] = ()
    items = [text.strip()]
    while all(item.startswith("[") and closes_at_end(item) for item in items):
        parts = [split(item[1:-1]) for item in items]
        if len({len(part) for part in parts}) > 1:
            raise UsageError(f"`{text}` is not a rectangular list", hint="for example [1.0±0.1, 2.0±0.1]")
        shape += (len(parts[0]),)
        items = [item for part in parts for item in part]
    return shape, items


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
