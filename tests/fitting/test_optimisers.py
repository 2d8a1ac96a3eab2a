"""Steps of the methods, against the formulas of their papers in plain Python."""

from __future__ import annotations

from math import cos, pi, sqrt

import numpy as np
import pytest

from cgcli.errors import UsageError
from cgcli.fitting.training import optimisers
from cgcli.fitting.training.optimisers import METHODS, Settings, clip, norm_of
from cgcli.fitting.training.quasi_newton import LimitedBfgs
from cgcli.fitting.training.schedules import Schedule

START = [0.5, -1.0, 2.0, 0.0, 3.0]
GRADIENTS = [[0.1, 0.2, -0.3, 1e-9, 4.0], [-0.2, 0.1, 0.5, 0.0, 2.0], [0.05, -0.4, 0.3, 1e-3, -1.0]]
RATE = 0.1


def plain(method: str, settings: Settings) -> list[float]:
    """The parameters after three steps, each element by itself, as the papers write them."""
    found = []
    for place, value in enumerate(START):
        theta, velocity, mean, square = value, 0.0, 0.0, 0.0
        for count, gradients in enumerate(GRADIENTS, start=1):
            slope = gradients[place]
            if method == "adamw":
                theta -= RATE * settings.decay * theta
            else:
                slope += settings.decay * theta
            if method == "sgd":
                theta -= RATE * slope
            elif method == "momentum":
                velocity = settings.momentum * velocity + slope
                theta -= RATE * (slope + settings.momentum * velocity if settings.nesterov else velocity)
            else:
                mean = settings.beta1 * mean + (1 - settings.beta1) * slope
                square = settings.beta2 * square + (1 - settings.beta2) * slope**2
                unbiased = mean / (1 - settings.beta1**count)
                theta -= RATE * unbiased / (sqrt(square / (1 - settings.beta2**count)) + settings.epsilon)
        found.append(theta)
    return found


CASES = [
    ("sgd", Settings()), ("sgd", Settings(decay=0.01)), ("momentum", Settings()), ("momentum", Settings(decay=0.1)),
    ("momentum", Settings(momentum=0.5, nesterov=True)), ("adam", Settings()), ("adam", Settings(decay=0.01)),
    ("adam", Settings(beta1=0.8, beta2=0.99, epsilon=1e-3)), ("adamw", Settings(decay=0.05)), ("adamw", Settings()),
]  # fmt: skip


@pytest.mark.parametrize(("method", "settings"), CASES, ids=[f"{m}-{n}" for n, (m, _) in enumerate(CASES)])
@pytest.mark.parametrize("block", [2, 16384])
def test_steps_are_those_of_the_papers(
    method: str, settings: Settings, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(optimisers, "BLOCK", block)
    values = np.array(START)
    optimiser = METHODS[method](len(values), settings)
    for gradient in GRADIENTS:
        optimiser.step(values, np.array(gradient), RATE)
    np.testing.assert_allclose(values, plain(method, settings), rtol=1e-13, atol=1e-15)
    assert optimiser.taken == 3


def test_the_first_step_of_adam_is_the_rate_in_the_direction_of_each_sign() -> None:
    values = np.zeros(3)
    METHODS["adam"](3, Settings()).step(values, np.array([3.0, -1e-3, 0.0]), 0.01)
    np.testing.assert_allclose(values, [-0.01, 0.01, 0.0], rtol=2e-5)


def test_a_gradient_is_clipped_by_its_length() -> None:
    gradient = np.array([3.0, 4.0])
    assert norm_of(gradient) == 5
    clip(gradient, 1.0, 5.0)
    np.testing.assert_allclose(gradient, [0.6, 0.8])
    clip(gradient, 2.0, norm_of(gradient))
    np.testing.assert_allclose(gradient, [0.6, 0.8])
    assert norm_of(np.array([3e200, 4e200])) == pytest.approx(5e200)
    assert not norm_of(np.array([np.inf, 1.0])) < np.inf
    assert not norm_of(np.array([np.nan, 1.0])) < np.inf


def test_schedules() -> None:
    rates = [Schedule("constant", 0.5, 4).at(epoch, 0, 10) for epoch in range(4)]
    assert rates == [0.5] * 4
    cosine = Schedule("cosine", 0.5, 4)
    assert cosine.at(0, 0, 10) == 0.5
    assert cosine.at(2, 0, 10) == pytest.approx(0.25)
    assert cosine.at(3, 5, 10) == pytest.approx(0.25 * (1 + cos(pi * 3.5 / 4)))
    step = Schedule("step", 1.0, 9, drop=0.5)
    assert [step.at(epoch, 9, 10) for epoch in range(9)] == [1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25]
    assert Schedule("step", 1.0, 9, drop_every=2).at(5, 0, 10) == pytest.approx(0.01)
    warm = Schedule("constant", 1.0, 4, warmup=1)
    assert [warm.at(0, step, 4) for step in range(4)] == pytest.approx([0.2, 0.4, 0.6, 0.8])
    assert warm.at(1, 0, 4) == 1
    with pytest.raises(UsageError, match="cosinus"):
        Schedule("cosinus").check()


def test_limited_memory_bfgs_finds_the_minimum_of_a_valley() -> None:
    """Rosenbrock's function, from its standard start."""

    def valley(point: np.ndarray) -> tuple[float, np.ndarray]:
        x, y = point
        return 100 * (y - x * x) ** 2 + (1 - x) ** 2, np.array(
            [-400 * x * (y - x * x) - 2 * (1 - x), 200 * (y - x * x)]
        )

    start = np.array([-1.2, 1.0])
    search = LimitedBfgs(start, *valley(start))
    steps = 0
    while np.abs(search.gradient).max() > 1e-9:
        assert search.step(valley)
        steps += 1
    assert steps < 60
    np.testing.assert_allclose(search.point, [1, 1], rtol=1e-9)
