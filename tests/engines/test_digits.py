"""`--digits N` prints N right digits, or says why it cannot."""

from __future__ import annotations

import warnings
from fractions import Fraction

import mpmath
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cgcli as cg
from cgcli.engines import precise
from cgcli.engines.mpmath import MpmathEngine
from cgcli.engines.numbers import Numbers, Unsettled
from cgcli.errors import CalculationError, NotFiniteWarning, PrecisionWarning
from cgcli.formulas.derivatives import gradient_nodes
from cgcli.formulas.values import read_value
from tests.transcripts import run

RUMP = "333.75*y^6 + x^2*(11*x^2*y^2 - y^6 - 121*y^4 - 2) + 5.5*y^8 + x/(2*y)"

RIGHT = [
    ("sin(10^100)", 20, "-0.37237612366127668826"),
    ("exp(1e-20) - 1", 5, "1e-20"),
    ("10^40 + 1 - 10^40", 20, "1"),
    ("exp(pi*sqrt(163)) - 262537412640768744", 10, "-7.499274028e-13"),
    ("(1 - cos(x))/x^2", 20, "0.49999999999999999583"),
    (RUMP, 3, "-0.827"),
    (RUMP, 25, "-0.8273960599468213681411651"),
    ("sin(y)^2 + cos(y)^2 - 1 + 1e-60", 12, "1e-60"),
    ("(1 + 1e-30)^(1e30)", 10, "2.718281828"),
    ("floor(0.1*30) + (0.1 + 0.2 == 0.3)", 20, "4"),
    ("9^9^9", 20, "4.2812477317574704804e+369693099"),
    ("factorial(1000000)", 20, "8.2639316883312400624e+5565708"),
    ("log(factorial(1000000))/log(10)", 12, "5565708.91719"),
    ("exp(10^6)", 10, "3.033215397e+434294"),
    ("exp(-10^6)", 10, "3.296831478e-434295"),
    ("erfc(30)", 8, "2.5646562e-393"),
    ("1 - tanh(300)", 6, "5.30079e-261"),
    ("det([[1, 2, 3], [4, 5, 6], [7, 8, 10]])", 30, "-3"),
    ("inv([[1e-20, 1], [1, 1]])[0, 0]", 30, "-1.00000000000000000001"),
    ("sum([1e60, 1, -1e60, 0.1])", 15, "1.1"),
    ("where(sin(1e-40) < 1e-40, 1, 2)", 10, "1"),
    ("sqrt(x^2 + 1e-300) - x", 4, "6.442e-306"),
    ("polygamma(3, 1e30)", 5, "2e-90"),
]


def evaluated(text: str, digits: int) -> str:
    formula = cg.parse(text)
    point = {"x": "1e-8" if "cos(x)" in text else "77617", "y": "33096"}
    values = {name: read_value(name, point[name], digits=digits) for name in formula.inputs}
    value = formula.eval(values, digits=digits)
    found: str = mpmath.nstr(value, digits, strip_zeros=True, min_fixed=-5, max_fixed=max(digits, 17))
    return found.removesuffix(".0").replace(".0e", "e")


@pytest.mark.parametrize(
    ("text", "digits", "expected"), RIGHT, ids=[f"{text[:30]} {digits}" for text, digits, _ in RIGHT]
)
def test_the_digits_that_are_printed_are_right(text: str, digits: int, expected: str) -> None:
    assert evaluated(text, digits) == expected


def test_the_digits_of_derivatives_are_right() -> None:
    found = cg.parse("exp(x) - 1 - x").grad(x=Fraction(1, 10**30), digits=10)
    assert mpmath.nstr(found["x"], 10) == "1.0e-30"
    second = cg.parse("log(cosh(x)) - x^2/2").hessian(x=1e-9, digits=12)["x"]["x"]
    with mpmath.workdps(60):
        assert abs(second + mpmath.tanh(mpmath.mpf(1e-9)) ** 2) < mpmath.mpf("1e-30")
    slopes = cg.parse("v = [x, x^2]; v[0]^3 - v[1]*x + y").jacobian(x=0.1, y=1, digits=20)
    assert (slopes["x"], slopes["y"]) == (0, 1)


def test_what_only_shrinks_is_zero_and_says_so() -> None:
    for text in ("sin(pi)", "sqrt(2)^2 - 2", "exp(log(3)) - 3", "[cos(pi) + 1, 1]"):
        with pytest.warns(PrecisionWarning, match="the result is 0 to 1[0-9]{3} digits"):
            value = cg.parse(text).eval(digits=30)
        assert (value[0] if text.startswith("[") else value) == 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert cg.parse("exp(0) - 1 + sin(0) + 0.1*3 - 0.3").eval(digits=30) == 0  # exactly


def test_the_command_line_prints_zero_and_a_note() -> None:
    code, shown = run(["eval", "sin(x)", "x=pi", "--digits", "30"])
    assert code == 0
    assert sorted(shown.splitlines()) == ["0", "warning: the result is 0 to 1376 digits"]


