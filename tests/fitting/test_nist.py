"""NIST's nonlinear regression problems from both published starts with no other option, and some without any start."""

from __future__ import annotations

import pytest

import cgcli as cg
from tests.fitting.strd import FORMULAS, digits, read


@pytest.mark.parametrize("start", [0, 1], ids=["far", "near"])
@pytest.mark.parametrize("name", FORMULAS)
def test_parameters_and_errors_are_the_certified_ones(name, start):
    certified = read(name)
    found = cg.parse(FORMULAS[name]).fit(certified.columns, target=certified.target, start=certified.starts[start])
    assert found.converged
    assert digits(found.values, certified.values) > 9.5
    assert digits(found.errors, certified.errors) > 9.5
    assert found.residual == pytest.approx(certified.residual, rel=1e-9)


def test_residuals_near_the_rounding_of_the_table_are_computed_from_its_decimals():
    certified = read("Lanczos1")
    found = cg.parse(FORMULAS["Lanczos1"]).fit(certified.columns, target="y", start=certified.starts[1])
    assert "50 digits from the decimals of the table" in found.message
    assert not found.warnings


@pytest.mark.parametrize("name", ["BoxBOD", "Eckerle4", "Kirby2", "MGH17", "Rat43", "Roszman1"])
def test_no_start_is_needed(name):
    certified = read(name)
    found = cg.parse(FORMULAS[name]).fit(certified.columns, target=certified.target)
    assert found.converged
    assert digits(found.values, certified.values) > 9.5
