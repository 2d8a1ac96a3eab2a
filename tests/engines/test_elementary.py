"""Functions that are written out as vector code: coefficients, errors over the whole range, ends of the range."""

from __future__ import annotations

import math
from typing import Any

import mpmath
import numpy as np
import pytest

pytest.importorskip("llvmlite", reason="the native engine needs the extra `native`")

from llvmlite import binding

import cgcli as cg
from cgcli.engines.native import NativeEngine, elementary
from cgcli.engines.native.host import DOUBLE, Host, detect
from cgcli.graph.store import Graph
from cgcli.ops.row import Operation, temporary_rows

NATIVE = NativeEngine()
REFERENCES = {
    "cos": mpmath.cos, "exp": mpmath.exp, "expm1": mpmath.expm1, "log": mpmath.log, "log1p": mpmath.log1p,
    "sech": mpmath.sech, "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)), "sin": mpmath.sin, "tanh": mpmath.tanh,
}  # fmt: skip
LARGEST_ERROR = 3.0
"""In units in the last place."""

SMALLEST_NORMAL = 2.0**-1022
written_out = pytest.mark.skipif(not detect().fused, reason="this processor has no fused multiply-add")
each_function = pytest.mark.parametrize("name", sorted(elementary.FUNCTIONS))


def rows(name: str, column: Any) -> Any:
    """The function of a column, by the native engine."""
    formula = cg.parse(f"{name}(x)")
    node = formula.graph.names.get("result", len(formula.graph) - 1)
    return NATIVE.evaluate_rows(formula.graph, {"x": np.asarray(column, dtype=float)}, [node])[node]


def spread(name: str) -> Any:
    """Arguments of all sizes, more of them where the reduction of the argument is hard."""
    random = np.random.default_rng(11)
    sizes = 10.0 ** random.uniform(-300, 300, 300)
    parts = [random.uniform(-1, 1, 600), random.uniform(-40, 40, 600), sizes, -sizes]
    parts += [random.uniform(-750, 712, 600), 10.0 ** random.uniform(-17, 3, 600), 1 + random.uniform(-1, 1, 600) ** 9]
    quarter_turns = np.arange(-800, 800) * (math.pi / 2)
    parts += [quarter_turns, np.nextafter(quarter_turns, 0), random.uniform(-1e9, 1e9, 600)]
    found = np.concatenate(parts)
    lowest = {"log": 0.0, "log1p": -1.0}.get(name, -math.inf)
    return found[found > lowest]


@written_out
def test_the_host_writes_them_out() -> None:
    assert set(REFERENCES) == set(elementary.FUNCTIONS)
    assert all(elementary.inlines(NATIVE.host, name, DOUBLE) for name in elementary.FUNCTIONS)


@written_out
@each_function
def test_errors(name: str) -> None:
    column = spread(name)
    with mpmath.workdps(60 + 310 * (name in ("sin", "cos"))):
        for argument, found in zip(column.tolist(), rows(name, column).tolist(), strict=True):
            exact = REFERENCES[name](mpmath.mpf(argument))
            nearest = float(exact)
            if abs(nearest) < SMALLEST_NORMAL or math.isinf(nearest):
                assert found == pytest.approx(nearest, rel=0, abs=2 * math.ulp(0.0)), argument
            else:
                assert abs(mpmath.mpf(found) - exact) <= LARGEST_ERROR * math.ulp(nearest), argument


@written_out
@each_function
def test_each_row_is_alone(name: str) -> None:
    """Rows that take a branch of their own do not change the ones beside them."""
    usual = np.linspace(0.1, 2.0, 64)
    for odd in (math.nan, math.inf, -math.inf, 1e300, -745.0, 5e-324, -0.0):
        mixed = usual.copy()
        mixed[::5] = odd
        together, alone = rows(name, mixed), rows(name, usual)
        others = np.arange(64) % 5 != 0
        assert together[others].tobytes() == alone[others].tobytes()
        only = rows(name, np.full(8, odd))
        assert together[::5].tobytes() == only[:1].repeat(13).tobytes()


@written_out
@pytest.mark.parametrize(
    ("name", "argument", "expected"),
    [
        ("cos", 0.0, 1.0), ("sin", -0.0, -0.0), ("exp", 0.0, 1.0), ("exp", -math.inf, 0.0), ("exp", 709.79, math.inf),
        ("expm1", -0.0, -0.0), ("expm1", 5e-324, 5e-324), ("expm1", -math.inf, -1.0), ("expm1", 1e4, math.inf),
        ("log", 1.0, 0.0), ("log", 0.0, -math.inf), ("log", -1.0, math.nan), ("log", math.inf, math.inf),
        ("log1p", -0.0, -0.0), ("log1p", -1.0, -math.inf), ("log1p", -2.0, math.nan), ("log1p", math.inf, math.inf),
        ("sech", math.inf, 0.0), ("sech", 0.0, 1.0), ("sigmoid", -math.inf, 0.0), ("sigmoid", math.inf, 1.0),
        ("sin", math.inf, math.nan), ("cos", -math.inf, math.nan), ("tanh", -math.inf, -1.0), ("tanh", -0.0, -0.0),
    ],
)  # fmt: skip
def test_ends(name: str, argument: float, expected: float) -> None:
    found = float(rows(name, [argument])[0])
    assert repr(found) == repr(expected)


@each_function
def test_nan_stays(name: str) -> None:
    assert math.isnan(rows(name, [math.nan])[0])


