"""NIST's nonlinear regression problems from both published starts with no other option, and some without any start."""

from __future__ import annotations

import pytest

import cgcli as cg
from tests.fitting.strd import FORMULAS, digits, read

ROUNDED = {"Lanczos1"}
"""The residuals (1e-13) are hardly longer than the rounding of the data in doubles (1e-16): computed with 50 digits
from the same doubles, errors have 3.4 digits in common with those that are certified for the decimal data."""


@pytest.mark.parametrize("start", [0, 1], ids=["far", "near"])
@pytest.mark.parametrize("name", FORMULAS)
def test_parameters_and_errors_are_the_certified_ones(name, start):
    certified = read(name)
    found = cg.parse(FORMULAS[name]).fit(certified.columns, target=certified.target, start=certified.starts[start])
    assert found.converged
    assert digits(found.values, certified.values) > 9.5
    assert digits(found.errors, certified.errors) > (3 if name in ROUNDED else 9.5)
    if name not in ROUNDED:
        assert found.residual == pytest.approx(certified.residual, rel=1e-9)


@pytest.mark.parametrize("name", ["BoxBOD", "Eckerle4", "Kirby2", "MGH17", "Rat43", "Roszman1"])
def test_no_start_is_needed(name):
    certified = read(name)
    found = cg.parse(FORMULAS[name]).fit(certified.columns, target=certified.target)
    assert found.converged
    assert digits(found.values, certified.values) > 9.5
