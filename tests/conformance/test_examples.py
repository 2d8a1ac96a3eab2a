"""The examples of every row, which are all that structural rows have: values and derivatives on every engine."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from cgcli import parse
from cgcli.explain.checking import AGREES, KINK, ROUNDING, check
from cgcli.passes.differentiate import differentiate
from cgcli.passes.scalars import NotScalarError, to_scalars
from tests.conformance.cases import (
    ELEMENTWISE,
    ENGINES,
    EPSILON,
    PYTHON,
    REFERENCE,
    ROWS,
    STRUCTURAL,
    applied,
    as_array,
    lacks,
)
from tests.conformance.gaps import LEFT_OUT

pytestmark = pytest.mark.filterwarnings("ignore::cgcli.errors.PrecisionWarning")  # 0 to 1000 digits is 0
POINT = {"x": 0.83, "y": 1.37, "z": 2.21}
"""Inputs of the examples; at these nothing ties and no matrix is singular."""
RELATIVE = 1e-11
EXAMPLES = [(row, text) for row in ROWS for text in row.examples]
ARRAY_ENGINES = [name for name, engine in ENGINES.items() if engine.arrays]

each_example = pytest.mark.parametrize(("row", "text"), EXAMPLES, ids=[text for _, text in EXAMPLES])


@cache
def program(text):
    """An example's graph with its first and second derivatives: the graph, output, variables, all nodes."""
    bound = parse(text).bind({name: POINT[name] for name in parse(text).inputs})
    graph = bound.graph
    (output,) = bound.program.outputs.values()
    places = list(graph.inputs().values())
    slopes = list(map(differentiate(graph, [output], places).wrt, places))
    nodes = [output, *slopes]
    for slope in slopes:
        nodes.extend(map(differentiate(graph, [slope], places).wrt, places))
    return graph, output, places, nodes


@cache
def true_values(text):
    """The nodes of an example in 65 digits."""
    graph, _, _, nodes = program(text)
    values = REFERENCE.evaluate(graph, POINT, nodes)
    return [as_array(values[node]) for node in nodes]


def disagreements(text, found, tolerance):
    """Nodes whose values are not the true ones, relative to the largest derivative of the example."""
    exact = true_values(text)
    size = max(1e-3, *(float(np.abs(true).max(initial=0.0)) for true in exact))
    return [
        (place, one, true)
        for place, (one, true) in enumerate(zip(map(as_array, found), exact, strict=True))
        if one.shape != true.shape or not (np.abs(one - true) <= tolerance * size).all()
    ]


@pytest.mark.parametrize("row", STRUCTURAL, ids=lambda row: row.name)
def test_every_structural_row_has_an_example(row):
    """`place` has none: it is the pullback of `index` and comes up in the derivatives of that."""
    assert row.examples or "internal" in row.traits


@pytest.mark.parametrize("name", ARRAY_ENGINES)
@each_example
def test_examples_and_their_derivatives_on_every_engine(row, text, name):
    graph, _, _, nodes = program(text)
    engine = ENGINES[name]
    if lacks(name, graph, nodes):
        return
    values = engine.evaluate(graph, POINT, nodes)
    assert not disagreements(text, [values[node] for node in nodes], max(EPSILON.get(name, 0.0), RELATIVE))


@each_example
def test_examples_taken_apart_into_scalars(row, text):
    """The engine of scalars computes the same from the elements, one by one."""
    graph, _, _, nodes = program(text)
    try:
        scalars = to_scalars(graph, nodes, lambda row: row.compute is not None or "python" in row.spell)
    except NotScalarError as unable:
        missing = {operation.name for operation in unable.rows}
        if missing <= LEFT_OUT["native"]:
            return
        raise
    wanted = [element for node in nodes for element in scalars.elements[node]]
    values = PYTHON.evaluate(scalars.graph, POINT, wanted)
    found = [
        np.array([values[element] for element in scalars.elements[node]]).reshape(graph.shape_of(node))
        for node in nodes
    ]
    assert not disagreements(text, found, RELATIVE)


@each_example
def test_rules_of_examples_agree_with_differences(row, text):
    graph, output, places, _ = program(text)
    findings = check(graph, output, places, POINT, order=2).findings
    allowed = (AGREES, ROUNDING, KINK) if "piecewise_constant" in row.traits else (AGREES, ROUNDING)
    assert not [finding for finding in findings if finding.verdict not in allowed]


@pytest.mark.parametrize("name", LEFT_OUT)
def test_engines_leave_out_what_the_list_says(name):
    if name not in ENGINES:
        pytest.skip(f"the library of the engine `{name}` is not installed")
    lacks = ENGINES[name].lacks
    found = set()
    for row in ELEMENTWISE:
        graph, _, node = applied(row)
        if lacks(graph, [node]):
            found.add(row.name)
    for _, text in EXAMPLES:
        graph, output, _, _ = program(text)
        found.update(missing.name for missing in lacks(graph, [output]))
    assert found == LEFT_OUT[name]
