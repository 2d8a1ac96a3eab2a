"""Derivatives through the functions of a task graph: exact where they can be followed, told where not."""

from __future__ import annotations

import math
import operator

import numpy as np
import pytest

import cgcli as cg

pytest.importorskip("dask", reason="the extra `dask` is not installed")

from dask import delayed

X, Y = 1.3, 0.7
ANALYTIC = {
    "operators": (lambda x, y: (x * y - y / x) ** 2 % 7, "(x*y - y/x)^2"),
    "numpy": (
        lambda x, y: delayed(np.sin)(x) * delayed(np.hypot)(x, y) + delayed(np.exp)(-y), "sin(x)*hypot(x, y) + exp(-y)",
    ),
    "math": (lambda x, y: delayed(math.log)(x) + delayed(math.atan2)(y, x), "log(x) + atan2(y, x)"),
    "builtins": (lambda x, y: delayed(sum)([x, y, x]) * delayed(max)(x, y) + delayed(abs)(-y), "(2*x + y)*x + y"),
    "own": (lambda x, y: delayed(lambda a, b=2: np.tanh(a) ** b + a)(x, b=3) * y, "(tanh(x)^3 + x)*y"),
    "array": (lambda x, y: delayed(np.sum)(delayed(np.outer)([x, y], [x, 1.0])), "(x + y)*(x + 1)"),
}  # fmt: skip


@pytest.mark.parametrize("name", ANALYTIC)
def test_scalars(name):
    make, text = ANALYTIC[name]
    found = cg.from_dask(make(delayed(X, name="x"), delayed(Y, name="y"))).grad()
    assert found == pytest.approx(cg.parse(text).grad(x=X, y=Y), rel=1e-14)


def test_arrays_of_dask():
    import dask.array as da

    values = np.linspace(0.1, 1.2, 12).reshape(3, 4)
    x = da.from_array(values, chunks=2, name="x")
    for found, text in (
        ((x**2).sum(), "sum(X^2)"), (da.sin(x).mean(), "mean(sin(X))"), ((x @ x.T).sum(), "sum(X @ X.T)"),
        (da.log(x[1:, ::2]).sum(), "sum(log(X[1:, ::2]))"),
    ):  # fmt: skip
        parts = cg.from_dask(found).grad()
        joined = np.empty_like(values)
        for name in ("x_0_0", "x_0_1", "x_1_0", "x_1_1"):
            row, column = (2 * int(place) for place in name.split("_")[1:])
            joined[row : row + 2, column : column + 2] = parts[name]
        np.testing.assert_allclose(joined, cg.parse(text).grad(X=values)["X"], rtol=1e-13)


def test_inner_tasks_and_values_that_are_given():
    x = delayed(2.0, name="x")
    half = x / 2
    graph = cg.from_dask(half * half * x)
    assert graph.grad() == {"x": 3.0}
    assert graph.grad(wrt=[half]) == {half.key: 4.0}
    assert graph.grad(x=4) == {"x": 12.0}


def test_what_does_not_depend_is_0():
    x, y = delayed(2.0, name="x"), delayed(np.ones(2), name="y")
    assert cg.from_dask(x * 3).grad() == {"x": 3.0}
    found = cg.from_dask(delayed(lambda a, b: 3 * a)(x, y)).grad()
    assert found["x"] == 3.0
    assert found["y"].tolist() == [0.0, 0.0]


def test_a_chain_of_any_length():
    graph = {"x": 2.0, "k0": (operator.mul, "x", 1.0)}
    graph |= {f"k{i}": (operator.add, f"k{i - 1}", "x") for i in range(1, 20_001)}
    assert cg.from_dask(graph).grad() == {"x": 20_001.0}


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda x: float(x), "float()"),
        (lambda x: x if x > 0 else -x, "a graph node has no truth value yet"),
        (lambda x: math.sin(x), "must be real number"),
        (lambda x: np.sort(np.stack([x, 1.0]))[0], "no rule"),
        (lambda x: 1.0 if isinstance(x, float) else 2 * x, "does something else"),
        (lambda x: np.add(x, 1.0, where=True), "no rule"),
    ],
)
def test_what_cannot_be_followed_is_named(function, said):
    graph = cg.from_dask(delayed(function)(delayed(2.0, name="x")) * 2)
    with pytest.raises(cg.CgError) as caught:
        graph.grad()
    assert "there is no derivative through task `lambda-" in caught.value.message
    assert said in f"{caught.value.message} {caught.value.hint}"


def test_a_result_that_is_no_number_is_told():
    x = delayed(np.ones(3), name="x")
    with pytest.raises(cg.CgError, match=r"an array of shape \[3\]"):
        cg.from_dask(x * 2).grad()
    with pytest.raises(cg.CgError, match="a value of type `list`"):
        cg.from_dask(delayed(list)([x])).grad()
    with pytest.raises(cg.CgError, match="no inputs to differentiate"):
        cg.from_dask(delayed(abs)("text" and -1)).grad()
