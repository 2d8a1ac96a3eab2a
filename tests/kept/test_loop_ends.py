"""Loops with their first and last steps written out: the same numbers, and every node in the call it belongs to."""

from __future__ import annotations

import json

import numpy as np
import pytest

import cgcli as cg
from cgcli.__main__ import main
from cgcli.errors import CalculationError
from cgcli.explain.repeats import count_calls
from cgcli.formulas.drawing import picture_of
from cgcli.graph.lint import lint
from cgcli.ops import REGISTRY, calling
from cgcli.passes.inlining import has_kept
from cgcli.passes.loop_ends import with_loop_ends
from cgcli.render.dot import dot_text
from cgcli.render.folding import fold
from tests.kept.keeping import everything_kept
from tests.kept.test_texts import TEXTS, shape_in

LONG = "f(t) = t*sin(t); step(x, i) = f(x + r*i)/(i + 1); fold(step, x, range(100000))"


@pytest.mark.parametrize("opened", [False, True])
@pytest.mark.parametrize("name", TEXTS)
def test_values_and_derivatives_stay(name, opened):
    random = np.random.default_rng(2)
    with everything_kept():
        formula = cg.parse(TEXTS[name])
        names = [each for each in formula.inputs if each not in REGISTRY.by_name]
        point = {each: random.uniform(0.3, 0.9, shape_in(TEXTS[name], each)) for each in names}
        bound = formula.bind(point, steps=True)
        value, expected = formula.eval(point), formula.grad(point)
        found = formula.trace(point, all=opened)
    _, graph = with_loop_ends(bound.graph, range(len(bound.graph)), everything=opened)
    assert not lint(graph)
    assert not (opened and has_kept(graph))
    steps = [graph.attributes_of(node)[1] for node in range(len(graph)) if graph.row(node) is calling.scan]
    assert all(count > 1 for count in steps)
    (node,) = found.outputs.values()
    np.testing.assert_allclose(found.values[node], value, rtol=1e-13)
    gradient = {found.names[node]: value for node, value in found.backward[0].gradient.items()}
    for each, slope in expected.items():
        np.testing.assert_allclose(gradient[each], slope, rtol=1e-12, atol=1e-13)


def test_a_long_loop_is_drawn_as_its_ends_and_what_lies_between():
    picture = picture_of(cg.parse(LONG), {"x": 0.3, "r": 2}, grad=True)
    folding = fold(picture, widest=10**6)
    (loop,) = (group for group in folding.groups if group.is_loop)
    assert loop.label == "step × 99,998"
    headings = {folding.call_label(picture, call) for call in picture.graph.scopes.values()}
    assert {"step (first of 100,000)", "step (last of 100,000)", "f"} <= headings
    assert "step × 99,998\\n" in dot_text(picture, folding)


def test_calls_are_counted_in_loops_too():
    graph = cg.parse(LONG).graph
    assert count_calls(graph, [1] * len(graph)) == {"step": 100_000, "f": 100_000}


def test_the_trace_shows_the_loop_as_a_step(capsys):
    assert main(["trace", LONG, "x=0.3", "r=2"]) == 0
    shown = capsys.readouterr().out
    assert shown.count("step × 99,998: calls 2 to 99,999 of 100,000, one loop") == 2
    assert "its steps, backwards" in shown
    assert main(["trace", LONG, "x=0.3", "r=2", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert [step["operation"] for step in data["forward"]].count("scan") == 1
    result, exact = data["values"]["result"], cg.parse(LONG).eval(x=0.3, r=2)
    assert result == pytest.approx(exact, rel=1e-12)


def test_too_long_a_loop_is_not_opened(capsys):
    for words in (["--open", "step"], ["--all"]):
        assert main(["draw", LONG, *words]) == 1
        assert "look at its first and its last step" in capsys.readouterr().err
    with pytest.raises(CalculationError, match="step by step makes"):
        cg.parse(LONG).trace(x=0.3, r=2, open="step")
    assert main(["draw", LONG, "--open", "stop"]) == 2
