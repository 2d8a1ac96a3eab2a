"""What is said of kinks is said of those within kept loops too, with the step."""

from __future__ import annotations

import pytest

import cgcli as cg
from cgcli.errors import KinkWarning
from cgcli.formulas.kinks import kinks_at
from tests.kept.keeping import everything_kept


def texts(text, **values):
    with everything_kept():
        return [hit.text for hit in kinks_at(cg.parse(text).bind(values), list(values))]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("step(s, i) = abs(s - i); fold(step, x, range(4))", ["abs(s - i) at 0, in step 2 of `step`"]),
        ("step(s, i) = relu(s) - i; fold(step, x, range(4, -1, -1))", ["relu(s) at 0, in step 5 of `step`"]),
        ("step(s, i) = s*i; abs(fold(step, x, range(4)))", ["abs(fold(step, x, range(4))) at 0"]),
        ("step(s, i) = sin(s) + i; fold(step, x, range(4))", []),
        (
            "inner(t, j) = max(t, j); step(s, i) = fold(inner, s - i, range(3)); fold(step, x, range(2))",
            ["max(t, j) at 1, 1, in step 2 of `inner`, in step 1 of `step`"],
        ),
    ],
)
def test_kinks_are_found_in_loops(text, told):
    x = {"step(s, i) = relu(s) - i; fold(step, x, range(4, -1, -1))": 10}.get(text, 1)
    assert texts(text, x=x) == told


def test_a_branch_for_a_single_point_is_told_of():
    text = "step(s, i) = (1 if s == 0 else sin(s)/s) - i; fold(step, x, range(3))"
    with everything_kept(), pytest.warns(KinkWarning, match="a single point: s == 0 at 0, 0, in step 1 of `step`"):
        cg.parse(text).grad(x=0)


def test_a_second_derivative_at_a_kink_is_nan_and_told_of():
    text = "step(s, i) = abs(s)*s; fold(step, x, range(2))"
    with everything_kept(), pytest.warns(KinkWarning, match="in step 1 of `step`"):
        cg.parse(text).hessian(x=0)
