"""Fits of groups: each as that of its rows alone, a joint fit with shared parameters, failures in their row."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import least_squares

import cgcli
from cgcli.engines import engine
from cgcli.engines.native import walking
from cgcli.errors import CgError, DataError, UsageError
from cgcli.fitting.groups import side_by_side
from cgcli.fitting.groups.beside import triangles_of

DECAY = "a*exp(-b*t) + c"


def decays(groups, rows=20, seed=1, noise=0.02, b=None):
    """Decays of groups with unlike numbers of rows, in shuffled order, and what they were made of."""
    random = np.random.default_rng(seed)
    sizes = random.integers(rows, 2 * rows, groups)
    place = np.repeat(np.arange(groups), sizes)
    truth = {"a": random.uniform(1, 3, groups), "b": random.uniform(0.3, 2, groups), "c": random.uniform(0, 1, groups)}
    if b is not None:
        truth["b"][:] = b
    t = random.uniform(0, 5, len(place))
    y = truth["a"][place] * np.exp(-truth["b"][place] * t) + truth["c"][place] + noise * random.normal(size=len(t))
    order = random.permutation(len(t))
    return {"t": t[order], "y": y[order], "plate": place[order]}, truth


@given(st.integers(0, 10_000), st.integers(4, 12), st.sampled_from([DECAY, "a*t^b + c", "a + b*t + c*t^2"]))
@settings(max_examples=12, deadline=None)
def test_a_group_is_fitted_as_its_rows_alone(seed, groups, formula):
    data, _ = decays(groups, seed=seed)
    start = {"a": 1.0, "b": 1.0, "c": 0.5}
    found = cgcli.parse(formula).fit(data, target="y", by="plate", start=start)
    assert found.converged
    assert len(found) == groups
    for place, key in enumerate(found.keys):
        rows = data["plate"] == key
        alone = cgcli.parse(formula).fit({"t": data["t"][rows], "y": data["y"][rows]}, target="y", start=start)
        for name in "abc":
            scale = max(abs(alone.values[name]), alone.errors[name])
            assert abs(found.values[name][place] - alone.values[name]) <= 1e-8 * scale
            assert found.errors[name][place] == pytest.approx(alone.errors[name], rel=1e-6)
        assert found.table["residual"][place] == pytest.approx(alone.residual, rel=1e-9)
        assert found.table["r_squared"][place] == pytest.approx(alone.r_squared, abs=1e-9)
        assert found.table["rows"][place] == alone.rows


def test_starts_are_found():
    data, truth = decays(30)
    found = cgcli.parse(DECAY).fit(data, target="y", by="plate")
    assert found.converged
    order = np.array(found.keys)
    for name in "abc":
        assert np.all(np.abs(found.values[name] - truth[name][order]) < 6 * found.errors[name])


def test_weights_of_rows_and_an_absolute_sigma():
    data, _ = decays(6)
    data["s"] = np.random.default_rng(2).uniform(0.01, 0.03, len(data["t"]))
    for sigma, absolute in (("s", False), ("s", True), (0.1, True), ("2*s + 1", False)):
        options = {"target": "y", "sigma": sigma, "absolute_sigma": absolute, "start": {"a": 1, "b": 1, "c": 0}}
        found = cgcli.parse(DECAY).fit(data, by="plate", **options)
        rows = data["plate"] == found.keys[2]
        alone = cgcli.parse(DECAY).fit({name: column[rows] for name, column in data.items()}, **options)
        for name in "abc":
            assert found.values[name][2] == pytest.approx(alone.values[name], rel=1e-8)
            assert found.errors[name][2] == pytest.approx(alone.errors[name], rel=1e-6)
        assert found.fits.r_squared[2] == pytest.approx(alone.r_squared, rel=1e-9)


def test_what_cannot_be_fitted_side_by_side_is_fitted_alone():
    data, _ = decays(8)
    start = {"a": 1.0, "b": 1.0, "c": 0.5}
    robust = cgcli.parse(DECAY).fit(data, target="y", by="plate", start=start, loss="soft_l1", loss_scale=0.02)
    bounded = cgcli.parse(DECAY).fit(data, target="y", by="plate", start=start, bounds={"c": (0.4, 0.6)})
    for place, key in enumerate(robust.keys):
        rows = data["plate"] == key
        mine = {"t": data["t"][rows], "y": data["y"][rows]}
        alone = cgcli.parse(DECAY).fit(mine, target="y", start=start, loss="soft_l1", loss_scale=0.02)
        assert robust.values["a"][place] == pytest.approx(alone.values["a"], rel=1e-9)
        alone = cgcli.parse(DECAY).fit(mine, target="y", start=start, bounds={"c": (0.4, 0.6)})
        assert bounded.values["a"][place] == pytest.approx(alone.values["a"], rel=1e-8)
        assert 0.4 <= bounded.values["c"][place] <= 0.6


def test_parameters_that_are_arrays():
    data, _ = decays(5)
    found = cgcli.parse("input w[2]\nw @ [t, 1]").fit(data, target="y", by="plate")
    rows = data["plate"] == found.keys[0]
    line = np.polyfit(data["t"][rows], data["y"][rows], 1)
    np.testing.assert_allclose([found.values["w[0]"][0], found.values["w[1]"][0]], line, rtol=1e-10)
    np.testing.assert_allclose(found.groups[found.keys[0]].values["w"], line, rtol=1e-10)


def test_results_of_groups_and_the_table():
    data, _ = decays(5)
    data["plate"] = np.array(list("vwxyz"))[data["plate"]]
    found = cgcli.parse(DECAY).fit(data, target="y", by=["plate"], start={"a": 1, "b": 1, "c": 0})
    assert set(found.groups) == set("vwxyz")
    assert found["w"].values["a"] == pytest.approx(found.values["a"][found.keys.index("w")], rel=1e-8)
    assert found["w"].intervals["a"][0] < found["w"].values["a"]
    table = found.table
    assert list(table)[:7] == ["plate", "a", "a_error", "b", "b_error", "c", "c_error"]
    assert list(table)[7:] == ["rows", "dof", "residual", "r_squared", "evaluations", "converged", "message"]
    assert table["plate"].tolist() == found.keys
    assert found.rows == len(data["t"])
    pooled = sum(found[key].sum_of_squares for key in found.keys) / (found.rows - 15)
    assert found.residual == pytest.approx(np.sqrt(pooled), rel=1e-8)


def test_several_columns_tell_groups_apart():
    data, _ = decays(4)
    data["day"] = np.array([1, 2])[data["plate"] % 2]
    data["plate"] = np.array(["A", "A", "B", "B"])[data["plate"]]
    found = cgcli.parse(DECAY).fit(data, target="y", by=["plate", "day"], start={"a": 1, "b": 1, "c": 0})
    assert set(found.keys) == {("A", 1), ("A", 2), ("B", 1), ("B", 2)}
    rows = (data["plate"] == "B") & (data["day"] == 1)
    alone = cgcli.parse(DECAY).fit({"t": data["t"][rows], "y": data["y"][rows]}, target="y")
    assert found.values["b"][found.keys.index(("B", 1))] == pytest.approx(alone.values["b"], rel=1e-8)


def test_groups_that_do_not_end_well_are_searched():
    random = np.random.default_rng(8)
    middle, width = random.uniform(2, 8, 40), random.uniform(0.3, 1.0, 40)
    t, place = np.tile(np.linspace(0, 10, 60), 40), np.repeat(np.arange(40), 60)
    y = 2 * np.exp(-(((t - middle[place]) / width[place]) ** 2) / 2) + 0.05 * random.normal(size=len(t))
    formula = cgcli.parse("a*exp(-((t - m)/s)^2/2) + c")
    data = {"t": t, "y": y, "plate": place}
    assert formula.fit(data, target="y", by="plate", start={"m": 5.0, "s": 0.3}).converged
    found = formula.fit(data, target="y", by="plate")
    assert found.converged
    assert np.all(np.abs(found.values["m"] - middle) < 6 * found.errors["m"])


def test_several_starts_of_every_group():
    t, place = np.tile(np.linspace(0.0, 6.0, 50), 6), np.repeat(np.arange(6), 50)
    data = {"t": t, "y": np.sin((2 + place / 3) * t), "plate": place}
    found = cgcli.parse("a*sin(w*t)").fit(data, target="y", by="plate", start={"w": 9.0}, starts=100)
    np.testing.assert_allclose(abs(found.values["w"]), 2 + np.arange(6) / 3, rtol=1e-6)


def test_groups_that_fail_have_their_reason():
    data, _ = decays(6)
    more = {"t": np.array([0.0, 1.0, 0.0, 0.0, 0.0, 0.0]), "y": np.array([1.0, 2.0, 1.0, 2.0, 3.0, 4.0]),
            "plate": np.array([90, 90, 91, 91, 91, 91])}  # fmt: skip
    data = {name: np.concatenate((column, more[name])) for name, column in data.items()}
    found = cgcli.parse(DECAY).fit(data, target="y", by="plate", start={"a": 1, "b": 1, "c": 0})
    few, flat = found.keys.index(90), found.keys.index(91)
    assert not found.converged
    assert found.failed == [90, 91]
    assert found.table["message"][few] == "2 rows cannot determine 3 parameters: a, b, c"
    assert np.isnan(found.values["a"][few])
    assert "the data" in found.table["message"][flat]
    assert np.isinf(found.errors["a"][flat])
    assert np.isfinite(np.delete(found.errors["a"], [few, flat])).all()
    with pytest.raises(DataError, match="2 rows cannot determine"):
        found.groups[90]


@pytest.mark.parametrize("start", [{"a": 1.0, "b": 1.0, "c": 0.0}, None])
def test_what_is_not_finite_is_told_in_its_group_with_the_row_of_the_table(start):
    data, _ = decays(6)
    for row in (20, 31):
        data["y"][row] = np.inf
    found = cgcli.parse(DECAY).fit(data, target="y", by="plate", start=start)
    failed = {data["plate"][row]: f"`y` is inf in row {row + 1}" for row in (31, 20)}
    assert dict(zip(found.keys, found.fits.messages, strict=True)) == {key: failed.get(key, "") for key in found.keys}


def test_residuals_that_are_rounding_are_told():
    data, _ = decays(5, noise=0.0)
    found = cgcli.parse(DECAY).fit(data, target="y", by="plate", start={"a": 1.0, "b": 1.0, "c": 0.0})
    assert found.converged
    assert set(found.fits.messages) == {"the residuals are rounding: errors say nothing about the data"}


def test_keys_that_are_dates_are_texts_in_json():
    data, _ = decays(2)
    data["plate"] = np.datetime64("2026-11-29") + data["plate"]
    found = cgcli.parse(DECAY).fit(data, target="y", by="plate", start={"a": 1.0, "b": 1.0, "c": 0.0})
    assert {row["plate"] for row in found.document()["groups"]} == {"2026-11-29", "2026-11-30"}
    json.dumps(found.document())


def test_rows_without_a_key_or_with_a_gap():
    data, _ = decays(4)
    keys = data["plate"].astype(object)
    keys[3], data["y"][5] = None, np.nan
    found = cgcli.parse(DECAY).fit({**data, "plate": keys}, target="y", by="plate", start={"a": 1, "b": 1, "c": 0})
    assert found.left_out == 2
    assert found.warnings == [
        "rows with a gap are left out: column `y`: 1 cell is missing (first: row 6, `nan`)",
        "1 row has no key in `plate` and is left out (first: row 4)",
    ]
    with pytest.raises(CgError, match="row 6, column `y`"):
        cgcli.parse(DECAY).fit({**data, "plate": keys}, target="y", by="plate", missing="error")


def test_a_key_that_is_an_input_too_is_told():
    data, _ = decays(4)
    data["b"] = data.pop("plate") / 2 + 0.5
    found = cgcli.parse(DECAY).fit(data, target="y", by="b")
    assert found.names == ("a", "c")
    assert found.warnings == ["the column `b` tells groups apart, and is the input `b` of the formula, too"]


# ---- shared parameters ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [["b"], ["b", "c"], "c"])
def test_a_joint_fit_is_the_least_of_all_residuals(share):
    data, _ = decays(7, b=0.7, noise=0.05)
    found = cgcli.parse(DECAY).fit(data, target="y", by="plate", share=share, start={"a": 1, "b": 1, "c": 0})
    own = [name for name in "abc" if name not in share]
    shared = [name for name in "abc" if name in share]
    place = np.array([found.keys.index(key) for key in data["plate"]])

    def residuals(point):
        values = dict(zip(own, np.split(point[: 7 * len(own)], len(own)), strict=True))
        parts = {name: values[name][place] for name in own}
        parts |= {name: point[7 * len(own) + number] for number, name in enumerate(shared)}
        return parts["a"] * np.exp(-parts["b"] * data["t"]) + parts["c"] - data["y"]

    start = np.concatenate([found.values[name] for name in own] + [[found.values[name]] for name in shared])
    exact = least_squares(residuals, start + 0.01, jac="3-point", xtol=1e-15, ftol=1e-15, gtol=1e-15)
    np.testing.assert_allclose(start, exact.x, rtol=1e-6)
    dof = len(data["t"]) - len(start)
    errors = np.sqrt(np.diag(np.linalg.inv(exact.jac.T @ exact.jac)) * 2 * exact.cost / dof)
    mine = np.concatenate([found.errors[name] for name in own] + [[found.errors[name]] for name in shared])
    np.testing.assert_allclose(mine, errors, rtol=1e-5)
    assert found.converged
    assert found.shared == tuple(shared)
    assert found.residual == pytest.approx(np.sqrt(2 * exact.cost / dof), rel=1e-9)
    assert found[found.keys[0]].values[shared[0]] == found.values[shared[0]]


def test_a_joint_fit_tells_which_row_is_not_finite():
    data, _ = decays(5)
    data["y"][17] = np.inf
    with pytest.raises(DataError, match="`y` is inf in row 18"):
        cgcli.parse(DECAY).fit(data, target="y", by="plate", share="b", start={"a": 1, "b": 1, "c": 0})


def test_groups_that_have_too_few_rows_alone_are_fitted_together():
    t = np.tile([0.0, 1.0, 2.5], 6)
    plate = np.repeat(np.arange(6), 3)
    random = np.random.default_rng(3)
    y = random.uniform(1, 3, 6)[plate] * np.exp(-0.7 * t) + random.uniform(0, 1, 6)[plate]
    found = cgcli.parse(DECAY).fit({"t": t, "y": y, "plate": plate}, target="y", by="plate", share="b",
                                   start={"a": 1, "b": 1, "c": 0})  # fmt: skip
    assert found.values["b"] == pytest.approx(0.7, rel=1e-9)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"share": "d"}, "no parameter `d` to share"),
        ({"share": "b", "bounds": {"a": (0, 1)}}, "keeps no bounds"),
        ({"share": "b", "loss": "cauchy"}, "no robust loss"),
        ({"by": None, "share": "b"}, "`share` is for groups"),
        ({"by": "well"}, "no column `well`"),
        ({"by": ["plate", "plate"]}, "grouped by `plate` twice"),
        ({"by": []}, "no column to group by"),
    ],
)
def test_what_is_refused(options, told):
    data, _ = decays(4)
    with pytest.raises(UsageError, match=told):
        cgcli.parse(DECAY).fit(data, target="y", **{"by": "plate", **options})


# ---- side by side --------------------------------------------------------------------------------------------------


WALKED = ["a*exp(-b*t) + c", "a + b*t + c*t^2", "a*t^b + c", "c + a/(1 + b*t)", "a*exp(-b*t) + exp(-c*t)"]


@pytest.mark.parametrize("formula", WALKED)
def test_machine_code_and_arrays_take_the_same_steps(formula, monkeypatch):
    data, _ = decays(12, seed=3)
    start = {"a": 1.0, "b": 1.0, "c": 0.5}
    fast = cgcli.parse(formula).fit(data, target="y", by="plate", start=start)
    monkeypatch.setattr(side_by_side, "choose_for_rows", lambda graph, wanted, *_: engine("numpy"))
    plain = cgcli.parse(formula).fit(data, target="y", by="plate", start=start)
    for name in "abc":
        assert np.all(np.abs(fast.values[name] - plain.values[name]) <= 1e-6 * plain.errors[name])
        np.testing.assert_allclose(fast.errors[name], plain.errors[name], rtol=1e-5)
    np.testing.assert_allclose(fast.fits.r_squared, plain.fits.r_squared, atol=1e-12)


@pytest.mark.parametrize("options", [{}, {"sigma": "s"}, {"start": {"a": 1.0, "c": 0.5}, "fix": {"b": 1.0}}])
def test_neighbours_and_threads_change_no_bit_of_a_group(options, monkeypatch):
    data, _ = decays(40, seed=4)
    data["s"] = np.random.default_rng(2).uniform(0.01, 0.03, len(data["t"]))
    options = {"target": "y", "by": "plate", "start": {"a": 1.0, "b": 1.0, "c": 0.5}, **options}
    whole = cgcli.parse(DECAY).fit(data, **options)
    monkeypatch.setattr(walking, "processors", lambda: 1)
    chosen = np.isin(data["plate"], [3, 5, 17, 29, 31, 38, 39])
    part = cgcli.parse(DECAY).fit({name: column[chosen] for name, column in data.items()}, **options)
    for name in part.names:
        for numbers, its in ((whole.values, part.values), (whole.errors, part.errors)):
            known = dict(zip(whole.keys, numbers[name].tolist(), strict=True))
            assert [known[key] for key in part.keys] == its[name].tolist()


def test_where_products_of_columns_lose_digits_rows_are_reflected():
    random = np.random.default_rng(5)
    t = np.tile(np.linspace(1000.0, 1001.0, 30), 8)
    y = 3 + random.normal(size=len(t)) + np.repeat(np.arange(8.0), 30) * t
    found = cgcli.parse("a + b*t + c*t^2").fit({"t": t, "y": y, "g": np.repeat(np.arange(8), 30)}, target="y", by="g")
    assert found.converged
    for place in range(8):
        rows = slice(30 * place, 30 * place + 30)
        moved = np.polyfit(t[rows] - 1000.5, y[rows], 2)
        assert found.values["c"][place] == pytest.approx(moved[0], rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("sizes", [[2, 2, 2, 2], [2, 3, 2, 40], [5000, 3, 1100, 7, 2]])
def test_groups_of_few_and_of_many_rows(sizes):
    random = np.random.default_rng(6)
    place = np.repeat(np.arange(len(sizes)), sizes)
    t = np.concatenate([np.linspace(0.0, 1.0, size) for size in sizes])
    y = 1 + place - 2 * t + 0.01 * random.normal(size=len(t)) * (np.array(sizes)[place] > 2)
    found = cgcli.parse("a + b*t").fit({"t": t, "y": y, "g": place}, target="y", by="g", share=None)
    for number, size in enumerate(sizes):
        line = np.polyfit(t[place == number], y[place == number], 1)
        np.testing.assert_allclose([found.values["b"][number], found.values["a"][number]], line, rtol=1e-9)
        assert found.table["rows"][number] == size


def test_triangles_of_many_matrices():
    matrices = np.random.default_rng(1).normal(size=(5, 4, 9))  # groups, columns, rows
    found = triangles_of(np.ascontiguousarray(matrices.transpose(1, 2, 0)))
    for place, matrix in enumerate(matrices):
        upper = found[..., place]
        np.testing.assert_allclose(upper.T @ upper, matrix @ matrix.T, rtol=1e-13, atol=1e-13)
        assert (np.tril(upper, -1) == 0).all()


# ---- the command ---------------------------------------------------------------------------------------------------


@pytest.fixture
def plates(tmp_path):
    data, _ = decays(5)
    lines = ["plate,t,y", *(f"P{plate},{t!r},{y!r}" for plate, t, y in zip(
        data["plate"].tolist(), data["t"].tolist(), data["y"].tolist(), strict=True)), "P9,1,2"]  # fmt: skip
    (tmp_path / "plates.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


def test_the_command_writes_a_row_for_each_group(run, plates):
    done = run("fit", DECAY, "--data", "plates.csv", "--target", "y", "--by", "plate", "a=1", "b=1", "c=0",
               "-o", "groups.csv")  # fmt: skip
    assert done.code == 0
    assert "1 group has no fit that has converged: `P9`: 1 row cannot determine 3 parameters" in done.out
    rows = list(csv.DictReader((plates / "groups.csv").read_text().splitlines()))
    assert {row["plate"] for row in rows} == {"P0", "P1", "P2", "P3", "P4", "P9"}
    data, _ = decays(5)
    found = cgcli.parse(DECAY).fit(data, target="y", by="plate", start={"a": 1, "b": 1, "c": 0})
    for place, key in enumerate(found.keys):
        (row,) = [row for row in rows if row["plate"] == f"P{key}"]
        assert float(row["b"]) == pytest.approx(found.values["b"][place], rel=1e-12)
        assert row["converged"] == "true"


def test_the_command_with_a_shared_parameter_as_json(run, plates):
    done = run("fit", DECAY, "--data", "plates.csv", "--target", "y", "--by", "plate", "--share", "b", "--json",
               "-o", "groups.json", "a=1", "b=1", "c=0")  # fmt: skip
    document = json.loads(done.out)
    assert done.code == 0
    assert document["shared"]["b"] == document["groups"][0]["b"] == document["groups"][-1]["b"]
    assert document["converged"]
    assert json.loads((plates / "groups.json").read_text()) == document
    shown = run("fit", DECAY, "--data", "plates.csv", "--target", "y", "--by", "plate", "--share", "b", "a=1", "b=1",
                "c=0").out  # fmt: skip
    assert "Parameters of all groups" in shown


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--share", "b"], "--share is for groups"),
        (["--by", "well"], "no column `well`"),
        (["--by", "plate", "--plot", "p.svg"], "--plot is for one fit"),
        (["--by", "plate", "-o", "x.doc"], "cannot tell the format"),
    ],
)
def test_what_the_command_refuses(run, plates, words, told):
    done = run("fit", DECAY, "--data", "plates.csv", "--target", "y", *words)
    assert done.code == 2
    assert told in done.err


def test_no_group_with_a_fit_writes_nothing(run, plates):
    (plates / "few.csv").write_text("plate,t,y\nA,1,2\nB,1,2\n")
    done = run("fit", DECAY, "--data", "few.csv", "--target", "y", "--by", "plate", "-o", "groups.csv")
    assert done.code == 1
    assert "no group has a fit" in done.err
    assert not (plates / "groups.csv").exists()


def test_fits_are_shown_as_the_command_shows_them():
    data, _ = decays(3)
    shown = str(cgcli.parse(DECAY).fit(data, target="y", by="plate", start={"a": 1.0, "b": 1.0, "c": 0.5}))
    assert shown.startswith("Groups by plate\nplate")
    assert "converged in all 3 groups" in shown
