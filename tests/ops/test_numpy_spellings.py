"""The quick ways through NumPy give what the plain ones give, or something at least as exact."""

from __future__ import annotations

from math import fsum, inf

import numpy as np
import pytest

import cgcli as cg
from cgcli.ops import linear, shaping


@pytest.mark.parametrize("length", [2, 3, 7, 20, 100, 128, 129])
def test_sums_of_rows_are_as_exact_as_those_of_numpy(length: int) -> None:
    random = np.random.default_rng(length)
    table = random.normal(size=(500, length)) * np.exp(random.normal(size=(500, length)))
    summed = shaping.sum_of.spell["numpy"](np, table, (-1,))
    exact = np.array([fsum(row) for row in table])
    bound = (length / 8 + 4) * np.finfo(float).eps / 2 * np.abs(table).sum(axis=1)
    assert (np.abs(summed - exact) <= bound).all()


@pytest.mark.parametrize("shape", [(500, 3), (500, 1), (3, 500), (4, 30, 7), (1, 1)])
def test_sums_of_columns_are_those_of_numpy(shape: tuple[int, ...]) -> None:
    table = np.random.default_rng(3).normal(size=shape)
    for turned in (table, table.swapaxes(-1, -2), table[..., ::-1], np.broadcast_to(table, (2, *shape))):
        summed = shaping.sum_of.spell["numpy"](np, turned, (-2,))
        assert np.array_equal(summed, turned.sum(axis=-2))


def test_a_diagonal_has_zeros_beside_infinite_elements() -> None:
    matrix = linear.diag.spell["numpy"](np, np.array([inf, -1.0]), 1)
    assert np.array_equal(matrix, [[inf, 0], [0, -1]])
    rows = linear.diag.spell["numpy"](np, np.array([[1.0, 2.0], [3.0, 4.0]]), 1)
    assert np.array_equal(rows, [[[1, 0], [0, 2]], [[3, 0], [0, 4]]])


def test_lists_of_single_values_and_columns() -> None:
    formula = cg.parse("sum([x, y, 1] * [1, 2, 3])")
    assert formula.eval(x=2, y=3) == 11
    assert formula.eval_rows(x=np.array([2.0, 0.0]), y=3.0, engine="numpy").tolist() == [11, 9]
    matrix = cg.parse("[[x, y], [y, x]] @ [1, 2]")
    assert matrix.eval(x=2, y=3).tolist() == [8, 7]
    assert matrix.eval_rows(x=np.array([2.0, 0.0]), y=3.0, engine="numpy").tolist() == [[8, 7], [6, 3]]
