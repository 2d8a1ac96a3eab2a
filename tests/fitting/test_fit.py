"""`f.fit`: parameters, statistics, and what is said where something is wrong."""

from __future__ import annotations

import numpy as np
import pytest

import cgcli as cg

T = np.linspace(0.0, 10.0, 40)
Y = 3.0 * np.exp(-0.7 * T) + 0.5 + 0.02 * np.cos(37.0 * T)
DATA = {"t": T, "y": Y}
DECAY = cg.parse("a*exp(-b*t) + c")


def test_a_fit_from_a_start():
    found = DECAY.fit(DATA, target="y", start={"a": 1, "b": 0.1, "c": 0})
    assert found.converged
    assert found.message.startswith("converged")
    assert list(found.values) == ["a", "b", "c"] == list(found.names)
    assert found.values["b"] == pytest.approx(0.7, abs=0.02)
    assert (found.rows, found.dof) == (40, 37)
    residuals = found.values["a"] * np.exp(-found.values["b"] * T) + found.values["c"] - Y
    assert found.residual == pytest.approx(np.sqrt(residuals @ residuals / 37), rel=1e-12)


def test_a_straight_line_is_one_step_without_a_start_and_has_the_statistics_of_text_books():
    x = np.array([1.0, 2, 3, 4, 5, 6])
    y = np.array([1.1, 1.9, 3.2, 3.9, 5.1, 5.8])
    found = cg.parse("y = a + b*x").fit({"x": x, "y": y})
    spread = np.sum((x - x.mean()) ** 2)
    slope = np.sum((x - x.mean()) * y) / spread
    residuals = y - y.mean() - slope * (x - x.mean())
    variance = residuals @ residuals / 4
    assert found.values["b"] == pytest.approx(slope, rel=1e-13)
    assert found.errors["b"] == pytest.approx(np.sqrt(variance / spread), rel=1e-12)
    assert found.errors["a"] == pytest.approx(np.sqrt(variance * (1 / 6 + x.mean() ** 2 / spread)), rel=1e-12)
    reach = 2.7764451051977987 * found.errors["b"]  # Student's t, 4 degrees of freedom, 97.5 %
    assert found.intervals["b"] == pytest.approx((slope - reach, slope + reach), rel=1e-12)
    assert found.r_squared == pytest.approx(1 - residuals @ residuals / np.sum((y - y.mean()) ** 2), rel=1e-13)
    assert found.correlations[0, 1] == pytest.approx(-x.mean() / np.sqrt(np.mean(x**2)), rel=1e-12)
    assert found.aic == pytest.approx(6 * (np.log(2 * np.pi * (residuals @ residuals) / 6) + 1) + 6, rel=1e-12)
    assert found.method == "linear least squares"
    assert found.evaluations <= 3


def test_no_start_is_needed():
    found = DECAY.fit(DATA, target="y")
    given = DECAY.fit(DATA, target="y", start={"a": 1, "b": 0.1, "c": 0})
    assert found.converged
    assert found.values == pytest.approx(given.values, rel=1e-9)


def test_errors_scale_with_the_residuals_unless_sigma_is_absolute():
    line = cg.parse("a + b*t")
    plain = line.fit(DATA, target="y", sigma=2.0)
    absolute = line.fit(DATA, target="y", sigma=2.0, absolute_sigma=True)
    assert plain.errors["a"] == pytest.approx(line.fit(DATA, target="y").errors["a"], rel=1e-12)
    assert absolute.errors["a"] == pytest.approx(plain.errors["a"] / plain.residual, rel=1e-12)


def test_sigma_is_a_column_or_a_formula_over_columns():
    sigma = 0.1 + 0.01 * T
    by_column = DECAY.fit({**DATA, "s": sigma}, target="y", sigma="s")
    by_formula = DECAY.fit(DATA, target="y", sigma="0.1 + 0.01*t")
    assert by_column.values == by_formula.values != DECAY.fit(DATA, target="y").values


