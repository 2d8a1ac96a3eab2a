"""Formulas of every kind live: the samples and the examples of operations, asked, changed, edited, made compact."""

from __future__ import annotations

import random

import numpy as np
import pytest

import cgcli as cg
from cgcli.ops import REGISTRY
from tests.transcripts import ROOT

SAMPLES = {path.name: path.read_text(encoding="utf-8") for path in sorted((ROOT / "samples").glob("*.cg"))}
EXAMPLES = {text: text for row in REGISTRY.rows for text in row.examples[:1] if "structural" in row.traits}


def equal(found, expected):
    if isinstance(expected, dict):
        return found.keys() == expected.keys() and all(equal(found[name], expected[name]) for name in expected)
    return np.array_equal(np.asarray(found), np.asarray(expected), equal_nan=True)


def values_for(formula, draw):
    """Values that the formula takes; None where it wants arrays, or whole numbers."""
    values = {name: round(draw.uniform(0.2, 1.5), 3) for name in formula.inputs}
    try:
        formula.eval(values)
    except cg.CgError:
        return None
    return values


def slopes(formula, values):
    try:
        return formula.grad(values)
    except cg.CgError:
        return None


@pytest.mark.parametrize("text", [*SAMPLES, *EXAMPLES])
def test_it_lives(text):
    draw = random.Random(text)
    formula = cg.parse(SAMPLES.get(text, text))
    values, others = values_for(formula, draw), values_for(formula, draw)
    if values is None or others is None:
        return
    live = formula.live(values)
    for given in (values, others):
        live.set(given)
        assert equal(live(), formula.eval(given))
        expected = slopes(formula, given)
        assert expected is None or equal(live.grad(), expected)
    live.define("a_new_name", "1.25")
    live.compact()
    assert equal(live(), formula.eval(others))
    now = live.formula()
    assert equal(cg.parse(str(now)).eval({name: others[name] for name in now.inputs}), formula.eval(others))
    for _ in range(3):
        live.undo()
    assert equal(live(), formula.eval(values))
