"""Published examples: GUM (JCGM 100) Annex H, Supplement 1 (JCGM 101) §9, Supplement 2 (JCGM 102) §9, NIST TN 1900.

Numbers are those that stand in the documents; `rel` and `abs` are half a unit of the last digit that stands there, and
more for what was sampled.
"""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest

import cgcli as cg

approx = pytest.approx

END_GAUGE = "ls + d0 + d1 + d2 - ls*(da*(tb + De) + as*dt)"
H1 = {
    "ls": "50000623±25(dof 18)", "d0": "215±5.8(dof 24)", "d1": "0±3.9(dof 5)", "d2": "0±6.7(dof 8)",
    "as": "R(11.5e-6±2e-6)", "da": "R(0±1e-6)(dof 50)", "tb": "-0.1±0.2", "De": "U(0±0.5)", "dt": "R(0±0.05)(dof 2)",
}  # fmt: skip
READINGS = "samples/uncertainty"


def test_gum_h1_end_gauge():
    found = cg.parse(END_GAUGE).uncertainty(H1)
    assert found.value == approx(50000838, abs=0.5)
    assert found.error == approx(31.664, abs=5e-4)
    assert found.dof == approx(16.75, abs=5e-3)
    assert found.coverage_factor(0.99) == approx(2.92, abs=5e-3)
    parts = found.contributions
    assert parts == approx(
        {"ls": 25, "dt": 16.599, "d2": 6.7, "d0": 5.8, "d1": 3.9, "da": 2.88679, "as": 0, "tb": 0, "De": 0}, rel=1e-4
    )
    assert sum(found.shares.values()) == approx(1)
    assert found.second_order.error == approx(33.8, abs=0.05)  # GUM: 34
    assert found.second_order.dof == approx(21.6, abs=0.05)
    exact = {"d0": "215±13/sqrt(5)(dof 24)", "d1": "0±10/2.57(dof 5)", "d2": "0±20/3(dof 8)"}  # H.1.3.2
    comparator = cg.parse("d0 + d1 + d2").uncertainty(exact)
    assert (comparator.error, comparator.dof) == (approx(9.7, abs=0.05), approx(25.6, abs=0.05))


def test_gum_h2_impedance():
    readings = np.genfromtxt(f"{READINGS}/impedance.csv", delimiter=",", names=True)
    f = cg.parse("V/I*[cos(p), sin(p), 1]")
    found = f.uncertainty({}, readings=readings)
    assert found.value == approx([127.732, 219.847, 254.260], abs=5e-4)
    assert found.error == approx([0.071, 0.296, 0.236], abs=6e-4)
    error = found.error
    correlation = found.covariance / np.outer(error, error)
    assert found.dof == approx([4, 4, 4])  # one sample is one component (Willink 2007)
    assert [correlation[0, 1], correlation[0, 2], correlation[1, 2]] == approx([-0.588, -0.485, 0.993], abs=5e-4)


def test_gum_h4_radon_in_both_ways():
    given = {"As": "0.1368(18)", "ms": "5.0192(50)", "mx": "5.0571(10)", "lam": 1.25894e-4}
    means = cg.parse("Rs = (Cs-Cb)/60*exp(lam*ts); Rx = (Cx-Cb)/60*exp(lam*tx); As*ms/mx*Rx/Rs")
    found = means.uncertainty(given, readings=f"{READINGS}/radon.csv", average=["Rs", "Rx"])
    assert (found.value, found.error) == (approx(0.4300, abs=6e-5), approx(0.0083, abs=5e-5))
    ratios = cg.parse("R = (Cx-Cb)/(Cs-Cb)*exp(lam*(tx-ts)); As*ms/mx*R")
    found = ratios.uncertainty(given, readings=f"{READINGS}/radon.csv", average="R")
    assert (found.value, found.error) == (approx(0.4304, abs=6e-5), approx(0.0084, abs=5e-5))


