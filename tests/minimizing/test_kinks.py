"""Minima at kinks are minima and said to be at one; points at kinks that are none are left."""

from __future__ import annotations

import numpy as np
import pytest

import cgcli as cg

LINE = {"t": [0.0, 1, 2, 3, 4, 5], "y": [0.1, 1.1, 1.9, 3.2, 9, 5.1]}


@pytest.mark.parametrize(
    ("text", "start", "value"),
    [
        ("abs(x - 1) + y^2", {"x": 5, "y": 3}, 0),
        ("max(x, -2*x)", {"x": 3}, 0),
        ("sqrt(x^2 + y^2)", {"x": 3, "y": 4}, 0),
        ("norm(v - [1, 2])", {"v": np.array([4.0, 5])}, 0),
        ("abs(x) + abs(y - 2) + abs(z + x)", {"x": 5, "y": 5, "z": 5}, 0),
        ("max(x^2 + y^2, (2 - x)^2 + (2 - y)^2, 2*exp(y - x))", {"x": 3, "y": 1}, 2),  # Charalambous and Conn
        ("10*abs(y - x^2) + (1 - x)^2", {"x": -1.2, "y": 1}, 0),
        ("max(abs(x), abs(y), abs(x + y - 1))", {"x": 3, "y": -2}, 1 / 3),
        ("relu(x - 1) + relu(1 - x) + x^2/10", {"x": 4}, 0.1),
        ("abs(x)", {"x": 0}, 0),
        ("x if x > 0 else -3*x", {"x": 2}, 0),
        ("sum(abs(y - a*t - b))", {"a": 0, "b": 0, **LINE}, 5.2),
    ],
)
def test_a_minimum_at_a_kink(text, start, value):
    found = cg.parse(text).minimize(start, wrt=[name for name in start if name not in LINE or "a" not in start])
    assert found.converged, found.message
    assert found.kind == "kink"
    assert "kink" in found.message
    assert found.value == pytest.approx(value, abs=1e-9)
    assert found.hessian_eigenvalues is None


def test_a_kink_that_is_no_minimum_is_left():
    found = cg.parse("x^4 - abs(x)").minimize({"x": 0})
    assert found.converged
    assert found.kind == "minimum"
    assert abs(found.values["x"]) == pytest.approx(0.25 ** (1 / 3))


def test_what_is_smooth_where_pieces_meet_is_no_kink():
    found = cg.parse("max(x, 0)^2 + (y - 1)^2").minimize({"x": 2, "y": 3})
    assert found.converged
    assert found.kind == "flat"


def test_a_kink_at_a_bound():
    found = cg.parse("x + abs(y)").minimize({"x": 1, "y": 2}, bounds={"x": (0, 3)})
    assert found.converged
    assert found.active == pytest.approx({"x >= 0": 1})
    assert found.value == pytest.approx(0, abs=1e-12)


def test_a_jump_down_is_no_minimum_at_a_kink():
    assert cg.parse("x^2 if x < 1 else x - 3").minimize({"x": 0.9}).value == pytest.approx(0)


@pytest.mark.parametrize(
    "text",
    [
        "log(x^2 + y^2)",
        "log(abs(x) + abs(y))",
        "log(abs(x)) + 1000*x^2 + y^2",
        "abs(x - 1)^0.3 + sqrt(abs(y - 2))",  # it has a minimum, 0, which doubles around 1 do not come near
    ],
)
def test_where_the_gradient_grows_without_end_is_no_kink(text):
    found = cg.parse(text).minimize({"x": 3, "y": 1})
    assert not found.converged
    assert "no neighbour is lower" not in found.message


def test_a_root_is_a_kink():
    found = cg.parse("sqrt(abs(x)) + sqrt(abs(y - 1))").minimize({"x": 3, "y": 2.5})
    assert found.converged
    assert found.value == pytest.approx(0, abs=1e-6)
