"""Fits to many rows begin with some of them, and end where they would have ended without."""

from __future__ import annotations

import numpy as np
import pytest

from cgcli import parse
from cgcli.fitting import least_squares, searching
from cgcli.fitting.searching import Task

ROWS = 20_000
T = np.linspace(0, 6, ROWS)
NOISE = np.random.default_rng(8).normal(size=ROWS)
WAVE = parse("a*sin(b*t) + c")
DATA = {"t": T, "y": 2 * np.sin(1.5 * T) + 0.5 + 0.1 * NOISE}
START = {"a": 1.0, "b": 1.4, "c": 0.0}


def same(one, other):
    for name, value in one.values.items():
        assert other.values[name] == pytest.approx(value, rel=1e-9)
    assert other.errors["b"] == pytest.approx(one.errors["b"], rel=1e-7)
    assert one.converged
    assert other.converged


def test_the_solution_is_that_of_all_rows(monkeypatch):
    whole = WAVE.fit(DATA, target="y", start=START)
    monkeypatch.setattr(searching, "MANY", 1_000)
    same(whole, WAVE.fit(DATA, target="y", start=START))


def test_what_comes_again_every_so_many_rows_is_no_trap(monkeypatch):
    """As many rows between as there are for each that is taken."""
    y = DATA["y"].copy()
    every = ROWS // searching.ROWS
    y[::every] = 40 - 7 * T[::every]
    whole = WAVE.fit({"t": T, "y": y}, target="y", start=START)
    monkeypatch.setattr(searching, "MANY", 1_000)
    same(whole, WAVE.fit({"t": T, "y": y}, target="y", start=START))


def test_a_place_that_leads_to_more_than_the_start_has_is_left(monkeypatch):
    whole = WAVE.fit(DATA, target="y", start=START)
    monkeypatch.setattr(Task, "nearer", lambda task, start, project: np.array([0.1, 9.0, 0.0]))
    same(whole, WAVE.fit(DATA, target="y", start=START))


@pytest.mark.parametrize("noise", [0.1, 3.0, 40.0])
def test_values_and_errors_have_their_digits_however_large_the_noise(monkeypatch, noise):
    """A step that is short beside the errors is not short beside the values where these are hardly known."""
    x = np.linspace(0, 5, ROWS)
    data = {"x": x, "y": 3 * np.exp(0.4 * x) + noise * NOISE}
    growth, start = parse("a*exp(b*x)"), {"a": 1.0, "b": 0.3}
    whole = growth.fit(data, target="y", start=start)
    monkeypatch.setattr(searching, "MANY", 1_000)
    monkeypatch.setattr(least_squares, "MANY", 1_000)
    found = growth.fit(data, target="y", start=start)
    for name in start:
        assert found.values[name] == pytest.approx(whole.values[name], rel=1e-9)
        assert found.errors[name] == pytest.approx(whole.errors[name], rel=1e-8)
