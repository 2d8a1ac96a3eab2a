"""What a rule takes at a kink, pinned by the numbers of the row, on every engine; the sides against differences."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest

import cgcli as cg
from cgcli.ops import REGISTRY
from cgcli.ops.row import KinkAt
from cgcli.passes.differentiate import differentiate
from tests.conformance.cases import ENGINES, NATIVE_PATHS, PYTHON, applied, bound_to, lacks, pairs, statics, value

KINKED = [row for row in REGISTRY.rows if row.elementwise and row.kink is not None]
each_kinked_row = pytest.mark.parametrize("row", KINKED, ids=lambda row: row.name)
LAST_PLACES = 1
"""A slope that is a product, as that of selu, is rounded; 0, 1 and the like are exact."""
STEP = 1e-6
LEAST = {"clip": 2, "relu6": 2, "hard_tanh": 2, "hard_sigmoid": 2, "hard_swish": 2, "hard_shrink": 2, "soft_shrink": 2}
"""Rows with kinks of several kinds, and how many; all others have one at least."""


@cache
def first_derivatives(row):
    """The row on inputs, and the nodes of its slope by each."""
    graph, places, node = applied(row)
    slopes = differentiate(graph, [node], places)
    return graph, [slopes.wrt(place) for place in places]


def slopes_at(engine, row, operands):
    """What the rule gives at a point, by each operand."""
    graph, nodes = first_derivatives(row)
    found = engine.evaluate(graph, bound_to(operands), nodes)
    return [float(found[node]) for node in nodes]


def beside(operands, place, distance):
    """The point with one operand moved."""
    return tuple(operand + distance * (position == place) for position, operand in enumerate(operands))


def sides(row):
    """(operands, place, direction, slope on that side) for all that a row says of its kinks."""
    return [
        (kink.operands, place, direction, slope)
        for kink in row.kinks_at
        for place, (left, right, _) in enumerate(kink.slopes)
        for direction, slope in ((-1, left), (1, right))
    ]


@each_kinked_row
def test_every_kink_is_pinned_at_a_point_where_it_is(row):
    assert len(row.kinks_at) >= LEAST.get(row.name, 1)
    assert len({kink.operands for kink in row.kinks_at}) == len(row.kinks_at)
    for kink in row.kinks_at:
        assert len(kink.operands) == row.arity
        assert row.kink(*map(float, kink.operands), *statics(row))


@pairs(KINKED)
def test_the_rule_takes_what_the_row_says(row, name):
    assert not lacks(name, *first_derivatives(row))
    engines = NATIVE_PATHS.values() if name == "native" else [ENGINES[name]]
    for engine in engines:
        for kink in row.kinks_at:
            for found, (_, _, taken) in zip(slopes_at(engine, row, kink.operands), kink.slopes, strict=True):
                assert math.isnan(found) if taken is None else abs(found - taken) <= LAST_PLACES * math.ulp(taken)


@each_kinked_row
def test_the_sides_are_those_beside_the_kink(row):
    """By the rule and by differences of values, which know no rule."""
    for operands, place, direction, slope in sides(row):
        near, far = (beside(operands, place, direction * step) for step in (STEP, 2 * STEP))
        rise = (value(PYTHON, row, far) - value(PYTHON, row, near)) / (direction * STEP)
        assert slopes_at(PYTHON, row, near)[place] == pytest.approx(slope, rel=1e-4, abs=1e-5), (operands, place)
        assert rise == pytest.approx(slope, rel=1e-4, abs=1e-5), (operands, place)


@each_kinked_row
def test_what_is_taken_lies_between_the_sides(row):
    for kink in row.kinks_at:
        for left, right, taken in kink.slopes:
            assert taken is None or min(left, right) <= taken <= max(left, right)


@pytest.mark.parametrize(
    ("formula", "values", "taken"),
    [
        ("max(v)", {"v": [3, 1, 3]}, {"v": [0.5, 0, 0.5]}),
        ("min(v)", {"v": [1, 1, 1, 1]}, {"v": [0.25] * 4}),
        ("sum(amax(A, 0))", {"A": [[2, 1], [2, 5]]}, {"A": [[0.5, 0], [0.5, 1]]}),
        ("norm(v)", {"v": [0, 0]}, {"v": [0, 0]}),
        ("norm(v, 1)", {"v": [0, -2]}, {"v": [0, -1]}),
        ("norm(v, inf)", {"v": [2, -2, 1]}, {"v": [0.5, -0.5, 0]}),
        ("norm_of_order(v, 2.5)", {"v": [0, 0]}, {"v": [0, 0]}),
        ("root_sum_square(v)", {"v": [0, 0]}, {"v": [0, 0]}),
        ("std(v)", {"v": [2, 2, 2]}, {"v": [0, 0, 0]}),
        ("mae(p, t)", {"p": [1, 2], "t": [1, 4]}, {"p": [0, -0.5], "t": [0, 0.5]}),
        ("hinge(z, t)", {"z": [1, -1, 0], "t": [1, -1, 1]}, {"z": [0, 0, -1 / 3], "t": [0, 0, 0]}),
    ],
)
@pytest.mark.parametrize("engine", [name for name, engine in ENGINES.items() if engine.arrays])
def test_kinks_of_arrays(formula, values, taken, engine):
    point = {name: np.array(items, dtype=float) for name, items in values.items()}
    found = cg.parse(formula).grad(point, engine=engine)
    for name, slopes in taken.items():
        assert np.asarray(found[name], dtype=float) == pytest.approx(np.array(slopes), rel=1e-15, abs=0)


def test_a_record_says_a_slope_by_each_operand():
    with pytest.raises(ValueError, match="slopes by 1 operands at a kink of 2"):
        KinkAt((0, 0), 1)
