"""Every elementwise row on every engine: one point, arrays, rows, constant operands, and what IEEE 754 says."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest

from cgcli.graph.store import Graph
from cgcli.passes.folding import FoldingRef
from tests.conformance.bounds import bound, error
from tests.conformance.cases import (
    ELEMENTWISE,
    ENGINES,
    EPSILON,
    NUMPY,
    PRECISE,
    PYTHON,
    REFERENCE,
    SPECIAL,
    applied,
    as_array,
    bound_to,
    pairs,
    points,
    reference,
    same,
    statics,
    value,
)
from tests.conformance.gaps import settle

each_row = pytest.mark.parametrize("row", ELEMENTWISE, ids=lambda row: row.name)
pytestmark = pytest.mark.filterwarnings("ignore::cgcli.errors.PrecisionWarning")  # 0 to 1000 digits is 0
ARRAY_ENGINES = [name for name, engine in ENGINES.items() if engine.arrays]
ROW_ENGINES = [name for name, engine in ENGINES.items() if engine.rows]
EXACT = 1e-45


def close(name, row, operands, found, exact):
    """Whether an engine's answer is as near to the true value as it has to be."""
    if name in EPSILON:
        return abs(found - exact) <= EPSILON[name] * abs(exact)
    return error(row, operands, found, exact) <= bound(row)


@pairs(ELEMENTWISE)
def test_values_on_the_domain(row, name):
    failures = []
    for operands in points(row):
        exact = reference(row, operands)
        found = value(ENGINES[name], row, operands)
        if not math.isfinite(exact) or not close(name, row, operands, found, exact):
            failures.append((operands, found, exact))
    settle("values", row, name, failures)


@pairs(ELEMENTWISE, ARRAY_ENGINES)
def test_arrays_are_broadcast(row, name):
    """Operand k has an axis k of its own and the first one all axes, so that every operand is repeated."""
    samples = points(row)
    shapes = [(2, 1), (1, 3), (3,)][: row.arity] if row.arity > 1 else [(2, 3)]
    operands = [
        np.array([samples[k % len(samples)][place] for k in range(int(np.prod(shape)))]).reshape(shape)
        for place, shape in enumerate(shapes)
    ]
    graph, _, node = applied(row, shapes)
    found = ENGINES[name].evaluate(graph, bound_to(operands), [node])[node]
    assert np.shape(found) == graph.shape_of(node) == (2, 3)
    failures = []
    for place in np.ndindex(2, 3):
        one = tuple(float(repeated[place]) for repeated in np.broadcast_arrays(*operands))
        alone = value(ENGINES[name], row, one)
        if not same(found[place], alone, 1e-15 * bound(row)):
            failures.append((one, found[place], alone))
    settle("arrays", row, name, failures)


@pairs(ELEMENTWISE, ROW_ENGINES)
def test_rows_of_a_table_are_single_points(row, name):
    """The first operand is a column, the second one value for all rows, the third a column again."""
    samples = points(row)
    columns = [
        np.array([operands[place] for operands in samples]) if place % 2 == 0 else samples[0][place]
        for place in range(row.arity)
    ]
    graph, _, node = applied(row)
    found = ENGINES[name].evaluate_rows(graph, bound_to(columns), [node])[node]
    assert found.shape == (len(samples),)
    alone = [
        value(ENGINES[name], row, tuple(float(np.broadcast_to(column, len(samples))[k]) for column in columns))
        for k in range(len(samples))
    ]
    failures = [(a, b) for a, b in zip(found, alone, strict=True) if not same(a, b, 1e-15 * bound(row))]
    settle("rows", row, name, failures)


@pairs(ELEMENTWISE, ROW_ENGINES)
def test_ieee_values_are_those_of_the_scalar_engine(row, name):
    """Zeros, infinities, nan and huge numbers: the same kind of answer, the same sign of an infinity."""
    few = SPECIAL if row.arity < 3 else (*SPECIAL[::2], math.nan)
    tuples = list(product(few, repeat=row.arity))
    graph, _, node = applied(row)
    columns = [np.array(column) for column in zip(*tuples, strict=True)]
    found = ENGINES[name].evaluate_rows(graph, bound_to(columns), [node])[node]
    failures = []
    for operands, answer in zip(tuples, as_array(found), strict=True):
        expected = value(PYTHON, row, operands)
        if not same(answer, expected, 1e-13):
            failures.append((operands, float(answer), expected))
    settle("ieee", row, name, failures)


@each_row
def test_infinities_in_many_digits(row):
    few = (0.0, 1.0, -1.0, 0.5, -2.5, 3.0, math.inf, -math.inf, math.nan)
    tuples = list(product(few if row.arity < 3 else few[::2], repeat=row.arity))
    failures = []
    for operands in tuples:
        expected, found = value(PYTHON, row, operands), value(PRECISE, row, operands)
        close_to_zero = abs(expected) < 1e-12 and abs(found) < 1e-12
        if not close_to_zero and not same(found, expected, 1e-9):
            failures.append((operands, float(found), expected))
    settle("infinities", row, "precise", failures)


@each_row
def test_the_definition_means_the_same_as_the_spelling(row):
    if row.definition is None:
        return
    failures = []
    for operands in points(row):
        graph = Graph()
        places = [graph.ref(graph.input(f"x{position}")) for position in range(row.arity)]
        defined = places[0].coerce(row.definition(*places, *applied(row)[0].attributes_of(row.arity)))
        found = REFERENCE.evaluate(graph, bound_to(operands), [defined.node])[defined.node]
        exact = reference(row, operands)
        if abs(found - exact) > EXACT * max(abs(exact), EXACT):
            failures.append((operands, found, exact))
    settle("definition", row, "precise", failures)


@pairs(ELEMENTWISE)
def test_constant_operands_give_the_same_values(row, name):
    """Constants are where folding works, and special spellings: the value must not change by it."""
    graph = Graph()
    places = [graph.input(f"x{position}") for position in range(row.arity)]
    plain = graph.apply(row, places, statics(row))
    samples = points(row)[:2]
    variants = []
    for fixed in range(row.arity):
        for constant in (0.0, 1.0, 2.0, -1.0, 0.5, samples[0][fixed]):
            refs = [FoldingRef(graph, place) for place in places]
            refs[fixed] = FoldingRef(graph, graph.constant(constant))
            variants.append((fixed, constant, refs[0].build(row, [*refs], statics(row)).node))
    failures = []
    for operands in samples:
        found = ENGINES[name].evaluate(graph, bound_to(operands), [node for _, _, node in variants])
        for fixed, constant, node in variants:
            given = (*operands[:fixed], constant, *operands[fixed + 1 :])
            expected = ENGINES[name].evaluate(graph, bound_to(given), [plain])[plain]
            if not same(found[node], expected, 1e-15 * bound(row)):
                failures.append((given, fixed, found[node], expected))
    settle("constants", row, name, failures)


def test_the_engines_agree_on_what_they_call_themselves():
    assert all(engine.name == name for name, engine in ENGINES.items())
    assert NUMPY.name == "numpy"
