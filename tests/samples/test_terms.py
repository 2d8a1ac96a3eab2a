"""The samples of terms: losses and gradients are those of plain NumPy code, and their tables what the scripts make."""

from __future__ import annotations

import ast
import csv
import importlib.util
import json
import re

import numpy as np
import pytest

import cgcli as cg
from samples.terms import make_data, syntax, treebank
from tests.samples.terms_reference import LOSSES, slope, total
from tests.transcripts import ROOT

FOLDER = ROOT / "samples" / "terms"
FIRST = 25
"""Rows that are compared one by one."""


def table(name):
    """The rows of a sample, its term and its other column."""
    path = FOLDER / f"{name}.jsonl"
    if path.exists():
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    else:
        with (FOLDER / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    term, other = [column for column in rows[0] if column != "smiles"]
    return [row[term] for row in rows], np.array([float(row[other]) for row in rows]), term, other


def declared(name):
    """The shapes of the parameters of a sample."""
    text = (FOLDER / f"{name}.cg").read_text(encoding="utf-8")
    found = re.findall(r"^param (\w+)(?:\[([\d, ]+)\])?", text, re.MULTILINE)
    return {parameter: tuple(map(int, shape.split(","))) if shape else () for parameter, shape in found}


@pytest.mark.parametrize("batched", [True, False])
@pytest.mark.parametrize("name", LOSSES)
def test_losses_and_gradients_are_those_of_plain_code(name, batched):
    formula = cg.load(FOLDER / f"{name}.cg")
    terms, labels, term, other = (column[:FIRST] if place < 2 else column for place, column in enumerate(table(name)))
    random = np.random.default_rng(1)
    point = {each: random.normal(0, 0.4, shape) for each, shape in declared(name).items()}
    assert list(point) == formula.params
    from cgcli.terms.reading import read_terms
    data = {term: read_terms(terms, formula.programs.names, term), other: labels}
    found = formula.eval_rows({**data, **point}, batched=batched)
    expected = [total(LOSSES[name], each, point, label) for each, label in zip(terms, labels, strict=True)]
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)
    _, gradient = formula.grad_sum({**data, **point}, wrt=formula.params, batched=batched)
    for _ in range(3):
        direction = {each: random.normal(size=np.shape(value)) for each, value in point.items()}
        along = sum(float(np.sum(gradient[each] * direction[each])) for each in point)
        slopes = [slope(LOSSES[name], each, point, label, direction) for each, label in zip(terms, labels, strict=True)]
        assert along == pytest.approx(sum(slopes), rel=1e-10, abs=1e-12)
