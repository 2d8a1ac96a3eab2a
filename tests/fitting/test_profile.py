"""Likelihood intervals: published ones, exact ones, and what is said where there is none."""

from __future__ import annotations

import numpy as np
import pytest

import cgcli as cg

S = np.array([0.02, 0.02, 0.06, 0.06, 0.11, 0.11, 0.22, 0.22, 0.56, 0.56, 1.1, 1.1])
SPEED = np.array([76.0, 47, 97, 107, 123, 139, 159, 152, 191, 201, 207, 200])
"""Puromycin, treated cells: Bates & Watts (1988), table A1.3."""
MICHAELIS = cg.parse("V*S/(K + S)")


def test_puromycin():
    found = MICHAELIS.fit({"S": S, "v": SPEED}, target="v").profile()
    assert found["K"].value == pytest.approx(0.06412128168156707, rel=1e-9)  # by 30 digits, as V
    assert (found["K"].low, found["K"].high) == pytest.approx((0.04692034, 0.08615691), abs=6e-9)
    assert found["V"].value == pytest.approx(212.68374314253607, rel=1e-9)
    assert (found["V"].low, found["V"].high) == pytest.approx((197.30193, 229.28906), abs=6e-6)
    assert {profile.kind for profile in found.values()} == {"bounded"}


def test_intervals_of_a_linear_model_are_students():
    found = cg.parse("a + b*S + c*S^2").fit({"S": S, "v": SPEED}, target="v")
    for name, profile in found.profile().items():
        assert (profile.low, profile.high) == pytest.approx(found.intervals[name], rel=1e-8)
    wider = found.profile(0.99)["a"]
    assert wider.low < found.intervals["a"][0]
    assert wider.high > found.intervals["a"][1]


def test_where_the_curve_never_bends_the_ratio_is_told():
    few = {"S": S[:4] / 50, "v": SPEED[:4]}
    found = MICHAELIS.fit(few, target="v", start={"V": 200, "K": 0.06}).profile()
    assert {profile.kind for profile in found.values()} == {"one-sided"}
    assert np.isinf([found["V"].high, found["K"].high]).all()
    for profile in found.values():
        (told,) = profile.told
        assert told.text == "V/K"
        assert told.value == pytest.approx(found["V"].value / found["K"].value)
        assert 0 < told.error < np.inf


@pytest.mark.parametrize(
    ("formula", "combination"), [("a*b*S + c", "a*b"), ("(a + b)*S + c", "a + b"), ("a/b*S + c", "a/b")]
)
def test_a_flat_parameter_comes_with_the_combination_that_is_known(formula, combination):
    fitted = cg.parse(formula).fit({"S": S, "v": SPEED}, target="v", start={"a": 1, "b": 2, "c": 1})
    found = fitted.profile()
    assert (found["a"].kind, found["b"].kind, found["c"].kind) == ("flat", "flat", "bounded")
    line = cg.parse("k*S + c").fit({"S": S, "v": SPEED}, target="v")
    for name in ("a", "b"):
        assert [told.text for told in found[name].told] == [combination]
        assert found[name].told[0].value == pytest.approx(line.values["k"], rel=1e-9)
        assert found[name].told[0].error == pytest.approx(line.errors["k"], rel=1e-6)


def test_bounds_end_an_interval_and_are_told():
    found = MICHAELIS.fit({"S": S, "v": SPEED}, target="v", bounds={"K": (0.05, 0.08)}).profile()
    assert (found["K"].low, found["K"].high) == (0.05, 0.08)
    assert found["K"].at_bound == ("low", "high")
    assert found["V"].at_bound == ()


def test_residuals_that_are_rounding_have_no_intervals():
    found = cg.parse("a + b*S").fit({"S": S, "v": 1 + 2 * S}, target="v")
    with pytest.raises(cg.CgError, match="no likelihood intervals"):
        found.profile()
