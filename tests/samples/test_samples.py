"""Every sample prints what its transcript says, and the numbers are those of NumPy, SciPy, mpmath or a closed form."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from math import atan, exp, isclose, log, pi, radians, sqrt, tan
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest

import cgcli
from tests.golden import check_golden
from tests.transcripts import ROOT, replayed

FOLDER = ROOT / "samples"
SAMPLES = sorted(FOLDER.glob("*.cg"))
NUMBER = re.compile(r"(?<![A-Za-z_\d])-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")
ROUNDING = 1e-13
"""Another mathematical library may differ in the last digits; a value that should be 0 differs by this much."""


def same_up_to_rounding(expected: str, now: str) -> bool:
    """Whether two texts differ in the last digits of their numbers at most."""
    if NUMBER.sub("#", expected) != NUMBER.sub("#", now):
        return False
    pairs = zip(NUMBER.findall(expected), NUMBER.findall(now), strict=True)
    return all(isclose(float(a), float(b), rel_tol=1e-11, abs_tol=ROUNDING) for a, b in pairs)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_prints_what_its_transcript_says(path: Path) -> None:
    transcript = FOLDER / "expected" / f"{path.stem}.txt"
    expected = transcript.read_text(encoding="utf-8")
    now = replayed(expected)
    assert f"$ cg eval samples/{path.name}\n" in expected
    if os.environ.get("CG_UPDATE_GOLDEN") or not same_up_to_rounding(expected, now):
        check_golden(transcript, now)


def test_the_comparison_of_transcripts_can_fail() -> None:
    assert same_up_to_rounding("y = 0.1", "y = 0.10000000000000002")
    assert not same_up_to_rounding("y = 0.1", "y = 0.1000001")
    assert not same_up_to_rounding("y = 0.1", "z = 0.1")
    assert not same_up_to_rounding("y = 0.1", "y = nan")


def test_there_are_no_transcripts_without_a_sample() -> None:
    assert {path.stem for path in (FOLDER / "expected").glob("*.txt")} == {path.stem for path in SAMPLES}


def populations(birth: float = 1.1) -> list[tuple[float, float]]:
    """The way of predator_prey.cg."""
    prey, predators, way = 10.0, 5.0, []
    for _ in range(4000):
        meet = prey * predators
        prey, predators = (
            prey + 0.005 * (birth * prey - 0.4 * meet),
            predators + 0.005 * (0.1 * meet - 0.4 * predators),
        )
        way.append((prey, predators))
    return way


def average_prey(birth: float) -> float:
    return sum(prey for prey, _ in populations(birth)) / 4000


def call_price(S: Any, K: Any, T: Any, r: Any, sigma: Any) -> Any:
    """Black and Scholes with mpmath's own distribution function."""
    d1 = (mpmath.log(S / K) + (r + sigma**2 / 2) * T) / (sigma * mpmath.sqrt(T))
    return S * mpmath.ncdf(d1) - K * mpmath.exp(-r * T) * mpmath.ncdf(d1 - sigma * mpmath.sqrt(T))


def xor_loss(W1: np.ndarray) -> float:
    """The network of mlp_xor.cg."""
    X = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]])
    target = np.array([0.0, 1, 1, 0])
    hidden = np.tanh(X @ W1 + np.array([0.1, 0, -0.1]))
    prediction = 1 / (1 + np.exp(-(hidden @ np.array([0.7, 0.8, -0.5]) + 0.05)))
    return float(-np.mean(target * np.log(prediction) + (1 - target) * np.log(1 - prediction)))


def swung(angle: float) -> float:
    """The angle of pendulum.cg after its 100 steps."""
    speed = 0.0
    for _ in range(100):
        speed -= 0.02 * 9.81 * mpmath.sin(angle)
        angle += 0.02 * speed
    return angle


def line_error() -> float:
    """The squared error of the best line through the points of least_squares.cg."""
    A = np.stack([np.ones(5), np.arange(5.0)]).T
    return float(np.linalg.lstsq(A, np.array([1.1, 2.9, 5.2, 6.8, 9.1]), rcond=None)[1][0])


def three_currents() -> float:
    """The first current of circuit_currents.cg."""
    return float(np.linalg.solve([[15, -5, 0], [-5, 30, -5], [0, -5, 35]], [12, 0, 0])[0])


def logistic_loss() -> float:
    """The loss of logistic_regression.cg, by the formula that is not safe."""
    hours, passed = np.array([0.5, 1, 1.5, 2, 2.5, 3, 4, 5]), np.array([0, 0, 0, 1, 0, 1, 1, 1.0])
    p = 1 / (1 + np.exp(-(1.5 * hours - 3.5)))
    return float(-np.mean(passed * np.log(p) + (1 - passed) * np.log(1 - p)) + 0.01 * 1.5**2)


def haversine() -> float:
    """The angle between two unit vectors, times the radius."""
    vectors = []
    for latitude, longitude in ((48.8566, 2.3522), (40.7128, -74.0060)):
        a, b = radians(latitude), radians(longitude)
        vectors.append([np.cos(a) * np.cos(b), np.cos(a) * np.sin(b), np.sin(a)])
    return 6371 * float(np.arccos(np.dot(*vectors)))


