"""Methods of stochastic gradient descent: one step over one vector of parameters, in place.

With g the gradient of the mean loss of a batch, η the rate of the step and λ the weight decay:

    sgd       θ ← θ − η g                                                      (Robbins & Monro 1951)
    momentum  v ← μ v + g;  θ ← θ − η v, or with Nesterov's θ − η (g + μ v)    (Polyak 1964; Sutskever et al. 2013)
    adam      m ← β₁ m + (1 − β₁) g;  v ← β₂ v + (1 − β₂) g²;
              θ ← θ − η m̂/(√v̂ + ε) with m̂ = m/(1 − β₁ᵗ), v̂ = v/(1 − β₂ᵗ)         (Kingma & Ba 2015, algorithm 1)
    adamw     the same, and θ ← (1 − η λ) θ before                             (Loshchilov & Hutter 2019, algorithm 2)

For all but adamw, weight decay is that of L2 regularisation: g ← g + λ θ. It takes all parameters alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, sqrt
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

BLOCK = 16384
"""Elements that are taken at a time: what a step reads and writes of them stays in a core's cache."""

RATES = {"sgd": 1e-2, "momentum": 1e-2, "adam": 1e-3, "adamw": 1e-3}
"""The rate of each method where none is given."""


@dataclass(frozen=True)
class Settings:
    """What the methods are set to. decay: λ. momentum: μ. beta1, beta2, epsilon: of Adam."""

    decay: float = 0.0
    momentum: float = 0.9
    nesterov: bool = False
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8


class Optimiser:
    """A method that changes a vector of parameters. moments: its own vectors by name; taken: steps so far."""

    moment_names: tuple[str, ...] = ()

    def __init__(self, size: int, settings: Settings) -> None:
        self.settings = settings
        self.moments = {name: np.zeros(size) for name in self.moment_names}
        self.taken = 0

    def step(self, values: Any, gradient: Any, rate: float) -> None:
        """Change the parameters in place by one step. gradient: float64 of the same length, used up."""
        self.begun(values, gradient, rate)()

    def begun(self, values: Any, gradient: Any, rate: float) -> Callable[[], None]:
        """One step as work to be done: a function that changes block after block as long as there are any.

        Several threads may call it at once; the step is done when all of them are. No element hangs on another one, so
        the bits are the same.
        """
        self.taken += 1
        blocks = iter(range(0, len(values), BLOCK))

        def work() -> None:
            scratch = np.empty(min(len(values), BLOCK))
            with np.errstate(all="ignore"):  # of this thread; whether all is finite is asked elsewhere
                for first in blocks:
                    part = slice(first, first + BLOCK)
                    theta = values[part]
                    own = [moment[part] for moment in self.moments.values()]
                    self._step(theta, gradient[part], rate, scratch[: len(theta)], *own)

        return work

    def _step(self, theta: Any, gradient: Any, rate: float, scratch: Any, *moments: Any) -> None:
        raise NotImplementedError

    def _decayed(self, theta: Any, gradient: Any, scratch: Any) -> None:
        """Add the gradient of λ/2 |θ|²."""
        if self.settings.decay:
            np.multiply(theta, self.settings.decay, out=scratch)
            gradient += scratch


class GradientDescent(Optimiser):
    """Plain steps down the gradient."""

    def _step(self, theta: Any, gradient: Any, rate: float, scratch: Any, *moments: Any) -> None:
        self._decayed(theta, gradient, scratch)
        gradient *= rate
        theta -= gradient


class Momentum(Optimiser):
    """Steps with a velocity, Nesterov's if that is set."""

    moment_names = ("velocity",)

    def _step(self, theta: Any, gradient: Any, rate: float, scratch: Any, *moments: Any) -> None:
        (velocity,) = moments
        self._decayed(theta, gradient, scratch)
        velocity *= self.settings.momentum
        velocity += gradient
        if self.settings.nesterov:
            np.multiply(velocity, self.settings.momentum, out=scratch)
            scratch += gradient
            scratch *= rate
        else:
            np.multiply(velocity, rate, out=scratch)
        theta -= scratch


class Adam(Optimiser):
    """Steps in units of the gradient's root mean square.

    Its vectors are m/(1 − β₁) and v/(1 − β₂), which saves a pass over each: the factors go into those of the step.
    """

    moment_names = ("mean", "square")

    def _step(self, theta: Any, gradient: Any, rate: float, scratch: Any, *moments: Any) -> None:
        self._decayed(theta, gradient, scratch)
        mean, square = moments
        settings = self.settings
        mean *= settings.beta1
        mean += gradient
        square *= settings.beta2
        gradient *= gradient
        square += gradient
        of_mean = (1 - settings.beta1) / (1 - settings.beta1**self.taken)
        of_root = sqrt((1 - settings.beta2) / (1 - settings.beta2**self.taken))
        np.sqrt(square, out=scratch)
        scratch += settings.epsilon / of_root
        np.divide(mean, scratch, out=scratch)
        scratch *= rate * of_mean / of_root
        theta -= scratch


class AdamW(Adam):
    """Adam with a weight decay that does not go through its units."""

    def _decayed(self, theta: Any, gradient: Any, scratch: Any) -> None:
        """Nothing is added to the gradient."""

    def _step(self, theta: Any, gradient: Any, rate: float, scratch: Any, *moments: Any) -> None:
        if self.settings.decay:
            theta *= 1 - rate * self.settings.decay
        super()._step(theta, gradient, rate, scratch, *moments)


METHODS: dict[str, type[Optimiser]] = {
    "sgd": GradientDescent, "momentum": Momentum, "adam": Adam, "adamw": AdamW,
}  # fmt: skip
"""The methods that take minibatches, by name."""


def norm_of(gradient: Any) -> float:
    """The Euclidean length of a vector, also where its square overflows."""
    with np.errstate(over="ignore"):
        length = sqrt(float(gradient @ gradient))
    if length < inf:
        return length
    largest = float(np.abs(gradient).max())
    return largest * float(np.linalg.norm(gradient / largest)) if largest < inf else largest


def clip(gradient: Any, longest: float, length: float) -> None:
    """Shorten a gradient of a length to at most `longest`, in place (Pascanu, Mikolov & Bengio 2013, algorithm 1)."""
    if length > longest:
        gradient *= longest / length
