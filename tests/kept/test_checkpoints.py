"""Loops that are gone back in stretches have the derivatives of those whose states are all remembered."""

from __future__ import annotations

import numpy as np
import pytest

import cgcli as cg
from cgcli.graph.bodies import bodies_in
from cgcli.ops import calling
from cgcli.passes import checkpoints
from cgcli.passes.checkpoints import in_stretches
from tests.kept.loops import Loop, values_and_derivatives


def plain(x, a, w):
    return cg.sin(x * a + w)


def emitting(x, a, w):
    return cg.tanh(x + a * w), cg.stack(x[0] * a, x[1])


def deciding(x, a, w):
    return cg.where(x > a, cg.sqrt(x - a) + w, cg.maximum(x * w, 0.3))


CASES = {
    "numbers": (plain, (), [()], [()]),
    "arrays": (plain, (2,), [(2,)], [()]),
    "matrices": (plain, (2, 2), [()], [(2,)]),
    "emitting": (emitting, (2,), [()], [(2,)]),
    "decisions": (deciding, (2,), [()], [(2,)]),
    "without items": (lambda x, w: cg.cos(x * w), (2,), [], [()]),
}


@pytest.mark.parametrize("steps", [16, 23])
@pytest.mark.parametrize("reverse", [False, True], ids=["forwards", "in reverse"])
@pytest.mark.parametrize("case", CASES)
def test_first_and_second_derivatives(case, reverse, steps, monkeypatch):
    found = []
    for most in (checkpoints.MOST_NUMBERS, 10):
        monkeypatch.setattr(checkpoints, "MOST_NUMBERS", most)
        loop = Loop(*CASES[case], steps, reverse)
        found.append(values_and_derivatives(loop.graph, loop.total.node, loop.inputs, loop.values))
        assert any("stretches" in each.name for each in bodies_in(loop.graph)) == (most == 10)
    for whole, stretched in zip(*found, strict=True):
        np.testing.assert_allclose(stretched, whole, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("reverse", [False, True], ids=["forwards", "in reverse"])
@pytest.mark.parametrize("steps", [16, 17, 23])
def test_stretches_give_what_the_loop_gives(steps, reverse):
    loop = Loop(*CASES["emitting"], steps, reverse)
    static = in_stretches(loop.body, steps, 1, reverse)
    other = loop.operands[0].build(calling.call, loop.operands, [static])
    values = cg.formula({"one": loop.result, "other": other}).eval(loop.values)
    np.testing.assert_array_equal(values["one"], values["other"])
