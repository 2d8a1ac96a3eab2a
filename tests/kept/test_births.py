"""A nan or an infinity that is born within a kept loop is told with its place in the text and the step."""

from __future__ import annotations

import warnings

import pytest

import cgcli as cg
from cgcli.errors import NotFiniteWarning
from tests.kept.keeping import everything_kept

TEXTS = [
    (
        "step(s, i) = sqrt(s) + log(5.5 - i)*a; fold(step, 1, range(9))",
        "nan comes from `log` of -0.5, in step 7 of `step`",
    ),
    ("step(s, i) = exp(s^2)*a; fold(step, 1, range(9))", "inf comes from `exp` of 2.6185e+06, in step 3 of `step`"),
    ("step(s, i) = log(s - i)*a; fold(step, 9, range(8, -1, -1))", "nan comes from `log` of -7, in step 2 of `step`"),
    (
        "inner(t, j) = log(t)*a; step(s, i) = fold(inner, s, range(3)); fold(step, 1, range(4))",
        "-inf comes from `log` of 0, in step 2 of `inner`, in step 1 of `step`",
    ),
]


@pytest.mark.parametrize(("text", "told"), TEXTS)
def test_values(text, told):
    with everything_kept(), pytest.warns(NotFiniteWarning) as caught:
        cg.parse(text).eval(a=1)
    assert caught[0].message.message == told
    place = caught[0].message.span
    assert text[place[0] : place[1]].startswith(told.split("`")[1])


def test_derivatives():
    text = "step(s, i) = sqrt(s^2)*a; fold(step, x, range(5))"
    with everything_kept(), pytest.warns(NotFiniteWarning) as caught:
        cg.parse(text).grad(a=1, x=0)
    told = "inf comes from the derivative of `sqrt` at 0 (rule: 1 / (2 * sqrt(s^2))), in step 5 of `step`"
    assert caught[0].message.message == told


def test_what_is_finite_is_not_told_of():
    with everything_kept(), warnings.catch_warnings():
        warnings.simplefilter("error")
        cg.parse("step(s, i) = sqrt(s^2)*a; fold(step, x, range(5))").grad(a=1, x=0.5)
