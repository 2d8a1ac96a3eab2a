"""Points at which `cg check` looks: in ranges of any width, around a point, and like the rows of a table."""

from __future__ import annotations

import numpy as np
import pytest

import cgcli as cg
from cgcli.explain.stable.region import Region, double_at, in_range, place_of


def generator():
    return np.random.default_rng(3)


@pytest.mark.parametrize(
    "ends", [(0.0, 1.0), (-1e308, 1e308), (1e-300, 1e300), (-2.0, 5.0), (3.0, 3.0), (-1e-9, -1e-12)]
)
def test_points_of_a_range_lie_in_it_and_reach_its_sizes(ends):
    low, high = ends
    points = in_range(low, high, 2000, generator())
    assert points.min() >= low
    assert points.max() <= high
    if low < high:
        sizes = np.abs(points[points != 0])
        smallest = min(abs(low), abs(high)) if low * high > 0 else 1e-200
        assert sizes.min() <= max(10 * smallest, 1e-200)
        assert sizes.max() >= max(abs(low), abs(high)) / 10


@pytest.mark.parametrize("value", [0.0, 5e-324, -5e-324, 1.0, -1.0, 1.7976931348623157e308, -1e-310])
def test_doubles_in_order(value):
    assert double_at(np.int64(place_of(value))) == value
    if value < 1e308:
        assert place_of(float(np.nextafter(value, np.inf))) == place_of(value) + 1


def test_points_like_the_rows_of_a_table_keep_what_rows_have_in_common():
    x = np.logspace(-3, 3, 50)
    columns = Region(rows={"x": x, "y": x * 1.001}).drawn(["x", "y"], 400, generator())
    assert len(columns["x"]) == 400
    assert set(x) <= set(columns["x"])
    assert np.all(np.abs(columns["y"] / columns["x"] - 1) < 0.3)


def test_around_a_point_there_are_points_that_share_its_digits():
    at = {"x": 2.0, "y": 2.0000001}
    columns = Region(at=at).drawn(["x", "y"], 1000, generator())
    assert columns["x"][0] == 2.0
    with np.errstate(all="ignore"):
        ratio = np.abs(columns["y"] / columns["x"] - 1)
    assert 0.1 < np.mean(ratio < 1e-2) < 0.5


@pytest.mark.parametrize(
    ("text", "ranges", "better"),
    [
        ("exp(x)/(exp(x) - 1)", {"x": (-1e308, 1e308)}, "-1 / expm1(-x)"),
        ("sqrt(x + 1) - sqrt(x)", {"x": (1.0, 1e300)}, "1 / (sqrt(x + 1) + sqrt(x))"),
    ],
)
def test_huge_ranges(text, ranges, better):
    found = cg.parse(text).check(ranges=ranges)
    assert found.outputs["result"].lost > 15
    assert found.rewritings[0].formula == better


def test_a_strip_of_a_range_with_many_powers_of_ten():
    found = cg.parse("log(N + 1) - log(N)").check(ranges={"N": (1e-2, 1e12)})
    strip = found.losers[0].strip
    assert strip[0] < 1 < 10 < strip[-1]


def test_what_loses_digits_is_looked_for_at_all_points_of_several_ranges():
    found = cg.parse("(1 - cos(x))*(exp(y) - 1)").check(ranges={"x": (1e-6, 1.0), "y": (1e-6, 1.0)})
    assert {each.text for each in found.losers} >= {"1 - cos(x)", "exp(y) - 1"}


def test_points_at_which_forms_were_worse_are_learned_from():
    """x·(2y/(x - y)) is better where x·2·y vanishes or overflows and worse elsewhere: branches have both."""
    formula = cg.parse("x*2*y/(x - y)")
    (better,) = formula.check(x=3e-249, y=2.5e-225).rewritings
    assert "where" in better.formula
    form = cg.parse(better.formula)
    for at in (
        {"x": 3e-249, "y": 2.5e-225},
        {"x": 1e200, "y": 1e-200},
        {"x": 2.0, "y": 3.0},
        {"x": 1e-200, "y": -1e200},
    ):
        right = float(formula.eval(dict(at), digits=30))
        assert form.eval(dict(at)) == pytest.approx(right, rel=1e-15)
