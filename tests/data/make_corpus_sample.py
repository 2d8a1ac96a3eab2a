"""Write corpus_sample.jsonl: formulas with references of 50 digits that mpmath computes from Python's reading of them.

Run `python tests/data/make_corpus_sample.py` after a change of FORMULAS. Nothing of cg takes part: `^` becomes `**`,
Python evaluates the text with mpmath's functions, and derivatives are differences of values with 400 digits.
"""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import mpmath
from mpmath import mpf

TARGET = Path(__file__).with_name("corpus_sample.jsonl")

FORMULAS: dict[str, tuple[str, tuple[dict[str, str], ...]]] = {
    "arithmetic": ("(x + y)*z", ({"x": "1", "y": "2", "z": "3"}, {"x": "-0.5", "y": "1e10", "z": "1e-10"})),
    "precedence": ("-x^2 + 2*x - -x", ({"x": "3"}, {"x": "-0.25"})),
    "tower": ("2^x^2/x", ({"x": "1.5"}, {"x": "0.75"})),
    "quotient": ("x/y/z - x/(y/z)", ({"x": "7", "y": "2", "z": "5"},)),
    "chain": ("exp(sin(x^2))", ({"x": "0.5"}, {"x": "-1.25"}, {"x": "3"})),
    "polynomial": ("x^5 - 4*x^4 + 3*x^3 - x + 11", ({"x": "2"}, {"x": "-1.5"})),
    "reciprocal power": ("x^-3 + x^(-1/3)", ({"x": "2.5"}, {"x": "0.125"})),
    "general power": ("x^y", ({"x": "2", "y": "3.5"}, {"x": "0.3", "y": "-1.7"})),
    "own power": ("x^x", ({"x": "1.25"}, {"x": "0.1"})),
    "entropy": ("-x*log(x) - (1 - x)*log(1 - x)", ({"x": "0.3"}, {"x": "0.97"})),
    "distance": ("sqrt((a - c)^2 + (b - d)^2)", ({"a": "1", "b": "2", "c": "4", "d": "6"},)),
    "normal density": ("exp(-(x - m)^2/(2*s^2))/(s*sqrt(2*pi))", ({"x": "0.5", "m": "0.25", "s": "1.5"},)),
    "logistic": ("1/(1 + exp(-(w*x + b)))", ({"w": "0.5", "x": "2", "b": "-0.25"}, {"w": "3", "x": "-4", "b": "1"})),
    "softplus": ("log(1 + exp(x))", ({"x": "0.5"}, {"x": "-3"})),
    "hyperbolic": ("tanh(x)*cosh(y) - sinh(x - y)", ({"x": "0.75", "y": "-0.5"},)),
    "inverse hyperbolic": ("asinh(x) + acosh(1 + x^2) + atanh(x/4)", ({"x": "1.5"}, {"x": "0.375"})),
    "trigonometric": ("sin(x)*cos(y) + tan(x*y)", ({"x": "0.5", "y": "1.25"}, {"x": "-2", "y": "0.1"})),
    "inverse trigonometric": ("asin(x) + acos(x/2) - atan(3*x)", ({"x": "0.5"}, {"x": "-0.875"})),
    "two arguments": ("atan2(y, x)*hypot(x, y)", ({"x": "1.5", "y": "-2"}, {"x": "-1", "y": "0.5"})),
    "secants": ("sec(x) - csc(x)*cot(x)", ({"x": "0.75"}, {"x": "2"})),
    "large angle": ("sin(x)", ({"x": "1e6"}, {"x": "1e15"})),
    "logarithms": ("log10(x) + log(x)/log(3)", ({"x": "1000"}, {"x": "0.02"})),
    "logarithm near 1": ("log1p(x)*expm1(x)", ({"x": "1e-9"}, {"x": "0.5"})),
    "roots": ("cbrt(x) + sqrt(x) + x^0.25", ({"x": "8"}, {"x": "0.001"})),
    "nested roots": ("sqrt(1 + sqrt(1 + sqrt(1 + x)))", ({"x": "2"},)),
    "error function": ("erf(x) - erfc(2*x)", ({"x": "0.5"}, {"x": "-1.25"})),
    "gamma function": ("gamma(x)/gamma(x - 0.5)", ({"x": "3.5"}, {"x": "1.75"})),
    "call option": (
        "S*(1 + erf((log(S/K) + s^2/2)/(s*sqrt(2))))/2 - K*(1 + erf((log(S/K) - s^2/2)/(s*sqrt(2))))/2",
        ({"S": "100", "K": "95", "s": "0.2"}, {"S": "50", "K": "80", "s": "0.45"}),
    ),
    "two atoms": ("4*d*((s/r)^12 - (s/r)^6)", ({"d": "0.0104", "s": "3.4", "r": "3.9"},)),
    "black body": ("2/w^5/expm1(1/(w*T))", ({"w": "0.5", "T": "0.75"}, {"w": "2", "T": "4"})),
    "enzyme": ("V*S/(K + S*(1 + S/I))", ({"V": "10", "S": "2.5", "K": "1.5", "I": "40"},)),
    "gas": ("R*T/(V - b) - a/V^2", ({"R": "0.0831446", "T": "300", "V": "0.5", "a": "3.64", "b": "0.04267"},)),
    "relativity": ("m*c^2/sqrt(1 - v^2/c^2)", ({"m": "2", "c": "3", "v": "1.5"}, {"m": "1", "c": "10", "v": "9.5"})),
    "resonance": ("1/sqrt((w^2 - q^2)^2 + (g*w)^2)", ({"w": "1.1", "q": "1", "g": "0.2"},)),
    "damped swing": ("exp(-d*t)*cos(w*t + p)", ({"d": "0.2", "t": "1.5", "w": "3", "p": "0.25"},)),
    "interest": ("P*(1 + r/n)^(n*t)", ({"P": "1000", "r": "0.05", "n": "12", "t": "10"},)),
    "annuity": ("P*r/(1 - (1 + r)^(-n))", ({"P": "200000", "r": "0.0025", "n": "360"},)),
    "lens": ("1/(1/f - 1/d)", ({"f": "0.05", "d": "2"},)),
    "parallel resistors": ("1/(1/a + 1/b + 1/c)", ({"a": "10", "b": "22", "c": "47"},)),
    "quadratic formula": (
        "(-b + sqrt(b^2 - 4*a*c))/(2*a)", ({"a": "1", "b": "-3", "c": "2"}, {"a": "2", "b": "5", "c": "-1"}),
    ),
    "cancellation": ("(1 - cos(x))/x^2", ({"x": "0.5"}, {"x": "1e-4"})),
    "difference of roots": ("sqrt(x + 1) - sqrt(x)", ({"x": "10"}, {"x": "1e8"})),
    "far apart": ("(x + y) - x", ({"x": "1e8", "y": "0.1"},)),
    "large numbers": ("x*y/z", ({"x": "1e150", "y": "1e150", "z": "1e200"},)),
    "small numbers": ("exp(-x)*x", ({"x": "600"}, {"x": "1e-200"})),
    "absolute": ("abs(x - y)*abs(x)", ({"x": "-1.5", "y": "2"}, {"x": "3", "y": "2"})),
    "larger": ("max(x, y^2) + min(x, y)", ({"x": "3", "y": "-1.5"}, {"x": "0.5", "y": "2"})),
    "branch": ("where(x > 0, sqrt(x), x^2)", ({"x": "2.25"}, {"x": "-3"})),
    "nested branch": ("where(x < -1, -1, where(x > 1, 1, x^3))", ({"x": "-2"}, {"x": "0.5"}, {"x": "4"})),
    "both conditions": ("where(0 < x and x < 1, x, 1/x)", ({"x": "0.5"}, {"x": "2"})),
    "constant named e": ("e^x - exp(x/2)", ({"x": "1.5"},)),
    "input named e": ("e*x + E", ({"e": "3", "x": "2", "E": "0.5"},)),
    "input named beta": ("beta*gamma + lambda", ({"beta": "2", "gamma": "0.5", "lambda": "-1"},)),
    "remainder": ("x % y + floor(x/y)", ({"x": "7.5", "y": "2"}, {"x": "-7.5", "y": "2"})),
    "steps": ("floor(x) + ceil(2*x) + round(3*x)", ({"x": "1.3"}, {"x": "-2.7"})),
    "literals": ("1_000*x + .5 - 2.e-3 + 1E2", ({"x": "0.25"},)),
    "many brackets": ("((((x))))*(((2))) + (-(-(x)))", ({"x": "1.5"},)),
    "shared parts": ("(x*y + sin(x*y))*(x*y - cos(x*y))", ({"x": "0.5", "y": "1.5"},)),
    "product of all": ("a*b*c*d*f*g", ({"a": "1.5", "b": "2", "c": "-0.5", "d": "4", "f": "0.25", "g": "3"},)),
    "continued fraction": ("1/(1 + 1/(1 + 1/(1 + x)))", ({"x": "0.618"},)),
}  # fmt: skip