def test_a_target_is_a_formula_over_columns():
    found = cg.parse("a - b*t").fit({"t": T, "y": 2 * np.exp(-0.5 * T)}, target="log(y)")
    assert found.values == pytest.approx({"a": np.log(2), "b": 0.5}, rel=1e-12)


def test_parameters_may_be_arrays_and_fixed_ones_stay():
    x = np.linspace(-1, 1, 20)
    found = cg.parse("w[0] + w[1]*x + c*x^2").fit(
        {"x": x, "y": 1 + 2 * x + 3 * x**2}, target="y", start={"w": [0, 0]}, fix={"c": 3}
    )
    assert found.values["w"] == pytest.approx([1, 2], rel=1e-12)
    assert found.names == ("w[0]", "w[1]")
    assert found.errors["w"].shape == (2,)
    assert found.fixed == {"c": 3.0}


def test_params_are_fitted_where_there_are_some():
    found = cg.parse("param k = 1; k*t + m").fit({"t": T, "y": 2 * T + 1}, target="y", start={"m": 1})
    assert found.values == pytest.approx({"k": 2.0})
    assert found.fixed == {"m": 1.0}


@pytest.mark.parametrize("bound", [{"b": (1, 2)}, {"c": (0.6, None)}, {"a": (None, 2.5)}])
def test_bounds_are_kept_and_told(bound):
    ((name, (low, high)),) = bound.items()
    found = DECAY.fit(DATA, target="y", bounds=bound)
    value = found.values[name]
    assert value in (low, high)
    assert found.converged
    assert found.at_bound == [name]
    assert np.isnan(found.errors[name])
    fixed = DECAY.fit(DATA, target="y", fix={name: value})
    for other, number in fixed.values.items():
        assert found.values[other] == pytest.approx(number, rel=1e-9)


def test_a_start_outside_of_its_bounds_is_moved_and_told():
    found = DECAY.fit(DATA, target="y", start={"a": 1, "b": 5, "c": 0}, bounds={"b": (0.1, 2)})
    assert found.values["b"] == pytest.approx(0.7, abs=0.02)
    assert any("b = 5 is outside of its bounds" in warning for warning in found.warnings)


def test_what_the_data_cannot_tell_apart_is_named():
    found = cg.parse("a*b*t + c").fit(DATA, target="y", start={"a": 2, "b": 1, "c": 0})
    assert [set(moved) for moved in found.undetermined] == [{"a", "b"}]
    assert np.isinf([found.errors["a"], found.errors["b"]]).all()
    assert np.isfinite(found.errors["c"])
    ((moved),) = found.undetermined
    assert moved["a"] / moved["b"] == pytest.approx(-found.values["a"] / found.values["b"], rel=1e-6)
    assert any("cannot tell a and b apart" in warning for warning in found.warnings)


def test_a_robust_loss_forgives_an_outlier():
    spoiled = Y.copy()
    spoiled[7] += 50
    found = DECAY.fit({"t": T, "y": spoiled}, target="y", loss="cauchy", loss_scale=0.05)
    assert found.converged
    assert found.values == pytest.approx(DECAY.fit(DATA, target="y").values, rel=0.01)