def test_gum_h3_line():
    """A line through eleven points: its parameters with their covariance, and the correction at 30 °C."""
    fit = cg.parse("y1 + y2*(t - 20)").fit(f"{READINGS}/thermometer.csv", target="b")
    assert fit.values == {"y1": approx(-0.1712, abs=5e-5), "y2": approx(0.00218, abs=5e-6)}
    assert fit.errors == {"y1": approx(0.0029, abs=5e-5), "y2": approx(0.00067, abs=5e-6)}
    found = cg.parse("y1 + y2*(t - 20)").uncertainty({**fit.values, "t": 30.0}, covariance=fit)
    assert (found.value, found.error) == (approx(-0.1494, abs=5e-5), approx(0.0041, abs=5e-5))


ADDITIVE = [
    ("0±1", "0±1", 2.00, 3.92, 3.92),
    ("R(0±sqrt(3))", "R(0±sqrt(3))", 2.00, 3.92, 3.88),
    ("R(0±sqrt(3))", "R(0±10*sqrt(3))", 10.1, 19.9, 17.0),
]


@pytest.mark.parametrize(("three", "one", "error", "linear", "sampled"), ADDITIVE, ids=["normal", "rectangular", "one"])
def test_supplement_1_additive(three, one, error, linear, sampled):
    given = {"a": three, "b": three, "c": three, "d": one}
    found = cg.parse("a + b + c + d").uncertainty(given, samples=200_000, seed=1)
    assert found.error == approx(error, rel=5e-3)
    assert found.interval == approx((-linear, linear), rel=5e-3)
    assert found.sampled.error == approx(error, rel=5e-3)
    assert found.sampled.interval == approx((-sampled, sampled), rel=1e-2)


def test_supplement_1_mass():
    given = {
        "mr": "N(1e5, 0.05)",
        "dm": "N(1.234, 0.02)",
        "ra": "R(1.1, 1.3)",
        "rw": "R(7000, 9000)",
        "rr": "R(7950, 8050)",
    }
    found = cg.parse("(mr + dm)*(1 + (ra - 1.2)*(1/rw - 1/rr)) - 1e5").uncertainty(given, samples=300_000, seed=2)
    assert (found.value, found.error) == (approx(1.234, abs=5e-4), approx(0.0539, abs=5e-5))
    assert found.second_order.error == approx(0.0750, abs=5e-5)
    assert found.sampled.error == approx(0.0755, abs=2e-4)
    assert found.sampled.interval == approx((1.084, 1.384), abs=2e-3)


LOSS = [
    (0.0, 0.0, 50, 50, (0, 149.787)), (0.010, 0.0, 150, 111.803, (0, 366.005)),
    (0.050, 0.0, 2550, 502.494, (1593.57, 3548.57)), (0.0, 0.9, 50, 67.3, (0, 185)),
    (0.010, 0.9, 150, 120.5, (13, 397)), (0.050, 0.9, 2550, 504.6, (1626, 3557)),
]  # fmt: skip


@pytest.mark.parametrize(("x1", "r", "mean", "error", "shortest"), LOSS, ids=lambda value: str(value))
def test_supplement_1_comparison_loss(x1, r, mean, error, shortest):
    given = {"x1": (x1, 0.005), "x2": (0.0, 0.005)}
    found = cg.parse("x1^2 + x2^2").uncertainty(given, correlations={("x1", "x2"): r}, samples=300_000, seed=1)
    assert found.error == approx(2 * x1 * 0.005)
    second = found.second_order
    assert second.value == approx(mean * 1e-6, rel=1e-12)
    assert second.error == approx(sqrt(4 * x1**2 * 0.005**2 + 4 * 0.005**4 * (1 + r**2)), rel=1e-12)
    assert second.error == approx(error * 1e-6, rel=2e-3)
    assert found.sampled.mean == approx(mean * 1e-6, rel=5e-3)
    assert found.sampled.error == approx(error * 1e-6, rel=5e-3)
    assert found.sampled.shortest == approx([limit * 1e-6 for limit in shortest], rel=1e-2, abs=error * 3e-8)