def eccentric_anomaly(M: Any, ecc: Any) -> Any:
    """Kepler's equation, solved by mpmath."""
    return mpmath.findroot(lambda E: E - ecc * mpmath.sin(E) - M, M)


def oscillation(t: Any) -> Any:
    """The motion of damped_oscillator.cg."""
    return mpmath.exp(-0.2 * t) * mpmath.cos(mpmath.sqrt(9 - 0.04) * t)


def flight(angle: Any) -> Any:
    """The range of projectile.cg: where the parabola meets the ground."""
    v, g, height = 12, 9.81, 1.5
    tangent, cosine = mpmath.tan(angle), mpmath.cos(angle)
    bend = g / (2 * v**2 * cosine**2)
    return (tangent + mpmath.sqrt(tangent**2 + 4 * bend * height)) / (2 * bend)


def remembered(w: Any) -> tuple[Any, Any]:
    """The states of lstm_cell.cg after its four steps."""
    h, c = mpmath.mpf(0), mpmath.mpf(0)

    def gate(a: Any) -> Any:
        return 1 / (1 + mpmath.exp(-a))

    for x in (0.5, -0.3, 0.8, 0.1):
        c = gate(w * x - h + 1) * c + gate(w * x + h) * mpmath.tanh(x + w * h)
        h = mpmath.tanh(c) * gate(x + h)
    return h, c


def radiance(wavelength: Any) -> Any:
    """Planck's law at 5772 K."""
    h, c, k = mpmath.mpf("6.62607015e-34"), 299792458, mpmath.mpf("1.380649e-23")
    return 2 * h * c**2 / wavelength**5 / mpmath.expm1(h * c / (wavelength * k * 5772))


def perturbed(entry: float) -> float:
    """The loss of mlp_xor.cg by its first weight."""
    return xor_loss(np.array([[entry, -0.5, 0.3], [-0.6, 0.9, 0.4]]))


PRICE = (100, 95, 0.5, 0.03, 0.2)
SOFT = [exp(score) / (exp(2) + exp(1) + exp(0.1)) for score in (2, 1, 0.1)]
CORNER = 2 * pi * 1000 * 1.6e3 * 100e-9

VALUES: dict[str, dict[str, Callable[[], Any]]] = {
    "product_of_sum": {"result": lambda: 9},
    "chain_rule": {"result": lambda: mpmath.exp(mpmath.sin(0.25))},
    "list_of_squares": {"result": lambda: 1 + 4 + 9},
    "neuron": {"result": lambda: 1 / (1 + exp(-1))},
    "mlp_xor": {"loss": lambda: perturbed(0.8)},
    "softmax_cross_entropy": {"loss": lambda: -log(SOFT[0])},
    "black_scholes": {
        "price": lambda: call_price(*PRICE),
        "delta": lambda: mpmath.diff(call_price, PRICE, (1, 0, 0, 0, 0)),
        "gamma": lambda: mpmath.diff(call_price, PRICE, (2, 0, 0, 0, 0)),
        "vega": lambda: mpmath.diff(call_price, PRICE, (0, 0, 0, 0, 1)),
        "theta": lambda: -mpmath.diff(call_price, PRICE, (0, 0, 1, 0, 0)),
        "rho": lambda: mpmath.diff(call_price, PRICE, (0, 0, 0, 1, 0)),
        "vanna": lambda: mpmath.diff(call_price, PRICE, (1, 0, 0, 0, 1)),
    },
    "lennard_jones": {
        "energy": lambda: 4 * 0.0104 * ((3.4 / 3.9) ** 12 - (3.4 / 3.9) ** 6),
        "force": lambda: 24 * 0.0104 / 3.9 * (2 * (3.4 / 3.9) ** 12 - (3.4 / 3.9) ** 6),
    },
    "lstm_cell": {"h": lambda: remembered(0.8)[0], "c": lambda: remembered(0.8)[1]},
    "newton_sqrt": {"result": lambda: sqrt(2)},
    "newton_any_equation": {"result": lambda: mpmath.findroot(lambda x: mpmath.cos(x) - x, 0.7)},
    "rosenbrock": {"result": lambda: 24.2},
    "pendulum": {"result": lambda: swung(1.2)},
    "runge_kutta": {"result": lambda: 1 + 0.1 + 0.1**2 / 2 + 0.1**3 / 6 + 0.1**4 / 24},
    "logistic_regression": {"loss": logistic_loss},
    "normal_likelihood": {
        "result": lambda: sum(mpmath.log(mpmath.npdf(x, 5, 0.4)) for x in (4.9, 5.3, 5.1, 4.7, 5.5))
    },
    "kepler": {
        "E": lambda: eccentric_anomaly(1.2, 0.3),
        "true_anomaly": lambda: 2 * atan(sqrt(1.3 / 0.7) * tan(float(eccentric_anomaly(1.2, 0.3)) / 2)),
    },
    "rc_filter": {
        "decibel": lambda: -10 * mpmath.log10(1 + CORNER**2),
        "phase": lambda: -mpmath.degrees(mpmath.atan(CORNER)),
    },
    "projectile": {"result": lambda: flight(pi / 4)},
    "compound_interest": {"result": lambda: 1000 * 1.04**20 + 250 * (1.04**20 - 1) / 0.04},
    "michaelis_menten": {"result": lambda: 5},
    "van_der_waals": {
        "pressure": lambda: 0.0831446 * 300 / (0.5 - 0.04267) - 3.640 / 0.25,
        "compressibility": lambda: 0.5 / (0.5 - 0.04267) - 3.640 / (0.5 * 0.0831446 * 300),
    },
    "taylor_series": {"series": lambda: mpmath.sin(1), "missing": lambda: 0},
    "horner": {"result": lambda: 2 * 27 - 6 * 9 + 2 * 3 - 1},
    "least_squares": {"error": line_error},
    "circuit_currents": {"result": three_currents},
    "damped_oscillator": {"x": lambda: oscillation(1.5), "law": lambda: 0},
    "planck": {"result": lambda: radiance(502e-9)},
    "tax": {"tax": lambda: 0.2 * 30000 + 0.4 * 8000},
    "safe_square_root": {"y": lambda: 0, "slope": lambda: 0, "bend": lambda: 0},
    "great_circle": {"result": haversine},
    "predator_prey": {
        "most": lambda: max(predators for _, predators in populations()),
        "average": lambda: average_prey(1.1),
    },
}  # fmt: skip
"""What each output is by another way: a library, a closed form, or a sum on paper."""

