"""Values with errors as text, and results as text."""

from __future__ import annotations

from math import inf, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cgcli as cg
from cgcli.errors import CgError
from cgcli.uncertainty.notation import interval_text, read_quantity, result_text
from cgcli.uncertainty.signs import is_uncertain

approx = pytest.approx

WRITTEN = {
    "1.00±0.01": (1.0, 0.01), "1.00+-0.01": (1.0, 0.01), "1.00+/-0.01": (1.0, 0.01), " 1.00 ± 0.01 ": (1.0, 0.01),
    "-2e-3±1e-4": (-2e-3, 1e-4), "pi/2±sqrt(2)/100": (np.pi / 2, sqrt(2) / 100), "5±2%": (5.0, 0.1),
    "-5±2%": (-5.0, 0.1),
    "1.50(10)": (1.5, 0.1), "12.3(4)e-5": (12.3e-5, 0.4e-5), "-0.1(2)": (-0.1, 0.2), "120(30)": (120.0, 30.0),
    ".5(1)": (0.5, 0.1), "1.50(0.10)": (1.5, 0.1), "6.62607015(12)E-34": (6.62607015e-34, 1.2e-41),
    "(1.5240 ± 0.0247)e-10": (1.5240e-10, 0.0247e-10), "(1.5+/-0.1)": (1.5, 0.1), "(-1.5±2%)E3": (-1500, 30.0),
    "(1.5±0.1)*10^-3": (1.5e-3, 1e-4), "(sqrt(4)±1/10)e1": (20.0, 1.0),
    "N(1.5, 0.1)": (1.5, 0.1), "normal(1.5, 0.1)": (1.5, 0.1),
    "R(1.1, 1.3)": (1.2, 0.1 / sqrt(3)), "rectangular(1.2±0.1)": (1.2, 0.1 / sqrt(3)), "uniform(1.1, 1.3)": (1.2,
    0.1 / sqrt(3)),
    "T(1.1, 1.3)": (1.2, 0.1 / sqrt(6)), "triangular(0, 0, 3)": (1.0, sqrt(0.5)), "U(0±0.5)": (0.0, 0.5 / sqrt(2)),
    "trapezoidal(-1, 1, 0)": (0.0, 1 / sqrt(6)), "trapezoidal(-1, 1, 1)": (0.0, 1 / sqrt(3)),
    "curved_trapezoidal(-1e-6, 1e-6, 0.1e-6)": (0.0, sqrt(1 / 3 + 0.01 / 9) * 1e-6),
    "student(2, sd=0.1, dof=3)": (2.0, 0.1), "student(2, scale=0.1, dof=4)": (2.0, 0.1 * sqrt(2)),
    "t(2, dof=4, scale=0.1)": (2.0, 0.1 * sqrt(2)),
    "lognormal(mean=2, sd=0.5)": (2.0, 0.5),
    "lognormal(mu=0, sigma=1)": (np.exp(0.5), sqrt((np.e - 1) * np.e)),
    "exponential(3)": (3.0, 3.0), "gamma(10, 1)": (10.0, sqrt(10)),
}  # fmt: skip


@given(st.floats(-1e300, 1e300, allow_subnormal=False), st.floats(1e-300, 1e290, allow_subnormal=False))
def test_a_printed_result_can_be_read_again(value, error):
    text = result_text(value, error)
    found = read_quantity("x", text)
    assert float(found.error) == approx(error, rel=6e-3)
    assert float(found.value) == approx(value, abs=6e-3 * error, rel=1e-15)
    assert is_uncertain(text)


@pytest.mark.parametrize("text", WRITTEN, ids=lambda text: text.strip())
def test_a_text_means_value_and_error(text):
    assert is_uncertain(text)
    found = read_quantity("x", text)
    assert (float(found.value), float(found.error)) == approx(WRITTEN[text], rel=1e-14, abs=1e-300)
    assert float(found.dof) == inf
    freed = read_quantity("x", f"{text.strip()}(dof 24)")
    assert (float(freed.error), float(freed.dof)) == (float(found.error), 24)


@pytest.mark.parametrize(
    "text", ["1.5", "-2", "sqrt(2)", "log10(5)", "2^+-1", "(1+2)*3", "[1, 2]", "max(1, 2)", "1e-5"]
)
def test_what_was_a_value_stays_one(text):
    assert not is_uncertain(text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Normal(1, 0.1)", "write normal(value, sd)"),
        ("Uniform(0, 1)", "write R(low, high) or R(middle±half)"),
        ("poisson(3)", "write gamma(shape, scale)"),
        ("weibull(1, 2)", "there are normal, rectangular"),
    ],
)
def test_a_distribution_that_is_called_otherwise_or_not_known(text, told):
    with pytest.raises(CgError) as refused:
        read_quantity("x", text)
    assert refused.value.message == f"there is no distribution `{text.partition('(')[0]}`"
    assert told in (refused.value.hint or "")


def test_gamma_of_one_number_is_the_function():
    assert not is_uncertain("gamma(3)")
    assert is_uncertain("gamma(3, 1)")


def test_infinite_degrees_of_freedom_may_be_said():
    assert float(read_quantity("x", "1±0.1(dof inf)").dof) == inf


def test_an_expanded_uncertainty_is_divided_by_its_coverage_factor():
    found = read_quantity("x", "10±0.05(k 2)(dof 50)")
    assert (float(found.error), float(found.dof)) == (0.025, 50)
    assert float(read_quantity("x", "10.00(5) (dof=50) (k=2.5)").error) == approx(0.02)
    assert read_quantity("v", "[1±0.1, 2±0.2](k 2)").error == approx([0.05, 0.1])


