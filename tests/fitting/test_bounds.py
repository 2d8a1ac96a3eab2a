"""Fits within bounds: beside SciPy's `curve_fit` from the same start, and at a point that nothing can improve."""

from __future__ import annotations

import numpy as np
import pytest

import cgcli as cg
from cgcli.fitting.within import by_bvls, least_within

scipy = pytest.importorskip("scipy.optimize")

T = np.linspace(0.1, 8, 25)
FAMILIES = {
    "decay": ("a*exp(-b*t) + c", {"a": (1, 5), "b": (0.2, 2), "c": (-0.3, 0.5)}),
    "Michaelis–Menten": ("V*t/(K + t)", {"V": (1, 5), "K": (0.3, 3)}),
    "logistic": ("L/(1 + exp(-k*(t - m)))", {"L": (1, 5), "k": (0.5, 3), "m": (2, 6)}),
    "peak": ("h*exp(-(t - m)^2/(2*s^2)) + d", {"h": (1, 5), "m": (2, 6), "s": (0.5, 1.5), "d": (-0.2, 0.2)}),
    "power": ("p*t^q + r", {"p": (0.5, 3), "q": (0.3, 2), "r": (-1, 1)}),
    "biexponential": ("a*exp(-b*t) + f*exp(-g*t)", {"a": (1, 4), "b": (1, 3), "f": (0.5, 2), "g": (0.05, 0.4)}),
    "Hill": ("V*t^n/(K^n + t^n)", {"V": (1, 5), "n": (1, 3), "K": (1, 4)}),
    "sine": ("a*sin(w*t + p) + c", {"a": (1, 3), "w": (1, 2), "p": (0, 1.5), "c": (-0.5, 0.5)}),
}


def random_problem(family, seed):
    """A formula, a target, bounds that are active or not, a start within, at, near or outside of them."""
    text, ranges = FAMILIES[family]
    generator = np.random.default_rng(seed)
    formula, names = cg.parse(text), list(ranges)
    true = np.array([generator.uniform(*ends) for ends in ranges.values()])
    target = formula.eval({"t": T, **dict(zip(names, true, strict=True))}) + generator.normal(0, 0.05, len(T))
    start = true * generator.uniform(0.7, 1.4, len(true))
    low, high = np.full(len(true), -np.inf), np.full(len(true), np.inf)
    for place, value in enumerate(true):
        room, kind = 0.3 * abs(value) + 0.02, generator.integers(5)
        if kind in (0, 2):
            low[place] = value - room * generator.uniform(-0.5, 1)
        if kind in (1, 2):
            high[place] = max(value, low[place]) + room * generator.uniform(0.1 if kind == 2 else -0.5, 1)
        if kind < 3:
            bound, side = (low[place], 1) if kind != 1 else (high[place], -1)
            away = generator.choice([0.0, 1e-9, -0.2, np.nan])
            start[place] = start[place] if np.isnan(away) else bound + side * away * (abs(bound) + 0.1)
    return formula, names, target, start, low, high


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("seed", range(4))
def test_a_fit_within_bounds_ends_no_higher_than_scipy_and_where_nothing_can_improve(family, seed):
    formula, names, target, start, low, high = random_problem(family, [seed, len(family)])

    def residuals(point):
        return formula.eval({"t": T, **dict(zip(names, point, strict=True))}) - target

    bounds = {name: ends for name, *ends in zip(names, low, high, strict=True)}
    found = formula.fit(
        {"t": T, "y": target}, target="y", start=dict(zip(names, start, strict=True)), bounds=bounds
    )  # fmt: skip
    peer = scipy.least_squares(residuals, np.clip(start, low, high), bounds=(low, high))  # as curve_fit calls it
    assert found.sum_of_squares <= 2 * peer.cost * (1 + 1e-8)
    point = np.array([found.values[name] for name in names])
    at_bound = (point == low) | (point == high)
    assert ((point >= low) & (point <= high)).all()
    assert found.at_bound == [name for name, is_there in zip(names, at_bound, strict=True) if is_there]
    errors = np.array([found.errors[name] for name in names])
    assert (np.isfinite(errors) == ~at_bound).all()
    slopes = scipy.approx_fprime(point, residuals, 1e-7)
    slopes /= np.linalg.norm(slopes, axis=0)
    descent = -residuals(point) @ slopes / np.linalg.norm(residuals(point))
    movable = ((point > low) & (descent < 0)) | ((point < high) & (descent > 0))
    assert found.converged
    assert np.abs(descent[movable]).max(initial=0.0) < 1e-5
    for name, number, least, most in zip(names, start, low, high, strict=True):
        told = any(f"start {name} = {number:g} is outside of its bounds" in warning for warning in found.warnings)
        assert told == (not least <= number <= most)


