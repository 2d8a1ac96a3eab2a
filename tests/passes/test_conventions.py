"""Second derivatives at kinks: the true ones, or nan; never a wrong number."""

from __future__ import annotations

import numpy as np
import pytest

from cgcli import parse
from cgcli.errors import NotFiniteWarning

TRUE = [
    # formula, point, second derivative
    ("abs(x)^2", 0, 2),
    ("abs(x)*abs(x)", 0, 2),
    ("cos(abs(x))", 0, -1),
    ("exp(-abs(x)^2)", 0, -2),
    ("abs(x)^3", 0, 0),
    ("abs(sin(x))^2", 0, 2),
    ("x*abs(x - 1)^2", 1, 2),
    ("(1 + sqrt(3)*abs(x))*exp(-sqrt(3)*abs(x))", 0, -3),
    ("(1 + sqrt(5)*abs(x) + 5*x^2/3)*exp(-sqrt(5)*abs(x))", 0, -5 / 3),
    ("copysign(x, 2)^2", 0, 2),
    ("hypot(x, 0)^2", 0, 2),
    ("norm([x, 2*x])^2", 0, 10),
    ("huber(x, 0)", 0, 1),
    # conventions by themselves stay what they were
    ("abs(x)", 0, 0),
    ("x*abs(x)", 0, 0),
    ("relu(x)", 0, 0),
    ("max(x, 0) - max(-x, 0)", 0, 0),
    ("abs(x)*x^2", 0, 0),
    # and beside the kink nothing changes
    ("abs(x)^2", -3, 2),
    ("abs(x)^3", -2, 12),
    ("relu(x)^2", 3, 2),
    ("relu(x)^2", -3, 0),
    ("max(x, -x)^2", -2, 2),
    ("norm([x, 1])^2", 0, 2),
]
NONE = [
    "relu(x)^2", "max(x, 0)^2", "clip(x, 0, 1)^2", "leaky_relu(x)^2", "exp(-abs(x))", "abs(x)*relu(x)", "fdim(x, 0)^2",
    "elu(x, 2)^2", "soft_shrink(x + 0.5)^2", "hinge(1 - x, 1)^2", "(mae(x, 0) + 1)^2", "norm([x, 2*x])",
]  # fmt: skip
"""At 0 there is no second derivative."""
UNKNOWN = ["max(x, -x)^2", "abs(x)*abs(2*x)", "norm([x, 3*x], 1)^2", "max([x, -x])^2"]
"""At 0 there is one, which takes knowing how several kinks go together."""


def by_every_way(text, x):
    """The second derivative by the Hessian, by `diff`, by derivatives of derivatives, and as formulas."""
    formula = parse(text)
    yield formula.hessian(x=x)["x"]["x"]
    yield formula.hvp({"x": x}, directions={"x": 1.0})["x"]
    yield parse(f"diff({text}, x, 2)").eval(x=x)
    yield parse(f"diff(diff({text}, x), x)").eval(x=x)
    yield parse(f"diff({text}, x)").grad(x=x)["x"]
    first = formula.derivative("x")
    second = first.derivative("x") if first.inputs else first
    if first.inputs:
        yield second.eval({"x": x} if second.inputs else {})


@pytest.mark.parametrize(("text", "x", "expected"), TRUE, ids=[f"{text} at {x}" for text, x, _ in TRUE])
def test_second_derivatives_are_true(text, x, expected):
    found = list(by_every_way(text, x))
    assert found == pytest.approx([expected] * len(found), abs=1e-14)


@pytest.mark.filterwarnings("ignore::cgcli.errors.NotFiniteWarning")
@pytest.mark.parametrize("text", [*NONE, *UNKNOWN])
def test_what_is_not_there_or_not_known_is_nan(text):
    assert np.isnan(list(by_every_way(text, 0.0))).all()
    assert np.isfinite(parse(text).grad(x=0.0)["x"])


def test_the_nan_is_told_of():
    with pytest.warns(NotFiniteWarning, match="relu"):
        parse("relu(x)^2").hessian(x=0)


LENGTHS = [
    ("norm(v)^2", np.eye(3) * 2),
    ("exp(-norm(v)^2)", -2 * np.eye(3)),
    ("(1 + sqrt(3)*norm(v))*exp(-sqrt(3)*norm(v))", -3 * np.eye(3)),
    ("3*std(v)^2", 2 * (np.eye(3) - 1 / 3)),
    ("hypot(v[0], v[1])^2", np.diag([2, 2, 0])),
    ("cos(hypot(v[0], v[1]))", np.diag([-1, -1, 0])),
    ("sum(abs(v)^2)", np.eye(3) * 2),
]