def test_defaults_and_values_have_as_many_digits_as_are_needed() -> None:
    assert cg.parse("param a = pi; param b = a/3; cos(b) - 0.5 + 1e-70").eval(digits=5) == pytest.approx(
        1e-70, rel=1e-5
    )
    value = read_value("x", "[pi, 10^40]", digits=10)
    assert mpmath.nstr(cg.parse("x[1] + x[0] - x[1]").eval(x=value, digits=10), 10) == "3.141592654"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sqrt(2)^2 == 2", "`equal` cannot be decided"),
        ("floor(sqrt(2)^2)", "`floor` cannot be decided"),
        ("sign(sin(pi))", "`sign` cannot be decided"),
        ("where(sin(pi), 1, 2)", "`where` cannot be decided"),
        ("mod(pi, pi/3)", "`mod` cannot be decided"),
        ("1/sin(pi)", "`div` cannot be decided"),
        ("sin(pi)/sin(2*pi)", "`div` cannot be decided"),
        ("sin(2^(10^9))", "`sin` meets or makes a number that is too large"),
        ("exp(exp(exp(exp(3))))", "`exp` meets or makes a number that is too large"),
        ("exp(10^30000)", "`exp` meets or makes a number that is too large"),
    ],
)
def test_what_digits_cannot_tell_is_told(text: str, message: str) -> None:
    with pytest.raises(CalculationError, match=message):
        cg.parse(text).eval(digits=20)


def test_digits_that_would_take_too_long_are_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precise, "SECONDS", 1e-9)
    with pytest.raises(CalculationError, match="5000 digits of this would take about") as refused:
        cg.parse("gamma(x)").eval(x=0.3, digits=5000)
    assert "digits can be had" in (refused.value.hint or "")


@pytest.mark.parametrize(
    "text",
    [
        "sqrt(e - e*(1 + 1e-31))",
        "(pi - pi*(1 + 1e-33))^(1/3)",
        "log(e - e*(1 + 1e-31))",
        "sqrt(-2)",
        "sqrt(-pi)",
        "log(-pi)",
    ],
)
def test_what_is_not_real_is_nan(text: str) -> None:
    with pytest.warns(NotFiniteWarning):
        assert mpmath.isnan(cg.parse(text).eval(digits=5))


def test_what_is_real_is_no_nan_though_its_digits_come_late() -> None:
    assert mpmath.nstr(cg.parse("log(e*mod(1e30, e))").eval(digits=8), 8) == "1.2253552"
    assert mpmath.nstr(cg.parse("sqrt(e*(1 + 1e-40) - e)").eval(digits=8), 8) == "1.6487213e-20"


def test_a_selection_among_equal_numbers_needs_no_decision() -> None:
    assert mpmath.nstr(cg.parse("max(sqrt(2)^2, 2) + abs(1 - exp(0))").eval(digits=20), 20) == "2.0"


def test_comparisons_know_how_far_the_digits_stand() -> None:
    numbers = Numbers(100)
    third = numbers.near(numbers.mp.mpf(1) / 3)
    assert third < 0.34
    assert third * 3 > numbers.rational(Fraction(999, 1000))
    with pytest.raises(Unsettled):
        assert third * 3 == 1
    assert third == third


# ---- random formulas -------------------------------------------------------------------------------------------------

ATOMS = st.sampled_from(["x", "y", "pi", "0.1", "3", "1e-12", "1e15", "(1/3)"])


def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from("+-*"), inner),
        st.builds(
            "{}({})".format, st.sampled_from(["sin", "cos", "exp", "atan", "tanh", "erf", "log1p", "abs"]), inner
        ),
        st.builds("({})/(1 + ({})^2)".format, inner, inner),
        st.builds("({0}) - ({0})*(1 + 1e-18)".format, inner),
    )


FORMULAS = st.recursive(ATOMS, larger, max_leaves=6)


@settings(max_examples=60, deadline=None)
@given(text=FORMULAS, digits=st.sampled_from([1, 5, 20]), x=st.sampled_from(["0.3", "-2", "1e-9"]))
def test_digits_agree_with_many_more(text: str, digits: int, x: str) -> None:
    """The judge knows nothing of standing digits: mpmath at so many that no formula of this size loses them all."""
    formula = cg.parse(f"({text}) + 0*x + 0*y")
    values = {"x": read_value("x", x, digits=digits), "y": read_value("y", "0.7", digits=digits)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PrecisionWarning)
        try:
            found = [formula.eval(values, digits=digits), *formula.grad(values, digits=digits).values()]
        except CalculationError:  # exp(exp(1e15)), a kink of abs
            return
    judge = MpmathEngine(400)
    bound, slopes = gradient_nodes(formula.bind(values, digits=digits))
    nodes = [*bound.program.outputs.values(), *slopes["result"].values()]
    exact = judge.evaluate(bound.graph, bound.values, nodes)
    for value, node in zip(found, nodes, strict=True):
        expected = exact[node]
        if value == 0:
            assert abs(expected) < judge.mp.mpf(10) ** -300
        elif judge.mp.isfinite(expected):
            assert abs(value - expected) <= abs(expected) * judge.mp.mpf(10) ** (1 - digits), (text, x)