def test_lists():
    found = read_quantity("v", "[1±0.1, 2.0(3), R(0, 1), 4]")
    assert found.error == approx([0.1, 0.3, 1 / sqrt(12), 0])
    assert list(found.distributions) == [2]
    assert read_quantity("v", "[1, 2]±0.1").error == approx([0.1, 0.1])
    assert read_quantity("v", "[1, 2]±[0.1, 0.2]").error == approx([0.1, 0.2])
    nested = read_quantity("A", "[[1±0.1, 2], [3, 4±0.4]](dof 5)")
    assert nested.error == approx(np.array([[0.1, 0], [0, 0.4]]))
    assert nested.dof == approx(np.full((2, 2), 5))


WRONG = [
    "±0.1", "1±", "1±2±3", "1±-0.1", "1±nan", "1±inf", "nan±1", "R(2, 1)", "R(1)", "R(1±2, 3)", "N(1, -1)",
    "N(1±2)", "5(dof 3)",
    "student(2, 0.1, 3)", "student(2, sd=0.1)", "student(2, sd=0.1, dof=2)", "student(2, scale=0.1, dof=1)",
    "lognormal(1, 2)", "trapezoidal(0, 1, 2)", "1±0.1(dof 0)", "1±0.1(dof -2)", "1±[1, 2]", "[1±0.1, [2]]", "1±x",
    "R(a, b)",
    "curved_trapezoidal(0, 1, 0.6)", "triangular(0, 5, 3)", "exponential(-1)", "R()", "[1±0.1, 2", "1±0.1)",
    "1±0.1(k 0)", "1±0.1(k -2)", "R(0, 1)(k 2)", "1±0.1(dof 3)(dof 4)", "5(k 2)",
]  # fmt: skip


@pytest.mark.parametrize("text", WRONG)
def test_a_wrong_text_is_refused_with_what_would_work(text):
    with pytest.raises(CgError) as refused:
        read_quantity("x", text)
    assert refused.value.message


@given(st.text("0123456789.±+-()eRNU, [dof%x]=", max_size=12))
def test_no_text_is_a_surprise(text):
    try:
        if is_uncertain(text):
            read_quantity("x", text)
    except CgError:
        pass


SHOWN = [
    (9.810652, 0.10962, "9.811 ± 0.110"), (1.0, 1e-20, "1 ± 1.00e-20"),
    (50000838.0, 31.664, "50000838.0 ± 31.7"), (0.0, 0.0, "0 ± 0"), (2.5,
    0.0, "2.5 ± 0"),
    (5.67037e-8, 2.05e-13, "(5.6703700 ± 0.0000205)e-8"), (0.0015, 0.0009996, "0.00150 ± 0.00100"), (123456.0,
    31664.0, "123500 ± 31700"),
    (1.0, inf, "1 ± inf"), (-0.001, 12.0, "0.0 ± 12.0"), (9.995, 0.9996, "9.99 ± 1.00"), (1e300, 1e298,
    "(1.0000 ± 0.0100)e300"),
    (float("nan"), 1.0, "nan ± 1"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "error", "text"), SHOWN, ids=lambda shown: str(shown))
def test_a_result_has_three_digits_of_its_error(value, error, text):
    assert result_text(value, error) == text


def test_arrays_and_intervals_as_text():
    assert result_text(np.array([1.0, 2.0]), np.array([0.1, 0.2])) == "[1.000 ± 0.100, 2.000 ± 0.200]"
    assert interval_text((9.5958, 10.0256), 0.10962) == "[9.596, 10.026]"
    assert interval_text((-1e-9, 1e-9), 1e-9) == "[-1.00, 1.00]e-9"


def test_moments_of_distributions_are_those_of_their_numbers():
    """Mean, standard deviation, skewness and kurtosis against numerical integration over the quantiles."""
    chances = (np.arange(200_000) + 0.5) / 200_000
    texts = [text for text in WRITTEN if text[0].isalpha() and not text.startswith(("student", "t(", "pi"))]
    for text in texts:
        shape = read_quantity("x", text).distributions[0]
        numbers = shape.quantiles(chances)
        loose = 0.1 if "sigma=1" in text else 2e-3
        assert np.mean(numbers) == approx(shape.mean, rel=loose, abs=1e-3 * shape.sd), text
        assert np.std(numbers) == approx(shape.sd, rel=loose), text
        if "sigma=1" not in text:
            scaled = (numbers - shape.mean) / shape.sd
            assert np.mean(scaled**3) == approx(shape.skewness, rel=2e-2, abs=1e-3), text
            assert np.mean(scaled**4) == approx(shape.kurtosis, rel=2e-2), text


@pytest.mark.parametrize("text", ["student(2, scale=0.1, dof=9)", "curved_trapezoidal(-1, 1, 0.5)"])
def test_numbers_from_two_uniform_ones_have_the_same_quantiles(text):
    shape = read_quantity("x", text).distributions[0]
    random = np.random.default_rng(1)
    drawn = np.sort(shape.drawn([random.random(100_000), random.random(100_000)]))
    chances = np.array([0.01, 0.1, 0.3, 0.5, 0.8, 0.99])
    assert drawn[(chances * 100_000).astype(int)] == approx(shape.quantiles(chances), rel=2e-2, abs=2e-2)


def test_python_gives_what_text_gives():
    assert cg.parse("x").uncertainty({"x": (1, 0.1)}, distributions={"x": "uniform"}).error == approx(0.1)
    f = cg.parse("x^2 + 1")
    text = f.uncertainty({"x": "R(1.1, 1.3)"})
    other = f.uncertainty({"x": (1.2, 0.1 / sqrt(3))}, distributions={"x": "rectangular"})
    assert (other.value, other.error, other.second_order.error) == approx(
        (text.value, text.error, text.second_order.error)
    )
