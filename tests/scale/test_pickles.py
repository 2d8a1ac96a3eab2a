"""Formulas travel between processes, whether they were read or built."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import cgcli as cg


@pytest.mark.parametrize("protocol", range(2, 6))
def test_a_text_and_its_place_in_messages(protocol):
    formula = cg.parse("param w = 2; a = w*x; b = [1, 2] @ v; output a; output b", "model.cg")
    twin = pickle.loads(pickle.dumps(formula, protocol))
    assert (twin.inputs, twin.params, twin.outputs) == (formula.inputs, formula.params, formula.outputs)
    assert twin.eval(x=3.0, v=[1, 1]) == {"a": 6.0, "b": 3.0}
    with pytest.raises(cg.CgError) as caught:
        twin.eval(x=1.0, v=[1, 2, 3])
    assert caught.value.source.name == "model.cg"


def test_a_graph_that_was_built():
    x, y = cg.inputs("x y")
    formula = cg.formula({"p": x * y + np.array([1.0, 2.0]), "q": cg.sin(x)})
    twin = pickle.loads(pickle.dumps(formula))
    assert twin.outputs == ["p", "q"]
    found = twin.eval(x=0.0, y=3.0)
    np.testing.assert_array_equal(found["p"], [1.0, 2.0])
    assert found["q"] == 0.0
