"""Where parameters meet the data, what is drawn for them, and fits that find their start."""

from __future__ import annotations

import numpy as np
import pytest

import cgcli as cg
from cgcli.fitting.starts import DIVISOR, FACTOR, OTHER, SUM, Starts
from cgcli.formulas.rows import bind_rows

X = np.linspace(100.0, 300.0, 50)


def starts_of(text, unknown, linear=()):
    formula = cg.parse(text)
    bound = bind_rows(formula, ["x"], dict.fromkeys([*unknown, *linear], 1.0), wrt=[*unknown, *linear])
    (output,) = bound.program.outputs.values()
    return Starts(bound.graph, output, {}, {"x": X}, unknown, list(linear))


@pytest.mark.parametrize(
    ("text", "unknown", "kinds"),
    [
        ("a*exp(-b*x)", ["b"], {"b": FACTOR}),
        ("a*exp(-x/b)", ["b"], {"b": DIVISOR}),
        ("a*exp(-((x - m)/s)^2)", ["m", "s"], {"m": SUM, "s": DIVISOR}),
        ("a/(1 + exp(k - r*x))", ["k", "r"], {"r": FACTOR, "k": SUM}),
        ("a*x^n", ["n"], {"n": OTHER}),
    ],
)
def test_what_a_parameter_is_follows_from_where_it_meets_the_data(text, unknown, kinds):
    found = {meeting.name: meeting.kind for meeting in starts_of(text, unknown, ["a"]).meetings}
    assert found == kinds


def test_values_have_the_size_of_the_data():
    generator = np.random.default_rng(1)
    drawn = [starts_of("exp(-((x - m)/s)^2) + exp(-b*x)", ["m", "s", "b"]).draw(generator, {}) for _ in range(200)]
    middle, width, rate = (np.median([abs(values[name]) for values in drawn]) for name in "msb")
    assert 100 < middle < 300
    assert 5 < width < 300
    assert 1e-3 < rate < 0.1


def test_ranges_are_kept():
    generator = np.random.default_rng(2)
    drawing = starts_of("exp(-b*x) + c^x", ["b", "c"])
    for _ in range(50):
        drawn = drawing.draw(generator, {"b": (3.0, 4.0), "c": (0.0, np.inf)})
        assert 3 <= drawn["b"] <= 4
        assert drawn["c"] >= 0


TIME = np.linspace(0.0, 50.0, 120)
FOUND = {
    "two waves": (
        "a*sin(v*t) + b*cos(v*t) + c*sin(w*t) + d*cos(w*t) + m",
        {"a": 1.0, "b": 2.0, "v": 1.3, "c": 1.5, "d": -0.5, "w": 2.1, "m": 3.0},
    ),
    "a damped one": ("a*exp(-t/s)*cos(w*t + p) + c", {"a": 3.0, "s": 17.0, "w": 1.9, "p": 0.6, "c": 1.0}),
    "saturation": ("v*t/(k + t)", {"v": 2e-3, "k": 7.0}),
    "growth": ("k/(1 + exp(-r*(t - m)))", {"k": 300.0, "r": 0.2, "m": 31.0}),
    "two peaks": (
        "a*exp(-((t - m)/s)^2) + b*exp(-((t - n)/r)^2) + c",
        {"a": 10.0, "m": 12.0, "s": 3.0, "b": 6.0, "n": 31.0, "r": 5.0, "c": 1.0},
    ),
}


@pytest.mark.parametrize("name", FOUND)
def test_fits_find_their_start(name):
    text, values = FOUND[name]
    exact = cg.parse(text).eval_rows({"t": TIME, **values})
    data = {"t": TIME, "y": exact + 0.01 * np.std(exact) * np.cos(np.arange(120) ** 2)}
    found = cg.parse(text).fit(data, target="y")
    given = cg.parse(text).fit(data, target="y", start=values)
    assert found.converged
    assert found.sum_of_squares == pytest.approx(given.sum_of_squares, rel=1e-9)
    assert found.values == pytest.approx(given.values, rel=1e-6)


@pytest.mark.parametrize("unit", [1e-9, 1.0, 1e12])
@pytest.mark.parametrize(("text", "truth"), [("1/(a + b*x)", (0.05, 0.02)), ("exp(-c*x)/(a + b*x)", (0.05, 0.02, 0.1))])
def test_parameters_that_decide_the_size_of_the_output_follow_the_units_of_the_target(text, truth, unit):
    formula = cg.parse(text)
    names = ("a", "b", "c")[: len(truth)]
    table = {"x": X, "y": unit * formula.eval_rows(x=X, **dict(zip(names, truth, strict=True)))}
    found = formula.fit(table, target="y")
    assert found.converged
    assert found.values["a"] == pytest.approx(truth[0] / unit, rel=1e-6)
    assert found.values["b"] == pytest.approx(truth[1] / unit, rel=1e-6)


@pytest.mark.parametrize(
    "text", ["A*(1 - exp(-exp(l)*(x - c)))", "A/(1 + exp(b*(log(x) - log(m))))", "A*x/(K + x + x^2/I)"]
)
def test_a_parameter_within_a_function_or_added_to_data_is_found(text):
    truth = {"A": 39.0, "l": -4.4, "c": 51.0, "b": 3.0, "m": 170.0, "K": 90.0, "I": 300.0}
    formula = cg.parse(text)
    truth = {name: truth[name] for name in formula.inputs if name != "x"}
    found = formula.fit({"x": X, "y": formula.eval_rows(x=X, **truth)}, target="y")
    assert found.converged
    assert found.values == pytest.approx(truth, rel=1e-5)
