"""What is kept from one call to the next has bounds, and what goes is made again and gives the same."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cgcli as cg
from cgcli.formulas import programs
from cgcli.formulas.derivatives import gradient_nodes
from cgcli.graph.store import Graph
from cgcli.kept import Kept


@given(st.lists(st.integers(0, 30), max_size=200), st.integers(2, 12))
def test_an_answer_is_right_or_gone(questions: list[int], most: int) -> None:
    kept = Kept(most)
    for place, question in enumerate(questions):
        found = kept.get(question)
        assert found in (None, 7 * question)
        lately = set(questions[max(0, place - most // 2) : place])
        assert found is not None or question not in lately, "one of the last questions was forgotten"
        if found is None:
            kept.put(question, 7 * question)
        assert len(kept) <= most


@given(st.lists(st.integers(1, 50), max_size=60))
def test_weights_are_bounded_though_one_alone_may_be_more(weights: list[int]) -> None:
    kept = Kept(1000, heaviest=100, weigh=lambda weight: weight)
    for place, weight in enumerate(weights):
        kept.put(place, weight)
        assert kept.get(place) == weight
        assert kept.weight() <= 100 + 2 * 50


def alive(graphs: list[weakref.ref[Graph]]) -> int:
    gc.collect()
    return sum(graph() is not None for graph in graphs)


FORMULAS: list[tuple[str, Callable[[int], dict[str, Any]]]] = [
    ("sum(x^k for k in range(n))", lambda n: {"x": 0.5, "n": n}),
    ("sum(v^2)", lambda n: {"v": np.ones(n)}),
    ("v[n]^2", lambda n: {"v": np.ones(400), "n": n}),
    ("input k = n; sum(x^i for i in range(k))", lambda n: {"x": 0.5, "n": n}),
]


@pytest.mark.parametrize(("text", "values"), FORMULAS)
def test_programs_by_shape_length_and_index_are_bounded(
    text: str, values: Callable[[int], dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "KEPT", 16)
    formula = cg.parse(text)
    graphs: list[weakref.ref[Graph]] = []
    for number in range(1, 100):
        given_values = values(number)
        formula.eval(given_values)
        bound = formula.bind(given_values)
        over, _ = gradient_nodes(bound)
        graphs += [weakref.ref(bound.graph), weakref.ref(over.graph)]
    del bound, over
    assert alive(graphs) <= 4 * programs.KEPT
    first = values(1)
    for name, slope in cg.parse(text).grad(first).items():
        assert np.array_equal(formula.grad(first)[name], slope)


def test_large_programs_are_bounded_by_their_nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "MOST_NODES", 16_000)
    formula = cg.parse("sum(sin(x*k) for k in range(n))")
    graphs = [weakref.ref(formula.bind(x=1.0, n=length).graph) for length in range(2_000, 2_025)]
    gc.collect()
    assert sum(len(graph()) for graph in graphs if graph() is not None) <= 2 * programs.MOST_NODES


def test_questions_about_one_program_are_bounded() -> None:
    formula = cg.parse("+".join(f"x{place}^2*x{(place + 1) % 80}" for place in range(80)))
    point = dict.fromkeys(formula.inputs, 2.0)
    graphs, size = [], len(formula.graph)
    for name in formula.inputs:
        for ask in (formula.grad, formula.jacobian):
            ask(point, wrt=[name])
        formula.hvp(point, directions={name: 1.0})
        graphs.append(weakref.ref(gradient_nodes(formula.bind(point), [name])[0].graph))
    assert alive(graphs) <= 32
    assert len(formula.graph) == size


def test_a_program_that_is_used_stays_though_many_come_and_go() -> None:
    formula = cg.parse("sum(v)*x")
    often = formula.bind(v=np.ones(3), x=1.0).program
    for length in range(4, 500):
        formula.eval(v=np.ones(length), x=1.0)
        assert formula.bind(v=np.ones(3), x=1.0).program is often