def test_supplement_1_gauge_block():
    given = {
        "ls": "50000623±25(dof 18)", "d0": "215±6(dof 24)", "d1": "0±4(dof 5)", "d2": "0±7(dof 8)",
    "as": "R(11.5e-6±2e-6)",
        "da": "curved_trapezoidal(-1e-6, 1e-6, 0.1e-6)", "tb": "N(-0.1, 0.2)", "De": "U(-0.5, 0.5)",
        "dt": "curved_trapezoidal(-0.05, 0.05, 0.025)",
    }  # fmt: skip
    found = cg.parse(f"{END_GAUGE} - 50000000").uncertainty(given, samples=300_000, seed=3)
    assert (found.value, found.error) == (approx(838), approx(32, abs=0.5))
    assert (found.sampled.mean, found.sampled.error) == (approx(838, abs=0.5), approx(35.81, abs=0.2))
    assert found.sampled.interval(0.99) == approx((744, 932), abs=1.5)


@pytest.mark.parametrize(
    ("x", "r", "linear", "sampled"),
    [
        (0.001, 0.0, (0.010, 10.0), (0.013, 0.007, 0.0, 1.744)),
        (0.001, 0.9, (0.010, 10.0), (0.012, 0.008, -0.556, 1.599)),
        (0.010, 0.9, (0.010, 1.0), (0.015, 0.008, -0.343, 0.903)),
    ],
    ids=["independent", "correlated", "farther"],
)
def test_supplement_2_magnitude_and_phase(x, r, linear, sampled):
    f = cg.parse("[hypot(x, y), atan2(y, x)]")
    found = f.uncertainty({"x": (x, 0.01), "y": (0.0, 0.01)}, correlations={("x", "y"): r}, samples=300_000, seed=1)
    assert found.value == approx([x, 0])
    assert found.error == approx(linear)
    magnitude, phase = (element.sampled for element in found.elements)
    assert (magnitude.mean, magnitude.error) == (approx(sampled[0], abs=5e-4), approx(sampled[1], abs=5e-4))
    assert (phase.mean, phase.error) == (approx(sampled[2], abs=8e-3), approx(sampled[3], abs=4e-3))


def test_nist_thermal_expansion():
    """TN 1900, E13: the number of a Student distribution is its standard deviation there."""
    given = {
        "L0": "student(1.4999, sd=0.0001, dof=3)", "T0": "student(288.15, sd=0.02, dof=3)",
        "L1": "student(1.5021, sd=0.0002, dof=3)", "T1": "student(373.10, sd=0.05, dof=3)",
    }  # fmt: skip
    found = cg.parse("(L1 - L0)/(L0*(T1 - T0))").uncertainty(given, samples=300_000, seed=1)
    assert (found.value, found.error) == (approx(1.7266e-5, abs=1e-9), approx(1.76e-6, abs=1e-8))
    assert found.sampled.error == approx(1.74e-6, rel=5e-2)  # a sample of a fourth moment that is infinite


def test_nist_step_attenuator():
    """TN 1900, E11: arcsine, rectangular, normal and Student's together."""
    given = {
        "Ls": "student(30.0402, sd=0.0091, dof=3)", "dLs": "R(0.003±0.00433)", "dLib": "R(0±0.0005196)",
        "dLia": "R(0±0.0005196)",
        "dL0a": "0±0.002", "dL0b": "0±0.002", "dLm": "U(0±0.02828)", "dLd": "U(0±0.00198)", "dLk": "U(0±0.0029698)",
    }  # fmt: skip
    f = cg.parse("Ls + dLs - dL0a + dL0b + dLd - dLia + dLib + dLk + dLm")
    found = f.uncertainty(given, samples=300_000, seed=1)
    assert (found.value, found.error) == (approx(30.0432), approx(0.0224, abs=5e-5))
    assert (found.sampled.mean, found.sampled.error) == (approx(30.043, abs=1e-3), approx(0.0224, abs=5e-4))
    assert found.sampled.interval == approx((30.006, 30.081), abs=1.5e-3)


