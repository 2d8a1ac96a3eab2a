"""A cure that is proposed works when it is followed literally, and means the same."""

from __future__ import annotations

import math
import re
import warnings

import numpy as np
import pytest

import cgcli as cg
from cgcli.explain.cures import CURES

CASES = [
    ("sqrt(x^2)", {"x": 0.0}, {"x": -1.5}),
    ("sqrt(x*x)", {"x": 0.0}, {"x": -1.5}),
    ("y + sqrt((x-1)^2)", {"x": 1.0, "y": 2.0}, {"x": 3.0, "y": 1.0}),
    ("sqrt(x^2 + y^2)", {"x": 0.0, "y": 0.0}, {"x": 3.0, "y": -4.0}),
    ("sqrt(x*x + y*y)", {"x": 0.0, "y": 0.0}, {"x": 3.0, "y": -4.0}),
    ("sqrt(sum(w^2))", {"w": [0.0, 0.0]}, {"w": [3.0, -4.0]}),
    ("sqrt(sum(w*w))", {"w": [0.0, 0.0]}, {"w": [3.0, -4.0]}),
    ("sqrt(w @ w)", {"w": [0.0, 0.0]}, {"w": [3.0, -4.0]}),
    ("log(1 + exp(x))", {"x": 1000.0}, {"x": 0.7}),
    ("log(exp(2*x - 1) + 1)", {"x": 1000.0}, {"x": 0.7}),
    ("log1p(exp(x))", {"x": 1000.0}, {"x": 0.7}),
    ("log(sum(exp(w)))", {"w": [1000.0, 1.0]}, {"w": [0.5, 1.0]}),
    ("(exp(w) / sum(exp(w)))[0]", {"w": [1000.0, 1.0]}, {"w": [0.5, 1.0]}),
    ("exp(x)/sum(exp(w))", {"x": 1000.0, "w": [1000.0, 1.0]}, {"x": 0.5, "w": [0.5, 1.0]}),
    ("log(1 - tanh(x)^2)", {"x": 30.0}, {"x": 0.7}),
    ("x^2/y^2", {"x": 1e200, "y": 1e200}, {"x": 0.7, "y": 0.2}),
    ("cosh(x)/sinh(x)", {"x": 800.0}, {"x": 0.7}),
    ("(-y + sqrt(y^2 - 4*x*z))/(2*x)", {"x": 0.0, "y": 2.0, "z": 1.0}, {"x": 0.5, "y": 2.0, "z": 1.0}),
    ("(-y - sqrt(y^2 - 4*x*z))/(2*x)", {"x": 0.0, "y": -2.0, "z": 1.0}, {"x": 0.5, "y": -2.0, "z": 1.0}),
    ("exp(x)/(exp(x) + exp(y) + exp(z))", {"x": 800.0, "y": 1.0, "z": 2.0}, {"x": 0.7, "y": 0.2, "z": 0.1}),
    ("prod(p)/prod(q)", {"p": [1e200, 1e200], "q": [1e200, 1e200]}, {"p": [0.5, 1.0], "q": [2.0, 3.0]}),
    ("gamma(x)*gamma(y)/gamma(x + y)", {"x": 100.0, "y": 100.0}, {"x": 1.5, "y": 2.5}),
    ("gamma(x)*gamma(y)/gamma(z)", {"x": 100.0, "y": 100.0, "z": 201.0}, {"x": 1.5, "y": 2.5, "z": 4.5}),
    ("log(softmax(w))[0]", {"w": [0.0, 1000.0]}, {"w": [0.5, 1.0]}),
    ("log(sigmoid(x))", {"x": -1000.0}, {"x": 0.7}),
    ("log(1/(1 + exp(-x)))", {"x": -1000.0}, {"x": 0.7}),
    ("1/(1 + exp(x))", {"x": 1000.0}, {"x": 0.7}),
    ("exp(x)/(1 + exp(x))", {"x": 1000.0}, {"x": 0.7}),
    ("log(exp(x) + exp(y))", {"x": 1000.0, "y": 1.0}, {"x": 0.7, "y": 0.2}),
    ("log(cosh(x))", {"x": 1000.0}, {"x": 0.7}),
    ("log(exp(x)) * y", {"x": 1000.0, "y": 2.0}, {"x": 0.7, "y": 2.0}),
    ("log(factorial(x))", {"x": 200.0}, {"x": 4.5}),
    ("log(gamma(x))", {"x": 200.0}, {"x": 4.5}),
    ("-x*log(x)", {"x": 0.0}, {"x": 0.7}),
    ("-(x*log(x))", {"x": 0.0}, {"x": 0.7}),
    ("x*log(y)", {"x": 0.0, "y": 0.0}, {"x": 0.7, "y": 0.2}),
    ("sin(x)/x", {"x": 0.0}, {"x": 0.7}),
    ("exp(x)/(exp(x) + exp(y))", {"x": 1000.0, "y": 999.0}, {"x": 0.7, "y": 0.2}),
    ("log(1 - sigmoid(x))", {"x": 50.0}, {"x": 0.7}),
    ("log(1 - exp(x))", {"x": -1e-20}, {"x": -0.7}),
    ("log(exp(x) + exp(y) + exp(z))", {"x": 1000.0, "y": 999.0, "z": 1.0}, {"x": 0.7, "y": 0.2, "z": 0.1}),
    ("log(1 + exp(x) + exp(y))", {"x": 1000.0, "y": 2.0}, {"x": 0.7, "y": 0.2}),
    ("log(z + exp(x) + exp(y))", {"x": 1000.0, "y": 2.0, "z": 3.0}, {"x": 0.7, "y": 0.2, "z": 0.1}),
    ("log(z + exp(x))", {"x": 1000.0, "z": 3.0}, {"x": 0.7, "z": 0.1}),
    ("log(exp(x)*y)", {"x": 1000.0, "y": 3.0}, {"x": 0.7, "y": 0.1}),
    ("log(exp(x)/y)", {"x": 1000.0, "y": 3.0}, {"x": 0.7, "y": 0.1}),
    ("log(erfc(x))", {"x": 30.0}, {"x": 0.7}),
    ("log(prod(w))", {"w": [1e200, 1e200]}, {"w": [0.5, 1.0]}),
    ("log(x^2)", {"x": -1e200}, {"x": -0.7}),
    ("log(x*y)", {"x": 1e200, "y": 1e200}, {"x": 0.7, "y": 0.1}),
    ("log(x/y)", {"x": 1e200, "y": 1e-200}, {"x": 0.7, "y": 0.1}),
    ("sqrt(x^2 + y^2 + z^2)", {"x": 0.0, "y": 0.0, "z": 0.0}, {"x": 3.0, "y": -4.0, "z": 1.0}),
    ("x^(1/3)", {"x": -8.0}, {"x": 0.7}),
    ("x^2*y", {"x": 1e200, "y": 1e-200}, {"x": 0.7, "y": 0.1}),
    ("x*y*z", {"x": 1e200, "y": 1e200, "z": 1e-200}, {"x": 0.7, "y": 0.1, "z": 2.0}),
    ("x*y/z", {"x": 1e200, "y": 1e200, "z": 1e200}, {"x": 0.7, "y": 0.1, "z": 2.0}),
    ("gamma(x)/(gamma(y)*gamma(z))", {"x": 200.0, "y": 100.0, "z": 100.0}, {"x": 4.5, "y": 2.5, "z": 1.5}),
    ("factorial(x)/(factorial(y)*factorial(z))", {"x": 200.0, "y": 99.0, "z": 101.0}, {"x": 4.5, "y": 2.5, "z": 1.5}),
    ("factorial(x)/factorial(y)", {"x": 200.0, "y": 198.0}, {"x": 4.5, "y": 2.5}),
    ("y^x/factorial(x)", {"x": 180.0, "y": 200.0}, {"x": 2.5, "y": 4.5}),
]
"""Formula, a point where it goes wrong, and an ordinary one."""


