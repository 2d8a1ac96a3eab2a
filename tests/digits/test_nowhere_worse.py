"""A better form is worse nowhere: fresh points reach all sizes of doubles, and edges; guards keep the given form."""

from __future__ import annotations

from fractions import Fraction
from math import isfinite

import numpy as np
import pytest

import cgcli as cg
from cgcli.emit.formula import expression
from cgcli.explain.stable.edges import edge_points
from cgcli.explain.stable.guards import guarded
from cgcli.explain.stable.region import LARGEST, Region, double_at, place_of

ALL = (-LARGEST, LARGEST)


def graph_of(text):
    bound = cg.parse(text).bind(dict.fromkeys(cg.parse(text).inputs, 1.0))
    return bound.graph, bound.program.outputs["result"]


@pytest.mark.parametrize(
    "region", [Region(at={"x": 1.0, "y": 2.0}), Region(ranges={"x": ALL, "y": ALL}),
               Region(rows={"x": np.array([-1e300, 1.0, 1e300]), "y": np.array([-1e290, 2.0, 1e290])})]
)  # fmt: skip
def test_fresh_points_reach_all_sizes_of_each_input_and_of_both(region):
    columns = region.covered(["x", "y"], 10_000, np.random.default_rng(1))
    x, y = np.abs(columns["x"]), np.abs(columns["y"])
    for first in (x > 1e200, x < 1e-200):
        assert np.mean(first) > 0.02
        for second in (y > 1e200, y < 1e-200):
            assert np.mean(first & second) > 0.001
    for name in ("x", "y"):
        low, high = region.ends(name)
        assert columns[name].min() >= low
        assert columns[name].max() <= high


@pytest.mark.parametrize(
    ("text", "distance"),
    [
        ("x*y", lambda x, y: abs(np.log10(np.abs(x)) + np.log10(np.abs(y)) - 308.25471556)),
        ("x*y", lambda x, y: abs(np.log10(np.abs(x)) + np.log10(np.abs(y)) + 323.60727)),
        ("x - y", lambda x, y: np.abs(x / y - 1)),
        ("where(x < 3, y, 2*y)", lambda x, y: np.abs(x - 3)),
        ("exp(x) + y", lambda x, y: np.abs(x - 709.782712893)),
    ],
)
def test_points_beside_edges_lie_at_all_distances_and_on_both_sides(text, distance):
    graph, node = graph_of(text)
    region = Region(ranges={"x": ALL, "y": ALL})
    base = region.covered(["x", "y"], 1000, np.random.default_rng(2))
    columns = edge_points(graph, [node], base, {"x": ALL, "y": ALL}, np.random.default_rng(3))
    with np.errstate(all="ignore"):
        away = distance(columns["x"], columns["y"])
    for low, high in ((0, 1e-4), (1e-3, 1e-1)):
        assert np.sum((away >= low) & (away < high)) > 5


def test_edges_stay_within_the_condition():
    graph, node = graph_of("x*y - x")
    ends = {"x": (1.0, 2.0), "y": (-3.0, 1e200)}
    base = Region(ranges=ends).covered(["x", "y"], 500, np.random.default_rng(2))
    columns = edge_points(graph, [node], base, ends, np.random.default_rng(3))
    assert len(columns["x"]) > 10
    for name, (low, high) in ends.items():
        assert columns[name].min() >= low
        assert columns[name].max() <= high


def test_a_guard_keeps_the_given_form_where_an_operation_breaks():
    graph, form = graph_of("x*z/y")
    given = (graph.ref(graph.inputs()["x"]) / graph.ref(graph.inputs()["y"]) * graph.ref(graph.inputs()["z"])).node
    worse = {"x": np.array([1e200, 1e-200]), "y": np.array([1e200, 1e-200]), "z": np.array([1e150, 1e-150])}
    nothing = {name: column[:0] for name, column in worse.items()}
    text = expression(graph, guarded(graph, given, form, worse, nothing))
    assert text.startswith("where(abs(x * z) < 1e300 and abs(x * z) > 1e-290, x * z / y, ")
    ordinary = {name: np.array([2.0]) for name in worse}
    assert guarded(graph, given, form, ordinary, nothing) is None


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("a*b/(c*d)", {"a": 1.2e37, "b": -1.9e246, "c": -6.4e277, "d": 1.5e124}),
        ("a*b/(c*d)", {"a": 3e-200, "b": 7e-180, "c": 2e-100, "d": 5e-90}),
        ("x*2*y/(x - y)", {"x": 3e-249, "y": 2.5e-225}),
    ],
)
def test_forms_are_worse_nowhere_among_all_doubles(text, at):
    """Points as the search has not drawn them, values as fractions."""
    formula = cg.parse(text)
    (better,) = formula.check(at).rewritings
    form = cg.parse(better.formula)
    names = list(at)
    random = np.random.default_rng(77)
    points = {name: double_at(random.integers(place_of(-LARGEST), place_of(LARGEST), 1500)) for name in names}
    worse = []
    for row in range(1500):
        point = {name: float(points[name][row]) for name in names}
        old = float(formula.eval(point))
        if not isfinite(old) or abs(old) < 1e-290:
            continue
        exact = {name: Fraction(value) for name, value in point.items()}
        right = eval(text.replace("^", "**"), {}, exact)
        if abs(Fraction(old) - right) > abs(right) * Fraction(1e-15):
            continue
        new = float(form.eval({name: point[name] for name in form.inputs}))
        if not isfinite(new) or abs(Fraction(new) - right) > abs(right) * Fraction(3e-15):
            worse.append(point)
    assert not worse


@pytest.mark.parametrize(
    ("asked", "condition"),
    [
        ({"ranges": {"x": (0, 1)}}, "0 <= x <= 1"),
        ({"x": 1e-9}, None),
        ({"ranges": {"x": ALL}}, None),
    ],
)
def test_where_a_form_was_tried_is_its_condition(asked, condition):
    found = cg.parse("exp(x) - 1").check(**asked).as_dict()
    assert found["rewritings"][0]["condition"] == condition
