"""Many rows at once are what a loop over them gives: values, and the gradient of their sum by what they share."""

from __future__ import annotations

from itertools import chain, combinations

import numpy as np
import pytest

from cgcli import parse
from cgcli.engines import engine
from cgcli.ops import REGISTRY
from cgcli.ops.shaping import sum_of
from cgcli.passes.batched import batched
from cgcli.passes.differentiate import differentiate

ROWS = 3
EXAMPLES = {example: row for row in REGISTRY.rows if not row.elementwise for example in row.examples}


def values_of(names, shift):
    return {name: 0.7 + 0.31 * place + shift * (0.11 + 0.05 * place) for place, name in enumerate(sorted(names))}


def subsets(names):
    return chain.from_iterable(combinations(names, count) for count in range(1, len(names) + 1))


@pytest.mark.parametrize("text", EXAMPLES)
def test_a_batch_is_a_loop_over_its_rows(text):
    formula = parse(text)
    program = formula.programs.plain()
    inputs = program.graph.inputs()
    (output,) = program.outputs.values()
    for columns in subsets(list(inputs)):
        by_row = [{**values_of(inputs, 0.0), **{name: values_of(inputs, row)[name] for name in columns}}
                  for row in range(ROWS)]  # fmt: skip
        graph, moved = batched(program.graph, [output], [inputs[name] for name in columns], ROWS)
        given = {**by_row[0], **{name: np.array([row[name] for row in by_row]) for name in columns}}
        found = engine("numpy").evaluate(graph, given, [moved[output]])[moved[output]]
        expected = np.array([formula.eval(row) for row in by_row])
        np.testing.assert_allclose(np.broadcast_to(found, expected.shape), expected, rtol=1e-13, atol=1e-15)
        if np.shape(found) != expected.shape:
            continue  # the rows do not matter to this element
        check_gradient(formula, graph, moved[output], given, by_row, [name for name in inputs if name not in columns])


def check_gradient(formula, graph, output, given, by_row, shared):
    """Weights in front of the elements: a plain sum of a softmax has no derivative."""
    shape = np.shape(formula.eval(by_row[0]))
    weights = np.cos(np.arange(1.0, 1.0 + int(np.prod(shape)))).reshape(shape)
    total = sum_of(
        graph.ref(output) * graph.ref(graph.array_constant(weights) if shape else graph.constant(weights[()]))
    )
    pass_back = differentiate(graph, [total.node], [graph.inputs()[name] for name in shared if name in graph.inputs()])
    for name in shared:
        if name not in graph.inputs():
            continue
        node = pass_back.wrt(graph.inputs()[name])
        found = engine("numpy").evaluate(graph, given, [node])[node]
        expected = sum(float((formula.jacobian(row, wrt=[name])[name] * weights).sum()) for row in by_row)
        np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-12)


LAYERS = {
    "shared matrix, vector a row": ("W @ x", {"W": (4, 3)}, {"x": (3,)}),
    "vector a row, shared matrix": ("x @ W", {"W": (3, 4)}, {"x": (3,)}),
    "matrix a row, shared vector": ("X @ w", {"w": (3,)}, {"X": (2, 3)}),
    "matrix a row, shared matrix": ("X @ W", {"W": (3, 4)}, {"X": (2, 3)}),
    "shared matrix, matrix a row": ("W @ X", {"W": (4, 2)}, {"X": (2, 3)}),
    "shared vector, matrix a row": ("w @ X", {"w": (2,)}, {"X": (2, 3)}),
    "vectors": ("w @ x", {"w": (3,)}, {"x": (3,)}),
    "both a row, vectors": ("k * (x @ y)", {"k": ()}, {"x": (3,), "y": (3,)}),
    "both a row, matrices": ("k * (X @ Y)", {"k": ()}, {"X": (2, 3), "Y": (3, 2)}),
    "both a row, matrix and vector": ("k * (X @ y)", {"k": ()}, {"X": (2, 3), "y": (3,)}),
    "both a row, vector and matrix": ("k * (x @ Y)", {"k": ()}, {"x": (2,), "Y": (2, 3)}),
    "outer": ("outer(w, x)", {"w": (2,)}, {"x": (3,)}),
    "a network": ("b + V @ relu(W @ x + c)", {"W": (4, 3), "V": (2, 4), "b": (2,), "c": (4,)}, {"x": (3,)}),
    "unlike ranks": ("t * W + x", {"W": (2, 3)}, {"t": (), "x": (3,)}),
    "a list of lists": ("[[t, w[0]], [2, x[1]]] * w", {"w": (2,)}, {"t": (), "x": (3,)}),
    "joined": ("concat(w, x, [t])", {"w": (2,)}, {"t": (), "x": (3,)}),
    "joined matrices": ("concat(W, X)", {"W": (2, 3)}, {"X": (1, 3)}),
    "slices": ("x[::-1][1:] * w + X[1, :2]", {"w": (2,)}, {"x": (3,), "X": (2, 2)}),
    "a class": ("logsumexp(W @ x) - [1, 2, 3] @ (W @ x)", {"W": (3, 2)}, {"x": (2,)}),
}


@pytest.mark.parametrize("name", LAYERS)
def test_arrays_of_each_row_meet_arrays_of_all_rows(name):
    text, shared, columns = LAYERS[name]
    random = np.random.default_rng(5)
    formula = parse(text)
    values = {name: random.normal(size=shape) for name, shape in shared.items()}
    by_row = [{**values, **{name: random.normal(size=shape) for name, shape in columns.items()}} for _ in range(ROWS)]
    program = formula.bind(by_row[0]).program
    (output,) = program.outputs.values()
    graph, moved = batched(program.graph, [output], [program.graph.inputs()[name] for name in columns], ROWS)
    given = {**values, **{name: np.array([row[name] for row in by_row]) for name in columns}}
    found = engine("numpy").evaluate(graph, given, [moved[output]])[moved[output]]
    expected = np.array([formula.eval(row) for row in by_row])
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)
    total = sum_of(graph.ref(moved[output]))
    pass_back = differentiate(graph, [total.node], [graph.inputs()[name] for name in shared])
    for name in shared:
        node = pass_back.wrt(graph.inputs()[name])
        slope = engine("numpy").evaluate(graph, given, [node])[node]
        rates = [formula.jacobian(row, wrt=[name])[name] for row in by_row]
        over = tuple(range(np.ndim(expected[0])))
        np.testing.assert_allclose(slope, sum(np.sum(rate, axis=over) for rate in rates), rtol=1e-11, atol=1e-12)
