"""Fits to many rows begin with some of them, and end where they would have ended without."""

from __future__ import annotations

import numpy as np
import pytest

from cgcli import parse
from cgcli.fitting import searching
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
