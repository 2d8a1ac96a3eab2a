"""R factors of tall matrices by LAPACK and by machine code: those of NumPy, at every scale."""

from __future__ import annotations

import numpy as np
import pytest

from cgcli.fitting import triangles
from cgcli.fitting.triangles import Triangles, stacked, triangle

RANDOM = np.random.default_rng(7)


def lines_of(matrix, ways, rows):
    out = np.full((matrix.shape[1], ways.room(rows, matrix.shape[1])), np.nan)
    out[:, : len(matrix)] = matrix.T
    return out


@pytest.mark.parametrize("native", [False, True])
@pytest.mark.parametrize(("rows", "width"), [(1, 3), (3, 3), (5, 1), (33, 4), (1000, 6), (5000, 6), (700, 40)])
def test_the_triangle_is_that_of_numpy(native, rows, width, monkeypatch):
    monkeypatch.setattr(triangles, "MUCH", 0 if native else 10**18)
    ways = Triangles(width, rows)
    scales = 10.0 ** RANDOM.uniform(-6, 6, width)
    matrix = RANDOM.normal(size=(rows, width)) * scales
    found = ways.made(lines_of(matrix, ways, rows), rows, lambda: None)
    assert found.shape == (width, width)
    assert np.all(np.tril(found, -1) == 0)
    np.testing.assert_allclose(found.T @ found / np.outer(scales, scales), matrix.T @ matrix / np.outer(scales, scales),
                               rtol=1e-12, atol=1e-12 * rows)  # fmt: skip
    if rows >= width:
        expected = np.linalg.qr(matrix, mode="r")
        np.testing.assert_allclose(np.abs(found), np.abs(expected), rtol=1e-8, atol=1e-13 * scales.max() * rows**0.5)


@pytest.mark.parametrize("scale", [1e-300, 1e-170, 1e160, 1e300, 0.0])
def test_columns_whose_squares_are_no_numbers_go_another_way(scale, monkeypatch):
    monkeypatch.setattr(triangles, "MUCH", 0)
    matrix = RANDOM.normal(size=(100, 3)) * np.array([1.0, scale, 2.0])
    ways = Triangles(3, 100)
    lines = lines_of(matrix, ways, 100)

    def again():
        lines[:, :100] = matrix.T

    found = ways.made(lines, 100, again)
    expected = np.linalg.qr(matrix, mode="r")
    np.testing.assert_allclose(np.abs(found), np.abs(expected), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("native", [False, True])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_shows(native, value, monkeypatch):
    monkeypatch.setattr(triangles, "MUCH", 0 if native else 10**18)
    matrix = RANDOM.normal(size=(50, 3))
    matrix[20, 1] = value
    ways = Triangles(3, 50)
    lines = lines_of(matrix, ways, 50)

    def again():
        lines[:, :50] = matrix.T

    assert not np.isfinite(ways.made(lines, 50, again)).all()


def test_triangles_of_blocks_are_the_triangle_of_all():
    matrix = RANDOM.normal(size=(5, 1000)) * np.array([1e-9, 1.0, 1e9, 3.0, 1e3])[:, None]
    blocks = [triangle(np.ascontiguousarray(matrix[:, first : first + 90]), min(90, 1000 - first))
              for first in range(0, 1000, 90)]  # fmt: skip
    expected = np.linalg.qr(matrix.T, mode="r")
    np.testing.assert_allclose(np.abs(stacked(blocks)), np.abs(expected), rtol=1e-9, atol=1e-14)