SLOPES: dict[str, tuple[str, str, Callable[[], Any]]] = {
    "product_of_sum": ("result", "z", lambda: 3),
    "chain_rule": ("result", "x", lambda: exp(mpmath.sin(0.25)) * mpmath.cos(0.25)),
    "neuron": ("result", "w", lambda: [-y * (1 - y) * x for y in [1 / (1 + exp(-1))] for x in (1, 2)]),
    "softmax_cross_entropy": ("loss", "scores", lambda: [SOFT[0] - 1, SOFT[1], SOFT[2]]),
    "lstm_cell": ("h", "w", lambda: mpmath.diff(lambda w: remembered(w)[0], 0.8)),
    "newton_sqrt": ("result", "a", lambda: 1 / (2 * sqrt(2))),
    "rosenbrock": ("result", "x", lambda: -2 * 2.2 + 400 * 1.2 * (1 - 1.44)),
    "pendulum": ("result", "angle", lambda: mpmath.diff(swung, 1.2)),
    "runge_kutta": ("result", "dt", lambda: 1 + 0.1 + 0.1**2 / 2 + 0.1**3 / 6),
    "kepler": ("E", "M", lambda: mpmath.diff(eccentric_anomaly, (1.2, 0.3), (1, 0))),
    "projectile": ("result", "angle", lambda: mpmath.diff(flight, pi / 4)),
    "compound_interest": ("result", "start", lambda: 1.04**20),
    "michaelis_menten": ("result", "Km", lambda: -10 * 2.5 / 25),
    "horner": ("result", "x", lambda: 6 * 9 - 12 * 3 + 2),
    "damped_oscillator": ("x", "t", lambda: mpmath.diff(oscillation, 1.5)),
    "tax": ("tax", "income", lambda: 0.4),
    "predator_prey": (
        "average", "birth", lambda: (average_prey(1.1 + 1e-6) - average_prey(1.1 - 1e-6)) / 2e-6
    ),
    "normal_likelihood": ("result", "mu", lambda: (4.9 + 5.3 + 5.1 + 4.7 + 5.5 - 25) / 0.16),
    "mlp_xor": ("loss", "W1", lambda: [(perturbed(0.80001) - perturbed(0.79999)) / 2e-5]),
}  # fmt: skip
"""Sample -> output, input, and the derivative by another way."""


def test_every_sample_has_a_second_opinion() -> None:
    assert set(VALUES) == {path.stem for path in SAMPLES}
    assert len(SAMPLES) >= 20


@pytest.mark.parametrize("name", VALUES)
def test_the_values_are_right(name: str) -> None:
    bound = cgcli.load(FOLDER / f"{name}.cg").bind()
    found = bound.named_values(bound.chosen())
    assert list(found) == list(VALUES[name])
    for output, reference in VALUES[name].items():
        assert found[output] == pytest.approx(float(reference()), rel=1e-11, abs=ROUNDING * 10), output


@pytest.mark.parametrize("name", SLOPES)
def test_the_derivatives_are_right(name: str) -> None:
    output, variable, reference = SLOPES[name]
    found = np.ravel(cgcli.load(FOLDER / f"{name}.cg").grad(of=output, wrt=[variable])[variable])
    expected = np.ravel(np.array(reference(), dtype=float))
    assert found[: len(expected)] == pytest.approx(expected, rel=1e-7)