NUMBER = re.compile(r"(?<![A-Za-z_0-9.])(\d[\d_]*\.?\d*|\.\d+)([eE][+-]?\d+)?")

SHARED = (
    "sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh",
    "exp", "expm1", "log", "log10", "log1p", "cbrt", "hypot", "erf", "erfc", "gamma", "floor", "ceil", "pi", "e",
)  # fmt: skip
"""Names that mpmath and math spell alike."""


def vocabulary(module: Any) -> dict[str, Any]:
    """What the names of a formula mean to Python, by `mpmath` or by `math`."""
    known = {name: getattr(module, name) for name in SHARED}
    known.update(
        abs=abs, max=max, min=min, where=lambda condition, x, y: x if condition else y,
        round=mpmath.nint if module is mpmath else round,
        sec=lambda x: 1 / module.cos(x), csc=lambda x: 1 / module.sin(x), cot=lambda x: 1 / module.tan(x),
        number=mpf if module is mpmath else float,
        sqrt=lambda x: module.sqrt(x) if x >= 0 else math.nan,
    )  # fmt: skip
    return known


def value(text: str, module: Any, given: dict[str, Any]) -> Any:
    """The value of a formula by Python: its literals are exact decimals for mpmath, and doubles for `math`."""
    python = NUMBER.sub(r'number("\g<0>")', text).replace("^", "**")
    names = {name.replace("lambda", "lambda_"): number for name, number in given.items()}
    return eval(python.replace("lambda", "lambda_"), {**vocabulary(module), **names})


