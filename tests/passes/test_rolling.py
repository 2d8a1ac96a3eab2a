"""A loop as arrays computes the same numbers as the scalars that it was written out to."""

from __future__ import annotations

import numpy as np
import pytest

import cgcli as cg
from cgcli.engines.numpy import ENGINE
from cgcli.passes import rolling
from cgcli.passes.rolling import rolled

LOOPS = [
    "sum([x[k+1]*sin(x[k]) - a for k in range(49)])",
    "[x[k]^2 if k > 20 else exp(x[49 - k]) for k in range(50)]",
    "[x[k]*x[7] + a*k for k in range(50)]",
    "prod([1 + x[2*k]/9 for k in range(25)])",
    "[atan2(x[k], x[(7*k) % 50]) for k in range(50)]",
    "h = [x[k]*a for k in range(50)]\n[h[k]*h[49 - k] for k in range(50)]",
    "[[x[k], a, 2][k % 3] for k in range(50)]",
    "sum([A[k % 3, k % 4]*x[k] for k in range(50)])",
    "s = fold(lambda t, k: t*0.5 + x[k], 0, range(50))\ns",
]


def values_of(formula):
    rng = np.random.default_rng(3)
    given = {"x": rng.uniform(0.1, 1, 50), "a": 0.3, "A": rng.uniform(0, 1, (3, 4))}
    return {name: given[name] for name in formula.inputs}


@pytest.mark.parametrize("text", LOOPS[:-1])
def test_a_loop_as_arrays_has_the_same_values(text, monkeypatch):
    monkeypatch.setattr(rolling, "FEWEST_SCALARS", 10)
    formula = cg.parse(text)
    bound = formula.bind(values_of(formula))
    (output,) = bound.program.outputs.values()
    graph, moved = rolled(bound.graph, [output, *bound.graph.inputs().values()])
    assert len(graph) < len(bound.graph)
    found = ENGINE.evaluate(graph, bound.values, [moved[output]])[moved[output]]
    expected = bound.evaluate([output])[0]
    np.testing.assert_allclose(found, expected, rtol=1e-14)  # NumPy's exp of an array may round otherwise
    assert {name: moved[node] for name, node in bound.graph.inputs().items()} == graph.inputs()


def test_what_is_done_to_few_scalars_stays(monkeypatch):
    monkeypatch.setattr(rolling, "FEWEST_SCALARS", 3)
    bound = cg.parse("x*y + sin(x) - exp(y)*x/y").bind(x=1, y=2)
    assert rolled(bound.graph, bound.program.outputs.values()) is None


@pytest.mark.parametrize(
    "loop", ["c*(a[k + 2] - 2*u[k]) + 3*v[k]*u[k]^2", "4*u[k] - 2*v[k] + (u[k]*v[k] if k > 3 else a[k])"]
)  # fmt: skip
def test_a_loop_over_parts_of_arrays_becomes_the_formula_of_these_parts(loop):
    """Whatever is alike is told apart by what it reads, so nothing has to be gathered from here and there."""
    text = f"u = x[:60]\nv = x[60:]\na = concat([1], u, [1])\n[{loop} for k in range(60)]"
    bound = cg.parse(text).bind(x=np.linspace(1, 2, 120), **({"c": 0.5} if "c" in loop else {}))
    (output,) = bound.program.outputs.values()
    graph, moved = rolled(bound.graph, [output, *bound.graph.inputs().values()])
    assert len(graph) < 40
    assert not [node for node in range(len(graph)) if graph.row(node).name in ("gather", "stack")]
    np.testing.assert_array_equal(
        ENGINE.evaluate(graph, bound.values, [moved[output]])[moved[output]], bound.evaluate([output])[0]
    )


def test_a_long_sum_is_one_node_however_it_is_nested():
    for text in ("x[0]" + "".join(f" + x[{k}]^2" for k in range(1, 500)), "sum([x[k]^2 for k in range(500)])"):
        bound = cg.parse(text).bind(x=np.linspace(1, 2, 500))
        (output,) = bound.program.outputs.values()
        graph, moved = rolled(bound.graph, [output, *bound.graph.inputs().values()])
        assert graph.row(moved[output]).name == "sum"
        found = ENGINE.evaluate(graph, bound.values, [moved[output]])[moved[output]]
        np.testing.assert_allclose(found, bound.evaluate([output])[0], rtol=1e-14)
