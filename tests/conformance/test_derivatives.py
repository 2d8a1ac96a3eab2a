"""Derivatives of every elementwise row: the rules against the checker, the values on every engine, the kinks."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest

from cgcli.explain.checking import AGREES, KINK, ROUNDING, UNDECIDED, UNDEFINED, check
from cgcli.passes.differentiate import differentiate
from tests.conformance.cases import (
    ELEMENTWISE,
    ENGINES,
    EPSILON,
    PYTHON,
    REFERENCE,
    applied,
    as_array,
    bound_to,
    edges,
    kinks,
    lacks,
    pairs,
    points,
    same,
)
from tests.conformance.gaps import settle

each_row = pytest.mark.parametrize("row", ELEMENTWISE, ids=lambda row: row.name)
pytestmark = pytest.mark.filterwarnings("ignore::cgcli.errors.PrecisionWarning")  # 0 to 1000 digits is 0
ARRAY_ENGINES = [name for name, engine in ENGINES.items() if engine.arrays]
KINKED = [row for row in ELEMENTWISE if row.kink]
CHECKED = 3
"""Sample points that the checker sees: it evaluates the function dozens of times in 60 digits at each."""
RELATIVE = 1e-11
"""How far a derivative in doubles may be from the true one, relative to the largest of its point."""


@cache
def derivatives(row, shapes=None):
    """The row on inputs with its first and second derivatives: the graph and the nodes that hold them."""
    graph, places, node = applied(row, shapes)
    first = differentiate(graph, [node], places)
    slopes = [first.wrt(place) for place in places]
    nodes = list(slopes)
    for slope in slopes:
        second = differentiate(graph, [slope], places)
        nodes.extend(second.wrt(place) for place in places)
    return graph, nodes


def values(engine, row, operands):
    """First and second derivatives at a point."""
    graph, nodes = derivatives(row)
    found = engine.evaluate(graph, bound_to(operands), nodes)
    return [found[node] for node in nodes]


@cache
def true_values(row, operands):
    """The same graph in 65 digits, as doubles."""
    return list(map(float, values(REFERENCE, row, operands)))


@each_row
def test_rules_agree_with_differences(row):
    """At points where nothing special happens every first and second derivative has to agree."""
    failures = []
    for operands in points(row)[:CHECKED]:
        graph, places, node = applied(row)
        findings = check(graph, node, places, bound_to(operands), order=2).findings
        failures += [(operands, finding) for finding in findings if finding.verdict not in (AGREES, ROUNDING)]
    settle("rules", row, "", failures)


@each_row
def test_rules_are_not_contradicted_at_zero_and_one(row):
    """At 0, 1, 2 and -1 there may be kinks and poles, but no rule may be wrong there.

    On the border of the domain differences end outside of it, and the checker may be unable to decide.
    """
    failures = []
    for operands in edges(row):
        graph, places, node = applied(row)
        inside = all(low < operand < high for operand, (low, high) in zip(operands, row.domain, strict=True))
        allowed = (AGREES, ROUNDING, KINK, UNDEFINED) if inside else (AGREES, ROUNDING, KINK, UNDEFINED, UNDECIDED)
        findings = check(graph, node, places, bound_to(operands), order=2).findings
        failures += [(operands, finding) for finding in findings if finding.verdict not in allowed]
    settle("edges", row, "", failures)


@pairs(ELEMENTWISE)
def test_derivatives_on_every_engine(row, name):
    """First and second derivatives by an engine are those of the same graph in 65 digits."""
    if lacks(name, *derivatives(row)):
        return
    failures = []
    for operands in points(row):
        exact = true_values(row, operands)
        found = list(map(float, values(ENGINES[name], row, operands)))
        size = max(map(abs, exact))
        if not all(abs(a - b) <= RELATIVE * max(size, 1e-3) for a, b in zip(found, exact, strict=True)):
            failures.append((operands, found, exact))
    settle("derivatives", row, name, failures)


@pairs(ELEMENTWISE, ARRAY_ENGINES)
def test_derivatives_of_broadcast_arrays(row, name):
    """Adjoints of repeated operands are summed back to the operands' shapes, at both orders."""
    shapes = ((2, 1), (1, 3), (3,))[: row.arity] if row.arity > 1 else ((2, 3),)
    samples = points(row)
    operands = [
        np.array([samples[k % len(samples)][place] for k in range(int(np.prod(shape)))]).reshape(shape)
        for place, shape in enumerate(shapes)
    ]
    graph, nodes = derivatives(row, shapes)
    if lacks(name, graph, nodes):
        return
    found = ENGINES[name].evaluate(graph, bound_to(operands), nodes)
    first = [np.zeros(shape) for shape in shapes]
    for position in np.ndindex(2, 3):
        one = [np.broadcast_to(operand, (2, 3))[position] for operand in operands]
        for place, slope in enumerate(values(PYTHON, row, tuple(map(float, one)))[: row.arity]):
            target = tuple(np.array(position[2 - len(shapes[place]) :]) % shapes[place])
            first[place][target] += slope
    for node, shape, expected in zip(nodes, shapes, first, strict=False):
        assert graph.shape_of(node) == shape
        least = RELATIVE * max(1e-3, np.abs(expected).max())
        assert as_array(found[node]) == pytest.approx(expected, rel=RELATIVE, abs=least)
    for node in nodes:
        assert np.isfinite(as_array(found[node])).all()


@each_row
def test_derivatives_by_one_operand_alone(row):
    """With constants for the other operands the same derivative comes out, though more of it folds."""
    failures = []
    for operands in points(row)[:CHECKED]:
        together = values(PYTHON, row, operands)
        for place in range(row.arity):
            graph, places, node = applied(row)
            alone = differentiate(graph, [node], [places[place]]).wrt(places[place])
            found = PYTHON.evaluate(graph, bound_to(operands), [alone])[alone]
            if not same(found, together[place], 1e-15):
                failures.append((operands, place, found, together[place]))
    settle("alone", row, "", failures)


@pairs(KINKED)
def test_kinks_have_finite_conventions(row, name):
    """A row with a kink says what it chose, and every engine gives a finite first and second derivative there."""
    assert row.convention
    assert not lacks(name, *derivatives(row))
    found_at = kinks(row)
    assert found_at, f"no kink of `{row.name}` among the candidates"
    failures = []
    for operands in found_at:
        here = list(map(float, values(ENGINES[name], row, operands)))
        there = list(map(float, values(PYTHON, row, operands)))
        if not all(map(math.isfinite, here)) or not all(same(a, b, 1e-13) for a, b in zip(here, there, strict=True)):
            failures.append((operands, here, there))
    settle("kinks", row, name, failures)


def test_the_suite_has_engines_beyond_doubles():
    assert set(EPSILON) <= set(ENGINES)