def slope(text: str, at: dict[str, Any], variable: str) -> Any:
    """The derivative by one variable as a central difference: the step is far below, and the digits far beyond, 50."""
    step = abs(at[variable]) * mpf("1e-80")
    above, below = (value(text, mpmath, {**at, variable: at[variable] + sign * step}) for sign in (1, -1))
    return (above - below) / (2 * step)


def record(name: str, text: str, places: tuple[dict[str, str], ...]) -> dict[str, Any]:
    """One line of the file."""
    variables = list(places[0])
    points = []
    for place in places:
        doubles = {variable: float(number) for variable, number in place.items()}
        at = {variable: mpf(double) for variable, double in doubles.items()}
        result = value(text, mpmath, at)
        plain = float(value(text, math, doubles))
        point = {
            "at": place,
            "value": mpmath.nstr(result, 50),
            "f64": repr(plain),
            "grad": {variable: mpmath.nstr(slope(text, at, variable), 50) for variable in variables},
        }
        if abs(plain - result) > mpf("1e-14") * abs(result):
            point["grad64"] = None  # doubles lose digits here
        points.append(point)
    return {"id": f"own/{name}", "formula": text, "variables": variables, "points": points}


if __name__ == "__main__":
    mpmath.mp.dps = 400
    lines = [json.dumps(record(name, *entry)) for name, entry in FORMULAS.items()]
    TARGET.write_text("\n".join(lines) + "\n", encoding="utf-8")