@pytest.mark.parametrize(
    ("formula", "data", "options", "said"),
    [
        ("a*exp(-b*t) + c", DATA, {}, "no column is named to fit to"),
        ("a*exp(-b*t) + c", DATA, {"target": "z"}, "no column `z`"),
        ("a*exp(-b*t) + c", {"t": T[:2], "y": Y[:2]}, {"target": "y"}, "2 rows cannot determine 3 parameters"),
        ("a*exp(-b*t) + c", {"t": T, "y": T * np.nan}, {"target": "y"}, "no row to fit to"),
        ("a + t", {"t": T, "y": Y - 1}, {"target": "log(y)"}, "`log(y)` is nan in row 12"),
        ("2*t", DATA, {"target": "y"}, "nothing to fit"),
        ("a*t", DATA, {"target": "y", "bounds": {"q": (0, 1)}}, "no parameter `q`"),
        ("a*t", DATA, {"target": "y", "bounds": {"a": (1, 0)}}, "leave nothing between"),
        ("a*t", DATA, {"target": "y", "loss": "hubert"}, "`hubert` is neither"),
        ("a*t", DATA, {"target": "y", "sigma": "t"}, "sigma is 0 in row 1"),
        ("a*exp(-b*t)", DATA, {"target": "y", "start": {"a": 1, "b": -2000}}, "the residual of row 3 is not finite"),
        ("[a*t, a]", DATA, {"target": "y"}, "a fit, in each row, needs a number"),
        ("a + b*t", {"t": T * 1e151, "y": Y}, {"target": "y"}, "their squares leave the range of numbers"),
        ("a + b*t", {"t": T, "y": Y * 1e-160}, {"target": "y"}, "so small that its squares leave"),
        ("a*t", DATA, {"target": "y", "loss": "lost", "epochs": 2}, "no output `lost` to train with"),
    ],
)
def test_what_cannot_be_fitted_has_one_clear_error(formula, data, options, said):
    with pytest.raises(cg.CgError) as caught:
        cg.parse(formula).fit(data, **options)
    assert said in caught.value.message


WAVE = {"t": T, "y": 2.0 * np.sin(3.1 * T + 0.4) + 0.02 * np.cos(37.0 * T)}


def test_several_starts_leave_a_local_minimum_when_asked_for():
    wave, start = cg.parse("a*sin(w*t + p)"), {"a": 1, "w": 1.2, "p": 0}
    caught = wave.fit(WAVE, target="y", start=start)
    found = wave.fit(WAVE, target="y", start=start, starts=24, seed=3)
    assert caught.converged
    assert abs(caught.values["w"]) == pytest.approx(1.2, abs=0.3)
    assert found.values["w"] == pytest.approx(3.1, abs=0.01)
    within = wave.fit(WAVE, target="y", start=start, starts=24, bounds={"w": (2.5, 4)})
    assert within.values["w"] == pytest.approx(found.values["w"], rel=1e-9)


def test_the_same_seed_gives_the_same_bits_and_ranges_are_where_to_start():
    wave = cg.parse("a*sin(w*t + p)")
    found = [wave.fit(WAVE, target="y", start={"w": (2, 4), "p": (0, 1)}, seed=5) for _ in range(2)]
    assert found[0].values == found[1].values
    assert found[0].evaluations == found[1].evaluations
    assert found[0].values["w"] == pytest.approx(3.1, abs=0.01)


@pytest.mark.parametrize("loss", ["soft_l1", "huber", "cauchy", "arctan"])
def test_a_robust_loss_needs_no_start_either(loss):
    large, spoiled = 1e6 * Y, 1e6 * Y
    spoiled[[5, 20]] += 3e6
    found = DECAY.fit({"t": 1e-3 * T, "y": spoiled}, target="y", loss=loss, loss_scale=3e4)
    expected = DECAY.fit({"t": 1e-3 * T, "y": large}, target="y").values
    assert found.converged
    assert found.values == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("b", [0.1, 0.1 + 1e-12, 2.0, -3.0])
def test_no_result_is_worse_than_its_start(b):
    bounds = {"b": (0.1, 2)}
    found = DECAY.fit(DATA, target="y", start={"a": 2.9, "b": b, "c": 0.4}, bounds=bounds)
    inside = min(max(b, 0.1), 2)
    begun = np.sum((2.9 * np.exp(-inside * T) + 0.4 - Y) ** 2)
    assert found.sum_of_squares <= begun
    assert any("bound" in warning for warning in found.warnings)


def test_a_plateau_is_no_solution():
    peak = cg.parse("c + exp(-(t - m)^2)")
    pulse = {"t": T, "y": np.exp(-((T - 5.1) ** 2)) + 0.01 * np.cos(31 * T)}
    assert not peak.fit(pulse, target="y", start={"c": 0, "m": 1e3}, bounds={"m": (900, 2000)}).converged
    found = peak.fit(pulse, target="y", start={"c": 0, "m": 1e3})  # which leads nowhere
    assert found.converged
    assert found.values["m"] == pytest.approx(5.1, abs=0.01)


