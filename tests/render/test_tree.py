"""The tree in the terminal: goldens, references, and how it stays narrow."""

from __future__ import annotations

from pathlib import Path

import pytest

import cgcli as cg
from cgcli.formulas.drawing import picture_of
from cgcli.render.folding import fold
from cgcli.render.tree import DEEPEST, line_count, tree_lines
from tests.golden import check_golden

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "draw"
TREES = {
    "tree_structure": ("(x + y) * z", {}, False),
    "tree_gradient": ("h = x + y; h * z / exp(h)", {"x": 1, "y": 2, "z": 3}, True),
    "tree_calls": ("f(x) = exp(x); g(x) = sin(x); h(x) = x^2; f(g(h(x)))", {"x": 0.5}, True),
    "tree_outputs": ("w = 0.5; a = w * sin(x); b = a^2 - a; output a; output b", {}, False),
}


def tree(text, values=None, *, grad=False, limit=None):
    picture = picture_of(cg.parse(text), values or {}, grad=grad)
    return list(tree_lines(picture, fold(picture, limit=limit)))


@pytest.mark.parametrize("name", TREES)
def test_golden(name):
    text, values, grad = TREES[name]
    check_golden(GOLDEN / f"{name}.txt", "\n".join(tree(text, values, grad=grad)) + "\n")


def test_what_is_used_twice_is_shown_once():
    lines = tree("exp(sin(x) + 1) * sin(x)")
    assert sum("sin" in line for line in lines) == 1
    assert sum(line.endswith("v1 (above)") for line in lines) == 1


def test_a_deep_tree_goes_on_at_the_left_margin():
    lines = tree(" + ".join(f"x{place}" for place in range(1, 201)))
    assert max(map(len, lines)) <= 3 * DEEPEST + 20
    assert all(any(line.endswith(f" x{place}") for line in lines) for place in range(1, 201))
    below = [line.split()[-2] for line in lines if line.endswith("(below)")]
    assert [line.partition(":")[0] for line in lines if line.startswith("v")] == below


def test_a_chain_of_a_hundred_thousand_is_written_without_recursion():
    lines = tree("-" * 100_000 + "x")
    assert sum("−" in line for line in lines) == 100_000


def test_a_large_tree_is_folded():
    text = " + ".join(f"x{place}" for place in range(5000))
    picture = picture_of(cg.parse(text), {})
    assert line_count(picture) == 9999
    lines = tree(text, limit=0)
    assert len(lines) < 50
    assert any("… (9,978 nodes)" in line for line in lines)