@pytest.mark.parametrize(("text", "expected"), LENGTHS, ids=[text for text, _ in LENGTHS])
def test_lengths_at_the_origin(text, expected):
    assert parse(text).hessian(v=[0, 0, 0])["v"]["v"] == pytest.approx(expected, abs=1e-14)


@pytest.mark.filterwarnings("ignore::cgcli.errors.NotFiniteWarning")
@pytest.mark.parametrize(
    "text", ["norm(v)", "exp(-norm(v))", "hypot(v[0], v[1])", "std(v)", "max(v)^2", "norm(v, 1)^2"]
)
def test_lengths_without_a_second_derivative(text):
    assert np.isnan(np.diag(parse(text).hessian(v=[0, 0, 0])["v"]["v"])[:2]).all()


def test_kernels_of_two_points():
    kernel = parse("(1 + sqrt(3)*norm(v - w))*exp(-sqrt(3)*norm(v - w))")
    found = kernel.hessian(v=[1, 2], w=[1, 2])
    assert found["v"]["v"] == pytest.approx(-3 * np.eye(2), abs=1e-14)
    assert found["v"]["w"] == pytest.approx(3 * np.eye(2), abs=1e-14)


@pytest.mark.filterwarnings("ignore::cgcli.errors.NotFiniteWarning")
def test_kinks_of_several_variables():
    both = parse("abs(x)*abs(y)").hessian(x=0, y=0)
    assert (both["x"]["x"], both["y"]["y"]) == (0, 0)
    assert np.isnan(both["x"]["y"])
    sums = parse("(abs(x) + abs(y))^2").hessian(x=0, y=0)
    assert (sums["x"]["x"], sums["y"]["y"]) == (2, 2)
    assert np.isnan(sums["x"]["y"])
    assert parse("abs(x)*abs(y)").hessian(x=0, y=2)["x"] == {"x": 0, "y": 0}


@pytest.mark.parametrize("x", [0.0, -3.0])
def test_higher_orders(x):
    assert [parse(f"diff(abs(x)^4, x, {order})").eval(x=x) for order in (1, 2, 3, 4)] == [
        4 * x**3,
        12 * x * x,
        24 * x,
        24,
    ]


def test_in_tables():
    formula = parse("diff(abs(x)^2 + cos(abs(x)), x, 2)")
    for engine in ("numpy", "native"):
        assert formula.eval_rows(x=np.array([0.0, 1.0, -1.0]), engine=engine) == pytest.approx(
            [1, 2 - np.cos(1), 2 - np.cos(1)]
        )


def test_large_graphs_do_not_forget(monkeypatch):
    """What is done by patterns for first derivatives is done node by node where conventions may meet."""
    monkeypatch.setattr("cgcli.passes.differentiate.LARGE", (100, 100, 100))
    text = "sum([abs(x - k)^2 for k in range(100)])"
    assert parse(text).hessian(x=3.0)["x"]["x"] == 200


@pytest.mark.filterwarnings("ignore::cgcli.errors.NotFiniteWarning")
@pytest.mark.parametrize("engine", ["python", "numpy", "native", "precise"])
def test_verdicts_on_every_engine(engine):
    formula = parse("unless(x > 1, y) + only_here(y)")
    assert formula.eval(x=0, y=3, engine=engine) == 6
    assert np.isnan(float(formula.eval(x=2, y=3, engine=engine)))
    assert parse("unless(x > 1, y^2)").grad(x=0, y=3, engine=engine) == {"x": 0, "y": 6}
    assert np.isnan(float(parse("unless(x > 1, y^2)").grad(x=2, y=3, engine=engine)["y"]))


@pytest.mark.parametrize("call", ["atan2(x, {})", "atan2({}, x)", "hypot(hypot(x, {0}), {0})", "smooth(x, {})"])
def test_a_number_beside_a_vector(call):
    """What a kink would contribute has the shape of the vector, and the contribution to the number is a sum."""
    begin = "smooth(a, b) = hypot(abs(a), b)*hypot(a, abs(b))\n"
    vectors = parse(f"{begin}input v[2]; sum({call.format('v')}*[1, r])")
    numbers = parse(f"{begin}{call.format('p')} + r*{call.format('q')}")
    found = vectors.hessian(x=0.4, r=0.7, v=[0.5, 0.6])
    plain = numbers.hessian(x=0.4, r=0.7, p=0.5, q=0.6)
    for one in ("x", "r"):
        for other in ("x", "r"):
            np.testing.assert_allclose(found[one][other], plain[one][other], rtol=1e-12, strict=True)
        np.testing.assert_allclose(found[one]["v"], [plain[one]["p"], plain[one]["q"]], rtol=1e-12)