def test_of_a_constant_target_nothing_is_said_about_a_rate():
    t = np.linspace(0, 10, 30)
    found = cg.parse("a*exp(-b*t) + c").fit({"t": t, "y": np.full(30, 2.0)}, target="y")
    assert found.undetermined == [{"b": 1.0}]
    assert found.values["c"] == pytest.approx(2)


def test_a_phase_that_is_nothing_but_rounding_is_determined():
    t = np.linspace(0, 10, 30)
    start = {"a": 1, "w": 1.1, "p": 0.1}
    found = cg.parse("a*cos(w*t + p)").fit({"t": t, "y": 2 * np.cos(t)}, target="y", start=start)
    assert not found.undetermined
    assert found.values["w"] == pytest.approx(1)


def test_what_is_kept_of_one_fit_is_not_taken_for_another_one():
    t = np.linspace(0, 4, 20)
    table = {"t": t, "y": 3 * np.exp(-0.7 * t) + 1, "z": 2 * np.exp(-0.4 * t), "s": 1 + t}
    table["y"][3] += 0.1
    questions = [
        {"target": "y"}, {"target": "z"}, {"target": "y", "fix": {"c": 1}}, {"target": "y", "fix": {"c": 0.9}},
        {"target": "y", "sigma": "s"}, {"target": "y", "sigma": 2}, {"target": "y/max(y)"},
        {"target": "y", "wrt": ["a", "b"]}, {"target": "y", "columns": {"t": "s"}},
    ]  # fmt: skip
    kept = cg.parse("a*exp(-b*t) + c")
    for _ in range(2):
        for question in questions:
            start = {"a": 1, "b": 1, "c": 1}
            found, alone = (f.fit(table, start=start, **question) for f in (kept, cg.parse("a*exp(-b*t) + c")))
            assert found.values == alone.values
            assert found.aic == alone.aic


def test_a_parameter_that_cancels_is_told_although_its_derivative_is_rounding_and_not_0():
    table = {"c": [0.02, 0.06, 0.11, 0.22, 0.56, 1.1], "v": [61.5, 102, 131, 155.5, 196, 203.5]}
    found = cg.parse("V*K*c/(K*W + K*c)").fit(table, target="v", start={"V": 200, "K": 1, "W": 0.1})
    alone = cg.parse("V*c/(W + c)").fit(table, target="v", start={"V": 200, "W": 0.1})
    assert found.converged
    assert found.undetermined == [{"K": 1.0}]
    assert found.values["W"] == pytest.approx(alone.values["W"])
    assert found.errors["W"] == pytest.approx(alone.errors["W"])


def test_a_formula_without_a_column_is_told():
    found = cg.parse("a + b*q").fit({"c": [1.0, 2, 3, 4], "v": [1.0, 2, 3, 5]}, target="v")
    assert found.warnings[0] == "no input of the formula is a column of the table, which has `c`, `v`"
    assert len(found.undetermined) == 2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a*exp(-t/tau)", ["`tau` is the constant 6.28319 here: give it a start to fit it (tau=1)"]),
        ("a*exp(-b*t) + e", ["`e` is the constant 2.71828 here: give it a start to fit it (e=1)"]),
        ("a*e^(-b*t)", []),
        ("a*cos(2*pi*b*t)", []),
    ],
)
def test_a_constant_that_may_be_meant_as_a_parameter_is_told(text, told):
    t = np.linspace(0, 2, 20)
    start = {"a": 1, "b": 0.3} if "b" in text else {"a": 1}
    found = cg.parse(text).fit({"t": t, "y": 2 * np.exp(-t / 3) + 0.1 * np.cos(40 * t)}, target="y", start=start)
    assert found.warnings == told
    if "tau" in text:
        assert cg.parse(text).fit({"t": t, "y": 2 * np.exp(-t / 3)}, target="y", start={"tau": 1}).values["tau"] > 2.9