def test_a_decay_whose_offset_is_held_above_zero_does_not_become_a_straight_line():
    """Without bounds it has an offset of about -0.2; a first step too far makes b negative, where lines wait."""
    generator = np.random.default_rng(4)
    t, formula = np.linspace(0, 5, 20), cg.parse("a*exp(-b*t) + c")
    for _ in range(18):
        a, b, c = generator.uniform((0.5, 0.1, -0.3), (3, 1, -0.01))
        y = a * np.exp(-b * t) + c + generator.normal(0, 0.05, len(t))
        found = formula.fit({"t": t, "y": y}, target="y", start={"a": 1, "b": 1, "c": 0.5}, bounds={"c": (0, None)})
        held = formula.fit({"t": t, "y": y}, target="y", start={"a": a, "b": b}, fix={"c": 0})
        assert found.converged
        assert found.sum_of_squares <= held.sum_of_squares * (1 + 1e-9)


def test_linear_parameters_within_bounds_need_no_start():
    y = 2 + 3 * T - 0.5 * T**2
    found = cg.parse("a + b*t + c*t^2").fit({"t": T, "y": y}, target="y", bounds={"c": (0, None), "b": (None, 1)})
    expected = scipy.lsq_linear(np.stack([T**0, T, T**2], axis=1), y, ([-np.inf, -np.inf, 0], [np.inf, 1, np.inf]))
    assert [found.values[name] for name in "abc"] == pytest.approx(expected.x, rel=1e-9, abs=1e-12)
    assert found.at_bound == [name for name, side in zip("abc", expected.active_mask, strict=True) if side]
    assert found.evaluations < 10


@pytest.mark.parametrize("size", [1, 2, 5])
def test_small_linear_least_squares_within_bounds(size):
    generator = np.random.default_rng(size)
    for _ in range(30):
        triangle, right = np.triu(generator.normal(size=(size, size))), generator.normal(size=size)
        low, high = -generator.exponential(0.5, size), generator.exponential(0.5, size)
        expected = scipy.lsq_linear(triangle, right, (low, high), method="bvls", tol=1e-14)
        for solve in (least_within, by_bvls):
            found, sides = solve(triangle, right, low, high)
            total = np.sum((triangle @ found - right) ** 2)
            assert total <= 2 * expected.cost * (1 + 1e-9) + 1e-20
            assert (found[sides < 0] == low[sides < 0]).all()
            assert (found[sides > 0] == high[sides > 0]).all()
            assert ((found >= low) & (found <= high)).all()


@pytest.mark.parametrize("start", [{"a": 1, "b": 1, "c": 0.5}, {"a": 1, "b": 3, "c": 0}, None])
def test_groups_that_end_at_a_bound_are_as_their_tables_fitted_alone(start):
    generator, t, count = np.random.default_rng(6), np.linspace(0, 8, 20), 24
    targets = []
    for place in range(count):
        a, b, c = generator.uniform((1, 0.3, 0.05), (3, 1, 0.15))
        targets.append(a * np.exp(-b * t) + (c if place % 2 else -c) + generator.normal(0, 0.05, len(t)))
    data = {"plate": np.repeat(range(count), len(t)), "t": np.tile(t, count), "y": np.concatenate(targets)}
    formula, bounds = cg.parse("a*exp(-b*t) + c"), {"c": (0, None), "b": (0.35, 2)}
    found = formula.fit(data, target="y", by="plate", start=start, bounds=bounds)
    assert found.converged
    held = 0
    for place in range(count):
        begin = {name: found.values[name][place] for name in "abc"}
        alone = formula.fit({"t": t, "y": targets[place]}, target="y", start=begin, bounds=bounds)
        for name in "abc":
            assert found.values[name][place] == pytest.approx(alone.values[name], rel=1e-6, abs=1e-12)
            assert found.errors[name][place] == pytest.approx(alone.errors[name], rel=1e-6, nan_ok=True)
        told = [f"{name} is at its bound: errors are those with {name} fixed there" for name in alone.at_bound]
        assert found.table["message"][place] == "; ".join(told)
        assert found[place].at_bound == alone.at_bound
        assert not any("the start" in warning for warning in found[place].warnings if start is None)
        held += bool(alone.at_bound)
    assert 6 < held < count
    told = [warning for warning in found.warnings if "c is at its bound in " in warning]
    assert len(told) == 1
    assert f" of {count} groups" in told[0]
    outside = any("the start b = 3 is outside of its bounds" in warning for warning in found.warnings)
    assert outside == (start is not None and start["b"] == 3)