def asked(formula, point, derivatives):
    """Value, and derivatives where they are finite there by their nature."""
    found = [formula.eval(point)]
    if derivatives:
        found.extend(formula.grad(point).values())
    return np.concatenate([np.ravel(value) for value in found])


@pytest.mark.parametrize(("text", "bad", "good"), CASES, ids=[text for text, _, _ in CASES])
def test_followed_literally(text, bad, good):
    formula = cg.parse(text)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        wrong_value = not math.isfinite(formula.eval(bad))
        formula.grad(bad)
    hints = [each.message.hint for each in told if each.message.hint]
    assert hints, [str(each.message) for each in told]
    better, spelling = re.fullmatch(r"write `(.*)` for `(.*)`", hints[0]).groups()
    written = told[0].message.source.text
    found = re.search(r"\s*".join(map(re.escape, spelling.replace(" ", ""))), written)
    assert found, f"`{spelling}` cannot be found in `{written}`"
    cured = cg.parse(f"{written[: found.start()]}({better}){written[found.end() :]}")
    with warnings.catch_warnings():
        warnings.simplefilter("error", cg.NotFiniteWarning)
        assert np.isfinite(asked(cured, bad, derivatives=not wrong_value)).all()
    assert cured.eval(good) == pytest.approx(formula.eval(good), rel=1e-9)
    for name, slope in formula.grad(good).items():
        assert cured.grad(good)[name] == pytest.approx(slope, rel=1e-9)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("f(a) = sqrt(a^2); f(x) + f(2*x)", "write `abs(…)` for `sqrt(…^2)`"),
        ("y = x^2; sqrt(y)", None),
        ("f(a) = sqrt(a); f(x^2)", None),
        ("y = 2*x; sqrt(y^2)", "write `abs(y)` for `sqrt(y^2)`"),
        ("sqrt((x + sin(x) + cos(x) - 1 + exp(x) - 1)^2)", "write `abs(…)` for `sqrt(…^2)`"),
    ],
)
def test_what_is_proposed_stands_in_the_text(text, hint):
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        cg.parse(text).grad(x=0.0)
    assert [each.message.hint for each in told] == [hint]


@pytest.mark.parametrize("cure", CURES, ids=[spelling for spelling, _ in CURES])
def test_every_cure_has_a_case(cure, monkeypatch):
    monkeypatch.setattr("cgcli.explain.cures.CURES", (cure,))

    def proposed(text, point):
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            cg.parse(text).grad(point)
        return any(each.message.hint for each in told)

    assert any(proposed(text, bad) for text, bad, _ in CASES)


@pytest.mark.parametrize(
    ("text", "point"),
    [("sqrt(x)", {"x": 0.0}), ("log(x)", {"x": -1.0}), ("1/x", {"x": 0.0}), ("x*log(x - 1)", {"x": 0.5})],
)
def test_where_nothing_is_known_to_work_nothing_is_proposed(text, point):
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        cg.parse(text).grad(point)
    assert told
    assert not any(each.message.hint for each in told)
