"""`cg grad --pattern`: the picture of where derivatives are, and its numbers."""

from __future__ import annotations

import json

import numpy as np
import pytest

from cgcli.render.pattern_plot import shades

CHAIN = "input x[50]\nsum(100*(x[1:] - x[:-1]^2)^2 + (1 - x[:-1])^2)"


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_a_pattern_is_drawn_and_told(run, tmp_path, ending):
    (tmp_path / "chain.cg").write_text(CHAIN)
    found = run("grad", "chain.cg", "--pattern", f"p.{ending}")
    assert found.out == "Hessian: 50 × 50, 148 entries (5.92 %), at most 3 in a row, 3 colours\n"
    picture = (tmp_path / f"p.{ending}").read_bytes()
    assert picture.startswith({"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[ending])
    run("grad", "chain.cg", "--pattern", f"again.{ending}")
    assert (tmp_path / f"again.{ending}").read_bytes() == picture


def test_the_pattern_of_an_array_is_that_of_its_jacobian(run):
    found = run("grad", "v*x", "v=[1,2]", "x=3", "--pattern", "p.png", "--json")
    assert json.loads(found.out) == {
        "pattern": {
            "of": "jacobian", "rows": 2, "columns": 3, "entries": 4, "density": 4 / 6, "fullest_row": 2, "colours": 2,
        }
    }  # fmt: skip


def test_nothing_is_written_where_the_question_is_wrong(run, tmp_path):
    for words, code, told in (
        (["p.txt"], 2, "cannot tell the format"),
        (["p.png", "--check"], 2, "--pattern and --check exclude each other"),
        (["p.png", "--symbolic"], 2, "--symbolic and --pattern exclude each other"),
        (["p.png", "--wrt", "z"], 2, "the formula has no `z`"),
    ):
        found = run("grad", "x*y", "x=1", "y=2", "--pattern", *words)
        assert found.code == code
        assert told in found.err
    assert not list(tmp_path.glob("p.*"))


def test_a_large_matrix_is_drawn_in_squares_of_several_elements():
    diagonal = np.arange(100_000)
    image = shades(diagonal, diagonal, (100_000, 100_000))
    assert image.shape == (700, 700)
    assert np.count_nonzero(image) == 700
    assert shades(diagonal[:3], diagonal[:3], (3, 5)).shape == (3, 5)