def fitted(function: Any, largest: Any, count: int) -> list[float]:
    """Coefficients of the polynomial that is nearly the best up to the largest argument, as doubles."""
    low = -largest if function is exponential else mpmath.mpf(0)
    try:
        found = mpmath.chebyfit(function, [low, largest], count, asc=True)
    except TypeError:  # mpmath before 1.4 has the highest power first
        found = mpmath.chebyfit(function, [low, largest], count)[::-1]
    return [float(each) for each in found]


def exponential(r: Any) -> Any:
    return (mpmath.expm1(r) - r) / r**2 if abs(r) > 1e-20 else mpmath.mpf(1) / 2


def sine(square: Any) -> Any:
    r = mpmath.sqrt(square)
    return (mpmath.sin(r) / r - 1) / square if square > 1e-20 else -mpmath.mpf(1) / 6


def cosine(square: Any) -> Any:
    return (mpmath.cos(mpmath.sqrt(square)) - 1 + square / 2) / square**2 if square > 1e-18 else mpmath.mpf(1) / 24


def test_coefficients() -> None:
    with mpmath.workdps(60):
        assert list(elementary.EXPONENTIAL) == fitted(exponential, mpmath.log(2) / 2, 10)
        assert list(elementary.SINE) == fitted(sine, (mpmath.pi / 4) ** 2, 6)
        assert list(elementary.COSINE) == fitted(cosine, (mpmath.pi / 4) ** 2, 6)
        assert abs(sum(map(mpmath.mpf, elementary.HALF_PI)) - mpmath.pi / 2) < 1e-47
        assert abs(sum(map(mpmath.mpf, (elementary.LN2_HIGH, elementary.LN2_LOW))) - mpmath.log(2)) < 1e-33
        assert abs(sum(map(mpmath.mpf, (elementary.LN2_SHORT, elementary.LN2_REST))) - mpmath.log(2)) < 1e-25


def test_long_kernels_call_them() -> None:
    """A kernel of more functions than are written out gives the same as a short one."""
    texts = [f"exp(sin(x*{place}/700))" for place in range(1, 160)]
    formula = cg.parse(f"[{', '.join(texts)}]")
    column = np.linspace(0.1, 3.0, 32)
    found = formula.eval_rows(x=column, engine="native")
    for place in (0, 77, 158):
        alone = cg.parse(texts[place]).eval_rows(x=column, engine="native")
        assert found[:, place].tobytes() == alone.tobytes()


def test_single_precision_keeps_to_the_libraries() -> None:
    column = np.linspace(-3, 3, 50, dtype=np.float32)
    found = cg.parse("tanh(x)*sech(x) + sigmoid(x)").eval_rows(x=column, dtype="float32", engine="native")
    wide = column.astype(float)
    assert found == pytest.approx(np.tanh(wide) / np.cosh(wide) + 1 / (1 + np.exp(-wide)), rel=1e-5)


def test_dividing_by_a_power_of_two_is_exact() -> None:
    column = np.concatenate([10.0 ** np.linspace(-323, 308, 999), [math.inf, math.nan, -0.0, 5e-324]])
    for divisor in (2.0, -4.0, 0.125, 3.0, 2.0**90):
        found = cg.parse(f"x/({divisor!r})").eval_rows(x=column, engine="native")
        with np.errstate(all="ignore"):
            assert found.tobytes() == (column / divisor).tobytes()


@written_out
@pytest.mark.skipif(detect().bits < 512, reason="only a processor with the widest vectors can play a narrower one")
@each_function
def test_the_width_of_vectors_changes_no_bit(name: str) -> None:
    features = {
        feature: on and not feature.startswith(("avx512", "avx10", "evex"))
        for feature, on in binding.get_host_cpu_features().items()
    }
    narrow = NativeEngine(Host("x86-64", features, None))
    assert (narrow.host.bits, narrow.host.fused) == (256, True)
    column = spread(name)
    graph = cg.parse(f"{name}(x)").graph
    node = len(graph) - 1
    assert narrow.evaluate_rows(graph, {"x": column}, [node])[node].tobytes() == rows(name, column).tobytes()
    alone = [NATIVE.evaluate(graph, {"x": each}, [node])[node] for each in column[:200].tolist()]
    assert np.array(alone).tobytes() == rows(name, column)[:200].tobytes()


def test_rare_cases_of_operands_that_are_the_same_for_all_rows() -> None:
    """`unless` on a single value, whose rare case looks at a column, and one inside another."""
    with temporary_rows():
        mixed = Operation(
            "mixed", "x, y", compute=lambda x, y: x - 5 if y > 2 else y,
            spell={"native": lambda lanes, x, y: lanes.unless(y > 2.0, y, lambda: x - 5.0)},
        )  # fmt: skip
        nested = Operation(
            "nested", "x, y", compute=lambda x, y: (x if x > 1 else -x) if y > 2 else y,
            spell={"native": lambda lanes, x, y: lanes.unless(
                y > 2.0, y, lambda: lanes.unless(x > 1.0, -x, lambda: x)
            )},
        )  # fmt: skip
        column = np.arange(9.0) / 3
        for row in (mixed, nested):
            graph = Graph()
            node = graph.apply(row, [graph.input("x"), graph.input("y")])
            for single in (1.0, 3.0):
                expected = [row(each, single) for each in column.tolist()]
                for given in (single, np.full(9, single)):
                    values = {"x": column, "y": given}
                    assert NativeEngine().evaluate_rows(graph, values, [node])[node].tolist() == expected
