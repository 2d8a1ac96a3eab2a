"""A reduction of a single number is that number's, on every engine and in many digits."""

from __future__ import annotations

import pytest

import cgcli as cg
from cgcli.ops import REGISTRY

ROWS = [row for row in REGISTRY.rows if "reduction" in row.traits and row.arity == 1]


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
@pytest.mark.parametrize("x", [2.5, -2.5])
def test_in_many_digits(row, x):
    try:
        formula = cg.formula(row(cg.inputs("x")))
    except cg.CgError:  # the row takes no numbers
        return
    assert float(formula.eval(x=x, digits=25)) == pytest.approx(formula.eval(x=x), nan_ok=True)