def test_eurachem_standards():
    """EURACHEM/CITAC QUAM 2012, A1: cadmium; A2: sodium hydroxide (numbers to more digits: MSLNZ/GTC, docs/API)."""
    cadmium = cg.parse("1000*m*P/(flask + rep + T)").uncertainty(
        {"m": (100.28, 0.05), "P": "R(0.9999±0.0001)", "flask": "T(100±0.1)", "rep": "0±0.02", "T": "R(0±0.084)"}
    )
    assert (cadmium.value, cadmium.error) == (approx(1002.7, abs=5e-3), approx(0.835199, abs=1e-6))
    given = {
        "tare": "R(0±0.15e-3)", "gross": "R(0±0.15e-3)", "P": "R(1±0.0005)", "C": "R(12.0107±0.0008)",
        "H": "R(1.00794±0.00007)",
        "O": "R(15.9994±0.0003)", "K": "R(39.0983±0.0001)", "cal": "T(0±0.03)", "T": "0±0.006", "R": "1±0.0005",
    }  # fmt: skip
    found = cg.parse("R*1000*(0.3888 + gross - tare)*P/((8*C + 5*H + 4*O + K)*(18.64 + cal + T))").uncertainty(given)
    assert (found.value, found.error) == (approx(0.102136159706, abs=1e-12), approx(0.000100500722124, abs=1e-15))
    assert found.contributions["cal"] == approx(6.71088e-5, abs=1e-10)


def test_nist_falling_ball():
    """TN 1900, E3: the mean of the sample is above the linear rule's value; the second order says so, too."""
    given = {
        "mc": (4.63, 0.0463), "tm": (61.0, 6.1), "tc": (36.6, 5.49), "rb": (2217.0, 0.5), "rm": (1180.0, 0.5),
        "rc": (810.0, 0.5),
    }  # fmt: skip
    found = cg.parse("mc*tm*(rb - rm)/(tc*(rb - rc))").uncertainty(given, samples=300_000, seed=1)
    assert (found.value, found.error) == (approx(5.69, abs=0.01), approx(1.03, abs=0.01))
    assert found.sampled.mean == approx(5.82, abs=0.02)
    assert found.sampled.interval == approx((4.05, 8.39), abs=0.06)
    assert found.second_order.value == approx(5.82, abs=0.01)


def test_logarithm_of_a_rectangular_value():
    """NPL report DEM-ES-011, table 9.2."""
    found = cg.parse("log(x)").uncertainty({"x": "R(0.1, 1.1)"}, samples=300_000, seed=1)
    assert (found.value, found.error) == (approx(-0.511, abs=1e-3), approx(0.481, abs=1e-3))
    assert (found.sampled.mean, found.sampled.error) == (approx(-0.665, abs=3e-3), approx(0.606, abs=3e-3))
    assert found.sampled.shortest == approx((-1.895, 0.095), abs=1.2e-2)


def test_degrees_of_freedom():
    """Welch and Satterthwaite: two components, one without an estimate; three factors (courses of Sandia)."""
    found = cg.parse("a + b").uncertainty({"a": (0.0, 0.57), "b": (0.0, 0.25)}, dof={"a": 9})
    assert found.dof == approx(12.8, abs=0.05)
    found = cg.parse("a/b*c").uncertainty(
        {"a": "0.1820±0.00093(dof 9)", "b": "0.1823±0.00058(dof 19)", "c": "0.6978±0.0026(dof 19)"}
    )
    assert (found.value, found.error) == (approx(0.6967, abs=5e-5), approx(0.00494, abs=1e-5))
    assert found.dof == approx(27.7, abs=0.5)
    assert found.expanded(0.95) == approx(0.0101, abs=5e-5)
