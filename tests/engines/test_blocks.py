"""Nodes for blocks of rows, again and again: the same numbers as a whole table gives, on every engine with rows."""

from __future__ import annotations

import numpy as np
import pytest

from cgcli import parse
from cgcli.engines import engine
from cgcli.formulas.rows import bind_rows

FORMULAS = {
    "scalars": ("a*exp(-b*t) + c", {"a": 2.0, "b": 0.5, "c": 1.0}),
    "a constant and an input": ("output t, two, y\ntwo = 2\ny = t + a", {"a": 2.0}),
    "twins": ("output y, z\ny = a*t\nz = a*t", {"a": 3.0}),
    "an array for each row": ("[t, a] * w", {"a": 2.0, "w": np.array([1.0, 2.0])}),
    "an array for all rows": ("output v, y\nv = w * a\ny = t*v[1]", {"a": 2.0, "w": np.array([1.0, 2.0])}),
}


@pytest.mark.parametrize("name", ["numpy", "native"])
@pytest.mark.parametrize("text", FORMULAS)
@pytest.mark.parametrize("bounds", [(0, 20), (3, 5), (7, 19), (19, 20)], ids=str)
def test_blocks_are_what_the_whole_table_gives(name, text, bounds):
    text, values = FORMULAS[text]
    columns = {"t": np.linspace(0, 4, 20)}
    bound = bind_rows(parse(text), ["t"], values)
    wanted, chosen = list(bound.program.outputs.values()), engine(name)
    whole = chosen.evaluate_rows(bound.graph, {**bound.values, **columns}, wanted)
    lines = np.vstack([np.broadcast_to(whole[n], (20, *whole[n].shape[1:])).reshape(20, -1).T for n in wanted])
    blocks = chosen.blocks(bound.graph, wanted, ["t"])
    first, last = bounds
    out = np.full((blocks.width, 50), np.nan)
    for _ in range(2):  # nothing is used up
        blocks.at(bound.values).over(columns).fill(first, last, out)
        np.testing.assert_array_equal(out[:, : last - first], lines[:, first:last])
    assert np.isnan(out[:, last - first :]).all()
