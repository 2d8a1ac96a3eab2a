"""Published problems from their standard starts: the values of their minima, few evaluations, no false claim."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from statistics import median

import pytest

import cgcli as cg

FILE = Path(__file__).resolve().parents[2] / "benchmarks" / "minima.py"
SPEC = importlib.util.spec_from_file_location("minima", FILE)
minima = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(minima)
SLOW = {
    "watson6", "watson9", "watson12", "osborne2", "chebyquad9", "chebyquad10", "broyden_band10", "disc_integral10",
    "meyer", "gulf", "gaussian", "brown_dennis", "biggs_exp6",
}  # fmt: skip
QUICK = {name: problem for name, problem in minima.MGH.items() if name not in SLOW}


@pytest.fixture(scope="module")
def ends():
    return {name: cg.parse(problem.text).minimize(problem.start) for name, problem in QUICK.items()}


def is_close(value, known):
    return any(abs(value - each) <= 1e-6 * max(1, abs(each)) for each in known)


def test_the_functions_of_more_garbow_and_hillstrom(ends):
    unsolved = [name for name, end in ends.items() if not is_close(end.value, QUICK[name].minima)]
    assert len(unsolved) <= 1, unsolved
    assert not [name for name, end in ends.items() if not end.converged]


def test_few_evaluations(ends):
    assert median(end.evaluations for end in ends.values()) <= 9


def test_no_curvature_is_negative_where_convergence_is_claimed(ends):
    for name, end in ends.items():
        largest = abs(end.hessian_eigenvalues).max()
        assert end.hessian_eigenvalues[0] >= -1e-6 * largest, name
